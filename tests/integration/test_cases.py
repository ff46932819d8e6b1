# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every case through both frontends with equal results, and on the oldest server too.

An older ansible-core plays each case through the controller, and only some through the module too, which costs six times as much: what the cores
differ in are the arguments that they hand over, and test_frontends.py looks at those both ways on each.
"""

from __future__ import annotations

import pathlib

import pytest
from ansible.release import __version__ as core_version

from tests.support.cases import FRONTENDS, compared, lacks, names_of_cases, options_of, play_case
from tests.support.servers import stand_in

NEWEST, OLDEST, WITH_OBJECTS = "0.15.5", "0.13.4", "0.16.18"

#: The line of ansible-core that runs this, as (2, 21).
LINE = tuple(int(part) for part in core_version.split(".")[:2])
#: On older lines one case of so many is played through the module as well, on each line another one.
ONE_OF = 8


def _frontends(name: str) -> tuple[str, ...]:
    return FRONTENDS if LINE >= (2, 21) or (names_of_cases().index(name) + LINE[1]) % ONE_OF == 0 else FRONTENDS[:1]


def _arguments(name: str) -> list[str]:
    return options_of(name).get("stand_in_arguments", "").split()


@pytest.mark.parametrize("name", [name for name in names_of_cases() if not lacks(name, NEWEST)])
def test_case(name: str, tmp_path: pathlib.Path) -> None:
    """The case holds through the controller and through the module, and both return the same."""
    results = []
    for frontend in _frontends(name):
        with stand_in(NEWEST, *_arguments(name), log=tmp_path / f"server-{frontend}.log") as server:
            results.append(compared(play_case(name, frontend, server, tmp_path / frontend, unique="unit-case")))
    assert results[0] == results[-1]
    assert results[0], f"case {name} has no task of ours"


@pytest.mark.parametrize("name", [name for name in names_of_cases() if not lacks(name, OLDEST)])
def test_case_on_the_oldest_server(name: str, tmp_path: pathlib.Path) -> None:
    """The case holds there; that both frontends agree does not depend on the server."""
    with stand_in(OLDEST, *_arguments(name), log=tmp_path / "server.log") as server:
        assert compared(play_case(name, "controller", server, tmp_path, unique="unit-case"))


@pytest.mark.parametrize("name", [name for name in names_of_cases() if not lacks(name, WITH_OBJECTS)])
def test_case_on_the_generation_of_objects(name: str, tmp_path: pathlib.Path) -> None:
    """The case holds on servers whose management API is another one."""
    with stand_in(WITH_OBJECTS, *_arguments(name), log=tmp_path / "server.log") as server:
        assert compared(play_case(name, "controller", server, tmp_path, unique="unit-case"))

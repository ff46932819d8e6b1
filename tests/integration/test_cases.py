# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every case through both frontends with equal results, and on the oldest server and the newer generation too.

A module costs a second more each time that Ansible starts it, so tasks of a case that would prove nothing about its way (what the case needs to
begin, refusals after the first) keep to the controller by `vars: {stalwart_execution: controller}`; the first test sees that no module hides there.
An older ansible-core plays each case through the controller, and only some through the module too, which costs six times as much: what the cores
differ in are the arguments that they hand over, and test_frontends.py looks at those both ways on each.
"""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible.release import __version__ as core_version

from tests.support.cases import FRONTENDS, compared, lacks, modules_played_both_ways, names_of_cases, options_of, play_case
from tests.support.servers import stand_in
from tests.support.tasks import module_names

NEWEST, OLDEST, WITH_OBJECTS = "0.15.5", "0.13.4", "0.16.18"

#: The line of ansible-core that runs this, as (2, 21).
LINE = tuple(int(part) for part in core_version.split(".")[:2])
#: On older lines one case of so many is played through the module as well, on each line another one.
ONE_OF = 8


def _frontends(name: str) -> tuple[str, ...]:
    return FRONTENDS if LINE >= (2, 21) or (names_of_cases().index(name) + LINE[1]) % ONE_OF == 0 else FRONTENDS[:1]


def _arguments(name: str) -> list[str]:
    return options_of(name).get("stand_in_arguments", "").split()


def _is_played(name: str, frontend: str, version: str, folder: pathlib.Path) -> list[dict[str, t.Any]]:
    with stand_in(version, *_arguments(name), log=folder / f"server-{frontend}.log") as server:
        return compared(play_case(name, frontend, server, folder / frontend, unique="unit-case"))


def _is_played_alike(name: str, version: str, folder: pathlib.Path) -> None:
    results = [_is_played(name, frontend, version, folder) for frontend in _frontends(name)]
    assert results[0] == results[-1]
    assert results[0], f"case {name} has no task of ours"


#: Played both ways by other tests: test_dns.py::test_both_frontends, test_playbooks.py::test_export_without_secrets_holds_none.
ELSEWHERE = {"dns_check_info", "dns_record_sets", "export"}


def test_every_module_is_played_both_ways() -> None:
    """Each module has a task in some case that does not keep to the controller."""
    assert {module for name in names_of_cases() for module in modules_played_both_ways(name)} | ELSEWHERE == set(module_names())


@pytest.mark.parametrize("name", [name for name in names_of_cases() if not lacks(name, NEWEST)])
def test_case(name: str, tmp_path: pathlib.Path) -> None:
    """The case holds through the controller and through the module, and both return the same."""
    _is_played_alike(name, NEWEST, tmp_path)


@pytest.mark.parametrize("name", [name for name in names_of_cases() if not lacks(name, OLDEST)])
def test_case_on_the_oldest_server(name: str, tmp_path: pathlib.Path) -> None:
    """The case holds there; that both frontends agree does not depend on the server."""
    assert _is_played(name, "controller", OLDEST, tmp_path)


@pytest.mark.parametrize("name", [name for name in names_of_cases() if not lacks(name, WITH_OBJECTS)])
def test_case_on_the_generation_of_objects(name: str, tmp_path: pathlib.Path) -> None:
    """The case holds on servers whose management API is another one; both ways where no other generation has it."""
    if lacks(name, NEWEST):
        _is_played_alike(name, WITH_OBJECTS, tmp_path)
    else:
        assert _is_played(name, "controller", WITH_OBJECTS, tmp_path)

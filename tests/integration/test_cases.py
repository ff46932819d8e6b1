# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every case through both frontends, on each generation of server, with equal results."""

from __future__ import annotations

import pathlib

import pytest

from tests.support.cases import FRONTENDS, compared, lacks, names_of_cases, options_of, play_case
from tests.support.servers import stand_in

VERSIONS = ("0.15.5", "0.13.4")


@pytest.mark.parametrize(("name", "version"), [(name, version) for name in names_of_cases() for version in VERSIONS if not lacks(name, version)])
def test_case(name: str, version: str, tmp_path: pathlib.Path) -> None:
    """The case holds through the controller and through the module, and both return the same."""
    arguments = options_of(name).get("stand_in_arguments", "").split()
    results = []
    for frontend in FRONTENDS:
        with stand_in(version, *arguments, log=tmp_path / f"server-{frontend}.log") as server:
            results.append(compared(play_case(name, frontend, server, tmp_path / frontend, unique="unit-case")))
    assert results[0] == results[1]
    assert results[0], f"case {name} has no task of ours"

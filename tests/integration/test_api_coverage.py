# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each method and path of the REST API has its module and its test, on each server version; the table of it is current."""

from __future__ import annotations

import pytest

from tests import api_coverage


@pytest.fixture(scope="module")
def found() -> api_coverage.Coverage:
    """What all modules together ask servers for."""
    return api_coverage.coverage()


def test_each_path_has_a_module(found: api_coverage.Coverage) -> None:
    """No module asks for these, or not on every version that has them."""
    assert found.missing() == []


def test_each_request_is_listed(found: api_coverage.Coverage) -> None:
    """These paths are asked for, but tests/coverage_paths.yml does not list them for that version."""
    assert found.unknown == set()


def test_check_mode_only_reads(found: api_coverage.Coverage) -> None:
    """No module sends a request that acts, a GET that acts included, while it only predicts."""
    assert found.acting_in_check_mode == set()


def test_only_undocumented_paths_are_left_out(found: api_coverage.Coverage) -> None:
    """A path that the description names can't be left out, nor one that is asked for."""
    assert found.needlessly_left_out() == []


def test_each_module_has_a_case(found: api_coverage.Coverage) -> None:
    """Each module that asks for anything is used in at least one integration case."""
    asking = {module for by_minor in found.modules.values() for modules in by_minor.values() for module in modules}
    assert asking - set(api_coverage.cases_by_module()) == set()


def test_the_table_is_current(found: api_coverage.Coverage) -> None:
    """Else run `make coverage`. Which cases stand in it is not compared, so that a new case asks for nothing, but they must exist."""
    written, current = api_coverage.TABLE.read_text(encoding="utf-8"), api_coverage.table(found)
    assert _rows(written, without=3) == _rows(current, without=3)
    cases = {path.stem for path in api_coverage.CASES.glob("*.yml")}
    named = {case for row in _rows(written)[2:] if len(row) == 7 for case in row[3].split(", ")}
    assert named - cases == set()


def _rows(text: str, *, without: int | None = None) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [[cell for index, cell in enumerate(row) if index != without] if len(row) == 7 else row for row in rows]

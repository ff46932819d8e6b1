# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's page: what is not measured anew stays, and a goal that is missed says so."""

from __future__ import annotations

import pytest

from tests.bench import __main__ as bench
from tests.support.servers import RunningServer


def stand_in(version: str) -> RunningServer:
    return RunningServer("http://127.0.0.1:1", "admin", "secret-admin", version, is_stand_in=True)


def test_a_section_that_is_not_measured_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "password_rows", lambda: iter(["| one way | 1 s |"]))
    rows = [bench.row("Creations", "1 to 2 a second", 0.5, 0.8, least=True), bench.row("Largest process", "80 MB", 80, 300, unit=" MB")]
    measured = {bench.GENERATIONS[server.has_objects]: bench.section(server, rows) for server in (stand_in("0.15.5"), stand_in("0.16.18"))}
    page = bench.report(measured)
    assert bench.sections(page) == measured
    assert bench.report(bench.sections(page)) == page
    assert "stand-in for server 0.16.18" in bench.sections(page)["Servers since 0.16 (JMAP)"]
    assert bench.sections("# Benchmarks\n\nof an earlier form\n\n## Passwords\n\nslow\n") == {}


def test_a_missed_goal_is_told() -> None:
    text = bench.section(stand_in("0.15.5"), [bench.row("Creations", "1 to 2 a second", 0.5, 0.8, least=True), bench.row("Requests", "4 for 3 pages", 4, 4)])
    assert "| Creations | 1 to 2 a second | 0.50 | at least 0.8 | missed |" in text
    assert "| Requests | 4 for 3 pages | 4.00 | at most 4 | ✓ |" in text
    assert "Missed in this run: Creations." in text


def test_the_fleet_has_names_for_both_generations() -> None:
    items = bench.fleet()
    assert len(items) == len({item["name"] for item in items}) == bench.ACCOUNTS + bench.DOMAINS + bench.GROUPS
    assert all(item["emails"] == [item["name"]] for item in items if item.get("type") != "domain")
    assert sum(len(item.get("member_of", ())) for item in items) == bench.ACCOUNTS // 2
    assert [item["name"] for item, changed in zip(items, bench.fleet("other", 3), strict=True) if item != changed] == [bench.account(n) for n in range(3)]

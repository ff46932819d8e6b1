# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/trust.md can't promise more than there is."""

from __future__ import annotations

from . import page


def test_the_page_promises_what_the_tests_hold() -> None:
    """Each promise stands there with its tests, which exist, and with no more cases than they have. Else run `make trust-page`."""
    found = page.cases()
    stated = page.stated()
    assert [tests for tests, _number in stated] == [list(promise.tests) for promise in page.PROMISES]
    for tests, number in stated:
        assert all(found[test] for test in tests), tests
        assert number <= sum(found[test] for test in tests) < 2 * number + 10, tests


def test_every_test_is_on_the_page() -> None:
    """A new one comes with its promise."""
    named = {test for promise in page.PROMISES for test in promise.tests}
    assert {test for test in page.cases() if not test.startswith("test_page.py")} == named

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replay sees what differs, and only that: a replay that is always content proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.replay import differences


def test_recordings_of_all_generations_are_here() -> None:
    folders = {path.parent.name for path in Path(__file__).parent.glob("*-*/*.json")}
    assert folders >= {"rest-0.13.4", "rest-0.15.5", "jmap-0.16.18"}


@pytest.mark.parametrize(
    ("recorded", "found"),
    [
        ({"$any": "int|string"}, None),
        ({"$match": "a.*"}, "ba"),
        ({"$unordered": [1, 2]}, [1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ([1, 2], [2, 1]),
        (1, 1.5),
    ],
)
def test_differences_are_seen(recorded: object, found: object) -> None:
    assert list(differences(recorded, found))


@pytest.mark.parametrize(
    ("recorded", "found"),
    [({"$any": "int|string"}, "x"), ({"$match": "a.*"}, "a\nb"), ({"$unordered": [1, {"a": 2}]}, [{"a": 2}, 1]), ({"a": [1]}, {"a": [1]})],
)
def test_what_was_recorded_is_no_difference(recorded: object, found: object) -> None:
    assert not list(differences(recorded, found))

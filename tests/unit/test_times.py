# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times and periods as users write them."""

from __future__ import annotations

import datetime as dt

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._times import format_time, from_timestamp, now, parse_duration, parse_moment, parse_time

UTC = dt.timezone.utc


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T23:59:00Z", dt.datetime(2026, 1, 31, 23, 59, tzinfo=UTC)),
        ("2026-01-31t23:59:00z".upper(), dt.datetime(2026, 1, 31, 23, 59, tzinfo=UTC)),
        ("2026-01-31T23:59:00+02:00", dt.datetime(2026, 1, 31, 21, 59, tzinfo=UTC)),
        ("2026-01-31T23:59:00.750000Z", dt.datetime(2026, 1, 31, 23, 59, tzinfo=UTC)),
    ],
)
def test_points_in_time(text: str, expected: dt.datetime) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01T00:00:00Z", "2026-01-31T23:59:00", "2026-01-31"])
def test_what_is_no_point_in_time(text: str) -> None:
    with pytest.raises(ValueError, match="like 2026-01-31T23:59:00Z"):
        parse_time(text)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), (90, 90), ("90s", 90), ("15m", 900), ("2 h", 7200), ("30D", 2592000), ("4w", 2419200), ("0", 0)])
def test_periods(text: str | int, seconds: int) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1d", "1.5h", "1y", True, "9" * 30])
def test_what_is_no_period(text: str | bool) -> None:
    with pytest.raises(ValueError, match="like 30d"):
        parse_duration(text)


def test_a_moment_is_a_time_or_a_period_from_now_on() -> None:
    assert parse_moment("2026-01-31T23:59:00Z") == dt.datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
    assert dt.timedelta(hours=1, minutes=59) < parse_moment("2h") - now() <= dt.timedelta(hours=2)
    for text in ("9999999w", True, "tomorrow"):
        with pytest.raises(ValueError):
            parse_moment(text)


def test_times_are_shown_in_utc() -> None:
    assert format_time(dt.datetime(2026, 1, 31, 23, 59, tzinfo=dt.timezone(dt.timedelta(hours=2)))) == "2026-01-31T21:59:00Z"
    assert format_time(None) is None
    assert from_timestamp(0) is None
    assert format_time(from_timestamp(1761955200)) == "2025-11-01T00:00:00Z"

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Points in time and periods, as users write them, as servers write them and as we return them."""

from __future__ import annotations

import datetime as dt
import re
import typing as t

_DURATION = re.compile(r"(\d+)\s*([smhdw]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def now() -> dt.datetime:
    """The present second in UTC."""
    return dt.datetime.now(dt.timezone.utc).replace(microsecond=0)


def parse_time(text: str) -> dt.datetime:
    """RFC 3339 text as UTC. Raises ValueError when it is none or names no time zone."""
    candidate = str(text).strip()
    # datetime.fromisoformat takes a final Z only from Python 3.11 on
    candidate = f"{candidate[:-1]}+00:00" if candidate[-1:] in ("Z", "z") else candidate
    try:
        found = dt.datetime.fromisoformat(candidate)
    except ValueError:
        raise ValueError(f"{text!r} is no point in time; write it like 2026-01-31T23:59:00Z") from None
    if found.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone; add one, like 2026-01-31T23:59:00Z or 2026-01-31T23:59:00+01:00")
    return found.astimezone(dt.timezone.utc).replace(microsecond=0)


def from_timestamp(seconds: float | None) -> dt.datetime | None:
    """Seconds since 1970 as UTC; None for nothing, and for the 0 that servers write for nothing."""
    return dt.datetime.fromtimestamp(int(seconds), dt.timezone.utc) if seconds else None


def format_time(when: dt.datetime | None) -> str | None:
    """As `2026-01-31T23:59:00Z`, or None."""
    return None if when is None else when.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_duration(text: t.Any) -> dt.timedelta:
    """`90`, `90s`, `15m`, `2h`, `30d` or `4w`. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(str(text).strip())
    if isinstance(text, bool) or not match:
        raise ValueError(f"{text!r} is no period; use a number with s, m, h, d or w, like 30d")
    try:
        return dt.timedelta(seconds=int(match.group(1)) * _SECONDS[match.group(2).lower()])
    except OverflowError:
        raise ValueError(f"{text!r} is longer than can be counted; use a shorter period, like 30d") from None


_PERIOD_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)", re.IGNORECASE)
_MILLISECONDS = {"w": 604800000, "d": 86400000, "h": 3600000, "m": 60000, "s": 1000, "ms": 1}


def parse_milliseconds(text: t.Any) -> int:
    """`1h30m`, `90s`, `250ms`, `1.5h` or `4w` as milliseconds. Raises ValueError for anything else, a number without unit included."""
    written = str(text).strip()
    found = _PERIOD_PART.findall(written)
    if isinstance(text, bool) or not found or _PERIOD_PART.sub("", written).strip():
        if re.fullmatch(r"0+", written):
            return 0
        hint = (
            f"{written} has no unit; write {written}s for seconds or {written}ms" if written.isdigit() else f"{text!r} is no period; write it like 30s or 1h30m"
        )
        raise ValueError(hint)
    return round(sum(float(number) * _MILLISECONDS[unit.lower()] for number, unit in found))


def format_milliseconds(number: float) -> str:
    """As `1h30m`, in days and smaller; `0s` for nothing."""
    rest, parts = int(number), []
    for unit in ("d", "h", "m", "s", "ms"):
        many, rest = divmod(rest, _MILLISECONDS[unit])
        if many:
            parts.append(f"{many}{unit}")
    return "".join(parts) or "0s"


def parse_moment(text: t.Any) -> dt.datetime:
    """A point in time as RFC 3339 text, or a period from now on. Raises ValueError."""
    if _DURATION.fullmatch(str(text).strip()) and not isinstance(text, bool):
        try:
            return now() + parse_duration(text)
        except OverflowError:
            raise ValueError(f"{text!r} reaches beyond the last year that can be counted; use a shorter period, like 30d") from None
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no point in time; write it like 2026-01-31T23:59:00Z, or as a period from now on, like 2h")
    return parse_time(text)

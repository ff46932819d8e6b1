# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that bound something: times (`2026-01-31T23:59:00Z`, `2h`, `30d`), time limits, and how many."""

from __future__ import annotations

import datetime as dt
import math
import typing as t

from .._deps import AfterValidator, BeforeValidator
from .._times import parse_duration, parse_moment


def _not_negative(seconds: float) -> float:
    if not math.isfinite(seconds):
        raise ValueError(f"{seconds:g} is no time; use a number of seconds")
    if seconds < 0:
        raise ValueError(f"{seconds:g} is below 0; use a number of seconds")
    return seconds


def _number(count: int) -> int:
    if count < 0:
        raise ValueError(f"{count} is below 0; use a number above 0, or 0 for no limit")
    return count


#: A point in time, also as a period from now on.
Moment = t.Annotated[dt.datetime, BeforeValidator(parse_moment)]

#: A period.
Duration = t.Annotated[dt.timedelta, BeforeValidator(parse_duration)]

#: A time limit.
Seconds = t.Annotated[float, AfterValidator(_not_negative)]

#: How many at most; 0 is no limit.
Limit = t.Annotated[int, AfterValidator(_number)]

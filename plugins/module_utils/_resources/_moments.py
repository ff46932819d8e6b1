# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that name times: `2026-01-31T23:59:00Z`, `2h`, `30d`."""

from __future__ import annotations

import datetime as dt
import typing as t

from .._deps import AfterValidator, BeforeValidator
from .._times import parse_duration, parse_moment


def _not_negative(seconds: float) -> float:
    if seconds < 0:
        raise ValueError(f"{seconds:g} is below 0; use a number of seconds")
    return seconds


#: A point in time, also as a period from now on.
Moment = t.Annotated[dt.datetime, BeforeValidator(parse_moment)]

#: A period.
Duration = t.Annotated[dt.timedelta, BeforeValidator(parse_duration)]

#: A time limit.
Seconds = t.Annotated[float, AfterValidator(_not_negative)]

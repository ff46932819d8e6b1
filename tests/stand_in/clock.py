"""Times as the server writes and reads them."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timezone
from email.utils import format_datetime

_RFC3339 = re.compile(r"(\d{1,4})-(\d{1,2})-(\d{1,2})T(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d*)?(?:[Zz]|([+-])(\d{1,2})(?::(\d{1,2}))?)?")


def rfc3339(timestamp: float) -> str:
    """Seconds since 1970: UTC, whole seconds, ``Z``."""
    return datetime.fromtimestamp(int(timestamp), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc822(timestamp: float) -> str:
    """Seconds since 1970 as message headers have it, in UTC."""
    return format_datetime(datetime.fromtimestamp(int(timestamp), timezone.utc))


def local_rfc3339(text: str) -> str | None:
    """A time as the server repeats it: in the zone it was given in, without fractions of a second; None for what is no time."""
    match = _RFC3339.fullmatch(text.strip())
    if match is None:
        return None
    numbers = [int(match[index]) for index in range(1, 7)]
    zone = f"{match[7]}{int(match[8]):02}:{int(match[9] or 0):02}" if match[7] and (int(match[8]) or int(match[9] or 0)) else "Z"
    return "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*numbers) + zone


def parse_rfc3339(text: str) -> int | None:
    """Seconds since 1970, None for what is no time. A time without zone is UTC."""
    match = _RFC3339.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[index]) for index in range(1, 7))
    offset = (int(match[8]) * 3600 + int(match[9] or 0) * 60) * (1 if match[7] == "+" else -1) if match[7] else 0
    return calendar.timegm((year, month, day, hour, minute, second)) - offset if 1 <= month <= 12 else None

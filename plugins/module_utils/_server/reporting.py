# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both generations have in common where they tell of reports: the words for people, and the words of the RFCs in the server's spelling."""

from __future__ import annotations

import datetime as dt
import re
import typing as t

from .._errors import Refused
from .._times import parse_time
from .models.reports import Direction, ReportKind

_RFC_WORDS = {"soft_fail": "softfail", "temp_error": "temperror", "perm_error": "permerror", "mail_from": "mfrom", "unspecified": ""}


def report_name(kind: ReportKind, direction: Direction) -> str:
    """What errors call a report."""
    return f"{direction} {kind} report"


def none_are_sent() -> Refused:
    """The error of who asks for complaints that wait to be sent."""
    return Refused("servers send no complaints (arf) themselves; use direction: incoming, or kind: dmarc or tls.")


def rfc_word(value: t.Any) -> str:
    """The server's CamelCase as the word of the RFC; empty for nothing."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(value or "")).lower()
    return _RFC_WORDS.get(snake, snake)


def report_time(value: t.Any) -> dt.datetime | None:
    """RFC 3339 text as UTC. Others write what they like into their reports, so anything else is none."""
    try:
        return parse_time(str(value)) if value else None
    except ValueError:
        return None

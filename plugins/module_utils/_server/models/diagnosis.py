# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live diagnosis: how a delivery would go, what DMARC makes of a message, logs, metrics and traces."""

from __future__ import annotations

import datetime as dt
import typing as t

from .base import Model


class DeliveryEvent(Model):
    """One line of a delivery test. `step` is like "mx_lookup"; `outcome` is "start", "success", "error", "not_found" or "done".

    `elapsed` is in milliseconds, None where the server does not measure. `details` are the step's own findings.
    """

    step: str
    outcome: t.Literal["start", "success", "error", "not_found", "done"]
    elapsed: int | None = None
    reason: str = ""
    details: dict[str, t.Any] = {}


class CheckResult(Model):
    """The result of one check: pass, fail, softfail, temperror, permerror, neutral or none."""

    result: str
    details: str = ""


class DmarcCheck(Model):
    """What DMARC and all it rests on make of a message. `elapsed` is in milliseconds."""

    spf_ehlo_domain: str
    spf_ehlo: CheckResult
    spf_mail_from_domain: str
    spf_mail_from: CheckResult
    reverse_ip: CheckResult
    reverse_names: tuple[str, ...] = ()
    dkim: tuple[CheckResult, ...] = ()
    dkim_pass: bool = False
    arc: CheckResult
    dmarc: CheckResult
    dmarc_pass: bool = False
    dmarc_policy: str = ""
    elapsed: int = 0


class LogEntry(Model):
    """One line of the server's log."""

    timestamp: dt.datetime
    level: str
    event: str
    event_id: str
    details: str = ""


class Metric(Model):
    """One measured value. A histogram has `total` (how many) and `sum`, the others have `value`."""

    id: str
    type: str
    timestamp: dt.datetime | None = None
    value: int | None = None
    total: int | None = None
    sum: int | None = None


class TraceEvent(Model):
    """One event of a trace. `data` is what the server tells of it."""

    type: str
    text: str = ""
    explanation: str = ""
    timestamp: dt.datetime | None = None
    data: dict[str, t.Any] = {}

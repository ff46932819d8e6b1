# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports about mail: what other servers said of ours (incoming), and what ours will say of theirs (outgoing).

The words of results are those of the RFCs (7489, 8460, 5965), in lower case.
"""

from __future__ import annotations

import datetime as dt
import typing as t

from .base import Model

ReportKind = t.Literal["dmarc", "tls", "arf"]
Direction = t.Literal["incoming", "outgoing"]


class AuthResult(Model):
    """What SPF or DKIM made of a message. `scope` is "mfrom" or "helo" and of SPF only, `selector` of DKIM only."""

    domain: str = ""
    selector: str = ""
    scope: str = ""
    result: str = ""
    explanation: str = ""


class DmarcRecord(Model):
    """Messages from one source that met the same fate. `dkim` and `spf` are "pass" only where they are aligned too."""

    source_ip: str = ""
    messages: int = 0
    disposition: str = ""
    dkim: str = ""
    spf: str = ""
    reasons: tuple[str, ...] = ()
    header_from: str = ""
    envelope_from: str = ""
    envelope_to: str = ""
    dkim_results: tuple[AuthResult, ...] = ()
    spf_results: tuple[AuthResult, ...] = ()


class TlsFailure(Model):
    """Sessions that failed for one reason."""

    result: str = ""
    sending_ip: str = ""
    receiving_host: str = ""
    receiving_helo: str = ""
    receiving_ip: str = ""
    sessions: int = 0
    information: str = ""
    reason_code: str = ""


class TlsPolicy(Model):
    """How sessions to one domain went under one policy (type "sts", "tlsa" or "no-policy-found")."""

    type: str = ""
    domain: str = ""
    mx_hosts: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    successful_sessions: int = 0
    failed_sessions: int = 0
    failures: tuple[TlsFailure, ...] = ()


class Feedback(Model):
    """A complaint about one message (ARF)."""

    type: str = ""
    source_ip: str = ""
    source_port: int = 0
    incidents: int = 1
    reporting_host: str = ""
    user_agent: str = ""
    original_sender: str = ""
    original_recipient: str = ""
    original_envelope_id: str = ""
    domains: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    authentication_results: tuple[str, ...] = ()
    auth_failure: str = ""
    delivery_result: str = ""
    identity_alignment: str = ""
    dkim_domain: str = ""
    dkim_selector: str = ""
    headers: str = ""


class Report(Model):
    """One report. What kind it is tells which of `records`, `policies` and `feedback` is filled.

    `begin` and `end` bound the time it covers; of a complaint both are when the message arrived.
    `sender`, `recipients` and `subject` are of the mail that brought it; an outgoing report has only recipients.
    """

    id: str
    kind: ReportKind
    direction: Direction
    sender: str = ""
    recipients: tuple[str, ...] = ()
    subject: str = ""
    organization: str = ""
    contact: str = ""
    report_id: str = ""
    domains: tuple[str, ...] = ()
    begin: dt.datetime | None = None
    end: dt.datetime | None = None
    policy: dict[str, str] = {}
    errors: tuple[str, ...] = ()
    records: tuple[DmarcRecord, ...] = ()
    policies: tuple[TlsPolicy, ...] = ()
    feedback: Feedback | None = None

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the stores of a server hold beside settings and principals."""

from __future__ import annotations

import datetime as dt
import typing as t

from .base import Model

#: What `purge_lookups` can be told to delete. Servers ignore a name they don't know and purge something else, so this list is all there is.
LookupKind = t.Literal[
    "acme",
    "oauth",
    "rate-rcpt",
    "rate-scan",
    "rate-loiter",
    "rate-auth",
    "rate-smtp",
    "rate-contact",
    "rate-http-authenticated",
    "rate-http-anonymous",
    "rate-imap",
    "reputation-ip",
    "reputation-from",
    "reputation-domain",
    "reputation-asn",
    "greylist",
    "bayes-account",
    "bayes-global",
    "trusted-reply",
    "lock-purge-account",
    "lock-queue-message",
    "lock-queue-report",
    "lock-email-task",
    "lock-housekeeper",
]
LOOKUP_KINDS: tuple[LookupKind, ...] = t.get_args(LookupKind)

SearchIndex = t.Literal["email", "calendar", "contacts", "file", "tracing"]
SEARCH_INDEXES: tuple[SearchIndex, ...] = t.get_args(SearchIndex)


class DeletedItem(Model):
    """Something deleted that can still be restored; texts are empty where the server does not tell.

    `kind` is email, file, calendar_event, contact or sieve_script.
    """

    id: str
    kind: str
    size: int = 0
    deleted_at: dt.datetime | None = None
    expires_at: dt.datetime | None = None
    sender: str = ""
    title: str = ""


class Restored(Model):
    """What became of one item to be restored."""

    id: str
    state: t.Literal["restored", "not_found", "failed"]
    reason: str = ""

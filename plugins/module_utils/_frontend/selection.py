# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options by which modules that read something and those that act on it say which of it they mean; documented in the fragment of the same name."""

from __future__ import annotations

from .spec import ArgumentSpec

QUEUED_MESSAGES = ArgumentSpec(
    options={
        "ids": {"type": "list", "elements": "str"},
        "text": {"type": "str"},
        "sender": {"type": "str"},
        "recipient": {"type": "str"},
        "queue": {"type": "str"},
        "due_before": {"type": "str"},
        "due_after": {"type": "str"},
    }
)

REPORTS = ArgumentSpec(
    options={
        "kind": {"type": "str", "choices": ["dmarc", "tls", "arf"], "default": "dmarc"},
        "direction": {"type": "str", "choices": ["incoming", "outgoing"], "default": "incoming"},
        "ids": {"type": "list", "elements": "str"},
        "text": {"type": "str"},
        "domain": {"type": "str"},
        "older_than": {"type": "str"},
    }
)

DELETED_ITEMS = ArgumentSpec(
    options={
        "account": {"type": "str", "required": True},
        "ids": {"type": "list", "elements": "str"},
        "kind": {"type": "str", "choices": ["email", "file", "calendar_event", "contact", "sieve_script"]},
        "newer_than": {"type": "str"},
    }
)

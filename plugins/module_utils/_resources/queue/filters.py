# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options by which messages in the queue are selected, and how messages are shown."""

from __future__ import annotations

import typing as t

from ..._deps import BeforeValidator
from ..._server.models.queue import QueuedMessage, QueueFilter
from ..._times import format_time
from .._bounds import Moment
from .._options import Options


def _address_part(value: t.Any) -> str:
    """Part of an address, spelt as servers do: the domain in lower case."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("it is empty, which would mean every message; give a part of an address, or leave it out")
    local, at, domain = value.strip().rpartition("@")
    return f"{local}{at}{domain.lower()}" if at else value.strip()


AddressPart = t.Annotated[str, BeforeValidator(_address_part)]


class FilterOptions(Options):
    """Which messages are meant."""

    text: AddressPart | None = None
    sender: AddressPart | None = None
    recipient: AddressPart | None = None
    queue: str | None = None
    due_before: Moment | None = None
    due_after: Moment | None = None

    def filter(self) -> QueueFilter:
        """The conditions; empty when none is given."""
        return QueueFilter(
            text=self.text or "",
            sender=self.sender or "",
            recipient=self.recipient or "",
            queue=self.queue or "",
            due_before=self.due_before,
            due_after=self.due_after,
        )


def shown(message: QueuedMessage) -> dict[str, t.Any]:
    """A message as it is returned."""
    return {
        "id": message.id,
        "sender": message.sender,
        "created": format_time(message.created),
        "size": message.size,
        "priority": message.priority,
        "envelope_id": message.envelope_id,
        "blob_id": message.blob_id,
        "next_retry": format_time(message.next_delivery()),
        "recipients": [
            {
                "address": recipient.address,
                "queue": recipient.queue,
                "status": recipient.status,
                "reason": recipient.reason,
                "attempts": recipient.attempts,
                "next_retry": format_time(recipient.next_retry),
                "next_notify": format_time(recipient.next_notify),
                "expires": format_time(recipient.expires),
            }
            for recipient in message.recipients
        ],
    }

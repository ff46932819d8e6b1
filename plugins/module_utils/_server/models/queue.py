# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail on its way out, and what selects some of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .base import Model

RecipientStatus = t.Literal["scheduled", "temporary_failure", "permanent_failure", "completed"]

#: What still waits for delivery.
PENDING: tuple[RecipientStatus, ...] = ("scheduled", "temporary_failure")


class QueuedRecipient(Model):
    """One recipient of a message that waits. `reason` is what the last attempt met; `attempts` counts those made."""

    address: str
    queue: str
    status: RecipientStatus
    reason: str = ""
    attempts: int = 0
    next_retry: dt.datetime | None = None
    next_notify: dt.datetime | None = None
    expires: dt.datetime | None = None
    original_recipient: str = ""

    @property
    def pending(self) -> bool:
        """Whether it still waits for delivery."""
        return self.status in PENDING


class QueuedMessage(Model):
    """One message in the queue. `sender` is the envelope sender, empty for a bounce; `blob_id` names its content."""

    id: str
    sender: str
    recipients: tuple[QueuedRecipient, ...]
    created: dt.datetime | None = None
    size: int = 0
    priority: int = 0
    envelope_id: str = ""
    blob_id: str = ""

    def pending(self) -> tuple[QueuedRecipient, ...]:
        """The recipients that still wait."""
        return tuple(recipient for recipient in self.recipients if recipient.pending)

    def next_delivery(self, queue: str = "") -> dt.datetime | None:
        """When the next attempt is due, in one queue or in any."""
        due = [recipient.next_retry for recipient in self.pending() if recipient.next_retry and queue in ("", recipient.queue)]
        return min(due, default=None)


@dataclasses.dataclass(frozen=True)
class QueueFilter:
    """Which messages: all conditions must hold. Texts are parts of addresses, as the server spells those."""

    text: str = ""
    sender: str = ""
    recipient: str = ""
    queue: str = ""
    due_before: dt.datetime | None = None
    due_after: dt.datetime | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in dataclasses.fields(self))

    def matches(self, message: QueuedMessage) -> bool:
        """Whether a message is meant. Servers only narrow a search; this decides."""
        addresses = [recipient.address for recipient in message.recipients]
        if self.text and not any(self.text in address for address in (message.sender, *addresses)):
            return False
        if self.sender and self.sender not in message.sender:
            return False
        if self.recipient and not any(self.recipient in address for address in addresses):
            return False
        if self.queue and not any(recipient.queue == self.queue for recipient in message.recipients):
            return False
        if self.due_before or self.due_after:
            due = message.next_delivery(self.queue)
            if due is None or (self.due_before and not due < self.due_before) or (self.due_after and not due > self.due_after):
                return False
        return True

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail on its way out over JMAP: objects that can be read, rescheduled and destroyed, and two actions for the whole."""

from __future__ import annotations

import datetime as dt
import re
import typing as t

from ..._errors import NotFound, StalwartError
from ..._times import format_time, now, parse_time
from ..models.queue import QueuedMessage, QueuedRecipient, QueueFilter, RecipientStatus
from ._call import Find, JmapCaller, Object, Write

_TYPE = "QueuedMessage"
_ID = re.compile(r"[a-z0-9]{1,13}")

#: Longer queue names can't exist, and the server refuses to look for one.
_LONGEST_QUEUE_NAME = 8

#: So many messages are read at once.
_PAGE = 500
_STATUS: dict[str, RecipientStatus] = {
    "Scheduled": "scheduled",
    "TemporaryFailure": "temporary_failure",
    "PermanentFailure": "permanent_failure",
    "Completed": "completed",
}


class JmapQueue:
    """The port `Queue` over JMAP."""

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller

    def running(self) -> bool | None:
        """No answer of servers since 0.16 tells it. No request."""
        return None

    def pause(self) -> None:
        """One request. It holds until a resumption or a restart."""
        self._caller.create("Action", {"@type": "PauseMtaQueue"}, resource="queue")

    def resume(self) -> None:
        """One request."""
        self._caller.create("Action", {"@type": "ResumeMtaQueue"}, resource="queue")

    def wake(self, message: QueuedMessage) -> None:
        """One request: resuming a queue that runs makes the server look at it."""
        self.resume()

    def get(self, message_id: str) -> QueuedMessage | None:
        """One request. An id that can't be one is none of this server's."""
        if not _ID.fullmatch(message_id):
            return None
        found = self._caller.get(_TYPE, [message_id], resource=_named(message_id))
        return _message(found[message_id]) if message_id in found else None

    def find(self, wanted: QueueFilter) -> t.Iterator[QueuedMessage]:
        """One request for the ids, in the order in which they are due, and one for each 500 messages.

        The ids come first: a page that begins after a message could not be asked for once that message has left.
        """
        ids = self._ids(wanted)
        for start in range(0, len(ids), _PAGE):
            part = ids[start : start + _PAGE]
            found = self._caller.get(_TYPE, part, resource="queue")
            for message in (_message(found[each]) for each in part if each in found):
                if wanted.matches(message):
                    yield message

    def count(self, wanted: QueueFilter) -> int:
        """One request where the server counts what is meant, else as `find`."""
        if wanted.due_before or wanted.due_after or (wanted.text and (wanted.sender or wanted.recipient)) or _is_too_long(wanted.queue):
            return sum(1 for _message in self.find(wanted))
        return self._caller.count(self._find(wanted))

    def retry(self, message_id: str, at: dt.datetime | None, recipients: t.Collection[str] = ()) -> None:
        """One request, or two with recipients, which are named in full."""
        due = format_time(at or now())
        patch: dict[str, t.Any] = {"nextRetry": due}
        if recipients:
            patch = {f"recipients/{_escaped(address)}/retryDue": due for address in self._addresses(message_id, recipients)}
        self._update(message_id, patch)

    def cancel(self, message_id: str, recipients: t.Collection[str] = ()) -> None:
        """One request, or two with recipients, which are named in full."""
        if recipients:
            self._update(message_id, {f"recipients/{_escaped(address)}": None for address in self._addresses(message_id, recipients)})
            return
        try:
            self._caller.destroy(_TYPE, message_id, resource=_named(message_id))
        except NotFound:
            return

    def selects_exactly(self, wanted: QueueFilter) -> bool:
        """Each message is named."""
        return True

    def retry_all(self, wanted: QueueFilter, at: dt.datetime | None) -> None:
        """As `find`, and one request for each 500 messages."""
        due = format_time(at or now())
        self._set([Write(_TYPE, "update", message.id, {"nextRetry": due}, _named(message.id)) for message in self.find(wanted)])

    def cancel_all(self, wanted: QueueFilter) -> None:
        """As `find`, and one request for each 500 messages."""
        self._set([Write(_TYPE, "destroy", message.id, None, _named(message.id)) for message in self.find(wanted)])

    def keeps_edits(self, recipient: QueuedRecipient) -> bool:
        """In all queues, since 0.16.9."""
        return True

    def longest_life(self) -> dt.timedelta:
        """One request. By the longest of the schedules."""
        return max((_life(each) for each in self._caller.find("MtaDeliverySchedule", resource="delivery schedules")), default=_LIFE_WITHOUT_EXPIRY)

    def _ids(self, wanted: QueueFilter) -> list[str]:
        return [] if _is_too_long(wanted.queue) else self._caller.ids(self._find(wanted))

    @staticmethod
    def _find(wanted: QueueFilter) -> Find:
        """What the server can narrow by. It passes over sender and recipient beside a text."""
        texts = {"text": wanted.text} if wanted.text else {"returnPath": wanted.sender, "to": wanted.recipient}
        # the moments are compared with full seconds
        before = format_time(wanted.due_before + dt.timedelta(seconds=1)) if wanted.due_before else None
        after = format_time(wanted.due_after - dt.timedelta(seconds=1)) if wanted.due_after else None
        conditions = {**texts, "queueName": wanted.queue, "dueIsLessThan": before, "dueIsGreaterThan": after}
        return Find(_TYPE, {key: value for key, value in conditions.items() if value}, resource="queue", sort="due")

    def _addresses(self, message_id: str, parts: t.Collection[str]) -> list[str]:
        message = self.get(message_id)
        return [each.address for each in message.pending() if any(part in each.address for part in parts)] if message else []

    def _update(self, message_id: str, patch: t.Mapping[str, t.Any]) -> None:
        if not patch:
            return
        try:
            self._caller.update(_TYPE, message_id, patch, resource=_named(message_id))
        except NotFound:
            return

    def _set(self, writes: t.Sequence[Write]) -> None:
        for result in self._caller.set(writes):
            if isinstance(result, StalwartError) and not isinstance(result, NotFound):
                raise result


#: What a server goes by where a schedule does not say.
_LIFE_WITHOUT_EXPIRY = dt.timedelta(days=3)


def _life(schedule: Object) -> dt.timedelta:
    """Until a message is given up, by time or by attempts."""
    expiry = schedule.get("expiry") or {}
    if "expire" in expiry:
        return dt.timedelta(milliseconds=expiry["expire"])
    if "maxAttempts" not in expiry:
        return _LIFE_WITHOUT_EXPIRY
    intervals = (schedule.get("retry") or {}).get("intervals") or {}
    pauses = [dt.timedelta(milliseconds=each["duration"]) for _index, each in sorted(intervals.items(), key=lambda item: int(item[0]))]
    pauses = pauses or [dt.timedelta(hours=1)]
    return sum((pauses[min(attempt, len(pauses) - 1)] for attempt in range(int(expiry["maxAttempts"]))), dt.timedelta())


def _named(message_id: str) -> str:
    return f"queued message {message_id}"


def _is_too_long(queue: str) -> bool:
    return len(queue.encode()) > _LONGEST_QUEUE_NAME


def _escaped(key: str) -> str:
    """As an element of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _message(item: Object) -> QueuedMessage:
    return QueuedMessage(
        id=str(item["id"]),
        sender=item.get("returnPath") or "",
        recipients=tuple(_recipient(address, found) for address, found in (item.get("recipients") or {}).items()),
        created=_time(item.get("createdAt")),
        size=item.get("size") or 0,
        priority=item.get("priority") or 0,
        envelope_id=item.get("envId") or "",
        blob_id=item.get("blobId") or "",
    )


def _recipient(address: str, item: Object) -> QueuedRecipient:
    status = item["status"]
    return QueuedRecipient(
        address=address,
        queue=item.get("queueName") or "",
        status=_STATUS[status["@type"]],
        reason=_reason(status),
        attempts=item.get("retryCount") or 0,
        next_retry=_time(item.get("retryDue")),
        next_notify=_time(item.get("notifyDue")),
        expires=_time((item.get("expires") or {}).get("expiresAt")),
        original_recipient=item.get("orcpt") or "",
    )


def _reason(status: Object) -> str:
    """What the host answered, or what went wrong on the way there."""
    answer = " ".join(str(status[key]) for key in ("responseCode", "responseEnhanced", "responseMessage") if status.get(key))
    problem = ": ".join(str(status[key]) for key in ("errorMessage", "errorCommand") if status.get(key))
    told = problem or answer if not (problem and answer) else f"{problem}: {answer}"
    return f"{status['responseHostname']}: {told}" if status.get("responseHostname") and told else told


def _time(text: str | None) -> dt.datetime | None:
    return parse_time(text) if text else None

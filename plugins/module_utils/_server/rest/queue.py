# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outbound queue over REST, with what its answers hide."""

from __future__ import annotations

import datetime as dt
import typing as t

from ..._errors import NotFound
from ..._times import format_time, now, parse_duration, parse_time
from ..models.queue import QueuedMessage, QueuedRecipient, QueueFilter, RecipientStatus
from ._call import RestCaller
from .settings import RestSettings

#: The only queue in which servers up to 0.15 keep a new time or the cancellation of one recipient; elsewhere they answer true and drop it.
_EDITABLE_QUEUE = "default"

#: Longer queue names can't exist, and asking for one is asking for all queues.
_LONGEST_QUEUE_NAME = 8

#: What a server goes by without schedules in its settings, and for a schedule that does not say.
_BUILT_IN_LIFE = dt.timedelta(days=5)
_LIFE_WITHOUT_EXPIRY = dt.timedelta(days=3)

_PAGE = 100
_STATUS: dict[str, RecipientStatus] = {
    "scheduled": "scheduled",
    "temp_fail": "temporary_failure",
    "perm_fail": "permanent_failure",
    "completed": "completed",
}


class RestQueue:
    """The port `Queue` over REST."""

    def __init__(self, caller: RestCaller, settings: RestSettings) -> None:
        self._caller = caller
        self._settings = settings

    def running(self) -> bool:
        """One request."""
        return bool(self._caller.call("GET", "queue", "status", resource="queue"))

    def pause(self) -> None:
        """One request. It holds for this process of the server and ends with a restart."""
        self._caller.call("PATCH", "queue", "status", "stop", resource="queue", safe=True)

    def resume(self) -> None:
        """One request. Servers up to 0.15 then say that they run, and sleep on until something wakes them."""
        self._caller.call("PATCH", "queue", "status", "start", resource="queue", safe=True)

    def wake(self, message: QueuedMessage) -> None:
        """One request: rescheduling any message makes the server look at its queue. This one is given the time it has already."""
        for recipient in sorted(message.pending(), key=lambda recipient: recipient.queue == _EDITABLE_QUEUE):
            self.retry(message.id, recipient.next_retry, [recipient.address])
            return

    def get(self, message_id: str) -> QueuedMessage | None:
        """One request. An id that is no number is none of this server's."""
        if not (message_id.isascii() and message_id.isdigit()):
            return None
        try:
            return _message(self._caller.call("GET", "queue", "messages", message_id, resource=_named(message_id)))
        except NotFound:
            return None

    def find(self, wanted: QueueFilter) -> t.Iterator[QueuedMessage]:
        """One request a page, read on from the last id, so that messages which leave meanwhile make no gap."""
        if len(wanted.queue.encode()) > _LONGEST_QUEUE_NAME:
            return
        start = 0
        while True:
            query = {**_query(wanted), "values": "1", "page": "1", "limit": str(_PAGE), "range-start": str(start), "max-total": str(_PAGE)}
            found = self._caller.call("GET", "queue", "messages", resource="queue", query=query)
            messages = [_message(item) for item in found["items"]]
            for message in messages:
                if int(message.id) >= start and wanted.matches(message):
                    yield message
            if len(messages) < _PAGE or int(messages[-1].id) < start:
                return
            start = int(messages[-1].id) + 1

    def count(self, wanted: QueueFilter) -> int:
        """One request where the server counts what is meant, else as `find`."""
        if not self.selects_exactly(wanted):
            return sum(1 for _message in self.find(wanted))
        query = {**_query(wanted), "page": "1", "limit": "1"}
        return int(self._caller.call("GET", "queue", "messages", resource="queue", query=query)["total"])

    def retry(self, message_id: str, at: dt.datetime | None, recipients: t.Collection[str] = ()) -> None:
        """One request, or one a recipient. The server takes each as a part of addresses."""
        moment = _future(at)
        for address in recipients or ("",):
            query = {**({"at": moment} if moment else {}), **({"filter": address} if address else {})}
            try:
                self._caller.call("PATCH", "queue", "messages", message_id, resource=_named(message_id), query=query or None, safe=True)
            except NotFound:
                return

    def cancel(self, message_id: str, recipients: t.Collection[str] = ()) -> None:
        """One request, or one a recipient."""
        for address in recipients or ("",):
            try:
                query = {"filter": address} if address else None
                self._caller.call("DELETE", "queue", "messages", message_id, resource=_named(message_id), query=query, safe=True)
            except NotFound:
                return

    def selects_exactly(self, wanted: QueueFilter) -> bool:
        """The server ignores sender and recipient beside a text, times that are past, and names of queues that are too long."""
        if (wanted.text and (wanted.sender or wanted.recipient)) or len(wanted.queue.encode()) > _LONGEST_QUEUE_NAME:
            return False
        # a time that is past when the request arrives is ignored too
        soon = now() + dt.timedelta(minutes=1)
        return all(moment is None or moment > soon for moment in (wanted.due_before, wanted.due_after))

    def retry_all(self, wanted: QueueFilter, at: dt.datetime | None) -> None:
        """One request; the server works on in the background."""
        moment = _future(at)
        self._caller.call("PATCH", "queue", "messages", resource="queue", query={**_query(wanted), **({"at": moment} if moment else {})}, safe=True)

    def cancel_all(self, wanted: QueueFilter) -> None:
        """One request; the server works on in the background, and pauses its queue meanwhile, which it must then be woken from."""
        self._caller.call("DELETE", "queue", "messages", resource="queue", query=_query(wanted), safe=True)

    def keeps_edits(self, recipient: QueuedRecipient) -> bool:
        """Only in one queue."""
        return recipient.queue == _EDITABLE_QUEUE

    def longest_life(self) -> dt.timedelta:
        """One request. By the longest of the schedules, or by the one that is built in where the settings have none."""
        schedules: dict[str, dict[str, str]] = {}
        for key, value in sorted(self._settings.read(prefixes=["queue.schedule"]).items()):
            name, _dot, field = key.removeprefix("queue.schedule.").partition(".")
            schedules.setdefault(name, {})[field] = value
        return max((_life(schedule) for schedule in schedules.values()), default=_BUILT_IN_LIFE)


def _life(schedule: t.Mapping[str, str]) -> dt.timedelta:
    """Until a message is given up, by time or by attempts (parse_queue_strategy in crates/common/src/config/smtp/queue.rs)."""
    attempts = schedule.get("max-attempts", "")
    if "expire" in schedule or not attempts.isdecimal():
        return _duration(schedule.get("expire", "")) or _LIFE_WITHOUT_EXPIRY
    pauses = [_duration(value) for field, value in schedule.items() if field.partition(".")[0] == "retry"]
    pauses = [pause for pause in pauses if pause] or [dt.timedelta(hours=1)]
    return sum((pauses[min(attempt, len(pauses) - 1)] for attempt in range(int(attempts))), dt.timedelta())


def _duration(text: str) -> dt.timedelta:
    """A period as settings have it; nothing for what is none."""
    milliseconds = text.strip().lower().endswith("ms")
    try:
        return dt.timedelta() if milliseconds else parse_duration(text)
    except ValueError:
        return dt.timedelta()


def _named(message_id: str) -> str:
    return f"queued message {message_id}"


def _future(at: dt.datetime | None) -> str | None:
    # A past time is taken as now anyway.
    return format_time(at) if at is not None and at > now() else None


def _query(wanted: QueueFilter) -> dict[str, str]:
    """What the server can narrow by. It ignores past times, so what was due before one is sought among what is due before long."""
    texts = {"text": wanted.text, "from": wanted.sender, "to": wanted.recipient, "queue": wanted.queue}
    soon = now() + dt.timedelta(minutes=5)
    times = {"before": format_time(max(wanted.due_before, soon)) if wanted.due_before else None, "after": _future(wanted.due_after)}
    return {key: value for key, value in {**texts, **times}.items() if value}


def _message(item: dict[str, t.Any]) -> QueuedMessage:
    return QueuedMessage(
        id=str(item["id"]),
        sender=item.get("return_path", ""),
        recipients=tuple(_recipient(found) for found in item.get("recipients", ())),
        created=_time(item.get("created")),
        size=item.get("size", 0),
        priority=item.get("priority", 0),
        envelope_id=item.get("env_id") or "",
        blob_id=item.get("blob_hash", ""),
    )


def _recipient(item: dict[str, t.Any]) -> QueuedRecipient:
    status, reason = item["status"], ""
    if isinstance(status, dict):
        status, reason = next(iter(status.items()))
    return QueuedRecipient(
        address=item["address"],
        queue=item.get("queue", ""),
        status=_STATUS[status],
        reason=str(reason or ""),
        attempts=item.get("retry_num", 0),
        next_retry=_time(item.get("next_retry")),
        next_notify=_time(item.get("next_notify")),
        expires=_time(item.get("expires")),
        original_recipient=item.get("orcpt") or "",
    )


def _time(text: str | None) -> dt.datetime | None:
    return parse_time(text) if text else None

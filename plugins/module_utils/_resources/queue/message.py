# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retrying and cancelling messages in the queue. No answer is believed: what changed is what a second reading shows."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
import typing as t

from ..._errors import InvalidOption, NotApplied, PartlyDone, Refused
from ..._reconcile.plan import Change, Mode, Outcome, after, apply
from ..._server.models.queue import QueuedMessage, QueuedRecipient, QueueFilter
from ..._server.port import Queue, Server
from ..._times import format_time, now
from .._bounds import Moment, Seconds
from .._options import Address, one_or_more, read
from .filters import FilterOptions
from .state import named, wake_after_background_work

#: Above so many messages the whole queue is read again, page by page, instead of one message after the other.
_MANY = 100

#: How long a change is waited for that servers of this generation are known to drop.
_GRACE = 1.0
_PAUSE = 0.25

#: So many messages are returned by name.
_MOST_SHOWN = 500


class _MessageOptions(FilterOptions):
    action: t.Literal["retry", "cancel"]
    ids: tuple[str, ...] = ()
    all: bool = False
    only_recipients: tuple[Address, ...] = ()
    at: Moment | None = None
    wait: bool = True
    wait_timeout: Seconds = 60.0


@dataclasses.dataclass(frozen=True)
class _Target:
    """What is to be done with one message: as little as is needed, since there can be very many."""

    id: str
    sender: str
    recipients: tuple[tuple[str, str, int, dt.datetime | None], ...]  # address, status, attempts and next attempt
    queues: frozenset[str]
    kept: bool
    partial: bool


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Retry or cancel. Results: `messages` (those that really changed), `matched`, `verified`.

    Raises NotApplied where the server said yes and changed nothing, PartlyDone where it changed only some.
    """
    lists = {key: one_or_more(options[key]) for key in ("ids", "only_recipients") if key in options}
    wanted = read(_MessageOptions, {**options, **lists})
    _check(wanted)
    conditions = wanted.filter()
    targets, matched = _targets(server.queue, wanted, conditions)
    changes = [_change(server.queue, target, wanted) for target in targets]
    if mode.check:
        _predict(server, wanted, targets)
        return _outcome(targets, changes, matched, verified=False)
    in_bulk = len(targets) > 1 and not wanted.ids and not wanted.only_recipients and server.queue.selects_exactly(conditions)
    if in_bulk and wanted.action == "retry":
        server.queue.retry_all(conditions, wanted.at)
    elif in_bulk:
        server.queue.cancel_all(conditions)
    else:
        apply(changes, mode)
    if in_bulk and not wanted.wait:
        _predict(server, wanted, targets)
        return _outcome(targets, changes, matched, verified=False)
    with after(changes):
        left = _await(server.queue, wanted, targets)
        if in_bulk and wanted.action == "cancel":
            wake_after_background_work(server.queue)
    done = [index for index, target in enumerate(targets) if target.id not in left]
    if left:
        problem = _not_applied(server, wanted, [target for target in targets if target.id in left], len(targets))
        if done:
            undone = [change.operation() for change, target in zip(changes, targets, strict=True) if target.id in left]
            raise PartlyDone(problem, [changes[index].operation() for index in done], undone)
        raise NotApplied(problem)
    return _outcome([targets[index] for index in done], [changes[index] for index in done], matched, verified=True)


def _check(wanted: _MessageOptions) -> None:
    if wanted.all and (wanted.ids or wanted.filter()):
        raise InvalidOption("all", "it is set together with ids or a filter; remove one of them.")
    if wanted.ids and wanted.filter():
        raise InvalidOption("ids", "they can't be used together with a filter; remove one of the two.")
    if not (wanted.ids or wanted.all or wanted.filter()):
        raise InvalidOption(
            "ids", "nothing tells which messages are meant; give ids, a filter (text, sender, recipient, queue, due_before, due_after), or all: true."
        )
    if wanted.at is not None and wanted.action != "retry":
        raise InvalidOption("at", "it is of use with action: retry only; remove it.")
    if wanted.at is not None and wanted.at <= now():
        raise InvalidOption("at", f"{format_time(wanted.at)} is past, and servers take that for now; leave it out to retry at once.")


def _targets(queue: Queue, wanted: _MessageOptions, conditions: QueueFilter) -> tuple[list[_Target], int]:
    """What is to be done, and how many messages are meant, those included that need nothing."""
    if wanted.ids:
        found: t.Iterable[QueuedMessage | None] = (queue.get(each) for each in dict.fromkeys(wanted.ids))
    else:
        found = queue.find(conditions)
    targets, matched = list[_Target](), 0
    for message in found:
        if message is None:
            continue
        matched += 1
        recipients = _meant(message, wanted)
        if recipients:
            partial = bool(wanted.only_recipients)
            kept = (wanted.action == "cancel" and not partial) or all(queue.keeps_edits(recipient) for recipient in recipients)
            told = tuple(_told(recipient) for recipient in recipients)
            targets.append(_Target(message.id, message.sender, told, frozenset(recipient.queue for recipient in recipients), kept, partial))
    return targets, matched


def _told(recipient: QueuedRecipient) -> tuple[str, str, int, dt.datetime | None]:
    return recipient.address, recipient.status, recipient.attempts, recipient.next_retry


def _meant(message: QueuedMessage, wanted: _MessageOptions) -> list[QueuedRecipient]:
    """The recipients of a message for which something is to be done."""
    if wanted.action == "cancel" and not wanted.only_recipients:
        return list(message.recipients)
    pending = list(message.pending())
    if wanted.only_recipients:
        meant = [recipient for recipient in pending if recipient.address.lower() in wanted.only_recipients]
        others = [recipient for recipient in pending if recipient not in meant and any(each.address in recipient.address for each in meant)]
        if others:
            raise Refused(
                f"queued message {message.id}: the server selects recipients by a part of their address, so {others[0].address} would be meant too; "
                "name it in only_recipients as well, or leave the message alone."
            )
        pending = meant
    if wanted.action == "cancel":
        return pending
    moment = now()
    # what is due already is on its way, or waits for the queue and not for its time
    return [
        recipient
        for recipient in pending
        if (recipient.next_retry != wanted.at if wanted.at else not (recipient.next_retry and recipient.next_retry <= moment))
    ]


def _change(queue: Queue, target: _Target, wanted: _MessageOptions) -> Change:
    addresses = [address for address, *_rest in target.recipients]
    named_addresses = addresses if target.partial else []
    if wanted.action == "cancel":
        before: dict[str, t.Any] = {"sender": target.sender, "recipients": addresses}
        after: dict[str, t.Any] | None = {"recipients": []} if target.partial else None
        return Change(
            "queued_message",
            target.id,
            "cancel",
            {"recipients": addresses} if target.partial else before,
            after,
            lambda: queue.cancel(target.id, named_addresses),
        )
    times = [when for *_rest, when in target.recipients if when]
    return Change(
        "queued_message",
        target.id,
        "retry",
        {"next_retry": format_time(min(times, default=None))},
        {"next_retry": format_time(wanted.at) or "now"},
        lambda: queue.retry(target.id, wanted.at, named_addresses),
    )


def _predict(server: Server, wanted: _MessageOptions, targets: t.Sequence[_Target]) -> None:
    """Fail as a second reading would."""
    dropped = [target for target in targets if not target.kept]
    if dropped:
        raise NotApplied(_not_applied(server, wanted, dropped, len(targets)))


def _await(queue: Queue, wanted: _MessageOptions, targets: t.Sequence[_Target]) -> set[str]:
    """The ids of those messages that still are as they were when the time is over."""
    left = {target.id: target for target in targets}
    seconds = wanted.wait_timeout if wanted.wait else 0.0
    begin = time.monotonic()
    while left:
        for message_id, message in _read_again(queue, left):
            if _is_done(message, left[message_id], wanted):
                del left[message_id]
        limit = seconds if any(target.kept for target in left.values()) else min(_GRACE, seconds)
        rest = begin + limit - time.monotonic()
        if not left or rest <= 0:
            break
        time.sleep(min(_PAUSE, rest))
    return set(left)


def _read_again(queue: Queue, wanted: t.Mapping[str, _Target]) -> list[tuple[str, QueuedMessage | None]]:
    if len(wanted) <= _MANY:
        return [(message_id, queue.get(message_id)) for message_id in wanted]
    found = {message.id: message for message in queue.find(QueueFilter()) if message.id in wanted}
    return [(message_id, found.get(message_id)) for message_id in wanted]


def _is_done(message: QueuedMessage | None, target: _Target, wanted: _MessageOptions) -> bool:
    if message is None:  # cancelled, or delivered meanwhile
        return True
    if wanted.action == "cancel" and not target.partial:
        return False
    present = {recipient.address: recipient for recipient in message.recipients}
    for told in target.recipients:
        recipient = present.get(told[0])
        if recipient is None or not recipient.pending:
            continue
        if wanted.action == "cancel" or _told(recipient) == told:
            return False
    return True


def _not_applied(server: Server, wanted: _MessageOptions, left: t.Sequence[_Target], total: int) -> str:
    queues = sorted({queue for target in left for queue in target.queues})
    which = f"queued message {left[0].id}" if len(left) == 1 == total else f"{len(left)} of {total} queued messages (the first is {left[0].id})"
    if any(not target.kept for target in left):
        what = "the time of the next attempt" if wanted.action == "retry" else "the cancellation of single recipients"
        return (
            f"{which}: {named(server)} answers yes and does not apply it: {what} is kept in the queue 'default' only, not in {', '.join(map(repr, queues))}; "
            "cancel whole messages, or let the server retry in its own time."
        )
    return f"{which}: {named(server)} answered yes, and within {wanted.wait_timeout:g} seconds nothing changed; raise wait_timeout if the queue is long."


def _outcome(targets: t.Sequence[_Target], changes: t.Sequence[Change], matched: int, *, verified: bool) -> Outcome:
    messages = [
        {"id": target.id, "sender": target.sender, "recipients": [address for address, *_rest in target.recipients]} for target in targets[:_MOST_SHOWN]
    ]
    return Outcome({"messages": messages, "matched": matched, "verified": verified}, changes)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the queue runs: told, made so, and confirmed; and what is in it."""

from __future__ import annotations

import collections
import datetime as dt
import itertools
import os
import time
import typing as t

from ..._deps import model_validator
from ..._errors import InvalidOption, NotApplied, Refused
from ..._reconcile.plan import Change, Mode, Outcome, apply
from ..._server.models.queue import QueuedMessage, QueueFilter
from ..._server.models.server import version_text
from ..._server.port import Queue, Server
from ..._times import now
from .._bounds import Limit, Seconds
from .._options import Options, one_or_more, read
from .._waiting import wait_until
from .filters import FilterOptions, shown

#: How many of the messages that are due are watched.
_WATCHED = 20

#: How many messages a warning names.
_MOST_NAMED = 5

#: Mail that a running queue does not touch for so long is taken to be asleep with it.
_ASLEEP_AFTER = 3.0

_PAUSED = "the queue is paused: mail to local mailboxes waits too, new mail is still accepted, and the pause ends when the server restarts."

QueueState = t.Literal["running", "paused"]
_NAMES: dict[bool | None, str] = {True: "running", False: "paused", None: "unknown"}


class _QueueOptions(Options):
    state: QueueState
    wait: bool = True
    wait_timeout: Seconds = 60.0
    hold: Seconds | None = None
    delay: Seconds = 0.0
    delay_while: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> _QueueOptions:
        if self.hold is not None and self.state != "paused":
            raise InvalidOption("hold", "it tells how long a pause is meant to be; set state: paused, or remove it.")
        if self.delay_while and not self.delay:
            raise InvalidOption("delay_while", "it goes with a delay; give one, or remove it.")
        return self


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Let the queue run or pause. Result: `queue` with `state` and `local_delivery`.

    Where the server does not tell which it does, it is told to, and that counts as changed unless mail that is due moves.
    """
    wanted = read(_QueueOptions, options)
    if wanted.delay and not mode.check and not _after_delay(wanted):
        return Outcome({"queue": _shown(running=server.queue.running())})
    running = server.queue.running()
    if wanted.state == "paused":
        _tell_of_expiry(server.queue, wanted, mode)
        changes = [_change("pause", _NAMES[running], "paused", server.queue.pause, lambda: _require_paused(server, wanted))] if running is not False else []
        apply(changes, mode)
        if changes:
            mode.warn(_PAUSED)
        return Outcome({"queue": _shown(running=False)}, changes)
    watched = _due(server.queue)
    if running is None and watched and _moves(server.queue, watched, min(_ASLEEP_AFTER, wanted.wait_timeout)):
        changes = []  # mail that moves tells what the server does not
    elif not running:
        changes = [_change("resume", _NAMES[running], "running", server.queue.resume, lambda: _require_awake(server, wanted, watched))]
        apply(changes, mode)
    else:
        changes = _wake_sleeper(server, wanted, watched, mode)
    return Outcome({"queue": _shown(running=True)}, changes)


def _after_delay(wanted: _QueueOptions) -> bool:
    """Whether the delay went by; False as soon as the file that it goes with is gone."""
    if not wanted.delay_while:
        time.sleep(wanted.delay)
        return True
    path = os.path.expanduser(wanted.delay_while)
    return not wait_until(lambda: not os.path.exists(path), wanted.delay)


def _tell_of_expiry(queue: Queue, wanted: _QueueOptions, mode: Mode) -> None:
    """A paused queue gives up what expires as soon as it runs again, without another attempt."""
    if not wanted.hold:
        return
    end = now() + dt.timedelta(seconds=wanted.hold)
    expiring = [message for message in queue.find(QueueFilter()) if any(each.expires and each.expires <= end for each in message.pending())]
    if expiring:
        named = ", ".join(f"{message.id} from {message.sender or '<>'}" for message in expiring[:_MOST_NAMED])
        rest = f" and {len(expiring) - _MOST_NAMED} more" if len(expiring) > _MOST_NAMED else ""
        mode.warn(f"{len(expiring)} of the messages that wait expire within the {wanted.hold:g} seconds of the hold, and may bounce after it: {named}{rest}.")


def _change(action: str, before: str, after: str, run: t.Callable[[], object], verify: t.Callable[[], object] = lambda: None) -> Change:
    return Change("queue", "queue", action, {"state": before}, {"state": after}, run, verify=verify)


def _shown(*, running: bool | None) -> dict[str, t.Any]:
    if running is None:
        return {"state": None, "local_delivery": None}
    return {"state": _NAMES[running], "local_delivery": "runs" if running else "waits"}


def _require_paused(server: Server, wanted: _QueueOptions) -> None:
    if wanted.wait and not wait_until(lambda: not server.queue.running(), wanted.wait_timeout):
        raise NotApplied(f"the server took the request to pause, but its queue still runs after {wanted.wait_timeout:g} seconds.")


def _require_awake(server: Server, wanted: _QueueOptions, watched: t.Sequence[QueuedMessage]) -> None:
    if not wait_until(lambda: server.queue.running() is not False, max(wanted.wait_timeout, 1.0)):
        raise NotApplied(f"the server took the request to resume, but its queue is still paused after {wanted.wait_timeout:g} seconds.")
    if server.queue.running() is not None:
        _wake(server.queue, watched)
    if wanted.wait and not _moves(server.queue, watched, wanted.wait_timeout):
        raise NotApplied(_asleep(server, watched, wanted))


def _wake_sleeper(server: Server, wanted: _QueueOptions, watched: t.Sequence[QueuedMessage], mode: Mode) -> list[Change]:
    """A queue that says it runs, but leaves alone what is due, is woken."""
    if _moves(server.queue, watched, min(_ASLEEP_AFTER, wanted.wait_timeout)):
        return []

    def wake() -> None:
        _wake(server.queue, watched)
        if wanted.wait and not _moves(server.queue, watched, wanted.wait_timeout):
            raise NotApplied(_asleep(server, watched, wanted))

    changes = [_change("wake", "asleep", "running", wake)]
    try:
        apply(changes, mode)
    except NotApplied as reason:
        # nothing is different; it ran before, so slow remote hosts are the likelier cause
        mode.warn(str(reason))
        return []
    return changes


def _asleep(server: Server, watched: t.Sequence[QueuedMessage], wanted: _QueueOptions) -> str:
    return (
        f"{named(server)} says that its queue runs, but within {wanted.wait_timeout:g} seconds it tried none of the {len(watched)} due messages looked at; "
        "raise wait_timeout where remote hosts are slow to answer, else restart the server."
    )


def named(server: Server) -> str:
    """The server with its version, where the login may know it."""
    try:
        return f"this server ({version_text(server.version())})"
    except Refused:
        return "this server"


def _due(queue: Queue) -> list[QueuedMessage]:
    # times are whole seconds, and what falls due in the present one is due
    return list(itertools.islice(queue.find(QueueFilter(due_before=now() + dt.timedelta(seconds=1))), _WATCHED))


def _wake(queue: Queue, watched: t.Sequence[QueuedMessage]) -> None:
    message = next(iter(watched), None) or next((found for found in queue.find(QueueFilter()) if found.pending()), None)
    if message is not None:
        queue.wake(message)


def wake_after_background_work(queue: Queue) -> None:
    """Servers pause their queue while they cancel many messages, and may sleep on afterwards."""
    if queue.running():
        _wake(queue, ())


def _moves(queue: Queue, watched: t.Sequence[QueuedMessage], seconds: float) -> bool:
    """Whether at least one of the messages leaves or is tried. True when none is watched."""
    before = {message.id: progress(message) for message in watched}
    return not watched or wait_until(lambda: any(progress(queue.get(each)) != before[each] for each in before), seconds)


def progress(message: QueuedMessage | None) -> t.Any:
    """What changes when a message is tried, told another time or given up."""
    return None if message is None else tuple((each.address, each.status, each.attempts, each.next_retry) for each in message.recipients)


class _InfoOptions(FilterOptions):
    ids: tuple[str, ...] = ()
    limit: Limit = 100


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Messages by id or filter. Results: `queue`, `messages`, `total`, `summary`. `limit` bounds the messages, 0 does not."""
    wanted = read(_InfoOptions, {**options, **({"ids": one_or_more(options["ids"])} if "ids" in options else {})})
    conditions = wanted.filter()
    if wanted.ids:
        found = [message for each in dict.fromkeys(wanted.ids) if (message := server.queue.get(each)) is not None and conditions.matches(message)]
        messages, total = found, len(found)
    else:
        # one more than wanted tells whether there are more, and only then they are counted
        messages = list(itertools.islice(server.queue.find(conditions), wanted.limit + 1 if wanted.limit else None))
        total = len(messages)
        if wanted.limit and total > wanted.limit:
            messages, total = messages[: wanted.limit], server.queue.count(conditions)
    return Outcome(
        {
            "queue": _shown(running=server.queue.running()),
            "messages": [shown(message) for message in messages],
            "total": total,
            "summary": _summary(messages),
        }
    )


def _summary(messages: t.Sequence[QueuedMessage]) -> dict[str, t.Any]:
    recipients = [recipient for message in messages for recipient in message.recipients]
    return {
        "messages": len(messages),
        "recipients": len(recipients),
        "by_status": dict(sorted(collections.Counter(recipient.status for recipient in recipients).items())),
        "by_queue": dict(sorted(collections.Counter(recipient.queue for recipient in recipients).items())),
        "by_domain": dict(collections.Counter(recipient.address.rpartition("@")[2].lower() for recipient in recipients).most_common(20)),
    }

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Training, updating and trying the spam filter."""

from __future__ import annotations

import email.parser
import ipaddress
import typing as t

from .. import _files
from .._deps import AfterValidator
from .._errors import InvalidOption, NotApplied
from .._reconcile.plan import Change, Mode, Outcome, apply
from .._server.models.spam import Sample
from .._server.port import Server
from ._bounds import Seconds
from ._options import Name, Options, one_or_more, read
from ._waiting import wait_until
from .stores import used_quota
from .webadmin import fetching

#: Servers drop larger requests.
_LARGEST_MESSAGE = 1024 * 1024

Action = t.Literal["learn", "start_training", "stop_training", "retrain", "forget", "update_rules"]
_TAKEN: dict[str, tuple[Action, ...]] = {
    "learn_as": ("learn",),
    "content": ("learn",),
    "src": ("learn",),
    "account": ("learn",),
    "force": ("update_rules",),
    "overwrite": ("update_rules",),
}


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise ValueError(f"{text!r} is no IP address; give one like 192.0.2.1 or 2001:db8::1") from None


IpAddress = t.Annotated[str, AfterValidator(_ip)]


def message_of(text: str | None, src: str | None, *, required: bool = True) -> bytes:
    """The message that was given, as text or by file. Raises InvalidOption for what no server takes."""
    if text is None and src is None:
        if required:
            raise InvalidOption("content", "it is missing; give the whole message in content, or the path of its file in src.")
        return b""
    option = "content" if src is None else "src"
    content = (text or "").encode() if src is None else _files.read_file(src, "src")
    if len(content) > _LARGEST_MESSAGE:
        raise InvalidOption(option, f"the message has {len(content)} bytes, and servers take {_LARGEST_MESSAGE} at most; use a smaller one.")
    if not email.parser.BytesHeaderParser().parsebytes(content).keys():
        raise InvalidOption(option, "it does not begin with a header, as a message does; give the whole message with its header.")
    return content


class _SpamOptions(Options):
    action: Action
    learn_as: t.Literal["spam", "ham"] | None = None
    content: str | None = None
    src: str | None = None
    account: Name | None = None
    force: bool = False
    overwrite: bool = False
    wait: bool = False
    wait_timeout: Seconds = 300.0


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Train or update the filter. Result: `spam_filter` with what is known after it."""
    wanted = read(_SpamOptions, options)
    for option, actions in _TAKEN.items():
        if getattr(wanted, option) and wanted.action not in actions:
            raise InvalidOption(option, f"it is of use with action: {actions[0]} only; remove it.")
    return _RUNS[wanted.action](server, wanted, mode)


def _learn(server: Server, wanted: _SpamOptions, mode: Mode) -> Outcome:
    if wanted.learn_as is None:
        raise InvalidOption("learn_as", "it is missing; say whether the message is spam or ham.")
    content = message_of(wanted.content, wanted.src)
    if wanted.account:
        used_quota(server, wanted.account)
    is_spam, account = wanted.learn_as == "spam", wanted.account or ""
    at_once = server.spam_filter.learns_at_once()

    def run() -> None:
        server.spam_filter.learn(content, spam=is_spam, account=account)

    changes = [Change("spam_filter", account or "global", f"learn_{wanted.learn_as}", {}, {}, run)]
    apply(changes, mode)
    return Outcome({"spam_filter": {"learned": at_once, "size": len(content)}}, changes)


def _start(server: Server, wanted: _SpamOptions, mode: Mode) -> Outcome:
    from_scratch = wanted.action == "retrain"
    if server.spam_filter.training():
        if from_scratch:
            raise NotApplied("a training run is under way, so none can begin from scratch; wait for it, or stop it by action: stop_training.")
        changes = []
    else:

        def run() -> None:
            if not server.spam_filter.start_training(from_scratch=from_scratch):
                raise NotApplied("the server did not start a training run, since another one began in the meantime; run the task again.")

        changes = [Change("spam_filter", "training", wanted.action, {"training": False}, {"training": True}, run)]
    apply(changes, mode)
    if wanted.wait and not mode.check and not wait_until(lambda: not server.spam_filter.training(), wanted.wait_timeout):
        raise NotApplied(f"the training run is not finished after {wanted.wait_timeout:g} seconds; raise wait_timeout, or leave wait out.")
    return Outcome({"spam_filter": {"training": not wanted.wait}}, changes)


def _stop(server: Server, wanted: _SpamOptions, mode: Mode) -> Outcome:
    changes = []
    if server.spam_filter.training():
        changes = [Change("spam_filter", "training", "stop_training", {"training": True}, {"training": False}, server.spam_filter.stop_training)]
    apply(changes, mode)
    if changes and not mode.check and not wait_until(lambda: not server.spam_filter.training(), wanted.wait_timeout):
        raise NotApplied(f"the training run still goes on {wanted.wait_timeout:g} seconds after it was told to stop.")
    return Outcome({"spam_filter": {"training": False}}, changes)


def _forget(server: Server, wanted: _SpamOptions, mode: Mode) -> Outcome:
    server.spam_filter.training()  # tells servers that can't forget, in check mode too
    changes = [Change("spam_filter", "model", "forget", {}, {}, server.spam_filter.forget)]
    apply(changes, mode)
    return Outcome({"spam_filter": {"learned": False}}, changes)


def _update_rules(server: Server, wanted: _SpamOptions, mode: Mode) -> Outcome:
    before = server.spam_filter.rules_version()
    if mode.check:
        # only fetching them tells whether there are newer ones
        change = Change("spam_filter", "rules", "update", {"version": before}, {"version": "<latest>"}, lambda: None)
        return Outcome({"spam_filter": {"rules_version": before}}, [change])
    after = fetching(lambda: server.spam_filter.update_rules(force=wanted.force, overwrite=wanted.overwrite))
    changes = [Change("spam_filter", "rules", "update", {"version": before}, {"version": after}, lambda: None)] if after else []
    return Outcome({"spam_filter": {"rules_version": after or before}}, changes)


_RUNS: dict[Action, t.Callable[[Server, _SpamOptions, Mode], Outcome]] = {
    "learn": _learn,
    "start_training": _start,
    "retrain": _start,
    "stop_training": _stop,
    "forget": _forget,
    "update_rules": _update_rules,
}


class _ClassifyOptions(Options):
    content: str | None = None
    src: str | None = None
    remote_ip: IpAddress
    ehlo_domain: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    tls: bool = False
    authenticated_as: str = ""


def classify(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """What the filter would make of a message. Result: `classification`."""
    wanted = read(_ClassifyOptions, {**options, **({"recipients": one_or_more(options["recipients"])} if "recipients" in options else {})})
    content = message_of(wanted.content, wanted.src)
    sample = Sample(
        # the server wants text; what is no UTF-8 can't be classified by anything but its legible part
        message=content.decode(errors="replace"),
        remote_ip=wanted.remote_ip,
        ehlo_domain=wanted.ehlo_domain,
        sender=wanted.sender,
        recipients=wanted.recipients,
        tls=wanted.tls,
        authenticated_as=wanted.authenticated_as,
    )
    found = server.spam_filter.classify(sample)
    return Outcome({"classification": found.model_dump(mode="json")})

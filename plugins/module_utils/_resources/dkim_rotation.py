# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation of DKIM keys: which step is due for each key, and the steps.

All that is known about a rotation stands on the server, in the signatures and what is noted of them, so that any run can go on where another
one ended. A key signs only after its record was seen everywhere, and its record stays until no mail can be under way that it signed.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import time
import typing as t

from .._deps import AfterValidator, BeforeValidator, model_validator
from .._errors import InvalidOption, NotApplied, PartlyDone, Refused, StalwartError
from .._reconcile.plan import Change, Mode, Outcome, after, apply
from .._secrets import GENERATED
from .._server.models.dns import ALGORITHMS, PENDING_SUFFIX, Algorithm, Signature
from .._server.models.queue import QueueFilter
from .._server.port import Server
from .._times import format_time, now
from ._bounds import Duration, Seconds
from ._dns_options import DnsNames, Ttl
from ._options import Options, one_or_more, read, without_repeats
from .dkim import RESOURCE, free_selector, record_of
from .dns_records import DEFAULT_TTL
from .domains import Domains
from .reload import sentence

Step = t.Literal["prepare", "publish", "wait", "switch", "finish", "keep", "retire", "none"]

#: For resolvers that were told that a name is not there, where no server says how long they keep that in mind.
_NEGATIVE_TTL = 3600
#: Selectors that begin with a year and a month tell how old a key is at most.
_MONTH = re.compile(r"(20\d\d)(0[1-9]|1[0-2])")


class _RotationOptions(Options):
    domain: Domains
    algorithm: t.Annotated[tuple[Algorithm, ...], BeforeValidator(one_or_more), AfterValidator(without_repeats)] = ()
    max_age: Duration = dt.timedelta(days=90)
    retire_after: Duration = dt.timedelta(days=7)
    now: bool = False
    emergency: bool = False
    ttl: Ttl = DEFAULT_TTL


class _StepOptions(_RotationOptions):
    step: t.Literal["prepare", "switch", "retire"]
    take_over: bool = False
    records: tuple[dict[str, t.Any], ...] = ()
    negative_ttl: Ttl | None = None
    wait_timeout: Seconds = 0.0
    names: DnsNames = ()

    @model_validator(mode="after")
    def _consistent(self) -> _StepOptions:
        for option, step in (("records", "switch"), ("negative_ttl", "switch"), ("wait_timeout", "switch"), ("names", "retire"), ("take_over", "prepare")):
            if self.given(option) and getattr(self, option) and self.step != step:
                raise InvalidOption(option, f"it belongs to the step {step}; remove it, or correct step.")
        return self


@dataclasses.dataclass(frozen=True)
class Rotation:
    """The keys of one domain and algorithm, and what is due. `due` is when the next step may be, where that is known and to come."""

    active: Signature
    pending: Signature | None
    retiring: Signature | None
    step: Step
    reason: str
    due: dt.datetime | None = None

    @property
    def key(self) -> tuple[str, Algorithm]:
        """Domain and algorithm."""
        return self.active.domain, self.active.algorithm

    def shown(self) -> dict[str, t.Any]:
        """As a task returns it."""
        return {
            "domain": self.active.domain,
            "algorithm": self.active.algorithm,
            "step": self.step,
            "reason": self.reason,
            "due": format_time(self.due),
            "selector": self.active.selector,
            "next_selector": self.pending.selector if self.pending else None,
            "old_selector": self.retiring.selector if self.retiring else None,
        }


# -- what is due ------------------------------------------------------------------------------------------------------


class _Survey:
    """The rotations as they stand. Reads the signatures once, and the queue only where a record may go."""

    def __init__(self, server: Server, wanted: _RotationOptions) -> None:
        self._server, self._wanted = server, wanted
        self._moment = now()
        self._waiting: set[str] | None = None

    def rotations(self) -> list[Rotation]:
        """In the order of the domains. Raises Refused where it can't be told which key signs."""
        found = self._server.signatures.find(self._wanted.domain)
        unknown = sorted({signature.domain for signature in found if signature.signs is None})
        if unknown:
            raise Refused(
                f"domain: which key signs mail of {', '.join(unknown)} is decided by a rule of your own (the setting auth.dkim.sign), so a rotation can't "
                "know it; remove that setting, or rotate these keys with the module dkim."
            )
        return [self._rotation(found, domain, algorithm) for domain in self._wanted.domain for algorithm in self._algorithms(found, domain)]

    def _algorithms(self, found: t.Sequence[Signature], domain: str) -> list[Algorithm]:
        there = [algorithm for algorithm in ALGORITHMS if any(_is(each, domain, algorithm, "active") for each in found)]
        missing = [algorithm for algorithm in self._wanted.algorithm or ALGORITHMS[: not there] if algorithm not in there]
        if missing:
            what = f"no key for {' and '.join(missing)}" if self._wanted.algorithm else "no DKIM key"
            raise Refused(f"domain: {domain!r} has {what} to be rotated; make one first (module dkim) and publish its record, or leave it out.")
        return [algorithm for algorithm in there if algorithm in (self._wanted.algorithm or ALGORITHMS)]

    def _rotation(self, found: t.Sequence[Signature], domain: str, algorithm: Algorithm) -> Rotation:
        active = next(each for each in found if _is(each, domain, algorithm, "active"))
        pending = next((each for each in found if _is(each, domain, algorithm, "pending")), None)
        retiring = next((each for each in found if _is(each, domain, algorithm, "retiring", "retired")), None)
        return Rotation(active, pending, retiring, *self._step(active, pending, retiring))

    def _step(self, active: Signature, pending: Signature | None, retiring: Signature | None) -> tuple[Step, str, dt.datetime | None]:
        if (pending and is_same_key(pending, active)) or (retiring and retiring.stage == "retiring" and retiring.next_transition is None):
            return "finish", f"the key {active.selector} took over, which no run has confirmed yet", None
        if retiring:
            may_go = self._may_go(retiring)
            if may_go or not self._wanted.emergency:
                return may_go or ("keep", *self._kept(retiring))
        if pending:
            if pending.next_transition is None:
                return "publish", f"the record of the next key {pending.selector} is to be published and seen everywhere", None
            if pending.next_transition > self._moment:
                return "wait", f"resolvers may not know yet that the next key {pending.selector} is there", pending.next_transition
            return "switch", f"the record of the next key {pending.selector} is known everywhere", None
        return self._beginning(active)

    def _may_go(self, retiring: Signature) -> tuple[Step, str, None] | None:
        if retiring.stage == "retired" or self._wanted.emergency:
            return "retire", f"the old key {retiring.selector} is no longer to be trusted", None
        if retiring.next_transition and retiring.next_transition <= self._moment and not self._mail_waits(retiring.domain):
            return "retire", f"no mail is under way any more that the old key {retiring.selector} signed", None
        return None

    def _kept(self, retiring: Signature) -> tuple[str, dt.datetime | None]:
        if retiring.next_transition and retiring.next_transition > self._moment:
            return f"mail that the old key {retiring.selector} signed may be under way", retiring.next_transition
        return f"mail that the old key {retiring.selector} signed is still in the queue", None

    def _mail_waits(self, domain: str) -> bool:
        """Whether mail of the domain is in the queue for so long that the old key may have signed it. A bounce has no sender and may be of any domain."""
        if self._waiting is None:
            old = self._moment - self._wanted.retire_after
            messages = (each for each in self._server.queue.find(QueueFilter()) if each.pending() and not (each.created and each.created > old))
            self._waiting = {message.sender.rpartition("@")[2].lower() for message in messages}
        return bool({"", domain} & self._waiting)

    def _beginning(self, active: Signature) -> tuple[Step, str, dt.datetime | None]:
        if self._wanted.emergency:
            return "prepare", f"the key {active.selector} is no longer to be trusted", None
        if self._wanted.now:
            return "prepare", "a rotation is wanted now", None
        since, words = _age(active)
        if since is None:
            return "prepare", f"nothing tells how long the key {active.selector} has signed", None
        due = since + self._wanted.max_age
        if due <= self._moment:
            return "prepare", f"the key {active.selector} has signed since {since:%Y-%m-%d}{words}", None
        return "none", f"the key {active.selector} has signed since {since:%Y-%m-%d}{words}", due


def is_same_key(one: Signature, other: Signature) -> bool:
    """Whether both have the same key under the same selector."""
    return (one.selector, one.public_key) == (other.selector, other.public_key)


def _is(signature: Signature, domain: str, algorithm: Algorithm, *stages: str) -> bool:
    return signature.domain == domain and signature.algorithm == algorithm and signature.stage in stages


def _age(active: Signature) -> tuple[dt.datetime | None, str]:
    if active.created:
        return active.created, ""
    month = _MONTH.match(active.selector)
    return (dt.datetime(int(month.group(1)), int(month.group(2)), 1, tzinfo=dt.timezone.utc), " at the earliest") if month else (None, "")


def _check_times(server: Server, wanted: _RotationOptions) -> None:
    """Raises InvalidOption for times that would take a record away too early. One request."""
    if wanted.max_age <= wanted.retire_after:
        raise InvalidOption("max_age", f"{_words(wanted.max_age)} is not longer than retire_after ({_words(wanted.retire_after)}); give a longer one.")
    if wanted.emergency:
        return
    least = server.queue.longest_life() + dt.timedelta(seconds=wanted.ttl)
    if wanted.retire_after < least:
        raise InvalidOption(
            "retire_after",
            f"{_words(wanted.retire_after)} is too short: mail waits up to {_words(server.queue.longest_life())} in this server's queue, and the record "
            f"may be known for {wanted.ttl} seconds more; give at least {_words(least)}, or use emergency.",
        )


def _words(period: dt.timedelta) -> str:
    """As options take it, rounded up."""
    seconds = -(-period // dt.timedelta(seconds=1))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and (seconds % size == 0 or (unit == "h" and seconds > 86400)):
            return f"{-(-seconds // size)}{unit}"
    return f"{seconds}s"


# -- the tasks --------------------------------------------------------------------------------------------------------


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Which step is due. Results: `rotations`, `records` (of the next keys), `retire` (names of records that may go)."""
    wanted = read(_RotationOptions, options)
    if not wanted.domain:
        return Outcome({"rotations": [], "records": [], "retire": []})
    return Outcome(_results(_Survey(server, wanted).rotations(), wanted))


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """One step, for all keys for which it is due. Results: as `info` after the step, and `unpublished`."""
    wanted = read(_StepOptions, options)
    if not wanted.domain:
        return Outcome({"rotations": [], "records": [], "retire": [], "unpublished": []})
    _check_times(server, wanted)
    steps = {"prepare": _prepare, "switch": _switch, "retire": _retire}
    return steps[wanted.step](server, wanted, mode)


def _results(rotations: t.Sequence[Rotation], wanted: _RotationOptions) -> dict[str, t.Any]:
    pending = [rotation.pending for rotation in rotations if rotation.pending and not is_same_key(rotation.pending, rotation.active)]
    selectors = {(each.domain, each.selector) for rotation in rotations for each in (rotation.active, rotation.pending) if each}
    leaving = [rotation.retiring for rotation in rotations if rotation.retiring and rotation.step == "retire"]
    return {
        "rotations": [rotation.shown() for rotation in rotations],
        "records": [record for each in pending if (record := record_of(each, wanted.ttl))],
        "retire": [_fqdn(each) for each in leaving if (each.domain, each.selector) not in selectors],
    }


def _fqdn(signature: Signature) -> str:
    return f"{signature.selector}._domainkey.{signature.domain}."


def _prepare(server: Server, wanted: _StepOptions, mode: Mode) -> Outcome:
    """The next keys, which do not sign yet."""
    automatic = server.signatures.automatic(wanted.domain)
    if automatic and not wanted.take_over:
        raise Refused(
            f"take_over: the server rotates the keys of {', '.join(sorted(automatic))} by itself; leave them out, or set take_over: true "
            "so that it leaves them to you."
        )
    changes = [_take_over(server, domain) for domain in wanted.domain if domain in automatic]
    before = _Survey(server, wanted).rotations()
    taken: dict[str, set[str]] = {}
    for rotation in before:
        taken.setdefault(rotation.active.domain, set()).update(each.selector for each in (rotation.active, rotation.pending, rotation.retiring) if each)
    then = []
    for rotation in before:
        if rotation.step == "prepare" or (wanted.emergency and _keeps_older(rotation)):
            change, rotation = _begin(server, rotation, taken[rotation.active.domain])
            changes.append(change)
        then.append(rotation)
    apply(changes, mode)
    if changes and not mode.check:
        with after(changes):
            then = _Survey(server, wanted).rotations()
        _expect(then, lambda rotation: rotation.step != "prepare" and not (wanted.emergency and _keeps_older(rotation)), "the next key was not made")
    return Outcome({**_results(then, wanted), "unpublished": []}, changes)


def _take_over(server: Server, domain: str) -> Change:
    return Change("domain", domain, "update", {"dkim": "automatic"}, {"dkim": "manual"}, lambda: server.signatures.take_over(domain))


def _begin(server: Server, rotation: Rotation, taken: set[str]) -> tuple[Change, Rotation]:
    active = rotation.active
    selector = free_selector(active.algorithm, taken)
    taken.add(selector)
    pending = Signature(
        id=server.signatures.signing_id(*rotation.key) + PENDING_SUFFIX,
        domain=active.domain,
        selector=selector,
        algorithm=active.algorithm,
        public_key=GENERATED,
        signs=False,
        stage="pending",
    )
    made = {"domain": active.domain, "algorithm": active.algorithm, "selector": selector, "public_key": GENERATED}
    change = Change(RESOURCE, pending.id, "create", None, made, lambda: server.signatures.generate(pending))
    if rotation.retiring:  # which must go first
        return change, dataclasses.replace(rotation, pending=pending)
    reason = f"the record of the next key {selector} is to be published and seen everywhere"
    return change, dataclasses.replace(rotation, pending=pending, step="publish", reason=reason)


def _keeps_older(rotation: Rotation) -> bool:
    """Whether the old key is that of an ordinary rotation, after which the present one came; in an emergency neither can be trusted."""
    return rotation.step == "retire" and rotation.pending is None and rotation.retiring is not None and rotation.retiring.stage == "retiring"


def _switch(server: Server, wanted: _StepOptions, mode: Mode) -> Outcome:
    """The next keys whose records were seen everywhere take over, once resolvers know them. Finishes what an interrupted run left."""
    seen = {(record["fqdn"], record["value"]): record for record in wanted.records if record.get("status") == "match"}
    rotations = _Survey(server, wanted).rotations()
    noted = [_note_publication(server, rotation, wanted, seen) for rotation in rotations if rotation.step == "publish" and _record_of(rotation) in seen]
    changes = [change for change, _rotation in noted]
    apply(changes, mode)
    due = {rotation.key: rotation for rotation in rotations if rotation.step in ("wait", "switch") and _record_of(rotation) in seen}
    due |= {rotation.key: rotation for _change, rotation in noted}
    deadline = now() + dt.timedelta(seconds=wanted.wait_timeout)
    due = {key: rotation for key, rotation in due.items() if rotation.due is None or rotation.due <= deadline}
    interrupted = [rotation for rotation in rotations if rotation.step == "finish"]
    if due and not mode.check:
        _wait_for(max((rotation.due for rotation in due.values() if rotation.due), default=now()))
        # another run may have gone on meanwhile
        due = {rotation.key: rotation for rotation in _Survey(server, wanted).rotations() if rotation.key in due and rotation.step == "switch"}
    swaps = [*(_finish(rotation) for rotation in interrupted), *(_take_turns(server, rotation) for rotation in due.values())]
    if swaps and not mode.check:
        _require_no_errors(server, changes, swaps)
        _apply_rest(changes, swaps, mode)
        with after([*changes, *swaps]):
            _make_live(server, wanted, {*due, *(rotation.key for rotation in interrupted)}, [*changes, *swaps])
    changes += swaps
    with after(() if mode.check else changes):
        then = _Survey(server, wanted).rotations()
    waiting = [rotation for rotation in then if rotation.step in ("publish", "wait", "switch") and rotation.key not in due]
    return Outcome({**_results(then, wanted), "unpublished": [_named(rotation) for rotation in waiting if _record_of(rotation) not in seen]}, changes)


def _record_of(rotation: Rotation) -> tuple[str, str]:
    record = record_of(rotation.pending) if rotation.pending else None
    return (record["fqdn"], record["value"]) if record else ("", "")


def _named(rotation: Rotation) -> str:
    return _record_of(rotation)[0].rstrip(".")


def _note_publication(
    server: Server, rotation: Rotation, wanted: _StepOptions, seen: t.Mapping[tuple[str, str], t.Mapping[str, t.Any]]
) -> tuple[Change, Rotation]:
    """That the record is there from now on; resolvers that did not find it before may say so until the negative time to live is over."""
    told = seen[_record_of(rotation)].get("negative_ttl")
    seconds = wanted.negative_ttl if wanted.negative_ttl is not None else _NEGATIVE_TTL if told is None else int(told)
    pending = t.cast(Signature, rotation.pending).model_copy(update={"next_transition": now() + dt.timedelta(seconds=seconds)})
    change = Change(RESOURCE, pending.id, "update", {"published": False}, {"published": True}, lambda: server.signatures.note(pending))
    return change, dataclasses.replace(rotation, pending=pending, step="wait", due=pending.next_transition)


def _take_turns(server: Server, rotation: Rotation) -> Change:
    active, pending = rotation.active, t.cast(Signature, rotation.pending)
    old, new = ({"selector": each.selector, "public_key": each.public_key or None} for each in (active, pending))
    return Change(RESOURCE, active.id, "switch", old, new, lambda: server.signatures.switch(active, pending))


def _finish(rotation: Rotation) -> Change:
    return Change(RESOURCE, rotation.active.id, "finish", {"confirmed": False}, {"confirmed": True}, lambda: None)


def _wait_for(moment: dt.datetime) -> None:
    while (left := (moment - now()).total_seconds()) > 0:
        time.sleep(min(left, 5.0))


def _require_no_errors(server: Server, done: t.Sequence[Change], left: t.Sequence[Change]) -> None:
    """Raises before anything is swapped where a reload would apply nothing."""
    errors = {} if server.signatures.live_at_once() else server.reload(dry_run=True).errors
    if errors:
        raise _partly(f"no key was changed: settings have errors, and a reload would apply nothing; correct them and run again: {sentence(errors)}", done, left)


def _apply_rest(done: t.Sequence[Change], changes: t.Sequence[Change], mode: Mode) -> None:
    try:
        apply(changes, mode)
    except PartlyDone as error:
        raise PartlyDone(str(error), [*(change.operation() for change in done), *error.done], error.left) from error
    except StalwartError as error:
        if not done:
            raise
        raise _partly(str(error), done, changes) from error


def _partly(message: str, done: t.Sequence[Change], left: t.Sequence[Change]) -> StalwartError:
    return PartlyDone(message, [change.operation() for change in done], [change.operation() for change in left]) if done else Refused(message)


def _make_live(server: Server, wanted: _StepOptions, keys: t.Collection[tuple[str, Algorithm]], done: t.Sequence[Change]) -> None:
    """Reload, and only then count the time that old records stay: until the reload the server signs with the old keys."""
    errors = {} if server.signatures.live_at_once() else server.reload().errors
    if errors:
        raise _partly(
            "the next keys are in place, but a reload applies nothing while settings have errors, so the server signs as before, with keys that are "
            f"published; correct them and run again: {sentence(errors)}",
            done,
            [],
        )
    moment = now()
    at_once = wanted.emergency
    for rotation in _Survey(server, wanted).rotations():
        if rotation.key not in keys:
            continue
        if rotation.step in ("switch", "wait"):
            raise NotApplied(f"the server answered success, but the key {rotation.active.selector} of {rotation.active.domain} still is the one that signs.")
        if rotation.pending:
            server.signatures.delete(rotation.pending)
        server.signatures.note(rotation.active.model_copy(update={"created": rotation.active.created or moment}))
        if rotation.retiring:
            end = moment if at_once else moment + wanted.retire_after
            server.signatures.note(rotation.retiring.model_copy(update={"stage": "retired" if at_once else "retiring", "next_transition": end}))


def _expect(rotations: t.Sequence[Rotation], holds: t.Callable[[Rotation], bool], otherwise: str) -> None:
    for rotation in rotations:
        if not holds(rotation):
            raise NotApplied(f"the server answered success, but for {rotation.active.domain} ({rotation.active.algorithm}) {otherwise}.")


def _retire(server: Server, wanted: _StepOptions, mode: Mode) -> Outcome:
    """Old keys whose records were removed are forgotten."""
    before = _Survey(server, wanted).rotations()
    selectors = {_fqdn(each) for rotation in before for each in (rotation.active, rotation.pending) if each}
    leaving = [
        rotation.retiring
        for rotation in before
        if rotation.retiring and rotation.step == "retire" and (_fqdn(rotation.retiring) in wanted.names or _fqdn(rotation.retiring) in selectors)
    ]
    changes = [_forget(server, signature) for signature in leaving]
    apply(changes, mode)
    gone = {signature.id for signature in leaving}
    then = before
    if changes and not mode.check:
        with after(changes):
            then = _Survey(server, wanted).rotations()
        _expect(then, lambda rotation: not (rotation.retiring and rotation.retiring.id in gone), "the old key is still there")
    return Outcome({**_results(then, wanted), "unpublished": []}, changes)


def _forget(server: Server, signature: Signature) -> Change:
    before = {"domain": signature.domain, "algorithm": signature.algorithm, "selector": signature.selector, "public_key": signature.public_key or None}
    return Change(RESOURCE, signature.id, "delete", before, None, lambda: server.signatures.delete(signature))

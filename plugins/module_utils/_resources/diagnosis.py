# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live diagnosis: where a delivery fails, what DMARC makes of a message, and what the log says."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
import typing as t

from .._deps import AfterValidator, BeforeValidator
from .._errors import InvalidOption
from .._names import canonical_address, canonical_domain
from .._reconcile.plan import Mode, Outcome
from .._server.models.diagnosis import CheckResult, DeliveryEvent, DmarcCheck
from .._server.port import Server
from .._times import format_time, now, parse_duration, parse_time
from ._bounds import Seconds
from ._options import Options, one_or_more, read
from .spam_filter import IpAddress, message_of

#: Steps whose failure does not keep mail from being delivered.
_HARMLESS = frozenset({"mta_sts_fetch", "tls_rpt_lookup", "tlsa_lookup", "quit"})

_MOST_REASON = 1000


def _target(text: str) -> str:
    return canonical_address(text) if "@" in text else canonical_domain(text)


class _DeliveryOptions(Options):
    target: t.Annotated[str, AfterValidator(_target)]
    time_limit: Seconds = 60.0
    step_timeout: Seconds = 30.0


@dataclasses.dataclass
class _Stage:
    """One step towards one host and address. `result` is success, error, not_found or timeout; `elapsed` is in seconds."""

    step: str
    host: str
    address: str
    result: str = ""
    elapsed: float | None = None
    reason: str = ""
    details: dict[str, t.Any] = dataclasses.field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return self.result in ("error", "timeout") and self.step not in _HARMLESS


def delivery(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Try a delivery without sending mail. Result: `delivery` with `verdict`, `failing_step`, `reason`, `host`, `stages`, `lines`."""
    wanted = read(_DeliveryOptions, options)
    if wanted.time_limit <= 0:
        raise InvalidOption("time_limit", "0 leaves no time for a test; use a number of seconds above 0.")
    begin = time.monotonic()
    events = server.diagnosis.delivery(wanted.target, step_limit=min(wanted.step_timeout, wanted.time_limit) or 1.0, limit=wanted.time_limit)
    stages, complete = stages_of(events)
    verdict, failing = judge(stages, complete, to_address="@" in wanted.target)
    problems = [stage for stage in stages if stage.result == "error" and not stage.failed]
    result = {
        "target": wanted.target,
        "verdict": verdict,
        "failing_step": failing.step if failing else "",
        "reason": _reason(failing, verdict, wanted.time_limit),
        "host": failing.host if failing else next((stage.host for stage in reversed(stages) if stage.host), ""),
        "problems": [f"{stage.step}: {stage.reason}" for stage in problems],
        "stages": [dataclasses.asdict(stage) for stage in stages],
        "lines": [_line(stage) for stage in stages],
        "elapsed": round(time.monotonic() - begin, 3),
    }
    return Outcome({"delivery": result})


def stages_of(events: t.Iterable[DeliveryEvent]) -> tuple[list[_Stage], bool]:
    """The events put together to stages, and whether the last one came. A stage that never ended is a timeout."""
    stages: list[_Stage] = []
    host = address = ""
    for event in events:
        if event.step == "completed":
            return stages, True
        if event.step == "delivery_attempt":
            host, address = str(event.details.get("hostname", "")), ""
            continue
        if event.step == "connection" and event.outcome == "start":
            address = str(event.details.get("remote_ip", ""))
        if event.outcome == "start":
            stages.append(_Stage(event.step, host, address, details=event.details))
            continue
        open_stage = next((stage for stage in reversed(stages) if stage.step == event.step and not stage.result), None)
        if open_stage is None:  # checks without a beginning of their own
            open_stage = _Stage(event.step, host, address)
            stages.append(open_stage)
        open_stage.result = "success" if event.outcome == "done" else event.outcome
        open_stage.elapsed = None if event.elapsed is None else event.elapsed / 1000
        open_stage.reason = event.reason[:_MOST_REASON]
        open_stage.details = {**open_stage.details, **event.details}
    for stage in stages:
        stage.result = stage.result or "timeout"
    return stages, False


Verdict = t.Literal["deliverable", "undeliverable", "unknown"]


def judge(stages: t.Sequence[_Stage], complete: bool, *, to_address: bool) -> tuple[Verdict, _Stage | None]:
    """Whether mail would be taken, and the step at which it fails.

    An address must have been taken by a host, a domain's host must have answered up to the end, and neither may have failed DANE.
    """
    goal = "rcpt_to" if to_address else "quit"
    for stage in stages:
        if stage.step == goal and stage.result == "success":
            same = [each for each in stages if (each.host, each.address) == (stage.host, stage.address)]
            if not any(each.failed for each in same):
                return "deliverable", None
    failing = next((stage for stage in reversed(stages) if stage.failed), None)
    return ("undeliverable" if complete else "unknown"), failing


def _reason(failing: _Stage | None, verdict: Verdict, limit: float) -> str:
    if failing is not None and failing.result == "error":
        return failing.reason
    return "" if verdict == "deliverable" else f"the test was not finished within {limit:g} seconds"


def _line(stage: _Stage) -> str:
    where = " ".join(part for part in (stage.host, f"({stage.address})" if stage.address else "") if part)
    took = "" if stage.elapsed is None else f" after {stage.elapsed:.3f} s"
    return f"{stage.step}{f' at {where}' if where else ''}: {stage.result}{took}{f': {stage.reason}' if stage.reason else ''}"


# DMARC


class _DmarcOptions(Options):
    remote_ip: IpAddress
    ehlo_domain: str
    sender: str
    content: str | None = None
    src: str | None = None


def dmarc(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """What SPF, DKIM, ARC and DMARC make of a message. Result: `dmarc` with `verdict`, `problems` and each result."""
    wanted = read(_DmarcOptions, options)
    content = message_of(wanted.content, wanted.src, required=False)
    found = server.diagnosis.dmarc(remote_ip=wanted.remote_ip, ehlo_domain=wanted.ehlo_domain, sender=wanted.sender, message=content.decode(errors="replace"))
    shown = found.model_dump(mode="json")
    shown["elapsed"] = found.elapsed / 1000
    return Outcome({"dmarc": {"verdict": "pass" if found.dmarc_pass else "fail", "problems": _problems(found), **shown}})


def _problems(found: DmarcCheck) -> list[str]:
    """What did not pass, in the order in which it is checked."""

    def told(what: str, check: CheckResult) -> str:
        return f"{what}: {check.result}{f' ({check.details})' if check.details else ''}"

    problems = []
    if found.spf_mail_from.result != "pass":
        problems.append(told(f"SPF of {found.spf_mail_from_domain or 'the sender'}", found.spf_mail_from))
    if not found.dkim:
        problems.append("DKIM: the message has no signature")
    problems += [told("DKIM", check) for check in found.dkim if check.result != "pass"]
    if found.reverse_ip.result != "pass":
        problems.append(told("reverse lookup of the address", found.reverse_ip))
    if not found.dmarc_pass:
        problems.append(f"{told('DMARC', found.dmarc)}, policy {found.dmarc_policy or 'none'}")
    return problems


# Logs


def _since(value: t.Any) -> dt.datetime:
    """A point in time, or how far back."""
    try:
        return now() - parse_duration(value)
    except ValueError:
        return parse_time(str(value))


_Level = t.Literal["error", "warn", "info", "debug", "trace"]


class _LogOptions(Options):
    text: str = ""
    levels: tuple[_Level, ...] = ()
    events: tuple[str, ...] = ()
    since: t.Annotated[dt.datetime, BeforeValidator(_since)] | None = None
    limit: int = 100
    scan_limit: int = 10000


def logs(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Log lines, newest first. Results: `logs`, `total`, `complete` (false when a limit ended the search)."""
    lists = {key: one_or_more(options[key]) for key in ("levels", "events") if key in options}
    wanted = read(_LogOptions, {**options, **lists})
    if wanted.limit < 1 or wanted.scan_limit < 1:
        raise InvalidOption("limit" if wanted.limit < 1 else "scan_limit", "logs grow without end, so a number above 0 is needed.")
    filtered = bool(wanted.levels or wanted.events)
    lines = server.diagnosis.logs(text=wanted.text, **({} if filtered else {"page_size": wanted.limit + 1}))
    found: list[dict[str, t.Any]] = []
    complete = True
    for scanned, entry in enumerate(lines):
        if wanted.since is not None and entry.timestamp < wanted.since:
            break
        fits = (not wanted.levels or entry.level in wanted.levels) and (not wanted.events or any(_is_event(entry.event_id, each) for each in wanted.events))
        if (fits and len(found) == wanted.limit) or scanned >= wanted.scan_limit:
            complete = False
            break
        if fits:
            found.append({**entry.model_dump(), "timestamp": format_time(entry.timestamp)})
    return Outcome({"logs": found, "total": len(found), "complete": complete})


def _is_event(event_id: str, wanted: str) -> bool:
    """`auth.success` itself, or with `auth` each of its kind."""
    return event_id == wanted or event_id.startswith(f"{wanted.rstrip('.')}.")

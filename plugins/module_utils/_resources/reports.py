# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports about mail: read with a summary that a person can read, and deleted by id, filter or age."""

from __future__ import annotations

import datetime as dt
import itertools
import typing as t

from .._errors import InvalidOption, NotApplied
from .._reconcile.plan import Change, Mode, Outcome, apply
from .._server.models.reports import Direction, Report, ReportKind
from .._server.port import Reports, Server
from .._times import format_time, now
from ._bounds import Duration, Limit, Seconds
from ._options import Domain, Options, one_or_more, read
from ._waiting import wait_until

#: So many rows are shown of a summary.
_MOST_ROWS = 100


class _ReportOptions(Options):
    kind: ReportKind = "dmarc"
    direction: Direction = "incoming"
    ids: tuple[str, ...] = ()
    text: str = ""
    domain: Domain | None = None
    older_than: Duration | None = None


class _InfoOptions(_ReportOptions):
    newer_than: Duration | None = None
    limit: Limit = 100


class _DeleteOptions(_ReportOptions):
    state: t.Literal["absent"] = "absent"
    all: bool = False
    wait: bool = True
    wait_timeout: Seconds = 60.0


def _read(model: type[t.Any], options: t.Mapping[str, t.Any]) -> t.Any:
    wanted = read(model, {**options, **({"ids": one_or_more(options["ids"])} if "ids" in options else {})})
    if wanted.direction == "outgoing" and wanted.kind == "arf":
        raise InvalidOption("kind", "servers send no complaints (arf) themselves; use direction: incoming, or kind: dmarc or tls.")
    if wanted.ids and (wanted.text or wanted.domain):
        raise InvalidOption("ids", "they can't be used together with text or domain; remove one of the two.")
    return wanted


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Reports by id or filter. Results: `reports`, `total`, `summary`."""
    wanted: _InfoOptions = _read(_InfoOptions, options)
    newest = now() - wanted.newer_than if wanted.newer_than is not None else None
    found = (report for report in _select(server.reports, wanted) if newest is None or (report.end is not None and report.end >= newest))
    reports = list(itertools.islice(found, wanted.limit or None))
    return Outcome({"reports": [_shown(report) for report in reports], "total": len(reports), "summary": summary(wanted.kind, reports)})


def _select(port: Reports, wanted: _ReportOptions) -> t.Iterator[Report]:
    oldest = now() - wanted.older_than if wanted.older_than is not None else None
    ids = iter(dict.fromkeys(wanted.ids)) if wanted.ids else port.find(wanted.kind, wanted.direction, text=_narrowing(wanted))
    for report_id in ids:
        report = port.get(wanted.kind, wanted.direction, report_id)
        if report is None or (wanted.domain and wanted.domain not in report.domains) or not _is_older(report, oldest):
            continue
        yield report


def _narrowing(wanted: _ReportOptions) -> str:
    """What the server searches for; a complaint's domains are not among its texts."""
    return wanted.text or (wanted.domain or "" if wanted.kind != "arf" else "")


def _is_older(report: Report, oldest: dt.datetime | None) -> bool:
    return oldest is None or (report.end is not None and report.end < oldest)


def _shown(report: Report) -> dict[str, t.Any]:
    fields = {"dmarc": ("policy", "errors", "records"), "tls": ("policies",), "arf": ("feedback",)}[report.kind]
    own = {field for each in ("policy", "errors", "records", "policies", "feedback") if (field := each) not in fields}
    return {**report.model_dump(mode="json", exclude=own), "begin": format_time(report.begin), "end": format_time(report.end)}


def summary(kind: ReportKind, reports: t.Sequence[Report]) -> dict[str, t.Any]:
    """What the reports say together: `lines` for people, and `sources`, one row a source and result, with the most first."""
    begins, ends = [each.begin for each in reports if each.begin], [each.end for each in reports if each.end]
    totals, rows, lines = _SUMMARIES[kind](reports)
    if len(lines) > _MOST_ROWS:
        lines = [*lines[:_MOST_ROWS], f"and {len(lines) - _MOST_ROWS} more"]
    return {
        "reports": len(reports),
        "organizations": sorted({each.organization for each in reports if each.organization}),
        "begin": format_time(min(begins, default=None)),
        "end": format_time(max(ends, default=None)),
        **totals,
        "sources": rows[:_MOST_ROWS],
        "lines": lines,
    }


_Summary = tuple[dict[str, int], list[dict[str, t.Any]], list[str]]


def _dmarc_summary(reports: t.Sequence[Report]) -> _Summary:
    groups: dict[tuple[str, str, str, str], dict[str, t.Any]] = {}
    for report in reports:
        for record in report.records:
            row = groups.setdefault(
                (record.source_ip, record.disposition, record.dkim, record.spf),
                {
                    "source_ip": record.source_ip,
                    "disposition": record.disposition,
                    "dkim": record.dkim,
                    "spf": record.spf,
                    "passed": "pass" in (record.dkim, record.spf),
                    "messages": 0,
                    "header_from": set(),
                    "organizations": set(),
                },
            )
            row["messages"] += record.messages
            row["header_from"].add(record.header_from)
            row["organizations"].add(report.organization)
    rows = _sorted(groups, "messages", "header_from", "organizations")
    passed = sum(row["messages"] for row in rows if row["passed"])
    messages = sum(row["messages"] for row in rows)
    lines = [
        f"{row['source_ip'] or 'unknown source'}: {_counted(row['messages'], 'message')} from {', '.join(row['header_from']) or 'nowhere'}, "
        f"{'passed' if row['passed'] else 'FAILED'} (DKIM {row['dkim'] or 'none'}, SPF {row['spf'] or 'none'}), disposition {row['disposition'] or 'none'}"
        for row in rows
    ]
    return {"messages": messages, "passed": passed, "failed": messages - passed}, rows, lines


def _tls_summary(reports: t.Sequence[Report]) -> _Summary:
    groups: dict[tuple[str, str, str, str], dict[str, t.Any]] = {}

    def count(domain: str, policy: str, result: str, source: str, sessions: int, host: str, organization: str) -> None:
        row = groups.setdefault(
            (domain, policy, result, source),
            {"domain": domain, "policy": policy, "result": result, "source_ip": source, "sessions": 0, "receiving_hosts": set(), "organizations": set()},
        )
        row["sessions"] += sessions
        row["receiving_hosts"].add(host)
        row["organizations"].add(organization)

    for report in reports:
        for policy in report.policies:
            count(policy.domain, policy.type, "success", "", policy.successful_sessions, "", report.organization)
            for failure in policy.failures:
                count(policy.domain, policy.type, failure.result, failure.sending_ip, failure.sessions, failure.receiving_host, report.organization)
    rows = _sorted({key: row for key, row in groups.items() if row["sessions"]}, "sessions", "receiving_hosts", "organizations")
    failed = sum(policy.failed_sessions for report in reports for policy in report.policies)
    successful = sum(policy.successful_sessions for report in reports for policy in report.policies)
    lines = [
        f"{row['domain'] or 'unknown domain'} ({row['policy'] or 'no policy'}): {_counted(row['sessions'], 'session')} "
        + (
            "succeeded"
            if row["result"] == "success"
            else f"FAILED: {row['result']} from {row['source_ip'] or 'unknown'} to {', '.join(row['receiving_hosts']) or 'unknown'}"
        )
        for row in rows
    ]
    return {"sessions": successful + failed, "passed": successful, "failed": failed}, rows, lines


def _arf_summary(reports: t.Sequence[Report]) -> _Summary:
    groups: dict[tuple[str, str], dict[str, t.Any]] = {}
    for report in reports:
        if (feedback := report.feedback) is None:
            continue
        row = groups.setdefault(
            (feedback.source_ip, feedback.type),
            {"source_ip": feedback.source_ip, "type": feedback.type, "incidents": 0, "senders": set(), "domains": set(), "organizations": set()},
        )
        row["incidents"] += feedback.incidents
        row["senders"].add(feedback.original_sender)
        row["domains"].update(feedback.domains)
        row["organizations"].add(report.organization)
    rows = _sorted(groups, "incidents", "senders", "domains", "organizations")
    lines = [
        f"{row['source_ip'] or 'unknown source'}: {_counted(row['incidents'], 'complaint')} ({row['type'] or 'other'}) about "
        f"{', '.join(row['senders']) or ', '.join(row['domains']) or 'unknown'}"
        for row in rows
    ]
    return {"complaints": sum(row["incidents"] for row in rows)}, rows, lines


_SUMMARIES: dict[ReportKind, t.Callable[[t.Sequence[Report]], _Summary]] = {"dmarc": _dmarc_summary, "tls": _tls_summary, "arf": _arf_summary}


def _sorted(groups: t.Mapping[t.Any, dict[str, t.Any]], by: str, *sets: str) -> list[dict[str, t.Any]]:
    rows = [{**row, **{name: sorted(filter(None, row[name])) for name in sets}} for row in groups.values()]
    return sorted(rows, key=lambda row: (-row[by], *(str(value) for value in row.values())))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# Deleting


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Delete reports. Results: `reports` (the ids), `total`. Raises NotApplied when some are still there at the end of the time limit."""
    wanted: _DeleteOptions = _read(_DeleteOptions, options)
    selected = bool(wanted.ids or wanted.text or wanted.domain or wanted.older_than is not None)
    if selected == wanted.all:
        problem = "it is set together with ids or a filter; remove one of them." if selected else ""
        raise InvalidOption("all" if selected else "ids", problem or "nothing tells which reports are meant; give ids, text, domain, older_than, or all: true.")
    port = server.reports
    must_be_read = bool(wanted.ids or wanted.domain or wanted.older_than is not None)
    ids = [report.id for report in _select(port, wanted)] if must_be_read else list(port.find(wanted.kind, wanted.direction, text=wanted.text))
    changes = [_deletion(port, wanted, report_id) for report_id in ids]
    in_bulk = len(ids) > 1 and not must_be_read
    if in_bulk and not mode.check:
        port.delete_all(wanted.kind, wanted.direction, text=wanted.text)
    elif not in_bulk:
        apply(changes, mode)
    if ids and not mode.check and (wanted.wait or not in_bulk):
        _await(port, wanted, ids, in_bulk)
    return Outcome({"reports": ids, "total": len(ids)}, changes)


def _deletion(port: Reports, wanted: _DeleteOptions, report_id: str) -> Change:
    before = {"kind": wanted.kind, "direction": wanted.direction}
    return Change("report", report_id, "delete", before, None, lambda: port.delete(wanted.kind, wanted.direction, report_id))


def _await(port: Reports, wanted: _DeleteOptions, ids: t.Sequence[str], in_bulk: bool) -> None:
    left = set(ids)

    def gone() -> bool:
        if in_bulk:
            left.intersection_update(port.find(wanted.kind, wanted.direction, text=wanted.text))
        else:
            left.difference_update([report_id for report_id in left if port.get(wanted.kind, wanted.direction, report_id) is None])
        return not left

    if not wait_until(gone, wanted.wait_timeout if in_bulk else min(wanted.wait_timeout, 2.0)):
        raise NotApplied(
            f"{len(left)} of {len(ids)} {wanted.direction} {wanted.kind} reports are still there, although the server said yes; "
            f"the first is {min(left)}. Run the task again, or raise wait_timeout."
        )

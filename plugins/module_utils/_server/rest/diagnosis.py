# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delivery and DMARC tests, logs and telemetry over REST."""

from __future__ import annotations

import datetime as dt
import typing as t

from ..._errors import InvalidOption
from ..._secrets import scrub
from ..._times import format_time, parse_time
from ..models.diagnosis import CheckResult, DeliveryEvent, DmarcCheck, LogEntry, Metric, TraceEvent
from ..streams import delivery_events, scrubbed, step_timeout, stream
from ._call import RestCaller

_LOG_PAGE = 500
_TRACE_PAGE = 50

_RESULTS = {"softFail": "softfail", "tempError": "temperror", "permError": "permerror"}


class RestDiagnosis:
    """The port `Diagnosis` over REST."""

    def __init__(self, caller: RestCaller) -> None:
        self._caller = caller

    def delivery(self, target: str, *, step_limit: float, limit: float) -> t.Iterator[DeliveryEvent]:
        """One request, an event stream."""
        query = {"timeout": step_timeout(step_limit)}
        yield from delivery_events(self._caller.events("troubleshoot", "delivery", target, limit=limit, query=query, resource=f"delivery to {target!r}"))

    def dmarc(self, *, remote_ip: str, ehlo_domain: str, sender: str, message: str) -> DmarcCheck:
        """One request, which changes nothing."""
        body = {"remoteIp": remote_ip, "ehloDomain": ehlo_domain, "mailFrom": sender, **({"body": message} if message else {})}
        found = self._caller.call("POST", "troubleshoot", "dmarc", resource="DMARC check", body=body, safe=True)
        return DmarcCheck(
            spf_ehlo_domain=found["spfEhloDomain"],
            spf_ehlo=_result(found["spfEhloResult"]),
            spf_mail_from_domain=found["spfMailFromDomain"],
            spf_mail_from=_result(found["spfMailFromResult"]),
            reverse_ip=_result(found["ipRevResult"]),
            reverse_names=tuple(name.rstrip(".") for name in found["ipRevPtr"]),
            dkim=tuple(_result(result) for result in found["dkimResults"]),
            dkim_pass=found["dkimPass"],
            arc=_result(found["arcResult"]),
            dmarc=_result(found["dmarcResult"]),
            dmarc_pass=found["dmarcPass"],
            dmarc_policy=found["dmarcPolicy"],
            elapsed=found["elapsed"],
        )

    def token(self) -> str:
        """One request."""
        return str(self._caller.call("GET", "troubleshoot", "token", resource="troubleshooting token", safe=False))

    def logs(self, *, text: str = "", page_size: int = _LOG_PAGE) -> t.Iterator[LogEntry]:
        """One request a page. Lines that are written meanwhile push older ones to the next page; those are not told twice."""
        page, size, last = 1, max(1, min(page_size, _LOG_PAGE)), list[LogEntry]()
        while True:
            query = {"page": str(page), "limit": str(size), **({"filter": text} if text else {})}
            found = self._caller.call("GET", "logs", resource="logs", query=query)["items"]
            entries = [_log_entry(item) for item in found]
            yield from entries[_overlap(last, entries) :]
            if len(found) < size:
                return
            page, last = page + 1, entries


class RestTelemetry:
    """The port `Telemetry` over REST (paid edition)."""

    def __init__(self, caller: RestCaller) -> None:
        self._caller = caller

    def metrics(self, *, after: dt.datetime | None = None, before: dt.datetime | None = None) -> list[Metric]:
        """One request."""
        query = _times(after, before)
        return [_metric(item) for item in self._caller.call("GET", "telemetry", "metrics", resource="metrics", query=query or None)]

    def live_metrics(self, *, names: t.Sequence[str], interval: float, limit: float) -> t.Iterator[list[Metric]]:
        """One request, an event stream."""
        query = {"interval": str(max(int(interval), 1)), **({"metrics": ",".join(names)} if names else {})}
        for name, data in stream(self._caller.events("telemetry", "metrics", "live", limit=limit, query=query, resource="live metrics")):
            if name == "metrics":
                yield [_metric(item) for item in data]

    def traces(
        self,
        *,
        event_type: str = "",
        text: str = "",
        queue_id: str = "",
        after: dt.datetime | None = None,
        before: dt.datetime | None = None,
    ) -> t.Iterator[str]:
        """One request a page."""
        wanted = {"type": event_type, "filter": text, "queue_id": queue_id, **_times(after, before)}
        page = 1
        while True:
            query = {**{key: value for key, value in wanted.items() if value}, "page": str(page), "limit": str(_TRACE_PAGE)}
            found = self._caller.call("GET", "telemetry", "traces", resource="traces", query=query)["items"]
            yield from (str(item) for item in found)
            if len(found) < _TRACE_PAGE:
                return
            page += 1

    def trace(self, trace_id: str) -> list[TraceEvent]:
        """One request."""
        if not (trace_id.isascii() and trace_id.isdigit()):
            raise InvalidOption("ids", "an id of a trace is a number; use those that this module returns.")
        return [_trace_event(item) for item in self._caller.call("GET", "telemetry", "trace", trace_id, resource=f"trace {trace_id}") or ()]

    def live_traces(self, *, text: str, limit: float) -> t.Iterator[TraceEvent]:
        """One request, an event stream."""
        query = {"filter": text} if text else None
        for name, data in stream(self._caller.events("telemetry", "traces", "live", limit=limit, query=query, resource="live traces")):
            if name == "trace":
                yield from (_trace_event(item) for item in data)

    def token(self, stream: t.Literal["metrics", "traces"]) -> str:
        """One request."""
        name = "metrics-token" if stream == "metrics" else "tracing-token"
        return str(self._caller.call("GET", "telemetry", "live", name, resource=f"live {stream} token", safe=False))


def _result(item: dict[str, t.Any]) -> CheckResult:
    return CheckResult(result=_RESULTS.get(item["type"], item["type"]), details=item.get("details") or "")


def _log_entry(item: dict[str, t.Any]) -> LogEntry:
    return LogEntry(
        timestamp=parse_time(item["timestamp"]), level=item["level"].lower(), event=item["event"], event_id=item["event_id"], details=scrub(item["details"])
    )


def _overlap(before: t.Sequence[LogEntry], after: t.Sequence[LogEntry]) -> int:
    """How many entries at the head of a page stood at the end of the page before it."""
    longest = min(len(before), len(after))
    return next((size for size in range(longest, 0, -1) if before[-size:] == after[:size]), 0)


def _metric(item: dict[str, t.Any]) -> Metric:
    when = item.get("timestamp")
    return Metric(
        id=item["id"], type=item["type"], timestamp=parse_time(when) if when else None, value=item.get("value"), total=item.get("count"), sum=item.get("sum")
    )


def _trace_event(item: dict[str, t.Any]) -> TraceEvent:
    when = item.get("createdAt")
    return TraceEvent(
        type=item["type"],
        text=item.get("text") or "",
        explanation=item.get("details") or "",
        timestamp=parse_time(when) if when else None,
        data=scrubbed(item.get("data") or {}),
    )


def _times(after: dt.datetime | None, before: dt.datetime | None) -> dict[str, str]:
    return {name: text for name, text in (("after", format_time(after)), ("before", format_time(before))) if text}

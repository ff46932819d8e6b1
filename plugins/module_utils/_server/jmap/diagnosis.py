# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Diagnosis and the log over JMAP, and telemetry (paid edition)."""

from __future__ import annotations

import datetime as dt
import typing as t

from ..._errors import EditionMissing, NotFound, Refused
from ..._secrets import scrub
from ..._times import format_time, parse_time
from ..models.diagnosis import CheckResult, DeliveryEvent, DmarcCheck, LogEntry, Metric, TraceEvent
from ..streams import delivery_events, scrubbed, step_timeout, stream
from ._call import Find, JmapCaller, Object

#: The server wants them, and then finds out the real ones itself.
_UNUSED_DOMAINS = {"spfEhloDomain": "localhost", "spfMailFromDomain": "localhost"}


class JmapDiagnosis:
    """The port `Diagnosis` over JMAP."""

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller

    def delivery(self, target: str, *, step_limit: float, limit: float) -> t.Iterator[DeliveryEvent]:
        """One request, an event stream."""
        query = {"timeout": step_timeout(step_limit)}
        yield from delivery_events(self._caller.events("live", "delivery", target, limit=limit, query=query, resource=f"delivery to {target!r}"))

    def dmarc(self, *, remote_ip: str, ehlo_domain: str, sender: str, message: str) -> DmarcCheck:
        """One request, which changes nothing."""
        value = {"@type": "TroubleshootDmarc", "remoteIp": remote_ip, "ehloDomain": ehlo_domain, "mailFrom": sender, **_UNUSED_DOMAINS}
        found = self._caller.create("Action", {**value, **({"message": message} if message else {})}, resource="DMARC check")
        return DmarcCheck(
            spf_ehlo_domain=found["spfEhloDomain"],
            spf_ehlo=_result(found["spfEhloResult"]),
            spf_mail_from_domain=found["spfMailFromDomain"],
            spf_mail_from=_result(found["spfMailFromResult"]),
            reverse_ip=_result(found["ipRevResult"]),
            reverse_names=tuple(name.rstrip(".") for name in found.get("ipRevPtr") or ()),
            dkim=tuple(_result(result) for result in _list(found.get("dkimResults"))),
            dkim_pass=bool(found.get("dkimPass")),
            arc=_result(found["arcResult"]),
            dmarc=_result(found["dmarcResult"]),
            dmarc_pass=bool(found.get("dmarcPass")),
            dmarc_policy=found.get("dmarcPolicy") or "",
            elapsed=found.get("elapsed") or 0,
        )

    def token(self) -> str:
        """One request."""
        return live_token(self._caller, "delivery", "troubleshooting token")

    def logs(self, *, text: str = "", page_size: int = 0) -> t.Iterator[LogEntry]:
        """One request a page. The server knows its own names of events only, no texts for them."""
        for item in self._caller.each(Find("Log", {"text": text} if text else {}, resource="logs")):
            yield LogEntry(
                timestamp=parse_time(item["timestamp"]),
                level=str(item["level"]),
                event=str(item["event"]),
                event_id=str(item["event"]),
                details=scrub(str(item.get("details") or "")),
            )


class JmapTelemetry:
    """The port `Telemetry` over JMAP (paid edition)."""

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller

    def metrics(self, *, after: dt.datetime | None = None, before: dt.datetime | None = None) -> list[Metric]:
        """One request for each 500."""
        return [_metric(item) for item in self._caller.each(Find("Metric", _times(after, before), resource="metrics", sort="timestamp"))]

    def live_metrics(self, *, names: t.Sequence[str], interval: float, limit: float) -> t.Iterator[list[Metric]]:
        """One request, an event stream."""
        query = {"interval": str(max(int(interval), 1)), **({"metrics": ",".join(names)} if names else {})}
        for name, data in stream(self._events("metrics", query, limit, "live metrics")):
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
        """One request for each 5,000."""
        wanted = {"event": event_type, "text": text, "queueId": queue_id, **_times(after, before)}
        ids = self._caller.ids(Find("Trace", {key: value for key, value in wanted.items() if value}, resource="traces"))
        yield from reversed(ids)

    def trace(self, trace_id: str) -> list[TraceEvent]:
        """One request."""
        found = self._caller.get("Trace", [trace_id], resource=f"trace {trace_id}").get(trace_id)
        return [_trace_event(item) for item in _list((found or {}).get("events"))]

    def live_traces(self, *, text: str, limit: float) -> t.Iterator[TraceEvent]:
        """One request, an event stream."""
        for name, data in stream(self._events("tracing", {"filter": text} if text else {}, limit, "live traces")):
            if name == "trace":
                for item in data:
                    yield from (_trace_event(each) for each in ([item] if "event" in item else _list(item)))

    def token(self, stream: t.Literal["metrics", "traces"]) -> str:
        """One request."""
        return live_token(self._caller, "metrics" if stream == "metrics" else "tracing", f"live {stream} token")

    def _events(self, name: str, query: t.Mapping[str, str], limit: float, resource: str) -> t.Iterator[str]:
        try:
            yield from self._caller.events("live", name, limit=limit, query=query or None, resource=resource)
        except NotFound as error:
            raise EditionMissing(error.words, request=error.request, status=error.status).about(resource) from None


def live_token(caller: JmapCaller, name: str, resource: str) -> str:
    """A login for one stream, as text. One request. Raises EditionMissing where only the paid edition has the stream."""
    try:
        return caller.client.request("GET", ("api", "token", name), accept="*/*", safe=False).content.decode()
    except NotFound as error:
        if name == "delivery":
            raise Refused(f"{resource}: the server has no such stream; servers since 0.16 do.") from None
        raise EditionMissing(error.words, request=error.request, status=error.status).about(resource) from None


def _result(item: Object) -> CheckResult:
    return CheckResult(result=str(item["@type"]).lower(), details=item.get("details") or "")


def _list(value: t.Any) -> list[Object]:
    """Lists are objects with numbers for keys; in streams they may be plain."""
    if isinstance(value, list):
        return value
    return [each for _index, each in sorted((value or {}).items(), key=lambda item: int(item[0]))]


def _metric(item: Object) -> Metric:
    kind = str(item["@type"]).lower()
    when = item.get("timestamp")
    numbers = {"total": item.get("count"), "sum": item.get("sum")} if kind == "histogram" else {"value": item.get("count")}
    return Metric(id=str(item["metric"]), type=kind, timestamp=parse_time(when) if when else None, **numbers)


def _trace_event(item: Object) -> TraceEvent:
    when = item.get("timestamp")
    return TraceEvent(type=str(item["event"]), timestamp=parse_time(when) if when else None, data=scrubbed(_data(item.get("keyValues"))))


def _data(pairs: t.Any) -> dict[str, t.Any]:
    return {str(each["key"]): _value(each.get("value") or {}) for each in _list(pairs)}


def _value(value: Object) -> t.Any:
    kind = value.get("@type")
    if kind == "List":
        return [_value(each) for each in _list(value.get("value"))]
    if kind == "Event":
        return {"type": value.get("event"), **_data(value.get("value"))}
    return value.get("value")


def _times(after: dt.datetime | None, before: dt.datetime | None) -> dict[str, str]:
    bounds = {"timestampIsGreaterThanOrEqual": format_time(after), "timestampIsLessThanOrEqual": format_time(before)}
    return {name: text for name, text in bounds.items() if text}

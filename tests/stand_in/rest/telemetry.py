"""``/api/telemetry``: metrics and traces of the paid edition."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import time
from collections.abc import AsyncIterator, Iterable, Mapping

from starlette.responses import Response, StreamingResponse

from .. import errors
from ..call import Call, data
from ..clock import parse_rfc3339, rfc3339
from ..events import TYPES, Event, Key
from ..state import Server
from . import area

_INTERVAL_SECONDS = 30
_PING_SECONDS = 30
_THROTTLE_SECONDS = 1
_STREAM = {"content-type": "text/event-stream", "cache-control": "no-store"}
_SHOWN_OF_A_SPAN = ("delivery.attempt-start", "queue.queue-message", "queue.queue-message-authenticated")


@area("telemetry")
async def handle(call: Call) -> Response:
    if not call.server.enterprise:
        raise errors.enterprise_only()
    second = call.segment(2) if len(call.path) > 2 else None
    match call.method, call.segment(1), second:
        case "GET", "traces", None:
            call.token.require("tracing-list")
            _require_trace_store(call)
            return _traces(call)
        case "GET", "traces", "live":
            call.token.require("tracing-live")
            filters = {name: value for name, value in call.query.all().items() if name != "token"}
            return StreamingResponse(_live_traces(call.server, filters), headers=_STREAM)
        case "GET", "trace", identifier:
            call.token.require("tracing-get")
            _require_trace_store(call)
            return _trace(call, identifier)
        case "GET", "live", "tracing-token":
            call.token.require("tracing-live")
            return data(call.server.oauth.issue("live_tracing", call.token.principal_id, "web", 60))
        case "GET", "live", "metrics-token":
            call.token.require("metrics-live")
            return data(call.server.oauth.issue("live_metrics", call.token.principal_id, "web", 60))
        case "GET", "metrics", None:
            call.token.require("metrics-list")
            if not _has_store(call, "metrics.history"):
                raise errors.other("No metrics store has been defined", "You need to configure a metrics store in order to use this feature.")
            return _metrics(call)
        case "GET", "metrics", "live":
            call.token.require("metrics-live")
            names = {name.strip() for name in (call.query.text("metrics") or "").split(",")} - {""}
            return StreamingResponse(_live_metrics(call.server, names, call.query.size("interval") or _INTERVAL_SECONDS), headers=_STREAM)
    raise errors.not_found()


def _has_store(call: Call, prefix: str) -> bool:
    """Whether the settings name a store for it; a paid server keeps no history without one."""
    live = call.server.settings.live
    return live.get(f"{prefix}.enable") == "true" and f"store.{live.get(f'{prefix}.store')}.type" in live


def _require_trace_store(call: Call) -> None:
    if not _has_store(call, "tracing.history"):
        raise errors.unsupported("No tracing store has been configured")


# Traces: the events of one delivery or one message taken, under one number


def _texts(value: Key) -> Iterable[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value.lower()


def _matches(span: list[Event], call: Call) -> bool:
    kind, queue_id = call.query.text("type"), call.query.number("queue_id")
    words = [word.strip('"').lower() for word in re.findall(r'"[^"]*"|\S+', call.query.text("filter") or "")]
    found = [text for event in span for value in event.keys.values() for text in _texts(value)]
    return (
        (kind not in TYPES or any(event.type == kind for event in span))
        and (queue_id is None or any(event.keys.get("queueId") == queue_id for event in span))
        and all(any(word in text for text in found) for word in words)
    )


def _traces(call: Call) -> Response:
    """Newest first; without a filter that narrows it down, those of the last day."""
    before, after = (parse_rfc3339(call.query.text(name) or "") for name in ("before", "after"))
    if not any(call.query.text(name) for name in ("filter", "queue_id", "before", "after")):
        after = int(call.server.now()) - 86_400
    found = [
        (span_id, span)
        for span_id, span in sorted(call.server.events.spans.items(), reverse=True)
        if any("queueId" in event.keys for event in span)
        and (before is None or span[0].timestamp < before)
        and (after is None or span[0].timestamp > after)
        and _matches(span, call)
    ]
    limit = call.query.size("limit")
    skip = max(call.query.size("page") - 1, 0) * limit
    chosen = found[skip : skip + limit] if limit else found
    if "values" not in call.query:
        return data({"items": [span_id for span_id, _ in chosen], "total": len(found)})
    firsts = [next((event for event in span if event.type in _SHOWN_OF_A_SPAN), None) for _, span in chosen]
    return data({"items": [event.json(with_span=True) for event in firsts if event is not None], "total": len(found)})


def _trace(call: Call, identifier: str | None) -> Response:
    wanted = (identifier if identifier is not None else call.query.text("id") or "").split(",")
    spans = call.server.events.spans
    found = [[event.json(with_texts=True) for event in spans.get(int(number), [])] if number.isascii() and number.isdigit() else [] for number in wanted]
    return data(found[0] if len(found) == 1 and identifier is not None else found)


def _passes(event: Event, filters: Mapping[str, str]) -> bool:
    """``filter`` looks into every value; other names are keys, whose values must all be found in the event's."""
    needle = filters.get("filter")
    if needle is not None:
        return any(needle in text for value in event.keys.values() for text in _texts(value))
    wanted = {name: value for name, value in filters.items() if name in event.keys}
    return len(wanted) == len(filters) and all(any(value in text for text in _texts(event.keys[name])) for name, value in wanted.items())


async def _live_traces(server: Server, filters: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Events as they happen, at most one batch a second; an event that passes brings the rest of its span."""
    subscription = server.events.subscribe()
    spans: set[int] = set()
    waiting: list[Event] = []
    last_ping = time.monotonic()
    try:
        while True:
            try:
                event = await asyncio.wait_for(subscription.get(), _THROTTLE_SECONDS)
                if (event.span_id is not None and event.span_id in spans) or _passes(event, filters):
                    if event.span_id is not None and filters:
                        spans.add(event.span_id)
                    waiting.append(event)
                continue
            except asyncio.TimeoutError:
                pass
            if waiting:
                batch = [event.json(with_texts=True) for event in waiting]
                waiting.clear()
                yield f"event: trace\ndata: {json.dumps(batch, separators=(',', ':'))}\n\n".encode()
            elif time.monotonic() - last_ping >= _PING_SECONDS:
                last_ping = time.monotonic()
                yield f'event: ping\ndata: {{"interval": {_PING_SECONDS * 1000}}}\n\n'.encode()
    finally:
        server.events.unsubscribe(subscription)


# Metrics


def _gauges(server: Server) -> dict[str, int]:
    return {
        "server.memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "queue.count": len(server.queue.messages),
        "user.count": server.directory.count("individual", None),
        "domain.count": server.directory.count("domain", None),
    }


def _metrics(call: Call) -> Response:
    server = call.server
    server.metrics.read(server.events, int(server.now()), _gauges(server))
    before, after = (parse_rfc3339(call.query.text(name) or "") for name in ("before", "after"))
    return data(
        [
            {**metric.body, "timestamp": rfc3339(metric.timestamp)}
            for metric in server.metrics.readings
            if (before is None or metric.timestamp < before) and (after is None or metric.timestamp >= after)
        ]
    )


async def _live_metrics(server: Server, names: set[str], interval: int) -> AsyncIterator[bytes]:
    """Everything measured, or what was asked for, again and again. Names of events choose counters, names of metrics the others."""
    counters, others = names & TYPES.keys(), names - TYPES.keys()
    while True:
        metrics: list[dict[str, object]] = [
            {"id": name, "type": "counter", "value": value} for name, value in sorted(server.events.counters.items()) if not counters or name in counters
        ]
        metrics += [{"id": name, "type": "gauge", "value": value} for name, value in _gauges(server).items() if not others or name in others]
        metrics += [
            {"id": name, "type": "histogram", "count": reading.count, "sum": reading.sum}
            for name, reading in sorted(server.events.histograms.items())
            if not others or name in others
        ]
        yield f"event: metrics\ndata: {json.dumps(metrics, separators=(',', ':'))}\n\n".encode()
        await asyncio.sleep(interval)

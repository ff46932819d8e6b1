# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics and traces, stored or live (paid edition)."""

from __future__ import annotations

import itertools
import typing as t

from .._errors import InvalidOption
from .._reconcile.plan import Mode, Outcome
from .._server.models.diagnosis import Metric, TraceEvent
from .._server.port import Server
from .._times import format_time, now
from ._bounds import Duration, Seconds
from ._options import Options, one_or_more, read

Kind = t.Literal["metrics", "live_metrics", "traces", "live_traces"]
_TAKEN: dict[str, tuple[Kind, ...]] = {
    "newer_than": ("metrics", "traces"),
    "older_than": ("metrics", "traces"),
    "names": ("metrics", "live_metrics"),
    "interval": ("live_metrics",),
    "duration": ("live_metrics", "live_traces"),
    "ids": ("traces",),
    "event": ("traces",),
    "queue_id": ("traces",),
    "text": ("traces", "live_traces"),
}


class _TelemetryOptions(Options):
    kind: Kind
    newer_than: Duration | None = None
    older_than: Duration | None = None
    names: tuple[str, ...] = ()
    interval: int | None = None
    duration: Seconds | None = None
    ids: tuple[str, ...] = ()
    event: str = ""
    queue_id: str = ""
    text: str = ""
    limit: int = 100


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Metrics or traces. Results by kind: `metrics`, `samples`, `traces`, `events`; and `total`."""
    lists = {key: one_or_more(options[key]) for key in ("names", "ids") if key in options}
    wanted = read(_TelemetryOptions, {**options, **lists})
    for option, kinds in _TAKEN.items():
        if wanted.given(option) and wanted.kind not in kinds:
            raise InvalidOption(option, f"it is of use with {' or '.join(f'kind: {kind}' for kind in kinds)} only; remove it.")
    if wanted.limit < 1:
        raise InvalidOption("limit", "telemetry grows without end, so a number above 0 is needed.")
    if any(not (each.isascii() and each.isalnum()) for each in wanted.ids):
        raise InvalidOption("ids", "an id of a trace has letters and digits only; use those that this module returns.")
    key, found = _READERS[wanted.kind](server, wanted)
    return Outcome({key: found, "total": len(found)})


def _metrics(server: Server, wanted: _TelemetryOptions) -> tuple[str, list[t.Any]]:
    after, before = _bounds(wanted)
    found = [metric for metric in server.telemetry.metrics(after=after, before=before) if not wanted.names or metric.id in wanted.names]
    return "metrics", [_metric(metric) for metric in found[-wanted.limit :]]


def _live_metrics(server: Server, wanted: _TelemetryOptions) -> tuple[str, list[t.Any]]:
    samples = server.telemetry.live_metrics(names=wanted.names, interval=wanted.interval or 1, limit=_limit(wanted))
    # of the kinds of metrics that are not named, the server tells all
    return "samples", [
        [_metric(metric) for metric in sample if not wanted.names or metric.id in wanted.names] for sample in itertools.islice(samples, wanted.limit)
    ]


def _traces(server: Server, wanted: _TelemetryOptions) -> tuple[str, list[t.Any]]:
    after, before = _bounds(wanted)
    ids: t.Iterable[str] = wanted.ids or server.telemetry.traces(
        event_type=wanted.event, text=wanted.text, queue_id=wanted.queue_id, after=after, before=before
    )
    found = ((trace_id, server.telemetry.trace(trace_id)) for trace_id in itertools.islice(ids, wanted.limit))
    return "traces", [{"id": trace_id, "events": [_event(event) for event in events]} for trace_id, events in found if events]


def _live_traces(server: Server, wanted: _TelemetryOptions) -> tuple[str, list[t.Any]]:
    events = server.telemetry.live_traces(text=wanted.text, limit=_limit(wanted))
    return "events", [_event(event) for event in itertools.islice(events, wanted.limit)]


_READERS: dict[Kind, t.Callable[[Server, _TelemetryOptions], tuple[str, list[t.Any]]]] = {
    "metrics": _metrics,
    "live_metrics": _live_metrics,
    "traces": _traces,
    "live_traces": _live_traces,
}


def _bounds(wanted: _TelemetryOptions) -> tuple[t.Any, t.Any]:
    after, before = (now() - period if period is not None else None for period in (wanted.newer_than, wanted.older_than))
    return after, before


def _limit(wanted: _TelemetryOptions) -> float:
    if wanted.duration == 0:
        raise InvalidOption("duration", "0 leaves no time to watch; use a number of seconds above 0.")
    return 10.0 if wanted.duration is None else wanted.duration


def _metric(metric: Metric) -> dict[str, t.Any]:
    return {key: value for key, value in {**metric.model_dump(), "timestamp": format_time(metric.timestamp)}.items() if value is not None}


def _event(event: TraceEvent) -> dict[str, t.Any]:
    return {**event.model_dump(), "timestamp": format_time(event.timestamp)}

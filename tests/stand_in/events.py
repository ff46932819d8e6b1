"""What happens in the server, as it tells it: log lines, counters, spans of events and live subscribers."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import TYPE_CHECKING

from .clock import rfc3339

if TYPE_CHECKING:
    from .state import Server

Address = IPv4Address | IPv6Address
Key = str | int | float | bool | datetime | Address | Sequence["Key"] | None

# Who is connected, for the events of logins: set where a request or a session begins.
peer: ContextVar[Mapping[str, Key]] = ContextVar("peer", default=MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event: its description, its longer explanation and the level it is logged at."""

    description: str
    explanation: str
    level: str = "INFO"


TYPES: Mapping[str, EventType] = {
    "auth.success": EventType("Authentication successful", "Successful authentication"),
    "auth.failed": EventType("Authentication failed", "Failed authentication", "DEBUG"),
    "delivery.attempt-start": EventType("Delivery attempt started", "A new delivery attempt for the message has started"),
    "delivery.attempt-end": EventType("Delivery attempt ended", "The delivery attempt has ended"),
    "delivery.completed": EventType("Delivery completed", "Delivery was completed for all recipients"),
    "delivery.failed": EventType("Delivery failed", "Message delivery failed due to a temporary error"),
    "delivery.domain-delivery-start": EventType("New delivery attempt for domain", "A new delivery attempt for a domain has started"),
    "delivery.mx-lookup-failed": EventType("MX record lookup failed", "Failed to look up MX records for the domain"),
    "delivery.ip-lookup-failed": EventType("IP address lookup failed", "Failed to look up IP address for the domain"),
    "delivery.connect-error": EventType("Connection error", "Error connecting to the remote server"),
    "delivery.delivered": EventType("Message delivered", "The message was delivered to the recipient"),
    "delivery.double-bounce": EventType("Discarding message after double bounce", "The message was discarded after a double bounce"),
    "delivery.dsn-success": EventType("DSN success notification", "A success delivery status notification was created"),
    "delivery.dsn-temp-fail": EventType("DSN temporary failure notification", "A temporary failure delivery status notification was created"),
    "delivery.dsn-perm-fail": EventType("DSN permanent failure notification", "A permanent failure delivery status notification was created"),
    "dkim.signer-not-found": EventType("DKIM signer not found", "The DKIM signer was not found", "WARN"),
    "incoming-report.dmarc-report": EventType("DMARC report received", "A DMARC report has been received"),
    "incoming-report.dmarc-report-with-warnings": EventType("DMARC report received with warnings", "A DMARC report with warnings has been received", "WARN"),
    "incoming-report.tls-report": EventType("TLS report received", "A TLS report has been received"),
    "incoming-report.tls-report-with-warnings": EventType("TLS report received with warnings", "A TLS report with warnings has been received", "WARN"),
    "incoming-report.abuse-report": EventType("Abuse report received", "An abuse report has been received"),
    "incoming-report.auth-failure-report": EventType("Authentication failure report received", "An authentication failure report has been received"),
    "incoming-report.fraud-report": EventType("Fraud report received", "A fraud report has been received"),
    "incoming-report.not-spam-report": EventType("Not spam report received", "A not spam report has been received"),
    "incoming-report.virus-report": EventType("Virus report received", "A virus report has been received"),
    "incoming-report.other-report": EventType("Other type of report received", "An unknown type of report has been received"),
    "incoming-report.dmarc-parse-failed": EventType("DMARC report parsing failed", "Failed to parse the DMARC report"),
    "incoming-report.tls-rpc-parse-failed": EventType("TLS report parsing failed", "Failed to parse the TLS RPC report"),
    "incoming-report.arf-parse-failed": EventType("ARF report parsing failed", "Failed to parse the ARF report"),
    "incoming-report.decompress-error": EventType("Error decompressing report", "Error decompressing the report"),
    "message-ingest.ham": EventType("Message ingested", "The message has been ingested"),
    "message-ingest.spam": EventType("Possible spam message ingested", "A possible spam message has been ingested"),
    "message-ingest.fts-index": EventType("Full-text search index updated", "The full-text search index has been updated"),
    "mta-sts.policy-not-found": EventType("MTA-STS policy not found", "The MTA-STS policy was not found"),
    "tls-rpt.record-not-found": EventType("TLS-RPT record not found", "The TLS-RPT record was not found"),
    "queue.queue-message": EventType("Queued message for delivery", "A new message was queued for delivery"),
    "queue.queue-message-authenticated": EventType(
        "Queued message submission for delivery", "A new message was queued for delivery from an authenticated client"
    ),
    "queue.queue-dsn": EventType("Queued DSN for delivery", "A delivery status notification was queued for delivery"),
    "queue.rescheduled": EventType("Message rescheduled for delivery", "The message was rescheduled for delivery"),
    "security.unauthorized": EventType("Unauthorized access", "Account does not have permission to access resource"),
    "smtp.mail-from": EventType("SMTP MAIL FROM command", "The remote client sent a MAIL FROM command"),
    "smtp.rcpt-to": EventType("SMTP RCPT TO command", "The remote client sent an RCPT TO command"),
    "smtp.mailbox-does-not-exist": EventType("Mailbox does not exist", "The mailbox does not exist on the server"),
    "smtp.relay-not-allowed": EventType("Relay not allowed", "The server does not allow relaying"),
    "spam.train-started": EventType("Spam classifier training started", "SGD logistic regression training has started"),
    "spam.model-not-ready": EventType("Spam classifier model not ready", "The spam classifier model is not ready"),
}

# What the log tracer of a default installation writes.
_LOGGED = frozenset({"INFO", "WARN", "ERROR"})

LOG_LINES = 20_000
SPANS = 5_000


@dataclass(frozen=True, slots=True)
class Event:
    type: str
    timestamp: float
    keys: Mapping[str, Key]
    span_id: int | None = None
    # Of what the event is part of; a line of the log shows a name that stands in both twice.
    around: Mapping[str, Key] = field(default_factory=dict)

    def json(self, *, with_texts: bool = False, with_span: bool = False) -> dict[str, object]:
        """As the telemetry API shows it."""
        kind = TYPES[self.type]
        texts = {"text": kind.description, "details": kind.explanation} if with_texts else {}
        keys: dict[str, object] = {name: _json_value(value) for name, value in (*self.around.items(), *self.keys.items())}
        if with_span and self.span_id is not None:
            keys["spanId"] = self.span_id
        return {**texts, "createdAt": rfc3339(self.timestamp), "type": self.type, "data": keys}

    def line(self) -> str:
        kind = TYPES[self.type]
        keys = ", ".join(f"{name} = {_log_value(value)}" for name, value in (*self.around.items(), *self.keys.items()))
        return f"{rfc3339(self.timestamp)} {kind.level} {kind.description} ({self.type}) {keys}"


def _json_value(value: Key) -> object:
    if isinstance(value, datetime):
        return rfc3339(value.timestamp())
    return str(value) if isinstance(value, (IPv4Address, IPv6Address)) else value


def _log_value(value: Key) -> str:
    match value:
        case None:
            return "(null)"
        case bool():
            return str(value).lower()
        case datetime():
            return rfc3339(value.timestamp())
        case str():
            return '"' + value.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t") + '"'
        case int() | float() | IPv4Address() | IPv6Address():
            return str(value)
    return "[" + ", ".join(map(_log_value, value)) + "]"


@dataclass(slots=True)
class Histogram:
    count: int = 0
    sum: int = 0


@dataclass(slots=True)
class Metric:
    """One reading that the metrics store holds."""

    timestamp: int
    body: dict[str, object]


class Events:
    """Everything the server has told, bounded in memory."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.lines: deque[str] = deque(maxlen=LOG_LINES)
        self.counters: Counter[str] = Counter()
        self.histograms: dict[str, Histogram] = {}
        self.spans: OrderedDict[int, list[Event]] = OrderedDict()
        self._subscribers: set[asyncio.Queue[Event]] = set()

    def emit(self, kind: str, keys: Mapping[str, Key] | None = None, *, span_id: int | None = None, around: Mapping[str, Key] | None = None) -> None:
        """Tell an event; ``keys`` and ``around`` in the camel case of the server's log, ``span_id`` the delivery or message it belongs to."""
        event = Event(kind, self._server.now(), keys or {}, span_id, around or {})
        self.counters[kind] += 1
        if TYPES[kind].level in _LOGGED:
            self.lines.append(event.line())
        if span_id is not None:
            self.spans.setdefault(span_id, []).append(event)
            while len(self.spans) > SPANS:
                self.spans.popitem(last=False)
        for subscriber in self._subscribers:
            subscriber.put_nowait(event)

    def measure(self, histogram: str, value: int) -> None:
        reading = self.histograms.setdefault(histogram, Histogram())
        reading.count += 1
        reading.sum += value

    def subscribe(self) -> asyncio.Queue[Event]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._subscribers.add(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[Event]) -> None:
        self._subscribers.discard(queue)


@dataclass(slots=True)
class MetricsStore:
    """Readings kept once an hour in a paid edition; the stand-in reads on demand, so that there is something to see."""

    readings: list[Metric] = field(default_factory=list)
    _counters: Counter[str] = field(default_factory=Counter)
    _histograms: dict[str, Histogram] = field(default_factory=dict)

    def read(self, events: Events, timestamp: int, gauges: Mapping[str, int]) -> None:
        """Add what has changed since the last reading."""
        when = rfc3339(timestamp)
        for name, total in sorted(events.counters.items()):
            if name in STORED_COUNTERS and (new := total - self._counters[name]):
                self.readings.append(Metric(timestamp, {"type": "counter", "id": name, "timestamp": when, "value": new}))
                self._counters[name] = total
        for name, value in gauges.items():
            if name in STORED_GAUGES and value:
                self.readings.append(Metric(timestamp, {"type": "gauge", "id": name, "timestamp": when, "value": value}))
        for name, now in sorted(events.histograms.items()):
            before = self._histograms.setdefault(name, Histogram())
            if name in STORED_HISTOGRAMS and now.count > before.count:
                body = {"type": "histogram", "id": name, "timestamp": when, "count": now.count - before.count, "sum": now.sum - before.sum}
                self.readings.append(Metric(timestamp, body))
                self._histograms[name] = Histogram(now.count, now.sum)


STORED_COUNTERS = frozenset(
    "delivery.attempt-start queue.queue-message queue.queue-message-authenticated queue.queue-dsn message-ingest.ham message-ingest.spam "
    "auth.failed incoming-report.dmarc-report incoming-report.dmarc-report-with-warnings incoming-report.tls-report "
    "incoming-report.tls-report-with-warnings".split()
)
STORED_GAUGES = frozenset({"queue.count", "server.memory"})
STORED_HISTOGRAMS = frozenset({"message-ingest.time", "delivery.total-time", "delivery.attempt-time", "dns.lookup-time"})

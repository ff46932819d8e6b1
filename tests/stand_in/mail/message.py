"""Messages in the queue, their recipients, and what became of each."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..clock import rfc3339
from ..expressions import Value
from ..values import registered_domain
from .schedule import DEFAULT_QUEUE, Expiry
from .storage import blob_id

if TYPE_CHECKING:
    from ..state import Server


class Source(enum.Enum):
    """Where a message came from; the value is what expressions see as ``source``."""

    AUTHENTICATED = "authenticated"
    UNAUTHENTICATED = "unauthenticated"
    DSN = "dsn"
    REPORT = "report"


class State(enum.Enum):
    """A recipient's state; the value is its name in the API."""

    SCHEDULED = "scheduled"
    COMPLETED = "completed"
    TEMPORARY_FAILURE = "temp_fail"
    PERMANENT_FAILURE = "perm_fail"


@dataclass(frozen=True, slots=True)
class Reply:
    """What an SMTP server answered; ``command`` is what it answered to."""

    code: int
    enhanced: tuple[int, int, int]
    message: str
    command: str = ""

    def __str__(self) -> str:
        return f"Code: {self.code}, Enhanced code: {'.'.join(map(str, self.enhanced))}, Message: {self.message}"


# Kinds of failure, as expressions see them in last_error, and how each begins in the API.
_FAILURES = {
    "dns": "DNS lookup failed: ",
    "connection": "Connection failed: ",
    "tls": "TLS error: ",
    "io": "Queue error: ",
    "unexpected-reply": "",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a recipient was not reached: the host or domain at fault, the kind, and details or an SMTP reply."""

    entity: str
    kind: str
    details: str = ""
    reply: Reply | None = None

    def details_text(self) -> str:
        if self.reply is not None:
            return f"Unexpected response for {self.reply.command}: {self.reply}"
        return _FAILURES[self.kind] + self.details

    def __str__(self) -> str:
        return f"Error for {self.entity}: {self.details_text()}"


@dataclass(frozen=True, slots=True)
class Status:
    state: State
    failure: Failure | None = None
    hostname: str = ""
    reply: Reply | None = None

    @property
    def pending(self) -> bool:
        return self.state in (State.SCHEDULED, State.TEMPORARY_FAILURE)

    def json(self) -> str | dict[str, str]:
        name = str(self.state.value)
        return name if self.state is State.SCHEDULED else {name: str(self.reply if self.state is State.COMPLETED else self.failure)}


SCHEDULED = Status(State.SCHEDULED)


def delivered(hostname: str, reply: Reply) -> Status:
    return Status(State.COMPLETED, hostname=hostname, reply=reply)


def failed(failure: Failure, *, permanently: bool) -> Status:
    return Status(State.PERMANENT_FAILURE if permanently else State.TEMPORARY_FAILURE, failure)


@dataclass(slots=True)
class Recipient:
    """Times in seconds since 1970. ``notify`` has what the sender wants to hear of: success, delay, failure."""

    address: str
    retry_due: int
    notify_due: int
    expiry: Expiry = field(default_factory=Expiry)
    queue: str = DEFAULT_QUEUE
    status: Status = SCHEDULED
    retries: int = 0
    notices: int = 0
    notify: frozenset[str] = frozenset()
    dsn_sent: bool = False
    is_spam: bool = False
    original: str | None = None

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def expired(self, created: int, now: int) -> bool:
        at = self.expiry.at(created)
        return self.retries >= self.expiry.attempts if at is None else at <= now

    def next_event(self, created: int) -> int:
        at = self.expiry.at(created)
        due = min(self.retry_due, self.notify_due)
        return due if at is None else min(due, at)

    def json(self, created: int, now: int) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "address": self.address,
            "queue": self.queue,
            "status": self.status.json(),
            "retry_num": self.retries,
            "next_retry": rfc3339(self.retry_due),
        }
        if self.notify_due > now:
            shown["next_notify"] = rfc3339(self.notify_due)
        if (at := self.expiry.at(created)) is not None:
            shown["expires"] = rfc3339(at)
        if self.original is not None:
            shown["orcpt"] = self.original
        return shown


@dataclass(slots=True)
class Message:
    id: int
    created: int
    return_path: str
    source: Source
    blob: bytes = b""
    size: int = 0
    recipients: list[Recipient] = field(default_factory=list)
    received_from: str = "127.0.0.1"
    received_via: int = 0

    def pending(self, queue: str | None = None) -> list[Recipient]:
        return [recipient for recipient in self.recipients if recipient.status.pending and queue in (None, recipient.queue)]

    def next_delivery(self, queue: str | None = None) -> int | None:
        return min((recipient.retry_due for recipient in self.pending(queue)), default=None)

    def next_events(self) -> dict[str, int]:
        """The earliest thing to do in each queue: an attempt, a notice or giving up."""
        events: dict[str, int] = {}
        for recipient in self.pending():
            due = recipient.next_event(self.created)
            events[recipient.queue] = min(due, events.get(recipient.queue, due))
        return events

    def has_domain(self, domains: frozenset[str]) -> bool:
        sender = self.return_path.rpartition("@")[2] if "@" in self.return_path else ""
        return sender in domains or any(recipient.domain in domains for recipient in self.recipients)

    def json(self, now: int) -> dict[str, Any]:
        return {
            "id": self.id,
            "return_path": self.return_path,
            "recipients": [recipient.json(self.created, now) for recipient in self.recipients],
            "created": rfc3339(self.created),
            "size": self.size,
            "blob_hash": blob_id(self.blob),
        }


def lower_domain(address: str) -> str:
    """An address as the queue keeps it: only its domain in lower case."""
    local, at, domain = address.rpartition("@")
    return local + at + domain.lower()


class Envelope:
    """What expressions may ask about a message and one of its recipients."""

    def __init__(self, server: Server, message: Message, recipient: Recipient | None = None, **variables: Value) -> None:
        self._server = server
        self._message = message
        self._recipient = recipient
        self._variables = variables

    def variable(self, name: str) -> Value:
        if name in self._variables:
            return self._variables[name]
        message, recipient, now = self._message, self._recipient, int(self._server.now())
        readers: dict[str, Callable[[], Value]] = {
            "sender": lambda: message.return_path,
            "sender_domain": lambda: message.return_path.rpartition("@")[2],
            "recipients": lambda: [other.address for other in message.recipients],
            "source": lambda: message.source.value,
            "size": lambda: message.size,
            "queue_age": lambda: max(now - message.created, 0),
            "received_from_ip": lambda: message.received_from,
            "received_via_port": lambda: message.received_via,
            "priority": lambda: 0,
        }
        if recipient is not None:
            at = recipient.expiry.at(message.created)
            failure = recipient.status.failure
            readers |= {
                "rcpt": lambda: recipient.address,
                "rcpt_domain": lambda: recipient.domain,
                "retry_num": lambda: recipient.retries,
                "notify_num": lambda: recipient.notices,
                "expires_in": lambda: max((recipient.expiry.attempts - recipient.retries) if at is None else at - now, 0),
                "last_error": lambda: failure.kind if failure else "none",
                "last_status": lambda: recipient.status.state.value,
                "queue_name": lambda: recipient.queue,
            }
        return readers[name]() if name in readers else ""

    def setting(self, key: str) -> str:
        match key:
            case "server.hostname":
                return self._server.hostname
            case "report.domain":
                return self._server.settings.live.get(key, "").lower() or registered_domain(self._server.hostname) or self._server.hostname
        return self._server.settings.get(key) or ""  # past the reload: the server looks at what is stored

    def is_local_domain(self, domain: str) -> bool:
        return self._server.directory.is_local_domain(domain)

    def is_local_address(self, address: str) -> bool:
        return self._server.directory.recipient(address) is not False

"""The queue of messages that leave or go into mailboxes here, and the manager that works it off.

The manager is the server's, habits included: it looks at the queue when it is woken, when something falls due, or after five minutes, and a pause
makes it forget the time: started again, it sleeps on until a new message or a changed one wakes it.
"""

from __future__ import annotations

import asyncio
import copy
import enum
import re
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..clock import rfc822
from ..events import Key
from ..expressions import IfBlock, strings
from . import authentication, signing, spam
from .delivery import Attempt
from .message import Envelope, Message, Recipient, Source, lower_domain
from .schedule import DEFAULT_QUEUE, Expiry, strategy

if TYPE_CHECKING:
    from ..state import Server

REFRESH_SECONDS = 300
_PAUSED_SECONDS = 86_400
_EPOCH = 1_713_900_000  # queue ids count milliseconds from here

_SIGN = IfBlock.of("false", ("is_local_domain('*', sender_domain)", "['rsa-' + sender_domain, 'ed25519-' + sender_domain]"))
_ADDED_HEADER = IfBlock.of("false", ("local_port == 25", "true"))

# Which checks a message goes through, and by which setting.
_STRATEGIES = frozenset({"relaxed", "strict", "disable", "disabled", "never", "none"})
_ALWAYS = IfBlock.of("relaxed", constants=_STRATEGIES)
_ON_PORT_25 = IfBlock.of("disable", ("local_port == 25", "relaxed"), constants=_STRATEGIES)
_CHECKS = {
    "reverse": ("auth.iprev.verify", _ON_PORT_25),
    "ehlo": ("auth.spf.verify.ehlo", _ON_PORT_25),
    "sender": ("auth.spf.verify.mail-from", _ON_PORT_25),
    "signatures": ("auth.dkim.verify", _ALWAYS),
    "dmarc": ("auth.dmarc.verify", _ON_PORT_25),
}
_DEFAULT_NOTIFY = frozenset({"delay", "failure"})
_HEADER_NAME = re.compile(rb"^([!-9;-~]+)[ \t]*:", re.MULTILINE)

# The header fields that the server's parser knows; a message without any of them is none.
_KNOWN_HEADERS = frozenset(
    b"subject from to cc date bcc reply-to sender comments in-reply-to keywords received message-id references return-path mime-version "
    b"content-description content-id content-language content-location content-transfer-encoding content-type content-disposition resent-to "
    b"resent-from resent-bcc resent-cc resent-sender resent-date resent-message-id list-archive list-help list-id list-owner list-post "
    b"list-subscribe list-unsubscribe dkim-signature arc-authentication-results arc-message-signature arc-seal".split()
)


def header_names(content: bytes) -> set[bytes]:
    """The names of a message's header fields, in lower case."""
    head = content.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    return {name.lower() for name in _HEADER_NAME.findall(head)}


def is_message(content: bytes) -> bool:
    """Whether the server would take this for a message at all."""
    return bool(header_names(content) & _KNOWN_HEADERS)


@dataclass(slots=True)
class Accepted:
    """A message that an SMTP listener took: envelope and content, line ends CRLF. ``lists``: recipients that stand in for a list -> the list."""

    sender: str
    recipients: list[str]
    content: bytes
    ehlo_domain: str
    remote_ip: str
    authenticated_as: str | None
    tls: bool
    lists: dict[str, str] = field(default_factory=dict)


class _Kind(enum.Enum):
    REFRESH = enum.auto()
    PAUSE = enum.auto()
    RESUME = enum.auto()


@dataclass(frozen=True, slots=True)
class _Done:
    """An attempt has ended; ``again`` is set where the message is still there."""

    key: tuple[int, str]
    again: bool


@dataclass(slots=True)
class _Manager:
    """What the manager knows between two looks at the queue."""

    paused: bool = False
    locked: set[tuple[int, str]] = field(default_factory=set)


class Queue:
    def __init__(self, server: Server) -> None:
        self._server = server
        self.messages: dict[int, Message] = {}
        self.running = True  # what the API says; the manager follows a moment later
        self._due: set[tuple[int, int, str]] = set()
        self._manager = _Manager()
        self._inbox: asyncio.Queue[_Kind | _Done] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_id = 0

    async def start(self) -> None:
        """Called once, when the event loop runs."""
        self._spawn(self._manage())

    async def stop(self) -> None:
        """Called once, at the end; ends background tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What the API does

    def pause(self, paused: bool) -> None:
        self._inbox.put_nowait(_Kind.PAUSE if paused else _Kind.RESUME)

    def wake(self) -> None:
        self._inbox.put_nowait(_Kind.REFRESH)

    def read(self, message_id: int) -> Message | None:
        """A copy, to be changed and saved."""
        message = self.messages.get(message_id)
        return copy.deepcopy(message) if message else None

    def save(self, message: Message, queue: str = DEFAULT_QUEUE, previous: tuple[int, int, str] | None = None) -> None:
        """Keep a changed message. Where recipients wait in other queues than ``queue``, only those of ``queue`` are kept: the server's way."""
        self._due.discard(previous or (0, 0, ""))
        self._due |= {(due, message.id, name) for name, due in message.next_events().items()}
        current = self.messages.get(message.id)
        if current is not None and any(recipient.queue != queue for recipient in current.pending()):
            for index, recipient in enumerate(message.recipients):
                if recipient.queue == queue:
                    current.recipients[index] = recipient
        else:
            self.messages[message.id] = message

    def replace(self, message: Message) -> None:
        """Keep a changed message as it is: what servers from 0.16 on do."""
        self._due = {entry for entry in self._due if entry[1] != message.id}
        self._due |= {(due, message.id, name) for name, due in message.next_events().items()}
        self.messages[message.id] = message

    def remove(self, message: Message, previous: tuple[int, int, str] | None = None) -> None:
        self._due -= {previous} if previous else {(due, message.id, name) for name, due in message.next_events().items()}
        if self.messages.pop(message.id, None) is not None:
            self._server.mail.unlink_blob(message.blob, ("queue", message.id, 0))

    async def remove_all(self, ids: Sequence[int]) -> None:
        """Cancel messages; a running queue is paused meanwhile, and so sleeps on afterwards."""
        running = self.running
        if running:
            self.pause(True)
            await asyncio.sleep(0.01)
        for message_id in ids:
            if (message := self.read(message_id)) is not None:
                self.remove(message)
        if running:
            self.pause(False)

    # What comes in

    def new_id(self) -> int:
        self._last_id = max(self._last_id + 1, int((self._server.now() - _EPOCH) * 1000) << 22)
        return self._last_id

    async def accept(self, accepted: Accepted) -> str:
        """Take a message: analyse it as a report, add headers, sign it, queue it. Returns the SMTP reply."""
        server = self._server
        if not is_message(accepted.content):
            return "550 5.7.7 Failed to parse message."
        now = int(server.now())
        source = Source.AUTHENTICATED if accepted.authenticated_as is not None else Source.UNAUTHENTICATED
        message = Message(self.new_id(), now, lower_domain(accepted.sender), source, received_from=accepted.remote_ip)
        message.received_via = 25 if accepted.authenticated_as is None else 587
        envelope = Envelope(
            server,
            message,
            local_port=message.received_via,
            remote_ip=accepted.remote_ip,
            authenticated_as=accepted.authenticated_as or "",
            helo_domain=accepted.ehlo_domain,
            is_tls=int(accepted.tls),
        )
        is_report = server.reports.addressed(accepted.recipients)
        checks, strict = self._check(accepted, envelope)
        if "signatures" in strict and not any(signature.result.kind == "pass" for signature in checks.signatures):
            return "550 5.7.20 No passing DKIM signatures found."
        if not is_report:
            server.reports.schedule(checks, accepted.sender, accepted.ehlo_domain, accepted.remote_ip, envelope)
        if "dmarc" in strict and checks.dmarc.policy == "reject" and checks.dmarc.result.kind != "pass":
            return "550 5.7.1 Email rejected per DMARC policy."
        if is_report:
            forward = server.settings.live.get("report.analysis.forward", "true") == "true"
            server.spawn(server.reports.analyse(accepted.content))
            if not forward:
                return "250 2.0.0 Message queued for delivery."
        verdict = spam.Verdict()
        if message.received_via == 25 and spam.enabled(server.settings.live):
            verdict = spam.classify(
                server.settings.live,
                spam.Input(
                    accepted.content,
                    accepted.remote_ip,
                    accepted.ehlo_domain,
                    accepted.sender,
                    accepted.recipients,
                    checks,
                    server.resolver,
                    accepted.tls,
                ),
                now,
                early=not server.at_least(0, 15),
            )
            if verdict.action == "reject":
                return "550 5.7.1 Message rejected due to excessive spam score."
            if verdict.action == "discard":
                return "250 2.0.0 Message queued for delivery."
        headers = self._headers(message, accepted, envelope, checks, verdict)
        if server.at_least(0, 16):
            message.size = len(headers) + len(accepted.content)  # signatures do not count there
            ids = server.objects.signing_ids(accepted.sender, accepted.authenticated_as is not None)
        else:
            ids = strings(IfBlock.live(server.settings.live, "auth.dkim.sign", _SIGN).evaluate(envelope))
        headers = self.sign(headers, accepted.content, ids)
        for address in sorted(accepted.recipients, key=lambda address: (address.lower().rpartition("@")[2], address.lower())):
            recipient = Recipient(lower_domain(address), now, now, notify=_DEFAULT_NOTIFY, is_spam=verdict.is_spam)
            if address.lower() in accepted.lists:
                recipient.original = f"rfc822;{accepted.lists[address.lower()]}"
            message.recipients.append(recipient)
            plan = strategy(server.settings.live, Envelope(server, message, recipient))
            recipient.notify_due = now + plan.notify[0]
            recipient.expiry, recipient.queue = plan.expiry, plan.queue
        self.put(message, headers + accepted.content)
        return f"250 2.0.0 Message queued with id {message.id:x}."

    def _check(self, accepted: Accepted, envelope: Envelope) -> tuple[authentication.Checks, set[str]]:
        """The checks that the settings ask for, and which of them are strict. (Strictness of SPF and reverse names is left out.)"""
        server = self._server
        strategies = {name: IfBlock.live(server.settings.live, key, block, _STRATEGIES).evaluate(envelope) for name, (key, block) in _CHECKS.items()}
        left_out = frozenset(name for name, strategy in strategies.items() if strategy in ("disable", "disabled", "never", "none"))
        checks = authentication.check(server.resolver, accepted.content, accepted.remote_ip, accepted.sender, accepted.ehlo_domain, int(server.now()), left_out)
        return checks, {name for name, strategy in strategies.items() if strategy == "strict"}

    def _headers(self, message: Message, accepted: Accepted, envelope: Envelope, checks: authentication.Checks, verdict: spam.Verdict) -> bytes:
        """What the listener puts ahead of a message."""
        live, hostname = self._server.settings.live, self._server.hostname

        def wants(name: str) -> bool:
            return bool(IfBlock.live(live, f"session.data.add-headers.{name}", _ADDED_HEADER).evaluate(envelope))

        protocol = f"ESMTP{'S' if accepted.tls else ''}{'A' if accepted.authenticated_as is not None else ''}"
        present = header_names(accepted.content)
        lines: list[str] = []
        if wants("received"):
            lines.append(f"Received: from {accepted.ehlo_domain} ({checks.reverse.name or 'unknown'} [{accepted.remote_ip}])")
            lines.append(f"\tby {hostname} (Stalwart SMTP) with {protocol} id {message.id:X};")
            lines.append(f"\t{rfc822(message.created)}")
        if wants("auth-results"):
            results = checks.results(hostname, accepted.sender, accepted.ehlo_domain, accepted.remote_ip)
            lines.append(f"Authentication-Results: {hostname}" + ("".join(f";\r\n\t{result}" for result in results) or "; none"))
        if wants("received-spf") and "sender" not in checks.left_out:
            sender = accepted.sender.lower() or f"postmaster@{accepted.ehlo_domain}"
            lines.append(f"Received-SPF: {checks.sender.header(hostname, sender, accepted.remote_ip)}")
            lines.append(f'\treceiver={hostname}; client-ip={accepted.remote_ip}; envelope-from="{sender}"; helo={accepted.ehlo_domain};')
        head = "".join(line + "\r\n" for line in lines) + verdict.headers
        if wants("return-path"):
            head += f"Return-Path: <{message.return_path}>\r\n"
        if b"date" not in present and wants("date"):
            head += f"Date: {rfc822(message.created)}\r\n"
        if b"message-id" not in present and wants("message-id"):
            head += f"Message-ID: <{message.id:x}@{hostname}>\r\n"
        return head.encode()

    def sign(self, headers: bytes, content: bytes, ids: Sequence[str], keys: Mapping[str, Key] | None = None) -> bytes:
        """``headers`` with a signature of each id behind them; ids without a usable key are told, with ``keys``, and left out."""
        signed, missing = signing.signatures(self._server.settings.live, ids, headers, content, int(self._server.now()))
        for signature_id in missing:
            self._server.events.emit("dkim.signer-not-found", {**(keys or {}), "id": signature_id})
        return signed

    def put(self, message: Message, content: bytes, keys: Mapping[str, Key] | None = None) -> None:
        """Queue a message whose recipients are set; ``keys`` are those of the attempt that it comes from."""
        server = self._server
        message.size = message.size or len(content)
        message.blob = server.mail.put_blob(content, ("queue", message.id, 0))
        self.messages[message.id] = message
        self._due |= {(due, message.id, name) for name, due in message.next_events().items()}
        kind = {Source.AUTHENTICATED: "queue.queue-message-authenticated", Source.DSN: "queue.queue-dsn"}.get(message.source, "queue.queue-message")
        to = [recipient.address for recipient in message.recipients]
        own: dict[str, Key] = {"queueId": message.id, "from": message.return_path or "<>", "to": to, "size": message.size}
        times = {"nextRetry": message.next_delivery(), "nextDsn": min(recipient.notify_due for recipient in message.recipients)}
        dates: dict[str, Key] = {name: datetime.fromtimestamp(value, timezone.utc) for name, value in times.items() if value is not None}
        server.events.emit(kind, {**own, **dates}, span_id=message.id, around=keys)
        self.wake()

    def put_notice(self, to: str, content: bytes, ids: Sequence[str], keys: Mapping[str, Key]) -> None:
        """Queue a notification, signed, to a sender; it comes from nobody, so that it is never answered."""
        server, now = self._server, int(self._server.now())
        message = Message(self.new_id(), now, "", Source.DSN)
        recipient = Recipient(lower_domain(to), now, now, Expiry())
        message.recipients.append(recipient)
        # The server decides the queue before it knows that this is a notification.
        message.source = Source.UNAUTHENTICATED
        plan = strategy(server.settings.live, Envelope(server, message, recipient, source="unknown"))
        message.source = Source.DSN
        # Counted from now twice: the server's own slip, which puts the first notice out of reach.
        recipient.notify_due = 2 * now + plan.notify[0]
        recipient.expiry, recipient.queue = plan.expiry, plan.queue
        self.put(message, self.sign(b"", content, ids, keys) + content, keys)

    # The manager

    async def _manage(self) -> None:
        manager, next_look = self._manager, time.monotonic() + 1
        while True:
            look = False
            try:
                event = await asyncio.wait_for(self._inbox.get(), max(0.0, next_look - time.monotonic()))
            except asyncio.TimeoutError:
                look = True
            else:
                look = self._handle(event)
                while not self._inbox.empty():
                    look = self._handle(self._inbox.get_nowait()) or look
            if manager.paused:
                next_look = time.monotonic() + _PAUSED_SECONDS
            elif look or next_look <= time.monotonic():
                next_look = time.monotonic() + self._work()

    def _handle(self, event: _Kind | _Done) -> bool:
        """Whether the queue is to be looked at after this event."""
        if isinstance(event, _Done):
            self._manager.locked.discard(event.key)
            return event.again or bool(self._manager.locked)
        if event is _Kind.REFRESH:
            return True
        self._manager.paused = event is _Kind.PAUSE
        self.running = not self._manager.paused
        return False

    def _work(self) -> float:
        """Begin what is due; answers the seconds until something falls due next."""
        now = self._server.now()
        wait = float(REFRESH_SECONDS)
        for entry in sorted(self._due):
            due, message_id, queue = entry
            if due > int(now):
                return min(wait, due - now + 0.01)
            if (message_id, queue) not in self._manager.locked:
                self._manager.locked.add((message_id, queue))
                self._spawn(self._deliver(entry))
        return wait

    async def _deliver(self, entry: tuple[int, int, str]) -> None:
        _, message_id, queue = entry
        again = False
        try:
            message = self.read(message_id)
            if message is None:
                self._due.discard(entry)
            else:
                again = await Attempt(self._server, message, queue).run()
                if message_id not in self.messages:  # cancelled meanwhile
                    self._due.discard(entry)
                elif again:
                    self.save(message, queue, entry)
                else:
                    self.remove(message, entry)
        finally:
            self._inbox.put_nowait(_Done((message_id, queue), again))

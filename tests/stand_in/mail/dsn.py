"""Delivery status notifications: what the sender is told of mail that is late, lost or, if asked for, delivered."""

from __future__ import annotations

import quopri
import secrets
from dataclasses import dataclass, field
from email.utils import formatdate

from .message import Failure, Message, Recipient, State

_HEADER_BYTES = 4096
_LINE = 78


@dataclass(slots=True)
class Notice:
    """The parts of a notification while it is put together: sentences by outcome, and the fields of each recipient."""

    success: list[str] = field(default_factory=list)
    delay: list[str] = field(default_factory=list)
    failure: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.success or self.delay or self.failure)


def collect(message: Message, now: int) -> Notice:
    """What there is to tell at ``now``; marks recipients that need no further notice."""
    notice = Notice()
    for recipient in message.recipients:
        if recipient.dsn_sent or "never" in recipient.notify:
            continue
        state = recipient.status.state
        if state is State.COMPLETED:
            recipient.dsn_sent = True
            if "success" in recipient.notify:
                notice.success.append(_delivered(recipient))
                notice.fields.append(_fields(message, recipient, now))
        elif state is State.PERMANENT_FAILURE:
            recipient.dsn_sent = True
            if "failure" in recipient.notify:
                notice.failure.append(_undelivered(recipient))
                notice.fields.append(_fields(message, recipient, now))
        elif recipient.notify_due <= now and "delay" in recipient.notify:
            notice.delay.append(_undelivered(recipient))
            notice.fields.append(_fields(message, recipient, now))
    return notice


def _delivered(recipient: Recipient) -> str:
    reply = recipient.status.reply
    code, enhanced, words = (reply.code, reply.enhanced, reply.message) if reply else (250, (2, 0, 0), "OK")
    return f"<{recipient.address}> (delivered to '{recipient.status.hostname}' with code {code} ({_dotted(enhanced)}) '{words}')"


def _undelivered(recipient: Recipient) -> str:
    failure = recipient.status.failure or Failure("localhost", "io", "Too many concurrent connections to remote server")
    if failure.reply is not None:
        reply = failure.reply
        said = f"with code {reply.code} ({_dotted(reply.enhanced)}) '{reply.message}'"
        what = f"host '{failure.entity}' rejected command '{reply.command}' {said}"
    else:
        what = {
            "dns": f"failed to lookup '{failure.entity}': {failure.details}",
            "connection": f"connection to '{failure.entity}' failed: {failure.details}",
            "tls": f"TLS error from '{failure.entity}': {failure.details}",
        }.get(failure.kind, f"queue error: {failure.details}")
    return f"<{recipient.address}> ({what})"


def _dotted(enhanced: tuple[int, int, int]) -> str:
    return ".".join(map(str, enhanced))


_ACTIONS = {State.COMPLETED: "delivered", State.PERMANENT_FAILURE: "failed", State.TEMPORARY_FAILURE: "delayed", State.SCHEDULED: "delayed"}


def _fields(message: Message, recipient: Recipient, now: int) -> str:
    status, failure = recipient.status, recipient.status.failure
    reply = status.reply or (failure.reply if failure else None)
    lines = [f"Original-Recipient: rfc822;{recipient.original}"] if recipient.original else []
    lines += [f"Final-Recipient: rfc822;{recipient.address}", f"Action: {_ACTIONS[status.state]}"]
    lines.append("Status: " + (_dotted(reply.enhanced) if reply else "5.0.0" if status.state is State.PERMANENT_FAILURE else "4.0.0"))
    if failure and failure.reply:
        lines.append(f"Diagnostic-Code: smtp;{failure.reply.code} {failure.reply.message}")
    if status.hostname or (failure and failure.kind in ("unexpected-reply", "connection", "tls")):
        lines.append(f"Remote-MTA: dns;{status.hostname or (failure.entity if failure else '')}")
    expires = recipient.expiry.at(message.created)
    if status.pending and expires is not None and expires > now:
        lines.append(f"Will-Retry-Until: {formatdate(expires)}")
    return "".join(line + "\r\n" for line in lines)


def _sentences(notice: Notice) -> tuple[str, str]:
    """Subject and text."""
    kinds = [kind for kind, lines in (("success", notice.success), ("delay", notice.delay), ("failure", notice.failure)) if lines]
    mixed = len(kinds) > 1
    if not mixed:
        subject, opening = {
            "success": ("Successfully delivered message", "Your message has been successfully delivered to the following recipients:"),
            "delay": ("Warning: Delay in message delivery", "There was a temporary problem delivering your message to the following recipients:"),
            "failure": ("Failed to deliver message", "Your message could not be delivered to the following recipients:"),
        }[kinds[0]]
    elif notice.success:
        subject, opening = "Partially delivered message", "Your message has been partially delivered:"
    else:
        subject, opening = (
            "Warning: Temporary and permanent failures during message delivery",
            "Your message could not be delivered to some recipients:",
        )
    out = [opening, ""]
    for lines, title in (
        (notice.success, "Delivery to the following addresses was successful"),
        (notice.delay, "There was a temporary problem delivering to these addresses"),
        (notice.failure, "Delivery to the following addresses failed"),
    ):
        if lines:
            out += [f"    ----- {title} -----"] if mixed else []
            out += [*lines, ""]
    return subject, "\r\n".join(out) + "\r\n"


def _part(boundary: str, kind: str, text: str) -> str:
    """One part; long lines and other than ASCII make it quoted-printable."""
    encoded, encoding = text, "7bit"
    if not text.isascii() or any(len(line) > _LINE for line in text.split("\r\n")):
        encoded = quopri.encodestring(text.replace("\r\n", "\n").encode()).decode().replace("\n", "\r\n")
        encoding = "quoted-printable"
    return f'\r\n--{boundary}\r\nContent-Type: {kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{encoded}\r\n'


def build(notice: Notice, message: Message, original: bytes, *, sender_name: str, sender_address: str, reporting_mta: str, now: int) -> bytes:
    """The notification to a message's sender; ``original`` is the message's content, of which it shows the header."""
    subject, sentences = _sentences(notice)
    boundary = f"{now:x}_{secrets.token_hex(8)}_{secrets.token_hex(8)}"
    head = original[:_HEADER_BYTES]
    header = head.partition(b"\r\n\r\n")[0] + b"\r\n" if b"\r\n\r\n" in head else head
    report = f"Reporting-MTA: dns;{reporting_mta}\r\nArrival-Date: {formatdate(message.created)}\r\n\r\n" + "".join(f + "\r\n" for f in notice.fields)
    headers = (
        f'From: "{sender_name}" <{sender_address}>',
        f"To: {message.return_path}",
        "Auto-Submitted: auto-generated",
        f"Message-ID: <{now:x}.{secrets.token_hex(8)}.{secrets.token_hex(8)}@{reporting_mta}>",
        f"Subject: {subject}",
        f"Date: {formatdate(now)}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type="delivery-status"; \r\n\tboundary="{boundary}"',
    )
    parts = (
        _part(boundary, "text/plain", sentences),
        _part(boundary, "message/delivery-status", report),
        _part(boundary, "message/rfc822", header.decode("utf-8", "replace")),
    )
    return ("\r\n".join(headers) + "\r\n\r\n" + "".join(parts) + f"\r\n--{boundary}--\r\n").encode()

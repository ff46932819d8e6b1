"""Delivery status notifications: what the sender is told of mail that is late, lost or, if asked for, delivered."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from ..clock import rfc822
from .message import Failure, Message, Recipient, State

_HEADER_BYTES = 4096
_LINE = 78
_QUOTED_LINE = 75


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
        lines.append(f"Will-Retry-Until: {rfc822(expires)}")
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


def _quote_line(line: str) -> str:
    """Quoted-printable, broken where the server breaks it: after 75 characters and before an equals sign."""
    out, width = [], 0
    for byte in line.encode():
        token = chr(byte) if (0x20 <= byte < 0x7F and byte != 0x3D) or byte == 0x09 else f"={byte:02X}"
        if width + len(token) > _QUOTED_LINE:
            out.append("=\r\n")
            width = 0
        out.append(token)
        width += len(token)
    return "".join(out)


def _part(boundary: str, kind: str, text: str) -> str:
    """One part; long lines and other than ASCII make it quoted-printable."""
    encoded, encoding = text, "7bit"
    if not text.isascii() or any(len(line) > _LINE for line in text.split("\r\n")):
        encoded, encoding = "\r\n".join(map(_quote_line, text.split("\r\n"))), "quoted-printable"
    return f'\r\n--{boundary}\r\nContent-Type: {kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{encoded}'


def build(notice: Notice, message: Message, original: bytes, *, sender_name: str, sender_address: str, reporting_mta: str, now: int) -> bytes:
    """The notification to a message's sender; ``original`` is the message's content, of which it shows the header."""
    subject, sentences = _sentences(notice)
    boundary = "_".join(secrets.token_hex(8) for _ in range(3))
    head = original[:_HEADER_BYTES]
    header = head.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if b"\r\n\r\n" in head else head
    number = ".".join(secrets.token_hex(8) for _ in range(3))
    report = f"Reporting-MTA: dns;{reporting_mta}\r\nArrival-Date: {rfc822(message.created)}\r\n\r\n" + "".join(f + "\r\n" for f in notice.fields)
    headers = (
        f'From: "{sender_name}" <{sender_address}>',
        f"To: {message.return_path}",
        "Auto-Submitted: auto-generated",
        f"Message-ID: <<{number}@{reporting_mta}>>",  # doubled brackets: the server's own slip
        f"Subject: {subject}",
        f"Date: {rfc822(now)}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type="delivery-status"; \r\n\tboundary="{boundary}"',
    )
    parts = (
        _part(boundary, "text/plain", sentences),
        _part(boundary, "message/delivery-status", report),
        _part(boundary, "message/rfc822", header.decode("utf-8", "replace")),
    )
    return ("\r\n".join(headers) + "\r\n\r\n" + "".join(parts) + f"\r\n--{boundary}--\r\n").encode()

"""SMTP listeners: one that stands for port 25, one for submission after a login; with the server's checks of senders and recipients.

The pause that the server makes before it refuses (``session.rcpt.errors.wait``, five seconds) is left out: nobody learns anything from it.
"""

from __future__ import annotations

import asyncio
import ipaddress
from functools import partial
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from .. import errors
from ..events import Key, peer
from ..values import domain_of
from .queue import Accepted

if TYPE_CHECKING:
    from ..access import AccessToken
    from ..state import Server

_MESSAGE_LIMIT = 104_857_600


# What the library says by itself, and how the server says it.
_SENTENCES = {
    "503 Error: need MAIL command": "503 5.5.1 MAIL is required first.",
    "503 Error: need RCPT command": "503 5.5.1 RCPT is required first.",
    "503 Error: nested MAIL command": "503 5.5.1 Multiple MAIL commands not allowed.",
    "503 Error: send HELO first": "503 5.5.1 Polite people say EHLO first.",
    "503 Already authenticated": "503 5.5.1 Already authenticated.",
    "504 5.5.4 Unrecognized authentication type": "554 5.7.8 Authentication mechanism not supported.",
    "501 5.5.2 Can't decode base64": "500 5.5.6 Invalid challenge.",
    "553 5.1.3 Error: malformed address": "501 5.1.3 Bad destination mailbox address syntax.",
    "252 Cannot VRFY user, but will accept message and attempt delivery": "252 2.5.1 VRFY is disabled.",
    "250 OK": "250 2.0.0 OK",
    "221 Bye": "221 2.0.0 Bye.",
    "354 End data with <CR><LF>.<CR><LF>": "354 Start mail input; end with <CRLF>.<CRLF>",
}


class _Protocol(SMTP):
    """The library's protocol with the server's words; lines of mail may be as long as the message."""

    line_length_limit = _MESSAGE_LIMIT

    async def push(self, status: str | bytes) -> None:
        text = status.decode() if isinstance(status, bytes) else status
        if text.startswith("500 Error: command "):
            text = "500 5.5.1 Invalid command."
        await super().push(_SENTENCES.get(text, text))


class _Handler:
    """One connection's answers."""

    def __init__(self, server: Server, submission: bool) -> None:
        self._server = server
        self._submission = submission
        self._refused = 0
        self._lists: dict[str, str] = {}

    async def handle_MAIL(self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        caller: AccessToken | None = session.auth_data if session.authenticated else None
        if self._submission and caller is None:
            return "503 5.5.1 You must authenticate first."
        address = "" if address == "<>" else address
        if address and "@" not in address:
            return "501 5.1.8 Bad sender's system address."
        if caller is not None and self._setting("session.auth.must-match-sender", True):
            sender = address.lower()
            own = [caller.name, *caller.emails]
            if sender not in own and not any(mine.startswith("@") and sender.endswith(mine) for mine in own):
                return "501 5.5.4 You are not allowed to send from this address."
        self._lists.clear()
        self._tell("smtp.mail-from", session, {"from": address or "<>"})
        envelope.mail_from = address or "<>"  # an empty one is none to the library
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if len(envelope.rcpt_tos) >= 100:
            return "455 4.5.3 Too many recipients."
        if not all(address.rpartition("@")):
            return "501 5.1.3 Bad destination mailbox address syntax."
        wanted = address.lower()
        if wanted in (other.lower() for other in envelope.rcpt_tos):
            return "250 2.1.5 OK"
        directory = self._server.directory
        recipients = [address]
        if directory.is_local_domain(domain_of(wanted) or ""):
            found = directory.recipient(wanted)
            if found is False:
                self._tell("smtp.mailbox-does-not-exist", session, {"to": wanted})
                return self._refuse(smtp, "550 5.1.2 Mailbox does not exist.")
            if isinstance(found, list):
                recipients = [member for member in found if member.lower() != wanted]
                for member in recipients:
                    self._lists.setdefault(member.lower(), wanted)
        elif not session.authenticated and not self._setting("session.rcpt.relay", False):
            self._tell("smtp.relay-not-allowed", session, {"to": wanted})
            return self._refuse(smtp, "550 5.1.2 Relay not allowed.")
        self._tell("smtp.rcpt-to", session, {"to": wanted})
        taken = {other.lower() for other in envelope.rcpt_tos}
        envelope.rcpt_tos.extend(dict.fromkeys(recipient for recipient in recipients if recipient.lower() not in taken))
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        caller: AccessToken | None = session.auth_data if session.authenticated else None
        content = envelope.original_content or b""
        if not self._server.at_least(0, 16):  # to those, the line end ahead of the final dot is no part of the message
            content = content.removesuffix(b"\r\n")
        return await self._server.queue.accept(
            Accepted(
                sender=(envelope.mail_from or "").replace("<>", ""),
                recipients=[str(address) for address in envelope.rcpt_tos],
                content=content,
                ehlo_domain=str(session.host_name or ""),
                remote_ip=str(session.peer[0]) if session.peer else "127.0.0.1",
                authenticated_as=caller.name if caller is not None else None,
                tls=session.ssl is not None,
                lists=dict(self._lists),
            )
        )

    def authenticate(self, smtp: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        remote_ip = str(session.peer[0]) if session.peer else "127.0.0.1"
        peer.set(self._peer(session))
        try:
            token = self._server.access.login(data.login.decode(), data.password.decode(), remote_ip)
            token.require("authenticate")
            token.require("email-send")
        except errors.Problem as problem:
            sentence = {
                402: "334 5.7.8 Missing TOTP token, try with 'secret$totp_code'.",
                403: "550 5.7.1 Your account is not authorized to use this service.",
            }.get(problem.status, "535 5.7.8 Authentication credentials invalid.")
            return AuthResult(success=False, handled=False, message=sentence)
        return AuthResult(success=True, auth_data=token, message="235 2.7.0 Authentication succeeded.")

    def _peer(self, session: Session) -> dict[str, Key]:
        here: dict[str, Key] = {"listenerId": "submission", "localPort": 587} if self._submission else {"listenerId": "smtp", "localPort": 25}
        there: dict[str, Key] = {"remoteIp": ipaddress.ip_address(str(session.peer[0])), "remotePort": int(session.peer[1])} if session.peer else {}
        return {**here, **there}

    def _tell(self, kind: str, session: Session, keys: dict[str, Key]) -> None:
        self._server.events.emit(kind, {**self._peer(session), **keys})

    def _setting(self, key: str, default: bool) -> bool:
        return {"true": True, "false": False}.get(self._server.settings.live.get(key, ""), default)

    def _refuse(self, smtp: SMTP, sentence: str) -> str:
        self._refused += 1
        if self._refused < 5:
            return sentence
        if smtp.transport is not None:
            asyncio.get_running_loop().call_soon(smtp.transport.close)
        return "451 4.3.0 Too many errors, disconnecting."


class Listeners:
    """The SMTP ports of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._listening: list[asyncio.Server] = []

    async def start(self) -> None:
        """Raises OSError where a port is taken."""
        loop = asyncio.get_running_loop()
        for port, submission in ((self._server.ports.smtp, False), (self._server.ports.submission, True)):
            if port is not None:
                self._listening.append(await loop.create_server(partial(self._protocol, submission), "127.0.0.1", port))

    async def stop(self) -> None:
        for listening in self._listening:
            listening.close()

    def _protocol(self, submission: bool) -> SMTP:
        handler = _Handler(self._server, submission)
        return _Protocol(
            handler,
            hostname=self._server.hostname,
            ident="Stalwart ESMTP at your service.",
            data_size_limit=_MESSAGE_LIMIT,
            enable_SMTPUTF8=True,
            authenticator=handler.authenticate if submission else None,
            auth_require_tls=False,
            auth_exclude_mechanism=None if submission else ["PLAIN", "LOGIN"],
        )

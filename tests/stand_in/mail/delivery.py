"""One attempt to deliver a message: into mailboxes here, through a relay, or to the domain's own servers."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import smtplib
import ssl
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from .. import errors
from ..events import Key
from ..expressions import IfBlock, strings, text
from . import dsn
from .message import Envelope, Failure, Message, Recipient, Reply, State, Status, delivered, failed
from .resolver import NoSuchName
from .schedule import NEVER, Route, route, strategy

if TYPE_CHECKING:
    from ..state import Server

CONNECT_SECONDS = 20

_DSN_NAME = IfBlock.of("'Mail Delivery Subsystem'")
_DSN_ADDRESS = IfBlock.of("'MAILER-DAEMON@' + config_get('report.domain')")
_DSN_SIGN = IfBlock.of("['rsa-' + config_get('report.domain'), 'ed25519-' + config_get('report.domain')]")
_SUBMITTER = IfBlock.of("config_get('server.hostname')")


class Attempt:
    """Works on the recipients of ``message`` that wait in ``queue``."""

    def __init__(self, server: Server, message: Message, queue: str) -> None:
        self._server = server
        self._message = message
        self._queue = queue
        self._span = server.queue.new_id()
        self._keys: dict[str, Key] = {
            "queueId": message.id,
            "queueName": queue,
            "from": message.return_path or "<>",
            "to": [recipient.address for recipient in message.pending(queue)],
            "size": message.size,
            "total": len(message.recipients),
        }

    async def run(self) -> bool:
        """Try what is due. Answers whether the message stays in the queue."""
        message, events = self._message, self._server.events
        started = time.monotonic()
        self._tell_event("delivery.attempt-start")
        stays = await self._attempt()
        elapsed = int((time.monotonic() - started) * 1000)
        self._tell_event("delivery.attempt-end", {"elapsed": elapsed})
        events.measure("delivery.attempt-time", elapsed)
        if not stays:
            events.measure("delivery.total-time", max(0, int((self._server.now() - message.created) * 1000)))
        return stays

    async def _attempt(self) -> bool:
        message, now = self._message, int(self._server.now())
        self._expire(now)
        self._notify(now)
        if not message.pending():
            self._tell_event("delivery.completed", {"elapsed": max(0, int((self._server.now() - message.created) * 1000))})
            return False
        due = message.next_delivery(self._queue)
        if due is None or due > now:
            return True
        routes: dict[tuple[str, Route], list[Recipient]] = {}
        for recipient in message.pending(self._queue):
            if recipient.retry_due <= now:
                found = route(self._server.settings.live, Envelope(self._server, message, recipient))
                routes.setdefault((recipient.domain, found), []).append(recipient)
        for (domain, found), recipients in routes.items():
            self._tell_event("delivery.domain-delivery-start", {"domain": domain})
            if found.kind == "local":
                self._deliver_here(recipients)
            else:
                status = await self._deliver_away(domain, found, recipients)
                for recipient in recipients:
                    self._set_status(recipient, status)
        self._notify(int(self._server.now()))
        if message.pending():
            self._tell_event("queue.rescheduled", {"nextRetry": self._time(message.next_delivery())})
            return True
        self._tell_event("delivery.completed", {"elapsed": max(0, int((self._server.now() - message.created) * 1000))})
        return False

    def _tell_event(self, kind: str, keys: Mapping[str, Key] | None = None) -> None:
        self._server.events.emit(kind, {**self._keys, **(keys or {})}, span_id=self._span)

    @staticmethod
    def _time(timestamp: int | None) -> datetime | None:
        return None if timestamp is None else datetime.fromtimestamp(timestamp, timezone.utc)

    def _expire(self, now: int) -> None:
        for recipient in self._message.pending():
            if recipient.expired(self._message.created, now):
                why = recipient.status.failure or Failure(recipient.domain, "io", "Message expired without any delivery attempts made.")
                self._tell_event("delivery.failed", {"to": recipient.address, "reason": str(why)})
                recipient.status = failed(why, permanently=True)

    def _set_status(self, recipient: Recipient, status: Status) -> None:
        """A failure that may pass is tried again later, by the strategy that holds now."""
        recipient.status = status
        if status.pending:
            plan = strategy(self._server.settings.live, Envelope(self._server, self._message, recipient))
            recipient.retry_due = int(self._server.now()) + plan.retry_after(recipient.retries)
            recipient.retries += 1
            recipient.expiry, recipient.queue = plan.expiry, plan.queue

    # Here

    def _deliver_here(self, recipients: list[Recipient]) -> None:
        results: dict[int, Status] = {}
        for recipient in recipients:
            account = self._server.directory.mailbox_of(recipient.address.lower())
            if account is None:
                self._set_status(recipient, self._refused(recipient, 550, (5, 5, 0), "Mailbox not found."))
            else:
                if account not in results:
                    results[account] = self._file(account, recipient)
                self._set_status(recipient, results[account])

    def _file(self, account: int, recipient: Recipient) -> Status:
        """Put the message into an account's mailbox."""
        server, message = self._server, self._message
        content = server.mail.blob(message.blob)
        if content is None:
            return self._refused(recipient, 451, (4, 3, 0), "Blob not found.")
        if not self._may_receive(account):
            self._tell_event("security.unauthorized", {"accountId": account, "details": "email-receive"})
            return self._refused(recipient, 550, (5, 5, 0), "This account is not authorized to receive email.")
        if (owner := self._over_quota(account, len(content))) is not None:
            return self._refused(recipient, 451, (4, 3, 0), f"{owner} over quota.")
        headers = f"Delivered-To: {recipient.address.lower()}\r\n" if server.settings.live.get("session.data.add-headers.delivered-to") != "false" else ""
        if server.at_least(0, 15) and server.settings.live.get("spam-filter.enable", "true") == "true":
            headers += f"X-Spam-Status: {'Yes' if recipient.is_spam else 'No'}\r\n"
        if (encryption := server.mail.encryption.get(account)) is not None:
            content = encryption.encrypt(content)
        mail = server.mail.add(account, content, headers.encode(), int(server.now()), junk=recipient.is_spam)
        self._tell_event(
            "message-ingest.spam" if recipient.is_spam else "message-ingest.ham",
            {
                "accountId": account,
                "documentId": mail.document_id,
                "mailboxId": [2 if recipient.is_spam else 0],
                "blobId": mail.blob.hex(),
                "size": mail.size,
            },
        )
        if not server.at_least(0, 15):
            server.events.emit("message-ingest.fts-index", {"accountId": account, "documentId": mail.document_id})
        return delivered("localhost", Reply(250, (2, 1, 5), "OK"))

    def _may_receive(self, account: int) -> bool:
        try:
            return self._server.access.token(account).may("email-receive")
        except errors.Problem:
            return False

    def _over_quota(self, account: int, size: int) -> str | None:
        """Whose quota does not hold ``size`` more bytes."""
        directory = self._server.directory
        principal = directory.by_id(account)
        if principal is None:
            return None
        if principal.quota and directory.used_quota(account) + size > principal.quota:
            return "Mailbox"
        tenant = directory.by_id(principal.tenant) if self._server.enterprise and principal.tenant is not None else None
        if tenant is not None and tenant.quota and directory.used_quota(tenant.id) + size > tenant.quota:
            return "Organization"
        return None

    @staticmethod
    def _refused(recipient: Recipient, code: int, enhanced: tuple[int, int, int], reason: str) -> Status:
        reply = Reply(code, enhanced, reason, f"RCPT TO:<{recipient.address}>")
        return failed(Failure("localhost", "unexpected-reply", reply=reply), permanently=code >= 500)

    # Elsewhere

    async def _deliver_away(self, domain: str, found: Route, recipients: list[Recipient]) -> Status:
        if found.kind == "relay":
            hosts, implicit = [found.host], False
        else:
            self._tell_event("tls-rpt.record-not-found", {"domain": domain})
            self._tell_event("mta-sts.policy-not-found", {"domain": domain, "strict": False})
            try:
                hosts = [host for _, group in self._server.resolver.mail_servers(domain) for host in group]
                implicit = False
            except NoSuchName:
                self._tell_event("delivery.mx-lookup-failed", {"domain": domain, "details": "No MX records were found, attempting implicit MX."})
                hosts, implicit = [domain], True
            if hosts == ["."]:
                return failed(Failure(domain, "dns", "Domain does not accept messages (null MX)"), permanently=True)
        status = Status(State.SCHEDULED)
        for host in hosts[:5]:
            status = await self._deliver_to(host, found, implicit, recipients)
            if status.state is State.COMPLETED:
                break
        return status

    async def _deliver_to(self, host: str, found: Route, implicit: bool, recipients: list[Recipient]) -> Status:
        name = host.rstrip(".")
        try:
            addresses = self._server.resolver.addresses(host)
        except NoSuchName:
            self._tell_event("delivery.ip-lookup-failed", {"hostname": name})
            failure = Failure(name, "dns", "no MX record found.") if implicit else Failure(name, "connection", "record not found for MX")
            return failed(failure, permanently=True)
        reachable = [address for address in addresses if not ipaddress.ip_address(address).is_loopback]
        if not reachable:
            return failed(Failure(name, "connection", "host resolves loopback address"), permanently=True)
        content = self._server.mail.blob(self._message.blob) or b""
        status = Status(State.SCHEDULED)
        for address in reachable:
            status = await asyncio.to_thread(self._send, address, name, found, recipients, content)
            if status.state is State.COMPLETED:
                break
        if status.failure is not None:
            self._tell_event("delivery.connect-error", {"hostname": name, "reason": str(status.failure)})
        return status

    def _send(self, address: str, name: str, found: Route, recipients: list[Recipient], content: bytes) -> Status:
        """Talk SMTP; runs in a thread."""
        context = ssl.create_default_context()
        if found.allow_invalid_certificates:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        secure = found.kind == "relay" and found.implicit_tls
        local = self._server.hostname
        try:
            client = (
                smtplib.SMTP_SSL(address, found.port, local, timeout=CONNECT_SECONDS, context=context)
                if secure
                else smtplib.SMTP(address, found.port, local, timeout=CONNECT_SECONDS)
            )
            with client:
                if found.username:
                    client.login(found.username, found.secret)
                client.sendmail(self._message.return_path, [recipient.address for recipient in recipients], content)
            return delivered(name, Reply(250, (2, 0, 0), "OK"))
        except smtplib.SMTPRecipientsRefused as refused:
            code, words = next(iter(refused.recipients.values()))
            return self._rejected(name, "RCPT TO", code, words)
        except smtplib.SMTPResponseException as error:
            return self._rejected(name, "", error.smtp_code, error.smtp_error)
        except smtplib.SMTPException as error:
            return failed(Failure(name, "connection", str(error)), permanently=True)
        except ssl.SSLError as error:
            return failed(Failure(name, "tls", f"Handshake failed: {error.reason}"), permanently=False)
        except TimeoutError:
            return failed(Failure(name, "connection", "Timeout while connecting"), permanently=False)
        except OSError as error:
            reason = f"{os.strerror(error.errno)} (os error {error.errno})" if error.errno else str(error)
            return failed(Failure(name, "connection", f"I/O error: {reason}"), permanently=False)

    @staticmethod
    def _rejected(name: str, command: str, code: int, words: bytes | str) -> Status:
        said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
        reply = Reply(code, (code // 100, 0, 0), said, command)
        return failed(Failure(name, "unexpected-reply", reply=reply), permanently=code >= 500)

    # What the sender is told

    def _notify(self, now: int) -> None:
        server, message = self._server, self._message
        self._tell(now)
        if not message.return_path:
            self._double_bounce(now)
            return
        notice = dsn.collect(message, now)
        if notice.delay:
            self._postpone_notices(now)
        if not notice:
            return
        envelope = Envelope(server, message)

        def setting(key: str, default: IfBlock) -> str:
            return text(IfBlock.live(server.settings.live, key, default).evaluate(envelope))

        content = dsn.build(
            notice,
            message,
            server.mail.blob(message.blob) or b"",
            sender_name=setting("report.dsn.from-name", _DSN_NAME),
            sender_address=setting("report.dsn.from-address", _DSN_ADDRESS),
            reporting_mta=setting("report.submitter", _SUBMITTER),
            now=now,
        )
        ids = [] if server.at_least(0, 16) else strings(IfBlock.live(server.settings.live, "report.dsn.sign", _DSN_SIGN).evaluate(envelope))
        server.queue.put_notice(message.return_path, content, ids, self._keys)

    def _tell(self, now: int) -> None:
        for recipient in self._message.recipients:
            state, failure = recipient.status.state, recipient.status.failure
            if recipient.dsn_sent or (recipient.status.pending and recipient.notify_due > now):
                continue
            kind = {State.COMPLETED: "success", State.PERMANENT_FAILURE: "perm-fail"}.get(state, "temp-fail")
            hostname = recipient.status.hostname or (failure.entity if failure else "")
            details = failure.details_text() if failure else recipient.status.reply.message if recipient.status.reply else "Concurrency limited"
            self._tell_event(f"delivery.dsn-{kind}", {"to": recipient.address, "hostname": hostname, "details": details})

    def _postpone_notices(self, now: int) -> None:
        for recipient in self._message.pending():
            if recipient.notify_due <= now:
                plan = strategy(self._server.settings.live, Envelope(self._server, self._message, recipient))
                later = plan.notify[recipient.notices + 1 : recipient.notices + 2]
                recipient.notify_due = now + later[0] if later else now + NEVER
                recipient.notices += bool(later)

    def _double_bounce(self, now: int) -> None:
        for recipient in self._message.recipients:
            if recipient.status.state is State.PERMANENT_FAILURE and not recipient.dsn_sent:
                recipient.dsn_sent = True
                self._tell_event("delivery.double-bounce", {"to": [str(recipient.status.failure)]})
            if recipient.notify_due <= now:
                at = recipient.expiry.at(self._message.created)
                recipient.notify_due = now + NEVER if at is None else at + 10

"""``/api/troubleshoot``: where mail to an address would go, and what others would make of mail from here."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from typing import Any

from starlette.responses import Response, StreamingResponse

from .. import errors
from ..call import Call, data
from ..mail import authentication
from ..mail.resolver import NoSuchName, Resolver
from ..values import parse_json
from . import area

_TIMEOUT_SECONDS = 30
_MX_PORT = 25


@area("troubleshoot")
async def handle(call: Call) -> Response:
    call.token.require("troubleshoot")
    match call.method, call.segment(1), call.element(2):
        case "GET", "token", None:
            return data(call.server.oauth.issue("troubleshoot", call.token.principal_id, "web", 60))
        case "GET", "delivery", str(target):
            timeout = call.query.size("timeout") or _TIMEOUT_SECONDS
            stages = delivery_stages(call.server.resolver, call.server.hostname, target.lower(), timeout)
            return StreamingResponse(event_stream(stages), headers={"content-type": "text/event-stream", "cache-control": "no-store"})
        case "POST", "dmarc", None:
            return _dmarc(call)
    raise errors.not_found()


Stage = dict[str, Any]


async def event_stream(stages: AsyncIterator[Stage]) -> AsyncIterator[bytes]:
    async for stage in stages:
        yield _event(stage)
    yield _event({"type": "completed"})


def _event(stage: Stage) -> bytes:
    return f"event: event\ndata: [{json.dumps(stage, separators=(',', ':'))}]\n\n".encode()


class _Clock:
    def __init__(self) -> None:
        self._start = time.monotonic()

    def elapsed(self) -> dict[str, int]:
        return {"elapsed": int((time.monotonic() - self._start) * 1000)}


async def delivery_stages(resolver: Resolver, hostname: str, target: str, timeout: float) -> AsyncIterator[Stage]:
    """The stages of a delivery, as far as it gets. Nothing is sent."""
    domain = target.rpartition("@")[2]
    recipient = target if "@" in target else None
    yield {"type": "mxLookupStart", "domain": domain}
    clock = _Clock()
    try:
        servers = resolver.mail_servers(domain)
    except NoSuchName as error:
        yield {"type": "mxLookupError", "reason": str(error), **clock.elapsed()}
        return
    if servers == [(0, ["."])]:
        yield {"type": "mxLookupError", "reason": "Null MX record", **clock.elapsed()}
        return
    yield {"type": "mxLookupSuccess", "mxs": [{"exchanges": hosts, "preference": preference} for preference, hosts in servers], **clock.elapsed()}
    yield {"type": "mtaStsFetchStart"}
    clock = _Clock()
    try:
        resolver.texts(f"_mta-sts.{domain}", "v=STSv1")
        yield {"type": "mtaStsFetchError", "reason": "Could not reach policy host.", **clock.elapsed()}
    except NoSuchName:
        yield {"type": "mtaStsNotFound", **clock.elapsed()}
    yield {"type": "tlsRptLookupStart"}
    clock = _Clock()
    try:
        record = resolver.texts(f"_smtp._tls.{domain}", "v=TLSRPTv1")[0]
        uris = [uri.strip() for uri in record.partition("rua=")[2].split(",")]
        rua = [{"type": "mail", "email": uri.removeprefix("mailto:")} if uri.startswith("mailto:") else {"type": "http", "url": uri} for uri in uris]
        yield {"type": "tlsRptLookupSuccess", "rua": rua, **clock.elapsed()}
    except NoSuchName:
        yield {"type": "tlsRptNotFound", **clock.elapsed()}
    for host in [host for _, hosts in servers for host in hosts]:
        yield {"type": "deliveryAttemptStart", "hostname": host.rstrip(".")}
        async for stage in _attempt(resolver, hostname, host, recipient, timeout):
            yield stage
            if stage["type"] == "quitCompleted":
                return


async def _attempt(resolver: Resolver, hostname: str, host: str, recipient: str | None, timeout: float) -> AsyncIterator[Stage]:
    yield {"type": "tlsaLookupStart"}
    clock = _Clock()
    try:
        resolver.records(f"_25._tcp.{host}", "TLSA")
        yield {"type": "tlsaLookupError", **clock.elapsed(), "reason": "No TLSA DNSSEC records found."}
    except NoSuchName as error:
        yield {"type": "tlsaNotFound", **clock.elapsed(), "reason": str(error)}
    yield {"type": "ipLookupStart"}
    clock = _Clock()
    try:
        addresses = resolver.addresses(host)
    except NoSuchName as error:
        yield {"type": "ipLookupError", "reason": str(error), **clock.elapsed()}
        return
    yield {"type": "ipLookupSuccess", "remote_ips": addresses, **clock.elapsed()}
    for address in addresses:
        yield {"type": "connectionStart", "remote_ip": address}
        clock = _Clock()
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(address, _MX_PORT), timeout)
        except (OSError, asyncio.TimeoutError) as error:
            reason = f"I/O error: {error.strerror} (os error {error.errno})" if isinstance(error, OSError) and error.errno else "Connection timeout"
            yield {"type": "connectionError", **clock.elapsed(), "reason": reason}
            continue
        yield {"type": "connectionSuccess", **clock.elapsed()}
        try:
            async for stage in _dialogue(reader, writer, hostname, recipient, timeout):
                yield stage
        finally:
            writer.close()


async def _dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hostname: str, recipient: str | None, timeout: float) -> AsyncIterator[Stage]:
    commands: list[tuple[str, str | None]] = [("readGreeting", None), ("ehlo", f"EHLO {hostname}")]
    if recipient is not None:
        commands += [("mailFrom", "MAIL FROM:<>"), ("rcptTo", f"RCPT TO:<{recipient}>")]
    for stage, command in commands:
        yield {"type": f"{stage}Start"}
        clock = _Clock()
        try:
            if command is not None:
                writer.write(command.encode() + b"\r\n")
            lines = await asyncio.wait_for(_reply(reader), timeout)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            yield {"type": f"{stage}Error", "reason": str(error) or "Timeout", **clock.elapsed()}
            return
        if not lines[-1].startswith("2"):
            yield {"type": f"{stage}Error", "reason": f"Unexpected response: {lines[-1]}", **clock.elapsed()}
            return
        yield {"type": f"{stage}Success", **clock.elapsed()}
    yield {"type": "quitStart"}
    clock = _Clock()
    writer.write(b"QUIT\r\n")
    yield {"type": "quitCompleted", **clock.elapsed()}


async def _reply(reader: asyncio.StreamReader) -> list[str]:
    """The lines of one SMTP reply. Raises EOFError."""
    lines: list[str] = []
    while not lines or lines[-1][3:4] == "-":
        line = await reader.readline()
        if not line:
            raise EOFError("Connection closed")
        lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
    return lines


# DMARC


def _dmarc(call: Call) -> Response:
    clock = _Clock()
    try:
        request = parse_json(call.body)
        address = str(ipaddress.ip_address(request["remoteIp"]))
        ehlo, sender, body = request["ehloDomain"].lower(), request["mailFrom"].lower(), request.get("body")
        if not isinstance(body, (str, type(None))):
            raise TypeError(body)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise errors.bad_parameters() from None
    content = (body if body is not None else f"From: {sender}\r\nSubject: test\r\n\r\ntest").encode()
    if not message_from_bytes(content, policy=policy.compat32).keys() or b"\n" not in content:
        raise errors.other("Invalid message body", "Failed to parse message body")
    checks = authentication.check(call.server.resolver, content, address, sender, ehlo, int(call.server.now()))
    return data(
        {
            "spfEhloDomain": checks.ehlo.domain,
            "spfEhloResult": checks.ehlo.result.json(),
            "spfMailFromDomain": checks.sender.domain,
            "spfMailFromResult": checks.sender.result.json(),
            "ipRevResult": checks.reverse.result.json(),
            "ipRevPtr": checks.reverse.names,
            "dkimResults": [signature.result.json() for signature in checks.signatures],
            "dkimPass": any(signature.result.kind == "pass" for signature in checks.signatures),
            "arcResult": {"type": "none"},
            "dmarcResult": checks.dmarc.result.json(),
            "dmarcPass": checks.dmarc.result.kind == "pass",
            "dmarcPolicy": checks.dmarc.policy,
            **clock.elapsed(),
        }
    )

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy between client and server that notes every request, and does to chosen ones what networks and gateways do."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import json
import socket
import struct
import threading
import typing as t
import urllib.parse

from .servers import bound

Handler = t.Callable[["Exchange"], t.Awaitable[None]]
Choose = t.Callable[["Request"], "Handler | None"]

#: Requests that change nothing although they are no GET: questions with a long text, and login probes, whose code is dropped at once.
_READING = ("/api/spam-filter/classify", "/api/troubleshoot/dmarc", "/api/oauth", "/api/auth", "/auth/token")
#: GETs that act.
_ACTING = ("/api/store/purge", "/api/store/reindex", "/api/spam-filter/train", "/api/update", "/api/reload", "/api/troubleshoot/token", "/api/telemetry/live")
#: Of JMAP, methods that only read.
_JMAP_READING = ("/get", "/query", "/parse", "/lookup")


@dataclasses.dataclass(frozen=True)
class Request:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = dataclasses.field(repr=False)

    @property
    def path(self) -> str:
        """Without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, list[str]]:
        """By name."""
        return urllib.parse.parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    def methods(self) -> list[str]:
        """The methods that a JMAP request calls; none of any other request."""
        if self.method != "POST" or not self.path.rstrip("/").endswith("/jmap"):
            return []
        try:
            return [str(call[0]) for call in json.loads(self.body)["methodCalls"]]
        except (ValueError, KeyError, TypeError, IndexError):
            return []

    @property
    def writes(self) -> bool:
        """Whether it may change something on the server."""
        if self.method == "GET":
            return self.path.startswith(_ACTING) and "dry-run" not in self.query and self.path != "/api/spam-filter/train/status"
        if called := self.methods():
            return any(not method.endswith(_JMAP_READING) and method != "Core/echo" for method in called)
        return not self.path.startswith(_READING)

    def __str__(self) -> str:
        return f"{self.method} {self.target} {' '.join(self.methods())}".strip()


@dataclasses.dataclass
class Exchange:
    """One request at the proxy, and the ways to treat it."""

    request: Request
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    upstream: tuple[str, int]

    async def answer(self) -> tuple[bytes, bytes]:
        """Let the server have the request; head and body of what it answers."""
        async with contextlib.aclosing(self._pieces()) as stream:
            pieces = [piece async for piece in stream]
        head, _blank, body = b"".join(pieces).partition(b"\r\n\r\n")
        return head + b"\r\n\r\n", body

    async def pass_on(self) -> None:
        """As if there were no proxy."""
        async with contextlib.aclosing(self._pieces()) as stream:
            async for piece in stream:
                self.writer.write(piece)
                await self.writer.drain()

    async def _pieces(self) -> t.AsyncGenerator[bytes]:
        reader, writer = await asyncio.open_connection(*self.upstream)
        try:
            headers = {**self.request.headers, "connection": "close"}
            lines = [f"{self.request.method} {self.request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + self.request.body)
            await writer.drain()
            while piece := await reader.read(65536):
                yield piece
        finally:
            writer.close()

    async def say(self, status: int, body: bytes = b"", content_type: str = "", **headers: str) -> None:
        """An answer of the proxy's own."""
        told = {"content-type": content_type, "content-length": str(len(body)), "connection": "close"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items() if value)
        self.writer.write(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body)
        await self.writer.drain()

    async def until_the_caller_leaves(self) -> None:
        """Say nothing (more) until the other side closes the connection."""
        while await self.reader.read(65536):
            pass

    def reset(self) -> None:
        """Break the connection off, as a crashed machine or a firewall does."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@functools.lru_cache(maxsize=1)
def _loop() -> asyncio.AbstractEventLoop:
    """One loop on one thread for all proxies of the process."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


class Proxy:
    """Stands before a server. `requests` are all that came, in order; `choose` says what happens to each (None: it passes)."""

    def __init__(self, upstream: str) -> None:
        parts = urllib.parse.urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 80)
        self.requests: list[Request] = []
        self._under_way: set[asyncio.Task[None]] = set()  # a loop itself does not keep its tasks
        self.choose: Choose = lambda _request: None
        self.url = ""

    @property
    def writes(self) -> list[Request]:
        """Those of the requests that may change something."""
        return [request for request in self.requests if request.writes]

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin with a connection."""
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for one request."""
        try:
            request = await _read(reader)
            if request is None:
                return
            self.requests.append(request)
            exchange = Exchange(request, reader, writer, self._upstream)
            handler = self.choose(request)
            await (handler(exchange) if handler else exchange.pass_on())
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        finally:
            writer.close()


@contextlib.contextmanager
def proxy(upstream: str) -> t.Iterator[Proxy]:
    """A proxy on a port of its own."""
    made = Proxy(upstream)
    loop = _loop()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(made.accept, sock=bound())

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(60)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(server.close)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _version = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


# What happens to requests


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. `reaches` says that the server gets the request all the same; `ends` that the caller must find an end to it by itself."""

    name: str
    happen: Handler
    reaches: bool = False
    ends: bool = False

    def __str__(self) -> str:
        return self.name


async def _cut_before(exchange: Exchange) -> None:
    exchange.writer.close()


async def _reset_before(exchange: Exchange) -> None:
    exchange.reset()


async def _lose_answer(exchange: Exchange) -> None:
    await exchange.answer()


async def _reset_after(exchange: Exchange) -> None:
    await exchange.answer()
    exchange.reset()


async def _cut_head(exchange: Exchange) -> None:
    head, _body = await exchange.answer()
    exchange.writer.write(head[: len(head) // 2])
    await exchange.writer.drain()


async def _cut_body(exchange: Exchange) -> None:
    head, body = await exchange.answer()
    exchange.writer.write(head + body[: len(body) // 2])
    await exchange.writer.drain()


async def _half_json(exchange: Exchange) -> None:
    _head, body = await exchange.answer()
    await exchange.say(200, body[: max(len(body) // 2, 1)], "application/json")


async def _other_type(exchange: Exchange) -> None:
    head, body = await exchange.answer()
    await exchange.say(int(head.split(b" ", 2)[1]), body, "text/plain; charset=utf-8")


async def _late(exchange: Exchange) -> None:
    await asyncio.sleep(0.03)
    await exchange.pass_on()


async def _silent_before(exchange: Exchange) -> None:
    await exchange.until_the_caller_leaves()


async def _silent_after(exchange: Exchange) -> None:
    await exchange.answer()
    await exchange.until_the_caller_leaves()


async def _endless(exchange: Exchange) -> None:
    await exchange.answer()
    exchange.writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
    while not exchange.writer.is_closing():
        exchange.writer.write(b"2000\r\n" + b'{"data": "' + b"x" * (0x2000 - 10) + b"\r\n")
        await exchange.writer.drain()
        await asyncio.sleep(0.005)


async def _dripping(exchange: Exchange) -> None:
    await exchange.answer()
    exchange.writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
    while not exchange.writer.is_closing():
        exchange.writer.write(b" ")
        await exchange.writer.drain()
        await asyncio.sleep(0.01)


HTML = b"<!DOCTYPE html><html><body><h1>Welcome to the hotel</h1>Please accept our conditions.</body></html>"


def says(status: int, body: bytes = b"", content_type: str = "", *, reaches: bool = False, **headers: str) -> Handler:
    """An answer that is not the server's; with `reaches` after the server took the request."""

    async def happen(exchange: Exchange) -> None:
        if reaches:
            await exchange.answer()
        await exchange.say(status, body, content_type, **headers)

    return happen


#: Where redirects lead: a name nobody answers for, and that no request may be sent to.
ELSEWHERE = "http://elsewhere.invalid/collect"

FAULTS = [
    Fault("cut before the answer, not taken", _cut_before),
    Fault("reset before the answer, not taken", _reset_before),
    Fault("answer lost, taken", _lose_answer, reaches=True),
    Fault("reset instead of the answer, taken", _reset_after, reaches=True),
    Fault("cut in the head of the answer", _cut_head, reaches=True),
    Fault("cut in the body of the answer", _cut_body, reaches=True),
    Fault("half a JSON", _half_json, reaches=True),
    Fault("another content type", _other_type, reaches=True),
    Fault("late answer", _late, reaches=True),
    Fault("no answer, not taken", _silent_before, ends=True),
    Fault("no answer, taken", _silent_after, reaches=True, ends=True),
    Fault("endless body", _endless, reaches=True, ends=True),
    Fault("dripping body", _dripping, reaches=True, ends=True),
    Fault("429 with Retry-After", says(429, retry_after="0")),
    Fault("429 without Retry-After", says(429)),
    Fault("429 with a Retry-After of another century", says(429, retry_after="Thu, 01 Jan 1970 00:00:00 GMT")),
    Fault("500", says(500, b'{"type":"about:blank","title":"Internal","detail":"boom"}', "application/problem+json")),
    Fault("502 of a gateway, not taken", says(502, HTML, "text/html")),
    Fault("502 of a gateway, taken", says(502, HTML, "text/html", reaches=True), reaches=True),
    Fault("503 with Retry-After", says(503, HTML, "text/html", retry_after="0")),
    Fault("504 of a gateway, taken", says(504, b"", reaches=True), reaches=True),
    Fault("HTML with 200, not taken", says(200, HTML, "text/html")),
    Fault("HTML as JSON, taken", says(200, HTML, "application/json", reaches=True), reaches=True),
    Fault("empty answer, taken", says(200, b"", "application/json", reaches=True), reaches=True),
    Fault("204, not taken", says(204)),
    Fault("JSON of another program", says(200, b'{"ok":true}', "application/json")),
    Fault("a list instead of an object", says(200, b"[]", "application/json", reaches=True), reaches=True),
    Fault("redirect to another host", says(307, location=ELSEWHERE)),
    Fault("permanent redirect to another host", says(308, location=ELSEWHERE)),
]

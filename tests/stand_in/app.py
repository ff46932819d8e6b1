"""The ASGI application: finds the area, authenticates the caller, turns errors into answers."""

from __future__ import annotations

import ipaddress
import json
import sys
import traceback
from typing import TYPE_CHECKING

from starlette.responses import Response

from . import errors, rest
from .access import AccessToken, LoginFailed
from .call import Call, Parameters, json_response
from .events import Key, peer
from .jmap.calls import Crash
from .jmap.http import Pages

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .state import Server

BODY_LIMIT = 1024 * 1024
JMAP_BODY_LIMIT = 64 * 1024 * 1024


async def read_body(receive: Receive, limit: int = BODY_LIMIT) -> bytes | None:
    """The whole body, or None where it is longer than the server takes."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks) if size <= limit else None


def problem_response(problem: errors.Problem) -> Response:
    return Response(json.dumps(problem.body, separators=(",", ":")), problem.status, {"content-type": "application/problem+json", **problem.headers})


def _drop(send: Send) -> None:
    """End the connection without an answer: `send` belongs to it, under uvicorn."""
    cycle = getattr(send, "__self__", None)
    if cycle is None:
        raise ConnectionError("the server ended the connection")
    cycle.disconnected = True
    cycle.transport.abort()


class Application:
    def __init__(self, server: Server) -> None:
        self.server = server
        self._pages = Pages(server) if server.at_least(0, 16) else None
        rest.load()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            response = await self._answer(scope, receive)
        except errors.ManagementError as error:
            response = json_response(error.body)
        except errors.Problem as error:
            response = problem_response(error)
        except Crash:
            _drop(send)
            return
        except Exception:  # noqa: BLE001 - a fault of the stand-in itself must be seen, not only answered
            traceback.print_exc(file=sys.stderr)
            response = problem_response(errors.internal())
        await response(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.server.start()
                except OSError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.server.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method = scope["method"]
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").split("/")[1:]
        remote_ip = self._remote_ip(scope, headers)
        here: dict[str, Key] = {"listenerId": "http", "localPort": self.server.ports.http}
        port = scope["client"][1] if scope.get("client") else 0
        peer.set({**here, "remoteIp": ipaddress.ip_address(remote_ip), "remotePort": port})
        if self.server.access.is_blocked(remote_ip):
            raise errors.Problem(403, "Forbidden", "Forbidden")
        if self._pages is not None:
            return await self._by_objects(path, scope, receive, headers, remote_ip)
        match path:
            case ["api", *_] if method == "OPTIONS":
                return Response(status_code=204, headers={"content-type": "application/problem+json"})
            case ["api", *rest_path]:
                return await self._manage(rest_path, scope, receive, headers, remote_ip)
            case ["healthz", "live" | "ready", *_]:
                self.server.access.count_anonymous(remote_ip)
                return problem_response(errors.Problem(200, "OK", "OK"))
            case ["auth", *rest_path]:
                if rest_path[:1] in (["token"], ["device"]):
                    self.server.access.count_anonymous(remote_ip)
                body = await read_body(receive) or b""
                return await self.server.oauth.handle(method, rest_path, headers, body, self._base_url(scope), remote_ip)
            case [".well-known", "oauth-authorization-server"] if method == "GET":
                return self.server.oauth.metadata(self._base_url(scope))
            case [".well-known", "openid-configuration"] if method == "GET":
                return self.server.oauth.identity_metadata(self._base_url(scope))
            case ["robots.txt"]:
                return Response("User-agent: *\nDisallow: /\n", headers={"content-type": "text/plain"})
        raise errors.not_found()

    async def _by_objects(self, path: list[str], scope: Scope, receive: Receive, headers: dict[str, str], remote_ip: str) -> Response:
        """From 0.16 on: other addresses, and of the old ones those that stayed."""
        match path:
            case ["healthz", "live" | "ready", *_]:
                self.server.access.count_anonymous(remote_ip)
                return problem_response(errors.Problem(200, "OK", "OK"))
            case ["robots.txt"]:
                return Response("User-agent: *\nDisallow: /\n", headers={"content-type": "text/plain"})
        body = await read_body(receive, JMAP_BODY_LIMIT) or b""
        query = scope["query_string"].decode("latin-1")
        if self._pages is None:
            raise errors.not_found()
        return await self._pages(scope["method"], path, query, headers, body, remote_ip)

    def _remote_ip(self, scope: Scope, headers: dict[str, str]) -> str:
        remote_ip = scope["client"][0] if scope.get("client") else "127.0.0.1"
        if self.server.settings.live.get("http.use-x-forwarded") == "true":
            return headers.get("x-forwarded-for", remote_ip).split(",")[0].strip()
        return str(remote_ip)

    def _base_url(self, scope: Scope) -> str:
        """The server's own address, as it gives it to others."""
        return f"{scope['scheme']}://{self.server.hostname}:{scope['server'][1]}"

    async def _manage(self, path: list[str], scope: Scope, receive: Receive, headers: dict[str, str], remote_ip: str) -> Response:
        query = Parameters(scope["query_string"].decode("latin-1"))
        token = self._caller(path, query, headers, remote_ip)
        body = await read_body(receive)
        handler = rest.AREAS.get(path[0])
        if handler is None:
            raise errors.not_found()
        return await handler(Call(self.server, scope["method"], path, query, headers, body, token, remote_ip))

    def _caller(self, path: list[str], query: Parameters, headers: dict[str, str], remote_ip: str) -> AccessToken:
        """The caller by its login, or by the short-lived token in the query that a browser's event stream carries."""
        try:
            return self.server.access.authenticate(headers.get("authorization"), remote_ip)
        except LoginFailed:
            token = query.text("token")
            match path[:2]:
                case ["troubleshoot", *_] if token is not None:
                    grant, permissions = "troubleshoot", {"troubleshoot"}
                case ["telemetry", "traces"] if token is not None and self.server.enterprise:
                    grant, permissions = "live_tracing", {"metrics-live", "tracing-live"}
                case ["telemetry", "metrics"] if token is not None and self.server.enterprise:
                    grant, permissions = "live_metrics", {"metrics-live", "tracing-live"}
                case _:
                    raise
            return AccessToken(self.server.oauth.validate(token, grant).principal_id, "", frozenset(permissions))

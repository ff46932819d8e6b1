"""The ASGI application: finds the area, authenticates the caller, turns errors into answers."""

from __future__ import annotations

import json
import sys
import traceback
from typing import TYPE_CHECKING

from starlette.responses import Response

from . import errors, rest
from .access import AccessToken
from .call import Call, Parameters, json_response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .state import Server

BODY_LIMIT = 1024 * 1024


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
    return Response(json.dumps(problem.body), problem.status, {"content-type": "application/problem+json", **problem.headers})


class Application:
    def __init__(self, server: Server) -> None:
        self.server = server
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
        except Exception:  # a fault of the stand-in itself must be seen, not only answered
            traceback.print_exc(file=sys.stderr)
            response = problem_response(errors.internal())
        await response(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.server.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.server.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").split("/")[1:]
        match path:
            case ["healthz", "live" | "ready", *_]:
                return problem_response(errors.Problem(200, "OK", "OK"))
            case ["api", *rest_path]:
                return await self._manage(rest_path, scope, receive)
        raise errors.not_found()

    async def _manage(self, path: list[str], scope: Scope, receive: Receive) -> Response:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        remote_ip = scope["client"][0] if scope.get("client") else "127.0.0.1"
        body = await read_body(receive)
        token = self._authenticate(headers)
        handler = rest.AREAS.get(path[0] if path else "")
        if handler is None:
            raise errors.not_found()
        query = Parameters(scope["query_string"].decode("latin-1"))
        return await handler(Call(self.server, scope["method"], path, query, headers, body, token, remote_ip))

    def _authenticate(self, headers: dict[str, str]) -> AccessToken:
        return AccessToken(0, "admin", frozenset())



"""The addresses of the management API from 0.16 on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.responses import Response

from .. import errors
from ..access import AccessToken
from ..call import json_response
from . import published
from .calls import RequestError, answer, read
from .session import session
from .zone import client_configuration

if TYPE_CHECKING:
    from ..state import Server

REALM = 'realm="Stalwart Server"'


def not_found() -> errors.Problem:
    return errors.Problem(404, "Not Found", "The requested resource does not exist on this server.")


def unauthorized() -> Response:
    body = {"type": "about:blank", "status": 401, "title": "Unauthorized", "detail": "You have to authenticate first."}
    response = _problem(401, body)
    response.headers.append("www-authenticate", f'Bearer {REALM}, resource_metadata="/.well-known/oauth-protected-resource"')
    response.headers.append("www-authenticate", f"Basic {REALM}")
    return response


def _problem(status: int, body: dict[str, Any]) -> Response:
    return Response(json.dumps(body, separators=(",", ":"), ensure_ascii=False), status, {"content-type": "application/problem+json"})


class Pages:
    """Answers one request. Raises Problem; Crash where the server drops the connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._service = server.objects

    async def __call__(self, method: str, path: list[str], query: str, headers: dict[str, str], body: bytes, remote_ip: str) -> Response:
        try:
            return await self._answer(method, path, query, headers, body, remote_ip)
        except errors.Problem as problem:
            if problem.status == 401:
                return unauthorized()
            raise

    async def _answer(self, method: str, path: list[str], query: str, headers: dict[str, str], body: bytes, remote_ip: str) -> Response:
        parameters = {name: values[-1] for name, values in parse_qs(query).items()}

        def login() -> AccessToken:
            return self._server.access.authenticate(headers.get("authorization"), remote_ip)

        match path:
            case [".well-known", "jmap"] if method == "GET":
                return Response(status_code=307, headers={"location": "/jmap/session"})
            case [".well-known", "user-agent-configuration.json"] if method == "GET":
                return Response(client_configuration(self._service), media_type="application/json")
            case ["jmap", "session"] if method == "GET":
                return json_response(session(self._service, login() if "authorization" in headers else None))
            case ["jmap"] | ["jmap", ""] if method == "POST":
                return self._methods(login(), headers, body, remote_ip)
            case ["api", "account"] if method == "GET":
                return self._account(login())
            case ["api", "schema", *rest] if method == "GET":
                login()
                return self._schema(rest)
        del parameters
        raise not_found()

    def _methods(self, token: AccessToken, headers: dict[str, str], body: bytes, remote_ip: str) -> Response:
        try:
            request = read(body, headers.get("content-type"), self._service.limits)
        except RequestError as error:
            return _problem(400, error.body)
        return json_response(answer(self._service, request, token, remote_ip))

    def _account(self, token: AccessToken) -> Response:
        edition = "enterprise" if self._server.enterprise else "community"
        account = self._service.store.get("Account", token.principal_id)
        names = self._service.access.listed(token)
        return json_response({"permissions": names, "edition": edition, "locale": account["locale"] if account else "POSIX"})

    @staticmethod
    def _schema(rest: list[str]) -> Response:
        name, document = published.document()
        if rest != [name]:
            return Response(status_code=302, headers={"location": f"/api/schema/{name}"})
        headers = {"content-encoding": "gzip", "cache-control": "public, max-age=31536000, immutable"}
        return Response(document, headers={**headers, "content-type": "application/json"})

"""The addresses of the management API from 0.16 on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from starlette.responses import Response, StreamingResponse

from .. import errors
from ..access import AccessToken
from ..call import json_response
from ..rest.troubleshoot import delivery_stages, event_stream
from . import blobs, ids, metadata, published
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
            case ["jmap", "upload", account, *_] if method == "POST":
                return self._upload(login(), account, headers, body)
            case ["jmap", "download", _, blob, *_] if method == "GET":
                return self._download(login(), blob, parameters)
            case ["api", "auth"] if method == "POST":
                return self._authorize(body, remote_ip)
            case ["api", "token", "delivery"] if method == "GET":
                token = login()
                token.require("liveDeliveryTest")
                return Response(self._server.oauth.issue("troubleshoot", token.principal_id, "web", 60))
            case ["api", "live", "delivery", target] if method == "GET":
                return self._deliver(unquote(target), parameters, headers, remote_ip)
            case ["auth", *rest]:
                base = f"https://{self._server.hostname}"
                return await self._server.oauth.handle(method, rest, headers, body, base, remote_ip)
            case [".well-known", "oauth-authorization-server"] if method == "GET":
                return json_response(metadata.oauth(f"https://{self._server.hostname}"))
            case [".well-known", "openid-configuration"] if method == "GET":
                return json_response(metadata.openid(f"https://{self._server.hostname}"))
        raise not_found()

    def _upload(self, token: AccessToken, account: str, headers: dict[str, str], body: bytes) -> Response:
        token.require("jmapBlobUpload")
        number = ids.decode(account)
        if number is None or (number != token.principal_id and not token.may("impersonate")):
            raise errors.Problem(403, "Forbidden", "You do not have enough permissions to access this resource.")
        if len(body) > self._service.limits["maxUploadSize"]:
            raise errors.Problem(413, "Request too large", "The request is larger than the server is willing to process.")
        digest = self._server.mail.put_blob(body, ("upload", number, 0))
        kind = headers.get("content-type", "application/octet-stream")
        return json_response({"accountId": account, "blobId": blobs.identify(digest), "type": kind, "size": len(body)})

    def _download(self, token: AccessToken, blob: str, parameters: dict[str, str]) -> Response:
        token.require("jmapBlobGet")
        digest = blobs.digest_of(blob)
        content = self._server.mail.blob(digest) if digest is not None else None
        if content is None:
            raise not_found()
        return Response(content, media_type=parameters.get("accept", "application/octet-stream"))

    def _authorize(self, body: bytes, remote_ip: str) -> Response:
        """A code for a login. A wrong password is no error of HTTP's."""
        self._server.access.count_anonymous(remote_ip)
        try:
            asked = json.loads(body)
            name, secret = asked["accountName"].strip().lower(), asked["accountSecret"]
            if asked["type"] not in ("authCode", "authDevice"):
                raise ValueError(asked["type"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise errors.bad_parameters() from None
        try:
            token = self._service.access.login_with_code(name, secret, asked.get("mfaToken"), remote_ip)
        except errors.Problem as problem:
            return json_response({"type": "mfaRequired" if problem.status == 402 else "failure"})
        if asked["type"] == "authDevice":
            known = self._server.oauth.authorize_device(token.principal_id, asked.get("code", ""))
            return json_response({"type": "verified" if known else "failure"})
        code = self._server.oauth.authorize(token.principal_id, asked.get("clientId", ""), asked.get("redirectUri"), asked.get("nonce"))
        return json_response({"type": "authenticated", "client_code": code, "iss": f"https://{self._server.hostname}"})

    def _deliver(self, target: str, parameters: dict[str, str], headers: dict[str, str], remote_ip: str) -> Response:
        if "token" in parameters and "authorization" not in headers:
            self._server.oauth.validate(parameters["token"], "troubleshoot")
        else:
            self._server.access.authenticate(headers.get("authorization"), remote_ip).require("liveDeliveryTest")
        timeout = parameters.get("timeout", "")
        stages = delivery_stages(self._server.resolver, self._server.hostname, target.lower(), int(timeout) if timeout.isdigit() else 30)
        return StreamingResponse(event_stream(stages), headers={"content-type": "text/event-stream", "cache-control": "no-store"})

    def _methods(self, token: AccessToken, headers: dict[str, str], body: bytes, remote_ip: str) -> Response:
        try:
            request = read(body, headers.get("content-type"), self._service.limits, self._service.schema)
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

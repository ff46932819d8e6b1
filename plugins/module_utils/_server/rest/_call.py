# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of the REST API: base path, the two error forms, and the server's version where an answer depends on it."""

from __future__ import annotations

import base64
import dataclasses
import typing as t

from ..._errors import (
    AlreadyExists,
    AssertionRefused,
    EditionMissing,
    FieldMissing,
    NotFound,
    PermissionDenied,
    Refused,
    ServerError,
    UnexpectedAnswer,
    Unsupported,
)
from ..._http import Answer, HttpClient, client_for
from ..._secrets import scrub
from ..models.server import parse_version

#: Fields whose `value` in a refusal is safe to show; the one of a DKIM key is the private key.
_SHOWN_FIELDS = frozenset({"name", "emails"})

#: First path elements that no REST server lacks.
_ALWAYS_THERE = frozenset({"principal", "settings", "reload", "oauth"})

#: The server drops larger bodies and answers 400.
MAX_BODY = 1024 * 1024


class RestCaller:
    """Sends requests below /api and turns each refusal into the exception that fits it."""

    def __init__(self, client: HttpClient, server_version: str = "") -> None:
        self.client = client
        self._version = parse_version(server_version) if server_version else ()

    def with_password(self, password: str) -> RestCaller:
        """The same, logging in with another password."""
        caller = RestCaller(client_for(dataclasses.replace(self.client.connection, password=password)))
        caller._version = self._version
        return caller

    def call(
        self,
        method: str,
        *path: str,
        resource: str = "",
        query: t.Mapping[str, t.Any] | None = None,
        body: t.Any = None,
        content: bytes | None = None,
        content_type: str = "application/json",
        safe: bool | None = None,
        timeout: float | None = None,
    ) -> t.Any:
        """The `data` of the answer. `resource` names what the call is about in an error, as "principal 'alice'"."""
        try:
            answer = self.client.request(method, ("api", *path), query=query, body=body, content=content, content_type=content_type, safe=safe, timeout=timeout)
            return self._data(answer)
        except NotFound as error:
            # A missing principal is answered with 200; a 404 for a path that every REST server has means that there is none.
            if error.status == 404 and path[0] in _ALWAYS_THERE:
                raise UnexpectedAnswer(self._why_no_api(), request=error.request, status=404).about(resource) from None
            raise error.about(resource) from None
        except ServerError as error:
            raise error.about(resource) from None

    def _why_no_api(self) -> str:
        base_url = self.client.connection.base_url
        if base_url.endswith("/api"):
            return f"{base_url} has no management API; leave /api out of url, since it is added"
        return (
            f"{base_url} has no REST management API, which servers have up to 0.15. Correct the url, which goes without a path of the API; "
            "if the server is newer, leave api out"
        )

    def raw(self, method: str, *path: str, resource: str = "", query: t.Mapping[str, t.Any] | None = None) -> bytes:
        """The bytes of an answer that is not JSON; one that is JSON is a refusal."""
        try:
            answer = self.client.request(method, ("api", *path), query=query, accept="*/*")
            if "json" in answer.content_type:
                self._data(answer)
            return answer.content
        except ServerError as error:
            raise error.about(resource) from None

    def events(self, *path: str, limit: float, resource: str = "", query: t.Mapping[str, t.Any] | None = None) -> t.Iterator[str]:
        """The lines of an event stream, for at most `limit` seconds."""
        try:
            yield from self.client.events(("api", *path), query=query, limit=limit, otherwise=self._data)
        except ServerError as error:
            raise error.about(resource) from None

    def _data(self, answer: Answer) -> t.Any:
        body = answer.json()
        if isinstance(body, dict) and "error" in body:
            raise self._refusal(body, answer)
        if isinstance(body, dict) and "data" in body:
            return body["data"]
        raise UnexpectedAnswer(
            'the answer has neither "data" nor "error"; is the url that of a Stalwart management API?', request=answer.request, status=answer.status
        )

    def _refusal(self, body: dict[str, t.Any], answer: Answer) -> ServerError:
        kind = str(body["error"])
        told = {key: scrub(str(body[key]), self.client.connection.secrets)[:500] for key in ("field", "item", "details", "reason") if body.get(key)}
        words = ": ".join([kind, *told.values()])
        about: dict[str, t.Any] = {"request": answer.request, "status": answer.status}
        if kind == "fieldAlreadyExists":
            field = told.get("field", "")
            value = str(body.get("value", "")) if field in _SHOWN_FIELDS else ""
            return AlreadyExists(f"{words}: {value}" if value else words, field=field, value=value, **about)
        if kind == "fieldMissing":
            return FieldMissing(words, field=told.get("field", ""), **about)
        if kind == "notFound":
            return NotFound(words, item=told.get("item", ""), **about)
        if kind == "unsupported" and told.get("details") == "Enterprise feature":
            return EditionMissing(words, **about)
        if kind == "unsupported":
            return Unsupported(words, **about)
        if kind == "assertFailed":
            return AssertionRefused(words, **about)
        return ServerError(words, **about)

    def authorize(self) -> dict[str, t.Any]:
        """What POST /oauth tells: version, isEnterprise, permissions. The live code in the same answer is dropped here.

        Raises PermissionDenied for a key without `authenticate-oauth`.
        """
        data = self.call(
            "POST", "oauth", resource="server version", body={"type": "code", "client_id": "stalwart.mail", "redirect_uri": None, "nonce": None}, safe=True
        )
        return {key: data[key] for key in ("version", "isEnterprise", "permissions") if key in data} if isinstance(data, dict) else {}

    @property
    def known_version(self) -> tuple[int, ...]:
        """The version as far as it is known without asking; () when it is not."""
        return self._version

    def version(self) -> tuple[int, ...]:
        """The server's version, asked once."""
        if not self._version:
            try:
                self._version = parse_version(str(self.authorize().get("version", "")))
            except PermissionDenied:
                raise Refused(
                    "the request depends on the server's version, which this login may not ask for (it lacks the permission authenticate-oauth); "
                    "set the option server_version, for instance server_version: 0.15.5."
                ) from None
        return self._version


def name_in_token(token: str) -> str:
    """The name in an API key, which is `api_` and the base64 of `NAME:SECRET`; empty for any other token."""
    if not token.startswith("api_"):
        return ""
    try:
        return base64.b64decode(token[4:] + "=" * (-len(token[4:]) % 4)).decode().partition(":")[0].lower()
    except ValueError:
        return ""

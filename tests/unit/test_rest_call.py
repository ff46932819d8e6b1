# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the REST API: each form of refusal becomes its own error, with the server's words and without secrets."""

from __future__ import annotations

import base64
import json
import typing as t

import httpx
import pytest

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._errors import (
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
from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection, HttpClient
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.server import parse_version
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest._call import RestCaller, name_in_token
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.adapter import RestServer
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.settings import DEFAULT_LOCAL_KEYS, RestSettings

PASSWORD = "the-password-that-nobody-may-see"
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIDsecretkeymaterial\n-----END PRIVATE KEY-----\n"

Handler = t.Callable[[httpx.Request], httpx.Response]


def client(handler: Handler, url: str = "http://127.0.0.1:8080") -> HttpClient:
    _http._guard.forget()
    return HttpClient(Connection(url=url, user="admin", password=PASSWORD, retries=0), httpx.MockTransport(handler))


def answering(body: t.Any, status: int = 200) -> RestCaller:
    return RestCaller(client(lambda _request: httpx.Response(status, json=body)))


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ({"error": "fieldAlreadyExists", "field": "emails", "value": "a@example.org"}, AlreadyExists, "fieldAlreadyExists: emails: a@example.org"),
        ({"error": "fieldAlreadyExists", "field": "id", "value": PEM}, AlreadyExists, "fieldAlreadyExists: id"),
        ({"error": "fieldMissing", "field": "name"}, FieldMissing, "fieldMissing: name"),
        ({"error": "notFound", "item": "example.org"}, NotFound, "notFound: example.org"),
        ({"error": "notFound", "item": ""}, NotFound, "notFound"),
        ({"error": "unsupported", "details": "Restart"}, Unsupported, "unsupported: Restart"),
        ({"error": "unsupported", "details": "Enterprise feature"}, EditionMissing, "unsupported: Enterprise feature"),
        ({"error": "assertFailed"}, AssertionRefused, "assertFailed"),
        ({"error": "other", "details": "Some details", "reason": f"a reason with {PASSWORD}"}, ServerError, "other: Some details: a reason with <hidden>"),
        ({"error": "other", "details": PEM, "reason": None}, ServerError, "other: <hidden>\n"),
        ({"error": "somethingNew", "extra": PASSWORD}, ServerError, "somethingNew"),
    ],
)
def test_refusals_under_http_200(body: dict[str, t.Any], kind: type[ServerError], words: str) -> None:
    with pytest.raises(ServerError) as caught:
        answering(body).call("POST", "principal", resource="individual 'alice'")
    assert type(caught.value) is kind
    assert caught.value.words == words
    assert str(caught.value).startswith("individual 'alice': ")
    assert str(caught.value).endswith("(POST /api/principal)")
    assert caught.value.status == 200
    for secret in (PASSWORD, "secretkeymaterial"):
        assert secret not in str(caught.value)
        assert secret not in repr(vars(caught.value))


def test_the_missing_item_and_the_taken_field_are_told_apart() -> None:
    with pytest.raises(NotFound) as missing:
        answering({"error": "notFound", "item": "example.org"}).call("POST", "principal")
    assert missing.value.item == "example.org"
    with pytest.raises(AlreadyExists) as taken:
        answering({"error": "fieldAlreadyExists", "field": "emails", "value": "a@example.org"}).call("POST", "principal")
    assert (taken.value.field, taken.value.value) == ("emails", "a@example.org")


@pytest.mark.parametrize("data", [None, 0, [], {}, {"error": "within data is no error"}, "text"])
def test_data_is_returned_as_it_is(data: t.Any) -> None:
    assert answering({"data": data}).call("GET", "x") == data


@pytest.mark.parametrize("body", [{}, [], 0, "text", {"Data": 1}])
def test_json_of_another_program_is_no_answer(body: t.Any) -> None:
    with pytest.raises(UnexpectedAnswer, match="principal 'a': the answer has neither") as caught:
        answering(body).call("GET", "principal", "a", resource="principal 'a'")
    assert caught.value.request == "GET /api/principal/a"


def test_problem_documents_name_the_resource_too() -> None:
    with pytest.raises(PermissionDenied, match=r"^settings: this login has not the permission .* 403 Forbidden: You do not have"):
        answering({"status": 403, "title": "Forbidden", "detail": "You do not have enough permissions"}, 403).call("GET", "settings", resource="settings")


def test_bytes_are_returned_and_refusals_among_them_raised() -> None:
    octets = RestCaller(client(lambda _request: httpx.Response(200, content=b"\x00\xff", headers={"content-type": "application/octet-stream"})))
    assert octets.raw("GET", "store", "blobs", "x") == b"\x00\xff"
    with pytest.raises(NotFound):
        answering({"error": "notFound", "item": "x"}).raw("GET", "store", "blobs", "x", resource="blob x")


# Versions


@pytest.mark.parametrize(("text", "version"), [("0.15.5", (0, 15, 5)), ("v0.13.4", (0, 13, 4)), (" 0.16.0-beta ", (0, 16, 0)), ("0.15", (0, 15))])
def test_versions_are_read(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize("text", ["", "latest", "15", "version 0.15"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is no server version; set the option server_version"):
        parse_version(text)


def test_the_version_is_asked_once_and_its_code_dropped() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"data": {"code": "a-live-credential", "version": "0.15.5", "isEnterprise": False, "permissions": ["b", "a"]}})

    caller = RestCaller(client(handler))
    assert not caller.known_version
    assert caller.version() == (0, 15, 5)
    assert caller.version() == (0, 15, 5)
    assert caller.known_version == (0, 15, 5)
    assert [(request.method, request.url.path) for request in asked] == [("POST", "/api/oauth")]
    assert "code" not in caller.authorize()
    about = RestServer(client(handler)).about()
    assert (about.version, about.edition, about.permissions) == ("0.15.5", "community", ("a", "b"))
    assert "a-live-credential" not in repr(about)


def test_a_login_that_may_not_ask_needs_the_option() -> None:
    def forbidden(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(403, json={"status": 403, "title": "Forbidden", "detail": "no"})

    with pytest.raises(Refused, match=r"it lacks the permission authenticate-oauth.*set the option server_version"):
        RestCaller(client(forbidden)).version()
    assert RestCaller(client(forbidden), "0.13.4").version() == (0, 13, 4)
    assert RestServer(client(forbidden), "0.13.4").about().version == "0.13.4"
    assert RestServer(client(forbidden)).about().version == ""


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("api_" + base64.b64encode(b"Key:secret").decode(), "key"),
        ("api_" + base64.b64encode(b"k:s").decode().rstrip("="), "k"),
        ("api_!", ""),
        ("eyJhbGciOi", ""),
        ("", ""),
    ],
)
def test_the_name_in_a_key(token: str, name: str) -> None:
    assert name_in_token(token) == name


# Health and reload


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (404, False)])
def test_health_is_asked_once_without_a_login(status: int, healthy: bool) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, json={})

    assert RestServer(client(handler)).healthy(ready=True) is healthy
    assert [(request.url.path, "authorization" in request.headers) for request in asked] == [("/healthz/ready", False)]


def test_reloads_by_part_and_dry() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        errors = {
            "session.timeout": {"type": "parse", "error": "Invalid value"},
            "queue.route.x.auth.secret": {"type": "parse", "error": f"Invalid value {PASSWORD!r}"},
        }
        return httpx.Response(
            200, json={"data": {"errors": errors, "warnings": {"store.x.password": {"type": "unread", "value": PASSWORD}, "y": {"type": "missing"}}}}
        )

    server = RestServer(client(handler))
    report = server.reload()
    server.reload(dry_run=True)
    server.reload(part="blocked_ip")
    server.reload(part="blocked_ip", dry_run=True)
    assert asked == ["/api/reload", "/api/reload?dry-run=true", "/api/reload/server.blocked-ip", "/api/reload?dry-run=true"]
    assert report.errors == {"session.timeout": "parse: Invalid value", "queue.route.x.auth.secret": "parse"}
    assert report.warnings == {"store.x.password": "unread", "y": "missing"}


# Settings on the wire


class Store:
    """The settings paths of a server; `queries` are those of its GETs."""

    def __init__(self, **settings: str) -> None:
        self.settings = settings
        self.queries: list[dict[str, str]] = []
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.bodies.append(request.content)
            return httpx.Response(200, json={"data": None})
        query = dict(request.url.params)
        self.queries.append(query)
        if request.url.path == "/api/settings/list":
            return httpx.Response(200, json={"data": {"total": len(self.settings), "items": self.settings}})
        found = {key: self.settings[key] for key in query.get("keys", "").split(",") if key in self.settings}
        for prefix in query.get("prefixes", "").split(",") if "prefixes" in query else []:
            found |= {key: value for key, value in self.settings.items() if key.startswith(prefix if prefix.endswith(".") else f"{prefix}.")}
        return httpx.Response(200, json={"data": found})


def settings(store: Store) -> RestSettings:
    return RestSettings(RestCaller(client(store)))


def test_keys_and_prefixes_are_read_in_one_request() -> None:
    store = Store(**{"a": "1", "a.b": "2", "ab.c": "3", "d": "4"})
    assert settings(store).read(keys=["d", "nosuch"], prefixes=["a"]) == {"a": "1", "a.b": "2", "d": "4"}
    assert len(store.queries) == 1
    assert settings(store).read() == {}
    assert len(store.queries) == 1


def test_everything_is_the_empty_prefix() -> None:
    store = Store(a="1", b="2")
    assert settings(store).read(prefixes=[""]) == {"a": "1", "b": "2"}


def test_many_keys_are_asked_in_short_urls() -> None:
    keys = {f"some.rather.long.prefix.{number:05d}": str(number) for number in range(2000)}
    store = Store(**keys)
    assert settings(store).read(keys=list(keys)) == keys
    assert len(store.queries) > 5
    assert all(len(query["keys"]) < 4100 for query in store.queries)


def test_a_key_with_a_comma_is_found_among_its_neighbours() -> None:
    store = Store(**{"x.a,b": "1", "x.a": "2", "x.c": "3"})
    assert settings(store).read(keys=["x.a,b"]) == {"x.a,b": "1"}
    assert settings(store).read(keys=["x.a,c"]) == {}


def test_writes_are_cut_below_the_servers_limit() -> None:
    store = Store()
    values = {f"k.{number}": "ü" * 5000 for number in range(300)}
    settings(store).insert(values)
    assert len(store.bodies) > 2
    assert all(len(body) < 1024 * 1024 for body in store.bodies)
    sent = [change for body in store.bodies for change in json.loads(body)]
    assert all(change["type"] == "insert" and change["assert_empty"] is False for change in sent)
    assert {key: value for change in sent for key, value in change["values"]} == values


def test_deletions_name_their_keys() -> None:
    store = Store()
    settings(store).delete(["b", "a"])
    assert [json.loads(body) for body in store.bodies] == [[{"type": "delete", "keys": ["b", "a"]}]]


@pytest.mark.parametrize(
    ("own", "local", "stored"),
    [
        (
            {},
            ["store.x", "server.hostname", "storage.data", "certificate.x.cert", "config.local-keys.0"],
            ["server.blocked-ip.192.0.2.1", "storage.other", "session.x"],
        ),
        ({"config.local-keys.0": "Session.*", "config.local-keys.1": "*.secret"}, ["session.x", "a.secret", "config.local-keys.9"], ["store.x", "a.secrets"]),
        ({"config.local-keys": "a.*.b"}, ["a.x.b", "a.x.y.b"], ["a.x", "a.b"]),
        ({"config.local-keys.0": "*", "config.local-keys.1": " ! queue.* "}, ["session.x", "store.y"], ["queue.x"]),
        ({"config.local-keys.0": "  ", "config.local-keys.1": "!"}, ["store.x"], ["session.x"]),
        ({"config.local-keys.0": "a[b]*c"}, ["a[b]xc"], ["abxc"]),
        ({"config.local-keys.0": "exact.key"}, ["exact.key"], ["exact.key.below"]),
    ],
)
def test_local_keys_are_told_as_the_server_does(own: dict[str, str], local: list[str], stored: list[str]) -> None:
    found = settings(Store(**own))
    patterns = found.local_key_patterns()
    assert [key for key in [*local, *stored] if found.is_local(key, patterns)] == local
    if not own:
        assert patterns == list(DEFAULT_LOCAL_KEYS)


@pytest.mark.parametrize("path", [("principal", "alice"), ("settings", "keys"), ("reload",)])
def test_a_server_without_the_rest_api_is_said_to_have_none(path: tuple[str, ...]) -> None:
    """0.16 and later answer 404 for all of it, which must not be taken for a missing principal."""
    caller = answering({"type": "about:blank", "status": 404, "title": "Not Found", "detail": "x"}, 404)
    with pytest.raises(UnexpectedAnswer, match=r"has no REST management API, which servers have up to 0.15"):
        caller.call("GET", *path)


def test_a_url_with_the_path_of_the_api_is_told_to_be_too_long() -> None:
    caller = RestCaller(client(lambda _request: httpx.Response(404, json={}), url="http://127.0.0.1:8080/api"))
    with pytest.raises(UnexpectedAnswer, match=r"leave /api out of url"):
        caller.call("GET", "principal", "alice")

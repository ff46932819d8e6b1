# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of the object API: few, within the server's limits, each object with an answer of its own, and no secret in any error."""

from __future__ import annotations

import json
import typing as t

import httpx
import pytest

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._errors import (
    AlreadyExists,
    AuthenticationFailed,
    ConnectionFailed,
    InUse,
    InvalidRequest,
    PermissionDenied,
    StalwartError,
    UnexpectedAnswer,
)
from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection, HttpClient
from ansible_collections.stalwart.mail.plugins.module_utils._server.connect import _FoundOut, connect
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap._call import Find, JmapCaller, Write
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap.adapter import JmapServer
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.adapter import RestServer
from tests.support.in_process import InProcess
from tests.support.in_process import client as client_of

PASSWORD = "the-password-that-nobody-may-see"

Method = t.Callable[[str, dict[str, t.Any]], tuple[str, dict[str, t.Any]]]


def client(handler: t.Callable[[httpx.Request], httpx.Response], retries: int = 0) -> HttpClient:
    _http._guard.forget()
    return HttpClient(Connection(url="http://127.0.0.1:8080", user="admin", password=PASSWORD, retries=retries), httpx.MockTransport(handler))


class Objects:
    """A server that answers each method by a function; `requests` are the calls of each request."""

    def __init__(self, method: Method, **limits: int) -> None:
        self.method = method
        self.limits = limits
        self.requests: list[list[t.Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/jmap/session":
            return httpx.Response(200, json={"capabilities": {"urn:ietf:params:jmap:core": self.limits}, "accounts": {"b": {}}})
        calls = json.loads(request.content)["methodCalls"]
        self.requests.append(calls)
        answers = [(self.method(name, arguments), call) for name, arguments, call in calls]
        return httpx.Response(200, json={"methodResponses": [[name, arguments, call] for (name, arguments), call in answers]})


def done(name: str, arguments: dict[str, t.Any]) -> tuple[str, dict[str, t.Any]]:
    return name, {
        "created": {key: {"id": f"id-{key}"} for key in arguments.get("create", {})},
        "updated": dict.fromkeys(arguments.get("update", {})),
        "destroyed": list(arguments.get("destroy", [])),
    }


def creations(number: int) -> list[Write]:
    return [Write("Domain", "create", f"n{each}", {"name": f"d{each}.test"}) for each in range(number)]


def test_many_writes_are_sliced_to_what_a_call_takes() -> None:
    server = Objects(done)
    results = JmapCaller(client(server)).set(creations(1200))
    assert [sum(len(call[1]["create"]) for call in calls) for calls in server.requests] == [500, 500, 200]
    assert results[1199] == {"id": "id-n1199"}


def test_the_limits_are_those_of_the_session() -> None:
    server = Objects(done, maxObjectsInSet=7, maxCallsInRequest=1)
    JmapCaller(client(server)).set(creations(20))
    assert [len(calls[0][1]["create"]) for calls in server.requests] == [7, 7, 6]


def test_a_large_request_is_split_by_its_size() -> None:
    server = Objects(done, maxSizeRequest=20_000)
    JmapCaller(client(server)).set([Write("SieveSystemScript", "create", f"n{each}", {"contents": "x" * 6000}) for each in range(20)])
    assert len(server.requests) == 10


def test_two_writes_of_one_object_are_two_calls() -> None:
    server = Objects(done)
    JmapCaller(client(server)).set([Write("Domain", "update", "b", {"description": "one"}), Write("Domain", "update", "b", {"description": "two"})])
    assert [call[1]["update"]["b"]["description"] for call in server.requests[0]] == ["one", "two"]


def test_what_stops_between_requests_has_no_answer() -> None:
    going = iter([True, False])
    results = JmapCaller(client(Objects(done))).set(creations(600), may_go_on=lambda: next(going))
    assert results[499] is not None
    assert results[500] is None


def test_each_object_has_its_own_answer() -> None:
    refusals = {
        "taken": {"type": "primaryKeyViolation", "properties": ["email"], "objectId": {"object": "Account", "id": "d"}},
        "weak": {"type": "validationFailed", "validationErrors": [{"type": "MinLength", "property": "secret", "required": 8, "value": PASSWORD}]},
        "rights": {"type": "forbidden", "description": f"not for {PASSWORD}"},
    }

    def method(name: str, arguments: dict[str, t.Any]) -> tuple[str, dict[str, t.Any]]:
        return name, {"created": {"fine": {"id": "b"}}, "notCreated": refusals}

    writes = [Write("Account", "create", key, {}, f"individual {key!r}") for key in ("fine", "taken", "weak", "rights", "vanished")]
    fine, taken, weak, rights, vanished = JmapCaller(client(Objects(method))).set(writes)
    assert fine == {"id": "b"}
    assert isinstance(taken, AlreadyExists) and taken.holder == ("Account", "d") and taken.field == "email"
    assert isinstance(weak, InvalidRequest) and "secret MinLength 8" in str(weak) and PASSWORD not in str(weak)
    assert isinstance(rights, PermissionDenied) and "individual 'rights'" in str(rights) and PASSWORD not in str(rights)
    assert isinstance(vanished, UnexpectedAnswer) and "does not say what became of it" in str(vanished)


def test_a_method_that_fails_fails_each_of_its_objects_under_its_own_name() -> None:
    server = Objects(lambda _name, _arguments: ("error", {"type": "invalidResultReference", "description": "no such object"}))
    results = JmapCaller(client(server)).set([Write("Account", "create", key, {}, f"individual {key!r}") for key in ("one", "two")])
    assert [str(result).partition(":")[0] for result in results] == ["individual 'one'", "individual 'two'"]


def test_what_is_in_use_says_by_whom() -> None:
    linked = {"type": "objectIsLinked", "linkedObjects": [{"object": "Account", "id": "d"}, {"object": "DkimSignature", "id": "e"}]}
    caller = JmapCaller(client(Objects(lambda name, _arguments: (name, {"notDestroyed": {"b": linked}}))))
    with pytest.raises(InUse, match="objectIsLinked: 1 Account, 1 DkimSignature") as raised:
        caller.destroy("Domain", "b", resource="domain 'example.org'")
    assert raised.value.linked == (("Account", "d"), ("DkimSignature", "e"))


def test_the_text_that_echoes_the_request_is_never_shown() -> None:
    problem = {"type": "urn:ietf:params:jmap:error:notRequest", "status": 400, "detail": f'Failed to parse {{"secret":"{PASSWORD}x"}}'}
    caller = JmapCaller(client(lambda _request: httpx.Response(400, json=problem, headers={"content-type": "application/problem+json"})))
    with pytest.raises(InvalidRequest) as raised:
        caller.find("Domain")
    assert "notRequest" in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json={"title": "Not Found"}, headers={"content-type": "application/problem+json"}),
        httpx.Response(
            400,
            json={"type": "urn:ietf:params:jmap:error:notRequest", "detail": 'Unknown capability: "urn:stalwart:jmap" at line 1 column 58'},
            headers={"content-type": "application/problem+json"},
        ),
    ],
)
def test_a_server_without_this_api_is_told_as_such(answer: httpx.Response) -> None:
    with pytest.raises(
        StalwartError, match=r"has no JMAP management API, which servers have since 0\.16\. Correct the url, .*; if the server is older, leave api out"
    ):
        JmapCaller(client(lambda _request: answer)).find("Domain")


def test_only_reading_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    sent: list[str] = []

    def broken(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content)["methodCalls"][0][0])
        raise httpx.ReadError("gone")

    caller = JmapCaller(client(broken, retries=2))
    for act in (lambda: caller.create("Domain", {"name": "a.test"}), lambda: caller.get("Domain", ["b"])):
        with pytest.raises(ConnectionFailed):
            act()
    assert sent == ["x:Domain/set", "x:Domain/get", "x:Domain/get", "x:Domain/get"]


def test_a_server_that_is_busy_with_other_requests_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    problem = {"type": "urn:ietf:params:jmap:error:limit", "limit": "maxConcurrentRequests", "detail": "Too many."}
    busy = httpx.Response(400, json=problem, headers={"content-type": "application/problem+json"})
    answers = iter([busy, httpx.Response(200, json={"methodResponses": [["x:Domain/set", {"created": {"new": {"id": "c"}}}, "c0"]]})])
    assert JmapCaller(client(lambda _request: next(answers), retries=1)).create("Domain", {"name": "a.test"}) == {"id": "c"}


class Shelf:
    """Objects with ascending ids, of which a server gives pages, whatever is asked for."""

    def __init__(self, number: int, page: int, *, with_total: bool = True) -> None:
        self.ids = [f"i{each:05}" for each in range(number)]
        self.page = page
        self.with_total = with_total
        self.queried: list[str] = []

    def __call__(self, name: str, arguments: dict[str, t.Any]) -> tuple[str, dict[str, t.Any]]:
        if name.endswith("/query"):
            assert arguments["sort"] == [{"property": "id", "isAscending": True}]
            after = arguments.get("anchor", "")
            self.queried = [each for each in self.ids if each > after][: min(self.page, arguments["limit"])]
            total = {"total": len(self.ids)} if self.with_total and arguments.get("calculateTotal") else {}
            return name, {"ids": self.queried, **total}
        ids = self.queried if "#ids" in arguments else arguments["ids"]
        return name, {"list": [{"id": each} for each in ids if each in self.ids], "notFound": []}


@pytest.mark.parametrize("with_total", [True, False])
@pytest.mark.parametrize(("number", "page"), [(0, 500), (3, 500), (500, 500), (1300, 500), (1300, 90)])
def test_all_are_read_whatever_the_pages_are(number: int, page: int, with_total: bool) -> None:
    shelf = Shelf(number, page, with_total=with_total)
    assert [each["id"] for each in JmapCaller(client(Objects(shelf))).find("Domain")] == shelf.ids
    assert [each["id"] for each in JmapCaller(client(Objects(shelf))).each(Find("Domain"))] == shelf.ids


def test_thousands_take_a_few_requests() -> None:
    server = Objects(Shelf(10_000, 5000))
    assert len(JmapCaller(client(server)).find("Account")) == 10_000
    assert len(server.requests) <= 10


def test_several_types_are_one_request() -> None:
    server = Objects(Shelf(3, 500))
    assert [len(found) for found in JmapCaller(client(server)).read(Find("Domain"), Find("Account"), Find("Role"))] == [3, 3, 3]
    assert len(server.requests) == 1


def test_what_may_not_be_read_is_left_out_where_that_is_wanted() -> None:
    shelf = Shelf(1, 500)

    def method(name: str, arguments: dict[str, t.Any]) -> tuple[str, dict[str, t.Any]]:
        return ("error", {"type": "forbidden", "description": "no"}) if "Role" in name else shelf(name, arguments)

    found, refusals = JmapCaller(client(Objects(method))).read_allowed(Find("Role", resource="roles"), Find("Domain"))
    assert [len(each) for each in found] == [0, 1]
    assert list(refusals) == ["Role"]


# Which API a server has


@pytest.mark.parametrize(("version", "kind"), [("0.13.4", RestServer), ("0.15.5", RestServer), ("0.16.18", JmapServer)])
def test_the_generation_is_found_out_once(version: str, kind: type) -> None:
    _http._guard.forget()
    server = InProcess(version)
    http_client = client_of(server)
    for _task in range(2):
        found = _FoundOut(http_client, "")
        assert isinstance(found._server, kind)
    assert [path for _method, path, _body in server.requests] == ["/api/account"]


@pytest.mark.parametrize("version", ["0.15.5", "0.16.18"])
def test_a_wrong_login_is_tried_once_to_find_it_out(version: str) -> None:
    _http._guard.forget()
    server = InProcess(version)
    with pytest.raises(AuthenticationFailed):
        _FoundOut(client_of(server, password="wrong-and-unlike-any-other"), "").about()
    assert len(server.requests) == 1


@pytest.mark.parametrize("version", ["0.15.5", "0.16.18"])
def test_the_wrong_generation_is_one_clear_sentence(version: str) -> None:
    _http._guard.forget()
    http_client = client_of(InProcess(version))
    if version == "0.16.18":
        with pytest.raises(
            UnexpectedAnswer, match=r"has no REST management API, which servers have up to 0\.15\. Correct the url, .*; if the server is newer, leave api out"
        ):
            RestServer(http_client).principals.get("x")
    else:
        with pytest.raises(StalwartError, match=r"has no JMAP management API, which servers have since 0\.16"):
            JmapServer(http_client).principals.get("x")


def test_nothing_is_sent_before_something_is_asked() -> None:
    connection = Connection(url="http://127.0.0.1:1", user="admin", password=PASSWORD)
    assert connect(connection) is not None
    assert isinstance(connect(connection, api="rest"), RestServer)
    assert isinstance(connect(connection, api="jmap"), JmapServer)

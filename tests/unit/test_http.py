# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP client: what is sent once and what again, what every bad answer becomes, and that no secret is in any of it."""

from __future__ import annotations

import base64
import contextlib
import email.utils
import gzip
import json
import logging
import multiprocessing
import os
import socket
import threading
import time
import typing as t

import httpx
import pytest

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._errors import (
    AuthenticationFailed,
    ConnectionFailed,
    InvalidOption,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    RateLimited,
    Refused,
    ServerError,
    ServerFault,
    StalwartError,
    TimedOut,
    UnexpectedAnswer,
)
from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection, HttpClient

PASSWORD = "the-password-that-nobody-may-see"
URL = "http://127.0.0.1:8080"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    _http._guard.forget()
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client would have slept."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


class Server:
    """Answers each request with the next of what it was given, the last one again and again; exceptions are raised."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def client(server: Server, **about: t.Any) -> HttpClient:
    connection = Connection(**{"url": URL, "user": "admin", "password": PASSWORD, **about})
    return HttpClient(connection, httpx.MockTransport(server))


def ok(data: t.Any = None) -> httpx.Response:
    return httpx.Response(200, json={"data": data})


def problem(status: int, **more: t.Any) -> httpx.Response:
    body = {"type": "about:blank", "status": status, "title": "Title", "detail": "The detail."}
    return httpx.Response(status, content=json.dumps(body), headers={"content-type": "application/problem+json", **more})


# What is sent


def test_path_elements_are_encoded_each_for_itself() -> None:
    server = Server(ok())
    client(server, url=f"{URL}/mail/").request("GET", ("api", "principal", "odd/name", "zoë smith?#%"))
    assert server.requests[0].url.raw_path == b"/mail/api/principal/odd%2Fname/zo%C3%AB%20smith%3F%23%25"


def test_login_body_and_query() -> None:
    server = Server(ok())
    client(server).request("POST", ("api", "x"), query={"a": "b c&d", "n": 1}, body={"ü": None})
    request = server.requests[0]
    assert request.headers["authorization"] == "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    assert request.headers["content-type"] == "application/json"
    assert request.content == '{"ü":null}'.encode()
    assert dict(request.url.params) == {"a": "b c&d", "n": "1"}


def test_token_login_and_no_login() -> None:
    server = Server(ok())
    found = client(server, user="", password="", token="api_abc=")
    found.request("GET", ("api",))
    found.request("GET", ("healthz", "live"), authenticated=False)
    assert server.requests[0].headers["authorization"] == "Bearer api_abc="
    assert "authorization" not in server.requests[1].headers


# Refused before anything is sent


@pytest.mark.parametrize(
    ("about", "option", "words"),
    [
        ({"url": "mail.example.org"}, "url", "has no scheme http or https"),
        ({"url": "ftp://mail.example.org"}, "url", "has no scheme http or https"),
        ({"url": "https://"}, "url", "names no host"),
        ({"url": "https://mail.example.org:99999"}, "url", "is no URL"),
        ({"url": "https://exa mple.org"}, "url", "names no host"),
        ({"url": "https://a..b:443"}, "url", "is no URL"),
        ({"url": f"https://admin:{PASSWORD}@mail.example.org"}, "url", "it holds a login"),
        ({"url": "https://mail.example.org/?x=1"}, "url", "has a query or a fragment"),
        ({"url": "http://mail.example.org"}, "url", "would send the login in clear text"),
        ({"url": "http://192.0.2.1"}, "url", "would send the login in clear text"),
        ({"url": "http://127.0.0.1.example.org"}, "url", "would send the login in clear text"),
        ({"password": ""}, "login_password", "it is missing, while login_user is set"),
        ({"user": ""}, "login_user", "it is missing, while login_password is set"),
        ({"user": "a:b"}, "login_user", "holds a colon"),
        ({"user": "", "password": ""}, "login_user", "no login is given"),
        ({"token": "api_x"}, "login_token", "can't be used together with login_user"),
        ({"user": "", "password": "", "token": f"{PASSWORD}\n"}, "login_token", "it holds a blank, a line end"),
        ({"user": "", "password": "", "token": f"{PASSWORD}ü"}, "login_token", "it holds a blank, a line end"),
        ({"timeout": 0.0}, "timeout", "is no time limit"),
        ({"timeout": float("inf")}, "timeout", "is no time limit"),
        ({"timeout": float("nan")}, "timeout", "is no time limit"),
        ({"retries": -1}, "retries", "is below 0"),
        ({"client_key": "/nowhere.pem"}, "client_key", "it is set without client_cert"),
        ({"ca_path": "/nowhere.pem"}, "ca_path", "there is no file '/nowhere.pem'"),
        ({"url": "https://mail.example.org", "ca_path": __file__}, "ca_path", "holds no certificates that can be read"),
        ({"url": "https://mail.example.org", "client_cert": __file__}, "client_cert", "and its key can't be used"),
    ],
)
def test_bad_connections_name_the_option_and_hide_the_secret(about: dict[str, t.Any], option: str, words: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        client(Server(ok()), **about)
    assert caught.value.option == option
    assert words in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("url", ["http://localhost:1", "http://[::1]:1", "http://127.8.9.1", "http://mail.localhost"])
def test_plain_http_is_fine_on_this_machine(url: str) -> None:
    assert client(Server(ok(1)), url=url).request("GET", ("api",)).json() == {"data": 1}


def test_plain_http_elsewhere_is_fine_when_asked_for() -> None:
    assert client(Server(ok(1)), url="http://192.0.2.1", allow_http=True).request("GET", ("api",)).json() == {"data": 1}


def test_a_connection_does_not_show_its_secrets() -> None:
    assert PASSWORD not in repr(Connection(url=URL, user="admin", password=PASSWORD))
    assert PASSWORD not in repr(Connection(url=URL, token=PASSWORD))


# Errors by status


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, AuthenticationFailed),
        (403, PermissionDenied),
        (404, NotFound),
        (409, InvalidRequest),
        (429, RateLimited),
        (500, ServerFault),
    ],
)
def test_each_status_has_its_error_with_the_servers_words(status: int, kind: type[ServerError], pauses: list[float]) -> None:
    with pytest.raises(ServerError) as caught:
        client(Server(problem(status)), retries=0).request("GET", ("api", "x"), query={"secret": PASSWORD})
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.request == "GET /api/x"
    assert caught.value.words == f"{status} Title: The detail."
    assert str(caught.value.about("principal 'a'")).startswith("principal 'a': ")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, html=f"<html>{PASSWORD}</html>"),
        httpx.Response(500, content=b'{"detail": ', headers={"content-type": "application/json"}),
        httpx.Response(500, content=b"[" * 200_000, headers={"content-type": "application/json"}),
        httpx.Response(500, json={"detail": f"wrong {PASSWORD}"}),
        httpx.Response(500, json={"detail": "otpauth://totp/x?secret=ABCDEFG $6$salt$hashhashhash"}),
        httpx.Response(400, json={"type": "urn:ietf:params:jmap:error:notRequest", "detail": f"all of {PASSWORD}"}),
    ],
)
def test_error_bodies_of_any_kind_show_no_secret(answer: httpx.Response) -> None:
    with pytest.raises(ServerError) as caught:
        client(Server(answer), retries=0).request("GET", ("api", "x"))
    for secret in (PASSWORD, "ABCDEFG", "hashhash", "<html"):
        assert secret not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    server = Server(httpx.Response(status, headers={"location": f"https://user:{PASSWORD}@evil.example.org/?token={PASSWORD}"}), ok())
    with pytest.raises(UnexpectedAnswer) as caught:
        client(server).request("GET", ("api", "x"))
    assert len(server.requests) == 1
    assert "the server redirects to https://" in str(caught.value)
    assert "evil.example.org/" in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, html="<html>Welcome</html>"), "the answer is not JSON but 20 bytes of text/html"),
        (httpx.Response(200, content=b'{"data": [1, 2', headers={"content-type": "application/json"}), "is not JSON but 14 bytes of application/json"),
        (httpx.Response(200, content=b"\xff\xfe"), "is not JSON but 2 bytes of no content type"),
        (httpx.Response(200, content=b"[" * 200_000), "is not JSON but 200000 bytes"),
        (httpx.Response(204), "is not JSON but 0 bytes"),
    ],
)
def test_answers_that_are_no_json(answer: httpx.Response, words: str) -> None:
    with pytest.raises(UnexpectedAnswer, match=words):
        client(Server(answer)).request("GET", ("api", "x")).json()


# Retries


@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_is_safe_is_sent_again(status: int, pauses: list[float]) -> None:
    server = Server(problem(status), problem(status), ok("there"))
    assert client(server).request("GET", ("api", "x")).json()["data"] == "there"
    assert len(server.requests) == 3
    assert 0.125 <= pauses[0] <= 0.25
    assert 0.25 <= pauses[1] <= 0.5


@pytest.mark.parametrize(("method", "safe", "sent"), [("GET", None, 5), ("POST", None, 1), ("DELETE", None, 1), ("GET", False, 1), ("POST", True, 5)])
def test_only_what_is_safe_is_sent_again_and_not_for_ever(method: str, safe: bool | None, sent: int, pauses: list[float]) -> None:
    server = Server(problem(503))
    with pytest.raises(ServerFault):
        client(server).request(method, ("api", "x"), safe=safe)
    assert len(server.requests) == sent
    assert sum(pauses) < 10


def test_a_fault_is_not_sent_again(pauses: list[float]) -> None:
    server = Server(problem(500))
    with pytest.raises(ServerFault):
        client(server).request("GET", ("api", "x"))
    assert len(server.requests) == 1


def test_one_request_may_forbid_retries(pauses: list[float]) -> None:
    server = Server(problem(503))
    with pytest.raises(ServerFault):
        client(server).request("GET", ("api", "x"), retries=0)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7.0, 7.3),
        ("0", 0.0, 0.3),
        ("100000", 60.0, 60.3),
        ("9" * 400, 60.0, 60.3),
        ("²", 0.1, 0.3),
        ("-5", 0.1, 0.3),
        ("soon", 0.1, 0.3),
        ("", 0.1, 0.3),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0, 0.3),
    ],
)
def test_retry_after_is_kept_within_bounds(header: str, least: float, most: float, pauses: list[float]) -> None:
    server = Server(httpx.Response(429, headers=[(b"retry-after", header.encode())]), ok())
    client(server).request("POST", ("api", "x"), body={})  # 429 took nothing, so a write goes again too
    assert len(server.requests) == 2
    assert least <= pauses[0] <= most


def test_retry_after_as_a_date(pauses: list[float]) -> None:
    later = email.utils.formatdate(time.time() + 30, usegmt=True)
    client(Server(httpx.Response(503, headers={"retry-after": later}), ok())).request("GET", ("api", "x"))
    assert 28 <= pauses[0] <= 31


@pytest.mark.parametrize(
    ("error", "method", "sent", "words"),
    [
        (httpx.ConnectError("Connection refused"), "POST", 3, "could not be reached: Connection refused"),
        (httpx.ConnectError("Connection refused"), "POST", 3, "Correct url, or see that the server runs"),
        (httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number"), "GET", 3, "does not speak TLS on this port. Correct the port"),
        (httpx.ConnectTimeout(""), "POST", 3, "could not be reached within 30 seconds"),
        (httpx.ReadTimeout(""), "POST", 1, "did not answer within the time limit"),
        (httpx.ReadTimeout(""), "GET", 3, "did not answer within the time limit"),
        (httpx.RemoteProtocolError("Server disconnected"), "POST", 1, "the connection broke before the answer was complete"),
        (httpx.ReadError(f"odd {PASSWORD}"), "GET", 3, "the connection broke before the answer was complete"),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), "GET", 3, "the server's certificate is not trusted"),
    ],
)
def test_connections_that_fail(error: Exception, method: str, sent: int, words: str, pauses: list[float]) -> None:
    server = Server(error)
    with pytest.raises(ConnectionFailed, match=words) as caught:
        client(server, retries=2).request(method, ("api", "x"), query={"q": PASSWORD})
    assert len(server.requests) == sent
    assert PASSWORD not in str(caught.value)
    assert f"({method} /api/x)" in str(caught.value)


def test_a_refused_login_is_never_sent_again_and_after_three_no_other_is(pauses: list[float]) -> None:
    server = Server(problem(401))
    for _attempt in range(3):
        with pytest.raises(AuthenticationFailed, match="the server refused the login"):
            client(server).request("GET", ("api", "x"))
    assert len(server.requests) == 3
    with pytest.raises(Refused, match="refused this login 3 times; no further attempt is made"):
        client(server).request("GET", ("api", "x"))
    assert len(server.requests) == 3
    assert pauses == []


def test_refused_logins_of_one_do_not_stop_another() -> None:
    for _attempt in range(3):
        with pytest.raises(AuthenticationFailed):
            client(Server(problem(401))).request("GET", ("api", "x"))
    assert client(Server(ok()), user="someone-else").request("GET", ("api", "x")).status == 200
    assert client(Server(ok()), url="http://127.0.0.1:8081").request("GET", ("api", "x")).status == 200
    assert client(Server(ok())).request("GET", ("healthz", "live"), authenticated=False).status == 200


def test_a_login_that_works_ends_the_count_of_its_account() -> None:
    wrong, right = (client(Server(problem(401)), password=f"another-{PASSWORD}"), client(Server(ok())))
    for _round in range(3):
        for _attempt in range(2):
            with pytest.raises(AuthenticationFailed):
                wrong.request("GET", ("api", "x"))
        right.request("GET", ("api", "x"))
    for _attempt in range(3):
        with pytest.raises(AuthenticationFailed):
            wrong.request("GET", ("api", "x"))
    with pytest.raises(Refused, match="refused this login 3 times"):
        wrong.request("GET", ("api", "x"))
    right.request("GET", ("api", "x"))


def test_refused_logins_of_many_accounts_stop_all_that_never_worked() -> None:
    known = client(Server(ok()), user="known")
    known.request("GET", ("api", "x"))
    for number in range(_http.MAX_REFUSED_BY_SERVER):
        with pytest.raises(AuthenticationFailed):
            client(Server(problem(401)), user=f"account-{number}").request("GET", ("api", "x"))
    with pytest.raises(Refused, match="refused 50 logins; no other login is tried in this run"):
        client(Server(ok()), user="one-more").request("GET", ("api", "x"))
    known.request("GET", ("api", "x"))


def test_refused_logins_are_counted_over_all_workers() -> None:
    def work() -> None:
        with contextlib.suppress(AuthenticationFailed):
            client(Server(problem(401))).request("GET", ("api", "x"))

    for _worker in range(3):
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        process.join(20)
        assert process.exitcode == 0
    with pytest.raises(Refused):
        client(Server(ok())).request("GET", ("api", "x"))


# What only a real connection shows


@contextlib.contextmanager
def listening(talk: t.Callable[[socket.socket], None]) -> t.Iterator[str]:
    """A server that reads a request and then lets `talk` answer, on each connection; gives its URL."""
    stop = threading.Event()
    workers: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            connection.recv(65536)
            talk(connection)

    def accept() -> None:
        while not stop.is_set():
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            workers.append(threading.Thread(target=serve, args=(connection,), daemon=True))
            workers[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for worker in workers:
                worker.join(10)


def connected(url: str, **about: t.Any) -> HttpClient:
    return HttpClient(Connection(**{"url": url, "user": "admin", "password": PASSWORD, "retries": 0, **about}))


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def test_a_dripping_body_ends_at_the_time_limit() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
        for _piece in range(200):
            connection.sendall(b" ")
            time.sleep(0.05)

    with listening(drip) as url:
        start = time.monotonic()
        with pytest.raises(TimedOut, match=r"no complete answer within 0.5 seconds \(GET /api/x\)"):
            connected(url, timeout=0.5).request("GET", ("api", "x"))
        assert time.monotonic() - start < 3


def test_a_silent_server_ends_at_the_time_limit() -> None:
    with listening(lambda connection: time.sleep(2)) as url, pytest.raises(TimedOut, match="did not answer within the time limit"):
        connected(url, timeout=0.3).request("GET", ("api", "x"))


def test_an_endless_body_ends_at_the_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "MAX_ANSWER", 1_000_000)

    def pour(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    with listening(pour) as url, pytest.raises(UnexpectedAnswer, match="larger than 1000000 bytes and was not read further"):
        connected(url).request("GET", ("api", "x"))


def test_a_small_answer_that_unpacks_to_a_huge_one_ends_at_the_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "MAX_ANSWER", 1_000_000)
    packed = gzip.compress(b" " * 50_000_000)

    def send(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)

    with listening(send) as url, pytest.raises(UnexpectedAnswer, match="larger than 1000000 bytes"):
        connected(url).request("GET", ("api", "x"))


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b'Content-Length: 100\r\n\r\n{"data": [',
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"dat',
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ],
)
def test_half_an_answer_is_none(answer: bytes) -> None:
    with listening(lambda connection: connection.sendall(answer)) as url, pytest.raises(ConnectionFailed) as caught:
        connected(url).request("GET", ("api", "x"))
    assert caught.value.sent
    assert "the connection broke before the answer was complete" in str(caught.value)


def test_a_port_without_a_listener_and_a_host_without_an_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectionFailed, match="could not be reached") as caught:
        connected(f"http://127.0.0.1:{port}").request("GET", ("api", "x"))
    assert not caught.value.sent
    with pytest.raises(ConnectionFailed, match=r"https://nosuch\.invalid could not be reached"):
        connected("https://nosuch.invalid").request("GET", ("api", "x"))


def test_the_own_address_is_known_after_a_request() -> None:
    with listening(lambda connection: connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")) as url:
        found = connected(url)
        assert found.local_address == ""
        found.request("GET", ("api", "x"))
        assert found.local_address == "127.0.0.1"


def test_nothing_is_logged_of_a_url(caplog: pytest.LogCaptureFixture) -> None:
    with listening(lambda connection: connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")) as url, caplog.at_level(logging.DEBUG):
        connected(url).request("GET", ("api", "x"), query={"q": PASSWORD})
    assert caplog.text == ""


# Proxies


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({"HTTPS_PROXY": "http://proxy:3128"}, "https://mail.example.org", "http://proxy:3128"),
        ({"HTTPS_PROXY": "proxy:3128"}, "https://mail.example.org", "http://proxy:3128"),
        ({"https_proxy": "http://proxy:3128"}, "https://mail.example.org", "http://proxy:3128"),
        ({"ALL_PROXY": "http://proxy:3128"}, "https://mail.example.org", "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, "https://mail.example.org", None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".example.org"}, "https://mail.example.org", None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, "https://mail.example.org", None),
        ({"HTTP_PROXY": "http://proxy:3128", "ALL_PROXY": "http://proxy:3128"}, "http://127.0.0.1:1", None),
        ({}, "https://mail.example.org", None),
    ],
)
def test_the_proxy_is_that_of_the_environment(environment: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _http._proxy(url) == proxy


def test_a_request_goes_through_the_proxy_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        heard.append(b"")
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with listening(refuse) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("://", f"://user:{PASSWORD}@"))
        with pytest.raises(ConnectionFailed) as caught:
            connected("https://nosuch.invalid").request("GET", ("api", "x"))
        assert len(heard) == 1
        assert PASSWORD not in str(caught.value)
        with pytest.raises(ConnectionFailed, match="could not be reached"):
            connected("https://nosuch.invalid", use_proxy=False).request("GET", ("api", "x"))
        assert len(heard) == 1


@pytest.mark.parametrize("proxy", [f"gopher://user:{PASSWORD}@proxy", f"http://user:{PASSWORD}@proxy:port", "proxy:port"])
def test_a_proxy_that_is_none_is_said_without_its_login(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(StalwartError, match="use_proxy: the proxy that the environment names can't be used") as caught:
        connected("https://mail.example.org")
    assert PASSWORD not in str(caught.value)


# Event streams


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(text: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(text), text)


def test_events_come_line_by_line_until_the_end() -> None:
    body = STREAM + chunk(b"event: a\nda") + chunk(b"ta: 1\n\n") + b"0\r\n\r\n"
    with listening(lambda connection: connection.sendall(body)) as url:
        assert list(connected(url).events(("api", "x"), limit=5)) == ["event: a", "data: 1", ""]


def test_a_stream_without_end_ends_at_its_limit() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(STREAM + chunk(b"data: 1\n"))
        for _piece in range(100):
            connection.sendall(chunk(b"."))  # never a line
            time.sleep(0.05)

    with listening(talk) as url:
        start = time.monotonic()
        assert list(connected(url).events(("api", "x"), limit=0.5))[:1] == ["data: 1"]
        assert time.monotonic() - start < 3


def test_what_is_no_stream_is_said() -> None:
    with listening(lambda connection: connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")) as url:
        seen: list[bytes] = []
        with pytest.raises(UnexpectedAnswer, match="the answer is no event stream, but application/json"):
            list(connected(url).events(("api", "x"), limit=5, otherwise=lambda answer: seen.append(answer.content)))
        assert seen == [b"{}"]


# Clients by process


def test_a_fork_has_a_client_of_its_own() -> None:
    connection = Connection(url=URL, user="admin", password=PASSWORD)
    own = _http.client_for(connection)
    assert _http.client_for(Connection(url=URL, user="admin", password=PASSWORD)) is own
    assert _http.client_for(Connection(url=URL, user="admin", password="another-password-of-admin")) is not own
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"same" if _http.client_for(connection) is own else b"other")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"other"
    os.close(reader)
    os.close(writer)

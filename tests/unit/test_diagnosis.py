# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live diagnosis: streams end in time, stages make sense, verdicts are right, logs are bounded."""

from __future__ import annotations

import http.server
import json
import threading
import time
import typing as t

import httpx
import pytest

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._errors import EditionMissing, InvalidOption, UnexpectedAnswer
from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection, HttpClient
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode
from ansible_collections.stalwart.mail.plugins.module_utils._resources import diagnosis, telemetry
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.diagnosis import DeliveryEvent
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.adapter import RestServer
from ansible_collections.stalwart.mail.plugins.module_utils._server.streams import delivery_event

Handler = t.Callable[[httpx.Request], httpx.Response]

START: list[dict[str, t.Any]] = [
    {"type": "mxLookupStart", "domain": "b.test"},
    {"type": "mxLookupSuccess", "mxs": [{"exchanges": ["mx.b.test"], "preference": 10}], "elapsed": 4},
]
EXTRAS: list[dict[str, t.Any]] = [
    {"type": "mtaStsFetchStart"},
    {"type": "mtaStsNotFound", "elapsed": 2},
    {"type": "tlsRptLookupStart"},
    {"type": "tlsRptLookupError", "reason": "timeout", "elapsed": 5},
]
CONNECTED: list[dict[str, t.Any]] = [
    {"type": "deliveryAttemptStart", "hostname": "mx.b.test"},
    {"type": "tlsaLookupStart"},
    {"type": "tlsaNotFound", "elapsed": 1, "reason": "No TLSA records found for MX"},
    {"type": "ipLookupStart"},
    {"type": "ipLookupSuccess", "remote_ips": ["192.0.2.9"], "elapsed": 1},
    {"type": "connectionStart", "remote_ip": "192.0.2.9"},
    {"type": "connectionSuccess", "elapsed": 30},
    {"type": "readGreetingStart"},
    {"type": "readGreetingSuccess", "elapsed": 3},
    {"type": "ehloStart"},
    {"type": "ehloSuccess", "elapsed": 3},
    {"type": "startTlsStart"},
    {"type": "startTlsSuccess", "elapsed": 12},
    {"type": "ehloStart"},
    {"type": "ehloSuccess", "elapsed": 3},
]
QUIT: list[dict[str, t.Any]] = [{"type": "quitStart"}, {"type": "quitCompleted", "elapsed": 1}, {"type": "completed"}]
MAIL: list[dict[str, t.Any]] = [{"type": "mailFromStart"}, {"type": "mailFromSuccess", "elapsed": 1}, {"type": "rcptToStart"}]
TAKEN: list[dict[str, t.Any]] = [{"type": "rcptToSuccess", "elapsed": 7}]
REFUSED: list[dict[str, t.Any]] = [{"type": "rcptToError", "reason": "550 5.1.1 unknown user", "elapsed": 7}]
DANE: list[dict[str, t.Any]] = [{"type": "daneVerifyError", "reason": "no matching certificate"}]


def events(*parts: list[dict[str, t.Any]]) -> list[DeliveryEvent]:
    return [delivery_event(item) for part in parts for item in part]


@pytest.mark.parametrize(
    ("told", "to_address", "verdict", "step"),
    [
        (events(START, EXTRAS, CONNECTED, MAIL, TAKEN, QUIT), True, "deliverable", ""),
        (events(START, EXTRAS, CONNECTED, QUIT), False, "deliverable", ""),
        (events(START, EXTRAS, CONNECTED, MAIL, REFUSED, QUIT), True, "undeliverable", "rcpt_to"),
        (events(START, CONNECTED, DANE, MAIL, TAKEN, QUIT), True, "undeliverable", "dane_verify"),
        (
            events(START, CONNECTED[:6], [{"type": "connectionError", "elapsed": 9, "reason": "refused"}, {"type": "completed"}]),
            True,
            "undeliverable",
            "connection",
        ),
        (events(START, CONNECTED[:6]), True, "unknown", "connection"),
        (events([START[0], {"type": "mxLookupError", "reason": "Null MX record", "elapsed": 1}, {"type": "completed"}]), False, "undeliverable", "mx_lookup"),
        ([], True, "unknown", ""),
    ],
)
def test_verdicts(told: list[DeliveryEvent], to_address: bool, verdict: str, step: str) -> None:
    stages, complete = diagnosis.stages_of(told)
    found, failing = diagnosis.judge(stages, complete, to_address=to_address)
    assert found == verdict
    assert (failing.step if failing else "") == step


def test_stages_are_steps_towards_one_host() -> None:
    stages, complete = diagnosis.stages_of(events(START, EXTRAS, CONNECTED, MAIL, REFUSED, QUIT))
    assert complete
    assert [stage.step for stage in stages] == [
        *("mx_lookup", "mta_sts_fetch", "tls_rpt_lookup", "tlsa_lookup", "ip_lookup", "connection", "read_greeting"),
        *("ehlo", "starttls", "ehlo", "mail_from", "rcpt_to", "quit"),
    ]
    by_step = {stage.step: stage for stage in stages}
    assert by_step["mx_lookup"].elapsed == 0.004
    assert by_step["mx_lookup"].details == {"domain": "b.test", "mxs": [{"exchanges": ["mx.b.test"], "preference": 10}]}
    assert (by_step["mta_sts_fetch"].result, by_step["mta_sts_fetch"].host) == ("not_found", "")
    assert (by_step["rcpt_to"].host, by_step["rcpt_to"].address) == ("mx.b.test", "192.0.2.9")
    assert (by_step["rcpt_to"].result, by_step["rcpt_to"].reason) == ("error", "550 5.1.1 unknown user")


def server(handler: Handler) -> RestServer:
    _http._guard.forget()
    connection = Connection(url="http://127.0.0.1:8080", user="admin", password="a-password-unlike-any-data", retries=0)
    return RestServer(HttpClient(connection, httpx.MockTransport(handler)))


def stream(*items: dict[str, t.Any], name: str = "event") -> httpx.Response:
    content = "".join(f"event: {name}\ndata: [{json.dumps(item)}]\n\n" for item in items)
    return httpx.Response(200, content=content, headers={"content-type": "text/event-stream"})


def test_a_delivery_is_told_with_its_problems() -> None:
    found = diagnosis.delivery(server(lambda _request: stream(*START, *EXTRAS, *CONNECTED, *MAIL, *TAKEN, *QUIT)), {"target": "Bob@B.test"}, Mode()).results[
        "delivery"
    ]
    assert (found["target"], found["verdict"], found["failing_step"], found["host"]) == ("bob@b.test", "deliverable", "", "mx.b.test")
    assert found["problems"] == ["tls_rpt_lookup: timeout"]
    assert found["lines"][-2] == "rcpt_to at mx.b.test (192.0.2.9): success after 0.007 s"


def test_a_stream_that_is_none() -> None:
    refusal = server(lambda _request: httpx.Response(200, json={"error": "unsupported", "details": "Enterprise feature"}))
    with pytest.raises(EditionMissing, match="live metrics: this needs the paid edition"):
        telemetry.info(refusal, {"kind": "live_metrics"}, Mode())
    page = server(lambda _request: httpx.Response(200, content="<html>", headers={"content-type": "text/html"}))
    with pytest.raises(UnexpectedAnswer):
        telemetry.info(page, {"kind": "live_traces"}, Mode())
    broken = server(lambda _request: httpx.Response(200, content="data: {\n\n", headers={"content-type": "text/event-stream"}))
    with pytest.raises(UnexpectedAnswer, match="no JSON"):
        diagnosis.delivery(broken, {"target": "b.test"}, Mode())


class _Silent(http.server.BaseHTTPRequestHandler):
    """Sends one event and then nothing, for as long as anybody listens."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b'event: event\ndata: [{"type":"mxLookupStart","domain":"b.test"}]\n\n')
        self.wfile.flush()
        while not t.cast("_SilentServer", self.server).over.wait(0.1):
            pass

    def log_message(self, format: str, *args: object) -> None:
        pass


class _SilentServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Silent)
        self.over = threading.Event()


def test_a_silent_stream_ends_at_the_time_limit() -> None:
    _http._guard.forget()
    with _SilentServer() as silent:
        threading.Thread(target=silent.serve_forever, daemon=True).start()
        client = HttpClient(Connection(url=f"http://127.0.0.1:{silent.server_port}", user="admin", password="a-password-unlike-any-data", retries=0))
        begin = time.monotonic()
        found = diagnosis.delivery(RestServer(client), {"target": "b.test", "time_limit": 1.0}, Mode()).results["delivery"]
        assert 0.9 < time.monotonic() - begin < 5
        silent.over.set()
        silent.shutdown()
    assert found["verdict"] == "unknown"
    assert found["failing_step"] == "mx_lookup"
    assert found["stages"][0]["result"] == "timeout"
    assert found["reason"] == "the test was not finished within 1 seconds"


# Logs


def logs(lines: list[dict[str, str]], requests: list[dict[str, str]], **options: t.Any) -> dict[str, t.Any]:
    def answer(request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        requests.append(query)
        page, limit = int(query["page"]), int(query["limit"])
        return httpx.Response(200, json={"data": {"items": lines[(page - 1) * limit : page * limit], "total": 0}})

    return diagnosis.logs(server(answer), options, Mode()).results


def line(number: int, level: str = "INFO", event: str = "auth.success") -> dict[str, str]:
    return {"timestamp": "2026-11-01T10:00:00Z", "level": level, "event": "x", "event_id": event, "details": f'n = {number}, secret = "$6$salt$hash"'}


def test_no_more_lines_are_asked_for_than_wanted() -> None:
    requests: list[dict[str, str]] = []
    found = logs([line(number) for number in range(1000)], requests, limit=3)
    assert [each["details"].split(",")[0] for each in found["logs"]] == ["n = 0", "n = 1", "n = 2"]
    assert not found["complete"]
    assert [query["limit"] for query in requests] == ["4"]
    assert "$6$salt" not in str(found)


def test_filters_search_on_up_to_a_limit() -> None:
    requests: list[dict[str, str]] = []
    lines = [line(number, level="WARN" if number % 600 == 599 else "INFO") for number in range(3000)]
    found = logs(lines, requests, levels=["warn"], limit=2)
    assert (found["total"], found["complete"], len(requests)) == (2, False, 4)
    requests.clear()
    found = logs(lines, requests, levels=["error"], scan_limit=1000)
    assert (found["total"], found["complete"]) == (0, False)
    assert len(requests) == 3
    assert logs(lines, [], events=["auth"], limit=3000)["total"] == 3000
    assert logs(lines, [], events=["aut"])["total"] == 0
    assert logs(lines, [], since="2026-11-02T00:00:00Z")["total"] == 0


def test_lines_that_are_pushed_to_the_next_page_are_told_once() -> None:
    pages = [[line(number) for number in range(9, 4, -1)], [line(number) for number in (5, 4, 3, 2, 1)], []]
    found = server(lambda request: httpx.Response(200, json={"data": {"items": pages[int(request.url.params["page"]) - 1], "total": 0}}))
    told = [entry.details.split(",")[0] for entry in found.diagnosis.logs(page_size=5)]
    assert told == [f"n = {number}" for number in range(9, 0, -1)]


def test_without_a_bound_nothing_is_read() -> None:
    for options in ({"limit": 0}, {"scan_limit": 0}):
        with pytest.raises(InvalidOption):
            logs([], [], **options)

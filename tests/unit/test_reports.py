# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports: parsed, put together for a person, and deleted for sure."""

from __future__ import annotations

import json
import typing as t

import httpx
import pytest

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption, NotApplied
from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection, HttpClient
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode
from ansible_collections.stalwart.mail.plugins.module_utils._resources import reports
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.reports import DmarcRecord, Report
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.adapter import RestServer
from tests.support.servers import ROOT


def recorded(kind: str) -> dict[str, t.Any]:
    """A report as a real server answered it."""
    steps = json.loads((ROOT / "tests/conformance/rest-0.15.5/reports.json").read_text(encoding="utf-8"))["steps"]
    found: dict[str, t.Any] = next(step for step in steps if step.get("name") == f"get {kind}")["response"]["json"]["data"]
    return found


class FakeReports:
    """Incoming reports by kind and id; `stubborn` ones survive a deletion."""

    def __init__(self, kept: dict[str, dict[str, t.Any]], stubborn: t.Collection[str] = ()) -> None:
        self.kept = kept
        self.stubborn = stubborn
        self.requests: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/")
        self.requests.append(f"{request.method} {path}")
        report_id = path.split("/")[-1] if path.count("/") == 2 else ""
        if request.method == "DELETE":
            for each in [report_id] if report_id else list(self.kept):
                if each not in self.stubborn:
                    self.kept.pop(each, None)
            return httpx.Response(200, json={"data": True})
        if not report_id:
            page, limit = int(request.url.params["page"]), int(request.url.params["limit"])
            return httpx.Response(200, json={"data": {"items": list(self.kept)[(page - 1) * limit : page * limit], "total": len(self.kept)}})
        if report_id not in self.kept:
            return httpx.Response(404, json={"title": "Not Found"}, headers={"content-type": "application/problem+json"})
        return httpx.Response(200, json={"data": self.kept[report_id]})


def server(fake: FakeReports) -> RestServer:
    _http._guard.forget()
    connection = Connection(url="http://127.0.0.1:8080", user="admin", password="a-password-unlike-any-data", retries=0)
    return RestServer(HttpClient(connection, httpx.MockTransport(fake)))


def test_a_real_dmarc_report() -> None:
    found = server(FakeReports({"1_2": recorded("dmarc")})).reports.get("dmarc", "incoming", "1_2")
    assert found is not None
    assert found.policy == {"p": "reject", "sp": "reject", "adkim": "relaxed", "aspf": "relaxed"}
    assert found.records[0].disposition == "none"
    assert found.records[0].spf_results[0].result == "pass"


def test_a_real_complaint() -> None:
    found = server(FakeReports({"1_2": recorded("arf")})).reports.get("arf", "incoming", "1_2")
    assert found is not None
    assert found.feedback is not None
    assert (found.feedback.type, found.feedback.source_ip, found.feedback.auth_failure) == ("abuse", "192.0.2.1", "")
    assert found.domains == ("example.net",)


@pytest.mark.parametrize(
    ("rua", "expected"),
    [([{"uri": "mailto:a@b.test", "max_size": 0}], "mailto:a@b.test"), ([{"Mail": "a@b.test"}], "a@b.test"), (["a@b.test"], "a@b.test")],
)
def test_where_an_outgoing_report_goes(rua: list[t.Any], expected: str) -> None:
    item = {"type": "dmarc", "id": "d!b.test!1!2!3", "domain": "b.test", "range_from": "2026-01-01T00:00:00Z", "range_to": "2026-01-02T00:00:00Z"}
    fake = FakeReports({"d!b.test!1!2!3": {**item, "report": recorded("dmarc")["report"], "rua": rua}})
    reading = server(fake).reports
    found = reading.get("dmarc", "outgoing", "d!b.test!1!2!3")
    assert found is not None
    assert found.recipients == (expected,)
    assert found.domains == ("b.test",)
    assert reading.get("tls", "outgoing", "d!b.test!1!2!3") is None


def test_what_failed_stands_out() -> None:
    def report(*records: DmarcRecord) -> Report:
        return Report(id="1", kind="dmarc", direction="incoming", organization="receiver.test", records=records)

    passed = DmarcRecord(source_ip="192.0.2.1", messages=5, disposition="none", dkim="fail", spf="pass", header_from="a.test")
    failed = DmarcRecord(source_ip="198.51.100.9", messages=7, disposition="reject", dkim="fail", spf="fail", header_from="a.test")
    found = reports.summary("dmarc", [report(passed, failed), report(passed)])
    assert (found["messages"], found["passed"], found["failed"]) == (17, 10, 7)
    assert found["lines"] == [
        "192.0.2.1: 10 messages from a.test, passed (DKIM fail, SPF pass), disposition none",
        "198.51.100.9: 7 messages from a.test, FAILED (DKIM fail, SPF fail), disposition reject",
    ]
    assert [row["messages"] for row in found["sources"]] == [10, 7]


def test_a_long_summary_is_cut() -> None:
    records = tuple(DmarcRecord(source_ip=f"192.0.2.{number}", messages=number + 1) for number in range(150))
    found = reports.summary("dmarc", [Report(id="1", kind="dmarc", direction="incoming", records=records)])
    assert len(found["sources"]) == 100
    assert found["lines"][-1] == "and 50 more"
    assert found["messages"] == sum(range(151))


def test_ids_are_read_page_by_page_and_once() -> None:
    fake = FakeReports({f"{number}_1": {} for number in range(1100)})
    assert len(list(server(fake).reports.find("dmarc", "incoming"))) == 1100
    assert len(fake.requests) == 3


def test_only_old_reports_are_deleted() -> None:
    old, new = recorded("dmarc"), json.loads(json.dumps(recorded("dmarc")))
    new["report"]["report_metadata"]["date_range"]["end"] = 4102444800
    fake = FakeReports({"1_1": old, "2_2": new})
    options = {"kind": "dmarc", "older_than": "30d"}
    predicted = reports.manage(server(fake), options, Mode(check=True))
    assert not [each for each in fake.requests if each.startswith("DELETE")]
    done = reports.manage(server(fake), options, Mode())
    assert predicted.operations() == done.operations()
    assert done.results["reports"] == ["1_1"]
    assert list(fake.kept) == ["2_2"]
    assert not reports.manage(server(fake), options, Mode()).changed


def test_a_report_without_a_time_is_never_old() -> None:
    complaint = recorded("arf")
    complaint["report"]["arrival_date"] = None
    fake = FakeReports({"1_1": complaint})
    assert not reports.manage(server(fake), {"kind": "arf", "older_than": "1s"}, Mode()).changed


@pytest.mark.parametrize("number", [1, 3])
def test_a_deletion_that_did_not_happen(number: int) -> None:
    fake = FakeReports({f"{each}_1": recorded("dmarc") for each in range(number)}, stubborn=["0_1"])
    with pytest.raises(NotApplied, match=f"1 of {number} incoming dmarc reports are still there, although the server said yes; the first is 0_1"):
        reports.manage(server(fake), {"kind": "dmarc", "all": True, "wait_timeout": 0.2}, Mode())


def test_nothing_is_deleted_without_a_choice() -> None:
    fake = FakeReports({"1_1": recorded("dmarc")})
    for options in ({}, {"all": True, "text": "x"}, {"ids": ["1_1"], "domain": "example.org"}):
        with pytest.raises(InvalidOption):
            reports.manage(server(fake), {"kind": "dmarc", **options}, Mode())
    assert fake.requests == []

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queue: filters that mean what they say, no belief in answers, no write in check mode."""

from __future__ import annotations

import datetime as dt
import json
import pathlib
import typing as t

import httpx
import pytest

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption, NotApplied, PartlyDone, Refused
from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection, HttpClient
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources.queue import message, state
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.queue import QueueFilter
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.adapter import RestServer

T0 = "2026-11-01T10:00:00Z"
LATER = "2090-01-02T03:04:05Z"


class FakeQueue:
    """The queue part of a server, with the traps of real ones: edits outside `kept_in` are dropped, a resumed queue sleeps on."""

    def __init__(self, *messages: dict[str, t.Any], kept_in: t.Collection[str] = ("default",), wakes: bool = True) -> None:
        self.messages = {each["id"]: each for each in messages}
        self.running = True
        self.asleep = False
        self.kept_in = kept_in
        self.wakes = wakes
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    def writes(self) -> list[tuple[str, str, dict[str, str]]]:
        return [request for request in self.requests if request[0] != "GET" and request[1] != "oauth"]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/")
        query = dict(request.url.params)
        self.requests.append((request.method, path, query))
        return self.answer(request.method, path.split("/"), query)

    def answer(self, method: str, path: list[str], query: dict[str, str]) -> httpx.Response:
        data: t.Any = True
        if path == ["oauth"]:
            data = {"version": "0.15.5", "isEnterprise": False, "permissions": []}
        elif path[:2] == ["queue", "status"]:
            data = self.running
            if method == "PATCH":
                self.running, self.asleep = path[2] != "stop", True
        elif path == ["queue", "messages"]:
            matching = [each for each in self.messages.values() if self.matches(each, query)]
            if method == "GET":
                limit = int(query.get("limit", "0")) or len(matching)
                data = {"items": matching[:limit], "total": len(matching), "status": self.running}
            else:
                for each in matching:
                    self.edit(method, each, query, "")
        elif path[2] not in map(str, self.messages):
            return httpx.Response(404, json={"title": "Not Found"}, headers={"content-type": "application/problem+json"})
        elif method == "GET":
            data = self.messages[int(path[2])]
        else:
            self.edit(method, self.messages[int(path[2])], query, query.get("filter", ""))
        return httpx.Response(200, json={"data": json.loads(json.dumps(data))})

    def matches(self, each: dict[str, t.Any], query: dict[str, str]) -> bool:
        addresses = [recipient["address"] for recipient in each["recipients"]]
        if "text" in query:
            fits = any(query["text"] in address for address in [each["return_path"], *addresses])
        else:
            fits = query.get("from", "") in each["return_path"] and any(query.get("to", "") in address for address in addresses)
        return fits and each["id"] >= int(query.get("range-start", "0"))

    def edit(self, method: str, each: dict[str, t.Any], query: dict[str, str], item: str) -> None:
        if method == "DELETE" and not item:
            del self.messages[each["id"]]
            return
        for recipient in each["recipients"]:
            if item in recipient["address"] and recipient["queue"] in self.kept_in:
                if method == "DELETE":
                    recipient["status"] = {"perm_fail": "Delivery canceled."}
                else:
                    recipient["next_retry"] = query.get("at", T0)
        if method == "PATCH" and self.running and self.wakes:
            self.asleep = False
            for message_id in [key for key, value in self.messages.items() if value["recipients"][0]["next_retry"] == T0]:
                del self.messages[message_id]


def queued(number: int, *addresses: str, queue: str = "remote", due: str = T0, sender: str = "alice@example.org") -> dict[str, t.Any]:
    recipients = [{"address": address, "queue": queue, "status": "scheduled", "retry_num": 0, "next_retry": due} for address in addresses]
    return {"id": number, "return_path": sender, "recipients": recipients, "created": T0, "size": 10, "blob_hash": "hash"}


def server(fake: FakeQueue) -> RestServer:
    _http._guard.forget()
    connection = Connection(url="http://127.0.0.1:8080", user="admin", password="a-password-unlike-any-data", retries=0)
    return RestServer(HttpClient(connection, httpx.MockTransport(fake)))


def act(fake: FakeQueue, *, check: bool = False, **options: t.Any) -> Outcome:
    return message.manage(server(fake), options, Mode(check=check))


# Finding


def test_pages_go_on_from_the_last_id() -> None:
    fake = FakeQueue(*(queued(number, f"u{number}@a.test") for number in range(1, 251)))
    found = [each.id for each in server(fake).queue.find(QueueFilter())]
    assert found == [str(number) for number in range(1, 251)]
    assert [query["range-start"] for _method, _path, query in fake.requests] == ["0", "101", "201"]


def test_conditions_that_the_server_ignores_are_checked_here() -> None:
    fake = FakeQueue(queued(1, "bob@a.test"), queued(2, "bob@a.test", sender="eve@evil.test"), queued(3, "bob@a.test", due=LATER))
    find = server(fake).queue.find
    past = dt.datetime(2026, 12, 1, tzinfo=dt.timezone.utc)
    assert [each.id for each in find(QueueFilter(text="a.test", sender="eve@"))] == ["2"]
    assert [each.id for each in find(QueueFilter(due_before=past))] == ["1", "2"]
    assert [each.id for each in find(QueueFilter(due_after=past))] == ["3"]
    assert list(find(QueueFilter(queue="nine-long"))) == []
    assert all(
        dt.datetime.fromisoformat(query["before"].replace("Z", "+00:00")) > dt.datetime.now(dt.timezone.utc)
        for *_rest, query in fake.requests
        if "before" in query
    )


@pytest.mark.parametrize(
    ("wanted", "exact"),
    [
        (QueueFilter(), True),
        (QueueFilter(text="a"), True),
        (QueueFilter(sender="a", recipient="b"), True),
        (QueueFilter(text="a", sender="b"), False),
        (QueueFilter(queue="nine-long"), False),
        (QueueFilter(due_before=dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)), False),
        (QueueFilter(due_after=dt.datetime(2090, 1, 1, tzinfo=dt.timezone.utc)), True),
    ],
)
def test_what_the_server_selects_exactly(wanted: QueueFilter, exact: bool) -> None:
    assert server(FakeQueue()).queue.selects_exactly(wanted) is exact


# Cancelling and retrying


def test_many_are_cancelled_in_one_request_and_the_queue_is_woken() -> None:
    fake = FakeQueue(queued(1, "bob@a.test"), queued(2, "carol@a.test"), queued(3, "dave@b.test", due=LATER))
    outcome = act(fake, action="cancel", recipient="@a.test")
    assert outcome.changed
    assert outcome.results["verified"]
    assert [each["id"] for each in outcome.results["messages"]] == ["1", "2"]
    assert list(fake.messages) == [3]
    assert fake.writes() == [("DELETE", "queue/messages", {"to": "@a.test"}), ("PATCH", "queue/messages/3", {"at": LATER, "filter": "dave@b.test"})]


def test_what_the_server_can_not_select_is_cancelled_one_by_one() -> None:
    fake = FakeQueue(queued(1, "bob@a.test"), queued(2, "bob@a.test", sender="eve@evil.test"), queued(3, "carol@a.test", sender="eve@evil.test"))
    act(fake, action="cancel", text="a.test", sender="eve@")
    assert list(fake.messages) == [1]
    assert [path for _method, path, _query in fake.writes()] == ["queue/messages/2", "queue/messages/3"]


def test_an_answer_is_not_believed() -> None:
    fake = FakeQueue(queued(1, "bob@a.test", due=LATER))
    fake.edit = lambda *_args: None  # type: ignore[method-assign]
    with pytest.raises(NotApplied, match=r"queued message 1: this server \(0\.15\.5\) answered yes, and within 0\.2 seconds nothing changed"):
        act(fake, action="cancel", ids=["1"], wait_timeout=0.2)


def test_a_time_is_kept_in_one_queue_only() -> None:
    fake = FakeQueue(queued(1, "bob@a.test", queue="default"), queued(2, "carol@a.test", queue="remote"))
    fake.wakes = False
    with pytest.raises(PartlyDone) as caught:
        act(fake, action="retry", all=True, at=LATER)
    assert "1 of 2 queued messages (the first is 2): this server (0.15.5) answers yes and does not apply it" in str(caught.value)
    assert [each["name"] for each in caught.value.done] == ["1"]
    assert [each["name"] for each in caught.value.left] == ["2"]


def test_a_time_that_is_set_already_is_no_change() -> None:
    fake = FakeQueue(queued(1, "bob@a.test", queue="default", due=LATER))
    assert not act(fake, action="retry", ids=["1"], at=LATER).changed
    assert fake.writes() == []


def test_one_recipient_of_several() -> None:
    fake = FakeQueue(queued(1, "bob@a.test", "carol@a.test", queue="default", due=LATER))
    outcome = act(fake, action="cancel", ids=["1"], only_recipients=["Bob@a.test"])
    assert [each["recipients"] for each in outcome.results["messages"]] == [["bob@a.test"]]
    assert fake.messages[1]["recipients"][1]["status"] == "scheduled"
    assert not act(fake, action="cancel", ids=["1"], only_recipients=["bob@a.test"]).changed


def test_a_recipient_whose_address_is_part_of_another() -> None:
    fake = FakeQueue(queued(1, "bob@a.test", "kabob@a.test", queue="default", due=LATER))
    with pytest.raises(Refused, match=r"kabob@a\.test would be meant too"):
        act(fake, action="cancel", ids=["1"], only_recipients=["bob@a.test"])
    assert fake.writes() == []


@pytest.mark.parametrize("kept_in", [("default",), ("remote",)])
def test_check_mode_writes_nothing_and_fails_as_the_run_would(kept_in: tuple[str, ...]) -> None:
    fake = FakeQueue(queued(1, "bob@a.test", due=LATER), queued(2, "carol@a.test", due=LATER))
    assert act(fake, check=True, action="cancel", all=True).changed
    with pytest.raises(NotApplied, match="2 of 2 queued messages"):
        act(fake, check=True, action="retry", all=True)
    assert fake.writes() == []


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"action": "cancel"}, "ids"),
        ({"action": "cancel", "ids": ["1"], "text": "a"}, "ids"),
        ({"action": "cancel", "all": True, "ids": ["1"]}, "all"),
        ({"action": "cancel", "all": True, "at": "2h"}, "at"),
        ({"action": "retry", "all": True, "at": "2020-01-01T00:00:00Z"}, "at"),
        ({"action": "cancel", "text": " "}, "text"),
    ],
)
def test_what_is_refused_before_anything_is_sent(options: dict[str, t.Any], option: str) -> None:
    fake = FakeQueue(queued(1, "bob@a.test"))
    with pytest.raises(InvalidOption) as caught:
        act(fake, **options)
    assert caught.value.option == option
    assert fake.requests == []


# Running and pausing


def manage(fake: FakeQueue, *, check: bool = False, warnings: list[str] | None = None, **options: t.Any) -> Outcome:
    return state.manage(server(fake), options, Mode(check=check, warn=(warnings if warnings is not None else []).append))


def test_a_pause_is_told_to_hold_local_mail_too() -> None:
    fake, warnings = FakeQueue(), list[str]()
    outcome = manage(fake, warnings=warnings, state="paused")
    assert outcome.changed
    assert outcome.results["queue"] == {"state": "paused", "local_delivery": "waits"}
    assert not fake.running
    assert "mail to local mailboxes waits too" in warnings[0]
    assert not manage(fake, state="paused").changed


def test_a_resumed_queue_is_woken_and_watched() -> None:
    fake = FakeQueue(queued(1, "bob@a.test"))
    fake.running = False
    assert manage(fake, state="running").changed
    assert fake.messages == {}
    assert [path for _method, path, _query in fake.writes()] == ["queue/status/start", "queue/messages/1"]


def test_a_queue_that_only_says_it_runs_fails_the_task() -> None:
    fake = FakeQueue(queued(1, "bob@a.test"), wakes=False)
    fake.running = False
    with pytest.raises(NotApplied, match=r"says that its queue runs, but within 0\.2 seconds it tried none of the 1 due messages"):
        manage(fake, state="running", wait_timeout=0.2)


def test_a_running_queue_that_sleeps_is_woken() -> None:
    fake = FakeQueue(queued(1, "bob@a.test"))
    outcome = manage(fake, state="running", wait_timeout=0.2)
    assert [change.action for change in outcome.changes] == ["wake"]
    assert fake.messages == {}


def test_mail_of_this_second_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    this_second = dt.datetime(2026, 11, 1, 10, 0, 0, tzinfo=dt.timezone.utc)
    monkeypatch.setattr(state, "now", lambda: this_second)
    fake = FakeQueue(queued(1, "x@remote.example", due=T0))
    assert [change.action for change in manage(fake, state="running", wait_timeout=0.2).changes] == ["wake"]


def test_a_running_queue_with_slow_hosts_is_no_failure() -> None:
    fake, warnings = FakeQueue(queued(1, "bob@a.test"), wakes=False), list[str]()
    assert not manage(fake, warnings=warnings, state="running", wait_timeout=0.2).changed
    assert "raise wait_timeout where remote hosts are slow" in warnings[0]


def test_check_mode_leaves_the_queue_alone() -> None:
    fake = FakeQueue(queued(1, "bob@a.test"))
    assert manage(fake, check=True, state="paused").changed
    assert manage(fake, check=True, state="running", wait_timeout=0.2).changed
    assert fake.writes() == []


def test_messages_that_expire_during_a_hold_are_warned_of() -> None:
    fake, warnings = FakeQueue(*(queued(number, "bob@a.test") for number in range(1, 8))), list[str]()
    for number, each in fake.messages.items():
        each["recipients"][0]["expires"] = T0 if number != 7 else LATER
    manage(fake, warnings=warnings, state="paused", hold=900)
    assert warnings[0].startswith("6 of the messages that wait expire within the 900 seconds of the hold, and may bounce after it: 1 from alice@example.org, ")
    assert warnings[0].endswith(" and 1 more.")
    with pytest.raises(InvalidOption, match=r"^hold: it tells how long a pause is meant to be; set state: paused"):
        manage(fake, state="running", hold=900)


def test_a_delay_ends_with_its_file(tmp_path: pathlib.Path) -> None:
    """A second process ends a pause unless the first one did, which takes the file away."""
    fake, file = FakeQueue(), tmp_path / "hold"
    fake.running = False
    assert not manage(fake, state="running", delay=3600, delay_while=str(file)).changed
    assert not fake.running
    file.touch()
    assert manage(fake, check=True, state="running", delay=3600, delay_while=str(file)).changed, "a dry run does not wait"
    assert manage(fake, state="running", delay=0.01, delay_while=str(file)).changed
    assert fake.running
    with pytest.raises(InvalidOption, match=r"^delay_while: it goes with a delay"):
        manage(fake, state="running", delay_while=str(file))


@pytest.mark.parametrize(
    ("settings", "life"),
    [
        ({}, dt.timedelta(days=5)),
        ({"remote.expire": "3d", "local.expire": "80h", "dsn.max-attempts": "10", "dsn.retry.0": "15m", "dsn.retry.1": "2h"}, dt.timedelta(hours=80)),
        ({"report.max-attempts": "3", "report.retry": "2d"}, dt.timedelta(days=6)),
        ({"odd.queue-name": "local"}, dt.timedelta(days=3)),
    ],
)
def test_how_long_a_message_may_wait(settings: dict[str, str], life: dt.timedelta) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": {f"queue.schedule.{key}": value for key, value in settings.items()}})

    connection = Connection(url="http://127.0.0.1:8080", user="admin", password="a-password-unlike-any-data", retries=0)
    assert RestServer(HttpClient(connection, httpx.MockTransport(answer))).queue.longest_life() == life


def test_the_total_is_known_beyond_the_limit() -> None:
    fake = FakeQueue(*(queued(number, f"u{number}@a.test") for number in range(1, 8)))
    results = state.info(server(fake), {"limit": 2}, Mode()).results
    assert [each["id"] for each in results["messages"]] == ["1", "2"]
    assert results["total"] == 7
    assert results["summary"]["by_domain"] == {"a.test": 2}

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores, deleted items and the spam filter: what differs by version, what acts, what is said."""

from __future__ import annotations

import typing as t

import httpx
import pytest

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption, NotApplied, PartlyDone, Refused, StalwartError
from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection, HttpClient
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources import spam_filter, stores, webadmin
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.adapter import RestServer

MESSAGE = "From: x@y.test\nSubject: hello\n\nHello\n"
MAIL = {"hash": "mail-hash", "size": 9, "deletedAt": "2026-11-01T10:00:00Z", "expiresAt": "2026-12-01T10:00:00Z"}


class Answers:
    """A server of a version that answers each path with its data, null unless told otherwise."""

    def __init__(self, version: str = "0.15.5", data: t.Mapping[str, t.Any] | None = None) -> None:
        self.version = version
        self.data: dict[str, t.Any] = {"store/quota/alice": 100, **(data or {})}
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []

    def acting(self) -> list[str]:
        """What was sent that may change something."""
        reading = ("store/quota/", "store/undelete/", "settings/keys", "spam-filter/train/status")
        return [path for method, path in self.requests if path != "oauth" and (method != "GET" or not path.startswith(reading))]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/")
        self.requests.append((request.method, path))
        self.bodies.append(request.content)
        if path == "oauth":
            return httpx.Response(200, json={"data": {"version": self.version, "isEnterprise": False, "permissions": []}})
        if path.endswith("/nobody"):
            return httpx.Response(200, json={"error": "notFound", "item": ""})
        found = self.data.get(f"{request.method} {path}", self.data.get(path))
        if isinstance(found, int) and not isinstance(found, bool) and 400 <= found < 600:
            return httpx.Response(found, json={"title": "Fault"}, headers={"content-type": "application/problem+json"})
        return httpx.Response(200, json={"data": found})


def server(answers: Answers) -> RestServer:
    _http._guard.forget()
    connection = Connection(url="http://127.0.0.1:8080", user="admin", password="a-password-unlike-any-data", retries=0)
    return RestServer(HttpClient(connection, httpx.MockTransport(answers)))


def store(answers: Answers, *, check: bool = False, **options: t.Any) -> Outcome:
    return stores.manage(server(answers), options, Mode(check=check))


@pytest.mark.parametrize(
    ("version", "options", "path"),
    [
        ("0.13.4", {"action": "reindex"}, "store/reindex"),
        ("0.14.1", {"action": "reindex", "index": "email", "account": "alice"}, "store/reindex/alice"),
        ("0.15.0", {"action": "reindex", "index": "email"}, "store/reindex/email"),
        ("0.15.5", {"action": "reindex", "index": "file", "account": "alice"}, "store/reindex/file/alice"),
        ("0.14.1", {"action": "purge_in_memory", "kind": "bayes-account", "account": "alice"}, "store/purge/in-memory/default/bayes-account/alice"),
        ("0.15.5", {"action": "purge_in_memory", "kind": "greylist"}, "store/purge/in-memory/default/greylist"),
        ("0.15.5", {"action": "purge_accounts", "account": "alice"}, "store/purge/account/alice"),
    ],
)
def test_each_version_is_asked_in_its_way(version: str, options: dict[str, t.Any], path: str) -> None:
    answers = Answers(version)
    assert store(answers, check=True, **options).changed
    assert answers.acting() == []
    assert store(answers, **options).changed
    assert answers.acting() == [path]


@pytest.mark.parametrize(
    ("version", "options", "words"),
    [
        ("0.15.2", {"action": "reindex"}, "servers from 0.15 on rebuild one index at a time, and this one is 0.15.2"),
        ("0.14.1", {"action": "reindex", "index": "file"}, "exists from server 0.15 on, and this one is 0.14.1"),
        ("0.15.2", {"action": "purge_in_memory", "kind": "trusted-reply"}, "known to servers up to 0.14 only, and this one is 0.15.2"),
        ("0.15.2", {"action": "purge_in_memory", "kind": "nosuch"}, "'nosuch' is no kind of entries; choose from acme, "),
        ("0.15.2", {"action": "reset_uids", "account": "alice"}, "set force_resync: true if that is meant"),
        ("0.15.2", {"action": "purge_accounts", "account": "nobody"}, "there is no account 'nobody'"),
        ("0.15.2", {"action": "purge_data", "store": "other"}, "there is no store 'other'"),
        ("0.15.2", {"action": "purge_blobs", "account": "alice"}, "account: it is of use with action: "),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_refused_before_anything_acts(version: str, options: dict[str, t.Any], words: str, check: bool) -> None:
    answers = Answers(version, {"settings/keys": {}})
    with pytest.raises((Refused, InvalidOption)) as caught:
        store(answers, check=check, **options)
    assert words in str(caught.value)
    assert answers.acting() == []


def test_the_version_is_asked_only_where_it_matters() -> None:
    answers = Answers()
    store(answers, action="purge_in_memory", kind="greylist")
    assert ("POST", "oauth") not in answers.requests


def test_a_quota_that_was_right_is_no_change() -> None:
    assert not store(Answers(), action="recalculate_quota", account="alice").changed
    outcome = store(Answers(data={"DELETE store/quota/alice": 120}), action="recalculate_quota", account="alice")
    assert outcome.diffs()[0]["before"] == {"used_quota": 100}
    assert outcome.diffs()[0]["after"] == {"used_quota": 120}


# Deleted items


@pytest.mark.parametrize("item", [{**MAIL, "collection": "email"}, {**MAIL, "item": {"type": "email", "from": "x@y.test", "subject": "hello"}}])
def test_deleted_mail_comes_back(item: dict[str, t.Any]) -> None:
    answers = Answers(data={"GET store/undelete/alice": {"items": [item], "total": 1}, "POST store/undelete/alice": [{"type": "success"}]})
    options = {"account": "alice", "ids": ["mail-hash"]}
    predicted = stores.restore(server(answers), options, Mode(check=True))
    assert answers.acting() == []
    done = stores.restore(server(answers), options, Mode())
    assert predicted.operations() == done.operations()
    assert done.results["total"] == 1
    assert answers.bodies[-1] == b'[{"hash":"mail-hash","collection":"email","restoreTime":"2026-11-01T10:00:00Z","cancelDeletion":"2026-12-01T10:00:00Z"}]'


def test_deleted_mail_that_does_not_come_back() -> None:
    items = [{**MAIL, "hash": name, "collection": "email"} for name in ("one", "two")]
    listed = {"GET store/undelete/alice": {"items": items, "total": 2}}
    some = [{"type": "success"}, {"type": "error", "reason": "Over quota"}]
    with pytest.raises(PartlyDone, match=r"1 of 2 items were not restored; the first is two \(email\): Over quota") as caught:
        stores.restore(server(Answers(data={**listed, "POST store/undelete/alice": some})), {"account": "alice", "all": True}, Mode())
    assert [each["name"] for each in caught.value.done] == ["one"]
    none = [{"type": "notFound"}, {"type": "notFound"}]
    with pytest.raises(NotApplied, match="its content is gone"):
        stores.restore(server(Answers(data={**listed, "POST store/undelete/alice": none})), {"account": "alice", "all": True}, Mode())


def test_what_was_restored_before_is_passed_over() -> None:
    warnings: list[str] = []
    answers = Answers(data={"GET store/undelete/alice": {"items": [], "total": 0}})
    outcome = stores.restore(server(answers), {"account": "alice", "ids": ["gone"]}, Mode(warn=warnings.append))
    assert not outcome.changed
    assert outcome.results["missing"] == ["gone"]
    assert "1 of the ids are not among the deleted items" in warnings[0]


# The spam filter


def spam(answers: Answers, *, check: bool = False, **options: t.Any) -> Outcome:
    return spam_filter.manage(server(answers), options, Mode(check=check))


@pytest.mark.parametrize(("version", "path", "at_once"), [("0.14.1", "spam-filter/train/spam/alice", True), ("0.15.0", "spam-filter/upload/spam/alice", False)])
def test_examples_go_where_the_version_takes_them(version: str, path: str, at_once: bool) -> None:
    answers = Answers(version)
    options: dict[str, t.Any] = {"action": "learn", "learn_as": "spam", "content": MESSAGE, "account": "alice"}
    assert spam(answers, check=True, **options).results == {"spam_filter": {"learned": at_once, "size": len(MESSAGE)}}
    assert answers.acting() == []
    spam(answers, **options)
    assert answers.acting() == [path]
    assert answers.bodies[-1] == MESSAGE.encode()


@pytest.mark.parametrize("message", ["", "no header at all", "x" * (1024 * 1024 + 1)])
def test_what_servers_would_take_for_an_example(message: str) -> None:
    answers = Answers()
    with pytest.raises(InvalidOption) as caught:
        spam(answers, action="learn", learn_as="spam", content=message)
    assert caught.value.option == "content"
    assert answers.requests == []


@pytest.mark.parametrize("action", ["start_training", "stop_training", "retrain", "forget"])
def test_old_servers_have_no_training_runs(action: str) -> None:
    answers = Answers("0.14.1")
    with pytest.raises(Refused, match=r"from server 0\.15 on, and this one is 0\.14\.1"):
        spam(answers, check=True, action=action)
    assert answers.acting() == []


def test_a_run_is_started_once() -> None:
    running = Answers(data={"spam-filter/train/status": True})
    assert not spam(running, action="start_training").changed
    assert running.acting() == []
    with pytest.raises(NotApplied, match="stop it by action: stop_training"):
        spam(running, action="retrain")
    idle = Answers(data={"spam-filter/train/status": False, "spam-filter/train/start": False})
    with pytest.raises(NotApplied, match="another one began in the meantime"):
        spam(idle, action="start_training")


def test_current_rules_are_no_change() -> None:
    versions = {"settings/keys": {"version.spam-filter": "2.0.3"}}
    assert not spam(Answers(data=versions), action="update_rules").changed
    outcome = spam(Answers(data={**versions, "update/spam-filter": "2.0.4"}), action="update_rules")
    assert outcome.diffs()[0]["after"] == {"version": "2.0.4"}


@pytest.mark.parametrize("run", [lambda fake: spam(fake, action="update_rules"), lambda fake: webadmin.manage(server(fake), {}, Mode())])
def test_a_server_without_network_is_explained(run: t.Callable[[Answers], object]) -> None:
    fake = Answers(data={"update/spam-filter": 500, "update/webadmin": 500, "settings/keys": {}})
    with pytest.raises(StalwartError, match="can't fetch what they need from the network"):
        run(fake)

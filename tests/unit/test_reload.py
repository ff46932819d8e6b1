# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloads, which answer success whether they did anything or not, and what a server tells of itself."""

from __future__ import annotations

import time
import typing as t

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._errors import AuthenticationFailed, ConnectionFailed, InvalidOption, PermissionDenied, Refused
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources import reload, server_info
from tests.support.settings import FakeServer


def run(server: FakeServer, *, check: bool = False, **options: t.Any) -> Outcome:
    return reload.manage(server.port, options, Mode(check=check))


def test_a_reload_is_a_change_and_predicted_as_one() -> None:
    server = FakeServer(a="1")
    predicted = run(server, check=True)
    assert server.reloads == []
    done = run(server)
    assert server.reloads == ["all"]
    assert predicted.changed
    assert predicted.operations() == done.operations() == [{"resource": "reload", "name": "all", "action": "reload", "fields": []}]
    assert (predicted.results["reloaded"], done.results["reloaded"]) == (False, True)


def test_validating_changes_nothing() -> None:
    server = FakeServer(a="1")
    for check in (True, False):
        outcome = run(server, check=check, validate_only=True)
        assert not outcome.changed
        assert outcome.results == {"reloaded": False, "setting_errors": {}, "setting_warnings": {}}
    assert server.reloads == []


@pytest.mark.parametrize(
    ("options", "check", "words"),
    [
        ({}, False, "settings have errors, so the server applied nothing"),
        ({}, True, "settings have errors, so a reload would apply nothing"),
        ({"validate_only": True}, False, "settings have errors, so a reload would apply nothing"),
    ],
)
def test_errors_fail_the_task_with_their_keys(options: dict[str, t.Any], check: bool, words: str) -> None:
    server = FakeServer(**{"session.timeout": "bad"})
    with pytest.raises(Refused, match=f"^{words}; correct them and reload: session.timeout \\(parse: bad value\\)\\.$") as caught:
        run(server, check=check, **options)
    assert caught.value.details == {"setting_errors": {"session.timeout": "parse: bad value"}, "setting_warnings": {}}


def test_many_errors_are_counted() -> None:
    server = FakeServer(**{f"k{number}": "bad" for number in range(8)})
    with pytest.raises(Refused, match=r"k0 \(.*k4 \(parse: bad value\) and 3 more\.$"):
        run(server)


@pytest.mark.parametrize(("part", "key"), [("lookup", "lookup.x"), ("certificate", "certificate.x.cert"), ("blocked_ip", "server.blocked-ip")])
def test_a_part_minds_only_its_own_errors(part: str, key: str) -> None:
    server = FakeServer(**{"session.timeout": "bad"})
    assert run(server, part=part).results["reloaded"] is True
    assert run(server, check=True, part=part).changed
    assert server.reloads == [part]
    server.errors = {key: "parse: no"}
    with pytest.raises(Refused, match=f"{key} \\(parse: no\\)\\.$"):
        run(server, check=True, part=part)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(InvalidOption, match=r"^part: "):
        run(FakeServer(), part="server.blocked-ip")


def test_forgetting_recipients_warns_and_does_not_fail() -> None:
    server = FakeServer(a="bad")
    warnings: list[str] = []
    assert reload.refresh_recipients(server.port, Mode(warn=warnings.append)) is False
    assert "correct these settings and reload: a (parse: bad value)." in warnings[0]
    server.reload_failure = PermissionDenied("403", request="GET /api/reload", status=403)
    assert reload.refresh_recipients(server.port, Mode(warn=warnings.append)) is False
    assert "the change is made, but the server did not reload" in warnings[1]
    assert reload.refresh_recipients(FakeServer().port, Mode(warn=warnings.append)) is True
    assert len(warnings) == 2


# What a server tells of itself


def ask(server: FakeServer, **options: t.Any) -> t.Any:
    return server_info.info(server.port, options, Mode()).results["server"]


def test_a_server_is_described() -> None:
    expected = {"live": True, "ready": True, "version": "0.15.5", "edition": "community", "api": "rest", "permissions": ["a", "b"]}
    assert ask(FakeServer()) == expected
    assert ask(FakeServer(), wait=True, wait_timeout=5) == expected
    unready = FakeServer()
    unready.health = [True, False]
    assert ask(unready) == expected | {"ready": False}


def test_waiting_lasts_until_it_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    server = FakeServer()
    server.health = [ConnectionFailed("refused", sent=False), ConnectionFailed("refused", sent=False), False, True]
    assert ask(server, wait=True)["ready"] is True
    assert len(pauses) == 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(ConnectionFailed("https://x could not be reached: refused (GET /healthz/ready)", sent=False), "could not be reached: refused"), (False, "is not ready")],
)
def test_waiting_ends_with_the_last_reason(answer: bool | ConnectionFailed, reason: str) -> None:
    server = FakeServer()
    server.health = [answer]
    with pytest.raises(Refused, match=f"the server was not ready within 0.2 seconds: .*{reason}"):
        ask(server, wait=True, wait_timeout=0.2)


def test_a_refused_login_is_not_waited_for() -> None:
    server = FakeServer()
    server.health = [AuthenticationFailed("401", request="GET /healthz/ready", status=401)]
    with pytest.raises(AuthenticationFailed):
        ask(server, wait=True, wait_timeout=30)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), 100_000])
def test_a_wait_has_a_limit(seconds: float) -> None:
    with pytest.raises(InvalidOption, match=r"^wait_timeout: "):
        ask(FakeServer(), wait=True, wait_timeout=seconds)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No task locks out the login that it runs with."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._errors import PartlyDone, Refused
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal import bulk, task
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import Principal
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server
from tests.support.principals import MemoryServer

DOMAIN = Principal(name="example.org", type="domain")
BOSS = Principal(name="boss", type="individual", emails=("boss@example.org",), roles=("admin", "user"))
OTHER = BOSS.model_copy(update={"name": "other", "emails": ("other@example.org",)})

HARM: list[tuple[dict[str, t.Any], str]] = [
    ({"state": "absent"}, "delete itself"),
    ({"new_name": "chief"}, "rename itself"),
    ({"enabled": False}, "take the permission authenticate from itself"),
    ({"disabled_permissions": ["authenticate"]}, "take the permission authenticate from itself"),
    ({"roles": ["user"]}, "take the role admin from itself"),
    ({"roles": []}, "take the role admin from itself"),
]


def one(server: MemoryServer, name: str, options: dict[str, t.Any]) -> None:
    task.manage(t.cast(Server, server), {"name": name, "reload": "never", **options}, Mode())


def many(server: MemoryServer, name: str, options: dict[str, t.Any]) -> None:
    bulk.manage(t.cast(Server, server), {"principals": [{"name": name, **options}], "reload": "never"}, Mode())


@pytest.mark.parametrize("run", [one, many])
@pytest.mark.parametrize("login", ["boss", "boss@example.org"])
@pytest.mark.parametrize(("options", "words"), HARM)
def test_the_own_login_stays(run: t.Callable[..., None], login: str, options: dict[str, t.Any], words: str) -> None:
    server = MemoryServer([DOMAIN, BOSS], own=[login])
    with pytest.raises((Refused, PartlyDone), match=f"'boss' is the login of this task, which would {words}"):
        run(server, "boss", options)
    assert server.principals.writes == []


@pytest.mark.parametrize("run", [one, many])
@pytest.mark.parametrize(("options", "_words"), HARM)
def test_that_of_another_administrator_does_not(run: t.Callable[..., None], options: dict[str, t.Any], _words: str) -> None:
    server = MemoryServer([DOMAIN, BOSS, OTHER], own=["other"])
    run(server, "boss", options)
    assert server.principals.writes


@pytest.mark.parametrize("run", [one, many])
def test_what_does_not_lock_it_out_may_change(run: t.Callable[..., None]) -> None:
    server = MemoryServer([DOMAIN, BOSS], own=["boss"])
    run(server, "boss", {"description": "The chief", "roles": {"remove": ["user"]}, "disabled_permissions": ["imap-search"]})
    assert server.principals.stored["boss"].roles == ("admin",)


@pytest.mark.parametrize("own", [["boss"], ["other"]])
def test_a_new_password_of_the_own_login_is_not_asked_for_again(own: list[str]) -> None:
    """The server would refuse the login, and a task that did its work would fail."""
    server = MemoryServer([DOMAIN, BOSS], own=own)
    warned: list[str] = []
    read = server.principals.get
    reads: list[str] = []
    server.principals.get = lambda name, **more: reads.append(name) or read(name, **more)  # type: ignore[method-assign,func-returns-value]
    options = {"name": "boss", "password": "a new and long password", "update_password": "always"}
    outcome = task.manage(t.cast(Server, server), options, Mode(warn=warned.append))
    assert [change.fields for change in outcome.changes] == [["password"]]
    assert len(reads) == (1 if own == ["boss"] else 2)
    assert warned == (["'boss' is the login of this task; tasks after it that log in by its password need the new one."] if own == ["boss"] else [])
    assert outcome.results["principal"]["has_password"]

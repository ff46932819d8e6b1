# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a task runs: on the controller unless that would change what it does. Which login it takes."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import server_of
from ansible_collections.stalwart.mail.plugins.modules.blob import TASK as BLOB
from ansible_collections.stalwart.mail.plugins.modules.principals import TASK as PRINCIPALS
from ansible_collections.stalwart.mail.plugins.plugin_utils._action import StalwartAction


def module_arguments(**arguments: t.Any) -> dict[str, t.Any]:
    action: t.Any = StalwartAction.__new__(StalwartAction)
    action.task = BLOB
    action._task = types.SimpleNamespace(args=arguments, environment=[])
    return t.cast("dict[str, t.Any]", action._module_arguments())


def place(task: t.Any, arguments: dict[str, t.Any], **about: t.Any) -> str:
    action: t.Any = StalwartAction.__new__(StalwartAction)
    action.task = task
    action._templar = types.SimpleNamespace(template=lambda text: text)
    action._connection = types.SimpleNamespace(transport=about.pop("transport", "local"))
    asked = {"stalwart_execution": about.pop("asked")} if "asked" in about else {}
    action._task = types.SimpleNamespace(**{"args": arguments, "async_val": 0, "environment": [], "become": False, **about})
    return str(action._place(asked)[0])


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({}, "controller"),
        ({"become": True}, "target"),
        ({"become": True, "asked": "controller"}, "controller"),
        ({"asked": "target"}, "target"),
        ({"async_val": 10}, "target"),
        ({"environment": [{"A": "b"}]}, "target"),
        ({"transport": "ssh"}, "target"),
    ],
)
def test_a_task_that_writes_a_file(about: dict[str, t.Any], expected: str) -> None:
    assert place(BLOB, {"id": "x", "dest": "/tmp/x"}, **about) == expected


def test_become_changes_nothing_without_a_file() -> None:
    assert place(PRINCIPALS, {"principals": []}, become=True) == "controller"


def connection(**options: str) -> _http.Connection:
    server: t.Any = server_of({"url": "https://mail.example.org", **options})
    return t.cast(_http.Connection, server._client.connection)


def test_a_login_that_is_written_goes_before_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STALWART_USER", "admin")
    monkeypatch.setenv("STALWART_PASSWORD", "password-unlike-any-data")
    from_environment = {"login_user": "admin", "login_password": "password-unlike-any-data"}
    assert connection(**from_environment).user == "admin"
    with_token = connection(**from_environment, login_token="token-unlike-any-data")
    assert (with_token.token, with_token.user) == ("token-unlike-any-data", "")
    with pytest.raises(InvalidOption, match="it can't be used together with login_user and login_password"):
        connection(login_user="jane", login_password="hers-unlike-any-data", login_token="token-unlike-any-data")
    monkeypatch.setenv("STALWART_TOKEN", "token-unlike-any-data")
    with_user = connection(login_user="jane", login_password="hers-unlike-any-data", login_token="token-unlike-any-data")
    assert (with_user.token, with_user.user) == ("", "jane")
    with pytest.raises(InvalidOption, match="it can't be used together with login_user and login_password"):
        connection(**from_environment, login_token="token-unlike-any-data")


def test_a_module_is_given_one_login(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("USER", "admin"), ("PASSWORD", "password-unlike-any-data"), ("TOKEN", "token-unlike-any-data")):
        monkeypatch.setenv(f"STALWART_{name}", value)
    assert module_arguments(login_user="jane", login_password=None) == {"login_user": "jane", "login_password": "password-unlike-any-data"}
    assert module_arguments(login_token="hers-unlike-any-data") == {"login_token": "hers-unlike-any-data"}


def test_a_list_is_read_by_the_controller_anyway() -> None:
    assert place(PRINCIPALS, {"src": "principals.yml"}, become=True) == "controller"


@pytest.mark.parametrize(
    ("items", "kept"),
    [
        ([{"name": "one"}, {"name": "two", "emails": ["two@example.org"]}], True),
        ([], True),
        ([{"name": "one"}, "name=two"], False),  # Ansible makes a dictionary of the text
        ([{"name": "one"}, 2], False),  # and refuses what can be none
        ("name=one", False),
        (None, False),
    ],
)
def test_only_items_that_ansible_would_leave_as_they_are_go_round_its_validation(items: t.Any, kept: bool) -> None:
    action: t.Any = StalwartAction.__new__(StalwartAction)
    action.task = PRINCIPALS
    untouched = action._items_left_as_they_are({"principals": items})
    assert untouched == ({"principals": items} if kept else {})
    options = {option: dict(about) for option, about in PRINCIPALS.spec.options.items()}
    validated = ArgumentSpecValidator(options).validate({"url": "https://mail.example.org", "principals": items})
    if kept:
        assert not validated.error_messages
        assert validated.validated_parameters["principals"] == items

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a task runs: on the controller unless that would change what it does."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.stalwart.mail.plugins.modules.blob import TASK as BLOB
from ansible_collections.stalwart.mail.plugins.modules.principals import TASK as PRINCIPALS
from ansible_collections.stalwart.mail.plugins.plugin_utils._action import StalwartAction


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


def test_a_list_is_read_by_the_controller_anyway() -> None:
    assert place(PRINCIPALS, {"src": "principals.yml"}, become=True) == "controller"

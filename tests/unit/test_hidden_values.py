# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values Ansible takes out of a result: all of a secret option, and only the secrets of one that holds other things too."""

from __future__ import annotations

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task, hidden_values
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Outcome
from ansible_collections.stalwart.mail.plugins.modules import settings


def test_secret_options_are_hidden_with_all_they_hold() -> None:
    spec = ArgumentSpec(options={"secrets": {"type": "raw", "no_log": True}, "name": {"type": "str"}, "keys": {"type": "list", "no_log": False}})
    task = Task(own=spec, run=lambda _server, _options, _mode: Outcome())
    params = {"secrets": [{"a": "first-secret", "b": ["second-secret", None, True]}, 17], "name": "shown", "keys": ["shown"], "login_password": "the-password"}
    assert hidden_values(task, params) == {"first-secret", "second-secret", "17", "the-password"}
    assert hidden_values(task, {}) == set()


def test_of_settings_only_the_secrets_are_hidden() -> None:
    option = {
        "queue.route.x": {"port": 25, "type": "relay", "auth": {"username": "me", "secret": "first-secret"}},
        "store.x.password": "second-secret",
        "on": True,
    }
    params = {"settings": option, "login_token": "api_dG9rZW4="}
    assert hidden_values(settings.TASK, params) == {"first-secret", "second-secret", "api_dG9rZW4="}
    assert settings.TASK.own.options["settings"]["no_log"] is True

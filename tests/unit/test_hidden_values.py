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


def test_of_settings_since_0_16_secrets_go_by_the_names_of_properties() -> None:
    nested = {
        "WebHook": {"hook": {"@type": "x", "httpHeaders": {"Authorization": "first-secret"}, "signatureKey": {"@type": "Value", "secret": "second-secret"}}}
    }
    flat = {
        "WebHook.hook.httpHeaders.Authorization": "first-secret",
        "DnsServer.bind.key": "second-secret",
        "DnsServer.bind.keyName": "mine",
        "DnsServer.bind.secret.@type": "Value",
        "Http.enableHsts": True,
        "WebHook.hook.url": "https://x.example/",
    }
    below_a_prefix = {"httpHeaders": {"X-Key": "first-secret"}, "authSecret": "second-secret", "port": 25, "secret": {"@type": "Text"}}
    for option in (nested, flat, below_a_prefix):
        assert hidden_values(settings.TASK, {"settings": option}) == {"first-secret", "second-secret"}
    # of older servers: how long a token lives is no secret
    assert hidden_values(settings.TASK, {"settings": {"oauth.expiry.token": "1h", "Store.oauth": "x"}}) == set()

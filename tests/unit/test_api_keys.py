# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same API key on servers of every generation: its secret is made, told once, and logs in."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection, HttpClient
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal import bulk, task
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap.adapter import JmapServer
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.queue import QueueFilter
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.adapter import RestServer
from tests.support.in_process import InProcess, client

KEY: dict[str, t.Any] = {"name": "alice/monitoring", "type": "api_key", "enabled_permissions": ["authenticate", "message-queue-list"]}
OWNER: tuple[dict[str, t.Any], ...] = (
    {"name": "example.test", "type": "domain"},
    {"name": "watcher", "type": "role", "enabled_permissions": ["message-queue-list", "message-queue-get"]},
    {"name": "alice", "emails": ["alice@example.test"], "roles": ["user", "watcher"]},
)


@pytest.mark.parametrize("version", ["0.13.4", "0.15.5", "0.16.18"])
@pytest.mark.parametrize("alone", [True, False])
def test_a_key_gets_a_secret_that_is_told_once(version: str, alone: bool) -> None:
    _http._guard.forget()
    transport = InProcess(version)
    adapter = JmapServer if version == "0.16.18" else RestServer
    warned: list[str] = []

    def run(*principals: dict[str, t.Any], check: bool = False) -> tuple[str, t.Any]:
        """The secret that was told, and the outcome."""
        server, mode = t.cast(Server, adapter(client(transport))), Mode(check=check, warn=warned.append)
        if alone and len(principals) == 1:
            outcome = task.manage(server, principals[0], mode)
            return outcome.results.get("secret", ""), outcome
        outcome = bulk.manage(server, {"principals": list(principals)}, mode)
        return next(iter(outcome.results.get("secrets", {}).values()), ""), outcome

    run(*OWNER)
    foreseen, predicted = run(KEY, check=True)
    secret, made = run(KEY)
    assert foreseen == "<generated>" == made.diffs()[0]["after"]["secret"]
    assert predicted.diffs() == made.diffs() and predicted.operations() == made.operations()
    assert secret not in str([made.diffs(), made.operations(), warned])
    told, again = run(KEY)
    assert (told, again.changed) == ("", False)
    with_key = HttpClient(Connection(url="http://127.0.0.1", token=secret, retries=0), transport)
    assert t.cast(Server, adapter(with_key)).queue.count(QueueFilter()) == 0
    assert warned == []

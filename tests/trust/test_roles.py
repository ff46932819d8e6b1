# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles in check mode: nothing that writes goes over the wire. What they predict and do is compared by their scenarios in extensions/molecule."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from tests.support.cases import play
from tests.support.local import local_stand_in
from tests.support.proxy import proxy
from tests.support.servers import ROOT
from tests.support.tasks import World, forget_clients

from .scenes import DOMAIN, PASSWORD, key, people

#: What each role needs; nothing listens at the name server, for nothing may be published.
VARIABLES: dict[str, dict[str, t.Any]] = {
    "dkim_rotation": {"dkim_rotation_domains": [DOMAIN], "dkim_rotation_now": True},
    "dns": {"dns_domains": [DOMAIN], "dns_verify": False},
    "domain": {
        "domain_list": [
            {
                "name": "example.net",
                "postmaster": "carol",
                "accounts": [{"name": "carol", "password": PASSWORD}],
                "lists": [{"name": "all", "members": ["carol"]}],
            }
        ],
        "domain_settings": {"session.rcpt.max-recipients": 200},
    },
    "queue_drain": {"queue_drain_mode": "hold", "queue_drain_tasks": "{{ tasks_file }}"},
    "server_settings": {"server_settings_limits": {"recipients": 50}, "server_settings_blocked_addresses": ["203.0.113.7"]},
}


@pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir()))
def test_a_role_in_check_mode_only_reads(role: str, tmp_path: pathlib.Path) -> None:
    """On a server that differs from what the role wants, so that there is something to predict."""
    (tmp_path / "tasks.yml").write_text("- ansible.builtin.debug: {msg: Held back}\n")
    defaults = {"group/stalwart.mail.stalwart": {"url": "{{ url }}", "login_user": "admin", "login_password": "secret-admin"}}
    task = {"name": "The role", "ansible.builtin.include_role": {"name": f"stalwart.mail.{role}"}, "vars": VARIABLES[role]}
    # a role that can't go on in a dry run, since what it would have made is missing, says so
    rescue = [{"ansible.builtin.debug": {"msg": "It ended before its end"}}]
    playbook = tmp_path / "role.yml"
    playbook.write_text(
        yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": [{"block": [task], "rescue": rescue}]}])
    )
    with local_stand_in() as server, proxy(server.url) as between:
        world = World(server)
        people(world)
        world.run("dkim", domain=[DOMAIN], private_key=key(), reload="never")
        before = world.state()
        played = play(playbook, tmp_path, {"url": between.url, "tasks_file": str(tmp_path / "tasks.yml")}, "--check")
        assert played.status == 0, played.output[-3000:]
        assert between.requests, played.output[-3000:]
        assert [str(request) for request in between.writes] == []
        assert world.state() == before
    forget_clients()

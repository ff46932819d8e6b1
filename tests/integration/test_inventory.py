# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin, as ansible-inventory shows what it finds."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import typing as t

import yaml

from tests.support.cases import environment
from tests.support.servers import RunningServer, stand_in

SECRET = "secret-of-the-account-unlike-any-data"
TEMPLATE = "{{ lookup('pipe', 'echo ' ~ 'evaluated') }}"


def _list(folder: pathlib.Path, config: dict[str, t.Any], *, name: str = "mail.stalwart.yml", **env: str) -> subprocess.CompletedProcess[str]:
    file = folder / name
    file.write_text(yaml.safe_dump({"plugin": "stalwart.mail.principals", **config}))
    command = [str(pathlib.Path(sys.executable).with_name("ansible-inventory")), "-i", str(file), "--list"]
    return subprocess.run(
        command, cwd=folder, env=environment(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="1", **env), capture_output=True, text=True, timeout=120, check=False
    )


def _hosts(done: subprocess.CompletedProcess[str]) -> dict[str, t.Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, t.Any] = json.loads(done.stdout, object_hook=lambda each: each.get("__ansible_unsafe", each))  # as 2.18 shows them
    return found


def _fill(server: RunningServer) -> None:
    for name in ("example.org", "example.net"):
        server.api("POST", "principal", {"type": "domain", "name": name})
    server.api("POST", "principal", {"type": "group", "name": "staff"})
    for name, domain, description in (("alice", "example.org", TEMPLATE), ("bob", "example.net", "Bob")):
        account = {"type": "individual", "name": name, "emails": [f"{name}@{domain}"], "secrets": [SECRET], "roles": ["user"], "description": description}
        server.api("POST", "principal", {**account, "memberOf": ["staff"]})


def test_hosts_groups_and_cache(tmp_path: pathlib.Path) -> None:
    """Accounts in groups, without secrets, and nothing of the server's evaluated; then the same from the cache when the server is gone."""
    config = {
        "types": ["individual"],
        "login_user": "{{ 'ad' ~ 'min' }}",
        "keyed_groups": [{"key": "principal_domain", "prefix": "domain"}, {"key": "principal_member_of", "prefix": "in"}],
        "groups": {"bobs": "principal_name == 'bob'"},
        "compose": {"primary": "principal_emails | first"},
        "strict": True,
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
    }
    with stand_in() as server:
        _fill(server)
        login = {"STALWART_URL": server.url, "STALWART_PASSWORD": server.password}
        first = _list(tmp_path, config, **login)
    found = _hosts(first)
    variables = found["_meta"]["hostvars"]
    assert sorted(variables) == ["alice", "bob"]
    assert found["domain_example_org"]["hosts"] == ["alice"]
    assert sorted(found["in_staff"]["hosts"]) == ["alice", "bob"]
    assert found["bobs"]["hosts"] == ["bob"]
    assert variables["bob"]["primary"] == "bob@example.net"
    assert variables["alice"]["principal_description"] == TEMPLATE
    assert SECRET not in first.stdout + first.stderr + "".join(file.read_text() for file in (tmp_path / "cache").iterdir())
    assert _hosts(_list(tmp_path, config, **login)) == found
    assert _evaluated(tmp_path, login) == TEMPLATE


def _evaluated(folder: pathlib.Path, login: dict[str, str]) -> str:
    """What a template makes of alice's description, which looks like one."""
    command = [str(pathlib.Path(sys.executable).with_name("ansible")), "-i", str(folder / "mail.stalwart.yml"), "alice", "-c", "local"]
    command += ["-m", "ansible.builtin.debug", "-a", "msg={{ principal_description }}"]
    done = subprocess.run(command, cwd=folder, env=environment(**login), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(json.loads(done.stdout.partition("=>")[2])["msg"])


def test_domains_are_the_default_and_errors_are_sentences(tmp_path: pathlib.Path) -> None:
    """A wrong password is named; a file with another name is not ours."""
    with stand_in() as server:
        _fill(server)
        config = {"url": server.url, "login_user": server.user, "login_password": server.password, "fields": ["description"]}
        assert sorted(_hosts(_list(tmp_path, config))["ungrouped"]["hosts"]) == ["example.net", "example.org"]
        wrong = _list(tmp_path, {**config, "login_password": "wrong-secret-unlike-any-data"})
        assert wrong.returncode != 0
        assert "the server refused the login" in wrong.stderr
        assert "wrong-secret" not in wrong.stderr
        assert _list(tmp_path, config, name="other.yml").returncode != 0

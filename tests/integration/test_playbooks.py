# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks: bootstrap twice, audit, export, and back again; the check before a move."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from tests.support.cases import Played, play
from tests.support.servers import ROOT, RunningServer, stand_in

PLAYBOOKS = ROOT / "playbooks"


def _example() -> dict[str, t.Any]:
    variables: dict[str, t.Any] = {}
    for name in ("bootstrap_example.yml", "bootstrap_example_secrets.yml"):
        variables |= yaml.safe_load((PLAYBOOKS / "vars" / name).read_text(encoding="utf-8"))
    return variables


def _run(name: str, server: RunningServer, folder: pathlib.Path, variables: dict[str, t.Any], *arguments: str) -> Played:
    login = {"STALWART_URL": server.url, "STALWART_USER": server.user, "STALWART_PASSWORD": server.password}
    return play(PLAYBOOKS / f"{name}.yml", folder, variables, "--diff", *arguments, **login)


def _changes(played: Played) -> list[str]:
    assert played.status == 0, played.output
    return [line["task"] for line in played.results if line["result"].get("changed")]


def _tamper(server: RunningServer) -> None:
    """Give alice another address and take the newsletter away, past Ansible."""
    if not server.has_objects:
        server.api("PATCH", "principal/alice", [{"action": "addItem", "field": "emails", "value": "ceo@example.org"}])
        server.api("DELETE", "principal/newsletter")
        return
    accounts, lists = server.jmap(("Account/get", {"ids": None}), ("MailingList/get", {"ids": None}))
    alice = next(each for each in accounts["list"] if each["name"] == "alice")
    server.jmap(
        ("Account/set", {"update": {alice["id"]: {f"aliases/{len(alice['aliases'])}": {"name": "ceo", "domainId": alice["domainId"]}}}}),
        ("MailingList/set", {"destroy": [lists["list"][0]["id"]]}),
    )


@pytest.mark.parametrize("version", [pytest.param("0.15.5", id="rest"), pytest.param("0.16.18", id="generation_of_objects")])
def test_bootstrap_twice_audit_and_export(version: str, tmp_path: pathlib.Path) -> None:
    """The second run changes nothing; the audit finds what was changed by hand; the export can be applied to this server and to an empty one.

    The example is the same for servers of both generations.
    """
    example = {**_example(), "mail_zone_directory": str(tmp_path / "zones"), "mail_secret_directory": str(tmp_path / "secrets")}
    with stand_in(version) as server, stand_in(version) as empty:
        made = _run("bootstrap", server, tmp_path, example)
        assert len(_changes(made)) >= 4
        assert [key[:1].isupper() for key in made.of("settings")[0]["left_out"]] == [not server.has_objects] * (5 if server.has_objects else 4)
        (key,) = (tmp_path / "secrets").iterdir()
        secret = key.read_text(encoding="utf-8")
        assert key.name == f"alice{'@example.org' if server.has_objects else ''}-monitoring.key"
        assert secret.lower().startswith("api_") and secret not in made.output and key.stat().st_mode & 0o777 == 0o600
        assert _changes(_run("bootstrap", server, tmp_path, example)) == []
        assert sorted(path.name for path in (tmp_path / "zones").iterdir()) == ["example.net.zone", "example.org.zone"]

        assert _changes(_run("audit_drift", server, tmp_path, example)) == []
        _tamper(server)
        audit = _run("audit_drift", server, tmp_path, example)
        assert audit.status != 0
        at = "@example.org" if server.has_objects else ""
        assert [line["result"]["msg"] for line in audit.results if line["outcome"] == "failed"] == [
            ["The server differs from the variables:", f"principal alice{at} differs in emails", f"principal newsletter{at} is missing"]
        ]

        file = tmp_path / "server.yml"
        settings = {"export_file": str(file), "export_secrets": not server.has_objects}
        assert _changes(_run("export", server, tmp_path, settings)) == ["Write the variables"]
        assert file.stat().st_mode & 0o777 == 0o600
        assert _changes(_run("export", server, tmp_path, settings)) == []
        exported = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert _changes(_run("bootstrap", server, tmp_path, exported)) == []
        assert _changes(_run("bootstrap", empty, tmp_path, exported))
        again = tmp_path / "again.yml"
        assert _changes(_run("export", empty, tmp_path, {**settings, "export_file": str(again)}))
        assert _comparable(yaml.safe_load(again.read_text(encoding="utf-8"))) == _comparable(exported)


def _comparable(variables: dict[str, t.Any]) -> dict[str, t.Any]:
    """Private keys without their line breaks, which differ in width."""
    keys = [{**key, "private_key": "".join(key.get("private_key", "").split())} for key in variables["mail_dkim_keys"]]
    return {**variables, "mail_dkim_keys": keys}


@pytest.mark.parametrize("frontend", ["controller", "target"])
def test_export_without_secrets_holds_none(tmp_path: pathlib.Path, frontend: str) -> None:
    """No hash, no key, and the file still is for its owner only."""
    file = tmp_path / "server.json"
    with stand_in() as server:
        server.api("POST", "principal", {"type": "domain", "name": "example.org"})
        server.api(
            "POST", "principal", {"name": "alice", "secrets": ["plain-secret-unlike-any-data", "$app$phone$app-secret-unlike-any-data"], "roles": ["user"]}
        )
        server.api("POST", "dkim", {"id": None, "algorithm": "Ed25519", "domain": "example.org", "selector": "one"})
        server.api(
            "POST", "settings", [{"type": "insert", "prefix": None, "values": [["acme.x.secret", "setting-secret-unlike-any-data"]], "assert_empty": False}]
        )
        played = _run("export", server, tmp_path, {"export_file": str(file), "stalwart_execution": frontend})
    assert played.status == 0, played.output
    content = file.read_text(encoding="utf-8")
    assert "unlike-any-data" not in content + played.output
    assert "PRIVATE KEY" not in content + played.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert played.of("export")[0]["left_out"] == ["acme.x.secret"]


def test_an_encrypted_export_is_never_plain(tmp_path: pathlib.Path) -> None:
    """With vault_id the file is a vault, a second run finds it equal, and a wrong vault id is refused in one sentence."""
    (tmp_path / "password").write_text("password-of-the-vault")
    file = tmp_path / "server.yml"
    settings = {"export_file": str(file), "export_secrets": True, "export_vault_id": "mail"}
    with stand_in() as server:
        server.api("POST", "principal", {"name": "alice", "secrets": ["plain-secret-unlike-any-data"], "roles": ["user"]})
        vault = ("--vault-id", f"mail@{tmp_path / 'password'}")
        assert _changes(_run("export", server, tmp_path, settings, *vault)) == ["Write the variables"]
        assert _changes(_run("export", server, tmp_path, settings, *vault)) == []
        assert file.read_text().startswith("$ANSIBLE_VAULT;1.2;AES256;mail\n")
        refused = _run("export", server, tmp_path, {**settings, "export_vault_id": "other"}, *vault)
    assert refused.status != 0
    assert refused.of("export")[0]["msg"] == "vault_id: there is no vault password for 'other'; give one by --vault-id other@FILE."


def test_a_move_to_0_16_is_checked(tmp_path: pathlib.Path) -> None:
    """Findings of each severity with the worst first, and a failure while something blocks; then none that does. Twice, and nothing is written."""
    with stand_in() as server:
        server.api("POST", "principal", {"type": "domain", "name": "example.org"})
        server.api("POST", "principal", {"name": "jane", "emails": ["jane@example.org"], "secrets": ["$app$phone$secret-unlike-any-data"]})
        server.api("POST", "principal", {"name": "jane@example.org"})
        server.api("POST", "principal", {"type": "resource", "name": "projector"})
        server.api("POST", "settings", [{"type": "insert", "prefix": None, "values": [["session.rcpt.max-recipients", "200"]], "assert_empty": False}])
        before = server.api("GET", "principal", limit=100), server.api("GET", "settings/list", limit=0)
        blocked = _run("migration_check", server, tmp_path, {})
        assert blocked.status != 0
        (report,) = [line["result"]["msg"] for line in blocked.results if line["outcome"] == "failed"]
        assert [line.split(" (")[0] for line in report][:5] == [
            "A move to 0.16 is blocked; mend these first:",
            "blocks: addresses that several mailboxes would have",
            "blocks: principals of types that are gone",
            "loses: accounts with app passwords, which servers since 0.16 make by themselves and take from nobody",
            "loses: settings that are properties of objects now",
        ]
        assert "look at: names without a domain, which become addresses (1): jane -> jane@example.org. " in "\n".join(report)
        assert "unlike-any-data" not in blocked.output
        assert (server.api("GET", "principal", limit=100), server.api("GET", "settings/list", limit=0)) == before

        server.api("DELETE", "principal/jane@example.org")
        server.api("DELETE", "principal/projector")
        mended = _run("migration_check", server, tmp_path, {}, "--check")
        assert _changes(mended) == []
        assert mended.of("settings_info") and mended.results[-1]["result"]["msg"][0] == "Nothing stands in the way of a move to 0.16."

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two frontends, one behaviour: what Ansible does around a task, and which way it runs."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import typing as t

import pytest

from tests.support.cases import FRONTENDS, Played, compared, environment, play
from tests.support.servers import RunningServer, stand_in

HERE = pathlib.Path(__file__).parent
VAULTED = "vaulted-secret-unlike-any-data"
VAULT_PASSWORD = "password-of-the-vault"


def _vaulted(folder: pathlib.Path) -> pathlib.Path:
    """A variables file with one `!vault` value, and the vault's password beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vault-password").write_text(VAULT_PASSWORD)
    done = subprocess.run(
        [
            str(pathlib.Path(sys.executable).with_name("ansible-vault")),
            "encrypt_string",
            "--vault-password-file",
            "vault-password",
            "--name",
            "vaulted",
            VAULTED,
        ],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    path = folder / "vaulted.yml"
    path.write_text(done.stdout)
    return path


def _variables(server: RunningServer, **more: t.Any) -> dict[str, t.Any]:
    return {"server": {"url": server.url, "user": server.user, "password": server.password}, **more}


def _play_loops(folder: pathlib.Path, frontend: str) -> Played:
    vaulted = _vaulted(folder)
    with stand_in() as server:
        # login_user and url come from the task's environment once, the password always from the defaults
        played = play(
            HERE / "frontends" / "loops.yml",
            folder,
            _variables(server, stalwart_execution=frontend) if frontend == "target" else _variables(server),
            "--diff",
            "-v",
            "-e",
            f"@{vaulted}",
            "--vault-password-file",
            str(folder / "vault-password"),
        )
    assert played.status == 0, played.output
    return played


def test_both_frontends_behave_alike(tmp_path: pathlib.Path) -> None:
    """Loops, delegation, become, async, environment, vault, omit and null: equal results both ways."""
    runs = {frontend: _play_loops(tmp_path / frontend, frontend) for frontend in FRONTENDS}
    assert compared(runs["controller"]) == compared(runs["target"])
    # by itself, only async and a task environment go the other way
    assert runs["controller"].output.count("runs as a module (the task is async)") == 1
    assert runs["controller"].output.count("runs as a module (the task has an environment)") == 1
    assert "runs on the controller (the connection is local)" in runs["controller"].output
    assert "runs on the controller" not in runs["target"].output
    assert VAULTED not in runs["controller"].output + runs["target"].output


@pytest.mark.parametrize("place", ["controler", ""])
def test_an_unknown_place_is_refused(tmp_path: pathlib.Path, place: str) -> None:
    """A misspelt stalwart_execution names itself and the choices."""
    playbook = tmp_path / "play.yml"
    playbook.write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n    - stalwart.mail.principal: {url: 'http://127.0.0.1:9', name: x}\n")
    played = play(playbook, tmp_path, {"stalwart_execution": place})
    assert played.status != 0
    assert "stalwart_execution" in played.output
    assert "auto, controller, target" in played.output
    assert "An exception occurred" not in played.output


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_controller_environment_gives_the_connection(tmp_path: pathlib.Path, frontend: str) -> None:
    """STALWART_URL and the login come from the controller's environment, also for a module."""
    playbook = tmp_path / "play.yml"
    playbook.write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n    - stalwart.mail.principal_info:\n")
    with stand_in() as server:
        login = {"STALWART_URL": server.url, "STALWART_USER": server.user, "STALWART_PASSWORD": server.password}
        played = play(playbook, tmp_path, {"stalwart_execution": frontend}, **login)
    assert played.status == 0, played.output
    assert played.of("principal_info")[0]["total"] == 0


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_an_unreachable_server_is_named(tmp_path: pathlib.Path, frontend: str) -> None:
    """One sentence with the URL and the request, the same both ways."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n"
        "    - stalwart.mail.principal_info: {url: 'http://127.0.0.1:9', login_user: x, login_password: long-secret-unlike-any-data, retries: 0}\n"
    )
    played = play(playbook, tmp_path, {"stalwart_execution": frontend})
    assert played.status != 0
    assert played.results[0]["result"]["msg"].startswith("http://127.0.0.1:9 could not be reached: ")
    assert "long-secret-unlike-any-data" not in played.output

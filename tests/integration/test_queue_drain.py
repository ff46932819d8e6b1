# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail held back and let go again, whatever becomes of the tasks meanwhile; and a queue that is drained."""

from __future__ import annotations

import base64
import hashlib
import pathlib
import time
import typing as t

import pytest
import yaml

from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection
from ansible_collections.stalwart.mail.plugins.module_utils._server.connect import connect
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import Principal
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.queue import QueueFilter
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server
from tests.support.cases import Played, play
from tests.support.servers import ROOT, RunningServer, stand_in

PASSWORD = "a long password, unlike any data"
#: One that is checked in no time.
HASH = "{SSHA}" + base64.b64encode(hashlib.sha1(PASSWORD.encode() + b"salt").digest() + b"salt").decode()
SEND = str(ROOT / "tests" / "integration" / "files" / "send_mail.py")


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[RunningServer]:
    """Of the version that the test asks for."""
    with stand_in(getattr(request, "param", "0.15.5"), log=tmp_path / "server.log") as running:
        principals = port(running).principals
        principals.create(Principal(name="example.org", type="domain"))
        alice = Principal(name="alice@example.org", type="individual", emails=("alice@example.org",), password_hashes=(HASH,), roles=("user",))
        principals.create(alice)
        yield running


def port(server: RunningServer) -> Server:
    """The server, asked without Ansible."""
    return connect(Connection(url=server.url, user=server.user, password=server.password))


def drain(server: RunningServer, folder: pathlib.Path, files: dict[str, list[t.Any]], *arguments: str, **variables: t.Any) -> Played:
    """Run the playbook; `files` are the task files, by the variable that names them."""
    folder.mkdir(exist_ok=True)
    for variable, tasks in files.items():
        path = folder / f"{variable}.yml"
        path.write_text(yaml.safe_dump(tasks), encoding="utf-8")
        variables[f"queue_drain_{variable}"] = str(path)
    environment = {"STALWART_URL": server.url, "STALWART_USER": server.user, "STALWART_PASSWORD": server.password}
    return play(ROOT / "playbooks" / "drain_queue.yml", folder, variables, "--diff", *arguments, **environment)


def send(server: RunningServer) -> dict[str, t.Any]:
    arguments = [str(server.submission_port), "alice@example.org", "alice@example.org", "--login", "alice@example.org", PASSWORD]
    return {"name": "Send mail", "ansible.builtin.command": {"argv": ["{{ ansible_playbook_python }}", SEND, *arguments]}, "changed_when": False}


def waits(expected: int) -> list[t.Any]:
    # servers since 0.16 don't tell whether their queue is paused
    state = f"seen.queue.state in ['{'paused' if expected else 'running'}', none]"
    return [
        {"name": "Look", "stalwart.mail.queue_info": {}, "register": "seen"},
        {"name": "It waits", "ansible.builtin.assert": {"that": [state, f"seen.total == {expected}"]}},
    ]


def is_let_go(server: RunningServer) -> None:
    """The queue runs, and what waited is delivered."""
    queue, deadline = port(server).queue, time.monotonic() + 60
    while queue.running() is False or list(queue.find(QueueFilter())):
        assert time.monotonic() < deadline, "mail is still held back"
        time.sleep(0.1)


def test_what_is_missing_is_named_and_a_dry_run_holds_nothing_back(server: RunningServer, tmp_path: pathlib.Path) -> None:
    played = drain(server, tmp_path / "run", {}, queue_drain_mode="hold")
    assert played.status != 0
    assert "queue_drain_mode is hold, which needs queue_drain_tasks, what is to be done while mail is held back" in played.output

    played = drain(server, tmp_path / "check", {"tasks": waits(0)}, "--check", queue_drain_mode="hold")
    assert played.status == 0, played.output


@pytest.mark.parametrize("server", ["0.15.5", "0.16.18"], indirect=True)
def test_hold(server: RunningServer, tmp_path: pathlib.Path) -> None:
    """Mail waits during the tasks and moves after them; nothing counts as changed that is as before."""
    tasks = [send(server), *waits(1)]
    played = drain(server, tmp_path / "run", {"tasks": tasks}, queue_drain_mode="hold", queue_drain_max_hold=300_000)
    assert played.status == 0, played.output
    assert "1 of the messages that wait expire" not in played.output, "it came after the pause"
    assert [line["task"] for line in played.results if line["result"].get("changed")] == []
    is_let_go(server)


@pytest.mark.parametrize(
    ("task", "limit"),
    [
        ({"name": "It fails", "ansible.builtin.fail": {}}, 300),
        ({"name": "It takes too long", "ansible.builtin.command": {"argv": ["sleep", "200"]}}, 5),
        # with which nothing of the block is run any more, as when a host is lost
        ({"name": "The play is over", "ansible.builtin.meta": "end_play"}, 5),
    ],
    ids=["fails", "too-long", "lost"],
)
def test_hold_ends_whatever_happens(server: RunningServer, tmp_path: pathlib.Path, task: dict[str, t.Any], limit: int) -> None:
    played = drain(server, tmp_path / "run", {"tasks": [send(server), *waits(1), task]}, queue_drain_mode="hold", queue_drain_max_hold=limit)
    assert (played.status == 0) is ("meta" in str(task)), played.output
    is_let_go(server)


@pytest.mark.parametrize("server", ["0.16.18"], indirect=True)
def test_drain(server: RunningServer, tmp_path: pathlib.Path) -> None:
    """New mail is kept off first, the tasks run when nothing is due, and new mail is let in again, even when they fail."""
    port(server).queue.pause()
    order = tmp_path / "order"

    def note(word: str) -> dict[str, t.Any]:
        return {"name": word, "ansible.builtin.shell": f"echo {word} >> {order}", "changed_when": False}

    files = {
        "close_tasks": [send(server), *waits(1), note("closed")],
        "tasks": [*waits(0), note("done"), {"ansible.builtin.fail": {}}],
        "open_tasks": [note("open")],
    }
    played = drain(server, tmp_path / "run", files, queue_drain_mode="drain", queue_drain_pause=1, queue_drain_timeout=60)
    assert played.status != 0
    assert order.read_text().split() == ["closed", "done", "open"], played.output
    is_let_go(server)

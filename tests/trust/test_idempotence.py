# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second run changes nothing: each example of each module that promises it, and each playbook and role."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml

from tests.support.cases import Played, play
from tests.support.certificates import local_certificate
from tests.support.local import local_stand_in
from tests.support.servers import ROOT
from tests.support.tasks import World, forget_clients, login, run, writing_modules

from .scenes import DOMAIN, OTHER_PASSWORD, OTP_URL, PASSWORD, deleted_mail, hashed, key

#: Modules whose examples need more than a prepared server, and where they are run twice.
ELSEWHERE = {
    "dns_record_sets": "tests/integration/test_dns.py",
    "dkim_rotation": "tests/integration/test_dkim_rotation.py",
}

#: Where each playbook is run twice, and each role.
PLAYBOOKS = {
    "audit_drift": "tests/integration/test_playbooks.py",
    "bootstrap": "tests/integration/test_playbooks.py",
    "export": "tests/integration/test_playbooks.py",
    "migration_check": "tests/integration/test_playbooks.py",
    "drain_queue": "tests/integration/test_queue_drain.py",
    "rotate_dkim": "tests/integration/test_dkim_rotation.py",
}


def support(module: str) -> str:
    """What a module promises of a second run: "full", "partial" or "none"."""
    text = (ROOT / f"plugins/modules/{module}.py").read_text(encoding="utf-8")
    own = re.search(r"^  idempotent:\n    support: (\w+)", text, re.MULTILINE)
    return own[1] if own else "full" if re.search(r"stalwart\.mail\.attributes\.(full|reads)", text) else "none"


def examples(module: str) -> list[dict[str, t.Any]]:
    """Its documented examples."""
    text = (ROOT / f"plugins/modules/{module}.py").read_text(encoding="utf-8")
    found = re.search(r'^EXAMPLES = r"""\n(.*?)^"""', text, re.MULTILINE | re.DOTALL)
    assert found
    tasks: list[dict[str, t.Any]] = yaml.safe_load(found[1])
    return [inner for task in tasks for inner in task.get("block", [task])]


#: Modules for servers since 0.16 alone, and of others those examples that say so.
OF_OBJECTS = ("object",)
ALSO_OF_OBJECTS = ("settings",)
_SAYS_SO = "since 0.16"
#: Those of the paid edition.
PAID = ("undelete",)

PROMISING = [
    module
    for module in writing_modules()
    if support(module) != "none" and module not in (*ELSEWHERE, *OF_OBJECTS, *PAID) and module not in ("store", "spam_filter", "webadmin")
]


def _twice(module: str, folder: pathlib.Path, *, on_objects: bool) -> list[dict[str, t.Any]]:
    """Each example for these servers, and each of them that is this module's again."""
    tasks = []
    for number, task in enumerate(examples(module)):
        if module not in OF_OBJECTS and (_SAYS_SO in task["name"]) != on_objects:
            continue
        text = yaml.safe_dump(task).replace("/root/", f"{folder}/").replace("./server", f"{folder}/server")
        tasks.append(yaml.safe_load(text))
        if f"stalwart.mail.{module}" in task and "async" not in task:  # what begins in the background is always a change
            again = {**yaml.safe_load(text), "register": f"again_{number}", "name": f"Again: {task['name']}"}
            tasks.append(again)
    return tasks


def _prepare(world: World, folder: pathlib.Path) -> dict[str, t.Any]:
    """A server with what the examples speak of; the variables that they use."""
    world.run("principals", principals=[{"name": name, "type": "domain"} for name in (DOMAIN, "example.com", "example.net", "example.edu")])
    people = [{"name": name, "emails": [f"{name}@{DOMAIN}"], "password_hash": hashed(PASSWORD)} for name in ("alice", "bob", "mallory")]
    world.run("principals", principals=people)
    world.run("queue", state="paused")
    world.send("bob@nowhere.invalid", sender=f"mallory@{DOMAIN}", user="mallory", password=PASSWORD)
    world.wait(lambda: world.run("queue_info")["total"])
    files = ROOT / "tests/integration/files"
    for name, source in (("alice.pem", "smime-alice.pem"), ("archive.pem", "smime-archive.pem"), ("bob.asc", "openpgp-bob.asc")):
        (folder / name).write_bytes((files / source).read_bytes())
    (folder / "example.edu.pem").write_text(key())
    secrets = {"old_password": PASSWORD, "password": PASSWORD, "alice_password": OTHER_PASSWORD, "monitoring_secret": OTHER_PASSWORD, "otp_url": OTP_URL}
    return {**secrets, "server": {"url": world.server.url, "user": world.server.user, "password": world.server.password}}


def test_each_example_twice(tmp_path: pathlib.Path) -> None:
    """All examples of all modules that promise idempotence, one after the other on one server; each a second time changes nothing."""
    # the owner of an account changes its password first, and is locked last
    order = sorted(PROMISING, key=lambda module: (module in ("principal", "principals"), module == "account_auth", module))
    changed = {"account_auth": {"vars": {"password": OTHER_PASSWORD}}}
    playbook = _playbook(order, tmp_path, changed)
    with local_stand_in(mail=True) as server:
        variables = _prepare(World(server), tmp_path)
        played = play(playbook, tmp_path, variables)
    _require_no_changes(played, PROMISING)


def test_each_example_on_objects_twice(tmp_path: pathlib.Path) -> None:
    """The same for what only servers since 0.16 have."""
    playbook = _playbook((*OF_OBJECTS, *ALSO_OF_OBJECTS), tmp_path, {}, on_objects=True)
    certificate, private_key = local_certificate(tmp_path)
    for name, source in (("mx.example.org.pem", certificate), ("mx.example.org.key", private_key)):
        (tmp_path / name).write_bytes(source.read_bytes())
    with local_stand_in("0.16.18") as server:
        world = World(server)
        world.run("principals", principals=[{"name": DOMAIN, "type": "domain"}, {"name": f"robot@{DOMAIN}", "password_hash": hashed(PASSWORD)}])
        world.run("object", type="Directory", properties={"@type": "Ldap", "description": "LDAP", "baseDn": "dc=example,dc=org"})
        variables = {"server": {"url": server.url, "user": server.user, "password": server.password}, "relay_password": OTHER_PASSWORD}
        played = play(playbook, tmp_path, variables)
    _require_no_changes(played, (*OF_OBJECTS, *ALSO_OF_OBJECTS))


@pytest.mark.parametrize("module", PAID)
def test_each_example_of_the_paid_edition_twice(module: str) -> None:
    """On a server that has what they speak of."""
    with local_stand_in(enterprise=True, mail=True) as server:
        world = World(server)
        deleted_mail(world)
        for task in examples(module):
            options = {**login(server), **task[f"stalwart.mail.{module}"]}
            assert run(module, options).changed
            again = run(module, options)
            assert (again.failed, again.changed, again.result["operations"]) == (False, False, [])
    forget_clients()


def _playbook(modules: t.Sequence[str], folder: pathlib.Path, more: t.Mapping[str, dict[str, t.Any]], *, on_objects: bool = False) -> pathlib.Path:
    """A playbook with the examples of these modules, each twice."""
    tasks = []
    for module in modules:
        file = folder / f"{module}.yml"
        file.write_text(yaml.safe_dump(_twice(module, folder, on_objects=on_objects)))
        tasks.append({"name": f"Examples of {module}", "ansible.builtin.include_tasks": str(file), **more.get(module, {})})
    defaults = {"group/stalwart.mail.stalwart": {"url": "{{ server.url }}", "login_user": "{{ server.user }}", "login_password": "{{ server.password }}"}}
    playbook = folder / "examples.yml"
    playbook.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}]))
    return playbook


def _require_no_changes(played: Played, modules: t.Collection[str]) -> None:
    forget_clients()
    assert played.status == 0, played.output[-1500:]
    again = [line for line in played.results if line["task"].startswith("Again: ") and line["outcome"] == "ok"]
    assert [f"{line['action']}: {line['task']}" for line in again if line["result"]["changed"]] == []
    assert {line["action"].removeprefix("stalwart.mail.") for line in again} == set(modules)


@pytest.mark.parametrize("module", ELSEWHERE)
def test_what_needs_more_is_run_again_elsewhere(module: str) -> None:
    """By the test that is named above, which asks for no changes."""
    text = (ROOT / ELSEWHERE[module]).read_text(encoding="utf-8")
    assert module in text and re.search(r"\bagain\b.*|twice", text) and re.search(r"== \[\]|not \S*changed|is not changed", text)


@pytest.mark.parametrize("playbook", sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml")))
def test_each_playbook_is_run_twice_somewhere(playbook: str) -> None:
    """By the test that is named above, which asks for no changes."""
    text = (ROOT / PLAYBOOKS[playbook]).read_text(encoding="utf-8")
    assert re.search(rf'"{playbook}"|{playbook}\.yml', text) and re.search(r"== \[\]|changed=0|not .*changed|is not changed|twice", text)


@pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir()))
def test_each_role_has_a_scenario_that_runs_it_twice(role: str) -> None:
    """Molecule's sequence has the step idempotence, unless a scenario leaves it out."""
    scenario = ROOT / "extensions/molecule" / role
    assert (scenario / "converge.yml").exists()
    text = "".join(path.read_text(encoding="utf-8") for path in [ROOT / "extensions/molecule/config.yml", *scenario.glob("*.yml")])
    assert "idempotence" in text

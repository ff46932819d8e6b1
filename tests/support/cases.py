# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Integration cases: files of Ansible tasks, run through either frontend against any server, and their results compared."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

import yaml

from .servers import ROOT, RunningServer

CASES = ROOT / "tests" / "integration" / "cases"
FRONTENDS = ("controller", "target")

#: What can't be equal in two runs, and what Ansible adds by itself.
_NOT_COMPARED = frozenset({"invocation", "started", "finished", "duration", "elapsed", "attempts", "ansible_job_id", "results_file"})
_VOLATILE = (
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), "<token>"),
    (re.compile(r"\b[a-z2-9]{5}(?:-[a-z2-9]{5}){4}\b"), "<password>"),
    (re.compile(r"\bsecret=[A-Z2-7]{32}\b"), "secret=<secret>"),
    (re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}"), "<key>"),
    (re.compile(r"\b\d{17,20}(?:_\d+)?\b"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"), "<time>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<server>"),
    (re.compile(r"(?<=Port = )\d+"), "<port>"),
)

#: Ids that servers since 0.16 make; those of so many signs are sought within texts, too.
_ID_OF_OBJECT = re.compile(r"[a-z0-9]{1,13}")
_TELLING_ID = 9

#: Larger numbers are ids that the server makes.
_LARGEST_COUNT = 10**15


@dataclasses.dataclass(frozen=True)
class Played:
    """A finished run of ansible-playbook."""

    status: int
    output: str
    results: list[dict[str, t.Any]]

    def of(self, action: str) -> list[dict[str, t.Any]]:
        """The results of one module, by its short name."""
        return [line["result"] for line in self.results if line["action"] == f"stalwart.mail.{action}"]


def names_of_cases() -> list[str]:
    """All case files, without their ending."""
    return sorted(path.stem for path in CASES.glob("*.yml"))


def options_of(name: str) -> dict[str, str]:
    """What the comments at the head of a case say about it: `# since: 0.14`, `# before: 0.16, since REASON`, `# stand_in_arguments: --enterprise`."""
    found = {}
    for line in (CASES / f"{name}.yml").read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"# ([a-z_]+): (.*)", line):
            found[match.group(1)] = match.group(2)
        elif not line.startswith(("#", "---")):
            break
    return found


def modules_played_both_ways(name: str) -> set[str]:
    """The modules of a case with a task that does not keep to the controller, by their short names."""
    tasks = yaml.safe_load((CASES / f"{name}.yml").read_text(encoding="utf-8"))
    return {
        action.removeprefix("stalwart.mail.")
        for task in [inner for outer in tasks for inner in outer.get("block", [outer])]
        for action in task
        if action.startswith("stalwart.mail.") and task.get("vars", {}).get("stalwart_execution") != "controller"
    }


def lacks(name: str, version: str) -> str:
    """What a server of this version lacks for the case, as a sentence; empty where it has everything."""
    options = options_of(name)
    release = _release(version)
    if "since" in options and release < _release(options["since"]):
        return f"servers before {options['since']} lack it, and this one is {version}"
    before, _since, reason = options.get("before", "").partition(", since ")
    if before and release >= _release(before):
        return f"it is for servers before {before}, and this one is {version}: {reason}"
    return ""


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def environment(**more: str) -> dict[str, str]:
    """The environment of an ansible-playbook that sees this checkout as the installed collection."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "STALWART_", "PYTEST_"))}
    return {
        **kept,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "tree"),
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "integration" / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "record",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "1",
        **more,
    }


def play(playbook: pathlib.Path, folder: pathlib.Path, variables: t.Mapping[str, t.Any], *arguments: str, **env: str) -> Played:
    """Run a playbook on localhost with this Python's ansible-playbook."""
    folder.mkdir(parents=True, exist_ok=True)
    record, extra = folder / "results.jsonl", folder / "variables.json"
    record.unlink(missing_ok=True)
    extra.write_text(json.dumps(variables), encoding="utf-8")
    command = [str(pathlib.Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local"]
    command += ["-e", "ansible_python_interpreter={{ansible_playbook_python}}", "-e", f"@{extra}", *arguments, str(playbook)]
    done = subprocess.run(
        command, cwd=folder, env=environment(RECORD_RESULTS=str(record), **env), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240
    )
    results = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()] if record.exists() else []
    return Played(done.returncode, done.stdout + done.stderr, results)


def play_case(name: str, frontend: str, server: RunningServer, folder: pathlib.Path, unique: str) -> Played:
    """Run one case through one frontend. Fails with Ansible's output when the case does."""
    variables = {
        "case": name,
        "case_file": str(CASES / f"{name}.yml"),
        "server": {
            "url": server.url,
            "user": server.user,
            "password": server.password,
            "host": server.host,
            "smtp_port": server.smtp_port,
            "submission_port": server.submission_port,
        },
        "server_release": server.version,
        "has_objects": _release(server.version) >= (0, 16),
        "unique": unique,
        "domain": f"{unique}.example.org",
        "frontend": frontend,
        "files": str(CASES.parent / "files"),
    }
    played = play(ROOT / "tests" / "integration" / "case.yml", folder, variables, "--diff")
    assert played.status == 0, f"case {name} through the {frontend}:\n{played.output}"
    assert "[DEPRECATION WARNING]" not in played.output, played.output
    assert played.results, f"case {name} recorded nothing:\n{played.output}"
    return played


def compared(played: Played) -> list[dict[str, t.Any]]:
    """The results of our modules, without what can't be equal in two runs."""
    lines = [line for line in played.results if line["action"].startswith("stalwart.mail.")]
    ids = {each: f"<id {number}>" for number, each in enumerate(dict.fromkeys(_ids([line["result"] for line in lines])))}
    return [{"task": line["task"], "outcome": line["outcome"], "result": _steady(line["result"], ids)} for line in lines]


def _ids(value: t.Any) -> t.Iterator[str]:
    """What servers since 0.16 named by themselves, in the order in which it is told."""
    if isinstance(value, dict):
        if _ID_OF_OBJECT.fullmatch(found := str(value.get("id", ""))):
            yield found
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _ids(each)


def _steady(value: t.Any, ids: t.Mapping[str, str]) -> t.Any:
    if isinstance(value, dict):
        return {key: _steady(each, ids) for key, each in value.items() if key not in _NOT_COMPARED and not key.startswith("_ansible")}
    if isinstance(value, list):
        return [_steady(each, ids) for each in value]
    if isinstance(value, int) and value > _LARGEST_COUNT:
        return "<id>"
    if isinstance(value, str):
        if value in ids:
            return ids[value]
        for found, name in ids.items():
            if len(found) >= _TELLING_ID:
                value = value.replace(found, name)
        for pattern, name in _VOLATILE:
            value = pattern.sub(name, value)
    return value

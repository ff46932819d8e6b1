# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: fill a server with a fleet, measure, write docs/benchmarks.md, and remove the fleet.

The server is STALWART_URL with STALWART_USER and STALWART_PASSWORD, else a stand-in. BENCH_ACCOUNTS (10000) is the size of the fleet.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime as dt
import importlib.metadata
import json
import os
import pathlib
import platform
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import typing as t

import httpx

from tests.support.cases import environment
from tests.support.certificates import local_certificate
from tests.support.servers import ROOT, RunningServer, stand_in

REPORT = ROOT / "docs" / "benchmarks.md"

ACCOUNTS = int(os.environ.get("BENCH_ACCOUNTS", "10000"))
DOMAINS = max(1, ACCOUNTS // 100)
GROUPS = max(1, ACCOUNTS // 200)
CONCURRENCY = 8
CHANGED = min(100, ACCOUNTS)
#: Of what takes long only so much is done; the rest is calculated.
SAMPLE = min(3000, ACCOUNTS)
TASKS = min(200, ACCOUNTS)
URI_TASKS = min(20, ACCOUNTS)

Item = dict[str, t.Any]


def fleet(description: str = "", changed: int = 0) -> list[Item]:
    """Domains, groups, and accounts of which every second one is in a group."""
    items: list[Item] = [{"name": f"d{number}.bench.example.org", "type": "domain"} for number in range(DOMAINS)]
    items += [{"name": f"bench-g{number}", "type": "group", "emails": [f"g{number}@d0.bench.example.org"]} for number in range(GROUPS)]
    for number in range(ACCOUNTS):
        about = description if number < changed else f"Account {number}"
        item = {
            "name": f"bench-{number:05d}",
            "description": about,
            "emails": [f"a{number:05d}@d{number % DOMAINS}.bench.example.org"],
            "quota": "1G",
        }
        items.append({**item, "member_of": [f"bench-g{number % GROUPS}"]} if number % 2 else item)
    return items


class Measured(t.NamedTuple):
    """One run of a program and all it started: seconds of wall and CPU, and the largest process in MB."""

    wall: float
    cpu: float
    memory: float


class Bench:
    """Measurements against one server, in a folder of its own."""

    def __init__(self, server: RunningServer, folder: pathlib.Path, ca_path: str = "") -> None:
        self.server = server
        self.folder = folder
        self.ca_path = ca_path
        folder.mkdir(exist_ok=True)

    def client(self) -> httpx.Client:
        """A bare client."""
        verify: t.Any = ssl.create_default_context(cafile=self.ca_path or None)
        return httpx.Client(base_url=f"{self.server.url}/api", auth=(self.server.user, self.server.password), verify=verify, trust_env=False, timeout=120)

    def play(self, *tasks: Item) -> Measured:
        """Run a play of these tasks. Raises RuntimeError with Ansible's output when it fails."""
        playbook = self.folder / "play.json"
        defaults = {"url": self.server.url, "login_user": self.server.user, "login_password": self.server.password, "allow_http": True}
        if self.ca_path:
            defaults["ca_path"] = self.ca_path
        play = {"hosts": "localhost", "gather_facts": False, "module_defaults": {"group/stalwart.mail.stalwart": defaults}, "tasks": list(tasks)}
        playbook.write_text(json.dumps([play]), encoding="utf-8")
        command = [
            str(pathlib.Path(sys.executable).with_name("ansible-playbook")),
            "-i",
            "localhost,",
            "-c",
            "local",
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            str(playbook),
        ]
        begun = time.monotonic()
        env = {name: value for name, value in environment().items() if name != "ANSIBLE_CALLBACKS_ENABLED"}
        with (self.folder / "output").open("w+") as output:
            process = subprocess.Popen(command, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
            _pid, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - begun
            output.seek(0)
            if status:
                raise RuntimeError(output.read()[-3000:])
        return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

    def bulk(self, items: list[Item], **options: t.Any) -> Measured:
        """One task on many principals."""
        (self.folder / "fleet.json").write_text(json.dumps(items), encoding="utf-8")
        return self.play({"stalwart.mail.principals": {"src": str(self.folder / "fleet.json"), "concurrency": CONCURRENCY, **options}})

    def empty(self) -> Measured:
        """A play of one task that does nothing."""
        return best(lambda: self.play({"ansible.builtin.debug": {"msg": "nothing"}}))

    def bare_list(self) -> float:
        """Seconds to list all principals with the fields that the bulk task asks for."""
        query = "limit=5000&fields=description,emails,enabledPermissions,memberOf,name,quota,roles,usedQuota"

        def read() -> float:
            with self.client() as client:
                client.get("/principal", params={"limit": 1, "page": 1}).raise_for_status()
                begun, page, items = time.monotonic(), 1, 5000
                while items == 5000:
                    items = len(client.get(f"/principal?{query}&page={page}").raise_for_status().json()["data"]["items"])
                    page += 1
                return time.monotonic() - begun

        return min(read() for _ in range(3))

    def bare_rate(self, verb: t.Literal["POST", "PATCH"]) -> float:
        """Requests a second of a bare loop with the same concurrency."""
        with self.client() as client:

            def send(number: int) -> None:
                if verb == "POST":
                    emails = [f"b{number:05d}@d{number % DOMAINS}.bench.example.org"]
                    body: t.Any = {"type": "individual", "name": f"bench-b{number:05d}", "emails": emails, "quota": 1024**3, "roles": ["user"]}
                    answer = client.post("/principal", json=body)
                else:
                    answer = client.patch(f"/principal/bench-{number:05d}", json=[{"action": "set", "field": "description", "value": f"Account {number}"}])
                answer.raise_for_status()
                assert "error" not in answer.json(), answer.text

            number = SAMPLE if verb == "POST" else CHANGED
            with concurrent.futures.ThreadPoolExecutor(CONCURRENCY) as pool:
                begun = time.monotonic()
                list(pool.map(send, range(number)))
                rate = number / (time.monotonic() - begun)
                if verb == "POST":
                    list(pool.map(lambda made: client.delete(f"/principal/bench-b{made:05d}").raise_for_status(), range(number)))
        return rate

    def requests_without_changes(self) -> int:
        """How many requests a run that changes nothing sends: the task in this process, its client watched."""
        sys.path.insert(0, str(ROOT / ".cache" / "tree"))
        from ansible_collections.stalwart.mail.plugins.module_utils import _http
        from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode
        from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.bulk import manage
        from ansible_collections.stalwart.mail.plugins.module_utils._server.connect import connect

        connection = _http.Connection(self.server.url, self.server.user, self.server.password, ca_path=self.ca_path, allow_http=True)
        sent: list[str] = []
        lock = threading.Lock()

        def note(request: httpx.Request) -> None:
            with lock:
                sent.append(request.method)

        _http.client_for(connection)._client.event_hooks = {"request": [note]}
        assert not manage(connect(connection), {"principals": fleet()}, Mode()).changed
        return len(sent)

    def loop(self) -> tuple[Measured, Measured]:
        """A loop of single tasks, and one of the same length that does nothing."""
        items = fleet()[DOMAINS + GROUPS :][:TASKS]
        task = {"name": "{{ item.name }}", "description": "{{ item.description }}", "emails": "{{ item.emails }}", "quota": "{{ item.quota }}"}
        label = {"label": "{{ item.name }}"}
        nothing = {"ansible.builtin.debug": {"msg": task}, "loop": items, "loop_control": label}
        return self.play({"stalwart.mail.principal": task, "loop": items, "loop_control": label}), self.play(nothing)

    def uri_loop(self) -> Measured:
        """The same by `uri`: read each one and see that nothing is to be done."""
        request = {
            "url": f"{self.server.url}/api/principal/{{{{ item }}}}",
            "user": self.server.user,
            "password": self.server.password,
            "force_basic_auth": True,
            **({"ca_path": self.ca_path} if self.ca_path else {}),
        }
        return self.play({"ansible.builtin.uri": request, "loop": [f"bench-{number:05d}" for number in range(URI_TASKS)]})


def best(run: t.Callable[[], Measured], times: int = 2) -> Measured:
    """The fastest of some runs, with the largest memory."""
    runs = [run() for _ in range(times)]
    return min(runs)._replace(memory=max(each.memory for each in runs))


class Row(t.NamedTuple):
    """One line of the table."""

    what: str
    measured: str
    ratio: str
    goal: str
    reached: bool


def row(what: str, measured: str, value: float, goal: float, *, least: bool = False, unit: str = "") -> Row:
    """A line whose value shall be at most (or at least) the goal."""
    reached = value >= goal if least else value <= goal
    return Row(what, measured, f"{value:.2f}{unit}" if value < 10 else f"{value:.0f}{unit}", f"{'at least' if least else 'at most'} {goal:g}{unit}", reached)


def measure(bench: Bench, secure: Bench | None) -> list[Row]:
    """All measurements, in one run."""
    rows = []
    say("empty play")
    empty = bench.empty()
    say("creations")
    made = bench.bulk(fleet())
    rate, bare = len(fleet()) / (made.wall - empty.wall), bench.bare_rate("POST")
    rows.append(row("Creations, rate to that of a bare httpx loop", f"{rate:.0f} to {bare:.0f} a second", rate / bare, 0.8, least=True))
    say("nothing to change")
    requests, pages = bench.requests_without_changes(), len(fleet()) // 5000 + 1
    rows.append(row("Nothing to change, requests", f"{requests} for {pages} pages", requests, 1 + pages))
    listed, unchanged = bench.bare_list(), best(lambda: bench.bulk(fleet()))
    floor = listed + empty.wall
    told = f"{unchanged.wall:.2f} s ({unchanged.cpu:.2f} s CPU) to {listed:.2f} + {empty.wall:.2f} s ({empty.cpu:.2f} s CPU)"
    rows.append(row("Nothing to change, time to that of a bare list and an empty Ansible run", told, unchanged.wall / floor, 2.5))
    say("changes")
    changed = bench.bulk(fleet("changed", CHANGED))
    one_by_one = CHANGED / bench.bare_rate("PATCH") * CONCURRENCY
    told = f"{changed.wall:.2f} s to {unchanged.wall:.2f} + {one_by_one:.2f} s"
    rows.append(row(f"{CHANGED} changes, time to that of no change and {CHANGED} requests", told, changed.wall / (unchanged.wall + one_by_one), 1))
    for scheme, each in (("HTTP", bench), ("HTTPS", secure)) if secure else ((bench.server.url.partition(":")[0].upper(), bench),):
        if each is None:
            continue
        say(f"loops over {scheme}")
        if each is not bench:
            each.bulk(fleet()[: DOMAINS + GROUPS + TASKS])
        single, nothing = each.loop()
        cpu = (single.cpu - nothing.cpu) / TASKS * 1000
        told = f"{(single.cpu - empty.cpu) / TASKS * 1000:.0f} ms, of which a built-in debug takes {(nothing.cpu - empty.cpu) / TASKS * 1000:.0f}"
        rows.append(row(f"A loop of single tasks over {scheme}, CPU a task", told, cpu, 25, unit=" ms"))
        uri = (each.uri_loop().wall - empty.wall) / URI_TASKS
        ours = (single.wall - empty.wall) / TASKS
        told = f"{uri * 1000:.0f} to {ours * 1000:.0f} ms"
        rows.append(row(f"The same loop by `uri` over {scheme}, time to that of ours", told, uri / ours, 10, least=True))
        if each is bench:
            by_uri = uri * len(fleet())
            told = f"{by_uri:.0f} s (calculated) to {unchanged.wall:.2f} s"
            rows.append(row(f"A loop by `uri` over all of them over {scheme}, time to that of the bulk task", told, by_uri / unchanged.wall, 100, least=True))
    rows.append(row("Largest process", f"{max(made.memory, unchanged.memory, changed.memory):.0f} MB", max(made.memory, unchanged.memory), 300, unit=" MB"))
    return rows


def say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


def report(server: RunningServer, rows: t.Sequence[Row]) -> str:
    """The page."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("ansible-core", "httpx", "pydantic"))
    kind = f"the stand-in for server {server.version} of this repository, a Python program on the same machine" if server.is_stand_in else "a server by URL"
    missed = [each.what for each in rows if not each.reached]
    load = os.getloadavg()[0]
    lines = [
        "<!-- Generated by `make bench`. -->",
        "",
        "# Benchmarks",
        "",
        f"A fleet of {ACCOUNTS} accounts in {DOMAINS} domains with {ACCOUNTS // 2} memberships in {GROUPS} groups, on {kind}.",
        f"Measured on {dt.datetime.now(dt.timezone.utc).date()}: {os.cpu_count()} cores, Python {platform.python_version()}, {versions}.",
        f"At the end the machine had a load of {load:.1f}" + ("; other work ran beside, so times are longer than they need be." if load > 2 else "."),
        "",
        "What counts are the ratios: both sides of each were measured in the same run, on the same server. `make bench` measures anew, with",
        "`BENCH_ACCOUNTS=1000` on a smaller fleet, and with `STALWART_URL`, `STALWART_USER` and `STALWART_PASSWORD` on any server.",
        "",
        "| What | Measured | Ratio or value | Goal | |",
        "|---|---|---|---|---|",
        *(f"| {each.what} | {each.measured} | {each.ratio} | {each.goal} | {'✓' if each.reached else 'missed'} |" for each in rows),
        "",
        "The rates of creation and of changes are bounded by the server: a loop of bare requests is the other side of the ratio. What Ansible itself",
        "needs to start, to fork its worker and to print the result is in all times of plays.",
        *([f"Missed in this run: {'; '.join(missed)}. On a busy machine single runs vary by half and more; measure again when it is quiet."] if missed else []),
        "",
        "## Passwords",
        "",
        "To compare a password with its hash costs what the hash asks for, on one core and for each account, in every run:",
        "",
        "| Way | Cost for 10,000 accounts and one core |",
        "|---|---|",
        *password_rows(),
        "",
        "From 200 comparisons on, `principals` spreads them over all cores.",
        "",
    ]
    return "\n".join(lines)


def password_rows() -> t.Iterator[str]:
    """The cost of each way to give a password, measured."""
    sys.path.insert(0, str(ROOT / ".cache" / "tree"))
    import argon2
    import bcrypt

    from ansible_collections.stalwart.mail.plugins.module_utils import _passwords

    hashes = {
        f"`password`, hash made by this collection (sha512-crypt, {_passwords.ROUNDS} rounds)": _passwords.hash_password("one"),
        "`password`, sha512-crypt of the server's web interface (5,000 rounds)": _passwords.hash_password("one", rounds=5000),
        "`password`, bcrypt with its usual cost of 12": bcrypt.hashpw(b"one", bcrypt.gensalt(12)).decode(),
        "`password`, argon2id with the parameters of its library": argon2.PasswordHasher().hash("one"),
        "`password`, `{SSHA}`": "{SSHA}JI9XvRVD7f2Uh+BKCwHw2qHSMQlhYmNk",
    }
    for what, stored in hashes.items():
        _passwords.verify_password("other", stored)
        begun = time.process_time()
        for _ in range(5):
            _passwords.verify_password("other", stored)
        each = (time.process_time() - begun) / 5
        yield f"| {what} | {each * 10000:.0f} s ({each * 1000:.1f} ms each) |"
    yield "| `password_hash` | nothing: compared as text |"
    yield "| `update_password: on_create` | nothing for accounts that exist |"
    yield "| `update_password: always` | as much as a comparison, to make a new hash, and a write for each account |"


def main() -> None:
    """Measure, print and write."""
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        secure = None
        if url := os.environ.get("STALWART_URL"):
            server = RunningServer(url, os.environ["STALWART_USER"], os.environ["STALWART_PASSWORD"], "")
        else:
            server = stack.enter_context(stand_in())
            certificate, key = local_certificate(folder)
            other = stack.enter_context(stand_in("0.15.5", "--certificate", str(certificate), "--key", str(key)))
            secure = Bench(other, folder / "https", str(certificate))
        bench = Bench(server, folder / "http")
        try:
            page = report(server, measure(bench, secure))
        finally:
            if not server.is_stand_in:
                bench.bulk([{"name": item["name"], "state": "absent"} for item in fleet()], defaults={"delete_in_use": True})
    REPORT.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: fill a server with a fleet, measure, write docs/benchmarks.md, and remove the fleet.

The server is STALWART_URL with STALWART_USER and STALWART_PASSWORD, else one stand-in of each generation, or only that of the version in SERVER.
What is not measured anew keeps its section of the page. BENCH_ACCOUNTS (10000) is the size of the fleet.
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
import re
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
VERSIONS = ("0.15.5", "0.16.18")

ACCOUNTS = int(os.environ.get("BENCH_ACCOUNTS", "10000"))
DOMAINS = max(1, ACCOUNTS // 100)
GROUPS = max(1, ACCOUNTS // 200)
CONCURRENCY = 8
CHANGED = min(100, ACCOUNTS)
#: Of what takes long only so much is done; the rest is calculated.
SAMPLE = min(3000, ACCOUNTS)
LOOPED = min(600, ACCOUNTS)
TASKS = min(200, ACCOUNTS)
URI_TASKS = min(20, ACCOUNTS)

Item = dict[str, t.Any]


def domain(number: int) -> str:
    return f"d{number % DOMAINS}.bench.example.org"


def account(number: int) -> str:
    """Its name, which is its address too: so both generations have it under one name."""
    return f"bench-{number:05d}@{domain(number)}"


def group(number: int) -> str:
    return f"bench-g{number % GROUPS}@{domain(0)}"


def fleet(description: str = "", changed: int = 0) -> list[Item]:
    """Domains, groups, and accounts of which every second one is in a group."""
    items: list[Item] = [{"name": domain(number), "type": "domain"} for number in range(DOMAINS)]
    items += [{"name": group(number), "type": "group", "emails": [group(number)]} for number in range(GROUPS)]
    for number in range(ACCOUNTS):
        about = description if number < changed else f"Account {number}"
        item = {"name": account(number), "description": about, "emails": [account(number)], "quota": "1G"}
        items.append({**item, "member_of": [group(number)]} if number % 2 else item)
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

    def bare(self) -> Bare:
        """What there is to be compared with on this server."""
        verify: t.Any = ssl.create_default_context(cafile=self.ca_path or None)
        client = httpx.Client(base_url=self.server.url, auth=(self.server.user, self.server.password), verify=verify, trust_env=False, timeout=120)
        return BareJmap(client) if self.server.has_objects else BareRest(client)

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
        login = {"user": self.server.user, "password": self.server.password, "force_basic_auth": True, **({"ca_path": self.ca_path} if self.ca_path else {})}
        if self.server.has_objects:
            calls = read_calls("Account", filter={"name": "{{ item }}"})
            request = {"url": f"{self.server.url}/jmap", "method": "POST", "body_format": "json", "body": jmap_request(calls)}
            names = [account(number).partition("@")[0] for number in range(URI_TASKS)]
        else:
            request = {"url": f"{self.server.url}/api/principal/{{{{ item }}}}"}
            names = [account(number) for number in range(URI_TASKS)]
        return self.play({"ansible.builtin.uri": {**request, **login}, "loop": names})


class Creations(t.NamedTuple):
    """How something creates accounts, how many a second, and what part of that the bulk task shall reach."""

    way: str
    rate: float
    goal: float | None


class Bare(t.Protocol):
    """What a program of one page, which knows nothing but this server's API, needs for the same."""

    pages: str
    fewest_requests: int

    def listing(self) -> float:
        """Seconds to list all with the fields that the bulk task asks for, best of three."""

    def creations(self) -> list[Creations]:
        """How many accounts a second are created, which are removed again: by a loop, and as the bulk task does it where that is another way."""

    def changes(self) -> float:
        """Seconds for as many requests as the fleet has changes, one after another."""


class BareRest:
    """Over the REST API: a request for each account."""

    pages = f"{len(fleet()) // 5000 + 1} pages"
    # which API it is, and the pages
    fewest_requests = 1 + len(fleet()) // 5000 + 1

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def listing(self) -> float:
        query = "limit=5000&fields=description,emails,enabledPermissions,memberOf,name,quota,roles,usedQuota"
        self._client.get("/api/principal", params={"limit": 1, "page": 1}).raise_for_status()

        def read() -> float:
            begun, page, items = time.monotonic(), 1, 5000
            while items == 5000:
                items = len(self._client.get(f"/api/principal?{query}&page={page}").raise_for_status().json()["data"]["items"])
                page += 1
            return time.monotonic() - begun

        return min(read() for _ in range(3))

    def creations(self) -> list[Creations]:
        def create(number: int) -> None:
            made = extra(number)
            body = {"type": "individual", "name": made, "description": f"Account {number}", "emails": [made], "quota": 1024**3, "roles": ["user"]}
            if number % 2:
                body["memberOf"] = [group(number)]
            self._checked(self._client.post("/api/principal", json=body))

        seconds = self._each(create, SAMPLE)
        self._each(lambda number: self._checked(self._client.delete(f"/api/principal/{extra(number)}")), SAMPLE)
        return [Creations("a bare httpx loop", SAMPLE / seconds, 0.8)]

    def changes(self) -> float:
        def change(number: int) -> None:
            body = [{"action": "set", "field": "description", "value": f"Account {number}"}]
            self._checked(self._client.patch(f"/api/principal/{account(number)}", json=body))

        return self._each(change, CHANGED) * CONCURRENCY

    @staticmethod
    def _each(send: t.Callable[[int], None], number: int) -> float:
        with concurrent.futures.ThreadPoolExecutor(CONCURRENCY) as pool:
            begun = time.monotonic()
            list(pool.map(send, range(number)))
            return time.monotonic() - begun

    @staticmethod
    def _checked(response: httpx.Response) -> None:
        assert "error" not in response.raise_for_status().json(), response.text


class BareJmap:
    """Over the JMAP management API: requests of 500 objects a call, one request at a time."""

    pages = f"{len(fleet())} objects of 6 types, 500 a call and 8 calls a request"
    # which API it is, the session, the first pages, pages of ids until an empty one, and 8 calls a request for the objects behind them
    fewest_requests = 3 + (len(fleet()) - 500) // 5000 + 2 + -(-(len(fleet()) - 500) // 4000)

    _AT_ONCE = 500
    _CALLS = 8
    _WORKERS = 4
    _ACCOUNT = ("@type", "aliases", "description", "domainId", "memberGroupIds", "name", "permissions", "quotas", "roles", "usedDiskQuota")

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def listing(self) -> float:
        self._send([["x:Domain/query", {"limit": 1}, "c0"]])

        def read() -> float:
            begun = time.monotonic()
            self._send(read_calls("Domain", properties=["name", "catchAllAddress"], sort=[{"property": "id", "isAscending": True}]))
            ids = self._ids()
            assert len(ids) >= ACCOUNTS + GROUPS, len(ids)
            self._read_accounts(ids)
            return time.monotonic() - begun

        return min(read() for _ in range(3))

    def _ids(self) -> list[str]:
        ids: list[str] = []
        while True:
            query = {"sort": [{"property": "id", "isAscending": True}], "limit": 5000, **({"anchor": ids[-1]} if ids else {})}
            page = [each for each in self._send([["x:Account/query", query, "c0"]])[0]["ids"] if each not in ids[-1:]]
            if not page:
                return ids
            ids += page

    def _read_accounts(self, ids: list[str]) -> None:
        gets = [
            ["x:Account/get", {"ids": ids[start : start + self._AT_ONCE], "properties": list(self._ACCOUNT)}] for start in range(0, len(ids), self._AT_ONCE)
        ]
        for start in range(0, len(gets), self._CALLS):
            answers = self._send([[*call, f"c{position}"] for position, call in enumerate(gets[start : start + self._CALLS])])
            assert not any(answer["notFound"] for answer in answers)

    def creations(self) -> list[Creations]:
        domains = {each["name"]: each["id"] for each in self._send(read_calls("Domain", properties=["name"]))[1]["list"]}
        found = self._send(read_calls("Account", properties=["name"], filter={"@type": "Group"}))[1]["list"]
        groups = {f"{each['name']}@{domain(0)}": each["id"] for each in found}

        def create(numbers: range) -> list[str]:
            values = {}
            for number in numbers:
                local, _at, of = extra(number).partition("@")
                about = {"@type": "User", "description": f"Account {number}", "roles": {"@type": "User"}, "quotas": {"maxDiskQuota": 1024**3}}
                values[f"n{number}"] = {**about, "name": local, "domainId": domains[of], "memberGroupIds": {groups[group(number)]: True} if number % 2 else {}}
            answer = self._send([["x:Account/set", {"create": values}, "c0"]])[0]
            assert len(answer["created"]) == len(values), answer
            return [each["id"] for each in answer["created"].values()]

        def rate(number: int, at_once: int, workers: int) -> float:
            with concurrent.futures.ThreadPoolExecutor(workers) as pool:
                begun = time.monotonic()
                made = [each for ids in pool.map(create, (range(start, min(start + at_once, number)) for start in range(0, number, at_once))) for each in ids]
                seconds = time.monotonic() - begun
            for start in range(0, number, self._AT_ONCE):
                self._send([["x:Account/set", {"destroy": made[start : start + self._AT_ONCE]}, "c0"]])
            return number / seconds

        return [
            Creations(f"a bare httpx loop, {self._WORKERS} at a time as the server allows", rate(LOOPED, 1, self._WORKERS), 0.8),
            Creations("bare httpx requests of 500 accounts each", rate(SAMPLE, self._AT_ONCE, 1), None),
        ]

    def changes(self) -> float:
        locals_ = {account(number).partition("@")[0]: number for number in range(CHANGED)}
        calls = [["x:Account/query", {"filter": {"name": local}}, f"c{position}"] for position, local in enumerate(locals_)]
        ids = [answer["ids"][0] for start in range(0, len(calls), self._CALLS) for answer in self._send(calls[start : start + self._CALLS])]
        begun = time.monotonic()
        for each, number in zip(ids, locals_.values(), strict=True):
            answer = self._send([["x:Account/set", {"update": {each: {"description": f"Account {number}"}}}, "c0"]])[0]
            assert each in answer["updated"], answer
        return time.monotonic() - begun

    def _send(self, calls: list[t.Any]) -> list[t.Any]:
        answers = self._client.post("/jmap", json=jmap_request(calls)).raise_for_status().json()["methodResponses"]
        assert all(name != "error" for name, _arguments, _call in answers), answers
        return [arguments for _name, arguments, _call in answers]


def extra(number: int) -> str:
    """An account that is not of the fleet."""
    return f"bench-b{number:05d}@{domain(number)}"


def jmap_request(calls: list[t.Any]) -> Item:
    return {"using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"], "methodCalls": calls}


def read_calls(kind: str, *, properties: t.Sequence[str] = (), **query: t.Any) -> list[t.Any]:
    """A search, and the objects that it finds."""
    get: Item = {"#ids": {"resultOf": "c0", "name": f"x:{kind}/query", "path": "/ids"}, **({"properties": list(properties)} if properties else {})}
    return [[f"x:{kind}/query", query, "c0"], [f"x:{kind}/get", get, "c1"]]


def best(run: t.Callable[[], Measured], times: int = 3) -> Measured:
    """The fastest of some runs, with the largest memory."""
    runs = [run() for _ in range(times)]
    return min(runs)._replace(memory=max(each.memory for each in runs))


class Row(t.NamedTuple):
    """One line of the table."""

    what: str
    measured: str
    ratio: str
    goal: str
    reached: bool | None


def row(what: str, measured: str, value: float, goal: float | None, *, least: bool = False, unit: str = "") -> Row:
    """A line whose value shall be at most (or at least) the goal, if there is one."""
    shown = f"{value:.2f}{unit}" if value < 10 else f"{value:.0f}{unit}"
    if goal is None:
        return Row(what, measured, shown, "none", None)
    return Row(what, measured, shown, f"{'at least' if least else 'at most'} {goal:g}{unit}", value >= goal if least else value <= goal)


def measure(bench: Bench, secure: Bench | None) -> list[Row]:
    """All measurements, in one run."""
    rows = []
    say("empty play")
    empty = bench.empty()
    say("creations")
    made = bench.bulk(fleet())
    bare = bench.bare()
    rate = len(fleet()) / (made.wall - empty.wall)
    for way, other, goal in bare.creations():
        rows.append(row(f"Creations, rate to that of {way}", f"{rate:.0f} to {other:.0f} a second", rate / other, goal, least=True))
    say("nothing to change")
    requests = bench.requests_without_changes()
    rows.append(row("Nothing to change, requests", f"{requests} for {bare.pages}", requests, bare.fewest_requests))
    listed, unchanged = bare.listing(), best(lambda: bench.bulk(fleet()))
    floor = listed + empty.wall
    told = f"{unchanged.wall:.2f} s ({unchanged.cpu:.2f} s CPU) to {listed:.2f} + {empty.wall:.2f} s ({empty.cpu:.2f} s CPU)"
    rows.append(row("Nothing to change, time to that of a bare list and an empty Ansible run", told, unchanged.wall / floor, 2.5))
    say("changes")
    descriptions = iter(("changed", "changed again", "and again"))
    changed = best(lambda: bench.bulk(fleet(next(descriptions), CHANGED)))
    one_by_one = bare.changes()
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


#: The sections of the page.
GENERATIONS = ("Servers up to 0.15 (REST)", "Servers since 0.16 (JMAP)")


_MARKS = {True: "✓", False: "missed", None: ""}


def section(server: RunningServer, rows: t.Sequence[Row]) -> str:
    """What was measured on one server."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("ansible-core", "httpx", "pydantic"))
    kind = f"the stand-in for server {server.version} of this repository, a Python program on the same machine" if server.is_stand_in else "a server by URL"
    kind = kind if server.is_stand_in or not server.version else f"a server {server.version} by URL"
    missed = [each.what for each in rows if each.reached is False]
    load = os.getloadavg()[0]
    lines = [
        f"A fleet of {ACCOUNTS} accounts in {DOMAINS} domains with {ACCOUNTS // 2} memberships in {GROUPS} groups, on {kind}.",
        f"Measured on {dt.datetime.now(dt.timezone.utc).date()}: {os.cpu_count()} cores, Python {platform.python_version()}, {versions}.",
        f"At the end the machine had a load of {load:.1f}" + ("; other work ran beside, so times are longer than they need be." if load > 2 else "."),
        "",
        "| What | Measured | Ratio or value | Goal | |",
        "|---|---|---|---|---|",
        *(f"| {each.what} | {each.measured} | {each.ratio} | {each.goal} | {_MARKS[each.reached]} |" for each in rows),
    ]
    if server.has_objects and server.is_stand_in:
        lines += [
            "",
            "The task sends one request for 500 new accounts. To such requests alone comes what it takes by itself for each account, to read the list, to",
            "plan and to take note, some 0.2 ms: the quicker the server, the smaller the ratio, and this stand-in creates more than a real server does.",
        ]
    if missed:
        lines += ["", f"Missed in this run: {'; '.join(missed)}. On a busy machine single runs vary by half and more; measure again when it is quiet."]
    return "\n".join(lines)


def sections(page: str) -> dict[str, str]:
    """The sections of an earlier page, by their titles."""
    found = re.findall(r"^## ([^\n]+)\n\n(.*?)\n*(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return {title: text for title, text in found if title in GENERATIONS}


def report(measured: t.Mapping[str, str]) -> str:
    """The page of these sections."""
    lines = [
        "<!-- Generated by `make bench`. -->",
        "",
        "# Benchmarks",
        "",
        "What counts are the ratios: both sides of each were measured in the same run, on the same server. `make bench` measures both generations anew,",
        "with `SERVER=0.16.18` or `SERVER=0.15.5` one of them, with `BENCH_ACCOUNTS=1000` on a smaller fleet, and with `STALWART_URL`, `STALWART_USER` and",
        "`STALWART_PASSWORD` on any server.",
        "",
        "The rates of creation and of changes are bounded by the server: bare requests to the same server are the other side of the ratio. What Ansible itself",
        "needs to start, to fork its worker and to print the result is in all times of plays.",
        "",
        *(line for title in GENERATIONS if title in measured for line in (f"## {title}", "", measured[title], "")),
        "## Passwords",
        "",
        "To compare a password with its hash costs what the hash asks for, on one core and for each account, in every run. Only servers up to 0.15 tell",
        "hashes; on newer ones nothing is compared, and a password is set where there is none.",
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


def run(server: RunningServer, folder: pathlib.Path, secure: Bench | None = None) -> str:
    """Measure one server. What was made on one that is no stand-in is removed at the end."""
    bench = Bench(server, folder)
    try:
        return section(server, measure(bench, secure))
    finally:
        if not server.is_stand_in:
            bench.bulk([{"name": item["name"], "state": "absent"} for item in fleet()], defaults={"delete_in_use": True})


def server_by_url(url: str) -> RunningServer:
    """The server of the environment, with its version."""
    sys.path.insert(0, str(ROOT / ".cache" / "tree"))
    from ansible_collections.stalwart.mail.plugins.module_utils import _http
    from ansible_collections.stalwart.mail.plugins.module_utils._server.connect import connect

    user, password = os.environ["STALWART_USER"], os.environ["STALWART_PASSWORD"]
    return RunningServer(url, user, password, connect(_http.Connection(url, user, password, allow_http=True)).about().version)


def main() -> None:
    """Measure, print and write."""
    measured = sections(REPORT.read_text(encoding="utf-8")) if REPORT.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if url := os.environ.get("STALWART_URL"):
            server = server_by_url(url)
            measured[GENERATIONS[server.has_objects]] = run(server, folder / "http")
        else:
            for version in [os.environ["SERVER"]] if os.environ.get("SERVER") else VERSIONS:
                say(f"server {version}")
                with contextlib.ExitStack() as stack:
                    server = stack.enter_context(stand_in(version))
                    certificate, key = local_certificate(folder)
                    other = stack.enter_context(stand_in(version, "--certificate", str(certificate), "--key", str(key)))
                    measured[GENERATIONS[server.has_objects]] = run(server, folder / "http", Bench(other, folder / "https", str(certificate)))
    page = report(measured)
    REPORT.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()

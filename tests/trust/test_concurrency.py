# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs at once: whatever the order of their requests, no state is left that one of them, run again, can't make right."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import typing as t

import pytest

from tests.support.local import local_stand_in
from tests.support.proxy import Exchange, proxy
from tests.support.tasks import Ran, World, different, forget_clients, login, run

from .scenes import ALL_RELEASES, DOMAIN, MANY, domain, key, nothing, people, release

#: What a failure of one of two runs may say: that somebody else was there, or what is missing for that reason.
CONFLICT = (
    "AlreadyExists",
    "already",
    "notFound",
    "another run",
    "assertFailed",
    "does not exist",
    "other values now",
    "belongs to",
    "exists too",
    "another run",
    "objects of type",
)


@pytest.fixture(autouse=True)
def _fresh() -> t.Iterator[None]:
    yield
    forget_clients()


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """Two tasks of one module. `independent`: both may have their way, so in the end both find nothing to do. `since` and `before` as in scenes."""

    name: str
    module: str
    one: dict[str, t.Any]
    other: dict[str, t.Any]
    prepare: t.Callable[[World], object] = nothing
    independent: bool = True
    since: str = "0.13"
    before: str = "0.99"


def _principals(*items: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
    return {"principals": list(items), "concurrency": 1, **options}


def _aliased(name: str) -> dict[str, t.Any]:
    return {"name": f"{name}@{DOMAIN}", "emails": [f"{name}@{DOMAIN}", f"x@{DOMAIN}"]}


def _http(**properties: t.Any) -> dict[str, t.Any]:
    return {"type": "Http", "properties": properties}


def _hook(url: str, **properties: t.Any) -> dict[str, t.Any]:
    return {"type": "WebHook", "properties": {"url": url, **properties}}


_NO_ROLES = [{name: value for name, value in item.items() if name != "roles"} for item in MANY if item.get("type") != "role"]
_KEY: dict[str, t.Any] = {"name": f"alice@{DOMAIN}/monitor", "type": "api_key"}
_EXACT: dict[str, t.Any] = {"state": "exact", "prefix": "queue.limiter.inbound.mine", "settings": {"enable": False, "key": ["rcpt"]}}

PAIRS = [
    Pair("the same list", "principals", _principals(*MANY), _principals(*MANY), before="0.16"),
    Pair("the same list without roles", "principals", _principals(*_NO_ROLES), _principals(*_NO_ROLES), since="0.16"),
    # since 0.16 servers take two of one name; a run that finds them says so
    Pair("the same role", "principals", _principals(MANY[1]), _principals(MANY[1]), nothing, False, since="0.16"),
    Pair(
        "lists that overlap", "principals", _principals(*MANY[:2], *MANY[3:5]), _principals(MANY[0], MANY[4], {"name": "carol", "emails": [f"carol@{DOMAIN}"]})
    ),
    Pair("lists that contradict each other", "principals", _principals({"name": "bob", "quota": 1}), _principals({"name": "bob", "quota": 2}), people, False),
    Pair("a change and a deletion", "principal", {"name": "bob", "quota": 1}, {"name": "bob", "state": "absent"}, people, False),
    Pair("two deletions", "principal", {"name": "bob", "state": "absent"}, {"name": "bob", "state": "absent"}, people),
    Pair("two renames", "principal", {"name": "bob", "new_name": "rob"}, {"name": "bob", "new_name": "rob"}, people),
    Pair(
        "one address for two", "principal", {"name": "one", "emails": [f"x@{DOMAIN}"]}, {"name": "two", "emails": [f"x@{DOMAIN}"]}, domain, False, before="0.16"
    ),
    Pair("members of one group", "principal", {"name": "sales", "members": {"add": ["alice"]}}, {"name": "sales", "members": {"add": ["bob"]}}, people),
    Pair(
        "addresses of one account",
        "principal",
        {"name": "bob", "emails": {"add": [f"b1@{DOMAIN}"]}},
        {"name": "bob", "emails": {"add": [f"b2@{DOMAIN}"]}},
        people,
    ),
    Pair("keys of one domain", "dkim", {"domain": [DOMAIN], "algorithm": ["ed25519"]}, {"domain": [DOMAIN], "algorithm": ["ed25519"]}, domain),
    Pair("two keys for one place", "dkim", {"domain": [DOMAIN], "private_key": key()}, {"domain": [DOMAIN], "private_key": key(1)}, domain, False),
    Pair(
        "the same settings",
        "settings",
        {"settings": {"session.timeout": "7m", "session.transfer-limit": 5}},
        {"settings": {"session.timeout": "7m"}},
        before="0.16",
    ),
    Pair("one setting", "settings", {"settings": {"session.timeout": "7m"}}, {"settings": {"session.timeout": "8m"}}, nothing, False, before="0.16"),
    Pair("settings exactly", "settings", _EXACT, _EXACT, before="0.16"),
    Pair(
        "the same address blocked",
        "ip_list",
        {"list": "blocked", "addresses": {"add": ["203.0.113.1", "203.0.113.3"]}},
        {"list": "blocked", "addresses": {"add": ["203.0.113.1"]}},
    ),
    Pair(
        "blocked addresses", "ip_list", {"list": "blocked", "addresses": {"add": ["203.0.113.1"]}}, {"list": "blocked", "addresses": {"add": ["203.0.113.2"]}}
    ),
    Pair("pause and pause", "queue", {"state": "paused"}, {"state": "paused"}, before="0.16"),
    # servers since 0.16
    Pair(
        "new objects that name each other",
        "principals",
        _principals(*_NO_ROLES, {"name": f"crew@{DOMAIN}", "type": "group", "members": [f"dave@{DOMAIN}"]}, {"name": f"dave@{DOMAIN}"}),
        _principals({"name": DOMAIN, "type": "domain"}, {"name": f"team@{DOMAIN}", "type": "group", "members": [f"erin@{DOMAIN}"]}, {"name": f"erin@{DOMAIN}"}),
        since="0.16",
    ),
    Pair("an alias for two", "principal", _aliased("one"), _aliased("two"), domain, False, since="0.16"),
    Pair("API keys", "principal", _KEY, _KEY, people, since="0.16"),
    Pair("one property", "object", _http(rateLimitAnonymous="50/1m"), _http(rateLimitAnonymous="60/1m"), nothing, False, since="0.16"),
    Pair("two properties", "object", _http(enableHsts=True), _http(useXForwarded=True), since="0.16"),
    Pair("new objects", "object", _hook("https://x.example.org/a"), _hook("https://x.example.org/a"), nothing, False, since="0.16"),
    Pair(
        "an object that changes and goes",
        "object",
        _hook("https://x.example.org/a", timeout="9s"),
        {"type": "WebHook", "state": "absent", "match": {"url": "https://x.example.org/a"}},
        lambda world: world.run("object", **_hook("https://x.example.org/a")),
        False,
        since="0.16",
    ),
    Pair("settings of objects", "settings", {"settings": {"Http.enableHsts": True}}, {"settings": {"Http.useXForwarded": True}}, since="0.16"),
]


def exists_on(pair: Pair, version: str) -> bool:
    """Whether servers of a version can do it."""
    return release(pair.since) <= release(version) < release(pair.before)


EACH = [pytest.param(pair, version, id=f"{pair.module}: {pair.name}-{version}") for version in ALL_RELEASES for pair in PAIRS if exists_on(pair, version)]


def _require_fair(ran: Ran) -> None:
    """It did its work, or says that somebody else was there."""
    if ran.failed:
        assert any(word in ran.message for word in CONFLICT), ran.message


def _require_repairable(pair: Pair, world: World) -> None:
    """Each of both, run again, makes things right in one run."""
    direct = login(world.server)
    for options in (pair.other, pair.one):
        first = run(pair.module, {**direct, **options})
        if first.failed:  # it can't have its way beside the other one
            assert not pair.independent, first.message
            _require_fair(first)
            continue
        assert not run(pair.module, {**direct, **options}).changed
    if pair.independent:
        before = world.state()
        assert not run(pair.module, {**direct, **pair.other}).changed
        assert different(before, world.state()) == []


@pytest.mark.parametrize(("pair", "version"), EACH)
def test_another_run_between_any_two_requests(pair: Pair, version: str) -> None:
    """The other run happens as a whole before each request of the one in turn."""
    position = 0
    while True:
        with local_stand_in(version) as server, proxy(server.url) as between:
            world = World(server)
            pair.prepare(world)
            others: list[Ran] = []

            async def meanwhile(exchange: Exchange, *, server: t.Any = server, others: list[Ran] = others) -> None:
                others.append(await asyncio.to_thread(run, pair.module, {**login(server), **pair.other}))
                await exchange.pass_on()

            seen = iter(range(1_000_000))
            between.choose = lambda _request, seen=seen, position=position, act=meanwhile: act if next(seen) == position else None  # type: ignore[misc]
            ran = run(pair.module, {**login(server, between.url), **pair.one})
            if not others:
                return
            _require_fair(ran)
            _require_fair(others[0])
            _require_repairable(pair, world)
        forget_clients()
        position += 1


@pytest.mark.parametrize(("pair", "version"), [each for each in EACH if each.values[1] != "0.13.4"])
def test_two_runs_at_once(pair: Pair, version: str) -> None:
    """Really at once, as it comes."""
    with local_stand_in(version) as server, proxy(server.url) as one, proxy(server.url) as two:
        world = World(server)
        pair.prepare(world)
        together = threading.Barrier(2)
        ran: list[Ran] = []

        def work(url: str, options: dict[str, t.Any]) -> None:
            together.wait(60)
            ran.append(run(pair.module, {**login(server, url), **options}))

        threads = [threading.Thread(target=work, args=pair_of) for pair_of in ((one.url, pair.one), (two.url, pair.other))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert len(ran) == 2
        for each in ran:
            _require_fair(each)
        _require_repairable(pair, world)

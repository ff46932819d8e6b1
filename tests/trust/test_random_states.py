# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From any state to any wish: check mode writes nothing and predicts the run, and a second run has nothing to do."""

from __future__ import annotations

import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest

from tests.support.local import local_stand_in
from tests.support.proxy import proxy
from tests.support.tasks import World, forget_clients, login, run

from .scenes import DOMAIN, domain

#: Each on every one of VERSIONS.
EXAMPLES = 12
VERSIONS = ("0.15.5", "0.16.18")

_ADDRESSES = st.lists(st.sampled_from([f"{name}@{DOMAIN}" for name in "uvwxyz"]), unique=True, max_size=3)
_GROUPS = st.lists(st.sampled_from(["g1", "g2"]), unique=True)


def _account(name: str) -> st.SearchStrategy[dict[str, t.Any]]:
    optional: dict[str, st.SearchStrategy[t.Any]] = {
        "description": st.sampled_from(["", "One", "Two, with ü", " trailing "]),
        "quota": st.sampled_from(["", 0, 1, "1G", "1.5M"]),
        "emails": _ADDRESSES,
        "member_of": _GROUPS,
        "roles": st.lists(st.sampled_from(["user", "admin"]), unique=True),
        "locale": st.sampled_from(["", "de_DE"]),
        "enabled": st.booleans(),
        "enabled_permissions": st.lists(st.sampled_from(["message-queue-list", "logs-view"]), unique=True),
        "urls": st.lists(st.sampled_from(["https://a.example/", "https://b.example/"]), unique=True),
    }
    return st.fixed_dictionaries({"name": st.just(name)}, optional=optional)


def _group(name: str) -> st.SearchStrategy[dict[str, t.Any]]:
    optional = {"description": st.sampled_from(["", "Some"]), "members": st.lists(st.sampled_from(["a", "b"]), unique=True)}
    return st.fixed_dictionaries({"name": st.just(name), "type": st.just("group")}, optional=optional)


_ABSENT = st.sampled_from(["a", "b", "c", "g1"]).map(lambda name: {"name": name, "state": "absent"})
_PEOPLE = st.tuples(_group("g1"), _group("g2"), _account("a"), _account("b"), _account("c")).map(list)
_WISHES = st.lists(
    st.one_of(_account("a"), _account("b"), _account("c"), _group("g1"), _group("g2"), _ABSENT), min_size=1, max_size=4, unique_by=lambda item: item["name"]
)


def _predicts(world: World, module: str, options: dict[str, t.Any], *, repeats: bool = True) -> None:
    with proxy(world.server.url) as between:
        all_options = {**login(world.server, between.url), **options}
        before = world.state()
        checked = run(module, all_options, check=True)
        assert [str(request) for request in between.writes] == []
        assert world.state() == before
        done = run(module, all_options)
        if done.failed:  # what an earlier task may have made, and only check mode lacks, is a warning there
            assert checked.failed or any("Without check mode this task fails" in text for text in checked.warnings), done.message
            return
        assert not checked.failed, checked.message
        for key in ("changed", "operations", "diff", "summary"):
            assert checked.result.get(key) == done.result.get(key)
        if not repeats:
            return
        assert done.changed == (world.state() != before)
        again = run(module, all_options)
        assert (again.failed, again.changed, again.result["operations"]) == (False, False, [])
    forget_clients()


def _for(version: str, item: dict[str, t.Any]) -> dict[str, t.Any]:
    """An item as the generation has it: since 0.16 mailboxes are named by their first address."""
    if version == "0.15.5":
        return item
    own = f"{item['name']}@{DOMAIN}"
    changed: dict[str, t.Any] = {"name": own}
    if "emails" in item:
        changed["emails"] = [own, *item["emails"]]
    for field in ("member_of", "members"):
        if field in item:
            changed[field] = [f"{name}@{DOMAIN}" for name in item[field]]
    return {**{field: value for field, value in item.items() if field != "urls"}, **changed}


@pytest.mark.parametrize("version", VERSIONS)
@hypothesis.settings(max_examples=EXAMPLES)
@hypothesis.given(found=_PEOPLE, wanted=_WISHES)
def test_principals_from_any_state_to_any_other(version: str, found: list[dict[str, t.Any]], wanted: list[dict[str, t.Any]]) -> None:
    """Many at once, and one by one."""
    found, wanted = [_for(version, item) for item in found], [_for(version, item) for item in wanted]
    with local_stand_in(version) as server:
        world = World(server)
        domain(world)
        run("principals", {**login(server), "principals": found, "reload": "never"})  # what contradicts itself is not made
        _predicts(world, "principals", {"principals": wanted[1:], "reload": "never"})
        _predicts(world, "principal", {**wanted[0], "reload": "never"})


_VALUES = st.one_of(
    st.sampled_from(["", "x", "a b", "ü", "true", "5m", "%{env:X}%"]), st.integers(0, 9), st.booleans(), st.lists(st.sampled_from(["x", "y", "z"]), max_size=3)
)
_KEYS = st.sampled_from(["one", "two", "three", "deep.er", "deep.est", "li-st"])
_SETTINGS = st.dictionaries(_KEYS, _VALUES, max_size=5)


@hypothesis.settings(max_examples=EXAMPLES)
@hypothesis.given(found=_SETTINGS, wanted=_SETTINGS.filter(bool), state=st.sampled_from(["present", "exact", "absent"]))
def test_settings_from_any_state_to_any_other(found: dict[str, t.Any], wanted: dict[str, t.Any], state: str) -> None:
    """Below a prefix that means nothing to the server."""
    with local_stand_in() as server:
        world = World(server)
        world.run("settings", prefix="lookup.mine", settings=found or {"other": "x"}, reload="never")
        what = {"keys": sorted(wanted)} if state == "absent" else {"settings": wanted}
        _predicts(world, "settings", {"state": state, "prefix": "lookup.mine", "reload": "never", **what})


_HOOK: dict[str, st.SearchStrategy[t.Any]] = {
    "allowInvalidCerts": st.booleans(),
    "enable": st.sampled_from([True, False, "yes"]),
    "httpAuth": st.sampled_from(
        ["Unauthenticated", {"@type": "Basic", "username": "me", "secret": "secret-unlike-any"}, {"@type": "Bearer", "bearerToken": "x"}]
    ),
    "httpHeaders": st.dictionaries(st.sampled_from(["X-A", "X-B"]), st.sampled_from(["1", "2"])),
    "events": st.lists(st.sampled_from(["auth.success", "auth.failed", "delivery.delivered"]), unique=True),
    "timeout": st.sampled_from(["30s", "1m", 30000, "500ms", None]),
    "signatureKey": st.sampled_from(["None", {"@type": "EnvironmentVariable", "variableName": "KEY"}, "secret-unlike-any"]),
}
_THROTTLE: dict[str, st.SearchStrategy[t.Any]] = {
    "enable": st.booleans(),
    "key": st.lists(st.sampled_from(["rcpt", "sender", "remoteIp"]), unique=True),
    "match": st.sampled_from(["true", False, [{"if": "remote_ip == '192.0.2.1'", "then": True}, {"else": False}]]),
    "rate": st.sampled_from(["1/1s", "60/1m", "100/1h", {"count": 60, "period": 60000}]),
}
_DOMAIN: dict[str, st.SearchStrategy[t.Any]] = {
    "aliases": st.one_of(
        st.lists(st.sampled_from(["a.example.org", "B.example.org", "bücher.example.org"]), unique=True),
        st.fixed_dictionaries({"add": st.just(["a.example.org"]), "remove": st.just(["b.example.org"])}),
    ),
    "catchAllAddress": st.sampled_from([None, "", f"alice@{DOMAIN}"]),
    "description": st.sampled_from([None, "", "One", "Two, with ü"]),
}


def _object(name: str, base: dict[str, t.Any], optional: dict[str, st.SearchStrategy[t.Any]]) -> st.SearchStrategy[tuple[t.Any, ...]]:
    some = st.fixed_dictionaries({}, optional=optional)
    return st.tuples(st.just(name), some.map(lambda own: {**base, **own}), some.map(lambda own: {**base, **own}), st.sampled_from(["on_create", "always"]))


@hypothesis.settings(max_examples=2 * EXAMPLES)
@hypothesis.given(
    given=st.one_of(
        _object("WebHook", {"url": "https://x.example.org/"}, _HOOK),
        _object("MtaInboundThrottle", {"description": "mine", "rate": "5/1m"}, _THROTTLE),
        _object("Domain", {"name": DOMAIN, "dkimManagement": "Manual"}, _DOMAIN),
    )
)
def test_objects_from_any_state_to_any_other(given: tuple[str, dict[str, t.Any], dict[str, t.Any], t.Any]) -> None:
    """Objects of servers since 0.16: variants, maps, sets, expressions, rates, secrets."""
    kind, found, wanted, secrets = given
    with local_stand_in("0.16.18") as server:
        world = World(server)
        run("object", {**login(server), "type": kind, "properties": found, "reload": "never"})
        _predicts(world, "object", {"type": kind, "properties": wanted, "update_secrets": secrets, "reload": "never"}, repeats=secrets == "on_create")


_LISTED = st.lists(st.sampled_from(["192.0.2.1", "192.0.2.0/24", "198.51.100.7", "2001:db8::1", "2001:DB8::/32", "203.0.113.7/32"]), unique=True, max_size=4)


@pytest.mark.parametrize("version", VERSIONS)
@hypothesis.settings(max_examples=EXAMPLES)
@hypothesis.given(found=_LISTED, add=_LISTED, remove=_LISTED, exact=st.booleans(), name=st.sampled_from(["blocked", "allowed"]))
def test_blocked_addresses_from_any_state_to_any_other(version: str, found: list[str], add: list[str], remove: list[str], exact: bool, name: str) -> None:
    """And allowed ones."""
    edit: t.Any = add if exact else {"add": [each for each in add if each not in remove], "remove": remove}
    with local_stand_in(version) as server:
        world = World(server)
        world.run("ip_list", list=name, addresses={"add": found}, reload="never")
        _predicts(world, "ip_list", {"list": name, "addresses": edit, "exact": exact})

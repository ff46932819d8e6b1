# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large things, and names of any kind."""

from __future__ import annotations

import json
import random
import re
import typing as t

import pytest

from tests.stand_in.principal import NewPrincipal
from tests.support.local import LocalServer, local_stand_in
from tests.support.proxy import proxy
from tests.support.tasks import World, forget_clients, login, run

from .scenes import DOMAIN, RELEASES, domain

MIB = 1024 * 1024
OBJECTS = "0.16.18"


@pytest.fixture(autouse=True)
def _fresh() -> t.Iterator[None]:
    yield
    forget_clients()


@pytest.fixture(params=["0.15.5", OBJECTS])
def world(request: pytest.FixtureRequest) -> t.Iterator[World]:
    """A server with a domain."""
    with local_stand_in(request.param) as server:
        made = World(server)
        domain(made)
        yield made


def twice(world: World, module: str, **options: t.Any) -> dict[str, t.Any]:
    """Run a task that changes something, and see that the second run changes nothing."""
    result = world.run(module, **options)
    assert result["changed"]
    assert not world.run(module, **options)["changed"]
    return result


def large(world: World, size: int) -> dict[str, t.Any]:
    """Options of a principal of about this size: what each generation has room for."""
    if world.server.version == OBJECTS:
        alphabet = random.Random(size)  # what repeats itself is compressed
        recipients = [f"{alphabet.randbytes(100).hex()[:60]}@{alphabet.randbytes(100).hex()[:60]}.example.com" for _each in range(size // 134)]
        return {"name": f"news@{DOMAIN}", "type": "list", "external_members": recipients}
    return {"name": "alice", "urls": [f"https://example.org/{index:05d}".ljust(480, "x") for index in range(size // 480)]}


def test_a_principal_of_nearly_100_kb(world: World) -> None:
    """All of it is kept."""
    wanted = large(world, 96_000)
    field = "external_members" if "external_members" in wanted else "urls"
    result = twice(world, "principal", **wanted)
    assert sum(map(len, wanted[field])) > 95_000
    assert sorted(result["principal"][field]) == sorted(wanted[field])


def test_a_principal_above_the_servers_limit_is_refused_in_a_sentence(world: World) -> None:
    """Nothing of it is kept: above 100 kB, since 0.16 above 200 kB."""
    wanted = large(world, 106_000 if world.server.version != OBJECTS else 600_000)
    ran = run("principal", {**login(world.server), **wanted})
    assert ran.failed and wanted["name"] in ran.message and len(ran.message) < 1500
    if world.server.version == OBJECTS:
        assert re.search(r"would take \d{6} bytes in the server's store, and 200000 are the most", ran.message)
    assert world.run("principal_info", names=[wanted["name"]])["principals"] == []


def test_settings_of_several_mib() -> None:
    """In requests that the server takes, and gone again when they shall be."""
    settings = {f"lookup.large.{index:03d}": "x" * 10_000 for index in range(320)}
    with local_stand_in() as server, proxy(server.url) as between:
        options = {**login(server, between.url), "settings": settings, "reload": "never"}
        assert run("settings", options).changed
        assert not run("settings", options).changed
        writes = [request for request in between.writes if request.path == "/api/settings"]
        assert len(writes) >= 4 and sum(len(request.body) for request in writes) > 3 * MIB
        assert max(len(request.body) for request in between.requests) <= MIB
        world = World(server)
        assert world.run("settings_info", prefixes=["lookup.large"])["total"] == 320
        assert world.run("settings", state="absent", prefixes=["lookup.large"], reload="never")["changed"]
        assert world.run("settings_info", prefixes=["lookup.large"])["total"] == 0


NAMES = {
    "slashes": "a/b/../c",
    "spaces": "zoë van  der smith",
    "letters of others": "почта-メール-بريد",
    "signs": "a%2fb?c=d&e#f;g+h=i",
    "a quote and a brace": """it's "{{ here }}" {% x %}""",
    "a backslash": r"a\\b",
    "an emoji": "team-🎉",
    "512 bytes": "n" * 512,
    "512 bytes of others": "ä" * 256,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("version", RELEASES)
def test_names_of_any_kind(version: str, name: str) -> None:
    """Created, changed, renamed, listed, put into a group and deleted by that name."""
    with local_stand_in(version) as server:
        world = World(server)
        domain(world)
        twice(world, "principal", name=name, description=name)
        twice(world, "principal", name="staff", type="group", members=[name])
        twice(world, "principals", principals=[{"name": name, "locale": "de"}])
        assert [each["name"] for each in world.run("principal_info", names=[name])["principals"]] == [name]
        assert name in [each["name"] for each in world.run("principal_info", types=["individual"])["principals"]]
        twice(world, "principal", name=name, new_name="plain")
        twice(world, "principal", name="plain", new_name=name)
        assert world.run("principal_info", names=["staff"])["principals"][0]["members"] == [name]
        twice(world, "principal", name=name, state="absent")


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_of_objects_of_any_kind(name: str) -> None:
    """On servers since 0.16: a role, a web hook's description, a key within a map, and a setting by its name."""
    with local_stand_in(OBJECTS) as server:
        world = World(server)
        domain(world)
        folded = " ".join(name.lower().split()) if name == NAMES["spaces"] else name.lower()
        twice(world, "principal", name=folded, type="role", enabled_permissions=["authenticate"])
        assert folded in [each["name"] for each in world.run("principal_info", types=["role"])["principals"]]
        twice(world, "principal", name=f"bob@{DOMAIN}", description=name, roles=["user", folded])
        assert world.run("principal_info", names=[f"bob@{DOMAIN}"])["principals"][0]["description"] == name
        twice(world, "principal", name=f"bob@{DOMAIN}", state="absent")
        twice(world, "principal", name=folded, type="role", state="absent")
        twice(world, "object", type="Directory", properties={"@type": "Ldap", "description": name, "baseDn": "dc=example,dc=org"})
        twice(world, "object", type="Domain", properties={"name": DOMAIN, "directoryId": name, "dkimManagement": "Manual"})
        found = world.run("object_info", type="Domain", match={"name": DOMAIN})["objects"]
        assert [each["properties"]["directoryId"] for each in found] == [name]
        twice(world, "object", type="MemoryLookupKey", properties={"namespace": "mine", "key": name[:120]})
        twice(world, "object", type="MemoryLookupKey", state="absent", match={"namespace": "mine", "key": name[:120]})


@pytest.mark.parametrize("length", [512, 513])
def test_texts_of_512_characters(length: int, world: World) -> None:
    """They are kept; of principals longer ones are refused, as servers before 0.16 drop them silently."""
    name = f"alice@{DOMAIN}" if world.server.version == OBJECTS else "alice"
    ran = run("principal", {**login(world.server), "name": name, "description": "x" * length})
    assert ran.failed == (length > 512), ran.message
    assert "description" in ran.message or not ran.failed


def test_thousands_of_accounts_in_tens_of_requests() -> None:
    """500 objects a call: none is refused by the limits of servers since 0.16, and the second run reads alone."""
    principals = [{"name": f"m{index:05d}@{DOMAIN}", "quota": "1G"} for index in range(2_000)]
    with local_stand_in(OBJECTS) as server, proxy(server.url) as between:
        world = World(server)
        domain(world)
        options = {**login(server, between.url), "principals": principals, "reload": "never"}
        made = run("principals", options)
        assert made.changed and not made.failed, made.message
        assert len(between.requests) < 20
        for request in between.requests:
            calls = json.loads(request.body)["methodCalls"] if request.methods() else []
            assert len(calls) <= 16
            assert all(len(its.get("create") or {}) <= 500 and len(its.get("ids") or ()) <= 500 for _name, its, _call in calls)
        writes = len(between.writes)
        assert not run("principals", options).changed
        assert len(between.writes) == writes
        assert len(world.run("principal_info", types=["individual"])["principals"]) == 2_001  # with the administrator


def test_a_list_with_10000_members(world: World) -> None:
    """In one task and few requests; with a small diff, and nothing to do a second time."""
    of_objects = world.server.version == OBJECTS
    names = [f"m{index:05d}" for index in range(10_000)]
    inside = t.cast(LocalServer, world.server).inside
    if of_objects:  # accounts are not made: that the members are elsewhere makes no difference to the list
        members, field, name = [f"{each}@example.com" for each in names], "external_members", f"all@{DOMAIN}"
    else:
        members, field, name = names, "members", "all"
        for each in names:  # as quickly as it goes: within the stand-in
            inside.directory.create(NewPrincipal(fields={"name": each}), None, None)
    with proxy(world.server.url) as between:
        base = {**login(world.server, between.url), "name": name}
        ran = run("principal", {**base, "type": "list", field: members})
        assert ran.changed, ran.message
        assert len(ran.result["diff"][0]["after"][field]) <= 201
        options = {**base, field: members[1:]}
        smaller = run("principal", options)
        assert smaller.changed and smaller.result["operations"] == [{"resource": "principal", "name": name, "action": "update", "fields": [field]}]
        assert not run("principal", options).changed
        assert len(between.requests) < 100
    assert len(world.run("principal_info", names=[name])["principals"][0][field]) == 9_999

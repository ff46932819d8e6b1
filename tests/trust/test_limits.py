# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large things, and names of any kind."""

from __future__ import annotations

import typing as t

import pytest

from tests.stand_in.principal import NewPrincipal
from tests.support.local import LocalServer, local_stand_in
from tests.support.proxy import proxy
from tests.support.tasks import World, forget_clients, login, run

from .scenes import RELEASES, domain

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def _fresh() -> t.Iterator[None]:
    yield
    forget_clients()


@pytest.fixture
def world() -> t.Iterator[World]:
    """A server with a domain."""
    with local_stand_in() as server:
        made = World(server)
        domain(made)
        yield made


def twice(world: World, module: str, **options: t.Any) -> dict[str, t.Any]:
    """Run a task that changes something, and see that the second run changes nothing."""
    result = world.run(module, **options)
    assert result["changed"]
    assert not world.run(module, **options)["changed"]
    return result


def urls(number: int, length: int) -> list[str]:
    """Distinct ones of one length."""
    return [f"https://example.org/{index:05d}".ljust(length, "x") for index in range(number)]


def test_a_principal_of_nearly_100_kb(world: World) -> None:
    """All of it is kept."""
    wanted = urls(200, 480)
    assert 95_000 < sum(map(len, wanted)) < 98_000
    result = twice(world, "principal", name="alice", urls=wanted)
    assert sorted(result["principal"]["urls"]) == sorted(wanted)


def test_a_principal_above_100_kb_is_refused_in_a_sentence(world: World) -> None:
    """Nothing of it is kept."""
    ran = run("principal", {**login(world.server), "name": "alice", "urls": urls(220, 480)})
    assert ran.failed and "alice" in ran.message and len(ran.message) < 1500
    assert world.run("principal_info", names=["alice"])["principals"] == []


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


def test_a_list_with_10000_members(world: World) -> None:
    """In one task; with a small diff, and nothing to do a second time."""
    members = [f"m{index:05d}" for index in range(10_000)]
    inside = t.cast(LocalServer, world.server).inside
    for name in members:  # as quickly as it goes: within the stand-in
        inside.directory.create(NewPrincipal(fields={"name": name}), None, None)
    ran = run("principal", {**login(world.server), "name": "all", "type": "list", "members": members})
    assert ran.changed
    assert len(ran.result["diff"][0]["after"]["members"]) <= 201
    options = {**login(world.server), "name": "all", "members": members[1:]}
    smaller = run("principal", options)
    assert smaller.changed and smaller.result["operations"] == [{"resource": "principal", "name": "all", "action": "update", "fields": ["members"]}]
    assert not run("principal", options).changed
    assert len(world.run("principal_info", names=["all"])["principals"][0]["members"]) == 9_999

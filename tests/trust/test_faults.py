# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a network or a gateway does to a write: an end in time, a clear sentence, and a following run that brings the server where it should be."""

from __future__ import annotations

import dataclasses
import functools
import re
import time
import typing as t

import pytest

from tests.support.proxy import FAULTS, Choose, Exchange, Fault, Handler, Proxy, Request, proxy
from tests.support.tasks import Ran, World, different, forget_clients, quick_retries, run

from .scenes import PASSWORD, SCENES, Scene, pairs

RELEASE = "0.15.5"
#: Seconds that a request may take where the test waits for that end. Only what a fault holds back is that late.
SHORT = 0.4
#: No run may take longer; far more than a few times SHORT on any machine, far less than for ever.
LONGEST = 60.0


@pytest.fixture(autouse=True)
def _quick() -> t.Iterator[None]:
    with quick_retries():
        yield
    forget_clients()


@dataclasses.dataclass(frozen=True)
class Reference:
    """What the task does where nothing goes wrong."""

    requests: int
    writes: int
    state: dict[str, t.Any]
    files: dict[str, bytes]
    ran: Ran


@functools.cache
def reference(scene: Scene, version: str = RELEASE) -> Reference:
    """Played once for all faults."""
    with scene.world(version) as world, proxy(world.server.url) as between:
        ran = run(scene.module, scene.task(world, between.url))
        writes = [request for request in between.requests if scene.is_write(request)]
        found = Reference(len(between.requests), len(writes), world.state(), world.files(), ran)
    forget_clients()
    return found


def at(position: int, scene: Scene, handler: Handler) -> Choose:
    """The handler for one writing request, counted from 0; all others pass."""
    seen = iter(range(1_000_000))

    def choose(request: Request) -> Handler | None:
        return handler if scene.is_write(request) and next(seen) == position else None

    return choose


def _require_clear(ran: Ran, between: Proxy) -> None:
    """A failure is a sentence about this server or request, without a traceback, a library's words or a secret."""
    text = ran.message
    assert text
    assert "\n" not in text and len(text) < 1500, text
    assert between.url in text or re.search(r"\((GET|POST|PATCH|PUT|DELETE) /", text), text
    for word in ("Traceback", "httpx", "httpcore", "object at 0x", "JSONDecodeError", "<html", "<!DOCTYPE", PASSWORD):
        assert word not in text, text


def _require_converged(scene: Scene, world: World, expected: Reference, options: dict[str, t.Any]) -> None:
    """The same task once more brings what it always brings."""
    forget_clients()
    again = run(scene.module, options)
    assert again.failed == expected.ran.failed, again.message
    if again.failed and "are stored as wanted, but the server finds errors in them" in again.message:
        return  # a run that ended before it could put them back
    assert different(world.state(), expected.state) == []
    assert world.files() == expected.files


#: One scene for each kind of write meets every fault, all others those that differ most.
EVERY_FAULT = {
    "create an account", "change many fields of an account", "delete an account", "create many", "make keys", "write settings", "write a setting with an error",
    "block addresses", "cancel messages by id", "delete a report", "change the own password", "encrypt what comes in", "make a token", "learn",
}  # fmt: skip
SOME_FAULTS = {
    "cut before the answer, not taken",
    "answer lost, taken",
    "502 of a gateway, taken",
    "no answer, taken",
    "429 without Retry-After",
    "HTML with 200, not taken",
}


#: On servers since 0.16, which all go through one address.
OBJECTS = "0.16.18"
FAULTS_OF_OBJECTS = {"answer lost, taken", "502 of a gateway, taken"}


def cases() -> list[t.Any]:
    """Scenes with faults, as pytest parameters."""
    writing = [scene for scene in SCENES if scene.module not in ("export", "blob")]
    return [
        pytest.param(scene, fault, version, id=f"{scene.module}: {scene}-{fault}-{version}")
        for version, some in ((RELEASE, SOME_FAULTS), (OBJECTS, FAULTS_OF_OBJECTS))
        for scene in writing
        for fault in FAULTS
        if scene.exists_on(version) and ((version == RELEASE and scene.name in EVERY_FAULT) or fault.name in some)
    ]


@pytest.mark.parametrize(("scene", "fault", "version"), cases())
def test_a_fault_at_each_write(scene: Scene, fault: Fault, version: str) -> None:
    """Each write of the task in turn meets the fault; a failure is clear, and the same task once more brings what it always brings."""
    expected = reference(scene, version)
    assert expected.writes
    for position in range(expected.writes):
        with scene.world(version) as world, proxy(world.server.url) as between:
            options = scene.task(world, between.url)
            between.choose = at(position, scene, fault.happen)
            started = time.monotonic()
            ran = run(scene.module, {**options, "retries": 2, "timeout": SHORT if fault.ends else 30.0})
            assert time.monotonic() - started < LONGEST
            if ran.failed and not expected.ran.failed:
                _require_clear(ran, between)
            between.choose = lambda _request: None
            _require_converged(scene, world, expected, options)


@pytest.mark.parametrize(("scene", "version"), pairs(RELEASE, OBJECTS))
def test_the_server_goes_away(scene: Scene, version: str) -> None:
    """From each request of the task on, reading ones too, the server is gone. The task ends, says where, and does not hide what it changed."""
    expected = reference(scene, version)
    if scene.concurrent:
        return
    for position in range(expected.requests):
        with scene.world(version) as world, proxy(world.server.url) as between:
            options = scene.task(world, between.url)
            seen = iter(range(1_000_000))
            between.choose = lambda _request, seen=seen, position=position: _gone if next(seen) >= position else None  # type: ignore[misc]
            before = world.state()
            ran = run(scene.module, {**options, "retries": 0})
            after = world.state()
            if ran.failed and not expected.ran.failed:
                _require_clear(ran, between)
            taken = [request for request in between.requests[:position] if scene.is_write(request)]
            if ran.failed and len(taken) == expected.writes and different(before, after):
                assert ran.changed, f"it changed something, and says that it did not: {ran.result}"
            between.choose = lambda _request: None
            _require_converged(scene, world, expected, options)


async def _gone(exchange: Exchange) -> None:
    exchange.reset()

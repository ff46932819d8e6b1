# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dry runs never lie: nothing that writes is sent, and what is predicted is what a run then does, and a second run finds nothing to do."""

from __future__ import annotations

import typing as t

import pytest

from tests.support.proxy import proxy
from tests.support.tasks import Ran, forget_clients, run, writing_modules

from . import scenes
from .scenes import ALL_RELEASES, Scene, pairs


@pytest.fixture(autouse=True)
def _fresh_clients() -> t.Iterator[None]:
    yield
    forget_clients()


def predicted(ran: Ran) -> dict[str, t.Any]:
    """What check mode says that a run will do."""
    return {key: ran.result.get(key) for key in ("changed", "operations", "diff", "msg")}


@pytest.mark.parametrize(("scene", "version"), pairs(*ALL_RELEASES))
def test_check_mode_predicts_and_does_not_write(scene: Scene, version: str) -> None:
    """Each way in which a module writes: predicted without a request that writes, then done just so, then not again."""
    with scene.world(version) as world, proxy(world.server.url) as between:
        options = scene.task(world, between.url)
        before = world.state()
        checked = run(scene.module, options, check=True)
        assert [str(request) for request in between.requests if scene.is_write(request)] == []
        assert world.state() == before
        done = run(scene.module, options)
        if scene.unknowable:
            assert checked.changed
            return
        assert predicted(checked) == predicted(done)
        if done.failed:
            assert world.state() == before
            return
        assert any(scene.is_write(request) for request in between.requests) or world.files()
        assert done.changed and done.result["operations"]
        if scene.repeatable:
            again = run(scene.module, options)
            assert (again.failed, again.changed, again.result["operations"], again.result["diff"]) == (False, False, [], [])
            assert not run(scene.module, options, check=True).changed


def test_each_writing_module_has_a_scene() -> None:
    """A new module that writes comes with at least one."""
    assert {scene.module for scene in scenes.SCENES} | set(scenes.ELSEWHERE) == set(writing_modules())

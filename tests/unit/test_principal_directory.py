# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose an address is, as far as the login may look."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._errors import PermissionDenied
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.directory import UNKNOWN, AskedDirectory
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import Principal
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server

TEAM = Principal(name="team", type="group", emails=("Team@example.org",))
ALICE = Principal(name="alice", type="individual", emails=("alice@example.org",))


class Principals:
    def __init__(self, *may_list: str) -> None:
        self.may_list = may_list
        self.asked = 0

    def find(self, *, types: t.Collection[str] = (), **_how: t.Any) -> t.Iterator[Principal]:
        self.asked += 1
        if not set(types or ("individual", "group", "list", "domain")) <= set(self.may_list):
            raise PermissionDenied("403 Forbidden", request="GET /api/principal")
        return iter([principal for principal in (TEAM, ALICE) if not types or principal.type in types])


@pytest.mark.parametrize(
    ("may_list", "address", "expected", "requests"),
    [
        (("individual", "group", "list", "domain"), "team@example.org", TEAM, 1),
        (("individual", "group", "list", "domain"), "nobody@example.org", None, 1),
        (("individual",), "alice@example.org", ALICE, 2),
        (("individual", "group"), "team@example.org", TEAM, 3),
        (("individual",), "team@example.org", UNKNOWN, 4),
        ((), "alice@example.org", UNKNOWN, 4),
    ],
)
def test_the_holder_is_found_among_the_types_that_the_login_may_list(may_list: tuple[str, ...], address: str, expected: object, requests: int) -> None:
    principals = Principals(*may_list)
    directory = AskedDirectory(t.cast(Server, types.SimpleNamespace(principals=principals)))
    assert directory.holder(address) == expected
    assert principals.asked == requests


def test_many_names_take_few_requests() -> None:
    """A list with thousands of members; who may not list all asks for each."""

    class Many:
        def __init__(self, *, may_list: bool) -> None:
            self.may_list, self.requests = may_list, 0

        def get(self, name: str) -> Principal:
            self.requests += 1
            return Principal(name=name, type="individual")

        def find(self, **_asked: t.Any) -> t.Iterator[Principal]:
            self.requests += 1
            if not self.may_list:
                raise PermissionDenied("403 Forbidden", request="GET /api/principal")
            return iter([Principal(name=f"m{number}", type="individual") for number in range(500)])

    for may_list, requests in ((True, 16), (False, 501)):
        principals = Many(may_list=may_list)
        directory = AskedDirectory(t.cast(Server, types.SimpleNamespace(principals=principals)))
        assert [found.name for number in range(500) if isinstance(found := directory.get(f"m{number}"), Principal)] == [f"m{number}" for number in range(500)]
        assert principals.requests == requests

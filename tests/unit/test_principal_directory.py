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

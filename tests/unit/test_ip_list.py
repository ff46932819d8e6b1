# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocked and allowed addresses: one spelling, edits item by item, the right reload, and never ourselves."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption, PermissionDenied, Refused
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources.ip_list import info, manage
from ansible_collections.stalwart.mail.plugins.module_utils._resources.own_address import canonical
from tests.support.settings import FakeServer

BLOCKED, ALLOWED = "server.blocked-ip.", "server.allowed-ip."


def run(server: FakeServer, *, check: bool = False, warnings: list[str] | None = None, **options: t.Any) -> Outcome:
    told: list[str] = [] if warnings is None else warnings
    return manage(server.port, options, Mode(check=check, diff=True, warn=told.append))


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.1/32", "192.0.2.1"),
        ("192.0.2.77/24", "192.0.2.0/24"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("2001:db8::1/128", "2001:db8::1"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1/120", "192.0.2.0/24"),
    ],
)
def test_each_address_has_one_spelling(text: str, spelling: str) -> None:
    assert canonical(text) == spelling


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.01",
        "192.0.2.1/33",
        "192.0.2.0/255.255.255.0",
        "192.0.2.1/",
        "192.0.2.1/-1",
        "10.0.0.0/7",
        "2001:db8::/7",
        "mail.example.org",
        "fe80::1%eth0",
        "::ffff:192.0.2.1/64",
        "*",
        "192.0.2.1-192.0.2.9",
        "192.0.2.1/²",
    ],
)
def test_what_is_no_address_is_said(text: str) -> None:
    server = FakeServer()
    with pytest.raises(InvalidOption, match=r"^addresses\.add\[0\]: .* (is neither an IP address nor a network|is larger than any network)"):
        run(server, list="blocked", addresses={"add": [text]})
    assert server.settings.log == []


def test_single_addresses_are_blocked_with_a_reload_of_their_own() -> None:
    server = FakeServer(**{f"{BLOCKED}192.0.2.1": "", f"{BLOCKED}192.0.2.2": "", "x": "bad"})
    outcome = run(server, list="blocked", addresses={"add": ["192.0.2.9", "192.0.2.1"], "remove": ["192.0.2.2", "192.0.2.3"]})
    assert server.settings.log == [
        ("insert", {f"{BLOCKED}192.0.2.9": ""}),
        ("delete", [f"{BLOCKED}192.0.2.2"]),
        ("reload", "blocked_ip"),
    ]
    assert outcome.results == {"addresses": ["192.0.2.1", "192.0.2.9"], "reloaded": True, "stored_only": False, "setting_errors": {}}
    assert outcome.operations() == [{"resource": "ip_list", "name": "blocked", "action": "update", "fields": ["addresses"]}]
    assert outcome.diffs()[0]["before"] == {"addresses": ["192.0.2.1", "192.0.2.2"]}
    server.settings.log.clear()
    assert not run(server, list="blocked", addresses={"add": ["192.0.2.9"], "remove": "192.0.2.2"}).changed
    assert server.settings.log == []


@pytest.mark.parametrize(("name", "address"), [("blocked", "198.51.100.0/24"), ("allowed", "192.0.2.7"), ("allowed", "198.51.100.0/24")])
def test_all_else_needs_the_whole_reload_and_settings_without_errors(name: str, address: str) -> None:
    server = FakeServer()
    run(server, list=name, addresses={"add": [address]})
    assert [kind for kind, _what in server.settings.log] == ["dry run", "insert", "reload"]
    assert server.reloads == ["all"]
    wrong = FakeServer(x="bad")
    for check in (True, False):
        with pytest.raises(Refused, match="nothing was written"):
            run(wrong, check=check, list=name, addresses={"add": [address]})
    assert wrong.writes == []
    warnings: list[str] = []
    outcome = run(wrong, list=name, addresses={"add": [address]}, ignore_existing_errors=True, warnings=warnings)
    assert outcome.results["stored_only"] is True
    assert warnings[0].startswith("stored, not live")


def test_check_mode_writes_nothing_and_says_the_same() -> None:
    server = FakeServer()
    predicted = run(server, check=True, list="blocked", addresses={"add": ["192.0.2.9"]})
    assert server.settings.log == []
    done = run(server, list="blocked", addresses={"add": ["192.0.2.9"]})
    assert predicted.changes == done.changes
    assert predicted.results["addresses"] == done.results["addresses"]


def test_an_exact_list_of_blocked_ones_must_be_meant() -> None:
    server = FakeServer(**{f"{BLOCKED}192.0.2.1": ""})
    with pytest.raises(InvalidOption, match=r"^addresses: the exact list of blocked addresses would free all .* or set exact: true"):
        run(server, list="blocked", addresses=[])
    assert server.settings.stored
    run(server, list="blocked", addresses=[], exact=True)
    assert server.settings.stored == {}


def test_an_exact_list_of_allowed_ones_replaces_every_spelling() -> None:
    server = FakeServer(**{f"{ALLOWED}192.0.2.1/32": "", f"{ALLOWED}192.0.2.1": "", f"{ALLOWED}10.1.2.3/8": "", f"{ALLOWED}nonsense": ""})
    assert not run(server, list="allowed", addresses={"add": ["192.0.2.1", "10.0.0.0/8"]}).changed
    outcome = run(server, list="allowed", addresses=["10.0.0.0/8", "2001:db8::1"])
    assert server.settings.stored == {f"{ALLOWED}10.1.2.3/8": "", f"{ALLOWED}2001:db8::1": ""}
    assert outcome.results["addresses"] == ["10.0.0.0/8", "2001:db8::1"]


@pytest.mark.parametrize(
    ("own", "added", "refused"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.0/24", True),
        ("::ffff:192.0.2.7", "192.0.2.0/24", True),
        ("2001:db8::7", "2001:db8::/32", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("192.0.2.7", "2001:db8::/32", False),
        ("", "192.0.2.0/24", False),
    ],
)
def test_we_never_lock_ourselves_out(own: str, added: str, refused: bool) -> None:
    server = FakeServer()
    server.address = own
    if not refused:
        assert run(server, list="blocked", addresses={"add": [added]}).changed
        return
    for check in (True, False):
        with pytest.raises(Refused, match="from which this task speaks with the server; it would lock itself out"):
            run(server, check=check, list="blocked", addresses={"add": [added]})
    assert server.settings.log == []
    assert run(server, list="allowed", addresses={"add": [added]}).changed


def test_a_block_that_wins_is_told() -> None:
    server = FakeServer(**{f"{BLOCKED}192.0.2.0/24": "", f"{BLOCKED}nonsense": ""})
    warnings: list[str] = []
    run(server, list="allowed", addresses=["192.0.2.9", "198.51.100.1", "2001:db8::1"], warnings=warnings)
    assert warnings == ["192.0.2.9: blocked too, and a block wins over an allowance; remove it from the blocked addresses (list: blocked)."]


def test_stored_only_and_a_reload_that_is_not_allowed() -> None:
    server = FakeServer()
    assert run(server, list="blocked", addresses={"add": ["192.0.2.1"]}, reload="never").results["stored_only"] is True
    assert server.reloads == []
    server.reload_failure = PermissionDenied("403", request="GET /api/reload", resource="reload", status=403)
    warnings: list[str] = []
    assert run(server, list="blocked", addresses={"add": ["192.0.2.2"]}, warnings=warnings).results["stored_only"] is True
    assert warnings[0].startswith("the addresses are stored, but not live, since the server did not reload them: ")


def test_info_sorts_and_takes_one_list() -> None:
    server = FakeServer(**{f"{BLOCKED}{text}": "" for text in ("2001:db8::1", "192.0.2.10", "192.0.2.9", "nonsense", "10.0.0.1/8")}, **{f"{ALLOWED}::1": ""})
    assert info(server.port, {}, Mode()).results == {
        "blocked": ["10.0.0.0/8", "192.0.2.9", "192.0.2.10", "2001:db8::1", "nonsense"],
        "allowed": ["::1"],
        "own": {"address": "", "blocked": False, "allowed": False},
    }
    assert info(server.port, {"list": "allowed"}, Mode()).results == {"allowed": ["::1"], "own": {"address": "", "allowed": False}}


@pytest.mark.parametrize("own", ["192.0.2.17", "::ffff:192.0.2.17"])
def test_the_own_address_is_told_and_stays_allowed(own: str) -> None:
    server = FakeServer(**{f"{ALLOWED}192.0.2.0/24": ""})
    server.address = own
    assert info(server.port, {}, Mode()).results["own"] == {"address": own, "blocked": False, "allowed": True}
    with pytest.raises(Refused, match="is allowed now and would be no longer, so that some wrong logins would ban it; add it to the addresses"):
        run(server, list="allowed", addresses=["198.51.100.1"], keep_own=True)
    assert run(server, list="allowed", addresses=["192.0.2.16/29"], keep_own=True).changed
    assert run(server, list="allowed", addresses=["198.51.100.1"]).changed
    # who was not allowed before loses nothing
    assert run(server, list="allowed", addresses=["198.51.100.2"], keep_own=True).changed

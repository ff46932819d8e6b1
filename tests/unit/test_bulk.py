# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many principals in one task: what is planned, in which order it is written, and what is told when something fails."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.stalwart.mail.plugins.module_utils._errors import ConnectionFailed, InvalidOption, PartlyDone, Refused, ServerFault
from ansible_collections.stalwart.mail.plugins.module_utils._passwords import hash_password
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal import verify
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.bulk import manage
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import Principal
from tests.support.cases import environment
from tests.support.principals import MemoryServer
from tests.support.servers import ROOT

D = "example.org"
DOMAIN = Principal(name=D, type="domain")


def account(name: str, *emails: str, **values: t.Any) -> Principal:
    return Principal(name=name, type="individual", emails=emails or (f"{name}@{D}",), roles=("user",), **values)


def group(name: str, *emails: str) -> Principal:
    return Principal(name=name, type="group", emails=emails, enabled_permissions=("email-receive", "email-send"))


def run(
    server: MemoryServer, principals: list[dict[str, t.Any]], *, check: bool = False, warn: t.Callable[[str], None] | None = None, **more: t.Any
) -> Outcome:
    mode = Mode(check=check, warn=warn or (lambda _text: None))
    return manage(t.cast(t.Any, server), {"principals": principals, **more}, mode)


def fails(server: MemoryServer, principals: list[dict[str, t.Any]], **more: t.Any) -> PartlyDone:
    with pytest.raises(PartlyDone) as caught:
        run(server, principals, **more)
    return caught.value


def failing(name: str, verb: str = "update", times: int = 1, error: Exception | None = None) -> t.Callable[[str, str], None]:
    left = [times]

    def trouble(at: str, about: str) -> None:
        if about == name and at == verb and left[0]:
            left[0] -= 1
            raise error or ServerFault("500 no luck", request=f"{verb} {name}", status=500)

    return trouble


def owners(server: MemoryServer) -> dict[str, str]:
    return {address: principal.name for principal in server.principals.stored.values() for address in principal.emails}


# Order


def test_what_others_need_is_written_first_and_once() -> None:
    server = MemoryServer()
    wanted: list[dict[str, t.Any]] = [
        {"name": "alice", "emails": [f"alice@{D}"], "member_of": ["staff"], "roles": ["user", "auditor"], "lists": ["news"]},
        {"name": "news", "type": "list", "emails": [f"news@{D}"], "members": ["alice", "staff"]},
        {"name": "staff", "type": "group", "members": ["inner", "alice"]},
        {"name": "inner", "type": "group"},
        {"name": "auditor", "type": "role"},
        {"name": D, "type": "domain"},
    ]
    outcome = run(server, wanted)
    assert outcome.results["summary"] == {"created": 6, "updated": 0, "renamed": 0, "deleted": 0, "unchanged": 0}
    assert server.reloads == 1
    assert server.principals.state()["news"]["members"] == ["alice", "staff"]
    assert not run(server, wanted).changed


def test_domains_go_after_those_who_use_them() -> None:
    server = MemoryServer([DOMAIN, account("alice"), group("staff", f"staff@{D}")])
    run(server, [{"name": D, "type": "domain", "state": "absent"}, {"name": "staff", "state": "absent"}, {"name": "alice", "state": "absent"}])
    assert [name for _verb, name in server.principals.writes] == ["alice", "staff", D]


def test_a_domain_stays_when_somebody_in_it_could_not_be_deleted() -> None:
    server = MemoryServer([DOMAIN, account("alice"), account("bob")])
    server.principals.trouble = failing("alice", "delete")
    error = fails(server, [{"name": name, "state": "absent"} for name in (D, "alice", "bob")])
    assert sorted(server.principals.stored) == ["alice", D]
    assert [failure["name"] for failure in error.more["failures"]] == [D, "alice"]
    assert "'alice', which failed, may still have addresses in it" in str(error)


def test_what_needs_a_failed_creation_is_not_tried() -> None:
    server = MemoryServer()
    server.principals.trouble = failing(D, "create")
    error = fails(server, [{"name": "alice", "emails": [f"alice@{D}"]}, {"name": D, "type": "domain"}, {"name": "bob"}])
    assert {failure["name"]: failure["reason"] for failure in error.more["failures"]}["alice"] == f"it needs {D!r}, which failed"
    assert list(server.principals.stored) == ["bob"]
    assert error.changed
    assert [operation["name"] for operation in error.done] == ["bob"]
    assert sorted(operation["name"] for operation in error.left) == ["alice", D]
    assert not fails_again(server, [{"name": "alice", "emails": [f"alice@{D}"]}, {"name": D, "type": "domain"}, {"name": "bob"}])


def fails_again(server: MemoryServer, wanted: list[dict[str, t.Any]]) -> bool:
    run(server, wanted)
    return run(server, wanted).changed


def test_half_of_an_item_is_told_as_done() -> None:
    server = MemoryServer()
    server.principals.trouble = failing("alice", "create")
    error = fails(server, [{"name": "staff", "type": "group", "members": ["alice"]}, {"name": "alice"}])
    assert [(each["name"], each["action"]) for each in error.done] == [("staff", "create")]
    assert [(each["name"], each["action"]) for each in error.left] == [("staff", "update"), ("alice", "create")]
    assert error.changed


# Renames


def test_a_rename_keeps_memberships_and_the_second_run_finds_it() -> None:
    server = MemoryServer([DOMAIN, group("staff"), account("alice", member_of=("staff",)), account("bob")])
    wanted: list[dict[str, t.Any]] = [
        {"name": "alice", "new_name": "alicia", "member_of": ["crew"]},
        {"name": "staff", "type": "group", "new_name": "crew", "members": ["alicia", "bob"]},
    ]
    outcome = run(server, wanted)
    assert outcome.results["summary"]["renamed"] == 2
    assert server.principals.state()["crew"]["members"] == ["alicia", "bob"]
    assert not run(server, wanted).changed


@pytest.mark.parametrize("second", [{"name": "b", "new_name": "c"}, {"name": "b", "new_name": "a"}, {"name": "b"}])
def test_names_that_pass_from_one_to_another_are_refused(second: dict[str, t.Any]) -> None:
    server = MemoryServer([account("a"), account("b")])
    with pytest.raises(InvalidOption, match="rename in a task before"):
        run(server, [{"name": "a", "new_name": "b"}, second])
    assert server.principals.reads == 0


def test_a_new_name_that_another_has_is_refused() -> None:
    server = MemoryServer([account("a"), account("b")])
    assert "'b' is the name of an individual" in str(fails(server, [{"name": "a", "new_name": "b"}]))


# Addresses that move


SWAP = [{"name": "alice", "emails": [f"bob@{D}"]}, {"name": "bob", "emails": [f"alice@{D}"]}]


def test_swapped_addresses_take_one_run() -> None:
    server = MemoryServer([DOMAIN, account("alice"), account("bob")])
    run(server, SWAP)
    assert owners(server) == {f"bob@{D}": "alice", f"alice@{D}": "bob"}
    assert not run(server, SWAP).changed


@pytest.mark.parametrize("nth", range(4))
def test_no_address_is_left_without_an_owner(nth: int) -> None:
    """Whichever of the four patches of a swap fails."""
    server = MemoryServer([DOMAIN, account("alice"), account("bob")])
    count = [0]

    def trouble(verb: str, name: str) -> None:
        count[0] += 1
        if count[0] == nth + 1:
            raise ServerFault("500 no luck", request="PATCH", status=500)

    server.principals.trouble = trouble
    error = fails(server, SWAP)
    assert set(owners(server)) == {f"alice@{D}", f"bob@{D}"}
    assert error.more["failures"]
    run(server, SWAP)
    assert owners(server) == {f"bob@{D}": "alice", f"alice@{D}": "bob"}


def test_an_address_goes_back_in_its_place() -> None:
    server = MemoryServer([DOMAIN, account("alice", f"alice@{D}", f"a@{D}"), account("bob")])
    server.principals.trouble = failing("bob")
    error = fails(server, [{"name": "bob", "emails": {"add": [f"alice@{D}"]}}, {"name": "alice", "emails": {"remove": [f"alice@{D}"]}}])
    assert server.principals.stored["alice"].emails == (f"alice@{D}", f"a@{D}")
    assert not error.changed
    assert {failure["name"]: failure["reason"] for failure in error.more["failures"]} == {
        "bob": "the server answered: 500 no luck (update bob)",
        "alice": "its addresses move together with those of 'bob', which failed",
    }


def test_an_address_that_can_not_go_back_is_told() -> None:
    server = MemoryServer([DOMAIN, account("alice"), account("bob")])
    seen: list[str] = []

    def trouble(verb: str, name: str) -> None:
        seen.append(name)
        if len(seen) > 1:
            raise ConnectionFailed("the connection broke", sent=True)

    server.principals.trouble = trouble
    error = fails(server, [{"name": "bob", "emails": {"add": [f"alice@{D}"]}}, {"name": "alice", "emails": []}])
    assert f"alice@{D} could not be given back to 'alice'" in str(error)


def test_an_address_of_a_deleted_principal_moves_to_one_that_exists() -> None:
    server = MemoryServer([DOMAIN, account("alice"), account("bob")])
    run(server, [{"name": "bob", "emails": {"add": [f"alice@{D}"]}}, {"name": "alice", "state": "absent"}])
    assert owners(server) == {f"alice@{D}": "bob", f"bob@{D}": "bob"}
    assert "alice" not in server.principals.stored


def test_a_new_group_may_take_an_address_and_members_at_once() -> None:
    server = MemoryServer([DOMAIN, account("alice", f"alice@{D}", f"sales@{D}"), account("bob")])
    wanted: list[dict[str, t.Any]] = [
        {"name": "sales", "type": "group", "emails": [f"sales@{D}"]},
        {"name": "alice", "emails": [f"alice@{D}"]},
        {"name": "bob", "member_of": ["sales"]},
    ]
    run(server, wanted)
    assert owners(server)[f"sales@{D}"] == "sales"
    assert not run(server, wanted).changed


def test_what_relies_on_a_refused_item_is_refused_before_it_is_sent() -> None:
    server = MemoryServer([DOMAIN, account("alice"), account("bob")])
    wanted: list[dict[str, t.Any]] = [{"name": "alice", "emails": [f"new@{D}", "x@nowhere.example"]}, {"name": "bob", "emails": {"add": [f"alice@{D}"]}}]
    error = fails(server, wanted, check=True)
    assert "belongs to the individual 'alice'" in str(error)
    assert str(fails(server, wanted)) == str(error).replace("would be", "were")
    assert server.principals.writes == []


# Contradictions


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ([{"name": "Alice"}, {"name": " alice "}], "merge the two"),
        ([{"name": "a", "emails": f"X@{D}"}, {"name": "b", "emails": {"add": [f"x@{D}"]}}], "an address has one owner"),
        ([{"name": "a", "new_name": "c"}, {"name": "b", "new_name": "c"}], "choose another new_name"),
        ([{"name": "g", "type": "group", "members": ["b"]}, {"name": "a", "member_of": ["g"]}], "say it once"),
        ([{"name": "g", "type": "group", "members": ["a"]}, {"name": "a", "member_of": []}], "say it once"),
        ([{"name": "l", "type": "list", "members": {"remove": ["a"]}}, {"name": "a", "lists": {"add": ["l"]}}], "say it once"),
    ],
)
def test_items_that_contradict_each_other_are_refused(wanted: list[dict[str, t.Any]], words: str) -> None:
    server = MemoryServer([DOMAIN])
    with pytest.raises(InvalidOption, match=words):
        run(server, wanted)
    assert server.principals.reads == 0


def test_a_kept_membership_in_a_deleted_group_is_refused() -> None:
    server = MemoryServer([DOMAIN, group("staff"), account("alice", member_of=("staff",))])
    error = fails(server, [{"name": "staff", "state": "absent"}, {"name": "alice", "member_of": ["staff"]}])
    assert "member_of: 'staff' is deleted by the same task" in str(error)


@pytest.mark.parametrize("purge", [False, True])
def test_a_deletion_and_a_creation_with_one_address_get_a_hint(purge: bool) -> None:
    server = MemoryServer([DOMAIN, account("alice")])
    gone: list[dict[str, t.Any]] = [] if purge else [{"name": "alice", "state": "absent"}]
    with pytest.raises(Refused, match="new_name: alicia"):
        run(server, [*gone, {"name": "alicia", "emails": [f"alice@{D}"]}], purge=purge, purge_types=["individual"], purge_limit="1")
    assert server.principals.writes == []


# Defaults


def test_defaults_give_way() -> None:
    server = MemoryServer()
    defaults = {"quota": "1G", "password": "default-unlike-any-data", "enabled": True, "description": "d"}
    run(server, [{"name": D, "type": "domain"}, {"name": "a", "password_hash": hash_password("x"), "description": None}], defaults=defaults)
    stored = server.principals.stored
    assert (stored[D].quota, stored[D].description, stored["a"].quota, stored["a"].description) == (None, "d", 1024**3, "d")


# Purge


@pytest.mark.parametrize(("limit", "allowed"), [("10%", 2), ("1", 1), ("0", 0), ("100%", 11), ("0%", 0)])
def test_the_limit_of_a_purge_is_rounded_up(limit: str, allowed: int) -> None:
    server = MemoryServer([account(f"a{number}") for number in range(11)])
    for kept in (11 - allowed, 11 - allowed - 1):
        wanted: list[dict[str, t.Any]] = [{"name": f"a{number}"} for number in range(kept)]
        if kept < 0:
            continue
        if 11 - kept <= allowed:
            assert run(server, wanted, check=True, purge=True, purge_types=["individual"], purge_limit=limit).results["summary"]["deleted"] == allowed
        else:
            with pytest.raises(Refused, match="nothing was written"):
                run(server, wanted, purge=True, purge_types=["individual"], purge_limit=limit)
    assert server.principals.writes == []


def test_a_purge_spares_the_login_and_what_is_out_of_scope() -> None:
    server = MemoryServer([DOMAIN, account("admin"), account("old"), account("away", "away@other.example"), group("staff", f"staff@{D}")])
    run(server, [{"name": D, "type": "domain"}], purge=True, purge_types=["individual"], purge_domains=[D], purge_limit="100%")
    assert sorted(server.principals.stored) == ["admin", "away", D, "staff"]


def test_mail_is_purged_only_as_far_as_it_is_allowed() -> None:
    found = [account("a", used_quota=1), account("b", used_quota=1)]
    with pytest.raises(Refused, match="2 principals that hold mail"):
        run(MemoryServer(found), [], purge=True, purge_types=["individual"], purge_limit="100%", delete_mail=1)
    server = MemoryServer(found)
    run(server, [], purge=True, purge_types=["individual"], purge_limit="100%", delete_mail=2)
    assert server.principals.stored == {}


def test_a_role_in_use_is_not_purged() -> None:
    role = Principal(name="auditor", type="role")
    with pytest.raises(Refused, match="the role 'auditor', which 'a' has"):
        run(MemoryServer([role, account("a").model_copy(update={"roles": ("user", "auditor")})]), [], purge=True, purge_types=["role"], purge_limit="1")


@pytest.mark.parametrize("limit", ["-1", "101%", "ten", "²", ""])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(InvalidOption, match="is no limit"):
        run(MemoryServer(), [], purge=True, purge_types=["individual"], purge_limit=limit)


# Ends


def test_stop_begins_nothing_after_a_failure() -> None:
    server = MemoryServer()
    server.principals.trouble = failing("a3", "create")
    error = fails(server, [{"name": f"a{number}"} for number in range(6)], on_error="stop", concurrency=1)
    assert [operation["name"] for operation in error.done] == ["a0", "a1", "a2"]
    assert [operation["name"] for operation in error.left] == ["a3", "a4", "a5"]
    assert error.more["summary"]["created"] == 3


@pytest.mark.parametrize(("sent", "made"), [(False, 3), (True, 5)])
def test_a_server_that_is_gone_is_not_waited_for_by_all_others(sent: bool, made: int) -> None:
    """One connection that breaks is an item that failed; one that can't be made is the end."""
    server = MemoryServer()
    server.principals.trouble = failing("a3", "create", error=ConnectionFailed("it could not be reached", sent=sent))
    error = fails(server, [{"name": f"a{number}"} for number in range(6)], concurrency=1)
    assert (len(error.done), len(error.left)) == (made, 6 - made)
    assert [failure["name"] for failure in error.more["failures"]] == ["a3"]
    assert "running the task again goes on from there" in str(error)


def test_stop_writes_nothing_when_the_plan_refuses_one() -> None:
    server = MemoryServer()
    error = fails(server, [{"name": "a"}, {"name": "b", "emails": ["b@nowhere.example"]}], on_error="stop")
    assert server.principals.writes == []
    assert (error.changed, error.more["summary"]["created"]) == (False, 0)


def test_time_runs_out_between_writes() -> None:
    server = MemoryServer()
    server.principals.trouble = lambda _verb, _name: time.sleep(0.05)
    error = fails(server, [{"name": f"a{number}"} for number in range(20)], time_limit=0.2, concurrency=1)
    made = len(server.principals.stored)
    assert 1 <= made < 20
    assert (len(error.done), len(error.left)) == (made, 20 - made)
    assert "the time_limit of 0.2 seconds ran out" in str(error)
    assert error.more["failures"] == []


def test_an_interruption_does_not_wait_for_what_is_left() -> None:
    server = MemoryServer()

    class Interrupted(BaseException):
        pass

    def trouble(_verb: str, name: str) -> None:
        time.sleep(0.02)
        if name == "a5":
            raise Interrupted

    server.principals.trouble = trouble
    with pytest.raises(Interrupted):
        run(server, [{"name": f"a{number}"} for number in range(500)], concurrency=2)
    assert len(server.principals.stored) < 50


def test_results_are_bounded() -> None:
    server = MemoryServer()
    told: list[str] = []
    wanted = [{"name": f"a{number}", "roles": []} for number in range(700)]
    outcome = run(server, wanted, warn=told.append)
    assert (len(outcome.operations()), len(outcome.diffs())) == (500, 500)
    assert outcome.results["summary"]["created"] == 700
    assert len(told) == 21
    assert told[-1].startswith("680 more warnings")
    server.principals.trouble = lambda verb, name: failing(name, verb)(verb, name)
    error = fails(server, [{**each, "description": "other"} for each in wanted])
    assert (len(error.more["failures"]), len(error.left)) == (100, 500)
    assert len(str(error)) < 2000


# Passwords


def test_many_passwords_are_verified_in_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_WORTH_PROCESSES", 4)
    monkeypatch.setattr(verify, "_cores", lambda: 2)
    pairs = [(f"password-{number}", hash_password(f"password-{number % 3}", rounds=1000)) for number in range(6)]
    known = verify._in_processes(pairs)
    assert [known[pair] for pair in pairs] == [True, True, True, False, False, False]
    server = MemoryServer([account(f"a{number}", password_hashes=(pair[1],)) for number, pair in enumerate(pairs)])
    outcome = run(server, [{"name": f"a{number}", "password": pair[0]} for number, pair in enumerate(pairs)], check=True)
    assert [change.name for change in outcome.changes] == ["a3", "a4", "a5"]


def test_without_processes_passwords_are_verified_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_WORTH_PROCESSES", 1)
    monkeypatch.setattr(verify, "_cores", lambda: 2)

    def refuse(*_arguments: object, **_options: object) -> t.NoReturn:
        raise OSError("no semaphores here")

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", refuse)
    assert verify.verify_all([("a-password", hash_password("a-password", rounds=1000))])("a-password", hash_password("b", rounds=1000)) is False


# Properties: any wanted and found state

PEOPLE, GROUPS, LISTS, ROLES = ["ann", "bob", "cat", "dan"], ["g1", "g2"], ["l1"], ["r1"]
DOMAINS = ["one.example", "two.example"]
ADDRESSES = [f"{local}@{domain}" for local in ("x", "y", "z") for domain in DOMAINS]


@st.composite
def found_states(draw: st.DrawFn) -> list[Principal]:
    domains = draw(st.lists(st.sampled_from(DOMAINS), unique=True))
    groups, lists, roles = (draw(st.lists(st.sampled_from(names), unique=True)) for names in (GROUPS, LISTS, ROLES))
    free = [address for address in draw(st.permutations(ADDRESSES)) if address.partition("@")[2] in domains]
    state = [Principal(name=name, type="domain") for name in domains]
    state += [Principal(name=name, type="role") for name in roles]
    for kind, names in (("group", groups), ("list", lists), ("individual", draw(st.lists(st.sampled_from(PEOPLE), unique=True)))):
        for name in names:
            emails = tuple(free.pop() for _ in range(draw(st.integers(0, 2))) if free)
            values: dict[str, t.Any] = {}
            if kind == "individual":
                values = {
                    "member_of": tuple(draw(st.lists(st.sampled_from(groups), unique=True))) if groups else (),
                    "lists": tuple(draw(st.lists(st.sampled_from(lists), unique=True))) if lists else (),
                    "roles": ("user", *roles[: draw(st.integers(0, 1))]),
                }
            if kind == "group":
                values = {"enabled_permissions": ("email-receive",)}
            state.append(Principal(name=name, type=t.cast(t.Any, kind), emails=emails, **values))
    return state


def edits_of(draw: st.DrawFn, names: list[str]) -> t.Any:
    some = st.lists(st.sampled_from(names), unique=True, max_size=2)
    how = draw(st.sampled_from(["exact", "add", "remove"]))
    return draw(some) if how == "exact" else {how: draw(some)}


@st.composite
def wanted_states(draw: st.DrawFn) -> list[dict[str, t.Any]]:
    items: list[dict[str, t.Any]] = []
    kinds = [*((name, "domain") for name in DOMAINS), *((name, "role") for name in ROLES), *((name, "group") for name in GROUPS)]
    kinds += [*((name, "list") for name in LISTS), *((name, "individual") for name in PEOPLE)]
    for name, kind in draw(st.lists(st.sampled_from(kinds), unique=True, min_size=1)):
        if draw(st.integers(0, 4)) == 0:
            items.append({"name": name, "state": "absent"})
            continue
        item: dict[str, t.Any] = {"name": name, "type": kind}
        if draw(st.booleans()):
            item["description"] = draw(st.sampled_from(["a", "b", ""]))
        if kind not in ("domain", "role") and draw(st.booleans()):
            item["emails"] = edits_of(draw, ADDRESSES)
        if kind == "individual":
            for field, names in (("member_of", GROUPS), ("lists", LISTS), ("roles", ["user", *ROLES])):
                if draw(st.booleans()):
                    item[field] = edits_of(draw, names)
        if kind in ("group", "list") and draw(st.booleans()):
            item["members"] = edits_of(draw, PEOPLE)
        if kind != "domain" and draw(st.integers(0, 4)) == 0:
            item["new_name"] = f"{name}-new"
        items.append(item)
    return items


def attempt(server: MemoryServer, wanted: list[dict[str, t.Any]], *, check: bool = False) -> tuple[str, t.Any]:
    """What a run tells, without the words that differ between a prediction and a report."""
    try:
        outcome = run(server, wanted, check=check)
    except PartlyDone as error:
        return "partly", (error.done, error.left, error.changed, error.more)
    except (InvalidOption, Refused) as error:
        return "refused", str(error)
    return "done", (outcome.operations(), outcome.diffs(), outcome.results["summary"])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(found_states(), wanted_states(), st.randoms())
def test_a_plan_holds_whatever_is_found_and_wanted(found: list[Principal], wanted: list[dict[str, t.Any]], chance: random.Random) -> None:
    """Check mode predicts exactly; after a run the plan is empty; two runs are as one; the order of the items does not matter."""
    server = MemoryServer(found)
    before = server.principals.state()
    predicted = attempt(server, wanted, check=True)
    assert server.principals.state() == before
    first = attempt(server, wanted)
    assert first == predicted
    after = server.principals.state()
    if first[0] == "refused":
        assert after == before
    second = attempt(server, wanted)
    assert server.principals.state() == after
    if first[0] == "done":
        assert second[1][:2] == ([], [])
    elif first[0] == "partly":
        assert second[1][0] == []
    shuffled = list(wanted)
    chance.shuffle(shuffled)
    other = MemoryServer(found)
    attempt(other, shuffled)
    assert other.principals.state() == after


def test_what_makes_hashes_is_loaded_before_ansible_forks() -> None:
    """And by actions that make none it is not."""
    script = "import sys, ansible_collections.stalwart.mail.plugins.action.{} as _; print('passlib.handlers.sha2_crypt' in sys.modules)"
    loaded = {}
    for name in ("principal", "queue_info"):
        done = subprocess.run([sys.executable, "-c", script.format(name)], env=environment(), cwd=ROOT / ".cache" / "tree", capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        loaded[name] = done.stdout.strip()
    assert loaded == {"principal": "True", "queue_info": "False"}


@pytest.mark.parametrize("password", ["with\0nul", "x" * 5000])
def test_a_password_that_can_be_none_is_refused_before_anything(password: str) -> None:
    server = MemoryServer()
    with pytest.raises(InvalidOption, match=r"principals\[0\] \(a\)\.password: the password ") as caught:
        run(server, [{"name": "a", "password": password}])
    assert password not in str(caught.value)
    assert server.principals.reads == 0

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings: the way between nested data and flat keys, what is written, and that nothing wrong stays."""

from __future__ import annotations

import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._errors import (
    AuthenticationFailed,
    ConnectionFailed,
    InvalidOption,
    NotApplied,
    PartlyDone,
    PermissionDenied,
    Refused,
    ServerFault,
)
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources.settings import tree
from ansible_collections.stalwart.mail.plugins.module_utils._resources.settings.task import info, manage, secret_values
from ansible_collections.stalwart.mail.plugins.module_utils._secrets import HIDDEN, is_secret_key, scrub
from tests.support.settings import FakeServer

SECRET = "a-secret-that-nobody-may-see"


def run(server: FakeServer, *, check: bool = False, warnings: list[str] | None = None, **options: t.Any) -> Outcome:
    told: list[str] = [] if warnings is None else warnings
    return manage(server.port, options, Mode(check=check, diff=True, warn=told.append))


def flat(settings: t.Mapping[t.Any, t.Any]) -> dict[str, str]:
    return {name: text for key, value in tree.flatten(settings).items() for name, text in tree.keys_of(key, value, {}).items()}


# From nested to flat


def test_values_become_texts() -> None:
    assert flat({"a": True, "b": False, "c": 5, "d": 0.5, "e": "", "f": "x y", "g": 10**20, 7: "seven"}) == {
        "a": "true",
        "b": "false",
        "c": "5",
        "d": "0.5",
        "e": "",
        "f": "x y",
        "g": "100000000000000000000",
        "7": "seven",
    }


def test_nesting_and_dots_are_the_same() -> None:
    assert flat({"a": {"b": {"c": 1}, "b.d": 2}, "a.e": 3}) == {"a.b.c": "1", "a.b.d": "2", "a.e": "3"}
    assert flat({"a": {}, "b": {"c": {}}}) == {}


def test_lists_are_numbered_with_four_digits() -> None:
    assert flat({"a": ["x", 2, True], "b": []}) == {"a.0000": "x", "a.0001": "2", "a.0002": "true"}
    assert flat({"a": [{"if": "x", "then": False}, {"else": {"b": [1, 2]}}]}) == {
        "a.0000.if": "x",
        "a.0000.then": "false",
        "a.0001.else.b.0000": "1",
        "a.0001.else.b.0001": "2",
    }
    assert list(flat({"a": list(range(10_001))}))[-1] == "a.10000"
    assert min(flat({"a": list(range(10_001))})) == "a.00000"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"a": None}, "a is null; give it a value, leave it out"),
        ({"a": {"b": [1, None]}}, r"a.b\[1\] is null"),
        ({"a": [[1]]}, r"a\[0\] is a list within a list"),
        ({"a": [{}]}, r"a\[0\] is an empty dictionary"),
        ({"": 1}, "a key is empty"),
        ({"a": {"": 1}}, "a key is empty"),
        ({".a": 1}, "'.a' has an empty part"),
        ({"a.": 1}, "'a.' has an empty part"),
        ({"a..b": 1}, "'a..b' has an empty part"),
        ({"a b": 1}, "holds a blank or a control character"),
        ({"a\n": 1}, "holds a blank or a control character"),
        ({"a\x00": 1}, "holds a blank or a control character"),
        ({"a,b": 1}, "'a,b' holds a comma"),
        ({"{{ a }}": 1}, "Ansible resolves none in keys"),
        ({True: 1}, "a key at the top is True, which is no text; put it in quotes"),
        ({"a": {1.5: 1}}, "a key below a is 1.5"),
        ({"a.b": 1, "a": {"b": 1}}, "'a.b' is given twice"),
        ({"a": [1], "a.b": 2}, "'a' is given as a list, and 'a.b' is below it"),
        ({"a": float("nan")}, "a is nan, which is no number"),
        ({"a": float("inf")}, "a is inf, which is no number"),
        ({"a": HIDDEN}, "a holds the mask of a secret"),
        ({"a": ["VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"]}, r"a\[0\] holds the mask of a secret"),
    ],
)
def test_what_is_no_setting_is_said(settings: dict[t.Any, t.Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=f"^settings: .*{words}") as caught:
        tree.flatten(settings)
    assert str(caught.value).endswith(".")


# From flat to nested and back


def test_lists_are_told_by_their_numbers() -> None:
    assert tree.nested({"a.0": "x", "a.1": "y"}) == {"a": ["x", "y"]}
    assert tree.nested({"a.0001": "y", "a.0000": "x"}) == {"a": ["x", "y"]}
    assert tree.nested({"a.0000.if": "x", "a.0000.then": "y", "a.0001.else": "z"}) == {"a": [{"if": "x", "then": "y"}, {"else": "z"}]}
    assert tree.nested({"a.2024": "x"}) == {"a": {"2024": "x"}}
    assert tree.nested({"a.0": "x", "a.2": "y"}) == {"a": {"0": "x", "2": "y"}}
    assert tree.nested({"a.0": "x", "a.name": "y"}) == {"a": {"0": "x", "name": "y"}}


def test_a_key_with_keys_below_it_keeps_its_value() -> None:
    found = {"a.b": "1", "a.b.c": "2", "a.b.c.d": "3", "a.b-x": "4"}
    assert tree.nested(found) == {"a": {"b": "1", "b.c": "2", "b.c.d": "3", "b-x": "4"}}
    assert flat(tree.nested(found)) == found


def test_the_order_of_a_list_is_that_of_its_numbers_as_text() -> None:
    found = {f"a.{number}": str(number) for number in range(12)}
    assert tree.nested(found) == {"a": ["0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"]}


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,5}", fullmatch=True)
SCALARS = st.text(max_size=8).filter(lambda text: not any(mask in text for mask in tree.MASKS))
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.dictionaries(NAMES, inner, min_size=1, max_size=4)
        | st.lists(SCALARS | st.dictionaries(NAMES, SCALARS, min_size=1, max_size=3), min_size=1, max_size=4)
    ),
    max_leaves=12,
)


@hypothesis.given(st.dictionaries(NAMES, TREES, max_size=4))
@hypothesis.settings(deadline=None)
def test_what_is_read_can_be_written_and_read_again(settings: dict[str, t.Any]) -> None:
    try:
        first = flat(settings)
    except InvalidOption:
        hypothesis.assume(False)
    assert flat(tree.nested(first)) == first
    server = FakeServer(**first)
    assert not run(server, settings=tree.nested(first)).changed
    assert server.writes == []


# What is written


def test_present_writes_only_what_differs_and_reloads_once() -> None:
    server = FakeServer(**{"session.timeout": "5m", "session.other": "x"})
    outcome = run(server, settings={"session": {"timeout": "10m", "limit": 3}})
    assert server.settings.stored == {"session.timeout": "10m", "session.other": "x", "session.limit": "3"}
    assert [kind for kind, _what in server.settings.log] == ["dry run", "insert", "reload"]
    assert [(change.name, change.action, change.before, change.after) for change in outcome.changes] == [
        ("session.timeout", "update", {"value": "5m"}, {"value": "10m"}),
        ("session.limit", "create", None, {"value": "3"}),
    ]
    assert outcome.results["settings"] == {"session.limit": "3", "session.timeout": "10m"}
    assert outcome.results["reloaded"] is True
    assert outcome.results["stored_only"] is False


@pytest.mark.parametrize("blocked", ["192.0.2.7", "192.0.2.0/24"])
@pytest.mark.parametrize("check", [False, True])
def test_the_own_address_is_not_blocked_by_way_of_settings(blocked: str, check: bool) -> None:
    server = FakeServer()
    server.address = "192.0.2.7"
    with pytest.raises(Refused, match=f"settings: {blocked} holds 192.0.2.7, from which this task speaks with the server"):
        run(server, check=check, settings={f"server.blocked-ip.{blocked}": ""})
    assert server.writes == []
    assert run(server, settings={"server.blocked-ip.192.0.2.8": "", f"server.allowed-ip.{blocked}": ""}).changes


def test_what_newer_servers_have_is_refused_or_left_out() -> None:
    server = FakeServer()
    both = {"session.timeout": "5m", "Http": {"enableHsts": True}}
    with pytest.raises(InvalidOption, match=r"'Http\.enableHsts' is a setting of servers since 0\.16, and this one is older"):
        run(server, settings=both)
    done = run(server, settings=both, other_generation="leave_out")
    assert done.results["settings"] == {"session.timeout": "5m"}
    assert done.results["left_out"] == {"Http.enableHsts": "servers since 0.16 have it, and this one is older"}
    assert not run(server, settings={"Http.enableHsts": True}, other_generation="leave_out").changed


def test_a_second_run_only_asks_whether_the_server_finds_errors() -> None:
    server = FakeServer(**{"a": "true", "l.0": "x", "l.1": "y"})
    outcome = run(server, settings={"a": True, "l": ["x", "y"], "empty": []})
    assert not outcome.changed
    assert server.settings.log == [("dry run", "all")]
    assert outcome.results["settings"] == {"a": "true", "l.0": "x", "l.1": "y"}


def test_what_an_interrupted_run_left_wrong_is_no_success() -> None:
    """It stored the bad value, and ended before the server's judgement."""
    server = FakeServer(a="bad", b="bad too")
    with pytest.raises(Refused, match="stored as wanted, but the server finds errors in them and applies nothing: a \\(parse: bad value\\)"):
        run(server, settings={"a": "bad"})
    server.settings.log.clear()
    assert not run(server, settings={"a": "bad"}, reload="never").changed
    assert not run(server, settings={"a": "bad"}, ignore_existing_errors=True).changed
    assert server.settings.log == []


def test_check_mode_plans_the_same_and_writes_nothing() -> None:
    options: dict[str, t.Any] = {"state": "exact", "prefix": "p", "settings": {"a": [1, 2], "b": "x"}}
    before = {"p.a.0000": "1", "p.c": "y", "p.b": "z"}
    checked, ran = FakeServer(**before), FakeServer(**before)
    predicted, done = run(checked, check=True, **options), run(ran, **options)
    assert predicted.changes == done.changes
    assert predicted.results["settings"] == done.results["settings"]
    assert checked.settings.stored == before
    assert checked.settings.log == [("dry run", "all")]


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ({"l.0": "a", "l.1": "b"}, ["a", "c"], {"l.0": "a", "l.1": "c"}),
        ({"l.0": "a", "l.1": "b"}, ["b"], {"l.0": "b"}),
        ({"l.0000": "a"}, ["a", "b"], {"l.0000": "a", "l.0001": "b"}),
        ({"l.0": "a", "l.0001": "b"}, ["b", "a"], {"l.0000": "b", "l.0001": "a"}),
        ({f"l.{n}": "x" for n in range(10)}, ["x"] * 11, {f"l.{n:04d}": "x" for n in range(11)}),
        ({"l.0": "a", "l.2": "b"}, ["a", "b"], {"l.0": "a", "l.2": "b"}),
        ({"l": "a"}, ["a"], {"l.0000": "a"}),
        ({"l": "a", "l.0": "a"}, ["b"], {"l.0": "b"}),
        ({"l.0": "a", "l.1": "b"}, [], {}),
        ({"l.0.if": "a", "l.0.then": "b"}, [{"if": "a", "then": "c"}], {"l.0.if": "a", "l.0.then": "c"}),
        ({"l.0.if": "a", "l.0.then": "b", "l.1.else": "c"}, [{"else": "c"}], {"l.0.else": "c"}),
        ({"l.0.x.0": "a", "l.0.x.1": "b"}, [{"x": ["a", "b"]}], {"l.0.x.0": "a", "l.0.x.1": "b"}),
        ({"l.0": "a", "l.1": "b"}, "text", {"l": "text"}),
        ({"l.0.if": "a", "l.0.then": "b"}, True, {"l": "true"}),
        ({"l.name": "a"}, "text", {"l": "text", "l.name": "a"}),
    ],
)
def test_lists_are_compared_by_their_elements(before: dict[str, str], wanted: t.Any, after: dict[str, str]) -> None:
    server = FakeServer(**before, other="kept")
    run(server, settings={"l": wanted})
    assert server.settings.stored == after | {"other": "kept"}
    again = run(server, settings={"l": wanted})
    assert not again.changed


def test_a_list_does_not_take_the_place_of_named_keys() -> None:
    server = FakeServer(**{"queue.route.local.type": "local"})
    with pytest.raises(Refused, match=r"'queue.route' is given as a list, but on the server it holds named keys \(queue.route.local.type\)"):
        run(server, settings={"queue.route": ["x"]})
    assert server.settings.log == []


def test_exact_inserts_first_and_deletes_named_keys() -> None:
    server = FakeServer(**{"queue.test.a": "1", "queue.test.b.0": "x", "queue.test.b.1": "y", "queue.test2.a": "1", "queue.test": "self"})
    outcome = run(server, state="exact", prefix="queue.test.", settings={"a": 2, "b": ["x"]})
    assert server.writes == [("insert", {"queue.test.a": "2"}), ("delete", ["queue.test.b.1"])]
    assert server.settings.stored == {"queue.test.a": "2", "queue.test.b.0": "x", "queue.test2.a": "1", "queue.test": "self"}
    assert [(change.name, change.action) for change in outcome.changes] == [("queue.test.a", "update"), ("queue.test.b", "update")]
    run(server, state="exact", prefix="queue.test", settings={})
    assert server.settings.stored == {"queue.test2.a": "1", "queue.test": "self"}


def test_what_the_server_made_for_a_provider_stays_as_long_as_the_provider() -> None:
    own = {"acme.a.account-key": SECRET, "acme.a.cert": SECRET, "acme.b.account-key": SECRET}
    server = FakeServer(**{**own, "acme.a.directory": "https://a.example", "acme.a.renew-before": "1d", "acme.b.directory": "https://b.example"})
    run(server, state="exact", prefix="acme", settings={"a.directory": "https://a.example"})
    assert server.settings.stored == {"acme.a.account-key": SECRET, "acme.a.cert": SECRET, "acme.a.directory": "https://a.example"}
    assert not run(server, state="exact", prefix="acme", settings={"a.directory": "https://a.example"}).changed


def test_what_the_server_made_once_is_not_swept_away() -> None:
    server = FakeServer(**{"oauth.key": SECRET, "oauth.expiry.token": "1h", "report.domain": "example.org"})
    run(server, state="exact", prefix="oauth", settings={})
    run(server, state="absent", prefixes=["report"])
    assert server.settings.stored == {"oauth.key": SECRET, "report.domain": "example.org"}
    run(server, state="absent", keys=["oauth.key"])
    assert server.settings.stored == {"report.domain": "example.org"}


@pytest.mark.parametrize(
    "prefix", ["", "server", "server.blocked-ip", "server.allowed-ip.192.0.2.1", "signature", "signature.x", "spam-filter.rule.x", "lookup", "version"]
)
def test_exact_is_refused_where_others_keep_their_own(prefix: str) -> None:
    server = FakeServer(x="y")
    with pytest.raises(InvalidOption, match=r"^prefix: "):
        run(server, state="exact", prefix=prefix, settings={"a": "b"})
    assert server.settings.log == []


@pytest.mark.parametrize("prefix", ["signatures", "server.listener", "serve", "lookups", "queue"])
def test_exact_is_fine_beside_them(prefix: str) -> None:
    server = FakeServer()
    run(server, state="exact", prefix=prefix, settings={"a": "b"}, local_keys="allow")
    assert server.settings.stored == {f"{prefix}.a": "b"}


def test_absent_takes_settings_and_prefixes_and_no_siblings() -> None:
    before = {"a.b": "1", "a.b.c": "2", "a.l.0": "x", "a.l.1": "y", "q.test.a": "1", "q.test2.a": "2"}
    server = FakeServer(**before)
    warnings: list[str] = []
    outcome = run(server, state="absent", keys=["a.b", "a.l", "q", "nosuch"], prefixes=["q.test."], warnings=warnings)
    assert server.settings.stored == {"a.b.c": "2", "q.test2.a": "2"}
    assert server.writes == [("delete", ["a.b", "a.l.0", "a.l.1", "q.test.a"])]
    assert [(change.name, change.action) for change in outcome.changes] == [("a.b", "delete"), ("a.l", "delete"), ("q.test.a", "delete")]
    assert warnings == ["keys: there is no setting q, only others below; to remove all of them use prefixes."]
    assert not run(server, state="absent", keys=["a.b", "a.l"], prefixes=["q.test"]).changed


def test_absent_below_a_prefix() -> None:
    server = FakeServer(**{"p.a": "1", "p.b.c": "2", "q.a": "3"})
    run(server, state="absent", prefix="p", keys="a")
    assert server.settings.stored == {"p.b.c": "2", "q.a": "3"}
    run(server, state="absent", prefix="p")
    assert server.settings.stored == {"q.a": "3"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "settings: they are missing"),
        ({"state": "exact", "prefix": "p"}, "settings: they are missing"),
        ({"state": "absent"}, "keys: nothing is named that shall be absent"),
        ({"state": "absent", "prefix": "."}, "prefix: it is empty"),
        ({"state": "absent", "prefixes": ["signature"]}, "prefixes: 'signature' belongs to the module dkim"),
        ({"state": "absent", "prefixes": ["server"]}, "prefixes: below 'server' there is 'server.blocked-ip', which belongs to"),
        ({"state": "absent", "keys": ["a"], "settings": {"a": 1}}, "settings: they are what shall be there"),
        ({"settings": {"a": 1}, "keys": ["a"]}, "keys: they name what shall be absent"),
        ({"settings": {"a": 1}, "prefix": "a b"}, "prefix: 'a b' holds a blank"),
        ({"settings": {"a": 1}, "colour": "red"}, "colour: there is no such option"),
        ({"settings": {"a": 1}, "local_keys": "perhaps"}, "local_keys: "),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, t.Any], words: str) -> None:
    server = FakeServer(x="y")
    with pytest.raises(InvalidOption, match=f"^{words}"):
        run(server, **options)
    assert server.settings.log == []


# Local keys


def test_local_keys_are_refused_named_and_only_when_they_would_change() -> None:
    server = FakeServer(**{"server.hostname": "mx.example.org"})
    with pytest.raises(Refused, match=r"local_keys: server.hostname, server.max are local keys, which the server keeps in its own file config.toml") as caught:
        run(server, check=True, settings={"server": {"hostname": "a", "max": 1}, "b": 2})
    assert "set local_keys: allow" in str(caught.value)
    assert server.settings.log == []
    assert not run(server, settings={"server.hostname": "mx.example.org"}).changed
    warnings: list[str] = []
    run(server, settings={"server.hostname": "a"}, local_keys="warn", warnings=warnings)
    assert warnings[0].startswith("server.hostname is a local key, which the server keeps in its own file config.toml")
    run(server, settings={"server.hostname": "b"}, local_keys="allow", warnings=warnings)
    assert len(warnings) == 1
    assert server.settings.stored == {"server.hostname": "b"}


def test_what_needs_a_restart_is_said() -> None:
    warnings: list[str] = []
    outcome = run(FakeServer(), settings={"server.listener.x.bind": "[::]:25"}, local_keys="allow", warnings=warnings)
    assert "changes below server.listener are live only after a restart" in warnings[0]
    assert outcome.results["reloaded"] is True
    assert outcome.results["stored_only"] is True


# Errors before, after, and putting back


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("reload", ["auto", "never"])
def test_errors_that_are_there_stop_the_task_before_it_writes(check: bool, reload: str) -> None:
    server = FakeServer(**{"session.timeout": "bad"})
    with pytest.raises(Refused, match=r"nothing was written: .* The errors: session.timeout \(parse: bad value\)\.$") as caught:
        run(server, check=check, settings={"a": 1}, reload=reload)
    assert caught.value.details == {"setting_errors": {"session.timeout": "parse: bad value"}}
    assert server.writes == []


def test_errors_that_are_there_can_be_ignored_and_then_nothing_is_live() -> None:
    server = FakeServer(**{"session.timeout": "bad"})
    warnings: list[str] = []
    outcome = run(server, settings={"a": 1}, ignore_existing_errors=True, warnings=warnings)
    assert outcome.changed
    assert outcome.results["stored_only"] is True
    assert outcome.results["reloaded"] is False
    assert outcome.results["setting_errors"] == {"session.timeout": "parse: bad value"}
    assert warnings[0].startswith("stored, not live: a reload applies nothing while other settings have errors")
    assert server.settings.stored["a"] == "1"
    with pytest.raises(Refused, match="the server finds errors in the settings as written: b "):
        run(server, settings={"b": "bad"}, ignore_existing_errors=True)
    assert "b" not in server.settings.stored


@pytest.mark.parametrize("options", [{"settings": {"session.timeout": "5m"}}, {"state": "absent", "keys": ["session.timeout"]}])
def test_an_error_can_be_repaired(options: dict[str, t.Any]) -> None:
    server = FakeServer(**{"session.timeout": "bad"})
    assert run(server, **options).results["reloaded"] is True
    assert server.live == server.settings.stored


def test_an_error_named_by_its_record_does_not_stop_the_task_that_may_repair_it() -> None:
    server = FakeServer(**{"l.0.if": "x"})
    server.errors = {"l": "parse: Missing 'then'"}  # and it stays
    with pytest.raises(Refused, match="the server finds errors in the settings as written: l ") as caught:
        run(server, settings={"l": [{"if": "x", "then": "y"}]})
    assert "put back" in str(caught.value)


@pytest.mark.parametrize("reload", ["auto", "never"])
def test_new_errors_fail_the_task_and_everything_is_put_back(reload: str) -> None:
    before = {"p.a": "old", "p.l.0": "x", "p.l.1": "y", "p.gone": "1"}
    server = FakeServer(**before)
    with pytest.raises(Refused) as caught:
        run(server, state="exact", prefix="p", settings={"a": "bad", "l": ["z"], "new": 1}, reload=reload)
    assert str(caught.value) == (
        "the server finds errors in the settings as written: p.a (parse: bad value). What this task wrote was put back, nothing is changed."
    )
    assert caught.value.details == {"setting_errors": {"p.a": "parse: bad value"}}
    assert server.settings.stored == before
    assert server.reloads == []


def test_without_rollback_it_stays_and_is_said() -> None:
    server = FakeServer(a="old")
    with pytest.raises(PartlyDone, match=r"What this task wrote is still stored, but not live \(rollback: false\)") as caught:
        run(server, settings={"a": "bad"}, rollback=False)
    assert server.settings.stored == {"a": "bad"}
    assert [operation["name"] for operation in caught.value.done] == ["a"]


def test_a_write_that_breaks_off_is_put_back() -> None:
    fault = ServerFault("500", request="POST /api/settings", resource="settings", status=500)
    for failures in ([fault], [None, fault]):  # of the insertion, and of the deletion after it
        server = FakeServer(**{"p.a": "old", "p.c": "old"})
        server.settings.failures = list(failures)
        with pytest.raises(Refused, match=r"500.*What this task wrote was put back"):
            run(server, state="exact", prefix="p", settings={"a": "new", "b": "new"})
        assert server.settings.stored == {"p.a": "old", "p.c": "old"}


def test_when_putting_back_fails_too_the_keys_are_named() -> None:
    server = FakeServer(a="old")
    fault = ServerFault("500", request="POST /api/settings", resource="settings", status=500)
    server.settings.failures = [fault, fault]
    with pytest.raises(PartlyDone, match=r"Putting back what this task wrote failed too \(.*\); check these settings: a, b$"):
        run(server, settings={"a": "new", "b": "new"})


def test_a_connection_that_breaks_leaves_it_open_what_was_stored() -> None:
    server = FakeServer()
    server.settings.failures = [ConnectionFailed("the connection broke", sent=True)]
    with pytest.raises(PartlyDone, match="some of the settings may be stored and not live; run the task again") as caught:
        run(server, settings={"a": 1})
    assert [operation["name"] for operation in caught.value.left] == ["a"]


@pytest.mark.parametrize("kind", [PermissionDenied, AuthenticationFailed])
def test_a_refused_write_is_not_put_back(kind: type[PermissionDenied]) -> None:
    server = FakeServer()
    server.settings.failures = [kind("403", request="POST /api/settings", resource="settings", status=403)]
    with pytest.raises(kind):
        run(server, settings={"a": 1})
    assert len(server.writes) == 1


def test_a_key_of_the_servers_file_that_wins_is_noticed() -> None:
    server = FakeServer()
    server.settings.file = {"session.timeout": "5m"}
    with pytest.raises(NotApplied, match=r"these settings are not as written: session.timeout. A key that stands in the server's own file config.toml wins"):
        run(server, settings={"session.timeout": "10m"})


def test_a_login_that_may_not_reload() -> None:
    server = FakeServer()
    server.reload_failure = PermissionDenied("403", request="GET /api/reload", resource="reload", status=403)
    with pytest.raises(PermissionDenied):
        run(server, settings={"a": 1})
    assert server.writes == []
    warnings: list[str] = []
    outcome = run(server, settings={"a": 1}, reload="never", warnings=warnings)
    assert server.settings.stored == {"a": "1"}
    assert outcome.results["stored_only"] is True
    assert "stored without a check for errors" in warnings[0]


def test_reload_never_only_checks() -> None:
    server = FakeServer()
    outcome = run(server, settings={"a": 1}, reload="never")
    assert server.reloads == []
    assert outcome.results["stored_only"] is True
    assert [kind for kind, _what in server.settings.log] == ["dry run", "insert", "dry run"]


# Secrets


@pytest.mark.parametrize(
    "key",
    [
        "signature.rsa-example.org.private-key",
        "store.x.password",
        "queue.route.x.auth.secret",
        "authentication.fallback-admin.secret",
        "directory.x.bind.secret",
        "store.s3.secret-key",
        "store.s3.access-key",
        "store.s3.security-token",
        "store.azure.azure-access-key",
        "store.azure.sas-token",
        "enterprise.license-key",
        "enterprise.api-key",
        "oauth.key",
        "oauth.oidc.signature-key",
        "webhook.x.signature-key",
        "acme.letsencrypt.account-key",
        "acme.letsencrypt.cert",
        "acme.letsencrypt.eab.hmac-key",
        "metrics.prometheus.auth.secret",
        "tracer.otel.headers.0",
        "certificate.x.private-key",
    ],
)
def test_keys_of_secrets_are_known(key: str) -> None:
    assert is_secret_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "signature.rsa-example.org.headers.0",
        "queue.limiter.inbound.ip.key",
        "oauth.expiry.token",
        "oauth.oidc.expiry.id-token",
        "directory.x.attributes.secret",
        "directory.x.columns.secret",
        "certificate.x.cert",
        "http.headers.0",
        "store.x.key-prefix",
        "secretary.name",
        "session.auth.require",
    ],
)
def test_other_keys_are_shown(key: str) -> None:
    assert not is_secret_key(key)


def test_the_login_in_a_url_is_hidden() -> None:
    assert scrub(f"redis://user:{SECRET}@host:6379/1 x://:{SECRET}@h") == f"redis://{HIDDEN}@host:6379/1 x://{HIDDEN}@h"


def test_our_own_sentences_keep_their_words() -> None:
    """They name the forms of secrets, and are scrubbed like everything else."""
    told = "give a sha512-crypt hash, as `openssl passwd -6` prints it, or an otpauth://totp/ URL"
    assert scrub(told) == told
    assert scrub(f"otpauth://totp/alice?secret={SECRET}") == HIDDEN


def test_no_secret_is_in_a_result_or_a_diff() -> None:
    server = FakeServer(**{"queue.route.x.auth.secret": f"old-{SECRET}", "store.r.urls.0": "redis://h"})
    outcome = run(
        server,
        settings={"queue.route.x.auth": {"secret": SECRET, "username": "me"}, "store.r.urls": [f"redis://u:{SECRET}@h"], "note": "{SSHA}abcdefghij"},
    )
    assert server.settings.stored["queue.route.x.auth.secret"] == SECRET
    shown = repr((outcome.results, outcome.operations(), outcome.diffs()))
    assert SECRET not in shown
    assert "abcdefghij" not in shown
    assert outcome.results["settings"]["queue.route.x.auth.secret"] == HIDDEN
    assert outcome.results["settings"]["queue.route.x.auth.username"] == "me"
    assert outcome.diffs()[0]["before"] == {"value": HIDDEN}
    assert outcome.diffs()[0]["after"] == {"value": f"{HIDDEN} (changed)"}


def test_the_secrets_in_the_option_are_told_by_their_keys() -> None:
    option = {"a": {"secret": SECRET, "b": "shown"}, "x.password": [SECRET + "2"], "y": ["shown"], "z.secret": 5, "w.secret": HIDDEN, "v.secret": None}
    assert sorted(secret_values(option)) == [SECRET, SECRET + "2"]
    assert list(secret_values(None)) == []


# Reading


def test_info_reads_by_key_and_prefix_and_masks() -> None:
    server = FakeServer(**{"a.b": "1", "a.l.0": "x", "a.secret": SECRET, "ab": "2", "server.hostname": "mx"})
    outcome = info(server.port, {"keys": ["ab", "nosuch"], "prefixes": "a"}, Mode())
    assert outcome.results == {
        "settings": {"a.b": "1", "a.l.0": "x", "a.secret": HIDDEN, "ab": "2"},
        "nested": {"a": {"b": "1", "l": ["x"], "secret": HIDDEN}, "ab": "2"},
        "local_keys": [],
        "total": 4,
    }
    assert info(server.port, {}, Mode()).results["local_keys"] == ["server.hostname"]
    assert info(server.port, {"include_secrets": True}, Mode()).results["settings"]["a.secret"] == SECRET
    assert server.settings.log == []


def test_records_are_masked_by_their_whole_keys() -> None:
    server = FakeServer(**{"acme.x.directory": "https://ca", "acme.x.cert": SECRET, "acme.y.directory": "https://ca", "acme.z.cert": SECRET})
    outcome = info(server.port, {"prefixes": ["acme"], "group_by": "directory"}, Mode())
    assert outcome.results["groups"] == [
        {"prefix": "acme", "id": "x", "settings": {"cert": HIDDEN, "directory": "https://ca"}},
        {"prefix": "acme", "id": "y", "settings": {"directory": "https://ca"}},
    ]
    clear = info(server.port, {"prefixes": ["acme"], "group_by": "directory", "include_secrets": True}, Mode())
    assert clear.results["groups"][0]["settings"]["cert"] == SECRET
    with pytest.raises(InvalidOption, match=r"^group_by: it needs prefixes"):
        info(server.port, {"group_by": "directory"}, Mode())


def test_what_was_read_masked_is_not_written_back() -> None:
    server = FakeServer(**{"a.secret": SECRET})
    read = info(server.port, {}, Mode()).results["nested"]
    with pytest.raises(InvalidOption, match=r"a\.secret holds the mask of a secret that was not returned"):
        run(server, settings=read)

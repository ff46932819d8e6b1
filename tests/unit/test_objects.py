# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects planned from a schema: what is applied needs no second time, what is wrong gets one sentence before anything is written."""

from __future__ import annotations

import contextlib
import typing as t
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption, PartlyDone, Refused
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources.objects import engine
from ansible_collections.stalwart.mail.plugins.module_utils._resources.objects.task import info, manage, secret_values
from ansible_collections.stalwart.mail.plugins.module_utils._times import format_milliseconds, parse_milliseconds
from tests.support.objects import ObjectServer

SECRET = "a-relay-password-of-our-own"


def run(store: ObjectServer, kind: str, properties: dict[str, t.Any] | None = None, *, check: bool = False, **options: t.Any) -> Outcome:
    """One task."""
    given_options = {"type": kind, **({"properties": properties} if properties is not None else {}), **options}
    return manage(store.server, given_options, Mode(check=check, warn=lambda _text: None))


def route(store: ObjectServer, **properties: t.Any) -> Outcome:
    """A task on the route `relay`."""
    return run(store, "MtaRoute", {"name": "relay", **properties})


def failure(store: ObjectServer, kind: str, properties: dict[str, t.Any] | None = None, **options: t.Any) -> str:
    """The sentence of a task that is refused; nothing may have been written."""
    before = len(store.writes)
    with pytest.raises((InvalidOption, Refused)) as refused:
        run(store, kind, properties, **options)
    assert len(store.writes) == before
    return str(refused.value)


# Whatever is applied, the plan is empty afterwards

_colors = st.sampled_from(["red", "green", "blue"])
_durations = st.integers(min_value=1000, max_value=10**9).map(format_milliseconds)
_rates = st.builds(lambda number, period: f"{number}/{period}", st.integers(1, 10**6), _durations)
_words = st.text("abcdefghij", min_size=1, max_size=6)
_expressions = st.one_of(
    _words,
    st.booleans(),
    st.integers(0, 9),
    st.builds(
        lambda cases, otherwise: [*cases, {"else": otherwise}],
        st.lists(st.fixed_dictionaries({"if": _words, "then": _words}), max_size=2),
        _words,
    ),
)
_networks = st.sampled_from(["10.0.0.0/8", "10.1.2.3/8", "192.0.2.7", "2001:DB8::/32"])
_items = st.fixed_dictionaries({"hostname": _words}, optional={"priority": st.integers(0, 99), "secret": st.sampled_from([SECRET, None])})
_secrets = st.sampled_from([{"@type": "None"}, SECRET, {"@type": "EnvironmentVariable", "variableName": "PW"}])


def _set_of(members: st.SearchStrategy[t.Any]) -> st.SearchStrategy[t.Any]:
    some = st.lists(members, max_size=3)
    edit = st.lists(members, max_size=4, unique=True).map(lambda each: {"add": each[:2], "remove": each[2:]})
    return st.one_of(some, edit.filter(lambda each: bool(each["add"] or each["remove"])))


_properties = st.fixed_dictionaries(
    {},
    optional={
        "description": st.one_of(st.none(), _words),
        "timeout": st.one_of(st.none(), _durations),
        "ttl": st.one_of(st.none(), _durations),
        "size": st.one_of(st.integers(0, 10**9), st.sampled_from(["10M", "1G"])),
        "weight": st.one_of(st.integers(-9, 9), st.sampled_from([0.5, 2.25])),
        "enable": st.one_of(st.booleans(), st.sampled_from(["yes", "false"])),
        "color": _colors,
        "colors": _set_of(_colors),
        "networks": _set_of(st.sampled_from(["10.0.0.0/8", "192.0.2.7", "2001:DB8::/32"])),
        "items": st.lists(_items, max_size=3),
        "authSecret": _secrets,
        "domainId": st.one_of(st.none(), st.sampled_from(["example.org", "EXAMPLE.net"])),
        "rate": st.one_of(st.none(), _rates),
        "condition": _expressions,
        "expiresAt": st.one_of(st.none(), st.just("2027-01-01T01:00:00+01:00")),
    },
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_properties, min_size=1, max_size=3))
def test_what_was_applied_changes_nothing_again(steps: list[dict[str, t.Any]]) -> None:
    store = ObjectServer()
    for name in ("example.org", "example.net"):
        run(store, "Domain", {"name": name})
    for properties in steps:
        try:
            predicted = run(store, "MtaRoute", {"name": "relay", **properties}, check=True)
        except Refused as error:  # elements with secrets can't change places
            assert "secrets" in str(error)
            continue
        done = run(store, "MtaRoute", {"name": "relay", **properties})
        assert [each.diff() for each in predicted.changes] == [each.diff() for each in done.changes]
        assert predicted.results["object"]["properties"] == done.results["object"]["properties"]
        assert SECRET not in repr(done.results)
        assert SECRET not in repr([each.diff() for each in done.changes])
        writes = len(store.writes)
        assert route(store, **properties).changes == []
        assert len(store.writes) == writes


@given(st.integers(0, 10**12))
def test_periods_are_read_as_they_are_written(milliseconds: int) -> None:
    assert parse_milliseconds(format_milliseconds(milliseconds)) == milliseconds


# Single rules


def test_what_is_not_named_stays() -> None:
    store = ObjectServer()
    route(store, size="10M", colors=["red"])
    route(store, timeout="30s")
    assert store.writes[-1] == ("update", "MtaRoute", {"timeout": 30000})
    found = info(store.server, {"type": "MtaRoute"}, Mode()).results["objects"][0]
    assert found["properties"]["size"] == 10 * 1024**2
    assert found["properties"]["colors"] == ["red"]


def test_edits_of_a_set_are_pointers_and_lists_replace_it() -> None:
    store = ObjectServer()
    route(store, colors=["red", "green"])
    route(store, colors={"add": ["blue"], "remove": ["red"]})
    assert store.writes[-1][2] == {"colors/blue": True, "colors/red": None}
    route(store, colors=["red"])
    assert store.writes[-1][2] == {"colors": {"red": True}}


def test_addresses_are_compared_in_one_spelling() -> None:
    store = ObjectServer()
    route(store, networks=["10.1.2.3/8"], recipients=["Alice@Example.ORG"])
    assert store.writes[-1][2]["networks"] == {"10.0.0.0/8": True}
    assert route(store, networks=["10.0.0.0/8"], recipients=["alice@example.org"]).changes == []


@pytest.mark.parametrize(("address", "refused"), [("192.0.2.0/24", True), ("192.0.2.8", False)])
def test_the_own_address_is_not_blocked(address: str, refused: bool) -> None:
    kind, server = mock.Mock(), mock.Mock()
    kind.name, server.own_address.return_value = "BlockedIp", "192.0.2.7"
    prepared = mock.Mock(type=kind, plan=mock.Mock(new={"address": address}))
    with pytest.raises(Refused, match="it would lock itself out") if refused else contextlib.nullcontext():
        engine.carry_out(server, [prepared], Mode(check=True))


def test_a_variant_is_replaced_as_a_whole_and_patched_within() -> None:
    store = ObjectServer()
    run(store, "Tracer", {"@type": "Log", "path": "/var/log"})
    route(store, authSecret={"@type": "EnvironmentVariable", "variableName": "A"})
    route(store, authSecret={"@type": "EnvironmentVariable", "variableName": "B"})
    assert store.writes[-1][2] == {"authSecret/variableName": "B"}
    route(store, authSecret={"@type": "None"})
    assert store.writes[-1][2] == {"authSecret": {"@type": "None"}}


def test_a_secret_is_written_when_there_is_none_or_always() -> None:
    store = ObjectServer()
    created = route(store, authSecret=SECRET)
    assert created.results["object"]["properties"]["authSecret"]["secret"] == "<hidden>"
    kept = route(store, authSecret="another-password-of-ours")
    assert kept.changes == []
    assert kept.results["secrets_not_compared"] == ["properties.authSecret.secret"]
    written = run(store, "MtaRoute", {"name": "relay", "authSecret": "another-password-of-ours"}, update_secrets="always")
    assert store.writes[-1][2] == {"authSecret/secret": "another-password-of-ours"}
    assert written.changes[0].diff()["after"] == {"authSecret": "<hidden> (changed)"}
    assert "another-password" not in repr(written.results)


@pytest.mark.parametrize("mask", ["****", "<hidden>"])
def test_masks_are_never_written_back(mask: str) -> None:
    store = ObjectServer()
    route(store, authSecret=SECRET)
    assert run(store, "MtaRoute", {"name": "relay", "authSecret": {"@type": "Value", "secret": mask}}, update_secrets="always").changes == []


def test_what_was_read_can_be_written_back() -> None:
    store = ObjectServer()
    run(store, "Domain", {"name": "example.org"})
    route(
        store,
        authSecret=SECRET,
        items=[{"hostname": "a", "secret": SECRET}],
        domainId="example.org",
        rate="5/1m",
        condition=[{"if": "a", "then": 1}, {"else": 2}],
    )
    found = info(store.server, {"type": "MtaRoute", "match": {"name": "relay"}}, Mode()).results["objects"][0]
    assert SECRET not in repr(found)
    assert run(store, "MtaRoute", found["properties"]).changes == []


def test_elements_with_secrets_are_changed_one_by_one() -> None:
    store = ObjectServer()
    route(store, items=[{"hostname": "a", "secret": SECRET}, {"hostname": "b", "secret": SECRET}])
    route(store, items=[{"hostname": "a", "priority": 5}, {"hostname": "b"}, {"hostname": "c"}])
    assert store.writes[-1][2] == {"items/0/priority": 5, "items/2": {"hostname": "c"}}
    route(store, items=[{"hostname": "b"}, {"hostname": "c"}])
    assert store.writes[-1][2] == {"items/0": None}
    assert store.stored["MtaRoute"]["mtaroute0"]["items"]["0"]["secret"] == SECRET
    assert "their order can't be changed" in failure(store, "MtaRoute", {"name": "relay", "items": [{"hostname": "c"}, {"hostname": "b"}]})


def test_keys_of_a_map_stay_unless_they_are_null() -> None:
    store = ObjectServer()
    run(store, "Http", {"headers": {"X-A": "1", "X-B/C": "2"}})
    run(store, "Http", {"headers": {"X-B/C": None, "X-D": 3}})
    assert store.writes[-1][2] == {"headers/X-B~1C": None, "headers/X-D": "3"}
    assert run(store, "Http", {"headers": {"X-A": "1"}}).changes == []


def test_headers_that_may_hold_tokens_are_not_shown() -> None:
    store = ObjectServer()
    done = run(store, "Http", {"httpHeaders": {"Authorization": SECRET}})
    assert done.results["object"]["properties"]["httpHeaders"] == {"Authorization": "<hidden>"}
    assert SECRET not in repr(done.changes[0].diff())
    assert run(store, "Http", {"httpHeaders": {"Authorization": SECRET}}).changes == []


def test_null_is_none_or_the_default() -> None:
    store = ObjectServer()
    run(store, "Http", {"limit": "5/1h", "script": "300", "box": {"depth": 7}})
    done = run(store, "Http", {"limit": None, "script": None, "box": {"depth": None}})
    properties = done.results["object"]["properties"]
    assert properties["limit"] is None
    assert properties["script"] == "200"
    assert properties["box"]["depth"] == 3


def test_a_match_finds_what_is_renamed_and_makes_what_is_not_there() -> None:
    store = ObjectServer()
    run(store, "Domain", {"name": "old.example.org"})
    run(store, "Domain", {"name": "new.example.org"}, match={"name": "old.example.org"})
    assert [each["name"] for each in store.stored["Domain"].values()] == ["new.example.org"]
    run(store, "Domain", {"aliases": ["x.example.org"]}, match={"name": "other.example.org"})
    assert sorted(each["name"] for each in store.stored["Domain"].values()) == ["new.example.org", "other.example.org"]


def test_absent_tells_who_is_in_the_way() -> None:
    store = ObjectServer()
    run(store, "Domain", {"name": "example.org"})
    route(store, domainId="example.org")
    with pytest.raises(Refused, match=r"Domain 'example.org' is in use by MtaRoute relay; change or remove those first"):
        run(store, "Domain", state="absent", match={"name": "example.org"})
    assert len(run(store, "MtaRoute", state="absent", match={"name": "relay"}).changes) == 1
    assert run(store, "MtaRoute", state="absent", match={"name": "relay"}).changes == []


def test_what_a_reload_finds_wrong_is_put_back() -> None:
    store = ObjectServer()
    route(store, color="red")
    store.reload_errors = {"MtaRoute mtaroute0": "unknown host"}
    with pytest.raises(Refused, match=r"MtaRoute relay \(unknown host\).*put back, nothing is changed"):
        route(store, color="blue")
    assert store.stored["MtaRoute"]["mtaroute0"]["color"] == "red"
    store.reload_errors = {"MtaRoute mtaroute1": "unknown host"}
    with pytest.raises(Refused):
        run(store, "MtaRoute", {"name": "second"})
    assert list(store.stored["MtaRoute"]) == ["mtaroute0"]


def test_what_can_not_be_put_back_is_told() -> None:
    store = ObjectServer()
    route(store, authSecret=SECRET)
    store.reload_errors = {"MtaRoute mtaroute0": "variable not found"}
    with pytest.raises(PartlyDone, match="secrets can't be read; check MtaRoute relay"):
        route(store, authSecret={"@type": "EnvironmentVariable", "variableName": "PW"})


def test_errors_of_others_leave_it_stored() -> None:
    store = ObjectServer()
    store.reload_errors = {"Directory x1": "no such host"}
    done = route(store, color="red")
    assert done.results["stored_only"] is True
    assert done.results["setting_errors"] == {"Directory x1": "no such host"}


def test_types_that_are_live_at_once_need_no_reload() -> None:
    store = ObjectServer()
    run(store, "Domain", {"name": "example.org"})
    assert store.reloads == []
    route(store)
    assert store.reloads == ["all"]
    run(store, "MtaRoute", {"name": "third"}, reload="never")
    assert store.reloads == ["all"]


@pytest.mark.parametrize(
    ("kind", "properties", "sentence"),
    [
        ("MtaRout", {}, "type: the server has no type 'MtaRout'; did you mean MtaRoute?"),
        ("Http/View", {}, "type: the server has no type 'Http/View'; did you mean Http?"),
        ("Action", {}, "type: Action can't be made as wanted: an action is done once"),
        ("MtaRoute", {}, "properties.name: it is missing, and a MtaRoute is found by name"),
        ("MtaRoute", {"name": "x", "colour": "red"}, "properties.colour: there is no such property; did you mean color?"),
        ("MtaRoute", {"name": "x", "color": "rad"}, "properties.color: 'rad' is not known here; did you mean red?"),
        ("MtaRoute", {"name": "x", "colors": ["red", "black"]}, "properties.colors[1]: 'black' is not known here"),
        ("MtaRoute", {"name": "x", "timeout": 30}, "properties.timeout: 30 has no unit; write 30s for seconds or 30ms."),
        ("MtaRoute", {"name": "x", "timeout": "5ms"}, "properties.timeout: '5ms' is out of bounds, and 1s is the least"),
        ("MtaRoute", {"name": "x", "size": "big"}, "properties.size: 'big' is no size"),
        ("MtaRoute", {"name": "x", "enable": "perhaps"}, "properties.enable: 'perhaps' is neither true nor false"),
        ("MtaRoute", {"name": "x", "networks": ["10.0.0.300"]}, "properties.networks[0]: '10.0.0.300' does not appear to be"),
        ("MtaRoute", {"name": "x", "createdAt": "2027-01-01T00:00:00Z"}, "properties.createdAt: the server sets it by itself; remove it."),
        ("MtaRoute", {"name": "x", "items": [{"hostnam": "a"}]}, "properties.items[0].hostnam: there is no such property; did you mean hostname?"),
        ("MtaRoute", {"name": "x", "items": {"hostname": "a"}}, "properties.items: a dictionary is given where a list belongs"),
        ("MtaRoute", {"name": "x", "domainId": "nowhere.org"}, "properties.domainId: there is no Domain 'nowhere.org' on the server; make it first"),
        ("MtaRoute", {"name": "x", "rate": "fast"}, "properties.rate: 'fast' is no rate; write it like 100/1m."),
        ("MtaRoute", {"name": "x", "condition": [{"if": "a", "then": "b"}]}, "properties.condition: an expression with conditions ends with {else: …}"),
        ("MtaRoute", {"name": "x", "authSecret": {"@type": "value"}}, "properties.authSecret.@type: 'value' is not known here; did you mean Value?"),
        ("MtaRoute", {"name": "x", "expiresAt": "tomorrow"}, "properties.expiresAt: 'tomorrow' is no point in time"),
        ("Tracer", {"@type": "Log"}, "properties.path: it is missing, and a new Tracer needs it"),
        ("Tracer", {"@type": "Stdout", "path": "/x"}, "properties.path: Stdout has no such property, only Log has"),
        ("Http", {"box": {"depth": 20}}, "properties.box.depth: 20 is out of bounds, and 9 is the most"),
        ("Http", {"box": "deep"}, "properties.box: 'deep' is given where a dictionary of properties belongs."),
    ],
)
def test_one_sentence_before_anything_is_written(kind: str, properties: dict[str, t.Any], sentence: str) -> None:
    assert failure(ObjectServer(), kind, properties).startswith(sentence)


def test_more_refusals() -> None:
    store = ObjectServer()
    route(store, color="red")
    assert "state: there is always exactly one Http" in failure(store, "Http", state="absent", properties={"box": {}})
    assert "it can't be changed once it is made, and it is 'relay'" in failure(store, "MtaRoute", {"name": "other"}, match={"name": "relay"})
    assert "the server has no MtaRoute of the id 'zzz'" in failure(store, "MtaRoute", {"color": "red"}, id="zzz")
    assert "'Lag' is not known here; did you mean Log?" in failure(store, "Tracer", {"path": "/x"}, match={"@type": "Lag"})
    store.stored["MtaRoute"]["mtaroute1"] = dict(store.stored["MtaRoute"]["mtaroute0"])
    assert "2 objects of type MtaRoute have name 'relay'; give more properties" in failure(store, "MtaRoute", {"name": "relay", "color": "blue"})


def test_check_mode_takes_what_an_earlier_task_would_make() -> None:
    store = ObjectServer()
    told: list[str] = []
    done = manage(store.server, {"type": "MtaRoute", "properties": {"name": "x", "domainId": "later.org"}}, Mode(check=True, warn=told.append))
    assert done.changed
    assert told == ["properties.domainId: there is no Domain 'later.org' yet; an earlier task may make it, else the run fails."]
    assert store.writes == []


def test_types_are_listed_and_described() -> None:
    server = ObjectServer().server
    assert [each["name"] for each in info(server, {}, Mode()).results["types"]] == ["Action", "Domain", "Http", "MtaRoute", "Tracer"]
    about = info(server, {"type": "MtaRoute", "describe": True}, Mode()).results["description"]
    described = about["variants"][""]
    assert described["timeout"] == {
        "description": "The timeout",
        "type": "duration",
        "format": "duration",
        "nullable": False,
        "minimum": "1s",
        "update": "mutable",
        "required": False,
        "default": "5s",
    }
    assert described["name"]["required"] is True
    assert described["color"]["choices"] == ["red", "green", "blue"]
    assert described["domainId"]["refers_to"] == "Domain"
    assert described["authSecret"]["variants"]["Value"]["secret"]["secret"] is True


def test_only_secrets_are_taken_out_of_results() -> None:
    properties = {
        "name": "relay",
        "authSecret": {"@type": "Value", "secret": "s1-long-enough"},
        "privateKey": "s2-long-enough",
        "httpHeaders": {"X-A": "s3-long-enough"},
        "credentials": [{"@type": "Password", "secret": "s4-long-enough"}],
        "keyName": "transfer",
        "key": {"@type": "Value", "secret": "s5-long-enough"},
        "color": "red",
        "accessTokenExpiry": "1h",
        "columnSecret": "password",
    }
    assert set(secret_values(properties)) == {f"s{number}-long-enough" for number in range(1, 6)}
    assert list(secret_values({"namespace": "traps", "key": "alice"})) == []
    assert list(secret_values({"keyName": "transfer", "key": "s6-long-enough"})) == ["s6-long-enough"]

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done at a provider: who owns what, policies merged, and nothing done twice."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stalwart.mail.plugins.module_utils._dns.port import Published, Value
from ansible_collections.stalwart.mail.plugins.module_utils._resources._dns_meaning import (
    kind_of_text,
    merged_spf,
    same_meaning,
    spf_allows,
    spf_lookups,
)
from ansible_collections.stalwart.mail.plugins.module_utils._resources._dns_plan import Plan, Rules, plan
from ansible_collections.stalwart.mail.plugins.module_utils._resources._dns_text import ZoneRecord
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dns_check import extra_values, judge
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dns_records import Record, RecordSet, record_sets

ZONE = "example.org."


def wanted(*records: tuple[str, str, str], ttl: int = 3600) -> tuple[RecordSet, ...]:
    return record_sets([ZoneRecord(type=kind, name=name, content=content) for kind, name, content in records], ZONE, ttl=ttl)


def found(*records: tuple[str, str, str], ttl: int = 3600) -> list[Published]:
    sets: dict[tuple[str, str], list[Value]] = {}
    for kind, name, content in records:
        sets.setdefault((name, kind), []).append(Value(content, f'"{content}"' if kind == "TXT" else content))
    return [Published(name, kind, ttl, tuple(sorted(members))) for (name, kind), members in sets.items()]


def after(result: Plan, before: t.Sequence[Published]) -> list[Published]:
    """The zone when a plan has been carried out."""
    zone = {(published.fqdn, published.type): published for published in before}
    for step in result.steps:
        update = step.update
        zone.pop((update.fqdn, update.type), None)
        if update.rdata:
            values = [
                next((value for value in (update.found.values if update.found else ()) if value.rdata == rdata), Value(content, rdata))
                for rdata, content in zip(update.rdata, [*_contents(update.rdata)], strict=True)
            ]
            zone[update.fqdn, update.type] = Published(update.fqdn, update.type, update.ttl, tuple(sorted(values)))
    return list(zone.values())


def _contents(rdata: t.Iterable[str]) -> t.Iterator[str]:
    for text in rdata:
        yield text.replace('" "', "").strip('"') if text.startswith('"') else text


def texts(result: Plan, name: str = ZONE) -> list[str]:
    return [value for step in result.steps if (step.update.fqdn, step.update.type) == (name, "TXT") for value in step.after]


SPF = ("TXT", ZONE, "v=spf1 mx ra=postmaster -all")
DMARC = ("TXT", f"_dmarc.{ZONE}", "v=DMARC1; p=reject; rua=mailto:postmaster@example.org")


def test_texts_of_others_stay_as_they_were_read() -> None:
    before = [Published(ZONE, "TXT", 77, (Value("a verification", '"a " "verification"'),))]
    result = plan(ZONE, wanted(SPF), before, Rules(replace=frozenset({"spf"})))
    assert result.steps[0].update.rdata == ('"a " "verification"', '"v=spf1 mx ra=postmaster -all"')
    assert result.steps[0].update.ttl == 77


@pytest.mark.parametrize(
    ("there", "merged"),
    [
        ("v=spf1 include:_spf.example.net ~all", "v=spf1 include:_spf.example.net mx ra=postmaster ~all"),
        ("v=spf1 mx -all", "v=spf1 mx -all"),
        ("v=spf1  mx   include:x.example ?all", "v=spf1  mx   include:x.example ?all"),
        ("v=spf1 redirect=_spf.example.net", "v=spf1 mx redirect=_spf.example.net ra=postmaster"),
        ("v=spf1 a", "v=spf1 a mx ra=postmaster"),
        ("V=SPF1 +MX ~ALL", "V=SPF1 +MX ~ALL"),
    ],
)
def test_a_policy_that_is_there_keeps_what_it_says(there: str, merged: str) -> None:
    before = found(("TXT", ZONE, there), ("TXT", ZONE, "other"))
    result = plan(ZONE, wanted(SPF), before, Rules())
    assert (texts(result) or [there, "other"]) in ([merged, "other"], ["other", merged])
    assert not result.conflicts
    assert plan(ZONE, wanted(SPF), after(result, before), Rules()).steps == ()


def test_two_policies_become_one() -> None:
    before = found(("TXT", ZONE, "v=spf1 a ~all"), ("TXT", ZONE, "v=spf1 ip4:192.0.2.1 -all"))
    assert texts(plan(ZONE, wanted(SPF), before, Rules())) == ["v=spf1 a ip4:192.0.2.1 mx ra=postmaster ~all"]


def test_lookups_are_counted_through_includes() -> None:
    policies = {"one.example": "v=spf1 a mx include:two.example -all", "two.example": "v=spf1 ip4:192.0.2.1 exists:%{i}.example ptr redirect=one.example"}
    assert spf_lookups("v=spf1 ip4:192.0.2.1 ~mx/24 a:b.example ra=postmaster -all") == 2
    assert spf_lookups("v=spf1 include:one.example -all", policies.get) == 1 + 3 + 3
    assert spf_lookups("v=spf1 include:nowhere.example -all", policies.get) == 1
    before = found(("TXT", ZONE, "v=spf1 " + " ".join(f"include:i{number}.example" for number in range(10)) + " -all"))
    result = plan(ZONE, wanted(SPF), before, Rules())
    assert result.steps == ()
    assert "would take 11 look-ups" in result.conflicts[0].reason


@pytest.mark.parametrize(
    ("there", "rules", "value", "purpose"),
    [
        (None, Rules(), "v=DMARC1; p=none; rua=mailto:postmaster@example.org", None),
        (None, Rules(dmarc_policy="reject", dmarc_pct=5), "v=DMARC1; p=reject; rua=mailto:postmaster@example.org; pct=5", None),
        ("v=DMARC1;p=quarantine;rua=mailto:postmaster@example.org", Rules(), None, None),
        ("v=DMARC1;p=quarantine;rua=mailto:postmaster@example.org", Rules(dmarc_policy="quarantine", dmarc_pct=100), None, None),
        ("v=DMARC1; p=quarantine; rua=mailto:x@example.net", Rules(), None, "dmarc"),
        ("v=DMARC1; p=none; rua=mailto:x@example.net", Rules(dmarc_policy="reject"), "v=DMARC1; p=reject; rua=mailto:x@example.net", "dmarc"),
        (
            "v=DMARC1; p=quarantine; sp=none; rua=mailto:x@example.net",
            Rules(replace=frozenset({"dmarc"})),
            "v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org; sp=none",
            None,
        ),
    ],
)
def test_dmarc_starts_at_what_is_there(there: str | None, rules: Rules, value: str | None, purpose: str | None) -> None:
    before = found(("TXT", f"_dmarc.{ZONE}", there)) if there else []
    result = plan(ZONE, wanted(DMARC), before, rules)
    assert texts(result, f"_dmarc.{ZONE}") == ([value] if value else [])
    assert [conflict.purpose for conflict in result.conflicts] == ([purpose] if purpose else [])
    assert plan(ZONE, wanted(DMARC), after(result, before), rules).steps == ()


def test_what_was_ours_is_replaced_and_purged_without_asking() -> None:
    before = found(
        ("MX", ZONE, "10 old.example.org."), ("SRV", f"_pop3s._tcp.{ZONE}", "0 1 995 old.example.org."), ("TXT", ZONE, "ours"), ("TXT", ZONE, "theirs")
    )
    owned = {
        (ZONE, "MX"): frozenset({"10 old.example.org."}),
        (f"_pop3s._tcp.{ZONE}", "SRV"): frozenset({"0 1 995 old.example.org."}),
        (ZONE, "TXT"): frozenset({"ours"}),
    }
    records = wanted(("MX", ZONE, "10 new.example.org."))
    assert plan(ZONE, records, before, Rules()).conflicts[0].found == ("10 old.example.org.",)
    kept = plan(ZONE, records, before, Rules(owned=owned))
    assert [(step.update.type, step.after) for step in kept.steps] == [("MX", ("10 new.example.org.",))]
    assert kept.own[f"_pop3s._tcp.{ZONE}", "SRV"] == {"0 1 995 old.example.org."}
    purged = plan(ZONE, records, before, Rules(owned=owned, purge=True))
    assert {step.update.type: step.after for step in purged.steps} == {"MX": ("10 new.example.org.",), "TXT": ("theirs",), "SRV": ()}
    assert purged.own == {(ZONE, "MX"): {"10 new.example.org."}}
    # a run about MX alone takes nothing else away
    chosen = plan(ZONE, records, before, Rules(owned=owned, purge=True, is_chosen=lambda record: record.type == "MX"))
    assert [step.update.type for step in chosen.steps] == ["MX"]
    assert chosen.own[ZONE, "TXT"] == {"ours"}


def test_a_policy_that_others_began_is_never_ours() -> None:
    before = found(("TXT", ZONE, "v=spf1 a ~all"))
    result = plan(ZONE, wanted(SPF), before, Rules())
    assert (ZONE, "TXT") not in {key for key, contents in result.own.items() if contents}
    alone = plan(ZONE, wanted(SPF), [], Rules())
    assert alone.own == {(ZONE, "TXT"): {"v=spf1 mx ra=postmaster -all"}}


def test_nothing_stands_beside_an_alias() -> None:
    alias = wanted(("CNAME", f"autoconfig.{ZONE}", "mx.example.org."))
    for kind, content in (("A", "192.0.2.1"), ("TXT", "text")):
        before = found((kind, f"autoconfig.{ZONE}", content))
        refused = plan(ZONE, alias, before, Rules())
        assert refused.steps == ()
        assert refused.conflicts[0].reason == f"the name has records of another type ({kind} {content})"
        replaced = plan(ZONE, alias, before, Rules(replace=frozenset({"autoconfig"})))
        if kind == "A":
            assert [(step.update.type, step.after) for step in replaced.steps] == [("A", ()), ("CNAME", ("mx.example.org.",))]
        else:
            assert replaced.steps == ()
            assert "only you can remove" in replaced.conflicts[0].reason


def test_a_delegated_part_is_told() -> None:
    with pytest.raises(ValueError, match=r"_imaps\._tcp\.lists\.example\.org is below lists\.example\.org, which the zone delegates"):
        plan(ZONE, wanted(("SRV", f"_imaps._tcp.lists.{ZONE}", "0 1 993 mx.example.org.")), found(("NS", f"lists.{ZONE}", "ns.example.net.")), Rules())


def test_purged_names_lose_all_but_what_makes_a_zone_and_what_is_wanted() -> None:
    name = f"old._domainkey.{ZONE}"
    before = found(("TXT", name, "v=DKIM1; p=AA"), ("A", name, "192.0.2.1"), ("NS", name, "ns.example.net."), ("RRSIG", name, "signature"))
    result = plan(ZONE, (), before, Rules(purge_names=frozenset({name})))
    assert sorted(step.update.type for step in result.steps) == ["A", "TXT"]


@pytest.mark.parametrize(
    ("one", "other", "name", "same"),
    [
        ("v=DKIM1; k=rsa; p=AA BB", "p=AABB", f"s._domainkey.{ZONE}", True),
        ("v=DKIM1; k=rsa; h=sha256; p=AABB", "v=DKIM1;p=AABB;k=rsa", f"s._domainkey.{ZONE}", True),
        ("v=DKIM1; p=AABB", "v=DKIM1; p=AABC", f"s._domainkey.{ZONE}", False),
        ("v=DKIM1; k=ed25519; p=AABB", "v=DKIM1; p=AABB", f"s._domainkey.{ZONE}", False),
        ("v=DMARC1; p=none; pct=100; rua=mailto:a@x.org,mailto:b@x.org", "v=DMARC1;rua=mailto:b@x.org, mailto:a@x.org;p=None", f"_dmarc.{ZONE}", True),
        ("v=DMARC1; p=none", "v=DMARC1; p=reject", f"_dmarc.{ZONE}", False),
        ("v=spf1 mx a -all", "v=spf1 a +mx -all", ZONE, True),
        ("v=spf1 mx -all", "v=spf1 mx ~all", ZONE, False),
        ("any text", "any  text", ZONE, False),
    ],
)
def test_records_are_compared_by_what_they_mean(one: str, other: str, name: str, same: bool) -> None:
    assert same_meaning("TXT", one, other, name) is same
    assert same_meaning("TXT", other, one, name) is same


def test_only_texts_of_mail_are_known() -> None:
    assert kind_of_text("v=spf10 mx", ZONE) == ""
    assert kind_of_text("v = DMARC1; p=none", f"_dmarc.{ZONE}") == "dmarc"
    assert kind_of_text("p=AABB", ZONE) == ""
    assert kind_of_text("google-site-verification=v=spf1 ", ZONE) == ""


def one_record(*record: str) -> Record:
    return wanted(t.cast("tuple[str, str, str]", record))[0].records[0]


@pytest.mark.parametrize(
    ("record", "answer", "status"),
    [
        (("MX", ZONE, "10 mx.example.org."), found(("MX", ZONE, "10 MX.example.org.")), "match"),
        (("MX", ZONE, "10 mx.example.org."), found(("MX", ZONE, "20 mx.example.org.")), "conflict"),
        (("MX", ZONE, "10 mx.example.org."), [], "missing"),
        (SPF, found(("TXT", ZONE, "v=spf1 a mx ~all"), ("TXT", ZONE, "other")), "match"),
        (SPF, found(("TXT", ZONE, "v=spf1 a -mx ~all")), "conflict"),
        (SPF, found(("TXT", ZONE, "v=spf1 mx -all"), ("TXT", ZONE, "v=spf1 a -all")), "conflict"),
        (SPF, found(("TXT", ZONE, "other")), "missing"),
        (DMARC, found(("TXT", f"_dmarc.{ZONE}", "v=DMARC1;rua=mailto:postmaster@example.org;p=reject")), "match"),
        (DMARC, found(("TXT", f"_dmarc.{ZONE}", "v=DMARC1; p=none")), "conflict"),
        (("TLSA", f"_25._tcp.{ZONE}", "3 1 1 " + "AB" * 32), found(("TLSA", f"_25._tcp.{ZONE}", "3 1 1 " + "cd" * 32)), "missing"),
        (("SRV", f"_imaps._tcp.{ZONE}", "0 1 993 mx.example.org."), found(("CNAME", f"_imaps._tcp.{ZONE}", "x.example.net.")), "conflict"),
    ],
)
def test_a_record_is_judged_by_an_answer(record: tuple[str, str, str], answer: list[Published], status: str) -> None:
    assert judge(one_record(*record), tuple(answer)).status == status
    assert judge(one_record(*record), "it is silent").status == "unknown"


def test_what_stands_beside_is_extra_only_where_it_matters() -> None:
    mx = wanted(("MX", ZONE, "10 mx.example.org."))[0].records
    assert extra_values(mx, tuple(found(("MX", ZONE, "10 mx.example.org."), ("MX", ZONE, "5 x.example.net.")))) == ["5 x.example.net."]
    assert extra_values(mx, tuple(found(("MX", ZONE, "5 x.example.net.")))) == []
    assert extra_values(wanted(SPF)[0].records, tuple(found(("TXT", ZONE, "v=spf1 mx -all"), ("TXT", ZONE, "other")))) == []


# -- for any zone ----------------------------------------------------------------------------------------------------

MECHANISMS = ("mx", "a", "ip4:192.0.2.1", "include:one.example", "~a:b.example", "?ip6:2001:db8::/32")
POLICIES = st.builds(
    lambda terms, last: " ".join(["v=spf1", *terms, *last]),
    st.lists(st.sampled_from(MECHANISMS), unique=True, max_size=4),
    st.sampled_from([[], ["-all"], ["~all"], ["?all"], ["redirect=r.example"]]),
)


@given(st.lists(POLICIES, max_size=3), POLICIES)
def test_a_merged_policy_allows_what_each_allows_and_merging_again_changes_nothing(policies: list[str], more: str) -> None:
    merged = merged_spf(policies, more)
    for policy in policies:
        assert spf_allows(merged, policy)
    assert spf_allows(merged, more) or any(term.lstrip("~?") in merged for term in more.split()[1:])
    assert merged_spf([merged], more) == merged
    said = [term for policy in policies[:1] for term in policy.split() if term.endswith("all") and len(term) == 4]
    assert all(term in merged.split() for term in said)


RECORDS = st.sampled_from(
    [
        SPF,
        DMARC,
        ("MX", ZONE, "10 mx.example.org."),
        ("CNAME", f"autoconfig.{ZONE}", "mx.example.org."),
        ("TXT", f"s._domainkey.{ZONE}", "v=DKIM1; k=rsa; p=" + "A" * 400),
        ("TXT", f"_smtp._tls.{ZONE}", "v=TLSRPTv1; rua=mailto:postmaster@example.org"),
        ("SRV", f"_imaps._tcp.{ZONE}", "0 1 993 mx.example.org."),
        ("CAA", ZONE, '0 issue "ours.example"'),
    ]
)
THERE = st.sampled_from(
    [
        ("TXT", ZONE, "verification"),
        ("TXT", ZONE, "v=spf1 include:one.example ~all"),
        ("MX", ZONE, "5 x.example.net."),
        ("A", f"autoconfig.{ZONE}", "192.0.2.1"),
        ("CNAME", f"s._domainkey.{ZONE}", "k.example.net."),
        ("TXT", f"_dmarc.{ZONE}", "v=DMARC1; p=quarantine; rua=mailto:x@example.net"),
        ("TXT", f"_smtp._tls.{ZONE}", "v=TLSRPTv1; rua=mailto:x@example.net"),
        ("CAA", ZONE, '0 issue "theirs.example"'),
        ("SRV", f"_imaps._tcp.{ZONE}", "0 1 993 x.example.net."),
    ]
)


@given(
    st.lists(RECORDS, unique=True),
    st.lists(THERE, unique=True),
    st.sets(st.sampled_from(["mx", "spf", "dmarc", "dkim", "srv", "autoconfig", "tlsrpt"])),
    st.sampled_from([60, 3600]),
)
def test_a_second_run_changes_nothing_and_others_lose_nothing_unasked(
    records: list[tuple[str, str, str]], there: list[tuple[str, str, str]], replace: set[str], ttl: int
) -> None:
    before = found(*there)
    rules = Rules(replace=frozenset(replace))
    result = plan(ZONE, wanted(*records, ttl=ttl), before, rules)
    zone = after(result, before)
    again = plan(ZONE, wanted(*records, ttl=ttl), zone, rules)
    assert again.steps == ()
    assert again.conflicts == result.conflicts
    left = {(published.type, published.fqdn, value.content) for published in zone for value in published.values}
    for kind, name, content in there:
        if content in ("verification", '0 issue "theirs.example"') or not replace:
            assert (kind, name, content) in left or content.startswith("v=spf1")

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains taken apart: who has which address, which keys and records go together, and what is wrong in a sentence."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption
from ansible_collections.stalwart.mail.plugins.module_utils._resources.domain_plan import DNS_KEYS, DomainPlan, domain_plan


def one(**options: t.Any) -> DomainPlan:
    return domain_plan([{"name": "example.org", **options}])


def emails(plan: DomainPlan) -> dict[str, t.Any]:
    return {item["name"]: item["emails"] for item in plan.principals if "emails" in item}


def test_everything_of_a_domain_with_addresses_by_name() -> None:
    plan = one(
        description="The company",
        postmaster="jane",
        accounts=[{"name": "jane", "quota": "1G"}, {"name": "bob@example.org"}, {"name": "carl", "emails": ["c@example.org"]}],
        groups=[{"name": "sales"}],
        lists=[{"name": "news", "members": ["jane"]}],
    )
    assert plan.principals[0] == {"type": "domain", "name": "example.org", "description": "The company"}
    assert [(item["name"], item["type"]) for item in plan.principals[1:]] == [
        ("sales", "group"),
        ("jane", "individual"),
        ("bob@example.org", "individual"),
        ("carl", "individual"),
        ("news", "list"),
    ]
    assert emails(plan) == {
        "sales": ["sales@example.org"],
        "jane": ["jane@example.org", "postmaster@example.org", "abuse@example.org"],
        "bob@example.org": ["bob@example.org"],
        "carl": ["c@example.org"],
        "news": ["news@example.org"],
    }
    assert plan.outside == []
    assert plan.dkim == [{"domain": ["example.org"]}]
    assert plan.dns == [{"domains": ["example.org"], "options": {}, "cutover": False}]
    assert plan.recipients == []


def test_the_input_is_left_as_it_is() -> None:
    jane = {"name": "jane", "emails": ["jane@example.org"]}
    one(postmaster="jane", accounts=[jane])
    assert jane == {"name": "jane", "emails": ["jane@example.org"]}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"postmaster": "Jane", "abuse": "news"}, {"jane": ["jane@example.org", "postmaster@example.org"], "news": ["news@example.org", "abuse@example.org"]}),
        (
            {"postmaster": "j@example.org", "accounts": [{"name": "jane", "emails": "j@example.org"}]},
            {"jane": ["j@example.org", "postmaster@example.org", "abuse@example.org"]},
        ),
        (
            {"postmaster": "jane", "accounts": [{"name": "jane", "emails": {"add": "j@example.org"}}]},
            {"jane": {"add": ["j@example.org", "postmaster@example.org", "abuse@example.org"]}},
        ),
        # who has the one address gets the other
        ({"accounts": [{"name": "jane", "emails": ["Postmaster@Example.org"]}]}, {"jane": ["Postmaster@Example.org", "abuse@example.org"]}),
        ({"accounts": [{"name": "jane", "emails": ["@example.org"]}]}, {"jane": ["@example.org"]}),
        ({"postmaster": "office"}, {"office": {"add": ["postmaster@example.org", "abuse@example.org"]}}),
        ({"postmaster": "office", "accounts": [{"name": "jane", "state": "absent"}]}, {"office": {"add": ["postmaster@example.org", "abuse@example.org"]}}),
    ],
)
def test_somebody_gets_the_mail_to_postmaster_and_abuse(options: dict[str, t.Any], expected: dict[str, t.Any]) -> None:
    plan = one(**{"accounts": [{"name": "jane"}], "lists": [{"name": "news"}], **options})
    found = emails(plan)
    assert {name: found.get(name) for name in expected} == expected
    assert plan.outside == (["office"] if "office" in expected else [])


def test_domains_share_people_and_those_outside() -> None:
    plan = domain_plan(
        [{"name": "example.org", "postmaster": "office"}, {"name": "example.net", "postmaster": "office"}, {"name": "example.edu", "postmaster": "kim"},
         {"name": "example.com", "accounts": [{"name": "kim"}], "postmaster": "kim"}]
    )  # fmt: skip
    assert emails(plan) == {
        "office": {"add": ["postmaster@example.org", "abuse@example.org", "postmaster@example.net", "abuse@example.net"]},
        "kim": ["kim@example.com", "postmaster@example.edu", "abuse@example.edu", "postmaster@example.com", "abuse@example.com"],
    }
    assert plan.outside == ["office"]


def test_keys_are_made_together_and_given_one_by_one() -> None:
    plan = domain_plan(
        [
            {"name": "a.example", "postmaster": "p"},
            {"name": "b.example", "postmaster": "p"},
            {"name": "c.example", "postmaster": "p", "dkim": {"algorithm": "rsa"}},
            {"name": "d.example", "postmaster": "p", "dkim": {"enabled": False}},
            {"name": "e.example", "postmaster": "p", "dkim": {"algorithm": None, "keys": [{"selector": "x", "private_key": "PEM"}]}},
            {"name": "f.example", "postmaster": "p", "dkim": {"take_over": True}},
        ],
        dkim={"algorithm": ["ed25519"]},
    )
    assert plan.dkim == [
        {"domain": ["a.example", "b.example"], "algorithm": ["ed25519"]},
        {"domain": ["c.example"], "algorithm": ["rsa"]},
        {"domain": ["f.example"], "algorithm": ["ed25519"], "take_over": True},
        {"domain": ["e.example"], "selector": "x", "private_key": "PEM"},
    ]


def test_records_are_published_together_where_the_options_are_the_same() -> None:
    plan = domain_plan(
        [
            {"name": "a.example", "postmaster": "p"},
            {"name": "b.example", "postmaster": "p", "dns": {"ttl": 60}},
            {"name": "c.example", "postmaster": "p", "cutover": True},
            {"name": "d.example", "postmaster": "p", "dns": {"publish": False}},
            {"name": "e.example", "postmaster": "p", "dns": {"mx": None}},
        ],
        dns={"mx": ["10 mx.example"]},
    )
    assert plan.dns == [
        {"domains": ["a.example"], "options": {"mx": ["10 mx.example"]}, "cutover": False},
        {"domains": ["b.example"], "options": {"mx": ["10 mx.example"], "ttl": 60}, "cutover": False},
        {"domains": ["c.example"], "options": {"mx": ["10 mx.example"]}, "cutover": True},
        {"domains": ["e.example"], "options": {}, "cutover": False},
    ]
    assert plan.recipients == ["postmaster@c.example", "abuse@c.example"]
    assert domain_plan([{"name": "a.example", "postmaster": "p", "cutover": False}], cutover=True).recipients == []


AT = "domain_list[0] (a.example)"
A = {"name": "a.example", "postmaster": "p"}


@pytest.mark.parametrize(
    ("domains", "sentence"),
    [
        ([], "domain_list: it is empty; give at least one domain with its name."),
        ("example.org", "domain_list: it is empty; give at least one domain with its name."),
        (["example.org"], "domain_list[0]: it is no dictionary; give a domain with its name."),
        ([{"postmaster": "p"}], "domain_list[0].name: it is missing; give it a value."),
        (
            [{"name": "example.org"}],
            (
                "domain_list[0] (example.org).postmaster: it is missing, and complaints and reports about the domain go to postmaster@example.org "
                "and abuse@example.org; name the account, group or list that gets them."
            ),
        ),
        ([{**A}, {"name": "A.example", "postmaster": "p"}], "domain_list[1] (A.example).name: 'a.example' is there twice; merge the two."),
        ([{"name": "a.example", "postmastr": "p"}], f"{AT}.postmastr: there is no such option here; remove it or correct its spelling."),
        (
            [{"name": "a.example", "postmaster": "x@a.example"}],
            f"{AT}.postmaster: nobody of domain_list has the address x@a.example; give the name of an account, group or list.",
        ),
        (
            [{**A, "accounts": [{"name": "q", "emails": ["postmaster@a.example"]}]}],
            f"{AT}.postmaster: it is 'p', but 'q' has the address postmaster@a.example; remove one of the two.",
        ),
        ([{**A, "accounts": [{"quota": 1}]}], f"{AT}.accounts[0].name: it is missing; give it a value."),
        ([{**A, "lists": [{"name": "x", "type": "group"}]}], f"{AT}.lists[0].type: what stands in lists is of the type list; leave it out."),
        ([{**A, "dns": {"zone": "a.example"}}], f"{AT}.dns.zone: there is no such option here; remove it or correct its spelling."),
        ([{**A, "dkim": {"algorithm": "dsa"}}], f"{AT}.dkim.algorithm[0]: it must be 'rsa' or 'ed25519'."),
        ([{**A, "dkim": {"keys": [{"selector": "x"}]}}], f"{AT}.dkim.keys[0].algorithm: it is missing; give rsa or ed25519, or a private_key."),
        (
            [{**A, "dkim": {"algorithm": "rsa", "keys": [{"algorithm": "rsa"}]}}],
            f"{AT}.dkim.algorithm: keys say which keys there are; give the algorithm of each of them instead.",
        ),
        (
            [{**A, "cutover": True, "dns": {"publish": False}}],
            f"{AT}.cutover: its MX record would have to be published, and dns.publish is false; correct one of the two.",
        ),
        (
            [{**A, "dns": {"manifest": "m", "purge": True}}, {"name": "b.example", "postmaster": "p", "dns": {"manifest": "m", "ttl": 60}}],
            (
                "domain_list[1] (b.example).dns.manifest: a.example have other options of DNS and the same manifest, "
                "and purge would remove the records of each other; give each its own manifest."
            ),
        ),
    ],
)
def test_what_is_wrong_is_said(domains: t.Any, sentence: str) -> None:
    with pytest.raises(InvalidOption) as failure:
        domain_plan(domains)
    assert str(failure.value) == sentence


def test_options_of_dns_are_the_variables_of_the_role() -> None:
    import yaml

    from tests.support.servers import ROOT

    specs = yaml.safe_load((ROOT / "roles/dns/meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    assert {f"dns_{key}" for key in DNS_KEYS - {"publish"}} | {"dns_domains"} == set(specs)


def test_the_filter_names_itself() -> None:
    from ansible.errors import AnsibleFilterError

    from ansible_collections.stalwart.mail.plugins.filter.domain_plan import FilterModule

    take_apart = FilterModule().filters()["domain_plan"]
    assert take_apart([A], cutover=True)["recipients"] == ["postmaster@a.example", "abuse@a.example"]
    with pytest.raises(AnsibleFilterError, match=r"stalwart\.mail\.domain_plan: domain_list: it is empty"):
        take_apart([])

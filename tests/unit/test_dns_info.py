# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wanted records of several domains together."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._errors import ConnectionFailed, InvalidOption, PermissionDenied, Refused
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources import dns_info, dns_record_sets
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.dns import DnsRecord
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import Principal
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server

HOST = "mx.example.org"


def records(domain: str) -> list[DnsRecord]:
    """What a server named mx.example.org answers, in short."""
    found = [("MX", domain, f"10 {HOST}."), ("CNAME", f"mail.{domain}", f"{HOST}.")]
    if domain == HOST or HOST.endswith(f".{domain}"):
        found.append(("TXT", HOST, "v=spf1 a ra=postmaster -all"))
    found += [("TXT", domain, "v=spf1 mx ra=postmaster -all"), ("TXT", f"s._domainkey.{domain}", "v=DKIM1; k=rsa; h=sha256; p=" + "A" * 392)]
    return [DnsRecord(type=kind, name=f"{name}.", content=content) for kind, name, content in found]


class Principals:
    def __init__(self, domains: t.Sequence[str] | None) -> None:
        self.domains = domains

    def get(self, name: str) -> Principal | None:
        return next((found for found in self.find() if found.name == name), None)

    def find(self, **_how: t.Any) -> t.Iterator[Principal]:
        if self.domains is None:
            raise PermissionDenied("403 Forbidden", request="GET /api/principal")
        return iter([Principal(name=domain, type="domain") for domain in self.domains])


class Site:
    def __init__(self, *domains: str, may_look: bool = True) -> None:
        self.principals = Principals(domains if may_look else None)
        self.asked: list[str] = []
        self.warnings: list[str] = []
        self.published: list[str] = []

    def publishing(self, asked: t.Collection[str]) -> list[str]:
        return [domain for domain in asked if domain in self.published]

    def dns_records(self, domain: str) -> list[DnsRecord]:
        self.asked.append(domain)
        return records(domain)

    def info(self, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        return dns_info.info(t.cast(Server, self), options, Mode(check=check, warn=self.warnings.append)).results


def test_the_domain_is_sent_in_its_canonical_spelling() -> None:
    site = Site("xn--bcher-kva.example")
    found = site.info(domain="Bücher.Example.")
    assert site.asked == ["xn--bcher-kva.example"]
    assert list(found["zone_files"]) == ["xn--bcher-kva.example"]
    assert found["zone_file"] == found["zone_files"]["xn--bcher-kva.example"]


def test_the_same_record_of_two_domains_is_there_once_and_the_policies_of_a_name_are_one() -> None:
    found = Site("example.org", HOST).info(domain=["example.org", HOST])
    values = [record["value"] for record in found["records"] if record["fqdn"] == f"{HOST}." and record["type"] == "TXT"]
    assert values == ["v=spf1 mx a ra=postmaster -all"]
    keys = [(record["fqdn"], record["type"], record["value"]) for record in found["records"]]
    assert len(keys) == len(set(keys))
    assert {record["zone"] for record in found["records"]} == {"example.org", HOST}
    assert found == Site("example.org", HOST).info(domain=[HOST, "example.org"])
    assert found["records"] == [record for record_set in found["record_sets"] for record in record_set["records"]]


def test_an_alias_gives_way_to_a_domain_of_its_name() -> None:
    site = Site("example.org", "mail.example.org")
    found = site.info(domain=["example.org", "mail.example.org"], zones="example.org")
    assert [record["type"] for record in found["records"] if record["fqdn"] == "mail.example.org."] == ["MX", "TXT"]
    assert site.warnings == ["the alias mail.example.org (CNAME mx.example.org.) is left out, since that name is a mail domain with records of its own."]


def test_choice_zones_and_ttl() -> None:
    found = Site("example.org").info(domain="example.org", zones=["org", "_domainkey.example.org"], include=["TXT", "mx"], exclude="spf", ttl="60")
    assert [(record["zone"], record["name"], record["purpose"], record["ttl"]) for record in found["records"]] == [
        ("org", "example", "mx", 60),
        ("_domainkey.example.org", "s", "dkim", 60),
    ]
    assert [len(chunk) for chunk in found["records"][1]["txt_chunks"]] == [255, 165]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"domain": "a b"}, "domain[0]: 'a b' is not a domain name"),
        ({"zones": ["example.net"]}, "zones: none of them (example.net) holds example.org; add the zone that does, or leave the option out."),
        ({"zones": ["a..b"]}, "zones[0]: 'a..b' is not a DNS name"),
        ({"include": ["nonsense"]}, "include: 'nonsense' is neither a purpose"),
        ({"exclude": ["nonsense"]}, "exclude: 'nonsense' is neither a purpose"),
        ({"ttl": -1}, "ttl: -1 is no time to live; give seconds, from 0 to 2147483647."),
        ({"ttl": 2**31}, "ttl: 2147483648 is no time to live"),
        ({"ttl": True}, "ttl: True is no time to live"),
    ],
)
def test_bad_input_never_reaches_the_server(options: dict[str, t.Any], says: str) -> None:
    site = Site("example.org")
    with pytest.raises(InvalidOption) as error:
        site.info(**{"domain": "example.org", **options})
    assert str(error.value).startswith(says)
    assert site.asked == []


def test_unknown_domains_are_refused_where_the_login_may_look() -> None:
    site = Site("example.org")
    with pytest.raises(Refused, match=r"domain: 'nowhere\.net' is no domain of the server"):
        site.info(domain=["nowhere.net", "example.org"])
    assert site.asked == []
    assert Site(may_look=False).info(domain="nowhere.net")["records"]


def test_check_mode_warns_of_a_domain_that_an_earlier_task_may_create() -> None:
    site = Site("example.org")
    assert site.info(check=True, domain="nowhere.net")["records"]
    assert len(site.warnings) == 1 and site.warnings[0].startswith("domain: 'nowhere.net' is no domain of the server")


def test_what_is_no_record_is_told() -> None:
    site = Site("example.org")
    site.dns_records = lambda domain: [DnsRecord(type="MX", name=f"{domain}.", content="ten somewhere")]  # type: ignore[method-assign]
    with pytest.raises(Refused, match=r"the server's records can't be used: .*'ten somewhere'"):
        site.info(domain="example.org")


def test_records_that_the_server_publishes_itself_are_warned_of() -> None:
    site = Site("example.org", "example.net")
    site.published = ["example.org"]
    found = site.info(domain=["example.org", "example.net"])
    assert "the server publishes the records of example.org at a DNS provider by itself" in site.warnings[0]
    assert found["managed_domains"] == ["example.org"]
    assert {record.get("managed_domain") for record in found["records"] if record["zone"] == "example.org"} == {"example.org"}
    assert not any("managed_domain" in record for record in found["records"] if record["zone"] == "example.net")


def test_what_the_server_publishes_itself_is_not_published_beside_it_unless_told() -> None:
    site = Site("example.org", "example.net")
    site.published = ["example.org"]
    found = site.info(domain=["example.org", "example.net"])
    nowhere = {"type": "powerdns", "url": "http://127.0.0.1:9", "api_key": "key"}

    def publish(*zones: str, **options: t.Any) -> Outcome:
        places = [{"zone": zone, "providers": [nowhere] if zone in zones else []} for zone in ("example.org", "example.net")]
        return dns_record_sets.publish({"record_sets": found["record_sets"], "zones": places, **options}, Mode(check=True))

    options: dict[str, t.Any]
    for options in ({}, {"include": ["spf"], "spf_mechanisms": ["a"]}, {"mx": ["10 mx.example.net."], "include": ["mx"]}):
        with pytest.raises(Refused, match=r"take_over: the mail server publishes the records of example.org at .*With take_over: true"):
            publish("example.org", **options)
    assert publish().results["record_sets"]  # as files, which nobody reads by itself
    for zone, options in (("example.org", {"take_over": True}), ("example.net", {})):
        with pytest.raises(ConnectionFailed):
            publish(zone, **options)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
import typing as t

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zone
import dns.zonefile
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.stalwart.mail.plugins.module_utils._resources import _dns_text as dns_text
from ansible_collections.stalwart.mail.plugins.module_utils._resources import dns_records
from ansible_collections.stalwart.mail.plugins.module_utils._resources._dns_text import ZoneRecord, parse_zone_file, zone_file
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dns_records import RecordSet, record_sets

RSA_KEY = "v=DKIM1; k=rsa; h=sha256; p=MIIBIjANBgkq" + "A1b2C3d4E5f6G7h8" * 23 + "wIDAQAB"
SERVER = "mx.example.org."
CERTIFICATE = "ab" * 32


def source(kind: str, name: str, content: str, ttl: int | None = None) -> ZoneRecord:
    return ZoneRecord(type=kind, name=name, content=content, ttl=ttl)


EXAMPLE_ORG = [
    source("MX", "example.org.", f"10 {SERVER}"),
    source("CNAME", "mail.example.org.", SERVER),
    source("TXT", "202611r._domainkey.example.org.", RSA_KEY),
    source("TXT", "mx.example.org.", "v=spf1 a ra=postmaster -all"),
    source("TXT", "example.org.", "v=spf1 mx ra=postmaster -all"),
    source("SRV", "_jmap._tcp.example.org.", f"0 1 443 {SERVER}"),
    source("SRV", "_submission._tcp.example.org.", f"0 1 587 {SERVER}"),
    source("SRV", "_submission._tcp.example.org.", f"0 1 2525 {SERVER}"),
    source("CNAME", "autoconfig.example.org.", SERVER),
    source("CNAME", "autodiscover.example.org.", SERVER),
    source("CNAME", "mta-sts.example.org.", SERVER),
    source("TXT", "_mta-sts.example.org.", "v=STSv1; id=17810411451106369569"),
    source("TXT", "_dmarc.example.org.", "v=DMARC1; p=reject; rua=mailto:postmaster@example.org; ruf=mailto:postmaster@example.org"),
    source("TXT", "_smtp._tls.example.org.", "v=TLSRPTv1; rua=mailto:postmaster@example.org"),
    source("TLSA", "_25._tcp.mx.example.org.", f"3 1 1 {CERTIFICATE}"),
    source("TLSA", "_25._tcp.mx.example.org.", f"3 0 2 {CERTIFICATE * 2}"),
    # What 0.16 has besides
    source("CAA", "example.org.", '0 issue "ca.example; accounturi=https://ca.example/acme/1"'),
    source("TXT", "_ua-auto-config.example.org.", "v=UAAC1; a=sha256; d=b3pWZy0Y7TjmOD37cLUoR1lc/CMxQni8I1Ug2if2tfs="),
    source("TXT", "_validation-persist.example.org.", "ca.example; accounturi=https://ca.example/acme/1; policy=wildcard"),
]


def by_name(sets: t.Iterable[RecordSet]) -> dict[tuple[str, str], RecordSet]:
    return {(found.name, found.type): found for found in sets}


def test_every_record_of_a_domain_parsed() -> None:
    sets = by_name(record_sets(EXAMPLE_ORG, "Example.org"))
    assert {key: found.purposes for key, found in sets.items()} == {
        ("@", "MX"): ("mx",),
        ("@", "TXT"): ("spf",),
        ("@", "CAA"): ("caa",),
        ("mail", "CNAME"): ("host",),
        ("mx", "TXT"): ("spf",),
        ("202611r._domainkey", "TXT"): ("dkim",),
        ("_jmap._tcp", "SRV"): ("srv",),
        ("_submission._tcp", "SRV"): ("srv",),
        ("autoconfig", "CNAME"): ("autoconfig",),
        ("autodiscover", "CNAME"): ("autoconfig",),
        ("_ua-auto-config", "TXT"): ("autoconfig",),
        ("mta-sts", "CNAME"): ("mta_sts",),
        ("_mta-sts", "TXT"): ("mta_sts",),
        ("_dmarc", "TXT"): ("dmarc",),
        ("_smtp._tls", "TXT"): ("tlsrpt",),
        ("_25._tcp.mx", "TLSA"): ("tlsa",),
        ("_validation-persist", "TXT"): ("acme",),
    }
    assert dns_records.as_result(sets["@", "MX"]) == {
        "zone": "example.org",
        "name": "@",
        "fqdn": "example.org.",
        "type": "MX",
        "ttl": 3600,
        "purposes": ["mx"],
        "value": ["10 mx.example.org."],
        "rdata": ["10 mx.example.org."],
        "records": [
            {
                "zone": "example.org",
                "name": "@",
                "fqdn": "example.org.",
                "type": "MX",
                "ttl": 3600,
                "purpose": "mx",
                "value": "10 mx.example.org.",
                "rdata": "10 mx.example.org.",
                "priority": 10,
                "target": "mx.example.org.",
            }
        ],
    }
    submission = sets["_submission._tcp", "SRV"].records
    assert [(record.priority, record.weight, record.port, record.target) for record in submission] == [(0, 1, 587, SERVER), (0, 1, 2525, SERVER)]
    tlsa = sets["_25._tcp.mx", "TLSA"].records
    assert [(record.usage, record.selector, record.matching_type, record.data) for record in tlsa] == [(3, 0, 2, CERTIFICATE * 2), (3, 1, 1, CERTIFICATE)]
    caa = sets["@", "CAA"].records[0]
    assert (caa.flags, caa.tag, caa.property_value) == (0, "issue", "ca.example; accounturi=https://ca.example/acme/1")
    assert caa.rdata == '0 issue "ca.example; accounturi=https://ca.example/acme/1"'
    dkim = sets["202611r._domainkey", "TXT"].records[0]
    assert dkim.value == RSA_KEY
    assert [len(chunk) for chunk in dkim.txt_chunks or ()] == [255, len(RSA_KEY) - 255]
    assert "".join(dkim.txt_chunks or ()) == RSA_KEY
    assert dkim.rdata == f'"{RSA_KEY[:255]}" "{RSA_KEY[255:]}"'


def test_the_order_of_the_sources_does_not_matter() -> None:
    wanted = record_sets(EXAMPLE_ORG, "example.org")
    shuffled = [*EXAMPLE_ORG, *EXAMPLE_ORG]
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)
        assert record_sets(shuffled, "example.org") == wanted
    assert [found.name for found in wanted][:3] == ["@", "@", "@"]
    assert [found.type for found in wanted][:3] == ["MX", "TXT", "CAA"]


def test_names_as_a_server_asked_in_upper_case_answers_them() -> None:
    spelt = [source(record.type, record.name.replace("example.org", "EXAMPLE.org"), record.content) for record in EXAMPLE_ORG[:4]]
    assert record_sets(spelt, "example.org") == record_sets(EXAMPLE_ORG[:4], "EXAMPLE.org")


def test_records_of_other_names_are_dropped() -> None:
    foreign = [
        source("TLSA", "_25._tcp.mail.notexample.org.", f"3 1 1 {CERTIFICATE}"),
        source("MX", "example.com.", "10 mx.example.com."),
        source("TXT", "org.", "x"),
        source("TXT", "a\\.example.org.", "one label of a name below org"),
    ]
    assert record_sets(foreign, "example.org") == ()
    assert len(record_sets([source("TXT", "a\\.b.example.org.", "x")], "example.org")) == 1


def test_two_policies_of_one_name_become_one() -> None:
    # The server answers both for a domain of its own name (RFC 7208, 4.5: receivers take that for an error).
    answered = [source("TXT", SERVER, "v=spf1 a ra=postmaster -all"), source("TXT", SERVER, "v=spf1 mx ra=postmaster -all"), source("TXT", SERVER, "token=1")]
    (found,) = record_sets(answered, "mx.example.org")
    assert found.value == ("token=1", "v=spf1 mx a ra=postmaster -all")
    assert found.purposes == ("spf", "other")
    assert record_sets(reversed(answered), "mx.example.org") == (found,)


@pytest.mark.parametrize(
    ("policies", "merged"),
    [
        (["v=spf1 mx ~all", "v=spf1 include:x.example -all"], "v=spf1 mx include:x.example ~all"),
        (["v=spf1 mx", "v=spf1 MX a ?all"], "v=spf1 mx a ?all"),
        (["v=spf1 redirect=_spf.example", "v=spf1 a -all"], "v=spf1 a -all"),
        (["v=spf1 exp=e.example a", "v=spf1 ip4:192.0.2.0/24 exp=f.example"], "v=spf1 a ip4:192.0.2.0/24 exp=e.example"),
        (["v=spf1"], "v=spf1"),
    ],
)
def test_merged_policies(policies: list[str], merged: str) -> None:
    assert dns_records.merge_spf(policies) == merged
    assert dns_records.merge_spf([merged, merged]) == merged


def test_choice_by_purpose_and_type() -> None:
    def names(include: t.Sequence[str] = (), exclude: t.Sequence[str] = ()) -> set[tuple[str, str]]:
        return set(by_name(record_sets(EXAMPLE_ORG, "example.org", include=include, exclude=exclude)))

    assert names(include=["dkim", "MX"]) == {("@", "MX"), ("202611r._domainkey", "TXT")}
    assert names(include=["mta-sts"]) == {("mta-sts", "CNAME"), ("_mta-sts", "TXT")}
    assert ("_25._tcp.mx", "TLSA") not in names(exclude=["tlsa"])
    assert names(include=["txt"], exclude=["spf", "dkim", "acme", "autoconfig"]) == {("_mta-sts", "TXT"), ("_dmarc", "TXT"), ("_smtp._tls", "TXT")}
    with pytest.raises(ValueError, match=r"^exclude: 'tlsaa' is neither a purpose \(mx, host, .*\) nor a record type"):
        names(exclude=["tlsaa"])


def test_the_zone_is_the_longest_that_holds_the_name() -> None:
    sets = record_sets(EXAMPLE_ORG, "example.org", zones=["org", "Example.ORG.", "_domainkey.example.org", "mple.org"], ttl=300)
    zones = {found.fqdn: (found.zone, found.name) for found in sets}
    assert zones["202611r._domainkey.example.org."] == ("_domainkey.example.org", "202611r")
    assert zones["example.org."] == ("example.org", "@")
    below = by_name(record_sets([source("MX", "mail.example.org.", "0 mx.example.org.")], "mail.example.org", zones=["example.org"]))
    assert below["mail", "MX"].fqdn == "mail.example.org."
    assert {found.ttl for found in sets} == {300}
    with pytest.raises(ValueError, match=r"none of the zones \(example.net\) holds example.org: add the zone"):
        record_sets(EXAMPLE_ORG, "example.org", zones=["example.net"])


def test_records_of_a_set_share_the_lowest_ttl() -> None:
    (found,) = record_sets([source("MX", "example.org", "10 a.example", 600), source("MX", "example.org", "20 b.example")], "example.org")
    assert found.ttl == 600
    assert {record.ttl for record in found.records} == {600}
    assert found.value == ("10 a.example.", "20 b.example.")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("MX", "mx.example.org."),
        ("MX", "70000 mx.example.org."),
        ("SRV", "0 1 mx.example.org."),
        ("SRV", "0 1 -1 mx.example.org."),
        ("TLSA", "3 1 1 xyz"),
        ("TLSA", "3 1"),
        ("TLSA", "3 1 1 abcd"),
        ("TLSA", "3 1 2 " + "ab" * 32),
        ("CAA", "0 issue"),
        ("CAA", '300 issue "ca.example"'),
        ("A", "192.0.2.256"),
        ("CNAME", ""),
        ("CNAME", "a..example"),
    ],
)
def test_a_content_that_does_not_fit_its_type(kind: str, content: str) -> None:
    with pytest.raises(ValueError) as caught:
        record_sets([source(kind, "example.org.", content)], "example.org")
    assert f"the content {content!r} of example.org is not that of a record of type {kind}" in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.ORG", "example.org."),
        ("_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example."),
        ("*.example.org.", "*.example.org."),
        ("not a domain!.", "not\\032a\\032domain!."),
        ("a\\.b.example", "a\\.b.example."),
        ("\\097\\066.example", "ab.example."),
        ("a@b.example", "a\\@b.example."),
        (".", "."),
    ],
)
def test_names(text: str, name: str) -> None:
    assert dns_records.absolute_name(text) == name
    assert dns_records.absolute_name(name) == name
    assert dns.name.from_text(name).to_text() == name


@pytest.mark.parametrize("text", ["", "..", ".example", "a..b", "x" * 64 + ".org", ".".join(["x" * 49] * 6), "\\256.example"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="DNS name"):
        dns_records.absolute_name(text)


def test_a_record_set_survives_the_way_through_a_playbook() -> None:
    for found in record_sets(EXAMPLE_ORG, "example.org"):
        assert dns_records.from_result(dns_records.as_result(found)) == found
    for wrong in ({}, {"name": "x"}, {**dns_records.as_result(found), "extra": 1}):
        with pytest.raises(ValueError, match="not a record set"):
            dns_records.from_result(wrong)


def test_no_returned_key_is_a_method_of_a_dict() -> None:
    for found in record_sets(EXAMPLE_ORG, "example.org"):
        result = dns_records.as_result(found)
        for key in [*result, *(key for record in result["records"] for key in record)]:
            assert not hasattr(dict, key)


@given(st.text(max_size=2000))
def test_chunks_are_whole_characters_of_at_most_255_bytes(value: str) -> None:
    chunks = dns_records.txt_chunks(value.encode(errors="ignore").decode())
    assert "".join(chunks) == value.encode(errors="ignore").decode()
    assert all(len(chunk.encode()) <= 255 for chunk in chunks)
    assert all(len(chunk.encode()) > 251 for chunk in chunks[:-1])


# -- zone files ------------------------------------------------------------------------------------------------------


def rdatasets(text: str) -> dict[tuple[str, str], tuple[int, set[str]]]:
    """What dnspython reads out of a zone-file text."""
    found: dict[tuple[str, str], tuple[int, set[str]]] = {}
    manager = dns.zonefile.RRSetsReaderManager(dns.name.root, False, dns.rdataclass.IN)
    with manager.writer(True) as transaction:  # type: ignore[no-untyped-call]
        dns.zonefile.Reader(dns.tokenizer.Tokenizer(text), dns.rdataclass.IN, transaction, default_ttl=1).read()
    for rrset in manager.rrsets:
        found[rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype)] = (rrset.ttl, {rdata.to_text() for rdata in rrset})
    return found


def expected(sets: t.Iterable[RecordSet]) -> dict[tuple[str, str], tuple[int, set[str]]]:
    return {(found.fqdn, found.type): (found.ttl, {dns.rdata.from_text("IN", found.type, rdata).to_text() for rdata in found.rdata}) for found in sets}


def test_the_zone_file_says_to_others_what_the_record_sets_say() -> None:
    sets = record_sets([*EXAMPLE_ORG, source("A", "mx.example.org.", "192.0.2.1", 60)], "example.org")
    text = zone_file(sets)
    assert text.startswith("$ORIGIN example.org.\n$TTL 3600\n@ ")
    assert rdatasets(text) == expected(sets)
    assert text == zone_file(sets)
    assert max(len(line) for line in text.splitlines()) < 600


def test_a_zone_file_for_each_zone() -> None:
    sets = record_sets(EXAMPLE_ORG, "example.org", zones=["example.org", "_domainkey.example.org"])
    files = dns_text.zone_files(sets)
    assert list(files) == ["example.org", "_domainkey.example.org"]
    assert files["_domainkey.example.org"].splitlines()[2].startswith("202611r IN TXT ")
    assert rdatasets(zone_file(sets)) == expected(sets)


def test_our_zone_file_is_read_back() -> None:
    sets = record_sets(EXAMPLE_ORG, "example.org")
    assert record_sets(parse_zone_file(zone_file(sets)), "example.org") == sets


ZONE_016 = """\
s1._domainkey.example.test. IN TXT "v=DKIM1; k=ed25519; h=sha256; p=58u1hZz6EijUwMvjcBO42aN+NNy05qectk6ajC89q0c="
r1._domainkey.example.test. IN TXT (
    "%s"
    "%s"
)
example.test. IN TXT "v=spf1 mx -all"
example.test. IN MX 10 mail.corp.test.
_caldavs._tcp.example.test. IN SRV 0 1 443 mail.corp.test.
_25._tcp.mail.example.test. IN TLSA 3 1 1 ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789
example.test. IN CAA 0 issue "ca.example; accounturi=https://ca.example/acme/1"
autoconfig.example.test. IN CNAME mail.corp.test.
""" % (RSA_KEY[:255], RSA_KEY[255:])  # noqa: UP031


def test_the_zone_file_of_a_new_server() -> None:
    sets = by_name(record_sets(parse_zone_file(ZONE_016), "example.test"))
    assert sets["r1._domainkey", "TXT"].value == (RSA_KEY,)
    assert sets["s1._domainkey", "TXT"].records[0].txt_chunks == ("v=DKIM1; k=ed25519; h=sha256; p=58u1hZz6EijUwMvjcBO42aN+NNy05qectk6ajC89q0c=",)
    assert sets["@", "MX"].records[0].target == "mail.corp.test."
    assert sets["@", "CAA"].records[0].property_value == "ca.example; accounturi=https://ca.example/acme/1"
    assert sets["_25._tcp.mail", "TLSA"].records[0].data == "abcdef0123456789" * 4
    assert len(sets) == 8


HAND_WRITTEN = r"""
; a zone as people write them
$TTL 1h
$ORIGIN example.org.
@   IN SOA ns1 hostmaster ( 1 ; serial
        7200 3600
        1209600 300 )
    NS  ns1
    IN 1d MX 10 mail        ; relative
    300 IN MX 20 backup.example.net.
@   TXT "semi;colon" "quote \" and \\ and \228\184\173"
    TXT unquoted ;comment
mail A 192.0.2.1
    AAAA 2001:DB8::0:1
$ORIGIN sub.example.org.
www CNAME @
*.\097 2w IN TXT ""
"""


def test_zone_files_that_people_write() -> None:
    found = {(record.type, record.name, record.content, record.ttl) for record in parse_zone_file(HAND_WRITTEN)}
    assert found == {
        ("SOA", "example.org.", "ns1 hostmaster 1 7200 3600 1209600 300", 3600),
        ("NS", "example.org.", "ns1.example.org.", 3600),
        ("MX", "example.org.", "10 mail.example.org.", 86400),
        ("MX", "example.org.", "20 backup.example.net.", 300),
        ("TXT", "example.org.", 'semi;colonquote " and \\ and \u4e2d', 3600),
        ("TXT", "example.org.", "unquoted", 3600),
        ("A", "mail.example.org.", "192.0.2.1", 3600),
        ("AAAA", "mail.example.org.", "2001:DB8::0:1", 3600),
        ("CNAME", "www.sub.example.org.", "sub.example.org.", 3600),
        ("TXT", "*.a.sub.example.org.", "", 1209600),
    }
    theirs = {
        (name.to_text(), dns.rdatatype.to_text(rdata.rdtype), rdata.to_text().replace('" "', ""))
        for name, _ttl, rdata in dns.zone.from_text(HAND_WRITTEN, "example.org.", relativize=False).iterate_rdatas()
        if rdata.rdtype != dns.rdatatype.SOA
    }
    ours = {(found.fqdn, found.type, rdata) for found in record_sets(parse_zone_file(HAND_WRITTEN), "example.org", exclude=["SOA"]) for rdata in found.rdata}
    assert ours == theirs


def test_a_relative_origin_is_relative_to_the_one_before() -> None:
    (found,) = parse_zone_file("$ORIGIN sub\n@ 60 MX 0 mx\n", origin="example.org")
    assert (found.name, found.content, found.ttl) == ("sub.example.org.", "0 mx.sub.example.org.", 60)
    first, second = parse_zone_file("a.example. 60 IN A 192.0.2.1\n  IN A 192.0.2.2")
    assert (second.name, second.ttl) == (first.name, 60)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a IN TXT", 1),
        ("\na IN", 2),
        ("\n\n  IN TXT x", 3),
        ('a IN TXT "open', 1),
        ("a IN TXT (\nx", 2),
        ("a IN TXT x )", 1),
        ("$INCLUDE other.zone", 1),
        ("$TTL soon", 1),
        ("a IN TXT \\256", 1),
        ("a..b IN TXT x", 1),
    ],
)
def test_what_is_no_zone_file(text: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"^line {line} of the zone file can't be read: ") as caught:
        parse_zone_file(text)
    assert caught.value.__cause__ is None


LABELS = st.one_of(st.from_regex(r"[a-z_*][a-z0-9_-]{0,10}", fullmatch=True), st.text(st.characters(codec="ascii"), min_size=1, max_size=8))
NAMES = st.lists(LABELS, min_size=0, max_size=3).map(lambda labels: labels)
TARGETS = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True), min_size=1, max_size=4).map(".".join)
TEXTS = st.one_of(st.text(max_size=600), st.text('";\\ \x00é中', max_size=400), st.binary(max_size=300).map(lambda raw: raw.decode(errors="surrogateescape")))
NUMBERS = st.integers(0, 65535)


@st.composite
def sources(draw: st.DrawFn) -> ZoneRecord:
    labels = draw(NAMES)
    escaped = ["".join(char if char.isalnum() or char in "_*-" else f"\\{ord(char):03d}" for char in label) for label in labels]
    name = ".".join([*escaped, "example.org."])
    kind = draw(st.sampled_from(["MX", "CNAME", "SRV", "TLSA", "CAA", "TXT", "A", "AAAA"]))
    contents: dict[str, t.Callable[[], str]] = {
        "MX": lambda: f"{draw(NUMBERS)} {draw(TARGETS)}",
        "CNAME": lambda: draw(TARGETS),
        "SRV": lambda: f"{draw(NUMBERS)} {draw(NUMBERS)} {draw(NUMBERS)} {draw(TARGETS)}",
        "TLSA": lambda: f"3 1 0 {draw(st.binary(min_size=1, max_size=64)).hex()}",
        "CAA": lambda: f"0 issue {dns_records.quoted_text(draw(st.text(st.characters(codec='ascii'), max_size=60)))}",
        "TXT": lambda: draw(TEXTS),
        "A": lambda: str(draw(st.ip_addresses(v=4))),
        "AAAA": lambda: str(draw(st.ip_addresses(v=6))),
    }
    return source(kind, name, contents[kind](), draw(st.one_of(st.none(), st.integers(1, 100000))))


@settings(max_examples=150, deadline=None)
@given(st.lists(sources(), max_size=6))
def test_any_record_sets_survive_the_zone_file(found: list[ZoneRecord]) -> None:
    # dnspython refuses a CNAME beside other records of its name.
    aliases = {dns_records.absolute_name(record.name): record for record in found if record.type == "CNAME"}
    sets = record_sets([record for record in found if aliases.get(dns_records.absolute_name(record.name), record) is record], "example.org")
    text = zone_file(sets)
    assert rdatasets(text) == expected(sets)
    assert record_sets(parse_zone_file(text), "example.org") == sets
    assert text.isascii()


@settings(max_examples=300)
@given(st.text(st.characters(codec="ascii"), max_size=120))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        parse_zone_file(text)
    except ValueError as error:
        assert str(error).startswith("line ")


# -- other texts -----------------------------------------------------------------------------------------------------


def test_octodns_yaml() -> None:
    files = dns_text.octodns_files(record_sets(EXAMPLE_ORG, "example.org", ttl=300))
    assert list(files) == ["example.org.yaml"]
    data = yaml.safe_load(files["example.org.yaml"])
    # octoDNS refuses a file whose keys are out of order.
    assert list(data)[:2] == ["", "202611r._domainkey"]
    assert all(list(found) == sorted(found) for sets in data.values() for found in sets)
    assert all(list(value) == sorted(value) for sets in data.values() for found in sets for value in found.get("values", []) if isinstance(value, dict))
    assert data[""] == [
        {"type": "MX", "ttl": 300, "values": [{"preference": 10, "exchange": "mx.example.org."}]},
        {"type": "TXT", "ttl": 300, "values": ["v=spf1 mx ra=postmaster -all"]},
        {"type": "CAA", "ttl": 300, "values": [{"flags": 0, "tag": "issue", "value": "ca.example; accounturi=https://ca.example/acme/1"}]},
    ]
    assert data["mail"] == [{"type": "CNAME", "ttl": 300, "value": "mx.example.org."}]
    assert data["202611r._domainkey"][0]["values"] == [RSA_KEY.replace(";", "\\;")]
    assert data["_submission._tcp"][0]["values"][1] == {"priority": 0, "weight": 1, "port": 2525, "target": "mx.example.org."}
    assert data["_25._tcp.mx"][0]["values"][1] == {
        "certificate_usage": 3,
        "selector": 1,
        "matching_type": 1,
        "certificate_association_data": CERTIFICATE,
    }


def test_the_table() -> None:
    text = dns_text.table(record_sets(EXAMPLE_ORG, "example.org", include=["mx", "spf", "srv"]))
    lines = text.splitlines()
    assert lines[0].split() == ["ZONE", "NAME", "TYPE", "TTL", "PRIORITY", "VALUE"]
    assert lines[1].split() == ["example.org", "@", "MX", "3600", "10", "mx.example.org."]
    column = lines[0].index("VALUE")
    assert lines[2][column:] == "v=spf1 mx ra=postmaster -all"
    assert len(lines) == 7

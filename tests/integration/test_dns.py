# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publishing and checking records against real BIND, Knot and PowerDNS. What is published is read by asking the server itself."""

from __future__ import annotations

import json
import pathlib
import threading
import time
import typing as t

import httpx
import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption, PartlyDone, Refused, ServerError, StalwartError
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dns_check import check
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dns_record_sets import publish
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dns_records import as_result, record_sets
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.dns import DnsRecord
from tests.support.cases import FRONTENDS, compared, play
from tests.support.dns_servers import KINDS, DnsServer, dns_server
from tests.support.servers import stand_in

ZONE = "example.org"
KEY = "v=DKIM1; k=rsa; h=sha256; p=MIIBIjANBgkq" + "A1b2C3d4E5f6G7h8" * 23 + "wIDAQAB"
NEW_KEY = KEY.replace("A1b2", "Z9y8")
OTHERS = ["google-site-verification=unlike-any-other", "MS=ms12345678", "x" * 300]
FOREIGN = f'@ TXT "{OTHERS[0]}"\n@ TXT "{OTHERS[1]}"\n@ TXT "{"x" * 200}" "{"x" * 100}"\nwww A 192.0.2.80\nmx A 127.0.0.1\n'
#: Never asked: nobody is there, and refuses at once.
NOBODY = ["127.0.0.1:9"]


def sets(zone: str = ZONE, *, key: str = KEY, sts: str = "1781", policy: str = "reject") -> list[dict[str, t.Any]]:
    """What a mail server says, as dns_records_info returns it."""
    host = f"mx.{ZONE}."
    records = [
        ("MX", f"{zone}.", f"10 {host}"),
        ("CNAME", f"mail.{zone}.", host),
        ("TXT", f"202611r._domainkey.{zone}.", key),
        ("TXT", f"{zone}.", "v=spf1 mx ra=postmaster -all"),
        ("SRV", f"_imaps._tcp.{zone}.", f"0 1 993 {host}"),
        ("SRV", f"_submissions._tcp.{zone}.", f"0 1 465 {host}"),
        ("CNAME", f"autoconfig.{zone}.", host),
        ("CNAME", f"mta-sts.{zone}.", host),
        ("TXT", f"_mta-sts.{zone}.", f"v=STSv1; id={sts}"),
        ("TXT", f"_dmarc.{zone}.", f"v=DMARC1; p={policy}; rua=mailto:postmaster@{zone}"),
        ("TXT", f"_smtp._tls.{zone}.", f"v=TLSRPTv1; rua=mailto:postmaster@{zone}"),
        ("TLSA", f"_25._tcp.mx.{zone}.", "3 1 1 " + "ab" * 32),
        ("TLSA", f"_25._tcp.mx.{zone}.", "3 0 1 " + "cd" * 32),
    ]
    return [as_result(found) for found in record_sets([DnsRecord(type=kind, name=name, content=content) for kind, name, content in records], zone)]


class Run(t.NamedTuple):
    outcome: Outcome
    warnings: list[str]

    @property
    def conflicts(self) -> dict[str, str]:
        return {f"{found['fqdn']} {found['type']}": found["purpose"] for found in self.outcome.results["conflicts"]}


def run(server: DnsServer, wanted: list[dict[str, t.Any]] | None = None, *, check_mode: bool = False, **options: t.Any) -> Run:
    warnings: list[str] = []
    given = {"record_sets": sets() if wanted is None else wanted, "zones": [{"zone": ZONE, "providers": [server.provider]}], "resolvers": NOBODY, **options}
    return Run(publish(given, Mode(check=check_mode, warn=warnings.append)), warnings)


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[DnsServer]:
    with dns_server(request.param, tmp_path / request.param, {ZONE: FOREIGN}) as running:
        yield running


def test_a_domain_is_published_and_what_others_own_stays(server: DnsServer) -> None:
    serial = server.serial(ZONE)
    predicted = run(server, check_mode=True)
    assert server.serial(ZONE) == serial, "check mode wrote"
    assert server.values(ZONE, "MX") == []

    first = run(server)
    assert [change.operation() for change in first.outcome.changes] == [change.operation() for change in predicted.outcome.changes]
    assert [change.diff() for change in first.outcome.changes] == [change.diff() for change in predicted.outcome.changes]
    assert first.outcome.results == predicted.outcome.results
    assert first.conflicts == {}

    assert server.values(ZONE, "TXT") == sorted([*OTHERS, "v=spf1 mx ra=postmaster -all"])
    assert server.values(ZONE, "MX") == [f"10 mx.{ZONE}."]
    assert server.values(f"202611r._domainkey.{ZONE}", "TXT") == [KEY]
    assert server.values(f"_dmarc.{ZONE}", "TXT") == [f"v=DMARC1; p=none; rua=mailto:postmaster@{ZONE}"]
    assert server.values(f"_imaps._tcp.{ZONE}", "SRV") == [f"0 1 993 mx.{ZONE}."]
    assert server.values(f"autoconfig.{ZONE}", "CNAME") == [f"mx.{ZONE}."]
    assert server.values(f"_25._tcp.mx.{ZONE}", "TLSA") == []
    assert server.values(f"www.{ZONE}", "A") == ["192.0.2.80"]
    assert server.ttl(ZONE, "MX") == 3600
    assert server.ttl(ZONE, "TXT") == 300, "the time to live of what others wrote is theirs"
    # one update a zone: one step of the serial, where the server counts
    if server.kind != "powerdns":
        assert server.serial(ZONE) == serial + 1

    serial = server.serial(ZONE)
    again = run(server)
    assert not again.outcome.changed
    assert again.outcome.results == first.outcome.results
    assert server.serial(ZONE) == serial

    found = check({"record_sets": first.outcome.results["record_sets"], "nameservers": [server.address]}, Mode()).results
    assert found["verified"], found["records"]
    assert found["summary"]["extra"] == 0


def test_renewals_ttl_overrides_and_purge(server: DnsServer, tmp_path: pathlib.Path) -> None:
    manifest = str(tmp_path / "manifest.json")
    run(server, manifest=manifest, tlsa=["3 1 1"])
    assert server.values(f"_25._tcp.mx.{ZONE}", "TLSA") == ["3 1 1 " + "ab" * 32]
    # other times to live, ports and hosts; a new key; a new id
    changed = run(
        server,
        sets(key=NEW_KEY, sts="1782"),
        manifest=manifest,
        ttl=120,
        mx=["10 mx1.example.net", "20 mx2.example.net"],
        srv_ports={"imaps": 1993, "submissions": 0},
        caa=['0 issue "letsencrypt.org"'],
        dmarc_policy="quarantine",
        dmarc_pct=20,
        purge=True,
    )
    assert changed.conflicts == {}
    assert server.values(ZONE, "MX") == ["10 mx1.example.net.", "20 mx2.example.net."]
    assert server.ttl(ZONE, "MX") == 120
    assert server.ttl(f"mail.{ZONE}", "CNAME") == 120
    assert server.values(f"_imaps._tcp.{ZONE}", "SRV") == [f"0 1 1993 mx.{ZONE}."]
    assert server.values(f"_submissions._tcp.{ZONE}", "SRV") == ["0 0 0 ."]
    assert server.values(ZONE, "CAA") == ['0 issue "letsencrypt.org"']
    assert server.values(f"202611r._domainkey.{ZONE}", "TXT") == [NEW_KEY]
    assert server.values(f"_mta-sts.{ZONE}", "TXT") == ["v=STSv1; id=1782"]
    assert server.values(f"_dmarc.{ZONE}", "TXT") == [f"v=DMARC1; p=quarantine; rua=mailto:postmaster@{ZONE}; pct=20"]
    assert server.values(f"_25._tcp.mx.{ZONE}", "TLSA") == [], "what the manifest lists and nobody wants goes"
    # nothing wanted: everything of ours goes, nothing else
    gone = run(server, [], manifest=manifest, purge=True)
    assert gone.outcome.changed
    assert server.values(ZONE, "TXT") == sorted(OTHERS)
    assert server.values(ZONE, "MX") == []
    assert server.values(f"_dmarc.{ZONE}", "TXT") == []
    assert server.values(f"mx.{ZONE}", "A") == ["127.0.0.1"]
    assert json.loads(pathlib.Path(manifest).read_text()) == {"zones": {}}
    assert not run(server, [], manifest=manifest, purge=True).outcome.changed


def test_only_given_names_are_purged(server: DnsServer) -> None:
    run(server)
    other = [{"type": "TXT", "name": f"other._domainkey.{ZONE}", "content": KEY}]
    run(server, other)
    run(server, sets(), purge_names=[f"other._domainkey.{ZONE}", f"202611r._domainkey.{ZONE}"])
    assert server.values(f"other._domainkey.{ZONE}", "TXT") == []
    assert server.values(f"202611r._domainkey.{ZONE}", "TXT") == [KEY], "what is wanted stays"


LIVE = (
    '@ MX 5 mail.example.net.\n@ TXT "v=spf1 ip4:192.0.2.7 ~all"\n@ TXT "verification=kept"\n'
    '_dmarc TXT "v=DMARC1;p=quarantine; pct=50;  rua=mailto:reports@example.net"\n'
    "autoconfig A 192.0.2.9\n_imaps._tcp SRV 0 5 993 imap.example.net.\nmta-sts CNAME sts.example.net.\n"
    '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:reports@example.net"\n'
    '202611r._domainkey CNAME key.example.net.\n@ CAA 0 issue "ca.example"\nmx A 127.0.0.1\n'
)


@pytest.fixture(params=KINDS)
def live(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[DnsServer]:
    """A zone in which another provider's mail is at work."""
    with dns_server(request.param, tmp_path / request.param, {ZONE: LIVE}) as running:
        yield running


def test_a_live_domain_is_not_cut_over(live: DnsServer) -> None:
    first = run(live, caa=["0 issue letsencrypt.org"])
    assert first.conflicts == {
        f"{ZONE}. MX": "mx",
        f"_dmarc.{ZONE}. TXT": "dmarc",
        f"autoconfig.{ZONE}. CNAME": "autoconfig",
        f"_imaps._tcp.{ZONE}. SRV": "srv",
        f"mta-sts.{ZONE}. CNAME": "mta_sts",
        f"_smtp._tls.{ZONE}. TXT": "tlsrpt",
        f"202611r._domainkey.{ZONE}. TXT": "dkim",
    }
    assert len(first.warnings) == 7
    assert live.values(ZONE, "MX") == ["5 mail.example.net."]
    assert live.values(ZONE, "TXT") == ["v=spf1 ip4:192.0.2.7 mx ra=postmaster ~all", "verification=kept"]
    assert live.values(f"_dmarc.{ZONE}", "TXT") == ["v=DMARC1;p=quarantine; pct=50;  rua=mailto:reports@example.net"]
    assert live.values(f"autoconfig.{ZONE}", "A") == ["192.0.2.9"]
    assert live.values(f"_imaps._tcp.{ZONE}", "SRV") == ["0 5 993 imap.example.net."]
    assert live.values(f"mta-sts.{ZONE}", "CNAME") == ["sts.example.net."]
    assert live.values(ZONE, "CAA") == ['0 issue "ca.example"', '0 issue "letsencrypt.org"']
    assert live.values(f"_submissions._tcp.{ZONE}", "SRV") == [f"0 1 465 mx.{ZONE}."]
    assert not run(live, caa=["0 issue letsencrypt.org"]).outcome.changed

    with pytest.raises(Refused, match=r"example\.org MX .*another stands there.*Nothing was changed") as refused:
        run(live, on_conflict="fail", ttl=77)
    assert len(refused.value.details["conflicts"]) == 7
    assert live.ttl(f"_submissions._tcp.{ZONE}", "SRV") == 3600

    cut = run(live, replace=["mx", "autoconfig", "srv", "mta-sts", "tlsrpt", "dkim", "dmarc"], dmarc_policy="reject")
    assert cut.conflicts == {}
    assert live.values(ZONE, "MX") == [f"10 mx.{ZONE}."]
    assert live.values(f"_dmarc.{ZONE}", "TXT") == [f"v=DMARC1; p=reject; rua=mailto:postmaster@{ZONE}; pct=50"]
    assert live.values(f"autoconfig.{ZONE}", "CNAME") == [f"mx.{ZONE}."]
    assert live.values(f"202611r._domainkey.{ZONE}", "TXT") == [KEY]
    assert live.values(f"202611r._domainkey.{ZONE}", "CNAME") == []
    assert live.values(ZONE, "TXT") == ["v=spf1 ip4:192.0.2.7 mx ra=postmaster ~all", "verification=kept"]
    assert not run(live).outcome.changed


def test_an_address_goes_out_with_the_mx_that_needs_it(server: DnsServer) -> None:
    """BIND refuses an MX to a name of the zone that has no address."""
    wanted: list[dict[str, t.Any]] = [
        {"type": "MX", "name": ZONE, "content": f"10 new.{ZONE}."},
        {"type": "A", "name": f"new.{ZONE}", "content": "192.0.2.25", "ttl": 60},
        {"type": "AAAA", "name": f"new.{ZONE}", "content": "2001:DB8::25"},
    ]
    run(server, wanted)
    assert server.values(ZONE, "MX") == [f"10 new.{ZONE}."]
    assert server.values(f"new.{ZONE}", "A") == ["192.0.2.25"]
    assert server.values(f"new.{ZONE}", "AAAA") == ["2001:db8::25"]
    assert server.ttl(f"new.{ZONE}", "A") == 60


@pytest.mark.parametrize("kind", ["bind", "knot"])
def test_without_a_transfer_names_are_asked_for(kind: str, tmp_path: pathlib.Path) -> None:
    with dns_server(kind, tmp_path / kind, {ZONE: FOREIGN + "lists NS ns.example.net.\n"}, transfer=False) as server:
        first = run(server)
        assert first.outcome.changed
        assert server.values(ZONE, "TXT") == sorted([*OTHERS, "v=spf1 mx ra=postmaster -all"])
        assert not run(server).outcome.changed
        with pytest.raises(Refused, match=r"lists\.example\.org is below lists\.example\.org, which the zone delegates; add lists\.example\.org to zones"):
            run(server, sets(f"lists.{ZONE}"))


def test_zones_are_cut_by_the_longest_match_and_published_in_every_view(tmp_path: pathlib.Path) -> None:
    below = f"lists.{ZONE}"
    with (
        dns_server("bind", tmp_path / "bind", {ZONE: FOREIGN}) as outside,
        dns_server("knot", tmp_path / "knot", {ZONE: "mx A 127.0.0.1\n", below: "@ MX 1 before.example.net.\n"}) as inside,
    ):
        zones = [{"zone": ZONE, "providers": [outside.provider, inside.provider]}, {"zone": below, "providers": [inside.provider]}]
        wanted = [*sets(), *sets(below)]
        done = run(outside, wanted, zones=zones)
        assert done.conflicts == {f"{below}. MX": "mx"}
        assert outside.values(ZONE, "MX") == inside.values(ZONE, "MX") == [f"10 mx.{ZONE}."]
        assert inside.values(f"202611r._domainkey.{below}", "TXT") == [KEY]
        assert outside.values(f"202611r._domainkey.{below}", "TXT") == []
        assert not run(outside, wanted, zones=zones).outcome.changed
        with pytest.raises(InvalidOption, match=r"record_sets: none of the zones \(lists\.example\.org\) holds example\.org"):
            run(outside, wanted, zones=zones[1:])


def test_spf_of_more_than_ten_lookups_is_left_alone(tmp_path: pathlib.Path) -> None:
    many = " ".join(f"a:h{number}.example.net" for number in range(6))
    zone = f'@ TXT "v=spf1 include:_spf.{ZONE} a -all"\nmx A 127.0.0.1\n_more TXT "v=spf1 mx:a.example.net -all"\n'
    zone += f'_spf TXT "v=spf1 {many} include:_more.{ZONE} ?all"\n'
    with dns_server("bind", tmp_path / "bind", {ZONE: zone}) as server:
        # 1 + 6 + 1 + 1 + 1 (a) and 1 (mx) more
        found = run(server, resolvers=[server.address])
        assert found.conflicts == {f"{ZONE}. TXT": "spf"}
        assert "11 look-ups" in found.warnings[0]
        assert server.values(ZONE, "TXT") == [f"v=spf1 include:_spf.{ZONE} a -all"]
        # what can't be found out counts as one
        assert run(server).conflicts == {}
        assert server.values(ZONE, "TXT") == [f"v=spf1 include:_spf.{ZONE} a mx ra=postmaster -all"]


def test_failures_are_sentences_without_secrets(tmp_path: pathlib.Path) -> None:
    with dns_server("bind", tmp_path / "bind", {ZONE: FOREIGN}) as bind, dns_server("powerdns", tmp_path / "pdns", {ZONE: FOREIGN}) as powerdns:
        wrong = "d3Jvbmcgc2VjcmV0IHVubGlrZSBhbnkgb3RoZXI="
        for server, override, says in (
            (bind, {"key_secret": wrong}, r"BADSIG: the secret is not that of the key; correct key_secret"),
            (bind, {"key_name": "nobody"}, r"BADKEY: it does not know the key"),
            (bind, {"port": 9}, r"could not be reached: Connection refused"),
            (bind, {"server": "nowhere.invalid"}, r"the DNS server nowhere\.invalid has no address"),
            (powerdns, {"api_key": wrong}, r"it refuses the API key; correct api_key"),
            (powerdns, {"server_id": "elsewhere"}, r"correct zone or server_id"),
        ):
            with pytest.raises(StalwartError, match=says) as error:
                run(server, zones=[{"zone": ZONE, "providers": [{**server.provider, **override}]}])
            assert wrong not in str(error.value)
        for server in (bind, powerdns):
            with pytest.raises(ServerError, match=r"zone|primary"):
                run(server, [], zones=[{"zone": "example.net", "providers": [server.provider]}], purge_names=["a.example.net"])
        # without the key the zone may be read by queries, but not changed
        with pytest.raises(ServerError, match=r"REFUSED: it refuses; let the key"):
            run(bind, zones=[{"zone": ZONE, "providers": [{"type": "rfc2136", "server": "127.0.0.1", "port": bind.port}]}])
        # the second provider fails after the first has all
        broken = {**bind.provider, "key_secret": wrong}
        with pytest.raises(StalwartError):
            run(powerdns, zones=[{"zone": ZONE, "providers": [powerdns.provider, broken]}])
        assert powerdns.values(ZONE, "MX") == [], "everything is read before anything is written"


def test_a_failure_halfway_tells_both_halves(tmp_path: pathlib.Path) -> None:
    with (
        dns_server("knot", tmp_path / "knot", {ZONE: FOREIGN}) as first,
        dns_server("bind", tmp_path / "bind", {ZONE: FOREIGN.replace("mx A 127.0.0.1\n", "")}) as second,
    ):
        wanted = [{"type": "MX", "name": ZONE, "content": f"10 mx.{ZONE}."}]
        with pytest.raises(PartlyDone, match="running the task again goes on from there") as error:
            run(first, wanted, zones=[{"zone": ZONE, "providers": [first.provider, second.provider]}])
        assert [done["name"] for done in error.value.done] == [f"{ZONE} MX at 127.0.0.1:{first.port}"]
        assert [left["name"] for left in error.value.left] == [f"{ZONE} MX at 127.0.0.1:{second.port}"]
        assert first.values(ZONE, "MX") == [f"10 mx.{ZONE}."]


def test_a_zone_without_providers_is_only_told() -> None:
    """For other collections' modules, with the overrides, and without a policy that would turn mail away."""
    given = {"record_sets": sets(), "mx": ["5 mx.example.net"], "ttl": 60}
    outcome = publish(given, Mode())
    assert outcome == publish({**given, "zones": [{"zone": ZONE}]}, Mode())
    assert not outcome.changed
    values = {(found["name"], found["type"]): (found["value"], found["ttl"]) for found in outcome.results["record_sets"]}
    assert values["@", "MX"] == (["5 mx.example.net."], 60)
    assert values["_dmarc", "TXT"] == ([f"v=DMARC1; p=none; rua=mailto:postmaster@{ZONE}"], 60)
    assert not [kind for _name, kind in values if kind == "TLSA"]


def test_a_disabled_record_of_powerdns_stays(tmp_path: pathlib.Path) -> None:
    with dns_server("powerdns", tmp_path / "pdns", {ZONE: FOREIGN}) as server:
        url = f"{server.provider['url']}/api/v1/servers/localhost/zones/{ZONE}."
        records = [{"content": '"kept"', "disabled": False}, {"content": '"switched off"', "disabled": True}]
        body = {"rrsets": [{"name": f"{ZONE}.", "type": "TXT", "ttl": 300, "changetype": "REPLACE", "records": records}]}
        with httpx.Client(headers={"X-API-Key": server.provider["api_key"]}, trust_env=False) as client:
            client.patch(url, json=body).raise_for_status()
            run(server)
            found = next(rrset for rrset in client.get(url).json()["rrsets"] if rrset["type"] == "TXT" and rrset["name"] == f"{ZONE}.")
        assert sorted((record["content"], record["disabled"]) for record in found["records"]) == [
            ('"kept"', False),
            ('"switched off"', True),
            ('"v=spf1 mx ra=postmaster -all"', False),
        ]


# -- dns_check_info --------------------------------------------------------------------------------------------------


def test_servers_are_found_by_ns_and_asked_at_every_address(tmp_path: pathlib.Path) -> None:
    with dns_server("bind", tmp_path / "bind", {ZONE: LIVE}) as server:
        options = {"record_sets": sets(), "exclude": ["tlsa"], "resolvers": [server.address], "port": server.port}
        found = check(options, Mode()).results
        assert found["servers"] == [f"ns1.{ZONE} (127.0.0.1:{server.port})"]
        statuses = {f"{record['name']} {record['type']}": record["status"] for record in found["records"]}
        assert statuses == {
            "@ MX": "conflict",
            "@ TXT": "conflict",
            "_dmarc TXT": "conflict",
            "_mta-sts TXT": "missing",
            "_smtp._tls TXT": "conflict",
            "202611r._domainkey TXT": "missing",
            "_imaps._tcp SRV": "conflict",
            "_submissions._tcp SRV": "missing",
            "autoconfig CNAME": "missing",
            "mail CNAME": "missing",
            "mta-sts CNAME": "conflict",
        }
        assert not found["verified"]
        with pytest.raises(Refused, match=r"11 of 11 records are not published as wanted: .*example\.org MX: conflict, there is 5 mail\.example\.net\."):
            check({**options, "fail": True}, Mode())
        by_resolver = check({**options, "ask": "resolvers"}, Mode()).results
        assert by_resolver["servers"] == [server.address]


def test_it_waits_until_all_servers_have_all(tmp_path: pathlib.Path) -> None:
    with dns_server("bind", tmp_path / "bind", {ZONE: FOREIGN}) as first, dns_server("knot", tmp_path / "knot", {ZONE: FOREIGN}) as second:
        published = run(first).outcome.results["record_sets"]
        options = {"record_sets": published, "nameservers": [first.address, second.address]}
        found = check(options, Mode()).results
        assert not found["verified"]
        assert {server["status"] for record in found["records"] for server in record["servers"] if server["server"] == first.address} == {"match"}
        assert "missing" in {server["status"] for record in found["records"] for server in record["servers"] if server["server"] == second.address}

        def later() -> None:
            time.sleep(1.0)
            run(second)

        thread = threading.Thread(target=later)
        thread.start()
        found = check({**options, "wait_timeout": 30}, Mode()).results
        thread.join()
        assert found["verified"]
        assert 0.5 < found["elapsed"] < 29


def test_a_silent_server_makes_records_unknown() -> None:
    found = check({"record_sets": sets(), "include": ["mx", "spf"], "nameservers": ["127.0.0.1:9"], "timeout": 1.0}, Mode()).results
    assert found["summary"] == {"match": 0, "unknown": 2, "missing": 0, "conflict": 0, "extra": 0}
    assert "127.0.0.1:9" in found["records"][0]["reason"]


def test_extra_records_are_told(tmp_path: pathlib.Path) -> None:
    zone = f'@ MX 10 mx.{ZONE}.\n@ MX 20 other.example.net.\n@ TXT "kept"\nmx A 127.0.0.1\n_dmarc TXT "v=DMARC1; p=none"\n_dmarc TXT "v=DMARC1; p=reject"\n'
    with dns_server("knot", tmp_path / "knot", {ZONE: zone}) as server:
        wanted = [*sets(), {"type": "TXT", "name": ZONE, "content": "kept"}]
        found = check({"record_sets": wanted, "include": ["MX", "dmarc"], "nameservers": [server.address]}, Mode()).results
        assert {record["type"]: record["status"] for record in found["records"]} == {"MX": "match", "TXT": "conflict"}
        assert [(extra["fqdn"], extra["value"]) for extra in found["extra"] if extra["type"] == "MX"] == [(f"{ZONE}.", "20 other.example.net.")]


# -- through Ansible -------------------------------------------------------------------------------------------------

PLAY = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/stalwart.mail.stalwart: {url: "http://127.0.0.1:9", login_user: nobody, login_password: not-needed-but-given}
  tasks:
    - name: Predict
      stalwart.mail.dns_record_sets: &publish
        records: "{{ wanted }}"
        zones: "{{ zones }}"
        exclude: [tlsa]
      check_mode: true
      register: predicted
    - name: Publish
      stalwart.mail.dns_record_sets: *publish
      register: published
    - name: Publish again
      stalwart.mail.dns_record_sets: *publish
      register: again
    - name: Check
      stalwart.mail.dns_check_info:
        record_sets: "{{ published.record_sets }}"
        nameservers: "{{ nameservers }}"
      register: found
    - name: Bad input
      stalwart.mail.dns_record_sets:
        records: "{{ wanted }}"
        zones: "{{ zones }}"
        purge: true
      register: bad
      ignore_errors: true
    - ansible.builtin.assert:
        that:
          - predicted is changed
          - published is changed
          - predicted.operations == published.operations
          - again is not changed
          - found.verified
          - bad is failed
          - bad.msg is match("purge. without a manifest")
"""


def test_both_frontends(tmp_path: pathlib.Path) -> None:
    """The options of the connection come from module_defaults, and no mail server is asked."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY)
    results = []
    for frontend in FRONTENDS:
        with dns_server("bind", tmp_path / frontend / "bind", {ZONE: FOREIGN}) as server:
            variables = {
                "wanted": [record for found in sets() for record in found["records"]],
                "zones": [{"zone": ZONE, "providers": [server.provider]}],
                "nameservers": [server.address],
                "stalwart_execution": frontend,
            }
            played = play(playbook, tmp_path / frontend, variables, "--diff", "-vvv")
            assert played.status == 0, played.output
            assert server.provider["key_secret"] not in played.output
            assert server.values(ZONE, "TXT") == sorted([*OTHERS, "v=spf1 mx ra=postmaster -all"])
            results.append(json.loads(json.dumps(compared(played)).replace(server.address, "SERVER")))
    assert results[0] == results[1]


# -- the role --------------------------------------------------------------------------------------------------------

ROLE = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/stalwart.mail.stalwart: {url: "{{ server.url }}", login_user: "{{ server.user }}", login_password: "{{ server.password }}"}
  tasks:
    - name: A domain with keys
      stalwart.mail.principal: {name: "{{ item }}", type: domain}
      loop: "{{ dns_domains }}"
    - name: Its keys
      stalwart.mail.dkim: {domain: "{{ item }}"}
      loop: "{{ dns_domains }}"
    - name: Its records
      ansible.builtin.import_role: {name: stalwart.mail.dns}
"""


def test_role(tmp_path: pathlib.Path) -> None:
    """Published, verified, written to files; a second run, and one in check mode, change nothing."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(ROLE)
    with stand_in(log=tmp_path / "stand-in.log") as mail, dns_server("bind", tmp_path / "bind", {ZONE: FOREIGN}) as server:
        variables = {
            "server": {"url": mail.url, "user": mail.user, "password": mail.password},
            "dns_domains": [ZONE, f"lists.{ZONE}"],
            "dns_zones": [{"zone": ZONE, "providers": [server.provider]}],
            # outside the zone, so BIND wants no address for it
            "dns_mx": ["10 mx.example.net"],
            "dns_records": [{"type": "TXT", "name": f"own.{ZONE}", "content": "own"}],
            "dns_nameservers": [server.address],
            "dns_manifest": str(tmp_path / "manifest.json"),
            "dns_directory": str(tmp_path / "files"),
            "dns_verify_timeout": 20,
        }
        for run_number in (1, 2):
            played = play(playbook, tmp_path / f"run{run_number}", variables, "--diff")
            assert played.status == 0, played.output
            result = played.of("dns_record_sets")[0]
            assert result["changed"] is (run_number == 1), result
            assert played.of("dns_check_info")[0]["verified"]
        checked = play(playbook, tmp_path / "check", variables, "--check")
        assert checked.status == 0, checked.output
        assert not checked.of("dns_record_sets")[0]["changed"]

        assert server.values(ZONE, "MX") == server.values(f"lists.{ZONE}", "MX") == ["10 mx.example.net."]
        assert [text for text in server.values(ZONE, "TXT") if not text.startswith("v=spf1")] == sorted(OTHERS)
        assert server.values(f"own.{ZONE}", "TXT") == ["own"]
        assert server.values(f"_dmarc.{ZONE}", "TXT")[0].startswith("v=DMARC1; p=none; ")
        assert "p=none" in (tmp_path / "files" / f"{ZONE}.zone").read_text()
        assert (tmp_path / "files" / "octodns" / f"{ZONE}.yaml").is_file()
        assert (tmp_path / "files" / "records.txt").read_text().startswith("ZONE")


def test_a_role_variable_that_is_wrong_is_named(tmp_path: pathlib.Path) -> None:
    playbook = tmp_path / "play.yml"
    playbook.write_text("- hosts: localhost\n  gather_facts: false\n  roles: [stalwart.mail.dns]\n")
    played = play(playbook, tmp_path / "run", {"dns_domains": ["example.org"], "dns_dmarc_policy": "strict"})
    assert played.status != 0
    assert "dns_dmarc_policy" in played.output
    assert "quarantine" in played.output

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotations of DKIM keys that die at each step and are finished by a second run. What signs is read from queued mail, what is published from BIND."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import pathlib
import re
import smtplib
import tempfile
import time
import typing as t
from unittest import mock

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._dns.rfc2136 import Rfc2136
from ansible_collections.stalwart.mail.plugins.module_utils._http import HttpClient
from ansible_collections.stalwart.mail.plugins.module_utils._resources import dkim_rotation
from tests.support.cases import play
from tests.support.dns_servers import DnsServer, dns_server
from tests.support.servers import ROOT, RunningServer, stand_in
from tests.support.tasks import Ran, login, run

DOMAIN, OTHER = "example.org", "example.net"
PASSWORD = "a long password, unlike any data"
#: One that is checked in no time.
HASH = "{SSHA}" + base64.b64encode(hashlib.sha1(PASSWORD.encode() + b"salt").digest() + b"salt").decode()
NEWEST = "0.16.18"
MESSAGE = "From: {sender}\nTo: bob@remote.example\nSubject: hello\nDate: Mon, 02 Nov 2026 10:00:00 +0000\nMessage-ID: <1@x.example>\n\nHello\n"
FOREIGN = '202401x._domainkey TXT "v=DKIM1; p=somebody-elses"'


def task(mail: RunningServer, module: str, *, check: bool = False, **options: t.Any) -> Ran:
    """A module in this process, as its frontends run it."""
    return run(module, {**login(mail), **options}, check=check)


class Killed(BaseException):
    """The controller goes away."""


class Scene:
    """A mail server that signs, a name server, and how a rotation looks from outside."""

    def __init__(
        self, mail: RunningServer, dns: DnsServer, folder: pathlib.Path, domains: t.Sequence[str] = (DOMAIN,), algorithms: t.Sequence[str] = ("ed25519",)
    ) -> None:
        self.mail, self.dns, self.folder, self.domains = mail, dns, folder, domains
        self.seen: list[frozenset[str]] = []
        self.writes = 0
        self.looks = False
        for domain in domains:
            self.run("principal", name=domain, type="domain")
            account = {"type": "individual", "emails": [f"alice@{domain}"], "password_hash": HASH}
            self.run("principal", name=f"alice@{domain}", **account)
            self.run("dkim", domain=domain, algorithm=list(algorithms))
        self.zones = [{"zone": domain, "providers": [dns.provider]} for domain in domains]
        self.run("dns_record_sets", record_sets=self._wanted(), zones=self.zones)
        self.run("queue", state="paused")

    def _wanted(self) -> list[dict[str, t.Any]]:
        keys = self.run("dkim_info", domain=list(self.domains))["signatures"]
        return [key["record"] for key in keys]

    def rotate(self, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """What the role does, task by task."""
        common = {"domain": list(self.domains), **options}
        prepared = self._step("prepare", common)
        checked: list[dict[str, t.Any]] = []
        if prepared["records"]:
            self._publish(prepared["records"], [])
            checked = self.run("dns_check_info", record_sets=prepared["records"], nameservers=[self.dns.address], wait_timeout=30)["records"]
        self._retire(prepared, common)
        switched = self._step("switch", {**common, "records": checked, "negative_ttl": 0})
        self._retire(switched, common)
        return self.run("dkim_rotation_info", domain=list(self.domains))

    def _step(self, step: str, options: dict[str, t.Any]) -> dict[str, t.Any]:
        return self.run("dkim_rotation", step=step, **options)

    def _retire(self, before: dict[str, t.Any], common: dict[str, t.Any]) -> None:
        if before["retire"]:
            self._publish([], before["retire"])
        if any(rotation["step"] == "retire" for rotation in before["rotations"]):
            self._step("retire", {**common, "names": before["retire"]})

    def _publish(self, records: list[dict[str, t.Any]], names: list[str]) -> None:
        self.run("dns_record_sets", record_sets=records, zones=self.zones, purge_names=names)

    def run(self, module: str, **options: t.Any) -> dict[str, t.Any]:
        """The result of a module that must not fail."""
        ran = task(self.mail, module, **options)
        assert not ran.message, ran.message
        return ran.result

    def queued(self) -> list[dict[str, t.Any]]:
        """The messages that wait."""
        found: list[dict[str, t.Any]] = self.run("queue_info", limit=0)["messages"]
        return found

    def send(self, domain: str = DOMAIN) -> dict[str, t.Any]:
        """Hand over a message; it, as it waits."""
        sender = f"alice@{domain}"
        known = {message["id"] for message in self.queued()}
        with smtplib.SMTP(self.mail.host, self.mail.submission_port, timeout=60) as client:
            client.login(f"alice@{domain}", PASSWORD)
            client.sendmail(sender, ["bob@remote.example"], MESSAGE.format(sender=sender).replace("\n", "\r\n"))
        deadline = time.monotonic() + 60
        while not (new := [message for message in self.queued() if message["id"] not in known]):
            assert time.monotonic() < deadline, "the message does not come"
        return new[0]

    def published(self, selector: str, domain: str = DOMAIN) -> list[str]:
        """What the name server itself says."""
        return self.dns.values(f"{selector}._domainkey.{domain}", "TXT")

    def signing(self, domain: str = DOMAIN) -> frozenset[str]:
        """The selectors in the signatures of a message that was just handed over and waits."""
        file = self.folder / "message.eml"
        self.looks = True
        try:
            message = self.send(domain)
            self.run("blob", id=message["blob_id"], dest=str(file))
            self.drop(message)
        finally:
            self.looks = False
        head = re.sub(rb"\r\n[ \t]+", b" ", file.read_bytes().partition(b"\r\n\r\n")[0]).decode()
        return frozenset(re.findall(rf"DKIM-Signature: [^\r]*\bs=([^;]+); d={re.escape(domain)};", head))

    def drop(self, message: dict[str, t.Any]) -> None:
        """Take a message out of the queue."""
        self.run("queue_message", ids=[message["id"]], action="cancel")

    def look(self) -> None:
        """The promise: whatever signs at this moment is published."""
        for domain in self.domains:
            signing = self.signing(domain)
            assert signing, "mail is not signed"
            for selector in signing:
                assert len(self.published(selector, domain)) == 1, f"{selector} of {domain} signs and is not published"
            self.seen.append(signing)

    @contextlib.contextmanager
    def watched(self, dies_at: int = 0, *, reaches: bool = True) -> t.Iterator[None]:
        """Look after each write to either server; or die at one, before or after it reached its server, and look only then."""
        request, write = HttpClient.request, Rfc2136.write

        def wrap(do: t.Callable[[], t.Any]) -> t.Any:
            if self.looks:
                return do()
            self.writes += 1
            if self.writes == dies_at and not reaches:
                raise Killed
            answer = do()
            if self.writes >= dies_at:
                self.look()
            if self.writes == dies_at:
                raise Killed
            return answer

        def http(client: HttpClient, method: str, path: t.Sequence[str], **how: t.Any) -> t.Any:
            if not _writes(method, path, how):
                return request(client, method, path, **how)
            return wrap(lambda: request(client, method, path, **how))

        with (
            mock.patch.object(HttpClient, "request", http),
            mock.patch.object(Rfc2136, "write", lambda provider, *given: wrap(lambda: write(provider, *given))),
        ):
            yield


def _writes(method: str, path: t.Sequence[str], how: t.Mapping[str, t.Any]) -> bool:
    if path[-1] == "jmap":
        return any(call[0].endswith("/set") for call in (how.get("body") or {}).get("methodCalls", ()))
    return method != "GET" or (path[-1] == "reload" and not how.get("query"))


@contextlib.contextmanager
def later(days: int) -> t.Iterator[None]:
    """As if that much time had passed."""
    moment = dt.datetime.now(dt.timezone.utc).replace(microsecond=0) + dt.timedelta(days=days)
    with mock.patch.object(dkim_rotation, "now", return_value=moment):
        yield


@pytest.fixture(scope="module")
def dns(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[DnsServer]:
    with dns_server("bind", tmp_path_factory.mktemp("bind"), {DOMAIN: FOREIGN, OTHER: ""}) as server:
        yield server


@contextlib.contextmanager
def scene(dns: DnsServer, *domains: str, algorithms: t.Sequence[str] = ("ed25519",), version: str = "0.15.5") -> t.Iterator[Scene]:
    with stand_in(version) as mail, tempfile.TemporaryDirectory() as folder:
        made = Scene(mail, dns, pathlib.Path(folder), domains or (DOMAIN,), algorithms)
        try:
            yield made
        finally:  # the name server is shared
            names = [f"{key['selector']}._domainkey.{key['domain']}" for key in made.run("dkim_info")["signatures"]]
            made.run("dns_record_sets", record_sets=[], zones=made.zones, purge_names=names)


def selectors(scene: Scene) -> tuple[str, str | None, str | None]:
    (found,) = scene.run("dkim_rotation_info", domain=DOMAIN)["rotations"]
    return found["selector"], found["next_selector"], found["old_selector"]


#: Next key made, published, seen; swapped, reloaded, next id cleared, ages noted (2): so far to the swap. Record removed, old key forgotten.
#: Servers since 0.16 need no reload, move a key instead of copying it, and know its age.
WRITES = {"0.15.5": (8, 10), NEWEST: (5, 7)}
#: In an emergency while an older key is kept, that one's record and key go, too.
WRITES_OF_AN_EMERGENCY = {"0.15.5": 12, NEWEST: 9}


@pytest.mark.parametrize("version", WRITES)
@pytest.mark.parametrize("reaches", [False, True], ids=["before", "after"])
def test_a_rotation_that_dies_at_each_write_is_finished_by_a_second_run(dns: DnsServer, reaches: bool, version: str) -> None:
    """Exactly one new key each time, whatever signs is published at every moment, and nothing is left over."""
    to_the_swap, writes = WRITES[version]
    with scene(dns, version=version) as at:
        for dies_at in range(1, writes + 1):
            before = selectors(at)[0]
            at.writes = 0
            with at.watched(dies_at, reaches=reaches):
                with contextlib.suppress(Killed):
                    at.rotate(now=True)
                dead = at.writes
                if dies_at <= to_the_swap:
                    assert dead == dies_at, "it did not die"
                    at.rotate(now=True)
                active, pending, old = selectors(at)
                assert (active != before, pending, old) == (True, None, before), f"after a death at {dies_at}"
                assert at.signing() == {active}
                assert at.published(before), "mail under way needs it"
                at.rotate(now=True)
                assert selectors(at) == (active, None, before), "no rotation begins before the end of one"
                with later(8):
                    with contextlib.suppress(Killed):
                        at.rotate()
                    at.rotate()
            assert selectors(at) == (active, None, None), f"after a death at {dies_at}"
            assert at.published(before) == []
            assert at.signing() == {active}
        assert active == f"{before[:7]}{writes + 1}"
        assert at.published("202401x"), "the key of another sender"


@pytest.mark.parametrize("version", WRITES)
@pytest.mark.parametrize("reaches", [False, True], ids=["before", "after"])
def test_an_emergency_that_dies_at_each_write_is_finished_by_a_second_run(dns: DnsServer, reaches: bool, version: str) -> None:
    """Also while an earlier old key is kept: after it, only the new key is left, on the server and in DNS."""
    with scene(dns, version=version) as at:
        number = 1
        # after the last write there is nothing left that a second run could know of
        for dies_at in range(1, WRITES_OF_AN_EMERGENCY[version] + (not reaches)):
            at.rotate(now=True)
            number += 1
            known, _pending, older = selectors(at)
            assert older
            at.writes = 0
            with at.watched(dies_at, reaches=reaches), contextlib.suppress(Killed):
                at.rotate(emergency=True)
            assert at.writes == dies_at
            with at.watched():
                at.rotate(emergency=True)
            number += 1
            active = selectors(at)[0]
            assert selectors(at) == (f"{known[:7]}{number}", None, None), f"after a death at {dies_at}"
            assert at.signing() == {active}
            assert at.published(active)
            assert at.published(known) == at.published(older) == []


def test_many_keys_at_once_and_what_is_due_when(dns: DnsServer) -> None:
    """Two domains with two keys each: one publication, one swap; then nothing until the age is reached."""
    with scene(dns, DOMAIN, OTHER, algorithms=("rsa", "ed25519")) as at:
        assert {rotation["step"] for rotation in at.rotate()["rotations"]} == {"none"}, "keys of this month"
        options = {"domain": [DOMAIN, OTHER], "step": "prepare", "now": True}
        predicted = task(at.mail, "dkim_rotation", **options, check=True)
        serial, prepared = dns.serial(DOMAIN), at.run("dkim_rotation", **options)
        assert predicted.result["operations"] == prepared["operations"]
        assert predicted.result["diff"] == prepared["diff"]
        assert [rotation["step"] for rotation in prepared["rotations"]] == ["publish"] * 4
        assert not at.run("dkim_rotation", **options)["changed"]

        switch = {"domain": [DOMAIN, OTHER], "step": "switch"}
        refused = at.run("dkim_rotation", **switch)
        assert not refused["changed"], "nothing was seen"
        assert len(refused["unpublished"]) == 4
        at.run("dns_record_sets", record_sets=prepared["records"], zones=at.zones)
        assert dns.serial(DOMAIN) == serial + 1, "one update a zone"
        checked = at.run("dns_check_info", record_sets=prepared["records"], nameservers=[dns.address], wait_timeout=30)
        assert [record["negative_ttl"] for record in checked["records"]] == [60] * 4, "as the SOA has it"
        waiting = at.run("dkim_rotation", **switch, records=checked["records"])
        assert [rotation["step"] for rotation in waiting["rotations"]] == ["wait"] * 4
        assert all(rotation["due"] for rotation in waiting["rotations"])
        assert not at.run("dkim_rotation", **switch, records=checked["records"])["changed"]
        assert at.signing() == at.signing(OTHER) == {rotation["selector"] for rotation in waiting["rotations"]}

        with later(1):
            predicted = task(at.mail, "dkim_rotation", **switch, records=checked["records"], check=True)
            switched = at.run("dkim_rotation", **switch, records=checked["records"])
            assert predicted.result["operations"] == switched["operations"]
            assert predicted.result["diff"] == switched["diff"]
            assert [operation["action"] for operation in switched["operations"]] == ["switch"] * 4
            assert {rotation["step"] for rotation in switched["rotations"]} == {"keep"}
            assert at.signing() == {rotation["selector"] for rotation in switched["rotations"] if rotation["domain"] == DOMAIN}
        with later(120):
            at.rotate()
            assert {rotation["step"] for rotation in at.run("dkim_rotation_info", domain=[DOMAIN, OTHER])["rotations"]} == {"prepare"}
        # the role dns takes no selector away that a rotation needs
        wanted = at.run("dns_records_info", domain=DOMAIN, include=["dkim"])["records"]
        assert len(wanted) == 2


def test_an_old_record_stays_while_older_mail_of_the_domain_waits(dns: DnsServer) -> None:
    with scene(dns) as at:
        message = at.send()
        at.rotate(now=True)
        active, _pending, old = selectors(at)
        assert old
        with later(8):
            assert at.run("dkim_rotation_info", domain=DOMAIN)["rotations"][0]["reason"] == f"mail that the old key {old} signed is still in the queue"
            at.rotate()
        assert selectors(at) == (active, None, old)
        assert at.published(old)
        at.drop(message)
        with later(8):
            at.rotate()
        assert selectors(at) == (active, None, None)


def test_the_role_dns_keeps_what_a_rotation_needs(dns: DnsServer, tmp_path: pathlib.Path) -> None:
    """Its purge takes neither the next nor the old selector."""
    with scene(dns) as at:
        publish = {"zones": at.zones, "include": ["dkim"], "manifest": str(tmp_path / "manifest.json"), "purge": True}

        def dns_role() -> list[str]:
            wanted = at.run("dns_records_info", domain=DOMAIN)["record_sets"]
            return sorted(found["fqdn"].partition(".")[0] for found in at.run("dns_record_sets", record_sets=wanted, **publish)["record_sets"])

        first = selectors(at)[0]
        assert dns_role() == [first]
        at.run("dkim_rotation", domain=DOMAIN, step="prepare", now=True)
        assert dns_role() == [first, f"{first}2"]
        assert at.published(f"{first}2")
        at.rotate()
        assert selectors(at) == (f"{first}2", None, first)
        assert dns_role() == [first, f"{first}2"]
        with later(8):
            at.rotate()
        assert dns_role() == [f"{first}2"]
        assert at.published(first) == []


def test_errors_in_settings_stop_the_swap(dns: DnsServer) -> None:
    """A reload would apply nothing: no key is changed, and the run that comes after the repair goes on."""
    with scene(dns) as at:
        broken = {"type": "insert", "prefix": None, "values": [["queue.schedule.broken.queue-name", "nowhere"]], "assert_empty": False}
        at.mail.api("POST", "settings", [broken])
        with pytest.raises(AssertionError, match=r"no key was changed: settings have errors.*queue\.schedule\.broken"):
            at.rotate(now=True)
        active, pending, old = selectors(at)
        assert pending
        assert old is None
        assert at.signing() == {active}
        at.mail.api("POST", "settings", [{"type": "delete", "keys": ["queue.schedule.broken.queue-name"]}])
        at.rotate()
        assert selectors(at) == (pending, None, active)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retire_after": "3d"}, r"^retire_after: 3d is too short: mail waits up to 3d in this server's queue, .* give at least 73h, or use emergency\.$"),
        ({"max_age": "5d"}, r"^max_age: 5d is not longer than retire_after \(7d\)"),
        ({"domain": "example.edu"}, r"'example\.edu' has no DKIM key to be rotated; make one first"),
        ({"algorithm": ["rsa"]}, r"'example\.org' has no key for rsa to be rotated"),
        ({"names": ["x._domainkey.example.org"]}, r"^names: it belongs to the step retire"),
    ],
)
def test_refusals(dns: DnsServer, options: dict[str, t.Any], message: str) -> None:
    with scene(dns) as at:
        before = at.mail.api("GET", "settings/list", prefix="")
        ran = task(at.mail, "dkim_rotation", **{"step": "prepare", "domain": DOMAIN, **options})
        assert re.search(message, ran.message), ran.message
        assert at.mail.api("GET", "settings/list", prefix="") == before


def test_a_rule_of_ones_own_is_not_guessed_at(dns: DnsServer) -> None:
    with scene(dns) as at:
        rule = {"type": "insert", "prefix": None, "values": [["auth.dkim.sign", "['mine']"]], "assert_empty": False}
        at.mail.api("POST", "settings", [rule])
        ran = task(at.mail, "dkim_rotation_info", domain=DOMAIN)
        assert "decided by a rule of your own" in ran.message
        at.mail.api("POST", "settings", [{"type": "delete", "keys": ["auth.dkim.sign"]}])


# -- the role ---------------------------------------------------------------------------------------------------------


def test_the_playbook_goes_on_where_another_run_ended(dns: DnsServer, tmp_path: pathlib.Path) -> None:
    """The role itself: a dry run, one that finds the next keys made, one with nothing to do, and an emergency."""
    with scene(dns, DOMAIN, OTHER) as at:
        first = selectors(at)[0]
        variables = {
            "dkim_rotation_domains": [DOMAIN, OTHER],
            "dkim_rotation_zones": at.zones,
            "dkim_rotation_nameservers": [dns.address],
            "dkim_rotation_now": True,
            "dkim_rotation_negative_ttl": 0,
        }
        environment = {"STALWART_URL": at.mail.url, "STALWART_USER": at.mail.user, "STALWART_PASSWORD": at.mail.password}

        def played(name: str, *arguments: str, **more: t.Any) -> list[str]:
            done = play(ROOT / "playbooks" / "rotate_dkim.yml", tmp_path / name, {**variables, **more}, "--diff", *arguments, **environment)
            assert done.status == 0, done.output
            return [line["task"].partition(" : ")[2] for line in done.results if line["result"].get("changed")]

        assert played("check", "--check") == ["Make the next keys, where the present ones are too old", "Publish records and remove names"]
        assert selectors(at) == (first, None, None)
        at.run("dkim_rotation", domain=[DOMAIN, OTHER], step="prepare", now=True)
        assert played("run") == ["Publish records and remove names", "Let the next keys sign, whose records are known everywhere"]
        assert selectors(at) == (f"{first}2", None, first)
        assert at.signing() == at.signing(OTHER) == {f"{first}2"}
        assert played("again") == []
        emergency = played("emergency", dkim_rotation_emergency=True)
        assert emergency.count("Forget the old keys") == 2
        assert selectors(at) == (f"{first}3", None, None)
        assert at.published(first) == at.published(f"{first}2") == []

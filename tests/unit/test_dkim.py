# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DKIM signatures over the REST adapter, on a settings store in memory: which requests go out, and what is refused before any."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from ansible_collections.stalwart.mail.plugins.module_utils._dkim_keys import read_private_key
from ansible_collections.stalwart.mail.plugins.module_utils._errors import (
    AlreadyExists,
    InvalidOption,
    NotApplied,
    PermissionDenied,
    Refused,
    StalwartError,
)
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources import dkim
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.dns import DnsRecord
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import Principal
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.server import ReloadReport
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest._call import RestCaller
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.settings import RestSettings
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.signatures import RestSignatures

DOMAINS = ("example.org", "example.net")


def new_key(algorithm: str) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048) if algorithm == "rsa" else ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return read_private_key(pem).pem


RSA, RSA_2, EDWARDS = new_key("rsa"), new_key("rsa"), new_key("ed25519")


class Caller(RestCaller):
    """Answers as the server does, from a dictionary of settings. `deaf` takes writes and forgets them."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.settings = dict(settings or {})
        self.requests: list[str] = []
        self.deaf = False

    def call(self, method: str, *path: str, query: Mapping[str, t.Any] | None = None, body: t.Any = None, **_how: t.Any) -> t.Any:
        self.requests.append(" ".join([method, *path]))
        if method == "GET" and path == ("settings", "keys"):
            assert query is not None
            keys = query.get("keys", "").split(",")
            prefixes = tuple(f"{prefix.rstrip('.')}." for prefix in query.get("prefixes", "").split(","))
            return {key: value for key, value in self.settings.items() if key in keys or key.startswith(prefixes)}
        if self.deaf:
            return None
        if path == ("dkim",):
            prefix = f"signature.{body['id']}."
            if f"{prefix}private-key" in self.settings:
                raise AlreadyExists("fieldAlreadyExists", field=f"{prefix}private-key", request="POST /api/dkim")
            name = body["algorithm"].lower()
            key = RSA if name == "rsa" else EDWARDS
            fields = {"private-key": key, "domain": body["domain"], "selector": body["selector"], "algorithm": f"{name}-sha256", "headers.0": "From"}
            self.settings.update({f"{prefix}{field}": value for field, value in fields.items()})
            return None
        for change in body:
            if change["type"] == "insert":
                self.settings.update(dict(change["values"]))
            else:
                assert change["type"] == "delete"
                for key in change["keys"]:
                    self.settings.pop(key, None)
        return None


class Principals:
    """Domains, and no right to see them where there are none to be seen."""

    def __init__(self, domains: t.Sequence[str] | None) -> None:
        self.domains = domains

    def get(self, name: str) -> Principal | None:
        return next((found for found in self.find() if found.name == name), None)

    def find(self, **_how: t.Any) -> t.Iterator[Principal]:
        if self.domains is None:
            raise PermissionDenied("403 Forbidden", request="GET /api/principal")
        return iter([Principal(name=domain, type="domain") for domain in self.domains])


class Site:
    """The parts of a server that the tasks on signatures use."""

    generation = "rest"

    def __init__(self, settings: Mapping[str, str] | None = None, domains: t.Sequence[str] | None = DOMAINS, errors: Mapping[str, str] | None = None) -> None:
        self.caller = Caller(settings)
        self.principals = Principals(domains)
        self.signatures = RestSignatures(self.caller, RestSettings(self.caller), self.dns_records)
        self.records: list[DnsRecord] = []
        self.errors = dict(errors or {})
        self.warnings: list[str] = []

    def dns_records(self, domain: str) -> list[DnsRecord]:
        self.caller.requests.append(f"GET dns records {domain}")
        return self.records

    def reload(self) -> ReloadReport:
        self.caller.requests.append("GET reload")
        return ReloadReport(errors=self.errors)

    def manage(self, check: bool = False, **options: t.Any) -> Outcome:
        return dkim.manage(t.cast(Server, self), options, Mode(check=check, warn=self.warnings.append))

    def info(self, **options: t.Any) -> list[dict[str, t.Any]]:
        return list(dkim.info(t.cast(Server, self), options, Mode()).results["signatures"])


def stored(identifier: str, domain: str = "example.org", selector: str = "old", key: str = RSA, **more: str) -> dict[str, str]:
    algorithm = read_private_key(key).algorithm if key.startswith("-----") else "rsa"
    fields = {"private-key": key, "domain": domain, "selector": selector, "algorithm": f"{algorithm}-sha256", "headers.0": "From", **more}
    return {f"signature.{identifier}.{field}": value for field, value in fields.items()}


def refused(site: Site, kind: type[StalwartError] = Refused, **options: t.Any) -> str:
    with pytest.raises(kind) as error:
        site.manage(**options)
    writes = [request for request in site.caller.requests if request.startswith("POST")]
    assert writes == []
    return str(error.value)


def test_many_domains_are_read_once_and_reloaded_once() -> None:
    site = Site()
    outcome = site.manage(domain=list(DOMAINS))
    assert [change.name for change in outcome.changes] == ["rsa-example.org", "ed25519-example.org", "rsa-example.net", "ed25519-example.net"]
    assert site.caller.requests == ["GET settings keys", *["POST dkim"] * 4, "GET settings keys", "GET reload"]
    site.caller.requests.clear()
    again = site.manage(domain=list(DOMAINS))
    assert not again.changed
    assert again.results["signatures"] == outcome.results["signatures"]
    assert site.caller.requests == ["GET settings keys"]


def test_the_record_is_what_the_server_lists() -> None:
    site = Site(stored("ed25519-example.org", key=EDWARDS))
    [signature] = site.info()
    public_key = read_private_key(EDWARDS).public_key
    assert signature["record"]["value"] == f"v=DKIM1; k=ed25519; h=sha256; p={public_key}"
    assert signature["record"]["fqdn"] == "old._domainkey.example.org."
    assert signature["record"]["name"] == "old._domainkey"
    assert signature["record"]["purpose"] == "dkim"
    assert "PRIVATE" not in json.dumps(signature)


def test_an_imported_key_is_stored_as_the_server_writes_its_own() -> None:
    site = Site()
    site.manage(domain="example.org", selector="s1", private_key=RSA)
    assert site.caller.settings == {
        "signature.rsa-example.org.private-key": RSA,
        "signature.rsa-example.org.domain": "example.org",
        "signature.rsa-example.org.selector": "s1",
        "signature.rsa-example.org.algorithm": "rsa-sha256",
        "signature.rsa-example.org.canonicalization": "relaxed/relaxed",
        "signature.rsa-example.org.headers.0": "From",
        "signature.rsa-example.org.headers.1": "To",
        "signature.rsa-example.org.headers.2": "Date",
        "signature.rsa-example.org.headers.3": "Subject",
        "signature.rsa-example.org.headers.4": "Message-ID",
        "signature.rsa-example.org.report": "false",
    }


def test_check_mode_predicts_and_writes_nothing() -> None:
    site, twin = Site(), Site()
    predicted = site.manage(check=True, domain="example.org")
    done = twin.manage(domain="example.org")
    assert predicted.operations() == done.operations()
    assert predicted.diffs() == done.diffs()
    assert [signature["public_key"] for signature in predicted.results["signatures"]] == ["<generated>"] * 2
    assert [signature["record"]["value"] for signature in predicted.results["signatures"]] == ["<generated>"] * 2
    assert site.caller.settings == {}
    assert site.caller.requests == ["GET settings keys"]


def test_replacing_writes_key_and_selector_at_once_and_keeps_the_rest() -> None:
    site = Site({**stored("rsa-example.org", expire="5d"), **stored("rsa-example.org-next", selector="new", key=RSA_2)})
    assert "set replace: true" in refused(site, domain="example.org", key_from="rsa-example.org-next")
    outcome = site.manage(domain="example.org", key_from="rsa-example.org-next", replace=True)
    assert site.caller.requests.count("POST settings") == 1
    assert site.caller.settings["signature.rsa-example.org.private-key"] == RSA_2
    assert site.caller.settings["signature.rsa-example.org.selector"] == "new"
    assert site.caller.settings["signature.rsa-example.org.expire"] == "5d"
    assert "PRIVATE" not in json.dumps([outcome.diffs(), outcome.operations(), outcome.results])
    assert not site.manage(domain="example.org", key_from="rsa-example.org-next", replace=True).changed


def test_removing_leaves_ids_that_go_on_where_this_one_ends() -> None:
    kept = {**stored("x.y", domain="example.net"), **stored("x-next"), **stored("xy"), "signature.x.y.set": "1"}
    site = Site({**stored("x", headers="From", comment="ours"), **kept})
    site.manage(id="x", state="absent")
    assert site.caller.settings == kept


def test_removing_a_domain_takes_what_signs_for_it() -> None:
    kept = {**stored("rsa-example.org-next", selector="new"), **stored("rsa-example.net", domain="example.net")}
    site = Site({**stored("rsa-example.org"), **stored("ed25519-example.org", key=EDWARDS), **kept})
    site.manage(domain="example.org", state="absent")
    assert site.caller.settings == kept
    assert not site.manage(domain="example.org", state="absent").changed
    site.manage(domain="example.org", selector="new", state="absent")
    assert site.caller.settings == stored("rsa-example.net", domain="example.net")


def test_a_new_key_gets_a_selector_of_its_own() -> None:
    site = Site()
    first = site.manage(domain="example.org", algorithm="rsa").results["signatures"][0]["selector"]
    second = site.manage(domain="example.org", algorithm="rsa", id="rsa-example.org-next").results["signatures"][0]["selector"]
    assert len(first) == 7
    assert first.endswith("r")
    assert second == f"{first}2"


def test_who_signs() -> None:
    site = Site({**stored("rsa-example.org"), **stored("mine", selector="new")})
    assert {signature["id"]: signature["signs"] for signature in site.info()} == {"rsa-example.org": True, "mine": False}
    site.caller.settings["auth.dkim.sign.0000.if"] = "true"
    assert {signature["signs"] for signature in site.info()} == {None}
    site.caller.settings.pop("auth.dkim.sign.0000.if")
    site.caller.settings["auth.dkim.sign"] = "['mine']"
    assert {signature["signs"] for signature in site.info()} == {None}


def test_a_key_that_does_not_sign_is_made_with_a_warning() -> None:
    site = Site()
    site.manage(domain="example.org", algorithm="rsa", id="mine")
    assert site.warnings == [
        "id: the server does not sign with 'mine' by default, but with 'rsa-example.org'; the key is stored and its record to be published."
    ]


def test_keys_that_only_the_server_can_read() -> None:
    site = Site({**stored("rsa-example.org", key="%{file:/etc/dkim.key}%"), **stored("broken", selector="b", key="not a key")})
    site.records = [DnsRecord(type="TXT", name="old._domainkey.example.org.", content="v=DKIM1; k=rsa; h=sha256; p=AAAA")]
    shown = {signature["id"]: signature for signature in site.info(domain="example.org")}
    assert shown["rsa-example.org"]["public_key"] == "AAAA"
    assert shown["broken"]["public_key"] is None
    assert shown["broken"]["record"] is None


def test_settings_that_are_no_signature_are_left_out() -> None:
    site = Site({"signature.half.domain": "example.org", "signature.half.selector": "s", **stored("odd", algorithm="rsa-sha1"), **stored("none", domain="")})
    assert [signature["id"] for signature in site.info()] == ["odd"]
    assert site.info(domain=["example.net"]) == []
    assert site.info(domain=[]) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"selector": "new"}, "selector: the signature 'rsa-example.org' has a key with the selector 'old' already, and an id holds one key; to rotate"),
        ({"private_key": RSA_2}, "private_key: the signature 'rsa-example.org' has another key already"),
        ({"id": "mine", "selector": "OLD"}, "selector: 'old' of example.org belongs to the signature 'rsa-example.org'"),
        ({"id": "rsa-example.net"}, "id: the signature 'rsa-example.net' is one of example.net with rsa; choose another id for example.org with rsa."),
        ({"id": "rsa-example"}, "id: the server would mix up 'rsa-example' and the signature 'rsa-example.net'"),
        ({"key_from": "nosuch"}, "key_from: there is no signature 'nosuch' on the server"),
        ({"key_from": "rsa-example.net"}, "key_from: the signature 'rsa-example.net' is one of example.net with rsa"),
        ({"domain": "nowhere.net"}, "domain: 'nowhere.net' is no domain of the server; create it first (module principal, type: domain), or correct the name."),
        ({"domain": ["a.net", "example.net", "b.net"]}, "domain: 'a.net', 'b.net' are no domains of the server; create them first"),
    ],
)
def test_what_the_servers_state_forbids(options: dict[str, t.Any], says: str) -> None:
    site = Site({**stored("rsa-example.org"), **stored("rsa-example.net", domain="example.net")})
    assert says in refused(site, **{"domain": "example.org", "algorithm": "rsa", **options})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "domain: it is missing"),
        ({"state": "absent"}, "domain: it is missing"),
        ({"domain": "no domain"}, "domain[0]: 'no domain' is not a domain name"),
        ({"domain": "example.org", "selector": "under_score"}, "selector: 'under_score' can't be a selector"),
        ({"domain": "example.org", "selector": "x"}, "selector: two keys can't share a selector in one domain"),
        ({"domain": "example.org", "id": "a b"}, "id: 'a b' can't be the id of a signature"),
        ({"domain": "example.org", "id": "mine"}, "algorithm: it is missing, and an id of its own holds one key"),
        ({"domain": ["a.org", "b.org"], "id": "mine"}, "id: one id holds one key"),
        ({"domain": "example.org", "id": "mine", "algorithm": ["rsa", "ed25519"]}, "id: one id holds one key"),
        ({"domain": "example.org", "replace": True}, "replace: it needs the key that takes the place of the stored one"),
        ({"domain": "example.org", "key_from": "x", "selector": "y"}, "selector: key_from takes key and selector of another signature"),
        ({"domain": "example.org", "private_key": EDWARDS, "algorithm": "rsa"}, "private_key: it is a key for ed25519, and algorithm is rsa"),
        ({"domain": "example.org", "private_key": "x"}, "private_key: it is no PEM text"),
    ],
)
def test_bad_input_never_reaches_the_server(options: dict[str, t.Any], says: str) -> None:
    site = Site()
    message = refused(site, InvalidOption, **options)
    assert message.startswith(says)
    assert set(site.caller.requests) <= {"GET settings keys"}


def test_a_login_that_may_not_look_at_domains_can_make_keys() -> None:
    assert Site(domains=None).manage(domain="example.org").changed


def test_check_mode_predicts_the_keys_of_a_domain_that_an_earlier_task_may_create() -> None:
    site = Site(domains=())
    assert site.manage(check=True, domain="example.org").changed
    assert any("'example.org' is no domain of the server" in text for text in site.warnings)


def test_a_principal_of_another_type_is_no_domain() -> None:
    site = Site(domains=())
    site.principals.get = lambda name: Principal(name=name, type="individual")  # type: ignore[method-assign]
    assert "is no domain of the server" in refused(site, domain="example.org")


def test_errors_of_a_reload_are_told_and_the_key_stays() -> None:
    site = Site(errors={"store.x.type": "Missing property"})
    outcome = site.manage(domain="example.org", algorithm="rsa")
    assert outcome.results["reloaded"] is False
    assert "so the server goes on signing as before; correct these settings and reload: store.x.type (Missing property)." in site.warnings[0]
    assert not site.manage(domain="example.org", algorithm="rsa").changed
    never = Site()
    never.manage(domain="example.org", reload="never")
    assert "GET reload" not in never.caller.requests


@pytest.mark.parametrize(
    "options", [{"domain": "example.org"}, {"id": "x", "state": "absent"}, {"domain": "example.org", "id": "x", "private_key": RSA_2, "replace": True}]
)
def test_success_is_not_believed(options: dict[str, t.Any]) -> None:
    site = Site(stored("x", selector="mine"))
    site.caller.deaf = True
    with pytest.raises(NotApplied, match="the server answered success"):
        site.manage(**options)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a move from 0.15 to 0.16 would meet: each kind of finding, and nothing where there is nothing."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.stalwart.mail.plugins.filter.migration_findings import FilterModule
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.fresh import FRESH_SETTINGS

DOMAINS = [{"type": "domain", "name": "example.org"}, {"type": "domain", "name": "example.net"}]


def found(*principals: dict[str, t.Any], settings: dict[str, str] | None = None, **options: t.Any) -> dict[str, tuple[str, list[str]]]:
    """Severity and items by kind."""
    result = FilterModule().filters()["migration_findings"]([*DOMAINS, *principals], settings or {}, **options)
    assert len(result["report"]) == len(result["findings"]) == sum(result["counts"].values())
    return {each["kind"]: (each["severity"], each["items"]) for each in result["findings"]}


def user(name: str, *emails: str, **more: t.Any) -> dict[str, t.Any]:
    return {"type": "individual", "name": name, "emails": list(emails), **more}


def test_a_server_that_changes_nothing_by_moving_has_no_findings() -> None:
    news = {"type": "list", "name": "news@example.org", "emails": ["news@example.org"], "external_members": ["a@elsewhere.org"]}
    sales = {"type": "group", "name": "sales@example.org", "emails": ["sales@example.org"]}
    assert found(user("jane@example.org", "jane@example.org", "j@example.net", has_password=True), news, sales, settings=FRESH_SETTINGS, version="0.15.5") == {}


@pytest.mark.parametrize(
    ("emails", "address"),
    [
        (["info@example.net", "jane@example.org"], "jane@example.org"),  # the address of this name decides
        (["info@example.net"], "jane@example.net"),  # else the domain of the first
        (["@example.net"], "jane@example.net"),
        ([], "jane@example.org"),  # else the domain that most are in
    ],
)
def test_a_bare_name_gets_its_address_by_the_rule_of_the_modules(emails: list[str], address: str) -> None:
    others = [user(f"{name}@example.org", f"{name}@example.org") for name in "abc"]
    assert found(user("jane", *emails), *others)["bare_name"] == ("look at", [f"jane -> {address}"])


def test_the_default_domain_may_be_said() -> None:
    assert found(user("jane"), default_domain="example.net")["bare_name"] == ("look at", ["jane -> jane@example.net"])


def test_clashes_of_what_names_become() -> None:
    findings = found(user("bob", "robert@example.org"), user("bob@example.org"), user("bob@example.net", "bob@example.net"))
    assert findings["address_clash"] == ("blocks", ["bob@example.org (individual bob, individual bob@example.org)"])
    assert findings["local_part"] == ("look at", ["bob (bob@example.net, bob@example.org)"])
    assert findings["new_address"][1] == ["individual bob -> bob@example.org", "individual bob@example.org -> bob@example.org"]


@pytest.mark.parametrize(
    ("principal", "kind", "items"),
    [
        (user("two words", "w@example.org"), "no_address", ["individual two words ('two words@example.org' is not an e-mail address: it holds a blank)"]),
        (user("jane", "info@example.org", "jane@example.org"), "primary_address", ["individual jane (jane@example.org, and first info@example.org)"]),
        (user("jane@example.com", "jane@example.com"), "missing_domain", ["example.com (of individual jane@example.com)"]),
        ({"type": "domain", "name": "mail.example"}, "refused_domain", ["mail.example"]),
        ({"type": "domain", "name": "intern"}, "refused_domain", ["intern"]),
        ({"type": "resource", "name": "beamer"}, "gone_type", ["resource beamer"]),
        ({"type": "group", "name": "sub", "member_of": ["sales"]}, "group_in_group", ["sub (in sales)"]),
        ({"type": "api_key", "name": "monitoring"}, "key_without_owner", ["monitoring"]),
        ({"type": "api_key", "name": "jane/monitoring", "roles": ["user"]}, "key_with_roles", ["jane/monitoring"]),
        (user("jane", tenant="acme"), "", []),
        (user("jane", "jane@example.org", tenant="acme"), "tenant_border", ["individual jane of acme (example.org of none)"]),
        (user("jane", has_otp=True), "otp_without_password", ["jane"]),
    ],
)
def test_what_blocks(principal: dict[str, t.Any], kind: str, items: list[str]) -> None:
    blocking = {kind: items for kind, (severity, items) in found(principal).items() if severity == "blocks"}
    assert blocking.get(kind, []) == items and bool(blocking) == bool(kind)


@pytest.mark.parametrize(
    ("principal", "kind", "severity", "items"),
    [
        (user("jane", app_passwords=["phone", "laptop"]), "app_password", "loses", ["jane (laptop, phone)"]),
        ({"type": "api_key", "name": "jane/monitoring"}, "api_key_secret", "loses", ["jane/monitoring"]),
        ({"type": "role", "name": "helpdesk", "enabled_permissions": ["settings-list", "email-send"]}, "permission", "loses", ["helpdesk (settings-list)"]),
        ({"type": "role", "name": "helpdesk", "description": "They help"}, "text", "loses", ["role helpdesk (description)"]),
        ({"type": "role", "name": "helpdesk"}, "custom_role", "look at", ["helpdesk"]),
        (user("jane", roles=["tenant-admin", "helpdesk"]), "administrator", "look at", ["jane (tenant-admin)"]),
        ({"type": "tenant", "name": "acme"}, "tenant", "look at", ["acme"]),
        (user("jane", has_otp=True, has_password=True), "otp", "look at", ["jane"]),
        (user("jane", "jane@example.org", "@example.org"), "catch_all", "look at", ["@example.org of jane"]),
        (user("jane", "info@example.org"), "new_address", "look at", ["individual jane -> jane@example.org"]),
        ({"type": "list", "name": "news", "external_members": ["jane@example.org"]}, "external_member", "look at", ["jane@example.org of news"]),
    ],
)
def test_what_is_lost_or_other(principal: dict[str, t.Any], kind: str, severity: str, items: list[str]) -> None:
    assert found(user("jane@example.org", "jane@example.org") if principal["type"] == "list" else DOMAINS[0], principal)[kind] == (severity, items)


def test_settings() -> None:
    settings = {
        **FRESH_SETTINGS,
        "authentication.fallback-admin.user": "admin",
        "authentication.fallback-admin.secret": "<hidden>",
        "acme.letsencrypt.directory": "https://acme.example.org",
        "acme.letsencrypt.domains.0": "mx.example.org",
        "certificate.default.cert": "PEM",
        "directory.ldap.type": "ldap",
        "storage.directory": "ldap",
        "session.rcpt.max-recipients": "200",
        "no.such.key.0": "one",
        "no.such.key.1": "two",
        "spam-filter.rule.mine.enable": "true",
        "server.hostname": "mx.example.org",
        "oauth.key": "<hidden>",
        "signature.one.domain": "example.org",
        "queue.schedule.local.retry.0": "changed",
    }
    assert found(settings=settings, local_keys=["server.hostname", "directory.ldap.type", "storage.directory"]) == {
        "fallback_admin": ("look at", ["admin"]),
        "acme": ("loses", ["letsencrypt"]),
        "certificate": ("loses", ["default"]),
        "external_directory": ("look at", ["ldap (ldap)"]),
        "setting_without_place": ("loses", ["no.such.key"]),
        "setting": ("loses", ["queue.schedule.local.retry -> MtaDeliverySchedule.NAME", "session.rcpt.max-recipients -> MtaStageRcpt.maxRecipients"]),
        "updated_setting": ("look at", ["spam-filter.rule.mine.enable"]),
        "local_setting": (
            "look at",
            [
                "directory.ldap.type -> Directory.DESCRIPTION",
                "server.hostname -> SystemSettings.defaultHostname",
                "storage.directory -> Authentication.directoryId",
            ],
        ),
    }


@pytest.mark.parametrize(("version", "items"), [("0.13.4", ["0.13.4"]), ("0.15.0", None), ("", None)])
def test_an_upgrade_in_place_begins_at_0_15(version: str, items: list[str] | None) -> None:
    assert found(version=version) == ({"version": ("look at", items)} if items else {})


def test_the_report_is_for_people_the_worst_first_and_short() -> None:
    people = [user(f"user{number}", f"user{number}@example.org") for number in range(9)]
    result = FilterModule().filters()["migration_findings"]([*DOMAINS, *people, {"type": "location", "name": "room"}], {}, most=2)
    assert result["counts"] == {"blocks": 1, "loses": 0, "look at": 1}
    assert result["report"][0].startswith("blocks: principals of types that are gone (1): location room. Take them out")
    assert result["report"][1].startswith(
        "look at: names without a domain, which become addresses (9): user0 -> user0@example.org; user1 -> user1@example.org; and 7 more. "
    )
    assert len(result["findings"][1]["items"]) == 9


def test_what_are_no_principals_is_said() -> None:
    with pytest.raises(Exception, match="give principals as the module principal_info returns them"):
        FilterModule().filters()["migration_findings"]([{"name": "jane"}], {})

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks on principals of a server since 0.16: the same as before by the same options, with names that are addresses."""

from __future__ import annotations

import base64
import hashlib
import typing as t

import httpx
import pytest

from ansible_collections.stalwart.mail.plugins.lookup.principal import LookupModule
from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption, NotApplied, PartlyDone, Refused, StalwartError
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources.objects import task as objects
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal import bulk, info, task
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap import permissions
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap._call import JmapCaller
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap.adapter import JmapServer
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.permissions import PERMISSIONS
from tests.support.in_process import InProcess, client

PASSWORD = "correct-horse-battery-staple-1"
DOMAIN = "example.test"


class Site:
    """A server with one domain, and the tasks that are run on it; each by a client that knows nothing yet."""

    def __init__(self) -> None:
        _http._guard.forget()
        self.transport = InProcess("0.16.18")
        self.client = client(self.transport)
        self.warnings: list[str] = []
        self.principal(name=DOMAIN, type="domain")

    @property
    def server(self) -> Server:
        return t.cast(Server, JmapServer(self.client))

    def run(self, manage: t.Callable[..., Outcome], options: dict[str, t.Any], *, check: bool = False) -> Outcome:
        self.warnings.clear()
        self.transport.requests.clear()
        return manage(self.server, options, Mode(check=check, warn=self.warnings.append))

    def principal(self, *, check: bool = False, **options: t.Any) -> Outcome:
        """A task, predicted first: the prediction must hold, and must have written nothing."""
        if not check:
            try:
                predicted: Outcome | None = self.run(task.manage, options, check=True)
            except StalwartError:
                predicted = None
            assert not any(b"/set" in body for _method, _path, body in self.transport.requests)
        made = self.run(task.manage, options, check=check)
        if not check and predicted is not None:
            assert predicted.operations() == made.operations()
            assert predicted.diffs() == made.diffs()
            if made.results["principal"] is not None:
                assert {**predicted.results["principal"], "members": 0} == {**made.results["principal"], "members": 0}
        return made

    def twice(self, **options: t.Any) -> dict[str, t.Any]:
        """The same task again changes nothing, and sends no write. The principal."""
        made = self.principal(**options)
        again = self.run(task.manage, options)
        assert not again.changed, again.diffs()
        assert not any(b"/set" in body for _method, _path, body in self.transport.requests)
        assert again.results["principal"] == made.results["principal"]
        return t.cast("dict[str, t.Any]", made.results["principal"])

    def many(self, *principals: dict[str, t.Any], **options: t.Any) -> Outcome:
        return self.run(bulk.manage, {"principals": list(principals), **options})


@pytest.fixture
def site() -> Site:
    return Site()


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


def test_an_account_has_what_was_asked_for(site: Site) -> None:
    jane = site.twice(
        name=address("jane"),
        emails=[address("Jane"), address("al"), f"@{DOMAIN}"],
        description="Jane",
        quota="10G",
        locale="de_DE",
        roles=["admin"],
        password=PASSWORD,
        otp_url="otpauth://totp/x?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        disabled_permissions=["email-send"],
    )
    assert jane["emails"] == [address("jane"), address("al"), f"@{DOMAIN}"]
    assert (jane["description"], jane["quota"], jane["locale"], jane["roles"]) == ("Jane", 10737418240, "de_DE", ["admin"])
    assert jane["has_password"] and jane["has_otp"]
    assert jane["disabled_permissions"] == ["email-send"]
    emptied = site.twice(name=address("jane"), emails=[address("jane")], description="", quota="", otp_url="", disabled_permissions=[])
    assert emptied["emails"] == [address("jane")]
    assert emptied["quota"] is None and not emptied["has_otp"] and emptied["has_password"]


def test_a_name_without_domain_is_an_address(site: Site) -> None:
    assert site.twice(name="jane", emails=[address("jane")])["name"] == address("jane")
    assert site.twice(name="jdoe", emails=[address("john.doe")])["emails"] == [address("jdoe"), address("john.doe")]
    assert site.twice(name="joe")["name"] == "joe@corp.test"
    site.twice(name="staff", type="group", emails=address("staff"), members=["jane", "jdoe"])
    assert site.twice(name="jane", member_of="staff")["member_of"] == [address("staff")]
    site.twice(name="jane", emails=["jane@corp.test"], description="another one")
    assert site.principal(name="jane").results["principal"]["name"] == "jane@corp.test"  # as logins have it
    with pytest.raises(StalwartError, match=r"name: 'zoë/smith jones@corp.test' is not an e-mail address: it holds a blank"):
        site.principal(name="Zoë/Smith Jones")


def test_a_name_without_domain_is_of_one_type(site: Site) -> None:
    """It is that of the account, and no new group of the default domain."""
    site.principal(name=address("jane"))
    with pytest.raises(StalwartError, match=rf"type: '{address('jane')}' exists as an individual"):
        site.principal(name="jane", type="group")
    assert site.twice(name="jane", type="group", emails=["jane@corp.test"])["name"] == "jane@corp.test"


def test_a_lookup_takes_names_as_tasks_do(site: Site) -> None:
    site.principal(name=address("jane"))
    found = LookupModule().read(site.server, ["jane", DOMAIN, address("Jane")], {}, Mode())
    assert [each["name"] for each in found] == [address("jane"), DOMAIN, address("jane")]
    with pytest.raises(StalwartError, match=r"there is no principal 'joan' on the server"):
        LookupModule().read(site.server, ["jane", "joan"], {}, Mode())


def test_what_was_renamed_is_found_by_its_new_name(site: Site) -> None:
    """The domain is not the default one, and nobody says it."""
    site.many({"name": address("crew"), "type": "group"}, {"name": address("jane")}, {"name": "clerk", "type": "role"})
    renamed = (
        {"name": "crew", "type": "group", "new_name": "staff"},
        {"name": "jane", "new_name": "joan", "member_of": ["staff"]},
        {"name": "clerk", "new_name": "boss"},
    )
    assert [each["action"] for each in site.many(*renamed).operations()] == ["rename", "rename", "rename"]
    assert not site.many(*renamed).changed
    assert site.principal(name="joan").results["principal"]["member_of"] == [address("staff")]
    assert site.principal(name="boss").results["principal"]["type"] == "role"
    site.principal(name="other.test", type="domain")
    site.many({"name": "joan", "new_name": "june", "emails": ["june@other.test", address("joan")]})
    assert site.principal(name="june").results["principal"]["emails"] == ["june@other.test", address("joan")]
    assert not site.many({"name": "joan", "new_name": "june@other.test"}).changed
    for name, new_name in (("clerk", "boss"), ("joan", "june"), ("crew", "staff")):
        assert not site.principal(name=name, new_name=new_name).changed


def test_what_is_in_use_is_not_deleted(site: Site) -> None:
    """Told before anything is written; who lets go of it in the same task does not use it any more."""
    site.many({"name": "acme", "type": "tenant"}, {"name": "acme.test", "type": "domain", "tenant": "acme"}, {"name": "clerk", "type": "role"})
    site.many({"name": "head", "type": "role", "roles": ["clerk"]}, {"name": address("jane"), "roles": ["user", "clerk"]})
    site.principal(name="alias.test", type="domain")
    site.principal(name=address("jane"), emails=[address("jane"), "al@alias.test"])
    for name, users in (
        ("clerk", f"the role 'clerk' is in use by individual '{address('jane')}', role 'head'; "),
        ("acme", "the tenant 'acme' is in use by domain 'acme.test'; "),
        ("alias.test", f"the domain 'alias.test' is in use by individual '{address('jane')}'; "),
        ("corp.test", r"the domain 'corp.test' is in use by SystemSettings \(defaultDomainId\); "),
    ):
        for check in (True, False):
            with pytest.raises(Refused, match=users):
                site.run(task.manage, {"name": name, "state": "absent"}, check=check)
            with pytest.raises(PartlyDone, match=users.replace("; ", "")):
                site.run(bulk.manage, {"principals": [{"name": name, "state": "absent"}]}, check=check)
            assert not any(b"/set" in body for _method, _path, body in site.transport.requests)
    gone = site.many(
        {"name": "clerk", "state": "absent"},
        {"name": "head", "type": "role", "roles": []},
        {"name": address("jane"), "roles": ["user"]},
        {"name": "acme", "state": "absent"},
        {"name": "acme.test", "state": "absent"},
    )
    assert [each["action"] for each in gone.operations()] == ["delete", "update", "update", "delete", "delete"]


def test_a_role_that_new_accounts_get_is_in_use(site: Site) -> None:
    site.principal(name="clerk", type="role")
    caller = JmapCaller(site.client)
    (role,) = (each["id"] for each in caller.find("Role") if each["description"] == "clerk")
    caller.update("Authentication", "singleton", {f"defaultGroupRoleIds/{role}": True})
    with pytest.raises(Refused, match=r"the role 'clerk' is in use by Authentication \(defaultGroupRoleIds\); "):
        site.principal(name="clerk", type="role", state="absent", check=True)


def test_what_is_of_a_tenant_refers_to_nothing_else(site: Site) -> None:
    site.many({"name": "acme", "type": "tenant"}, {"name": "acme.test", "type": "domain", "tenant": "acme"}, {"name": address("staff"), "type": "group"})
    refused = {"emails": ["jane@acme.test", address("jane")], "member_of": ["staff"]}
    for field, value in refused.items():
        with pytest.raises(Refused, match=rf"{field}: the (domain|group) '.*' is not of the tenant 'acme'"):
            site.principal(name="jane@acme.test", tenant="acme", check=True, **{field: value})
    site.principal(name="clerk", type="role", tenant="acme")
    with pytest.raises(Refused, match="roles: the role 'user' is of no tenant"):
        site.principal(name="jane@acme.test", tenant="acme", roles=["clerk", "user"], check=True)
    site.twice(name="joan@acme.test", tenant="acme", roles=["clerk"])
    site.twice(name="jane@acme.test", tenant="acme")
    with pytest.raises(PartlyDone, match=r"emails: the domain 'example.test' is not of the tenant 'acme'"):
        site.many({"name": "jane@acme.test", "tenant": "acme", "emails": refused["emails"]})


@pytest.mark.parametrize("kind", ["individual", "role", "api_key"])
def test_a_permission_that_the_server_does_not_know_is_refused(site: Site, kind: str) -> None:
    site.principal(name=address("kim"))
    name = {"individual": address("kim"), "role": "clerk", "api_key": address("kim") + "/backup"}[kind]
    for check in (True, False):
        with pytest.raises(Refused, match=r"enabled_permissions: there is no permission 'email-sent'; did you mean 'email-send'?"):
            site.principal(name=name, type=kind, enabled_permissions=["email-sent"], check=check)
        assert not any(b"/set" in body for _method, _path, body in site.transport.requests)
    assert site.twice(name=name, type=kind, enabled_permissions=["sys-domain-get", "individual-list"])["enabled_permissions"]
    assert not any(path.startswith("/api/schema/") for _method, path, _body in site.transport.requests)


def test_an_address_of_letters_alone_is_found_where_it_is(site: Site) -> None:
    """The server's search knows no word of one letter."""
    site.principal(name=address("jane"), emails=[address("jane"), address("x+y")])
    with pytest.raises(Refused, match=r"emails: 'x\+y@example.test' belongs to the individual"):
        site.principal(name=address("bob"), emails=[address("bob"), address("x+y")], check=True)


def test_an_api_key_of_nobody_is_refused(site: Site) -> None:
    for check in (True, False):
        with pytest.raises(Refused, match=r"name: this login is no account of the server .*say whose it shall be \(name: ADDRESS/ci\)"):
            site.run(task.manage, {"name": "ci", "type": "api_key"}, check=check)
        with pytest.raises(PartlyDone, match="ADDRESS/ci"):
            site.run(bulk.manage, {"principals": [{"name": "ci", "type": "api_key"}]}, check=check)
        with pytest.raises(PartlyDone, match=f"name: there is no individual '{address('kim')}' on the server"):
            site.run(bulk.manage, {"principals": [{"name": address("kim") + "/ci", "type": "api_key"}]}, check=check)
    site.principal(name="ops/eu", type="role")  # no key, whatever its name looks like
    assert not site.principal(name="ops/eu").changed


def test_an_api_key_gets_another_name_and_no_other_owner(site: Site) -> None:
    site.many({"name": address("kim")}, {"name": address("kim") + "/ci", "type": "api_key"}, {"name": address("bob")})
    key: dict[str, t.Any] = {"name": address("kim") + "/ci", "type": "api_key"}
    with pytest.raises(Refused, match=r"new_name: the API key .* can't be given to another account"):
        site.principal(**key, new_name="bob/ci", check=True)
    assert site.principal(**key, new_name="deploy").results["principal"]["name"] == address("kim") + "/deploy"
    assert not site.many({**key, "new_name": "deploy"}).changed
    assert not site.principal(**key, new_name="kim/deploy").changed


@pytest.mark.parametrize("options", [{"state": "absent"}, {"new_name": "joan"}])
def test_a_name_that_may_be_two_mailboxes_is_neither_deleted_nor_renamed(site: Site, options: dict[str, t.Any]) -> None:
    """The first run would take the one of the default domain, the second one the other."""
    site.many({"name": address("jane")}, {"name": "jane@corp.test"})
    with pytest.raises(Refused, match=r"name: 'jane' may be jane@corp.test or jane@example.test; give the whole address"):
        site.principal(name="jane", **options)
    with pytest.raises(InvalidOption, match=r"'jane' may be jane@corp.test or jane@example.test; give the whole address"):
        site.many({"name": "jane", **options})
    assert site.principal(name="jane@corp.test", **options).changed
    assert site.principal(name="jane", **options).changed


def test_mail_for_nobody_of_another_domain(site: Site) -> None:
    site.principal(name="other.test", type="domain")
    jane = site.twice(name=address("jane"), emails=["@other.test", "@other.test", address("al")])
    assert jane["emails"] == [address("jane"), address("al"), "@other.test"]


def test_one_time_codes_need_a_password(site: Site) -> None:
    codes = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    with pytest.raises(Refused, match=r"otp_url: servers since 0.16 keep one-time codes with the password, and .* has none; set password, too"):
        site.principal(name=address("jane"), otp_url=codes, check=True)
    assert site.twice(name=address("jane"), otp_url=codes, password=PASSWORD)["has_otp"]


def test_what_has_no_order_is_told_in_one(site: Site) -> None:
    news = site.twice(name=address("news"), type="list", external_members=["z@ext.org", "y@ext.org"])
    assert news["external_members"] == ["y@ext.org", "z@ext.org"]


def test_a_language_stands_for_that_of_its_country(site: Site) -> None:
    assert site.twice(name=address("jane"), locale="de")["locale"] == "de_DE"
    assert site.twice(name=address("jane"), locale="pt-br")["locale"] == "pt_BR"
    with pytest.raises(Refused, match=r"locale: the server knows no 'de_DD'; did you mean 'de_"):
        site.principal(name=address("jane"), locale="de_DD", check=True)


@pytest.mark.parametrize("kind", ["ApiKey", "AppPassword", "AccountSettings"])
def test_what_belongs_to_an_account_is_none_of_the_recovery_administrator(site: Site, kind: str) -> None:
    site.principal(name=address("kim"))
    with pytest.raises(Refused, match=f"account: {kind} belongs to an account, and this login has none"):
        site.run(objects.info, {"type": kind})
    assert site.run(objects.info, {"type": kind, "account": address("kim")}).results["total"] == (kind == "AccountSettings")


def test_an_object_in_use_is_not_deleted_and_check_mode_says_so(site: Site) -> None:
    """In the same words as the run, which the server refuses."""
    site.many({"name": "clerk", "type": "role"}, {"name": address("jane"), "roles": ["clerk"]}, {"name": address("staff"), "type": "group"})
    site.principal(name="jane", member_of="staff")
    for kind, match, users in (
        ("Role", {"description": "User"}, "Authentication"),
        ("Role", {"description": "clerk"}, f"Account {address('jane')}"),
        ("Account", {"name": "staff"}, f"Account {address('jane')}"),
        ("Domain", {"name": "corp.test"}, "SystemSettings"),
    ):
        told = []
        for check in (True, False):
            with pytest.raises(Refused, match=f"is in use by .*{users}.*; change or remove those first") as refused:
                site.run(objects.manage, {"type": kind, "state": "absent", "match": match}, check=check)
            told.append(str(refused.value))
        assert told[0] == told[1]
    site.principal(name="jane", member_of=[], roles=["user"])
    assert site.run(objects.manage, {"type": "Role", "state": "absent", "match": {"description": "clerk"}}, check=True).changed


def test_a_refusal_of_an_object_names_it(site: Site) -> None:
    with pytest.raises(StalwartError, match=r"^SieveSystemScript 'first': the server answered: "):
        site.run(objects.manage, {"type": "SieveSystemScript", "properties": {"name": "first", "contents": "no sieve"}})
    with pytest.raises(StalwartError, match=r"^DnsResolver: the server answered: "):
        site.run(objects.manage, {"type": "DnsResolver", "properties": {"@type": "Custom"}})


def test_what_a_key_may_do_is_one_list(site: Site) -> None:
    site.principal(name=address("kim"))
    key: dict[str, t.Any] = {"name": address("kim") + "/ci", "type": "api_key"}
    assert site.twice(**key, enabled_permissions=["imap-search", "email-send"], disabled_permissions={"add": ["sys-domain-get"]})["disabled_permissions"] == []


def test_members_stand_on_both_sides(site: Site) -> None:
    site.principal(name=address("jane"))
    site.principal(name=address("bob"))
    group = site.twice(name=address("staff"), type="group", members=[address("jane")])
    assert group["enabled_permissions"] == ["email-receive", "email-send"]
    site.twice(name=address("news"), type="list", members=[address("jane")], external_members=["Out@Example.net"])
    bob = site.twice(name=address("bob"), member_of=address("staff"), lists=[address("news")])
    assert (bob["member_of"], bob["lists"]) == ([address("staff")], [address("news")])
    news = site.principal(name=address("news")).results["principal"]
    assert (sorted(news["members"]), news["external_members"]) == ([address("bob"), address("jane")], ["out@example.net"])
    assert site.twice(name=address("staff"), members={"remove": [address("jane")]})["members"] == [address("bob")]
    site.principal(name=address("bob"), state="absent")
    assert site.principal(name=address("staff")).results["principal"]["members"] == []
    assert site.principal(name=address("news")).results["principal"]["external_members"] == ["out@example.net"]
    assert site.principal(name=address("staff"), state="absent").changed


def test_a_rename_keeps_addresses_and_memberships(site: Site) -> None:
    site.principal(name=address("staff"), type="group")
    site.principal(name=address("bob"), emails=[address("bob"), f"@{DOMAIN}"], member_of=[address("staff")])
    site.principal(name=address("news"), type="list", members=[address("bob")])
    rob = site.twice(name=address("bob"), new_name=address("rob"))
    assert rob["emails"] == [address("rob"), address("bob"), f"@{DOMAIN}"]
    assert (rob["member_of"], rob["lists"]) == ([address("staff")], [address("news")])
    with pytest.raises(Refused, match=r"emails: .* the name of a mailbox is its primary address; put 'rob@example.test' first, or rename it"):
        site.principal(name=address("rob"), emails=[address("bob"), address("rob")])


def test_roles_by_name_and_the_ones_that_every_server_has(site: Site) -> None:
    role = site.twice(name="auditor", type="role", enabled_permissions=["logs-view"], disabled_permissions=["email-send"], roles=["user"])
    assert role["enabled_permissions"] == ["sys-log-get", "sys-log-query"]
    assert site.twice(name=address("bob"), roles=["user", "auditor"])["roles"] == ["user", "auditor"]
    assert site.twice(name=address("bob"), roles={"remove": ["auditor"]})["roles"] == ["user"]
    assert site.twice(name=address("bob"), roles=["admin", "user"])["roles"] == ["admin"]
    found = site.run(info.info, {"types": ["role"]}).results["principals"]
    assert [each["name"] for each in found] == ["auditor"]
    site.twice(name="auditor", type="role", description="Audits")
    assert site.warnings == ["description: on this server (0.16 or later) a role has no description, so it is left out."]


def test_unlocking_gives_back_what_locking_took(site: Site) -> None:
    site.principal(name=address("bob"), disabled_permissions=["email-send", "imap-authenticate"])
    locked = site.twice(name=address("bob"), enabled=False, receive=False)
    assert set(locked["disabled_permissions"]) == {"authenticate", "authenticate-oauth", "email-receive", "email-send", "imap-authenticate"}
    assert site.twice(name=address("bob"), enabled=True)["disabled_permissions"] == ["email-send", "imap-authenticate"]


def test_a_stored_password_counts_as_the_same_and_that_is_said(site: Site) -> None:
    site.principal(name=address("bob"), password=PASSWORD)
    other: dict[str, t.Any] = {"name": address("bob"), "password": "another-password-unlike-any-data"}
    assert not site.principal(**other).changed
    assert len(site.warnings) == 1 and "update_password: when_different sets a password only where there is none" in site.warnings[0]
    assert not site.principal(**other, update_password="on_create").changed
    assert site.warnings == []
    assert site.principal(**other, update_password="always").operations()[0]["fields"] == ["password"]
    assert JmapServer(client(site.transport)).about().generation == "jmap"


def test_an_external_member_that_has_an_account_is_a_member(site: Site) -> None:
    site.principal(name=address("jane"))
    news: dict[str, t.Any] = {"name": address("news"), "type": "list", "external_members": ["out@example.net", address("jane"), "also@example.net"]}
    made = site.twice(**news)
    assert (made["members"], made["external_members"]) == ([address("jane")], ["also@example.net", "out@example.net"])
    site.principal(name=address("bob"))
    assert site.principal(name=address("news"), external_members={"add": [address("bob")]}).operations()[0]["fields"] == ["members"]
    assert not site.many({**news, "members": [address("bob")]}).changed
    assert not site.many(news).changed
    assert not site.principal(**news, members=[address("bob")]).changed


def test_secrets_of_an_older_server_that_this_one_makes_by_itself_are_left_out(site: Site) -> None:
    """Who moves here gets the mailbox at least."""
    stored = "{SSHA}" + base64.b64encode(hashlib.sha1(b"x" * 12).digest() + b"salt").decode()
    anna = site.principal(name=address("anna"), password=PASSWORD, app_passwords=[{"name": "phone", "password_hash": stored}])
    assert "app_passwords" not in anna.operations()[0]["fields"]
    assert len(site.warnings) == 1 and f"so phone of {address('anna')!r} can't be set and is left out" in site.warnings[0]
    assert not site.principal(name=address("anna"), app_passwords=[{"name": "phone", "password": PASSWORD}]).changed
    key = site.principal(name=f"{address('anna')}/backup", type="api_key", password_hash=stored)
    assert key.results["secret"]
    assert len(site.warnings) == 1 and site.warnings[0].startswith("password_hash: servers since 0.16 make the secret of an API key by themselves")
    with pytest.raises(Refused, match=r"password: servers since 0.16 make the secret of an API key by themselves"):
        site.principal(name=f"{address('anna')}/other", type="api_key", password=PASSWORD)


def test_no_mask_is_ever_sent(site: Site) -> None:
    sent: list[bytes] = []
    options: dict[str, t.Any]
    for options in (
        {"name": address("bob"), "password": PASSWORD, "otp_url": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"},
        {"name": address("bob"), "emails": {"add": [address("rob")]}, "description": "Bob"},
        {"name": address("bob"), "password": PASSWORD, "update_password": "always"},
        {"name": address("bob"), "enabled": False},
        {"name": address("bob"), "new_name": address("robert")},
    ):
        site.principal(**options)
        sent += [body for _method, _path, body in site.transport.requests]
    assert not any(b"****" in body for body in sent)


def test_an_api_key_belongs_to_an_account_and_its_secret_is_told_once(site: Site) -> None:
    site.principal(name=address("kim"))
    key: dict[str, t.Any] = {"name": address("kim") + "/backup", "type": "api_key", "enabled_permissions": ["authenticate", "domain-get"]}
    assert site.principal(**key, check=True).results["secret"] == "<generated>"
    made = site.principal(**key)
    assert made.results["secret"].startswith("API_")
    assert "secret" not in site.principal(**key).results
    assert site.many(key).operations() == []
    assert site.principal(**{**key, "name": "kim/backup"}).results["principal"]["name"] == key["name"]
    assert site.twice(name=key["name"], enabled_permissions=["authenticate"])["enabled_permissions"] == ["authenticate", "authenticate-oauth"]
    assert [each["name"] for each in site.run(info.info, {"types": ["api_key"]}).results["principals"]] == [key["name"]]
    with pytest.raises(Refused, match=r"password: servers since 0.16 make the secret of an API key by themselves"):
        site.principal(**key, password=PASSWORD, update_password="always")
    assert site.many({"name": address("kim") + "/other", "type": "api_key"}).results["secrets"][address("kim") + "/other"].startswith("API_")
    assert site.principal(name=key["name"], state="absent").changed


def test_the_rest_of_the_types(site: Site) -> None:
    site.twice(name="client", type="oauth_client", urls=["https://mail.example.org/cb"], description="A client", password=PASSWORD)
    site.twice(name="acme", type="tenant", quota="10G", roles=["tenant-admin"])
    site.twice(name="other.test", type="domain", description="Another", picture="https://example.org/logo.png")
    for kind in ("resource", "location"):
        with pytest.raises(Refused, match=f"type: servers since 0.16 have no principals of type {kind}"):
            site.principal(name="room", type=kind)
    with pytest.raises(Refused, match=r"member_of: on servers since 0.16 a principal of type group has no member_of"):
        site.principal(name=address("inner"), type="group", member_of=[address("staff")])


def test_what_is_taken_or_in_use_is_refused_and_names_who(site: Site) -> None:
    site.principal(name=address("jane"), emails=[address("jane"), address("al"), f"@{DOMAIN}"])
    site.principal(name=address("news"), type="list")
    for taken, owner in ((address("jane"), "individual"), (address("al"), "individual"), (f"@{DOMAIN}", "individual"), (address("news"), "mailing list")):
        with pytest.raises(Refused, match=f"'{taken}' belongs to the {owner}"):
            site.principal(name=address("bob"), emails=[address("bob"), taken])
    with pytest.raises(Refused, match=r"the domain 'nowhere.test' does not exist on the server"):
        site.principal(name="bob@nowhere.test")
    each: dict[str, t.Any]
    for each in ({}, {"delete_in_use": True}):
        with pytest.raises(Refused, match=f"the domain {DOMAIN!r} is in use by individual '{address('jane')}', mailing list '{address('news')}'"):
            site.principal(name=DOMAIN, state="absent", **each)


def test_many_are_made_in_any_order_and_the_same_again_is_no_change(site: Site) -> None:
    fleet: list[dict[str, t.Any]] = [
        {"name": "alice", "emails": [address("alice"), address("old")], "member_of": ["staff"], "roles": ["user", "auditor"]},
        {"name": "news", "type": "list", "emails": address("news"), "members": ["alice", "bob"]},
        {"name": "staff", "type": "group", "emails": address("staff"), "members": ["alice"]},
        {"name": "bob", "emails": address("bob"), "password": PASSWORD},
        {"name": "auditor", "type": "role", "enabled_permissions": ["logs-view"]},
        {"name": DOMAIN, "type": "domain"},
    ]
    assert site.many(*fleet).results["summary"]["created"] == 5
    again = site.many(*fleet)
    assert not again.changed and again.results["summary"]["unchanged"] == 6
    moved: list[dict[str, t.Any]] = [
        {"name": address("staff"), "emails": [address("staff"), address("old")]},
        {"name": address("alice"), "emails": [address("alice")]},
    ]
    assert site.many(*moved).results["summary"]["updated"] == 2
    assert not site.many(*moved).changed
    with pytest.raises(PartlyDone) as raised:
        site.many({"name": "bad@nowhere.test"}, {"name": address("good")})
    assert [each["name"] for each in raised.value.more["failures"]] == ["bad@nowhere.test"]
    assert [each["name"] for each in raised.value.done] == [address("good")]
    gone = site.many({"name": address("good")}, purge=True, purge_types=["individual", "list", "group", "role"], purge_limit="100%", purge_domains=[DOMAIN])
    assert gone.results["summary"]["deleted"] == 4
    assert site.many({"name": DOMAIN}, {"name": address("good")}, {"name": "auditor"}, defaults={"state": "absent"}).results["summary"]["deleted"] == 3


def test_a_fleet_takes_a_few_requests(site: Site) -> None:
    fleet: list[dict[str, t.Any]] = [{"name": address(f"g{each}"), "type": "group"} for each in range(3)]
    fleet += [{"name": address(f"u{each}"), "member_of": [address(f"g{each % 3}")], "quota": "1G"} for each in range(700)]
    site.many(*fleet)
    assert len(site.transport.requests) <= 12
    assert not site.many(*fleet).changed
    assert len(site.transport.requests) <= 6
    fleet[10]["quota"] = "2G"
    assert site.many(*fleet).results["summary"]["updated"] == 1


def test_one_refusal_among_many_stays_with_its_object(site: Site) -> None:
    with pytest.raises(PartlyDone) as raised:
        site.many({"name": address("a")}, {"name": address("b"), "locale": "no such language"}, {"name": address("c")})
    assert [each["name"] for each in raised.value.more["failures"]] == [address("b")]
    assert [each["name"] for each in raised.value.done] == [address("a"), address("c")]


def test_time_runs_out_between_requests_and_the_next_run_goes_on(site: Site) -> None:
    fleet: list[dict[str, t.Any]] = [{"name": address(f"u{each}")} for each in range(501)]
    with pytest.raises(PartlyDone, match="the time_limit of 1e-06 seconds ran out"):
        site.many(*fleet, time_limit=1e-6)
    assert site.many(*fleet).results["summary"]["created"] == 501


def test_what_is_written_by_halves_is_said_to_be(site: Site) -> None:
    site.principal(name=address("bob"))
    transport = site.transport
    answer = transport.handle_request

    def refusing(request: httpx.Request) -> httpx.Response:
        if b"memberGroupIds/" in request.content:
            return httpx.Response(503, json={"title": "Busy"}, headers={"content-type": "application/problem+json"})
        return answer(request)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(transport, "handle_request", refusing)
        with pytest.raises(NotApplied, match=r"group .staff@example.test.: it is written, but not what stands about it elsewhere: .*503 Busy") as raised:
            site.run(task.manage, {"name": address("staff"), "type": "group", "members": [address("bob")]})
        assert raised.value.details == {"changed": True}
        patched.setattr(transport, "handle_request", lambda request: httpx.Response(503) if b"/set" in request.content else answer(request))
        with pytest.raises(PartlyDone) as failed:
            site.many({"name": address("x")}, {"name": address("y"), "member_of": [address("staff")]})
        assert [each["name"] for each in failed.value.more["failures"]] == [address("x"), address("y")]
    assert site.twice(name=address("staff"), type="group", members=[address("bob")])["members"] == [address("bob")]


def test_permissions_have_one_name_each_on_the_wire() -> None:
    assert permissions.wire("pop3-authenticate") == "pop3Authenticate"
    assert permissions.told("sysOAuthClientGet") == "sys-oauth-client-get"
    for name in ("email-send", "sys-oauth-client-get", "oauth-client-override", "action-reload-settings"):
        assert permissions.told(permissions.wire(name)) == name
    assert permissions.meant("emailSend") == ("email-send",)
    assert permissions.meant("restart") == ()
    known = {permissions.told(name) for name in _all_permissions()}
    for name in PERMISSIONS:
        assert {each for each in permissions.meant(name) if each != permissions.LOGIN_BY_TOKEN} <= known, name


def _all_permissions() -> list[str]:
    named = JmapCaller(client(InProcess("0.16.18"))).schema()["enums"]["Permission"]
    return [str(each["name"]) for each in named]

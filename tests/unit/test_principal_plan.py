# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a found and a wanted principal to edits that do what they promise, by the rules of the servers' PATCH, and nothing on a second run."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import typing as t

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption, Refused
from ansible_collections.stalwart.mail.plugins.module_utils._names import domain_of
from ansible_collections.stalwart.mail.plugins.module_utils._resources._options import read
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal import plan
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.directory import UNKNOWN, Unknown
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.options import FIELDS, PrincipalOptions
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import PRINCIPAL_TYPES, Add, Edit, Principal, PrincipalType, Remove, Set
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.permissions import PERMISSIONS as KNOWN
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.principals import _changes

URL = "otpauth://totp/al?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTHER_URL = "otpauth://totp/al?secret=KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
MEMBERSHIPS = ("member_of", "lists", "roles")


def options(**given_options: t.Any) -> PrincipalOptions:
    return read(PrincipalOptions, {"name": "al", **given_options})


# The server's PATCH, as it was measured


def patched(principal: Principal, edits: t.Sequence[Edit], *, sorts_aliases: bool) -> Principal:
    """What a server makes of edits. Setting one of the memberships replaces all three; adding what is there and removing what is not does nothing."""
    state = principal.model_dump()
    for edit in edits:
        if isinstance(edit, Set):
            assert edit.field != "type"
            if edit.field in MEMBERSHIPS:
                state.update(dict.fromkeys(MEMBERSHIPS, ()))
            empty: t.Any = () if edit.field in plan.LISTS else None if edit.field == "quota" else ""
            state[edit.field] = empty if edit.value is None else edit.value
        elif isinstance(edit, Add):
            present = state[edit.field]
            if edit.field == "emails":
                assert "@" in edit.item, "refused in a patch"
            state[edit.field] = present if edit.item in present else (*present, edit.item)
            other = {"enabled_permissions": "disabled_permissions", "disabled_permissions": "enabled_permissions"}.get(edit.field)
            if other:
                state[other] = tuple(item for item in state[other] if item != edit.item)
        elif isinstance(edit, Remove):
            state[edit.field] = tuple(item for item in state[edit.field] if item != edit.item)
        if sorts_aliases:
            state["emails"] = (*state["emails"][:1], *sorted(state["emails"][1:]))
    return Principal.model_validate(state)


NAMES = st.sampled_from(["staff", "sales", "news", "user", "admin", "bob", "carol", "dave"])
ADDRESSES = st.sampled_from([f"{name}@{domain}" for name in ("al", "bob", "info", "") for domain in ("example.org", "example.net")])
EXTERNAL = st.sampled_from(["x@example.com", "y@example.com", "z@example.com"])
PERMISSIONS = st.sampled_from([*plan.LOCKED, plan.RECEIVE, "manage-passwords", "manage-encryption"])
TEXTS = st.sampled_from(["", "one", "two"])
POOLS: dict[str, st.SearchStrategy[str]] = {
    "emails": ADDRESSES,
    "urls": TEXTS.filter(bool),
    "external_members": EXTERNAL,
    "enabled_permissions": PERMISSIONS,
    "disabled_permissions": PERMISSIONS,
    "member_of": NAMES,
    "lists": NAMES,
    "roles": NAMES,
    "members": NAMES,
}


@st.composite
def list_options(draw: st.DrawFn, pool: st.SearchStrategy[str]) -> t.Any:
    if draw(st.booleans()):
        return draw(st.lists(pool, max_size=4))
    add = draw(st.lists(pool, max_size=2))
    remove = [item for item in draw(st.lists(pool, max_size=3)) if item not in add]
    return {"add": add, "remove": remove}


@st.composite
def found_and_wanted(draw: st.DrawFn) -> tuple[Principal, PrincipalOptions]:
    kind: PrincipalType = draw(st.sampled_from([kind for kind in PRINCIPAL_TYPES if kind != "api_key"]))
    fields = FIELDS[kind]
    values: dict[str, t.Any] = {"name": "al.example", "type": kind}
    wanted: dict[str, t.Any] = {"name": "al.example"}
    for field in sorted(fields & {*plan.SCALARS, "quota", *plan.LISTS}):
        if field in POOLS:
            values[field] = tuple(draw(st.lists(POOLS[field], max_size=4, unique=True)))
            option: st.SearchStrategy[t.Any] = list_options(POOLS[field])
        elif field == "quota":
            values[field] = draw(st.sampled_from([None, 0, 10]))
            option = st.sampled_from(["", 0, 10, "1K"])
        else:
            values[field] = draw(TEXTS)
            option = TEXTS
        if draw(st.booleans()):
            wanted[field] = draw(option)
    if "enabled" in fields and "disabled_permissions" not in wanted and draw(st.booleans()):
        wanted["enabled"] = draw(st.booleans())
        if not wanted["enabled"]:
            wanted["receive"] = draw(st.sampled_from([None, True, False]))
    if draw(st.booleans()):
        wanted["new_name"] = draw(st.sampled_from(["al.example", "else.example"]))
    # a permission is enabled or disabled, never both
    denied = tuple(each for each in values.get("disabled_permissions", ()) if each not in values.get("enabled_permissions", ()))
    try:
        return Principal.model_validate({**values, "disabled_permissions": denied}), read(PrincipalOptions, wanted).for_type(kind)
    except InvalidOption as error:
        assert "a permission is one or the other" in str(error) or "is what enabled: false takes away" in str(error)
        reject()


@given(found_and_wanted(), st.booleans())
def test_edits_lead_to_the_target_and_no_further(case: tuple[Principal, PrincipalOptions], sorts_aliases: bool) -> None:
    found, wanted = case
    target = plan.target(found, wanted)
    now = patched(found, plan.edits(found, target, plan.Secrets()), sorts_aliases=sorts_aliases)
    assert plan.diffed(now) == plan.diffed(target)
    assert now.emails[:1] == target.emails[:1], "the primary address"
    again = plan.target(now, wanted)
    assert again == now
    assert plan.edits(now, again, plan.Secrets()) == []


@given(found_and_wanted())
def test_what_was_left_out_stays(case: tuple[Principal, PrincipalOptions]) -> None:
    found, wanted = case
    target = plan.target(found, wanted)
    changed = {field for field in Principal.model_fields if getattr(found, field) != getattr(target, field)}
    allowed = set(wanted.wanted_fields()) | ({"name"} if wanted.new_name else set())
    if allowed & {"enabled", "enabled_permissions", "disabled_permissions"}:
        allowed |= {"enabled_permissions", "disabled_permissions"}  # the one moves what the other gets
    assert changed <= allowed


@given(found_and_wanted())
def test_memberships_are_never_set(case: tuple[Principal, PrincipalOptions]) -> None:
    found, wanted = case
    fields = [edit.field for edit in plan.edits(found, plan.target(found, wanted), plan.Secrets()) if isinstance(edit, Set)]
    assert not set(fields) & set(MEMBERSHIPS)


@given(st.lists(PERMISSIONS, unique=True), st.sampled_from([None, True, False]))
def test_unlocking_restores_what_was_disabled(disabled: list[str], receive: bool | None) -> None:
    found = Principal(name="al", type="individual", disabled_permissions=tuple(disabled))
    locked = plan.target(found, options(enabled=False, receive=receive))
    assert plan.is_locked(locked)
    kept = tuple(permission for permission in disabled if permission in (*plan.LOCKED, plan.RECEIVE))
    if not plan.is_locked(found):  # else it was locked before, and that is what enabled: true ends
        assert set(plan.target(locked, options(enabled=True), kept).disabled_permissions) == set(disabled)


@pytest.mark.parametrize(("receive", "expected"), [(None, set(plan.LOCKED)), (True, set(plan.LOCKED)), (False, {*plan.LOCKED, plan.RECEIVE})])
def test_a_locked_account_receives_unless_told(receive: bool | None, expected: set[str]) -> None:
    locked = plan.target(Principal(name="al", type="individual"), options(enabled=False, receive=receive))
    assert set(locked.disabled_permissions) == expected


# Secrets, with the requests that are really sent


@dataclasses.dataclass
class Keeper:
    """The secrets of one principal by the rules of its server (`update_principal` in crates/directory of 0.13.4 and 0.15.5)."""

    single: bool
    secrets: list[str]

    def patch(self, changes: t.Sequence[dict[str, t.Any]]) -> None:
        for change in changes:
            value = change["value"]
            if change["action"] == "addItem" and value not in self.secrets:
                self._add(value)
            elif change["action"] == "removeItem":
                self.secrets = [secret for secret in self.secrets if not self._goes(secret, value)]

    def _add(self, value: str) -> None:
        kind = _kind(value)
        if self.single and kind != "app":
            self.secrets = [secret for secret in self.secrets if _kind(secret) != kind]
        self.secrets = [value, *self.secrets] if kind == "otp" else [*self.secrets, value]

    def _goes(self, secret: str, value: str) -> bool:
        if _kind(value) != "password":
            return _kind(secret) != "password" and secret.startswith(value)
        if value:
            return _kind(secret) == "password" and secret == value
        return (_kind(secret) != "password") == self.single

    def principal(self) -> Principal:
        apps = dict(secret.removeprefix("$app$").split("$", 1) for secret in self.secrets if _kind(secret) == "app")
        return Principal(
            name="al",
            type="individual",
            password_hashes=tuple(secret for secret in self.secrets if _kind(secret) == "password"),
            app_passwords=apps,
            otp_url=next((secret for secret in self.secrets if _kind(secret) == "otp"), ""),
        )


def _kind(secret: str) -> str:
    return "app" if secret.startswith("$app$") else "otp" if secret.startswith("otpauth://") else "password"


APP_NAMES = st.sampled_from(["phone", "phone-2", "pho", "desk"])
CLEAR = st.sampled_from(["one-secret", "two-secret", "$6$like-a-hash"])


def cheap(password: str) -> str:
    """A hash that costs nothing."""
    return "{SHA512}" + base64.b64encode(hashlib.sha512(password.encode()).digest()).decode()


@st.composite
def kept_secrets(draw: st.DrawFn) -> Keeper:
    single = draw(st.booleans())
    passwords = draw(st.lists(CLEAR.map(cheap), max_size=1 if single else 3, unique=True))
    apps = draw(st.dictionaries(APP_NAMES, CLEAR.map(cheap), max_size=4))
    otp = draw(st.sampled_from([[], [URL]]))
    return Keeper(single, [*otp, *passwords, *(f"$app${name}${stored}" for name, stored in apps.items())])


@st.composite
def wanted_secrets(draw: st.DrawFn) -> PrincipalOptions:
    given_options: dict[str, t.Any] = {"update_password": draw(st.sampled_from(["when_different", "when_different", "on_create"]))}
    how = draw(st.sampled_from(["none", "password", "password_hash"]))
    if how != "none":
        password = draw(CLEAR)
        given_options[how] = password if how == "password" else cheap(password)
    if draw(st.booleans()):
        names = draw(st.lists(APP_NAMES, max_size=3, unique=True))
        given_options["app_passwords"] = [
            {"name": name, "password": draw(CLEAR)} if draw(st.booleans()) else {"name": name, "state": "absent"} for name in names
        ]
        given_options["app_passwords_exact"] = draw(st.booleans())
    if draw(st.booleans()):
        given_options["otp_url"] = draw(st.sampled_from(["", URL, OTHER_URL]))
    return options(**given_options)


@given(kept_secrets(), wanted_secrets())
def test_secrets_change_as_told_and_only_these(keeper: Keeper, wanted: PrincipalOptions) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "hash_password", cheap)
        found = keeper.principal()
        secrets = plan.plan_secrets(found, wanted)
        keeper.patch([change for edit in plan.edits(found, found, secrets) for change in _changes(edit)])
        now = keeper.principal()
        if wanted.update_password == "on_create" or not (wanted.password or wanted.password_hash):
            assert now.password_hashes == found.password_hashes
        else:
            assert now.password_hashes == (wanted.password_hash or cheap(wanted.password or ""),), "the old one must be invalid"
        expected = dict(found.app_passwords)
        if wanted.app_passwords is not None:
            present = {each.name: cheap(each.password) for each in wanted.app_passwords if each.state == "present"}
            gone = {each.name for each in wanted.app_passwords if each.state == "absent"}
            expected = {**({} if wanted.app_passwords_exact else {k: v for k, v in expected.items() if k not in gone}), **present}
        assert now.app_passwords == expected
        assert now.otp_url == (found.otp_url if wanted.otp_url is None else wanted.otp_url)
        assert plan.plan_secrets(now, wanted) == plan.Secrets()


def test_a_new_principal_gets_its_secrets_whatever_the_update_rule() -> None:
    secrets = plan.plan_secrets(None, options(password="a-secret", update_password="on_create", otp_url=URL))
    assert (secrets.password, secrets.otp_url) == ("a-secret", URL)


def test_a_plan_shows_no_secret() -> None:
    found = Principal(name="al", type="individual", password_hashes=("old-secret",), app_passwords={"phone": "phone-secret"}, otp_url=URL)
    wanted = options(password="new-secret", app_passwords=[{"name": "desk", "password": "desk-secret"}], app_passwords_exact=True, otp_url=OTHER_URL)
    told = str(plan.diffed_secrets(found, plan.plan_secrets(found, wanted))) + str(plan.shown(found)) + str(plan.diffed(found))
    assert "-secret" not in told
    assert "otpauth" not in told


# What a creation gives


def test_an_account_can_log_in_and_a_group_receives() -> None:
    assert plan.new_principal(options()).roles == ("user",)
    assert plan.new_principal(options(roles=[])).roles == ()
    assert set(plan.new_principal(options(type="group")).enabled_permissions) == {"email-receive", "email-send"}
    assert plan.new_principal(options(type="list")).roles == ()


@pytest.mark.parametrize(
    ("principal", "words"),
    [
        (Principal(name="al", type="individual"), "has no role"),
        (Principal(name="gr", type="group", emails=("gr@example.org",)), "lacks the permission email-receive"),
        (Principal(name="al", type="individual", roles=("user",), quota=10, used_quota=20), "more than its quota of 10"),
    ],
)
def test_what_would_lose_mail_is_said(principal: Principal, words: str) -> None:
    assert words in " ".join(plan.warnings(None, principal))


@pytest.mark.parametrize("quota", [0, "0", ""])
def test_no_limit_is_one_thing(quota: t.Any) -> None:
    """Servers drop a quota of 0 from what is created, and keep it in what is changed."""
    wanted = options(name="al", quota=quota)
    assert wanted.given("quota") and wanted.quota is None


def test_a_quota_that_was_there_is_no_news() -> None:
    found = Principal(name="al", type="individual", roles=("user",), quota=10, used_quota=20)
    assert list(plan.warnings(found, found)) == []


# What stands in the way


@dataclasses.dataclass
class Known:
    """A directory of a few principals; `blind` may not look."""

    principals: t.Sequence[Principal] = ()
    blind: bool = False

    def get(self, name: str) -> Principal | Unknown | None:
        return UNKNOWN if self.blind else next((each for each in self.principals if each.name == name), None)

    taken = get

    def holder(self, address: str) -> Principal | Unknown | None:
        return UNKNOWN if self.blind else next((each for each in self.principals if address in each.emails), None)

    def in_domain(self, domain: str) -> t.Sequence[Principal] | Unknown:
        return UNKNOWN if self.blind else [each for each in self.principals if any(domain_of(address) == domain for address in each.emails)]

    def users(self, used: Principal) -> t.Sequence[Principal] | Unknown:
        return UNKNOWN if self.blind else [each for each in self.principals if used.name in (*each.roles, each.tenant)]


DOMAIN = Principal(name="example.org", type="domain")
BOB = Principal(name="bob", type="individual", emails=("bob@example.org",))
STAFF = Principal(name="staff", type="group")
NEWS = Principal(name="news", type="list")
DIRECTORY = Known([DOMAIN, BOB, STAFF, NEWS])


@pytest.mark.parametrize(
    ("given_options", "words"),
    [
        ({"emails": ["al@example.net"]}, "emails: the domain 'example.net' does not exist"),
        ({"emails": ["al@example.org", "bob@example.org"]}, "emails: 'bob@example.org' belongs to the individual 'bob'"),
        ({"member_of": ["nobody"]}, "member_of: there is no group 'nobody'"),
        ({"member_of": ["news"]}, "member_of: 'news' is a mailing list, not a group (use lists for mailing lists)"),
        ({"lists": ["staff"]}, "lists: 'staff' is a group, not a mailing list"),
        ({"roles": ["bob"]}, "roles: 'bob' is an individual, not a role"),
        ({"type": "group", "members": ["news"]}, "members: 'news' is a mailing list, not an individual or a group"),
        ({"tenant": "acme"}, "tenant: there is no tenant 'acme'"),
    ],
)
def test_refusals(given_options: dict[str, t.Any], words: str) -> None:
    wanted = options(**given_options)
    with pytest.raises(Refused) as caught:
        plan.check(None, plan.new_principal(wanted), DIRECTORY)
    assert words in str(caught.value)
    plan.check(None, plan.new_principal(wanted), Known(blind=True))


def test_what_is_there_already_is_not_looked_at() -> None:
    found = Principal(name="al", type="individual", emails=("al@gone.example",), member_of=("gone",), roles=("gone",), tenant="gone")
    plan.check(found, found.model_copy(update={"description": "new"}), DIRECTORY)
    plan.check(None, plan.new_principal(options(emails=["al@example.org"], member_of=["staff"], lists=["news"], roles=["user", "admin"])), DIRECTORY)
    plan.check(BOB, BOB.model_copy(update={"emails": ("bob@example.org",)}), DIRECTORY)


def test_roles_of_an_api_key_are_fixed() -> None:
    found = Principal(name="key", type="api_key", roles=("user",))
    with pytest.raises(Refused, match="fixed when it is created"):
        plan.check(found, plan.target(found, options(roles=["admin"])), DIRECTORY)


def test_renames() -> None:
    with pytest.raises(Refused, match="'bob' is the name of an individual"):
        plan.check_rename(Principal(name="al", type="individual"), options(new_name="bob"), DIRECTORY)
    with pytest.raises(Refused, match=r"'example.org' is in use by individual 'bob'"):
        plan.check_rename(DOMAIN, options(new_name="example.net"), DIRECTORY)
    plan.check_rename(DOMAIN, options(new_name="example.net"), Known([DOMAIN]))
    plan.check_rename(BOB, options(new_name="robert"), DIRECTORY)
    plan.check_rename(BOB, options(new_name="bob"), DIRECTORY)


def test_deletions() -> None:
    full = BOB.model_copy(update={"used_quota": 7})
    with pytest.raises(Refused, match="holds 7 bytes of mail"):
        plan.check_delete(full, options(), DIRECTORY, list)
    plan.check_delete(full, options(delete_mail=True), DIRECTORY, list)
    plan.check_delete(BOB, options(), DIRECTORY, list)
    with pytest.raises(Refused, match="in use by individual 'bob'"):
        plan.check_delete(DOMAIN, options(), DIRECTORY, list)
    with pytest.raises(Refused, match="in use by 3 addresses"):
        plan.check_delete(DOMAIN.model_copy(update={"member_count": 3}), options(), Known(blind=True), list)
    with pytest.raises(Refused, match=r"still has the DKIM signatures rsa-example\.org"):
        plan.check_delete(DOMAIN, options(), Known([DOMAIN]), lambda: ["rsa-example.org"])
    plan.check_delete(DOMAIN, options(delete_in_use=True), DIRECTORY, lambda: ["rsa-example.org"])
    plan.check_delete(DOMAIN, options(), Known([DOMAIN]), list)


# Options


@pytest.mark.parametrize(
    ("given_options", "words"),
    [
        ({"name": " "}, "name: ' ' is not a name"),
        ({"password": ""}, "password: it is empty"),
        ({"password": "a", "password_hash": "$6$salt$hash"}, "password_hash"),
        ({"password_hash": "{SHA512-CRYPT}nonsense"}, "password_hash: "),
        ({"enabled": True, "disabled_permissions": []}, "enabled: it works by disabled permissions"),
        ({"receive": True}, "receive: it goes with enabled: false only"),
        ({"enabled": True, "receive": True}, "receive: it goes with enabled: false only"),
        ({"new_name": "b", "state": "absent"}, "new_name: it can't be used with state: absent"),
        ({"app_passwords": [{"name": "a", "password": "x"}, {"name": "a", "state": "absent"}]}, "app_passwords: a name stands there twice"),
        ({"app_passwords": [{"name": "a"}]}, "needs either password or password_hash"),
        ({"app_passwords": [{"name": "a$b", "password": "x"}]}, "can't name an app password"),
        ({"otp_url": "otpauth://totp/x?secret=short"}, "otp_url: its secret"),
        ({"otp_url": "https://example.org"}, "otp_url: it is no otpauth"),
        ({"quota": "lots"}, "quota: 'lots' is no size"),
        ({"emails": {"add": ["a@example.org"], "remove": ["a@example.org"]}}, "emails: "),
        ({"emails": {"put": ["a@example.org"]}}, "'put' is not known here"),
        ({"emails": ["nonsense"]}, "emails[0]: 'nonsense' is not an e-mail address"),
        ({"description": "x" * 513}, "description: it is 513 bytes long"),
        ({"colour": "red"}, "colour: there is no such option here"),
        ({"type": "robot"}, "type: "),
    ],
)
def test_options_that_cannot_be(given_options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        options(**given_options)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("kind", "field", "value"), [("domain", "emails", ["a@example.org"]), ("list", "quota", 1), ("group", "password", "x"), ("role", "enabled", True)]
)
def test_fields_that_a_type_has_not(kind: str, field: str, value: t.Any) -> None:
    with pytest.raises(InvalidOption, match=f"{field}: a principal of type {kind} has no {field}"):
        options(**{field: value}).for_type(kind)


def test_names_and_addresses_are_canonical() -> None:
    wanted = options(name="  Al ", emails=["Al@Example.ORG", "x@Bücher.example"], quota="10G")
    assert wanted.name == "al"
    assert wanted.emails is not None
    assert wanted.emails.exact == ("al@example.org", "x@xn--bcher-kva.example")
    assert wanted.quota == 10 * 1024**3
    assert options(name="Bücher.example").for_type("domain").name == "xn--bcher-kva.example"
    with pytest.raises(InvalidOption, match=r"name: .*not a domain"):
        options(name="no domain").for_type("domain")


def test_null_and_nothing_are_left_out() -> None:
    wanted = options(description=None, emails=None, quota=None)
    assert wanted.wanted_fields() == frozenset()
    assert options(quota="").wanted_fields() == {"quota"}
    assert options(description="", emails=[]).wanted_fields() == {"description", "emails"}


def test_a_permission_moves_from_one_list_to_the_other() -> None:
    """Measured on 0.13.4 and 0.15.5: what is written to one list leaves the other, so the plan counts on it."""
    found = Principal(name="al", type="individual", enabled_permissions=("undelete", "logs-view"))
    target = plan.target(found, read(PrincipalOptions, {"name": "al", "disabled_permissions": ["undelete"]}))
    assert target.enabled_permissions == ("logs-view",)
    assert target.disabled_permissions == ("undelete",)
    back = plan.target(target, read(PrincipalOptions, {"name": "al", "enabled_permissions": {"add": ["undelete"]}}))
    assert back.disabled_permissions == ()
    assert set(back.enabled_permissions) == {"logs-view", "undelete"}


def test_a_lock_gives_back_what_an_account_had_of_its_own() -> None:
    """Locking moves a permission that was enabled by itself; the note brings it back."""
    found = Principal(name="al", type="individual", enabled_permissions=("authenticate",), disabled_permissions=("email-send",))
    locked = plan.target(found, read(PrincipalOptions, {"name": "al", "enabled": False}))
    assert locked.enabled_permissions == ()
    unlocked = plan.target(locked, read(PrincipalOptions, {"name": "al", "enabled": True}), ("email-send", "+authenticate"))
    assert unlocked.enabled_permissions == found.enabled_permissions
    assert unlocked.disabled_permissions == found.disabled_permissions


@pytest.mark.parametrize("field", ["members", "member_of"])
def test_nobody_becomes_a_member_of_itself(field: str) -> None:
    """Servers take it, and then keep one of the two sides."""
    found = Principal(name="team", type="group")
    with pytest.raises(Refused, match=f"{field}: 'team' can't be a member of itself"):
        plan.check(found, found.model_copy(update={field: ("team",)}), Known())


def test_one_that_is_a_member_of_itself_leaves_both_lists() -> None:
    """One fact with two sides."""
    found = Principal(name="team", type="group", members=("team", "al"), member_of=("team",))
    target = plan.target(found, read(PrincipalOptions, {"name": "team", "members": {"remove": ["team"]}}))
    assert target.members == ("al",)
    assert target.member_of == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [("email-recieve", "did you mean 'email-receive'?"), ("sing-and-dance", "correct the name; module server_info lists those of its login.")],
)
def test_a_permission_that_no_server_knows_is_refused(name: str, words: str) -> None:
    """Before anything is written, so that check mode says so too."""
    found = Principal(name="al", type="individual")
    with pytest.raises(Refused) as refused:
        plan.check_permissions(found, found.model_copy(update={"enabled_permissions": (name,)}), lambda _names: KNOWN)
    assert str(refused.value) == f"enabled_permissions: there is no permission {name!r}; {words}"


def test_known_and_present_permissions_pass() -> None:
    """A name that is there already is the server's, whoever knows it; an empty list of names tells nothing."""
    found = Principal(name="al", type="individual", enabled_permissions=("of-another-version",))
    plan.check_permissions(found, found.model_copy(update={"enabled_permissions": ("of-another-version", "email-send")}), lambda _names: KNOWN)
    plan.check_permissions(None, found, lambda _names: ())

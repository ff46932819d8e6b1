# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a found and a wanted principal to the state it shall have, the edits that lead there, and what stands in the way."""

from __future__ import annotations

import difflib
import typing as t

from ..._errors import Refused
from ..._names import domain_of
from ..._passwords import already_set, hash_password
from ..._reconcile.compare import same_items, same_with_first
from ..._secrets import HIDDEN
from ..._server.models.principal import Add, Edit, Principal, Remove, Set, SetAppPassword, SetOtp, SetPassword
from .directory import Directory, Unknown, folded, is_built_in_role
from .options import USED, WITH_MAIL, AppPassword, PrincipalOptions

SCALARS = ("description", "picture", "locale", "tenant")
SETS = ("urls", "external_members", "enabled_permissions", "disabled_permissions")
#: Changed item by item: `set` on one of member_of, lists and roles empties the other two.
MEMBERSHIPS = ("member_of", "lists", "roles", "members")
LISTS = ("emails", *SETS, *MEMBERSHIPS)

#: What a locked account must not do. Disabled permissions win over all others.
LOCKED = ("authenticate", "authenticate-oauth", "email-send")
RECEIVE = "email-receive"

#: Marks, in the note of what a lock found, a permission that the account had of its own.
WAS_ENABLED = "+"

_GROUP_PERMISSIONS = (RECEIVE, "email-send")
_MEMBER_TYPES: dict[str, tuple[str, ...]] = {"group": ("individual", "group"), "list": ("individual", "group"), "role": ("role",)}
_OF_TYPE: dict[str, tuple[str, ...]] = {"member_of": ("group",), "lists": ("list",), "roles": ("role",)}


class Secrets(t.NamedTuple):
    """What is to be done about the secrets of one principal; hashes are made when they are sent, not when they are planned."""

    password: str = ""
    password_hash: str = ""
    app_passwords: tuple[AppPassword, ...] = ()
    removed_app_passwords: tuple[str, ...] = ()
    otp_url: str | None = None

    @property
    def password_changes(self) -> bool:
        """Whether the stored password is replaced."""
        return bool(self.password or self.password_hash)

    @property
    def any_changes(self) -> bool:
        """Whether any secret is written or removed."""
        return self != NO_SECRETS

    def hash(self) -> str:
        """The hash to store. sha512-crypt takes some milliseconds."""
        return self.password_hash or hash_password(self.password)


NO_SECRETS = Secrets()
_SECRET_OPTIONS = frozenset({"password", "password_hash", "app_passwords", "otp_url"})


def new_principal(wanted: PrincipalOptions) -> Principal:
    """The principal that a creation makes, without its secrets. Gives what it needs to log in and to receive mail, unless told."""
    kind = wanted.type or "individual"
    values: dict[str, t.Any] = {"name": wanted.new_name or wanted.name, "type": kind}
    if kind == "individual" and not wanted.given("roles"):
        values["roles"] = ("user",)
    if kind == "group" and not wanted.given("enabled_permissions"):
        values["enabled_permissions"] = _GROUP_PERMISSIONS
    return target(Principal(**values), wanted)


def target(found: Principal, wanted: PrincipalOptions, kept: t.Collection[str] = ()) -> Principal:
    """The state that is wanted, secrets apart. Lists that hold the same are left as the server spells them, so that equal states are equal.

    `kept` is what was disabled (and, marked, what was enabled by itself) before the account was locked.
    """
    given = wanted.wanted_fields()
    values = {field: getattr(wanted, field) for field in (*SCALARS, "quota") if field in given}
    for field in LISTS:
        if field not in given:
            continue
        present = getattr(found, field)
        compared = folded(present) if field in ("emails", "external_members") else present
        result = getattr(wanted, field).result(compared)
        same = same_with_first(compared, result) if field == "emails" else same_items(compared, result)
        values[field] = present if same else result
    if wanted.enabled is not None:
        values = {**_locked(found, wanted, kept), **values}
    _move_permissions(found, values)
    _leave_itself(found, values)
    if wanted.new_name is not None:
        values["name"] = wanted.new_name
    # among thousands nearly all are as wanted, and a copy is the dearest part of a plan
    return found.model_copy(update=values) if any(getattr(found, field) != value for field, value in values.items()) else found


def _move_permissions(found: Principal, values: dict[str, t.Any]) -> None:
    """A permission is enabled or disabled: the server takes one that is written to a list out of the other (0.13.4 and 0.15.5, measured)."""
    enabled = values.get("enabled_permissions", found.enabled_permissions)
    disabled = values.get("disabled_permissions", found.disabled_permissions)
    both = set(enabled) & set(disabled) if enabled and disabled else set()
    if both:
        to_enabled = both - set(found.enabled_permissions)
        values["enabled_permissions"] = tuple(permission for permission in enabled if permission not in both - to_enabled)
        values["disabled_permissions"] = tuple(permission for permission in disabled if permission not in to_enabled)


def _leave_itself(found: Principal, values: dict[str, t.Any]) -> None:
    """A member of itself is so in two lists, of which the server keeps one: leaving one is leaving both."""
    own = [field for field in MEMBERSHIPS if found.name in getattr(found, field)]
    if any(found.name not in values.get(field, getattr(found, field)) for field in own):
        for field in own:
            values[field] = tuple(name for name in values.get(field, getattr(found, field)) if name != found.name)


def is_locked(found: Principal) -> bool:
    """Whether the account can neither log in nor send."""
    return set(LOCKED) <= set(found.disabled_permissions)


def _locked(found: Principal, wanted: PrincipalOptions, kept: t.Collection[str]) -> dict[str, t.Any]:
    disabled = found.disabled_permissions
    if wanted.enabled is False:
        also = (RECEIVE,) if wanted.receive is False else ()
        freed = (RECEIVE,) if wanted.receive is True and RECEIVE not in kept else ()
        return {"disabled_permissions": tuple(dict.fromkeys([*(p for p in disabled if p not in freed), *LOCKED, *also]))}
    if not is_locked(found):
        return {}
    # Among what was disabled before may be what the lock had set free: receiving.
    left = [permission for permission in disabled if permission not in (*LOCKED, RECEIVE)]
    return {
        "disabled_permissions": tuple(dict.fromkeys([*left, *(each for each in kept if not each.startswith(WAS_ENABLED))])),
        "enabled_permissions": tuple(
            dict.fromkeys([*found.enabled_permissions, *(each.removeprefix(WAS_ENABLED) for each in kept if each.startswith(WAS_ENABLED))])
        ),
    }


#: Whether setting a password would change nothing, given the stored hash.
Matches = t.Callable[[str, str], bool]


def plan_secrets(found: Principal | None, wanted: PrincipalOptions, matches: Matches = already_set, *, tells_hashes: bool = True) -> Secrets:
    """What to do about password, app passwords and OTP. Verifies given passwords against the stored hashes, where the server tells them;
    where it does not, what is there counts as the same, unless it shall be written always."""
    if not _SECRET_OPTIONS & wanted.model_fields_set:
        return NO_SECRETS
    if not tells_hashes:
        is_there = found is not None and bool(found.password_hashes)
        writes = not is_there or wanted.update_password == "always"
        return _plan_unread_secrets(found, wanted, writes=writes and (found is None or wanted.update_password != "on_create"))
    stored = found.password_hashes if found else ()
    password = password_hash = ""
    if wanted.given("password_hash") and wanted.password_hash and stored != (wanted.password_hash,):
        if found is None or wanted.update_password != "on_create":
            password_hash = wanted.password_hash
    elif wanted.given("password") and wanted.password:
        if found is None or wanted.update_password == "always":
            password = wanted.password
        elif wanted.update_password == "when_different" and not (len(stored) == 1 and matches(wanted.password, stored[0])):
            password = wanted.password  # also where 0.13 keeps an older password valid beside it
    added, removed = _plan_app_passwords(found.app_passwords if found else {}, wanted, matches)
    otp_url = wanted.otp_url if wanted.given("otp_url") and wanted.otp_url != (found.otp_url if found else "") else None
    return Secrets(password, password_hash, added, removed, otp_url)


def _plan_unread_secrets(found: Principal | None, wanted: PrincipalOptions, *, writes: bool) -> Secrets:
    always = wanted.update_password == "always"
    added, removed = _plan_app_passwords(found.app_passwords if found else {}, wanted, lambda _password, _stored: True, compares=False)
    has_otp = found is not None and bool(found.otp_url)
    otp_url = None
    if wanted.given("otp_url") and wanted.otp_url is not None:
        otp_url = wanted.otp_url if (not wanted.otp_url and has_otp) or (wanted.otp_url and (always or not has_otp)) else None
    return Secrets(wanted.password or "" if writes else "", wanted.password_hash or "" if writes else "", added, removed, otp_url)


def unread_secrets(found: Principal | None, wanted: PrincipalOptions, *, tells_hashes: bool) -> t.Iterator[str]:
    """What to say, once a task, where it can't be told whether a secret is another one."""
    if tells_hashes or found is None or wanted.state == "absent" or wanted.update_password != "when_different":
        return
    if (wanted.password or wanted.password_hash) and found.password_hashes:
        yield (
            "this server (0.16 or later) does not tell stored passwords, so update_password: when_different sets a password only where there is none; "
            "use update_password: always to write one, or on_create to say that this is meant."
        )


def without_made_secrets(after: Principal, secrets: Secrets) -> tuple[Secrets, list[str]]:
    """The secrets without those that the server takes from nobody, since it makes them by itself; and what to say about them.

    Hashes and app passwords come from exports of older servers: without them the mailbox is still to be made. Refuses a password that somebody chose.
    """
    told = []
    if after.type == "api_key" and secrets.password:
        raise Refused(
            "password: servers since 0.16 make the secret of an API key by themselves; leave out password and password_hash, "
            "and keep what the task returns as secret."
        )
    if after.type == "api_key" and secrets.password_hash:
        secrets = secrets._replace(password_hash="")
        told.append(f"password_hash: servers since 0.16 make the secret of an API key by themselves, so that of {after.name!r} is left out.")
    if secrets.app_passwords:
        names = _some([each.name for each in secrets.app_passwords])
        secrets = secrets._replace(app_passwords=())
        told.append(
            f"app_passwords: servers since 0.16 make app passwords by themselves, so {names} of {after.name!r} can't be set and is left out; "
            "let the account make it with the module account_auth, which returns it."
        )
    return secrets, told


def gets_secret(new: Principal, secrets: Secrets) -> bool:
    """Whether a principal that is created gets a secret which nobody gave."""
    return new.type == "api_key" and not secrets.password_changes


def check_codes(found: Principal | None, after: Principal, secrets: Secrets) -> None:
    """Refuse one-time codes without a password, where the server keeps the two together."""
    if secrets.otp_url and not secrets.password_changes and not (found is not None and found.password_hashes):
        raise Refused(f"otp_url: servers since 0.16 keep one-time codes with the password, and {after.name!r} has none; set password, too.")


def verified(found: Principal | None, wanted: PrincipalOptions) -> t.Iterator[tuple[str, str]]:
    """The passwords and stored hashes that `plan_secrets` will want to know about."""
    if found is None or wanted.state == "absent" or wanted.update_password == "always":
        return
    stored = found.password_hashes
    if wanted.password and wanted.update_password == "when_different" and len(stored) == 1:
        yield wanted.password, stored[0]
    for each in wanted.app_passwords or ():
        if each.state == "present" and each.password and each.name in found.app_passwords:
            yield each.password, found.app_passwords[each.name]


def _plan_app_passwords(
    stored: t.Mapping[str, str], wanted: PrincipalOptions, matches: Matches, *, compares: bool = True
) -> tuple[tuple[AppPassword, ...], tuple[str, ...]]:
    if wanted.app_passwords is None:
        return (), ()
    always = wanted.update_password == "always"
    present = [each for each in wanted.app_passwords if each.state == "present"]
    kept = {each.name for each in present}
    gone = {each.name for each in wanted.app_passwords} - kept if not wanted.app_passwords_exact else set(stored) - kept
    added = tuple(each for each in present if always or (not _app_password_is(each, stored.get(each.name), matches) if compares else each.name not in stored))
    return added, tuple(name for name in stored if name in gone)


def _app_password_is(given: AppPassword, stored: str | None, matches: Matches) -> bool:
    if stored is None:
        return False
    return stored == given.password_hash if given.password_hash else matches(given.password, stored)


def edits(found: Principal, after: Principal, secrets: Secrets) -> list[Edit]:
    """The edits that make `found` into `after`, in an order that holds within one patch."""
    made: list[Edit] = []
    for field in (*SCALARS, "quota"):
        if getattr(found, field) != getattr(after, field):
            made.append(Set(field, getattr(after, field)))
    for field in ("emails", *SETS):
        old, new = getattr(found, field), getattr(after, field)
        if old == new:
            continue
        if field == "emails" and list(old[:1]) != list(new[:1]):
            made.append(Set(field, new))  # the primary is the first of a list that is set, and can't be moved by items
        else:
            made += _by_item(field, old, new)
    for field in MEMBERSHIPS:
        made += _by_item(field, getattr(found, field), getattr(after, field))
    if secrets.password_changes:
        made.append(SetPassword(secrets.hash(), found.password_hashes))
    made += [SetAppPassword(name, None) for name in secrets.removed_app_passwords]
    made += [SetAppPassword(each.name, each.password_hash or hash_password(each.password)) for each in secrets.app_passwords]
    if secrets.otp_url is not None:
        made.append(SetOtp(secrets.otp_url or None))
    if found.name != after.name:
        made.append(Set("name", after.name))
    return made


def _by_item(field: str, old: t.Sequence[str], new: t.Sequence[str]) -> list[Edit]:
    before, after = set(old), set(new)
    removed: list[Edit] = [Remove(field, item) for item in old if item not in after]
    return removed + [Add(field, item) for item in new if item not in before]


def with_secrets(principal: Principal, secrets: Secrets) -> Principal:
    """A principal to be created, with its hashes."""
    return principal.model_copy(
        update={
            "password_hashes": (secrets.hash(),) if secrets.password_changes else (),
            "app_passwords": {each.name: each.password_hash or hash_password(each.password) for each in secrets.app_passwords},
            "otp_url": secrets.otp_url or "",
        }
    )


# What stands in the way


#: What is done about something that is named and not there, given the sentence that tells of it.
Missing = t.Callable[[str], None]


def refuse(problem: str) -> None:
    """Raise Refused."""
    raise Refused(problem)


#: Accounts have these as a kind of account, and not as roles.
_ROLES_OF_ALL = (("user",), ("admin",))


def check(found: Principal | None, after: Principal, directory: Directory, missing: Missing = refuse, *, guards_tenants: bool = False) -> None:
    """Refuse what the server would refuse, or take and regret: taken addresses, unknown domains and members. Looks only at what is new.

    `guards_tenants` where the server lets nothing of a tenant refer to what is not of it.
    """
    old = found or Principal(name=after.name, type=after.type)
    _check_fixed_roles(found, after)
    present = set(folded(old.emails))
    added = [address for address in after.emails if address not in present]
    for domain in sorted({domain_of(address) for address in added}):
        known = directory.get(domain)
        if not isinstance(known, Unknown) and (known is None or known.type != "domain"):
            missing(f"emails: the domain {domain!r} does not exist on the server; create it first (type: domain).")
        elif guards_tenants:
            _check_tenant("emails", after, known)
    for address in added:
        holder = directory.holder(address)
        if holder is not None and not isinstance(holder, Unknown) and holder.name != old.name:
            raise Refused(f"emails: {address!r} belongs to the {_words(holder.type)} {holder.name!r}; remove it there first.")
    for field, types in (*_OF_TYPE.items(), ("members", _MEMBER_TYPES.get(after.type, ()))):
        for name in getattr(after, field):
            if name not in getattr(old, field) and not (field == "roles" and is_built_in_role(name)):
                if name in (old.name, after.name):
                    raise Refused(
                        f"{field}: {name!r} can't be {'a member of itself' if field in ('members', 'member_of') else 'among its own ' + field}; remove it."
                    )
                _check_reference(field, name, types, directory, missing)
                if guards_tenants and field in ("member_of", "roles"):
                    _check_tenant(field, after, directory.get(name))
            elif guards_tenants and after.tenant and name not in getattr(old, field) and not (after.type == "individual" and after.roles in _ROLES_OF_ALL):
                raise Refused(
                    f"roles: the role {name!r} is of no tenant, and this server (0.16 or later) keeps tenants apart, so what is of the tenant {after.tenant!r} "
                    "can have it alone or not at all; remove it, or the others."
                )
    owner = after.name.rpartition("/")[0] if after.type == "api_key" and found is None and guards_tenants else ""
    if owner:
        _check_reference("name", owner, ("individual",), directory, missing)
    if found is not None:
        _check_external_members(found, after)
    if after.tenant and after.tenant != old.tenant:
        _check_reference("tenant", after.tenant, ("tenant",), directory, missing)


#: Every server has them, so nobody needs to be asked.
_SURE_PERMISSIONS = frozenset({*LOCKED, *_GROUP_PERMISSIONS})


def check_permissions(found: Principal | None, after: Principal, known_among: t.Callable[[t.Collection[str]], t.Collection[str]]) -> None:
    """Refuse a new permission that no server knows. Raises Refused with the nearest name."""
    fields = ("enabled_permissions", "disabled_permissions")
    new = {
        field: [name for name in getattr(after, field) if name not in _SURE_PERMISSIONS and not (found and name in getattr(found, field))] for field in fields
    }
    if not any(new.values()):
        return
    known = known_among([name for names in new.values() for name in names])
    for field, names in new.items():
        for name in names:
            if known and name not in known:
                near = difflib.get_close_matches(name, known, 1)
                remedy = f"did you mean {near[0]!r}?" if near else "correct the name; module server_info lists those of its login."
                raise Refused(f"{field}: there is no permission {name!r}; {remedy}")


#: Top-level names that will never be public (RFC 2606, 6761, 6762, 8375, 9476 and the usual local ones).
_NEVER_PUBLIC = frozenset({"alt", "corp", "example", "home", "internal", "invalid", "lan", "local", "localdomain", "localhost", "onion", "test"})


def _check_external_members(found: Principal, after: Principal) -> None:
    """A list takes any address when it is created, but only public ones when it is changed (0.13.4 and 0.15.5, measured)."""
    for address in after.external_members:
        if address not in found.external_members and domain_of(address).rpartition(".")[2] in _NEVER_PUBLIC:
            raise Refused(
                f"external_members: servers take {address!r} only when a list is created, since its domain is not a public one; "
                "use a public address, or delete the list and create it again."
            )


def _check_fixed_roles(found: Principal | None, after: Principal) -> None:
    if found is not None and found.type == "api_key" and set(found.roles) != set(after.roles):
        raise Refused(f"roles: those of the API key {found.name!r} are fixed when it is created; delete the key and create it again.")


def _check_reference(field: str, name: str, types: tuple[str, ...], directory: Directory, missing: Missing) -> None:
    known = directory.get(name)
    if isinstance(known, Unknown):
        return
    if known is None:
        kinds = " or ".join(_words(kind) for kind in types)
        missing(f"{field}: there is no {kinds} {name!r} on the server; create it first, or correct the name.")
        return
    if types and known.type not in types:
        hint = " (use lists for mailing lists)" if field == "member_of" and known.type == "list" else ""
        raise Refused(f"{field}: {name!r} is {a(known.type)}, not {' or '.join(a(kind) for kind in types)}{hint}.")


def _check_tenant(field: str, after: Principal, known: Principal | Unknown | None) -> None:
    if after.tenant and isinstance(known, Principal) and known.tenant != after.tenant:
        raise Refused(
            f"{field}: the {_named(known)} is not of the tenant {after.tenant!r}, and this server (0.16 or later) keeps tenants apart; "
            f"set tenant: {after.tenant} there first, or choose another."
        )


def check_rename(found: Principal, wanted: PrincipalOptions, directory: Directory) -> None:
    """Refuse a new name that is taken, and any for a domain in use: the addresses in it would stay as they are and bounce."""
    if wanted.new_name is None or wanted.new_name == found.name:
        return
    other = directory.taken(wanted.new_name)
    if other is not None and not isinstance(other, Unknown):
        raise Refused(
            f"new_name: {wanted.new_name!r} is the name of {a(other.type)}, while {found.name!r} exists too; choose another, or delete one of the two."
        )
    if found.type == "domain":
        users = directory.in_domain(found.name)
        if found.member_count or (not isinstance(users, Unknown) and users):
            raise Refused(
                f"new_name: the domain {found.name!r} is in use{_who(users)}; their addresses would keep the old name and bounce. "
                "Create the new domain, move the addresses, then delete the old one."
            )


def check_delete(
    found: Principal,
    wanted: PrincipalOptions,
    directory: Directory,
    signatures: t.Callable[[], t.Sequence[str]],
    other_users: t.Callable[[], t.Sequence[str]] | None = None,
) -> None:
    """Refuse to destroy mail, or to delete a domain in use, unless the option that names the danger is set and the server does it.

    `other_users` tells who else refers to it, for servers that delete nothing in use.
    """
    if found.type in WITH_MAIL and found.used_quota > 0 and not wanted.delete_mail:
        raise Refused(
            f"the {_words(found.type)} {found.name!r} holds {found.used_quota} bytes of mail, which would be destroyed; set delete_mail: true to do so."
        )
    if other_users is not None:
        _check_unused(found, directory, other_users)
    if found.type != "domain" or (wanted.delete_in_use and other_users is None):
        return
    users = directory.in_domain(found.name)
    if found.member_count or (not isinstance(users, Unknown) and users):
        remedy = ", since this server (0.16 or later) deletes no domain in use." if other_users is not None else ", or set delete_in_use: true."
        raise Refused(f"the domain {found.name!r} is in use{_who(users, found.member_count)}; their mail would bounce. Remove the addresses first{remedy}")
    keys = () if wanted.delete_in_use else signatures()
    if keys:
        raise Refused(
            f"the domain {found.name!r} still has the DKIM signatures {', '.join(keys)}; "
            "remove them first (module dkim, state: absent), or set delete_in_use: true."
        )


def _check_unused(found: Principal, directory: Directory, other_users: t.Callable[[], t.Sequence[str]]) -> None:
    """A role stays while somebody has it, a tenant while something belongs to it, a domain while it is the default one."""
    users = directory.users(found) if found.type in USED else ()
    names = ([] if isinstance(users, Unknown) else [_named(user) for user in users]) or list(other_users())
    if names:
        remedy = {"role": "Take it from them", "tenant": "Let them leave it"}.get(found.type, "Change that")
        raise Refused(f"the {_words(found.type)} {found.name!r} is in use by {_some(names)}; this server (0.16 or later) deletes none in use. {remedy} first.")


def _who(users: t.Sequence[Principal] | Unknown, count: int | None = None) -> str:
    if isinstance(users, Unknown) or not users:
        return f" by {count} addresses" if count else ""
    return f" by {_some([_named(user) for user in users])}"


def _named(user: Principal) -> str:
    return f"{_words(user.type)} {user.name!r}"


def _some(names: t.Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def a(kind: str) -> str:
    """A type with its article."""
    words = _words(kind)
    return f"{'an' if words[0] in 'aioAIO' else 'a'} {words}"


def _words(kind: str) -> str:
    return {"api_key": "API key", "oauth_client": "OAuth client", "list": "mailing list"}.get(kind, kind)


def warnings(found: Principal | None, after: Principal) -> t.Iterator[str]:
    """What would silently lose mail or a login, and is as the user wants it or as it was found."""
    who = f"the {_words(after.type)} {after.name!r}"
    if after.type == "individual" and not after.roles and "authenticate" not in after.enabled_permissions:
        yield f"{who} has no role, so it can neither log in nor receive mail; give it roles: [user]."
    if after.type == "group" and after.emails and RECEIVE not in after.enabled_permissions:
        yield f"{who} lacks the permission email-receive, so mail to it is taken and then bounced; add it to enabled_permissions."
    if after.quota and after.used_quota > after.quota and (found is None or found.quota != after.quota):
        yield f"{who} uses {after.used_quota} bytes, more than its quota of {after.quota}; its mail waits and then bounces."


def left_out(meant: Principal, after: Principal) -> t.Iterator[str]:
    """Which texts for people the server has no place for."""
    for field in ("description", "picture", "urls"):
        if getattr(meant, field) and not getattr(after, field):
            yield f"{field}: on this server (0.16 or later) {a(after.type)} has no {field}, so it is left out."


# How it is shown


def shown(principal: Principal) -> dict[str, t.Any]:
    """A principal as results return it: everything but the secrets, of which only presence and names are told."""
    values = principal.model_dump(exclude={"password_hashes", "app_passwords", "otp_url"})
    state = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    for field in ("enabled_permissions", "disabled_permissions"):
        state[field].sort()  # servers tell them in an order that changes from start to start
    state["has_password"] = bool(principal.password_hashes)
    state["app_passwords"] = sorted(principal.app_passwords)
    state["has_otp"] = bool(principal.otp_url)
    return state


_DIFFED = (*SCALARS, "quota", *LISTS)


def diffed(principal: Principal) -> dict[str, t.Any]:
    """A principal as diffs show it: what it has of what can be written. Sets are sorted, since their order means nothing."""
    state: dict[str, t.Any] = {"name": principal.name, "type": principal.type}
    for field in _DIFFED:
        value = getattr(principal, field)
        if isinstance(value, tuple):
            value = [*value[:1], *sorted(value[1:])] if field == "emails" else sorted(value)
        if value not in ("", None, []):
            state[field] = value
    return state


def diffed_secrets(found: Principal | None, secrets: Secrets) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """The secrets' part of a diff: which change, never what they are."""
    before: dict[str, t.Any] = {}
    after: dict[str, t.Any] = {}
    stored = found.app_passwords if found else {}
    if secrets.password_changes:
        before, after = _hidden("password", bool(found and found.password_hashes), True)
    if secrets.app_passwords or secrets.removed_app_passwords:
        if stored:
            before["app_passwords"] = dict.fromkeys(sorted(stored), HIDDEN)
        kept = {name: HIDDEN for name in stored if name not in secrets.removed_app_passwords}
        written = {each.name: _CHANGED if each.name in stored else HIDDEN for each in secrets.app_passwords}
        after["app_passwords"] = dict(sorted({**kept, **written}.items()))
    if secrets.otp_url is not None:
        old, new = _hidden("otp_url", bool(found and found.otp_url), bool(secrets.otp_url))
        before, after = {**before, **old}, {**after, **new}
    return before, after


# so that a diff of two hidden values has a line to show
_CHANGED = f"{HIDDEN} (changed)"


def _hidden(field: str, was: bool, becomes: bool) -> tuple[dict[str, str], dict[str, str]]:
    return {field: HIDDEN} if was else {}, {field: _CHANGED if was else HIDDEN} if becomes else {}

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in the way of a server's move from 0.15 to 0.16, and what will be other there. Pure: it asks no server.

Facts about 0.16 are those that the adapters and `principal.plan` act on, so that what is not found here is not refused there.
"""

from __future__ import annotations

import collections
import collections.abc
import typing as t

from .._names import canonical_address, domain_of
from .._server.models.principal import BUILT_IN_ROLES, PRINCIPAL_TYPES, Principal
from .principal.names import MAILBOXES
from .settings.moved import place_of
from .settings.plan import KEPT

Severity: t.TypeAlias = t.Literal["blocks", "loses", "look at"]
SEVERITIES: tuple[Severity, ...] = t.get_args(Severity)

#: Below these the server keeps what it updates by itself, and what somebody added to it.
_UPDATED = ("spam-filter", "lookup")
#: What findings of their own speak of, or what is carried in another way than as settings.
_APART = ("acme", "authentication.fallback-admin", "certificate", "signature", "server.blocked-ip", "server.allowed-ip", "version", "stalwart-mail", *_UPDATED)
#: Top-level names without a public suffix that servers since 0.16 take for none of a mail domain either (measured on 0.16.18).
_REFUSED_TOP_LEVELS = frozenset({"alt", "example", "invalid", "onion"})
_IN_PLACE_FROM = (0, 15)


class Finding(t.NamedTuple):
    """`kind` is for programs; `what` says what `items` are, and `remedy` what to do about them."""

    severity: Severity
    kind: str
    what: str
    items: list[str]
    remedy: str

    def line(self, most: int) -> str:
        """One sentence or two for a person, with so many of the items."""
        more = len(self.items) - most
        shown = "; ".join(self.items[:most]) + (f"; and {more} more" if more > 0 else "")
        return f"{self.severity}: {self.what} ({len(self.items)}): {shown}. {self.remedy}"


class Generations(t.NamedTuple):
    """What the adapters know of the two sides: what servers up to 0.15 write by themselves, what a permission means since 0.16 (nothing: it is gone),
    and for which texts each type has no place there."""

    fresh: t.Mapping[str, str]
    permissions_meant: t.Callable[[str], t.Sequence[str]]
    without: t.Mapping[str, t.Sequence[str]]


def check(
    principals: t.Sequence[t.Mapping[str, t.Any]],
    settings: t.Mapping[str, str],
    generations: Generations,
    *,
    local_keys: t.Collection[str] = (),
    version: str = "",
    default_domain: str = "",
) -> list[Finding]:
    """All that is found, the worst first; nothing where a move changes nothing. Principals and settings as the info modules return them.

    `default_domain` is that of the new server; else the one is taken that most mailboxes are in. Raises ValueError for principals that are none.
    """
    found = [_principal(each) for each in principals]
    default = default_domain or _most_used_domain(found)
    findings = [
        *_names(found, default),
        *_principals(found, generations),
        *_tenants(found),
        *_secrets(found),
        *_settings(settings, generations.fresh, local_keys),
        *_version(version),
    ]
    return sorted((each for each in findings if each.items), key=lambda each: SEVERITIES.index(each.severity))


def _principal(told: t.Any) -> Principal:
    if not isinstance(told, collections.abc.Mapping) or not told.get("name") or told.get("type") not in PRINCIPAL_TYPES:
        raise ValueError("give principals as the module principal_info returns them, each with name and type.")
    values = {field: told[field] for field in Principal.model_fields if told.get(field) is not None and field != "app_passwords"}
    return Principal(
        **values,
        app_passwords=dict.fromkeys(told.get("app_passwords") or (), ""),
        password_hashes=("",) if told.get("has_password") else (),
        otp_url="set" if told.get("has_otp") else "",
    )


def _most_used_domain(found: t.Sequence[Principal]) -> str:
    used = collections.Counter(domain_of(next(iter(each.emails), each.name)) for each in found if each.type in MAILBOXES)
    used.update(dict.fromkeys((each.name for each in found if each.type == "domain"), 0))
    del used[""]
    return min(used, key=lambda domain: (-used[domain], domain), default="")


def _named(principal: Principal) -> str:
    return f"{principal.type.replace('_', ' ')} {principal.name}"


# Names and addresses


def _names(found: t.Sequence[Principal], default: str) -> t.Iterator[Finding]:
    """Mailboxes are their addresses since 0.16."""
    mailboxes = [each for each in found if each.type in MAILBOXES]
    addresses: dict[str, str] = {}
    nameless = []
    for each in mailboxes:
        try:
            addresses[each.name] = _address(each, default)
        except ValueError as error:
            nameless.append(f"{_named(each)} ({str(error).rstrip('.')})")
    yield Finding(
        "blocks",
        "no_address",
        "names of which no address can be made",
        nameless,
        "Rename them before the move (new_name), or give them an address with a usable part before the @.",
    )
    yield from _clashes(mailboxes, addresses)
    later = [each for each in mailboxes if addresses.get(each.name) in each.emails[1:]]
    yield Finding(
        "blocks",
        "primary_address",
        "mailboxes whose name is an address that is not their first one, which their primary one is then",
        [f"{_named(each)} ({addresses[each.name]}, and first {each.emails[0]})" for each in later],
        "Put that address first in emails, or rename the mailbox after its first one (new_name).",
    )
    yield from _domains(found, mailboxes, addresses)
    bare = [each for each in mailboxes if "@" not in each.name and each.name in addresses]
    yield Finding(
        "look at",
        "bare_name",
        "names without a domain, which become addresses",
        [f"{each.name} -> {addresses[each.name]}" for each in bare],
        f"Logins without a domain go on only in the new server's default domain ({default}), and CalDAV, CardDAV and WebDAV clients need new paths: "
        "tell people to log in with the address. Playbooks may keep the short names.",
    )
    namesakes: dict[str, set[str]] = {}
    for address in addresses.values():
        namesakes.setdefault(address.rpartition("@")[0], set()).add(address)
    yield Finding(
        "look at",
        "local_part",
        "names without a domain that stand for several mailboxes then",
        [f"{each.name} ({', '.join(sorted(namesakes[each.name]))})" for each in bare if len(namesakes.get(each.name, ())) > 1],
        "A login or a task with the short name means the one in the default domain; write whole addresses in playbooks.",
    )
    yield Finding(
        "look at",
        "new_address",
        "mailboxes that get an address which they don't have now, as their primary one",
        [f"{_named(each)} -> {addresses[each.name]}" for each in mailboxes if each.name in addresses and addresses[each.name] not in each.emails],
        "They will receive mail there and send from there; rename them first (new_name) where that is not meant.",
    )
    yield Finding(
        "look at",
        "catch_all",
        "catch-all addresses, which become a property of their domain",
        [f"{address} of {each.name}" for each in mailboxes for address in each.emails if address.startswith("@")],
        "Tasks and exports keep them in emails, and since 0.16 that sets catchAllAddress of the domain; nothing to do but to verify.",
    )
    everybody = {address for each in mailboxes if each.type != "list" for address in (addresses.get(each.name, ""), *each.emails)}
    yield Finding(
        "look at",
        "external_member",
        "external members of lists that are addresses of this server, and become members",
        [f"{address} of {each.name}" for each in mailboxes for address in each.external_members if address in everybody],
        "Name them in members, so that the next run finds them there.",
    )


def _address(principal: Principal, default: str) -> str:
    """As `principal.names` has it: the name in the domain that the addresses say, else in the default one. Raises ValueError where that makes none."""
    name = principal.name
    if "@" not in name:
        emails = [address for address in principal.emails if not address.startswith("@")] or list(principal.emails)
        domain = domain_of(next((address for address in emails if address.rpartition("@")[0] == name), next(iter(emails), f"@{default}")))
        name = f"{name}@{domain}"
    return canonical_address(name)


def _clashes(mailboxes: t.Iterable[Principal], addresses: t.Mapping[str, str]) -> t.Iterator[Finding]:
    claims: dict[str, set[str]] = {}
    for each in mailboxes:
        for address in {addresses.get(each.name, ""), *each.emails} - {""}:
            claims.setdefault(address, set()).add(_named(each))
    yield Finding(
        "blocks",
        "address_clash",
        "addresses that several mailboxes would have",
        [f"{address} ({', '.join(sorted(who))})" for address, who in sorted(claims.items()) if len(who) > 1],
        "Rename all but one of them (new_name), or give them an address in another domain as their first.",
    )


def _domains(found: t.Iterable[Principal], mailboxes: t.Iterable[Principal], addresses: t.Mapping[str, str]) -> t.Iterator[Finding]:
    there = {each.name for each in found if each.type == "domain"}
    used: dict[str, str] = {}
    for each in mailboxes:
        for address in (addresses.get(each.name, ""), *each.emails):
            used.setdefault(domain_of(address), _named(each))
    yield Finding(
        "blocks",
        "missing_domain",
        "domains of addresses that the server does not have as domains",
        [f"{domain} (of {who})" for domain, who in sorted(used.items()) if domain and domain not in there],
        "Create them (type: domain), or remove or rename what is in them: since 0.16 an address needs its domain.",
    )
    yield Finding(
        "blocks",
        "refused_domain",
        "domains that servers since 0.16 do not take, for want of a public suffix",
        sorted(each for each in there | set(used) if each and ("." not in each or each.rpartition(".")[2] in _REFUSED_TOP_LEVELS)),
        "Move what is in them to a public name, or to one below internal, home, lan, local or test.",
    )


# Principals that are others, or none, since 0.16


def _principals(found: t.Sequence[Principal], generations: Generations) -> t.Iterator[Finding]:
    yield Finding(
        "blocks",
        "gone_type",
        "principals of types that are gone",
        [_named(each) for each in found if each.type in ("resource", "location")],
        "Take them out of mail_principals in the exported file; a shared calendar or room can be a group.",
    )
    yield Finding(
        "blocks",
        "group_in_group",
        "groups that belong to groups",
        [f"{each.name} (in {', '.join(each.member_of)})" for each in found if each.type == "group" and each.member_of],
        "Take the groups out (member_of: []), and put their members in.",
    )
    accounts = {each.name for each in found if each.type == "individual"}
    keys = [each for each in found if each.type == "api_key"]
    yield Finding(
        "blocks",
        "key_without_owner",
        "API keys that belong to no account",
        [each.name for each in keys if each.name.rpartition("/")[0] not in accounts],
        "Write OWNER/KEY for their names in the exported file: since 0.16 a key belongs to an account, and the recovery administrator can own none.",
    )
    yield Finding(
        "blocks",
        "key_with_roles",
        "API keys with roles or a tenant",
        [each.name for each in keys if each.roles or each.tenant],
        "Take roles and tenant out in the exported file, and give enabled_permissions: a key may at most what its owner may.",
    )
    yield Finding(
        "look at",
        "custom_role",
        "roles of your own",
        [each.name for each in found if each.type == "role"],
        "They are exported. Rights to requests of the old API become those to what takes their place; read the roles again after the move. "
        "Tools that move principals in place make everybody a plain user: the applied export gives roles back.",
    )
    administrators = [each for each in found if each.type != "api_key" and {"admin", "tenant-admin"} & set(each.roles)]
    yield Finding(
        "look at",
        "administrator",
        "administrators, and administrators of tenants (tenant-admin)",
        [f"{each.name} ({', '.join(role for role in each.roles if role in BUILT_IN_ROLES)})" for each in administrators],
        "Verify that one of them can log in before the recovery administrator is switched off. Logins with a second factor need an API key or an app password.",
    )
    gone = [
        f"{each.name} ({', '.join(names)})"
        for each in found
        if (names := [name for name in (*each.enabled_permissions, *each.disabled_permissions) if not generations.permissions_meant(name)])
    ]
    yield Finding(
        "loses",
        "permission",
        "principals with permissions that have no meaning any more",
        gone,
        "Give permissions to the objects instead where they are still needed (sys-TYPE-get, sys-TYPE-update and so on).",
    )
    yield Finding(
        "loses",
        "text",
        "principals with texts that have no place any more",
        [
            f"{_named(each)} ({', '.join(fields)})"
            for each in found
            if (fields := [field for field in generations.without.get(each.type, ()) if getattr(each, field)])
        ],
        "Keep them elsewhere where they are needed.",
    )


def _tenants(found: t.Sequence[Principal]) -> t.Iterator[Finding]:
    tenants = [each.name for each in found if each.type == "tenant"]
    yield Finding(
        "look at",
        "tenant",
        "tenants",
        tenants,
        "They need the paid edition, and since 0.16 they are kept apart; without it, take them and each tenant out of the exported file.",
    )
    of = {each.name: each.tenant for each in found}
    crossing = []
    for each in found:
        if each.tenant:
            names = [*sorted({domain_of(address) for address in each.emails}), *each.member_of, *(role for role in each.roles if role not in BUILT_IN_ROLES)]
            crossing += [f"{_named(each)} of {each.tenant} ({name} of {of[name] or 'none'})" for name in names if name in of and of[name] != each.tenant]
    yield Finding(
        "blocks",
        "tenant_border",
        "principals of a tenant that refer to what is not of it",
        crossing,
        "Set the same tenant on both sides (tenant), or take the reference away.",
    )


def _secrets(found: t.Sequence[Principal]) -> t.Iterator[Finding]:
    yield Finding(
        "loses",
        "app_password",
        "accounts with app passwords, which servers since 0.16 make by themselves and take from nobody",
        [f"{each.name} ({', '.join(sorted(each.app_passwords))})" for each in found if each.app_passwords],
        "Let each account make new ones after the move (module account_auth, or the self-service), and tell the people before.",
    )
    yield Finding(
        "loses",
        "api_key_secret",
        "API keys, whose secrets the new server makes anew",
        [each.name for each in found if each.type == "api_key"],
        "The bootstrap keeps the new ones in mail_secret_directory; give them to the programs that use them. Where the exported file has a password "
        "for a key (one that was stored in clear text), take it out: the new server refuses it.",
    )
    with_codes = [each for each in found if each.otp_url]
    yield Finding(
        "blocks",
        "otp_without_password",
        "accounts with one-time codes and no password",
        [each.name for each in with_codes if not each.password_hashes],
        "Give them a password, or take otp_url out: since 0.16 the codes belong to the password.",
    )
    yield Finding(
        "look at",
        "otp",
        "accounts with one-time codes, which only an export with include_secrets carries",
        [each.name for each in with_codes if each.password_hashes],
        "Since 0.16 such an account can't log in over HTTP with its password: tools need an API key or an app password.",
    )


# Settings


def _settings(settings: t.Mapping[str, str], fresh: t.Mapping[str, str], local_keys: t.Collection[str]) -> t.Iterator[Finding]:
    yield Finding(
        "look at",
        "fallback_admin",
        "the fallback administrator",
        [settings["authentication.fallback-admin.user"]] if "authentication.fallback-admin.user" in settings else [],
        "Servers since 0.16 have a recovery administrator instead, in the environment variable STALWART_RECOVERY_ADMIN=NAME:PASSWORD. "
        "It is no account; make an administrator of its own and remove the variable again.",
    )
    yield Finding(
        "loses",
        "acme",
        "ACME providers, with the accounts and certificates that the server keeps beside them",
        _ids("acme", settings),
        "Make them again as AcmeProvider (module object), which asks the provider for new certificates; until then give the server a Certificate.",
    )
    yield Finding(
        "loses",
        "certificate",
        "certificates",
        _ids("certificate", settings),
        "Give certificate and private key to the new server as Certificate (module object), before clients see it.",
    )
    directory = settings.get("storage.directory", "")
    kind = settings.get(f"directory.{directory}.type", "internal") if directory else "internal"
    yield Finding(
        "look at",
        "external_directory",
        "accounts in an external directory",
        [] if kind == "internal" else [f"{directory} ({kind})"],
        "Make it again as Directory (module object); since 0.16 it is asked for whole addresses, so its filters and queries must find them.",
    )
    own = {_item(key) for key, text in settings.items() if fresh.get(key) != text and key not in KEPT and not _below(key, _APART) and key not in local_keys}
    yield Finding(
        "loses",
        "setting_without_place",
        "settings that have no new place known here",
        sorted(key for key in own if not place_of(key)),
        "Find the property that is meant now by object_info (describe: true), and write it as a setting with a capital letter.",
    )
    yield Finding(
        "loses",
        "setting",
        "settings that are properties of objects now",
        [f"{key} -> {place_of(key)}" for key in sorted(own) if place_of(key)],
        "Write them under their new names beside the old ones; docs/settings-0.16.md has the table, and the bootstrap tells what it left out.",
    )
    yield Finding(
        "look at",
        "updated_setting",
        "settings of the spam filter and its lookups, where the server's own and yours can't be told apart",
        sorted(key for key in settings if _below(key, _UPDATED)),
        "The new server brings its own rules; make yours again.",
    )
    yield Finding(
        "look at",
        "local_setting",
        "settings in the server's file config.toml",
        [f"{key} -> {place_of(key)}" if place_of(key) else key for key in sorted({_item(key) for key in local_keys if not _below(key, _APART)})],
        "That file is gone: config.json has the data store only, and all else is written to the server.",
    )


def _below(key: str, roots: t.Iterable[str]) -> bool:
    return any(key == root or key.startswith(f"{root}.") for root in roots)


def _item(key: str) -> str:
    """A key without the numbers of a list."""
    parts = key.split(".")
    while len(parts) > 1 and parts[-1].isdigit():
        parts.pop()
    return ".".join(parts)


def _ids(root: str, settings: t.Iterable[str]) -> list[str]:
    return sorted({key.split(".")[1] for key in settings if key.startswith(f"{root}.")})


def _version(version: str) -> t.Iterator[Finding]:
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    yield Finding(
        "look at",
        "version",
        "a server older than 0.15",
        [version] if parts and parts < _IN_PLACE_FROM else [],
        "An upgrade in place begins at 0.15: upgrade to it first, or move to an empty server by export.",
    )

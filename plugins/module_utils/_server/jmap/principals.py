# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Principals over JMAP: accounts, groups, lists, domains, roles, tenants and keys are objects of seven types here, which know each other by ids.

A mailbox (individual, group, list) is named by its address, which is its first one; the others are aliases. Who belongs to a
group stands at the account, who receives a list at the list, and whose the rest of a domain's mail is at the domain.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import functools
import itertools
import re
import threading
import typing as t

from ..._errors import AlreadyExists, InUse, InvalidRequest, NotApplied, NotFound, PermissionDenied, Refused, StalwartError
from ..models.principal import (
    Add,
    Edit,
    Principal,
    PrincipalType,
    PrincipalWrite,
    Remove,
    Set,
    SetAppPassword,
    SetOtp,
    SetPassword,
)
from . import permissions
from ._call import MASK, Find, JmapCaller, Object, Write
from .schema import catalogue_of

_ACTIONS: dict[str, t.Literal["create", "update", "destroy"]] = {"create": "create", "update": "update", "delete": "destroy"}

_WIRE: dict[str, str] = {
    "individual": "Account",
    "group": "Account",
    "list": "MailingList",
    "domain": "Domain",
    "role": "Role",
    "tenant": "Tenant",
    "oauth_client": "OAuthClient",
    "api_key": "ApiKey",
}
MAILBOXES = ("individual", "group", "list")

#: Which properties tell a field, by type; what is needed to name an object is read always.
_PROPERTIES: dict[str, dict[str, tuple[str, ...]]] = {
    "Account": {
        "description": ("description",),
        "quota": ("quotas",),
        "used_quota": ("usedDiskQuota",),
        "emails": ("aliases",),
        "locale": ("locale",),
        "member_of": ("memberGroupIds",),
        "members": ("memberGroupIds",),
        "roles": ("roles",),
        "enabled_permissions": ("permissions",),
        "disabled_permissions": ("permissions",),
        "tenant": ("memberTenantId",),
        "password_hashes": ("credentials",),
    },
    "MailingList": {
        "description": ("description",),
        "emails": ("aliases",),
        "members": ("recipients",),
        "external_members": ("recipients",),
        "lists": ("recipients",),
        "tenant": ("memberTenantId",),
    },
    "Domain": {"description": ("description",), "picture": ("logo",), "tenant": ("memberTenantId",)},
    "Role": {
        "roles": ("roleIds",),
        "members": ("roleIds",),
        "enabled_permissions": ("enabledPermissions",),
        "disabled_permissions": ("disabledPermissions",),
        "tenant": ("memberTenantId",),
    },
    "Tenant": {
        "picture": ("logo",),
        "quota": ("quotas",),
        "used_quota": ("usedDiskQuota",),
        "roles": ("roles",),
        "enabled_permissions": ("permissions",),
        "disabled_permissions": ("permissions",),
    },
    "OAuthClient": {
        "description": ("description",),
        "picture": ("logo",),
        "urls": ("redirectUris",),
        "tenant": ("memberTenantId",),
        "password_hashes": ("secret",),
    },
}
_NAMING: dict[str, tuple[str, ...]] = {
    "Account": ("@type", "name", "domainId"),
    "MailingList": ("name", "domainId"),
    "Domain": ("name", "catchAllAddress"),
    "Role": ("description",),
    "Tenant": ("name",),
    "OAuthClient": ("clientId",),
}

#: Texts for people that no object of the type has a place for.
WITHOUT: dict[str, tuple[str, ...]] = {
    "individual": ("urls", "picture"),
    "group": ("urls", "picture"),
    "list": ("urls",),
    "domain": ("urls",),
    "role": ("description",),
    "tenant": ("description", "urls"),
    "api_key": ("description", "urls"),
}
#: What would be another principal without it.
_IMPOSSIBLE: dict[str, tuple[str, ...]] = {"group": ("member_of",), "api_key": ("roles", "tenant")}

#: What an account speaks when nobody says: the default of the server.
_LOCALE = "en_US"
_QUOTA = "maxDiskQuota"

#: More names than this are found by reading all.
_MOST_ASKED = 40
#: So many objects go into one `set` call by default.
_BATCH = 500

_NOTE = "MemoryLookupKeyValue"
_NOTES = "stalwart-mail.kept-permissions"

#: Where nothing is said, nothing begins by itself: keys, records and certificates are for tasks to ask for.
_NEW_DOMAIN = {"dkimManagement": {"@type": "Manual"}, "dnsManagement": {"@type": "Manual"}, "certificateManagement": {"@type": "Manual"}}
#: Roles that servers come with and that nobody manages by name: accounts have them as user, admin and tenant-admin.
_SHIPPED_ROLES = frozenset({"user", "group", "tenant administrator", "system administrator"})

_ALL_KINDS: frozenset[str] = frozenset(_WIRE)
_FOREIGN_KEY = re.compile(r"(?<=^invalidForeignKey: )(\w+) (\w+)")
_READ_ORDER = ("Domain", "Account", "MailingList", "Role", "Tenant", "OAuthClient")
_DOMAIN = ("name", "catchAllAddress", "description", "logo", "memberTenantId")
#: What patches are made from.
_COMPLETE = {"Account": ("aliases", "credentials", "permissions"), "MailingList": ("aliases",), "Tenant": ("permissions",)}
_SECRETS = frozenset({"password_hashes", "app_passwords", "otp_url"})
#: What else refers to a principal, so that the server does not delete it: type, label ("" for a singleton) and property.
_GUARDED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "domain": (("SystemSettings", "", "defaultDomainId"),),
    "role": tuple(("Authentication", "", f"default{kind}RoleIds") for kind in ("User", "Group", "Tenant", "Admin")),
    "tenant": tuple(
        (wire, label, "memberTenantId")
        for wire, label in (("DnsServer", "description"), ("Directory", "description"), ("AcmeProvider", "directory"), ("DkimSignature", "selector"))
    ),
}
_DEFAULT_ROLES = {"user": "defaultUserRoleIds", "admin": "defaultAdminRoleIds", "tenant-admin": "defaultTenantRoleIds"}
_DELIVERED_ROLES = {"user": ("user",), "admin": ("system administrator", "user"), "tenant-admin": ("tenant administrator", "user")}
_KINDS: dict[str, PrincipalType] = {"MailingList": "list", "Domain": "domain", "Role": "role", "Tenant": "tenant", "OAuthClient": "oauth_client"}
_WORDS = {
    "Account": "individual",
    "MailingList": "mailing list",
    "Domain": "domain",
    "Role": "role",
    "Tenant": "tenant",
    "OAuthClient": "OAuth client",
}


@dataclasses.dataclass(frozen=True)
class _Known:
    """One object as it was read, and what it is. `owner` is the account that an API key belongs to."""

    kind: PrincipalType
    id: str
    value: Object
    owner: str = ""

    @property
    def wire(self) -> str:
        return _WIRE[self.kind]


@dataclasses.dataclass
class _Relations:
    """What others say about objects: members by group or role id, lists and catch-alls by address; and which addresses are of accounts."""

    members: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    lists: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    catch_all: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    accounts: set[str] = dataclasses.field(default_factory=set)


@dataclasses.dataclass
class _Patches:
    """Patches of other objects than the one that is written, merged by object, with the writes that each serves."""

    by_object: dict[tuple[str, str], dict[str, t.Any]] = dataclasses.field(default_factory=dict)
    serves: dict[tuple[str, str], set[int]] = dataclasses.field(default_factory=dict)

    def add(self, position: int, wire: str, object_id: str, pointer: str, value: t.Any) -> None:
        self.by_object.setdefault((wire, object_id), {})[pointer] = value
        self.serves.setdefault((wire, object_id), set()).add(position)


class JmapPrincipals:
    """The port `Principals` over JMAP."""

    #: Mailboxes are named by their addresses.
    names_are_addresses = True
    guards_references = True
    #: Secrets are read as asterisks.
    tells_hashes = False
    #: API keys and app passwords are made by the server.
    makes_keys = True
    batch_size = _BATCH

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], _Known] = {}
        self._names: dict[str, dict[str, str]] = {"Domain": {}, "Account": {}, "Tenant": {}}

    # Reading

    def get(self, name: str, *, kind: PrincipalType | None = None, unambiguous: bool = False) -> Principal | None:
        """Two or three requests. A name without domain is that of a mailbox in the default domain, else of the only one that begins so."""
        found = self._search(name, kind, unambiguous=unambiguous)
        if found is None:
            return None
        relations = _Relations()
        if found.kind in MAILBOXES:
            self._relate(found, relations)
        if found.kind == "role":
            relations.members = self._members_of_roles()
        self._load_names([found], frozenset())
        return self._principal(found, relations, frozenset())

    def find(self, *, types: t.Collection[PrincipalType] = (), text: str = "", fields: t.Collection[str] = ()) -> t.Iterator[Principal]:
        """A few requests for thousands. API keys are those of the accounts that are found."""
        kinds = frozenset(types) or _ALL_KINDS
        asked = frozenset(fields)
        found, relations = self._matching(kinds, text) if text else self._everything(kinds, asked)
        found = [*found, *itertools.chain.from_iterable(self._keys_of(known) for known in found if "api_key" in kinds)]
        wanted = [known for known in found if known.kind in kinds and not self._is_shipped(known)]
        self._load_names(wanted, asked)
        for known in wanted:
            yield self._principal(known, relations, asked)

    def known_permissions(self, names: t.Collection[str]) -> t.Collection[str]:
        """One request, once: the login's own permissions, which of an administrator are all. Where one is not among them, the schema tells."""
        if self._own_permissions.issuperset(permissions.to_wire(names)):
            return names
        return permissions.from_wire(catalogue_of(self._caller).members("Permission"))

    @functools.cached_property
    def _own_permissions(self) -> frozenset[str]:
        return frozenset(self._caller.call("GET", "account", resource="account").get("permissions") or ())

    def permissions_meant(self, name: str) -> t.Sequence[str]:
        """As of this generation."""
        return permissions.meant(name)

    def other_users(self, principal: Principal) -> t.Sequence[str]:
        """One or two requests for a domain, role or tenant. What this login may not look at is left out."""
        users: list[str] = []
        own_id = self._known[_WIRE[principal.type], principal.name].id if principal.type in _GUARDED else ""
        finds = [Find(wire, properties=(label, link), resource=principal.name) for wire, label, link in _GUARDED.get(principal.type, ()) if label]
        for find, objects in zip(finds, self._caller.read_allowed(*finds)[0] if finds else (), strict=True):
            label, link = find.properties
            users += [f"{find.type} {each.get(label)!r}" for each in objects if each.get(link) == own_id]
        for wire, label, link in _GUARDED.get(principal.type, ()):
            if not label:
                with contextlib.suppress(PermissionDenied):
                    value = self._caller.singleton(wire, properties=(link,), resource=principal.name).get(link) or {}
                    users += [f"{wire} ({link})"] if own_id in (value if isinstance(value, dict) else (value,)) else []
        return users

    def default_domain(self) -> str:
        """Which domain a login without one belongs to. One or two requests."""
        return self._domain_names([self._default_domain_id])[self._default_domain_id]

    @functools.cached_property
    def _default_domain_id(self) -> str:
        return str(self._caller.singleton("SystemSettings", properties=("defaultDomainId",), resource="default domain")["defaultDomainId"])

    def _search(self, name: str, kind: PrincipalType | None, *, unambiguous: bool = False) -> _Known | None:
        local, at, domain = name.rpartition("@")
        if kind == "api_key":
            return self._search_key(name)
        if kind is None and "/" in domain and (key := self._search_key(name)) is not None:
            return key
        at = at if "/" not in domain else ""
        finds = [Find("Domain", {"name": domain or name}, _DOMAIN, f"principal {name!r}")]
        # an address is one principal's, whatever its type: who asks for another type is told so
        kinds = _ALL_KINDS if kind is None else frozenset(MAILBOXES) if at and kind in MAILBOXES else frozenset({kind})
        if not kinds.isdisjoint(("individual", "group")):
            finds.append(Find("Account", {"name": local if at else name}, (), f"principal {name!r}"))
        if "list" in kinds:
            finds.append(Find("MailingList", {}, (), f"principal {name!r}"))
        if not at and kind in (None, "role"):
            finds.append(Find("Role", {}, ("description",), f"role {name!r}"))
        if not at and kind in (None, "tenant"):
            finds.append(Find("Tenant", {}, ("name",), f"tenant {name!r}"))
        if not at and kind in (None, "oauth_client"):
            finds.append(Find("OAuthClient", {}, (), f"OAuth client {name!r}"))
        found, refusals = self._caller.read_allowed(*finds)
        known = [each for each in self._take(finds, found) if each.kind in kinds and not self._is_shipped(each)]
        exact = [each for each in known if self._name(each) == name]
        if not exact and not at:
            exact = self._by_local_part(name, [each for each in known if each.kind in MAILBOXES and each.value["name"] == name], unambiguous=unambiguous)
        if not exact:
            # who may not look at roles may still be told that there is no such account
            for wire in ("Account", "MailingList", "Domain") if kind is None else (_WIRE.get(kind, ""),):
                if wire in refusals:
                    raise refusals[wire]
            return self._search_key(name) if kind is None and not at else None
        if len(exact) > 1:
            raise Refused(f"name: {len(exact)} objects of the server have the name {name!r} ({_kinds(exact)}); give type, or rename all but one of them.")
        if exact[0].kind in ("role", "tenant"):
            return dataclasses.replace(exact[0], value=self._caller.get(exact[0].wire, [exact[0].id])[exact[0].id])
        return exact[0]

    def _by_local_part(self, name: str, mailboxes: t.Sequence[_Known], *, unambiguous: bool) -> list[_Known]:
        """Where nobody says which domain: the one of the default domain, as logins have it, else the only one."""
        if len(mailboxes) < 2:
            return list(mailboxes)
        default = [] if unambiguous else [each for each in mailboxes if each.value["domainId"] == self._default_domain_id]
        if default:
            return default
        raise Refused(f"name: {name!r} may be {' or '.join(sorted(self._name(each) for each in mailboxes))}; give the whole address.")

    def _search_key(self, name: str) -> _Known | None:
        """An API key: ADDRESS/KEY, or KEY alone for one of the login's own account."""
        owner, _slash, wanted = name.rpartition("/")
        if owner:
            account = self._search(owner, "individual")
        else:
            try:
                value = self._caller.get("Account", [self._caller.account_id], resource=f"API key {name!r}").get(self._caller.account_id)
            except PermissionDenied:
                return None
            account = _Known("individual", str(value["id"]), value) if value else None
        return next((key for key in self._keys_of(account) if self._name(key).rpartition("/")[2] == wanted), None) if account else None

    def _keys_of(self, account: _Known) -> list[_Known]:
        entries = account.value.get("credentials") or {} if account.kind == "individual" else {}
        return [
            _Known("api_key", str(each["credentialId"]), {**each, "account": self._name(account)}, account.id)
            for each in entries.values()
            if each.get("@type") == "ApiKey"
        ]

    def _relate(self, found: _Known, relations: _Relations) -> None:
        """What others say about one mailbox."""
        # all domains, since one may send what is for nobody to a mailbox of another
        finds = [Find("Domain", {}, _NAMING["Domain"])]
        if found.kind != "list":
            finds.append(Find("MailingList", {}, (*_NAMING["MailingList"], "recipients")))
        if found.kind == "group":
            finds.append(Find("Account", {"memberGroupIds": found.id}, (*_NAMING["Account"], "memberGroupIds")))
        if found.kind == "list":
            relations.accounts = self._accounts_among(found.value.get("recipients") or {})
        self._relate_all(self._take(finds, self._caller.read(*finds)), relations)

    def _relate_all(self, known: t.Iterable[_Known], relations: _Relations) -> None:
        for each in known:
            if each.kind == "list":
                for recipient in each.value.get("recipients") or ():
                    relations.lists.setdefault(recipient, []).append(self._name(each))
            elif each.kind == "domain" and each.value.get("catchAllAddress"):
                relations.catch_all.setdefault(each.value["catchAllAddress"], []).append(f"@{each.value['name']}")
            elif each.kind == "individual":
                for group in each.value.get("memberGroupIds") or ():
                    relations.members.setdefault(group, []).append(self._name(each))

    def _accounts_among(self, recipients: t.Iterable[str]) -> set[str]:
        """Which addresses are those of accounts of this server."""
        addresses = set(recipients)
        if not addresses:
            return set()
        if len(addresses) > _MOST_ASKED:
            finds = [Find("Domain", {}, _NAMING["Domain"]), Find("Account", {}, _NAMING["Account"])]
        else:
            finds = [Find("Account", {"name": local}, _NAMING["Account"]) for local in {address.rpartition("@")[0] for address in addresses}]
        return {self._name(each) for each in self._take(finds, self._caller.read(*finds)) if each.kind in MAILBOXES} & addresses

    def _everything(self, kinds: frozenset[str], asked: frozenset[str]) -> tuple[list[_Known], _Relations]:
        """All objects of these types, with what else is needed to tell what is asked of them."""

        def tells(*fields: str) -> bool:
            return not asked or bool(asked.intersection(fields))

        mailboxes = kinds & {"individual", "group", "list", "api_key"}
        wires = {_WIRE[kind] for kind in kinds if kind in _WIRE and kind != "api_key"}
        if mailboxes:
            wires.add("Domain")
        if "api_key" in kinds or ("group" in kinds and tells("members")) or ("list" in kinds and tells("members", "external_members")):
            wires.add("Account")
        if kinds & {"individual", "group"} and tells("lists"):
            wires.add("MailingList")
        finds = [
            Find(wire, self._only(wire, kinds, tells("members", "external_members")), self._asked(wire, kinds, asked), "principals")
            for wire in _READ_ORDER
            if wire in wires
        ]
        known = self._take(finds, self._caller.read(*finds))
        relations = _Relations()
        self._relate_all(known, relations)
        if "list" in kinds:
            relations.accounts = {self._name(each) for each in known if each.wire == "Account"}
        if "role" in kinds and tells("members"):
            relations.members.update(self._members_of_roles())
        return known, relations

    @staticmethod
    def _only(wire: str, kinds: frozenset[str], with_members: bool) -> dict[str, str]:
        """Accounts of one kind, where the others are not needed for what they say about these."""
        if wire != "Account" or "list" in kinds or ("group" in kinds and (with_members or kinds & {"individual", "api_key"})):
            return {}
        return {"@type": "Group"} if "group" in kinds else {"@type": "User"}

    @staticmethod
    def _asked(wire: str, kinds: frozenset[str], asked: frozenset[str]) -> tuple[str, ...]:
        """The properties that tell the fields. Of domains always some: what the server calculates for each takes it long."""
        if not asked:
            return _DOMAIN if wire == "Domain" else ()
        properties = {*_NAMING[wire], *itertools.chain.from_iterable(of for field, of in _PROPERTIES[wire].items() if field in asked)}
        if wire == "Account" and ("api_key" in kinds or asked & {"app_passwords", "otp_url"}):
            properties.add("credentials")
        return tuple(properties)

    def _matching(self, kinds: frozenset[str], text: str) -> tuple[list[_Known], _Relations]:
        """What has these words, or this address, or is in this domain; and perhaps more."""
        local, at, domain = text.rpartition("@")
        resource = f"principals with {text!r}"
        domains = self._caller.find("Domain", {"name": domain if at else text}, properties=_DOMAIN, resource=resource)
        finds: list[Find] = []
        if kinds & {"individual", "group", "api_key"}:
            if at and not local:
                holders = {str(each["catchAllAddress"]) for each in domains if each.get("catchAllAddress")}
                finds += [Find("Account", {"name": holder.rpartition("@")[0]}, (), resource) for holder in holders]
            elif at:
                # the server's words are two characters at least; where there are none, all are read
                words = {"text": local} if any(len(word) > 1 for word in re.split(r"[\W_]", local)) else {}
                finds += [Find("Account", {"name": local}, (), resource), Find("Account", words, (), resource)]
            elif domains:
                finds.append(Find("Account", {"domainId": str(domains[0]["id"])}, (), resource))
            else:
                finds.append(Find("Account", {"text": text.lower()}, (), resource))
        if "list" in kinds and (local or not at):
            finds.append(Find("MailingList", {}, (), resource))
        if not at:
            others = [wire for wire in ("Role", "Tenant", "OAuthClient") if _KINDS[wire] in kinds]
            finds += [Find(wire, {"text": text.lower()} if wire == "Tenant" else {}, (), resource) for wire in others]
        known = self._take(finds, self._caller.read(*finds)) if finds else []
        known = [each for each in known if each.wire in ("Account", "Tenant") or self._has(each, text.lower())]
        if "domain" in kinds and not at:
            others_named = [] if domains else self._caller.find("Domain", properties=_DOMAIN, resource=resource)
            known += [each for each in self._take([Find("Domain")], [[*domains, *others_named]]) if self._has(each, text.lower())]
        relations = _Relations()
        self._relate_all([_Known("domain", str(each["id"]), each) for each in domains], relations)
        lists = [each for each in known if each.kind == "list"]
        if lists:
            relations.accounts = self._accounts_among(recipient for each in lists for recipient in each.value.get("recipients") or ())
        return list({(each.wire, each.id): each for each in known}.values()), relations

    def _has(self, known: _Known, text: str) -> bool:
        """Whether all words stand in what an object is called; of a mailbox in any of its addresses."""
        names = [self._name(known), str(known.value.get("description") or "").lower()]
        if known.kind in MAILBOXES:
            names += self._aliases(known)
        return all(any(word in name for name in names) for word in text.split())

    def _aliases(self, known: _Known) -> list[str]:
        aliases = _listed(known.value.get("aliases"))
        if not aliases:
            return []
        domains = self._domain_names({str(each["domainId"]) for each in aliases})
        return [f"{each['name']}@{domains.get(str(each['domainId']), '')}" for each in aliases]

    # Names and ids

    def _take(self, finds: t.Sequence[Find], found: t.Sequence[t.Sequence[Object]]) -> list[_Known]:
        """Remember what was read, by type and name."""
        for find, objects in zip(finds, found, strict=True):
            if find.type == "Domain":
                self._names["Domain"].update((str(each["id"]), str(each["name"])) for each in objects)
        self._domain_names({str(each["domainId"]) for objects in found for each in objects if "domainId" in each})
        known = []
        for find, objects in zip(finds, found, strict=True):
            for each in objects:
                one = _Known(_kind(find.type, each), str(each["id"]), each)
                name = self._name(one)
                self._known[(one.wire, name)] = one
                if one.wire in ("Account", "Tenant"):
                    self._names[one.wire][one.id] = name
                known.append(one)
        return known

    def _name(self, known: _Known) -> str:
        if known.kind in MAILBOXES:
            return f"{known.value['name']}@{self._names['Domain'].get(str(known.value['domainId']), '')}"
        if known.kind == "role":
            return str(known.value["description"]).lower()
        if known.kind == "oauth_client":
            return str(known.value["clientId"]).lower()
        if known.kind == "api_key":
            key = str(known.value.get("description", "")).lower()
            return key if known.owner == self._caller.account_id else f"{known.value['account']}/{key}"
        return str(known.value["name"]).lower()

    def _domain_names(self, ids: t.Iterable[str]) -> dict[str, str]:
        missing = set(ids) - set(self._names["Domain"])
        if missing:
            found = self._caller.get("Domain", missing, properties=("name",), resource="domains")
            self._names["Domain"].update((each, str(value["name"])) for each, value in found.items())
        return self._names["Domain"]

    def _load_names(self, known: t.Sequence[_Known], asked: frozenset[str]) -> None:
        """The names behind all ids that these objects hold, together."""
        groups = {group for each in known for group in each.value.get("memberGroupIds") or ()} - set(self._names["Account"])
        if groups:
            self._take([Find("Account")], [list(self._caller.get("Account", groups, properties=_NAMING["Account"], resource="groups").values())])
        tenants = {str(each.value["memberTenantId"]) for each in known if each.value.get("memberTenantId")} - set(self._names["Tenant"])
        if tenants:
            self._take([Find("Tenant")], [list(self._caller.get("Tenant", tenants, properties=_NAMING["Tenant"], resource="tenants").values())])
        self._domain_names({str(alias["domainId"]) for each in known for alias in (each.value.get("aliases") or {}).values()} if known else ())

    @functools.cached_property
    def _roles(self) -> dict[str, Object]:
        """All roles by id, of which there are few."""
        return {str(each["id"]): each for each in self._caller.find("Role", properties=("description", "roleIds"), resource="roles")}

    @functools.cached_property
    def _built_in(self) -> dict[str, frozenset[str]]:
        """What accounts get as user, admin and tenant-admin."""
        try:
            settings = self._caller.singleton("Authentication", properties=tuple(_DEFAULT_ROLES.values()), resource="default roles")
        except PermissionDenied:
            # as servers are delivered
            ids = {str(role["description"]).lower(): each for each, role in self._roles.items()}
            return {name: frozenset(ids[each] for each in of_it if each in ids) for name, of_it in _DELIVERED_ROLES.items()}
        return {name: frozenset(settings.get(which) or ()) for name, which in _DEFAULT_ROLES.items()}

    def _is_shipped(self, known: _Known) -> bool:
        return known.kind == "role" and self._name(known) in _SHIPPED_ROLES

    def _members_of_roles(self) -> dict[str, list[str]]:
        members: dict[str, list[str]] = {}
        for role in self._roles.values():
            for each in role.get("roleIds") or ():
                members.setdefault(each, []).append(str(role["description"]).lower())
        return members

    def _role_ids(self, names: t.Iterable[str]) -> frozenset[str]:
        """The ids of roles by name. Raises NotFound, and Refused where two have one name."""
        ids: set[str] = set()
        for name in names:
            if name in _DEFAULT_ROLES:
                ids |= self._built_in[name]
                continue
            found = [each for each, role in self._roles.items() if str(role["description"]).lower() == name]
            if not found:
                raise NotFound(f"there is no role {name!r}", request="POST /jmap x:Role/query", item=name)
            if len(found) > 1:
                raise Refused(f"roles: the server has {len(found)} roles named {name!r}; rename all but one of them.")
            ids.add(found[0])
        return frozenset(ids)

    def _role_names(self, ids: t.Collection[str]) -> tuple[str, ...]:
        """The names of roles; where the default ones are complete, the name under which accounts get them together."""
        left = set(ids)
        names = []
        for name in ("admin", "tenant-admin", "user"):
            of_it = self._built_in[name] if left else frozenset()
            if of_it and of_it <= left:
                names.append(name)
                left -= of_it
        return (*names, *sorted(str(self._roles[each]["description"]).lower() for each in left if each in self._roles))

    # From objects to principals

    def _principal(self, known: _Known, relations: _Relations, asked: frozenset[str]) -> Principal:
        value, name = known.value, self._name(known)
        own: dict[str, t.Any] = {"name": name, "type": known.kind}
        if value.get("description") and known.kind not in ("role", "api_key"):
            own["description"] = value["description"]
        if value.get("quotas"):
            own["quota"] = value["quotas"].get(_QUOTA) or None  # 0 is no limit
        if "usedDiskQuota" in value:
            own["used_quota"] = value["usedDiskQuota"]
        if value.get("locale"):
            own["locale"] = value["locale"]
        if value.get("logo"):
            own["picture"] = value["logo"]
        if value.get("memberTenantId"):
            own["tenant"] = self._names["Tenant"].get(str(value["memberTenantId"]), "")
        if known.kind in MAILBOXES:
            aliases = self._aliases(known)
            own["emails"] = (name, *aliases, *(rest for address in (name, *aliases) for rest in relations.catch_all.get(address, ())))
            own["lists"] = tuple(sorted(relations.lists.get(name, ()))) if known.kind != "list" else ()
        if known.kind == "list":
            recipients = sorted(value.get("recipients") or ())
            own["members"] = tuple(each for each in recipients if each in relations.accounts)
            own["external_members"] = tuple(each for each in recipients if each not in relations.accounts)
        if known.kind in ("group", "role"):
            own["members"] = tuple(sorted(relations.members.get(known.id, ())))
        if value.get("memberGroupIds"):
            own["member_of"] = tuple(sorted(self._names["Account"][each] for each in value["memberGroupIds"] if each in self._names["Account"]))
        if value.get("roles"):
            own["roles"] = self._roles_told(value["roles"])
        if value.get("roleIds"):
            own["roles"] = self._role_names(value["roleIds"])
        enabled, disabled = _permissions_told(value)
        own["enabled_permissions"], own["disabled_permissions"] = permissions.from_wire(enabled), permissions.from_wire(disabled)
        if known.kind == "oauth_client":
            own["urls"] = tuple(sorted(value.get("redirectUris") or ()))
            own["password_hashes"] = (MASK,) if value.get("secret") else ()
        if known.kind == "api_key":
            own["password_hashes"] = (MASK,)
        if known.kind == "individual":
            entries = _listed(value.get("credentials"))
            passwords = [each for each in entries if each.get("@type") == "Password"]
            own["password_hashes"] = tuple(MASK for each in passwords if each.get("secret"))
            own["otp_url"] = MASK if any(each.get("otpAuth") for each in passwords) else ""
            own["app_passwords"] = {str(each.get("description", "")): MASK for each in entries if each.get("@type") == "AppPassword"}
        if asked:
            asked = asked | {"name", "type", *(_SECRETS if asked & _SECRETS else ())}
            own = {field: each for field, each in own.items() if field in asked}
        return Principal(**own)

    def _roles_told(self, variant: Object) -> tuple[str, ...]:
        return {"User": ("user",), "Admin": ("admin",)}.get(str(variant.get("@type")), ()) or self._role_names(variant.get("roleIds") or ())

    def expected(self, found: Principal | None, after: Principal) -> Principal:
        """Its own address is the first of a mailbox, and what nobody chose is the server's default. Sends something only for several roles, for a
        language, for new external members of a list and for a new API key."""
        if after.type not in _WIRE:
            raise Refused(f"type: servers since 0.16 have no principals of type {after.type}; leave {after.name!r} out there.")
        if after is found:
            return found
        for field in _IMPOSSIBLE.get(after.type, ()):
            if getattr(after, field) and (found is None or getattr(after, field) != getattr(found, field)):
                raise Refused(f"{field}: on servers since 0.16 a principal of type {after.type} has no {field}; leave the option out there.")
        values: dict[str, t.Any] = {field: () if field == "urls" else "" for field in WITHOUT.get(after.type, ())}
        if after.type in MAILBOXES and (found is None or after.emails != found.emails or after.name != found.name):
            values["emails"] = _with_own_address(found, after)
        if after.type in ("individual", "group") and (found is None or after.locale != found.locale):
            values["locale"] = self._locale(after.locale)
        if after.type == "list":
            values |= self._recipients_told(found, after)
        if after.type == "api_key":
            self._require_owner(found, after)
            if after.enabled_permissions and after.disabled_permissions:
                kept = tuple(name for name in after.enabled_permissions if name not in after.disabled_permissions)
                values |= {"enabled_permissions": kept, "disabled_permissions": ()}
        if after.type == "api_key" and found is None:
            values["password_hashes"] = (MASK,)
        built_in = [name for name in after.roles if name in _DEFAULT_ROLES]
        if len(built_in) > 1 and (found is None or after.roles != found.roles):
            roles = (*self._role_names(self._role_ids(built_in)), *(name for name in after.roles if name not in _DEFAULT_ROLES))
            values["roles"] = found.roles if found is not None and set(found.roles) == set(roles) else roles
        roles = values.get("roles", after.roles)
        if found is None or roles != found.roles:
            # as `_role_names` has them
            values["roles"] = (*(name for name in ("admin", "tenant-admin", "user") if name in roles), *sorted(set(roles) - set(_DEFAULT_ROLES)))
        for field in ("member_of", "lists", "members", "external_members", "urls"):
            if field not in values and (found is None or getattr(after, field) != getattr(found, field)):
                values[field] = tuple(sorted(getattr(after, field)))
        changed = {field: value for field, value in values.items() if value != getattr(after, field)}
        return after.model_copy(update=changed) if changed else after

    def _recipients_told(self, found: Principal | None, after: Principal) -> dict[str, tuple[str, ...]]:
        """The recipients of a list are told apart by whether there is such an account, so an external member that has one comes back as a member."""
        present = found.external_members if found is not None else ()
        local = self._accounts_among(address for address in after.external_members if address not in present)
        if not local:
            return {}
        told = {
            "members": tuple(sorted({*after.members, *local})),
            "external_members": tuple(sorted(set(after.external_members) - local)),
        }
        return {field: names if found is None or set(names) != set(getattr(found, field)) else getattr(found, field) for field, names in told.items()}

    def _locale(self, name: str) -> str:
        """As the server spells it; a language alone is that of the country of its name, else of the first. Two requests unless it is the default."""
        wanted = name.replace("-", "_").lower()
        if wanted in ("", "en", _LOCALE.lower()):
            return _LOCALE
        known = catalogue_of(self._caller).members("Locale")
        exact = [each for each in known if each.lower() == wanted]
        of_language = [each for each in known if each.lower() == f"{wanted}_{wanted}"] or sorted(
            each for each in known if each.lower().startswith(f"{wanted}_")
        )
        if known and not exact and not of_language:
            near = difflib.get_close_matches(name, known, 1)
            raise Refused(f"locale: the server knows no {name!r}; {f'did you mean {near[0]!r}?' if near else 'give one like de_DE.'}")
        return next(iter([*exact, *of_language]), name)

    # Notes

    def note(self, name: str) -> str:
        """One request."""
        found = self._note(name)
        return str(found["value"]) if found else ""

    def keep_note(self, name: str, text: str) -> None:
        """Two requests. It stands among the server's lookup keys, which nothing reads."""
        found = self._note(name)
        if found is None:
            self._caller.create(_NOTE, {"namespace": _NOTES, "key": name, "value": text}, resource=f"note about {name!r}")
        else:
            self._caller.update(_NOTE, str(found["id"]), {"value": text}, resource=f"note about {name!r}")

    def forget_note(self, name: str) -> None:
        """Two requests."""
        found = self._note(name)
        if found is not None:
            self._caller.destroy(_NOTE, str(found["id"]), resource=f"note about {name!r}")

    def _note(self, name: str) -> Object | None:
        notes = self._caller.find(_NOTE, {"namespace": _NOTES}, resource="notes about locked accounts")
        return next((note for note in notes if note["key"] == name), None)

    # Writing

    def create(self, principal: Principal) -> str:
        """One or two requests. Tells the secret of a new API key."""
        return self._one(PrincipalWrite("create", principal))

    def deploy(self, principal: Principal) -> str:
        """The same: the directory does not matter to this generation."""
        return self.create(principal)

    def update(self, principal: Principal, edits: t.Sequence[Edit]) -> None:
        """One or two requests: what belongs to the object, and then what stands at others."""
        self._one(PrincipalWrite("update", principal, tuple(edits)))

    def delete(self, principal: Principal) -> None:
        """A few requests: others must refer to it no longer before the server lets it go."""
        self._one(PrincipalWrite("delete", principal))

    def _one(self, write: PrincipalWrite) -> str:
        result = self.write([write])[0]
        if isinstance(result, StalwartError):
            raise result
        return result

    def write(self, writes: t.Sequence[PrincipalWrite]) -> list[str | StalwartError]:
        """All of them in a few requests; for each the secret that the server made ("" nearly always), or why it failed.

        What one of them refers to must have been there before: they do not wait for each other.
        """
        with self._lock:
            return self._write(writes)

    def _write(self, writes: t.Sequence[PrincipalWrite]) -> list[str | StalwartError]:
        results: list[str | StalwartError] = [""] * len(writes)
        made: set[int] = set()
        try:
            self._learn(writes)
            self._release(writes, results)
            own, origin = self._own_writes(writes, results)
        except StalwartError as error:
            return [error] * len(writes)
        for position, answer in zip(origin, self._caller.set(own), strict=True):
            if isinstance(answer, StalwartError):
                results[position] = self._explained(writes[position], answer) or ""
            else:
                made.add(position)
                if answer and writes[position].action == "create":
                    self._remember(writes[position].principal, str(answer["id"]))
        patches = _Patches()
        for position, write in enumerate(writes):
            self._go_on(results, position, lambda write=write, position=position: self._collect(write, position, patches))  # type: ignore[misc]
        self._send(patches, results)
        for position, write in enumerate(writes):
            self._go_on(results, position, lambda write=write: self._settle(write))  # type: ignore[misc]
        for position in made:
            if isinstance(failure := results[position], StalwartError):
                about = f"{_label(writes[position].principal)}: it is written, but not what stands about it elsewhere"
                results[position] = NotApplied(f"{about}: {failure}", changed=True)
        self._forget(writes)
        return results

    @staticmethod
    def _go_on(results: list[str | StalwartError], position: int, step: t.Callable[[], str | None]) -> None:
        """The next step of a write that has not failed."""
        if not isinstance(results[position], StalwartError):
            try:
                results[position] = step() or ""
            except StalwartError as error:
                results[position] = error

    def _remember(self, principal: Principal, object_id: str) -> None:
        """Something new, which the next write may name."""
        wire = _WIRE[principal.type]
        self._known[(wire, principal.name)] = _Known(principal.type, object_id, {"id": object_id})
        if wire in self._names:
            self._names[wire][object_id] = principal.name
        if wire == "Role":
            self.__dict__.pop("_roles", None)

    def _forget(self, writes: t.Sequence[PrincipalWrite]) -> None:
        """What has changed is read again when it is needed."""
        for write in writes:
            wire = _WIRE[write.principal.type]
            if write.action != "create":
                known = self._known.pop((wire, write.principal.name), None)
                if known is not None and wire in self._names:
                    self._names[wire].pop(known.id, None)
            if wire == "Role":
                self.__dict__.pop("_roles", None)

    # What is written

    def _learn(self, writes: t.Sequence[PrincipalWrite]) -> None:
        """Find the ids of everything that the writes are about or name, and what of it must be known, in a few requests."""
        wanted: dict[tuple[str, str], None] = {}
        for write in writes:
            if write.principal.type == "api_key":
                continue
            if write.action != "create":
                wanted[(_WIRE[write.principal.type], write.principal.name)] = None
                if write.action == "update" or write.principal.type in ("group", "list"):
                    wanted.update(dict.fromkeys(_referred(write.principal)))
            if write.action != "delete":
                wanted.update(dict.fromkeys(_referred(_after(write))))
        missing: dict[str, list[str]] = {}
        for wire, name in wanted:
            if (wire, name) not in self._known:
                missing.setdefault(wire, []).append(name)
        finds: list[Find] = []
        for wire, names in missing.items():
            if len(names) > _MOST_ASKED or wire not in ("Domain", "Account"):
                finds.append(Find(wire, {}, _NAMING[wire]))
            elif wire == "Domain":
                finds += [Find(wire, {"name": name}, _NAMING[wire]) for name in names]
            else:
                finds += [Find(wire, {"name": name.rpartition("@")[0]}, _NAMING[wire]) for name in names]
        if finds:
            self._take(finds, self._caller.read(*finds))
        self._complete(writes)

    def _complete(self, writes: t.Sequence[PrincipalWrite]) -> None:
        """What a patch is made from: aliases, passwords and permissions as they are stored."""
        lacking: dict[str, dict[str, str]] = {}
        for write in writes:
            known = self._known.get((_WIRE[write.principal.type], write.principal.name))
            if write.action != "update" or known is None or known.wire not in _COMPLETE:
                continue
            if any(each not in known.value for each in _COMPLETE[known.wire] if each != "credentials" or known.kind == "individual"):
                lacking.setdefault(known.wire, {})[known.id] = write.principal.name
        for wire, names in lacking.items():
            for object_id, value in self._caller.get(wire, names, properties=(*_NAMING[wire], *_COMPLETE[wire])).items():
                known = self._known[(wire, names[object_id])]
                self._known[(wire, names[object_id])] = dataclasses.replace(known, value={**known.value, **value})

    def _id(self, wire: str, name: str) -> str:
        known = self._known.get((wire, name))
        if known is None:
            raise NotFound(f"there is no {_WORDS[wire]} {name!r}", request=f"POST /jmap x:{wire}/query", item=name)
        return known.id

    def _release(self, writes: t.Sequence[PrincipalWrite], results: list[str | StalwartError]) -> None:
        """Take what is to be deleted out of groups, lists and catch-alls, which the server would not do."""
        gone = {position: write.principal for position, write in enumerate(writes) if write.action == "delete"}
        mailboxes = {principal.name: position for position, principal in gone.items() if principal.type in MAILBOXES}
        groups = {position: self._known.get(("Account", principal.name)) for position, principal in gone.items() if principal.type == "group"}
        if not mailboxes:
            return
        patches = _Patches()
        finds = [Find("MailingList", {}, (*_NAMING["MailingList"], "recipients"))]
        finds += [Find("Account", {"memberGroupIds": group.id}, _NAMING["Account"]) for group in groups.values() if group is not None]
        found = self._caller.read(*finds)
        for each in found[0]:
            for recipient in mailboxes.keys() & (each.get("recipients") or {}).keys():
                patches.add(mailboxes[recipient], "MailingList", str(each["id"]), _pointer("recipients", recipient), None)
        of_groups = [(position, group) for position, group in groups.items() if group is not None]
        for (position, group), members in zip(of_groups, found[1:], strict=True):
            for each in members:
                patches.add(position, "Account", str(each["id"]), _pointer("memberGroupIds", group.id), None)
        held = {address.rpartition("@")[2] for principal in gone.values() for address in (principal.name, *principal.emails)}
        domains = {self._known["Domain", name].id for name in held if ("Domain", name) in self._known}
        for domain, value in self._caller.get("Domain", domains, properties=_NAMING["Domain"]).items():
            if value.get("catchAllAddress") in mailboxes:
                patches.add(mailboxes[value["catchAllAddress"]], "Domain", domain, "catchAllAddress", None)
        self._send(patches, results)

    def _own_writes(self, writes: t.Sequence[PrincipalWrite], results: list[str | StalwartError]) -> tuple[list[Write], list[int]]:
        """The writes of the objects themselves, and which of the given ones each is."""
        made: list[tuple[int, Write]] = []
        for position, write in enumerate(writes):
            kind, name = write.principal.type, write.principal.name
            if kind == "api_key" or isinstance(results[position], StalwartError):
                continue
            try:
                value: dict[str, t.Any] | None = None
                if write.action == "create":
                    value = self._new(write.principal)
                elif write.action == "update":
                    value = self._patch(write)
                    if not value:
                        continue
                key = f"new{position}" if write.action == "create" else self._id(_WIRE[kind], name)
                made.append((position, Write(_WIRE[kind], _ACTIONS[write.action], key, value, _label(write.principal))))
            except StalwartError as error:
                results[position] = error
        made.sort(key=lambda each: each[1].type)  # neighbours of one type go in one call
        return [write for _position, write in made], [position for position, _write in made]

    def _new(self, principal: Principal) -> dict[str, t.Any]:
        kind = principal.type
        value: dict[str, t.Any] = {}
        if principal.description:
            value["description"] = principal.description
        if principal.tenant:
            value["memberTenantId"] = self._id("Tenant", principal.tenant)
        if principal.quota is not None:
            value["quotas"] = {_QUOTA: principal.quota}
        if principal.picture:
            value["logo"] = principal.picture
        if kind in ("individual", "group"):
            value |= {"@type": "User" if kind == "individual" else "Group", "locale": principal.locale or _LOCALE}
            value["roles"] = self._roles_value(kind, principal.roles)
            value["permissions"] = _permissions_value(principal, {})
        if kind in MAILBOXES:
            value |= self._place(principal, {})
        if kind == "individual":
            value["memberGroupIds"] = {self._id("Account", group): True for group in principal.member_of}
            password = {"secret": principal.password_hashes[0]} if principal.password_hashes else {}
            otp = {"otpAuth": principal.otp_url} if principal.otp_url else {}
            if password or otp:
                value["credentials"] = {"0": {"@type": "Password", **password, **otp}}
        elif kind == "list":
            value["recipients"] = dict.fromkeys((*principal.members, *principal.external_members), True)
        elif kind == "domain":
            value |= {"name": principal.name, **_NEW_DOMAIN}
        elif kind == "role":
            value |= {"description": principal.name, **_role_permissions(principal), "roleIds": dict.fromkeys(self._role_ids(principal.roles), True)}
        elif kind == "tenant":
            value |= {"name": principal.name, "roles": self._roles_value(kind, principal.roles), "permissions": _permissions_value(principal, {})}
        elif kind == "oauth_client":
            value |= {"clientId": principal.name, "redirectUris": dict.fromkeys(principal.urls, True)}
            if principal.password_hashes:
                value["secret"] = principal.password_hashes[0]
        return value

    def _place(self, principal: Principal, stored: Object) -> dict[str, t.Any]:
        """Where a mailbox is: its own address, and the others as aliases, which keep what is stored about them."""
        held = {(str(each["name"]), str(each["domainId"])): each for each in _listed(stored.get("aliases"))}
        aliases = []
        for address in principal.emails:
            local, _at, domain = address.rpartition("@")
            if local and address != principal.name:
                domain_id = self._id("Domain", domain)
                aliases.append(held.get((local, domain_id)) or {"name": local, "domainId": domain_id})
        local, _at, domain = principal.name.rpartition("@")
        return {"name": local, "domainId": self._id("Domain", domain), "aliases": {str(index): alias for index, alias in enumerate(aliases)}}

    def _patch(self, write: PrincipalWrite) -> dict[str, t.Any]:
        """What of the edits stands at the object itself."""
        before, after, kind = write.principal, _after(write), write.principal.type
        stored = self._known[(_WIRE[kind], before.name)].value if (_WIRE[kind], before.name) in self._known else {}
        changed = {edit.field for edit in write.edits if isinstance(edit, Set | Add | Remove)}
        patch: dict[str, t.Any] = {}
        if "description" in changed:
            patch["description"] = after.description or None
        if "quota" in changed:
            patch[f"quotas/{_QUOTA}"] = after.quota
        if "locale" in changed:
            patch["locale"] = after.locale or _LOCALE
        if "picture" in changed:
            patch["logo"] = after.picture or None
        if "tenant" in changed:
            patch["memberTenantId"] = self._id("Tenant", after.tenant) if after.tenant else None
        if kind in MAILBOXES and changed & {"name", "emails"}:
            patch |= self._place(after, stored)
        elif "name" in changed:
            patch[{"role": "description", "oauth_client": "clientId"}.get(kind, "name")] = after.name
        if kind == "individual" and "member_of" in changed:
            for name in set(before.member_of) ^ set(after.member_of):
                patch[_pointer("memberGroupIds", self._id("Account", name))] = True if name in after.member_of else None
        if "roles" in changed:
            patch["roleIds" if kind == "role" else "roles"] = (
                dict.fromkeys(self._role_ids(after.roles), True) if kind == "role" else self._roles_value(kind, after.roles)
            )
        if changed & {"enabled_permissions", "disabled_permissions"}:
            patch |= _role_permissions(after) if kind == "role" else {"permissions": _permissions_value(after, stored.get("permissions") or {})}
        if kind == "list":
            old, new = ({*each.members, *each.external_members} for each in (before, after))
            patch |= {_pointer("recipients", address): True if address in new else None for address in sorted(old ^ new)}
        if kind == "oauth_client" and "urls" in changed:
            patch["redirectUris"] = dict.fromkeys(after.urls, True)
        return patch | self._secrets_patch(write, stored)

    @staticmethod
    def _secrets_patch(write: PrincipalWrite, stored: Object) -> dict[str, t.Any]:
        entries = stored.get("credentials") or {}
        place = next((index for index, each in entries.items() if each.get("@type") == "Password"), None)
        patch: dict[str, t.Any] = {}
        for edit in write.edits:
            if (isinstance(edit, SetPassword) and write.principal.type == "oauth_client") or (isinstance(edit, SetPassword) and edit.hash):
                patch["secret"] = edit.hash
            elif isinstance(edit, SetOtp):
                patch["otpAuth"] = edit.url
        if write.principal.type != "individual" or not patch:
            return patch
        if place is not None:
            return {f"credentials/{place}/{name}": value for name, value in patch.items()}
        return {f"credentials/{len(entries)}": {"@type": "Password", **{name: value for name, value in patch.items() if value}}}

    def _roles_value(self, kind: str, names: t.Sequence[str]) -> dict[str, t.Any]:
        if kind == "individual" and tuple(names) in (("user",), ("admin",)):
            return {"@type": names[0].capitalize()}
        if kind != "individual" and not names:
            return {"@type": "Default"}
        return {"@type": "Custom", "roleIds": dict.fromkeys(self._role_ids(names), True)}

    def _collect(self, write: PrincipalWrite, position: int, patches: _Patches) -> None:
        """What stands at other objects: lists, catch-alls, members of groups and of roles."""
        principal, kind = write.principal, write.principal.type
        if write.action == "delete" or kind in ("domain", "tenant", "oauth_client", "api_key"):
            return
        after = _after(write)
        empty = Principal(name=after.name, type=kind)
        before = principal if write.action == "update" else empty
        renamed = before.name != after.name
        if kind in ("individual", "group"):
            old, new = set(before.lists), set(after.lists)
            for name in old | new if renamed else old ^ new:
                list_id = self._id("MailingList", name)
                if name in old and (renamed or name not in new):
                    patches.add(position, "MailingList", list_id, _pointer("recipients", before.name), None)
                if name in new:
                    patches.add(position, "MailingList", list_id, _pointer("recipients", after.name), True)
            if renamed:
                for each in self._caller.find("MailingList", properties=(*_NAMING["MailingList"], "recipients")):
                    if before.name in (each.get("recipients") or {}) and not old | new:
                        patches.add(position, "MailingList", str(each["id"]), _pointer("recipients", before.name), None)
                        patches.add(position, "MailingList", str(each["id"]), _pointer("recipients", after.name), True)
        if kind in MAILBOXES:
            old, new = ({address[1:] for address in each.emails if address.startswith("@")} for each in (before, after))
            for domain in old - new:
                patches.add(position, "Domain", self._id("Domain", domain), "catchAllAddress", None)
            for domain in new if renamed else new - old:
                patches.add(position, "Domain", self._id("Domain", domain), "catchAllAddress", after.name)
        if kind in ("group", "role"):
            own_id = self._id(_WIRE[kind], before.name if write.action == "update" else after.name)
            for name in set(before.members) ^ set(after.members):
                value = True if name in after.members else None
                if kind == "group":
                    patches.add(position, "Account", self._id("Account", name), _pointer("memberGroupIds", own_id), value)
                else:
                    (role,) = self._role_ids([name])
                    patches.add(position, "Role", role, _pointer("roleIds", own_id), value)

    def _send(self, patches: _Patches, results: list[str | StalwartError]) -> None:
        """Send the patches of others; where one is refused, so are the writes that it serves."""
        places = list(patches.by_object)
        writes = [Write(wire, "update", object_id, patches.by_object[wire, object_id], _WORDS[wire]) for wire, object_id in places]
        for place, answer in zip(places, self._caller.set(writes), strict=True):
            if isinstance(answer, StalwartError):
                for position in patches.serves[place]:
                    if not isinstance(results[position], StalwartError):
                        results[position] = answer

    def _settle(self, write: PrincipalWrite) -> str:
        """What belongs to an account but is no part of it: API keys, and app passwords that go."""
        principal = write.principal
        if principal.type == "api_key":
            return self._write_key(write)
        gone = {edit.name for edit in write.edits if isinstance(edit, SetAppPassword) and edit.hash is None}
        if gone:
            known = self._known["Account", principal.name]
            for each in _listed(known.value.get("credentials")):
                if each.get("@type") == "AppPassword" and each.get("description") in gone:
                    self._caller.destroy("AppPassword", str(each["credentialId"]), resource=_label(principal), account=known.id)
        return ""

    def _write_key(self, write: PrincipalWrite) -> str:
        name, label = write.principal.name, _label(write.principal)
        owner, _slash, key = name.rpartition("/")
        if write.action == "create":
            if owner and self._search(owner, "individual") is None:
                raise Refused(f"name: there is no individual {owner!r} to whom the API key {key!r} could belong; create it first, or correct the name.")
            account = self._known["Account", owner].id if owner else self._own_account(key)
            made = self._caller.create("ApiKey", {"description": key, "permissions": _key_permissions(write.principal)}, resource=label, account=account)
            return str(made.get("secret", ""))
        known = self._search_key(name)
        if known is None:
            raise NotFound(f"there is no API key {name!r}", request="POST /jmap x:ApiKey/get", resource=label, item=name)
        if write.action == "delete":
            self._caller.destroy("ApiKey", known.id, resource=label, account=known.owner)
            return ""
        after = _after(write)
        patch: dict[str, t.Any] = {"permissions": _key_permissions(after)}
        if after.name != name:
            patch["description"] = after.name.rpartition("/")[2]
        self._caller.update("ApiKey", known.id, patch, resource=label, account=known.owner)
        return ""

    def _require_owner(self, found: Principal | None, after: Principal) -> None:
        """A key belongs to an account, which stays the same. One request for a new one of the login's own account."""
        if found is None and "/" not in after.name:
            self._own_account(after.name)
        if found is not None and found.name.rpartition("/")[0] != after.name.rpartition("/")[0]:
            raise Refused(f"new_name: the API key {found.name!r} can't be given to another account; delete it and create another.")

    def _own_account(self, key: str) -> str:
        account_id = self._caller.account_id
        if account_id not in self._caller.get("Account", [account_id], properties=("name",), resource=f"API key {key!r}"):
            raise Refused(
                f"name: this login is no account of the server (but its recovery administrator), so the API key {key!r} would belong to nobody; "
                f"say whose it shall be (name: ADDRESS/{key})."
            )
        return account_id

    def _explained(self, write: PrincipalWrite, error: StalwartError) -> StalwartError | None:
        """The error with names for ids, or nothing where what stood in the way could be removed."""
        try:
            return self._with_names(write, error)
        except StalwartError:
            return error  # whose own words must do

    def _with_names(self, write: PrincipalWrite, error: StalwartError) -> StalwartError | None:
        """A domain goes with its keys; anything else that is in use stays. Names who uses it, and who has what was to be given."""
        if isinstance(error, InvalidRequest) and (broken := _FOREIGN_KEY.search(error.words)):
            wire, object_id = broken.groups()
            found = self._take([Find(wire)], [list(self._caller.get(wire, [object_id], properties=_NAMING[wire]).values())]) if wire in _NAMING else []
            if found:
                told = f"{found[0].kind.replace('_', ' ')} {self._name(found[0])!r}, which is not of the same tenant, or not of the right type"
                error.words = f"{error.words[: broken.start()]}{told}{error.words[broken.end() :]}"
            return error
        if isinstance(error, AlreadyExists) and error.holder[0] in ("Account", "MailingList"):
            wire, object_id = error.holder
            found = self._take([Find(wire)], [list(self._caller.get(wire, [object_id], properties=_NAMING[wire]).values())])
            if found:
                error.words = f"{error.words}: an address of it is one of the {found[0].kind} {self._name(found[0])!r}"
            return error
        if not isinstance(error, InUse) or write.action != "delete":
            return error
        kinds = {wire for wire, _id in error.linked}
        if write.principal.type == "domain" and kinds == {"DkimSignature"}:
            keys = [Write("DkimSignature", "destroy", key, None, _label(write.principal)) for _wire, key in error.linked]
            again = Write("Domain", "destroy", self._id("Domain", write.principal.name), None, _label(write.principal))
            return next((each for each in self._caller.set([*keys, again]) if isinstance(each, StalwartError)), None)
        users = []
        for wire in _NAMING:
            objects = self._caller.get(wire, [key for of, key in error.linked[:5] if of == wire], properties=_NAMING[wire])
            users += [f"{each.kind.replace('_', ' ')} {self._name(each)!r}" for each in self._take([Find(wire)], [list(objects.values())])]
        if users:
            error.words = f"{error.words}: {', '.join(users)}; remove it there first"
        return error


def _referred(principal: Principal) -> t.Iterator[tuple[str, str]]:
    """Types and names of what a principal names, roles aside."""
    if principal.type in MAILBOXES:
        for address in (principal.name, *principal.emails):
            if "@" in address:
                yield "Domain", address.rpartition("@")[2]
    for group in principal.member_of:
        yield "Account", group
    for name in principal.lists:
        yield "MailingList", name
    if principal.type == "group":
        for name in principal.members:
            yield "Account", name
    if principal.tenant:
        yield "Tenant", principal.tenant


def _after(write: PrincipalWrite) -> Principal:
    """The principal with the edits in it, secrets apart."""
    values: dict[str, t.Any] = {}
    for edit in write.edits:
        if isinstance(edit, Set):
            empty: t.Any = None if edit.field == "quota" else () if isinstance(getattr(write.principal, edit.field), tuple) else ""
            values[edit.field] = empty if edit.value is None else edit.value
        elif isinstance(edit, Add | Remove):
            present = values.get(edit.field, getattr(write.principal, edit.field))
            without = tuple(item for item in present if item != edit.item)
            values[edit.field] = (*without, edit.item) if isinstance(edit, Add) else without
    return write.principal.model_copy(update=values) if values else write.principal


def _with_own_address(found: Principal | None, after: Principal) -> tuple[str, ...]:
    """The addresses with the mailbox's own as the first. Raises Refused where it shall be another: that would be another name."""
    if after.name in after.emails[1:]:
        raise Refused(
            f"emails: on servers since 0.16 the name of a mailbox is its primary address; put {after.name!r} first, or rename it (new_name: {after.emails[0]})."
        )
    # as they are read: what stands at domains comes last
    emails = tuple(sorted(dict.fromkeys([after.name, *after.emails]), key=lambda address: address.startswith("@")))
    return found.emails if found is not None and found.name == after.name and set(found.emails) == set(emails) else emails


def _permissions_told(value: Object) -> tuple[t.Collection[str], t.Collection[str]]:
    """What is enabled and disabled, in any of the forms that objects have."""
    variant = value.get("permissions")
    if not isinstance(variant, dict):
        return value.get("enabledPermissions") or (), value.get("disabledPermissions") or ()
    if "permissions" in variant:  # of a key
        listed = variant["permissions"] or ()
        return (listed, ()) if variant.get("@type") == "Replace" else ((), listed)
    return variant.get("enabledPermissions") or (), variant.get("disabledPermissions") or ()


def _permissions_value(principal: Principal, stored: Object) -> dict[str, t.Any]:
    listed = _role_permissions(principal)
    if not any(listed.values()):
        return {"@type": "Inherit"}
    return {"@type": "Replace" if stored.get("@type") == "Replace" else "Merge", **listed}


def _role_permissions(principal: Principal) -> dict[str, dict[str, bool]]:
    return {
        "enabledPermissions": permissions.to_wire(principal.enabled_permissions),
        "disabledPermissions": permissions.to_wire(principal.disabled_permissions),
    }


def _key_permissions(principal: Principal) -> dict[str, t.Any]:
    """A key may do what its account may, or only some of it, or all but some."""
    if principal.enabled_permissions:
        kept = [name for name in principal.enabled_permissions if name not in principal.disabled_permissions]
        return {"@type": "Replace", "permissions": permissions.to_wire(kept)}
    if principal.disabled_permissions:
        return {"@type": "Disable", "permissions": permissions.to_wire(principal.disabled_permissions)}
    return {"@type": "Inherit"}


def _listed(objects: t.Mapping[str, Object] | None) -> list[Object]:
    """A list as the API has it, with its positions as keys."""
    return [objects[index] for index in sorted(objects, key=int)] if objects else []


def _pointer(name: str, key: str) -> str:
    return f"{name}/{key.replace('~', '~0').replace('/', '~1')}"


def _kind(wire: str, value: Object) -> PrincipalType:
    if wire == "Account":
        return "group" if value.get("@type") == "Group" else "individual"
    return _KINDS[wire]


def _kinds(known: t.Iterable[_Known]) -> str:
    return ", ".join(sorted(_WORDS[each.wire] for each in known))


def _label(principal: Principal) -> str:
    return f"{principal.type.replace('_', ' ')} {principal.name!r}"

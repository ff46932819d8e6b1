"""The internal directory: principals, their names, addresses and memberships, and the cache of recipients in front of it."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import errors
from .principal import (
    BUILT_IN_ROLE_NAMES,
    BUILT_IN_ROLES,
    DESCRIPTIONS,
    MAX_PRINCIPAL_BYTES,
    QUOTA_COUNT,
    ROLE_USER,
    TYPE_NUMBERS,
    TYPE_OF_NUMBER,
    EarlyPrincipal,
    Info,
    NewPrincipal,
    Principal,
    Update,
    Value,
    debug_value,
)
from .values import clean_address, domain_of, quoted, words

if TYPE_CHECKING:
    from .state import Server

_MEMBER_TYPES = {
    "group": ("individual", "group"),
    "resource": ("resource",),
    "location": ("location", "resource", "individual", "group", "other"),
    "list": ("individual", "group"),
    "role": ("role",),
}
_MEMBERSHIP_FIELDS = ("memberOf", "lists", "roles")
_ITEM_KINDS = {"urls": "url", "externalMembers": "external_member"}
_HOLDERS = ("individual", "group", "tenant")

_TOKEN_FIELDS_OF_ACCOUNTS = frozenset(
    {"name", "quota", "secrets", "emails", "memberOf", "members", "tenant", "roles", "enabledPermissions", "disabledPermissions"}
)
_TOKEN_FIELDS_OF_OTHERS = frozenset({"memberOf", "members", "secrets", "tenant", "roles", "enabledPermissions", "disabledPermissions"})

POSITIVE_SECONDS = 86400
NEGATIVE_SECONDS = 3600


@dataclass(slots=True)
class _Changed:
    type: str
    members_too: bool = False


class Changes:
    """Whose cached rights are stale after a change. What the server forgets here stays in force there too."""

    def __init__(self) -> None:
        self.principals: dict[int, _Changed] = {}

    def _touch(self, identifier: int, kind: str, members_too: bool = False) -> None:
        entry = self.principals.setdefault(identifier, _Changed(kind))
        entry.members_too = entry.members_too or members_too

    def add(self, identifier: int, kind: str, field_name: str) -> None:
        relevant = kind in ("individual", "group") and field_name in _TOKEN_FIELDS_OF_ACCOUNTS
        relevant = relevant or (kind in ("tenant", "role", "apiKey", "oauthClient") and field_name in _TOKEN_FIELDS_OF_OTHERS)
        if relevant and identifier < ROLE_USER:
            self._touch(identifier, kind, field_name in ("enabledPermissions", "disabledPermissions") and kind in ("role", "tenant"))

    def add_membership(self, identifier: int, kind: str, member: int, member_kind: str) -> None:
        accounts = ("individual", "apiKey", "oauthClient")
        if kind in ("group", "role") and member_kind in accounts:
            self._touch(member, member_kind)
        elif kind in accounts and member_kind in ("group", "role"):
            self._touch(identifier, kind)
        elif kind in ("group", "tenant", "role") and member_kind in ("individual", "group", "tenant", "role"):
            if identifier < ROLE_USER:
                self._touch(identifier, kind, member_kind == "role")
            if member < ROLE_USER:
                self._touch(member, member_kind, kind == "role")

    def add_deletion(self, identifier: int, kind: str) -> None:
        if kind in ("individual", "group", "tenant", "role", "apiKey", "oauthClient"):
            self._touch(identifier, kind)


@dataclass(slots=True)
class _Batch:
    """Writes that wait until the whole change is known to be good."""

    steps: list[tuple[Callable[..., None], tuple[Any, ...]]] = field(default_factory=list)

    def add(self, write: Callable[..., None], *arguments: Any) -> None:
        self.steps.append((write, arguments))

    def commit(self) -> None:
        for write, arguments in self.steps:
            write(*arguments)


class RecipientCache:
    """What was answered about domains and addresses, for a day if yes and an hour if no."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._answers: dict[tuple[str, str], tuple[bool, float]] = {}

    def get(self, kind: str, name: str) -> bool | None:
        answer = self._answers.get((kind, name))
        return answer[0] if answer and answer[1] > self._now() else None

    def put(self, kind: str, name: str, exists: bool) -> None:
        self._answers[kind, name] = exists, self._now() + (POSITIVE_SECONDS if exists else NEGATIVE_SECONDS)

    def clear(self) -> None:
        self._answers.clear()


class Directory:
    """All principals of one server.

    ``on_delete`` is called with each principal that is deleted (id, type): whoever keeps something for it drops it then.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._principal_class: type[Principal] = Principal if server.at_least(0, 14) else EarlyPrincipal
        self.principals: dict[int, Principal] = {}
        self._names: dict[str, Info] = {}
        self._sorted_names: list[str] = []
        self._addresses: dict[str, Info] = {}
        self._address_counts: Counter[str] = Counter()
        self._member_of: dict[int, dict[int, str]] = {}
        self._members: dict[int, set[int]] = {}
        self._index: dict[str, set[int]] = {}
        self._used_quota: Counter[int] = Counter()
        self._last_id = 0
        self.cache = RecipientCache(server.now)
        self.on_delete: list[Callable[[int, str], None]] = []

    # --- reading -------------------------------------------------------------

    def info(self, name: str) -> Info | None:
        """What a name (exact, lower case) stands for."""
        return self._names.get(name)

    def by_name(self, name: str) -> Principal | None:
        info = self._names.get(name)
        return self.principals.get(info.id) if info else None

    def by_id(self, identifier: int) -> Principal | None:
        return self.principals.get(identifier)

    def name_of(self, identifier: int) -> str | None:
        principal = self.principals.get(identifier)
        return principal.name if principal else None

    def by_address(self, address: str) -> Principal | None:
        """The principal that has exactly this address."""
        info = self._addresses.get(address)
        return self.principals.get(info.id) if info else None

    def member_of(self, identifier: int) -> dict[int, str]:
        """What a principal belongs to: id -> type (groups, lists, roles), by id."""
        return dict(sorted(self._member_of.get(identifier, {}).items()))

    def members(self, identifier: int) -> list[int]:
        return sorted(self._members.get(identifier, ()))

    def roles(self, identifier: int) -> list[int]:
        return [group for group, kind in self.member_of(identifier).items() if kind == "role"]

    def used_quota(self, identifier: int) -> int:
        """Bytes of mail that an account holds (of a tenant: all its accounts)."""
        return self._used_quota[identifier]

    def add_used_quota(self, identifier: int, size: int) -> None:
        """Count ``size`` bytes (negative: less) to an account and its tenant."""
        self._used_quota[identifier] += size
        principal = self.principals.get(identifier)
        if principal is not None and principal.tenant is not None:
            self._used_quota[principal.tenant] += size

    def set_used_quota(self, identifier: int, size: int) -> None:
        self.add_used_quota(identifier, size - self._used_quota[identifier])

    # --- mail ----------------------------------------------------------------

    def is_local_domain(self, domain: str) -> bool:
        """Through the cache: as the listeners see it."""
        known = self.cache.get("domain", domain)
        if known is None:
            info = self._names.get(domain)
            known = info is not None and info.type == "domain"
            self.cache.put("domain", domain, known)
        return known

    def lookup_recipient(self, address: str) -> bool | list[str]:
        """Through the cache: True for a mailbox, a list's addresses for a list, False for nobody. Lists are never cached."""
        known = self.cache.get("recipient", address)
        if known is not None:
            return known
        info = self._addresses.get(address)
        if info is not None and info.type == "list":
            return self.expand(info.id)
        self.cache.put("recipient", address, info is not None)
        return info is not None

    def recipient(self, address: str) -> bool | list[str]:
        """As `lookup_recipient`, with subaddresses (``name+tag@``) and the domain's catch-all, as far as live settings have them on."""
        for candidate in self._candidates(address):
            found = self.lookup_recipient(candidate)
            if found is not False:
                return found
        return False

    def mailbox_of(self, address: str) -> int | None:
        """The id of the account, group or list that mail for an address goes to, past the cache; None for nobody."""
        for candidate in self._candidates(address):
            info = self._addresses.get(candidate)
            if info is not None:
                return info.id
        return None

    def _candidates(self, address: str) -> Iterator[str]:
        live = self._server.settings.live
        local, at, domain = address.rpartition("@")
        if at and live.get("session.rcpt.sub-addressing") != "false":
            yield f"{local.split('+', 1)[0]}@{domain}"
        else:
            yield address
        if at and live.get("session.rcpt.catch-all") != "false":
            yield f"@{domain}"

    def expand(self, identifier: int) -> list[str]:
        """The addresses of a list: the first one of each member, then the external ones."""
        found = []
        for member in self.members(identifier):
            principal = self.principals.get(member)
            addresses = principal.all_addresses() if principal else []
            found += addresses[:1]
        principal = self.principals.get(identifier)
        return found + ((principal.items("external_member") or []) if principal else [])

    def domain(self, name: str) -> dict[str, Any] | None:
        """The domain as an object, where the server keeps it as one."""
        return None

    # --- listing -------------------------------------------------------------

    def search(self, text: str | None, tenant: int | None, types: Iterable[str], page: int, limit: int) -> tuple[list[Principal], int]:
        """One page in the order of names, and the number of all that match. ``limit`` 0 is no limit; ``page`` counts from 1."""
        wanted = frozenset(types)
        allowed: set[int] | None = None
        if text and text.strip():
            allowed = set()
            for word in words(text):
                found = self._index.get(word, set())
                if not allowed:  # words ahead of the first one that is known are passed over
                    allowed = set(found)
                    continue
                allowed &= found
                if not allowed:
                    break
            if not allowed:
                return [], 0
        infos: Iterable[Info] = map(self._names.__getitem__, self._sorted_names)
        if wanted:
            infos = [info for info in infos if info.type in wanted]
        if tenant is not None:
            infos = [info for info in infos if info.visible_to(tenant)]
        matching = [info.id for info in infos if allowed is None or info.id in allowed]
        start = max(page - 1, 0) * limit
        chosen = matching[start : start + limit] if limit else matching
        return [self.principals[identifier] for identifier in chosen], len(matching)

    def count(self, kind: str, tenant: int | None) -> int:
        return sum(info.type == kind and info.visible_to(tenant) for info in self._names.values())

    def show(self, principal: Principal, fields: frozenset[str] = frozenset(), memberships: bool = True) -> dict[str, Any]:
        """A principal as answers show it, with all its fields or those asked for."""
        shown: dict[str, Any] = {"id": principal.id, "type": principal.type}

        def wants(name: str) -> bool:
            return not fields or name in fields

        def put(name: str, value: Any) -> None:
            if wants(name) and value is not None:
                shown[name] = value

        put("name", principal.name)
        put("description", principal.first("description"))
        put("picture", principal.first("picture"))
        put("locale", principal.first("locale"))
        for name, values in (
            ("secrets", principal.secrets()),
            ("emails", principal.all_addresses()),
            ("urls", principal.items("url")),
            ("externalMembers", principal.items("external_member")),
        ):
            put(name, values if isinstance(principal, EarlyPrincipal) else list(dict.fromkeys(values or ())) or None)
        put("enabledPermissions", [name for name, granted in principal.permissions() if granted] or None)
        put("disabledPermissions", [name for name, granted in principal.permissions() if not granted] or None)
        if memberships:
            self._show_memberships(principal.id, put)
        if wants("members"):
            put("members", self._show_members(principal))
        if principal.tenant is not None and wants("tenant"):
            put("tenant", self.name_of(principal.tenant))
        put("quota", self._show_quota(principal))
        if principal.type in _HOLDERS and self._used_quota[principal.id] > 0:
            put("usedQuota", self._used_quota[principal.id])
        return shown

    def _show_memberships(self, identifier: int, put: Callable[[str, Any], None]) -> None:
        groups: dict[str, list[str]] = {"memberOf": [], "lists": [], "roles": []}
        for group, kind in self.member_of(identifier).items():
            name = BUILT_IN_ROLE_NAMES.get(group) if kind == "role" else None
            name = name or self.name_of(group)
            if name is not None:
                groups[{"list": "lists", "role": "roles"}.get(kind, "memberOf")].append(name)
        for field_name, names in groups.items():
            put(field_name, names or None)

    def _show_members(self, principal: Principal) -> list[str] | int | None:
        if principal.type == "domain":
            return self._address_counts[principal.name]
        if principal.type == "tenant":
            return sum(info.type == "individual" and info.visible_to(principal.id) for info in self._names.values())
        if principal.type in ("group", "list", "role"):
            return [name for name in map(self.name_of, self.members(principal.id)) if name is not None] or None
        return None

    @staticmethod
    def _show_quota(principal: Principal) -> int | list[int] | None:
        quota: int | None = principal.first("quota")
        by_type = list(principal.each("type_quota"))
        if not by_type:
            return quota
        quotas = [0] * QUOTA_COUNT
        quotas[0] = quota or 0
        for kind, number in by_type:
            quotas[TYPE_NUMBERS[kind] + 1] = number
        return quotas

    # --- creating ------------------------------------------------------------

    def create(self, new: NewPrincipal, tenant: int | None, allowed: frozenset[str] | None) -> tuple[int, Changes]:
        """Returns the new principal's id. ``allowed``: the permissions the caller may grant, None for any."""
        name = new.name.lower()
        if not name:
            raise errors.field_missing("name")
        if tenant is not None:
            self._check_tenant_limit(tenant, new.type)
        if name in self._names:
            raise errors.already_exists("name", name)
        principal = self._principal_class(0, new.type, name)
        domains: set[str] = set()
        tenant_name = new.take_text("tenant")
        if tenant is None and tenant_name is not None:
            info = self._names.get(tenant_name)
            if info is None or info.type != "tenant":
                raise errors.no_such_item(tenant_name)
            tenant = info.id
        if tenant is not None:
            if new.type == "tenant":
                raise errors.other("Invalid field", "Tenants cannot contain a tenant field")
            principal.put("tenant", tenant)
            if new.type != "domain":
                self._check_tenant_domain(name, tenant, domains)

        principal.set_secrets(new.take_list("secrets"))
        for kind in ("description", "picture", "locale"):
            text = new.take_text(kind)
            if text is not None:
                principal.put(kind, text)
        for field_name, kind in _ITEM_KINDS.items():
            principal.set_items(kind, new.take_list(field_name))
        self._put_quotas(principal, new.take_quotas()[:QUOTA_COUNT])

        changes = Changes()
        members = self._named_members(new, tenant, changes)
        groups = [info for field_name in _MEMBERSHIP_FIELDS for info in self._named_groups(new, field_name, tenant)]
        self._put_permissions(principal, new, allowed)
        if new.type != "oauthClient":
            principal.set_addresses(self._new_addresses(new.take_list("emails"), tenant, domains))

        self._last_id += 1
        principal.id = self._last_id
        if principal.size() > MAX_PRINCIPAL_BYTES:
            raise errors.other("Invalid parameter", "Principal object size exceeds 100kb safety limit.")
        addresses = principal.all_addresses()
        principal.finish()
        self._write_name(name, Info(principal.id, principal.type, tenant))
        self._write_principal(principal)
        for address in addresses:
            self._write_address(address, Info(principal.id, principal.type))
        for group in groups:
            self._write_membership(principal.id, group.id, group.type)
        for member in members:
            self._write_membership(member.id, principal.id, principal.type)
        return principal.id, changes

    def _check_tenant_limit(self, tenant: int, kind: str) -> None:
        owner = self.principals.get(tenant)
        if owner is None:
            raise errors.no_such_item("")
        limit = owner.type_quota(kind)
        if limit and self.count(kind, tenant) >= limit:
            raise errors.over_tenant_quota()

    def _check_tenant_domain(self, name: str, tenant: int, domains: set[str]) -> None:
        domain = domain_of(name)
        info = self._names.get(domain) if domain is not None else None
        if domain is not None and info is not None and info.type == "domain" and info.visible_to(tenant):
            domains.add(domain)
        if not domains:
            raise errors.other("Invalid principal name", "Principal name must include a valid domain assigned to the tenant")

    @staticmethod
    def _put_quotas(principal: Principal, quotas: list[int]) -> None:
        for place, quota in enumerate(quotas):
            if quota and place:
                principal.put("type_quota", (TYPE_OF_NUMBER.get(place - 1, "other"), quota % 2**32 if not isinstance(principal, EarlyPrincipal) else quota))
            elif quota:
                principal.put("quota", quota)

    def _named_members(self, new: NewPrincipal, tenant: int | None, changes: Changes) -> list[Info]:
        found = []
        for name in new.take_list("members"):
            info = self._names.get(name)
            if info is None or not info.visible_to(tenant):
                raise errors.no_such_item(name)
            changes.add(info.id, info.type, "memberOf")
            found.append(info)
        return found

    def _named_groups(self, new: NewPrincipal, field_name: str, tenant: int | None) -> list[Info]:
        expected = {"memberOf": "group", "lists": "list", "roles": "role"}[field_name]
        found = []
        for name in new.take_list(field_name):
            info = self._built_in_role(field_name, name) or self._names.get(name)
            if info is None or info.type != expected or not (info.id >= ROLE_USER or info.visible_to(tenant)):
                raise errors.no_such_item(name)
            found.append(info)
        return found

    @staticmethod
    def _built_in_role(field_name: str, name: str) -> Info | None:
        return Info(BUILT_IN_ROLES[name], "role") if field_name == "roles" and name in BUILT_IN_ROLES else None

    def _put_permissions(self, principal: Principal, new: NewPrincipal, allowed: frozenset[str] | None) -> None:
        granted: dict[str, bool] = {}
        for field_name in ("enabledPermissions", "disabledPermissions"):
            for name in new.take_list(field_name):
                self._check_permission(field_name, name)
                if name not in granted:
                    self._check_grant(field_name, name, allowed)
                    granted[name] = field_name == "enabledPermissions"
        for name, enabled in granted.items():
            principal.put("permission", (name, enabled))

    def _check_permission(self, field_name: str, name: str) -> None:
        if name not in self._server.permissions.all:
            raise errors.other(f"Invalid {field_name} value", f"Permission {quoted(name)} is invalid")

    @staticmethod
    def _check_grant(field_name: str, name: str, allowed: frozenset[str] | None) -> None:
        if allowed is not None and field_name == "enabledPermissions" and name not in allowed:
            raise errors.other("Invalid permission", f"Your account cannot grant the {quoted(name)} permission")

    def _new_addresses(self, addresses: list[str], tenant: int | None, domains: set[str]) -> list[str]:
        found = []
        for address in addresses:
            address = address.lower()
            if address in self._addresses:
                raise errors.already_exists("emails", address)
            domain = domain_of(address)
            if domain is not None and domain not in domains:
                domains.add(domain)
                self._check_domain(domain, tenant)
            found.append(address)
        return found

    def _check_domain(self, domain: str, tenant: int | None) -> None:
        info = self._names.get(domain)
        if info is None or info.type != "domain" or not info.visible_to(tenant):
            raise errors.no_such_item(domain)

    # --- deleting ------------------------------------------------------------

    def delete(self, identifier: int) -> Changes:
        principal = self.principals.get(identifier)
        if principal is None:
            raise errors.no_such_item(str(identifier))
        if principal.type == "tenant":
            kinds = ["individual", "group", "role", "list", "resource", "other", "location", "domain", "apiKey"]
            self._refuse_members("Tenant", "Tenant must have", [found.name for found in self.search(None, identifier, kinds, 0, 0)[0]])
        elif principal.type == "domain" and principal.tenant is not None:
            kinds = ["individual", "group", "role", "list", "resource", "other", "location"]
            found = self.search(None, principal.tenant, kinds, 0, 0)[0]
            self._refuse_members("Domain", "Domains must have", [other.name for other in found if domain_of(other.name) == principal.name])
        elif principal.type in ("individual", "group") and principal.tenant is not None:
            self._used_quota[principal.tenant] -= max(self._used_quota[identifier], 0)

        changes = Changes()
        self._write_name(principal.name, None)
        for address in principal.all_addresses():
            self._write_address(address, None)
        for group, kind in self.member_of(identifier).items():
            changes.add_membership(identifier, principal.type, group, kind)
            self._write_membership(identifier, group, None)
        for member in self.members(identifier):
            other = self.principals.get(member)
            if other is not None:
                changes.add_membership(member, other.type, identifier, principal.type)
            self._write_membership(member, identifier, None)
        self._write_principal(None, principal)
        del self._used_quota[identifier]
        changes.add_deletion(identifier, principal.type)
        for forget in self.on_delete:
            forget(identifier, principal.type)
        return changes

    @staticmethod
    def _refuse_members(what: str, sentence: str, names: list[str]) -> None:
        if names:
            rest = f" and {len(names) - 5} others" if len(names) > 5 else ""
            raise errors.other(f"{what} has members", f"{sentence} no members to be deleted: Found: {', '.join(names)}{rest}")

    # --- changing ------------------------------------------------------------

    def update(self, identifier: int, updates: list[Update], tenant: int | None, allowed: frozenset[str] | None) -> Changes:
        """All changes or, where one is refused, none. ``allowed``: the permissions the caller may grant, None for any."""
        stored = self.principals.get(identifier)
        if stored is None:
            raise errors.no_such_item(str(identifier))
        change = _Change(self, stored, tenant, allowed)
        for update in updates:
            change.apply(update)
        if change.principal.size() > MAX_PRINCIPAL_BYTES:
            raise errors.other("Invalid parameter", "Principal object size exceeds 100kb safety limit.")
        if any(update.field not in ("members", *_MEMBERSHIP_FIELDS) for update in updates):
            change.principal.finish()
            change.batch.add(self._write_principal, change.principal, stored)
        change.batch.commit()
        return change.changes

    # --- writing: the only places that change what is kept ---------------------

    def _write_name(self, name: str, info: Info | None) -> None:
        known = name in self._names
        if info is not None:
            self._names[name] = info
            if not known:
                bisect.insort(self._sorted_names, name)
        elif known:
            del self._names[name]
            del self._sorted_names[bisect.bisect_left(self._sorted_names, name)]

    def _write_address(self, address: str, info: Info | None) -> None:
        known = address in self._addresses
        domain = domain_of(address)
        if info is not None:
            self._addresses[address] = info
        elif known:
            del self._addresses[address]
        if domain is not None and known != (info is not None):
            self._address_counts[domain] += 1 if info is not None else -1

    def _write_membership(self, member: int, group: int, kind: str | None) -> None:
        """``kind`` is the group's type, None ends the membership."""
        if kind is not None:
            self._member_of.setdefault(member, {})[group] = kind
            self._members.setdefault(group, set()).add(member)
        else:
            self._member_of.get(member, {}).pop(group, None)
            self._members.get(group, set()).discard(member)

    def _write_principal(self, principal: Principal | None, before: Principal | None = None) -> None:
        old = before.index_words() if before else set()
        new = principal.index_words() if principal else set()
        identifier = principal.id if principal else before.id if before else 0
        for word in new - old:
            self._index.setdefault(word, set()).add(identifier)
        for word in old - new:
            self._index.get(word, set()).discard(identifier)
        if principal is not None:
            self.principals[identifier] = principal
        else:
            self.principals.pop(identifier, None)


class _Change:
    """One update request while it is worked through: looks at what is stored, writes to a copy and to a batch."""

    def __init__(self, directory: Directory, stored: Principal, tenant: int | None, allowed: frozenset[str] | None) -> None:
        self.directory = directory
        self.principal = stored.copy()
        self.tenant = tenant
        self.allowed = allowed
        self.changes = Changes()
        self.batch = _Batch()
        self.domains: set[str] = set()
        self.info = Info(stored.id, stored.type, stored.tenant)
        self.groups = directory.member_of(stored.id)
        self.members = directory.members(stored.id)

    def apply(self, update: Update) -> None:
        action, field_name, value = update
        handled = False
        match field_name:
            case "name" if action == "set" and isinstance(value, str):
                handled = self._rename(value.lower())
            case "tenant" if action == "set" and isinstance(value, str) and self.tenant is None:
                handled = self._move(value)
            case "secrets":
                handled = self._secrets(action, value)
            case "description" | "picture" | "locale" if action == "set" and isinstance(value, str):
                self.principal.put_text(field_name, value)
                handled = True
            case "quota" if action == "set":
                handled = self._quota(value)
            case "emails":
                handled = self._emails(action, value)
            case "memberOf" | "lists" | "roles":
                handled = self._groups(action, field_name, value)
            case "members":
                handled = self._members(action, value)
            case "enabledPermissions" | "disabledPermissions":
                handled = self._permissions(action, field_name, value)
            case "urls" | "externalMembers":
                handled = self._items(action, field_name, value)
        if not handled:
            raise errors.other("Invalid parameter", f"Invalid value {debug_value(value)} for {field_name}")

    def _touch(self, field_name: str) -> None:
        self.changes.add(self.principal.id, self.principal.type, field_name)

    def _rename(self, name: str) -> bool:
        if name != self.principal.name:
            if self.tenant is not None and self.principal.type not in ("tenant", "domain"):
                self.directory._check_tenant_domain(name, self.tenant, self.domains)
            if self.directory.info(name) is not None:
                raise errors.already_exists("name", name)
            self.batch.add(self.directory._write_name, self.principal.name, None)
            self.batch.add(self.directory._write_name, name, self.info)
            self.principal.name = name
            self._touch("name")
        return True

    def _move(self, tenant_name: str) -> bool:
        before = self.principal.tenant
        after: int | None = None
        if tenant_name:
            info = self.directory.info(tenant_name)
            if info is None:
                raise errors.no_such_item(tenant_name)
            if info.type != "tenant":
                raise errors.other("Not a tenant", f"Principal {quoted(tenant_name)} is not a tenant")
            after = info.id
        if before == after:
            return True
        used = self.directory.used_quota(self.principal.id)
        for owner, size in ((before, -used), (after, used)):
            if owner is not None and used > 0:
                self.batch.add(self.directory.add_used_quota, owner, size)
        self._touch("tenant")
        self.principal.drop("tenant")
        if after is not None:
            self.principal.put("tenant", after)
        self.info = self.info._replace(tenant=after)
        self.batch.add(self.directory._write_name, self.principal.name, self.info)
        return True

    def _secrets(self, action: str, value: Value) -> bool:
        match action, value:
            case "set", str():
                self.principal.set_secrets([value])
            case "set", list() if _is_texts(value):
                self.principal.set_secrets(map(str, value))
            case "addItem", str():
                if not self.principal.add_secret(value):
                    return True
            case "removeItem", str():
                self.principal.remove_secret(value)
            case _:
                return False
        self._touch("secrets")
        return True

    def _quota(self, value: Value) -> bool:
        if self.principal.type not in _HOLDERS:
            return False
        match value:
            case int():
                self.principal.drop("quota")
                self.principal.put("quota", value)
                self._touch("quota")
            case "":
                self.principal.drop("quota")
                self._touch("quota")
            case [int(), *_] if self.principal.type == "tenant" and len(value) <= QUOTA_COUNT:
                self.principal.drop("quota", "type_quota")
                Directory._put_quotas(self.principal, [int(number) for number in value])
            case _:
                return False
        return True

    def _check_address(self, address: str) -> None:
        if self.principal.type == "oauthClient":
            return
        if address in self.directory._addresses:
            raise errors.already_exists("emails", address)
        domain = domain_of(address)
        if domain is None:
            raise errors.other("Invalid email", "Email address is invalid")
        self.directory._check_domain(domain, self.tenant)

    def _claim(self, address: str) -> None:
        self._check_address(address)
        self.batch.add(self.directory._write_address, address, Info(self.principal.id, self.principal.type))

    def _emails(self, action: str, value: Value) -> bool:
        match action, value:
            case "set", list() if _is_texts(value):
                wanted = [str(address).lower() for address in value]
                present = self.principal.email_addresses()
                for address in wanted:
                    if address not in present:
                        self._claim(address)
                for address in present:
                    if address not in wanted:
                        self.batch.add(self.directory._write_address, address, None)
                self.principal.set_addresses(wanted)
            case "addItem", str():
                address = value.lower()
                if address in self.principal.email_addresses():
                    return True
                self._claim(address)
                self.principal.add_address(address)
            case "removeItem", str():
                address = value.lower()
                if address not in self.principal.email_addresses():
                    return True
                self.principal.remove_address(address)
                self.batch.add(self.directory._write_address, address, None)
            case _:
                return False
        self._touch("emails")
        return True

    # groups, lists and roles of this principal

    def _groups(self, action: str, field_name: str, value: Value) -> bool:
        match action, value:
            case "set", list() if _is_texts(value):
                wanted = {}
                for name in map(str, value):
                    info = self._group(field_name, name)
                    self._check_group(field_name, name, info)
                    if info.id not in self.groups:
                        self._join(info)
                    wanted[info.id] = info.type
                for group, kind in self.groups.items():
                    if group not in wanted:
                        self._leave(group, kind)
                self.groups = wanted
            case "addItem", str():
                info = self._group(field_name, value)
                if info.id not in self.groups:
                    self._check_group(field_name, value, info)
                    self._join(info)
                    self.groups[info.id] = info.type
            case "removeItem", str():
                found = self.directory.info(value) or Directory._built_in_role(field_name, value)
                if found is not None and found.id in self.groups:
                    self._leave(found.id, found.type)
                    del self.groups[found.id]
            case _:
                return False
        return True

    def _group(self, field_name: str, name: str) -> Info:
        built_in = Directory._built_in_role(field_name, name)
        if built_in is not None:
            return built_in
        info = self.directory.info(name)
        if info is None or not info.visible_to(self.tenant):
            raise errors.no_such_item(name)
        return info

    def _check_group(self, field_name: str, name: str, info: Info) -> None:
        expected: tuple[str, ...] = ()
        match field_name, self.principal.type:
            case "memberOf", "individual":
                expected = ("group", "individual")
            case "memberOf", "group":
                expected = ("group",)
            case "lists", "individual" | "group":
                expected = ("list",)
            case "roles", "individual" | "tenant" | "role":
                expected = ("role",)
        if info.type in expected:
            return
        shown = (DESCRIPTIONS[kind] for kind in expected)
        reason = f"is not a {', '.join(shown)}." if expected else "cannot be added as a member."
        raise errors.other(f"Invalid {field_name} value", f"Principal {quoted(name)} {reason}")

    def _join(self, group: Info) -> None:
        self.changes.add_membership(self.principal.id, self.principal.type, group.id, group.type)
        self.batch.add(self.directory._write_membership, self.principal.id, group.id, group.type)

    def _leave(self, group: int, kind: str) -> None:
        self.changes.add_membership(self.principal.id, self.principal.type, group, kind)
        self.batch.add(self.directory._write_membership, self.principal.id, group, None)

    # members of this principal

    def _members(self, action: str, value: Value) -> bool:
        match action, value:
            case "set", list() if _is_texts(value):
                wanted = []
                for name in map(str, value):
                    info = self._member(name)
                    self._check_member(name, info)
                    if info.id not in self.members:
                        self._take_in(info)
                    wanted.append(info.id)
                for member in self.members:
                    if member not in wanted:
                        other = self.directory.by_id(member)
                        if self.principal.type != "list" and other is not None:
                            self.changes.add_membership(member, other.type, self.principal.id, self.principal.type)
                        self.batch.add(self.directory._write_membership, member, self.principal.id, None)
                self.members = wanted
            case "addItem", str():
                info = self._member(value)
                if info.id not in self.members:
                    self._check_member(value, info)
                    self._take_in(info)
                    self.members.append(info.id)
            case "removeItem", str():
                found = self.directory.info(value)
                if found is not None and found.id in self.members:
                    self.changes.add_membership(found.id, found.type, self.principal.id, self.principal.type)
                    self.batch.add(self.directory._write_membership, found.id, self.principal.id, None)
                    self.members.remove(found.id)
            case _:
                return False
        return True

    def _member(self, name: str) -> Info:
        info = self.directory.info(name)
        if info is None or not info.visible_to(self.tenant):
            raise errors.no_such_item(name)
        return info

    def _check_member(self, name: str, info: Info) -> None:
        expected = _MEMBER_TYPES.get(self.principal.type, ())
        if info.type not in expected:
            shown = (DESCRIPTIONS[kind] for kind in expected)
            raise errors.other("Invalid members value", f"Principal {quoted(name)} is not one of {', '.join(shown)}.")

    def _take_in(self, member: Info) -> None:
        self.changes.add_membership(member.id, member.type, self.principal.id, self.principal.type)
        self.batch.add(self.directory._write_membership, member.id, self.principal.id, self.principal.type)

    # permissions, URLs, external members

    def _permissions(self, action: str, field_name: str, value: Value) -> bool:
        enabled = field_name == "enabledPermissions"
        match action, value:
            case "set", list() if _is_texts(value):
                names = list(dict.fromkeys(map(str, value)))
                for name in names:
                    self._check_permission(field_name, name)
                self.principal.remove_permissions(enabled)
                self.principal.add_permissions(names, enabled)
            case "addItem", str():
                self._check_permission(field_name, value)
                self.principal.add_permission(value, enabled)
            case "removeItem", str():
                self.directory._check_permission(field_name, value)
                self.principal.remove_permission(value, enabled)
            case _:
                return False
        self._touch(field_name)
        return True

    def _check_permission(self, field_name: str, name: str) -> None:
        self.directory._check_permission(field_name, name)
        self.directory._check_grant(field_name, name, self.allowed)

    def _items(self, action: str, field_name: str, value: Value) -> bool:
        kind = _ITEM_KINDS[field_name]
        match action, value:
            case "set", list() if _is_texts(value):
                self.principal.set_items(kind, [self._item(field_name, str(item)) for item in value])
            case "addItem", str():
                self.principal.add_item(kind, self._item(field_name, value))
            case "removeItem", str():
                self.principal.remove_item(kind, value)
            case _:
                return False
        return True

    @staticmethod
    def _item(field_name: str, item: str) -> str:
        if field_name == "urls":
            return item
        address = clean_address(item)
        if address is None:
            raise errors.other("Invalid email address", f"Invalid value {quoted(item)} for {field_name}")
        return address


def _is_texts(value: list[Any]) -> bool:
    return all(isinstance(item, str) for item in value)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who else is on the server: what a plan must know beyond the principal it is about."""

from __future__ import annotations

import typing as t

from ..._errors import PermissionDenied
from ..._names import canonical_address, domain_of
from ..._server.models.principal import BUILT_IN_ROLES, Principal, PrincipalType
from ..._server.port import Server
from .names import MAILBOXES
from .options import USED, PrincipalOptions

#: What others refer to comes first when it is created, and last when it is removed.
RANK = {"tenant": 0, "domain": 1, "role": 2, "group": 3, "list": 4}
LAST_RANK = 5

#: Who is asked for more names than this is asked for all.
_MOST_ASKED = 16


# A server refuses a search over all types to who may not list each of them.
_ALL_THEN_EACH: tuple[tuple[PrincipalType, ...], ...] = ((), ("individual",), ("group",), ("list",))


class Unknown:
    """The login may not look; the server itself will have to refuse what is wrong."""


UNKNOWN = Unknown()


class Directory(t.Protocol):
    """Answers by name and by address, from requests or from a list that was read before."""

    def get(self, name: str) -> Principal | Unknown | None:
        """The principal of this name."""

    def taken(self, name: str) -> Principal | Unknown | None:
        """Who has this name before the change."""

    def holder(self, address: str) -> Principal | Unknown | None:
        """Whose address it is."""

    def in_domain(self, domain: str) -> t.Sequence[Principal] | Unknown:
        """Who has an address in the domain."""

    def users(self, used: Principal) -> t.Sequence[Principal] | Unknown:
        """Who has the role, or is of the tenant."""


def folded(addresses: t.Iterable[str]) -> list[str]:
    """Addresses as they compare; what is none stays as it is."""
    found = []
    for address in addresses:
        try:
            found.append(canonical_address(address, catch_all=True))
        except ValueError:
            found.append(address.lower())
    return found


class AskedDirectory:
    """Asks the server for each thing once, and only when it is needed."""

    def __init__(self, server: Server) -> None:
        self._principals = server.principals
        self._by_name: dict[str, Principal | Unknown | None] = {}
        self._asked = 0

    def know(self, principal: Principal | None, name: str) -> None:
        """Remember an answer that was read elsewhere."""
        self._by_name[name] = principal

    def get(self, name: str) -> Principal | Unknown | None:
        """At most one request a name, and few for many names."""
        if name not in self._by_name:
            self._asked += 1
            if self._asked == _MOST_ASKED:
                self._read_all()
        if name not in self._by_name:
            try:
                self._by_name[name] = self._principals.get(name)
            except PermissionDenied:
                self._by_name[name] = UNKNOWN
        return self._by_name[name]

    def _read_all(self) -> None:
        """What is asked of others: what they are called, what they are, and of which tenant."""
        try:
            for principal in self._principals.find(fields=("tenant",)):
                self._by_name.setdefault(principal.name, principal)
        except PermissionDenied:
            pass  # each by itself, then

    def full_name(self, name: str) -> str:
        """The name of the mailbox that one without domain stands for, "" for none. At most one request."""
        found = self.get(name)
        if not isinstance(found, Principal) or found.type not in MAILBOXES:
            return ""
        self._by_name[found.name] = found
        return found.name

    def taken(self, name: str) -> Principal | Unknown | None:
        """The same: nothing else changes meanwhile."""
        return self.get(name)

    def holder(self, address: str) -> Principal | Unknown | None:
        """One request, or one a type for a login that may not list all. The server's search is by words, so its hits are compared here."""
        for types in _ALL_THEN_EACH:
            try:
                for principal in self._principals.find(types=types, text=address, fields=("emails",)):
                    if address in folded(principal.emails):
                        return principal
            except PermissionDenied:
                continue
            if not types:
                return None
        return UNKNOWN

    def in_domain(self, domain: str) -> t.Sequence[Principal] | Unknown:
        """One request, or a few where addresses can't be searched for: all are read then."""
        search: dict[str, t.Any] = {"types": MAILBOXES} if self._principals.names_are_addresses else {"text": domain}
        try:
            found = self._principals.find(**search, fields=("emails",))
            return [principal for principal in found if any(domain_of(address) == domain for address in folded(principal.emails))]
        except PermissionDenied:
            return UNKNOWN

    def users(self, used: Principal) -> t.Sequence[Principal] | Unknown:
        """A few requests: all are read for it."""
        field = USED[used.type]
        types: tuple[PrincipalType, ...] = ("individual", "group", "role", "tenant") if field == "roles" else ()
        try:
            return [each for each in self._principals.find(types=types, fields=(field,)) if _uses(each, field, used.name)]
        except PermissionDenied:
            return UNKNOWN


def _uses(principal: Principal, field: str, name: str) -> bool:
    said = getattr(principal, field)
    return said == name if isinstance(said, str) else name in said


def is_built_in_role(name: str) -> bool:
    """Whether every server has the role."""
    return name in BUILT_IN_ROLES


class SnapshotDirectory:
    """The whole server as it was read once, and as it will be after a task on many principals.

    `read` and `holder_before` tell what was read; the questions of a plan are answered for the state after the task, so that
    an account may name a group that the same task creates, and take an address that another gives up.
    """

    def __init__(self, principals: t.Sequence[Principal]) -> None:
        self._read = {principal.name: principal for principal in principals}
        self._holders = {address: principal for principal in principals for address in folded(principal.emails)}
        self.expect((), ())

    def read(self, name: str) -> Principal | None:
        """As it was read."""
        return self._read.get(name)

    def found(self, principal: Principal | None) -> Principal | None:
        """As it was read, but with the new names of those it refers to: the server keeps references when it renames."""
        if principal is None or not self._renamed:
            return principal
        values: dict[str, t.Any] = {}
        for field in ("member_of", "lists", "roles", "members"):
            names = getattr(principal, field)
            if any(name in self._renamed for name in names):
                values[field] = tuple(self._renamed.get(name, name) for name in names)
        if principal.tenant in self._renamed:
            values["tenant"] = self._renamed[principal.tenant]
        return principal.model_copy(update=values) if values else principal

    def holder_before(self, address: str) -> Principal | None:
        """Whose address it was when it was read."""
        return self._holders.get(address)

    def expect(self, items: t.Iterable[tuple[Principal | None, PrincipalOptions]], gone: t.Iterable[Principal]) -> None:
        """Take these items and deletions for done, and nothing else."""
        self._changed: dict[str, Principal | None] = {}
        self._renamed: dict[str, str] = {}
        self._given_up: set[str] = set()
        self._by_domain: dict[str, list[Principal]] | None = None
        self._members: list[Principal] | None = None
        for found, wanted in items:
            if wanted.state == "absent":
                if found is not None:
                    self._expect_gone(found)
            else:
                self._expect(found, wanted)
        for principal in gone:
            self._expect_gone(principal)
        #: Whether the task deletes anything.
        self.deletes = any(self.is_deleted(name) for name in self._changed)

    def _expect(self, found: Principal | None, wanted: PrincipalOptions) -> None:
        name = wanted.new_name or wanted.name
        if found is not None and found.name == name and wanted.emails is None and wanted.roles is None and wanted.tenant is None:
            return
        base = found or Principal(name=name, type=wanted.type or "individual")
        present = folded(base.emails)
        emails = present if wanted.emails is None else list(wanted.emails.result(present))
        self._given_up |= set(present) - set(emails)
        roles = base.roles if wanted.roles is None else tuple(wanted.roles.result(base.roles))
        tenant = base.tenant if wanted.tenant is None else wanted.tenant
        if found is not None and found.name == name and emails == present and (roles, tenant) == (found.roles, found.tenant):
            return
        if found is not None and found.name != name:
            self._changed[found.name] = None
            self._renamed[found.name] = name
        self._changed[name] = base.model_copy(update={"name": name, "emails": tuple(emails), "roles": roles, "tenant": tenant})

    def _expect_gone(self, principal: Principal) -> None:
        self._changed[principal.name] = None
        self._given_up |= set(folded(principal.emails))

    def get(self, name: str) -> Principal | Unknown | None:
        """As it will be."""
        return self._changed[name] if name in self._changed else self._read.get(name)

    def taken(self, name: str) -> Principal | Unknown | None:
        """As it was read: no item takes the name of another."""
        return self._read.get(name)

    def is_deleted(self, name: str) -> bool:
        """Whether the task deletes it."""
        return name not in self._renamed and name in self._changed and self._changed[name] is None

    def holder(self, address: str) -> Principal | Unknown | None:
        """Who keeps it: one that gives it up in the same task does not."""
        return None if address in self._given_up else self._holders.get(address)

    def in_domain(self, domain: str) -> t.Sequence[Principal] | Unknown:
        """Who will still have an address there."""
        if self._by_domain is None:
            self._by_domain = {}
            for principal in {**self._read, **self._changed}.values():
                for each in {domain_of(address) for address in folded(principal.emails)} if principal is not None else ():
                    self._by_domain.setdefault(each, []).append(principal)  # type: ignore[arg-type]
        return self._by_domain.get(domain, [])

    def users(self, used: Principal) -> t.Sequence[Principal] | Unknown:
        """Who will still say so."""
        if self._members is None:
            remaining = [each for each in {**self._read, **self._changed}.values() if each is not None]
            self._members = [each for each in remaining if each.tenant or any(not is_built_in_role(role) for role in each.roles)]
        field = USED[used.type]
        return [each for each in self._members if _uses(each, field, used.name)]

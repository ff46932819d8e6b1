# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Principals over JMAP: accounts, groups, lists, domains, roles, tenants and keys are objects of seven types here, which know each other by ids.

A mailbox (individual, group, list) is named by its address, which is its first one; the others are aliases. Who belongs to a
group stands at the account, who receives a list at the list, and whose the rest of a domain's mail is at the domain.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import typing as t

from ..._errors import PermissionDenied, StalwartError
from ..models.principal import Edit, Principal, PrincipalType, PrincipalWrite
from . import permissions
from ._call import Find, JmapCaller, Object
from .principal_keys import PrincipalKeys
from .principal_names import PrincipalNames
from .principal_reading import PrincipalReader
from .principal_roles import RoleNames
from .principal_search import PrincipalSearch
from .principal_types import ALL_KINDS, WIRE
from .principal_writing import PrincipalWriter
from .schema import catalogue_of

#: So many objects go into one `set` call by default.
_BATCH = 500

_NOTE = "MemoryLookupKeyValue"
_NOTES = "stalwart-mail.kept-permissions"

#: What else refers to a principal, so that the server does not delete it: type, label ("" for a singleton) and property.
_GUARDED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "domain": (("SystemSettings", "", "defaultDomainId"),),
    "role": tuple(("Authentication", "", f"default{kind}RoleIds") for kind in ("User", "Group", "Tenant", "Admin")),
    "tenant": tuple(
        (wire, label, "memberTenantId")
        for wire, label in (("DnsServer", "description"), ("Directory", "description"), ("AcmeProvider", "directory"), ("DkimSignature", "selector"))
    ),
}


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
        self._names = PrincipalNames(caller)
        roles = RoleNames(caller)
        self._search = PrincipalSearch(caller, self._names, roles)
        keys = PrincipalKeys(caller, self._names, self._search)
        self._reader = PrincipalReader(caller, self._names, roles, keys)
        self._writer = PrincipalWriter(caller, self._names, roles, keys)

    # Reading

    def get(self, name: str, *, kind: PrincipalType | None = None, unambiguous: bool = False) -> Principal | None:
        """Two or three requests. A name without domain is that of a mailbox in the default domain, else of the only one that begins so."""
        found = self._search.one(name, kind, unambiguous=unambiguous)
        if found is None:
            return None
        relations = self._search.relations(found)
        self._names.load([found])
        return self._reader.principal(found, relations, frozenset())

    def find(self, *, types: t.Collection[PrincipalType] = (), text: str = "", fields: t.Collection[str] = ()) -> t.Iterator[Principal]:
        """A few requests for thousands. API keys are those of the accounts that are found."""
        asked = frozenset(fields)
        wanted, relations = self._search.find(frozenset(types) or ALL_KINDS, text, asked)
        self._names.load(wanted)
        for known in wanted:
            yield self._reader.principal(known, relations, asked)

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
        own_id = self._names.id(WIRE[principal.type], principal.name) if principal.type in _GUARDED else ""
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
        return self._names.domain_names([self._names.default_domain_id])[self._names.default_domain_id]

    def expected(self, found: Principal | None, after: Principal) -> Principal:
        """Its own address is the first of a mailbox, and what nobody chose is the server's default. Sends something only for several roles, for a
        language, for new external members of a list and for a new API key."""
        return self._reader.expected(found, after)

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
            return self._writer.write(writes)

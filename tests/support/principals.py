# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port `Principals` in memory: refuses what servers refuse, and keeps what they keep."""

from __future__ import annotations

import threading
import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._errors import AlreadyExists, NotFound, ServerError, StalwartError
from ansible_collections.stalwart.mail.plugins.module_utils._names import domain_of
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import (
    BUILT_IN_ROLES,
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
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.server import ReloadReport

# from the member's side: field -> type of what it names
_RELATIONS = {"member_of": "group", "lists": "list", "roles": "role"}


class MemoryPrincipals:
    """Principals by name. `trouble` may raise before a write; `writes` are all that were taken, as (verb, name)."""

    names_are_addresses = False
    guards_references = False
    tells_hashes = True
    makes_keys = False
    batch_size = 1

    def __init__(self, principals: t.Iterable[Principal] = ()) -> None:
        self.stored: dict[str, Principal] = {}
        self.writes: list[tuple[str, str]] = []
        self.reads = 0
        self.trouble: t.Callable[[str, str], None] = lambda _verb, _name: None
        self.notes: dict[str, str] = {}
        self.batches: list[int] = []
        self._lock = threading.RLock()
        for principal in principals:
            self.stored[principal.name] = principal.model_copy(update={"members": ()})

    def state(self) -> dict[str, dict[str, t.Any]]:
        """Everything, comparable."""
        return {name: self._comparable(name) for name in sorted(self.stored)}

    def _comparable(self, name: str) -> dict[str, t.Any]:
        dumped = self._seen(self.stored[name]).model_dump(exclude={"password_hashes"})
        dumped["emails"] = [*dumped["emails"][:1], *sorted(dumped["emails"][1:])]
        return {key: sorted(value) if isinstance(value, tuple) else value for key, value in dumped.items()}

    def _seen(self, principal: Principal) -> Principal:
        field = {kind: field for field, kind in _RELATIONS.items()}.get(principal.type)
        if field is None:
            return principal
        members = tuple(sorted(each.name for each in self.stored.values() if principal.name in getattr(each, field)))
        return principal.model_copy(update={"members": members})

    # The port

    def known_permissions(self, names: t.Collection[str]) -> t.Collection[str]:
        """This server takes any name."""
        return ()

    def permissions_meant(self, name: str) -> t.Sequence[str]:
        return (name,)

    def other_users(self, principal: Principal) -> t.Sequence[str]:
        return ()

    def default_domain(self) -> str:
        return ""

    def expected(self, _found: Principal | None, after: Principal) -> Principal:
        return after

    def note(self, name: str) -> str:
        return self.notes.get(name, "")

    def keep_note(self, name: str, text: str) -> None:
        self.notes[name] = text

    def forget_note(self, name: str) -> None:
        self.notes.pop(name, None)

    def deploy(self, principal: Principal) -> str:
        return self.create(principal)

    def write(self, writes: t.Sequence[PrincipalWrite]) -> list[str | StalwartError]:
        self.batches.append(len(writes))
        results: list[str | StalwartError] = []
        for write in writes:
            try:
                if write.action == "create":
                    self.create(write.principal)
                elif write.action == "update":
                    self.update(write.principal, write.edits)
                else:
                    self.delete(write.principal)
                results.append("")
            except StalwartError as error:
                results.append(error)
        return results

    def get(self, name: str, *, kind: PrincipalType | None = None, unambiguous: bool = False) -> Principal | None:
        self.reads += 1
        return self._seen(self.stored[name]) if name in self.stored else None

    def find(self, *, types: t.Collection[str] = (), text: str = "", fields: t.Collection[str] = ()) -> t.Iterator[Principal]:
        self.reads += 1
        yield from [self._seen(principal) for principal in self.stored.values() if not types or principal.type in types]

    def create(self, principal: Principal) -> str:
        with self._lock:
            self.trouble("create", principal.name)
            if principal.name in self.stored:
                raise AlreadyExists("fieldAlreadyExists: name", field="name", request="POST")
            self._require_acceptable(principal)
            self.stored[principal.name] = principal.model_copy(update={"members": ()})
            for member in principal.members:
                self._join(member, principal)
            self.writes.append(("create", principal.name))
            return ""

    def update(self, principal: Principal, edits: t.Sequence[Edit]) -> None:
        with self._lock:
            self.trouble("update", principal.name)
            if principal.name not in self.stored:
                raise NotFound("notFound", item=principal.name, request="PATCH")
            assert edits, "an empty patch"
            before, kept = self.stored[principal.name], dict(self.stored)
            try:
                after = before
                for edit in edits:
                    after = self._edited(after, edit)
                if after.name != before.name and after.name in self.stored:
                    raise AlreadyExists("fieldAlreadyExists: name", field="name", request="PATCH")
                self._require_acceptable(after, before)
                self.stored[before.name] = after
                if after.name != before.name:
                    self._rename(before.name, after.name)
            except ServerError:
                self.stored = kept
                raise
            self.writes.append(("update", principal.name))

    def delete(self, principal: Principal) -> None:
        with self._lock:
            self.trouble("delete", principal.name)
            if self.stored.pop(principal.name, None) is None:
                raise NotFound("notFound", item=principal.name, request="DELETE")
            for name, other in self.stored.items():
                self.stored[name] = other.model_copy(
                    update={field: tuple(each for each in getattr(other, field) if each != principal.name) for field in _RELATIONS}
                )
            self.writes.append(("delete", principal.name))

    # What servers do

    def _edited(self, principal: Principal, edit: Edit) -> Principal:
        if isinstance(edit, SetPassword):
            return principal.model_copy(update={"password_hashes": (edit.hash,)})
        assert not isinstance(edit, (SetAppPassword, SetOtp)), "no test needs these"
        if isinstance(edit, Set):
            return principal.model_copy(update={edit.field: () if edit.value is None and edit.field == "emails" else edit.value})
        if edit.field == "members":
            if isinstance(edit, Add):
                self._join(edit.item, principal)
            else:
                self._leave(edit.item, principal)
            return self.stored[principal.name].model_copy(update=principal.model_dump(exclude={*_RELATIONS}))
        present = [each for each in getattr(principal, edit.field) if each != edit.item]
        return principal.model_copy(update={edit.field: (*present, *(() if isinstance(edit, Remove) else (edit.item,)))})

    def _join(self, member: str, container: Principal) -> None:
        field = {kind: field for field, kind in _RELATIONS.items()}[container.type]
        if member not in self.stored:
            raise NotFound("notFound", item=member, request="POST")
        present = getattr(self.stored[member], field)
        self.stored[member] = self.stored[member].model_copy(update={field: tuple(dict.fromkeys([*present, container.name]))})

    def _leave(self, member: str, container: Principal) -> None:
        field = {kind: field for field, kind in _RELATIONS.items()}[container.type]
        if member not in self.stored:
            raise NotFound("notFound", item=member, request="PATCH")
        kept = tuple(each for each in getattr(self.stored[member], field) if each != container.name)
        self.stored[member] = self.stored[member].model_copy(update={field: kept})

    def _rename(self, old: str, new: str) -> None:
        self.stored = {new if name == old else name: principal for name, principal in self.stored.items()}
        for name, other in self.stored.items():
            values = {field: tuple(new if each == old else each for each in getattr(other, field)) for field in _RELATIONS}
            self.stored[name] = other.model_copy(update=values)

    def _require_acceptable(self, principal: Principal, before: Principal | None = None) -> None:
        for address in principal.emails:
            if before is not None and address in before.emails:
                continue
            domain = self.stored.get(domain_of(address))
            if domain is None or domain.type != "domain":
                raise NotFound("notFound", item=domain_of(address), request="POST")
            if any(address in other.emails for other in self.stored.values() if other.name != (before or principal).name):
                raise AlreadyExists("fieldAlreadyExists: emails", field="emails", value=address, request="POST")
        for field, kind in _RELATIONS.items():
            for name in getattr(principal, field):
                if name in BUILT_IN_ROLES or (before is not None and name in getattr(before, field)):
                    continue
                if name not in self.stored or self.stored[name].type != kind:
                    raise NotFound("notFound", item=name, request="POST")


class MemorySignatures:
    """No DKIM keys at all."""

    def find(self, domains: t.Collection[str] = ()) -> list[t.Any]:
        return []


class MemoryServer:
    """As much of a server as tasks on principals need."""

    generation = "rest"

    def __init__(self, principals: t.Iterable[Principal] = (), own: t.Collection[str] = ("admin",)) -> None:
        self.principals = MemoryPrincipals(principals)
        self.signatures = MemorySignatures()
        self.reloads = 0
        self._own = own

    def own_names(self) -> t.Collection[str]:
        return self._own

    def reload(self, **_options: t.Any) -> ReloadReport:
        self.reloads += 1
        return ReloadReport()

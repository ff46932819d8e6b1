# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who else is on the server: what a plan must know beyond the principal it is about."""

from __future__ import annotations

import typing as t

from ..._errors import PermissionDenied
from ..._names import canonical_address, domain_of
from ..._server.models.principal import BUILT_IN_ROLES, Principal
from ..._server.port import Server
from .options import PrincipalOptions

#: What others refer to comes first when it is created, and last when it is removed.
RANK = {"tenant": 0, "domain": 1, "role": 2, "group": 3, "list": 4}
LAST_RANK = 5


class Unknown:
    """The login may not look; the server itself will have to refuse what is wrong."""


UNKNOWN = Unknown()


class Directory(t.Protocol):
    """Answers by name and by address, from requests or from a list that was read before."""

    def get(self, name: str) -> Principal | Unknown | None:
        """The principal of this name."""

    def holder(self, address: str) -> Principal | Unknown | None:
        """Whose address it is."""

    def in_domain(self, domain: str) -> t.Sequence[Principal] | Unknown:
        """Who has an address in the domain."""


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

    def know(self, principal: Principal | None, name: str) -> None:
        """Remember an answer that was read elsewhere."""
        self._by_name[name] = principal

    def get(self, name: str) -> Principal | Unknown | None:
        """At most one request a name."""
        if name not in self._by_name:
            try:
                self._by_name[name] = self._principals.get(name)
            except PermissionDenied:
                self._by_name[name] = UNKNOWN
        return self._by_name[name]

    def holder(self, address: str) -> Principal | Unknown | None:
        """One request. The server's search is by words, so its hits are compared here."""
        try:
            for principal in self._principals.find(text=address, fields=("emails",)):
                if address in folded(principal.emails):
                    return principal
        except PermissionDenied:
            return UNKNOWN
        return None

    def in_domain(self, domain: str) -> t.Sequence[Principal] | Unknown:
        """One request."""
        try:
            found = self._principals.find(text=domain, fields=("emails",))
            return [principal for principal in found if any(domain_of(address) == domain for address in folded(principal.emails))]
        except PermissionDenied:
            return UNKNOWN


def is_built_in_role(name: str) -> bool:
    """Whether every server has the role."""
    return name in BUILT_IN_ROLES


class SnapshotDirectory:
    """The whole server as it was read once, and as it will be after a task on many principals.

    `found` and `holder_before` tell what was read; the questions of a plan are answered for the state after the task, so that
    an account may name a group that the same task creates, and take an address that another gives up.
    """

    def __init__(self, server: Server, principals: t.Sequence[Principal]) -> None:
        self._server = server
        self._before = {principal.name: principal for principal in principals}
        self._holders = {address: principal for principal in principals for address in folded(principal.emails)}
        self._after: dict[str, Principal | None] = dict(self._before)
        self._rank: dict[str, int] = {}
        self._given_up: set[str] = set()
        self._moved: set[str] = set()

    def found(self, name: str) -> Principal | None:
        """As it was read."""
        return self._before.get(name)

    def holder_before(self, address: str) -> Principal | None:
        """Whose address it was when it was read."""
        return self._holders.get(address)

    def expect(self, found: Principal | None, wanted: PrincipalOptions) -> None:
        """Take note of what an item will do."""
        if wanted.state == "absent":
            if found is not None:
                self.expect_gone([found])
            return
        kind = found.type if found else wanted.type or "individual"
        name = wanted.new_name or wanted.name
        emails = folded(found.emails) if found else []
        if wanted.emails is not None:
            after = list(wanted.emails.result(emails))
            self._given_up |= set(emails) - set(after)
            emails = after
        if found is not None and found.name != name:
            self._after[found.name] = None
        if found is None:
            self._rank[name] = RANK.get(kind, LAST_RANK)
        base = found or Principal(name=name, type=kind)
        self._after[name] = base.model_copy(update={"name": name, "emails": tuple(emails)})

    def expect_gone(self, principals: t.Iterable[Principal]) -> None:
        """Take note of deletions."""
        for principal in principals:
            self._after[principal.name] = None
            self._given_up |= set(folded(principal.emails))

    def is_late(self, name: str, stage: int) -> bool:
        """Whether a principal is created by the task itself, and not before this stage."""
        return self._rank.get(name, -1) >= stage

    def get(self, name: str) -> Principal | Unknown | None:
        """As it will be."""
        return self._after.get(name)

    def holder(self, address: str) -> Principal | Unknown | None:
        """Who keeps it: one that gives it up in the same task does not."""
        return None if address in self._given_up else self._holders.get(address)

    def in_domain(self, domain: str) -> t.Sequence[Principal] | Unknown:
        """Who will still have an address there."""
        remaining = [principal for principal in self._after.values() if principal is not None]
        return [principal for principal in remaining if any(domain_of(address) == domain for address in folded(principal.emails))]

    def moved(self, addresses: t.Iterable[str]) -> None:
        """Take note of addresses that have arrived at their new owner."""
        self._moved.update(addresses)

    def has_moved(self, address: str) -> bool:
        """Whether an address has arrived elsewhere."""
        return address in self._moved

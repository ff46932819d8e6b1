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

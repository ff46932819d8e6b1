# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of roles: the server's own, and user, admin and tenant-admin, which stand for the default ones."""

from __future__ import annotations

import functools
import typing as t

from ..._errors import NotFound, PermissionDenied, Refused
from ._call import JmapCaller, Object

#: Roles that servers come with and that nobody manages by name: accounts have them as user, admin and tenant-admin.
SHIPPED_ROLES = frozenset({"user", "group", "tenant administrator", "system administrator"})
#: Roles that are settings: what accounts get as user, admin and tenant-admin.
DEFAULT_ROLES = {"user": "defaultUserRoleIds", "admin": "defaultAdminRoleIds", "tenant-admin": "defaultTenantRoleIds"}
_DELIVERED_ROLES = {"user": ("user",), "admin": ("system administrator", "user"), "tenant-admin": ("tenant administrator", "user")}


class RoleNames:
    """Roles by name and by id, which are read once, when the first is needed."""

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller

    @functools.cached_property
    def _roles(self) -> dict[str, Object]:
        """All roles by id, of which there are few."""
        return {str(each["id"]): each for each in self._caller.find("Role", properties=("description", "roleIds"), resource="roles")}

    @functools.cached_property
    def _built_in(self) -> dict[str, frozenset[str]]:
        """What accounts get as user, admin and tenant-admin."""
        try:
            settings = self._caller.singleton("Authentication", properties=tuple(DEFAULT_ROLES.values()), resource="default roles")
        except PermissionDenied:
            # as servers are delivered
            ids = {str(role["description"]).lower(): each for each, role in self._roles.items()}
            return {name: frozenset(ids[each] for each in of_it if each in ids) for name, of_it in _DELIVERED_ROLES.items()}
        return {name: frozenset(settings.get(which) or ()) for name, which in DEFAULT_ROLES.items()}

    def members(self) -> dict[str, list[str]]:
        """The names of the roles that have each role in them, by its id."""
        members: dict[str, list[str]] = {}
        for role in self._roles.values():
            for each in role.get("roleIds") or ():
                members.setdefault(each, []).append(str(role["description"]).lower())
        return members

    def ids(self, names: t.Iterable[str]) -> frozenset[str]:
        """The ids of roles by name. Raises NotFound, and Refused where two have one name."""
        ids: set[str] = set()
        for name in names:
            if name in DEFAULT_ROLES:
                ids |= self._built_in[name]
                continue
            found = [each for each, role in self._roles.items() if str(role["description"]).lower() == name]
            if not found:
                raise NotFound(f"there is no role {name!r}", request="POST /jmap x:Role/query", item=name)
            if len(found) > 1:
                raise Refused(f"roles: the server has {len(found)} roles named {name!r}; rename all but one of them.")
            ids.add(found[0])
        return frozenset(ids)

    def names(self, ids: t.Collection[str]) -> tuple[str, ...]:
        """The names of roles; where the default ones are complete, the name under which accounts get them together."""
        left = set(ids)
        names = []
        for name in ("admin", "tenant-admin", "user"):
            of_it = self._built_in[name] if left else frozenset()
            if of_it and of_it <= left:
                names.append(name)
                left -= of_it
        return (*names, *sorted(str(self._roles[each]["description"]).lower() for each in left if each in self._roles))

    def forget(self) -> None:
        """They have changed, and are read again when they are needed."""
        self.__dict__.pop("_roles", None)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From principals to objects: what a new one is, and what of an update stands at the object itself."""

from __future__ import annotations

import typing as t

from ..models.principal import Add, Principal, PrincipalWrite, Remove, Set, SetOtp, SetPassword
from ._call import Object
from .principal_names import PrincipalNames
from .principal_permissions import permissions_value, role_permissions
from .principal_roles import RoleNames
from .principal_types import LOCALE, MAILBOXES, QUOTA, WIRE, listed, pointer

#: Where nothing is said, nothing begins by itself: keys, records and certificates are for tasks to ask for.
_NEW_DOMAIN = {"dkimManagement": {"@type": "Manual"}, "dnsManagement": {"@type": "Manual"}, "certificateManagement": {"@type": "Manual"}}


class PrincipalValues:
    """Values and patches of the objects that principals are, made from what is known; sends something only for roles."""

    def __init__(self, names: PrincipalNames, roles: RoleNames) -> None:
        self._names = names
        self._roles = roles

    def new(self, principal: Principal) -> dict[str, t.Any]:
        """The whole object. Raises NotFound where it names what is not known."""
        kind = principal.type
        value: dict[str, t.Any] = {}
        if principal.description:
            value["description"] = principal.description
        if principal.tenant:
            value["memberTenantId"] = self._names.id("Tenant", principal.tenant)
        if principal.quota is not None:
            value["quotas"] = {QUOTA: principal.quota}
        if principal.picture:
            value["logo"] = principal.picture
        if kind in ("individual", "group"):
            value |= {"@type": "User" if kind == "individual" else "Group", "locale": principal.locale or LOCALE}
            value["roles"] = self._roles_value(kind, principal.roles)
            value["permissions"] = permissions_value(principal, {})
        if kind in MAILBOXES:
            value |= self._place(principal, {})
        if kind == "individual":
            value["memberGroupIds"] = {self._names.id("Account", group): True for group in principal.member_of}
            password = {"secret": principal.password_hashes[0]} if principal.password_hashes else {}
            otp = {"otpAuth": principal.otp_url} if principal.otp_url else {}
            if password or otp:
                value["credentials"] = {"0": {"@type": "Password", **password, **otp}}
        elif kind == "list":
            value["recipients"] = dict.fromkeys((*principal.members, *principal.external_members), True)
        elif kind == "domain":
            value |= {"name": principal.name, **_NEW_DOMAIN}
        elif kind == "role":
            value |= {"description": principal.name, **role_permissions(principal), "roleIds": dict.fromkeys(self._roles.ids(principal.roles), True)}
        elif kind == "tenant":
            value |= {"name": principal.name, "roles": self._roles_value(kind, principal.roles), "permissions": permissions_value(principal, {})}
        elif kind == "oauth_client":
            value |= {"clientId": principal.name, "redirectUris": dict.fromkeys(principal.urls, True)}
            if principal.password_hashes:
                value["secret"] = principal.password_hashes[0]
        return value

    def _place(self, principal: Principal, stored: Object) -> dict[str, t.Any]:
        """Where a mailbox is: its own address, and the others as aliases, which keep what is stored about them."""
        held = {(str(each["name"]), str(each["domainId"])): each for each in listed(stored.get("aliases"))}
        aliases = []
        for address in principal.emails:
            local, _at, domain = address.rpartition("@")
            if local and address != principal.name:
                domain_id = self._names.id("Domain", domain)
                aliases.append(held.get((local, domain_id)) or {"name": local, "domainId": domain_id})
        local, _at, domain = principal.name.rpartition("@")
        return {"name": local, "domainId": self._names.id("Domain", domain), "aliases": {str(index): alias for index, alias in enumerate(aliases)}}

    def patch(self, write: PrincipalWrite) -> dict[str, t.Any]:
        """What of the edits stands at the object itself."""
        before, after, kind = write.principal, with_edits(write), write.principal.type
        known = self._names.known(WIRE[kind], before.name)
        stored = known.value if known is not None else {}
        changed = {edit.field for edit in write.edits if isinstance(edit, Set | Add | Remove)}
        patch: dict[str, t.Any] = {}
        if "description" in changed:
            patch["description"] = after.description or None
        if "quota" in changed:
            patch[f"quotas/{QUOTA}"] = after.quota
        if "locale" in changed:
            patch["locale"] = after.locale or LOCALE
        if "picture" in changed:
            patch["logo"] = after.picture or None
        if "tenant" in changed:
            patch["memberTenantId"] = self._names.id("Tenant", after.tenant) if after.tenant else None
        if kind in MAILBOXES and changed & {"name", "emails"}:
            patch |= self._place(after, stored)
        elif "name" in changed:
            patch[{"role": "description", "oauth_client": "clientId"}.get(kind, "name")] = after.name
        if kind == "individual" and "member_of" in changed:
            for name in set(before.member_of) ^ set(after.member_of):
                patch[pointer("memberGroupIds", self._names.id("Account", name))] = True if name in after.member_of else None
        if "roles" in changed:
            patch["roleIds" if kind == "role" else "roles"] = (
                dict.fromkeys(self._roles.ids(after.roles), True) if kind == "role" else self._roles_value(kind, after.roles)
            )
        if changed & {"enabled_permissions", "disabled_permissions"}:
            patch |= role_permissions(after) if kind == "role" else {"permissions": permissions_value(after, stored.get("permissions") or {})}
        if kind == "list":
            old, new = ({*each.members, *each.external_members} for each in (before, after))
            patch |= {pointer("recipients", address): True if address in new else None for address in sorted(old ^ new)}
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
        return {"@type": "Custom", "roleIds": dict.fromkeys(self._roles.ids(names), True)}


def referred(principal: Principal) -> t.Iterator[tuple[str, str]]:
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


def with_edits(write: PrincipalWrite) -> Principal:
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

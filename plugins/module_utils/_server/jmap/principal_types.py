# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which objects principals are: their types, properties and names on the wire, and what no object of a type can hold."""

from __future__ import annotations

import dataclasses
import typing as t

from ..models.principal import Principal, PrincipalType
from ._call import Object

#: The type of object that each type of principal is.
WIRE: dict[str, str] = {
    "individual": "Account",
    "group": "Account",
    "list": "MailingList",
    "domain": "Domain",
    "role": "Role",
    "tenant": "Tenant",
    "oauth_client": "OAuthClient",
    "api_key": "ApiKey",
}
#: And back; an account is an individual or a group, which `kind_of` tells.
KINDS: dict[str, PrincipalType] = {"MailingList": "list", "Domain": "domain", "Role": "role", "Tenant": "tenant", "OAuthClient": "oauth_client"}
#: What errors call the objects of a type.
WORDS = {
    "Account": "individual",
    "MailingList": "mailing list",
    "Domain": "domain",
    "Role": "role",
    "Tenant": "tenant",
    "OAuthClient": "OAuth client",
}
#: What has an address, which is its name.
MAILBOXES = ("individual", "group", "list")
ALL_KINDS: frozenset[str] = frozenset(WIRE)

#: Which properties tell a field, by type; what is needed to name an object is read always.
PROPERTIES: dict[str, dict[str, tuple[str, ...]]] = {
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
#: What names an object.
NAMING: dict[str, tuple[str, ...]] = {
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
IMPOSSIBLE: dict[str, tuple[str, ...]] = {"group": ("member_of",), "api_key": ("roles", "tenant")}

#: What an account speaks when nobody says: the default of the server.
LOCALE = "en_US"
#: Which of the quotas is that of the disk.
QUOTA = "maxDiskQuota"


@dataclasses.dataclass(frozen=True)
class Known:
    """One object as it was read, and what it is. `owner` is the account that an API key belongs to."""

    kind: PrincipalType
    id: str
    value: Object
    owner: str = ""

    @property
    def wire(self) -> str:
        return WIRE[self.kind]


def kind_of(wire: str, value: Object) -> PrincipalType:
    """The type of principal that an object is."""
    if wire == "Account":
        return "group" if value.get("@type") == "Group" else "individual"
    return KINDS[wire]


def label_of(principal: Principal) -> str:
    """How an error names it."""
    return f"{principal.type.replace('_', ' ')} {principal.name!r}"


def listed(objects: t.Mapping[str, Object] | None) -> list[Object]:
    """A list as the API has it, with its positions as keys."""
    return [objects[index] for index in sorted(objects, key=int)] if objects else []


def pointer(name: str, key: str) -> str:
    """The path of a patch to one entry of a property (RFC 6901)."""
    return f"{name}/{key.replace('~', '~0').replace('/', '~1')}"

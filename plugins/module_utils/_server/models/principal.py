# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Principals as a server has them, and the edits it can be told."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._deps import Field
from .base import Model

PrincipalType = t.Literal["individual", "group", "list", "domain", "role", "tenant", "api_key", "oauth_client", "resource", "location"]
PRINCIPAL_TYPES: tuple[str, ...] = t.get_args(PrincipalType)

#: Roles that every server has, whatever principals exist.
BUILT_IN_ROLES = ("user", "admin", "tenant-admin")


class Principal(Model):
    """One principal as the server has it.

    `members` is None where the server tells only a number (domains, tenants: `member_count`) or none.
    Secrets come apart: `password_hashes` (0.13 can hold several), `app_passwords` by name, `otp_url`.
    """

    name: str
    type: PrincipalType
    description: str = ""
    quota: int | None = None
    used_quota: int = 0
    emails: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    picture: str = ""
    locale: str = ""
    member_of: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    member_count: int | None = None
    external_members: tuple[str, ...] = ()
    enabled_permissions: tuple[str, ...] = ()
    disabled_permissions: tuple[str, ...] = ()
    tenant: str = ""
    password_hashes: tuple[str, ...] = Field(default=(), repr=False)
    app_passwords: dict[str, str] = Field(default_factory=dict, repr=False)
    otp_url: str = Field(default="", repr=False)


@dataclasses.dataclass(frozen=True)
class Set:
    """Give a field this value; None clears it. For the lists that no other field shares."""

    field: str
    value: t.Any


@dataclasses.dataclass(frozen=True)
class Add:
    """Put one item into a list."""

    field: str
    item: str


@dataclasses.dataclass(frozen=True)
class Remove:
    """Take one item out of a list."""

    field: str
    item: str


@dataclasses.dataclass(frozen=True)
class SetPassword:
    """Make this hash the only password; app passwords and OTP stay. `stored` are the hashes to be replaced."""

    hash: str = dataclasses.field(repr=False)
    stored: tuple[str, ...] = dataclasses.field(default=(), repr=False)


@dataclasses.dataclass(frozen=True)
class SetAppPassword:
    """Give the app password NAME this hash; None removes it."""

    name: str
    hash: str | None = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class SetOtp:
    """Set the OTP URL; None removes it."""

    url: str | None = dataclasses.field(repr=False)


Edit: t.TypeAlias = "Set | Add | Remove | SetPassword | SetAppPassword | SetOtp"


@dataclasses.dataclass(frozen=True)
class PrincipalWrite:
    """One principal's write, for those that are sent together. `edits` belong to an update."""

    action: t.Literal["create", "update", "delete"]
    principal: Principal
    edits: tuple[Edit, ...] = ()

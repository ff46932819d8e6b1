# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms in which objects hold permissions: accounts, groups and tenants one, roles another, API keys a third."""

from __future__ import annotations

import typing as t

from ..models.principal import Principal
from . import permissions
from ._call import Object


def permissions_told(value: Object) -> tuple[t.Collection[str], t.Collection[str]]:
    """What is enabled and disabled, in any of the forms that objects have."""
    variant = value.get("permissions")
    if not isinstance(variant, dict):
        return value.get("enabledPermissions") or (), value.get("disabledPermissions") or ()
    if "permissions" in variant:  # of a key
        listed = variant["permissions"] or ()
        return (listed, ()) if variant.get("@type") == "Replace" else ((), listed)
    return variant.get("enabledPermissions") or (), variant.get("disabledPermissions") or ()


def permissions_value(principal: Principal, stored: Object) -> dict[str, t.Any]:
    """Those of an account, group or tenant, in the form that is stored where it can say it."""
    listed = role_permissions(principal)
    if not any(listed.values()):
        return {"@type": "Inherit"}
    return {"@type": "Replace" if stored.get("@type") == "Replace" else "Merge", **listed}


def role_permissions(principal: Principal) -> dict[str, dict[str, bool]]:
    """Those of a role, which are two properties of it."""
    return {
        "enabledPermissions": permissions.to_wire(principal.enabled_permissions),
        "disabledPermissions": permissions.to_wire(principal.disabled_permissions),
    }


def key_permissions(principal: Principal) -> dict[str, t.Any]:
    """A key may do what its account may, or only some of it, or all but some."""
    if principal.enabled_permissions:
        kept = [name for name in principal.enabled_permissions if name not in principal.disabled_permissions]
        return {"@type": "Replace", "permissions": permissions.to_wire(kept)}
    if principal.disabled_permissions:
        return {"@type": "Disable", "permissions": permissions.to_wire(principal.disabled_permissions)}
    return {"@type": "Inherit"}

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The principal that a task logs in with: nobody may saw off the branch that the rest of the play sits on."""

from __future__ import annotations

from ..._errors import Refused
from ..._server.models.principal import Principal
from ..._server.port import Server

_LOGS_IN = frozenset({"individual", "api_key"})
#: The built-in roles that let a login manage others.
_MANAGING = frozenset({"admin", "tenant-admin"})
_AUTHENTICATE = "authenticate"


def refuse_lockout(server: Server, found: Principal, after: Principal | None) -> None:
    """Raise Refused where the login itself would be deleted, renamed, locked or lose its built-in role of an administrator.

    Asks who the login is only where the change is one of these.
    """
    harm = _harm(found, after)
    if harm and is_login(server, found):
        raise Refused(f"{found.name!r} is the login of this task, which would {harm} and lock itself out; use the login of another administrator.")


def is_login(server: Server, found: Principal | None) -> bool:
    """Whether the task logs in with it, by its name or one of its addresses."""
    return found is not None and found.type in _LOGS_IN and not {found.name, *found.emails}.isdisjoint(server.own_names())


def _harm(found: Principal, after: Principal | None) -> str:
    if after is None:
        return "delete itself"
    if after.name != found.name:
        return "rename itself"
    if _AUTHENTICATE in after.disabled_permissions and _AUTHENTICATE not in found.disabled_permissions:
        return f"take the permission {_AUTHENTICATE} from itself"
    lost = sorted(_MANAGING & set(found.roles) - set(after.roles))
    return f"take the role {lost[0]} from itself" if lost else ""

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account was given and denied before it was locked: kept on the server, so that unlocking restores exactly that."""

from __future__ import annotations

import typing as t

from ..._errors import PermissionDenied, Refused
from ..._reconcile.plan import Change
from ..._server.models.principal import Principal
from ..._server.port import Server
from . import plan
from .options import PrincipalOptions

_NOTE = "note"


def _is_renamed(found: Principal, wanted: PrincipalOptions) -> bool:
    return wanted.new_name is not None and wanted.new_name != found.name


def kept(server: Server, found: Principal | None, wanted: PrincipalOptions) -> tuple[str, ...]:
    """What was disabled, and marked, what was enabled by itself, before an account was locked; asked only when a locked one is to be changed.

    Raises Refused for a login that may not read it: to unlock would give more than was taken.
    """
    if found is None or not plan.is_locked(found):
        return ()
    if wanted.enabled is not True and not (wanted.enabled is False and wanted.receive) and not _is_renamed(found, wanted):
        return ()
    try:
        return tuple(filter(None, server.principals.note(found.name).split(",")))
    except PermissionDenied:
        if wanted.enabled is None:
            return ()
        raise Refused(
            f"enabled: what {found.name!r} could not do before it was locked stands in the server's settings, which this login may not read; "
            "give it the permission settings-list, or set disabled_permissions yourself."
        ) from None


def remember(server: Server, found: Principal, after: Principal, wanted: PrincipalOptions, kept: t.Sequence[str]) -> list[Change]:
    """The note to be made before an account is locked, or goes by another name, where it had some of what locking takes by itself, or disabled already."""
    name = after.name
    if plan.is_locked(found):
        noted = ",".join(kept) if wanted.enabled is not True and _is_renamed(found, wanted) else ""
    elif wanted.enabled is False:
        had = sorted(set(found.enabled_permissions) & set(after.disabled_permissions))
        noted = ",".join([*sorted({*plan.LOCKED, plan.RECEIVE} & set(found.disabled_permissions)), *(f"{plan.WAS_ENABLED}{each}" for each in had)])
        if not noted:
            return _without_old_note(server, after.name)
    else:
        noted = ""
    return [Change(_NOTE, name, "create", None, {"value": noted}, lambda: server.principals.keep_note(name, noted))] if noted else []


def _without_old_note(server: Server, name: str) -> list[Change]:
    """The end of a note that an earlier account of this name left, or a task that failed half-way: unlocking would go by it."""
    try:
        noted = server.principals.note(name)
    except PermissionDenied:
        return []
    return [_forgotten(server, name, noted)] if noted else []


def forget(server: Server, found: Principal, after: Principal, wanted: PrincipalOptions, kept: t.Sequence[str]) -> list[Change]:
    """The end of the note, once the account is unlocked or has it under its new name."""
    if not kept or not (wanted.enabled is True or _is_renamed(found, wanted)):
        return []
    return [_forgotten(server, found.name, ",".join(kept))]


def _forgotten(server: Server, name: str, noted: str) -> Change:
    return Change(_NOTE, name, "delete", {"value": noted}, None, lambda: server.principals.forget_note(name))

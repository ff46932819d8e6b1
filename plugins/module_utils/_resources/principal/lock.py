# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was disabled before an account was locked: kept on the server, so that unlocking restores exactly that."""

from __future__ import annotations

import typing as t

from ..._reconcile.plan import Change
from ..._server.models.principal import Principal
from ..._server.port import Server
from . import plan
from .options import PrincipalOptions

_KEPT = "stalwart-mail.kept-disabled-permissions"


def _kept_key(name: str) -> str:
    return f"{_KEPT}.{name}"


def kept_disabled(server: Server, found: Principal | None, wanted: PrincipalOptions) -> tuple[str, ...]:
    """What was disabled before an account was locked; asked only when a locked one is to be changed."""
    if found is None or wanted.enabled is None or not plan.is_locked(found) or (wanted.enabled is False and wanted.receive is not True):
        return ()
    return tuple(filter(None, server.settings.read(keys=[_kept_key(found.name)]).get(_kept_key(found.name), "").split(",")))


def remember(server: Server, found: Principal, after: Principal, wanted: PrincipalOptions, kept: t.Sequence[str]) -> list[Change]:
    """The note to be made before an account is locked, where some of what locking takes was disabled already."""
    if wanted.enabled is not False or plan.is_locked(found) or kept:
        return []
    before = sorted({*plan.LOCKED, plan.RECEIVE} & set(found.disabled_permissions))
    if not before:
        return []
    key = _kept_key(after.name)
    return [Change("setting", key, "create", None, {"value": ",".join(before)}, lambda: server.settings.insert({key: ",".join(before)}))]


def forget(server: Server, found: Principal, after: Principal, wanted: PrincipalOptions, kept: t.Sequence[str]) -> list[Change]:
    """The end of the note, once the account is unlocked."""
    if wanted.enabled is not True or not kept:
        return []
    key = _kept_key(found.name)
    return [Change("setting", key, "delete", {"value": ",".join(kept)}, None, lambda: server.settings.delete([key]))]

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reading of principals."""

from __future__ import annotations

import typing as t

from ..._errors import InvalidOption
from ..._reconcile.plan import Mode, Outcome
from ..._server.models.principal import Principal, PrincipalType
from ..._server.port import Server
from .._options import Item, Name, Options, one_or_more, read
from . import plan


class _InfoOptions(Options):
    names: tuple[Name, ...] = ()
    types: tuple[PrincipalType, ...] = ()
    text: str = ""
    fields: tuple[Item, ...] = ()


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Principals by name, or all of some types. Results: `principals`, `total`."""
    lists = {key: one_or_more(value) for key, value in options.items() if key in ("names", "types", "fields")}
    wanted = read(_InfoOptions, {**options, **lists})
    for field in wanted.fields:
        if field not in Principal.model_fields or field in ("password_hashes", "otp_url", "app_passwords"):
            raise InvalidOption("fields", f"{field!r} is no field that can be returned; choose from {', '.join(returnable_fields())}.")
    if wanted.names:
        found = [principal for name in wanted.names if (principal := server.principals.get(name)) is not None]
        if wanted.types:
            found = [principal for principal in found if principal.type in wanted.types]
    else:
        found = list(server.principals.find(types=wanted.types, text=wanted.text, fields=wanted.fields))
    kept = {"name", "type", *wanted.fields} if wanted.fields else None
    shown = [{key: value for key, value in plan.shown(principal).items() if kept is None or key in kept} for principal in found]
    return Outcome({"principals": shown, "total": len(shown)})


def returnable_fields() -> list[str]:
    """Names that `fields` takes."""
    return [field for field in Principal.model_fields if field not in ("name", "type", "password_hashes", "otp_url", "app_passwords")]

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a list of principals does not name and a purge removes, and what keeps it from removing too much."""

from __future__ import annotations

import math
import typing as t

from ..._deps import AfterValidator, Field
from ..._errors import InvalidOption, Refused
from ..._names import domain_of
from ..._server.models.principal import Principal, PrincipalType
from .._options import Domain, Options
from .options import WITH_MAIL


def _limit(value: str) -> str:
    text = value.strip()
    number = text.removesuffix("%").strip()
    if not (number.isascii() and number.isdigit()) or (text.endswith("%") and int(number) > 100):
        raise ValueError(f"{value!r} is no limit; use a number, or a percentage such as 10%")
    return text


class PurgeOptions(Options):
    """The scope of a purge and its limits."""

    purge: bool = False
    purge_types: tuple[PrincipalType, ...] = ()
    purge_domains: tuple[Domain, ...] = ()
    purge_limit: t.Annotated[str, AfterValidator(_limit)] = "10%"
    delete_mail: t.Annotated[int, Field(ge=0)] = 0


def doomed(wanted: PurgeOptions, named: t.Collection[str], found: t.Sequence[Principal]) -> list[Principal]:
    """Who is in scope and not named. Raises Refused for the whole task when they are more than the limits allow."""
    if not wanted.purge:
        return []
    if not wanted.purge_types and not wanted.purge_domains:
        raise InvalidOption("purge", "it needs a scope; set purge_types, purge_domains or both.")
    scope = [principal for principal in found if _in_scope(principal, wanted)]
    unnamed = [principal for principal in scope if principal.name not in named]
    limit = wanted.purge_limit
    most = math.ceil(len(scope) * int(limit.removesuffix("%")) / 100) if limit.endswith("%") else int(limit)
    if len(unnamed) > most:
        raise Refused(
            f"purge would delete {len(unnamed)} of {len(scope)} principals in scope ({_some(unnamed)}), more than purge_limit: {limit} allows ({most}); "
            "nothing was written. Complete the list, or raise the limit."
        )
    with_mail = [principal for principal in unnamed if principal.type in WITH_MAIL and principal.used_quota > 0]
    if len(with_mail) > wanted.delete_mail:
        raise Refused(
            f"purge would delete {len(with_mail)} principals that hold mail ({_some(with_mail)}), and delete_mail allows {wanted.delete_mail}; "
            "nothing was written. Complete the list, or raise delete_mail."
        )
    return unnamed


def require_unused_roles(gone: t.Sequence[Principal], remaining: t.Iterable[Principal]) -> None:
    """Raise Refused where somebody would lose a role that is purged: without one an account neither logs in nor receives mail."""
    roles = {principal.name for principal in gone if principal.type == "role"}
    for principal in remaining if roles else ():
        for role in roles.intersection(principal.roles):
            raise Refused(
                f"purge would delete the role {role!r}, which {principal.name!r} has; nothing was written. Add the role to the list, or take it from there."
            )


def _in_scope(principal: Principal, wanted: PurgeOptions) -> bool:
    if wanted.purge_types and principal.type not in wanted.purge_types:
        return False
    if not wanted.purge_domains:
        return True
    if principal.type == "domain":
        return principal.name in wanted.purge_domains
    return bool(principal.emails) and domain_of(principal.emails[0].lower()) in wanted.purge_domains


def _some(principals: t.Sequence[Principal], most: int = 5) -> str:
    names = ", ".join(principal.name for principal in principals[:most])
    return f"{names} and {len(principals) - most} more" if len(principals) > most else names

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which domains a server has, for tasks that a server does for any name, known or not."""

from __future__ import annotations

import typing as t

from .._deps import AfterValidator, BeforeValidator
from .._errors import PermissionDenied, Refused
from .._reconcile.plan import Mode
from .._server.models.principal import PrincipalType
from .._server.port import Server
from ._options import Domain, one_or_more, without_repeats

#: One domain or several, in their canonical spelling.
Domains = t.Annotated[tuple[Domain, ...], BeforeValidator(one_or_more), AfterValidator(without_repeats)]

_MOST_NAMED = 5


def require_domains(server: Server, domains: t.Sequence[str], mode: Mode) -> None:
    """Raise Refused unless the server has all of these domains. At most one request (a page); a login that may not look is let through.

    In check mode a warning instead, since an earlier task of the same play may be the one that creates them.
    """
    try:
        known = _known(server, domains)
    except PermissionDenied:
        return
    unknown = [domain for domain in dict.fromkeys(domains) if domain not in known]
    if unknown:
        named = ", ".join(map(repr, unknown[:_MOST_NAMED])) + (f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else "")
        what = "is no domain of the server; create it" if len(unknown) == 1 else "are no domains of the server; create them"
        problem = f"domain: {named} {what} first (module principal, type: domain), or correct the name."
        if not mode.check:
            raise Refused(problem)
        mode.warn(f"{problem} Without check mode this task fails, unless an earlier one creates what is missing.")


def _known(server: Server, domains: t.Sequence[str]) -> set[str]:
    if len(domains) == 1:
        found = server.principals.get(domains[0])
        return {found.name} if found is not None and found.type == "domain" else set()
    only_domains: tuple[PrincipalType, ...] = ("domain",)
    return {principal.name for principal in server.principals.find(types=only_domains, fields=("name",))} if domains else set()

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task on one principal."""

from __future__ import annotations

import typing as t

from ..._errors import InvalidOption, NotApplied
from ..._names import canonical_domain
from ..._reconcile.compare import difference
from ..._reconcile.plan import Mode, Outcome, after, apply
from ..._server.models.principal import Principal
from ..._server.port import Server
from .._options import read
from ..reload import refresh_recipients
from . import names, plan
from .directory import AskedDirectory
from .options import PrincipalOptions
from .planned import Planned, plan_one


class _ManageOptions(PrincipalOptions):
    reload: t.Literal["auto", "never"] = "auto"


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Make one principal as wanted. Results: `principal` (None when it is absent), `reloaded`."""
    wanted = read(_ManageOptions, options)
    directory = AskedDirectory(server)

    def tell(problem: str) -> None:
        mode.warn(f"{problem} Without check mode this task fails, unless an earlier one creates what is missing.")

    wanted, found = _named(server, wanted, directory) if server.principals.names_are_addresses else (wanted, _find(server, wanted, directory))
    planned = plan_one(server, found, wanted, directory, mode, missing=tell if mode.check else plan.refuse)
    apply(planned.changes, mode)
    secret = planned.secret(predicted=mode.check)
    shown = planned.shown()
    reloaded = False
    if planned.changes and not mode.check:
        with after(planned.changes, **({"secret": secret} if secret else {})):
            if wanted.reload == "auto" and planned.touches_recipients():
                reloaded = refresh_recipients(server, mode)
            if planned.target is not None and not planned.ends_login:
                shown = plan.shown(_confirmed(server, planned))
    results: dict[str, t.Any] = {"principal": shown, "reloaded": reloaded}
    if secret:
        results["secret"] = secret
    return Outcome(results, planned.changes)


Wanted = t.TypeVar("Wanted", bound=PrincipalOptions)


def _named(server: Server, wanted: Wanted, directory: AskedDirectory) -> tuple[Wanted, Principal | None]:
    """What the names mean where mailboxes are named by their addresses, and the principal that is meant."""
    wanted = t.cast(Wanted, names.key_named(wanted, directory.full_name, server.own_names))
    given = names.address_given(wanted) if names.is_short(wanted) else ""
    found = _find(server, wanted.model_copy(update={"name": given}) if given else wanted, directory)
    if found is None and wanted.type in names.MAILBOXES and names.is_short(wanted) and not given and wanted.state == "present":
        # one of another type is refused, as on servers where names are free, and not joined by a namesake in the default domain
        found = _find(server, wanted.model_copy(update={"type": None}), directory)
    if found is not None and found.type in names.MAILBOXES:
        name = found.name if found.name != wanted.new_name else wanted.name
    elif found is not None and found.name in (wanted.name, wanted.new_name):
        name = wanted.name
    else:
        name = names.new_address(server.principals, wanted) if names.is_short(wanted) else wanted.name
    wanted = t.cast(Wanted, names.completed(server.principals, wanted, name, directory.full_name))
    directory.know(found, name)
    return wanted, found


def _find(server: Server, wanted: PrincipalOptions, directory: AskedDirectory) -> Principal | None:
    tried = [wanted.name]
    if wanted.type == "domain":
        tried = [_domain_name(wanted.name)]
    if wanted.new_name is not None:
        tried.append(_domain_name(wanted.new_name) if wanted.type == "domain" else wanted.new_name)
    # what is gone or has another name after the first run would be another one for the second
    surely = {"unambiguous": True} if server.principals.names_are_addresses and (wanted.state == "absent" or wanted.new_name is not None) else {}
    for name in dict.fromkeys(tried):
        found = server.principals.get(name, kind=wanted.type, **surely)
        directory.know(found, name)
        if found is not None:
            return found
    return None


def _domain_name(name: str) -> str:
    try:
        return canonical_domain(name)
    except ValueError as error:
        raise InvalidOption("name", str(error)) from None


def _confirmed(server: Server, planned: Planned) -> Principal:
    """The principal as the server has it now. Raises NotApplied when it did not keep what it took."""
    target = t.cast(Principal, planned.target)
    now = server.principals.get(target.name, kind=target.type)
    done = {"changed": True, "operations": [change.operation() for change in planned.changes]}
    if now is None:
        raise NotApplied(f"the server answered success, but the principal {target.name!r} does not exist now; another run may have deleted it.", **done)
    wanted, found = ({key: value for key, value in plan.diffed(each).items() if key != "members"} for each in (target, now))
    missing, _other = difference(wanted, found)
    if missing:
        raise NotApplied(f"the server answered success for the principal {target.name!r}, but has other values now of: {', '.join(sorted(missing))}.", **done)
    return now

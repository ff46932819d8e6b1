# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks on one principal, and the reading of several."""

from __future__ import annotations

import typing as t

from ..._errors import InvalidOption, NotApplied, Refused
from ..._names import canonical_domain
from ..._reconcile.compare import difference
from ..._reconcile.plan import Change, Mode, Outcome, apply
from ..._server.models.principal import Principal, PrincipalType
from ..._server.port import Server
from .._options import Item, Name, Options, one_or_more, read
from ..reload import refresh_recipients
from . import plan
from .directory import AskedDirectory, Directory
from .options import PrincipalOptions

RESOURCE = "principal"

#: Below this settings prefix stands what was disabled before we locked an account, so that unlocking restores exactly that.
_KEPT = "stalwart-mail.kept-disabled-permissions"

# After a change of one of these, addresses that were refused before may be known to the server as refused still.
_RECIPIENT_FIELDS = frozenset({"name", "emails"})


class _ManageOptions(PrincipalOptions):
    reload: t.Literal["auto", "never"] = "auto"


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Make one principal as wanted. Results: `principal` (None when it is absent), `reloaded`."""
    wanted = read(_ManageOptions, options)
    directory = AskedDirectory(server)
    found = _find(server, wanted, directory)
    if found is None and wanted.state == "absent":
        return Outcome({"principal": None, "reloaded": False})
    if found is not None and wanted.type is not None and found.type != wanted.type:
        raise Refused(
            f"type: {found.name!r} exists as {plan.a(found.type)}, and a principal's type can't be changed; "
            f"choose another name than that of the {found.type}, or delete it first."
        )
    wanted = t.cast(_ManageOptions, wanted.for_type(found.type if found else wanted.type or "individual"))
    if found is not None and wanted.state == "absent":
        changes = [delete_change(server, found, wanted, directory)]
        after = None
    else:
        changes, after = present_changes(server, found, wanted, directory, mode)
    apply(changes, mode)
    reloaded = False
    if not mode.check:
        if wanted.reload == "auto" and touches_recipients(changes, after or found):
            reloaded = refresh_recipients(server, mode)
        if changes and after is not None:
            after = _confirmed(server, after)
    return Outcome({"principal": plan.shown(after) if after else None, "reloaded": reloaded}, changes)


def _find(server: Server, wanted: PrincipalOptions, directory: AskedDirectory) -> Principal | None:
    names = [wanted.name]
    if wanted.type == "domain":
        names = [_domain_name(wanted.name)]
    if wanted.new_name is not None:
        names.append(_domain_name(wanted.new_name) if wanted.type == "domain" else wanted.new_name)
    for name in dict.fromkeys(names):
        found = server.principals.get(name)
        directory.know(found, name)
        if found is not None:
            return found
    return None


def _domain_name(name: str) -> str:
    try:
        return canonical_domain(name)
    except ValueError as error:
        raise InvalidOption("name", str(error)) from None


def present_changes(server: Server, found: Principal | None, wanted: PrincipalOptions, directory: Directory, mode: Mode) -> tuple[list[Change], Principal]:
    """The changes that make a principal as wanted, and its state after them. Raises what stands in the way."""
    kept = _kept_disabled(server, found, wanted)
    after = plan.target(found, wanted, kept) if found else plan.new_principal(wanted)
    if found is not None:
        plan.check_rename(found, wanted, directory)
    plan.check(found, after, directory)
    secrets = plan.plan_secrets(found, wanted)
    for text in plan.warnings(found, after):
        mode.warn(text)
    secret_before, secret_after = plan.diffed_secrets(found, secrets)
    if found is None:
        create = server.principals.deploy if wanted.deploy else server.principals.create
        principal = after
        state = {**plan.diffed(after), **secret_after}
        after = after.model_copy(update=_secret_presence(None, secrets))
        return [Change(RESOURCE, principal.name, "create", None, state, lambda: create(plan.with_secrets(principal, secrets)))], after
    before_state, after_state = difference(plan.diffed(found), plan.diffed(after))
    before_state, after_state = {**before_state, **secret_before}, {**after_state, **secret_after}
    if not before_state and not after_state:
        return [], found
    old, new = found, after
    action = "rename" if old.name != new.name else "update"
    changes = [*_remember(server, old, new, wanted, kept)]
    changes.append(Change(RESOURCE, old.name, action, before_state, after_state, lambda: server.principals.update(old, plan.edits(old, new, secrets))))
    changes += _forget(server, old, new, wanted, kept)
    return changes, after.model_copy(update=_secret_presence(found, secrets))


def _secret_presence(found: Principal | None, secrets: plan.Secrets) -> dict[str, t.Any]:
    """Which secrets there are after the change: for results, which tell presence only."""
    names = {*(found.app_passwords if found else ()), *(each.name for each in secrets.app_passwords)} - set(secrets.removed_app_passwords)
    update: dict[str, t.Any] = {"app_passwords": dict.fromkeys(sorted(names), "")}
    if secrets.password_changes:
        update["password_hashes"] = ("",)
    if secrets.otp_url is not None:
        update["otp_url"] = secrets.otp_url
    return update


def delete_change(server: Server, found: Principal, wanted: PrincipalOptions, directory: Directory) -> Change:
    """The deletion. Raises Refused when it would lose mail and the option for that is not set."""
    plan.check_delete(found, wanted, directory, lambda: [signature.id for signature in server.signatures.find({found.name})])
    return Change(RESOURCE, found.name, "delete", plan.diffed(found), None, lambda: server.principals.delete(found))


def touches_recipients(changes: t.Sequence[Change], principal: Principal | None) -> bool:
    """Whether a change may concern an address that the server has refused before."""
    if principal is None or not (principal.emails or principal.type == "domain" or any("emails" in change.fields for change in changes)):
        return False
    return any(change.action in ("create", "delete") or _RECIPIENT_FIELDS & set(change.fields) for change in changes)


def _confirmed(server: Server, after: Principal) -> Principal:
    """The principal as the server has it now. Raises NotApplied when it did not keep what it took."""
    now = server.principals.get(after.name)
    if now is None:
        raise NotApplied(f"the server answered success, but the principal {after.name!r} does not exist now; another run may have deleted it.")
    missing, _other = difference({k: v for k, v in plan.diffed(after).items() if k != "members"}, {k: v for k, v in plan.diffed(now).items() if k != "members"})
    if missing:
        raise NotApplied(f"the server answered success for the principal {after.name!r}, but has other values now of: {', '.join(sorted(missing))}.")
    return now


# Locked accounts


def _kept_key(name: str) -> str:
    return f"{_KEPT}.{name}"


def _kept_disabled(server: Server, found: Principal | None, wanted: PrincipalOptions) -> tuple[str, ...]:
    """What was disabled before an account was locked; asked only when a locked one is to be changed."""
    if found is None or wanted.enabled is None or not plan.is_locked(found) or (wanted.enabled is False and wanted.receive is not True):
        return ()
    return tuple(filter(None, server.settings.read(keys=[_kept_key(found.name)]).get(_kept_key(found.name), "").split(",")))


def _remember(server: Server, found: Principal, after: Principal, wanted: PrincipalOptions, kept: t.Sequence[str]) -> list[Change]:
    if wanted.enabled is not False or plan.is_locked(found) or kept:
        return []
    before = sorted({*plan.LOCKED, plan.RECEIVE} & set(found.disabled_permissions))
    if not before:
        return []
    key = _kept_key(after.name)
    return [Change("setting", key, "create", None, {"value": ",".join(before)}, lambda: server.settings.insert({key: ",".join(before)}))]


def _forget(server: Server, found: Principal, after: Principal, wanted: PrincipalOptions, kept: t.Sequence[str]) -> list[Change]:
    if wanted.enabled is not True or not kept:
        return []
    key = _kept_key(found.name)
    return [Change("setting", key, "delete", {"value": ",".join(kept)}, None, lambda: server.settings.delete([key]))]


# Reading


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

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One principal's way from found to wanted, ready to be written by itself or among many."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._errors import Refused
from ..._passwords import already_set
from ..._reconcile.compare import difference
from ..._reconcile.plan import Change, Mode
from ..._secrets import GENERATED
from ..._server.models.principal import Principal, PrincipalWrite
from ..._server.port import Server
from . import lock, own, plan
from .directory import Directory
from .options import PrincipalOptions

RESOURCE = "principal"

# After a change of one of these, addresses that were refused before may be known to the server as refused still.
_RECIPIENT_FIELDS = frozenset({"name", "emails"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrincipalChange(Change):
    """A change that may be sent together with others. `prepare` makes the hashes; `take` is given what the server made."""

    prepare: t.Callable[[], PrincipalWrite] = dataclasses.field(repr=False, compare=False)
    take: t.Callable[[str], object] = dataclasses.field(repr=False, compare=False)


@dataclasses.dataclass(frozen=True)
class Planned:
    """What is to become of one principal. `target` is None where it shall be absent; `changes` is empty where all is as wanted."""

    found: Principal | None
    target: Principal | None
    secrets: plan.Secrets = plan.NO_SECRETS
    deploy: bool = False
    changes: t.Sequence[Change] = ()
    #: Whether the password is replaced with which the task logs in, so that nothing can be asked any more.
    ends_login: bool = False
    #: The secret that was made for it, once it was.
    made: list[str] = dataclasses.field(default_factory=list, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name by which the server knows it before the change."""
        principal = self.found or self.target
        return principal.name if principal else ""

    def secret(self, *, predicted: bool) -> str:
        """The secret that was made for it, or would be; else ""."""
        would_make = predicted and self.found is None and self.target is not None and plan.gets_secret(self.target, self.secrets)
        return GENERATED if would_make else next(iter(self.made), "")

    def shown(self) -> dict[str, t.Any] | None:
        """It as results return it, after the change."""
        if self.target is None:
            return None
        return plan.shown(self.target.model_copy(update=_secret_presence(self.found, self.secrets)))

    def touches_recipients(self) -> bool:
        """Whether the changes may concern an address that the server has refused before."""
        if not self.changes:
            return False
        principals = [principal for principal in (self.found, self.target) if principal is not None]
        if not any(principal.emails or principal.type == "domain" for principal in principals):
            return False
        return any(concerns_recipients(change) for change in self.changes)


def concerns_recipients(change: Change) -> bool:
    """Whether a change may concern an address that the server has refused before, if its principal has any."""
    return change.action in ("create", "delete") or bool(_RECIPIENT_FIELDS & set(change.fields))


def suits(wanted: PrincipalOptions, found: Principal | None) -> PrincipalOptions:
    """The wanted principal read as one of its type. Raises Refused where the name is that of another type, InvalidOption for fields it can't have."""
    if found is not None and wanted.type is not None and found.type != wanted.type:
        raise Refused(
            f"type: {found.name!r} exists as {plan.a(found.type)}, and a principal's type can't be changed; "
            f"choose another name than that of the {found.type}, or delete it first."
        )
    return wanted.for_type(found.type if found else wanted.type or "individual")


def plan_one(
    server: Server,
    found: Principal | None,
    wanted: PrincipalOptions,
    directory: Directory,
    mode: Mode,
    matches: plan.Matches = already_set,
    missing: plan.Missing = plan.refuse,
) -> Planned:
    """The plan for one principal. Raises what stands in the way."""
    wanted = suits(wanted, found)
    if wanted.state == "absent":
        return _plan_absent(server, found, wanted, directory)
    kept = lock.kept(server, found, wanted)
    after = plan.target(found, wanted, kept) if found else plan.new_principal(wanted)
    principals = server.principals
    after, meant = principals.expected(found, after), after
    secrets = plan.plan_secrets(found, wanted, matches, tells_hashes=principals.tells_hashes)
    secrets, untaken = plan.without_made_secrets(after, secrets) if principals.makes_keys else (secrets, [])
    for text in (
        *plan.left_out(meant, after),
        *untaken,
        *plan.warnings(found, after),
        *plan.unread_secrets(found, wanted, tells_hashes=principals.tells_hashes),
    ):
        mode.warn(text)
    if not principals.tells_hashes:
        plan.check_codes(found, after, secrets)
    if (after is found or after == found) and not secrets.any_changes:
        return Planned(found, found)
    if found is not None:
        own.refuse_lockout(server, found, after)
        plan.check_rename(found, wanted, directory)
    plan.check(found, after, directory, missing, guards_tenants=principals.guards_references)
    plan.check_permissions(found, after, principals.known_permissions)
    made: list[str] = []
    change = write(server, found, after, secrets, deploy=wanted.deploy, made=made)
    if found is None:
        return Planned(None, after, secrets, deploy=wanted.deploy, changes=[change], made=made)
    ends_login = secrets.password_changes and own.is_login(server, found)
    if ends_login:
        mode.warn(f"{found.name!r} is the login of this task; tasks after it that log in by its password need the new one.")
    around = lock.remember(server, found, after, wanted, kept), lock.forget(server, found, after, wanted, kept)
    return Planned(found, after, secrets, changes=[*around[0], change, *around[1]], ends_login=ends_login)


def write(
    server: Server,
    found: Principal | None,
    after: Principal,
    secrets: plan.Secrets = plan.NO_SECRETS,
    *,
    deploy: bool = False,
    made: list[str] | None = None,
) -> Change:
    """The one write that makes `after` out of what was found. What the server makes for it is added to `made`."""
    secret_before, secret_after = plan.diffed_secrets(found, secrets)

    def take(secret: str) -> None:
        if secret and made is not None:
            made.append(secret)

    if found is None:
        create = server.principals.deploy if deploy else server.principals.create
        state = {**plan.diffed(after), **secret_after, **({"secret": GENERATED} if plan.gets_secret(after, secrets) else {})}
        return PrincipalChange(
            RESOURCE,
            after.name,
            "create",
            None,
            state,
            lambda: take(create(plan.with_secrets(after, secrets))),
            prepare=lambda: PrincipalWrite("create", plan.with_secrets(after, secrets)),
            take=take,
        )
    before_state, after_state = difference(plan.diffed(found), plan.diffed(after))
    before_state, after_state = {**before_state, **secret_before}, {**after_state, **secret_after}
    return PrincipalChange(
        RESOURCE,
        found.name,
        "rename" if found.name != after.name else "update",
        before_state,
        after_state,
        lambda: server.principals.update(found, plan.edits(found, after, secrets)),
        prepare=lambda: PrincipalWrite("update", found, tuple(plan.edits(found, after, secrets))),
        take=take,
    )


def _plan_absent(server: Server, found: Principal | None, wanted: PrincipalOptions, directory: Directory) -> Planned:
    if found is None:
        return Planned(None, None)
    own.refuse_lockout(server, found, None)
    plan.check_delete(
        found,
        wanted,
        directory,
        lambda: [signature.id for signature in server.signatures.find({found.name})],
        (lambda: server.principals.other_users(found)) if server.principals.guards_references else None,
    )
    change = PrincipalChange(
        RESOURCE,
        found.name,
        "delete",
        plan.diffed(found),
        None,
        lambda: server.principals.delete(found),
        prepare=lambda: PrincipalWrite("delete", found),
        take=lambda _secret: None,
    )
    return Planned(found, None, changes=[change])


def _secret_presence(found: Principal | None, secrets: plan.Secrets) -> dict[str, t.Any]:
    """Which secrets there are after the change: for results, which tell presence only."""
    names = {*(found.app_passwords if found else ()), *(each.name for each in secrets.app_passwords)} - set(secrets.removed_app_passwords)
    update: dict[str, t.Any] = {"app_passwords": dict.fromkeys(sorted(names), "")}
    if secrets.password_changes:
        update["password_hashes"] = ("",)
    if secrets.otp_url is not None:
        update["otp_url"] = secrets.otp_url
    return update

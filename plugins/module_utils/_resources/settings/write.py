# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guarded write of settings: checked before and after, read back, made live, and put back when the server finds it wrong.

A server stores anything, and a reload with any error applies nothing, so a bad value would sit there unseen until it
blocks every later change.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._errors import AuthenticationFailed, ConnectionFailed, NotApplied, PartlyDone, PermissionDenied, Refused, ServerError, StalwartError
from ..._reconcile.plan import Mode
from ..._server.models.server import ReloadPart
from ..._server.port import Server
from ..reload import sentence
from .plan import RESTART, Plan, some

LocalKeys = t.Literal["refuse", "warn", "allow"]


@dataclasses.dataclass(frozen=True)
class Written:
    """What became of a write. With `stored_only` it is not live; the errors are those that kept the server from a reload."""

    reloaded: bool = False
    stored_only: bool = False
    errors: dict[str, str] = dataclasses.field(default_factory=dict)
    warnings: dict[str, str] = dataclasses.field(default_factory=dict)


def check_local(server: Server, plan: Plan, policy: LocalKeys, mode: Mode) -> None:
    """Refuse, or warn, when a write would make the server rewrite its own file. Raises Refused."""
    if policy == "allow" or not plan.touched:
        return
    patterns = server.settings.local_key_patterns()
    local = [key for key in plan.touched if server.settings.is_local(key, patterns)]
    if not local:
        return
    one = len(local) == 1
    where = f"{some(local)} {'is a local key' if one else 'are local keys'}, which the server keeps in its own file config.toml"
    if policy == "warn":
        mode.warn(f"{where}; the server writes that file anew for this task, without its comments.")
        return
    raise Refused(
        f"local_keys: {where}; a write through the API rewrites that file without its comments. "
        f"Change {'it' if one else 'them'} in config.toml on the server, or set local_keys: allow."
    )


def check_before(server: Server, plan: Plan, *, ignore: bool, reload: bool, mode: Mode) -> dict[str, str]:
    """The errors that the stored settings have already and that this plan does not repair. Raises Refused unless they are to be ignored."""
    try:
        errors = server.reload(dry_run=True).errors
    except PermissionDenied:
        if reload:
            raise
        mode.warn("the settings are stored without a check for errors, since this login may not ask for one (permission settings-reload).")
        return {}
    foreign = {key: problem for key, problem in errors.items() if not _concerns(key, plan)}
    if foreign and not ignore:
        raise Refused(
            "nothing was written: there are errors in the server's settings already, and a reload with any error applies nothing. "
            f"Correct them first, or set ignore_existing_errors: true to store without making live. The errors: {sentence(foreign)}",
            setting_errors=foreign,
        )
    return foreign


def check_stored(server: Server, plan: Plan) -> None:
    """Refuse what is stored as wanted already but wrong, as a run leaves it that ended before the server's judgement, or before it put back its own."""
    try:
        errors = server.reload(dry_run=True).errors
    except PermissionDenied:
        return
    wrong = {key: problem for key, problem in errors.items() if _names_one_of(key, plan.after)}
    if wrong:
        raise Refused(f"the settings are stored as wanted, but the server finds errors in them and applies nothing: {sentence(wrong)}", setting_errors=wrong)


def carry_out(
    server: Server, plan: Plan, *, reload: bool, rollback: bool, existing: t.Mapping[str, str], mode: Mode, part: ReloadPart = "all", check: bool = True
) -> Written:
    """Write the plan: first what is new, then what goes, then read back, then reload.

    `existing` are errors from before, which stay and keep the server from applying anything. `check` false trusts a reload of
    a part alone. Raises Refused or NotApplied when nothing is left of the write, PartlyDone when something is.
    """
    try:
        _write(server, plan)
    except (PermissionDenied, AuthenticationFailed):
        raise  # of the first request, so nothing was written
    except ConnectionFailed as error:
        raise _unknown(plan, error) from error
    except ServerError as error:
        raise _undone(server, plan, error, rollback) from error
    try:
        _verify(server, plan)
        report = server.reload(part=part) if reload and not existing else server.reload(dry_run=True) if check else None
    except PermissionDenied as error:
        if reload:
            raise _undone(server, plan, error, rollback) from error
        report = None  # said before the write
    except ConnectionFailed as error:
        raise _unknown(plan, error) from error
    except (ServerError, NotApplied) as error:
        raise _undone(server, plan, error, rollback) from error
    if report is None:
        return Written(stored_only=True)
    new = {key: problem for key, problem in report.errors.items() if key not in existing}
    if new:
        refusal = Refused(f"the server finds errors in the settings as written: {sentence(new)}", setting_errors=new)
        raise _undone(server, plan, refusal, rollback)
    if existing:
        mode.warn(f"stored, not live: a reload applies nothing while other settings have errors; correct them and reload: {sentence(existing)}")
    reloaded = reload and not existing
    restart = sorted({prefix for prefix in RESTART for key in plan.touched if key.startswith(f"{prefix}.")})
    if restart and reloaded:
        mode.warn(f"changes below {', '.join(restart)} are live only after a restart of the server, which can't be asked for through its API.")
    return Written(reloaded, not reloaded or bool(restart), dict(existing), report.warnings)


def _concerns(error_key: str, plan: Plan) -> bool:
    """Whether an error is about what the plan writes; the server names the setting, one of its elements, or the record it is in."""
    return _names_one_of(error_key, plan.touched)


def _names_one_of(error_key: str, keys: t.Iterable[str]) -> bool:
    return any(key == error_key or key.startswith(f"{error_key}.") or error_key.startswith(f"{key}.") for key in keys)


def _unknown(plan: Plan, error: ConnectionFailed) -> PartlyDone:
    # whether the server took it can't be known, and it is not there to be told otherwise
    # a run that finds all of them stored reloads nothing
    return PartlyDone(f"{error}; some of the settings may be stored and not live; run the task again, and stalwart.mail.reload after it", [], _operations(plan))


def _write(server: Server, plan: Plan) -> None:
    if plan.writes:
        server.settings.insert(plan.writes)
    if plan.deletions:
        server.settings.delete(plan.deletions)


def _verify(server: Server, plan: Plan) -> None:
    """Raises NotApplied unless the server reads back what was written."""
    now = server.settings.read(keys=plan.touched)
    wrong = sorted({key for key, text in plan.writes.items() if now.get(key) != text} | (set(plan.deletions) & set(now)))
    if wrong:
        raise NotApplied(
            f"the server answered success, but these settings are not as written: {some(wrong)}. "
            "A key that stands in the server's own file config.toml wins over a stored one, so change it there; or another run wrote it meanwhile"
        )


def _undone(server: Server, plan: Plan, error: StalwartError, rollback: bool) -> StalwartError:
    """The failure to raise, after what was written has been put back."""
    cause = str(error).rstrip(".")
    if not rollback:
        return PartlyDone(f"{cause}. What this task wrote is still stored, but not live (rollback: false)", _operations(plan), [])
    reverse = Plan(
        writes={key: plan.before[key] for key in plan.touched if key in plan.before},
        deletions=[key for key in plan.touched if key not in plan.before],
    )
    try:
        _write(server, reverse)
        _verify(server, reverse)
    except StalwartError as second:
        return PartlyDone(
            f"{cause}. Putting back what this task wrote failed too ({second}); check these settings: {some(plan.touched)}", _operations(plan), []
        )
    kind = type(error) if isinstance(error, Refused | NotApplied) else Refused
    return kind(f"{cause}. What this task wrote was put back, nothing is changed.", **error.details)


def _operations(plan: Plan) -> list[dict[str, t.Any]]:
    return [change.operation() for change in plan.changes]

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making things live: the reload after a change, and the task that reloads."""

from __future__ import annotations

import typing as t

from .._errors import ConnectionFailed, Refused, ServerError
from .._reconcile.plan import Change, Mode, Outcome
from .._server.models.server import ReloadPart, ReloadReport
from .._server.port import Server
from ._options import Options, read

# What a reload of one part reads; with an error elsewhere it is done all the same.
_PART_PREFIXES: dict[ReloadPart, str] = {"all": "", "lookup": "lookup", "certificate": "certificate", "blocked_ip": "server.blocked-ip"}


def refresh_recipients(server: Server, mode: Mode) -> bool:
    """Make the server forget which recipients it refused (0.13 to 0.15 remember for an hour). Warns where that can't be done."""
    return make_live(server, mode, "addresses that the server refused before may be refused for up to an hour")


def make_live(server: Server, mode: Mode, consequence: str) -> bool:
    """Reload after a change that is stored. Where that can't be done, warns of the consequence and answers False.

    Servers since 0.16 apply principals and signatures at once, and are not asked to read all their settings anew.
    """
    if server.generation == "jmap":
        return True
    try:
        report = server.reload()
    except (ConnectionFailed, ServerError) as error:
        mode.warn(f"the change is made, but the server did not reload ({error}); {consequence}. Run stalwart.mail.reload when it answers again.")
        return False
    if report.errors:
        mode.warn(
            f"the change is made, but a reload applies nothing while settings have errors, so {consequence}; "
            f"correct these settings and reload: {sentence(report.errors)}"
        )
        return False
    return True


def sentence(problems: t.Mapping[str, str], most: int = 5) -> str:
    """Settings keys with what is wrong with each, in one line."""
    told = [f"{key} ({problem})" for key, problem in list(problems.items())[:most]]
    rest = len(problems) - len(told)
    return ", ".join(told) + (f" and {rest} more" if rest else "") + "."


class _ReloadOptions(Options):
    part: ReloadPart = "all"
    validate_only: bool = False


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Reload, or only validate. Results: `reloaded`, `setting_errors`, `setting_warnings`. Errors fail the task, although the server answers 200.

    In check mode, and with `validate_only`, the server only checks.
    """
    wanted = read(_ReloadOptions, options)
    only_check = mode.check or wanted.validate_only
    report = _checked(server, wanted, mode) if only_check else server.reload(part=wanted.part)
    if report.errors:
        consequence = "a reload would apply nothing" if only_check else "the server applied nothing"
        raise Refused(
            f"settings have errors, so {consequence}; correct them and reload: {sentence(report.errors)}",
            setting_errors=report.errors,
            setting_warnings=report.warnings,
        )
    changes = [] if wanted.validate_only else [Change("reload", wanted.part, "reload", {}, {}, lambda: None)]
    return Outcome({"reloaded": not only_check, "setting_errors": report.errors, "setting_warnings": report.warnings}, changes)


def _checked(server: Server, wanted: _ReloadOptions, mode: Mode) -> ReloadReport:
    """What a reload of the part would say. The server checks everything at once, so what the part does not read is left out."""
    try:
        report = server.reload(dry_run=True)
    except Refused as reason:
        if wanted.validate_only:
            raise Refused(f"validate_only: {reason} Remove the option, and let the task reload.") from None
        mode.warn(f"whether a reload would succeed is not known: {reason}")
        return ReloadReport()
    prefix = _PART_PREFIXES[wanted.part]
    return ReloadReport(errors=_below(report.errors, prefix), warnings=_below(report.warnings, prefix))


def _below(problems: t.Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key: problem for key, problem in problems.items() if not prefix or key == prefix or key.startswith(f"{prefix}.")}

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making things live: the reload after a change, and the task that reloads."""

from __future__ import annotations

import typing as t

from .._errors import Refused, ServerError
from .._reconcile.plan import Change, Mode, Outcome
from .._server.models.server import ReloadReport
from .._server.port import Server
from ._options import Options, read

PARTS = ("all", "lookup", "certificate", "blocked_ip")
_PART_NAMES = {"all": "", "lookup": "lookup", "certificate": "certificate", "blocked_ip": "server.blocked-ip"}


def refresh_recipients(server: Server, mode: Mode) -> bool:
    """Make the server forget which recipients it refused (0.13 to 0.15 remember for an hour). Warns where that can't be done."""
    return make_live(server, mode, "addresses that the server refused before may be refused for up to an hour")


def make_live(server: Server, mode: Mode, consequence: str) -> bool:
    """Reload after a change that is stored. Where that can't be done, warns of the consequence and answers False."""
    try:
        report = server.reload()
    except ServerError as error:
        mode.warn(f"the change is made, but the server did not reload ({error}); {consequence}.")
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
    part: t.Literal["all", "lookup", "certificate", "blocked_ip"] = "all"
    validate_only: bool = False


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Reload, or only validate. Results: `errors`, `warnings`, `reloaded`. Errors fail the task, although the server answers 200.

    In check mode, and with `validate_only`, the server only checks.
    """
    wanted = read(_ReloadOptions, options)
    only_check = mode.check or wanted.validate_only
    # The server checks everything at once; a part can be reloaded, but not checked by itself.
    report = server.reload(dry_run=True) if only_check else server.reload(part=_PART_NAMES[wanted.part])
    _require_no_errors(report, only_check)
    changes = [] if wanted.validate_only else [Change("reload", wanted.part, "reload", {}, {}, lambda: None)]
    return Outcome({"reloaded": not only_check, "setting_errors": report.errors, "setting_warnings": report.warnings}, changes)


def _require_no_errors(report: ReloadReport, only_check: bool) -> None:
    if report.errors:
        consequence = "a reload would apply nothing" if only_check else "the server applied nothing"
        raise Refused(f"settings have errors, so {consequence}; correct them and reload: {sentence(report.errors)}")

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The web administration that the server fetches and serves."""

from __future__ import annotations

import typing as t

from .._errors import NotApplied, ServerFault
from .._reconcile.plan import Change, Mode, Outcome, apply
from .._server.port import Server
from ._options import Options, read

Fetched = t.TypeVar("Fetched")


def fetching(run: t.Callable[[], Fetched]) -> Fetched:
    """Run what lets the server fetch something from the network; it does not tell why it could not."""
    try:
        return run()
    except ServerFault as error:
        raise NotApplied(
            f"{error}; servers answer so when they can't fetch what they need from the network. Let the server reach it, and run the task again."
        ) from None


class _WebadminOptions(Options):
    state: t.Literal["latest"] = "latest"


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Let the server fetch it anew. It does not tell which version it has, so this counts as changed."""
    read(_WebadminOptions, options)
    changes = [Change("webadmin", "webadmin", "update", {}, {}, lambda: fetching(server.update_webadmin))]
    apply(changes, mode)
    return Outcome({"webadmin": {"state": "latest"}}, changes)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server is, how it is, and what the login may do."""

from __future__ import annotations

import typing as t

from .._errors import ConnectionFailed, InvalidOption, Refused
from .._reconcile.plan import Mode, Outcome
from .._server.port import Server
from ._options import Options, read
from ._waiting import wait_until


class _ServerOptions(Options):
    wait: bool = False
    wait_timeout: float = 60.0


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Health, version, edition, API generation and permissions. Results: `server` with these.

    With `wait` it is asked until it is ready. Raises Refused when it is not within the time limit.
    """
    wanted = read(_ServerOptions, options)
    if not 0 < wanted.wait_timeout <= 86400:
        raise InvalidOption("wait_timeout", f"{wanted.wait_timeout:g} is no time limit; use a number of seconds above 0, a day at most.")
    if wanted.wait:
        _wait(server, wanted.wait_timeout)
    live, ready = (True, True) if wanted.wait else (server.healthy(ready=False), server.healthy(ready=True))
    about = server.about()
    return Outcome(
        {
            "server": {
                "live": live,
                "ready": ready,
                "version": about.version,
                "edition": about.edition,
                "api": about.generation,
                "permissions": list(about.permissions),
            }
        }
    )


def _wait(server: Server, seconds: float) -> None:
    reason = ""

    def is_ready() -> bool:
        nonlocal reason
        try:
            if server.healthy(ready=True):
                return True
            reason = "it answers, but is not ready"
        except ConnectionFailed as error:
            reason = str(error)
        return False

    if not wait_until(is_ready, seconds):
        raise Refused(f"the server was not ready within {seconds:g} seconds: {reason}.")

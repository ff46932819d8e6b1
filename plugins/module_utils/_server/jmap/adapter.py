# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port over JMAP, put together: one cached property an area."""

from __future__ import annotations

from ..._http import HttpClient
from ..health import is_healthy
from ..models.server import About, parse_version
from ._call import JmapCaller


class JmapServer:
    """A server of 0.16 or later. Nothing is sent before a method is called."""

    def __init__(self, client: HttpClient, server_version: str = "") -> None:
        self._caller = JmapCaller(client)
        self._version = parse_version(server_version) if server_version else ()

    # Areas: an import above, a property here.

    def about(self) -> About:
        """One request. No answer tells the version, so it is as the option server_version says."""
        told = self._caller.call("GET", "account", resource="account")
        return About(
            version=".".join(map(str, self._version)),
            edition="enterprise" if told.get("edition") == "enterprise" else "community",
            generation="jmap",
            permissions=tuple(sorted(told.get("permissions", ()))),
        )

    def version(self) -> tuple[int, ...]:
        """As the option server_version says; else only the first of this generation, since no answer tells it."""
        return self._version or FIRST_VERSION

    def own_address(self) -> str:
        """As the socket has it. A server behind a proxy sees the proxy, or what that tells it."""
        return self._caller.client.local_address

    def healthy(self, *, ready: bool) -> bool:
        """GET /healthz/live or /healthz/ready, without a login."""
        return is_healthy(self._caller.client, ready=ready)


#: The first version that has this API.
FIRST_VERSION = (0, 16)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which adapter speaks with a server."""

from __future__ import annotations

import typing as t

from .._errors import Refused
from .._http import Connection, client_for
from .port import Server
from .rest.adapter import RestServer

Generation = t.Literal["auto", "rest", "jmap"]


def connect(connection: Connection, *, api: Generation = "auto", server_version: str = "") -> Server:
    """The server of a connection. Sends nothing by itself."""
    if api == "jmap":
        raise Refused("api: servers since 0.16 speak JMAP, which this version of the collection does not; it manages servers 0.13 to 0.15 (api: rest).")
    return RestServer(client_for(connection), server_version)

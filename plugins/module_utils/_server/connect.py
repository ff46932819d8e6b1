# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which adapter speaks with a server."""

from __future__ import annotations

import contextlib
import functools
import types
import typing as t

from .._errors import NotFound, OneTimeCodeMissing, Refused
from .._http import Connection, HttpClient, client_for
from .._otp import split_code
from .health import is_healthy
from .port import Account, Server

Generation = t.Literal["auto", "rest", "jmap"]


def connect(connection: Connection, *, api: Generation = "auto", server_version: str = "") -> Server:
    """The server of a connection. Sends nothing by itself: with `auto` the first thing that is asked of the server finds out its generation."""
    client = client_for(connection)
    if api != "auto":
        return _adapter(api)(client, server_version)
    return t.cast(Server, _FoundOut(client, server_version))


def prepare(areas: t.Collection[str] = ()) -> None:
    """Load both adapters before a process forks, and of them these areas: an area loads what it needs when it is made, which sends nothing."""
    client = t.cast(HttpClient, types.SimpleNamespace(connection=Connection("http://127.0.0.1", token="none")))
    for generation in ("rest", "jmap"):
        server = _adapter(generation)(client, "")
        for area in areas:
            with contextlib.suppress(Refused):  # what a generation has not
                getattr(server, area)


def _adapter(generation: str) -> t.Callable[[HttpClient, str], Server]:
    # A module that runs by itself compiles what it imports each time, so it takes only the adapter that it needs.
    if generation == "jmap":
        from .jmap.adapter import JmapServer

        return t.cast("t.Callable[[HttpClient, str], Server]", JmapServer)
    from .rest.adapter import RestServer

    return RestServer


class _FoundOut:
    """Becomes the adapter that speaks with the server, by one cheap request before the first thing that needs it."""

    def __init__(self, client: HttpClient, server_version: str) -> None:
        self._client = client
        self._server_version = server_version

    def healthy(self, *, ready: bool) -> bool:
        """The same everywhere, and asked before there is anything to find out."""
        return is_healthy(self._client, ready=ready)

    @property
    def account(self) -> Account:
        """Here a login may be a former one, and its refusal must be the answer to what is asked: so nothing is asked with it before."""
        if self._client.generation is None:
            self._client.generation = _generation_without_login(self._client)
        return self._server.account

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._server, name)

    @functools.cached_property
    def _server(self) -> Server:
        if self._client.generation is None:
            self._client.generation = _generation(self._client)
        return _adapter(self._client.generation)(self._client, self._server_version)


def _generation(client: HttpClient) -> Generation:
    """Both generations refuse a wrong login here, so there is never a second one; only the newer one has the address."""
    if split_code(client.connection.password)[1]:
        return _generation_without_login(client)  # the newer one would refuse such a password
    try:
        answer = client.request("GET", ("api", "account"))
    except NotFound:
        return "rest"
    except OneTimeCodeMissing:
        return _generation_without_login(client)
    found = answer.json() if "json" in answer.content_type else None
    return "jmap" if isinstance(found, dict) and "permissions" in found else "rest"


def _generation_without_login(client: HttpClient) -> Generation:
    """By where codes of OAuth are made (RFC 8414), which both tell anyone."""
    found = client.request("GET", (".well-known", "oauth-authorization-server"), authenticated=False).json()
    endpoint = str(found.get("authorization_endpoint", "")) if isinstance(found, dict) else ""
    return "rest" if endpoint.endswith("/authorize/code") else "jmap"

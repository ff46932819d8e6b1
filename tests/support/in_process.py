# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in without a process or a port: its application answers the client's requests in the same thread."""

from __future__ import annotations

import asyncio
import typing as t

import httpx

from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection, HttpClient
from tests.stand_in.app import Application
from tests.stand_in.mail.resolver import Resolver
from tests.stand_in.state import Ports, Server, parse_version


class InProcess(httpx.BaseTransport):
    """Requests to an application, each by itself; `requests` are all that were sent, as (method, path, body)."""

    def __init__(self, version: str) -> None:
        self.application = Application(Server(parse_version(version), False, Ports(80, None, None), None, resolver=Resolver(None)))
        self.requests: list[tuple[str, str, bytes]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request.method, request.url.path, request.content))
        return asyncio.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        scope: dict[str, t.Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": "http",
            "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 40000),
            "root_path": "",
        }
        sent: list[dict[str, t.Any]] = []

        async def receive() -> dict[str, t.Any]:
            return {"type": "http.request", "body": request.content, "more_body": False}

        async def send(message: t.MutableMapping[str, t.Any]) -> None:
            sent.append(dict(message))

        await self.application(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=body)


def client(transport: httpx.BaseTransport, *, password: str = "secret-admin") -> HttpClient:
    """A client of the administrator."""
    return HttpClient(Connection(url="http://127.0.0.1", user="admin", password=password, retries=0), transport)

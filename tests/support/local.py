# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stand-in servers within the test's own process: up in milliseconds, so that each of thousands of runs gets a fresh one."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import socket
import ssl
import threading
import time
import typing as t

import uvicorn

from tests.stand_in.app import Application
from tests.stand_in.state import Ports, Server, parse_version

from .servers import ADMIN, ADMIN_PASSWORD, RunningServer, bound, free_port


@dataclasses.dataclass(frozen=True)
class LocalServer(RunningServer):
    """A stand-in that is at hand: `inside` is its state."""

    inside: t.Any = dataclasses.field(default=None, repr=False, compare=False)


@contextlib.contextmanager
def serving(app: t.Any, listener: socket.socket | None = None, **options: t.Any) -> t.Iterator[int]:
    """Any ASGI application on a thread; its port. The thread is told to end, and not waited for."""
    listener = listener or bound()
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="error", server_header=False, timeout_graceful_shutdown=1, **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.001)
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True


@contextlib.contextmanager
def local_stand_in(
    version: str = "0.15.5",
    *,
    enterprise: bool = False,
    mail: bool = False,
    certificate: tuple[pathlib.Path, pathlib.Path] | None = None,
    client_authority: pathlib.Path | None = None,
) -> t.Iterator[LocalServer]:
    """A fresh stand-in. `mail` gives it SMTP ports; `certificate` HTTPS, for callers with a certificate of `client_authority` only where it is set."""
    tls: dict[str, t.Any] = {}
    if certificate:
        tls = {"ssl_certfile": str(certificate[0]), "ssl_keyfile": str(certificate[1])}
    if client_authority:
        tls |= {"ssl_ca_certs": str(client_authority), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    scheme = "https" if certificate else "http"
    with contextlib.ExitStack() as stack:
        for attempts_left in (2, 1, 0):
            listener = bound()
            smtp, submission = (free_port(), free_port()) if mail else (None, None)
            server = Server(parse_version(version), enterprise, Ports(listener.getsockname()[1], smtp, submission))
            try:
                port = stack.enter_context(serving(Application(server), listener, **tls))
                break
            except RuntimeError:  # somebody else took a port for mail meanwhile
                if not attempts_left:
                    raise
        yield LocalServer(f"{scheme}://127.0.0.1:{port}", ADMIN, ADMIN_PASSWORD, version, smtp or 0, submission or 0, is_stand_in=True, inside=server)

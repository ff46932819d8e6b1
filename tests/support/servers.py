# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in server as a child process."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import typing as t
import urllib.parse

import httpx

ROOT = pathlib.Path(__file__).resolve().parents[2]

ADMIN = "admin"
ADMIN_PASSWORD = "secret-admin"


@dataclasses.dataclass(frozen=True)
class RunningServer:
    """A server that tests may talk to. Ports are 0 where they are not known."""

    url: str
    user: str
    password: str
    version: str
    smtp_port: int = 0
    submission_port: int = 0
    is_stand_in: bool = False

    @property
    def host(self) -> str:
        """Where its SMTP ports are, too."""
        return urllib.parse.urlsplit(self.url).hostname or ""

    def api(self, method: str, path: str, body: t.Any = None, **query: t.Any) -> t.Any:
        """One call of the REST API behind the collection's back: the `data` of the answer."""
        with httpx.Client(base_url=self.url, auth=(self.user, self.password), trust_env=False, timeout=60) as client:
            response = client.request(method, f"/api/{path}", json=body, params=query)
        response.raise_for_status()
        answer = response.json()
        assert "error" not in answer, f"{method} {path}: {answer}"
        return answer["data"]

    @property
    def has_objects(self) -> bool:
        """Whether its management API is that of servers since 0.16."""
        return tuple(int(part) for part in self.version.split(".")[:2]) >= (0, 16)

    def jmap(self, *calls: tuple[str, dict[str, t.Any]]) -> list[dict[str, t.Any]]:
        """Some calls of that API behind the collection's back, each a method of a type (``Domain/get``) with its arguments: their answers."""
        request = {
            "using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"],
            "methodCalls": [[f"x:{name}", arguments, str(n)] for n, (name, arguments) in enumerate(calls)],
        }
        with httpx.Client(base_url=self.url, auth=(self.user, self.password), trust_env=False, timeout=60) as client:
            response = client.post("/jmap", json=request)
        response.raise_for_status()
        answers = response.json()["methodResponses"]
        for (name, answer, _), (asked, _arguments) in zip(answers, calls, strict=True):
            refused = [member for member in ("notCreated", "notUpdated", "notDestroyed") if answer.get(member)]
            assert name == f"x:{asked}" and not refused, f"{asked}: {answer}"
        return [answer for _, answer, _ in answers]


#: Below those that systems give to connections, one of which could take a port before the server does that it was chosen for.
_PORTS = range(20_000, 32_000)
#: One after another, so that what a test leaves behind for a server that is gone does not reach the next one.
_places = itertools.count(secrets.randbelow(len(_PORTS)))


def bound() -> socket.socket:
    """A place on 127.0.0.1 whose port nobody else can take meanwhile."""
    while True:
        place = socket.socket()
        try:
            place.bind(("127.0.0.1", _PORTS[next(_places) % len(_PORTS)]))
        except OSError:
            place.close()
        else:
            return place


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with bound() as place:
        return int(place.getsockname()[1])


@contextlib.contextmanager
def stand_in(version: str = "0.15.5", *arguments: str, log: pathlib.Path | None = None) -> t.Iterator[RunningServer]:
    """A fresh stand-in server, stopped at the end. Fails with its output when it does not come up."""
    port, smtp, submission = free_port(), free_port(), free_port()
    command = [sys.executable, "-m", "tests.stand_in", "--port", str(port), "--smtp-port", str(smtp), "--submission-port", str(submission)]
    command += ["--version", version, *arguments]
    scheme = "https" if "--certificate" in arguments else "http"
    with contextlib.ExitStack() as stack:
        output: t.IO[bytes] = stack.enter_context(log.open("w+b")) if log else stack.enter_context(tempfile.TemporaryFile())
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        try:
            _wait(process, f"{scheme}://127.0.0.1:{port}", output)
            yield RunningServer(f"{scheme}://127.0.0.1:{port}", ADMIN, ADMIN_PASSWORD, version, smtp, submission, is_stand_in=True)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, output: t.IO[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/healthz/live", trust_env=False, timeout=1, verify=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    output.seek(0)
    raise RuntimeError(f"the stand-in did not start:\n{output.read().decode(errors='replace')[-4000:]}")

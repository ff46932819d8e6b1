# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers of a molecule scenario.

`python -m tests.support.scenario WANTED.yml FOLDER` starts what WANTED.yml asks for, writes how to reach it to FOLDER/servers.json,
and stays until it is told to end, by `python -m tests.support.scenario --end FOLDER` or a signal. FOLDER/done appears when all
answer or one failed; servers.json is only there in the first case. WANTED.yml has

    mail: {NAME: {version: 0.15.5, arguments: [--enterprise]}}
    dns: {NAME: {kind: bind, zones: {example.org: RECORDS}, transfer: true, extra: TEXT}}

where RECORDS are those of a zone file, without SOA and NS. A mail server resolves names with the file `zone` beside WANTED.yml, if it
says `zone: FILE`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import sys
import tempfile
import time
import typing as t

import yaml

from .dns_servers import dns_server
from .servers import stand_in

_ENDS_WITHIN = 30.0


def serve(wanted: pathlib.Path, folder: pathlib.Path) -> None:
    """Start everything, tell where it is, and wait for SIGTERM."""
    (folder / "pid").write_text(str(os.getpid()), encoding="ascii")
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    for each in signals:
        signal.signal(each, _interrupted)
    # The folders of name servers are their user's own, and so outside this checkout.
    with contextlib.ExitStack() as stack:
        try:
            found = _start(stack, yaml.safe_load(wanted.read_text(encoding="utf-8")), wanted.parent, folder)
            (folder / "servers.json").write_text(json.dumps(found), encoding="utf-8")
        finally:
            (folder / "done").touch()
        while True:
            signal.pause()


def _start(stack: contextlib.ExitStack, wanted: t.Mapping[str, t.Any], beside: pathlib.Path, folder: pathlib.Path) -> dict[str, t.Any]:
    mail, name_servers = {}, {}
    for name, options in (wanted.get("dns") or {}).items():
        own = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stalwart-mail-dns-")))
        server = stack.enter_context(dns_server(options["kind"], own, options["zones"], transfer=options.get("transfer", True), extra=options.get("extra", "")))
        name_servers[name] = {"kind": server.kind, "port": server.port, "address": server.address, "provider": server.provider}
    for name, options in (wanted.get("mail") or {}).items():
        arguments = [*options.get("arguments", []), *(["--zone", str(beside / options["zone"])] if "zone" in options else [])]
        running = stack.enter_context(stand_in(str(options.get("version", "0.15.5")), *arguments, log=folder / f"{name}.log"))
        mail[name] = {**dataclasses.asdict(running), "host": running.host}
    return {"mail": mail, "dns": name_servers}


def _interrupted(*_signal: object) -> None:
    sys.exit(0)


def end(folder: pathlib.Path) -> None:
    """End the process that serves a folder, and wait for it. Does nothing where there is none."""
    pid = int((folder / "pid").read_text(encoding="ascii"))
    deadline = time.monotonic() + _ENDS_WITHIN
    command = pathlib.Path(f"/proc/{pid}/cmdline")
    # After a restart of the machine the number may be somebody else's.
    if command.exists() and str(folder).encode() not in command.read_bytes():
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.05)
        raise SystemExit(f"Process {pid} of {folder} does not end")


def main(arguments: list[str]) -> None:
    if arguments[0] == "--end":
        end(pathlib.Path(arguments[1]))
    else:
        serve(pathlib.Path(arguments[0]), pathlib.Path(arguments[1]))


if __name__ == "__main__":
    main(sys.argv[1:])

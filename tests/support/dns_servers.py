# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real DNS servers as child processes on loopback: BIND, Knot and PowerDNS as Debian has them, without privileges."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import os
import pathlib
import pwd
import secrets
import shutil
import sqlite3
import subprocess
import sys
import time
import typing as t

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from .servers import free_port

#: Program -> the Debian packages that it comes with.
PACKAGES = {
    "named": ("bind9", "bind9-dnsutils"),
    "knotd": ("knot",),
    "pdns_server": ("pdns-server", "pdns-backend-sqlite3"),
}
KINDS = ("bind", "knot", "powerdns")

KEY_NAME = "test-updates"
_SCHEMA = pathlib.Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@dataclasses.dataclass(frozen=True)
class DnsServer:
    """A running authoritative server. `provider` are the options of dns_record_sets that lead to it."""

    kind: str
    port: int
    provider: dict[str, t.Any]
    folder: pathlib.Path

    @property
    def address(self) -> str:
        """As nameservers of dns_check_info take it."""
        return f"127.0.0.1:{self.port}"

    def values(self, name: str, kind: str) -> list[str]:
        """What the server itself answers: a TXT joined, anything else as zone files have it; sorted."""
        answer = self.query(name, kind)
        found = []
        for rrset in answer.answer:
            if rrset.rdtype == dns.rdatatype.from_text(kind):
                found += [b"".join(rdata.strings).decode() if kind == "TXT" else rdata.to_text() for rdata in rrset]
        return sorted(found)

    def ttl(self, name: str, kind: str) -> int:
        """The time to live of a record set."""
        return next(int(rrset.ttl) for rrset in self.query(name, kind).answer if rrset.rdtype == dns.rdatatype.from_text(kind))

    def query(self, name: str, kind: str) -> dns.message.Message:
        """One question over TCP."""
        return dns.query.tcp(dns.message.make_query(name, kind), "127.0.0.1", port=self.port, timeout=10)

    def serial(self, zone: str) -> int:
        """It grows with every update that changes something."""
        return int(self.values(zone, "SOA")[0].split()[2])


def install(*programs: str) -> None:
    """Install what is missing, and say so. Fails where that can't be done."""
    packages = [package for program in programs if shutil.which(program, path=_PATH) is None for package in PACKAGES[program]]
    if not packages:
        return
    print(f"installing {' '.join(packages)} (apt-get install --no-install-recommends), since the tests need them", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # they are not started as services
    # other test workers may be at it, too
    command = ["apt-get", "install", "-qy", "-o", "DPkg::Lock::Timeout=300", "--no-install-recommends", *packages]
    if subprocess.run(command, env=environment, capture_output=True, check=False, timeout=600).returncode:
        subprocess.run(["apt-get", "update", "-q"], env=environment, capture_output=True, check=False, timeout=600)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, f"{' '.join(command)} failed; install the packages by hand:\n{done.stdout}{done.stderr}"


@contextlib.contextmanager
def dns_server(kind: str, folder: pathlib.Path, zones: t.Mapping[str, str], *, transfer: bool = True, extra: str = "") -> t.Iterator[DnsServer]:
    """A fresh server (bind, knot or powerdns) of these zones: name -> records as a zone file has them, without SOA and NS.

    `transfer` is whether it lets its key transfer zones; `extra` goes into BIND's zone statement.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    start = {"bind": _bind, "knot": _knot, "powerdns": _powerdns}[kind]
    port = free_port()
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    for zone, records in zones.items():
        soa = f"@ 300 IN SOA ns1.{zone}. hostmaster.{zone}. 1 3600 600 86400 60\n@ 300 IN NS ns1.{zone}.\nns1 300 IN A 127.0.0.1\n"
        (folder / f"{zone}.zone").write_text(f"$ORIGIN {zone}.\n$TTL 300\n{soa}{records}\n")
    command, provider = start(folder, port, secret, list(zones), transfer, extra)
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in [folder, *folder.iterdir()]:
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        # pytest's folders are its user's own
        for parent in folder.parents:
            if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
        command = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", *command]
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "PATH": _PATH})
    try:
        server = DnsServer(kind, port, provider, folder)
        _wait(server, process, next(iter(zones)), log)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: DnsServer, process: subprocess.Popen[bytes], zone: str, log: pathlib.Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{server.kind} ended:\n{log.read_text(errors='replace')[-4000:]}"
        with contextlib.suppress(OSError, EOFError, dns.exception.DNSException):
            answer = dns.query.tcp(dns.message.make_query(zone, "SOA"), "127.0.0.1", port=server.port, timeout=2)
            if answer.rcode() == dns.rcode.NOERROR and answer.answer:
                return
        time.sleep(0.1)
    raise AssertionError(f"{server.kind} does not answer:\n{log.read_text(errors='replace')[-4000:]}")


def _tsig(port: int, secret: str) -> dict[str, t.Any]:
    return {"type": "rfc2136", "server": "127.0.0.1", "port": port, "key_name": KEY_NAME, "key_secret": secret, "key_algorithm": "hmac-sha256"}


def _bind(folder: pathlib.Path, port: int, secret: str, zones: list[str], transfer: bool, extra: str) -> tuple[list[str], dict[str, t.Any]]:
    install("named")
    who = f"key {KEY_NAME};" if transfer else "none;"
    lines = [
        f'key {KEY_NAME} {{ algorithm hmac-sha256; secret "{secret}"; }};',
        f'options {{ directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";',
        f'managed-keys-directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};',
        "recursion no; dnssec-validation no; empty-zones-enable no; notify no; };",
        "controls {};",
    ]
    lines += [
        f'zone "{zone}" {{ type primary; file "{zone}.zone"; update-policy {{ grant {KEY_NAME} zonesub ANY; }}; allow-transfer {{ {who} }}; {extra} }};'
        for zone in zones
    ]
    (folder / "named.conf").write_text("\n".join(lines))
    return ["named", "-c", str(folder / "named.conf"), "-g", "-n", "1"], _tsig(port, secret)


def _knot(folder: pathlib.Path, port: int, secret: str, zones: list[str], transfer: bool, _extra: str) -> tuple[list[str], dict[str, t.Any]]:
    install("knotd")
    (folder / "db").mkdir()
    actions = "[update, transfer]" if transfer else "[update]"
    text = f"""
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{folder}/db"
key:
  - id: {KEY_NAME}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: updates
    key: {KEY_NAME}
    action: {actions}
template:
  - id: default
    storage: "{folder}"
    file: "%s.zone"
    acl: updates
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
zone:
"""
    (folder / "knot.conf").write_text(text + "".join(f"  - domain: {zone}\n" for zone in zones))
    return ["knotd", "-c", str(folder / "knot.conf")], _tsig(port, secret)


def _powerdns(folder: pathlib.Path, port: int, secret: str, zones: list[str], _transfer: bool, _extra: str) -> tuple[list[str], dict[str, t.Any]]:
    install("pdns_server")
    with contextlib.closing(sqlite3.connect(folder / "pdns.sqlite3")) as database:
        database.executescript(_SCHEMA.read_text())
        for number, zone in enumerate(zones, 1):
            database.execute("INSERT INTO domains (id, name, type) VALUES (?, ?, 'NATIVE')", (number, zone))
            for name, ttl, kind, content in _records(folder / f"{zone}.zone", zone):
                priority, rest = 0, content
                if kind in ("MX", "SRV"):
                    first, _blank, rest = content.partition(" ")
                    priority = int(first)
                database.execute(
                    "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) VALUES (?, ?, ?, ?, ?, ?, 0, 1)",
                    (number, name, kind, rest.rstrip(".") if kind in ("MX", "SRV", "CNAME", "NS") else rest, ttl, priority),
                )
        database.commit()
    api_key, api_port = secrets.token_urlsafe(24), free_port()
    (folder / "pdns.conf").write_text(
        f"""launch=gsqlite3
gsqlite3-database={folder}/pdns.sqlite3
local-address=127.0.0.1
local-port={port}
api=yes
api-key={api_key}
webserver-address=127.0.0.1
webserver-port={api_port}
webserver-allow-from=127.0.0.1
socket-dir={folder}
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
default-soa-edit-signed=INCREASE
receiver-threads=1
distributor-threads=1
security-poll-suffix=
guardian=no
daemon=no
"""
    )
    provider = {"type": "powerdns", "url": f"http://127.0.0.1:{api_port}", "api_key": api_key}
    return ["pdns_server", f"--config-dir={folder}"], provider


def _records(path: pathlib.Path, zone: str) -> t.Iterator[tuple[str, int, str, str]]:
    import dns.zone

    found = dns.zone.from_file(str(path), origin=zone, relativize=False)
    for name, ttl, rdata in found.iterate_rdatas():
        yield name.to_text().rstrip("."), ttl, dns.rdatatype.to_text(rdata.rdtype), rdata.to_text()

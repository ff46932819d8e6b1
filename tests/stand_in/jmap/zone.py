"""The records that a domain should have, as the text of a zone."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any

from . import ids
from .checks import public_key

if TYPE_CHECKING:
    from .service import Service

_SERVICES = {
    "caldav": ("caldavs", 443, None),
    "carddav": ("carddavs", 443, None),
    "imap": ("imaps", 993, ("imap", 143)),
    "jmap": ("jmap", 443, None),
    "pop3": ("pop3s", 995, ("pop3", 110)),
    "smtp": ("submissions", 465, ("submission", 587)),
}

_WEB = (("caldav", "dav/cal/"), ("carddav", "dav/card/"), ("webdav", "dav/file/"))


def of_domain(service: Service, number: int, domain: dict[str, Any]) -> str:
    """One record a line, a long TXT on several; without times to live."""
    lines = []
    name, settings = domain["name"], service.running["SystemSettings"]
    host = settings["defaultHostname"]

    def add(owner: str, kind: str, value: str) -> None:
        if kind == "TXT":  # strings of records hold 255 signs
            parts = [f'"{value[start : start + 255]}"' for start in range(0, len(value), 255)]
            value = parts[0] if len(parts) == 1 else "\n".join(["(", *(f"    {part}" for part in parts), ")"])
        lines.append(f"{owner}. IN {kind} {value}")

    for signature in sorted(service.store.search("DkimSignature", "domainId", ids.encode(number))):
        value = service.store.get("DkimSignature", signature) or {}
        key = public_key(value)
        if key is not None:
            kind = "rsa" if "Rsa" in value["@type"] else "ed25519"
            add(f"{value['selector']}._domainkey.{name}", "TXT", f"v=DKIM1; k={kind}; h=sha256; p={key}")
    exchangers = [(exchanger["hostname"] or host, exchanger["priority"]) for exchanger in settings["mailExchangers"].values()]
    for exchanger, _ in exchangers:
        if exchanger.endswith(f".{name}"):
            add(exchanger, "TXT", "v=spf1 a -all")
    add(name, "TXT", "v=spf1 mx -all")
    for exchanger, priority in exchangers:
        add(name, "MX", f"{priority} {exchanger}.")
    uri = domain["reportAddressUri"]
    target = f"{uri}@{name}" if uri and uri.startswith("mailto:") and "@" not in uri else uri
    if uri:
        add(f"_dmarc.{name}", "TXT", f"v=DMARC1; p=reject; rua={target}")
    for protocol, found in settings["services"].items():
        if protocol in _SERVICES:
            secure, port, plain = _SERVICES[protocol]
            if plain is not None and found["cleartext"]:
                add(f"_{plain[0]}._tcp.{name}", "SRV", f"0 1 {plain[1]} {found['hostname'] or host}.")
            add(f"_{secure}._tcp.{name}", "SRV", f"0 1 {port} {found['hostname'] or host}.")
    policy = _policy(service, [exchanger for exchanger, _ in exchangers])
    if policy is not None:
        add(f"mta-sts.{name}", "CNAME", f"{host}.")
        add(f"_mta-sts.{name}", "TXT", f"v=STSv1; id={policy}")
    if uri:
        add(f"_smtp._tls.{name}", "TXT", f"v=TLSRPTv1; rua={target}")
    add(f"ua-auto-config.{name}", "CNAME", f"{host}.")
    digest = base64.b64encode(hashlib.sha256(client_configuration(service).encode()).digest()).decode()
    add(f"_ua-auto-config.{name}", "TXT", f"v=UAAC1; a=sha256; d={digest}")
    add(f"autoconfig.{name}", "CNAME", f"{host}.")
    add(f"autodiscover.{name}", "CNAME", f"{host}.")
    return "".join(f"{line}\n" for line in lines)


def client_configuration(service: Service) -> str:
    """What mail clients configure themselves by (``/.well-known/user-agent-configuration.json``)."""
    settings = service.running["SystemSettings"]
    host = settings["defaultHostname"]
    hosts = {name: found["hostname"] or host for name, found in settings["services"].items()}
    protocols: dict[str, dict[str, str]] = {}
    for name, path in (("jmap", "jmap/session"), ("imap", ""), ("pop3", ""), ("smtp", ""), *_WEB, ("managesieve", "")):
        if name in hosts:
            protocols[name] = {"url": f"https://{hosts[name]}/{path}"} if path else {"host": hosts[name]}
    login = {"oauth-public": {"issuer": f"https://{host}"}, "password": True}
    provider = {"name": settings["providerInfo"].get("providerName", "Stalwart")}
    return json.dumps({"protocols": protocols, "authentication": login, "info": {"provider": provider}}, separators=(",", ":"))


def _policy(service: Service, exchangers: list[str]) -> int | None:
    """The id of the MTA-STS policy: a hash of what is in it. None where there is none."""
    settings = service.running["MtaSts"]
    if settings["mode"] == "disable":
        return None
    hosts = sorted(set(settings["mxHosts"]) or set(exchangers))
    data = struct.pack("<qQQ", 0 if settings["mode"] == "enforce" else 1, settings["maxAge"] // 1000, len(hosts))
    for host in hosts:
        below = host.startswith("*.")
        data += struct.pack("<q", int(below)) + host.removeprefix("*.").encode() + b"\xff"
    return _siphash(data)


def _siphash(data: bytes) -> int:
    """SipHash-1-3 with a key of zeros, the hash that Rust programs have at hand."""
    most = (1 << 64) - 1
    v = [0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573]

    def turn(number: int, bits: int) -> int:
        return ((number << bits) | (number >> (64 - bits))) & most

    def mix() -> None:
        v[0] = (v[0] + v[1]) & most
        v[1] = turn(v[1], 13) ^ v[0]
        v[2] = (v[2] + v[3]) & most
        v[3] = turn(v[3], 16) ^ v[2]
        v[0] = (turn(v[0], 32) + v[3]) & most
        v[3] = turn(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & most
        v[1] = turn(v[1], 17) ^ v[2]
        v[2] = turn(v[2], 32)

    whole = len(data) // 8 * 8
    blocks = [number for (number,) in struct.iter_unpack("<Q", data[:whole])]
    blocks.append(int.from_bytes(data[whole:], "little") | ((len(data) & 255) << 56))
    for block in blocks:
        v[3] ^= block
        mix()
        v[0] ^= block
    v[2] ^= 0xFF
    for _ in range(3):
        mix()
    return v[0] ^ v[1] ^ v[2] ^ v[3]

"""``/api/dns``: the records that a domain of this server should have."""

from __future__ import annotations

from starlette.responses import Response

from .. import dkim_keys, errors
from ..call import Call, data
from ..state import Server
from . import area

Record = dict[str, str]

_CLIENT_NAMES = ("mta-sts.", "autoconfig.", "autodiscover.")


@area("dns")
async def handle(call: Call) -> Response:
    if call.segment(1) != "records" or len(call.path) < 3 or call.method != "GET":
        raise errors.not_found()
    call.token.require("domain-get")
    return data(records(call.server, call.element(2) or ""))


def _record(kind: str, name: str, content: str) -> Record:
    return {"type": kind, "name": name, "content": content}


def records(server: Server, domain: str) -> list[Record]:
    """Every record, for any name: it need not be a domain of the directory."""
    host = server.hostname
    found = [_record("MX", f"{domain}.", f"10 {host}.")]
    if host != f"mail.{domain}":
        found.append(_record("CNAME", f"mail.{domain}.", f"{host}."))
    found += _signatures(server, domain)
    if host == domain or host.endswith(f".{domain}"):
        found.append(_record("TXT", f"{host}.", "v=spf1 a ra=postmaster -all"))
    found.append(_record("TXT", f"{domain}.", "v=spf1 mx ra=postmaster -all"))
    services, has_https = _services(server, domain)
    found += services
    if has_https:
        found += [_record("CNAME", f"{name}.{domain}.", f"{host}.") for name in ("autoconfig", "autodiscover")]
        policy = server.mta_sts_policy()
        if policy is not None:
            found.append(_record("CNAME", f"mta-sts.{domain}.", f"{host}."))
            found.append(_record("TXT", f"_mta-sts.{domain}.", f"v=STSv1; id={policy}"))
    postmaster = f"postmaster@{domain}"
    found.append(_record("TXT", f"_dmarc.{domain}.", f"v=DMARC1; p=reject; rua=mailto:{postmaster}; ruf=mailto:{postmaster}"))
    found.append(_record("TXT", f"_smtp._tls.{domain}.", f"v=TLSRPTv1; rua=mailto:{postmaster}"))
    return found + _certificates(server, domain)


def _signatures(server: Server, domain: str) -> list[Record]:
    """Of the stored settings: a new key shows here before it signs. Keys that can't be read are left out."""
    stored = server.settings.list("signature.", strip=True)
    found = []
    for identifier in [key.removesuffix(".domain") for key, value in stored.items() if key.endswith(".domain") and value == domain]:
        algorithm = dkim_keys.algorithm_of(stored.get(f"{identifier}.algorithm"))
        private_key, selector = stored.get(f"{identifier}.private-key"), stored.get(f"{identifier}.selector")
        if algorithm is None or private_key is None or selector is None:
            continue
        try:
            public_key = dkim_keys.public_key(algorithm, private_key)
        except errors.ManagementError:
            continue
        found.append(_record("TXT", f"{selector}._domainkey.{domain}.", f"v=DKIM1; k={algorithm.lower()}; h=sha256; p={public_key}"))
    return found


def _services(server: Server, domain: str) -> tuple[list[Record], bool]:
    found: list[Record] = []
    has_https = False
    for service in server.settings.services():
        names: list[str] = []
        tls = "s" if service.tls else ""
        match service.protocol:
            case "smtp" if service.port > 25:
                names = [f"submission{tls}"]
            case "imap" | "pop3":
                names = [f"{service.protocol}{tls}"]
            case "http" if service.tls:
                has_https = True
                names = ["jmap", "caldavs", "carddavs"]
        found += [_record("SRV", f"_{name}._tcp.{domain}.", f"0 1 {service.port} {server.hostname}.") for name in names]
    return found, has_https


def _certificates(server: Server, domain: str) -> list[Record]:
    """TLSA records of the certificates that name this domain or a name below it: of the whole certificate and of its key, each by both hashes."""
    found = []
    for name, chain in server.certificates.items():
        if not name.endswith(domain) or name.startswith(_CLIENT_NAMES):
            continue
        owner = f"_25._tcp.mail.{name}." if name.startswith(".") else f"_25._tcp.{name}."
        for place, certificate in enumerate(chain):
            usage = 2 if place else 3
            for selector, part in enumerate((certificate.whole, certificate.public_key)):
                for matching, digest in enumerate((part.sha256, part.sha512), 1):
                    found.append(_record("TLSA", owner, f"{usage} {selector} {matching} {digest}"))
    return found

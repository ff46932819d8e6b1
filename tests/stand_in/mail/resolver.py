"""The DNS that the stand-in sees: a zone file, or nothing at all. It never asks the network."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import dns.exception
import dns.name
import dns.rdatatype
import dns.reversename
import dns.zone
from dns.rdata import Rdata


class NoSuchName(Exception):
    """There is no such record; the message is the server's. ``name`` exists where only the record is missing."""

    def __init__(self, name: str = "") -> None:
        super().__init__(f"DNS record not found: {'No Error' if name.rstrip('.') == 'localhost' else 'Non-Existent Domain'}")


class Resolver:
    """``zone``: a file in master format with absolute names, None for a server without DNS."""

    def __init__(self, zone: Path | None = None) -> None:
        self._zone = dns.zone.from_file(str(zone), origin=".", relativize=False, check_origin=False) if zone else None

    def records(self, name: str, kind: str) -> list[Rdata]:
        """Raises NoSuchName."""
        try:
            found = self._zone.get_rdataset(dns.name.from_text(name), dns.rdatatype.from_text(kind)) if self._zone else None
        except dns.exception.DNSException:
            found = None
        if not found:
            raise NoSuchName(name)
        return list(found)

    def mail_servers(self, domain: str) -> list[tuple[int, list[str]]]:
        """The MX hosts of a domain by preference, names with their final dot. Raises NoSuchName."""
        hosts: dict[int, list[str]] = {}
        for record in self.records(domain, "MX"):
            preference, host = str(record).split()
            hosts.setdefault(int(preference), []).append(host.lower())
        return sorted(hosts.items())

    def addresses(self, host: str) -> list[str]:
        """The IP addresses of a host, IPv4 first. An address is no name, so that the server finds nothing for one. Raises NoSuchName."""
        found: list[str] = []
        for kind in ("A", "AAAA"):
            try:
                found += map(str, self.records(host, kind))
            except NoSuchName:
                continue
        if not found:
            raise NoSuchName
        return found

    def names(self, address: str) -> list[str]:
        """What an address is called; the machine itself is known without DNS. Raises NoSuchName."""
        if ipaddress.ip_address(address).is_loopback:
            return ["localhost."]
        return [str(record) for record in self.records(dns.reversename.from_address(address).to_text(), "PTR")]

    def texts(self, name: str, prefix: str) -> list[str]:
        """The TXT records of a name that begin with ``prefix``. Raises NoSuchName where there is none."""
        joined = [b"".join(getattr(record, "strings", ())).decode("utf-8", "replace") for record in self.records(name, "TXT")]
        if not (found := [record for record in joined if record.startswith(prefix)]):
            raise NoSuchName
        return found

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to DNS: which servers hold a zone, and what each of them answers."""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import ConnectionFailed, InvalidOption, StalwartError
from ._wire import addresses_of, endpoint, failures_in_words, published, require_dnspython, shown_endpoint
from .port import Published

if t.TYPE_CHECKING:
    import dns.message
    import dns.resolver

#: A server that does not answer a single question for longer is taken for silent, whatever the time limit of the task.
LONGEST_QUESTION = 5.0


@dataclasses.dataclass(frozen=True)
class Nameserver:
    """One address of one server. `recursive`: it is asked to find out, not for what it holds."""

    name: str
    address: str
    port: int = 53
    recursive: bool = False

    @property
    def label(self) -> str:
        """As results name it."""
        where = shown_endpoint(self.address, self.port) if self.port != 53 else self.address
        return where if self.name == self.address else f"{self.name} ({where})"


class Silence(StalwartError):
    """A server gave no answer that tells what it holds; the sentence says why."""


def nameservers(texts: t.Sequence[str], option: str, *, recursive: bool = False) -> list[Nameserver]:
    """The servers that a user names, one an address. Raises InvalidOption."""
    found = []
    for number, text in enumerate(texts):
        host, port = endpoint(text, f"{option}[{number}]")
        try:
            found += [Nameserver(host, address, port, recursive) for address in addresses_of(host)]
        except ConnectionFailed as error:
            raise InvalidOption(f"{option}[{number}]", f"{error}.") from None
    return found


class Questions:
    """Asks with one time limit for each question. Raises LibraryMissing; InvalidOption for a resolver that is none."""

    def __init__(self, resolvers: t.Sequence[str] = (), *, timeout: float = LONGEST_QUESTION) -> None:
        """`resolvers` are asked in place of those of the system."""
        require_dnspython()
        self._timeout = min(timeout, LONGEST_QUESTION)
        self._resolvers = nameservers(resolvers, "resolvers", recursive=True)

    def resolvers(self) -> list[Nameserver]:
        """The resolvers that are used. Raises ConnectionFailed where the system has none."""
        if self._resolvers:
            return self._resolvers
        resolver = self._resolver()
        return [Nameserver(str(server), str(server), int(resolver.port), True) for server in resolver.nameservers]

    def zone_of(self, fqdn: str) -> str:
        """The zone that holds a name, as DNS has it. Raises ConnectionFailed."""
        import dns.exception
        import dns.resolver

        try:
            return dns.resolver.zone_for_name(fqdn, resolver=self._resolver(), lifetime=3 * self._timeout).to_text().lower()
        except (dns.exception.DNSException, OSError) as error:
            raise ConnectionFailed(f"the zone of {fqdn.rstrip('.')} can't be found out: {_words(error)}", sent=True) from None

    def authoritative(self, zone: str, *, port: int = 53) -> list[Nameserver]:
        """Every address of every server that the zone's NS records name. Raises ConnectionFailed where there is none."""
        import dns.exception
        import dns.rdatatype
        import dns.resolver

        resolver = self._resolver()
        try:
            names = sorted(rdata.target.to_text().lower() for rdata in resolver.resolve(zone, "NS", lifetime=3 * self._timeout))
        except (dns.exception.DNSException, OSError) as error:
            raise ConnectionFailed(f"the name servers of {zone.rstrip('.')} can't be found out: {_words(error)}", sent=True) from None
        found = []
        for name in names:
            for kind in ("A", "AAAA"):
                try:
                    answer = resolver.resolve(name, kind, lifetime=3 * self._timeout)
                except (dns.exception.DNSException, OSError):
                    continue
                found += [Nameserver(name.rstrip("."), rdata.address, port) for rdata in answer]
        if not found:
            raise ConnectionFailed(f"none of the name servers of {zone.rstrip('.')} ({', '.join(names)}) has an address", sent=True)
        return sorted(found, key=lambda server: (server.name, server.address))

    def ask(self, server: Nameserver, fqdn: str, kind: str) -> tuple[Published, ...]:
        """What a server answers for a name and type: that record set, or an alias and what it leads to, or nothing. Raises Silence."""
        import dns.flags
        import dns.rdatatype

        answer, what = self._query(server, fqdn, kind)
        if not server.recursive and not answer.flags & dns.flags.AA:
            raise Silence(f"the DNS server {server.label} does not hold the zone ({what})")
        return tuple(published(rrset.name, rrset) for rrset in answer.answer if rrset.rdtype in (dns.rdatatype.from_text(kind), dns.rdatatype.CNAME))

    def negative_ttl(self, server: Nameserver, fqdn: str) -> int | None:
        """For how many seconds resolvers keep in mind that a name below this one is not there (RFC 2308, 5); None where the server does not tell."""
        import dns.rdatatype

        try:
            answer, _what = self._query(server, fqdn, "SOA")
        except Silence:
            return None
        found = [rrset for rrset in (*answer.answer, *answer.authority) if rrset.rdtype == dns.rdatatype.SOA]
        return min((min(rrset.ttl, rdata.minimum) for rrset in found for rdata in rrset), default=None)

    def _query(self, server: Nameserver, fqdn: str, kind: str) -> tuple[dns.message.Message, str]:
        """The answer, and the question in words. Raises Silence."""
        import dns.flags
        import dns.message
        import dns.query
        import dns.rcode

        query = dns.message.make_query(fqdn, kind, use_edns=True, payload=1232)
        if not server.recursive:
            query.flags &= ~dns.flags.RD
        what = f"query for {kind} of {fqdn.rstrip('.')}"
        try:
            with failures_in_words(server.label, what, self._timeout):
                answer, _tcp = dns.query.udp_with_fallback(query, server.address, timeout=self._timeout, port=server.port)
        except ConnectionFailed as error:
            raise Silence(str(error)) from error
        rcode = answer.rcode()
        if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise Silence(f"the DNS server {server.label} answers {dns.rcode.to_text(rcode)} ({what})")
        return answer, what

    def texts(self, name: str) -> list[str] | None:
        """The TXT records of a name by the resolvers; None where they can't be found out."""
        import dns.exception
        import dns.resolver

        try:
            answer = self._resolver().resolve(name, "TXT", lifetime=self._timeout)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, ConnectionFailed):
            return None
        return [b"".join(rdata.strings).decode(errors="surrogateescape") for rdata in answer]

    def _resolver(self) -> dns.resolver.Resolver:
        import dns.nameserver
        import dns.resolver

        try:
            resolver = dns.resolver.Resolver(configure=not self._resolvers)
        except dns.resolver.NoResolverConfiguration:
            raise ConnectionFailed("this system names no resolver (/etc/resolv.conf); give resolvers", sent=False) from None
        if self._resolvers:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(server.address, server.port) for server in self._resolvers]
        resolver.timeout = self._timeout
        return resolver


def _words(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__

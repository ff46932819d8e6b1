# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dynamic updates (RFC 2136), signed with TSIG (RFC 8945): BIND, Knot, PowerDNS, Windows and many a provider.

A change names the single values that go and come, so a value that somebody else adds meanwhile at the same name stays.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import socket
import typing as t

from .._errors import ConnectionFailed, InvalidOption, ServerError
from ._wire import addresses_of, failures_in_words, published, require_dnspython, shown_endpoint
from .port import Published, Update

if t.TYPE_CHECKING:
    import dns.message
    import dns.tsig

ALGORITHMS = ("hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1", "hmac-md5")

#: What is asked for at each name where the server refuses the transfer of the zone.
_TYPES = ("A", "AAAA", "CNAME", "MX", "TXT", "SRV", "CAA", "TLSA", "NS", "DNAME")

# BIND refuses an MX (and SRV) whose name in the same zone has no address yet.
_FIRST = ("A", "AAAA", "CNAME")

_RCODES = {
    "FORMERR": "it could not read the request; is it an authoritative server of the zone?",
    "SERVFAIL": "it failed by itself; its log says why (often the zone's file or journal can't be written)",
    "NXDOMAIN": "a name that has to exist does not; did somebody else change the zone meanwhile? Run the task again",
    "NOTIMP": "it takes no updates; give the primary server of the zone",
    "REFUSED": "it refuses; let the key (or this address) change the zone, in BIND by update-policy, in Knot by an acl with action update",
    "YXDOMAIN": "a name exists that must not; did somebody else change the zone meanwhile? Run the task again",
    "YXRRSET": "a record set exists that must not; did somebody else change the zone meanwhile? Run the task again",
    "NXRRSET": "a record set that has to exist does not; did somebody else change the zone meanwhile? Run the task again",
    "NOTAUTH": "it is not the primary server of the zone, or does not accept the key; correct server, zone or key_name",
    "NOTZONE": "a name lies outside the zone; correct zone",
}


class Rfc2136:
    """One primary server. Connects when it is first asked."""

    def __init__(
        self,
        server: str,
        *,
        port: int = 53,
        key_name: str = "",
        key_secret: str = "",
        key_algorithm: str = ALGORITHMS[0],
        timeout: float = 30.0,
    ) -> None:
        """Raises InvalidOption (whose option is that of the provider), LibraryMissing."""
        require_dnspython()
        import dns.exception
        import dns.name
        import dns.tsig

        self._server, self._port, self._timeout = server, port, timeout
        self._key: dns.tsig.Key | None = None
        if bool(key_name) != bool(key_secret):
            missing, given = ("key_secret", "key_name") if key_name else ("key_name", "key_secret")
            raise InvalidOption(missing, f"it is missing, while {given} is set; give both, or none where the server knows this address.")
        if key_name:
            try:
                secret = base64.b64decode(key_secret, validate=True)
            except (binascii.Error, ValueError):
                raise InvalidOption("key_secret", "it is not base64; give the secret as tsig-keygen or keymgr -t prints it.") from None
            try:
                name = dns.name.from_text(key_name.lower())
            except dns.exception.DNSException as error:
                raise InvalidOption("key_name", f"{key_name!r} is no name of a key ({error}); correct it.") from None
            # that of MD5 has a name of its own (RFC 8945, 6)
            algorithm = "hmac-md5.sig-alg.reg.int" if key_algorithm == "hmac-md5" else key_algorithm
            self._key = dns.tsig.Key(name, secret, dns.name.from_text(algorithm))

    @property
    def label(self) -> str:
        return shown_endpoint(self._server, self._port)

    def read(self, zone: str, names: t.Collection[str]) -> tuple[Published, ...]:
        """By a transfer of the zone, or where the server refuses that, by a query for each name and type."""
        found = self._transfer(zone)
        if found is None:
            with self._connected(f"queries in {zone.rstrip('.')}") as connection:
                found = self._by_queries(zone, names, connection)
        return found

    def write(self, zone: str, updates: t.Sequence[Update]) -> None:
        import dns.rcode
        import dns.update

        message = dns.update.UpdateMessage(zone, keyring=self._key)
        for update in updates:
            for rdata in sorted(_present(update) - _staying(update)):
                message.delete(update.fqdn, update.type, rdata)
        for update in sorted(updates, key=lambda update: update.type not in _FIRST):
            for rdata in update.rdata:
                if rdata not in _staying(update):
                    message.add(update.fqdn, update.ttl, update.type, rdata)
        what = f"update of {zone.rstrip('.')}"
        with self._connected(what) as connection, self._signed(what):
            answer = self._ask(message, connection)
        self._check(answer, what)

    @contextlib.contextmanager
    def _connected(self, what: str) -> t.Iterator[socket.socket]:
        failure: ConnectionFailed | None = None
        for address in addresses_of(self._server):
            try:
                with failures_in_words(self.label, what, self._timeout):
                    connection = socket.create_connection((address, self._port), timeout=self._timeout)
                    # dnspython waits by itself
                    connection.setblocking(False)
                    break
            except ConnectionFailed as error:
                failure = error
        else:
            raise failure or ConnectionFailed(f"the DNS server {self.label} has no address ({what})", sent=False)
        with connection, failures_in_words(self.label, what, self._timeout):
            yield connection

    @contextlib.contextmanager
    def _signed(self, what: str) -> t.Iterator[None]:
        """Say what is wrong with a key."""
        import dns.message
        import dns.tsig

        reasons = {
            dns.tsig.PeerBadKey: "BADKEY: it does not know the key; correct key_name or key_algorithm",
            dns.tsig.PeerBadSignature: "BADSIG: the secret is not that of the key; correct key_secret",
            dns.tsig.PeerBadTime: "BADTIME: its clock and the one here differ by minutes; correct the wrong one",
            dns.tsig.PeerBadTruncation: "BADTRUNC: it wants longer signatures; correct key_algorithm",
        }
        try:
            yield
        except dns.tsig.PeerError as error:
            raise self._error(reasons.get(type(error), f"TSIG failed: {error}"), what) from None
        except (dns.tsig.BadSignature, dns.tsig.BadTime, dns.tsig.BadKey, dns.tsig.BadAlgorithm, dns.message.UnknownTSIGKey):
            raise self._error("its answer is not signed with the key; correct key_name, key_secret or key_algorithm", what) from None

    def _transfer(self, zone: str) -> tuple[Published, ...] | None:
        """None where the server refuses."""
        import dns.message
        import dns.name
        import dns.query
        import dns.tsig
        import dns.xfr
        import dns.zone

        found = dns.zone.Zone(dns.name.from_text(zone), relativize=False)
        query = dns.message.make_query(zone, "AXFR", use_edns=False)
        if self._key:
            query.use_tsig(self._key)
        what = f"transfer of {zone.rstrip('.')}"
        with self._connected(what) as connection:
            address = connection.getpeername()[0]
        with failures_in_words(self.label, what, self._timeout), self._signed(what):
            try:
                dns.query.inbound_xfr(address, found, query, self._port, timeout=self._timeout, lifetime=self._timeout)
            except (dns.xfr.TransferError, EOFError):  # some servers just hang up
                return None
            except dns.tsig.PeerBadKey:  # Knot says so of a known key too, where it is only for updates
                return None
        return tuple(published(name, rdataset) for name, rdataset in found.iterate_rdatasets())

    def _by_queries(self, zone: str, names: t.Collection[str], connection: socket.socket) -> tuple[Published, ...]:
        import dns.flags
        import dns.message
        import dns.name
        import dns.rcode
        import dns.rdatatype
        import dns.tsig

        apex = dns.name.from_text(zone)
        found: dict[tuple[str, str], Published] = {}
        what = f"query in {zone.rstrip('.')}"
        key = self._key
        for text in sorted(names):
            name = dns.name.from_text(text)
            for kind in _TYPES:
                query = dns.message.make_query(name, kind)
                query.flags &= ~dns.flags.RD
                with self._signed(what):
                    try:
                        answer = self._ask(query, connection, key)
                    except dns.tsig.PeerBadKey:  # as above; a key that is wrong is told when it comes to an update
                        key = None
                        answer = self._ask(dns.message.make_query(name, kind, flags=0), connection)
                if answer.rcode() != dns.rcode.NXDOMAIN:
                    self._check(answer, what)
                for rrset in answer.answer:
                    if rrset.name == name and rrset.rdtype in (dns.rdatatype.from_text(kind), dns.rdatatype.CNAME):
                        record_set = published(name, rrset)
                        found[record_set.fqdn, record_set.type] = record_set
                if not answer.flags & dns.flags.AA:
                    cuts = [rrset for rrset in answer.authority if rrset.rdtype == dns.rdatatype.NS and rrset.name != apex]
                    if not cuts and not answer.answer:
                        raise self._error("it is no authoritative server of the zone; correct server or zone", what)
                    for rrset in cuts:
                        record_set = published(rrset.name, rrset)
                        found[record_set.fqdn, record_set.type] = record_set
                if answer.rcode() == dns.rcode.NXDOMAIN:
                    break
        return tuple(found.values())

    def _ask(self, message: dns.message.Message, connection: socket.socket, key: dns.tsig.Key | None = None) -> dns.message.Message:
        import dns.query

        if key:
            message.use_tsig(key)
        return dns.query.tcp(message, self._server, timeout=self._timeout, port=self._port, sock=connection)

    def _check(self, answer: dns.message.Message, what: str) -> None:
        import dns.rcode

        if answer.rcode() != dns.rcode.NOERROR:
            code = dns.rcode.to_text(answer.rcode())
            raise self._error(f"{code}: {_RCODES.get(code, 'see its log')}", what)

    def _error(self, words: str, what: str) -> ServerError:
        return ServerError(words, request=what, resource=f"DNS server {self.label}")


def _present(update: Update) -> set[str]:
    return {value.rdata for value in update.found.values} if update.found else set()


def _staying(update: Update) -> set[str]:
    """The values that need not be sent; with another time to live all go and come again, as servers differ in what a mere addition does to it."""
    return _present(update) & set(update.rdata) if update.found and update.found.ttl == update.ttl else set()

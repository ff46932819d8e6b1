# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What dnspython needs said the same way everywhere: names, values, addresses, failures in words."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import traceback
import typing as t

from .._errors import ConnectionFailed, InvalidOption, LibraryMissing, TimedOut
from .port import Published, Value

if t.TYPE_CHECKING:
    import dns.name
    import dns.rdata
    import dns.rdataset

DNS_PORT = 53


def require_dnspython() -> None:
    """Raise LibraryMissing unless dnspython can be used. Only tasks that ask DNS servers load it."""
    try:
        import dns.query  # noqa: F401
    except ImportError:
        raise LibraryMissing("dnspython", traceback.format_exc()) from None


def value_of(rdata: dns.rdata.Rdata) -> Value:
    """A record's content as dnspython has it."""
    import dns.rdatatype

    text = rdata.to_text()
    if rdata.rdtype in (dns.rdatatype.TXT, dns.rdatatype.SPF):
        strings: tuple[bytes, ...] = getattr(rdata, "strings", ())
        return Value(b"".join(strings).decode(errors="surrogateescape"), text)
    return Value(text, text)


def value_from_text(kind: str, text: str) -> Value:
    """A record's content from its form in a zone file. What dnspython does not know (provider's own types) is taken as it is."""
    import dns.exception
    import dns.name
    import dns.rdata

    try:
        found = value_of(dns.rdata.from_text("IN", kind, text, origin=dns.name.root, relativize=False))
    except (dns.exception.DNSException, ValueError):
        return Value(text, text)
    return Value(found.content, text)


def published(name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> Published:
    """A record set as dnspython has it; `name` is absolute."""
    import dns.rdatatype

    values = tuple(sorted(value_of(rdata) for rdata in rdataset))
    return Published(name.to_text().lower(), dns.rdatatype.to_text(rdataset.rdtype), int(rdataset.ttl), values)


def endpoint(text: str, option: str, *, port: int = DNS_PORT) -> tuple[str, int]:
    """`HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT` as host and port. Raises InvalidOption."""
    match = re.fullmatch(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](?::(?P<v6port>\d{1,5}))?|(?P<host>[^\s:\[\]]+)(?::(?P<port>\d{1,5}))?", text.strip())
    if match is None:
        with contextlib.suppress(ValueError):
            return str(ipaddress.ip_address(text.strip())), port
        raise InvalidOption(option, f"{text!r} is no server; give a name or an address, and a port if it is not {port}, like 192.0.2.1:{port}.")
    number = int(match["v6port"] or match["port"] or port)
    if not 0 < number < 65536:
        raise InvalidOption(option, f"{text!r} has no port from 1 to 65535; correct it.")
    return match["v6"] or match["host"], number


def shown_endpoint(host: str, port: int) -> str:
    """Host and port as messages write them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def addresses_of(host: str) -> list[str]:
    """The addresses of a server's name, by the system; an address is its own. Raises ConnectionFailed."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ConnectionFailed(f"the DNS server {host} has no address; correct its name, or give its address", sent=False) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@contextlib.contextmanager
def failures_in_words(server: str, what: str, limit: float) -> t.Iterator[None]:
    """Raise what the network and dnspython raise as ConnectionFailed or TimedOut."""
    import dns.exception

    try:
        yield
    except (dns.exception.Timeout, TimeoutError):
        raise TimedOut(f"the DNS server {server} did not answer within {limit:g} seconds ({what})", sent=True) from None
    except (OSError, EOFError) as error:
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ConnectionFailed(f"the DNS server {server} could not be reached: {words} ({what})", sent=False) from None
    except dns.exception.DNSException as error:
        raise ConnectionFailed(f"what the DNS server {server} answered can't be used: {error or type(error).__name__} ({what})", sent=True) from None

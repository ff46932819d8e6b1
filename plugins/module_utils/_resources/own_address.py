# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses and networks as servers block and allow them, and the address from which a task speaks with the server: blocked, nobody can free it from here."""

from __future__ import annotations

import ipaddress
import typing as t

from .._errors import Refused
from .._server.port import Server

#: The server finds larger networks wrong, and then applies nothing.
_SHORTEST_PREFIX = 8

Network: t.TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"


def canonical(text: str) -> str:
    """An address or network in the one spelling it is compared by; a network of one address is that address. Raises ValueError."""
    network = network_of(text)
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def network_of(text: str) -> Network:
    """One address is a network, too. Raises ValueError with a sentence."""
    text = text.strip()
    address, slash, length = text.partition("/")
    try:
        if "%" in text or (slash and not (length.isascii() and length.isdigit())):
            raise ValueError(text)
        parsed = ipaddress.ip_address(address)
        mapped = getattr(parsed, "ipv4_mapped", None)
        if mapped is not None:  # the server sees such clients as those of IPv4
            network: Network = ipaddress.ip_network(f"{mapped}/{int(length) - 96}" if slash else mapped, strict=False)
        else:
            network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is neither an IP address nor a network such as 192.0.2.0/24 or 2001:db8::/32") from None
    if network.prefixlen < _SHORTEST_PREFIX:
        raise ValueError(f"{text!r} is larger than any network that servers take; use a prefix length of {_SHORTEST_PREFIX} or more")
    return network


def holds(addresses: t.Iterable[str], address: str) -> bool:
    """Whether an address is one of these, or in a network of them. What is neither holds nothing."""
    if not address:
        return False
    wanted = next(iter(network_of(address)))
    for text in addresses:
        try:
            network = network_of(text)
        except ValueError:
            continue
        if network.version == wanted.version and wanted in network:
            return True
    return False


def refuse_own(server: Server, blocked: t.Collection[str], option: str) -> None:
    """Raise Refused where one of the addresses to be blocked holds the own one."""
    own = server.own_address() if blocked else ""
    for text in sorted(blocked):
        if holds([text], own):
            raise Refused(f"{option}: {text} holds {own}, from which this task speaks with the server; it would lock itself out. Leave it out.")

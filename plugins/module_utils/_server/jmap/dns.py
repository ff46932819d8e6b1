# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records that a domain should have: a zone file among its properties."""

from __future__ import annotations

import traceback
import typing as t

from ..._errors import LibraryMissing, UnexpectedAnswer
from ..models.dns import DnsRecord
from ._call import Find, JmapCaller


def zone_records(caller: JmapCaller, domain: str) -> list[DnsRecord]:
    """One request. None for a domain that is not on the server."""
    resource = f"DNS records of {domain!r}"
    found = caller.find("Domain", {"name": domain}, properties=["dnsZoneFile"], resource=resource)
    try:
        return parse_zone(str(found[0].get("dnsZoneFile") or "")) if found else []
    except ValueError as error:
        raise UnexpectedAnswer(f"the server's zone file can't be read: {error}", request="POST /jmap x:Domain/get").about(resource) from None


def publishing(caller: JmapCaller, domains: t.Collection[str]) -> list[str]:
    """Those of the domains whose records the server publishes by itself. One request."""
    found = caller.read(*(Find("Domain", {"name": domain}, ("name", "dnsManagement"), f"domain {domain!r}") for domain in domains))
    return [str(each["name"]) for objects in found for each in objects if (each.get("dnsManagement") or {}).get("@type") == "Automatic"]


def parse_zone(text: str) -> list[DnsRecord]:
    """The records of a zone file with absolute names, in the order of their names: texts joined and without quotes. Raises ValueError."""
    try:
        import dns.exception
        import dns.rdatatype
        import dns.zonefile
    except ImportError:
        raise LibraryMissing("dnspython", traceback.format_exc()) from None

    try:
        rrsets = dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=0)
    except dns.exception.DNSException as error:
        raise ValueError(str(error) or type(error).__name__) from None
    kinds = [(rrset, dns.rdatatype.to_text(rrset.rdtype)) for rrset in rrsets]
    return [DnsRecord(type=kind, name=rrset.name.to_text(), content=_content(rdata, kind)) for rrset, kind in kinds for rdata in rrset]


def _content(rdata: t.Any, kind: str) -> str:
    return b"".join(rdata.strings).decode() if kind == "TXT" else str(rdata.to_text())

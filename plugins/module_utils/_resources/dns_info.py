# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records that a server's domains should have, read from the server."""

from __future__ import annotations

import typing as t

from .._deps import BeforeValidator
from .._errors import InvalidOption, Refused
from .._reconcile.plan import Mode, Outcome
from .._server.models.dns import DnsRecord
from .._server.port import Server
from ._dns_options import DnsNames, Ttl, with_one_spf
from ._dns_text import zone_file, zone_files
from ._options import Item, Options, one_or_more, read
from .dns_records import (
    DEFAULT_TTL,
    Record,
    RecordSet,
    absolute_name,
    as_result,
    group,
    is_within,
    record_sets,
)
from .domains import Domains, require_domains


class _RecordsOptions(Options):
    domain: Domains
    #: Any name can be a zone of its own, also one with underscores such as _domainkey.example.org.
    zones: DnsNames = ()
    include: t.Annotated[tuple[Item, ...], BeforeValidator(one_or_more)] = ()
    exclude: t.Annotated[tuple[Item, ...], BeforeValidator(one_or_more)] = ()
    ttl: Ttl = DEFAULT_TTL


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """The records of some domains. Results: `records`, `record_sets`, `zone_files` (text by zone), `zone_file` (all as one text).

    Two requests for one domain; for several one list of all domains, and one a domain.
    """
    wanted = read(_RecordsOptions, options)
    _check(wanted)
    require_domains(server, wanted.domain, mode)
    managed = server.publishing(wanted.domain)
    for domain in managed:
        mode.warn(
            f"the server publishes the records of {domain} at a DNS provider by itself; leave them to it, or end that before they are published from here "
            "(stalwart.mail.object with type: Domain and dnsManagement: {'@type': Manual})."
        )
    sets = wanted_records(
        {domain: server.dns_records(domain) for domain in wanted.domain},
        zones=wanted.zones,
        ttl=wanted.ttl,
        include=wanted.include,
        exclude=wanted.exclude,
        managed=managed,
        warn=mode.warn,
    )
    return Outcome(
        {
            "managed_domains": list(managed),
            "records": [as_result(record) for found in sets for record in found.records],
            "record_sets": [as_result(found) for found in sets],
            "zone_files": zone_files(sets),
            "zone_file": zone_file(sets),
        }
    )


def wanted_records(
    sources: t.Mapping[str, t.Sequence[DnsRecord]],
    *,
    zones: t.Collection[str] = (),
    ttl: int = DEFAULT_TTL,
    include: t.Collection[str] = (),
    exclude: t.Collection[str] = (),
    managed: t.Collection[str] = (),
    warn: t.Callable[[str], None] = lambda _text: None,
) -> tuple[RecordSet, ...]:
    """The record sets of several domains (domain → what the server answers), each once. Without zones each domain is one.

    Domains overlap where one lies in another: what both ask for is there once, their SPF policies become one, and an alias that one asks
    for at the name of the other gives way, since nothing else may stand beside a CNAME (RFC 1034, 3.6.2).
    Those of `managed` domains, which the server publishes by itself, say so.
    Raises Refused for what the server answers and DNS does not know.
    """
    cuts = zones or tuple(sources)
    found: dict[tuple[str, str, str], Record] = {}
    try:
        for domain, records in sources.items():
            for record_set in record_sets(records, domain, zones=cuts, ttl=ttl, include=include, exclude=exclude):
                for record in record_set.records:
                    if domain in managed:
                        record = record.model_copy(update={"managed_domain": domain})
                    found.setdefault((record.fqdn, record.type, record.value), record)
    except ValueError as error:
        raise Refused(f"the server's records can't be used: {error}") from None
    return group(with_one_spf(_without_aliases_in_use(list(found.values()), warn)))


def _check(wanted: _RecordsOptions) -> None:
    """What can be known to be wrong before the server is asked."""
    for option in ("include", "exclude"):
        try:
            record_sets((), "example.org", **{option: getattr(wanted, option)})
        except ValueError as error:
            raise InvalidOption(option, str(error).removeprefix(f"{option}: ")) from None
    for domain in wanted.domain:
        if wanted.zones and not any(is_within(absolute_name(domain), zone) for zone in wanted.zones):
            zones = ", ".join(zone.rstrip(".") for zone in wanted.zones)
            raise InvalidOption("zones", f"none of them ({zones}) holds {domain}; add the zone that does, or leave the option out.")


def _without_aliases_in_use(records: list[Record], warn: t.Callable[[str], None]) -> list[Record]:
    others = {record.fqdn for record in records if record.type != "CNAME"}
    for record in records:
        if record.type == "CNAME" and record.fqdn in others:
            warn(f"the alias {record.fqdn.rstrip('.')} (CNAME {record.target}) is left out, since that name is a mail domain with records of its own.")
    return [record for record in records if record.type != "CNAME" or record.fqdn not in others]

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records that a user wants, as options: read, chosen, overridden, and put into zones."""

from __future__ import annotations

import re
import typing as t

from .._deps import AfterValidator, BeforeValidator
from .._errors import InvalidOption
from ._dns_meaning import merged_spf
from ._dns_text import ZoneRecord
from ._options import Item, Options, Text, one_or_more, without_repeats
from .dns_records import PURPOSES, Record, RecordSet, absolute_name, group, is_spf, is_within, merge_spf, parse_record, record_sets, relative_name, zone_of

LONGEST_TTL = 2**31 - 1  # RFC 2181, 8


def ttl(value: t.Any) -> int:
    """Seconds, as an option gives them."""
    text = str(value).strip()
    if isinstance(value, bool) or re.fullmatch(r"[0-9]{1,10}", text) is None or int(text) > LONGEST_TTL:
        raise ValueError(f"{value!r} is no time to live; give seconds, from 0 to {LONGEST_TTL}")
    return int(text)


Ttl = t.Annotated[int, BeforeValidator(ttl)]
#: Names of records and zones; they may hold what names of hosts may not.
DnsName = t.Annotated[Text, AfterValidator(absolute_name)]
DnsNames = t.Annotated[tuple[DnsName, ...], BeforeValidator(one_or_more), AfterValidator(without_repeats)]
Words = t.Annotated[tuple[Item, ...], BeforeValidator(one_or_more), AfterValidator(without_repeats)]
Sources = t.Annotated[tuple[dict[str, t.Any], ...], BeforeValidator(lambda value: [value] if isinstance(value, dict) else value)]


class Choice(Options):
    """The records and which of them."""

    record_sets: Sources
    include: Words = ()
    exclude: Words = ()

    def records(self) -> tuple[Record, ...]:
        """All given records, each once; their zones are those that they came with. Raises InvalidOption."""
        found: dict[tuple[str, str, str], Record] = {}
        for number, source in enumerate(self.record_sets):
            for record in _records(source, f"record_sets[{number}]"):
                found.setdefault((record.fqdn, record.type, record.value), record)
        return tuple(found.values())

    def is_chosen(self, record: Record) -> bool:
        """By purpose and type, as `include` and `exclude` say."""
        names = {record.purpose, record.type}
        return not (self.include and not names & _chosen(self.include)) and not names & _chosen(self.exclude)

    def check_choice(self) -> None:
        """Raises InvalidOption for a purpose or type that is none."""
        for option in ("include", "exclude"):
            try:
                record_sets((), "example.org", **{option: getattr(self, option)})
            except ValueError as error:
                raise InvalidOption(option, str(error).removeprefix(f"{option}: ")) from None


class Overrides(Options):
    """What is to be different from what the mail server says."""

    ttl: Ttl | None = None
    mx: Words = ()
    srv_ports: dict[str, int] = {}
    caa: Words = ()
    tlsa: Words = ()
    spf_mechanisms: Words = ()

    def apply(self, records: t.Sequence[Record]) -> list[Record]:
        """The records with the overrides. Raises InvalidOption for what does not fit its type."""
        domains = {record.fqdn: record for record in records if record.purpose == "mx"}
        found = [record for record in records if not (self.mx and record.purpose == "mx")]
        found = [record for record in found if record.type != "TLSA" or self._wants(record)]
        found = [self._with_port(self._with_mechanisms(record)) for record in found]
        for option, kind in (("mx", "MX"), ("caa", "CAA")):
            for number, content in enumerate(getattr(self, option)):
                for fqdn, sample in domains.items():
                    found.append(_parsed(kind, fqdn, content, sample.zone, sample.ttl, f"{option}[{number}]"))
        unique = {(record.fqdn, record.type, record.value): record for record in found}
        return [record if self.ttl is None else record.model_copy(update={"ttl": self.ttl}) for record in with_one_spf(list(unique.values()))]

    def check(self) -> None:
        """Raises InvalidOption for what can be known to be wrong before anything is read."""
        for number, text in enumerate(self.tlsa):
            if re.fullmatch(r"[0-3] [01] [0-2]", text) is None:
                raise InvalidOption(f"tlsa[{number}]", f"{text!r} is no usage, selector and matching type; give three numbers, like '3 1 1'.")
        for service, port in self.srv_ports.items():
            if not 0 <= port < 65536:
                raise InvalidOption(f"srv_ports.{service}", f"{port} is no port; give one from 1 to 65535, or 0 for a service that is not offered.")
        for number, term in enumerate(self.spf_mechanisms):
            if re.fullmatch(r"[+?~-]?(?:include:\S+|a(?:[:/]\S+)?|mx(?:[:/]\S+)?|ip4:\S+|ip6:\S+|exists:\S+|ptr(?::\S+)?)", term, re.IGNORECASE) is None:
                raise InvalidOption(f"spf_mechanisms[{number}]", f"{term!r} is no mechanism of SPF; give one like include:_spf.example.net or ip4:192.0.2.1.")

    def _wants(self, record: Record) -> bool:
        return f"{record.usage} {record.selector} {record.matching_type}" in self.tlsa

    def _with_port(self, record: Record) -> Record:
        service = record.fqdn.partition(".")[0].lstrip("_")
        if record.type != "SRV" or service not in self.srv_ports:
            return record
        port = self.srv_ports[service]
        # RFC 6186, 3.4: a target "." says that the service is not offered
        content = f"{record.priority} {record.weight} {port} {record.target}" if port else "0 0 0 ."
        return _parsed("SRV", record.fqdn, content, record.zone, record.ttl, f"srv_ports.{service}")

    def _with_mechanisms(self, record: Record) -> Record:
        if record.purpose != "spf" or not self.spf_mechanisms:
            return record
        value = merged_spf([record.value], "v=spf1 " + " ".join(self.spf_mechanisms))
        return _parsed("TXT", record.fqdn, value, record.zone, record.ttl, "spf_mechanisms")


def in_zones(records: t.Iterable[Record], zones: t.Collection[str], option: str) -> tuple[RecordSet, ...]:
    """The records as sets, each in the longest of the zones that holds it. Raises InvalidOption for a name that none holds."""
    found: list[Record] = []
    records = list(records)
    aliases = {record.fqdn: record for record in records if record.type == "CNAME"}
    for record in records:
        alias = aliases.get(record.fqdn, record)
        if alias.value != record.value or alias.type != record.type:
            raise InvalidOption(
                option,
                f"{record.fqdn.rstrip('.')} is to be an alias of {alias.value.rstrip('.')} and to have {record.type} {record.value}; leave one out.",
            )
        try:
            zone = zone_of(record.fqdn, zones)
        except ValueError:
            held = ", ".join(name.rstrip(".") for name in zones)
            raise InvalidOption(
                option, f"none of the zones ({held}) holds {record.fqdn.rstrip('.')}; add the zone that does, or leave the record out by exclude."
            ) from None
        found.append(record.model_copy(update={"zone": zone.rstrip(".") or ".", "name": relative_name(record.fqdn, zone)}))
    return group(found)


def with_one_spf(records: list[Record]) -> list[Record]:
    """The records, with one SPF policy a name, that of several domains allowing what any of them does."""
    policies: dict[str, list[Record]] = {}
    for record in records:
        if record.type == "TXT" and is_spf(record.value):
            policies.setdefault(record.fqdn, []).append(record)
    merged = []
    for fqdn, several in policies.items():
        if len(several) > 1:
            # sorted, so that the order of the domains makes no difference; "mx" goes before "a"
            source = ZoneRecord(type="TXT", name=fqdn, content=merge_spf(sorted((record.value for record in several), reverse=True)))
            zone = absolute_name(several[0].zone)
            own = parse_record(source, zone=zone, domain=zone, ttl=several[0].ttl)
            merged.append(own.model_copy(update={"managed_domain": next((record.managed_domain for record in several if record.managed_domain), None)}))
    replaced = {record.fqdn for record in merged}
    return [record for record in records if not (record.fqdn in replaced and record.type == "TXT" and is_spf(record.value))] + merged


def purposes(names: t.Iterable[str], option: str) -> frozenset[str]:
    """Purposes as options give them. Raises InvalidOption."""
    found = [name.lower().replace("-", "_") for name in names]
    for number, name in enumerate(found):
        if name not in PURPOSES:
            raise InvalidOption(f"{option}[{number}]", f"{name!r} is no purpose; give some of {', '.join(PURPOSES)}.")
    return frozenset(found)


def _chosen(names: t.Iterable[str]) -> set[str]:
    return {form for name in names for form in (name.lower().replace("-", "_"), name.upper())}


_FORMS = (
    "give elements of record_sets or records as dns_records_info and the filter stalwart.mail.record_sets return them, "
    "or records with type, name (absolute), content and perhaps ttl."
)


def _records(source: t.Mapping[str, t.Any], place: str) -> list[Record]:
    if "records" in source or "fqdn" in source:
        members = source.get("records", [source])
        try:
            return [Record.model_validate(dict(member)) for member in members]
        except (ValueError, TypeError):
            raise InvalidOption(place, f"it is no record set; {_FORMS}") from None
    if not {"type", "name", "content"} <= source.keys() <= {"type", "name", "content", "ttl"}:
        raise InvalidOption(place, f"it is no record; {_FORMS}")
    try:
        own_ttl = None if source.get("ttl") is None else ttl(source["ttl"])
        record = ZoneRecord(type=str(source["type"]), name=str(source["name"]), content=str(source["content"]), ttl=own_ttl)
        # without a domain at hand, the name without the labels that begin with _ is taken for it
        fqdn = absolute_name(record.name)
        labels = fqdn.split(".")
        last = max((number for number, label in enumerate(labels) if label.startswith("_")), default=-1)
        domain = ".".join(labels[last + 1 :]) or "."
        first = labels[0] in ("mail", "autoconfig", "autodiscover", "mta-sts", "ua-auto-config") and record.type.upper() in ("CNAME", "A", "AAAA")
        return [parse_record(record, zone=domain, domain=domain.partition(".")[2] if first and len(labels) > 2 else domain)]
    except ValueError as error:
        raise InvalidOption(place, f"{str(error).rstrip('.')}; correct it.") from None


def _parsed(kind: str, fqdn: str, content: str, zone: str, seconds: int, option: str) -> Record:
    apex = "." if zone == "." else f"{zone}."
    try:
        record = parse_record(ZoneRecord(type=kind, name=fqdn, content=content), zone=apex if is_within(fqdn, apex) else fqdn, domain=fqdn, ttl=seconds)
    except ValueError as error:
        raise InvalidOption(option, f"{str(error).rstrip('.')}; correct it.") from None
    return record.model_copy(update={"zone": zone})

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The DNS records that a mail domain should have, in one parsed form: records, grouped into record sets.

Pure functions over what the server answers (type, absolute name, content), over zone files and over records of the user.
Names are kept as zone files write them: lower case, A-labels, unusual characters escaped; absolute ones end with a dot.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .._server.models.base import Model

DEFAULT_TTL = 3600

#: What records are there for. `host` is the name that mail programs connect to, `other` what none of the rest describes.
Purpose = t.Literal["mx", "host", "spf", "dkim", "dmarc", "tlsrpt", "mta_sts", "autoconfig", "srv", "tlsa", "caa", "acme", "other"]
PURPOSES: tuple[str, ...] = t.get_args(Purpose)

#: Record types whose last field is a name, which is absolute or relative to the origin of a zone file.
TYPES_WITH_TARGET = frozenset({"CNAME", "DNAME", "MX", "NS", "PTR", "SRV"})


class SourceRecord(t.Protocol):
    """What records are made from: `name` absolute, `content` with priorities in it and without quotes around a TXT."""

    @property
    def type(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def content(self) -> str: ...


class Record(Model):
    """One record. What a type does not have is None.

    `value` is the whole content, a TXT as one string; `rdata` the same as a zone file writes it, a TXT quoted and in chunks.
    `fqdn` and `target` end with a dot, `zone` does not, `name` is relative to the zone (`@` is the zone itself).
    """

    zone: str
    name: str
    fqdn: str
    type: str
    ttl: int
    purpose: Purpose
    value: str
    rdata: str
    #: MX and SRV
    priority: int | None = None
    weight: int | None = None
    port: int | None = None
    #: MX, SRV, CNAME and other types that point to a name
    target: str | None = None
    #: TLSA (RFC 6698); the association data in hexadecimal digits
    usage: int | None = None
    selector: int | None = None
    matching_type: int | None = None
    data: str | None = None
    #: CAA (RFC 8659)
    flags: int | None = None
    tag: str | None = None
    property_value: str | None = None
    #: TXT: at most 255 bytes each; together they are the value
    txt_chunks: tuple[str, ...] | None = None
    #: The mail domain that asks for it, where the mail server publishes the records of that by itself
    managed_domain: str | None = None


class RecordSet(Model):
    """All records of one name and type. `purposes` holds more than one where, say, SPF and a verification TXT share a name."""

    zone: str
    name: str
    fqdn: str
    type: str
    ttl: int
    purposes: tuple[Purpose, ...]
    value: tuple[str, ...]
    rdata: tuple[str, ...]
    records: tuple[Record, ...]


def record_sets(
    sources: t.Iterable[SourceRecord],
    domain: str,
    *,
    zones: t.Collection[str] = (),
    ttl: int = DEFAULT_TTL,
    include: t.Collection[str] = (),
    exclude: t.Collection[str] = (),
) -> tuple[RecordSet, ...]:
    """The record sets of a domain, each once, in an order that does not depend on that of the sources.

    Records of names outside the domain are dropped: the server lists certificates of every name that ends with the same
    letters. Each record goes to the longest of the zones that holds it; without zones, the domain is the zone. `include`
    and `exclude` take purposes and record types; no `include` means all. Several SPF records of one name, which receivers
    take for an error, become one. A source that has a `ttl` of its own keeps it.

    Raises ValueError for an unknown purpose or type, a content that does not fit its type, a name that no zone holds.
    """
    apex = absolute_name(domain)
    cuts = [absolute_name(zone) for zone in zones] or [apex]
    chosen = _selection(include, "include")
    dropped = _selection(exclude, "exclude")
    found: dict[tuple[str, str], dict[str, Record]] = {}
    for source in sources:
        fqdn = absolute_name(source.name)
        if not is_within(fqdn, apex):
            continue
        record = parse_record(source, zone=zone_of(fqdn, cuts), domain=apex, ttl=ttl)
        names = {record.purpose, record.type}
        if (chosen and not chosen & names) or dropped & names:
            continue
        # What differs only in TTL is the same record.
        found.setdefault((record.fqdn, record.type), {}).setdefault(record.value, record)
    return group(record for records in found.values() for record in _with_one_spf(list(records.values())))


def group(records: t.Iterable[Record]) -> tuple[RecordSet, ...]:
    """The records as sets, sorted. The records of a set share the lowest of their TTLs (RFC 2181, 5.2 asks for one)."""
    by_name_and_type: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        by_name_and_type.setdefault((record.zone, record.fqdn, record.type), []).append(record)
    sets = []
    for (zone, fqdn, kind), members in by_name_and_type.items():
        ttl = min(record.ttl for record in members)
        members = sorted((record.model_copy(update={"ttl": ttl}) for record in members), key=_order_in_set)
        sets.append(
            RecordSet(
                zone=zone,
                name=members[0].name,
                fqdn=fqdn,
                type=kind,
                ttl=ttl,
                purposes=tuple(sorted({record.purpose for record in members}, key=PURPOSES.index)),
                value=tuple(record.value for record in members),
                rdata=tuple(record.rdata for record in members),
                records=tuple(members),
            )
        )
    return tuple(sorted(sets, key=_order_of_sets))


def as_result(found: Record | RecordSet) -> dict[str, t.Any]:
    """The model as a task returns it: without the fields that its type does not have."""
    data: dict[str, t.Any] = found.model_dump(mode="json", exclude_none=True)
    return data


def from_result(data: t.Mapping[str, t.Any]) -> RecordSet:
    """The record set that `as_result` was made of. Raises ValueError for anything else."""
    try:
        found: RecordSet = RecordSet.model_validate(dict(data))
        return found
    except ValueError:
        raise ValueError(
            "this is not a record set: give elements of the record_sets that dns_records_info or the filter stalwart.mail.record_sets return."
        ) from None


def parse_record(source: SourceRecord, *, zone: str, domain: str, ttl: int = DEFAULT_TTL) -> Record:
    """One record parsed. `zone` and `domain` are absolute names. Raises ValueError for a content that does not fit the type."""
    kind = source.type.upper()
    fqdn = absolute_name(source.name)
    fields = _parse_content(kind, fqdn, source.content)
    own_ttl = getattr(source, "ttl", None)
    return Record(
        zone=zone.rstrip(".") or ".",
        name=relative_name(fqdn, zone),
        fqdn=fqdn,
        type=kind,
        ttl=ttl if own_ttl is None else own_ttl,
        purpose=purpose_of(kind, fqdn, fields["value"], domain),
        **fields,
    )


def purpose_of(kind: str, fqdn: str, value: str, domain: str) -> Purpose:
    """What a record of a mail domain is there for, by its name, type and value."""
    local = relative_name(fqdn, domain) if is_within(fqdn, domain) else fqdn
    first, _dot, rest = local.partition(".")
    by_type: dict[str, Purpose] = {"MX": "mx", "SRV": "srv", "TLSA": "tlsa", "CAA": "caa"}
    if kind in by_type:
        return by_type[kind]
    if f".{local}.".find("._domainkey.") >= 0:
        return "dkim"
    # Delegated to somebody else by a CNAME, these names still serve the same purpose.
    if first == "_dmarc":
        return "dmarc"
    if local.startswith("_smtp._tls"):
        return "tlsrpt"
    if first in ("_mta-sts", "mta-sts"):
        return "mta_sts"
    if first in ("autoconfig", "autodiscover", "ua-auto-config", "_ua-auto-config"):
        return "autoconfig"
    if first in ("_acme-challenge", "_validation-persist"):
        return "acme"
    if kind == "TXT":
        return "spf" if is_spf(value) else "other"
    if kind in ("A", "AAAA") or (kind == "CNAME" and first == "mail" and not rest):
        return "host"
    return "other"


# -- names -----------------------------------------------------------------------------------------------------------


def absolute_name(text: str) -> str:
    """The name in lower case with a final dot; labels outside ASCII as A-labels, unusual characters escaped.

    Names of records may hold what names of hosts may not: underscores, `*`, anything escaped.
    Raises ValueError for an empty name or a label that is too long.
    """
    labels = _labels(text.strip().lower().replace("\u3002", "."))
    if labels == ["", ""]:
        return "."
    if labels[-1] == "" and len(labels) > 1:
        labels.pop()
    if labels == [""]:
        raise ValueError("a DNS name is empty.")
    raw = [_label_bytes(label) for label in labels]
    if not all(raw):
        raise ValueError(f"{text!r} is not a DNS name: two dots follow each other, or it begins with one.")
    if any(len(label) > 63 for label in raw):
        raise ValueError(f"{text!r} is not a DNS name: a label is longer than 63 bytes.")
    if sum(len(label) + 1 for label in raw) > 254:
        raise ValueError(f"{text!r} is not a DNS name: it is longer than 253 bytes.")
    return "".join(_written_label(label) + "." for label in raw)


def is_within(fqdn: str, apex: str) -> bool:
    """Whether an absolute name is the other or below it."""
    if "\\" in fqdn:  # an escaped dot separates nothing
        labels = _labels(apex) if apex != "." else [""]
        return _labels(fqdn)[-len(labels) :] == labels
    return fqdn == apex or apex == "." or fqdn.endswith(f".{apex}")


def relative_name(fqdn: str, zone: str) -> str:
    """The name as a zone file of the zone writes it: `@` for the zone itself."""
    if fqdn == zone:
        return "@"
    return fqdn[: -len(zone) - 1] if zone != "." else fqdn[:-1]


def zone_of(fqdn: str, zones: t.Iterable[str]) -> str:
    """The longest of the zones (absolute names) that holds the name. Raises ValueError when none does."""
    zones = list(zones)
    holding = [zone for zone in zones if is_within(fqdn, zone)]
    if not holding:
        known = ", ".join(zone.rstrip(".") for zone in zones)
        raise ValueError(f"none of the zones ({known}) holds {fqdn.rstrip('.')}: add the zone that does.")
    return max(holding, key=len)


_NAME_TOKEN = re.compile(r"\\[0-9]{3}|\\.|.", re.DOTALL)


def _labels(name: str) -> list[str]:
    """The labels, split at the dots that are not escaped."""
    if "\\" not in name:
        return name.split(".")
    labels = [""]
    for token in _NAME_TOKEN.findall(name):
        if token == ".":
            labels.append("")
        else:
            labels[-1] += token
    return labels


def _label_bytes(label: str) -> bytes:
    if not label.isascii():
        import idna  # a dependency of httpx; loaded only for the names that need it

        try:
            return idna.encode(label, uts46=True)
        except (idna.IDNAError, UnicodeError):
            pass  # not a name of a host: its own bytes count
    if "\\" not in label:
        return label.encode(errors="surrogateescape")
    raw = bytearray()
    for token in _NAME_TOKEN.findall(label):
        if len(token) == 4:
            if int(token[1:]) > 255:
                raise ValueError(f"{label!r} is no label of a DNS name: {token} is no byte.")
            raw.append(int(token[1:]))
        else:
            raw += token[-1].encode(errors="surrogateescape")
    return bytes(raw).lower()


def _written_label(raw: bytes) -> str:
    return "".join(f"\\{byte:c}" if byte in b'"().;\\@$' else f"{byte:c}" if 0x20 < byte < 0x7F else f"\\{byte:03d}" for byte in raw)


# -- contents --------------------------------------------------------------------------------------------------------


def _parse_content(kind: str, fqdn: str, content: str) -> dict[str, t.Any]:
    text = content.strip() if kind != "TXT" else content
    parse = _PARSERS.get(kind)
    try:
        return parse(text) if parse else {"value": text, "rdata": text}
    except ValueError as error:
        reason = f" ({str(error).rstrip('.')})" if str(error) else ""
        raise ValueError(f"the content {content!r} of {fqdn.rstrip('.')} is not that of a record of type {kind}{reason}.") from None


def _parse_target(text: str) -> dict[str, t.Any]:
    target = absolute_name(text)
    return {"value": target, "rdata": target, "target": target}


def _parse_mx(text: str) -> dict[str, t.Any]:
    priority, target = _split(text, 2)
    number, name = _number(priority, 0xFFFF), absolute_name(target)
    value = f"{number} {name}"
    return {"value": value, "rdata": value, "priority": number, "target": name}


def _parse_srv(text: str) -> dict[str, t.Any]:
    *numbers, target = _split(text, 4)
    priority, weight, port = (_number(number, 0xFFFF) for number in numbers)
    name = absolute_name(target)
    value = f"{priority} {weight} {port} {name}"
    return {"value": value, "rdata": value, "priority": priority, "weight": weight, "port": port, "target": name}


def _parse_tlsa(text: str) -> dict[str, t.Any]:
    usage, selector, matching_type, *digits = text.split()
    data = "".join(digits).lower()
    if re.fullmatch(r"(?:[0-9a-f]{2})+", data) is None:
        raise ValueError("the association data are not hexadecimal")
    numbers = [_number(number, 0xFF) for number in (usage, selector, matching_type)]
    if len(data) != {1: 64, 2: 128}.get(numbers[2], len(data)):
        raise ValueError("the association data are not as long as a hash of the matching type")
    value = " ".join([*map(str, numbers), data])
    return {"value": value, "rdata": value, "usage": numbers[0], "selector": numbers[1], "matching_type": numbers[2], "data": data}


def _parse_caa(text: str) -> dict[str, t.Any]:
    flags, tag, rest = text.split(None, 2)
    if re.fullmatch(r"[0-9A-Za-z]+", tag) is None:
        raise ValueError("the tag may hold letters and digits only")
    rest = re.sub(r"\\(.)", r"\1", rest[1:-1]) if len(rest) >= 2 and rest[0] == rest[-1] == '"' else rest
    number, tag = _number(flags, 0xFF), tag.lower()
    quoted = quoted_text(rest)
    return {"value": f"{number} {tag} {quoted}", "rdata": f"{number} {tag} {quoted}", "flags": number, "tag": tag, "property_value": rest}


def _parse_txt(text: str) -> dict[str, t.Any]:
    chunks = txt_chunks(text)
    return {"value": text, "rdata": " ".join(quoted_text(chunk) for chunk in chunks), "txt_chunks": chunks}


def _parse_address(text: str) -> dict[str, t.Any]:
    address = str(ipaddress.ip_address(text))
    return {"value": address, "rdata": address}


_PARSERS: dict[str, t.Callable[[str], dict[str, t.Any]]] = {
    "A": _parse_address,
    "AAAA": _parse_address,
    "CAA": _parse_caa,
    "CNAME": _parse_target,
    "DNAME": _parse_target,
    "MX": _parse_mx,
    "NS": _parse_target,
    "PTR": _parse_target,
    "SRV": _parse_srv,
    "TLSA": _parse_tlsa,
    "TXT": _parse_txt,
}


def _split(text: str, fields: int) -> list[str]:
    found = text.split()
    if len(found) != fields:
        raise ValueError(f"it has {len(found)} fields instead of {fields}")
    return found


def _number(text: str, largest: int) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text) is None or int(text) > largest:
        raise ValueError(f"{text!r} is no number from 0 to {largest}")
    return int(text)


def txt_chunks(value: str) -> tuple[str, ...]:
    """The value in character strings of at most 255 bytes (RFC 1035, 3.3), never cut inside a character."""
    chunks = [""]
    size = 0
    for char in value:
        width = len(char.encode(errors="surrogateescape"))
        if size + width > 255:
            chunks.append("")
            size = 0
        chunks[-1] += char
        size += width
    return tuple(chunks)


def quoted_text(text: str) -> str:
    """A character string as zone files write it: quoted, and escaped to plain ASCII."""
    return '"' + "".join(_text_byte(byte) for byte in text.encode(errors="surrogateescape")) + '"'


def _text_byte(byte: int) -> str:
    if byte in b'"\\':
        return f"\\{byte:c}"
    return f"{byte:c}" if 0x20 <= byte < 0x7F else f"\\{byte:03d}"


# -- SPF -------------------------------------------------------------------------------------------------------------


def is_spf(value: str) -> bool:
    """Whether a TXT value is an SPF record (RFC 7208, 4.5): the version stands alone or before a blank."""
    return re.match(r"v=spf1(?: |$)", value, re.IGNORECASE) is not None


def merge_spf(values: t.Sequence[str]) -> str:
    """One SPF record that allows what any of the given allows; the first one's `all` and modifiers win.

    Mechanisms keep their order; where there is an `all`, a `redirect` would have no effect and is left out.
    """
    mechanisms: dict[str, str] = {}
    modifiers: dict[str, str] = {}
    default = ""
    for value in values:
        for term in value.split()[1:]:
            name = term.lower().lstrip("+-~?")
            if name == "all":
                default = default or term
            elif re.match(r"[a-z][a-z0-9_.-]*=", name):
                modifiers.setdefault(name.partition("=")[0], term)
            else:
                mechanisms.setdefault(name, term)
    if default:
        modifiers.pop("redirect", None)
    return " ".join(["v=spf1", *mechanisms.values(), *modifiers.values(), *([default] if default else [])])


def _with_one_spf(records: list[Record]) -> list[Record]:
    policies = [record for record in records if record.type == "TXT" and is_spf(record.value)]
    if len(policies) < 2:
        return records
    merged = merge_spf(sorted((record.value for record in policies), reverse=True))
    return [record for record in records if record not in policies] + [policies[0].model_copy(update=_parse_txt(merged))]


# -- choice and order ------------------------------------------------------------------------------------------------

_TYPE_ORDER = ("SOA", "NS", "A", "AAAA", "CNAME", "MX", "TXT", "SRV", "CAA", "TLSA")


def _selection(names: t.Collection[str], option: str) -> set[str]:
    chosen = set()
    for name in names:
        if name.lower().replace("-", "_") in PURPOSES:
            chosen.add(name.lower().replace("-", "_"))
        elif name.upper() in _TYPE_ORDER or name.upper() in _PARSERS:
            chosen.add(name.upper())
        else:
            raise ValueError(f"{option}: {name!r} is neither a purpose ({', '.join(PURPOSES)}) nor a record type such as MX or TXT.")
    return chosen


def _order_in_set(record: Record) -> tuple[t.Any, ...]:
    return (record.priority or 0, -(record.weight or 0), record.port or 0, record.value)


def _order_of_sets(found: RecordSet) -> tuple[t.Any, ...]:
    position = _TYPE_ORDER.index(found.type) if found.type in _TYPE_ORDER else len(_TYPE_ORDER)
    return (_hierarchical(found.zone), _hierarchical(found.fqdn), position, found.type)


def _hierarchical(name: str) -> list[str]:
    """A key that puts a name before those below it (the order of RFC 4034, 6.1)."""
    return list(reversed(_labels(name.rstrip("."))))

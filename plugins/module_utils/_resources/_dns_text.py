# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record sets as texts that other programs and people read, and zone files read back."""

from __future__ import annotations

import json
import re
import typing as t

from .._server.models.base import Model
from .dns_records import DEFAULT_TTL, TYPES_WITH_TARGET, Record, RecordSet, absolute_name


class ZoneRecord(Model):
    """One record of a zone file; `content` is as a server's list of records has it: a TXT joined and without quotes."""

    type: str
    name: str
    content: str
    ttl: int | None = None


# -- BIND zone files (RFC 1035, 5) -----------------------------------------------------------------------------------


def zone_files(sets: t.Iterable[RecordSet]) -> dict[str, str]:
    """A zone-file text for each zone among the sets, by zone name."""
    zones: dict[str, list[RecordSet]] = {}
    for found in sets:
        zones.setdefault(found.zone, []).append(found)
    return {zone: _zone_file(zone, members) for zone, members in zones.items()}


def zone_file(sets: t.Iterable[RecordSet]) -> str:
    """The record sets as one BIND zone-file text; several zones follow each other, each under its own $ORIGIN.

    SOA and NS are left to the zone: the text is made to be included in it ($INCLUDE) or imported at a provider.
    """
    return "\n".join(zone_files(sets).values())


def _zone_file(zone: str, sets: list[RecordSet]) -> str:
    ttls = [found.ttl for found in sets]
    usual = max(sorted(set(ttls)), key=ttls.count) if ttls else DEFAULT_TTL
    # Where TTLs differ each record states its own: readers do not agree on what a record without one inherits.
    same = len(set(ttls)) < 2
    rows = [(found.name, "" if same else str(found.ttl), record.type, record.rdata) for found in sets for record in found.records]
    name_width = max((len(row[0]) for row in rows), default=0)
    ttl_width = max((len(row[1]) for row in rows), default=0)
    type_width = max((len(row[2]) for row in rows), default=0)
    lines = [f"$ORIGIN {absolute_name(zone)}", f"$TTL {usual}"]
    for name, ttl, kind, rdata in rows:
        own_ttl = f"{ttl:<{ttl_width}} " if ttl_width else ""
        lines.append(f"{name:<{name_width}} {own_ttl}IN {kind:<{type_width}} {rdata}")
    return "\n".join(lines) + "\n"


_CLASSES = ("IN", "CH", "HS")
_TTL = re.compile(r"(?:[0-9]+[wdhms]?)+", re.IGNORECASE)
_TTL_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "": 1}


class _Token(t.NamedTuple):
    text: str
    quoted: bool


def parse_zone_file(text: str, *, origin: str = ".") -> tuple[ZoneRecord, ...]:
    """The records of a BIND zone-file text, such as 0.16 servers answer, in the order of the text.

    Relative names are completed with the $ORIGIN in force, at first `origin`. Raises ValueError, with the number of the line,
    for what is no zone file and for $INCLUDE and $GENERATE, which can't be followed here.
    """
    base, owner = absolute_name(origin), ""
    default_ttl: int | None = None
    stated_ttl: int | None = None
    records = []
    for number, indented, tokens in _entries(text):
        try:
            if tokens[0].text.startswith("$") and not tokens[0].quoted:
                directive = tokens[0].text.upper()
                if directive not in ("$ORIGIN", "$TTL") or len(tokens) != 2:
                    raise ValueError(f"{tokens[0].text} can't be followed here")
                if directive == "$ORIGIN":
                    base = _complete(tokens[1].text, base)
                else:
                    default_ttl = _seconds(tokens[1].text)
                continue
            if not indented:
                owner, tokens = _complete(tokens[0].text, base), tokens[1:]
            if not owner:
                raise ValueError("the record has no name")
            ttl, kind, rdata = _ttl_and_type(tokens)
            if ttl is None:
                ttl = default_ttl if default_ttl is not None else stated_ttl
            else:
                stated_ttl = ttl
            records.append(ZoneRecord(type=kind, name=owner, content=_content(kind, rdata, base), ttl=ttl))
        except ValueError as error:
            raise ValueError(f"line {number} of the zone file can't be read: {str(error).rstrip('.')}.") from None
    return tuple(records)


def _ttl_and_type(tokens: t.Sequence[_Token]) -> tuple[int | None, str, list[_Token]]:
    ttl = None
    for index, token in enumerate(tokens):
        word = token.text.upper()
        if _TTL.fullmatch(word) and ttl is None:
            ttl = _seconds(word)
        elif word not in _CLASSES or token.quoted:
            if re.fullmatch(r"[A-Z][A-Z0-9-]*", word) is None or token.quoted:
                break
            return ttl, word, list(tokens[index + 1 :])
    raise ValueError("it has no record type")


def _content(kind: str, rdata: list[_Token], base: str) -> str:
    if not rdata:
        raise ValueError(f"the {kind} record has no content")
    if kind in ("TXT", "SPF"):
        return b"".join(_unescaped(token.text) for token in rdata).decode(errors="surrogateescape")
    if kind == "CAA" and len(rdata) == 3:
        return f'{rdata[0].text} {rdata[1].text} "{rdata[2].text}"'
    words = [token.text for token in rdata]
    if kind in TYPES_WITH_TARGET:
        words[-1] = _complete(words[-1], base)
    return " ".join(words)


def _complete(name: str, base: str) -> str:
    if name == "@":
        return base
    if re.search(r"(?<!\\)(?:\\\\)*\.$", name):
        return absolute_name(name)
    return absolute_name(f"{name}.{base}" if base != "." else f"{name}.")


def _seconds(text: str) -> int:
    if _TTL.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no TTL")
    return sum(int(number) * _TTL_UNITS[unit.lower()] for number, unit in re.findall(r"([0-9]+)([wdhms]?)", text, re.IGNORECASE))


def _unescaped(text: str) -> bytes:
    raw = bytearray()
    for token in re.findall(r"\\[0-9]{3}|\\.|.", text, re.DOTALL):
        if len(token) == 4:
            if int(token[1:]) > 255:
                raise ValueError(f"{token} is no byte")
            raw.append(int(token[1:]))
        else:
            raw += token[-1].encode(errors="surrogateescape")
    return bytes(raw)


_LEXEME = re.compile(
    r"""(?P<blank>[ \t\r]+) | (?P<comment>;[^\n]*) | (?P<newline>\n) | (?P<open>\() | (?P<close>\))
        | "(?P<quoted>(?:\\.|[^"\\])*)" | (?P<word>(?:\\.|[^\s;()"\\])+)""",
    re.VERBOSE | re.DOTALL,
)


def _entries(text: str) -> t.Iterator[tuple[int, bool, list[_Token]]]:
    """Line number, whether the line begins with a blank, and tokens of each entry; parentheses join lines."""
    tokens: list[_Token] = []
    line = first_line = 1
    depth = position = 0
    indented = False
    at_start = True
    while position < len(text):
        found = _LEXEME.match(text, position)
        if found is None:
            raise ValueError(f"line {line} of the zone file can't be read: a quote is not closed, or a backslash ends the text.")
        kind = found.lastgroup
        if kind == "blank" and at_start and not depth:
            indented = True
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
            if depth < 0:
                raise ValueError(f"line {line} of the zone file can't be read: it closes a parenthesis that nothing opened.")
        elif kind in ("quoted", "word"):
            if not tokens:
                first_line = line
            tokens.append(_Token(found[kind], kind == "quoted"))
        at_start = False
        line += found[0].count("\n")
        if kind == "newline" and not depth:
            if tokens:
                yield first_line, indented, tokens
            tokens, indented, at_start = [], False, True
        position = found.end()
    if depth:
        raise ValueError(f"line {line} of the zone file can't be read: a parenthesis is not closed.")
    if tokens:
        yield first_line, indented, tokens


# -- octoDNS ---------------------------------------------------------------------------------------------------------


def octodns_files(sets: t.Iterable[RecordSet]) -> dict[str, str]:
    """The text of an octoDNS YAML provider's file for each zone, by file name (`example.org.yaml`)."""
    zones: dict[str, dict[str, list[RecordSet]]] = {}
    for found in sets:
        zones.setdefault(found.zone, {}).setdefault("" if found.name == "@" else found.name, []).append(found)
    return {f"{zone}.yaml": _octodns_file(names) for zone, names in zones.items()}


def _octodns_file(names: dict[str, list[RecordSet]]) -> str:
    # JSON's strings and numbers are YAML's, so the file needs no YAML library, which the host of a module may lack.
    # octoDNS wants all keys in order, names with numbers in that of the numbers.
    lines = ["---"]
    for name in sorted(names, key=_natural):
        lines.append(f"{json.dumps(name)}:")
        for found in names[name]:
            lines.extend([f"  - ttl: {found.ttl}", f"    type: {found.type}"])
            if found.type in ("CNAME", "DNAME"):
                lines.append(f"    value: {json.dumps(found.records[0].target)}")
            else:
                lines.append("    values:")
                lines.extend(line for record in found.records for line in _octodns_value(record))
    return "\n".join(lines) + "\n"


def _natural(name: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", name)]


def _octodns_value(record: Record) -> list[str]:
    fields: dict[str, t.Any]
    if record.type == "MX":
        fields = {"exchange": record.target, "preference": record.priority}
    elif record.type == "SRV":
        fields = {"port": record.port, "priority": record.priority, "target": record.target, "weight": record.weight}
    elif record.type == "CAA":
        fields = {"flags": record.flags, "tag": record.tag, "value": record.property_value}
    elif record.type == "TLSA":
        fields = {
            "certificate_association_data": record.data,
            "certificate_usage": record.usage,
            "matching_type": record.matching_type,
            "selector": record.selector,
        }
    else:
        # octoDNS wants the semicolons of a TXT escaped; it cuts the value into chunks itself.
        value = record.value.replace(";", "\\;") if record.type == "TXT" else record.value
        return [f"      - {json.dumps(value)}"]
    return [f"      {' ' if index else '-'} {name}: {json.dumps(value)}" for index, (name, value) in enumerate(fields.items())]


# -- for people ------------------------------------------------------------------------------------------------------


def table(sets: t.Iterable[RecordSet]) -> str:
    """The records as aligned columns, to be copied into a provider's web form: names relative to the zone, TXT unquoted."""
    rows = [("ZONE", "NAME", "TYPE", "TTL", "PRIORITY", "VALUE")]
    for found in sets:
        for record in found.records:
            priority = "" if record.type != "MX" or record.priority is None else str(record.priority)
            value = record.target if record.type == "MX" and record.target else record.value
            rows.append((record.zone, record.name, record.type, str(record.ttl), priority, value))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[5]]).rstrip() for row in rows) + "\n"

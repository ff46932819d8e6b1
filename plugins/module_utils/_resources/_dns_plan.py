# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done at one provider of a zone so that it has the wanted records, and all that others own stays.

Pure: wanted and found records in, steps and conflicts out.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._dns.port import Published, Update, Value
from ._dns_meaning import MOST_SPF_LOOKUPS, PolicyOf, kind_of_text, merged_spf, same_meaning, spf_lookups, tags, written_tags
from .dns_records import Record, RecordSet, group, is_within, parse_record, purpose_of

Key = tuple[str, str]

#: Values of these stand beside those of others: each is good for itself.
_ADDITIVE = frozenset({"CAA", "TLSA", "TXT"})
#: Of a name there is one TXT of each of these kinds, and a different one is an older one of ours: the mail server makes them, their name says whose.
_RENEWED = frozenset({"dkim", "mta_sts", "autoconfig"})
#: What a name with an alias can't have (RFC 1034, 3.6.2); DNSSEC's own records may (RFC 4034).
_BESIDE_ALIAS = frozenset({"RRSIG", "NSEC", "NSEC3", "KEY", "TYPE65534"})
#: Never touched, whatever names are given to purge.
_OF_THE_ZONE = frozenset({"SOA", "NS", "DS", "DNSKEY", "CDS", "CDNSKEY", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNAME", "TYPE65534"})


@dataclasses.dataclass(frozen=True)
class Rules:
    """How far to go. `owned` are values that were published by us before: (name, type) → contents.

    `is_chosen` is whether a record is of a purpose and type that this run is about: others are not purged.
    """

    replace: frozenset[str] = frozenset()
    dmarc_policy: str = ""
    dmarc_pct: int | None = None
    owned: t.Mapping[Key, frozenset[str]] = dataclasses.field(default_factory=dict)
    purge: bool = False
    purge_names: frozenset[str] = frozenset()
    policy_of: PolicyOf = lambda _domain: None
    is_chosen: t.Callable[[Record], bool] = lambda _record: True


@dataclasses.dataclass(frozen=True)
class Conflict:
    """A wanted record set that is not published, since something that is not ours stands in its place."""

    fqdn: str
    type: str
    purpose: str
    found: tuple[str, ...]
    wanted: tuple[str, ...]
    reason: str


@dataclasses.dataclass(frozen=True)
class Step:
    """What becomes of one record set, with all contents before and after."""

    update: Update
    purpose: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
    """`published` are the record sets of ours as they will be, merged with what was there; `own` their contents for a manifest."""

    steps: tuple[Step, ...]
    conflicts: tuple[Conflict, ...]
    published: tuple[RecordSet, ...]
    own: dict[Key, frozenset[str]]


def plan(zone: str, wanted: t.Iterable[RecordSet], found: t.Iterable[Published], rules: Rules) -> Plan:
    """Compare and decide. `zone` is absolute; wanted record sets are all of this zone.

    Raises ValueError where a part of the zone, delegated to other servers, holds a wanted name.
    """
    return _Planner(zone, {(published.fqdn, published.type): published for published in found}, rules).plan(list(wanted))


class _Planner:
    def __init__(self, zone: str, found: dict[Key, Published], rules: Rules) -> None:
        self._zone, self._found, self._rules = zone, found, rules
        self._by_name: dict[str, list[Published]] = {}
        for published in found.values():
            self._by_name.setdefault(published.fqdn, []).append(published)
        self._cuts = [fqdn for fqdn, kind in found if kind in ("NS", "DNAME") and fqdn != zone]
        self._steps: dict[Key, Step] = {}
        self._conflicts: list[Conflict] = []
        self._published: list[Record] = []
        self._own: dict[Key, frozenset[str]] = {}
        # policies that others began: never ours to remove
        self._mixed: set[Key] = set()

    def plan(self, wanted: list[RecordSet]) -> Plan:
        for record_set in wanted:
            cut = next((name for name in self._cuts if is_within(record_set.fqdn, name)), None)
            if cut:
                raise ValueError(f"{record_set.fqdn.rstrip('.')} is below {cut.rstrip('.')}, which the zone delegates; add {cut.rstrip('.')} to zones.")
        # what an earlier set makes room for is gone when the next is looked at
        for record_set in wanted:
            self._decide(record_set)
        self._purge({(record_set.fqdn, record_set.type) for record_set in wanted})
        return Plan(tuple(self._steps.values()), tuple(self._conflicts), group(self._published), self._owned_after())

    def _owned_after(self) -> dict[Key, frozenset[str]]:
        """What is ours when all is done: what is published now, and what was before and stays."""
        owned = dict(self._own)
        for key, contents in self._rules.owned.items():
            step, found = self._steps.get(key), self._found.get(key)
            present = step.after if step else [record.value for record in self._records(found)]
            stays = contents.intersection(present)
            if stays:
                owned[key] = owned.get(key, frozenset()) | stays
        return owned

    def _decide(self, wanted: RecordSet) -> None:
        if not self._make_room(wanted):
            return
        key = (wanted.fqdn, wanted.type)
        found = self._found.get(key)
        records = self._records(found)
        keep, after, conflict = self._merge(wanted, records)
        if conflict:
            self._conflict(wanted, [record.value for record in records], conflict)
        foreign = [record for record in keep if not any(same_meaning(wanted.type, record.value, own.value, wanted.fqdn) for own in after)]
        if conflict and not after:
            return
        self._own[key] = frozenset(record.value for record in after if (record.fqdn, record.value) not in self._mixed)
        final = [*foreign, *after]
        # the time to live is that of all records of the name, so it stays where others have some there
        ttl = found.ttl if found and foreign else wanted.ttl
        self._published.extend(record.model_copy(update={"ttl": ttl}) for record in after)
        self._step(wanted.fqdn, wanted.type, wanted.purposes[0], ttl, final, records)

    def _merge(self, wanted: RecordSet, records: list[Record]) -> tuple[list[Record], list[Record], str]:
        """What stays of the found records, our records as they shall be, and why something is a conflict."""
        if wanted.type == "TXT":
            return self._merge_texts(wanted, records)
        after = [_as_found(record, records) for record in wanted.records]
        if wanted.type in _ADDITIVE:
            purposes = {record.purpose for record in wanted.records}
            stale = [record for record in records if self._is_owned(record) or purposes & self._rules.replace]
            return [record for record in records if record not in stale], after, ""
        ours = {record.value for record in after}
        strangers = [record for record in records if record.value not in ours and not self._is_owned(record)]
        if not strangers or self._may_replace(wanted):
            return [], after, ""
        if ours <= {record.value for record in records}:
            return records, [], f"others stand beside ours ({_listed(strangers)})"
        return records, [], f"another stands there ({_listed(strangers)})"

    def _merge_texts(self, wanted: RecordSet, records: list[Record]) -> tuple[list[Record], list[Record], str]:
        keep = list(records)
        after: list[Record] = []
        conflict = ""
        for record in wanted.records:
            kind = kind_of_text(record.value, record.fqdn)
            same_kind = [found for found in records if kind and kind_of_text(found.value, found.fqdn) == kind]
            value, problem = self._text(record, kind, [found.value for found in same_kind])
            if problem:
                conflict = problem
                if value is None:
                    continue
            own = record if value is None else _with_value(record, value)
            # what others wrote stays theirs, in their pieces; what says the same stays as it is written
            after.append(_as_found(own, records))
            if own.value != record.value and any(not self._is_owned(other) for other in same_kind):
                self._mixed.add((record.fqdn, after[-1].value))
            keep = [found for found in keep if found not in same_kind]
        if self._rules.purge:
            keep = [found for found in keep if not (self._is_owned(found) and self._rules.is_chosen(found))]
        return keep, after, conflict

    def _text(self, record: Record, kind: str, found: list[str]) -> tuple[str | None, str]:
        """The value that shall stand there (None: nothing of ours), and why there is a conflict."""
        replace = kind in self._rules.replace or record.purpose in self._rules.replace
        owned = self._rules.owned.get((record.fqdn, "TXT"), frozenset())
        strangers = [value for value in found if value not in owned]
        if kind == "spf":
            return self._spf(record, found, replace)
        if kind == "dmarc":
            return self._dmarc(record, found, replace)
        if not found or replace or not strangers or kind in _RENEWED or not kind:
            return record.value, ""
        if len(found) == 1 and same_meaning("TXT", found[0], record.value, record.fqdn):
            return found[0], ""
        if kind == "tlsrpt" and len(found) == 1 and _addresses(record.value, "rua") <= _addresses(found[0], "rua"):
            return found[0], ""
        return None, f"another {kind.upper()} record stands there ({'; '.join(strangers)})"

    def _spf(self, record: Record, found: list[str], replace: bool) -> tuple[str | None, str]:
        owned = self._rules.owned.get((record.fqdn, "TXT"), frozenset())
        value = record.value if replace or set(found) <= owned else merged_spf(found, record.value)
        if value in found and len(found) == 1:
            return value, ""
        needed = spf_lookups(value, self._rules.policy_of)
        if needed > MOST_SPF_LOOKUPS:
            return None, f"together with what is there the policy would take {needed} look-ups, and receivers give up after {MOST_SPF_LOOKUPS} ({value})"
        return value, ""

    def _dmarc(self, record: Record, found: list[str], replace: bool) -> tuple[str | None, str]:
        ours = tags(record.value)
        if len(found) > 1 and not replace:
            return None, "several DMARC records stand there, and receivers take none of them"
        theirs = tags(found[0]) if found else {}
        replace = replace or set(found) <= self._rules.owned.get((record.fqdn, "TXT"), frozenset())
        start = {**ours, "p": "none"} if not theirs else dict(theirs)
        if replace and theirs:
            start = {**ours, **{name: theirs[name] for name in ("p", "sp", "np", "pct", "adkim", "aspf") if name in theirs}}
        start = {"v": start.pop("v", "DMARC1"), "p": start.pop("p", "none"), **start}
        if self._rules.dmarc_policy:
            start["p"] = self._rules.dmarc_policy
        if self._rules.dmarc_pct is not None:
            start["pct"] = str(self._rules.dmarc_pct)
        value = written_tags(start)
        if len(found) == 1 and same_meaning("TXT", found[0], value, record.fqdn):
            value = found[0]
        missing = sorted(_addresses(record.value, "rua") - _addresses(value, "rua"))
        if missing:
            return value, f"the DMARC record that stands there sends its reports elsewhere, not to {', '.join(missing)}"
        return value, ""

    def _make_room(self, wanted: RecordSet) -> bool:
        """An alias and anything else exclude each other: replace what is in the way where that is allowed, else report it."""
        neighbours = [
            published
            for published in self._by_name.get(wanted.fqdn, ())
            if published.type != wanted.type and published.type not in _BESIDE_ALIAS and (published.fqdn, published.type) not in self._removed()
        ]
        in_the_way = neighbours if wanted.type == "CNAME" else [published for published in neighbours if published.type == "CNAME"]
        if not in_the_way:
            return True
        words = ", ".join(f"{published.type} {' '.join(value.content for value in published.values)}" for published in in_the_way)
        if not (self._may_replace(wanted) or all(self._all_owned(published) for published in in_the_way)):
            self._conflict(wanted, [value.content for published in in_the_way for value in published.values], f"the name has records of another type ({words})")
            return False
        if any(published.type not in ("A", "AAAA", "CNAME") for published in in_the_way):
            reason = f"nothing can stand beside an alias, and the name has {words}, which only you can remove"
            self._conflict(wanted, [value.content for published in in_the_way for value in published.values], reason)
            return False
        for published in in_the_way:
            self._step(published.fqdn, published.type, wanted.purposes[0], published.ttl, [], self._records(published))
        return True

    def _purge(self, wanted: set[Key]) -> None:
        if self._rules.purge:
            for key, contents in sorted(self._rules.owned.items()):
                if key not in wanted and is_within(key[0], self._zone):
                    self._remove(key, lambda record, contents=contents: record.value in contents and self._rules.is_chosen(record))  # type: ignore[misc]
        for name in sorted(self._rules.purge_names):
            for published in self._by_name.get(name, ()):
                if (name, published.type) not in wanted and published.type not in _OF_THE_ZONE:
                    self._remove((name, published.type), lambda _record: True)

    def _remove(self, key: Key, is_ours: t.Callable[[Record], bool]) -> None:
        found = self._found.get(key)
        if found is None or key in self._steps:
            return
        records = self._records(found)
        if any(is_ours(record) for record in records):
            self._step(*key, records[0].purpose, found.ttl, [record for record in records if not is_ours(record)], records)

    def _step(self, fqdn: str, kind: str, purpose: str, ttl: int, after: list[Record], before: list[Record]) -> None:
        found = self._found.get((fqdn, kind))
        old, new = sorted(record.value for record in before), sorted(dict.fromkeys(record.value for record in after))
        if old == new and (not found or found.ttl == ttl):
            return
        # what stays goes back just as it was read
        as_read = {record.value: value.rdata for record, value in zip(before, found.values if found else (), strict=True)}
        rdata = tuple(as_read.get(record.value, record.rdata) for record in {record.value: record for record in after}.values())
        self._steps[fqdn, kind] = Step(Update(fqdn, kind, ttl, found, rdata), purpose, tuple(old), tuple(new))

    def _records(self, found: Published | None) -> list[Record]:
        """The found values, parsed; those of types unknown here, or wrong ones, as they are."""
        return [self._parsed(found, value) for value in found.values] if found else []

    def _parsed(self, found: Published, value: Value) -> Record:
        try:
            return parse_record(_Source(found.type, found.fqdn, value.content), zone=self._zone, domain=self._zone, ttl=found.ttl)
        except ValueError:
            purpose = purpose_of(found.type, found.fqdn, value.content, self._zone)
            return Record(
                zone=self._zone.rstrip("."),
                name="",
                fqdn=found.fqdn,
                type=found.type,
                ttl=found.ttl,
                purpose=purpose,
                value=value.content,
                rdata=value.rdata,
            )

    def _removed(self) -> set[Key]:
        return {key for key, step in self._steps.items() if not step.update.rdata}

    def _may_replace(self, wanted: RecordSet) -> bool:
        return bool(set(wanted.purposes) & self._rules.replace)

    def _is_owned(self, record: Record) -> bool:
        return record.value in self._rules.owned.get((record.fqdn, record.type), frozenset())

    def _all_owned(self, published: Published) -> bool:
        return all(self._is_owned(record) for record in self._records(published))

    def _conflict(self, wanted: RecordSet, found: t.Iterable[str], reason: str) -> None:
        self._conflicts.append(Conflict(wanted.fqdn, wanted.type, wanted.purposes[0], tuple(found), wanted.value, reason))


@dataclasses.dataclass(frozen=True)
class _Source:
    type: str
    name: str
    content: str


def _as_found(record: Record, found: t.Iterable[Record]) -> Record:
    """The found record that says the same, or this one."""
    for other in found:
        if same_meaning(record.type, record.value, other.value, record.fqdn):
            return other.model_copy(update={"purpose": record.purpose, "zone": record.zone, "name": record.name})
    return record


def _with_value(record: Record, value: str) -> Record:
    zone = record.zone if record.zone == "." else f"{record.zone}."
    parsed = parse_record(_Source(record.type, record.fqdn, value), zone=zone, domain=zone, ttl=record.ttl)
    return parsed.model_copy(update={"purpose": record.purpose})


def _addresses(value: str, tag: str) -> set[str]:
    return {part.strip().lower().partition("!")[0] for part in tags(value).get(tag, "").split(",") if part.strip()}


def _listed(records: t.Iterable[Record]) -> str:
    return ", ".join(record.value for record in records)

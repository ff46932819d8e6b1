# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wanted records against what DNS servers answer, each record at each address of each server."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import time
import typing as t

from .._deps import BeforeValidator
from .._dns.ask import Nameserver, Questions, Silence, nameservers
from .._dns.port import Published
from .._errors import ConnectionFailed, InvalidOption, Refused
from .._reconcile.plan import Mode, Outcome
from ._dns_meaning import kind_of_text, same_meaning, spf_allows
from ._dns_options import Choice, DnsNames
from ._options import one_or_more, read
from ._waiting import wait_until
from .dns_records import Record, as_result, is_within, parse_record

Status = t.Literal["match", "missing", "conflict", "unknown"]
#: From the best to the worst: a record is as good as the worst answer about it.
_BY_WORTH: tuple[Status, ...] = ("match", "unknown", "missing", "conflict")

#: Of these types values stand beside each other, and further ones are nobody's fault.
_ADDITIVE = frozenset({"CAA", "TLSA", "TXT"})
_MOST_SERVERS_AT_ONCE = 8


class _CheckOptions(Choice):
    zones: DnsNames = ()
    nameservers: t.Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = ()
    resolvers: t.Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = ()
    ask: str = "authoritative"
    port: int = 53
    wait_timeout: float = 0.0
    fail: bool = False
    timeout: float = 30.0
    use_proxy: bool = True


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What one server's answer says of one record. `found` are the values that matter for it."""

    status: Status
    found: tuple[str, ...] = ()
    reason: str = ""


Answers = t.Mapping[tuple[str, str], "tuple[Published, ...] | str"]


def check(options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Compare record sets with what DNS says.

    Results: `records` (each with status, found, reason and servers), `extra`, `summary` (how many of each status), `verified` and `servers`.
    """
    wanted = read(_CheckOptions, options)
    wanted.check_choice()
    if not 0 < wanted.port < 65536:
        raise InvalidOption("port", f"{wanted.port} is no port; give one from 1 to 65535.")
    if not 0 <= wanted.wait_timeout < 7 * 86400:
        raise InvalidOption("wait_timeout", f"{wanted.wait_timeout:g} is no time to wait; give seconds, from 0 to a week.")
    records = [record for record in wanted.records() if wanted.is_chosen(record)]
    questions = Questions(wanted.resolvers, timeout=wanted.timeout)
    given = nameservers(wanted.nameservers, "nameservers")
    inquiry = _Inquiry(questions, given, wanted)
    started = time.monotonic()

    def is_done() -> bool:
        inquiry.ask(records)
        return all(record["status"] == "match" for record in inquiry.results)

    is_verified = wait_until(is_done, wanted.wait_timeout)
    inquiry.add_negative_ttls()
    results: dict[str, t.Any] = {
        "verified": is_verified,
        "records": inquiry.results,
        "extra": inquiry.extra,
        "summary": {status: sum(record["status"] == status for record in inquiry.results) for status in _BY_WORTH} | {"extra": len(inquiry.extra)},
        "servers": sorted({server.label for servers in inquiry.servers.values() for server in servers}),
        "elapsed": round(time.monotonic() - started, 1),
    }
    if wanted.fail and not is_verified:
        wrong = [record for record in inquiry.results if record["status"] != "match"]
        told = "; ".join(f"{record['fqdn'].rstrip('.')} {record['type']}: {record['status']}, {record['reason']}" for record in wrong[:10])
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise Refused(f"{len(wrong)} of {len(records)} records are not published as wanted: {told}{more}.", **results)
    return Outcome(results)


class _Inquiry:
    """Asks all servers for all records, again and again; `results` and `extra` are those of the last time."""

    def __init__(self, questions: Questions, given: list[Nameserver], wanted: _CheckOptions) -> None:
        self._questions, self._given, self._wanted = questions, given, wanted
        self.results: list[dict[str, t.Any]] = []
        self.extra: list[dict[str, t.Any]] = []
        #: by zone; found out once, but for a zone whose servers could not be found yet
        self.servers: dict[str, list[Nameserver]] = {}
        self._zones: dict[str, str] = {}
        self._problems: dict[str, str] = {}

    def ask(self, records: t.Sequence[Record]) -> None:
        asked: dict[Nameserver, dict[tuple[str, str], None]] = {}
        for record in records:
            for server in self._servers_of(record):
                asked.setdefault(server, {})[record.fqdn, record.type] = None
        answers: dict[Nameserver, Answers] = {}
        if asked:
            with concurrent.futures.ThreadPoolExecutor(min(_MOST_SERVERS_AT_ONCE, len(asked))) as pool:
                jobs = {server: pool.submit(self._answers, server, list(keys)) for server, keys in asked.items()}
                answers = {server: job.result() for server, job in jobs.items()}
        self.results = [self._result(record, answers) for record in records]
        self.extra = self._extra(records, answers)

    def add_negative_ttls(self) -> None:
        """Tell of each record how long others may go on to say that it is not there, by the servers that answered about it."""
        asked: dict[tuple[Nameserver, str], None] = {}
        of_record: list[list[tuple[Nameserver, str]]] = []
        by_label = {server.label: server for servers in self.servers.values() for server in servers}
        for record in self.results:
            # the name above tells of the zone that the record is in, whatever that is
            keys = [(by_label[found["server"]], record["fqdn"].partition(".")[2]) for found in record["servers"] if found["status"] != "unknown"]
            of_record.append(keys)
            asked.update(dict.fromkeys(keys))
        with concurrent.futures.ThreadPoolExecutor(_MOST_SERVERS_AT_ONCE) as pool:
            answers = dict(zip(asked, pool.map(lambda key: self._questions.negative_ttl(*key), asked), strict=True))
        for record, keys in zip(self.results, of_record, strict=True):
            record["negative_ttl"] = max((seconds for key in keys if (seconds := answers[key]) is not None), default=None)

    def _answers(self, server: Nameserver, keys: list[tuple[str, str]]) -> Answers:
        found: dict[tuple[str, str], tuple[Published, ...] | str] = {}
        silence = ""
        for fqdn, kind in keys:
            if silence:
                found[fqdn, kind] = silence
                continue
            try:
                found[fqdn, kind] = self._answer(server, fqdn, kind)
            except Silence as error:
                found[fqdn, kind] = str(error)
                # one that does not answer at all would cost its time limit for every record
                silence = str(error) if isinstance(error.__context__, ConnectionFailed) else ""
        return found

    def _answer(self, server: Nameserver, fqdn: str, kind: str) -> tuple[Published, ...]:
        """With what an alias to another zone leads to, which this server need not know."""
        answer = self._questions.ask(server, fqdn, kind)
        alias = next((found for found in answer if found.type == "CNAME" and found.fqdn == fqdn), None)
        if kind == "TXT" and alias and not any(found.type == kind for found in answer):
            texts = self._questions.texts(alias.values[0].content)
            if texts:
                values = tuple(sorted(alias.values[0]._replace(content=text, rdata=text) for text in texts))
                return (*answer, Published(fqdn, kind, alias.ttl, values))
        return answer

    def _servers_of(self, record: Record) -> list[Nameserver]:
        if self._given:
            self.servers["given"] = self._given
            return self._given
        try:
            if self._wanted.ask == "resolvers":
                self.servers["given"] = self._questions.resolvers()
                return self.servers["given"]
            zone = self._zone_of(record)
            if zone not in self.servers:
                self.servers[zone] = self._questions.authoritative(zone, port=self._wanted.port)
            self._problems.pop(record.fqdn, None)
            return self.servers[zone]
        except ConnectionFailed as error:
            self._problems[record.fqdn] = str(error)
            return []

    def _zone_of(self, record: Record) -> str:
        held = [zone for zone in self._wanted.zones if is_within(record.fqdn, zone)]
        if held:
            return max(held, key=len)
        if record.fqdn not in self._zones:
            self._zones[record.fqdn] = self._questions.zone_of(record.fqdn)
        return self._zones[record.fqdn]

    def _result(self, record: Record, answers: t.Mapping[Nameserver, Answers]) -> dict[str, t.Any]:
        judgements = {server: judge(record, found[record.fqdn, record.type]) for server, found in answers.items() if (record.fqdn, record.type) in found}
        if judgements:
            worst = max(judgements.values(), key=lambda judgement: _BY_WORTH.index(judgement.status))
        else:
            worst = Judgement("unknown", reason=self._problems.get(record.fqdn, "no server was asked"))
        servers = [
            {"server": server.label, "status": judgement.status, "found": list(judgement.found)}
            for server, judgement in sorted(judgements.items(), key=lambda item: item[0].label)
        ]
        about = {key: value for key, value in as_result(record).items() if key in ("zone", "name", "fqdn", "type", "purpose", "value")}
        return {**about, "status": worst.status, "found": list(worst.found), "reason": worst.reason, "servers": servers}

    def _extra(self, records: t.Sequence[Record], answers: t.Mapping[Nameserver, Answers]) -> list[dict[str, t.Any]]:
        wanted: dict[tuple[str, str], list[Record]] = {}
        for record in records:
            wanted.setdefault((record.fqdn, record.type), []).append(record)
        found: dict[tuple[str, str, str], list[str]] = {}
        for server, by_key in answers.items():
            for key, answer in by_key.items():
                if not isinstance(answer, str):
                    for value in extra_values(wanted[key], answer):
                        found.setdefault((*key, value), []).append(server.label)
        return [{"fqdn": fqdn, "type": kind, "value": value, "servers": sorted(servers)} for (fqdn, kind, value), servers in sorted(found.items())]


def judge(record: Record, answer: tuple[Published, ...] | str) -> Judgement:
    """What an answer (or why there is none) says of a record."""
    if isinstance(answer, str):
        return Judgement("unknown", reason=answer)
    values = _values(record, answer)
    if record.type == "TXT":
        return _judge_text(record, values)
    if any(same_meaning(record.type, record.value, value, record.fqdn) for value in values):
        return Judgement("match", (record.value,))
    alias = [value.content for found in answer if found.type == "CNAME" and found.fqdn == record.fqdn for value in found.values]
    if values and record.type not in _ADDITIVE:
        return Judgement("conflict", tuple(values), f"there is {', '.join(values)}")
    if alias and record.type != "CNAME":
        return Judgement("conflict", tuple(alias), f"the name is an alias of {alias[0].rstrip('.')}")
    return Judgement("missing", reason="it is not there")


def _judge_text(record: Record, values: list[str]) -> Judgement:
    kind = kind_of_text(record.value, record.fqdn)
    if not kind:
        return Judgement("match", (record.value,)) if record.value in values else Judgement("missing", reason="it is not there")
    same_kind = [value for value in values if kind_of_text(value, record.fqdn) == kind]
    if not same_kind:
        return Judgement("missing", reason="it is not there")
    if len(same_kind) > 1:
        return Judgement("conflict", tuple(same_kind), f"there are {len(same_kind)} {kind.upper()} records, and receivers take one at most")
    found = same_kind[0]
    if same_meaning("TXT", record.value, found, record.fqdn) or (kind == "spf" and spf_allows(found, record.value)):
        return Judgement("match", (found,))
    return Judgement("conflict", (found,), f"there is {found}")


def extra_values(wanted: t.Sequence[Record], answer: tuple[Published, ...]) -> list[str]:
    """Values beside the wanted ones of a name and type that change what those say: another MX, another service, an older hash, a second policy.

    Other TXT values and other authorities' CAA are no concern of ours.
    """
    sample = wanted[0]
    values = _values(sample, answer)
    if sample.type == "CAA":
        return []
    if sample.type == "TXT":
        kinds = {kind_of_text(record.value, record.fqdn) for record in wanted} - {""}
        values = [value for value in values if kind_of_text(value, sample.fqdn) in kinds]
        others = [value for value in values if not any(judge_one(record, value) for record in wanted)]
        return others if len(values) > len(kinds) else []
    matched = [record for record in wanted if record.value in values]
    return [value for value in values if value not in {record.value for record in wanted}] if matched else []


def judge_one(record: Record, value: str) -> bool:
    """Whether a TXT value says what the record does."""
    return same_meaning("TXT", record.value, value, record.fqdn) or (kind_of_text(value, record.fqdn) == "spf" and spf_allows(value, record.value))


def _values(record: Record, answer: t.Iterable[Published]) -> list[str]:
    """The values of the record's type, as records have them; those behind an alias too."""
    found = []
    for published in answer:
        if published.type == record.type and (published.fqdn == record.fqdn or record.type != "CNAME"):
            for value in published.values:
                try:
                    found.append(parse_record(_Source(record.type, record.fqdn, value.content), zone=".", domain=".").value)
                except ValueError:
                    found.append(value.content)
    return list(dict.fromkeys(found))


@dataclasses.dataclass(frozen=True)
class _Source:
    type: str
    name: str
    content: str

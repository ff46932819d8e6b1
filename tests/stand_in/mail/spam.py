"""The spam filter's view of a message: tags from its headers and its envelope, scored by the settings.

A server that could not fetch its rules has no scores: every tag counts nothing then, and all mail passes. Block lists and rules on content are left out.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Literal

from ..values import registered_domain
from .authentication import Checks, Kind
from .resolver import NoSuchName, Resolver

Action = Literal["allow", "discard", "reject"]

_UNIQUE = frozenset("content-type content-transfer-encoding date from sender to cc bcc reply-to subject message-id references in-reply-to".split())
_COUNTS = {1: "ONE", 2: "TWO", 3: "THREE", 4: "FIVE", 5: "FIVE", 6: "SEVEN", 7: "SEVEN"}
_SHORT_PART = 64

_SPF_TAGS: dict[Kind, str] = {
    "pass": "ALLOW",
    "fail": "FAIL",
    "softFail": "SOFTFAIL",
    "neutral": "NEUTRAL",
    "tempError": "DNSFAIL",
    "permError": "PERMFAIL",
    "none": "NA",
}
_DKIM_TAGS: dict[Kind, str] = {"pass": "ALLOW", "fail": "REJECT", "permError": "PERMFAIL", "tempError": "TEMPFAIL"}
_DMARC_TAGS: dict[Kind, str] = {"pass": "POLICY_ALLOW", "permError": "BAD_POLICY", "tempError": "DNSFAIL"}
_POLICY_TAGS = {"quarantine": "QUARANTINE", "reject": "REJECT"}
_DAY, _TWO_HOURS = 86_400, 7200


@dataclass(frozen=True, slots=True)
class Input:
    content: bytes
    remote_ip: str
    ehlo_domain: str
    sender: str
    recipients: list[str]
    checks: Checks
    resolver: Resolver
    tls: bool = False
    authenticated: bool = False


@dataclass(slots=True)
class Verdict:
    """``headers`` are those that go ahead of the message, with their line ends."""

    score: float = 0.0
    tags: dict[str, float | Action] = field(default_factory=dict)
    action: Action = "allow"
    headers: str = ""
    is_spam: bool = False


def enabled(settings: Mapping[str, str]) -> bool:
    return settings.get("spam-filter.enable", "true") == "true"


def _number(settings: Mapping[str, str], key: str, default: float) -> float:
    try:
        return float(settings.get(key, ""))
    except ValueError:
        return default


def _score_of(settings: Mapping[str, str], tag: str) -> float | Action:
    value = settings.get(f"spam-filter.list.scores.{tag}", "").lower()
    if value == "reject":
        return "reject"
    if value == "discard":
        return "discard"
    return _number(settings, f"spam-filter.list.scores.{tag}", 0.0)


def classify(settings: Mapping[str, str], given: Input, now: int, *, early: bool) -> Verdict:
    """``early``: with the header of servers before 0.15."""
    verdict = Verdict()
    for tag in sorted(_Analysis(given, now).tags()):
        score = _score_of(settings, tag)
        verdict.tags[tag] = score
        if isinstance(score, str):
            verdict.action = score
        else:
            verdict.score += score
    if verdict.action != "allow":
        verdict.score = 0.0
        return verdict
    for action, key in (("reject", "spam-filter.score.reject"), ("discard", "spam-filter.score.discard")):
        limit = _number(settings, key, 0.0)
        if 0 < limit <= verdict.score:
            verdict.action = "reject" if action == "reject" else "discard"
            return verdict
    shown = [(float(score), tag) for tag, score in verdict.tags.items() if score or not tag.startswith("X_")]
    verdict.is_spam = verdict.score >= _number(settings, "spam-filter.score.spam", 5.0)
    results = ",\r\n\t".join(f"{tag} ({score:.2f})" for score, tag in sorted(shown))
    status = f"X-Spam-Status: {'Yes' if verdict.is_spam else 'No'}" if early else f"X-Spam-Score: {'spam' if verdict.is_spam else 'ham'}"
    verdict.headers = f"X-Spam-Result: {results}\r\n{status}, score={verdict.score:.2f}\r\n"
    return verdict


def _is_valid(address: str) -> bool:
    local, at, domain = address.rpartition("@")
    return bool(at and local and registered_domain(domain))


class _Analysis:
    def __init__(self, given: Input, now: int) -> None:
        self._given = given
        self._now = now
        message = message_from_bytes(given.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self._message = message
        self._sender = given.sender.lower()
        self._from = next(iter(self._addresses("from")), None)
        self._to = self._addresses("to")
        self._all = [*self._to, *self._addresses("cc"), *self._addresses("bcc")]

    def _addresses(self, name: str) -> list[Address]:
        header = self._message[name]
        found: Iterable[Address] = getattr(header, "addresses", ()) if header is not None else ()
        return [address for address in found if address.addr_spec]

    def tags(self) -> set[str]:
        tags = {"ARC_NA"}
        for part in (
            self._authentication,
            self._peer,
            self._ehlo,
            self._headers,
            self._received,
            self._message_id,
            self._date,
            self._subject,
            self._author,
            self._recipients,
            self._reply_to,
            self._body,
        ):
            tags |= set(part())
        return tags

    def _authentication(self) -> Iterable[str]:
        checks = self._given.checks
        yield f"SPF_{_SPF_TAGS[checks.sender.result.kind]}"
        kinds = [signature.result.kind for signature in checks.signatures] or ["none"]
        yield f"DKIM_{_DKIM_TAGS.get('pass' if 'pass' in kinds else kinds[0], 'NA')}"
        if (kind := checks.dmarc.result.kind) == "fail":
            yield f"DMARC_POLICY_{_POLICY_TAGS.get(checks.dmarc.policy, 'SOFTFAIL')}"
        else:
            yield f"DMARC_{_DMARC_TAGS.get(kind, 'NA')}"

    def _peer(self) -> Iterable[str]:
        if self._given.checks.reverse.result.kind in ("fail", "permError"):
            yield "RDNS_NONE"

    def _reply_to(self) -> Iterable[str]:
        if self._message["reply-to"] is None:
            return
        found = next(iter(self._addresses("reply-to")), None)
        if found is None:
            yield "REPLYTO_UNPARSABLE"
            return
        yield "HAS_REPLYTO"
        if self._from and found.addr_spec.lower() == self._from.addr_spec.lower():
            yield "REPLYTO_EQ_FROM"
        elif self._from and registered_domain(found.domain.lower()) == registered_domain(self._from.domain.lower()):
            yield "REPLYTO_DOM_EQ_FROM_DOM"
        else:
            yield "REPLYTO_DOM_NEQ_FROM_DOM"

    def _body(self) -> Iterable[str]:
        parts = [part for part in self._message.walk() if not part.is_multipart()]
        size = sum(len(part.get_payload(decode=True) or b"") for part in parts)
        if not size:
            yield "COMPLETELY_EMPTY"
        elif len(parts) == 1 and size < _SHORT_PART:
            yield "SINGLE_SHORT_PART"

    def _ehlo(self) -> Iterable[str]:
        name = self._given.ehlo_domain.lower()
        try:
            address = ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            if registered_domain(name) is None:
                yield from ("RCVD_HELO_USER",) if "user" in name else ()
                yield "HELO_NOT_FQDN"
                return
            if (reverse := self._given.checks.reverse.name) and reverse != name:
                yield "HELO_IPREV_MISMATCH"
            if not self._resolves(name):
                yield "HELO_NORES_A_OR_MX"
            return
        yield "HELO_BAREIP"
        if str(address) != self._given.remote_ip:
            yield "HELO_IP_A"

    def _resolves(self, name: str) -> bool:
        for lookup in (self._given.resolver.addresses, self._given.resolver.mail_servers):
            try:
                lookup(name)
            except NoSuchName:
                continue
            return True
        return False

    def _headers(self) -> Iterable[str]:
        seen: set[str] = set()
        for name in self._message:
            lower = name.lower()
            yield "X_HDR_" + "".join(c.upper() if c.isascii() and c.isalnum() else "_" if c == "-" else " " for c in name)
            if lower in _UNIQUE:
                if lower in seen:
                    yield "MULTIPLE_UNIQUE_HEADERS"
                seen.add(lower)
        if "List-Unsubscribe" in self._message:
            yield "HAS_LIST_UNSUB"
        if not seen:
            yield "MISSING_ESSENTIAL_HEADERS"

    def _received(self) -> Iterable[str]:
        if self._given.authenticated:
            yield "RCVD_VIA_SMTP_AUTH"
        yield "RCVD_TLS_LAST" if self._given.tls else "RCVD_NO_TLS_LAST"
        count = len(self._message.get_all("received", []))
        names = ("ZERO", "ONE", "TWO", "THREE", "FIVE", "FIVE", "SEVEN", "SEVEN")
        yield "RCVD_COUNT_" + (names[count] if count < len(names) else "TWELVE")

    def _message_id(self) -> Iterable[str]:
        raw = str(self._message["message-id"] or "").strip()
        if not raw:
            yield "MISSING_MID"
            return
        name = raw.strip("<>").lower()
        host = name.rpartition("@")[2]
        if "@" not in name or not raw.isascii() or "(" in raw or name.startswith("@"):
            yield "INVALID_MSGID"
        if "@" in name:
            yield from self._message_host(name, host)
        if not raw.startswith("<") or ">" not in raw:
            yield "MID_MISSING_BRACKETS"

    def _message_host(self, name: str, host: str) -> Iterable[str]:
        try:
            ipaddress.ip_address(host.strip("[]"))
            yield "MID_RHS_IP_LITERAL" if host.startswith("[") else "MID_BARE_IP"
        except ValueError:
            if "." not in host:
                yield "MID_RHS_NOT_FQDN"
            elif host.startswith("www."):
                yield "MID_RHS_WWW"
        known = registered_domain(host)
        for part, address in (("FROM", self._from.addr_spec.lower() if self._from else ""), ("ENV_FROM", self._sender)):
            domain = address.rpartition("@")[2]
            if address and address in name:
                yield f"MID_CONTAINS_{part}"
            elif address and domain == host:
                yield f"MID_RHS_MATCH_{part}"
            elif address and known and registered_domain(domain) == known:
                yield f"MID_RHS_MATCH_{part}TLD"
        for recipient in self._all:
            if recipient.addr_spec.lower() in name:
                yield "MID_CONTAINS_TO"
            elif recipient.domain.lower() == host:
                yield "MID_RHS_MATCH_TO"

    def _date(self) -> Iterable[str]:
        raw = self._message["date"]
        if raw is None:
            yield "MISSING_DATE"
            return
        try:
            age = self._now - parsedate_to_datetime(str(raw)).timestamp()
        except (ValueError, TypeError):
            yield "INVALID_DATE"
            return
        if age > _DAY:
            yield "DATE_IN_PAST"
        elif age < -_TWO_HOURS:
            yield "DATE_IN_FUTURE"

    def _subject(self) -> Iterable[str]:
        subject = self._message["subject"]
        if subject is None:
            yield "MISSING_SUBJECT"
        elif not str(subject).strip():
            yield "EMPTY_SUBJECT"

    def _author(self) -> Iterable[str]:
        count = len(self._message.get_all("from", []))
        if count != 1:
            yield "MULTIPLE_FROM" if count else "MISSING_FROM"
        if self._sender and not _is_valid(self._sender):
            yield "ENV_FROM_INVALID"
        if not count:
            return
        address = self._from.addr_spec.lower() if self._from else ""
        name = self._from.display_name.strip() if self._from else ""
        valid = _is_valid(address)
        if not valid:
            yield "FROM_INVALID"
        if not name:
            yield "FROM_NO_DN"
        elif name.lower() == address:
            yield "FROM_DN_EQ_ADDR"
        elif valid:
            yield "FROM_HAS_DN"
        bounce = self._sender.partition("@")[0] in ("", "postmaster", "mailer-daemon")
        if bounce:
            yield "FROM_BOUNCE"
        if self._sender and self._sender == address:
            yield "FROM_EQ_ENV_FROM"
        elif valid and not bounce:
            yield from ("FORGED_SENDER", "FROM_NEQ_ENV_FROM")
        if len(self._all) == 1:
            other = self._all[0]
            if other.addr_spec.lower() == address:
                yield "TO_EQ_FROM"
            elif self._from and other.domain.lower() == self._from.domain.lower():
                yield "TO_DOM_EQ_FROM_DOM"

    def _recipients(self) -> Iterable[str]:
        if self._message["to"] is None:
            yield "MISSING_TO"
        unique = {address.addr_spec.lower(): address for address in self._all}
        if not unique:
            yield "RCPT_COUNT_ZERO"
            return
        count = len(unique)
        yield "RCPT_COUNT_" + _COUNTS.get(count, "TWELVE" if count <= 12 else "GT_50")
        named = sum(bool(address.display_name) for address in unique.values())
        yield "TO_DN_NONE" if not named else "TO_DN_ALL" if named == count else "TO_DN_SOME"
        envelope = {address.lower() for address in self._given.recipients}
        matching = len(unique.keys() & envelope)
        if matching == count:
            yield "TO_MATCH_ENVRCPT_ALL"
            return
        if matching:
            yield "TO_MATCH_ENVRCPT_SOME"
        if "List-Id" not in self._message and "List-Unsubscribe" not in self._message and envelope - unique.keys() - {self._sender}:
            yield "FORGED_RECIPIENTS"

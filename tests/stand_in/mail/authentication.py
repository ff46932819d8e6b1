"""What can be found out of where a message comes from: reverse names, SPF, DKIM and DMARC, by the DNS that the stand-in sees.

Left out: ARC, SPF's explanations and the transformers of its macros.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Literal

import dkim

from ..values import registered_domain
from .resolver import NoSuchName, Resolver
from .signing import body_hash

Kind = Literal["pass", "fail", "softFail", "neutral", "tempError", "permError", "none"]

_LOOKUPS = 10


class Reason(enum.Enum):
    """Why a check fails: the sentence of the API, and the words in a header."""

    BODY_HASH = ("Calculated body hash does not match signature hash", "body hash did not verify")
    EXPIRED = ("Signature expired", "signature error")
    MISSING = ("Missing parameters", "missing parameters")
    NOT_ALIGNED = ("Policy not aligned", "policy not aligned")
    NO_RECORD = ("DNS record not found: Non-Existent Domain", "dns record not found")
    PARSE = ("Parse error", "dns record parse error")
    RECORD_TYPE = ("Invalid record", "invalid dns record type")
    VERIFICATION = ("Signature verification failed", "verification failed")


@dataclass(frozen=True, slots=True)
class Result:
    kind: Kind = "none"
    reason: Reason | None = None

    def json(self) -> dict[str, str | None]:
        """As the API shows it."""
        if self.kind in ("pass", "none"):
            return {"type": self.kind}
        return {"type": self.kind, "details": self.reason.value[0] if self.reason else None}

    def header(self) -> str:
        """As Authentication-Results says it."""
        return self.kind.lower() + (f" ({self.reason.value[1]})" if self.reason else "")


NONE = Result()


@dataclass(frozen=True, slots=True)
class Reverse:
    """What an address is called (with the final dots), and whether the name leads back to it."""

    result: Result
    names: list[str]

    @property
    def name(self) -> str:
        return self.names[0].removesuffix(".") if self.names else ""


def check_reverse(resolver: Resolver, address: str) -> Reverse:
    try:
        names = resolver.names(address)
    except NoSuchName:
        return Reverse(Result("permError", Reason.NO_RECORD), [])
    if ipaddress.ip_address(address).is_loopback:
        return Reverse(Result("pass"), names)
    failure = Result("fail", Reason.NOT_ALIGNED)
    for name in names[:2]:
        try:
            if address in resolver.addresses(name):
                return Reverse(Result("pass"), names)
        except NoSuchName:
            failure = Result("permError", Reason.NO_RECORD)
    return Reverse(failure, names)


# SPF


@dataclass(frozen=True, slots=True)
class Spf:
    domain: str
    result: Result

    def header(self, hostname: str, sender: str, address: str) -> str:
        texts: dict[Kind, str] = {
            "pass": f"domain of {sender} designates {address} as permitted sender",
            "fail": f"domain of {sender} does not designate {address} as permitted sender",
            "softFail": f"domain of {sender} reports soft fail for {address}",
            "neutral": f"domain of {sender} reports neutral for {address}",
            "tempError": f"temporary dns error validating {sender}",
            "permError": f"unable to verify SPF record for {sender}",
            "none": f"no SPF records found for {sender}",
        }
        return f"{self.result.kind.lower()} ({hostname}: {texts[self.result.kind]})"


class _PermanentError(Exception):
    """An SPF record leads to none, or asks for too much."""


_QUALIFIERS: dict[str, Kind] = {"+": "pass", "": "pass", "-": "fail", "~": "softFail", "?": "neutral"}
_TERM = re.compile(r"([+\-~?]?)(all|a|mx|ptr|include|exists|ip4|ip6)(?::([^/]+))?(?:/(\d+))?(?://(\d+))?", re.IGNORECASE)


def check_spf(resolver: Resolver, address: str, domain: str, sender: str, ehlo_domain: str) -> Spf:
    """``sender`` is an address, that of the postmaster where a name alone is checked."""
    if not domain or len(domain) > 255 or "." not in domain.strip("."):
        return Spf(domain, NONE)
    search = _SpfSearch(resolver, address, sender, ehlo_domain)
    try:
        record = search.record(domain)
    except NoSuchName:
        return Spf(domain, NONE)
    try:
        return Spf(domain, Result(search.evaluate(record, domain) or "neutral"))
    except _PermanentError:
        return Spf(domain, Result("permError"))


class _SpfSearch:
    def __init__(self, resolver: Resolver, address: str, sender: str, ehlo_domain: str) -> None:
        self._resolver = resolver
        self._address = ipaddress.ip_address(address)
        self._sender = sender
        self._ehlo_domain = ehlo_domain
        self._lookups = 0

    def record(self, domain: str) -> str:
        """Raises NoSuchName."""
        return next(text for text in self._resolver.texts(domain, "v=spf1") if text.partition(" ")[0].lower() == "v=spf1")

    def evaluate(self, record: str, domain: str) -> Kind | None:
        """The first mechanism that matches; None where none does. Raises _PermanentError."""
        redirect = None
        for term in record.split()[1:]:
            mechanism = _TERM.fullmatch(term)
            if mechanism is None:  # a modifier, or nothing that the server knows
                redirect = term.partition("=")[2] if term.lower().startswith("redirect=") else redirect
            elif self._matches(mechanism, domain):
                return _QUALIFIERS[mechanism[1]]
        if redirect is None:
            return None
        self._count()
        return self._other(self._expand(redirect, domain)) or "neutral"

    def _count(self) -> None:
        self._lookups += 1
        if self._lookups > _LOOKUPS:
            raise _PermanentError

    def _other(self, domain: str) -> Kind | None:
        try:
            return self.evaluate(self.record(domain), domain)
        except NoSuchName:
            raise _PermanentError from None

    def _matches(self, mechanism: re.Match[str], domain: str) -> bool:
        name, target, *lengths = mechanism[2].lower(), mechanism[3] or "", mechanism[4], mechanism[5]
        if name == "all":
            return True
        if name in ("ip4", "ip6"):
            return self._within(target, lengths[0])
        self._count()
        target = self._expand(target, domain) if target else domain
        with contextlib.suppress(NoSuchName):
            match name:
                case "a":
                    return self._is_of(self._resolver.addresses(target), lengths)
                case "mx":
                    hosts = [host for _, group in self._resolver.mail_servers(target) for host in group]
                    return any(self._is_of(self._addresses(host), lengths) for host in hosts)
                case "include":
                    return self._other(target) == "pass"
                case "exists":
                    return bool(self._resolver.addresses(target))
                case _:
                    names = [found.removesuffix(".") for found in self._resolver.names(str(self._address)) if self._is_of(self._addresses(found), (None, None))]
                    return any(found == target or found.endswith(f".{target}") for found in names)
        return False

    def _addresses(self, host: str) -> list[str]:
        try:
            return self._resolver.addresses(host)
        except NoSuchName:
            return []

    def _is_of(self, addresses: Sequence[str], lengths: Sequence[str | None]) -> bool:
        """Whether the address is one of these, or in their networks: of a length for version 4, and one for version 6."""
        of_version = dict(zip((4, 6), lengths, strict=True))
        return any(self._within(address, of_version.get(ipaddress.ip_address(address).version)) for address in addresses)

    def _within(self, address: str, length: str | None) -> bool:
        try:
            return self._address in ipaddress.ip_network(address if length is None else f"{address}/{length}", strict=False)
        except ValueError:
            return False

    def _expand(self, text: str, domain: str) -> str:
        local, _, host = self._sender.rpartition("@")
        values = {"s": self._sender, "l": local, "o": host, "d": domain, "i": str(self._address), "h": self._ehlo_domain, "v": "in-addr"}
        return re.sub(r"%\{([slodihv])\}", lambda match: values[match[1].lower()], text, flags=re.IGNORECASE)


# DKIM


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of a message; what it says of itself is empty where it can't be read."""

    result: Result
    domain: str = ""
    selector: str = ""
    identity: str = ""
    value: str = ""

    def header(self) -> str:
        if not self.domain:
            return self.result.header()
        whose = f"header.i={self.identity}" if self.identity else f"header.d={self.domain}"
        return f"{self.result.header()} {whose} header.s={self.selector} header.b={self.value[:8]}"


def check_signatures(resolver: Resolver, content: bytes, now: int) -> list[Signature]:
    message = message_from_bytes(content, policy=policy.compat32)
    return [_check_signature(resolver, content, index, str(value), now) for index, value in enumerate(message.get_all("dkim-signature", []))]


def _check_signature(resolver: Resolver, content: bytes, index: int, value: str, now: int) -> Signature:
    tags = _tags(value)
    if not all(tags.get(name) for name in ("v", "a", "b", "bh", "d", "h", "s")):
        return Signature(Result("neutral", Reason.MISSING))

    def signature(kind: Kind, reason: Reason | None = None) -> Signature:
        return Signature(Result(kind, reason), tags["d"].lower(), tags["s"], tags.get("i", ""), tags["b"])

    if (expiry := tags.get("x", "")).isdigit() and int(expiry) <= now:
        return signature("neutral", Reason.EXPIRED)
    if body_hash(content, tags.get("c", "simple/simple")) != tags["bh"]:
        return signature("neutral", Reason.BODY_HASH)
    try:
        records = resolver.texts(f"{tags['s']}._domainkey.{tags['d']}", "")
    except NoSuchName:
        return signature("permError", Reason.NO_RECORD)
    record = next((record for record in records if "p" in _tags(record)), None)
    if record is None:
        return signature("permError", Reason.RECORD_TYPE)
    try:
        verified = dkim.DKIM(content).verify(index, dnsfunc=lambda name, timeout: record.encode())
    except (dkim.DKIMException, ValueError):
        verified = False
    return signature("pass") if verified else signature("fail", Reason.VERIFICATION)


def _tags(text: str) -> dict[str, str]:
    return {name.strip(): "".join(value.split()) for name, mark, value in (tag.partition("=") for tag in text.split(";")) if mark}


# DMARC

Policy = Literal["none", "quarantine", "reject", "unspecified"]


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """The policy a domain publishes. ``addresses``: where aggregate reports go, with the most bytes that each takes."""

    relaxed_dkim: bool
    relaxed_spf: bool
    policy: Policy
    subdomain_policy: Policy
    testing: bool
    options: str
    addresses: tuple[tuple[str, int], ...]

    def hash(self) -> int:
        """What tells this policy from another one."""
        return int.from_bytes(hashlib.sha256(repr(self).encode()).digest()[:8], "big")


@dataclass(frozen=True, slots=True)
class Dmarc:
    domain: str = ""
    policy: Policy = "none"
    spf: Result = NONE
    dkim: Result = NONE
    record: DmarcRecord | None = None

    @property
    def result(self) -> Result:
        if "pass" in (self.spf.kind, self.dkim.kind):
            return Result("pass")
        return self.spf if self.spf.kind != "none" else self.dkim

    def header(self) -> str:
        return f"{self.result.header()} header.from={self.domain} policy.dmarc={self.policy}"


_POLICIES: dict[str, Policy] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def read_dmarc(text: str) -> DmarcRecord | None:
    """None for a record that can't be understood."""
    tags = _tags(text)
    alignments = [tags.get(name, "r")[:1].lower() for name in ("adkim", "aspf")]
    policies = [_POLICIES.get(tags[name].lower()) if name in tags else "unspecified" for name in ("p", "sp")]
    options = _options(tags.get("fo", "0").lower())
    own, subdomain = policies
    if own is None or subdomain is None or options is None or not set(alignments) <= {"r", "s"}:
        return None
    return DmarcRecord(
        relaxed_dkim=alignments[0] == "r",
        relaxed_spf=alignments[1] == "r",
        policy=own,
        subdomain_policy=own if subdomain == "unspecified" else subdomain,
        testing=tags.get("t") == "y",
        options=options,
        addresses=tuple(_report_addresses(tags.get("rua", ""))),
    )


def _options(text: str) -> str | None:
    found = "0"
    for option in text.split(":"):
        if option not in ("0", "1", "d", "s"):
            return None
        found = "d:s" if {found, option} == {"d", "s"} else option
    return found


def _report_addresses(text: str) -> Iterator[tuple[str, int]]:
    for part in text.split(","):
        if match := re.fullmatch(r"mailto:([^!]+@[^!]+)(?:!(\d+)([kmgt]?))?", part, re.IGNORECASE):
            yield match[1].lower(), int(match[2] or 0) * _UNITS[match[3].lower() if match[3] else ""]


def author_domain(content: bytes) -> str:
    """The domain of a message's From, empty where there is none or more than one."""
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    header = message["from"]
    domains = {address.domain.lower() for address in getattr(header, "addresses", ()) if address.domain}
    return domains.pop() if len(domains) == 1 else ""


def _organization(domain: str) -> str:
    return registered_domain(domain) or ".".join(domain.split(".")[-2:])


def check_dmarc(resolver: Resolver, content: bytes, sender_domain: str, spf: Spf, signatures: Sequence[Signature]) -> Dmarc:
    domain = author_domain(content)
    text = _published(resolver, domain)
    if text is None:
        return Dmarc(domain)
    record = read_dmarc(text)
    if record is None:
        broken = Result("permError", Reason.PARSE)
        return Dmarc(domain, spf=broken, dkim=broken)
    applied = record.policy
    passed = [signature.domain for signature in signatures if signature.result.kind == "pass"]
    failure = Result("fail", Reason.NOT_ALIGNED)
    spf_result = dkim_result = NONE
    if spf.result.kind == "pass":
        if sender_domain == domain:
            spf_result = Result("pass")
        elif record.relaxed_spf and _organization(sender_domain) == _organization(domain):
            spf_result, applied = Result("pass"), record.subdomain_policy
        else:
            spf_result = failure
    if passed:
        related = any(_organization(other) == _organization(domain) for other in passed)
        if domain in passed:
            dkim_result = Result("pass")
        else:
            dkim_result = Result("pass") if related and record.relaxed_dkim else failure
            applied = record.subdomain_policy if related else applied
    return Dmarc(domain, applied, spf_result, dkim_result, record)


def _published(resolver: Resolver, domain: str) -> str | None:
    """The record of a domain or of the nearest one above it."""
    labels = domain.split(".")
    if len(labels) == 1:
        return None
    left = len(labels)
    while left:
        with contextlib.suppress(NoSuchName):
            return resolver.texts(f"_dmarc.{'.'.join(labels[-left:])}", "v=DMARC1")[0]
        left = left - 1 if left < 5 else 4
    return None


# All together


@dataclass(frozen=True, slots=True)
class Checks:
    """What was checked of one message; ``left_out`` names what the settings disable, which then found nothing."""

    reverse: Reverse
    ehlo: Spf
    sender: Spf
    signatures: Sequence[Signature]
    dmarc: Dmarc
    left_out: frozenset[str] = frozenset()

    def results(self, hostname: str, sender: str, ehlo_domain: str, address: str) -> list[str]:
        """The parts of Authentication-Results."""
        postmaster = f"postmaster@{ehlo_domain}"
        shown = f'"{address}"' if ":" in address else address
        found = {
            "ehlo": f"spf={self.ehlo.header(hostname, postmaster, address)} smtp.helo={ehlo_domain}",
            "sender": f"spf={self.sender.header(hostname, sender or postmaster, address)} smtp.mailfrom={sender or '<>'}",
            "reverse": f"iprev={self.reverse.result.header()} policy.iprev={shown}",
            "dmarc": f"dmarc={self.dmarc.header()}",
        }
        return [f"dkim={signature.header()}" for signature in self.signatures] + [text for name, text in found.items() if name not in self.left_out]


def check(resolver: Resolver, content: bytes, address: str, sender: str, ehlo_domain: str, now: int, left_out: frozenset[str] = frozenset()) -> Checks:
    """``left_out``: any of reverse, ehlo, sender, signatures and dmarc. DMARC asks for the sender's SPF result."""
    nothing = Spf("", NONE)
    from_sender = nothing if "sender" in left_out else check_sender(resolver, address, sender, ehlo_domain)
    signatures = [] if {"signatures", "dmarc"} <= left_out else check_signatures(resolver, content, now)
    left_out |= {"dmarc"} if "sender" in left_out else set()
    return Checks(
        reverse=Reverse(NONE, []) if "reverse" in left_out else check_reverse(resolver, address),
        ehlo=nothing if "ehlo" in left_out else check_spf(resolver, address, ehlo_domain, f"postmaster@{ehlo_domain}", ehlo_domain),
        sender=from_sender,
        signatures=signatures,
        dmarc=Dmarc() if "dmarc" in left_out else check_dmarc(resolver, content, from_sender.domain, from_sender, signatures),
        left_out=left_out,
    )


def check_sender(resolver: Resolver, address: str, sender: str, ehlo_domain: str) -> Spf:
    """SPF of a message's sender; that of the peer's name where the message comes from nobody."""
    if "@" not in sender:
        return check_spf(resolver, address, ehlo_domain, f"postmaster@{ehlo_domain}", ehlo_domain)
    return check_spf(resolver, address, sender.rpartition("@")[2].lower(), sender.lower(), ehlo_domain)

"""Reports that other servers sent (DMARC, TLS, abuse), found in mail to the report addresses, and those this server would send."""

from __future__ import annotations

import gzip
import io
import ipaddress
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element, ParseError, fromstring

from ..clock import local_rfc3339, rfc3339
from ..expressions import IfBlock, Value, text
from .authentication import Checks, DmarcRecord
from .schedule import elements, seconds

if TYPE_CHECKING:
    from ..state import Server
    from .message import Envelope

Kind = Literal["dmarc", "tls", "arf"]
_STORE_SECONDS = 30 * 86_400

_FREQUENCIES = frozenset({"hourly", "hour", "daily", "day", "weekly", "week", "never", "disable", "false"})
_DAILY = IfBlock.of("daily", constants=_FREQUENCIES)
_ORGANIZATION = IfBlock.of("config_get('report.domain')")
_FROM_ADDRESS = IfBlock.of("'noreply-dmarc@' + config_get('report.domain')")
_NOTHING = IfBlock.of("''")


class ReportError(Exception):
    """What looks like a report can't be read; ``event`` is the event that tells so."""

    def __init__(self, event: str, reason: str) -> None:
        super().__init__(reason)
        self.event = event


@dataclass(frozen=True, slots=True)
class IncomingReport:
    id: int
    expires: int
    kind: Kind
    sender: str
    to: list[str]
    subject: str
    report: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.id}_{self.expires}"

    def json(self) -> dict[str, Any]:
        return {"from": self.sender, "to": self.to, "subject": self.subject, "report": self.report}

    def contains(self, text: str) -> bool:
        """Whether the filter finds it: a substring of the addresses, the subject (in lower case) or certain fields of the report."""
        around = [self.sender.lower(), *(address.lower() for address in self.to), self.subject.lower()]
        return any(text in value for value in [*around, *_SEARCHED[self.kind](self.report)])

    def has_domain(self, domains: frozenset[str]) -> bool:
        return any(address.endswith(domain) for address in [*self.to, self.sender] for domain in domains)


class Reports:
    """Incoming reports by kind, and outgoing ones by id."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.incoming: dict[Kind, dict[tuple[int, int], IncomingReport]] = {"dmarc": {}, "tls": {}, "arf": {}}
        self.outgoing: dict[str, OutgoingReport] = {}

    def addressed(self, recipients: Iterable[str]) -> bool:
        """Whether mail to these recipients is taken for a report."""
        addresses = [address.lower() for address in recipients]
        for pattern in elements(self._server.settings.live, "report.analysis.addresses"):
            wanted = pattern.lower().replace("*", "", 1).strip()
            if pattern.startswith("*"):
                found = any(address.endswith(wanted) for address in addresses)
            elif pattern.endswith("*"):
                found = any(address.startswith(wanted) for address in addresses)
            else:
                found = "@" in pattern and wanted in addresses
            if found and wanted:
                return True
        return False

    def schedule(self, checks: Checks, sender: str, ehlo_domain: str, address: str, envelope: Envelope) -> None:
        """Note the results of a message whose domain wants to be told of them."""
        live, dmarc = self._server.settings.live, checks.dmarc
        if dmarc.record is None or not dmarc.record.addresses:
            return

        def option(name: str, default: IfBlock, constants: frozenset[str] = frozenset()) -> Value:
            return IfBlock.live(live, f"report.dmarc.aggregate.{name}", default, constants).evaluate(envelope)

        period = _period(option("send", _DAILY, _FREQUENCIES), int(self._server.now()))
        if period is None:
            return
        since, length = period
        report = OutgoingReport(
            dmarc.domain,
            dmarc.record,
            since,
            since + length,
            {
                "org_name": text(option("org-name", _ORGANIZATION)),
                "email": text(option("from-address", _FROM_ADDRESS)),
                "extra_contact_info": text(option("contact-info", _NOTHING)) or None,
            },
        )
        report = self.outgoing.setdefault(report.id, report)
        report.records.append(_outgoing_record(checks, sender, ehlo_domain, address))

    async def analyse(self, content: bytes) -> None:
        """Keep the first report that a message holds."""
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        sender, to = _addresses(message, "from"), _addresses(message, "to")
        events = self._server.events
        for part in message.walk():
            found = _find(part)
            if found is None:
                continue
            kind, data, compression = found
            try:
                report = _PARSERS[kind](_decompress(data, compression))
            except ReportError as error:
                events.emit(error.event, {"from": sender[-1] if sender else "", "reason": str(error)})
                continue
            events.emit(_event(kind, report), {"from": sender[-1] if sender else ""})
            keep = self._server.settings.live.get("report.analysis.store", "30d")
            period = None if keep in ("false", "disable") else seconds(keep) or _STORE_SECONDS
            if period is not None:
                number, expires = self._server.queue.new_id(), int(self._server.now()) + period
                subject = str(message["subject"] or "")
                self.incoming[kind][number, expires] = IncomingReport(number, expires, kind, sender[-1] if sender else "", to, subject, report)
            return


def _addresses(message: EmailMessage, name: str) -> list[str]:
    header = message[name]
    found: Iterable[Address] = getattr(header, "addresses", ()) if header is not None else ()
    return [address.addr_spec for address in found if address.addr_spec]


def _find(part: EmailMessage | Any) -> tuple[Kind, bytes, str] | None:
    """A part's report: its kind, its bytes and how they are compressed."""
    if part.is_multipart() and part.get_content_type() != "message/feedback-report":
        return None
    main, sub, name = part.get_content_maintype(), part.get_content_subtype().lower(), part.get_filename() or ""
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if (main, sub) == ("message", "feedback-report"):
        return "arf", _feedback_bytes(part), ""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return None
    if main == "text":
        return ("dmarc", data, "") if sub == "xml" or extension == "xml" else None
    if main == "message":
        return None
    base, plus, suffix = sub.rpartition("+")
    what, packed = (base, suffix) if plus else (sub, sub)
    compression = {"gzip": "gzip", "zip": "zip"}.get(packed) or {"gz": "gzip", "zip": "zip"}.get(extension, "")
    if what == "xml":
        return "dmarc", data, compression
    if what == "tlsrpt" or extension == "json":
        return "tls", data, compression
    return ("dmarc", data, compression) if ".xml" in name or "!" in name else None


def _feedback_bytes(part: EmailMessage) -> bytes:
    """The fields of a feedback report: the standard parser takes the part for a message, whose headers they are."""
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        return payload[0].as_bytes(policy=policy.default.clone(refold_source="none", linesep="\r\n"))
    decoded = part.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else str(payload).encode()


def _decompress(data: bytes, compression: str) -> bytes:
    try:
        if compression == "gzip":
            return gzip.decompress(data)
        if compression == "zip":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return archive.read(archive.infolist()[0]) if archive.infolist() else b""
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise ReportError("incoming-report.decompress-error", str(error)) from error
    return data


# DMARC: an XML document, read leniently; what is missing or unknown gets the type's default.


_ENTITY = re.compile(rb"\s*(&(?:amp|lt|gt|apos|quot|#x?[0-9a-fA-F]+);)\s*")


def parse_dmarc(data: bytes) -> dict[str, Any]:
    """Raises ReportError."""
    failure = "incoming-report.dmarc-parse-failed"
    try:
        # The server's reader drops blanks on both sides of an entity.
        root = fromstring(_ENTITY.sub(rb"\1", data))
    except ParseError as error:
        raise ReportError(failure, str(error)) from error
    if _local(root) != "feedback":
        raise ReportError(failure, f"Unexpected tag {_local(root)}.")
    metadata, published = _child(root, "report_metadata"), _child(root, "policy_published")
    if metadata is None or published is None:
        raise ReportError(failure, f"Missing feedback/{'report_metadata' if metadata is None else 'policy_published'} tag.")
    dates = _child(metadata, "date_range")
    return {
        "version": _float(_value(root, "version")) or 0.0,
        "report_metadata": {
            "org_name": _value(metadata, "org_name") or "",
            "email": _value(metadata, "email") or "",
            "extra_contact_info": _value(metadata, "extra_contact_info"),
            "report_id": _value(metadata, "report_id") or "",
            "date_range": {"begin": _unsigned(_value(dates, "begin")), "end": _unsigned(_value(dates, "end"))},
            "error": [text for text in map(_text, _children(metadata, "error")) if text is not None],
        },
        "policy_published": {
            "domain": _value(published, "domain") or "",
            "version_published": _float(_value(published, "version_published")),
            "adkim": _alignment(_value(published, "adkim")),
            "aspf": _alignment(_value(published, "aspf")),
            "p": _word(_value(published, "p"), "none quarantine reject", "Unspecified"),
            "sp": _word(_value(published, "sp"), "none quarantine reject", "Unspecified"),
            "testing": (_value(published, "testing") or "").lower() == "y",
            "fo": _value(published, "fo"),
        },
        "record": [_record(record) for record in _children(root, "record")],
        "extensions": _extensions(root),
    }


def _record(record: Element) -> dict[str, Any]:
    row, identifiers, results = _child(record, "row"), _child(record, "identifiers"), _child(record, "auth_results")
    evaluated = _child(row, "policy_evaluated")
    return {
        "row": {
            "source_ip": _ip(_value(row, "source_ip")),
            "count": _unsigned(_value(row, "count")),
            "policy_evaluated": {
                "disposition": _word(_value(evaluated, "disposition"), "none pass quarantine reject", "Unspecified"),
                "dkim": _word(_value(evaluated, "dkim"), "pass fail", "Unspecified"),
                "spf": _word(_value(evaluated, "spf"), "pass fail", "Unspecified"),
                "reason": [
                    {
                        "type_": _word(_value(reason, "type"), "forwarded sampled_out trusted_forwarder mailing_list local_policy other", "Other"),
                        "comment": _value(reason, "comment"),
                    }
                    for reason in _children(evaluated, "reason")
                ],
            },
        },
        "identifiers": {
            "envelope_to": _value(identifiers, "envelope_to"),
            "envelope_from": _value(identifiers, "envelope_from") or "",
            "header_from": _value(identifiers, "header_from") or "",
        },
        "auth_results": {
            "dkim": [
                {
                    "domain": _value(dkim, "domain") or "",
                    "selector": _value(dkim, "selector") or "",
                    "result": _result(_value(dkim, "result"), "none pass fail policy neutral temperror permerror"),
                    "human_result": _value(dkim, "human_result"),
                }
                for dkim in _children(results, "dkim")
            ],
            "spf": [
                {
                    "domain": _value(spf, "domain") or "",
                    "scope": {"helo": "Helo", "mfrom": "MailFrom"}.get(_value(spf, "scope") or "", "Unspecified"),
                    "result": _result(_value(spf, "result"), "none neutral pass fail softfail temperror permerror"),
                    "human_result": _value(spf, "human_result"),
                }
                for spf in _children(results, "spf")
            ],
        },
        "extensions": _extensions(record),
    }


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(parent: Element | None, name: str) -> list[Element]:
    return [child for child in parent if _local(child) == name] if parent is not None else []


def _child(parent: Element | None, name: str) -> Element | None:
    """The last one wins, as where a later tag overwrites an earlier."""
    return next(reversed(_children(parent, name)), None)


def _text(element: Element | None) -> str | None:
    text = (element.text or "").strip() if element is not None else ""
    return text or None


def _value(parent: Element | None, name: str) -> str | None:
    return _text(_child(parent, name))


def _float(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _unsigned(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else 0


def _ip(text: str | None) -> str | None:
    try:
        return None if text is None else str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _alignment(text: str | None) -> str:
    return {"r": "Relaxed", "s": "Strict"}.get((text or "")[:1], "Unspecified")


def _word(text: str | None, known: str, default: str) -> str:
    return "".join(part.capitalize() for part in (text or "").split("_")) if text in known.split() else default


def _result(text: str | None, known: str) -> str:
    special = {"softfail": "SoftFail", "temperror": "TempError", "permerror": "PermError"}
    return special.get(text or "", (text or "").capitalize()) if text in known.split() else "None"


def _extensions(parent: Element) -> list[dict[str, str]]:
    return [
        {"name": extension.get("name", ""), "definition": extension.get("definition", "")}
        for extensions in _children(parent, "extensions")
        for extension in _children(extensions, "extension")
    ]


# TLS: a JSON document with the names of RFC 8460.

_POLICY_TYPES = frozenset({"tlsa", "sts", "no-policy-found"})
_RESULT_TYPES = frozenset(
    "starttls-not-supported certificate-host-mismatch certificate-expired certificate-not-trusted validation-failure tlsa-invalid dnssec-invalid "
    "dane-required sts-policy-fetch-error sts-policy-invalid sts-webpki-invalid".split()
)


def parse_tls(data: bytes) -> dict[str, Any]:
    """Raises ReportError."""
    try:
        document = json.loads(data)
        dates = document["date-range"]
        return {
            "organization-name": _typed(document.get("organization-name"), str),
            "date-range": {name: local_rfc3339(dates[name]) or rfc3339(0) for name in ("start-datetime", "end-datetime")},
            "contact-info": _typed(document.get("contact-info"), str),
            "report-id": _typed(document.get("report-id", ""), str),
            "policies": [_policy(item) for item in document.get("policies", [])],
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReportError("incoming-report.tls-rpc-parse-failed", f"{type(error).__name__}: {error}") from error


def _policy(document: dict[str, Any]) -> dict[str, Any]:
    details, summary = document["policy"], document["summary"]
    kind = details["policy-type"]
    return {
        "policy": {
            "policy-type": kind if kind in _POLICY_TYPES else "Other",
            "policy-string": [_typed(text, str) for text in details.get("policy-string", [])],
            "policy-domain": _typed(details.get("policy-domain", ""), str),
            "mx-host": [_typed(text, str) for text in details.get("mx-host", [])],
        },
        "summary": {name: _typed(summary.get(name, 0), int) for name in ("total-successful-session-count", "total-failure-session-count")},
        "failure-details": [_failure_details(details) for details in document.get("failure-details", [])],
    }


def _failure_details(document: dict[str, Any]) -> dict[str, Any]:
    kind = document["result-type"]
    texts = ("receiving-mx-hostname", "receiving-mx-helo", "additional-information", "failure-reason-code")
    addresses = {name: document.get(name) for name in ("sending-mta-ip", "receiving-ip")}
    return {
        "result-type": kind if kind in _RESULT_TYPES else "Other",
        **{name: None if value is None else str(ipaddress.ip_address(value)) for name, value in addresses.items()},
        **{name: _typed(document.get(name), str) for name in texts},
        "failed-session-count": _typed(document.get("failed-session-count", 0), int),
    }


def _typed(value: Any, kind: type) -> Any:
    """Raises TypeError for a value of another type; null passes for text."""
    if isinstance(value, bool) or not isinstance(value, (kind, type(None)) if kind is str else kind):
        raise TypeError(f"invalid type: {value!r}")
    return value


# Abuse reports: fields like a message's header (RFC 5965, RFC 6591).

_FEEDBACK_TYPES = {
    "abuse": "Abuse",
    "auth-failure": "AuthFailure",
    "fraud": "Fraud",
    "not-spam": "NotSpam",
    "other": "Other",
    "virus": "Virus",
}
_AUTH_FAILURES = {"adsp": "Adsp", "bodyhash": "BodyHash", "revoked": "Revoked", "signature": "Signature", "spf": "Spf", "dmarc": "Dmarc"}
_DELIVERY_RESULTS = frozenset({"delivered", "spam", "policy", "reject", "other"})


def parse_arf(data: bytes) -> dict[str, Any]:
    """Raises ReportError."""
    fields: dict[str, list[str]] = {}
    for name, value in message_from_bytes(data.lstrip(b"\r\n")).items():
        fields.setdefault(name.lower(), []).append(str(value).strip())

    def last(name: str) -> str | None:
        return fields[name][-1] if name in fields else None

    kind = next((_FEEDBACK_TYPES[value.lower()] for value in reversed(fields.get("feedback-type", [])) if value.lower() in _FEEDBACK_TYPES), None)
    if kind is None:
        raise ReportError("incoming-report.arf-parse-failed", "no feedback type")
    delivery = (last("delivery-result") or "").lower()
    reporter = last("reporting-mta")
    incidents, version, port = (last(name) or "" for name in ("incidents", "version", "source-port"))
    texts = (
        "dkim-adsp-dns dkim-canonicalized-body dkim-canonicalized-header dkim-domain dkim-identity dkim-selector dkim-selector-dns spf-dns "
        "original-envelope-id original-mail-from original-rcpt-to user-agent"
    ).split()
    return {
        "feedback_type": kind,
        "arrival_date": _date(last("received-date") or last("arrival-date")),
        "authentication_results": fields.get("authentication-results", []),
        "incidents": _unsigned(incidents) if incidents.isdigit() else 1,
        **{name.replace("-", "_"): last(name) for name in texts},
        "reported_domain": fields.get("reported-domain", []),
        "reported_uri": fields.get("reported-uri", []),
        "reporting_mta": reporter.removeprefix("dns;").strip() if reporter else reporter,
        "source_ip": _ip((last("source-ip") or "").split(" ")[0]),
        "version": _unsigned(version),
        "source_port": _unsigned(port),
        "auth_failure": _AUTH_FAILURES.get((last("auth-failure") or "").lower(), "Unspecified"),
        "delivery_result": delivery.capitalize() if delivery in _DELIVERY_RESULTS else "Unspecified",
        "identity_alignment": _identity_alignment(last("identity-alignment") or ""),
        "message": None,
        "headers": None,
    }


def _identity_alignment(text: str) -> str:
    words = {word.strip().lower() for word in text.split(",")}
    if "none" in words:
        return "None"
    return {(True, True): "DkimSpf", (True, False): "Dkim", (False, True): "Spf"}.get(("dkim" in words, "spf" in words), "Unspecified")


def _date(text: str | None) -> int | None:
    try:
        return None if text is None else int(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError):
        return None


_PARSERS = {"dmarc": parse_dmarc, "tls": parse_tls, "arf": parse_arf}


def _event(kind: Kind, report: dict[str, Any]) -> str:
    """The event that tells of a report, by whether it has something to warn of."""
    if kind == "arf":
        names = {"Abuse": "abuse", "AuthFailure": "auth-failure", "Fraud": "fraud", "NotSpam": "not-spam", "Virus": "virus", "Other": "other"}
        return f"incoming-report.{names[report['feedback_type']]}-report"
    if kind == "tls":
        bad = any(item["summary"]["total-failure-session-count"] for item in report["policies"])
    else:
        rows = [record["row"]["policy_evaluated"] for record in report["record"] if record["row"]["count"]]
        bad = any(row["disposition"] in ("Reject", "Quarantine") or "Fail" in (row["dkim"], row["spf"]) for row in rows)
    return f"incoming-report.{kind}-report{'-with-warnings' if bad else ''}"


# What the text filter looks at.


def _dmarc_texts(report: dict[str, Any]) -> list[str]:
    metadata = report["report_metadata"]
    found = [report["policy_published"]["domain"], metadata["org_name"].lower(), metadata["report_id"], (metadata["extra_contact_info"] or "").lower()]
    for record in report["record"]:
        found += [value for value in record["identifiers"].values() if value]
        for dkim in record["auth_results"]["dkim"]:
            found += [dkim["domain"], dkim["selector"], dkim["human_result"] or ""]
        for spf in record["auth_results"]["spf"]:
            found += [spf["domain"], spf["human_result"] or ""]
        found.append(record["row"]["source_ip"] or "")
    return found


def _tls_texts(report: dict[str, Any]) -> list[str]:
    found = [(report["organization-name"] or "").lower(), (report["contact-info"] or "").lower(), report["report-id"]]
    for item in report["policies"]:
        details = item["policy"]
        found += [details["policy-domain"], *(text.lower() for text in details["policy-string"] + details["mx-host"])]
        for failure in item["failure-details"]:
            found += [value for name, value in failure.items() if isinstance(value, str) and name != "result-type"]
    return found


def _arf_texts(report: dict[str, Any]) -> list[str]:
    found: list[str] = [*report["authentication_results"], *report["reported_domain"], *report["reported_uri"]]
    skipped = {"feedback_type", "auth_failure", "delivery_result", "identity_alignment", "source_ip"}
    return found + [value for name, value in report.items() if isinstance(value, str) and name not in skipped]


_SEARCHED = {"dmarc": _dmarc_texts, "tls": _tls_texts, "arf": _arf_texts}


@dataclass(slots=True)
class OutgoingReport:
    """DMARC results that a domain is to be told: ``since`` and ``due`` in seconds since 1970. The stand-in never sends them."""

    domain: str
    policy: DmarcRecord
    since: int
    due: int
    metadata: dict[str, Any]
    records: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"d!{self.domain}!{self.policy.hash()}!{self.since}!{self.due}"

    def json(self) -> dict[str, Any]:
        counts = Counter(json.dumps(record) for record in self.records)
        return {
            "type": "dmarc",
            "id": self.id,
            "domain": self.domain,
            "range_from": rfc3339(self.since),
            "range_to": rfc3339(self.due),
            "report": {
                "version": 0.0,
                "report_metadata": {
                    **self.metadata,
                    "report_id": f"{self.policy.hash()}_{self.since}",
                    "date_range": {"begin": self.since, "end": self.due},
                    "error": [],
                },
                "policy_published": {
                    "domain": self.domain,
                    "version_published": None,
                    "adkim": "Relaxed" if self.policy.relaxed_dkim else "Strict",
                    "aspf": "Relaxed" if self.policy.relaxed_spf else "Strict",
                    "p": self.policy.policy.capitalize(),
                    "sp": self.policy.subdomain_policy.capitalize(),
                    "testing": self.policy.testing,
                    "fo": self.policy.options,
                },
                "record": [_counted(json.loads(record), count) for record, count in counts.items()],
                "extensions": [],
            },
            "rua": [{"uri": address, "max_size": size} for address, size in self.policy.addresses],
        }


def _counted(record: dict[str, Any], count: int) -> dict[str, Any]:
    return {**record, "row": {**record["row"], "count": count}}


_DKIM_RESULTS = {"tempError": "TempError", "permError": "PermError"}
_SPF_RESULTS = {**_DKIM_RESULTS, "softFail": "SoftFail"}


def _outgoing_record(checks: Checks, sender: str, ehlo_domain: str, address: str) -> dict[str, Any]:
    dmarc = checks.dmarc
    scopes = {"ehlo": ("Helo", checks.ehlo), "sender": ("MailFrom", checks.sender)}
    disposition = "Pass" if dmarc.result.kind == "pass" else {"quarantine": "Quarantine", "reject": "Reject"}.get(dmarc.policy, "None")
    return {
        "row": {
            "source_ip": address,
            "count": 0,
            "policy_evaluated": {
                "disposition": disposition,
                "dkim": "Pass" if dmarc.dkim.kind == "pass" else "Fail",
                "spf": "Pass" if dmarc.spf.kind == "pass" else "Fail",
                "reason": [],
            },
        },
        "identifiers": {
            "envelope_to": None,
            "envelope_from": sender.rpartition("@")[2].lower() if "@" in sender else "",
            "header_from": dmarc.domain,
        },
        "auth_results": {
            "dkim": [
                {
                    "domain": signature.domain,
                    "selector": signature.selector,
                    "result": _DKIM_RESULTS.get(signature.result.kind, signature.result.kind.capitalize()),
                    "human_result": signature.result.reason.value[0] if signature.result.reason else None,
                }
                for signature in checks.signatures
                if signature.domain
            ],
            "spf": [
                {
                    "domain": found.domain,
                    "scope": scope,
                    "result": _SPF_RESULTS.get(found.result.kind, found.result.kind.capitalize()),
                    "human_result": None,
                }
                for name, (scope, found) in scopes.items()
                if name not in checks.left_out
            ],
        },
        "extensions": [],
    }


def _period(frequency: Value, now: int) -> tuple[int, int] | None:
    """When a period of reports began, and how long it is; None where none are sent."""
    today = now - now % 86_400
    match frequency:
        case "hourly" | "hour":
            return now - now % 3600, 3600
        case "weekly" | "week":
            weekday = (datetime.fromtimestamp(now, timezone.utc).weekday() + 1) % 7  # 0 is a Sunday
            return today - weekday * 86_400, 7 * 86_400
        case "daily" | "day":
            return today, 86_400
    return None

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports over JMAP: one type of object a kind and direction."""

from __future__ import annotations

import json
import re
import typing as t

from ..._errors import NotFound, StalwartError
from ..models.reports import AuthResult, Direction, DmarcRecord, Feedback, Report, ReportKind, TlsFailure, TlsPolicy
from ..reporting import none_are_sent, report_name, report_time, rfc_word
from ._call import Find, JmapCaller, Object, Write

_TYPES: dict[tuple[ReportKind, Direction], str] = {
    ("dmarc", "incoming"): "DmarcExternalReport",
    ("tls", "incoming"): "TlsExternalReport",
    ("arf", "incoming"): "ArfExternalReport",
    ("dmarc", "outgoing"): "DmarcInternalReport",
    ("tls", "outgoing"): "TlsInternalReport",
}
_ID = re.compile(r"[a-z0-9]{1,13}")

_OPTIONS = {"all": "0", "any": "1", "dkimFailure": "d", "spfFailure": "s"}


class JmapReports:
    """The port `Reports` over JMAP."""

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller

    def find(self, kind: ReportKind, direction: Direction, *, text: str = "") -> t.Iterator[str]:
        """One request for each 5,000; with a text one for each 500, since the server's search takes what has one of the words for found."""
        find = self._find(kind, direction, text)
        if direction == "outgoing" or not text:
            yield from reversed(self._caller.ids(find))
            return
        words = text.lower().split()
        found = [str(each["id"]) for each in self._caller.each(find) if all(word in json.dumps(each, ensure_ascii=False).lower() for word in words)]
        yield from reversed(found)

    def get(self, kind: ReportKind, direction: Direction, report_id: str) -> Report | None:
        """One request. An id that can't be one is none of this server's."""
        object_type = _type(kind, direction)
        if not _ID.fullmatch(report_id):
            return None
        found = self._caller.get(object_type, [report_id], resource=f"{report_name(kind, direction)} {report_id!r}").get(report_id)
        if found is None:
            return None
        return _outgoing(kind, found) if direction == "outgoing" else _incoming(kind, found)

    def delete(self, kind: ReportKind, direction: Direction, report_id: str) -> None:
        """One request."""
        try:
            self._caller.destroy(_type(kind, direction), report_id, resource=f"{report_name(kind, direction)} {report_id!r}")
        except NotFound:
            return

    def delete_all(self, kind: ReportKind, direction: Direction, *, text: str = "") -> None:
        """One request for the ids, and one for each 500 reports."""
        object_type = _type(kind, direction)
        writes = [Write(object_type, "destroy", each, None, f"{report_name(kind, direction)} {each!r}") for each in self.find(kind, direction, text=text)]
        for result in self._caller.set(writes):
            if isinstance(result, StalwartError) and not isinstance(result, NotFound):
                raise result

    @staticmethod
    def _find(kind: ReportKind, direction: Direction, text: str) -> Find:
        filter_ = {"domain": text} if direction == "outgoing" else {"text": text.lower()}
        return Find(_type(kind, direction), filter_ if text else {}, resource=report_name(kind, direction))


def _type(kind: ReportKind, direction: Direction) -> str:
    if (kind, direction) not in _TYPES:
        raise none_are_sent()
    return _TYPES[kind, direction]


def _incoming(kind: ReportKind, item: Object) -> Report:
    return Report(
        id=str(item["id"]),
        kind=kind,
        direction="incoming",
        sender=item.get("from") or "",
        recipients=tuple(item.get("to") or ()),
        subject=item.get("subject") or "",
        **_READERS[kind](item["report"]),
    )


def _outgoing(kind: ReportKind, item: Object) -> Report:
    content = _READERS[kind](item["report"])
    content["domains"] = (item.get("domain") or "",)
    # a report not sent yet has no period of its own: it covers the time from its beginning to its departure
    content["begin"] = report_time(item.get("createdAt")) or content["begin"]
    content["end"] = report_time(item.get("deliverAt")) or content["end"]
    recipients = [*(item.get("rua") or ()), *(f"mailto:{each}" for each in item.get("mailRua") or ()), *(item.get("httpRua") or ())]
    return Report(id=str(item["id"]), kind=kind, direction="outgoing", recipients=tuple(recipients), **content)


def _dmarc(item: Object) -> dict[str, t.Any]:
    policy = {"p": "policyDisposition", "sp": "policySubdomainDisposition", "adkim": "policyAdkim", "aspf": "policyAspf"}
    shown = {name: rfc_word(item.get(key)) for name, key in policy.items()}
    options = sorted(_OPTIONS.get(each, each) for each in item.get("policyFailureReportingOptions") or ())
    return {
        "organization": item.get("orgName") or "",
        "contact": item.get("email") or "",
        "report_id": item.get("reportId") or "",
        "domains": (item.get("policyDomain") or "",),
        "begin": report_time(item.get("dateRangeBegin")),
        "end": report_time(item.get("dateRangeEnd")),
        "policy": {**{name: word for name, word in shown.items() if word}, **({"fo": ":".join(options)} if options else {})},
        "errors": tuple(item.get("errors") or ()),
        "records": tuple(_dmarc_record(record) for record in _list(item.get("records"))),
    }


def _dmarc_record(item: Object) -> DmarcRecord:
    return DmarcRecord(
        source_ip=item.get("sourceIp") or "",
        messages=item.get("count") or 0,
        disposition=rfc_word(item.get("evaluatedDisposition")),
        dkim=rfc_word(item.get("evaluatedDkim")),
        spf=rfc_word(item.get("evaluatedSpf")),
        reasons=tuple(
            ": ".join(part for part in (rfc_word(reason.get("overrideType")), reason.get("comment")) if part)
            for reason in _list(item.get("policyOverrideReasons"))
        ),
        header_from=item.get("headerFrom") or "",
        envelope_from=item.get("envelopeFrom") or "",
        envelope_to=item.get("envelopeTo") or "",
        dkim_results=tuple(_auth_result(result) for result in _list(item.get("dkimResults"))),
        spf_results=tuple(_auth_result(result) for result in _list(item.get("spfResults"))),
    )


def _auth_result(item: Object) -> AuthResult:
    return AuthResult(
        domain=item.get("domain") or "",
        selector=item.get("selector") or "",
        scope=rfc_word(item.get("scope")),
        result=rfc_word(item.get("result")),
        explanation=item.get("humanResult") or "",
    )


def _tls(item: Object) -> dict[str, t.Any]:
    policies = tuple(_tls_policy(policy) for policy in _list(item.get("policies")))
    return {
        "organization": item.get("organizationName") or "",
        "contact": item.get("contactInfo") or "",
        "report_id": item.get("reportId") or "",
        "domains": tuple(dict.fromkeys(policy.domain for policy in policies if policy.domain)),
        "begin": report_time(item.get("dateRangeStart")),
        "end": report_time(item.get("dateRangeEnd")),
        "policies": policies,
    }


def _tls_policy(item: Object) -> TlsPolicy:
    return TlsPolicy(
        type=_tls_word(item.get("policyType")),
        domain=item.get("policyDomain") or "",
        mx_hosts=tuple(item.get("mxHosts") or ()),
        lines=tuple(item.get("policyStrings") or ()),
        successful_sessions=item.get("totalSuccessfulSessions") or 0,
        failed_sessions=item.get("totalFailedSessions") or 0,
        failures=tuple(
            TlsFailure(
                result=_tls_word(failure.get("resultType")),
                sending_ip=failure.get("sendingMtaIp") or "",
                receiving_host=failure.get("receivingMxHostname") or "",
                receiving_helo=failure.get("receivingMxHelo") or "",
                receiving_ip=failure.get("receivingIp") or "",
                sessions=failure.get("failedSessionCount") or 0,
                information=failure.get("additionalInformation") or "",
                reason_code=failure.get("failureReasonCode") or "",
            )
            for failure in _list(item.get("failureDetails"))
        ),
    )


def _arf(item: Object) -> dict[str, t.Any]:
    arrival = report_time(item.get("arrivalDate"))
    domains = tuple(item.get("reportedDomains") or ())
    return {
        "organization": item.get("reportingMta") or "",
        "domains": domains,
        "begin": arrival,
        "end": arrival,
        "feedback": Feedback(
            type=rfc_word(item.get("feedbackType")),
            source_ip=item.get("sourceIp") or "",
            source_port=item.get("sourcePort") or 0,
            incidents=item.get("incidents") or 1,
            reporting_host=item.get("reportingMta") or "",
            user_agent=item.get("userAgent") or "",
            original_sender=(item.get("originalMailFrom") or "").strip("<>"),
            original_recipient=(item.get("originalRcptTo") or "").strip("<>"),
            original_envelope_id=item.get("originalEnvelopeId") or "",
            domains=domains,
            urls=tuple(item.get("reportedUris") or ()),
            authentication_results=tuple(item.get("authenticationResults") or ()),
            auth_failure=rfc_word(item.get("authFailure")),
            delivery_result=rfc_word(item.get("deliveryResult")),
            identity_alignment=rfc_word(item.get("identityAlignment")),
            dkim_domain=item.get("dkimDomain") or "",
            dkim_selector=item.get("dkimSelector") or "",
            headers=item.get("headers") or "",
        ),
    }


_READERS: dict[ReportKind, t.Callable[[Object], dict[str, t.Any]]] = {"dmarc": _dmarc, "tls": _tls, "arf": _arf}


def _list(value: t.Any) -> list[Object]:
    """Lists are objects with numbers for keys."""
    return [each for _index, each in sorted((value or {}).items(), key=lambda item: int(item[0]))]


def _tls_word(value: t.Any) -> str:
    """The same of RFC 8460."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", str(value or "").replace("startTls", "starttls")).lower()

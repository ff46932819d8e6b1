# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports over REST. The server keeps them as its parsers' own structures."""

from __future__ import annotations

import typing as t

from ..._errors import NotFound
from ..._times import from_timestamp
from ..models.reports import AuthResult, Direction, DmarcRecord, Feedback, Report, ReportKind, TlsFailure, TlsPolicy
from ..reporting import none_are_sent, report_name, report_time, rfc_word
from ._call import RestCaller

_PAGE = 500

#: Ids of outgoing reports tell their kind: `d!DOMAIN!HASH!FROM!DUE`, `t!…`.
_OUTGOING_KIND: dict[str, ReportKind] = {"d": "dmarc", "t": "tls"}


class RestReports:
    """The port `Reports` over REST."""

    def __init__(self, caller: RestCaller) -> None:
        self._caller = caller

    def find(self, kind: ReportKind, direction: Direction, *, text: str = "") -> t.Iterator[str]:
        """One request for each 500."""
        page, seen = 1, ""
        while True:
            query = {**_query(kind, direction, text), "page": str(page), "limit": str(_PAGE)}
            found = self._caller.call("GET", *_path(kind, direction), resource=report_name(kind, direction), query=query)["items"]
            # a report that came in meanwhile moves the last one of a page to the next
            yield from (item for item in found if item != seen)
            if len(found) < _PAGE:
                return
            page, seen = page + 1, found[-1]

    def get(self, kind: ReportKind, direction: Direction, report_id: str) -> Report | None:
        """One request."""
        if direction == "outgoing" and _OUTGOING_KIND.get(report_id[:1]) != kind:
            return None
        try:
            found = self._caller.call("GET", *_path(kind, direction), report_id, resource=f"{report_name(kind, direction)} {report_id!r}")
        except NotFound:
            return None
        return _outgoing(report_id, found) if direction == "outgoing" else _incoming(report_id, kind, found)

    def delete(self, kind: ReportKind, direction: Direction, report_id: str) -> None:
        """One request. The server answers true for any id of the right form, also when there is no such report."""
        self._caller.call("DELETE", *_path(kind, direction), report_id, resource=f"{report_name(kind, direction)} {report_id!r}", safe=True)

    def delete_all(self, kind: ReportKind, direction: Direction, *, text: str = "") -> None:
        """One request; the server works on in the background."""
        self._caller.call("DELETE", *_path(kind, direction), resource=report_name(kind, direction), query=_query(kind, direction, text) or None, safe=True)


def _path(kind: ReportKind, direction: Direction) -> tuple[str, ...]:
    if direction == "incoming":
        return "reports", kind
    if kind == "arf":
        raise none_are_sent()
    return "queue", "reports"


def _query(kind: ReportKind, direction: Direction, text: str) -> dict[str, str]:
    if direction == "outgoing":
        return {"type": kind, **({"domain": text} if text else {})}
    return {"text": text} if text else {}


def _incoming(report_id: str, kind: ReportKind, item: dict[str, t.Any]) -> Report:
    common: dict[str, t.Any] = {
        "id": report_id,
        "kind": kind,
        "direction": "incoming",
        "sender": item.get("from") or "",
        "recipients": tuple(item.get("to") or ()),
        "subject": item.get("subject") or "",
    }
    return Report(**common, **_READERS[kind](item["report"]))


def _outgoing(report_id: str, item: dict[str, t.Any]) -> Report:
    kind = _OUTGOING_KIND[report_id[:1]]
    content = _READERS[kind](item["report"])
    content["domains"] = (item.get("domain") or "",)
    content["begin"], content["end"] = report_time(item.get("range_from")), report_time(item.get("range_to"))
    return Report(id=report_id, kind=kind, direction="outgoing", recipients=tuple(_uri(rua) for rua in item.get("rua") or ()), **content)


def _dmarc(item: dict[str, t.Any]) -> dict[str, t.Any]:
    metadata, policy = item.get("report_metadata") or {}, item.get("policy_published") or {}
    dates = metadata.get("date_range") or {}
    shown = {name: rfc_word(policy.get(name)) for name in ("p", "sp", "adkim", "aspf")}
    return {
        "organization": metadata.get("org_name") or "",
        "contact": metadata.get("email") or "",
        "report_id": metadata.get("report_id") or "",
        "domains": (policy.get("domain") or "",),
        "begin": from_timestamp(dates.get("begin")),
        "end": from_timestamp(dates.get("end")),
        "policy": {**{name: word for name, word in shown.items() if word}, **({"fo": policy["fo"]} if policy.get("fo") else {})},
        "errors": tuple(metadata.get("error") or ()),
        "records": tuple(_dmarc_record(record) for record in item.get("record") or ()),
    }


def _dmarc_record(item: dict[str, t.Any]) -> DmarcRecord:
    row, identifiers, results = item.get("row") or {}, item.get("identifiers") or {}, item.get("auth_results") or {}
    evaluated = row.get("policy_evaluated") or {}
    return DmarcRecord(
        source_ip=row.get("source_ip") or "",
        messages=row.get("count") or 0,
        disposition=rfc_word(evaluated.get("disposition")),
        dkim=rfc_word(evaluated.get("dkim")),
        spf=rfc_word(evaluated.get("spf")),
        reasons=tuple(
            ": ".join(part for part in (rfc_word(reason.get("type_") or reason.get("type")), reason.get("comment")) if part)
            for reason in evaluated.get("reason") or ()
        ),
        header_from=identifiers.get("header_from") or "",
        envelope_from=identifiers.get("envelope_from") or "",
        envelope_to=identifiers.get("envelope_to") or "",
        dkim_results=tuple(_auth_result(result) for result in results.get("dkim") or ()),
        spf_results=tuple(_auth_result(result) for result in results.get("spf") or ()),
    )


def _auth_result(item: dict[str, t.Any]) -> AuthResult:
    return AuthResult(
        domain=item.get("domain") or "",
        selector=item.get("selector") or "",
        scope=rfc_word(item.get("scope")),
        result=rfc_word(item.get("result")),
        explanation=item.get("human_result") or "",
    )


def _tls(item: dict[str, t.Any]) -> dict[str, t.Any]:
    dates = item.get("date-range") or {}
    policies = tuple(_tls_policy(policy) for policy in item.get("policies") or ())
    return {
        "organization": item.get("organization-name") or "",
        "contact": item.get("contact-info") or "",
        "report_id": item.get("report-id") or "",
        "domains": tuple(dict.fromkeys(policy.domain for policy in policies if policy.domain)),
        "begin": report_time(dates.get("start-datetime")),
        "end": report_time(dates.get("end-datetime")),
        "policies": policies,
    }


def _tls_policy(item: dict[str, t.Any]) -> TlsPolicy:
    policy, summary = item.get("policy") or {}, item.get("summary") or {}
    return TlsPolicy(
        type=policy.get("policy-type") or "",
        domain=policy.get("policy-domain") or "",
        mx_hosts=tuple(policy.get("mx-host") or ()),
        lines=tuple(policy.get("policy-string") or ()),
        successful_sessions=summary.get("total-successful-session-count") or 0,
        failed_sessions=summary.get("total-failure-session-count") or 0,
        failures=tuple(
            TlsFailure(
                result=failure.get("result-type") or "",
                sending_ip=failure.get("sending-mta-ip") or "",
                receiving_host=failure.get("receiving-mx-hostname") or "",
                receiving_helo=failure.get("receiving-mx-helo") or "",
                receiving_ip=failure.get("receiving-ip") or "",
                sessions=failure.get("failed-session-count") or 0,
                information=failure.get("additional-information") or "",
                reason_code=failure.get("failure-reason-code") or "",
            )
            for failure in item.get("failure-details") or ()
        ),
    )


def _arf(item: dict[str, t.Any]) -> dict[str, t.Any]:
    arrival = from_timestamp(item.get("arrival_date"))
    domains = tuple(item.get("reported_domain") or ())
    return {
        "organization": item.get("reporting_mta") or "",
        "domains": domains,
        "begin": arrival,
        "end": arrival,
        "feedback": Feedback(
            type=rfc_word(item.get("feedback_type")),
            source_ip=item.get("source_ip") or "",
            source_port=item.get("source_port") or 0,
            incidents=item.get("incidents") or 1,
            reporting_host=item.get("reporting_mta") or "",
            user_agent=item.get("user_agent") or "",
            original_sender=(item.get("original_mail_from") or "").strip("<>"),
            original_recipient=(item.get("original_rcpt_to") or "").strip("<>"),
            original_envelope_id=item.get("original_envelope_id") or "",
            domains=domains,
            urls=tuple(item.get("reported_uri") or ()),
            authentication_results=tuple(item.get("authentication_results") or ()),
            auth_failure=rfc_word(item.get("auth_failure")),
            delivery_result=rfc_word(item.get("delivery_result")),
            identity_alignment=rfc_word(item.get("identity_alignment")),
            dkim_domain=item.get("dkim_domain") or "",
            dkim_selector=item.get("dkim_selector") or "",
            headers=item.get("headers") or "",
        ),
    }


_READERS: dict[ReportKind, t.Callable[[dict[str, t.Any]], dict[str, t.Any]]] = {"dmarc": _dmarc, "tls": _tls, "arf": _arf}


def _uri(value: t.Any) -> str:
    """A report address: text, `{"uri": …}`, or `{"Mail": …}` and `{"Http": …}`."""
    if isinstance(value, dict):
        return next((str(part) for part in value.values() if isinstance(part, str) and part), "")
    return str(value)

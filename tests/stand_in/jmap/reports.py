"""Reports that came in and those that will go out, and mail that the spam filter learns from."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import Any, cast

from ..clock import parse_rfc3339
from ..mail.queue import is_message
from ..mail.reports import IncomingReport, Kind, OutgoingReport
from . import blobs, ids, objects
from .calls import MethodCall, MethodError
from .objects import NOT_FOUND, Changes, compare, conditions, got, page, shown, sorting, unsupported, wanted_ids
from .patch import Patcher, PatchError, format_time, parse_time
from .store import SetError, words

_KINDS = {"DmarcExternalReport": "dmarc", "TlsExternalReport": "tls", "ArfExternalReport": "arf"}
_KEEP_SECONDS = 30 * 86_400


def _word(text: Any) -> str:
    """``TempError`` and ``Unspecified`` as objects spell them."""
    return str(text)[:1].lower() + str(text)[1:] if text else "unspecified"


def _listed(items: list[Any]) -> dict[str, Any]:
    return {str(place): item for place, item in enumerate(items)}


def _camel(name: str) -> str:
    first, *rest = name.replace("-", "_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def _dmarc(report: dict[str, Any]) -> dict[str, Any]:
    metadata, policy_part = report["report_metadata"], report["policy_published"]
    options = {"0": "all", "1": "any", "d": "dkimFailure", "s": "spfFailure"}
    chosen = [options[part] for part in (policy_part["fo"] or "").split(":") if part in options]
    return {
        "version": float(report["version"]),
        "orgName": metadata["org_name"],
        "email": metadata["email"],
        "extraContactInfo": metadata["extra_contact_info"],
        "reportId": metadata["report_id"],
        "dateRangeBegin": format_time(metadata["date_range"]["begin"]),
        "dateRangeEnd": format_time(metadata["date_range"]["end"]),
        "errors": dict.fromkeys(metadata["error"], True),
        "policyDomain": policy_part["domain"],
        "policyVersion": None if policy_part["version_published"] is None else str(policy_part["version_published"]),
        "policyAdkim": _word(policy_part["adkim"]),
        "policyAspf": _word(policy_part["aspf"]),
        "policyDisposition": _word(policy_part["p"]),
        "policySubdomainDisposition": _word(policy_part["sp"]),
        "policyTestingMode": policy_part["testing"],
        "policyFailureReportingOptions": dict.fromkeys(chosen, True),
        "records": _listed([_record(record) for record in report["record"]]),
        "extensions": _listed(report["extensions"]),
        "generator": None,
        "policyNp": "unspecified",
        "policyDiscoveryMethod": "unspecified",
    }


def _record(record: dict[str, Any]) -> dict[str, Any]:
    row, identifiers, results = record["row"], record["identifiers"], record["auth_results"]
    evaluated = row["policy_evaluated"]
    return {
        "sourceIp": row["source_ip"],
        "count": row["count"],
        "evaluatedDisposition": _word(evaluated["disposition"]),
        "evaluatedDkim": _word(evaluated["dkim"]),
        "evaluatedSpf": _word(evaluated["spf"]),
        "policyOverrideReasons": _listed([{"overrideType": reason["type_"], "comment": reason["comment"]} for reason in evaluated["reason"]]),
        "envelopeTo": identifiers["envelope_to"],
        "envelopeFrom": identifiers["envelope_from"],
        "headerFrom": identifiers["header_from"],
        "dkimResults": _listed([_authenticated(result, "selector") for result in results["dkim"]]),
        "spfResults": _listed([_authenticated(result, "scope") for result in results["spf"]]),
        "extensions": _listed(record.get("extensions", [])),
    }


def _authenticated(result: dict[str, Any], also: str) -> dict[str, Any]:
    extra = result[also] if also == "selector" else _word(result[also])
    return {"domain": result["domain"], also: extra, "result": _word(result["result"]), "humanResult": result["human_result"]}


def _tls(report: dict[str, Any]) -> dict[str, Any]:
    kinds = {"tlsa": "tlsa", "sts": "sts", "no-policy-found": "noPolicyFound", "NoPolicyFound": "noPolicyFound"}

    def when(text: str) -> str:
        return format_time(parse_rfc3339(text) or 0)

    return {
        "organizationName": report["organization-name"],
        "contactInfo": report["contact-info"],
        "reportId": report["report-id"],
        "dateRangeStart": when(report["date-range"]["start-datetime"]),
        "dateRangeEnd": when(report["date-range"]["end-datetime"]),
        "policies": _listed(
            [
                {
                    "policyType": kinds.get(item["policy"]["policy-type"], "other"),
                    "policyStrings": dict.fromkeys(item["policy"]["policy-string"], True),
                    "policyDomain": item["policy"]["policy-domain"],
                    "mxHosts": dict.fromkeys(item["policy"]["mx-host"], True),
                    "totalSuccessfulSessions": item["summary"]["total-successful-session-count"],
                    "totalFailedSessions": item["summary"]["total-failure-session-count"],
                    "failureDetails": _listed([_failure(details) for details in item["failure-details"]]),
                }
                for item in report["policies"]
            ]
        ),
    }


def _failure(details: dict[str, Any]) -> dict[str, Any]:
    kind = _camel(details["result-type"])
    known = {"starttlsNotSupported": "startTlsNotSupported", "stsPolicyFetchError": "stsPolicyFetchError"}
    rest = {_camel(name): value for name, value in details.items() if name != "result-type"}
    return {"resultType": known.get(kind, "other" if kind == "Other" else kind), **rest}


def _arf(report: dict[str, Any]) -> dict[str, Any]:
    words = ("feedback_type", "auth_failure", "delivery_result", "identity_alignment")
    found = {_camel(name): value for name, value in report.items() if name not in (*words, "reported_domain", "reported_uri", "arrival_date")}
    return {
        **found,
        **{_camel(name): _word(report[name]) for name in words},
        "sourcePort": report["source_port"] or None,
        "arrivalDate": None if report["arrival_date"] is None else format_time(report["arrival_date"]),
        "authenticationResults": dict.fromkeys(report["authentication_results"], True),
        "reportedDomains": dict.fromkeys(report["reported_domain"], True),
        "reportedUris": dict.fromkeys(report["reported_uri"], True),
    }


def _incoming(report: IncomingReport) -> dict[str, Any]:
    content = {"dmarc": _dmarc, "tls": _tls, "arf": _arf}[report.kind](report.report)
    return {
        "report": content,
        "from": report.sender,
        "subject": report.subject,
        "to": dict.fromkeys(report.to, True),
        "receivedAt": format_time(report.expires - _KEEP_SECONDS),
        "expiresAt": format_time(report.expires),
        "memberTenantId": None,
    }


def _outgoing(report: OutgoingReport) -> dict[str, Any]:
    shown_report = report.json()
    rua = [item["uri"].removeprefix("mailto:") for item in shown_report["rua"]]
    return {
        "rua": dict.fromkeys(rua, True),
        "policyIdentifier": int(report.id.split("!")[2]),
        "report": _dmarc(shown_report["report"]),
        "domain": report.domain,
        "createdAt": format_time(report.since),
        "deliverAt": format_time(report.due),
    }


def _all(call: MethodCall) -> dict[int, tuple[Any, dict[str, Any]]]:
    """Each report with the key it is kept under."""
    reports, now = call.service.server.reports, call.service.server.now()
    if call.kind in _KINDS:
        kept = reports.incoming[cast(Kind, _KINDS[call.kind])]
        return {report.id: (key, _incoming(report)) for key, report in kept.items() if report.expires > now}
    if call.kind == "TlsInternalReport":
        return {}
    return {call.service.number_of(key): (key, _outgoing(report)) for key, report in reports.outgoing.items()}


def get(call: MethodCall) -> dict[str, Any]:
    numbers, invalid = wanted_ids(call)
    kept = _all(call)
    listed = sorted(kept)[: call.service.limits["getMaxResults"]] if numbers is None else numbers
    found = [shown(call, kept[number][1], number) for number in listed if number in kept]
    return got(call, found, [number for number in listed if number not in kept], invalid)


def query(call: MethodCall) -> dict[str, Any]:
    kept = {number: value for number, (_, value) in _all(call).items()}
    internal = call.kind not in _KINDS
    for name, suffix, value in conditions(call):
        if name == "domain" and internal and isinstance(value, str):
            kept = {number: report for number, report in kept.items() if report["domain"] == value}
        elif name == "text" and not internal and isinstance(value, str):
            kept = _with_words(kept, value)
        elif name == "expiresAt" and not internal and isinstance(value, str):
            kept = {number: report for number, report in kept.items() if compare(suffix, report["expiresAt"], value)}
        elif name in ("totalFailedSessions", "totalSuccessfulSessions") and call.kind == "TlsExternalReport" and isinstance(value, int):
            kept = {
                number: report for number, report in kept.items() if any(compare(suffix, item[name], value) for item in report["report"]["policies"].values())
            }
        else:
            raise unsupported(name)
    by, ascending = sorting(call, ("id", "domain") if internal else ("id", "expiresAt"))
    matches = sorted(kept, key=lambda number: (str(kept[number].get(by, "")), number), reverse=not ascending)
    return page(call, matches, call.arguments, call.service.limits["queryMaxResults"])


def _words(report: dict[str, Any]) -> set[str]:
    """The words that a report is found by."""
    content = report["report"]
    texts: list[Any] = [report["from"], content.get("email"), content.get("policyDomain"), *content.get("reportedDomains", ())]
    texts += [content.get(name) for name in ("dkimDomain", "reportingMta", "originalMailFrom", "originalRcptTo")]
    for record in content.get("records", {}).values():
        texts += [record[name] for name in ("envelopeTo", "envelopeFrom", "headerFrom")]
        texts += [result["domain"] for name in ("dkimResults", "spfResults") for result in record[name].values()]
    for item in content.get("policies", {}).values():
        texts += [item["policyDomain"], *item["mxHosts"]]
        texts += [failure.get(name) for failure in item["failureDetails"].values() for name in ("receivingMxHostname", "receivingMxHelo")]
    return {word for text in texts if text for word in words(text)}


def _with_words(kept: dict[int, dict[str, Any]], text: str) -> dict[int, dict[str, Any]]:
    """Those with all words; words ahead of the first one that is known are passed over."""
    found: dict[int, dict[str, Any]] = {}
    for word in words(text):
        hits = {number: report for number, report in (found or kept).items() if word in _words(report)}
        if found and not hits:
            return {}
        found = hits
    return found


def set_reports(call: MethodCall) -> dict[str, Any]:
    changes, kept, reports = Changes(call), _all(call), call.service.server.reports
    internal = call.kind not in _KINDS
    changes.not_created = dict.fromkeys(call.arguments.get("create") or {}, SetError("forbidden", "Reports cannot be created").as_json())
    for number, patch in changes.updates():
        text = ids.encode(number)
        if not internal:
            changes.not_updated[text] = SetError("forbidden", "External reports cannot be updated").as_json()
            continue
        try:
            due = _deliver_at(call, patch)
        except SetError as error:
            changes.not_updated[text] = error.as_json()
            continue
        if number not in kept:
            changes.not_updated[text] = NOT_FOUND
        else:
            report = reports.outgoing.pop(kept[number][0])
            report.due = due
            reports.outgoing[report.id] = report
            call.service.rename(kept[number][0], report.id)
            changes.updated[text] = None
    for number in changes.destroys():
        if number not in kept:
            changes.not_destroyed[ids.encode(number)] = NOT_FOUND
            continue
        if internal:
            reports.outgoing.pop(kept[number][0], None)
        else:
            reports.incoming[cast(Kind, _KINDS[call.kind])].pop(kept[number][0], None)
        changes.destroyed.append(ids.encode(number))
    return changes.as_json()


def _deliver_at(call: MethodCall, patch: dict[str, Any]) -> int:
    """The time that a report is to go out at: it must be ahead. Raises SetError."""
    for name in patch:
        if name not in ("deliverAt", "id"):
            raise SetError("invalidProperties", properties=[name])
    if "deliverAt" not in patch:
        raise SetError("invalidPatch", "Missing required property", ["deliverAt"])
    try:
        due = int(parse_time(patch["deliverAt"]))
    except (ValueError, TypeError):
        due = 0
    if due <= call.service.server.now():
        raise SetError("invalidPatch", "Invalid value for property", ["deliverAt"])
    return due


# --- samples -----------------------------------------------------------------


def set_samples(call: MethodCall) -> dict[str, Any]:
    service, changes = call.service, Changes(call)
    for number, _ in changes.updates():
        changes.not_updated[ids.encode(number)] = SetError("forbidden", "Spam training samples cannot be modified.").as_json()
    for key, new in (call.arguments.get("create") or {}).items():
        try:
            value = Patcher(service.schema, create=True, may_set_account=not call.own_only).whole(call.kind, service.schema.new(call.kind), new)
            changes.create(key, service.store.put(call.kind, None, _sample(call, value)))
        except PatchError as error:
            changes.not_created[key] = SetError("invalidPatch", error.message, [error.path]).as_json()
        except SetError as error:
            changes.not_created[key] = error.as_json()
    for number in changes.destroys():
        found = service.store.get(call.kind, number)
        if found is None or not objects.visible(call, found):
            changes.not_destroyed[ids.encode(number)] = NOT_FOUND
        else:
            service.store.remove(call.kind, number)
            changes.destroyed.append(ids.encode(number))
    return changes.as_json()


def _sample(call: MethodCall, value: dict[str, Any]) -> dict[str, Any]:
    """Raises SetError where the blob is no message."""
    service = call.service
    if not value["blobId"]:
        raise SetError("invalidProperties", "blobId is required", ["blobId"])
    digest = blobs.digest_of(value["blobId"])
    content = service.server.mail.blob(digest) if digest is not None else None
    if content is None:
        raise SetError("invalidProperties", "blobId does not exist or is not accessible", ["blobId"])
    if not is_message(content):
        raise SetError("invalidProperties", "Email message must have a subject or a from header", ["blobId"])
    message = message_from_bytes(content, policy=policy.default)
    sender, subject = parseaddr(str(message["from"] or ""))[1].lower(), str(message["subject"] or "")
    if not sender and not subject:
        raise SetError("invalidProperties", "Email message must have a subject or a from header", ["blobId"])
    hold = service.running["SpamClassifier"].get("holdSamplesFor") or 180 * 86_400_000
    service.server.mail.add_sample(content, is_spam=value["isSpam"])
    account = call.account_id if call.own_only else value["accountId"]
    return {
        **value,
        "from": sender or "unknown",
        "subject": subject or "none",
        "accountId": account,
        "expiresAt": format_time(service.server.now() + hold / 1000),
    }


def query_samples(call: MethodCall) -> dict[str, Any]:
    for name, _, _value in conditions(call):
        if name != "accountId":
            raise unsupported(name)
    given = (call.arguments.get("sort") or [{"property": "id"}])[0].get("property")
    if given != "id":
        raise MethodError("unsupportedSort", f"Property {given} is not supported for sorting")
    return objects.query(call)

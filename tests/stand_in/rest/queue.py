"""``/api/queue``: messages on their way, outgoing reports, and whether the queue runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from .. import errors
from ..call import Call, data
from ..clock import parse_rfc3339
from ..mail.message import Failure, Message, failed
from ..mail.reports import OutgoingReport
from ..mail.schedule import QUEUE_NAME_BYTES, Expiry
from . import area, tenant_domains

_CANCELLED = failed(Failure("localhost", "io", "Delivery canceled."), permanently=True)


@area("queue")
async def handle(call: Call) -> Response:
    match call.method, call.segment(1), call.element(2):
        case "GET", "messages", None:
            return _list(call)
        case "GET", "messages", str(identifier):
            return _show(call, identifier)
        case "PATCH", "messages", None:
            return _reschedule_many(call)
        case "PATCH", "messages", str(identifier):
            return _reschedule(call, identifier)
        case "DELETE", "messages", None:
            return _cancel_many(call)
        case "DELETE", "messages", str(identifier):
            return _cancel(call, identifier)
        case "GET", "reports", None:
            return _list_reports(call)
        case "GET", "reports", str(identifier):
            return _show_report(call, identifier)
        case "DELETE", "reports", None:
            return _delete_reports(call)
        case "DELETE", "reports", str(identifier):
            return _delete_report(call, identifier)
        case "GET", "status", None:
            call.token.require("message-queue-get")
            return data(call.server.queue.running)
        case "PATCH", "status", str(action):
            call.token.require("message-queue-update")
            before = call.server.queue.running
            call.server.queue.pause(action == "stop")
            return data(before)
    raise errors.not_found()


def _time(call: Call, name: str) -> int | None:
    """A time to come; the server ignores those in the past."""
    time = parse_rfc3339(call.query.text(name) or "")
    return time if time is not None and time >= int(call.server.now()) else None


@dataclass(slots=True)
class Page:
    """What was asked for of a listing: the page itself, and how many match (counting stops at ``max-total``)."""

    items: list[Any]
    total: int


def paged(call: Call, matching: Iterable[Any]) -> Page:
    limit, most = call.query.size("limit"), call.query.size("max-total")
    skip = max(call.query.size("page") - 1, 0) * limit
    page = Page([], 0)
    for item in matching:
        if page.total >= skip and (limit == 0 or len(page.items) < limit):
            page.items.append(item)
        page.total += 1
        if most and page.total >= most:
            break
    return page


def _matching(call: Call) -> Iterable[Message]:
    text, sender, recipient, queue = (call.query.text(name) for name in ("text", "from", "to", "queue"))
    queue = queue if queue and len(queue.encode()) <= QUEUE_NAME_BYTES else None
    before, after = _time(call, "before"), _time(call, "after")
    domains = tenant_domains(call)
    start, end = call.query.size("range-start"), call.query.number("range-end")

    def matches(message: Message) -> bool:
        if domains is not None and not message.has_domain(domains):
            return False
        addresses = [other.address for other in message.recipients]
        if text is not None:
            if not any(text in value for value in [message.return_path, *addresses]):
                return False
        elif (sender is not None and sender not in message.return_path) or (recipient is not None and not any(recipient in a for a in addresses)):
            return False
        due = message.next_delivery(queue)
        if (before is not None and not (due is not None and due < before)) or (after is not None and not (due is not None and due > after)):
            return False
        return queue is None or any(other.queue == queue for other in message.recipients)

    for identifier, message in sorted(call.server.queue.messages.items()):
        if start <= identifier and (end is None or identifier < end) and matches(message):
            yield message


def _list(call: Call) -> Response:
    call.token.require("message-queue-list")
    page = paged(call, _matching(call))
    now = int(call.server.now())
    items = [message.json(now) if "values" in call.query else message.id for message in page.items]
    return data({"items": items, "total": page.total, "status": call.server.queue.running})


def _find(call: Call, identifier: str) -> Message:
    """A copy of the message. Raises Problem 404 where there is none, or none of the caller's tenant."""
    message = call.server.queue.read(int(identifier)) if identifier.isascii() and identifier.removeprefix("+").isdigit() else None
    domains = tenant_domains(call)
    if message is None or (domains is not None and not message.has_domain(domains)):
        raise errors.not_found()
    return message


def _show(call: Call, identifier: str) -> Response:
    call.token.require("message-queue-get")
    return data(_find(call, identifier).json(int(call.server.now())))


def _move(message: Message, time: int, item: str | None) -> bool:
    """Have the recipients that match tried at ``time``, and never given up before."""
    found = False
    for recipient in message.pending():
        if item is None or item in recipient.address:
            recipient.retry_due = time
            expires = recipient.expiry.at(message.created)
            if expires is not None and expires > time:
                recipient.expiry = Expiry(attempts=recipient.retries + 10)
            found = True
    return found


def _reschedule(call: Call, identifier: str) -> Response:
    call.token.require("message-queue-update")
    time = _time(call, "at") or int(call.server.now())
    message = _find(call, identifier)
    found = _move(message, time, call.query.text("filter"))
    if found:
        call.server.queue.save(message)
        call.server.queue.wake()
    return data(found)


def _reschedule_many(call: Call) -> Response:
    call.token.require("message-queue-update")
    time = _time(call, "at") or int(call.server.now())
    # With values asked for, the server collects no ids to work on.
    ids = [] if "values" in call.query else [message.id for message in paged(call, _matching(call)).items]

    async def work() -> None:
        queue = call.server.queue
        for identifier in ids:
            if (message := queue.read(identifier)) is not None and _move(message, time, None):
                queue.save(message)
        queue.wake()

    if ids:
        call.server.spawn(work())
    return data(bool(ids))


def _cancel(call: Call, identifier: str) -> Response:
    call.token.require("message-queue-delete")
    message = _find(call, identifier)
    item = call.query.text("filter")
    if item is None:
        call.server.queue.remove(message)
        return data(True)
    matching = [recipient for recipient in message.recipients if item in recipient.address]
    for recipient in matching:
        recipient.status = _CANCELLED
    if matching:
        if message.pending():
            call.server.queue.save(message)
        else:
            call.server.queue.remove(message)
    return data(bool(matching))


def _cancel_many(call: Call) -> Response:
    call.token.require("message-queue-delete")
    ids = [] if "values" in call.query else [message.id for message in paged(call, _matching(call)).items]
    if ids:
        call.server.spawn(call.server.queue.remove_all(ids))
    return data(bool(ids))


# Reports that will be sent


def _matching_reports(call: Call) -> Iterable[OutgoingReport]:
    domain, kind = (call.query.text("domain") or "").lower(), call.query.text("type")
    domains = tenant_domains(call)
    start, end = call.query.size("range-start"), call.query.number("range-end")
    for report in sorted(call.server.reports.outgoing.values(), key=lambda report: (report.due, report.domain)):
        if (
            kind != "tls"
            and domain in report.domain
            and (domains is None or report.domain in domains)
            and start <= report.due
            and (end is None or report.due < end)
        ):
            yield report


def _list_reports(call: Call) -> Response:
    call.token.require("outgoing-report-list")
    page = paged(call, _matching_reports(call))
    return data({"items": [report.id for report in page.items], "total": page.total})


def _parse_report_id(text: str) -> str | None:
    """A well-formed id as the server spells it, None for anything else."""
    parts = text.split("!")
    if len(parts) < 5 or parts[0] not in ("d", "t") or not all(part.isascii() and part.removeprefix("+").isdigit() for part in parts[2:5]):
        return None
    return "!".join([*parts[:2], *(str(int(part)) for part in parts[2:5])])


def _may_see(call: Call, report_id: str) -> bool:
    domains = tenant_domains(call)
    return domains is None or report_id.split("!")[1] in domains


def _show_report(call: Call, identifier: str) -> Response:
    call.token.require("outgoing-report-get")
    report_id = _parse_report_id(identifier)
    report = call.server.reports.outgoing.get(report_id) if report_id and _may_see(call, report_id) else None
    if report is None:
        raise errors.not_found()
    return data(report.json())


def _delete_reports(call: Call) -> Response:
    call.token.require("outgoing-report-delete")
    reports = paged(call, _matching_reports(call)).items

    async def work() -> None:
        for report in reports:
            call.server.reports.outgoing.pop(report.id, None)

    if reports:
        call.server.spawn(work())
    return data(bool(reports))


def _delete_report(call: Call, identifier: str) -> Response:
    call.token.require("outgoing-report-delete")
    report_id = _parse_report_id(identifier)
    if report_id is None:
        raise errors.not_found()
    if not _may_see(call, report_id):
        return data(False)
    call.server.reports.outgoing.pop(report_id, None)
    return data(True)

"""``/api/reports``: DMARC, TLS and abuse reports that other servers sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from starlette.responses import Response

from .. import errors
from ..call import Call, data
from ..mail.reports import IncomingReport, Kind
from . import area, tenant_domains
from .queue import paged


@area("reports")
async def handle(call: Call) -> Response:
    if call.segment(1) not in ("dmarc", "tls", "arf"):
        raise errors.not_found()
    kind = cast(Kind, call.segment(1))
    match call.method, call.element(2):
        case "GET", None:
            call.token.require("incoming-report-list")
            page = paged(call, _matching(call, kind))
            return data({"items": [report.key for report in page.items], "total": page.total})
        case "GET", str(identifier):
            call.token.require("incoming-report-get")
            report = call.server.reports.incoming[kind].get(_parse_id(identifier))
            if report is None or not _may_see(call, report):
                raise errors.not_found()
            return data(report.json())
        case "DELETE", None:
            return _delete_all(call, kind)
        case "DELETE", str(identifier):
            call.token.require("incoming-report-delete")
            key = _parse_id(identifier)
            report = call.server.reports.incoming[kind].get(key)
            # A tenant's caller is refused what is its own: the server asks the wrong way round.
            if tenant_domains(call) is not None and report is not None and _may_see(call, report):
                raise errors.not_found()
            call.server.reports.incoming[kind].pop(key, None)
            return data(True)
    raise errors.not_found()


def _parse_id(text: str) -> tuple[int, int]:
    """``N_N``. Raises Problem 404 for anything else."""
    parts = text.split("_")
    if len(parts) < 2 or not all(part.isascii() and part.removeprefix("+").isdigit() for part in parts[:2]):
        raise errors.not_found()
    return int(parts[0]), int(parts[1])


def _may_see(call: Call, report: IncomingReport) -> bool:
    domains = tenant_domains(call)
    return domains is None or report.has_domain(domains)


def _matching(call: Call, kind: Kind) -> Iterable[IncomingReport]:
    """Those that expire last come first. ``range-start`` and ``range-end`` have no effect: the server compares them only within one second."""
    text, now = call.query.text("text"), call.server.now()
    reports = call.server.reports.incoming[kind].values()
    for report in sorted(reports, key=lambda report: (report.expires, report.id), reverse=True):
        if report.expires > now and (text is None or report.contains(text)) and _may_see(call, report):
            yield report


def _delete_all(call: Call, kind: Kind) -> Response:
    call.token.require("incoming-report-delete")
    reports = paged(call, _matching(call, kind)).items

    async def work() -> None:
        for report in reports:
            call.server.reports.incoming[kind].pop((report.id, report.expires), None)

    if reports:
        call.server.spawn(work())
    return data(bool(reports))

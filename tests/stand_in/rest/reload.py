"""``/api/reload``: make stored settings live, if the server finds no error in them."""

from __future__ import annotations

from starlette.responses import Response

from .. import errors
from ..call import Call, data
from ..validation import Report, check
from . import area


@area("reload")
async def handle(call: Call) -> Response:
    call.token.require("settings-reload")
    if call.method != "GET":
        raise errors.not_found()
    server = call.server
    report = Report()
    match call.path[1:2]:
        case ["lookup"]:
            pass
        case ["certificate"]:
            pass
        case ["server.blocked-ip"]:
            server.access.reload_blocked()
        case _:
            report = check(server.settings.all(), server)
            if not report.errors and "dry-run" not in call.query:
                server.reload()
    return data({"warnings": report.warnings, "errors": report.errors})

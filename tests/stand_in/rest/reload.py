"""``/api/reload``: make stored settings live, if the server finds no error in them."""

from __future__ import annotations

from starlette.responses import Response

from .. import errors
from ..call import Call, data
from ..validation import check, check_blocked, check_certificates, check_lookups
from . import area


@area("reload")
async def handle(call: Call) -> Response:
    call.token.require("settings-reload")
    if call.method != "GET":
        raise errors.not_found()
    server = call.server
    settings = server.settings.all()
    match call.path[1:2]:
        case ["lookup"]:
            report = check_lookups(settings)
        case ["certificate"]:
            report = check_certificates(settings)
            server.load_certificates()
        case ["server.blocked-ip"]:
            report = check_blocked(settings)
            server.access.reload_blocked()
        case _:
            report = check(settings, server)
            if report.built:  # these two are live even after a dry run
                server.load_certificates()
                server.access.reload_blocked()
            if not report.errors and "dry-run" not in call.query:
                server.reload()
    return data({"warnings": report.warnings, "errors": report.errors})

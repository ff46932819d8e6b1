"""``/api/restart``: not supported by any version."""

from __future__ import annotations

from starlette.responses import Response

from .. import errors
from ..call import Call
from . import area


@area("restart")
async def handle(call: Call) -> Response:
    if call.method != "GET":
        raise errors.not_found()
    call.token.require("restart")
    raise errors.unsupported("Restart is not yet supported")

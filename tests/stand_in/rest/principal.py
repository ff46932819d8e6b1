"""``/api/principal``."""

from __future__ import annotations

from starlette.responses import Response

from .. import errors
from ..call import Call
from . import area


@area("principal")
async def handle(call: Call) -> Response:
    raise errors.not_found()

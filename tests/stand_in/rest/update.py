"""``/api/update``: fetches the spam filter's rules or the web interface, which without a network fails."""

from __future__ import annotations

from starlette.responses import Response

from .. import errors
from ..call import Call
from . import area

_PERMISSIONS = {"spam-filter": "spam-filter-update", "webadmin": "webadmin-update"}


@area("update")
async def handle(call: Call) -> Response:
    if call.method != "GET" or call.segment(1) not in _PERMISSIONS:
        raise errors.not_found()
    call.token.require(_PERMISSIONS[call.segment(1)])
    raise errors.internal()

"""``/api/oauth``: codes for other tools; says on the way what the server is and what the caller may do."""

from __future__ import annotations

from starlette.responses import Response

from .. import errors
from ..call import Call, data
from ..oauth import CLIENT_ID_LIMIT
from . import area


@area("oauth")
async def handle(call: Call) -> Response:
    call.token.require("authenticate-oauth")
    match call.json():
        case {"type": "code", "client_id": str(client_id), **rest}:
            return _code(call, client_id, _text(rest.get("redirect_uri")), _text(rest.get("nonce")))
        case {"type": "device", "code": str(user_code)}:
            return data(call.server.oauth.authorize_device(call.token.principal_id, user_code))
    raise errors.bad_parameters()


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise errors.bad_parameters()
    return value


def _code(call: Call, client_id: str, redirect_uri: str | None, nonce: str | None) -> Response:
    if len(client_id.encode()) > CLIENT_ID_LIMIT:
        raise errors.other("Client ID is invalid.")
    if redirect_uri is not None and redirect_uri.startswith("http://"):
        raise errors.other("Redirect URI must be HTTPS.")
    return data(
        {
            "code": call.server.oauth.authorize(call.token.principal_id, client_id, redirect_uri, nonce),
            "permissions": call.server.permissions.listed(call.token.permissions),
            "version": call.server.version_text,
            "isEnterprise": call.server.enterprise,
        }
    )

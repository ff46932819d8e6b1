# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The token endpoint of OAuth (RFC 6749, 4.1.3), which is the same in both generations."""

from __future__ import annotations

import urllib.parse

from .._errors import InvalidRequest, Refused, UnexpectedAnswer
from .._http import HttpClient
from .models.account import Token


def exchange(client: HttpClient, code: str, *, client_id: str, redirect_uri: str, where_required: str = "") -> Token:
    """The token for a code. One request, without the login. Raises Refused; `where_required` names for it what makes a server know clients only."""
    form = {"grant_type": "authorization_code", "code": code, "client_id": client_id, "redirect_uri": redirect_uri}
    try:
        answer = client.request(
            "POST",
            ("auth", "token"),
            content=urllib.parse.urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            safe=False,
            authenticated=False,
        )
    except InvalidRequest as error:
        required = f" ({where_required})" if where_required else ""
        raise Refused(
            f"the server makes no token for the client {client_id!r}: {error.words}; where clients must be registered{required}, create it first as a "
            "principal of type oauth_client with this redirect_uri among its urls."
        ) from None
    granted = answer.json()
    if not isinstance(granted, dict) or "access_token" not in granted:
        raise UnexpectedAnswer("the answer holds no access token", request=answer.request, status=answer.status)
    return Token(**{field: granted[field] for field in Token.model_fields if field in granted})

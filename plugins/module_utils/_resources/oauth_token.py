# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OAuth codes and tokens that other programs use to act as the account that logs in here."""

from __future__ import annotations

import typing as t

from .._deps import model_validator
from .._errors import InvalidOption, PermissionDenied, Refused
from .._reconcile.plan import Change, Mode, Outcome, apply
from .._secrets import GENERATED
from .._server.models.account import Token
from .._server.port import Server
from ._options import Options, Text, read

RESOURCE = "oauth"

#: Grant of a token for one live stream -> what makes it. It must be used within a minute.
_STREAMS: dict[str, t.Callable[[Server], str]] = {
    "delivery_test": lambda server: server.diagnosis.token(),
    "live_metrics": lambda server: server.telemetry.token("metrics"),
    "live_traces": lambda server: server.telemetry.token("traces"),
}
_STREAM_SECONDS = 60

#: `CLIENT_ID_MAX_LEN` of servers 0.13 to 0.15.
_LONGEST_CLIENT_ID = 20


class _OAuthOptions(Options):
    grant: t.Literal["token", "code", "device", "delivery_test", "live_metrics", "live_traces"] = "token"
    client_id: Text = "stalwart.mail"
    redirect_uri: Text = ""
    nonce: Text = ""
    user_code: Text = ""

    @model_validator(mode="after")
    def _usable(self) -> _OAuthOptions:
        if not self.client_id or len(self.client_id.encode()) > _LONGEST_CLIENT_ID:
            raise InvalidOption("client_id", f"it must have 1 to {_LONGEST_CLIENT_ID} characters; shorten it.")
        if self.redirect_uri.startswith("http://"):
            raise InvalidOption("redirect_uri", "servers refuse http://; use https:// or a scheme of the program's own.")
        if (self.grant == "device") != bool(self.user_code):
            problem = "it is missing; give the code that the device shows." if self.grant == "device" else "it goes with grant: device only; remove it."
            raise InvalidOption("user_code", problem)
        return self


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Make a code or a token, or let a device in. Results: `generated` (None for a device)."""
    wanted = read(_OAuthOptions, options)
    name = server.account.name or "(token)"
    made: dict[str, t.Any] = {}
    action = "approve" if wanted.grant == "device" else "create"
    after = {"grant": wanted.grant, "client_id": wanted.client_id} if wanted.grant in ("token", "code") else {"grant": wanted.grant}
    changes = [Change(RESOURCE, name, action, None, after, lambda: made.update(_make(server, wanted)))]
    apply(changes, mode)
    generated: dict[str, t.Any] | None = None
    if wanted.grant != "device":
        generated = _predicted(wanted) if mode.check else made
    return Outcome({"generated": generated}, changes)


def _make(server: Server, wanted: _OAuthOptions) -> dict[str, t.Any]:
    if wanted.grant in _STREAMS:
        return {"stream_token": _STREAMS[wanted.grant](server), "expires_in": _STREAM_SECONDS}
    oauth = server.oauth
    try:
        if wanted.grant == "device":
            if not oauth.approve_device(wanted.user_code):
                raise Refused("user_code: no device waits with this code; it may have been used or be older than half an hour; let the device show a new one.")
            return {}
        code = oauth.code(client_id=wanted.client_id, redirect_uri=wanted.redirect_uri, nonce=wanted.nonce)
    except PermissionDenied:
        raise Refused("this login may not make OAuth codes; give the account the permission authenticate-oauth, which the role user has.") from None
    if wanted.grant == "code":
        return {"code": code}
    return oauth.exchange(code, client_id=wanted.client_id, redirect_uri=wanted.redirect_uri).model_dump()


def _predicted(wanted: _OAuthOptions) -> dict[str, t.Any]:
    if wanted.grant in _STREAMS:
        return {"stream_token": GENERATED, "expires_in": _STREAM_SECONDS}
    return dict.fromkeys(["code"] if wanted.grant == "code" else Token.model_fields, GENERATED)

"""OAuth: codes, tokens, and the endpoints outside ``/api`` that exchange them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import Response

from . import errors
from .access import FALLBACK_ADMIN_ID, AccessToken
from .call import json_response
from .principal import NewPrincipal
from .values import parse_json

if TYPE_CHECKING:
    from .state import Server

CLIENT_ID_LIMIT = 20
_ALPHANUMERIC = string.ascii_letters + string.digits
_USER_CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_FORM_LIMIT = 2048


def random_text(length: int, alphabet: str = _ALPHANUMERIC) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


@dataclass(slots=True)
class Code:
    """A code that was handed out. ``parameter`` is the redirect URI, or for a user code its device code."""

    account: int
    client_id: str
    parameter: str
    expires: float
    nonce: str | None = None
    authorized: bool = True


@dataclass(slots=True)
class Token:
    """What a bearer token stands for."""

    grant: str
    principal_id: int
    client_id: str
    issued: float
    expires: float
    password: str | None = None


class OAuth:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._codes: dict[str, Code] = {}
        self._tokens: dict[str, Token] = {}

    # --- codes ---------------------------------------------------------------

    def put_code(self, code: str, value: Code) -> None:
        self._codes[code] = value

    def code(self, code: str) -> Code | None:
        found = self._codes.get(code)
        return found if found is not None and found.expires > self._server.now() else None

    def authorize(self, account: int, client_id: str, redirect_uri: str | None, nonce: str | None) -> str:
        """A new code that an account's client may exchange."""
        code = random_text(40)
        self.put_code(code, Code(account, client_id, redirect_uri or "", self._expiry("auth-code", 600), nonce))
        return code

    def authorize_device(self, account: int, user_code: str) -> bool:
        """A user lets the device in that shows ``user_code``; False where there is none waiting."""
        waiting = self.code(user_code)
        if waiting is None or waiting.authorized:
            return False
        del self._codes[user_code]
        self.put_code(waiting.parameter, Code(account, waiting.client_id, "", self._expiry("auth-code", 600), waiting.nonce))
        return True

    def _seconds(self, name: str, default: int) -> int:
        return self._server.settings.live_seconds(f"oauth.expiry.{name}", default)

    def _expiry(self, name: str, default: int) -> float:
        return self._server.now() + self._seconds(name, default)

    # --- tokens --------------------------------------------------------------

    def issue(self, grant: str, principal_id: int, client_id: str, seconds: int) -> str:
        """A bearer token. Those that live longer than an hour end with the account's password."""
        now = self._server.now()
        token = base64.b64encode(secrets.token_bytes(63)).decode()
        self._tokens[token] = Token(grant, principal_id, client_id, now, now + seconds, self._password(principal_id) if seconds > 3600 else None)
        return token

    def validate(self, token: str, grant: str | None = None) -> Token:
        """What a token stands for. Raises Problem 401 where it is unknown, expired, of another kind or of an old password."""
        found = self._tokens.get(token)
        if found is None or found.expires <= self._server.now() or grant not in (None, found.grant):
            raise errors.unauthorized()
        if found.password is not None and found.password != self._password(found.principal_id):
            raise errors.unauthorized()
        return found

    def _password(self, principal_id: int) -> str:
        if principal_id == FALLBACK_ADMIN_ID:
            return self._server.settings.live.get("authentication.fallback-admin.secret", "")
        principal = self._server.directory.by_id(principal_id)
        secrets_kept = principal.secrets() if principal is not None else []
        password = (principal.password() or "") if principal is not None and self._server.at_least(0, 14) else "".join(secrets_kept[:1])
        if not password:
            raise errors.unauthorized()
        return password

    # --- endpoints -----------------------------------------------------------

    async def handle(self, method: str, path: list[str], headers: dict[str, str], body: bytes, base_url: str, remote_ip: str) -> Response:
        """Requests below ``/auth/``. Raises Problem."""
        match method, path[:1]:
            case "POST", ["device"]:
                return self._device(_form(headers, body, _FORM_LIMIT), base_url)
            case "POST", ["token"]:
                return self._exchange(_form(headers, body, _FORM_LIMIT), base_url)
            case "POST", ["introspect"]:
                caller = self._server.access.authenticate(headers.get("authorization"), remote_ip)
                return self._introspect(_form(headers, body, 1024), caller)
            case "GET", ["userinfo"]:
                return self._userinfo(self._server.access.authenticate(headers.get("authorization"), remote_ip))
            case "POST", ["register"]:
                return self._register(headers, body, remote_ip)
            case "GET", ["jwks.json"]:
                return self._keys()
            case "OPTIONS", _:
                return Response(status_code=204, headers={"content-type": "application/problem+json"})
        raise errors.not_found()

    def _page(self) -> str:
        """Where people log in."""
        return "/login" if self._server.at_least(0, 16) else "/authorize/code"

    def metadata(self, base_url: str) -> Response:
        scopes = ["openid", "offline_access", "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail", "urn:ietf:params:jmap:submission"]
        return json_response(
            {
                "issuer": base_url,
                "token_endpoint": f"{base_url}/auth/token",
                "authorization_endpoint": f"{base_url}{self._page()}",
                "device_authorization_endpoint": f"{base_url}/auth/device",
                "registration_endpoint": f"{base_url}/auth/register",
                "introspection_endpoint": f"{base_url}/auth/introspect",
                "grant_types_supported": ["authorization_code", "implicit", "urn:ietf:params:oauth:grant-type:device_code"],
                "response_types_supported": ["code", "id_token", "code token", "id_token token"],
                "scopes_supported": [*scopes, "urn:ietf:params:jmap:vacationresponse"],
            }
        )

    def identity_metadata(self, base_url: str) -> Response:
        algorithms = [f"{kind}{bits}" for kind in ("RS", "ES", "PS", "HS") for bits in (256, 384, 512) if (kind, bits) != ("ES", 512)]
        shown = {
            "issuer": base_url,
            "authorization_endpoint": f"{base_url}{self._page()}",
            "token_endpoint": f"{base_url}/auth/token",
            "userinfo_endpoint": f"{base_url}/auth/userinfo",
            "jwks_uri": f"{base_url}/auth/jwks.json",
            "registration_endpoint": f"{base_url}/auth/register",
            "response_types_supported": ["code", "id_token", "id_token token"],
            "grant_types_supported": ["authorization_code", "implicit", "urn:ietf:params:oauth:grant-type:device_code"],
            "scopes_supported": ["openid", "offline_access"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
            "claims_supported": ["sub", "name", "preferred_username", "email", "email_verified"],
        }
        if self._server.at_least(0, 15):
            shown["device_authorization_endpoint"] = f"{base_url}/auth/device"
        return json_response(shown)

    def _signing_key(self) -> str:
        live = self._server.settings.live
        return live.get("oauth.oidc.signature-key") or live["oauth.key"]

    def _keys(self) -> Response:
        key = {"alg": "HS256", "k": _b64url(self._signing_key().encode()), "kid": "default", "kty": "oct", "use": "sig"}
        return Response(json.dumps({"keys": [key]}), headers={"content-type": "application/json"})

    def _device(self, form: dict[str, str], base_url: str) -> Response:
        client_id = form.get("client_id")
        if client_id is None or len(client_id) > CLIENT_ID_LIMIT:
            raise errors.bad_parameters("Client ID is missing.")
        device_code = random_text(40)
        user_code = f"{random_text(4, _USER_CODE_ALPHABET)}-{random_text(4, _USER_CODE_ALPHABET)}"
        waiting = Code(FALLBACK_ADMIN_ID, client_id, device_code, self._expiry("user-code", 1800), form.get("nonce"), authorized=False)
        self.put_code(device_code, waiting)
        self.put_code(user_code, waiting)
        return json_response(
            {
                "device_code": device_code,
                "user_code": user_code,
                "verification_uri": f"{base_url}/authorize",
                "verification_uri_complete": f"{base_url}/authorize/?code={user_code}",
                "expires_in": self._seconds("user-code", 1800),
                "interval": 5,
            }
        )

    def _exchange(self, form: dict[str, str], base_url: str) -> Response:
        match form.get("grant_type", "").lower():
            case "authorization_code":
                return self._exchange_code(form, base_url)
            case "urn:ietf:params:oauth:grant-type:device_code":
                return self._exchange_device_code(form, base_url)
            case "refresh_token":
                return self._refresh(form, base_url)
        return _refused("invalid_grant")

    def _exchange_code(self, form: dict[str, str], base_url: str) -> Response:
        code, client_id, redirect_uri = form.get("code"), form.get("client_id"), form.get("redirect_uri")
        if code is None or client_id is None or redirect_uri is None:
            return _refused("invalid_client")
        found = self.code(code)
        if found is None:
            return _refused("access_denied")
        if found.client_id != client_id or found.parameter != redirect_uri:
            return _refused("invalid_client")
        if not found.authorized:
            return _refused("invalid_grant")
        return self._grant_code(code, found, redirect_uri, base_url)

    def _exchange_device_code(self, form: dict[str, str], base_url: str) -> Response:
        code, client_id = form.get("device_code", ""), form.get("client_id")
        found = self.code(code)
        if found is None or client_id is None:
            return _refused("expired_token")
        if found.client_id != client_id:
            return _refused("invalid_client")
        if not found.authorized:
            return _refused("authorization_pending")
        return self._grant_code(code, found, None, base_url)

    def _grant_code(self, code: str, found: Code, redirect_uri: str | None, base_url: str) -> Response:
        error = self._check_client(found.client_id, redirect_uri, found.account)
        if error is not None:
            return _refused(error)
        del self._codes[code]
        return json_response(self._grant(found.account, found.client_id, base_url, found.nonce, refresh=True, identity=True))

    def _refresh(self, form: dict[str, str], base_url: str) -> Response:
        if "refresh_token" not in form:
            return _refused("invalid_request")
        try:
            token = self.validate(form["refresh_token"], "refresh_token")
        except errors.Problem:
            return _refused("invalid_grant")
        renew = token.expires - self._server.now() <= self._seconds("refresh-token-renew", 4 * 86400)
        return json_response(self._grant(token.principal_id, token.client_id, base_url, None, refresh=renew, identity=False))

    def _grant(self, account: int, client_id: str, issuer: str, nonce: str | None, *, refresh: bool, identity: bool) -> dict[str, Any]:
        seconds = self._seconds("token", 3600)
        granted: dict[str, Any] = {
            "access_token": self.issue("access_token", account, client_id, seconds),
            "token_type": "bearer",
            "expires_in": seconds,
        }
        if refresh:
            granted["refresh_token"] = self.issue("refresh_token", account, client_id, self._seconds("refresh-token", 30 * 86400))
        if identity:
            granted["id_token"] = self._identity(account, client_id, issuer, nonce)
        return granted

    def _identity(self, account: int, client_id: str, issuer: str, nonce: str | None) -> str:
        caller, now = self._server.access.token(account), int(self._server.now())
        claims = {
            "iss": issuer,
            "sub": str(account),
            "aud": client_id,
            "exp": now + self._server.settings.live_seconds("oauth.oidc.expiry.id-token", 900),
            "nbf": now,
            "iat": now,
            "nonce": nonce,
            "preferred_username": caller.name,
            "email": caller.emails[0] if caller.emails else None,
            "description": caller.description,
        }
        parts = [{"alg": "HS256", "kid": "default"}, {name: value for name, value in claims.items() if value is not None}]
        signed = ".".join(_b64url(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_b64url(hmac.new(self._signing_key().encode(), signed.encode(), hashlib.sha256).digest())}"

    def _check_client(self, client_id: str, redirect_uri: str | None, account: int) -> str | None:
        """Why a client is refused, None where it is not."""
        if self._server.settings.live.get("oauth.client-registration.require") != "true":
            return None
        client = self._server.directory.by_name(client_id)
        known = client is not None and client.type == "oauthClient"
        if client is not None and known and (redirect_uri is None or redirect_uri in (client.items("url") or [])):
            return None
        if self._server.access.token(account).may("oauth-client-override"):
            return None
        return "invalid_client" if known else "invalid_request"

    def _introspect(self, form: dict[str, str], caller: AccessToken) -> Response:
        if "token" not in form:
            raise errors.bad_parameters("Client ID is missing.")
        try:
            token = self.validate(form["token"])
        except errors.Problem:
            return json_response({"active": False})
        name = caller.name if token.principal_id == caller.principal_id else self._server.access.token(token.principal_id).name
        shown = {"client_id": token.client_id, "username": name, "token_type": "bearer", "exp": int(token.expires), "iat": int(token.issued)}
        return json_response({"active": True, **shown})

    @staticmethod
    def _userinfo(caller: AccessToken) -> Response:
        shown = {"sub": str(caller.principal_id), "name": caller.description, "preferred_username": caller.name}
        shown["email"] = caller.emails[0] if caller.emails else None
        return json_response({**{name: value for name, value in shown.items() if value is not None}, "email_verified": bool(caller.emails)})

    def _register(self, headers: dict[str, str], body: bytes, remote_ip: str) -> Response:
        if self._server.settings.live.get("oauth.client-registration.anonymous") != "true":
            self._server.access.authenticate(headers.get("authorization"), remote_ip).require("oauth-client-registration")
        try:
            request = parse_json(body)
            uris = request["redirect_uris"]
        except (ValueError, KeyError, TypeError):
            raise errors.bad_parameters() from None
        client_id = random_text(20, string.ascii_lowercase + string.digits)
        fields = {"name": client_id, "urls": uris, "description": request.get("client_name"), "picture": request.get("logo_uri")}
        self._server.directory.create(NewPrincipal("oauthClient", {name: value for name, value in fields.items() if value is not None}), None, None)
        return json_response({"client_id": client_id, **request})


def _form(headers: dict[str, str], body: bytes, limit: int) -> dict[str, str]:
    """The first value of each field."""
    if "content-type" not in headers or len(body) > limit:
        raise errors.bad_parameters("Invalid post request")
    form: dict[str, str] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        form.setdefault(name, value)
    return form


def _refused(error: str) -> Response:
    return json_response({"error": error}, 400)


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

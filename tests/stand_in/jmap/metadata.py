"""What the server tells anyone about its OAuth and OpenID Connect."""

from __future__ import annotations

from typing import Any

_SCOPES = ["openid", "offline_access", *(f"urn:ietf:params:oauth:scope:{name}" for name in ("mail", "contacts", "calendars"))]
_ALGORITHMS = [f"{kind}{bits}" for kind in ("RS", "ES", "PS", "HS") for bits in (256, 384, 512) if (kind, bits) != ("ES", 512)]


def _both(base_url: str) -> dict[str, Any]:
    return {
        "issuer": base_url,
        "token_endpoint": f"{base_url}/auth/token",
        "authorization_endpoint": f"{base_url}/login",
        "device_authorization_endpoint": f"{base_url}/auth/device",
        "registration_endpoint": f"{base_url}/auth/register",
        "grant_types_supported": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "response_types_supported": ["code"],
        "scopes_supported": _SCOPES,
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post", "client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


def oauth(base_url: str) -> dict[str, Any]:
    """RFC 8414."""
    return {**_both(base_url), "introspection_endpoint": f"{base_url}/auth/introspect"}


def openid(base_url: str) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0."""
    return {
        **_both(base_url),
        "userinfo_endpoint": f"{base_url}/auth/userinfo",
        "jwks_uri": f"{base_url}/auth/jwks.json",
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": _ALGORITHMS,
        "claims_supported": ["sub", "name", "preferred_username", "email", "email_verified"],
    }

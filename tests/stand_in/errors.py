"""The two error forms of the management API.

A `ManagementError` goes out under HTTP 200 as ``{"error": KIND, ...}``; a `Problem` goes out as ``application/problem+json`` with its own status.
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """What a handler raises to end a request; the application turns it into an answer."""


class ManagementError(ApiError):
    """An error the server answers with HTTP status 200."""

    def __init__(self, kind: str, **fields: Any) -> None:
        super().__init__(kind)
        self.body: dict[str, Any] = {"error": kind, **fields}


class Problem(ApiError):
    """An error the server answers as a problem document."""

    def __init__(self, status: int, title: str, detail: str, headers: dict[str, str] | None = None, extra: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        self.body: dict[str, Any] = {"type": "about:blank", "status": status, "title": title, "detail": detail, **(extra or {})}


def already_exists(field: str, value: str) -> ManagementError:
    return ManagementError("fieldAlreadyExists", field=field, value=value)


def field_missing(field: str) -> ManagementError:
    return ManagementError("fieldMissing", field=field)


def no_such_item(item: str) -> ManagementError:
    """The object named in the request, or one it refers to, does not exist (HTTP 200)."""
    return ManagementError("notFound", item=item)


def unsupported(details: str) -> ManagementError:
    return ManagementError("unsupported", details=details)


def enterprise_only() -> ManagementError:
    return unsupported("Enterprise feature")


def assert_failed() -> ManagementError:
    return ManagementError("assertFailed")


def other(details: str, reason: str | None = None) -> ManagementError:
    return ManagementError("other", details=details, reason=reason)


def not_found() -> Problem:
    """An unknown path (HTTP 404)."""
    return Problem(404, "Not Found", "The requested resource does not exist on this server.")


def unauthorized(realms: bool = True) -> Problem:
    headers = {"www-authenticate": 'Bearer realm="Stalwart Server", Basic realm="Stalwart Server"'} if realms else {}
    return Problem(401, "Unauthorized", "You have to authenticate first.", headers)


def forbidden() -> Problem:
    return Problem(403, "Forbidden", "You do not have enough permissions to access this resource.")


def token_required() -> Problem:
    return Problem(402, "TOTP code required", "A TOTP code is required to authenticate this account. Try authenticating again using 'secret$totp_token'.")


def over_tenant_quota() -> Problem:
    return Problem(403, "Tenant quota exceeded", "Your organization has exceeded its quota.")


def too_many_requests() -> Problem:
    return Problem(429, "Too Many Requests", "Your request has been rate limited. Please try again in a few seconds.")


def too_many_logins() -> Problem:
    return Problem(429, "Too Many Authentication Attempts", "Your request has been rate limited. Please try again in a few minutes.")


def bad_parameters(detail: str = "JSON deserialization failed") -> Problem:
    return Problem(400, "Invalid parameters", detail)


def internal() -> Problem:
    return Problem(
        500,
        "Internal Server Error",
        "There was a problem while processing your request. Please contact the system administrator if this problem persists.",
    )

"""Who asks, and what they may do: permissions, roles, logins."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import errors

FALLBACK_ADMIN_ID = 0xFFFFFFFF


@dataclass(slots=True)
class AccessToken:
    """The rights of one caller. ``principal_id`` is FALLBACK_ADMIN_ID for the fallback administrator."""

    principal_id: int
    name: str
    permissions: frozenset[str]
    tenant_id: int | None = None
    member_of: list[int] = field(default_factory=list)

    @property
    def is_fallback_admin(self) -> bool:
        return self.principal_id == FALLBACK_ADMIN_ID

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Raises Problem 403 where the permission is missing."""
        if permission not in self.permissions:
            raise errors.forbidden()

"""The internal directory: principals, their addresses and memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .state import Server


class Directory:
    def __init__(self, server: Server) -> None:
        self._server = server

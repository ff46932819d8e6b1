"""The settings: stored ones, and the copy that is live since the last reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .state import Version


class SettingsStore:
    """``stored`` is what the settings API reads and writes; ``live`` is what the server runs with."""

    def __init__(self, version: Version) -> None:
        self.stored: dict[str, str] = {"server.hostname": "mx.example.org"}
        self.live: dict[str, str] = dict(self.stored)

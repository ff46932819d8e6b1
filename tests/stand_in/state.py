"""The server as one object: what it is, and everything it keeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .directory import Directory
from .mail.queue import Queue
from .settings_store import SettingsStore

Version = tuple[int, int, int]


def parse_version(text: str) -> Version:
    """``0.15.5`` or ``v0.15.5`` as a tuple. Raises ValueError for anything else."""
    major, minor, patch = (int(part) for part in text.removeprefix("v").split("."))
    return major, minor, patch


@dataclass(slots=True)
class Ports:
    """Where the server listens; None for a listener that was not asked for."""

    http: int
    smtp: int | None = None
    submission: int | None = None


@dataclass
class Server:
    """All state of one stand-in server; nothing outlives it."""

    version: Version
    enterprise: bool = False
    ports: Ports = field(default_factory=lambda: Ports(http=0))
    now: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.settings = SettingsStore(self.version)
        self.directory = Directory(self)
        self.queue = Queue(self)

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))

    def at_least(self, major: int, minor: int, patch: int = 0) -> bool:
        return self.version >= (major, minor, patch)

    @property
    def hostname(self) -> str:
        """The name the running server goes by (of the last reload, not of the stored settings)."""
        return self.settings.live.get("server.hostname") or "localhost"

    async def start(self) -> None:
        await self.queue.start()

    async def stop(self) -> None:
        await self.queue.stop()

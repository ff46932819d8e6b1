"""The server as one object: what it is, and everything it keeps."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from .access import Access
from .certificates import Certificate, read_chain
from .config_values import is_off
from .directory import Directory
from .events import Events, MetricsStore
from .jmap.access import JmapAccess
from .jmap.directory import JmapDirectory
from .jmap.live import JmapSettings
from .jmap.service import Service
from .mail.queue import Queue
from .mail.reports import Reports
from .mail.resolver import Resolver
from .mail.smtp import Listeners
from .mail.storage import MailStore
from .oauth import OAuth
from .permissions import Permissions
from .settings_store import SettingsStore

Version = tuple[int, int, int]


def parse_version(text: str) -> Version:
    """``0.15.5`` or ``v0.15.5`` as a tuple. Raises ValueError for anything else."""
    major, minor, patch = (int(part) for part in text.removeprefix("v").split("."))
    if not (0, 13, 0) <= (major, minor, patch) < (0, 17, 0):
        raise ValueError(f"no server of version {text}")
    return major, minor, patch


@dataclass(slots=True)
class Ports:
    """Where the server listens; None for a listener that was not asked for."""

    http: int
    smtp: int | None = None
    submission: int | None = None


@dataclass
class Server:
    """All state of one stand-in server; nothing outlives it.

    ``certificate`` is the PEM text of the server's certificate chain, where it has one.
    """

    version: Version
    enterprise: bool = False
    ports: Ports = field(default_factory=lambda: Ports(http=0))
    certificate: str | None = None
    now: Callable[[], float] = time.time
    resolver: Resolver = field(default_factory=Resolver)

    def __post_init__(self) -> None:
        self.events = Events(self)
        self.metrics = MetricsStore()
        self.permissions = Permissions(self.version)
        self.settings = SettingsStore(self.version, self.ports)
        self.certificates: dict[str, list[Certificate]] = read_chain(self.certificate) if self.certificate else {}
        self._objects: Service | None = None
        if self.at_least(0, 16):
            self._objects = Service(self)
            self.settings = JmapSettings(self.objects, self.ports)
            self.directory: Directory = JmapDirectory(self, self.objects.store)
            self.access: Access = JmapAccess(self, self.objects)
        else:
            self.directory = Directory(self)
            self.access = Access(self)
        self.oauth = OAuth(self)
        self.mail = MailStore(self)
        self.reports = Reports(self)
        self.queue = Queue(self)
        self.listeners = Listeners(self)
        self._background: set[asyncio.Task[None]] = set()

    @property
    def objects(self) -> Service:
        """What servers from 0.16 on keep instead of principals and settings."""
        if self._objects is None:
            raise LookupError("servers before 0.16 have no objects")
        return self._objects

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))

    def at_least(self, major: int, minor: int, patch: int = 0) -> bool:
        return self.version >= (major, minor, patch)

    @property
    def hostname(self) -> str:
        """The name the running server goes by (of the last reload, not of the stored settings)."""
        return self.settings.live.get("server.hostname") or "localhost"

    def load_certificates(self) -> None:
        """Take in the stored certificates that can be read, by name. Those of before stay until the server ends."""
        stored = self.settings.list("certificate.", strip=True)
        for name in [key.removesuffix(".cert") for key in stored if key.endswith(".cert")]:
            try:
                chains = read_chain(stored[f"{name}.cert"], stored.get(f"{name}.private-key"))
            except ValueError:
                continue
            subjects = [value.strip() for key, value in stored.items() if key == f"{name}.subjects" or key.startswith(f"{name}.subjects.")]
            chain = next(iter(chains.values()), [])
            self.certificates |= chains | {subject.removeprefix("*."): chain for subject in subjects}
            if stored.get(f"{name}.default") == "true":
                self.certificates["*"] = chain

    def mta_sts_policy(self) -> str | None:
        """The id of the MTA-STS policy, a number that changes with it; None where the server publishes none."""
        live = self.settings.live
        mode = live.get("session.mta-sts.mode", "testing")
        hosts = sorted(live[key] for key in live if key == "session.mta-sts.mx" or key.startswith("session.mta-sts.mx."))
        hosts = hosts or sorted(name for name in self.certificates if name != "*" and not name.startswith(("mta-sts.", "autoconfig.", "autodiscover.")))
        if is_off(mode) or not hosts:
            return None
        digest = hashlib.sha256("\n".join([mode, live.get("session.mta-sts.max-age", "7d"), *hosts]).encode()).digest()
        return str(int.from_bytes(digest[:8], "big"))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the background, after the request that asked for it was answered."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def reload(self) -> None:
        """Make the stored settings live, as a reload without errors does; the caches of recipients start afresh."""
        if self._objects is not None:
            self._objects.apply()
        self.settings.apply()
        self.directory.cache.clear()
        self.access.reload()

    async def start(self) -> None:
        await self.queue.start()
        if self._objects is not None:
            self._objects.start()
        await self.listeners.start()

    async def stop(self) -> None:
        await self.listeners.stop()
        for task in self._background:
            task.cancel()
        await self.queue.stop()

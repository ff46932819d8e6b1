"""The settings: what is stored, in the local file or in the database, and the copy that the server runs with since its last reload."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from .config_values import Rate, duration, is_off, rate

if TYPE_CHECKING:
    from .state import Ports, Version

_DEFAULT_LOCAL_KEYS = (
    "store.*",
    "directory.*",
    "tracer.*",
    "!server.blocked-ip.*",
    "!server.allowed-ip.*",
    "server.*",
    "certificate.*",
    "config.local-keys.*",
    "authentication.fallback-admin.*",
    "cluster.*",
    "storage.data",
    "storage.blob",
    "storage.lookup",
    "storage.fts",
    "storage.directory",
    "enterprise.license-key",
)

_SCHEDULES = {
    "local": ("Local delivery schedule", ("2m", "5m", "10m", "15m", "30m", "1h", "2h"), {"expire-type": "ttl", "expire": "3d"}),
    "remote": ("Remote delivery schedule", ("2m", "5m", "10m", "15m", "30m", "1h", "2h"), {"expire-type": "ttl", "expire": "3d"}),
    "dsn": ("Delivery Status Notification delivery schedule", ("15m", "30m", "1h", "2h"), {"expire-type": "attempts", "max-attempts": "10"}),
    "report": ("DMARC and TLS report delivery schedule", ("30m", "1h", "2h"), {"expire-type": "attempts", "max-attempts": "8"}),
}

_DEFAULT_SETTINGS = {
    "queue.quota.size.messages": "100000",
    "queue.quota.size.size": "10737418240",
    "queue.quota.size.enable": "true",
    "queue.limiter.inbound.ip.key": "remote_ip",
    "queue.limiter.inbound.ip.rate": "5/1s",
    "queue.limiter.inbound.ip.enable": "true",
    "queue.limiter.inbound.sender.key.0": "sender_domain",
    "queue.limiter.inbound.sender.key.1": "rcpt",
    "queue.limiter.inbound.sender.rate": "25/1h",
    "queue.limiter.inbound.sender.enable": "true",
    "report.analysis.addresses": "postmaster@*",
    "queue.virtual.local.threads-per-node": "25",
    "queue.virtual.local.description": "Local delivery queue",
    "queue.virtual.remote.threads-per-node": "50",
    "queue.virtual.remote.description": "Remote delivery queue",
    "queue.virtual.dsn.threads-per-node": "5",
    "queue.virtual.dsn.description": "Delivery Status Notification delivery queue",
    "queue.virtual.report.threads-per-node": "5",
    "queue.virtual.report.description": "DMARC and TLS report delivery queue",
    "queue.tls.invalid-tls.allow-invalid-certs": "true",
    "queue.tls.invalid-tls.description": "Allow invalid TLS certificates",
    "queue.tls.default.allow-invalid-certs": "false",
    "queue.tls.default.description": "Default TLS settings",
    "queue.route.local.type": "local",
    "queue.route.local.description": "Local delivery route",
    "queue.route.mx.type": "mx",
    "queue.route.mx.limits.multihomed": "2",
    "queue.route.mx.limits.mx": "5",
    "queue.route.mx.ip-lookup": "ipv4_then_ipv6",
    "queue.route.mx.description": "MX delivery route",
    "queue.connection.default.timeout.connect": "5m",
    "queue.connection.default.description": "Default connection settings",
}


class Service(NamedTuple):
    """A listener, as DNS records and client configuration show it."""

    protocol: str
    port: int
    tls: bool


def default_settings() -> dict[str, str]:
    """What a fresh server puts into its database."""
    settings = dict(_DEFAULT_SETTINGS)
    for name, (description, retries, expiry) in _SCHEDULES.items():
        prefix = f"queue.schedule.{name}."
        settings |= {f"{prefix}queue-name": name, f"{prefix}description": description}
        settings |= {f"{prefix}retry.{place}": value for place, value in enumerate(retries)}
        settings |= {f"{prefix}{key}": value for key, value in expiry.items()}
        if "expire" in expiry:
            settings |= {f"{prefix}notify.0": "1d", f"{prefix}notify.1": "3d"}
    settings["oauth.key"] = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(64))
    return settings


def local_settings(ports: Ports) -> dict[str, str]:
    """What stands in the configuration file of a fresh server."""
    settings = {
        "server.hostname": "mx.example.org",
        "server.listener.http.bind": f"127.0.0.1:{ports.http}",
        "server.listener.http.protocol": "http",
        "storage.data": "sqlite",
        "storage.fts": "sqlite",
        "storage.blob": "sqlite",
        "storage.lookup": "sqlite",
        "storage.directory": "internal",
        "store.sqlite.type": "sqlite",
        "store.sqlite.path": "/opt/stalwart/data/store.sqlite",
        "directory.internal.type": "internal",
        "directory.internal.store": "sqlite",
        "tracer.log.type": "log",
        "tracer.log.level": "info",
        "tracer.log.path": "/opt/stalwart/logs",
        "tracer.log.prefix": "stalwart.log",
        "tracer.log.rotate": "daily",
        "tracer.log.ansi": "false",
        "tracer.log.enable": "true",
        "authentication.fallback-admin.user": "admin",
        "authentication.fallback-admin.secret": "secret-admin",
    }
    for name, protocol, port, tls in (
        ("smtp", "smtp", 25, False),
        ("submission", "smtp", 587, False),
        ("submissions", "smtp", 465, True),
        ("imaptls", "imap", 993, True),
        ("pop3s", "pop3", 995, True),
        ("https", "http", 443, True),
    ):
        settings[f"server.listener.{name}.bind"] = f"[::]:{port}"
        settings[f"server.listener.{name}.protocol"] = protocol
        if tls:
            settings[f"server.listener.{name}.tls.implicit"] = "true"
    return settings


class LocalKeys:
    """Which keys live in the configuration file: patterns, some with ``!`` for those that don't."""

    def __init__(self, settings: dict[str, str]) -> None:
        own = [settings[key].strip() for key in sorted(settings) if key.startswith("config.local-keys")]
        patterns = [pattern for pattern in own if pattern.removeprefix("!").strip()]
        if patterns:
            patterns.append("config.local-keys.*")
        self._excluded = [pattern[1:].strip().lower() for pattern in patterns or _DEFAULT_LOCAL_KEYS if pattern.startswith("!")]
        self._included = [pattern.lower() for pattern in patterns or _DEFAULT_LOCAL_KEYS if not pattern.startswith("!")]

    def __contains__(self, key: str) -> bool:
        return any(_matches(pattern, key) for pattern in self._included) and not any(_matches(pattern, key) for pattern in self._excluded)


def _matches(pattern: str, key: str) -> bool:
    if "*" not in pattern:
        return pattern == key
    stem = pattern[:-1]
    return key.startswith(stem) if pattern.endswith("*") and "*" not in stem else fnmatchcase(key, pattern.replace("[", "[[]"))


class SettingsStore:
    """``get``, ``list``, ``put`` and the clearing ones work on what is stored; ``live`` is what the server runs with."""

    def __init__(self, version: Version, ports: Ports) -> None:
        self.version = version
        self._local = local_settings(ports)
        self._database = default_settings()
        self.local_keys = LocalKeys(self._local)
        self.live: dict[str, str] = self.all()

    # stored

    def all(self) -> dict[str, str]:
        """Everything stored, by key; the local file wins."""
        return self.list("", strip=False)

    def get(self, key: str) -> str | None:
        return self._local.get(key, self._database.get(key))

    def list(self, prefix: str, strip: bool) -> dict[str, str]:
        """The keys that begin with ``prefix`` (as text), in order, with or without it."""
        start = len(prefix) if strip else 0
        found = {key[start:]: value for key, value in self._database.items() if key.startswith(prefix) and key not in self.local_keys}
        found |= {key[start:]: value for key, value in self._local.items() if key.startswith(prefix)}
        return dict(sorted(found.items()))

    def put(self, values: Iterable[tuple[str, str]]) -> None:
        for key, value in values:
            (self._local if key in self.local_keys else self._database)[key] = value

    def clear(self, key: str) -> None:
        (self._local if key in self.local_keys else self._database).pop(key, None)

    def clear_prefix(self, prefix: str) -> None:
        """Drops every key that begins with the text ``prefix``, also ``queue.test2`` for ``queue.test``."""
        for kept in (self._local, self._database):
            for key in [key for key in kept if key.startswith(prefix)]:
                del kept[key]

    def services(self) -> Sequence[Service]:
        """The stored listeners, sorted by protocol, with TLS first, then by port."""
        listeners = self.list("server.listener.", strip=True)
        found = []
        for key, protocol in listeners.items():
            if not key.endswith(".protocol"):
                continue
            name = key.removesuffix("protocol")
            binds = [value for other, value in listeners.items() if other == f"{name}bind" or other.startswith(f"{name}bind.")]
            _, colon, port = (binds[0] if binds else "").rpartition(":")
            if colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536:
                found.append(Service(protocol, int(port), listeners.get(f"{name}tls.implicit") == "true"))
        return sorted(found, key=lambda service: (service.protocol, not service.tls, service.port))

    # live

    def apply(self) -> None:
        """What is stored becomes live (a reload without errors)."""
        self.live = self.all()
        self.local_keys = LocalKeys(self.live)

    def sign(self) -> None:
        """Where keys do not wait for a reload: make them live."""

    def live_seconds(self, key: str, default: int) -> int:
        """A live duration in seconds."""
        value = self.live.get(key)
        return duration(value) // 1000 if value is not None else default

    def live_rate(self, key: str, default: str) -> Rate | None:
        """A live rate, None where it is switched off."""
        value = self.live.get(key, default)
        return None if is_off(value) else rate(value)

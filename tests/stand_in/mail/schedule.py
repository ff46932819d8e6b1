"""Which queue a recipient goes into, when it is tried again, when the sender is told, when it is given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .. import config_values
from ..expressions import IfBlock, Scope, text

DEFAULT_QUEUE = "default"
NEVER = 10_000 * 86_400
QUEUE_NAME_BYTES = 8


def seconds(duration: str) -> int | None:
    """Whole seconds of a setting like ``2m``, ``1d`` or ``500ms``; None for what is none."""
    try:
        return config_values.duration(duration) // 1000
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Expiry:
    """After ``ttl`` seconds, or after so many ``attempts``: one of the two."""

    ttl: int | None = None
    attempts: int = 0

    def at(self, created: int) -> int | None:
        return None if self.ttl is None else created + self.ttl


@dataclass(frozen=True, slots=True)
class Strategy:
    """One ``queue.schedule.ID``: seconds between attempts and until notices."""

    retry: tuple[int, ...]
    notify: tuple[int, ...]
    expiry: Expiry
    queue: str

    def retry_after(self, attempts: int) -> int:
        return self.retry[min(attempts, len(self.retry) - 1)]


# What a server without settings of its own goes by.
_BUILT_IN = Strategy((120, 300, 600, 900, 1800, 3600, 7200), (86_400, 259_200), Expiry(5 * 86_400), DEFAULT_QUEUE)

_SCHEDULE = IfBlock.of(
    "'remote'",
    ("is_local_domain('*', rcpt_domain)", "'local'"),
    ("source == 'dsn'", "'dsn'"),
    ("source == 'report'", "'report'"),
)
_ROUTE = IfBlock.of("'mx'", ("is_local_domain('*', rcpt_domain)", "'local'"))


def elements(settings: Mapping[str, str], key: str) -> list[str]:
    """The elements of a list setting (``key.0``, ``key.0000``, or one value under ``key``)."""
    return [settings[name] for name in sorted(settings) if name == key or name.startswith(key + ".")]


def _durations(settings: Mapping[str, str], key: str) -> tuple[int, ...]:
    return tuple(value for value in map(seconds, elements(settings, key)) if value is not None)


def read_strategy(settings: Mapping[str, str], name: str) -> Strategy:
    """The strategy with this id; the built-in one where the settings have none, or a broken one."""
    prefix = f"queue.schedule.{name}."
    if not any(key.startswith(prefix) for key in settings):
        return _BUILT_IN
    queue = settings.get(prefix + "queue-name", DEFAULT_QUEUE)
    expire, attempts = seconds(settings.get(prefix + "expire", "")), settings.get(prefix + "max-attempts", "")
    known = queue == DEFAULT_QUEUE or f"queue.virtual.{queue}.threads-per-node" in settings
    if not known or len(queue.encode()) > QUEUE_NAME_BYTES or (expire is not None and attempts.isdecimal()):
        return _BUILT_IN
    expiry = Expiry(expire) if expire is not None else Expiry(attempts=int(attempts)) if attempts.isdecimal() else Expiry(3 * 86_400)
    return Strategy(_durations(settings, prefix + "retry") or (3600,), _durations(settings, prefix + "notify") or (NEVER,), expiry, queue)


def strategy(settings: Mapping[str, str], scope: Scope) -> Strategy:
    """What ``queue.strategy.schedule`` says for a recipient."""
    return read_strategy(settings, text(IfBlock.live(settings, "queue.strategy.schedule", _SCHEDULE).evaluate(scope)))


@dataclass(frozen=True, slots=True)
class Route:
    """One ``queue.route.ID``: into the mailboxes here, to the domain's mail servers, or to a relay."""

    kind: str
    host: str = ""
    port: int = 25
    implicit_tls: bool = True
    allow_invalid_certificates: bool = False
    username: str = ""
    secret: str = ""


def route(settings: Mapping[str, str], scope: Scope) -> Route:
    """What ``queue.strategy.route`` says for a recipient."""
    name = text(IfBlock.live(settings, "queue.strategy.route", _ROUTE).evaluate(scope))
    prefix = f"queue.route.{name}."
    kind = settings.get(prefix + "type", name)
    if kind == "relay" and (host := settings.get(prefix + "address")):
        port = settings.get(prefix + "port", "")
        return Route(
            "relay",
            host,
            int(port) if port.isdecimal() else 25,
            settings.get(prefix + "tls.implicit", "true") == "true",
            settings.get(prefix + "tls.allow-invalid-certs", "false") == "true",
            settings.get(prefix + "auth.username", ""),
            settings.get(prefix + "auth.secret", ""),
        )
    return Route("local" if kind == "local" else "mx")

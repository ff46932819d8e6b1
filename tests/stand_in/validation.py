"""What a reload finds wrong in the settings. It looks in three rounds, and a round with errors is the last one."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .certificates import read_chain
from .config_values import boolean, cron, duration, integer, is_off, number, rate
from .expression_check import check_block
from .validation_tables import EXPRESSIONS, NODE_LISTS, PLAIN, PLAIN_SINCE_0_15, PLAIN_UP_TO_0_14
from .values import quoted

if TYPE_CHECKING:
    from .state import Server

Reader = Callable[[str], Any]

_HOST_NAMES = next(names for names, keys in EXPRESSIONS if "queue.strategy.tls" in keys)
_RECIPIENT_NAMES = next(names for names, keys in EXPRESSIONS if "session.rcpt.relay" in keys)
_LIMITER_KEYS = frozenset("rcpt rcpt_domain sender sender_domain authenticated_as listener mx remote_ip local_ip helo_domain".split())
_MACRO = re.compile(r"%\{(env|file|cfg):(.*?)\}%", re.DOTALL)


@dataclass(slots=True)
class Report:
    """Findings by key: ``{"type": …, "error": …}``. ``built``: the server got as far as certificates, blocked addresses and listeners."""

    warnings: dict[str, dict[str, str]] = field(default_factory=dict)
    errors: dict[str, dict[str, str]] = field(default_factory=dict)
    built: bool = False


def optional(read: Reader) -> Reader:
    """A reader of values that may be switched off."""
    return lambda text: None if is_off(text) else read(text)


def one_of(sentence: str, *words: str) -> Reader:
    """A reader of a few words; ``sentence`` names the value where ``{}`` stands."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(sentence.format(quoted(text)))
        return text

    return read


READERS: dict[str, Reader] = {
    "boolean": boolean,
    "integer": integer,
    "optional integer": optional(integer),
    "number": number,
    "duration": duration,
    "optional duration": optional(duration),
    "optional rate": optional(rate),
    "cron": cron,
}


def _small(text: str) -> int:
    return integer(text, 32)


def _address(text: str) -> Any:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"Invalid IP address value {quoted(text)}.") from None


def _network_or_address(text: str) -> Any:
    return _network(text) if "/" in text else _address(text)


def _network(text: str) -> Any:
    address, slash, mask = text.rpartition("/")
    try:
        found = ipaddress.ip_address((address if slash else text).strip())
        if not slash or (re.fullmatch(r"\+?[0-9]+", mask.strip()) and 8 <= int(mask) <= found.max_prefixlen):
            return found
    except ValueError:
        pass
    raise ValueError(f"Invalid IP address {quoted(text)}")


def _socket_address(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:]+)):(?P<port>[0-9]{1,5})", text)
    try:
        if found and int(found["port"]) < 65536:
            host = ipaddress.IPv6Address(found["six"]) if found["six"] else ipaddress.IPv4Address(found["four"])
            return str(host), int(found["port"])
    except ValueError:
        pass
    raise ValueError(f"Invalid socket address {quoted(text)}.")


def _protocol(text: str) -> str:
    if text.lower() not in ("smtp", "lmtp", "imap", "http", "https", "managesieve", "pop3"):
        raise ValueError(f"Invalid server protocol type {quoted(text)}.")
    return text.lower()


def _ip_lookup(text: str) -> str:
    if text.lower() not in ("ipv4_only", "ipv6_only", "ipv6_then_ipv4", "ipv4_then_ipv6"):
        raise ValueError(f"Invalid IP lookup strategy {quoted(text)}.")
    return text


def _nodes(text: str) -> list[int]:
    found = []
    for part in text.split(","):
        word = part.strip()
        if not word:
            raise ValueError("cannot parse integer from empty string")
        if not re.fullmatch(r"\+?[0-9]+", word):
            raise ValueError("invalid digit found in string")
        found.append(int(word))
    return found


_tls_option = one_of("Invalid TLS option value {}.", "optional", "require", "required", "disable", "disabled", "none", "false")


class Config:
    """The settings while they are read, and what was found wrong so far."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.settings = dict(sorted(settings.items()))
        self.report = Report()

    def error(self, key: str, message: str, kind: str = "parse") -> None:
        self.report.errors[key] = {"type": kind, "error": message}

    def warning(self, key: str, message: str, kind: str = "parse") -> None:
        self.report.warnings[key] = {"type": kind, "error": message}

    def read(self, key: str, reader: Reader) -> Any:
        """The value, None where it is missing or can't be read."""
        value = self.settings.get(key)
        if value is None:
            return None
        try:
            return reader(value)
        except ValueError as error:
            self.error(key, str(error))
            return None

    def read_own_or(self, key: str, common: str, reader: Reader) -> None:
        """The value of ``key``, else that of ``common``; an error stands under ``key`` either way."""
        value = self.settings.get(key, self.settings.get(common))
        if value is not None:
            try:
                reader(value)
            except ValueError as error:
                self.error(key, str(error))

    def require(self, key: str, reader: Reader) -> Any:
        if key not in self.settings:
            self.error(key, "Missing property")
        return self.read(key, reader)

    def read_all(self, prefix: str, reader: Reader) -> list[Any]:
        """The values of ``PREFIX`` and ``PREFIX.…``."""
        found = [self.read(key, reader) for key in self.settings if key == prefix or key.startswith(f"{prefix}.")]
        return [value for value in found if value is not None]

    def values(self, prefix: str) -> Iterator[tuple[str, str]]:
        return ((key, value) for key, value in self.settings.items() if key == prefix or key.startswith(f"{prefix}."))

    def names(self, prefix: str, *suffixes: str) -> list[str]:
        """What stands between ``PREFIX.`` and one of the suffixes; without a suffix, up to the next dot."""
        found: list[str] = []
        for key in self.settings:
            if not key.startswith(f"{prefix}."):
                continue
            rest = key.removeprefix(f"{prefix}.")
            name: str | None = rest.split(".", 1)[0]
            if suffixes:
                name = next((rest.removesuffix(suffix) for suffix in suffixes if rest.endswith(suffix)), None)
            if name is not None and name not in found[-1:]:
                found.append(name)
        return found

    def expression(self, key: str, names: frozenset[str]) -> None:
        for wrong, message in check_block(self.settings, key, names).items():
            self.error(wrong, message)


def check(settings: dict[str, str], server: Server) -> Report:
    """What a reload of these settings reports."""
    config = Config(settings)
    for look in (_first_round, _second_round, _third_round):
        config.report.built = look is _third_round
        look(config, server)
        if config.report.errors:
            break
    return config.report


def check_lookups(settings: dict[str, str]) -> Report:
    """What a reload of the lookup lists alone reports."""
    config = Config(settings)
    _lookups(config)
    return config.report


def check_certificates(settings: dict[str, str]) -> Report:
    config = Config(settings)
    _certificates(config)
    return config.report


def check_blocked(settings: dict[str, str]) -> Report:
    config = Config(settings)
    _addresses(config, "server.blocked-ip")
    return config.report


# --- first round: macros, stores, lookup lists, tracers ------------------------


def _first_round(config: Config, server: Server) -> None:
    _macros(config, server)
    for name in config.names("store", ".type"):
        kind = config.settings[f"store.{name}.type"].lower()
        if kind not in _STORES:
            config.warning(f"store.{name}.type", f"Unknown directory type: {quoted(kind)}")
    _lookups(config)
    for name in config.names("tracer", ".type"):
        _tracer(config, f"tracer.{name}")
    for name in config.names("http-lookup", ".url"):
        _remote_list(config, f"http-lookup.{name}")
    for name in config.names("webhook", ".url"):
        if not list(config.values(f"webhook.{name}.events")) and config.read(f"webhook.{name}.enable", boolean) is not False:
            config.warning(f"webhook.{name}", "No events enabled for webhook", "build")
    for key, value in config.values("metrics.disabled-events"):
        if not re.fullmatch(r"\*|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9.-]+\*", value):
            config.error(key, f"Unknown event type: {value}")


_STORES = frozenset(
    """
    rocksdb foundationdb postgresql mysql sqlite fs s3 elasticsearch meilisearch redis nats zenoh kafka sql-read-replica distributed-blob
    sharded-blob sharded-in-memory azure
    """.split()
)


def _macros(config: Config, server: Server) -> None:
    """``%{env:…}%``, ``%{file:…}%`` and ``%{cfg:…}%``: only in keys of the local file."""
    for key, value in list(config.settings.items()):
        if key not in server.settings.local_keys:
            continue
        for kind, place in _MACRO.findall(value):
            if kind == "cfg" and place not in config.settings:
                config.error(key, f"Unknown key {quoted(place)}", "macro")
            elif kind == "env" and place not in os.environ:
                config.error(key, f"Failed to obtain environment variable {quoted(place)}", "macro")
            elif kind == "file" and not os.path.exists(place.removeprefix("//")):
                config.error(key, f"Failed to read file {quoted(place.removeprefix('//'))}: No such file or directory (os error 2)", "macro")


def _lookups(config: Config) -> None:
    for key in config.settings:
        if key.startswith("lookup."):
            name, dot, item = key.removeprefix("lookup.").partition(".")
            if not (name and dot and item):
                config.error(key.removeprefix("lookup."), "Invalid lookup key format")


def _remote_list(config: Config, prefix: str) -> None:
    if config.read(f"{prefix}.enable", boolean) is False:
        return
    kind = config.require(f"{prefix}.format", str) or ""
    if kind not in ("list", "csv"):
        config.error(f"{prefix}.format", f"Invalid format: {quoted(kind)}", "build")
        return
    if kind == "csv":
        config.require(f"{prefix}.index.key", integer)
        config.read(f"{prefix}.index.value", integer)
        config.read(f"{prefix}.skip-first", boolean)
    for option in ("retry", "refresh", "timeout"):
        config.read(f"{prefix}.{option}", duration)
    config.read(f"{prefix}.gzipped", boolean)
    for option in ("size", "entries", "entry-size"):
        config.read(f"{prefix}.limits.{option}", integer)


def _tracer(config: Config, prefix: str) -> None:
    if config.read(f"{prefix}.enable", boolean) is False:
        return
    match config.settings[f"{prefix}.type"]:
        case "log":
            config.require(f"{prefix}.path", str)
            if f"{prefix}.path" in config.settings:
                words = ("daily", "hourly", "minutely", "never")
                rotate = config.settings.get(f"{prefix}.rotate", "daily")
                if rotate not in words:
                    config.error(f"{prefix}.rotate", f"Invalid rotation strategy: {rotate}")
                config.read(f"{prefix}.ansi", boolean)
                config.read(f"{prefix}.multiline", boolean)
        case "console" | "stdout" | "stderr":
            for name in ("ansi", "multiline", "buffered"):
                config.read(f"{prefix}.{name}", boolean)
        case "otel" | "open-telemetry":
            transport = config.settings.get(f"{prefix}.transport", "")
            if transport not in ("grpc", "http"):
                config.error(f"{prefix}.transport", f"Invalid transport: {transport}")
        case "journal":
            config.error(f"{prefix}.type", "Failed to create journald subscriber: No such file or directory (os error 2)", "build")
        case other:
            config.error(f"{prefix}.type", f"Unknown tracer type: {other}")
    level = config.settings.get(f"{prefix}.level")
    if level is not None and level.lower() not in ("disable", "trace", "debug", "info", "warn", "error"):
        config.error(f"{prefix}.level", f"Invalid log level: {level}")


# --- second round: everything the running server is made of --------------------


def _second_round(config: Config, server: Server) -> None:
    since_0_15 = server.at_least(0, 15)
    _storage(config)
    for table in (PLAIN, PLAIN_SINCE_0_15 if since_0_15 else PLAIN_UP_TO_0_14):
        for kind, keys in table.items():
            for key in keys:
                config.read(key, READERS[kind])
    for names, keys in EXPRESSIONS:
        for key in keys:
            config.expression(key, names)
    for key in NODE_LISTS if since_0_15 else ():
        config.read_all(key, _nodes)
    _words(config, since_0_15)
    _hooks(config)
    _queue(config)
    _addresses(config, "server.allowed-ip")
    _addresses(config, "server.blocked-ip")


def _storage(config: Config) -> None:
    stores = {name for name in config.names("store", ".type") if config.settings[f"store.{name}.type"].lower() in _STORES}
    kinds = {"data": "Data store", "blob": "Blob store", "lookup": "In-memory store", "fts": "Full-text store"}
    missing = False
    for name, words in kinds.items():
        found = config.require(f"storage.{name}", str)
        if found is not None and found not in stores:
            config.error(f"storage.{name}", f"{words} {quoted(found)} not found")
        missing = missing or found not in stores
    directories = set()
    for name in config.names("directory", ".type"):
        kind = config.settings[f"directory.{name}.type"]
        if kind not in ("internal", "ldap", "sql", "imap", "smtp", "lmtp", "memory", "oidc"):
            config.error(f"directory.{name}.type", f"Unknown directory type: {quoted(kind)}")
            continue
        if kind == "internal":
            store = config.require(f"directory.{name}.store", str)
            if store is None:
                continue
            if store not in stores:
                config.error(f"directory.{name}.store", "Store does not exist")
                continue
        directories.add(name)
    chosen = config.require("storage.directory", str)
    if chosen is not None and chosen not in directories:
        config.error("storage.directory", f"Directory {quoted(chosen)} not found")
    coordinator = config.settings.get("cluster.coordinator")
    if coordinator is not None and config.settings.get(f"store.{coordinator}.type") not in ("redis", "nats", "zenoh", "kafka"):
        config.error("cluster.coordinator", f"Coordinator backend {quoted(coordinator)} not found")
    if missing:
        config.error("storage.*", "One or more stores are missing, disabling all stores", "build")


def _headers(config: Config, prefix: str) -> None:
    for _, value in config.values(prefix):
        name, colon, _ = value.partition(":")
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name.strip()):
            reason = "invalid HTTP header name" if colon else value
            config.error(prefix, f'Invalid header found in property "{prefix}": {reason}')
            return
        if not colon:
            config.error(prefix, f'Invalid header found in property "{prefix}": {value}')
            return


def _asn(config: Config) -> None:
    match config.settings.get("asn.type"):
        case None | "disable" | "disabled" | "none" | "false":
            pass
        case "dns":
            for key in ("asn.zone.ipv4", "asn.zone.ipv6", "asn.separator"):
                if not config.settings.get(key, "").strip():
                    config.error(key, "Missing property")
                    return
            config.require("asn.index.asn", integer)
        case "resource":
            if not list(config.values("asn.urls.asn")) and not list(config.values("asn.urls.geo")):
                config.error("asn.urls", "No resources found", "build")
        case _:
            config.error("asn.type", "Invalid value", "build")


def _hooks(config: Config) -> None:
    """Milters, hooks and certificate authorities."""
    for name in config.names("session.milter", ".hostname"):
        prefix = f"session.milter.{name}"
        if config.require(f"{prefix}.port", lambda text: integer(text, 16)) is None:
            continue
        config.expression(f"{prefix}.enable", _RECIPIENT_NAMES)
        for step in ("connect", "command", "data"):
            config.read(f"{prefix}.timeout.{step}", duration)
        for option in ("tls", "allow-invalid-certs", "options.tempfail-on-error"):
            config.read(f"{prefix}.{option}", boolean)
    for name in config.names("session.hook", ".url"):
        prefix = f"session.hook.{name}"
        _headers(config, f"{prefix}.headers")
        config.expression(f"{prefix}.enable", _RECIPIENT_NAMES)
        config.read(f"{prefix}.timeout", duration)
        for option in ("allow-invalid-certs", "options.tempfail-on-error"):
            config.read(f"{prefix}.{option}", boolean)
    for name in config.names("acme", ".directory"):
        prefix = f"acme.{name}"
        config.read(f"{prefix}.renew-before", duration)
        if not config.settings[f"{prefix}.directory"].strip():
            config.error(f"{prefix}.directory", "Missing property")
        elif not any(value.strip() for _, value in config.values(f"{prefix}.contact")):
            config.error(f"{prefix}.contact", "Missing property")
        elif config.settings.get(f"{prefix}.challenge", "tls-alpn-01") not in ("tls-alpn-01", "http-01", "dns-01"):
            config.error(f"{prefix}.challenge", "Invalid challenge type")


def _words(config: Config, since_0_15: bool) -> None:
    """Settings that take a few words."""
    for key in ("session.rcpt.catch-all", "session.rcpt.sub-addressing"):
        if key in config.settings:
            config.read(key, one_of("Invalid value for address mapping {}", "true", "false"))
        else:
            config.expression(key, frozenset({"address", "email", "rcpt"}))
    config.read("session.mta-sts.mode", optional(one_of("Invalid mode value {}", "enforce", "testing", "test", "none")))
    algorithm = config.settings.get("oauth.oidc.signature-algorithm")
    if algorithm is not None and re.fullmatch(r"(RS|PS)(256|384|512)|ES(256|384)", algorithm.upper()):
        config.require("oauth.oidc.signature-key", str)
    elif algorithm is not None and not re.fullmatch(r"(HS|RS|PS)(256|384|512)|ES(256|384)", algorithm.upper()):
        config.error("oauth.oidc.signature-algorithm", f"Invalid OIDC signature algorithm: {algorithm}")
    transport = config.settings.get("metrics.open-telemetry.transport")
    if transport not in (None, "grpc", "http", "disable"):
        config.error("metrics.open-telemetry.transport", f"Invalid transport: {transport}")
    _asn(config)
    model = config.settings.get("spam-filter.classifier.model")
    if since_0_15 and model not in (None, "ftrl-fh", "ftrl-ccfh", "disabled", "disable"):
        config.error("spam-filter.classifier.model", f"Invalid model type: {model}", "build")
    resolver = config.settings.get("resolver.type", "system")
    if resolver == "custom" and not list(config.values("resolver.custom")):
        config.error("resolver.custom", "At least one custom resolver must be specified.")
    elif resolver not in ("cloudflare", "cloudflare-tls", "quad9", "quad9-tls", "google", "system", "custom"):
        config.error("resolver.custom", f"Unknown resolver type {quoted(resolver)}.")
    for key, value in config.values("report.analysis.addresses"):
        if "@" not in value and not (len(value) > 1 and (value.startswith("*") or value.endswith("*"))):
            config.error(key, f"Invalid address match value {quoted(value)}.")
    _headers(config, "http.headers")
    form = config.settings.get("form.enable") == "true"
    config.read("form.max-size", integer) if form else None
    config.read("form.rate-limit", optional(rate)) if form else None
    if form and not any("@" in value for _, value in config.values("form.deliver-to")):
        config.error("form.deliver-to", "No valid email addresses found", "build")


def _addresses(config: Config, prefix: str) -> None:
    """Addresses and networks are the ends of the keys themselves; an error stands under the prefix alone."""
    for key in config.settings:
        if key.startswith(f"{prefix}."):
            try:
                _network_or_address(key.removeprefix(f"{prefix}."))
            except ValueError as error:
                config.error(prefix, str(error))


def _queue(config: Config) -> None:
    queues = {"default"}
    for name in config.names("queue.virtual", ".threads-per-node"):
        if 1 <= len(name.encode()) <= 8:
            config.require(f"queue.virtual.{name}.threads-per-node", integer)
            queues.add(name)
        else:
            message = f"Invalid virtual queue name: {quoted(name)}. Must be 1-8 bytes long."
            config.error(f"queue.virtual.{name}.threads-per-node", message)
    for name in config.names("queue.schedule", ".queue-name", ".retry", ".notify", ".expire", ".max-attempts"):
        _schedule(config, f"queue.schedule.{name}", queues)
    for name in config.names("queue.connection", *(f".timeout.{step}" for step in _STEPS), ".ehlo-hostname"):
        config.read_all(f"queue.connection.{name}.source-ips", _address)
        for step in _STEPS:
            config.read(f"queue.connection.{name}.timeout.{step}", duration)
    for name in config.names("queue.route", ".type"):
        _route(config, f"queue.route.{name}")
    for name in config.names("queue.tls", ".allow-invalid-certs", ".dane", ".starttls", ".timeout.tls", ".timeout.mta-sts"):
        for option in ("dane", "mta-sts", "starttls"):
            config.read(f"queue.tls.{name}.{option}", _tls_option)
        config.read(f"queue.tls.{name}.allow-invalid-certs", boolean)
        for step in ("tls", "mta-sts"):
            config.read(f"queue.tls.{name}.timeout.{step}", duration)
    for direction, names, unknown in (
        ("inbound", _RECIPIENT_NAMES, ("mx",)),
        ("outbound", _HOST_NAMES, ("rcpt", "authenticated_as", "listener", "helo_domain")),
    ):
        for name in config.names(f"queue.limiter.{direction}"):
            _limiter(config, f"queue.limiter.{direction}.{name}", names, unknown)
    for name in config.names("queue.quota"):
        _quota(config, f"queue.quota.{name}")


_STEPS = ("connect", "greeting", "ehlo", "mail-from", "rcpt-to", "data")


def _schedule(config: Config, prefix: str, queues: set[str]) -> None:
    def queue_name(text: str) -> str:
        if not 1 <= len(text.encode()) <= 8:
            raise ValueError(f"Queue name '{text}' is too long. Maximum length is 8 bytes.")
        return text

    queue = config.require(f"{prefix}.queue-name", queue_name) or "default"
    if queue not in queues:
        config.error(f"{prefix}.queue-name", f"Virtual queue '{queue}' does not exist.")
        return
    retries = config.read_all(f"{prefix}.retry", duration)
    config.read_all(f"{prefix}.notify", duration)
    if not retries:
        config.error(f"{prefix}.retry", "At least one 'retry' duration must be specified.")
    expire, attempts = config.read(f"{prefix}.expire", duration), config.read(f"{prefix}.max-attempts", _small)
    if expire is not None and attempts is not None:
        config.error(f"{prefix}.expire", "Cannot specify both 'expire' and 'max-attempts'.")


def _route(config: Config, prefix: str) -> None:
    kind = config.settings[f"{prefix}.type"].strip()
    match kind:
        case "relay":
            if config.require(f"{prefix}.address", str) is not None:
                config.require(f"{prefix}.port", lambda text: integer(text, 16))
                config.require(f"{prefix}.protocol", _protocol)
                config.read(f"{prefix}.tls.implicit", boolean)
                config.read(f"{prefix}.tls.allow-invalid-certs", boolean)
        case "local":
            pass
        case "mx":
            config.read(f"{prefix}.limits.mx", integer)
            config.read(f"{prefix}.limits.multihomed", integer)
            config.read(f"{prefix}.ip-lookup", _ip_lookup)
        case "":
            config.error(f"{prefix}.type", "Missing property")
        case _:
            config.error(f"{prefix}.type", f"Invalid route type: {quoted(kind)}. Expected 'relay', 'local', or 'mx'.")


def _limiter_keys(config: Config, prefix: str, unknown: Iterable[str], what: str) -> None:
    for key, value in config.values(f"{prefix}.key"):
        if value not in _LIMITER_KEYS:
            config.error(key, f"Invalid THROTTLE key {quoted(value)}")
        elif value in unknown:
            config.error(key, f"{what} key {quoted(value)} is not available in this context", "build")


def _limiter(config: Config, prefix: str, names: frozenset[str], unknown: Iterable[str]) -> None:
    if config.read(f"{prefix}.enable", boolean) is False:
        return
    _limiter_keys(config, prefix, unknown, "Rate limiter")
    if f"{prefix}.match" in config.settings:
        config.expression(f"{prefix}.match", names)
    config.require(f"{prefix}.rate", rate)


def _quota(config: Config, prefix: str) -> None:
    if config.read(f"{prefix}.enable", boolean) is False:
        return
    _limiter_keys(config, prefix, _LIMITER_KEYS - {"rcpt", "rcpt_domain", "sender", "sender_domain"}, "Quota")
    if f"{prefix}.match" in config.settings:
        config.expression(f"{prefix}.match", _HOST_NAMES)
    limits = [config.read(f"{prefix}.{name}", optional(integer)) for name in ("size", "messages")]
    if not any(limits):
        config.error(prefix, "Queue quota needs to define a valid 'size' and/or 'messages' property.")


# --- third round: certificates and listeners -----------------------------------


def _third_round(config: Config, _: Server) -> None:
    _certificates(config)
    for name in config.names("server.listener", ".protocol"):
        _listener(config, f"server.listener.{name}")


def _certificates(config: Config) -> None:
    for name in config.names("certificate", ".cert"):
        prefix = f"certificate.{name}"
        chain, key = config.require(f"{prefix}.cert", str), config.require(f"{prefix}.private-key", str)
        if chain is None or key is None:
            continue
        try:
            read_chain(chain)
        except ValueError:
            words = "No certificates found."
            if "-----BEGIN CERTIFICATE-----" in chain:
                words = "Failed to parse end entity cert: Parsing Error: Der(UnexpectedTag { expected: Some(Tag(16)), actual: Tag(0) })"
                if "-----END CERTIFICATE-----" not in chain:
                    words = 'Failed to read certificates: section end "CERTIFICATE" missing'
            config.error(prefix, words, "build")
            continue
        try:
            load_pem_private_key(key.encode(), None)
        except (ValueError, TypeError):
            config.error(prefix, "No private keys found.", "build")
            continue
        config.read(f"{prefix}.default", boolean)


def _listener(config: Config, prefix: str) -> None:
    if config.require(f"{prefix}.protocol", _protocol) is None:
        return
    if not config.read_all(f"{prefix}.bind", _socket_address):
        config.error(prefix, "No 'bind' directive found for listener", "build")
        return
    for option, reader in (("ttl", optional(_small)), ("backlog", optional(_small)), ("linger", optional(duration)), ("nodelay", boolean)):
        config.read_own_or(f"{prefix}.socket.{option}", f"server.socket.{option}", reader)
    own = [key for key, _ in config.values(f"{prefix}.proxy.trusted-networks")]
    config.read_all(f"{prefix}.proxy.trusted-networks" if own else "server.proxy.trusted-networks", _network)
    config.read_own_or(f"{prefix}.max-connections", "server.max-connections", integer)
    for option in ("tls.enable", "tls.implicit"):
        config.read(f"{prefix}.{option}", boolean)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server's baseline in readable words, as settings of either generation, and those of servers up to 0.15 that stand in their own file config.toml.

Keys and their meaning: crates/common/src/config and crates/utils/src/config of 0.15.5; the names since 0.16 are those of the server's schema.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import typing as t

from .._deps import BeforeValidator, Field
from .._errors import InvalidOption
from ._options import Item, Options, Size, one_or_more, read
from .settings.moved import MOVED, of_generation
from .settings.tree import Value, flatten, join

Tree = dict[str, t.Any]

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"

_Items = t.Annotated[tuple[Item, ...], BeforeValidator(one_or_more)]


def _record_name(value: t.Any) -> str:
    if not isinstance(value, str) or re.fullmatch(r"[A-Za-z0-9_-]+", value) is None:
        raise ValueError(f"{value!r} can't name a part of settings; use letters, digits, hyphens and underscores")
    return value


_RecordName = t.Annotated[str, BeforeValidator(_record_name)]


class _Listener(Options):
    name: _RecordName
    protocol: t.Literal["smtp", "lmtp", "imap", "pop3", "managesieve", "http"]
    bind: _Items
    tls: bool | None = None
    tls_implicit: bool | None = None
    proxy_networks: _Items | None = None
    max_connections: int | None = None

    def settings(self) -> Tree:
        """Below server.listener.NAME."""
        return _given(
            {
                "protocol": self.protocol,
                "bind": list(self.bind),
                "tls.enable": self.tls,
                "tls.implicit": self.tls_implicit,
                "proxy.trusted-networks": None if self.proxy_networks is None else list(self.proxy_networks),
                "max-connections": self.max_connections,
            }
        )

    def properties(self) -> Tree:
        """Of the object NetworkListener of this name, since 0.16."""
        return _given(
            {
                "protocol": {"managesieve": "manageSieve"}.get(self.protocol, self.protocol),
                "bind": list(self.bind),
                "useTls": self.tls,
                "tlsImplicit": self.tls_implicit,
                "overrideProxyTrustedNetworks": None if self.proxy_networks is None else list(self.proxy_networks),
                "maxConnections": self.max_connections,
            }
        )


class _Certificate(Options):
    name: _RecordName
    certificate: Item
    private_key: Item
    default: bool | None = None

    def settings(self) -> Tree:
        """Below certificate.NAME. The server reads the files by itself."""
        return _given({"cert": f"%{{file:{self.certificate}}}%", "private-key": f"%{{file:{self.private_key}}}%", "default": self.default})


class _Acme(Options):
    name: _RecordName
    domains: _Items
    contact: _Items
    directory: Item = LETS_ENCRYPT
    challenge: t.Literal["tls-alpn-01", "http-01", "dns-01"] = "tls-alpn-01"
    renew_before: Item | None = None
    default: bool | None = None
    dns: dict[str, t.Any] = Field(default={}, repr=False)

    def settings(self, place: str) -> Tree:
        """Below acme.NAME."""
        if self.challenge == "dns-01" and not self.dns:
            raise InvalidOption(f"{place}.dns", "it is missing, and the challenge dns-01 needs a DNS provider; give provider, secret and what else it wants.")
        if self.challenge != "dns-01" and any(domain.startswith("*.") for domain in self.domains):
            raise InvalidOption(
                f"{place}.domains", "a certificate for all names of a domain (*.) needs the challenge dns-01; name each host, or change challenge."
            )
        own = {
            "directory": self.directory,
            "challenge": self.challenge,
            "domains": list(self.domains),
            "contact": list(self.contact),
            "renew-before": self.renew_before,
            "default": self.default,
        }
        return {**{key.replace("_", "-"): value for key, value in self.dns.items()}, **_given(own)}


class _Tracer(Options):
    name: _RecordName
    type: t.Literal["log", "console", "journal", "open-telemetry"]
    level: t.Literal["error", "warn", "info", "debug", "trace"] | None = None
    enabled: bool = True
    path: Item | None = None
    prefix: Item | None = None
    rotate: t.Literal["daily", "hourly", "minutely", "never"] | None = None
    ansi: bool | None = None
    multiline: bool | None = None
    transport: t.Literal["grpc", "http"] | None = None
    endpoint: Item | None = None
    disabled_events: _Items | None = None

    def settings(self, place: str) -> Tree:
        """Below tracer.NAME."""
        if self.type == "log" and self.path is None:
            raise InvalidOption(f"{place}.path", "it is missing; give the folder that log files go to.")
        if self.type == "open-telemetry" and self.transport is None:
            raise InvalidOption(f"{place}.transport", "it is missing; give grpc or http.")
        return _given(
            {
                "type": self.type,
                "level": self.level,
                # OpenTelemetry keeps settings of its own below this key
                "enable": None if self.type == "open-telemetry" and self.enabled else self.enabled,
                "path": self.path,
                "prefix": self.prefix,
                "rotate": self.rotate,
                "ansi": self.ansi,
                "multiline": self.multiline,
                "transport": self.transport,
                "endpoint": self.endpoint,
                "disabled-events": None if self.disabled_events is None else list(self.disabled_events),
            }
        )


class _Tls(Options):
    disable_protocols: _Items | None = None
    disable_ciphers: _Items | None = None
    timeout: Item | None = None


class _Limits(Options):
    message_size: Size | None = None
    messages_per_session: int | None = None
    recipients: int | None = None
    session_timeout: Item | None = None
    session_duration: Item | None = None
    session_transfer: Size | None = None
    received_headers: int | None = None
    login_errors: int | None = None
    upload_size: Size | None = None
    attachment_size: Size | None = None
    email_size: Size | None = None
    imap_request_size: Size | None = None
    imap_requests: Item | None = None
    imap_connections: int | None = None
    http_requests: Item | None = None
    http_requests_anonymous: Item | None = None
    max_connections: int | None = None


#: Limit -> setting.
LIMITS = {
    "message_size": "session.data.limits.size",
    "messages_per_session": "session.data.limits.messages",
    "recipients": "session.rcpt.max-recipients",
    "session_timeout": "session.timeout",
    "session_duration": "session.duration",
    "session_transfer": "session.transfer-limit",
    "received_headers": "session.data.limits.received-headers",
    "login_errors": "session.auth.errors.total",
    "upload_size": "jmap.protocol.upload.max-size",
    "attachment_size": "jmap.email.max-attachment-size",
    "email_size": "jmap.email.max-size",
    "imap_request_size": "imap.request.max-size",
    "imap_requests": "imap.rate-limit.requests",
    "imap_connections": "imap.rate-limit.concurrent",
    "http_requests": "http.rate-limit.account",
    "http_requests_anonymous": "http.rate-limit.anonymous",
    "max_connections": "server.max-connections",
}


#: The same for the spam filter.
SPAM = {"enabled": "spam-filter.enable", **{f"{kind}_score": f"spam-filter.score.{kind}" for kind in ("spam", "discard", "reject")}}


class _Spam(Options):
    enabled: bool | None = None
    spam_score: float | None = None
    discard_score: float | None = None
    reject_score: float | None = None


class _Baseline(Options):
    hostname: Item | None = None
    listeners: tuple[_Listener, ...] | None = None
    certificates: tuple[_Certificate, ...] | None = None
    acme: tuple[_Acme, ...] | None = None
    tls: _Tls = _Tls()
    limits: _Limits = _Limits()
    spam: _Spam = _Spam()
    tracers: tuple[_Tracer, ...] | None = None
    settings: dict[t.Any, t.Any] = {}


class Part(t.NamedTuple):
    """Settings to set, and by prefix those that shall be all there is."""

    present: Tree
    exact: dict[str, Tree]


class Baseline(t.NamedTuple):
    """`stored` are for the server's store, `local` for its own file; `left_out` tells by key why further settings are for neither."""

    stored: Part
    local: Part
    left_out: dict[str, str]


def baseline(variables: t.Mapping[str, t.Any], api: t.Literal["rest", "jmap"] = "rest") -> Baseline:
    """The settings that the variables (without their prefix; empty ones count as left out) ask for. Raises InvalidOption."""
    given = {key: value for key, value in variables.items() if value is not None and value != ""}
    wanted = _named(_Baseline, given)
    if wanted.listeners is not None:
        _check_listeners(wanted.listeners)
    further, left_out = of_generation(api, wanted.settings)
    wanted = wanted.model_copy(update={"settings": further})
    stored, local = _objects(wanted) if api == "jmap" else _settings(wanted)
    return Baseline(stored, local, left_out)


_NAMELESS = "servers since 0.16 keep {} as objects without names, which no list of names can be exact about; leave it out, and use the module object."


def _objects(wanted: _Baseline) -> tuple[Part, Part]:
    """Since 0.16 nothing stands in a file of the server's own."""
    for option, what in {"certificates": "certificates", "acme": "ACME providers", "tracers": "tracers"}.items():
        if getattr(wanted, option) is not None:
            raise InvalidOption(f"server_settings_{option}", _NAMELESS.format(what))
    if _values(wanted.tls):
        raise InvalidOption(
            "server_settings_tls", "servers since 0.16 have no such options for all listeners together; set NetworkListener.NAME.tlsDisableProtocols."
        )
    exact: dict[str, Tree] = {}
    if wanted.listeners is not None:
        exact["NetworkListener"] = _records(wanted.listeners, "listeners", lambda each, _place: each.properties())
    keys = {LIMITS[key]: value for key, value in _values(wanted.limits).items()}
    keys |= {SPAM[key]: value for key, value in _values(wanted.spam).items()}
    keys |= _given({"server.hostname": wanted.hostname})
    return Part({**{MOVED[key]: value for key, value in keys.items()}, **wanted.settings}, exact), Part({}, {})


def _settings(wanted: _Baseline) -> tuple[Part, Part]:
    exact_local: dict[str, Tree] = {}
    if wanted.listeners is not None:
        exact_local["server.listener"] = _records(wanted.listeners, "listeners", lambda each, _place: each.settings())
    if wanted.certificates is not None:
        exact_local["certificate"] = _records(wanted.certificates, "certificates", lambda each, _place: each.settings())
    if wanted.tracers is not None:
        exact_local["tracer"] = _records(wanted.tracers, "tracers", lambda each, place: each.settings(place))
    exact = {} if wanted.acme is None else {"acme": _records(wanted.acme, "acme", lambda each, place: each.settings(place))}
    limits = {LIMITS[key]: value for key, value in _values(wanted.limits).items()}
    local = _given({"server.hostname": wanted.hostname, "server.max-connections": limits.pop("server.max-connections", None)})
    local.update({f"server.tls.{key.replace('_', '-')}": value for key, value in _values(wanted.tls).items()})
    present = {**limits, **{SPAM[key]: value for key, value in _values(wanted.spam).items()}, **wanted.settings}
    return Part(present, exact), Part(local, exact_local)


def _named(model: type[_Baseline], given: Tree) -> _Baseline:
    try:
        return read(model, given)
    except InvalidOption as error:
        raise InvalidOption(f"server_settings_{error.option}", error.problem) from None


def _given(values: Tree) -> Tree:
    return {key: value for key, value in values.items() if value is not None}


def _values(options: Options) -> Tree:
    found = {key: getattr(options, key) for key in options.model_fields_set}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in found.items() if value is not None}


def _records(records: t.Sequence[t.Any], option: str, settings: t.Callable[[t.Any, str], Tree]) -> Tree:
    found: Tree = {}
    for number, each in enumerate(records):
        place = f"server_settings_{option}[{number}]"
        if each.name in found:
            raise InvalidOption(f"{place}.name", f"{each.name!r} is there twice; choose another.")
        found[each.name] = settings(each, place)
    return found


def _check_listeners(listeners: t.Sequence[_Listener]) -> None:
    if not any(each.protocol == "http" for each in listeners):
        raise InvalidOption("server_settings_listeners", "none of them has the protocol http, and nobody could manage the server any longer; add one.")
    bound: dict[str, str] = {}
    for number, each in enumerate(listeners):
        for address in each.bind:
            if re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[0-9.]+):[0-9]{1,5}", address) is None:
                raise InvalidOption(
                    f"server_settings_listeners[{number}].bind", f"{address!r} is no address with a port; write it as in [::]:993 or 192.0.2.1:993."
                )
            if address in bound:
                raise InvalidOption(f"server_settings_listeners[{number}].bind", f"{address} is that of {bound[address]!r}, too; keep one of them.")
            bound[address] = each.name


# -- config.toml ------------------------------------------------------------------------------------------------------


class Rewritten(t.NamedTuple):
    """The file's text, and the settings that are others than before; with none of them the text is as it was."""

    text: str
    changed: list[str]


def rewrite(text: str, part: Part, load: t.Callable[[str], Tree]) -> Rewritten:
    """The server's file with the wanted settings in it and everything else as it was, but for comments. `load` reads TOML.

    Raises InvalidOption where the file is none, or holds one of the settings in a form that this can't replace.
    """
    try:
        tree = load(text)
    except ValueError as error:
        raise InvalidOption("server_settings_config_file", f"it is no TOML ({error}); correct it by hand first.") from None
    before = flatten(tree, option="server_settings_config_file")
    wanted: dict[str, Value] = flatten(part.present, option="server_settings")
    gone: set[str] = set()
    for prefix, records in part.exact.items():
        wanted.update(flatten(records, prefix, option="server_settings"))
        gone |= {key for key in before if key.startswith(f"{prefix}.")}
    changed = sorted({key for key in gone if key not in wanted} | {key for key, value in wanted.items() if before.get(key) != value})
    if not changed:
        return Rewritten(text, [])
    for prefix, records in part.exact.items():
        _place(tree, prefix.split("."), _nested(records))
    for key, value in part.present.items():
        _place(tree, key.split("."), value)
    after = dump(tree)
    if flatten(load(after)) != {**{key: value for key, value in before.items() if key not in gone and key not in wanted}, **wanted}:
        raise InvalidOption(
            "server_settings_config_file", "it holds one of the settings in a form that can't be replaced; write it as a plain table by hand first."
        )
    return Rewritten(after, changed)


def _nested(records: Tree) -> Tree:
    tree: Tree = {}
    for name, values in records.items():
        tree[name] = {}
        for key, value in values.items():
            _place(tree[name], key.split("."), value)
    return tree


def _place(tree: Tree, path: t.Sequence[str], value: t.Any) -> None:
    """Set what stands at a path, whatever way it is cut: `a.b` may be a key of its own, or `b` in the table `a`."""
    for cut in range(len(path), 0, -1):
        head, rest = ".".join(path[:cut]), path[cut:]
        if not rest:
            if head in tree or cut == 1:
                tree[head] = value
                return
        elif isinstance(tree.get(head), dict):
            _place(tree[head], rest, value)
            return
    _place(tree.setdefault(path[0], {}), path[1:], value)


def dump(tree: Tree) -> str:
    """TOML of nested data: plain values first, then tables, in the order given."""
    lines: list[str] = []
    _table(tree, "", lines)
    return "\n".join(lines).strip("\n") + "\n"


def _table(tree: Tree, name: str, lines: list[str]) -> None:
    plain = {key: value for key, value in tree.items() if not isinstance(value, dict)}
    if name and (plain or not tree):
        lines += ["", f"[{name}]"]
    lines += [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in tree.items():
        if isinstance(value, dict):
            _table(value, join(name, _key(key)), lines)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _value(value: t.Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)} = {_value(each)}' for key, each in value.items())} }}"
    return json.dumps(str(value), ensure_ascii=False)

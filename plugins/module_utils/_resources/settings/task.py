# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks on settings: making them as wanted, and reading them."""

from __future__ import annotations

import typing as t

from ..._errors import InvalidOption
from ..._reconcile.plan import Mode, Outcome
from ..._secrets import is_secret_key
from ..._server.models.objects import VARIANT
from ..._server.port import Server
from .._options import Item, Options, one_or_more, read
from ..objects.task import HEADERS
from ..objects.task import secret_values as object_secrets
from ..own_address import refuse_own
from . import objects
from .moved import names_type, of_generation
from .plan import Plan, absent, exact, present, refuse_owned, shown_text, some
from .tree import MASKS, Value, checked_key, checked_prefix, flatten, join, nested
from .write import LocalKeys, Written, carry_out, check_before, check_local, check_stored

#: Before the addresses that servers up to 0.15 block.
_BLOCKED = "server.blocked-ip."


class _SettingsOptions(Options):
    state: t.Literal["present", "absent", "exact"] = "present"
    settings: dict[t.Any, t.Any] = {}
    prefix: str = ""
    keys: tuple[Item, ...] = ()
    prefixes: tuple[Item, ...] = ()
    local_keys: LocalKeys = "refuse"
    reload: t.Literal["auto", "never"] = "auto"
    ignore_existing_errors: bool = False
    rollback: bool = True
    other_generation: t.Literal["refuse", "leave_out"] = "refuse"


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Make settings as wanted.

    Results: `settings` (flat, as they are after, secrets masked), `reloaded`, `stored_only`, `setting_errors`, `setting_warnings`, `left_out`.
    """
    wanted = _read(options)
    left_out: dict[str, str] = {}
    if wanted.other_generation == "leave_out":
        settings, left_out = of_generation(server.generation, wanted.settings)
        wanted = wanted.model_copy(update={"settings": settings})
    outcome = objects.manage(server, wanted, mode) if server.generation == "jmap" else _manage(server, wanted, mode)
    outcome.results["left_out"] = left_out
    return outcome


def _manage(server: Server, wanted: _SettingsOptions, mode: Mode) -> Outcome:
    prefix = checked_prefix(wanted.prefix, "prefix")
    plan = _plan(server, wanted, prefix, mode)
    written = Written()
    refuse_own(server, [key.removeprefix(_BLOCKED) for key in plan.writes if key.startswith(_BLOCKED)], "settings")
    if plan.changes:
        check_local(server, plan, wanted.local_keys, mode)
        may_reload = wanted.reload == "auto"
        existing = check_before(server, plan, ignore=wanted.ignore_existing_errors, reload=may_reload, mode=mode)
        if not mode.check:
            written = carry_out(server, plan, reload=may_reload, rollback=wanted.rollback, existing=existing, mode=mode)
    elif plan.after and wanted.reload == "auto" and not wanted.ignore_existing_errors:
        check_stored(server, plan)
    results = {
        "settings": {key: shown_text(key, text) for key, text in sorted(plan.after.items())},
        "reloaded": written.reloaded,
        "stored_only": written.stored_only,
        "setting_errors": written.errors,
        "setting_warnings": written.warnings,
    }
    return Outcome(results, plan.changes)


def secret_values(settings: t.Any) -> t.Iterator[str]:
    """The values in the option `settings` that must not be shown, by the names of their keys."""
    found = list(_leaves(settings, "")) if isinstance(settings, dict) else []
    keys = {key for key, _value in found}
    for key, value in found:
        if key.endswith(VARIANT) or not isinstance(value, str) or value in MASKS:
            continue
        # names with capitals are those of properties of servers since 0.16
        if is_secret_key(key) or (any(sign.isupper() for sign in key) and any(object_secrets(_property(key, f"{key}Name" in keys, value)))):
            yield value


def _leaves(value: t.Any, key: str) -> t.Iterator[tuple[str, t.Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, join(key, str(name)))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    else:
        yield key, value


def _property(key: str, is_named: bool, value: str) -> dict[str, t.Any]:
    """A property as it stands in an object; what is below headers goes by their name, and numbers are places in lists."""
    parts = [part for part in key.split(".") if not part.isdigit()]
    name = HEADERS if HEADERS in parts else parts[-1] if parts else ""
    return {name: value, **({f"{name}Name": ""} if is_named else {})}


def _read(options: t.Mapping[str, t.Any]) -> _SettingsOptions:
    lists = {name: one_or_more(options[name]) for name in ("keys", "prefixes") if name in options}
    wanted = read(_SettingsOptions, {**options, **lists})
    if wanted.state == "absent":
        if wanted.given("settings"):
            raise InvalidOption("settings", "they are what shall be there, and state is absent; name what shall go by keys or prefixes.")
        if not (wanted.prefix or wanted.keys or wanted.prefixes):
            raise InvalidOption("keys", "nothing is named that shall be absent; give keys, prefixes or prefix.")
        if wanted.other_generation == "leave_out":
            raise InvalidOption("other_generation", "it is about settings that shall be there, and state is absent; remove it.")
        return wanted
    if wanted.other_generation == "leave_out" and wanted.prefix:
        raise InvalidOption("other_generation", "a prefix is of one generation, and so is all below it; leave out one of the two.")
    for name in ("keys", "prefixes"):
        if wanted.given(name):
            raise InvalidOption(name, f"they name what shall be absent, and state is {wanted.state}; use settings, or set state: absent.")
    if not wanted.given("settings"):
        raise InvalidOption("settings", "they are missing; give a dictionary of settings.")
    return wanted


def _plan(server: Server, wanted: _SettingsOptions, prefix: str, mode: Mode) -> Plan:
    if wanted.state == "absent":
        keys = [join(prefix, checked_key(key, "keys")) for key in wanted.keys]
        prefixes = [join(prefix, checked_prefix(one, "prefixes")) for one in wanted.prefixes]
        for one in prefixes:
            refuse_owned(one, "prefixes", below=False)
        if not keys and not prefixes:
            refuse_owned(prefix, "prefix", below=False)
            prefixes = [prefix]
        plan, stems = absent(keys, prefixes, server.settings.read(prefixes=[*keys, *prefixes]))
        if stems:
            mode.warn(f"keys: there is no setting {some(stems)}, only others below; to remove all of them use prefixes.")
        return plan
    settings: dict[str, Value] = flatten(wanted.settings, prefix)
    for key in settings:
        if names_type(key):
            raise InvalidOption("settings", f"{key!r} is a setting of servers since 0.16, and this one is older; its keys are like session.timeout.")
    if wanted.state == "exact":
        refuse_owned(prefix, "prefix", below=True)
        return exact(settings, server.settings.read(prefixes=[prefix]), prefix)
    return present(settings, server.settings.read(prefixes=list(settings)))


# Reading


class _InfoOptions(Options):
    keys: tuple[Item, ...] = ()
    prefixes: tuple[Item, ...] = ()
    group_by: str = ""
    include_secrets: bool = False


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Settings by key and by prefix, all when none is named. Results: `settings` (flat), `nested`, `local_keys`, `total`; `groups` when asked for."""
    lists = {name: one_or_more(options[name]) for name in ("keys", "prefixes") if name in options}
    wanted = read(_InfoOptions, {**options, **lists})
    if wanted.group_by and not wanted.prefixes:
        raise InvalidOption("group_by", "it needs prefixes, below which the records stand; name at least one.")
    if server.generation == "jmap":
        return objects.info(server, wanted, wanted.keys, [prefix.rstrip(".") for prefix in wanted.prefixes])
    keys = [checked_key(key, "keys") for key in wanted.keys]
    prefixes = [checked_prefix(prefix, "prefixes") for prefix in wanted.prefixes]
    if not keys and not prefixes:
        prefixes = [""]
    found = server.settings.read(keys=keys, prefixes=prefixes)
    patterns = server.settings.local_key_patterns()
    local = [key for key in sorted(found) if server.settings.is_local(key, patterns)]

    def shown(settings: t.Mapping[str, str], stem: str = "") -> dict[str, str]:
        # the whole key tells whether it holds a secret
        return {key: text if wanted.include_secrets else shown_text(join(stem, key), text) for key, text in sorted(settings.items())}

    texts = shown(found)
    results: dict[str, t.Any] = {"settings": texts, "nested": nested(texts), "local_keys": local, "total": len(texts)}
    if wanted.group_by:
        results["groups"] = [
            {"prefix": prefix, "id": each, "settings": shown(record, join(prefix, each))}
            for prefix in prefixes
            for each, record in server.settings.groups(prefix, wanted.group_by)
        ]
    return Outcome(results)

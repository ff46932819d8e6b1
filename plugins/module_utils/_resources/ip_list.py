# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses that a server blocks, and those it never bans.

They are settings: `server.blocked-ip.ADDRESS` and `server.allowed-ip.ADDRESS` with an empty value; since 0.16 objects of their own types. Among the
blocked ones are those that the server banned by itself. A block wins over an allowance, which only keeps from being banned
(crates/common/src/listener/blocked.rs, 0.15.5).
"""

from __future__ import annotations

import contextlib
import ipaddress
import typing as t

from .._deps import BeforeValidator
from .._errors import InvalidOption, NotApplied, Refused, ServerError
from .._reconcile.plan import Change, Mode, Outcome
from .._server.port import Server
from ._options import ListEdit, Options, list_edit, one_or_more, read
from .objects.engine import known_type
from .own_address import canonical, holds, network_of, refuse_own
from .reload import sentence
from .settings.plan import Plan, some
from .settings.write import Written, carry_out, check_before, check_local

RESOURCE = "ip_list"

ListName = t.Literal["blocked", "allowed"]
PREFIXES: dict[ListName, str] = {"blocked": "server.blocked-ip", "allowed": "server.allowed-ip"}
TYPES: dict[ListName, str] = {"blocked": "BlockedIp", "allowed": "AllowedIp"}


def _wanted(value: t.Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return canonical(value)


IpAddress = t.Annotated[str, BeforeValidator(_wanted)]


class _IpListOptions(Options):
    list: ListName
    addresses: t.Annotated[ListEdit[IpAddress], BeforeValidator(list_edit)]
    exact: bool = False
    keep_own: bool = False
    reload: t.Literal["auto", "never"] = "auto"
    ignore_existing_errors: bool = False


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Make one of the lists as wanted. Results: `addresses` (sorted, as they are after), `reloaded`, `stored_only`, `setting_errors`."""
    wanted = read(_IpListOptions, options)
    if wanted.list == "blocked" and wanted.addresses.exact is not None and not wanted.exact:
        raise InvalidOption(
            "addresses",
            "the exact list of blocked addresses would free all that the server banned by itself; "
            "use {add: [...], remove: [...]}, or set exact: true if that is meant.",
        )
    found = _read(server, t.get_args(ListName))
    present = found[wanted.list]
    target = _sorted(wanted.addresses.result(present))
    plan = _plan(wanted.list, present, target)
    if wanted.list == "blocked":
        refuse_own(server, set(target) - set(present), "addresses")
    elif wanted.keep_own and holds(present, server.own_address()) and not holds(target, server.own_address()):
        raise Refused(
            f"addresses: {server.own_address()}, from which this task speaks with the server, is allowed now and would be no longer, so that some wrong logins "
            "would ban it; add it to the addresses, or set keep_own: false."
        )
    else:
        _warn_blocked(set(target) - set(present), found["blocked"], mode)
    written = Written()
    if plan.changes and server.generation == "jmap":
        written = Written() if mode.check else _write_objects(server, wanted, present, target, mode)
    elif plan.changes:
        check_local(server, plan, "refuse", mode)
        written = _write(server, plan, wanted, mode)
    results = {"addresses": target, "reloaded": written.reloaded, "stored_only": written.stored_only, "setting_errors": written.errors}
    return Outcome(results, plan.changes)


def _read(server: Server, names: t.Iterable[ListName]) -> dict[ListName, dict[str, list[str]]]:
    """By list: canonical address -> what holds it on the server, keys of settings or ids of objects."""
    if server.generation == "rest":
        found = server.settings.read(prefixes=[PREFIXES[name] for name in names])
        return {name: _entries(found, name) for name in names}
    chosen = list(names)
    lists: dict[ListName, dict[str, list[str]]] = {}
    for name, objects in zip(chosen, server.objects.find_all([(known_type(server, TYPES[name]), {}) for name in chosen]), strict=True):
        lists[name] = {}
        for each in objects:
            text = str(each.values.get("address", ""))
            with contextlib.suppress(ValueError):
                text = canonical(text)
            lists[name].setdefault(text, []).append(each.id)
    return lists


def _write_objects(server: Server, wanted: _IpListOptions, present: t.Mapping[str, list[str]], target: t.Sequence[str], mode: Mode) -> Written:
    kind = known_type(server, TYPES[wanted.list])
    added = [address for address in target if address not in present]
    if added:
        server.objects.create_all(kind, [{"address": address} for address in added])
    gone = [object_id for address, ids in present.items() if address not in target for object_id in ids]
    if gone:
        server.objects.destroy_all(kind, gone)
    now = _read(server, [wanted.list])[wanted.list]
    # others may come meanwhile: the server bans by itself
    wrong = [address for address in added if address not in now] + [address for address in present if address not in target and address in now]
    if wrong:
        raise NotApplied(f"the server answered success, but these addresses are not as written: {some(_sorted(wrong))}", changed=True)
    if wanted.reload == "never":
        return Written(stored_only=True)
    try:
        report = server.reload(part=kind.reload or "all")
    except ServerError as error:
        mode.warn(f"the addresses are stored, but not live, since the server did not reload them: {error}.")
        return Written(stored_only=True)
    if report.errors:
        mode.warn(f"stored, not live: a reload applies nothing while other objects have errors; correct them and reload: {sentence(report.errors)}")
    return Written(reloaded=not report.errors, stored_only=bool(report.errors), errors=report.errors)


def _entries(found: t.Mapping[str, str], name: ListName) -> dict[str, list[str]]:
    """Canonical address -> the keys that hold it. What is no address stands as it is."""
    entries: dict[str, list[str]] = {}
    prefix = f"{PREFIXES[name]}."
    for key in sorted(found):
        if key.startswith(prefix):
            text = key[len(prefix) :]
            try:
                text = canonical(text)
            except ValueError:
                pass
            entries.setdefault(text, []).append(key)
    return entries


def _sorted(addresses: t.Iterable[str]) -> list[str]:
    def order(text: str) -> tuple[int, int, int, str]:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            return 9, 0, 0, text
        return network.version, int(network.network_address), network.prefixlen, text

    return sorted(addresses, key=order)


def _plan(name: ListName, present: t.Mapping[str, list[str]], target: t.Sequence[str]) -> Plan:
    plan = Plan()
    plan.writes = {f"{PREFIXES[name]}.{address}": "" for address in target if address not in present}
    plan.deletions = [key for address, keys in present.items() if address not in target for key in keys]
    plan.before = dict.fromkeys(plan.deletions, "")
    if plan.writes or plan.deletions:
        before, after = {"addresses": _sorted(present)}, {"addresses": list(target)}
        plan.changes = [Change(RESOURCE, name, "update", before, after, lambda: None)]
    return plan


def _warn_blocked(added: t.Collection[str], blocked: t.Collection[str], mode: Mode) -> None:
    hidden = []
    for text in _sorted(added):
        network = network_of(text)
        for other in blocked:
            try:
                if network.version == network_of(other).version and network.overlaps(network_of(other)):
                    hidden.append(text)
                    break
            except ValueError:
                continue
    if hidden:
        mode.warn(f"{some(hidden)}: blocked too, and a block wins over an allowance; remove it from the blocked addresses (list: blocked).")


def _write(server: Server, plan: Plan, wanted: _IpListOptions, mode: Mode) -> Written:
    reload = wanted.reload == "auto"
    if wanted.list == "blocked" and not any("/" in key for key in plan.touched):
        # single addresses have a reload of their own, which errors elsewhere don't hinder
        if mode.check:
            return Written()
        carry_out(server, plan, reload=False, rollback=True, existing={}, mode=mode, check=False)
        return _reload_blocked(server, mode) if reload else Written(stored_only=True)
    existing = check_before(server, plan, ignore=wanted.ignore_existing_errors, reload=reload, mode=mode)
    return Written() if mode.check else carry_out(server, plan, reload=reload, rollback=True, existing=existing, mode=mode)


def _reload_blocked(server: Server, mode: Mode) -> Written:
    try:
        report = server.reload(part="blocked_ip")
    except ServerError as error:
        mode.warn(f"the addresses are stored, but not live, since the server did not reload them: {error}.")
        return Written(stored_only=True)
    if report.errors:
        mode.warn(f"the addresses are live, but the server finds errors among the blocked ones: {sentence(report.errors)}")
    return Written(reloaded=True, errors=report.errors)


class _InfoOptions(Options):
    list: tuple[ListName, ...] = ("blocked", "allowed")


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Both lists, or one. Results: `blocked` and `allowed`, sorted, in their one spelling; `own`: whether each holds the own address."""
    wanted = read(_InfoOptions, {key: one_or_more(value) for key, value in options.items()})
    lists = _read(server, wanted.list)
    address = server.own_address()
    results: dict[str, t.Any] = {name: _sorted(found) for name, found in lists.items()}
    own: dict[str, t.Any] = {name: holds(found, address) for name, found in lists.items()}
    return Outcome({**results, "own": {"address": address, **own}})

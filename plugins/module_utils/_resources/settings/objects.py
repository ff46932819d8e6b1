# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of servers since 0.16: properties of singletons (`Http.enableHsts`) and of configuration objects by their names (`MtaRoute.relay.port`).

There are no free keys. What a name can be is told by the server's schema, and written by what writes any object.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._errors import InvalidOption
from ..._reconcile.plan import Mode, Outcome
from ..._server.models.objects import VARIANT, FoundObject, ObjectType, Property, shown_values
from ..._server.port import Server
from ..objects import same
from ..objects.engine import Prepared, Resolver, Wanted, carry_out, name_of, prepare
from ..objects.values import near
from .moved import leaves, place_of

#: Types that the server itself or another module keeps; what no one listed there would be lost by sweeping them.
_OWNED = {
    "BlockedIp": "the module ip_list, and the server puts there whom it bans",
    "AllowedIp": "the module ip_list",
    **dict.fromkeys(
        ("SpamRule", "SpamTag", "SpamFileExtension", "SpamDnsblServer", "MemoryLookupKey", "MemoryLookupKeyValue", "HttpLookup"),
        "the server too, which updates its rules there",
    ),
    "Application": "the server too, which keeps its web pages there",
}
_OTHER_MODULES = {"DkimSignature": "dkim", "ApiKey": "object", "AppPassword": "account_auth", "PublicKey": "account_crypto"}

Nested: t.TypeAlias = "dict[str, t.Any]"


class _Reset:
    """In place of a value: back to what it was before anybody set it."""


_RESET = _Reset()


@dataclasses.dataclass
class _Target:
    """One object, by its type and name, and what is wanted of it. `gone` removes it, `reset` puts all that is not named back to its default."""

    kind: ObjectType
    name: str
    place: str
    properties: Nested = dataclasses.field(default_factory=dict)
    gone: bool = False
    reset: bool = False


@dataclasses.dataclass
class _Request:
    targets: dict[tuple[str, str], _Target] = dataclasses.field(default_factory=dict)
    #: types of which all objects that are not named go
    swept: dict[str, ObjectType] = dataclasses.field(default_factory=dict)

    def target(self, kind: ObjectType, name: str, place: str) -> _Target:
        return self.targets.setdefault((kind.name, name), _Target(kind, name, place))


def manage(server: Server, wanted: t.Any, mode: Mode) -> Outcome:
    """As the task of older servers, with the same results. `wanted` are its options as read."""
    if wanted.ignore_existing_errors:
        mode.warn("ignore_existing_errors has no effect: servers since 0.16 tell errors only when they reload, and the change is then stored with a warning.")
    if wanted.prefix:
        refuse_old([wanted.prefix], "prefix")
    else:
        refuse_old(leaves(wanted.settings), "settings")
        refuse_old(wanted.keys, "keys")
        refuse_old(wanted.prefixes, "prefixes")
    request = _absent(server, wanted) if wanted.state == "absent" else _present(server, wanted)
    targeted = _prepare(server, request, mode)
    prepared = [each for _target, each in targeted]
    live = carry_out(server, prepared, mode, reload=wanted.reload == "auto", rollback=wanted.rollback)
    after: dict[str, str] = {}
    for target, each in targeted:
        properties = each.result().get("properties", {})
        named = properties if target is None or target.reset else {name: properties[name] for name in target.properties if name in properties}
        after.update(texts(named, address_of(each.type, name_of(each.type, each.now.values if each.now else properties))))
    results = {
        "settings": dict(sorted(after.items())),
        "reloaded": live.reloaded,
        "stored_only": live.stored_only,
        "setting_errors": live.errors,
        "setting_warnings": {},
    }
    return Outcome(results, [each.change for each in prepared if each.change])


def address_of(kind: ObjectType, name: str) -> str:
    """What the keys of an object begin with."""
    return kind.name if kind.singleton else f"{kind.name}.{name}"


def texts(value: t.Any, key: str) -> dict[str, str]:
    """Nested values as flat keys with texts, as settings are on any server."""
    if isinstance(value, dict):
        return {name: text for part, inner in value.items() for name, text in texts(inner, f"{key}.{part}").items()}
    if isinstance(value, list):
        return {name: text for place, inner in enumerate(value) for name, text in texts(inner, f"{key}.{place}").items()}
    if value is None:
        return {}
    return {key: ("true" if value else "false") if isinstance(value, bool) else str(value)}


# What is wanted


def _present(server: Server, wanted: t.Any) -> _Request:
    request = _Request()
    prefix = wanted.prefix.strip(".").split(".") if wanted.prefix else []
    given: t.Any = wanted.settings
    if prefix:
        kind = setting_type(server, prefix[0], "prefix")
        name, rest = _split(kind, prefix[1:])
        for part in reversed(rest):
            given = {part: given}
        if wanted.state == "exact":
            if rest:
                raise InvalidOption(
                    "prefix", f"{wanted.prefix!r} is within an object; state: exact is for a whole one, like {address_of(kind, name)}, or a type."
                )
            _begin_exact(request, kind, name)
        _add(request, kind, name, given)
        return request
    for key, value in given.items():
        parts = str(key).split(".")
        kind = setting_type(server, parts[0], "settings")
        name, rest = _split(kind, parts[1:])
        for part in reversed(rest):
            value = {part: value}
        _add(request, kind, name, value)
    return request


def _begin_exact(request: _Request, kind: ObjectType, name: str) -> None:
    if kind.singleton or name:
        request.target(kind, name, "settings").reset = True
        return
    _refuse_owned(kind, "prefix")
    request.swept[kind.name] = kind


def _refuse_owned(kind: ObjectType, option: str) -> None:
    if kind.name in _OWNED:
        raise InvalidOption(option, f"{kind.name!r} belongs to {_OWNED[kind.name]}; what is there and not listed would be lost. Name single objects.")


def _add(request: _Request, kind: ObjectType, name: str, value: t.Any) -> None:
    """Take what stands below a type, or below one of its objects."""
    if not isinstance(value, dict):
        if kind.singleton or name not in kind.shape.all:
            raise InvalidOption(
                f"settings.{address_of(kind, name) if name else kind.name}", "it has properties and no value of its own; give a dictionary of them."
            )
        raise InvalidOption(f"settings.{kind.name}.{name}", f"there may be many objects of type {kind.name}; write {kind.name}.NAME.{name}.")
    if kind.singleton or name:
        _merge(request.target(kind, name, "settings").properties, _expanded(value))
        return
    for key, inner in value.items():
        if isinstance(inner, dict):
            if key in kind.shape.all:
                raise InvalidOption(f"settings.{kind.name}.{key}", f"there may be many objects of type {kind.name}; put the name of one before it.")
            _add(request, kind, str(key), inner)
            continue
        whole, rest = _split(kind, str(key).split("."))
        if not whole or not rest:
            raise InvalidOption(f"settings.{kind.name}.{key}", f"there may be many objects of type {kind.name}; write {kind.name}.NAME.PROPERTY.")
        for part in reversed(rest):
            inner = {part: inner}
        _add(request, kind, whole, inner)


def _expanded(value: t.Mapping[str, t.Any]) -> Nested:
    """`{"a.b": 1}` as `{"a": {"b": 1}}`."""
    out: Nested = {}
    for key, inner in value.items():
        parts = str(key).split(".")
        for part in reversed(parts[1:]):
            inner = {part: inner}
        _merge(out, {parts[0]: inner})
    return out


def _merge(into: Nested, other: t.Mapping[str, t.Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, dict) else value


def _split(kind: ObjectType, parts: t.Sequence[str]) -> tuple[str, list[str]]:
    """The name of an object, which may have dots, and the property below it. Of a singleton there is no name."""
    if kind.singleton:
        return "", list(parts)
    for place in range(1, len(parts)):
        if parts[place] in kind.shape.all or parts[place] == VARIANT:
            return ".".join(parts[:place]), list(parts[place:])
    return ".".join(parts), []


def setting_type(server: Server, name: str, option: str) -> ObjectType:
    """The type that a key begins with. Raises InvalidOption, which tells where a key of older servers is now."""
    kind = server.objects.type(name.removeprefix("x:"))
    if kind is None:
        raise InvalidOption(option, f"{name!r} is no type of this server{near(name, server.objects.type_names())}")
    if not kind.configuration:
        module = _OTHER_MODULES.get(kind.name, "principal")
        reason = kind.elsewhere or f"objects of type {kind.name} are no settings; use the module {module}, or object"
        raise InvalidOption(option, f"{reason}.")
    return kind


def refuse_old(keys: t.Iterable[str], option: str) -> None:
    """Raise InvalidOption for the first key that older servers had, with its new place."""
    for key in keys:
        if "{{" in key:
            raise InvalidOption(option, f"{key!r} holds a template, and Ansible resolves none in keys; put what changes into prefix.")
        place = place_of(key)
        if place:
            raise InvalidOption(
                option,
                f"{key!r} is a setting of servers up to 0.15; on this one it is {place}. The guide to settings since 0.16 has the whole table.",
            )
        if key and key[0].islower():
            raise InvalidOption(
                option,
                f"{key!r} is no setting of this server: since 0.16 they are properties of singletons and objects, like Http.enableHsts or MtaRoute.relay.port. "
                "The module object_info lists the types.",
            )


def _absent(server: Server, wanted: t.Any) -> _Request:
    request = _Request()
    stem = wanted.prefix.strip(".")
    named = [("keys", key) for key in wanted.keys] + [("prefixes", key) for key in wanted.prefixes]
    if not named:
        named = [("prefix", "")]
    for option, key in named:
        parts = [part for text in (stem, key.strip(".")) if text for part in text.split(".")]
        kind = setting_type(server, parts[0], option)
        name, rest = _split(kind, parts[1:])
        if rest:
            value: t.Any = None if rest[1:] else _RESET
            for part in reversed(rest[1:]):
                value = {part: value}
            _merge(request.target(kind, name, option).properties, {rest[0]: value})
        elif kind.singleton:
            if option == "keys":
                raise InvalidOption(
                    option, f"there is always exactly one {kind.name}; name its properties, or use prefixes to put all of them back to their defaults."
                )
            request.target(kind, "", option).reset = True
        elif name:
            request.target(kind, name, option).gone = True
        else:
            if option == "keys":
                raise InvalidOption(option, f"{kind.name} is a type; name its objects, or use prefixes to remove all of them.")
            _refuse_owned(kind, option)
            request.swept[kind.name] = kind
    return request


# From there to objects


def _prepare(server: Server, request: _Request, mode: Mode) -> list[tuple[_Target | None, Prepared]]:
    """What is made or changed comes first, each after what it refers to; what goes comes last, in the other order."""
    kinds = {target.kind.name: target.kind for target in request.targets.values()} | request.swept
    found = dict(zip(kinds, server.objects.find_all([(kind, {}) for kind in kinds.values()]), strict=True))
    order = _in_order_of_need(kinds)
    resolve = Resolver(server, mode)
    for target in request.targets.values():
        resolve.expect(target.kind, target.name)
    prepared: list[tuple[_Target | None, Prepared]] = []
    kept: dict[str, set[str]] = {name: set() for name in kinds}
    for target in sorted(request.targets.values(), key=lambda each: order.index(each.kind.name)):
        one = _prepare_one(server, target, found[target.kind.name], mode, resolve)
        if one is not None:
            prepared.append((target, one))
            kept[target.kind.name] |= {one.found.id} if one.found else set()
    for name in reversed(order):
        for each in found[name] if name in request.swept else ():
            if each.id not in kept[name]:
                gone = Wanted(request.swept[name], "absent", id=each.id, place="settings")
                prepared.append((None, prepare(server, gone, mode, resolve, among=[each])))
    return (
        [each for each in prepared if not _goes(each)]
        + [each for each in reversed(prepared) if _goes(each) and each[0]]
        + [each for each in prepared if _goes(each) and not each[0]]
    )


def _goes(one: tuple[_Target | None, Prepared]) -> bool:
    return one[1].wanted.state == "absent"


def _in_order_of_need(kinds: t.Mapping[str, ObjectType]) -> list[str]:
    """Types, each after those that it refers to."""
    order: list[str] = []

    def visit(name: str, above: frozenset[str]) -> None:
        if name in order or name in above:
            return
        for prop in kinds[name].shape.all.values():
            for target in (prop.type.target, prop.type.inner.target):
                if target in kinds:
                    visit(target, above | {name})
        order.append(name)

    for name in kinds:
        visit(name, frozenset())
    return order


def _prepare_one(server: Server, target: _Target, found: t.Sequence[FoundObject], mode: Mode, resolve: Resolver) -> Prepared | None:
    kind = target.kind
    match = {} if kind.singleton else natural_match(kind, target.name, target.place)
    present = list(found) if kind.singleton else [each for each in found if _is(kind, each, match)]
    removes_only = target.place in ("keys", "prefixes", "prefix")
    if removes_only and not present:
        return None
    known = kind.properties(present[0].values) if present else {}
    properties = dict(target.properties)
    for name in [name for name, value in properties.items() if value is _RESET]:
        properties[name] = _back(known[name], present[0].values.get(name)) if name in known else None
    if target.reset and present:
        properties = {**_defaults(kind, present[0]), **properties}
    place = f"settings.{address_of(kind, target.name)}" if not removes_only else f"{target.place}.{address_of(kind, target.name)}"
    object_id = present[0].id if len(present) == 1 and not kind.singleton else ""
    wanted = Wanted(
        kind,
        "absent" if target.gone else "present",
        id=object_id,
        match={} if object_id else match,
        properties=properties,
        place=place,
        match_place=target.name,
    )
    return prepare(server, wanted, mode, resolve, among=present or None)


def natural_match(kind: ObjectType, name: str, place: str) -> Nested:
    """What an object of this name is found by."""
    if not kind.natural_key:
        if kind.name == "Certificate":
            return {"subjectAlternativeNames": name.split(",")}
        raise InvalidOption(place, f"objects of type {kind.name} have no names; use the module object with match or id.")
    parts = name.split("/", len(kind.natural_key) - 1) if len(kind.natural_key) > 1 else [name]
    if len(parts) < len(kind.natural_key):
        raise InvalidOption(
            place, f"{kind.name}.{name} names no {kind.name}, which is known by {' and '.join(kind.natural_key)}; write both with a slash between."
        )
    return dict(zip(kind.natural_key, parts, strict=True))


def _is(kind: ObjectType, found: FoundObject, match: t.Mapping[str, t.Any]) -> bool:
    properties = kind.properties(found.values)
    for name, value in match.items():
        own = found.values.get(name)
        if name == VARIANT:
            if own != value:
                return False
        elif name not in properties or not same.values(own if isinstance(own, (list, dict)) else str(own), value, properties[name].type):
            return False
    return True


def _defaults(kind: ObjectType, found: FoundObject) -> Nested:
    """The default of each property that is not as it was made; what has none, and what holds a secret, stays."""
    return {
        name: _back(prop, found.values.get(name))
        for name, prop in kind.properties(found.values).items()
        if prop.update == "mutable" and name not in kind.natural_key and _may_reset(prop, found.values.get(name))
    }


def _back(prop: Property, value: t.Any) -> t.Any:
    """What puts a property back to its default. Keys of a map go one by one."""
    if prop.type.kind == "map" and isinstance(value, dict):
        return {**dict.fromkeys(value), **(prop.default or {})}
    return prop.default


def _may_reset(prop: Property, value: t.Any) -> bool:
    if prop.secret or same.holds_mask(value) or value == prop.default:
        return False
    return prop.type.nullable or prop.default not in ("", None)


# Reading


def info(server: Server, wanted: t.Any, keys: t.Sequence[str], prefixes: t.Sequence[str]) -> Outcome:
    """As the task of older servers, with the same results."""
    if wanted.include_secrets:
        raise InvalidOption("include_secrets", "no server since 0.16 returns secrets; leave it out, and keep them where you have them.")
    asked = [*keys, *prefixes]
    refuse_old(keys, "keys")
    refuse_old(prefixes, "prefixes")
    if asked == [""]:
        asked = []
    kinds: dict[str, ObjectType] = {}
    for option, key in [("keys", key) for key in keys] + [("prefixes", key) for key in prefixes if key]:
        named = setting_type(server, key.split(".")[0], option)
        kinds[named.name] = named
    if not asked:
        every = [server.objects.type(name) for name in server.objects.type_names()]
        kinds = {kind.name: kind for kind in every if kind and kind.configuration and not kind.paid}
    found = dict(zip(kinds, server.objects.find_all([(kind, {}) for kind in kinds.values()]), strict=True))
    tree: Nested = {}
    flat: dict[str, str] = {}
    records: dict[str, list[tuple[str, Nested]]] = {name: [] for name in kinds}
    for kind_name, objects in found.items():
        kind = kinds[kind_name]
        for each in objects:
            name = name_of(kind, each.values)
            if not kind.singleton and (name in tree.get(kind_name, {}) or not name):
                name = each.id
            values = {key: value for key, value in shown_values(each.values, kind.shape).items() if _is_set(kind, each, key)}
            own = texts(values, address_of(kind, name))
            chosen = {key: text for key, text in own.items() if not asked or any(key == one or key.startswith(f"{one}.") for one in asked)}
            if not chosen:
                continue
            flat.update(chosen)
            records[kind_name].append((name, values))
            picked = {key: value for key, value in values.items() if not asked or any(_overlaps(f"{address_of(kind, name)}.{key}", one) for one in asked)}
            (tree if kind.singleton else tree.setdefault(kind_name, {}))[kind_name if kind.singleton else name] = picked
    results: dict[str, t.Any] = {"settings": dict(sorted(flat.items())), "nested": tree, "local_keys": [], "total": len(flat)}
    if wanted.group_by:
        results["groups"] = [
            {"prefix": prefix, "id": name, "settings": {key.removeprefix("."): text for key, text in texts(values, "").items()}}
            for prefix in prefixes
            for name, values in records.get(prefix, ())
            if wanted.group_by in values
        ]
    return Outcome(results)


def _is_set(kind: ObjectType, found: FoundObject, name: str) -> bool:
    prop = kind.properties(found.values).get(name)
    return prop is None or prop.update != "server"


def _overlaps(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")

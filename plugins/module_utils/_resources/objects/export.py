# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of a server since 0.16 as variables: what differs from how the server makes things by itself, without secrets."""

from __future__ import annotations

import collections
import typing as t

from ..._secrets import HIDDEN
from ..._server.models.objects import VARIANT, FoundObject, ObjectType, Property, Values, ValueType
from ..._server.port import Server
from . import same
from .engine import name_of

#: What the server updates by itself, and where its own data are.
_LEFT_ALONE = frozenset({"SpamRule", "SpamTag", "SpamFileExtension", "SpamDnsblServer", "HttpLookup", "Application", "DataStore"})
#: What is made in numbers and not called by name.
_LISTED = frozenset({"AllowedIp", "BlockedIp", "MemoryLookupKey", "MemoryLookupKeyValue", "Certificate"})


class Exported(t.NamedTuple):
    """`settings` as the module settings takes them, `objects` as options of the module object, and the addresses of secrets that are not in them."""

    settings: dict[str, t.Any]
    objects: list[dict[str, t.Any]]
    left_out: list[str]


def exported(server: Server, *, include_secrets: bool) -> Exported:
    """Everything that is configuration. Secrets that servers return (headers of web hooks) come with `include_secrets`; others nobody can read."""
    names = [name for name in server.objects.type_names() if name not in _LEFT_ALONE]
    kinds = [kind for name in names if (kind := server.objects.type(name)) and kind.configuration and not kind.paid]
    out = Exported({}, [], [])
    for kind, found in zip(kinds, server.objects.find_all([(kind, {}) for kind in kinds]), strict=True):
        times = collections.Counter(name_of(kind, each.values) for each in found)
        for each in found:
            name = name_of(kind, each.values)
            address = name if kind.singleton else f"{kind.name}.{name}"
            properties = _properties(kind, each, address, include_secrets, out.left_out)
            if kind.singleton:
                if set(properties) - {VARIANT} or _another_variant(kind, properties):
                    out.settings[kind.name] = properties
            elif kind.name == "BlockedIp" and each.values.get("reason") != "manual":
                continue  # banned by the server itself
            elif kind.name in _LISTED or not name or times[name] > 1:
                found_by = {} if kind.name in _LISTED and times[name] == 1 and kind.natural_key else {"id": each.id}
                out.objects.append({"type": kind.name, **found_by, "properties": properties})
            else:
                out.settings.setdefault(kind.name, {})[name] = properties
    return Exported(out.settings, out.objects, sorted(out.left_out))


def _another_variant(kind: ObjectType, properties: Values) -> bool:
    return VARIANT in properties and properties[VARIANT] != next(iter(kind.shape.variants))


def _properties(kind: ObjectType, found: FoundObject, address: str, include_secrets: bool, left_out: list[str]) -> Values:
    properties = kind.properties(found.values)
    chosen: Values = {VARIANT: found.values[VARIANT]} if VARIANT in found.values else {}
    for name, prop in properties.items():
        value = found.values.get(name)
        if prop.update == "server" or (value == prop.default and name not in kind.natural_key):
            continue
        if (prop.hidden and value and not include_secrets) or _is_secret(value, prop):
            left_out.append(f"{address}.{name}")
            continue
        if same.holds_mask(value) or (not include_secrets and _holds_hidden(value, prop.type)):
            left_out.append(f"{address}.{name}")
        chosen[name] = _readable(value, prop.type, include_secrets)
    return chosen


def _is_secret(value: t.Any, prop: Property) -> bool:
    """Whether a value says nothing without the secret that it holds."""
    return prop.secret or (prop.type.kind == "object" and isinstance(value, dict) and HIDDEN in value.values())


def _holds_hidden(value: t.Any, wanted: ValueType) -> bool:
    """Whether something that is not shown stands somewhere in it."""
    if wanted.kind == "object" and isinstance(value, dict):
        properties = wanted.shape.properties(value.get(VARIANT, ""))
        return any(each and (prop.hidden or _holds_hidden(each, prop.type)) for name, each in value.items() if (prop := properties.get(name)))
    if wanted.kind == "list" and isinstance(value, list):
        return any(_holds_hidden(each, ValueType("object", shape_of=wanted.shape_of)) for each in value)
    return wanted.kind == "map" and isinstance(value, dict) and any(_holds_hidden(each, wanted.inner) for each in value.values())


def _readable(value: t.Any, wanted: ValueType, include_secrets: bool) -> t.Any:
    """A value without the secrets deep in it, and without what the server sets."""
    if wanted.kind == "object" and isinstance(value, dict):
        properties = wanted.shape.properties(value.get(VARIANT, ""))
        return {
            name: _readable(each, properties[name].type, include_secrets) if name in properties else each
            for name, each in value.items()
            if name not in properties
            or (properties[name].update != "server" and not _is_secret(each, properties[name]) and (include_secrets or not properties[name].hidden))
        }
    if wanted.kind == "list" and isinstance(value, list):
        return [_readable(each, ValueType("object", shape_of=wanted.shape_of), include_secrets) for each in value]
    if wanted.kind == "map" and isinstance(value, dict):
        return {key: _readable(each, wanted.inner, include_secrets) for key, each in value.items()}
    return value

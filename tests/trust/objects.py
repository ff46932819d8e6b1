# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects made from the schema that a server publishes: one for each place where a secret can be, and what each type needs besides."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap.schema import Catalogue
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.objects import ObjectType, Property, Shape
from tests.stand_in.jmap.published import build
from tests.stand_in.jmap.schema import schema

from .scenes import DOMAIN

RELEASE = "0.16.18"

#: What servers ask for beside secrets, by the name of the property.
NEEDED: dict[str, t.Any] = {
    "accessKeyId": "me",
    "applicationKey": "me",
    "bucket": "mail",
    "domainId": DOMAIN,
    "endpoint": "https://monitor.example.org/v1",
    "host": "192.0.2.7",
    "issuerUrl": "https://login.example.org/",
    "keyName": "mine",
    "projectId": "mine",
    "url": "https://monitor.example.org/hook",
    "username": "me",
}


@functools.cache
def types() -> list[ObjectType]:
    """All of the stand-in's schema that the module `object` makes."""
    catalogue = Catalogue(build(schema()))
    return [kind for name in catalogue.names if (kind := catalogue.type(name)) is not None and not kind.elsewhere]


@dataclasses.dataclass(frozen=True)
class Place:
    """Where in an object a secret can be: the properties on the way, each with the variant that has it."""

    type: ObjectType
    way: tuple[tuple[str, Property], ...]

    def __str__(self) -> str:
        return f"{self.type.name}.{'.'.join(f'{variant}:{prop.name}' if variant else prop.name for variant, prop in self.way)}"

    def properties(self, secret: str, name: str) -> dict[str, t.Any]:
        """An object with the secret at this place, and all that is needed besides."""
        return {**least(self.type, self.way[0][0], name), **_holding(self.type.shape, self.way, secret)}


def least(kind: ObjectType, variant: str, name: str) -> dict[str, t.Any]:
    """What a new object needs."""
    own: dict[str, t.Any] = {"@type": variant} if variant else {}
    properties = kind.shape.properties(variant)
    for needed in (*kind.required.get("", ()), *kind.required.get(variant, ()), *kind.natural_key):
        if needed in properties and needed not in own:
            value = properties[needed].type
            is_name = needed in (kind.label, *kind.natural_key) and needed not in ("domainId", "key")
            own[needed] = (
                value.members[0] if value.kind == "enum" else "192.0.2.9" if value.format == "ipNetwork" else name if is_name else NEEDED.get(needed, name)
            )
    return own


#: What a value of each kind can't be.
WRONG: dict[str, t.Any] = {
    "blob": ["x"],
    "boolean": "perhaps",
    "duration": "a while",
    "enum": "nonsense",
    "expression": {"nonsense": 1},
    "list": "just text",
    "map": ["x"],
    "number": "many",
    "object": ["x"],
    "rate": "often",
    "reference": "no-such-object",
    "set": 5.5,
    "size": "a lot",
    "text": ["x"],
    "time": "some day",
}


def wrong(kind: ObjectType) -> t.Iterator[tuple[dict[str, t.Any], str]]:
    """Properties with one that does not exist, and one of each kind with what it can't be; and the name of what is wrong."""
    for variant, properties in kind.shape.variants.items():
        base = least(kind, variant, "planted")
        yield {"nonsense": 1, **base}, "properties.nonsense"
        seen = set()
        for name, prop in properties.items():
            value = prop.type
            if prop.update == "server" or value.kind in seen or value.kind not in WRONG or (value.kind == "set" and value.inner.kind not in ("enum", "number")):
                continue
            seen.add(value.kind)
            yield {name: WRONG[value.kind], **{needed: its for needed, its in base.items() if needed != name}}, f"properties.{name}"
        if not kind.shape.single:
            yield {**base, "@type": "Nonsense"}, "properties.@type"
        if len(kind.shape.variants) > 5:
            return  # all are alike


def _holding(shape: Shape, way: t.Sequence[tuple[str, Property]], secret: str) -> dict[str, t.Any]:
    (variant, prop), *rest = way
    value: t.Any = _holding(prop.type.shape, rest, secret) if rest else {"Authorization": secret} if prop.type.kind == "map" else secret
    properties = shape.properties(variant)
    own = {name: given for name, given in NEEDED.items() if name in properties and properties[name].update != "server"}
    return {**({"@type": variant} if variant else {}), **own, prop.name: [value] if prop.type.kind == "list" else value}


def places(kind: ObjectType) -> list[Place]:
    """All places for secrets in a type; where many variants have one of the same name, in one of them."""
    found = {tuple(prop.name for _variant, prop in way): Place(kind, way) for way in _ways(kind.shape, ())}
    return list(found.values())


def _ways(shape: Shape, above: tuple[tuple[str, Property], ...]) -> t.Iterator[tuple[tuple[str, Property], ...]]:
    for variant, properties in shape.variants.items():
        for prop in properties.values():
            way = (*above, (variant, prop))
            if prop.update == "server":
                continue
            if prop.secret or prop.hidden:
                yield way
            elif prop.type.shape_of and all(id(prop.type.shape) != id(other.type.shape) for _variant, other in above if other.type.shape_of):
                yield from _ways(prop.type.shape, way)

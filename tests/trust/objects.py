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
        variant = self.way[0][0]
        own = _holding(self.type.shape, self.way, secret)
        for needed in (*self.type.required.get("", ()), *self.type.required.get(variant, ()), *self.type.natural_key):
            if needed in self.type.shape.properties(variant):
                own.setdefault(needed, name if needed in (self.type.label, *self.type.natural_key) else NEEDED.get(needed, name))
        return own


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

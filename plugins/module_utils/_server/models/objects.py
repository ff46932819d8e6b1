# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of any type that a server knows, and what it says of their types.

Values are plain and in one spelling: sets as sorted lists, durations as text ("1h30m"), sizes as bytes, points in time as "2026-01-31T23:59:00Z",
references as names (or ids, where names are not unique), expressions as text or as [{if, then}, …, {else}], rates as "100/1m",
and secrets, which no server returns, as `HIDDEN`.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ..._secrets import HIDDEN
from .server import ReloadPart

Kind = t.Literal[
    "text", "number", "duration", "size", "boolean", "enum", "time", "reference", "blob", "set", "list", "map", "object", "expression", "rate", "unknown"
]
Update = t.Literal["mutable", "immutable", "server"]

#: The property that says which variant of its type an object is.
VARIANT = "@type"

Values: t.TypeAlias = "dict[str, t.Any]"


@dataclasses.dataclass(frozen=True)
class ValueType:
    """What values a property takes.

    `members` are those of an enum; `target` is the type a reference leads to; `element` is of a set, list or map, and `key` of a map;
    `shape_of` tells the properties of an object or of a list's elements. Bounds are in the unit of the kind: milliseconds, bytes, or none.
    """

    kind: Kind
    format: str = ""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    min_items: int = 0
    members: tuple[str, ...] = ()
    target: str = ""
    element: ValueType | None = None
    key: ValueType | None = None
    shape_of: t.Callable[[], Shape] | None = dataclasses.field(default=None, repr=False, compare=False)

    @functools.cached_property
    def shape(self) -> Shape:
        """The properties of the object; none where this is no object."""
        return self.shape_of() if self.shape_of else Shape({"": {}})

    @property
    def inner(self) -> ValueType:
        """Of the elements."""
        return self.element or ValueType("unknown")

    @property
    def keys(self) -> ValueType:
        """Of a map's keys."""
        return self.key or ValueType("text")


@dataclasses.dataclass(frozen=True)
class Property:
    """One property. A `secret` one can't be read; a `hidden` one can, but is not shown."""

    name: str
    type: ValueType
    update: Update = "mutable"
    secret: bool = False
    hidden: bool = False
    paid: bool = False
    description: str = ""
    default_of: t.Callable[[], t.Any] | None = dataclasses.field(default=None, repr=False, compare=False)

    @functools.cached_property
    def default(self) -> t.Any:
        """The value it has when it is not given."""
        return self.default_of() if self.default_of else default_value(self.type)


@dataclasses.dataclass(frozen=True)
class Shape:
    """The properties of an object, by variant; one without variants has only that of the name ""."""

    variants: t.Mapping[str, t.Mapping[str, Property]]

    @property
    def single(self) -> bool:
        """Whether there are no variants."""
        return "" in self.variants

    def properties(self, variant: t.Any) -> t.Mapping[str, Property]:
        """Those of a variant; of a name that is none, nothing."""
        return self.variants.get("" if self.single else str(variant), {})

    @functools.cached_property
    def all(self) -> dict[str, Property]:
        """Those of all variants, for what has the same meaning in each."""
        return {name: prop for properties in reversed(list(self.variants.values())) for name, prop in properties.items()}

    def defaults(self, variant: t.Any) -> Values:
        """A new object of the variant."""
        values = {name: prop.default for name, prop in self.properties(variant).items()}
        return values if self.single else {VARIANT: variant, **values}


@dataclasses.dataclass(frozen=True)
class ObjectType:
    """A type of the server's schema, with what we know of it beyond that.

    `natural_key` are the properties by which people know an object, `filters` those the server finds objects by exactly. `required` tells for a
    variant what a creation must give. `reload` is what makes a change live ("" where it is at once), `restart` that even this does not.
    `elsewhere` names the module that does what this type is for, where it is not for objects that are there or not.
    `owned` is true where an object belongs to one account.
    """

    name: str
    shape: Shape
    singleton: bool = False
    description: str = ""
    paid: bool = False
    label: str = ""
    natural_key: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    required: t.Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    reload: ReloadPart | t.Literal[""] = "all"
    restart: bool = False
    elsewhere: str = ""
    configuration: bool = True
    owned: bool = False

    def properties(self, values: t.Mapping[str, t.Any]) -> t.Mapping[str, Property]:
        """Those of the variant that the values are of."""
        return self.shape.properties(values.get(VARIANT, ""))


@dataclasses.dataclass(frozen=True)
class FoundObject:
    """An object as the server has it: all its properties, those the server sets included."""

    id: str
    values: Values


@dataclasses.dataclass(frozen=True)
class Edit:
    """One change within an object. `path` leads through properties, keys of maps and places of lists.

    "set" gives a new value (None clears, or removes a key), "add" and "remove" are for a member of a set. `type` is that of the value.
    """

    path: tuple[str | int, ...]
    type: ValueType
    value: t.Any = dataclasses.field(repr=False)
    action: t.Literal["set", "add", "remove"] = "set"


@dataclasses.dataclass(frozen=True)
class CreatedObject:
    """The id of a new object, and secrets that the server made for it and tells this once."""

    id: str
    secrets: dict[str, str] = dataclasses.field(default_factory=dict, repr=False)


def default_value(wanted: ValueType) -> t.Any:
    """What a property without a default of its own has."""
    if wanted.nullable:
        return None
    if wanted.kind == "object":
        shape = wanted.shape
        return shape.defaults(next(iter(shape.variants), ""))
    if wanted.kind == "enum":
        return wanted.members[0] if wanted.members else ""
    plain: dict[str, t.Any] = {"time": None, "boolean": False, "set": [], "list": [], "map": {}, "number": 0, "size": 0, "duration": "0s"}
    return plain.get(wanted.kind, "")


def shown(value: t.Any, wanted: ValueType) -> t.Any:
    """A value for results and diffs: without secrets, at any depth."""
    if value is None:
        return None
    if wanted.kind == "object" and isinstance(value, dict):
        properties = wanted.shape.properties(value.get(VARIANT, ""))
        return {name: shown_property(each, properties.get(name)) for name, each in value.items()}
    if wanted.kind in ("list", "set") and isinstance(value, list):
        inner = ValueType("object", shape_of=wanted.shape_of) if wanted.kind == "list" else wanted.inner
        return [shown(each, inner) for each in value]
    if wanted.kind == "map" and isinstance(value, dict):
        return {key: shown(each, wanted.inner) for key, each in value.items()}
    return value


def shown_property(value: t.Any, prop: Property | None) -> t.Any:
    """As `shown`, for the value of a property."""
    if prop is None:
        return value
    if prop.secret:
        return HIDDEN if value else value
    if prop.hidden:
        return dict.fromkeys(value, HIDDEN) if isinstance(value, dict) else HIDDEN if value else value
    return shown(value, prop.type)


def shown_values(values: t.Mapping[str, t.Any], shape: Shape) -> Values:
    """As `shown`, for a whole object."""
    properties = shape.properties(values.get(VARIANT, ""))
    return {name: shown_property(value, properties.get(name)) for name, value in values.items()}

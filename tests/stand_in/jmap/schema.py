"""What objects there are: the table in ``schema.yml``, read once."""

from __future__ import annotations

import functools
import json
import pathlib
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from . import ids

STRINGS = frozenset({"string", "uri", "text", "html", "email", "secret", "secretText", "color"})
NUMBERS = frozenset({"integer", "unsigned", "float", "size", "duration"})
ACTIONS = ("Get", "Query", "Create", "Update", "Destroy")
_RULES = frozenset({"domain", "address", "local", "host", "trim", "lower", "upper", "nospaces"})
_MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class Kind:
    """A type: ``name`` is a scalar's name, set, map, list, object, enum or id; ``of`` the object, enum or id's object; ``members`` what is inside."""

    name: str
    nullable: bool = False
    of: str = ""
    members: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    kind: Kind
    traits: frozenset[str]
    rules: tuple[str, ...]
    limits: dict[str, float]
    options: dict[str, str]
    default: Any

    @property
    def has_default(self) -> bool:
        return self.default is not _MISSING


@dataclass(frozen=True, slots=True)
class Structure:
    name: str
    properties: dict[str, Property]
    unique: tuple[str, ...] = ()
    """The name of an index over all types, and the properties that make its key."""


@dataclass(frozen=True, slots=True)
class ObjectType:
    name: str
    traits: frozenset[str]
    label: str | None

    @property
    def singleton(self) -> bool:
        return "singleton" in self.traits


@dataclass(slots=True)
class Schema:
    objects: dict[str, ObjectType]
    variants: dict[str, dict[str, str | None]]
    structures: dict[str, Structure]
    enums: dict[str, tuple[str, ...]]
    permissions: tuple[str, ...]
    names: frozenset[str] = field(init=False)
    """Every name of a property of anything."""
    references: frozenset[str] = field(init=False)
    """Names of properties whose texts are read as ids wherever they stand."""

    def __post_init__(self) -> None:
        self.names = frozenset(name for structure in self.structures.values() for name in structure.properties) | {"@type", "id", "due"}
        kinds = (
            (item.name, kind) for structure in self.structures.values() for item in structure.properties.values() for kind in (item.kind, *item.kind.members)
        )
        self.references = frozenset(name for name, kind in kinds if kind.name in ("id", "blob")) | {"id"}

    def structure(self, name: str, value: dict[str, Any]) -> Structure | None:
        """The properties that a value of the object ``name`` has; None where its variant has none."""
        variants = self.variants.get(name)
        found = variants[value["@type"]] if variants is not None else name
        return self.structures.get(found) if found is not None else None

    def structures_of(self, name: str) -> list[Structure]:
        """The structures of all variants of an object."""
        variants = self.variants.get(name)
        names = [name] if variants is None else [variant for variant in dict.fromkeys(variants.values()) if variant is not None]
        return [self.structures[found] for found in names if found in self.structures]

    def default(self, kind: Kind) -> Any:
        """What a property of this type is where nothing else is said."""
        if kind.nullable:
            return None
        match kind.name:
            case "boolean":
                return False
            case "set" | "map" | "list":
                return {}
            case "enum":
                return "store.unexpected-error" if kind.of == "EventType" else self.enums[kind.of][0]
            case "id":
                return ids.UNSET
            case "object":
                return self.new(kind.of)
            case "ip" | "network":
                return "0.0.0.0"
            case "socket":
                return "0.0.0.0:0"
            case "date":
                return None
        return 0.0 if kind.name == "float" else 0 if kind.name in NUMBERS else ""

    def new(self, name: str, variant: str | None = None) -> dict[str, Any]:
        """An object with its defaults; of its first variant, or of the one asked for."""
        variants = self.variants.get(name)
        if variants is None:
            return self._defaults(name)
        chosen = variant or next(iter(variants))
        structure = variants[chosen]
        return {**(self._defaults(structure) if structure else {}), "@type": chosen}

    def _defaults(self, structure: str) -> dict[str, Any]:
        if structure not in self.structures:
            return {}
        return {
            name: self.complete(item.kind, json.loads(item.default)) if item.has_default else self.default(item.kind)
            for name, item in self.structures[structure].properties.items()
            if "computed" not in item.traits and "write-only" not in item.traits
        }

    def complete(self, kind: Kind, value: Any) -> Any:
        """A value with the defaults of what it leaves out."""
        match kind.name, value:
            case "float", int():
                return float(value)
            case "object", {}:
                return {**self.new(kind.of, value.get("@type")), **{key: item for key, item in value.items() if key != "@type"}}
            case "list", {}:
                return {key: {**self.new(kind.of, item.get("@type")), **item} for key, item in value.items()}
            case "map", {} if kind.members[1].name == "object":
                return {key: {**self.new(kind.members[1].of), **item} for key, item in value.items()}
        return value


def _parse_kind(text: str) -> Kind:
    nullable = text.endswith("?")
    text = text.removesuffix("?")
    call = re.fullmatch(r"(\w+)\((.*)\)", text)
    if call is None:
        return Kind("object", nullable, text) if text[0].isupper() else Kind(text, nullable)
    name, inner = call.groups()
    if name in ("set", "map"):
        return Kind(name, nullable, members=tuple(_parse_kind(part.strip()) for part in inner.split(",")))
    return Kind(name, nullable, inner)


def _parse_property(name: str, text: str) -> Property:
    text, equals, default = text.partition(" = ")
    kind, traits, rules, limits, options = "", set[str](), list[str](), dict[str, float](), dict[str, str]()
    depth = 0
    words: list[str] = [""]
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == " " and depth == 0:
            words.append("")
        else:
            words[-1] += letter
    kind = words[0]
    for word in words[1:]:
        key, has_value, value = word.partition("=")
        if key in _RULES:
            rules.append(key)
        elif has_value and key in ("link", "text", "variables"):
            options[key] = value
        elif has_value:
            limits[key] = float(value)
        else:
            traits.add(word)
    return Property(name, _parse_kind(kind), frozenset(traits), tuple(rules), limits, options, default if equals else _MISSING)


def _structure(name: str, properties: dict[str, str]) -> Structure:
    unique = tuple(properties.get("~unique", "").split())
    return Structure(name, {key: _parse_property(key, text) for key, text in properties.items() if key != "~unique"}, unique)


def _object(name: str, traits: str) -> ObjectType:
    words = traits.split()
    label = next((word.partition("=")[2] for word in words if word.startswith("label=")), None)
    return ObjectType(name, frozenset(word for word in words if "=" not in word), label)


@functools.cache
def schema() -> Schema:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    table = yaml.load(pathlib.Path(__file__).with_name("schema.yml").read_text(encoding="utf-8"), loader)
    objects = {name: _object(name, traits) for name, traits in table["objects"].items()}
    enums = {name: tuple(members.split() if isinstance(members, str) else members) for name, members in table["enums"].items()}
    own = [name for line in table["permissions"] for name in line.split()]
    for item in objects.values():
        own += [f"sys{item.name}{action}" for action in (("Get", "Update") if item.singleton else ACTIONS)]
    enums["Permission"] = tuple(own)
    variants = {name: dict(kinds.items()) for name, kinds in table["variants"].items()}
    structures = {name: _structure(name, properties) for name, properties in table["structures"].items()}
    return Schema(objects, variants, structures, enums, enums["Permission"])

"""``GET /api/schema``: the table of objects in the form that the server publishes it in."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import json
import re
from typing import Any

from .schema import NUMBERS, Kind, Property, Schema, schema

_FORMATS = {"unsigned": "unsignedInteger", "email": "emailAddress", "ip": "ipAddress", "network": "ipNetwork", "socket": "socketAddress"}
_STEPS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"))


@functools.cache
def document() -> tuple[str, bytes]:
    """The last part of its address, which changes with it, and the document, compressed."""
    text = json.dumps(build(schema()), separators=(",", ":")).encode()
    name = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")
    return name, gzip.compress(text, mtime=0)


def label(name: str) -> str:
    """``defaultHostname`` in words."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.removeprefix("@")).split()
    return " ".join([words[0][:1].upper() + words[0][1:], *(word.lower() for word in words[1:])]) if words else name


def build(table: Schema) -> dict[str, Any]:
    objects: dict[str, Any] = {}
    for name, item in table.objects.items():
        found: dict[str, Any] = {
            "description": f"{label(name)}.",
            "permissionPrefix": f"sys{name}",
            "type": "singleton" if item.singleton else "object",
        }
        objects[f"x:{name}"] = {**found, **({"enterprise": True} if "enterprise" in item.traits else {})}
    structures = {f"x:{name}": _fields(table, list(structure.properties.values())) for name, structure in table.structures.items()}
    names = {kind.of for structure in table.structures.values() for kind in _kinds(structure.properties.values()) if kind.name in ("object", "list")}
    schemas = {f"x:{name}": _schema(table, name) for name in sorted(names | set(table.objects))}
    return {
        "dashboards": [],
        "enums": {name: [{"label": label(member), "name": member} for member in members] for name, members in sorted(table.enums.items())},
        "fields": structures,
        "forms": {name: {"sections": [{"fields": [{"label": label(key), "name": key} for key in found["properties"]]}]} for name, found in structures.items()},
        "layouts": [],
        "lists": {f"x:{name}": _list(item.label, name) for name, item in table.objects.items() if item.label is not None},
        "objects": objects,
        "schemas": schemas,
    }


def _kinds(properties: Any) -> list[Kind]:
    return [inner for item in properties for inner in (item.kind, *item.kind.members)]


def _list(property_name: str, name: str) -> dict[str, Any]:
    singular = label(name).lower()
    columns = [{"label": label(property_name), "name": property_name}]
    return {"columns": columns, "labelProperty": property_name, "pluralName": f"{singular}s", "singularName": singular, "title": label(name)}


def _schema(table: Schema, name: str) -> dict[str, Any]:
    variants = table.variants.get(name)
    if variants is None:
        return {"schemaName": f"x:{name}", "type": "single"}
    listed = [{"label": label(kind), "name": kind, **({"schemaName": f"x:{found}"} if found else {})} for kind, found in variants.items()]
    return {"type": "multiple", "variants": listed}


def _fields(table: Schema, properties: list[Property]) -> dict[str, Any]:
    shown = {item.name: _property(item) for item in sorted(properties, key=lambda item: item.name)}
    defaults = {item.name: _default(item.kind, json.loads(item.default)) for item in sorted(properties, key=lambda item: item.name) if item.has_default}
    return {**({"defaults": defaults} if defaults else {}), "properties": shown}


def _property(item: Property) -> dict[str, Any]:
    update = "serverSet" if item.traits & {"server", "computed"} else "immutable" if "immutable" in item.traits else "mutable"
    kind = _kind(item.kind)
    for limit, name in (("min", "min"), ("max", "max"), ("items", "minItems"), ("length", "maxLength")):
        if limit in item.limits:
            number = item.limits[limit]
            kind[name] = number if item.kind.name == "float" else int(number)
    return {"description": label(item.name), "type": kind, "update": update, **({"enterprise": True} if "enterprise" in item.traits else {})}


def _kind(kind: Kind) -> dict[str, Any]:
    found: dict[str, Any]
    match kind.name:
        case "boolean":
            found = {"type": "boolean"}
        case "enum":
            found = {"enumName": kind.of, "type": "enum"}
        case "date":
            found = {"type": "utcDateTime"}
        case "blob":
            found = {"type": "blobId"}
        case "id":
            found = {"objectName": f"x:{kind.of}", "type": "objectId"}
        case "object":
            found = {"objectName": f"x:{kind.of}", "type": "object"}
        case "list":
            found = {"objectName": f"x:{kind.of}", "type": "objectList"}
        case "set":
            found = {"class": _kind(kind.members[0]), "type": "set"}
        case "map":
            found = {"keyClass": _kind(kind.members[0]), "type": "map", "valueClass": _kind(kind.members[1])}
        case _:
            found = {"format": _FORMATS.get(kind.name, kind.name), "type": "number" if kind.name in NUMBERS else "string"}
    return {**found, **({"nullable": True} if kind.nullable else {})}


def _default(kind: Kind, value: Any) -> Any:
    """Some defaults are published as people write them, not as they go over the wire."""
    if kind.of == "Expression":
        cases = list(value["match"].values())
        return {"else": value["else"], "match": cases} if cases else {"default": value["else"]}
    if kind.of == "Rate":
        period = value["period"]
        size, unit = next(step for step in _STEPS if period % step[0] == 0)
        return {"count": value["count"], "period": f"{period // size}{unit}"}
    return value

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server of objects in memory, with a small schema that has each kind of property, for tests of what is planned from a schema."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._errors import AlreadyExists, InUse, InvalidRequest, NotFound
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap._call import Find, JmapCaller, Write
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap._values import decode_object, encode_object
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap.objects import JmapObjects
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap.schema import Catalogue
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.objects import Property, ValueType
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.server import ReloadReport
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server

Wire = dict[str, t.Any]


def _string(kind: str = "string", **more: t.Any) -> Wire:
    return {"type": "string", "format": kind, **more}


def _number(kind: str, **more: t.Any) -> Wire:
    return {"type": "number", "format": kind, **more}


def _single(name: str) -> Wire:
    return {"type": "single", "schemaName": name}


def _fields(properties: dict[str, Wire], *, defaults: Wire | None = None, updates: dict[str, str] | None = None) -> Wire:
    about = {name: {"description": f"The {name}", "type": kind, "update": (updates or {}).get(name, "mutable")} for name, kind in properties.items()}
    return {"properties": about, "defaults": defaults or {}}


SCHEMA: Wire = {
    "objects": {
        "x:MtaRoute": {"type": "object", "description": "A route."},
        "x:Domain": {"type": "object", "description": "A domain."},
        "x:Tracer": {"type": "object", "description": "A tracer."},
        "x:Http": {"type": "singleton", "description": "Web."},
        "x:Action": {"type": "object", "description": "An action."},
        "x:Http/View": {"type": "view"},
        "Http": {"type": "object"},
    },
    "lists": {"x:MtaRoute": {"labelProperty": "name"}, "x:Domain": {"labelProperty": "name"}},
    "enums": {"Color": [{"name": "red"}, {"name": "green"}, {"name": "blue"}]},
    "schemas": {
        "x:MtaRoute": _single("x:MtaRoute"),
        "x:Domain": _single("x:Domain"),
        "x:Http": _single("x:Http"),
        "x:Action": _single("x:Action"),
        "x:Tracer": {"type": "multiple", "variants": [{"name": "Log", "schemaName": "x:TracerLog"}, {"name": "Stdout", "schemaName": "x:TracerStdout"}]},
        "x:Rate": _single("x:Rate"),
        "x:Expression": _single("x:Expression"),
        "x:Item": _single("x:Item"),
        "x:Box": _single("x:Box"),
        "x:SecretKey": {
            "type": "multiple",
            "variants": [
                {"name": "None"},
                {"name": "Value", "schemaName": "x:SecretKeyValue"},
                {"name": "EnvironmentVariable", "schemaName": "x:SecretKeyEnvironmentVariable"},
            ],
        },
    },
    "fields": {
        "x:Domain": _fields({"name": _string(), "aliases": {"type": "set", "class": _string()}}),
        "x:TracerLog": _fields({"path": _string(), "level": {"type": "enum", "enumName": "Color"}}, defaults={"level": "green"}),
        "x:TracerStdout": _fields({"level": {"type": "enum", "enumName": "Color"}}),
        "x:Http": _fields(
            {
                "limit": {"type": "object", "objectName": "x:Rate", "nullable": True},
                "headers": {"type": "map", "keyClass": _string(), "valueClass": _string()},
                "httpHeaders": {"type": "map", "keyClass": _string(), "valueClass": _string()},
                "script": {"type": "object", "objectName": "x:Expression"},
                "box": {"type": "object", "objectName": "x:Box"},
            },
            defaults={"limit": {"count": 10, "period": "1m"}, "script": {"default": "200"}},
        ),
        "x:Action": _fields({}),
        "x:Box": _fields({"depth": _number("unsignedInteger", min=1, max=9), "tags": {"type": "set", "class": _string()}}, defaults={"depth": 3}),
        "x:Item": _fields(
            {"hostname": _string(), "priority": _number("unsignedInteger"), "secret": _string("secret", nullable=True), "number": _string()},
            defaults={"priority": 10},
            updates={"number": "serverSet"},
        ),
        "x:SecretKeyValue": _fields({"secret": _string("secret")}),
        "x:SecretKeyEnvironmentVariable": _fields({"variableName": _string()}),
        "x:MtaRoute": _fields(
            {
                "name": _string(),
                "description": _string(nullable=True),
                "timeout": _number("duration", min=1000),
                "ttl": _number("duration", nullable=True),
                "size": _number("size", max=1 << 40),
                "weight": _number("float"),
                "enable": {"type": "boolean"},
                "color": {"type": "enum", "enumName": "Color"},
                "colors": {"type": "set", "class": {"type": "enum", "enumName": "Color"}},
                "networks": {"type": "set", "class": _string("ipNetwork")},
                "recipients": {"type": "set", "class": _string("emailAddress"), "minItems": 0},
                "items": {"type": "objectList", "objectName": "x:Item"},
                "authSecret": {"type": "object", "objectName": "x:SecretKey"},
                "domainId": {"type": "objectId", "objectName": "x:Domain", "nullable": True},
                "rate": {"type": "object", "objectName": "x:Rate", "nullable": True},
                "condition": {"type": "object", "objectName": "x:Expression"},
                "expiresAt": {"type": "utcDateTime", "nullable": True},
                "createdAt": {"type": "utcDateTime"},
            },
            defaults={"timeout": 5000, "enable": True, "condition": {"default": "true"}},
            updates={"name": "immutable", "createdAt": "serverSet"},
        ),
    },
}

_CATALOGUE = Catalogue(SCHEMA)


class ObjectServer:
    """Stores objects as they are sent, filled with defaults; knows pointers, masks secrets, keeps what is immutable and what is linked."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Wire]] = {}
        self.writes: list[tuple[str, str, t.Any]] = []
        self.reloads: list[str] = []
        self.reload_errors: dict[str, str] = {}
        self.schema_name = "schema-for-tests"

    @property
    def server(self) -> Server:
        """As resources speak with it, without what was cached before."""
        return t.cast(Server, _Server(self))

    # What the caller of JMAP offers

    def schema(self) -> Wire:
        return SCHEMA

    def read(self, *finds: Find) -> list[list[Wire]]:
        return [[each for each in self._all(find.type) if all(each.get(name) == value for name, value in find.filter.items())] for find in finds]

    def find(self, name: str, filter: Wire | None = None, **_more: t.Any) -> list[Wire]:
        return self.read(Find(name, filter or {}))[0]

    def get(self, name: str, ids: t.Iterable[str], **_more: t.Any) -> dict[str, Wire]:
        if name == "Http":
            return {"singleton": self.singletons([name])[name]}
        return {each["id"]: each for each in self._all(name) if each["id"] in ids}

    def singletons(self, names: t.Collection[str], **_more: t.Any) -> dict[str, Wire]:
        for name in names:
            self.stored.setdefault(name, {}).setdefault("singleton", self._filled(name, {}))
        return {name: self._shown(name, "singleton") for name in names}

    def create(self, name: str, value: Wire, **_more: t.Any) -> Wire:
        self.writes.append(("create", name, copy.deepcopy(value)))
        if any(each["name"] == value.get("name") for each in self.stored.get(name, {}).values() if "name" in each):
            raise AlreadyExists("primaryKeyViolation: name", field="name", request="POST /jmap")
        object_id = f"{name.lower()}{len(self.stored.setdefault(name, {}))}"
        self.stored[name][object_id] = self._filled(name, value)
        return {"id": object_id}

    def update(self, name: str, object_id: str, patch: Wire, **_more: t.Any) -> None:
        self.writes.append(("update", name, copy.deepcopy(patch)))
        value = copy.deepcopy(self.stored[name][object_id])
        for pointer, part in patch.items():
            _patch(value, [each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")], part)
        self.stored[name][object_id] = self._filled(name, value)

    def destroy(self, name: str, object_id: str, **_more: t.Any) -> None:
        self.writes.append(("destroy", name, object_id))
        linked = tuple((other, each) for other, objects in self.stored.items() for each, value in objects.items() if value.get("domainId") == object_id)
        if linked:
            raise InUse("objectIsLinked", linked=linked, request="POST /jmap")
        if object_id not in self.stored.get(name, {}):
            raise NotFound("notFound", request="POST /jmap")
        del self.stored[name][object_id]

    def set(self, writes: t.Sequence[Write], **_more: t.Any) -> list[Wire]:
        answers: list[Wire] = []
        for each in writes:
            if each.action == "create":
                answers.append(self.create(each.type, dict(each.value or {})))
            else:
                self.destroy(each.type, each.key)
                answers.append({})
        return answers

    # Inside

    def _all(self, name: str) -> list[Wire]:
        return [self._shown(name, object_id) for object_id in sorted(self.stored.get(name, {}))]

    def _shown(self, name: str, object_id: str) -> Wire:
        kind = _CATALOGUE.type(name)
        assert kind
        value = self.stored[name][object_id]
        return {"id": object_id, **_masked(value, kind.properties(value))}

    def _filled(self, name: str, value: Wire) -> Wire:
        kind = _CATALOGUE.type(name)
        assert kind
        if not kind.shape.single and value.get("@type") not in kind.shape.variants:
            raise InvalidRequest("invalidPatch: @type", request="POST /jmap")
        properties = kind.properties(value)
        unknown = set(value) - set(properties) - {"@type"}
        if unknown or any(properties[each].update == "server" for each in value if each in properties and each != "createdAt"):
            raise InvalidRequest(f"invalidPatch: {unknown}", request="POST /jmap")
        # once there and back fills in the defaults of what is within
        whole = {**encode_object(kind.shape.defaults(value.get("@type", "")), properties), **value}
        if "****" in repr(whole):
            raise AssertionError("a mask was written")
        return encode_object(decode_object(whole, properties), properties)


class _Server:
    generation = "jmap"

    def __init__(self, store: ObjectServer) -> None:
        self._store = store
        self.objects = JmapObjects(t.cast(JmapCaller, store))

    def reload(self, *, part: str = "all", dry_run: bool = False) -> ReloadReport:
        self._store.reloads.append(part)
        return ReloadReport(errors=self._store.reload_errors)


def _patch(value: t.Any, path: t.Sequence[str], part: t.Any) -> None:
    for name in path[:-1]:
        value = value[name]
    if part is None and len(path) > 1:
        value.pop(path[-1], None)
    else:
        value[path[-1]] = part


def _masked(value: t.Any, properties: t.Mapping[str, Property]) -> Wire:
    return {name: _masked_property(each, properties[name]) if name in properties else each for name, each in value.items()}


def _masked_property(value: t.Any, prop: Property) -> t.Any:
    if prop.secret:
        return "****" if value else value
    return _masked_value(value, prop.type)


def _masked_value(value: t.Any, kind: ValueType) -> t.Any:
    if not isinstance(value, dict):
        return value
    if kind.kind == "object":
        return _masked(value, kind.shape.properties(value.get("@type", "")))
    if kind.kind == "list":
        return {place: _masked(each, kind.shape.properties(each.get("@type", ""))) for place, each in value.items()}
    return value

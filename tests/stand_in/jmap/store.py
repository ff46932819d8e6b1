"""Objects of all types with their indexes: what is found by which filter, what may not be twice, and what holds on to what."""

from __future__ import annotations

import bisect
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from . import ids
from .patch import check, renumber
from .schema import Schema

_WORD = re.compile(r"[^\W_]+")
_LIMIT = 200_000

Key = tuple[str, str, Any]
"""An index: the type (empty: over all types), the property, the value."""
Reference = tuple[str, int]


@dataclass
class SetError(Exception):
    """Why one object was not written: the members of the answer."""

    type: str
    description: str | None = None
    properties: list[str] | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        members = {"type": self.type, "description": self.description, "properties": self.properties}
        return {name: value for name, value in members.items() if value is not None} | self.more


def object_id(kind: str, number: int) -> dict[str, str]:
    return {"object": kind, "id": ids.encode(number)}


def words(text: str) -> Iterator[str]:
    return (word.lower() for word in _WORD.findall(text) if len(word.encode()) > 1)


def stored_size(value: dict[str, Any]) -> int:
    """What an object takes, about: real servers compress what is stored, and more quickly than well."""
    text = json.dumps(value, ensure_ascii=False).encode()
    return len(text) if len(text) <= _LIMIT else min(len(text), 2 * len(zlib.compress(text, 1)))


@dataclass(slots=True)
class _Keys:
    unique: set[Key] = field(default_factory=set)
    search: set[Key] = field(default_factory=set)
    links: set[tuple[Reference, str | None]] = field(default_factory=set)


class Store:
    """Values are complete objects without their ids; they are replaced, never changed in place.

    ``on_change`` is told of each write: type, id, value before and after (None: there was none, there is none).
    """

    def __init__(self, schema: Schema, now: Callable[[], float]) -> None:
        self.schema = schema
        self._now = now
        self._objects: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in schema.objects}
        self._sorted: dict[str, list[int]] = {name: [] for name in schema.objects}
        self._unique: dict[Key, Reference] = {}
        self._search: dict[Key, set[int]] = {}
        self._links: dict[Reference, set[Reference]] = {}
        self._counters: dict[str, int] = {}
        self._last_id = 0
        self._order = {name: index for index, name in enumerate(sorted(schema.objects))}
        self.on_change: list[Callable[[str, int, dict[str, Any] | None, dict[str, Any] | None], None]] = []

    # --- reading -------------------------------------------------------------

    def get(self, kind: str, number: int) -> dict[str, Any] | None:
        return self._objects[kind].get(number)

    def singleton(self, kind: str) -> dict[str, Any]:
        """What is stored, or the defaults."""
        number = ids.decode(ids.SINGLETON)
        return self._objects[kind].get(number or 0) or self.schema.new(kind)

    def all(self, kind: str) -> list[int]:
        """Ids in ascending order."""
        return list(self._sorted[kind])

    def items(self, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        return ((number, self._objects[kind][number]) for number in self.all(kind))

    def unique(self, kind: str, name: str, value: Any) -> int | None:
        found = self._unique.get((kind, name, value))
        return found[1] if found else None

    def unique_over_all(self, name: str, *values: Any) -> Reference | None:
        return self._unique.get(("", name, values))

    def search(self, kind: str, name: str, value: Any) -> set[int]:
        return self._search.get((kind, name, value), set())

    def searchable(self, kind: str, name: str) -> dict[Any, set[int]]:
        """All values that an index has."""
        return {key[2]: found for key, found in self._search.items() if key[:2] == (kind, name)}

    def ordered(self, kind: str, name: str) -> list[int]:
        """What an index lists, in its order: an object once for each of its values, none that has no value."""
        keys = [(key[2], number) for key, numbers in self._search.items() if key[:2] == (kind, name) for number in numbers]
        keys += [(key[2], number) for key, (_, number) in self._unique.items() if key[:2] == (kind, name)]
        properties = (structure.properties.get(name) for structure in self.schema.structures_of(kind))
        by_id = any("id" in (item.kind.name, *(member.name for member in item.kind.members)) for item in properties if item is not None)
        return [number for _, number in sorted((ids.decode(value) or 0 if by_id else str(value).encode(), number) for value, number in keys)]

    def linked(self, kind: str, number: int) -> list[Reference]:
        return sorted(self._links.get((kind, number), ()), key=lambda item: (self._order[item[0]], item[1]))

    # --- writing -------------------------------------------------------------

    def new_id(self, kind: str) -> int:
        if "counted" in self.schema.objects[kind].traits:
            self._counters[kind] = self._counters.get(kind, 0) + 1
            return self._counters[kind]
        return self.new_time_id()

    def new_time_id(self) -> int:
        """Ids of what is not counted grow with the time."""
        self._last_id = max(self._last_id + 1024, (int(self._now() * 1000) - 1_483_228_800_000) << 20 | 10 << 55)
        return self._last_id

    def put(self, kind: str, number: int | None, value: dict[str, Any]) -> int:
        """Write an object that was checked; returns its id. Raises SetError."""
        schema = self.schema
        if errors := check(schema, kind, value):
            raise SetError("validationFailed", more={"validationErrors": errors})
        value = renumber(schema, kind, value)
        before = self._objects[kind].get(number) if number is not None else None
        old, new = self._keys(kind, before), self._keys(kind, value)
        for (target, target_id), variant in sorted(new.links - old.links, key=str):
            found = self._objects[target].get(target_id) if target in self._objects else None
            if found is None or (variant is not None and found.get("@type") != variant) or not self._within(kind, number, value, target, found):
                raise SetError("invalidForeignKey", more={"objectId": object_id(target, target_id)})
        for key in new.unique - old.unique:
            taken = self._unique.get(key)
            if taken is not None and taken != (kind, number):
                raise SetError("primaryKeyViolation", properties=[key[1]], more={"objectId": object_id(*taken)})
        size = stored_size(value)
        if size > _LIMIT:
            invalid = {"type": "Invalid", "property": "id", "value": f"Object size {size} exceeds maximum of {_LIMIT}"}
            raise SetError("validationFailed", more={"validationErrors": [invalid]})
        if number is None:
            number = (ids.decode(ids.SINGLETON) or 0) if schema.objects[kind].singleton else self.new_id(kind)
        self._unindex(kind, number, old)
        self._index(kind, number, new)
        if before is None:
            bisect.insort(self._sorted[kind], number)
        self._objects[kind][number] = value
        self._tell(kind, number, before, value)
        return number

    def _within(self, kind: str, number: int | None, value: dict[str, Any], target: str, found: dict[str, Any]) -> bool:
        """Whether an object may refer to another: one of a tenant to what this tenant has, one of an account to what is this account's."""
        traits, tenant = self.schema.objects[target].traits, value.get("memberTenantId")
        if "tenant" in traits and tenant is not None and found.get("memberTenantId") != tenant:
            return False
        account = ids.encode(number) if kind == "Account" and number is not None else value.get("accountId")
        return "account" not in traits or account is None or found.get("accountId") == account

    def remove(self, kind: str, number: int, orphans: Iterable[str] = ()) -> None:
        """Raises SetError where something holds on to the object."""
        links = [item for item in self.linked(kind, number) if item[0] not in orphans and item != (kind, number)]
        if links:
            raise SetError("objectIsLinked", more={"objectId": object_id(kind, number), "linkedObjects": [object_id(*item) for item in links]})
        before = self._objects[kind].pop(number)
        del self._sorted[kind][bisect.bisect_left(self._sorted[kind], number)]
        self._unindex(kind, number, self._keys(kind, before))
        self._tell(kind, number, before, None)

    def _tell(self, kind: str, number: int, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        for listener in self.on_change:
            listener(kind, number, before, after)

    # --- indexes -------------------------------------------------------------

    def _index(self, kind: str, number: int, keys: _Keys) -> None:
        for key in keys.unique:
            self._unique[key] = kind, number
        for key in keys.search:
            self._search.setdefault(key, set()).add(number)
        for target, _ in keys.links:
            self._links.setdefault(target, set()).add((kind, number))

    def _unindex(self, kind: str, number: int, keys: _Keys) -> None:
        for key in keys.unique:
            self._unique.pop(key, None)
        for key in keys.search:
            self._search.get(key, set()).discard(number)
        for target, _ in keys.links:
            self._links.get(target, set()).discard((kind, number))

    def _keys(self, kind: str, value: dict[str, Any] | None) -> _Keys:
        keys = _Keys()
        if value is not None:
            if kind == "Account":
                keys.search.add((kind, "@type", value["@type"]))
            self._collect(kind, kind, value, keys)
        return keys

    def _collect(self, kind: str, name: str, value: dict[str, Any], keys: _Keys) -> None:
        structure = self.schema.structure(name, value)
        if structure is None:
            return
        if structure.unique:
            index, *properties = structure.unique
            keys.unique.add(("", index, tuple(value[item] for item in properties)))
        for found in structure.properties.values():
            item = value.get(found.name)
            if item is None:
                continue
            many = found.kind.name in ("set", "map", "list")
            members = list(item) if many else [item]
            if "unique" in found.traits:
                keys.unique |= {(kind, found.name, member) for member in members}
            if "index" in found.traits:
                keys.search |= {(kind, found.name, member) for member in members if member != ids.UNSET or not many}
            if "text" in found.traits or "text" in found.options:
                index = found.options.get("text", "text")
                keys.search |= {(kind, index, word) for member in members for word in words(str(member))}
            if "link" in found.traits or "link" in found.options:
                inner = found.kind.members[0] if many else found.kind
                target = inner.of.partition("/")[0]
                keys.links |= {((target, ids.decode(member) or 0), found.options.get("link")) for member in members if member != ids.UNSET}
            match found.kind.name:
                case "object":
                    self._collect(kind, found.kind.of, item, keys)
                case "list":
                    for inner_value in item.values():
                        self._collect(kind, found.kind.of, inner_value, keys)

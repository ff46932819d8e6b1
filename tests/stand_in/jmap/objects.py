"""What most types have in common: got from the store, found by its indexes, patched and checked on the way in."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import ids
from .calls import TOO_LARGE, Crash, MethodCall, MethodError
from .patch import Patcher, PatchError, network, split_pointer
from .schema import STRINGS, Property, Schema
from .store import SetError, words

MASK = "****"
_SECRETS = frozenset({"otpUrl", "otpCode"})
"""Secret, though their type does not say so; and the link for one-time passwords of a credential."""
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "GreaterThanOrEqual": operator.ge,
    "LessThanOrEqual": operator.le,
    "GreaterThan": operator.gt,
    "LessThan": operator.lt,
}
SINGLETON_ID = ids.decode(ids.SINGLETON) or 0


# --- get ---------------------------------------------------------------------


def wanted_ids(call: MethodCall) -> tuple[list[int] | None, list[str]]:
    """The ids asked for (None: all), and texts among them that are none. Raises MethodError for too many."""
    texts = call.arguments.get("ids")
    if texts is None:
        return None, []
    if len(texts) > call.service.limits["getMaxResults"]:
        raise MethodError("requestTooLarge", TOO_LARGE)
    numbers = [(text, ids.decode(text)) for text in texts]
    return [number for _, number in numbers if number is not None], [text for text, number in numbers if number is None]


def shown(call: MethodCall, value: dict[str, Any], number: int, computed: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object as an answer has it: secrets masked, and only the properties asked for."""
    whole = {**mask(call.service.schema, call.kind, value), **(computed or {})}
    if call.own_only and "account" in call.service.schema.objects[call.kind].traits:
        whole.pop("accountId", None)
    if call.token.tenant_id is not None and "tenant" in call.service.schema.objects[call.kind].traits:
        whole.pop("memberTenantId", None)
    asked = call.arguments.get("properties")
    whole["id"] = ids.encode(number)
    known = [name for name in asked or () if name in call.service.schema.names]
    return {name: item for name, item in whole.items() if name in known or name == "id"} if known else whole


def mask(schema: Schema, name: str, value: dict[str, Any]) -> dict[str, Any]:
    """An object without its secrets: a mask for each that is set, nothing for one that may be missing and is."""
    structure = schema.structure(name, value)
    if structure is None:
        return value
    shown = {}
    for key, item in value.items():
        kind = structure.properties[key].kind if key in structure.properties else None
        if kind is not None and (kind.name in ("secret", "secretText") or key in _SECRETS or (key, kind.name) == ("otpAuth", "uri")):
            if item is not None:
                shown[key] = MASK if item else item
        elif kind is not None and kind.name == "object" and item is not None:
            shown[key] = mask(schema, kind.of, item)
        elif kind is not None and kind.name == "list":
            shown[key] = {place: mask(schema, kind.of, inner) for place, inner in item.items()}
        else:
            shown[key] = item
    return shown


def got(call: MethodCall, found: list[dict[str, Any]], missing: Iterable[int], invalid: Iterable[str]) -> dict[str, Any]:
    return {"accountId": call.account_id, "list": found, "notFound": [*invalid, *map(ids.encode, missing)]}


def visible(call: MethodCall, value: dict[str, Any]) -> bool:
    """Whether the caller may know of an object: of its tenant, of its account."""
    traits = call.service.schema.objects[call.kind].traits
    if "tenant" in traits and call.token.tenant_id is not None and value.get("memberTenantId") != ids.encode(call.token.tenant_id):
        return False
    return not ("account" in traits and call.own_only and value.get("accountId") != call.account_id)


def get(call: MethodCall) -> dict[str, Any]:
    service, kind = call.service, call.kind
    numbers, invalid = wanted_ids(call)
    singleton = service.schema.objects[kind].singleton
    if numbers is None:
        numbers = [] if singleton else [number for number, value in service.store.items(kind) if visible(call, value)][: service.limits["getMaxResults"]]
    found, missing = [], []
    for number in numbers:
        value = service.store.get(kind, number)
        if value is None and singleton and number == SINGLETON_ID:
            value = service.schema.new(kind)
        if value is None or not visible(call, value):
            missing.append(number)
        else:
            found.append(shown(call, value, number, service.computed(call, number, value)))
    return got(call, found, missing, invalid)


# --- query -------------------------------------------------------------------


def conditions(call: MethodCall) -> list[tuple[str, str, Any]]:
    """The filter as (property, operator, value); all must hold. Raises MethodError."""
    found: list[tuple[str, str, Any]] = []

    def read(item: Any) -> None:
        if item is None:
            return
        if "conditions" in item:
            if item.get("operator", "AND") != "AND":
                raise MethodError("unsupportedFilter", "Only AND is supported in filters")
            for inner in item["conditions"]:
                read(inner)
            return
        for key, value in item.items():
            if key == "operator":
                continue
            name, _, suffix = key.rpartition("Is")
            if key in call.service.schema.names or key == "text":
                found.append((key, "", value))
            elif suffix in _OPERATORS and name in call.service.schema.names:
                found.append((name, suffix, value))
            else:
                raise MethodError("unsupportedFilter", key)

    if call.arguments.get("filter") is not None:
        read(call.arguments["filter"])
    return found


def unsupported(name: str) -> MethodError:
    return MethodError("unsupportedFilter", f"Filter on property {name} is not supported or invalid")


def sorting(call: MethodCall, only: Sequence[str] | None = None) -> tuple[str, bool]:
    """The property that decides the order and whether it ascends; descending ids where nothing is said. Raises MethodError."""
    given = (call.arguments.get("sort") or [{"property": "id", "isAscending": False}])[0]
    name = given.get("property", "")
    if name not in call.service.schema.names | {"text"} or (only is not None and name not in only):
        raise MethodError("unsupportedSort", f"Property {name} is not supported for sorting")
    return name, given.get("isAscending", True)


def compare(suffix: str, value: Any, wanted: Any) -> bool:
    return bool(_OPERATORS[suffix](value, wanted)) if suffix else bool(value == wanted)


def _property(call: MethodCall, name: str, traits: set[str]) -> Property | None:
    structures = call.service.schema.structures_of(call.kind)
    found = (structure.properties.get(name) for structure in structures)
    return next((item for item in found if item is not None and item.traits & traits), None)


def _text_index(call: MethodCall, name: str) -> bool:
    """Whether words of the objects are found under ``name``."""
    for structure in call.service.schema.structures_of(call.kind):
        for item in structure.properties.values():
            if (name == "text" and "text" in item.traits) or item.options.get("text") == name:
                return True
    return False


def _of_filter(call: MethodCall, name: str, suffix: str, value: Any) -> list[int]:
    """Ids that one condition finds: in the order of the index. Raises MethodError."""
    store, kind = call.service.store, call.kind
    if _text_index(call, name) and isinstance(value, str):
        found: set[int] = set()
        for word in words(value):
            hits = store.search(kind, name, word)
            if not found:  # words ahead of the first one that is known are passed over
                found = set(hits)
                continue
            found &= hits
            if not found:
                break
        return sorted(found)
    if name == "@type" and kind == "Account":
        if value not in call.service.schema.enums["AccountType"]:
            raise unsupported(name)
        return sorted(store.search(kind, name, value))
    item = _property(call, name, {"unique", "index"})
    if item is None:
        raise unsupported(name)
    value = _index_value(item, value)
    if value is None:
        raise unsupported(name)
    if "unique" in item.traits:
        if suffix:
            return [number for number, stored in store.items(kind) if compare(suffix, stored.get(name), value)]
        number = store.unique(kind, name, value)
        return [] if number is None else [number]
    if not suffix:
        return sorted(store.search(kind, name, value))
    keys = [(str(key), sorted(numbers)) for key, numbers in store.searchable(kind, name).items() if compare(suffix, key, value)]
    return [number for _, numbers in sorted(keys) for number in numbers]


def _index_value(item: Property, value: Any) -> Any:
    kind = item.kind.members[0] if item.kind.members else item.kind
    if not isinstance(value, str):
        return None
    if kind.name == "id":
        number = ids.decode(value)
        return None if number is None else ids.encode(number)
    if kind.name == "network":
        try:
            return network(value)
        except ValueError:
            return None
    return value if kind.name in STRINGS or kind.name == "enum" else None


def query(call: MethodCall) -> dict[str, Any]:
    service, store, kind, arguments = call.service, call.service.store, call.kind, call.arguments
    listed = conditions(call)
    filters = [(name, suffix, value) for name, suffix, value in listed if not (name == "accountId" and call.own_only)]
    found = [_of_filter(call, *item) for item in filters]
    by, ascending = sorting(call)
    most, position = service.limits["queryMaxResults"], arguments.get("position")
    cheap = by == "id" and not arguments.get("calculateTotal") and not arguments.get("anchorOffset") and (position is None or position > 0)
    mine = [number for number, value in store.items(kind) if visible(call, value)] if _filtered(call) else None
    if found:
        deferred = len(filters) > 1 or any(not str(value).isalnum() for name, _, value in filters if _text_index(call, name))
        matches = found[0]
        for other in found[1:]:
            matches = sorted(set(matches) & set(other)) if matches else matches
        matches = sorted(matches) if deferred else matches
    else:
        matches = store.all(kind)
    if mine is not None:
        matches = [number for number in matches if number in set(mine)]
    if cheap:
        limit = arguments.get("limit")
        matches = _cut(call, matches, min(most if limit is None else limit, most), by_order=bool(found))
        arguments = {name: value for name, value in arguments.items() if name not in ("anchor", "position", "limit")}
    if by == "id":
        matches = sorted(matches, reverse=not ascending)
    elif found and not matches:
        pass
    elif _property(call, by, {"unique", "index"}) is not None or (by, kind) == ("@type", "Account"):
        listed_by = store.ordered(kind, by)[:: 1 if ascending else -1]
        wanted = set(matches)
        known = set(listed_by)
        matches = list(dict.fromkeys(number for number in listed_by if number in wanted)) if found else [number for number in listed_by if number in wanted]
        matches += sorted(wanted - known) if found else []
    else:
        raise MethodError("unsupportedSort", f"Property {by} is not supported for sorting")
    return page(call, matches, arguments, most)


def _filtered(call: MethodCall) -> bool:
    traits = call.service.schema.objects[call.kind].traits
    return ("tenant" in traits and call.token.tenant_id is not None) or ("account" in traits and call.own_only)


def _cut(call: MethodCall, matches: list[int], limit: int, *, by_order: bool) -> list[int]:
    """One page in ascending order, before it is sorted: what makes the default order useless for paging."""
    anchor = ids.decode(call.arguments.get("anchor"))
    if anchor is not None:
        matches = (matches[matches.index(anchor) + 1 :] if anchor in matches else []) if by_order else [number for number in matches if number > anchor]
    else:
        matches = matches[call.arguments.get("position") or 0 :]
    return matches[: max(limit, 1)]


def page(call: MethodCall, matches: list[int], arguments: dict[str, Any], most: int, *, walked: bool = False) -> dict[str, Any]:
    """The answer to a query: the part of ``matches`` (in their order) that the arguments ask for. Raises MethodError.

    ``walked``: the server does not gather the matches first, and so tells a limit that was just met too.
    """
    total, limit, position, anchor = len(matches), arguments.get("limit"), arguments.get("position") or 0, ids.decode(arguments.get("anchor"))
    size = most if limit is None else min(limit, most)
    answer: dict[str, Any] = {"accountId": call.account_id, "queryState": "n", "canCalculateChanges": True, "position": 0}
    if anchor is not None:
        if anchor not in matches:
            raise MethodError("anchorNotFound", "An anchor argument was supplied, but it cannot be found in the results of the query.")
        start = max(matches.index(anchor) + (arguments.get("anchorOffset") or 0), 0)
    elif position >= 0:
        start = position
    else:
        start = max(total + position, 0)
    chosen = matches[start : start + size] if size else matches[start:]
    answer["position"] = start if anchor is not None or position < 0 or start <= total else 0
    answer["ids"] = [ids.encode(number) for number in chosen]
    if arguments.get("calculateTotal"):
        answer["total"] = total
        if walked and not size:
            answer["ids"] = []
    met = total if arguments.get("calculateTotal") else min(total, start + len(chosen))
    if met >= size if walked and (size < most or total >= most) else total > size:
        answer["limit"] = size
    return answer


# --- set ---------------------------------------------------------------------


class Changes:
    """The answer to a set while it grows. Members that stay empty are left out."""

    def __init__(self, call: MethodCall) -> None:
        self._call = call
        self.created: dict[str, dict[str, Any]] = {}
        self.updated: dict[str, Any] = {}
        self.destroyed: list[str] = []
        self.not_created: dict[str, Any] = {}
        self.not_updated: dict[str, Any] = {}
        self.not_destroyed: dict[str, Any] = {}
        arguments = call.arguments
        count = sum(len(arguments.get(name) or ()) for name in ("create", "update", "destroy"))
        if count > call.service.limits["setMaxObjects"]:
            raise MethodError("requestTooLarge", TOO_LARGE)

    def create(self, key: str, number: int, **more: Any) -> None:
        self.created[key] = {"id": ids.encode(number), **more}
        self._call.created[key] = ids.encode(number)

    def as_json(self) -> dict[str, Any]:
        members = {
            "created": self.created,
            "updated": self.updated,
            "destroyed": self.destroyed,
            "notCreated": self.not_created,
            "notUpdated": self.not_updated,
            "notDestroyed": self.not_destroyed,
        }
        return {"accountId": self._call.account_id, **{name: value for name, value in members.items() if value}}

    def updates(self) -> Iterable[tuple[int, Any]]:
        """Ids that can be read with their patches; the others vanish. Raises Crash for a patch that is none."""
        destroys = {ids.decode(text) for text in self._call.arguments.get("destroy") or ()}
        for text, patch in (self._call.arguments.get("update") or {}).items():
            number = ids.decode(text)
            if number is None:
                continue
            if number in destroys:
                self.not_updated[ids.encode(number)] = {"type": "willDestroy"}
                continue
            if not isinstance(patch, dict):
                raise Crash
            yield number, patch

    def destroys(self) -> Iterable[int]:
        """Ids that can be read; those of singletons are refused here."""
        singleton = self._call.service.schema.objects[self._call.kind].singleton
        for text in self._call.arguments.get("destroy") or ():
            number = ids.decode(text)
            if number is None:
                continue
            if singleton:
                self.not_destroyed[ids.encode(number)] = SINGLETON
            else:
                yield number

    def refuse_all(self, error: SetError) -> dict[str, Any]:
        self.not_created = {key: error.as_json() for key in self._call.arguments.get("create") or {}}
        self.not_updated = {ids.encode(number): error.as_json() for number, _ in self.updates()}
        self.not_destroyed |= {ids.encode(number): error.as_json() for number in self.destroys()}
        return self.as_json()


NOT_FOUND = {"type": "notFound"}
SINGLETON = {"type": "singleton", "description": "Singletons cannot be created or destroyed."}


def patched(call: MethodCall, value: dict[str, Any], new: Any, *, create: bool) -> dict[str, Any]:
    """``value`` with a whole object or a patch laid over it. Raises SetError."""
    may_set_tenant = call.token.tenant_id is None
    patcher = Patcher(call.service.schema, create, may_set_tenant, not call.own_only)
    new = _resolve_created(new, call.created)
    try:
        if create:
            return patcher.whole(call.kind, value, new)
        variants = call.service.schema.variants.get(call.kind)
        if variants is not None and "@type" in new and new["@type"] != value.get("@type"):
            return Patcher(call.service.schema, True, may_set_tenant, not call.own_only).whole(call.kind, value, new)
        for pointer, item in new.items():
            if pointer != "@type":
                value = patcher.at(call.kind, value, split_pointer(pointer), item)
    except PatchError as error:
        raise SetError("invalidPatch", error.message, [error.path]) from None
    return value


def _resolve_created(value: Any, created: dict[str, str]) -> Any:
    """References within one call, to what was created a moment ago."""
    if isinstance(value, dict):
        return {
            created.get(key[1:], key) if key.startswith("#") else key: _resolve_created(item, created) if isinstance(item, dict) else _reference(item, created)
            for key, item in value.items()
        }
    return value


def _reference(value: Any, created: dict[str, str]) -> Any:
    return created.get(value[1:], value) if isinstance(value, str) and value.startswith("#") else value


def set_objects(call: MethodCall) -> dict[str, Any]:
    service, store, kind = call.service, call.service.store, call.kind
    changes = Changes(call)
    singleton = service.schema.objects[kind].singleton
    for key, new in (call.arguments.get("create") or {}).items():
        try:
            before = store.get(kind, SINGLETON_ID) if singleton else None
            value = patched(call, service.schema.new(kind), new, create=True)
            value = service.stamp(call, value)
            value, more, number = service.check(call, value, None, key)
            number = store.put(kind, SINGLETON_ID if before is not None else number, value)
            changes.create(key, number, **more)
            service.written(call, number, None, value)
        except SetError as error:
            changes.not_created[key] = error.as_json()
    for number, patch in changes.updates():
        text = ids.encode(number)
        before = store.get(kind, number)
        if before is None and singleton and number == SINGLETON_ID:
            before = service.schema.new(kind)
        if before is None or not visible(call, before):
            changes.not_updated[text] = NOT_FOUND
            continue
        try:
            value = patched(call, before, patch, create=False)
            value, more, _ = service.check(call, value, before, "")
            if value != before:
                store.put(kind, number, value)
                service.written(call, number, before, value)
            changes.updated[text] = more or None
        except SetError as error:
            changes.not_updated[text] = error.as_json()
    for number in changes.destroys():
        text = ids.encode(number)
        found = store.get(kind, number)
        if found is None or not visible(call, found):
            changes.not_destroyed[text] = NOT_FOUND
        else:
            try:
                store.remove(kind, number, ("PublicKey", "MaskedEmail") if kind == "Account" else ())
                service.written(call, number, found, None)
                changes.destroyed.append(text)
            except SetError as error:
                changes.not_destroyed[text] = error.as_json()
    return changes.as_json()

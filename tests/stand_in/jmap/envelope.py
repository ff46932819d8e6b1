"""The text of a request: what it holds, and what the server's parser says of arguments that are of another type than a method's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..serde import (
    Kind,
    Reader,
    SerdeError,
    UnplacedError,
    anything,
    boolean,
    borrowed,
    list_of,
    map_of,
    optional,
    string,
    whole_number,
)
from . import ids
from .schema import Schema

CAPABILITIES = frozenset(
    f"urn:ietf:params:jmap:{name}"
    for name in """
    core mail submission vacationresponse contacts contacts:parse calendars calendars:parse websocket sieve blob quota principals principals:owner
    principals:availability filenode mail:share emailpush webpush-vapid
    """.split()
) | {"urn:stalwart:jmap"}
METHODS = ("get", "set", "query")

Call = tuple[str, Any, str]
"""Name, arguments (a SerdeError where they cannot be read) and id."""


class UnreadableError(ValueError):
    """The text is no request at all."""


def parse(text: bytes, schema: Schema) -> tuple[list[Call], dict[str, str] | None]:
    """The calls of a request, and the ids that it brings along. Raises UnreadableError."""
    try:
        request = json.loads(text)
    except ValueError:
        raise UnreadableError from None
    if b"\\" not in text and _regular(request):
        return [(name, arguments, identifier) for name, arguments, identifier in request["methodCalls"]], request.get("createdIds")
    return _read(text, schema)


def is_method(name: str, schema: Schema) -> bool:
    kind, _, method = name.removeprefix("x:").partition("/")
    known = schema.objects.get(kind) if name.startswith("x:") else None
    return known is not None and method in METHODS and not (known.singleton and method == "query")


# --- requests without surprises ----------------------------------------------


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31


_REGULAR: dict[str, Callable[[Any], bool]] = {
    "accountId": lambda value: isinstance(value, str),
    "ids": lambda value: value is None or _texts(value),
    "properties": lambda value: value is None or _texts(value),
    "destroy": lambda value: value is None or _texts(value),
    "create": lambda value: value is None or isinstance(value, dict),
    "update": lambda value: value is None or isinstance(value, dict),
    "limit": lambda value: value is None or (_whole(value) and value >= 0),
    "position": lambda value: value is None or _whole(value),
    "anchorOffset": lambda value: value is None or _whole(value),
    "anchor": lambda value: value is None or isinstance(value, str),
    "calculateTotal": lambda value: value is None or isinstance(value, bool),
    "filter": lambda value: value is None or (isinstance(value, dict) and not {"operator", "conditions"} & set(value)),
    "sort": lambda value: value is None or (isinstance(value, list) and all(map(_comparator, value))),
}


def _comparator(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("property", ""), str) and isinstance(value.get("isAscending", True), bool) and len(value) < 3


def _regular(request: Any) -> bool:
    """Whether there is nothing in a request that the server's parser could stumble over."""
    if not isinstance(request, dict) or set(request) - {"createdIds"} != {"using", "methodCalls"}:
        return False
    using, calls, created = request["using"], request["methodCalls"], request.get("createdIds")
    if not _texts(using) or not set(using) <= CAPABILITIES or not isinstance(calls, list):
        return False
    if created is not None and not (isinstance(created, dict) and _texts(list(created.values())) and all(map(_is_id, created.values()))):
        return False
    return all(isinstance(call, list) and len(call) == 3 and isinstance(call[0], str) and isinstance(call[2], str) and _plain(*call[:2]) for call in calls)


def _plain(name: str, arguments: Any) -> bool:
    if not isinstance(arguments, dict) or name == "Core/echo":
        return False
    for key, value in arguments.items():
        if key.startswith("#"):
            return False
        check = _REGULAR.get(key)
        if check is not None and not check(value):
            return False
    return "ifInState" not in arguments


def _is_id(text: str) -> bool:
    return ids.decode(text) is not None or len(text) > 20


# --- all others, letter by letter --------------------------------------------


def _checked_id(reader: Reader) -> str:
    text = borrowed(reader)
    if not _is_id(text):
        raise UnplacedError(f"Invalid AnyId: {text}")
    return text


def _state(reader: Reader) -> str:
    text = borrowed(reader)
    if not text.startswith(("n", "s", "r")):
        raise UnplacedError("invalid JMAP State")
    return text


def _reference(schema: Schema) -> Kind:
    def name(reader: Reader) -> str:
        text = string(reader)
        if text.startswith("x:") and not is_method(text, schema):
            raise UnplacedError(f"Invalid method name: {json.dumps(text, ensure_ascii=False)}")
        return text

    fields: dict[str, Kind] = {"resultOf": string, "name": name, "path": string}

    def read(reader: Reader) -> dict[str, Any]:
        if reader.peek() != ord("{"):
            raise reader.wrong_type("struct ResultReference")
        found: dict[str, Any] = {}

        def member(inner: Reader, key: str) -> None:
            if key in fields:
                found[key] = fields[key](inner)
            else:
                inner.skip()

        def complete() -> None:
            for key in fields:
                if key not in found:
                    raise UnplacedError(f"missing field `{key}`")

        reader.map(member, finish=complete)
        return found

    return read


def _filter(reader: Reader) -> Any:
    match reader.peek():
        case 0x6E:
            return reader.scalar()
        case 0x5B:
            raise reader.refuse_list("a filter object")
        case 0x7B:
            return _conditions(reader)
    raise reader.wrong_type("a filter object")


def _conditions(reader: Reader) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def member(inner: Reader, key: str) -> None:
        if key == "operator":
            found[key] = borrowed(inner)
            if found[key] not in ("AND", "OR", "NOT"):
                raise UnplacedError(f"Unknown filter operator: {key}")
        elif key == "conditions":
            found[key] = list_of(_filter, "a filter list")(inner)
        else:
            found[key] = anything(inner)

    def complete() -> None:
        if "conditions" in found and set(found) - {"operator", "conditions"}:
            raise UnplacedError("Cannot mix conditions with property filters")

    reader.map(member, finish=complete)
    return found


_SORT: dict[str, Kind] = {"isAscending": boolean, "collation": optional(string), "property": string}


def _order(reader: Reader) -> dict[str, Any]:
    return _object(reader, _SORT)


def _object(reader: Reader, fields: dict[str, Kind]) -> dict[str, Any]:
    """A JMAP request object; names that are not known are read past."""
    if reader.peek() != ord("{"):
        raise reader.wrong_type("a JMAP request object")
    found: dict[str, Any] = {}

    def member(inner: Reader, key: str) -> None:
        if key in fields:
            found[key] = fields[key](inner)
        else:
            inner.skip()

    reader.map(member)
    return found


def _fields(method: str, schema: Schema) -> dict[str, Kind]:
    reference, size = _reference(schema), whole_number("i32", -(2**31), 2**31 - 1)
    texts, invalid = optional(list_of(string)), optional(list_of(borrowed))
    objects = optional(map_of(anything, "a valid map"))
    return {
        "get": {"accountId": borrowed, "ids": texts, "properties": invalid, "#ids": reference, "#properties": reference},
        "set": {"accountId": borrowed, "ifInState": optional(_state), "create": objects, "update": objects, "destroy": invalid, "#destroy": reference},
        "query": {
            "accountId": borrowed,
            "filter": _filter,
            "sort": optional(list_of(_order)),
            "calculateTotal": optional(boolean),
            "position": optional(size),
            "anchor": optional(borrowed),
            "anchorOffset": optional(size),
            "limit": optional(whole_number("usize", 0, 2**64 - 1)),
        },
    }[method]


def _arguments(reader: Reader, name: str, schema: Schema) -> Any:
    if name == "Core/echo":
        return anything(reader)
    if not is_method(name, schema):
        return reader.skip()
    try:
        return _object(reader, _fields(name.rpartition("/")[2], schema))
    except SerdeError as error:
        return error


def _read(text: bytes, schema: Schema) -> tuple[list[Call], dict[str, str] | None]:
    reader = Reader(text)
    found: dict[str, Any] = {}

    def call(inner: Reader) -> Call:
        if inner.peek() != ord("["):
            raise inner.wrong_type("an array with 3 elements")
        parts: list[Any] = []

        def part(at: Reader, place: int) -> None:
            match place:
                case 0 | 2:
                    parts.append(string(at))
                case 1:
                    parts.append(_arguments(at, parts[0], schema))
                case _:
                    raise UnplacedError("trailing characters")

        inner.sequence(part)
        if len(parts) < 3:
            raise UnplacedError(f"invalid length {len(parts)}, expected an array with 3 elements")
        return parts[0], parts[1], parts[2]

    def member(inner: Reader, key: str) -> None:
        match key:
            case "using":
                found[key] = list_of(string, "an array of capability strings")(inner)
                if not set(found[key]) <= CAPABILITIES:
                    raise UnplacedError("Unknown capability")
            case "methodCalls":
                found[key] = list_of(call)(inner)
            case "createdIds":
                found[key] = optional(map_of(_checked_id, "a map"))(inner)
            case _:
                inner.skip()

    try:
        if reader.peek() != ord("{"):
            raise reader.wrong_type("a JMAP request object")
        reader.map(member)
        reader.end()
    except SerdeError:
        raise UnreadableError from None
    if not {"using", "methodCalls"} <= set(found):
        raise UnreadableError
    return found["methodCalls"], found.get("createdIds")

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values between the wire and the one spelling of `models.objects`, by what the schema says of them."""

from __future__ import annotations

import typing as t

from ..._secrets import HIDDEN
from ..._times import format_milliseconds, format_time, parse_milliseconds, parse_time
from ..models.objects import VARIANT, Property, ValueType
from ._call import MASK

#: Of a reference: the type it leads to, and the id (reading) or the name (writing). Tells the other one.
Lookup = t.Callable[[str, str], str]

#: An id that stands for none.
NO_ID = "p333333333333"


def _same(_target: str, text: str) -> str:
    return text


def decode(value: t.Any, wanted: ValueType, names: Lookup = _same) -> t.Any:
    """A value as people write it. Takes the display forms of the schema's defaults too. What does not fit its type is left as it is."""
    if value is None:
        return None
    decoder = _DECODERS.get(wanted.kind)
    try:
        return decoder(value, wanted, names) if decoder else value
    except (TypeError, ValueError, AttributeError, KeyError):
        return value


def decode_object(value: t.Mapping[str, t.Any], properties: t.Mapping[str, Property], names: Lookup = _same) -> dict[str, t.Any]:
    """All properties of an object that has these; without its id."""
    return {name: decode(each, properties[name].type, names) if name in properties else each for name, each in value.items() if name != "id"}


def _decode_text(value: t.Any, _wanted: ValueType, _names: Lookup) -> t.Any:
    return HIDDEN if value == MASK else value


def _decode_reference(value: t.Any, wanted: ValueType, names: Lookup) -> t.Any:
    return None if value == NO_ID else names(wanted.target, str(value))


def _decode_set(value: t.Any, wanted: ValueType, names: Lookup) -> t.Any:
    members = [member for member, present in value.items() if present] if isinstance(value, dict) else list(value)
    return sorted((decode(member, wanted.inner, names) for member in members), key=str)


def in_order(value: t.Any) -> list[t.Any]:
    """The elements of an object list."""
    return [value[place] for place in sorted(value, key=int)] if isinstance(value, dict) else list(value)


def _decode_list(value: t.Any, wanted: ValueType, names: Lookup) -> t.Any:
    return [_decode_nested(each, wanted, names) for each in in_order(value)]


def _decode_map(value: t.Any, wanted: ValueType, names: Lookup) -> t.Any:
    return {decode(key, wanted.keys, names): decode(each, wanted.inner, names) for key, each in value.items()}


def _decode_nested(value: t.Any, wanted: ValueType, names: Lookup) -> t.Any:
    properties = wanted.shape.properties(value.get(VARIANT, ""))
    # a default of the schema may name a part only
    filled = {**wanted.shape.defaults(value.get(VARIANT, "")), **decode_object(value, properties, names)}
    return filled


def _decode_expression(value: t.Any, _wanted: ValueType, _names: Lookup) -> t.Any:
    otherwise = str(value.get("else", value.get("default", "")))
    cases = [{"if": str(each.get("if", "")), "then": str(each.get("then", ""))} for each in in_order(value.get("match") or {})]
    return [*cases, {"else": otherwise}] if cases else otherwise


def _decode_rate(value: t.Any, _wanted: ValueType, _names: Lookup) -> t.Any:
    period = value.get("period", 0)
    return f"{int(value.get('count', 0))}/{format_milliseconds(period if isinstance(period, (int, float)) else parse_milliseconds(period))}"


def _decode_duration(value: t.Any, _wanted: ValueType, _names: Lookup) -> t.Any:
    return format_milliseconds(value if isinstance(value, (int, float)) else parse_milliseconds(value))


def _decode_number(value: t.Any, wanted: ValueType, _names: Lookup) -> t.Any:
    number = float(value)
    return int(number) if wanted.format != "float" or number.is_integer() else number


_DECODERS: dict[str, t.Callable[[t.Any, ValueType, Lookup], t.Any]] = {
    "text": _decode_text,
    "reference": _decode_reference,
    "set": _decode_set,
    "list": _decode_list,
    "map": _decode_map,
    "object": _decode_nested,
    "expression": _decode_expression,
    "rate": _decode_rate,
    "duration": _decode_duration,
    "number": _decode_number,
    "size": _decode_number,
    "time": lambda value, _wanted, _names: format_time(parse_time(value)),
}


def encode(value: t.Any, wanted: ValueType, ids: Lookup = _same) -> t.Any:
    """A value as the server takes it. Masked secrets are left out: most types would store the mask."""
    if value is None:
        return None
    kind = wanted.kind
    if kind == "reference":
        return ids(wanted.target, str(value))
    if kind == "set":
        return {str(encode(member, wanted.inner, ids)): True for member in value}
    if kind == "list":
        return {str(place): encode_object(each, wanted.shape.properties(each.get(VARIANT, "")), ids) for place, each in enumerate(value)}
    if kind == "map":
        return {str(encode(key, wanted.keys, ids)): encode(each, wanted.inner, ids) for key, each in value.items()}
    if kind == "object":
        return encode_object(value, wanted.shape.properties(value.get(VARIANT, "")), ids)
    if kind == "expression":
        cases = [each for each in value if "if" in each] if isinstance(value, list) else []
        otherwise = next((each["else"] for each in value if "else" in each), "") if isinstance(value, list) else value
        return {"match": {str(place): {"if": each["if"], "then": each["then"]} for place, each in enumerate(cases)}, "else": otherwise}
    if kind == "rate":
        number, _slash, period = str(value).partition("/")
        return {"count": int(number), "period": parse_milliseconds(period)}
    if kind == "duration":
        return parse_milliseconds(value)
    return value


def encode_object(value: t.Mapping[str, t.Any], properties: t.Mapping[str, Property], ids: Lookup = _same) -> dict[str, t.Any]:
    """All of an object but what the server sets, and masks."""
    encoded = {}
    for name, each in value.items():
        prop = properties.get(name)
        if each == HIDDEN or (prop is not None and prop.update == "server"):
            continue
        encoded[name] = encode(each, prop.type, ids) if prop is not None else each
    return encoded

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether two values are the same to a server, and whether a value holds a secret that can't be read."""

from __future__ import annotations

import typing as t

from ..._secrets import HIDDEN
from ..._server.models.objects import VARIANT, Property, Shape, ValueType
from .values import folded_text


def fold(value: t.Any, wanted: ValueType) -> t.Any:
    """A text in the spelling that a server stores; anything else as it is."""
    return folded_text(value, wanted.format) if wanted.kind == "text" and isinstance(value, str) else value


def values(one: t.Any, other: t.Any, wanted: ValueType) -> bool:
    """Whether two values of a type are the same."""
    if wanted.kind == "set" and isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return {fold(each, wanted.inner) for each in one} == {fold(each, wanted.inner) for each in other}
    if wanted.kind == "object" and isinstance(one, dict) and isinstance(other, dict):
        return objects(one, other, wanted.shape)
    if wanted.kind == "list" and isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(objects(each, its, wanted.shape) for each, its in zip(one, other, strict=True))
    return bool(fold(one, wanted) == fold(other, wanted))


def objects(one: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any], shape: Shape) -> bool:
    """Whether two objects are the same but for their secrets, and for what the server sets by itself."""
    return _equal(one, other, shape, but_secrets)


def open_parts(one: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any], shape: Shape) -> bool:
    """As `objects`, and whether there are secrets does not matter either."""

    def equal(mine: t.Any, its: t.Any, prop: Property) -> bool:
        if prop.secret:
            return True
        if prop.type.kind == "object" and isinstance(mine, dict) and isinstance(its, dict):
            return open_parts(mine, its, prop.type.shape)
        return values(mine, its, prop.type)

    return _equal(one, other, shape, equal)


def _equal(one: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any], shape: Shape, equal: t.Callable[[t.Any, t.Any, Property], bool]) -> bool:
    if one.get(VARIANT) != other.get(VARIANT):
        return False
    properties = shape.properties(one.get(VARIANT, ""))
    return all(prop.update == "server" or equal(one.get(name), other.get(name), prop) for name, prop in properties.items())


def but_secrets(one: t.Any, other: t.Any, prop: Property) -> bool:
    """Whether two values of a property are the same, as far as can be told: of secrets only whether there are any."""
    if prop.secret:
        return bool(one) == bool(other)
    return values(one, other, prop.type)


def holds_mask(value: t.Any) -> bool:
    """Whether a secret that was not returned stands somewhere in it."""
    if isinstance(value, dict):
        return any(holds_mask(each) for each in value.values())
    return any(holds_mask(each) for each in value) if isinstance(value, list) else value == HIDDEN

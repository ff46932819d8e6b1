# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two forms of settings, and the way between them.

Servers know flat keys with strings only. A list is a run of keys that end in a number, in the order of their text: `key.0`,
`key.1`, … or `key.0000`, `key.0001`, …; `key.10` comes before `key.2`. An element may have keys of its own, as the
conditions of an expression have: `key.0000.if`, `key.0000.then`.
"""

from __future__ import annotations

import math
import re
import typing as t

from ..._errors import InvalidOption
from ..._secrets import HIDDEN

#: A list element's own keys and their values; one that is a plain value has the single key "".
Element: t.TypeAlias = dict[str, str]
#: What a setting is set to.
Value: t.TypeAlias = "str | list[Element]"

#: What stands for a secret in what was read: ours, and what Ansible puts in the place of values of no_log options.
MASKS = (HIDDEN, "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER")

_DIGITS = re.compile(r"[0-9]+")
_WIDTH = 4


def join(*parts: str) -> str:
    """A key of its parts; empty ones are left out."""
    return ".".join(part for part in parts if part)


def checked_key(key: str, option: str) -> str:
    """A key or prefix that can be written and read back. Raises InvalidOption."""
    if not key:
        raise InvalidOption(option, "a key is empty; give the whole name of the setting, such as session.timeout.")
    if "" in key.split("."):
        raise InvalidOption(option, f"{key!r} has an empty part between its dots; remove the superfluous dot.")
    if "{{" in key:
        raise InvalidOption(option, f"{key!r} holds a template, and Ansible resolves none in keys; put what changes into prefix.")
    if any(character.isspace() or not character.isprintable() for character in key):
        raise InvalidOption(option, f"{key!r} holds a blank or a control character, which no key has; correct its spelling.")
    if "," in key:
        raise InvalidOption(option, f"{key!r} holds a comma, by which the server separates keys; it could not be read back.")
    return key


def checked_prefix(prefix: str, option: str) -> str:
    """A prefix without the dot at its end; "" is everything. Raises InvalidOption."""
    prefix = prefix.strip().removesuffix(".")
    return checked_key(prefix, option) if prefix else ""


# From users


def flatten(settings: t.Mapping[t.Any, t.Any], prefix: str = "", *, option: str = "settings") -> dict[str, Value]:
    """Nested data as settings by their whole keys. Keys may hold dots at each level.

    Raises InvalidOption for what is no setting: null, keys that are no text, the same setting twice, a list and keys below it.
    """
    found: dict[str, Value] = {}
    for key, value in _walk(settings, prefix, option):
        if key in found:
            raise InvalidOption(option, f"{key!r} is given twice, once nested and once with dots; remove one of them.")
        found[key] = value
    for key in found:
        for parent in _parents(key):
            if isinstance(found.get(parent), list):
                raise InvalidOption(option, f"{parent!r} is given as a list, and {key!r} is below it; give the whole list in one place.")
    return found


def _walk(settings: t.Mapping[t.Any, t.Any], prefix: str, option: str) -> t.Iterator[tuple[str, Value]]:
    for name, value in settings.items():
        if not isinstance(name, (str, int)) or isinstance(name, bool):
            raise InvalidOption(option, f"a key {f'below {prefix}' if prefix else 'at the top'} is {name!r}, which is no text; put it in quotes.")
        key = join(prefix, checked_key(str(name), option))
        if isinstance(value, dict):
            yield from _walk(value, key, option)
        elif isinstance(value, list):
            yield key, [_element(element, f"{key}[{place}]", option) for place, element in enumerate(value)]
        else:
            yield key, _text(value, key, option)


def _element(element: t.Any, place: str, option: str) -> Element:
    if isinstance(element, list):
        raise InvalidOption(option, f"{place} is a list within a list, which servers don't know; give a value or a dictionary.")
    if not isinstance(element, dict):
        return {"": _text(element, place, option)}
    if not element:
        raise InvalidOption(option, f"{place} is an empty dictionary; remove it, or give it keys.")
    own: Element = {}
    for key, value in flatten(element, option=option).items():
        if isinstance(value, str):
            own[key] = value
        else:
            own.update(_numbered(key, value, _WIDTH))
    return _renumbered(own)


def _text(value: t.Any, key: str, option: str) -> str:
    if value is None:
        raise InvalidOption(option, f"{key} is null; give it a value, leave it out to keep what is there, or remove it with state: absent.")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidOption(option, f"{key} is {value}, which is no number; correct the value.")
    if not isinstance(value, (str, int, float)):
        raise InvalidOption(option, f"{key} is a {type(value).__name__}; give text, a number, a boolean, a list or a dictionary.")
    if isinstance(value, str) and any(mask in value for mask in MASKS):
        raise InvalidOption(option, f"{key} holds the mask of a secret that was not returned; give the secret, or leave the key out.")
    return str(value)


def _parents(key: str) -> t.Iterator[str]:
    while "." in key:
        key = key.rpartition(".")[0]
        yield key


# To the server


def keys_of(key: str, value: Value, found: t.Mapping[str, str]) -> dict[str, str]:
    """The flat keys of a setting. A list that is there keeps the width of its numbers where they still sort right."""
    if isinstance(value, str):
        return {key: value}
    widths = {len(index) for index in _indexes(key, found)}
    width = next(iter(widths)) if len(widths) == 1 else _WIDTH
    if len(value) > 10**width:
        width = max(_WIDTH, len(str(len(value) - 1)))
    return _numbered(key, value, width)


def _numbered(key: str, elements: t.Sequence[Element], width: int) -> dict[str, str]:
    return {join(key, f"{place:0{width}d}", sub): text for place, element in enumerate(elements) for sub, text in element.items()}


# From the server


def stored(key: str, found: t.Mapping[str, str]) -> tuple[Value | None, list[str]]:
    """What a setting is set to (None when it is not), and the flat keys that hold it.

    Where both the key and list elements are there, as is wrong on any server, the value is the list.
    """
    indexes = _indexes(key, found)
    own = [key] if key in found else []
    if not indexes:
        return found.get(key), own
    keys = own + sorted(other for other in found if other.startswith(f"{key}.") and other[len(key) + 1 :].partition(".")[0] in indexes)
    return [_elements_below(join(key, index), found) for index in sorted(indexes)], keys


def named_below(key: str, found: t.Mapping[str, str]) -> list[str]:
    """The keys below a setting that are no elements of a list."""
    return sorted(other for other in found if other.startswith(f"{key}.") and not _DIGITS.fullmatch(other[len(key) + 1 :].partition(".")[0]))


def _indexes(key: str, found: t.Mapping[str, str]) -> set[str]:
    """The numbers of the list elements below a key; none where named keys stand there too."""
    below = {other[len(key) + 1 :].partition(".")[0] for other in found if other.startswith(f"{key}.")}
    return below if all(_DIGITS.fullmatch(part) for part in below) else set()


def _elements_below(key: str, found: t.Mapping[str, str]) -> Element:
    element = {other[len(key) + 1 :]: text for other, text in found.items() if other.startswith(f"{key}.")}
    if key in found:
        element[""] = found[key]
    return _renumbered(element)


def _renumbered(element: Element) -> Element:
    """The same with lists inside it numbered in one way, so that two spellings of them are equal."""
    groups: dict[str, dict[str, str]] = {}
    for sub, text in element.items():
        head, _dot, rest = sub.partition(".")
        groups.setdefault(head, {})[rest] = text
    names = sorted(name for name in groups if name)
    is_list = bool(names) and _counts_up(names)
    new = {name: f"{place:0{_WIDTH}d}" if is_list else name for place, name in enumerate(names)}
    out = dict(groups.pop("", {}))
    return out | {join(new[name], rest): text for name in names for rest, text in _renumbered(groups[name]).items()}


def settings_in(found: t.Mapping[str, str]) -> dict[str, Value]:
    """The settings that flat keys make up, lists as lists.

    Only numbers from 0 upwards without a gap make a list; `lookup.years.2024` is a key like any other.
    """
    below: dict[str, set[str]] = {}
    for key in found:
        for parent in _parents(key):
            below.setdefault(parent, set()).add(key[len(parent) + 1 :].partition(".")[0])
    lists = {parent for parent, parts in below.items() if _counts_up(parts)}
    settings: dict[str, Value] = {}
    for key, text in found.items():
        # the outermost list holds everything below it
        owner = next((parent for parent in reversed(list(_parents(key))) if parent in lists), None)
        if owner is None:
            settings.setdefault(key, text)
        elif not isinstance(settings.get(owner), list):
            settings[owner] = stored(owner, found)[0] or ""
    return settings


def _counts_up(parts: t.Collection[str]) -> bool:
    return all(_DIGITS.fullmatch(part) for part in parts) and sorted(map(int, parts)) == list(range(len(parts)))


# To users


def plain(value: Value) -> t.Any:
    """A setting's value as users write it."""
    if isinstance(value, str):
        return value
    return [element[""] if set(element) == {""} else nested(element) for element in value]


def nested(found: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Flat keys as nested data that `flatten` takes back, lists as lists.

    Where a key has both a value and keys below it, those below keep their dots: {"a": {"b": "1", "b.c": "2"}}.
    """
    tree: dict[str, t.Any] = {}
    for key, value in sorted(settings_in(found).items()):
        _place(tree, key, plain(value))
    return tree


def _place(tree: dict[str, t.Any], key: str, value: t.Any) -> None:
    head, dot, rest = key.partition(".")
    while dot and head in tree and not isinstance(tree[head], dict):
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    if not dot:
        tree[head] = value
        return
    _place(tree.setdefault(head, {}), rest, value)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's values as plain ones.

Arguments differ by core: strings are tagged on 2.19 and later, vault values inside dictionaries are objects on 2.18.
Below this file there are only plain str, int, float, bool, None, list and dict.
"""

from __future__ import annotations

import collections.abc
import typing as t

_ALREADY_PLAIN = frozenset({str, int, float, bool, type(None)})


def plain(value: t.Any) -> t.Any:
    """The same value, made of exactly the built-in types."""
    kind = type(value)
    if kind in _ALREADY_PLAIN:
        return value
    if kind is dict:
        return {plain(key): plain(element) for key, element in value.items()}
    if kind is list:
        return [plain(element) for element in value]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, collections.abc.Mapping):
        return {plain(key): plain(element) for key, element in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(element) for element in value]
    # dates from YAML, and 2.18's vault objects, which decrypt themselves
    return str(value)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How two values of one field are compared, and the difference of two states."""

from __future__ import annotations

import typing as t


def same_items(one: t.Collection[str], other: t.Collection[str]) -> bool:
    """Whether two lists hold the same, in any order."""
    return set(one) == set(other)


def same_with_first(one: t.Sequence[str], other: t.Sequence[str]) -> bool:
    """Whether two lists begin alike and hold the same: the first address is the primary, the order of aliases is the server's."""
    return list(one[:1]) == list(other[:1]) and set(one) == set(other)


def difference(before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """The fields of both states that are not equal."""
    changed = [field for field in {**before, **after} if before.get(field) != after.get(field) or (field in before) != (field in after)]
    return {field: before[field] for field in changed if field in before}, {field: after[field] for field in changed if field in after}

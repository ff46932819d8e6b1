# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Contradictions between the items of one list, found before the server is asked anything."""

from __future__ import annotations

import typing as t

from ..._errors import InvalidOption
from .._options import ListEdit
from .options import PrincipalOptions

# how the members of these are told from the members' side
_RELATIONS = {"group": "member_of", "list": "lists", "role": "roles"}


def require_consistent(items: t.Sequence[PrincipalOptions]) -> None:
    """Raise InvalidOption where two items have one name, claim one address, or differ about who is a member of what."""
    _one_name_each(items)
    _one_owner_each(items)
    _same_from_both_sides(items)


def _one_name_each(items: t.Sequence[PrincipalOptions]) -> None:
    names: dict[str, int] = {}
    for position, item in enumerate(items):
        for name in dict.fromkeys((item.name, item.new_name or item.name)):
            other = names.setdefault(name, position)
            if other == position:
                continue
            if name == item.name == items[other].name:
                remedy = "names are unique over all types, so merge the two"
            elif item.new_name == items[other].new_name:
                remedy = "two can't have one name, so choose another new_name"
            else:
                remedy = "once as a new_name, so that after a first run nobody could tell which is meant; rename in a task before"
            raise InvalidOption(f"principals[{position}].name", f"{name!r} stands in principals[{other}] too; {remedy}.")


def _one_owner_each(items: t.Sequence[PrincipalOptions]) -> None:
    owners: dict[str, int] = {}
    for position, item in enumerate(items):
        for address in _yes(item.emails) if item.state == "present" else ():
            if (other := owners.setdefault(address, position)) != position:
                raise InvalidOption(
                    f"principals[{position}].emails", f"{address!r} is claimed by {items[other].name!r} (principals[{other}]) too; an address has one owner."
                )


def _same_from_both_sides(items: t.Sequence[PrincipalOptions]) -> None:
    """`members` of a group and `member_of` of an account say the same thing twice, and must not differ."""
    by_name = {name: item for item in items if item.state == "present" for name in (item.name, item.new_name) if name}
    position_of = {id(item): position for position, item in enumerate(items)}
    for item in by_name.values():
        own = _RELATIONS.get(item.type or "")
        for member in _yes(item.members) if own else ():
            other = by_name.get(member)
            if other is not None and _says_no(getattr(other, own or ""), item):
                _contradict(position_of[id(item)], item, other, own or "")
        for kind, field in _RELATIONS.items():
            for container in _yes(getattr(item, field)):
                other = by_name.get(container)
                if other is not None and other.type == kind and _says_no(other.members, item):
                    _contradict(position_of[id(other)], other, item, field)


def _yes(edit: ListEdit[str] | None) -> t.Sequence[str]:
    if edit is None:
        return ()
    return edit.add if edit.exact is None else edit.exact


def _says_no(edit: ListEdit[str] | None, about: PrincipalOptions) -> bool:
    if edit is None:
        return False
    names = {about.name, about.new_name}
    return not names.intersection(edit.exact) if edit.exact is not None else bool(names.intersection(edit.remove))


def _contradict(position: int, container: PrincipalOptions, member: PrincipalOptions, field: str) -> t.NoReturn:
    raise InvalidOption(
        f"principals[{position}].members",
        f"whether {member.name!r} is a member of {container.name!r} differs from what {member.name!r} has as {field}; say it once.",
    )

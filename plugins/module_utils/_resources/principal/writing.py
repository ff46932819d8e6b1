# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for many principals as steps: what others refer to first, addresses that move back to back, and what was made of it."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ..._errors import ConnectionFailed, StalwartError
from ..._names import domain_of
from ..._reconcile.plan import Change
from ..._reconcile.steps import ItemsFailed, Step, Together
from ..._server.models.principal import Add, Principal, Set
from ..._server.port import Server
from . import plan
from .directory import LAST_RANK, RANK, SnapshotDirectory, folded
from .planned import RESOURCE, Planned, PrincipalChange, concerns_recipients, write

_MOVE_STAGE = LAST_RANK + 1
_MEMBERSHIP_STAGE = 10
_DELETE_STAGE = 20


@dataclasses.dataclass(frozen=True)
class _Item:
    """One principal's writes. `first` is its state after its own stage; `late` adds what does not exist before the others' stages."""

    position: int
    planned: Planned
    stage: int
    first: Principal | None
    changes: tuple[Change, ...]
    late: Change | None = None

    @property
    def found(self) -> Principal | None:
        return self.planned.found

    @property
    def name(self) -> str:
        return self.planned.name


class Writing:
    """Turns plans into steps, and remembers which changes were made. The steps may run on several threads."""

    def __init__(self, server: Server, planned: t.Sequence[Planned], directory: SnapshotDirectory) -> None:
        self._server = server
        self._groups = _moving_together(planned, directory)
        moving = {position for group in self._groups for position in group}
        stages = [_MOVE_STAGE if position in moving else _stage(each) for position, each in enumerate(planned)]
        self._made = _made(planned)
        self._items = [self._item(position, each, stages) for position, each in enumerate(planned)]
        self._moving = moving
        self._done: set[int] = set()

    @property
    def changes(self) -> list[Change]:
        """All changes, in the order of the items."""
        return [change for item in self._items for change in _all(item)]

    def done(self, change: Change) -> bool:
        """Whether it was made."""
        return id(change) in self._done

    def changes_recipients(self) -> bool:
        """Whether anything was made that concerns addresses which the server may have refused before."""
        return any(item.planned.touches_recipients() and any(self.done(each) and concerns_recipients(each) for each in _all(item)) for item in self._items)

    def steps(self) -> t.Iterator[Step]:
        """Everything that is to be done."""
        for group in self._groups:
            members = [self._items[position] for position in sorted(group)]
            needs = {position: reason for item in members for position, reason in self._needs(item).items() if position not in group}
            yield Step(_MOVE_STAGE, tuple(sorted(group)), lambda members=members: self._move(members), needs)  # type: ignore[misc]
        for item in self._items:
            if item.changes and (item.first is None or item.position not in self._moving):
                stage = item.stage if item.first is not None else _deletion_stage(item)
                needs = self._needs(item) if item.first is not None else self._users(item)
                joins = item.changes[0] if len(item.changes) == 1 and isinstance(item.changes[0], PrincipalChange) else None
                yield Step(stage, (item.position,), lambda item=item: self._make(item.changes), needs, joins)  # type: ignore[misc]
            if item.late is not None:
                late = item.late
                yield Step(_MEMBERSHIP_STAGE, (item.position,), lambda late=late: self._make([late]), self._late_needs(item), late)  # type: ignore[misc]

    def together(self) -> Together | None:
        """How to send many at once, where the server takes that."""
        size = self._server.principals.batch_size
        return Together(size, self._make_together) if size > 1 else None

    def _make_together(self, changes: t.Sequence[PrincipalChange]) -> list[str]:
        prepared = [change.prepare() for change in changes]
        results = self._server.principals.write(prepared)
        for change, result in zip(changes, results, strict=True):
            if not isinstance(result, StalwartError):
                change.take(result)
                self._done.add(id(change))
        return [str(result) if isinstance(result, StalwartError) else "" for result in results]

    # What a plan's writes are

    def _item(self, position: int, each: Planned, stages: t.Sequence[int]) -> _Item:
        if each.target is None or not each.changes:
            return _Item(position, each, stages[position], each.target, tuple(each.changes))

        def is_awaited(name: str) -> bool:
            made_by = self._made.get(name, position)
            return made_by != position and stages[made_by] >= stages[position]

        first = _without(each.found, each.target, is_awaited)
        if first is each.target:
            return _Item(position, each, stages[position], first, tuple(each.changes))
        own = [] if first == each.found and not each.secrets.any_changes else [write(self._server, each.found, first, each.secrets, deploy=each.deploy)]
        changes = [change for old in each.changes for change in (own if old.resource == RESOURCE else [old])]
        return _Item(position, each, stages[position], first, tuple(changes), write(self._server, first, each.target))

    def _needs(self, item: _Item) -> dict[int, str]:
        """The items that make what this one refers to in its first write."""
        return self._makers(item, item.first, item.found) if item.first is not None else {}

    def _late_needs(self, item: _Item) -> dict[int, str]:
        return self._makers(item, item.planned.target, item.first)

    def _makers(self, item: _Item, after: Principal | None, before: Principal | None) -> dict[int, str]:
        if after is None or not self._made:
            return {}
        names = _references(after) - (_references(before) if before is not None else set())
        needed = {self._made[name]: name for name in names if name in self._made}
        return {position: f"it needs {name!r}, which failed" for position, name in needed.items() if position != item.position}

    def _users(self, item: _Item) -> dict[int, str]:
        """Who must have left a domain before it is deleted: the server would not ask."""
        if item.found is None or item.found.type != "domain":
            return {}
        return {position: f"{self._items[position].name!r}, which failed, may still have addresses in it" for position in self._by_domain.get(item.name, ())}

    @functools.cached_property
    def _by_domain(self) -> dict[str, list[int]]:
        """The items that change, by the domains in which they have addresses before."""
        found: dict[str, list[int]] = {}
        for item in self._items:
            emails = item.found.emails if item.changes and item.found is not None else ()
            for domain in {domain_of(address) for address in folded(emails)}:
                found.setdefault(domain, []).append(item.position)
        return found

    # Writing

    def _make(self, changes: t.Iterable[Change]) -> None:
        for change in changes:
            change.apply()
            self._done.add(id(change))

    def _move(self, members: t.Sequence[_Item]) -> None:
        """First everyone lets go of what others get, then everyone becomes as wanted. What nobody got goes back when that fails."""
        gained = {address for item in members if item.first is not None for address in set(item.first.emails) - set(item.found.emails if item.found else ())}
        released: dict[int, Principal] = {}
        written: set[int] = set()
        failed = members[0]
        try:
            for failed in members:
                found = failed.found
                if found is not None and gained.intersection(found.emails):
                    released[failed.position] = found.model_copy(update={"emails": tuple(address for address in found.emails if address not in gained)})
                    self._release(found, released[failed.position])
            for failed in members:
                if failed.first is not None:
                    self._write_moved(failed, released.get(failed.position))
                    written.add(failed.position)
        except StalwartError as error:
            if isinstance(error, ConnectionFailed) and not error.sent:
                released = {position: state for position, state in released.items() if position != failed.position or written}
            raise ItemsFailed(self._give_back(members, released, written, failed, error)) from error

    def _release(self, found: Principal, without: Principal) -> None:
        self._server.principals.update(found, plan.edits(found, without, plan.NO_SECRETS))

    def _write_moved(self, item: _Item, released: Principal | None) -> None:
        for change in item.changes:
            if released is None or change.resource != RESOURCE:
                change.apply()
            elif edits := plan.edits(released, t.cast(Principal, item.first), item.planned.secrets):
                self._server.principals.update(released, edits)
            self._done.add(id(change))

    def _give_back(
        self, members: t.Sequence[_Item], released: t.Mapping[int, Principal], written: t.Collection[int], failed: _Item, error: StalwartError
    ) -> dict[int, str]:
        """Give every address that has no owner now to the one that had it. Returns why items have failed, by position."""
        arrived = {address for item in members if item.position in written and item.first is not None for address in item.first.emails}
        together = f"its addresses move together with those of {failed.name!r}, which failed"
        reasons = {item.position: together for item in members if item.position not in written}
        reasons[failed.position] = str(error)
        for item in members:
            without = released.get(item.position)
            lost = [address for address in item.found.emails if address not in without.emails and address not in arrived] if without and item.found else []
            if without is None or item.found is None or not lost:
                continue
            if item.position in written:
                # it has become as wanted, apart from what now comes back
                now, edits = t.cast(Principal, item.first), [Add("emails", address) for address in lost]
                reasons[item.position] = f"{', '.join(lost)} went back to it, since {failed.name!r} failed"
            else:
                now = without
                edits = [Set("emails", tuple(address for address in item.found.emails if address not in arrived))]  # type: ignore[list-item]
            try:
                self._server.principals.update(now, edits)
            except StalwartError as second:
                reasons[failed.position] += f"; {', '.join(lost)} could not be given back to {now.name!r}: {second}"
        return reasons


def _all(item: _Item) -> tuple[Change, ...]:
    return (*item.changes, item.late) if item.late is not None else item.changes


def _stage(each: Planned) -> int:
    return RANK.get(each.target.type, LAST_RANK) if each.target is not None else _DELETE_STAGE


def _deletion_stage(item: _Item) -> int:
    return _DELETE_STAGE + LAST_RANK - RANK.get(item.found.type if item.found else "", LAST_RANK)


def _made(planned: t.Sequence[Planned]) -> dict[str, int]:
    """Names that the task itself makes, by creation or by renaming."""
    named = [(position, each) for position, each in enumerate(planned) if each.target is not None and each.changes]
    return {each.target.name: position for position, each in named if each.target and (each.found is None or each.found.name != each.target.name)}


def _references(principal: Principal) -> set[str]:
    names = {name for field in plan.MEMBERSHIPS for name in getattr(principal, field)}
    return names | {domain_of(address) for address in principal.emails} | {principal.tenant}


def _without(found: Principal | None, target: Principal, is_awaited: t.Callable[[str], bool]) -> Principal:
    """The target with what is awaited as it is before; the target itself when nothing is."""
    values: dict[str, t.Any] = {}
    for field in plan.MEMBERSHIPS:
        before, after = getattr(found, field) if found else (), getattr(target, field)
        awaited = {name for name in set(before) ^ set(after) if is_awaited(name)}
        if awaited:
            values[field] = tuple(name for name in dict.fromkeys([*before, *after]) if (name in after) != (name in awaited))
    return target.model_copy(update=values) if values else target


def _moving_together(planned: t.Sequence[Planned], directory: SnapshotDirectory) -> list[set[int]]:
    """Groups of items between which addresses move; each group is written by one worker."""
    by_name = {each.found.name: position for position, each in enumerate(planned) if each.found is not None and each.changes}
    group_of: dict[int, set[int]] = {}
    for position, each in enumerate(planned):
        if each.target is None or not each.changes:
            continue
        for address in set(each.target.emails) - set(each.found.emails if each.found else ()):
            holder = directory.holder_before(address)
            giver = by_name.get(holder.name, position) if holder is not None else position
            if giver != position:
                merged = group_of.get(position, {position}) | group_of.get(giver, {giver})
                group_of.update(dict.fromkeys(merged, merged))
    return list({id(group): group for group in group_of.values()}.values())

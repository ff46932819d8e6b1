# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task on many principals: one read, one plan, writes in the order of what depends on what."""

from __future__ import annotations

import math
import time
import typing as t

from ..._deps import AfterValidator, Field
from ..._errors import InvalidOption, PartlyDone, Refused, StalwartError
from ..._names import domain_of
from ..._reconcile.plan import MOST_DIFFS, Mode, Outcome
from ..._reconcile.steps import Report, Step, run_steps
from ..._server.models.principal import Add, Principal, PrincipalType, Set
from ..._server.port import Server
from .._options import Domain, Options, read
from ..reload import refresh_recipients
from . import plan
from .directory import LAST_RANK, RANK, SnapshotDirectory
from .options import FIELDS, WITH_MAIL, PrincipalOptions
from .planned import Planned, plan_one

_MOVE_STAGE = LAST_RANK + 1
_MEMBERSHIP_STAGE = 10
_DELETE_STAGE = 20

#: A task with more failures than this names only the first ones.
_MOST_FAILURES = 100


def _limit(value: str) -> str:
    text = value.strip()
    number = text.removesuffix("%").strip()
    if not number.isdigit() or (text.endswith("%") and int(number) > 100):
        raise ValueError(f"{value!r} is no limit; use a number, or a percentage such as 10%")
    return text


class _BulkOptions(Options):
    principals: tuple[dict[str, t.Any], ...] = ()
    defaults: dict[str, t.Any] = Field(default_factory=dict)
    purge: bool = False
    purge_types: tuple[PrincipalType, ...] = ()
    purge_domains: tuple[Domain, ...] = ()
    purge_limit: t.Annotated[str, AfterValidator(_limit)] = "10%"
    delete_mail: t.Annotated[int, Field(ge=0)] = 0
    on_error: t.Literal["continue", "stop"] = "continue"
    time_limit: t.Annotated[float, Field(gt=0)] | None = None
    concurrency: t.Annotated[int, Field(ge=1, le=32)] = 8
    reload: t.Literal["auto", "never"] = "auto"


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Make all principals as wanted. Results: `summary` (numbers by action), `reloaded`.

    Raises PartlyDone with `failures` when items failed or time ran out; everything that did not depend on them is done.
    """
    started = time.monotonic()
    wanted = read(_BulkOptions, options)
    items = _read_items(wanted)
    found = list(server.principals.find(fields=_needed_fields(items, wanted)))
    directory = SnapshotDirectory(server, found)
    planned, refused = _plan_all(server, items, directory, mode)
    purged = _plan_purge(wanted, items, found, server, directory) if wanted.purge else []
    everything = [*planned, *purged]
    names = [*(item.name for item in items), *(each.name for each in purged)]
    changes = [change for each in everything for change in each.changes]
    if mode.check:
        if refused:
            raise _failure(everything, names, Report(failed=dict(refused)), changed=bool(changes))
        return Outcome({"summary": _summary(everything), "reloaded": False}, changes)
    if refused and wanted.on_error == "stop":
        raise _failure(everything, names, Report(failed=dict(refused), unfinished=set(range(len(everything)))), changed=False)
    left = None if wanted.time_limit is None else max(0.0, wanted.time_limit - (time.monotonic() - started))
    steps = _steps(server, everything, directory)
    report = run_steps(steps, workers=wanted.concurrency, time_limit=left, stop_on_error=wanted.on_error == "stop")
    reloaded = False
    if wanted.reload == "auto" and any(each.touches_recipients() for position, each in enumerate(everything) if position in report.begun):
        reloaded = refresh_recipients(server, mode)
    if refused or report.failed or report.unfinished:
        report.failed.update(refused)
        raise _failure(everything, names, report, changed=bool(report.begun - set(report.failed)))
    return Outcome({"summary": _summary(everything), "reloaded": reloaded}, changes)


# Reading


def _read_items(wanted: _BulkOptions) -> list[PrincipalOptions]:
    """All items with the defaults in them. Raises InvalidOption for what contradicts itself, within an item or between two."""
    items = []
    for position, item in enumerate(wanted.principals):
        where = f"principals[{position}]"
        try:
            options = read(PrincipalOptions, {**_suitable_defaults(wanted.defaults, item), **{key: value for key, value in item.items() if value is not None}})
            items.append(options.for_type(options.type) if options.type else options)
        except InvalidOption as error:
            name = f" ({item['name']})" if isinstance(item.get("name"), str) else ""
            raise InvalidOption(f"{where}{name}.{error.option}", error.problem) from None
    _refuse_double_claims(items)
    return items


def _suitable_defaults(defaults: t.Mapping[str, t.Any], item: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The defaults that fit an item's type: a quota for all accounts is none for the domains beside them."""
    kind = str(item.get("type") or defaults.get("type") or "individual")
    fields = FIELDS.get(kind, frozenset())
    every_field = frozenset().union(*FIELDS.values())
    return {key: value for key, value in defaults.items() if value is not None and (key in fields or key not in every_field)}


def _refuse_double_claims(items: t.Sequence[PrincipalOptions]) -> None:
    names: dict[str, int] = {}
    addresses: dict[str, int] = {}
    for position, item in enumerate(items):
        for name in {item.name, item.new_name} - {None}:
            if (other := names.setdefault(t.cast(str, name), position)) != position:
                raise InvalidOption(
                    f"principals[{position}].name", f"{name!r} stands in principals[{other}] too; names are unique over all types, so merge the two."
                )
        if item.state == "absent" or item.emails is None:
            continue
        for address in item.emails.exact if item.emails.exact is not None else item.emails.add:
            if (other := addresses.setdefault(address, position)) != position:
                raise InvalidOption(
                    f"principals[{position}].emails", f"{address!r} is claimed by {items[other].name!r} (principals[{other}]) too; an address has one owner."
                )


def _needed_fields(items: t.Sequence[PrincipalOptions], wanted: _BulkOptions) -> list[str]:
    """Only what is compared is asked for: without a list of fields the server counts each domain's members and sends all secrets."""
    fields = {"emails", "used_quota"} if wanted.purge or any(item.state == "absent" or item.quota is not None for item in items) else {"emails"}
    for item in items:
        fields |= item.wanted_fields()
    if fields & {"password", "password_hash", "app_passwords", "otp_url"}:
        fields.add("password_hashes")
    if "enabled" in fields:
        fields.add("disabled_permissions")
    if fields & {"roles", "emails", "enabled_permissions"} and any(item.type in (None, "individual", "group") for item in items):
        fields |= {"roles", "enabled_permissions"}  # for the warnings about who can't receive
    return sorted(fields - {"password", "password_hash", "app_passwords", "otp_url", "enabled"})


# Planning


def _plan_all(server: Server, items: t.Sequence[PrincipalOptions], directory: SnapshotDirectory, mode: Mode) -> tuple[list[Planned], dict[int, str]]:
    """A plan for each item, in the order given, and why some have none. Everything is judged by the state after the task."""
    finds = [directory.found(item.name) or (directory.found(item.new_name) if item.new_name else None) for item in items]
    for item, found in zip(items, finds, strict=True):
        directory.expect(found, item)
    planned: list[Planned] = []
    refused: dict[int, str] = {}
    for position, (item, found) in enumerate(zip(items, finds, strict=True)):
        try:
            planned.append(plan_one(server, found, item, directory, mode))
        except StalwartError as error:
            refused[position] = str(error)
            planned.append(Planned(found, found))
    _refuse_replacements(planned)
    return planned, refused


def _refuse_replacements(planned: t.Sequence[Planned]) -> None:
    """A deletion and a creation with the same address are nearly always a rename; as two steps they would destroy the mail."""
    gone = {address: each.found for each in planned if each.found and each.target is None for address in each.found.emails}
    for each in planned:
        if each.found is None and each.target is not None:
            for address in each.target.emails:
                if address in gone:
                    old = gone[address]
                    raise Refused(
                        f"{old.name!r} is to be deleted and {each.target.name!r} to be created with its address {address!r}; if that is one mailbox, rename it "
                        f"(name: {old.name}, new_name: {each.target.name}), which keeps its mail. If not, delete the old one in a task before."
                    )


def _plan_purge(
    wanted: _BulkOptions, items: t.Sequence[PrincipalOptions], found: t.Sequence[Principal], server: Server, directory: SnapshotDirectory
) -> list[Planned]:
    """Deletions of what is in scope and not named. Raises Refused for the whole task when they are more than the limits allow."""
    if not wanted.purge_types and not wanted.purge_domains:
        raise InvalidOption("purge", "it needs a scope; set purge_types, purge_domains or both.")
    named = {name for item in items for name in (item.name, item.new_name) if name} | set(server.own_names())
    scope = [principal for principal in found if _in_scope(principal, wanted)]
    doomed = [principal for principal in scope if principal.name not in named]
    limit = wanted.purge_limit
    most = math.ceil(len(scope) * int(limit.removesuffix("%")) / 100) if limit.endswith("%") else int(limit)
    if len(doomed) > most:
        raise Refused(
            f"purge would delete {len(doomed)} of {len(scope)} principals in scope ({_some(doomed)}), more than purge_limit: {limit} allows ({most}); "
            "nothing was written. Complete the list, or raise the limit."
        )
    with_mail = [principal for principal in doomed if principal.type in WITH_MAIL and principal.used_quota > 0]
    if len(with_mail) > wanted.delete_mail:
        raise Refused(
            f"purge would delete {len(with_mail)} principals that hold mail ({_some(with_mail)}), and delete_mail allows {wanted.delete_mail}; "
            "nothing was written. Complete the list, or raise delete_mail."
        )
    directory.expect_gone(doomed)
    planned = []
    for principal in doomed:
        options = PrincipalOptions(name=principal.name, state="absent", delete_mail=True)
        planned.append(plan_one(server, principal, options, directory, Mode()))
    return planned


def _in_scope(principal: Principal, wanted: _BulkOptions) -> bool:
    if wanted.purge_types and principal.type not in wanted.purge_types:
        return False
    if not wanted.purge_domains:
        return True
    if principal.type == "domain":
        return principal.name in wanted.purge_domains
    return bool(principal.emails) and domain_of(principal.emails[0].lower()) in wanted.purge_domains


def _some(principals: t.Sequence[Principal], most: int = 5) -> str:
    names = ", ".join(principal.name for principal in principals[:most])
    return f"{names} and {len(principals) - most} more" if len(principals) > most else names


# Writing


def _steps(server: Server, planned: t.Sequence[Planned], directory: SnapshotDirectory) -> t.Iterator[Step]:
    moves = _moved_addresses(planned, directory)
    moving = {position for group in moves for position in group}
    for group in moves:
        yield Step(_MOVE_STAGE, tuple(sorted(group)), lambda group=group: _move(server, planned, group, directory))  # type: ignore[misc]
    for position, each in enumerate(planned):
        if not each.changes or position in moving:
            continue
        if each.target is None and each.found is not None:
            yield Step(_DELETE_STAGE + LAST_RANK - RANK.get(each.found.type, LAST_RANK), (position,), each.changes[0].apply)
            continue
        yield from _write_steps(server, position, each, directory)


def _write_steps(server: Server, position: int, each: Planned, directory: SnapshotDirectory) -> t.Iterator[Step]:
    """The item's own write, and a second one for members that do not exist before it."""
    target = t.cast(Principal, each.target)
    stage = RANK.get(target.type, LAST_RANK)
    late: dict[str, tuple[str, ...]] = {}
    for field in plan.MEMBERSHIPS:
        present = getattr(each.found, field) if each.found else ()
        late[field] = tuple(name for name in getattr(target, field) if name not in present and directory.is_late(name, stage))
    if not any(late.values()):
        yield Step(stage, (position,), lambda: _write(each))
        return
    early = target.model_copy(update={field: tuple(name for name in getattr(target, field) if name not in names) for field, names in late.items()})
    additions = [Add(field, name) for field, names in late.items() for name in names]
    yield Step(stage, (position,), lambda: _write(each, early, server))
    yield Step(_MEMBERSHIP_STAGE, (position,), lambda: server.principals.update(early, additions))


def _write(each: Planned, target: Principal | None = None, server: Server | None = None) -> None:
    if target is None or server is None:
        for change in each.changes:
            change.apply()
        return
    if each.found is None:
        create = server.principals.deploy if each.deploy else server.principals.create
        create(plan.with_secrets(target, each.secrets))
        return
    edits = plan.edits(each.found, target, each.secrets)
    if edits:
        server.principals.update(each.found, edits)


def _moved_addresses(planned: t.Sequence[Planned], directory: SnapshotDirectory) -> list[set[int]]:
    """Groups of items between which addresses move; each group is written by one worker."""
    by_name = {each.found.name: position for position, each in enumerate(planned) if each.found is not None}
    group_of: dict[int, set[int]] = {}
    for position, each in enumerate(planned):
        if each.target is None or not each.changes:
            continue
        for address in set(each.target.emails) - set(each.found.emails if each.found else ()):
            holder = directory.holder_before(address)
            if holder is None or holder.name not in by_name or by_name[holder.name] == position:
                continue
            merged = group_of.get(position, {position}) | group_of.get(by_name[holder.name], {by_name[holder.name]})
            group_of.update(dict.fromkeys(merged, merged))
    return list({id(group): group for group in group_of.values()}.values())


def _move(server: Server, planned: t.Sequence[Planned], group: t.Collection[int], directory: SnapshotDirectory) -> None:
    """First everyone lets go of what others get, then everyone becomes as wanted. What was let go of goes back when that fails."""
    let_go: list[tuple[Principal, Principal]] = []
    current: dict[int, Principal] = {}
    for position in sorted(group):
        each = planned[position]
        found, target = each.found, each.target
        if found is None or target is None:
            continue
        moved = [address for address in found.emails if address not in target.emails]
        if moved:
            without = found.model_copy(update={"emails": tuple(address for address in found.emails if address in target.emails)})
            server.principals.update(found, plan.edits(found, without, plan.NO_SECRETS))
            let_go.append((found, without))
            current[position] = without
    for position in sorted(group):
        each = planned[position]
        target = t.cast(Principal, each.target)
        try:
            if each.found is None:
                _write(each, target, server)
            else:
                start = current.get(position, each.found)
                if edits := plan.edits(start, target, each.secrets):
                    server.principals.update(start, edits)
            directory.moved(target.emails)
        except StalwartError:
            _give_back(server, let_go, directory)
            raise


def _give_back(server: Server, let_go: t.Sequence[tuple[Principal, Principal]], directory: SnapshotDirectory) -> None:
    for found, without in let_go:
        free = [address for address in found.emails if address in without.emails or not directory.has_moved(address)]
        if free != list(without.emails):
            server.principals.update(without, [Set("emails", tuple(free))])


# Reporting


# "update" would be a method of the dictionary wherever a template asks for it
_PAST = {"create": "created", "update": "updated", "rename": "renamed", "delete": "deleted"}


def _summary(planned: t.Sequence[Planned], leave_out: t.Collection[int] = ()) -> dict[str, int]:
    numbers = dict.fromkeys([*_PAST.values(), "unchanged"], 0)
    for position, each in enumerate(planned):
        if position in leave_out:
            continue
        actions = [change.action for change in each.changes if change.resource == "principal"]
        numbers[_PAST[actions[0]] if actions else "unchanged"] += 1
    return numbers


def _failure(planned: t.Sequence[Planned], names: t.Sequence[str], report: Report, *, changed: bool) -> PartlyDone:
    failures = [{"name": names[position], "reason": reason} for position, reason in sorted(report.failed.items())]
    not_done = {*report.failed, *report.unfinished}
    done = [change.operation() for position, each in enumerate(planned) if position in report.begun - not_done for change in each.changes]
    left = [change.operation() for position, each in enumerate(planned) if position in not_done for change in each.changes]
    told = "; ".join(f"{failure['name']}: {failure['reason']}" for failure in failures[:5])
    rest = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
    text = f"{len(failures)} of {len(planned)} principals failed: {told}{rest}" if failures else "the time_limit ran out"
    text += f". {len(done)} changes were made, {len(left)} were not; running the task again goes on from there."
    return PartlyDone(text, done[:MOST_DIFFS], left[:MOST_DIFFS], changed=changed, failures=failures[:_MOST_FAILURES], summary=_summary(planned, not_done))

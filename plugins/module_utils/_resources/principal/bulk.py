# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task on many principals: one read, one plan, writes in the order of what depends on what."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import time
import typing as t

from ..._deps import Field
from ..._errors import InvalidOption, PartlyDone, Refused, StalwartError
from ..._names import domain_of
from ..._reconcile.plan import MOST_DIFFS, Change, Mode, Outcome
from ..._reconcile.steps import Report, run_steps
from ..._server.models.principal import Principal
from ..._server.port import Server
from .._options import read
from ..reload import refresh_recipients
from . import names, plan
from .claims import require_consistent
from .directory import SnapshotDirectory
from .options import FIELDS, USED, PrincipalOptions
from .planned import RESOURCE, Planned, plan_one
from .purge import PurgeOptions, doomed, require_unused_roles
from .verify import verify_all
from .writing import Writing

#: A task with more failures than this names only the first ones, and one with more warnings tells only how many there are.
_MOST_FAILURES = 100
_MOST_WARNINGS = 20


class _BulkOptions(PurgeOptions):
    principals: tuple[dict[str, t.Any], ...] = ()
    defaults: dict[str, t.Any] = Field(default_factory=dict)
    on_error: t.Literal["continue", "stop"] = "continue"
    time_limit: t.Annotated[float, Field(gt=0)] | None = None
    concurrency: t.Annotated[int, Field(ge=1, le=32)] = 8
    reload: t.Literal["auto", "never"] = "auto"


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Make all principals as wanted. Results: `summary` (numbers by action), `reloaded`, and `secrets` by name where the server made some.

    Raises PartlyDone with `failures` when items failed or time ran out; everything that did not depend on them is done.
    """
    started = time.monotonic()
    wanted = read(_BulkOptions, options)
    with _kept_out_of_collection():
        items = _read_items(wanted)
        found = list(server.principals.find(fields=_needed_fields(items, wanted, guarded=server.principals.guards_references)))
        if server.principals.names_are_addresses:
            items = _named(server, items, found)
        named = {name for item in items for name in (item.name, item.new_name) if name} | set(server.own_names())
        gone = doomed(wanted, named, found)
        directory = SnapshotDirectory(found)
        planned, refused = _plan_all(server, items, gone, directory, mode)
        if gone:
            targets = {each.found.name: each.target for each in planned if each.found is not None and each.target is not None}
            doomed_names = {principal.name for principal in gone}
            require_unused_roles(gone, [targets.get(principal.name, principal) for principal in found if principal.name not in doomed_names])
        purged = [_plan_deletion(server, principal, directory) for principal in gone]
        everything = [*planned, *purged]
        _refuse_replacements(everything)
        task = _Task(wanted, everything, [*(item.name for item in items), *(each.name for each in purged)], Writing(server, everything, directory), refused)
    if refused and (mode.check or wanted.on_error == "stop"):
        raise task.failure(Report(failed=dict(refused)), predicted=wanted.on_error == "continue", check=mode.check)
    if mode.check:
        return Outcome({"summary": task.summary(), "reloaded": False, **task.secrets(predicted=mode.check)}, task.writing.changes)
    left = None if wanted.time_limit is None else max(0.0, wanted.time_limit - (time.monotonic() - started))
    together = task.writing.together()
    report = run_steps(task.writing.steps(), workers=wanted.concurrency, time_limit=left, stop_on_error=wanted.on_error == "stop", together=together)
    reloaded = wanted.reload == "auto" and task.writing.changes_recipients() and refresh_recipients(server, mode)
    if refused or report.failed or report.unfinished:
        report.failed.update(refused)
        raise task.failure(report)
    return Outcome({"summary": task.summary(), "reloaded": reloaded, **task.secrets(predicted=mode.check)}, task.writing.changes)


@contextlib.contextmanager
def _kept_out_of_collection() -> t.Iterator[None]:
    """What is made within stays until the process ends: looking again and again for garbage in it takes a third of the time of a large plan."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


# Reading


def _read_items(wanted: _BulkOptions) -> list[PrincipalOptions]:
    """All items with the defaults in them. Raises InvalidOption for what contradicts itself, within an item or between two."""
    items = []
    suitable = _Defaults(wanted.defaults)
    for position, item in enumerate(wanted.principals):
        try:
            defaults = suitable.of(item)
            options = read(PrincipalOptions, {**defaults, **{key: value for key, value in item.items() if value is not None}} if defaults else item)
            items.append(options.for_type(options.type) if options.type else options)
        except InvalidOption as error:
            name = f" ({item['name']})" if isinstance(item.get("name"), str) else ""
            raise InvalidOption(f"principals[{position}]{name}.{error.option}", error.problem) from None
    require_consistent(items)
    return items


def _named(server: Server, items: t.Sequence[PrincipalOptions], found: t.Sequence[Principal]) -> list[PrincipalOptions]:
    """The items with full names, where mailboxes are named by their addresses. What an item makes is known to the others."""
    by_local: dict[str, list[str]] = {}
    for principal in found:
        if principal.type in names.MAILBOXES:
            by_local.setdefault(principal.name.rpartition("@")[0], []).append(principal.name)
    others = {principal.name for principal in found if principal.type not in names.MAILBOXES}

    def existing(name: str, *, unambiguous: bool = False) -> str:
        known = by_local.get(name, [])
        if len(known) > 1:
            in_default = [each for each in known if not unambiguous and domain_of(each) == server.principals.default_domain()]
            if len(in_default) != 1:
                raise InvalidOption("principals", f"{name!r} may be {' or '.join(sorted(known))}; give the whole address.")
            return in_default[0]
        return known[0] if known else ""

    def before_renaming(item: PrincipalOptions) -> str:
        """The name that a mailbox had which an earlier run has renamed."""
        new_name = item.new_name or ""
        renamed = new_name if "@" in new_name else existing(new_name, unambiguous=True)
        return f"{item.name}@{domain_of(renamed)}" if renamed else ""

    given, items = items, list(items)
    made: dict[str, str] = {}
    full = []
    for position, item in enumerate(items):
        key = names.key_named(item, lambda each: made.get(each) or existing(each), server.own_names)
        if key.type is not None or key.name in others:
            items[position] = item = key
        name = item.name
        if names.is_short(item) and (item.type is not None or others.isdisjoint((name, item.new_name))):
            # what is gone or has another name after the first run would be another one for the second
            surely = item.state == "absent" or item.new_name is not None
            name = names.address_given(item) or existing(name, unambiguous=surely) or before_renaming(item) or names.new_address(server.principals, item)
            made[item.name] = name
            if item.new_name and "@" not in item.new_name:
                made[item.new_name] = names.renamed(item, name)
        full.append(name)
    completed = [names.completed(server.principals, item, name, lambda each: made.get(each) or existing(each)) for item, name in zip(items, full, strict=True)]
    if any(new is not old for new, old in zip(completed, given, strict=True)):
        require_consistent(completed)
    return completed


# what an item says in one of these ways, a default must not say in another
_ALTERNATIVES = (frozenset({"password", "password_hash"}), frozenset({"enabled", "disabled_permissions"}))


class _Defaults:
    """The defaults that fit an item: a quota for all accounts is none for the domains beside them."""

    def __init__(self, defaults: t.Mapping[str, t.Any]) -> None:
        self._defaults = {key: value for key, value in defaults.items() if value is not None}
        self._every_field = frozenset().union(*FIELDS.values())
        self._by_type: dict[str, dict[str, t.Any]] = {}

    def of(self, item: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        if not self._defaults:
            return {}
        kind = str(item.get("type") or self._defaults.get("type") or "individual")
        if kind not in self._by_type:
            self._by_type[kind] = {key: value for key, value in self._defaults.items() if self._suits(key, kind)}
        fitting = {key: value for key, value in self._by_type[kind].items() if item.get(key) is None}
        for pair in _ALTERNATIVES:
            if any(item.get(key) is not None for key in pair):
                fitting = {key: value for key, value in fitting.items() if key not in pair}
        if item.get("disabled_permissions") is not None or item.get("enabled") is True:
            fitting.pop("receive", None)
        return fitting

    def _suits(self, key: str, kind: str) -> bool:
        field = "enabled" if key == "receive" else key
        return field in FIELDS.get(kind, frozenset()) or field not in self._every_field


def _needed_fields(items: t.Sequence[PrincipalOptions], wanted: _BulkOptions, *, guarded: bool) -> list[str]:
    """Only what is compared is asked for: without a list of fields the server counts each domain's members and sends all secrets.

    `guarded` where the server deletes nothing that others refer to.
    """
    fields = {"emails", "used_quota"} if wanted.purge or any(item.state == "absent" or item.quota is not None for item in items) else {"emails"}
    for item in items:
        fields |= item.wanted_fields()
    if wanted.purge and (not wanted.purge_types or "role" in wanted.purge_types):
        fields.add("roles")
    if guarded and "external_members" in fields:
        fields.add("members")  # such a server tells the recipients of a list apart by itself
    if guarded:
        gone: set[str] = set(wanted.purge_types or USED) if wanted.purge else set()
        gone |= {each for item in items if item.state == "absent" and "@" not in item.name for each in ((item.type,) if item.type else USED)}
        fields |= {USED[each] for each in gone & USED.keys()}
    if fields & {"password", "password_hash", "app_passwords", "otp_url"}:
        fields.add("password_hashes")
    if "enabled" in fields:
        fields.add("disabled_permissions")
    if fields & {"roles", "emails", "enabled_permissions"} and any(item.type in (None, "individual", "group") for item in items):
        fields |= {"roles", "enabled_permissions"}  # for the warnings about who can't receive
    return sorted(fields - {"password", "password_hash", "app_passwords", "otp_url", "enabled"})


# Planning


def _plan_all(
    server: Server, items: t.Sequence[PrincipalOptions], gone: t.Sequence[Principal], directory: SnapshotDirectory, mode: Mode
) -> tuple[list[Planned], dict[int, str]]:
    """A plan for each item, in the order given, and why some have none. Everything is judged by the state after the task.

    An item that is refused stays as it is, so what relied on it is judged anew, until nothing more is refused.
    """
    read_before = [directory.read(item.name) or (directory.read(item.new_name) if item.new_name else None) for item in items]
    pairs = zip(read_before, items, strict=True) if server.principals.tells_hashes else ()
    matches = verify_all(pair for found, item in pairs for pair in plan.verified(found, item))
    refused: dict[int, str] = {}
    while True:
        directory.expect([pair for position, pair in enumerate(zip(read_before, items, strict=True)) if position not in refused], gone)
        warnings: dict[str, None] = {}
        noting = dataclasses.replace(mode, warn=warnings.setdefault)
        planned: list[Planned] = []
        newly_refused: dict[int, str] = {}
        for position, item in enumerate(items):
            found = directory.found(read_before[position])
            if position in refused:
                planned.append(Planned(found, found))
                continue
            try:
                _require_remaining(item, directory)
                planned.append(plan_one(server, found, item, directory, noting, matches))
            except StalwartError as error:
                newly_refused[position] = str(error)
                planned.append(Planned(found, found))
        refused.update(newly_refused)
        if not newly_refused:
            for text in list(warnings)[:_MOST_WARNINGS]:
                mode.warn(text)
            if len(warnings) > _MOST_WARNINGS:
                mode.warn(f"{len(warnings) - _MOST_WARNINGS} more warnings like these are not shown.")
            return planned, refused


def _require_remaining(item: PrincipalOptions, directory: SnapshotDirectory) -> None:
    """Raise Refused where an item names what the same task deletes."""
    if item.state == "absent" or not directory.deletes:
        return
    for field in (*plan.MEMBERSHIPS, "tenant"):
        edit = getattr(item, field)
        names = (edit,) if isinstance(edit, str) else () if edit is None else edit.add if edit.exact is None else edit.exact
        for name in names:
            if directory.is_deleted(name):
                raise Refused(f"{field}: {name!r} is deleted by the same task; keep it, or name it here no longer.")


def _plan_deletion(server: Server, principal: Principal, directory: SnapshotDirectory) -> Planned:
    return plan_one(server, principal, PrincipalOptions(name=principal.name, state="absent", delete_mail=True), directory, Mode())


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


# Reporting


# "update" would be a method of the dictionary wherever a template asks for it
_PAST = {"create": "created", "update": "updated", "rename": "renamed", "delete": "deleted"}


@dataclasses.dataclass
class _Task:
    """Everything that is planned, for telling what became of it. `names` are those of the items, by position."""

    wanted: _BulkOptions
    planned: t.Sequence[Planned]
    names: t.Sequence[str]
    writing: Writing
    refused: t.Mapping[int, str]

    def summary(self, leave_out: t.Collection[int] = ()) -> dict[str, int]:
        numbers = dict.fromkeys([*_PAST.values(), "unchanged"], 0)
        for position, each in enumerate(self.planned):
            if position not in leave_out:
                actions = [change.action for change in each.changes if change.resource == RESOURCE]
                numbers[_PAST[actions[0]] if actions else "unchanged"] += 1
        return numbers

    def secrets(self, *, predicted: bool) -> dict[str, t.Any]:
        """What was made, or would be, by name: it is told only once."""
        made = {each.name: secret for each in self.planned if (secret := each.secret(predicted=predicted))}
        return {"secrets": made} if made else {}

    def failure(self, report: Report, *, predicted: bool = False, check: bool = False) -> PartlyDone:
        """The error that tells both halves. In check mode `predicted` says that what was not refused would be done."""
        changes = self.writing.changes
        done = changes if predicted else [change for change in changes if self.writing.done(change)]
        left = [] if predicted else [change for change in changes if not self.writing.done(change)]
        not_done = {position for position in range(len(self.planned)) if position in report.failed or position in report.unfinished}
        if not predicted and not done:
            not_done |= {position for position, each in enumerate(self.planned) if each.changes}
        failures = [{"name": self.names[position], "reason": reason} for position, reason in sorted(report.failed.items())]
        told = "; ".join(f"{failure['name']}: {failure['reason'].rstrip('.')}" for failure in failures[:5])
        rest = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
        parts = [f"{len(failures)} of {len(self.planned)} principals failed: {told}{rest}"] if failures else []
        if report.out_of_time:
            parts.append(f"the time_limit of {self.wanted.time_limit:g} seconds ran out")
        were = "would be" if check else "were"
        rest = f", {len(left)} {were} not" if left else ""
        text = f"{'; '.join(parts)}. {len(done)} changes {were} made{rest}; running the task again goes on from there."
        results = {"failures": failures[:_MOST_FAILURES], "summary": self.summary(not_done), **self.secrets(predicted=predicted and check)}
        return PartlyDone(text, _operations(done), _operations(left), changed=bool(done), **results)


def _operations(changes: t.Sequence[Change]) -> list[dict[str, t.Any]]:
    return [change.operation() for change in changes[:MOST_DIFFS]]

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From found and wanted to an ordered plan, its diff, and its guarded application.

A resource makes Changes; nothing else writes. In check mode a plan is made in the same way and just not applied, so
what it predicts and what a run does can't differ.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from .._errors import ConnectionFailed, PartlyDone, ServerError, StalwartError

#: More elements than this are not shown of one list in a diff, and no more diffs or operations than this in a result.
LONGEST_LIST = 200
MOST_DIFFS = 500

State = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Change:
    """One write: what it does to which resource, and how it looks before and after (without secrets).

    `before` and `after` hold only the fields that differ; None stands for a resource that does not exist.
    """

    resource: str
    name: str
    action: str
    before: State | None
    after: State | None
    apply: t.Callable[[], object] = dataclasses.field(repr=False, compare=False)
    #: Looks whether it has come to be. Raises NotApplied where it has not.
    verify: t.Callable[[], object] = dataclasses.field(default=lambda: None, repr=False, compare=False, kw_only=True)

    @property
    def fields(self) -> list[str]:
        """Names of what changes."""
        return sorted({*(self.before or ()), *(self.after or ())})

    def operation(self) -> dict[str, t.Any]:
        """The audit line."""
        return {"resource": self.resource, "name": self.name, "action": self.action, "fields": self.fields}

    def diff(self) -> dict[str, t.Any]:
        """As Ansible prints it."""
        header = f"{self.resource} {self.name}"
        before, after = _bounded(self.before or {}, self.after or {})
        return {
            "before_header": header if self.before is not None else f"{header} (absent)",
            "after_header": header if self.after is not None else f"{header} (absent)",
            "before": before if self.before is not None else "",
            "after": after if self.after is not None else "",
        }


def _bounded(before: State, after: State) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    shown: tuple[dict[str, t.Any], dict[str, t.Any]] = ({}, {})
    for field in sorted({*before, *after}):
        old, new = before.get(field), after.get(field)
        for state, value, other, out in ((before, old, new, shown[0]), (after, new, old, shown[1])):
            if field in state:
                out[field] = _bounded_value(value, other)
    return shown


def _bounded_value(value: t.Any, other: t.Any) -> t.Any:
    if not isinstance(value, (list, tuple)):
        return value
    if len(value) <= LONGEST_LIST:
        return list(value)
    # of a long list only what is not on the other side tells anything
    same = set(map(str, other)) if isinstance(other, (list, tuple)) else set()
    own = [item for item in value if str(item) not in same]
    rest = len(value) - len(own[:LONGEST_LIST])
    return [*own[:LONGEST_LIST], f"and {rest} more"]


class Vault(t.Protocol):
    """Ansible's vault, where the task runs on the controller."""

    def encrypt(self, text: str, vault_id: str) -> str:
        """The text encrypted for a vault id. Raises InvalidOption where there is no password for it."""

    def decrypt(self, text: str) -> str | None:
        """The text in the clear; None where no password fits."""


@dataclasses.dataclass(frozen=True)
class Mode:
    """How a task is to be run. `warn` takes one sentence for the user; `vault` is None off the controller."""

    check: bool = False
    diff: bool = False
    warn: t.Callable[[str], None] = dataclasses.field(default=lambda _text: None, compare=False)
    vault: Vault | None = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass
class Outcome:
    """What a task returns: its own results, and the changes that were made (or would be)."""

    results: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    changes: t.Sequence[Change] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was, or would be, different."""
        return bool(self.changes)

    def operations(self) -> list[dict[str, t.Any]]:
        """The audit lines, bounded."""
        return [change.operation() for change in self.changes[:MOST_DIFFS]]

    def diffs(self) -> list[dict[str, t.Any]]:
        """One small diff a change, bounded."""
        return [change.diff() for change in self.changes[:MOST_DIFFS]]


def apply(changes: t.Sequence[Change], mode: Mode) -> None:
    """Make the changes in order, unless in check mode.

    Raises PartlyDone, which tells both halves, when one fails after others were made; else the failure itself.
    """
    if mode.check:
        return
    for position, change in enumerate(changes):
        try:
            change.apply()
            with after([change]):
                change.verify()
        except StalwartError as error:
            if position == 0:
                raise
            done = [made.operation() for made in changes[:position]]
            left = [open_.operation() for open_ in changes[position:]]
            raise PartlyDone(
                f"{error}; {position} of {len(changes)} changes were made before, {len(left)} were not; running the task again goes on from there", done, left
            ) from error


@contextlib.contextmanager
def after(changes: t.Sequence[Change], **results: t.Any) -> t.Iterator[None]:
    """When the server is gone within, that is after the changes were made. The failed task says that they were, and returns `results` all the same."""
    try:
        yield
    except (ConnectionFailed, ServerError) as error:
        made = [change.operation() for change in changes[:MOST_DIFFS]]
        error.details = {"changed": bool(changes), "operations": made, **results, **error.details}
        raise

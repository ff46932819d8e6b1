# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many writes: in stages, several at a time, with an end in time and an account of what was done."""

from __future__ import annotations

import collections.abc
import concurrent.futures
import dataclasses
import threading
import time
import typing as t

from .._errors import ConnectionFailed, StalwartError


@dataclasses.dataclass(frozen=True)
class Step:
    """One write, or several that must go back to back. Steps of a lower stage are all finished before those of a higher one begin.

    `items` are the positions of the items it serves: when it fails they have failed, and their later steps are left out.
    `needs` are items without which it makes no sense: when one of them has failed, so have these, for the reason that stands beside it.
    """

    stage: int
    items: tuple[int, ...]
    run: t.Callable[[], object] = dataclasses.field(compare=False)
    needs: t.Mapping[int, str] = dataclasses.field(default_factory=dict, compare=False)
    #: What `Together` is given of it, for a step that may be done together with others of its stage.
    joins: t.Any = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True)
class Together:
    """How many steps are done at once, where that is better than several at a time, and how. `run` is given what they join with, and tells
    for each why it failed, or nothing."""

    size: int
    run: t.Callable[[t.Sequence[t.Any]], t.Sequence[str]]


class ItemsFailed(StalwartError):
    """A step failed for some of its items only; `reasons` by item."""

    def __init__(self, reasons: t.Mapping[int, str]) -> None:
        super().__init__("; ".join(reasons.values()))
        self.reasons = dict(reasons)


@dataclasses.dataclass
class Report:
    """What became of the steps. `failed` says why, by item; `unfinished` are items of which a step was never begun, since there was an end before."""

    failed: dict[int, str] = dataclasses.field(default_factory=dict)
    unfinished: set[int] = dataclasses.field(default_factory=set)
    out_of_time: bool = False


class _Runner:
    def __init__(self, deadline: float | None, stop_on_error: bool) -> None:
        self.report = Report()
        self._deadline = deadline
        self._stop_on_error = stop_on_error
        self._lock = threading.Lock()
        self._stopped = False

    def stop(self) -> None:
        """Begin no further step."""
        self._stopped = True

    def run(self, step: Step) -> None:
        """Run one step, unless time is up, an earlier one failed that must stop all, or its item has failed."""
        if not self._may_begin(step):
            return
        try:
            step.run()
        except StalwartError as error:
            reasons = error.reasons if isinstance(error, ItemsFailed) else dict.fromkeys(step.items, str(error))
            with self._lock:
                self.report.failed.update(reasons)
            if isinstance(error, ConnectionFailed) and not error.sent:
                self.stop()  # the server is gone: thousands of others would each wait for it as long
        except BaseException:
            self.stop()
            raise

    def run_together(self, steps: t.Sequence[Step], together: Together) -> None:
        """Run steps of one stage by as few runs as there are slices of them."""
        for start in range(0, len(steps), together.size):
            begun = [step for step in steps[start : start + together.size] if self._may_begin(step)]
            if not begun:
                continue
            reasons = together.run([step.joins for step in begun])
            self.report.failed.update({item: reason for step, reason in zip(begun, reasons, strict=True) if reason for item in step.items})

    def _may_begin(self, step: Step) -> bool:
        with self._lock:
            report = self.report
            if self._deadline is not None and time.monotonic() >= self._deadline:
                report.out_of_time = True
            if self._stopped or report.out_of_time or (self._stop_on_error and report.failed):
                report.unfinished.update(item for item in step.items if item not in report.failed)
                return False
            if any(item in report.failed for item in step.items):
                return False
            for needed, reason in step.needs.items():
                if needed in report.failed:
                    report.failed.update(dict.fromkeys(step.items, reason))
                    return False
            return True


def run_steps(
    steps: collections.abc.Iterable[Step],
    *,
    workers: int,
    time_limit: float | None = None,
    stop_on_error: bool = False,
    together: Together | None = None,
) -> Report:
    """Run all steps, stage by stage, at most `workers` at a time. Never raises for a step that fails: the report tells.
    When the server can't be reached any more, no further step begins.

    `time_limit` is in seconds; it is looked at between steps, so the last ones may end a little later. An interruption from outside, such as
    the `timeout` of an Ansible task, ends it after the steps that are under way.
    """
    by_stage: dict[int, list[Step]] = {}
    for step in steps:
        by_stage.setdefault(step.stage, []).append(step)
    runner = _Runner(None if time_limit is None else time.monotonic() + time_limit, stop_on_error)
    for stage in sorted(by_stage):
        joining = [step for step in by_stage[stage] if together is not None and step.joins is not None]
        alone = [step for step in by_stage[stage] if together is None or step.joins is None]
        if together is not None:
            runner.run_together(joining, together)
        if workers == 1 or len(alone) < 2:
            for step in alone:
                runner.run(step)
            continue
        with concurrent.futures.ThreadPoolExecutor(max_workers=min(workers, len(alone))) as pool:
            try:
                for future in [pool.submit(runner.run, step) for step in alone]:
                    future.result()
            except BaseException:
                runner.stop()  # else leaving the pool would wait for all that is still to come
                raise
    return runner.report

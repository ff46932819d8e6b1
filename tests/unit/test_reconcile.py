# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The core of every task: changes, their diffs, their guarded application in order, and many of them in steps."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._errors import ConnectionFailed, InvalidOption, NotApplied, PartlyDone, ServerError, StalwartError
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile import plan, steps
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.compare import difference, same_items, same_with_first
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Change, Mode, Outcome, after, apply
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.steps import ItemsFailed, Step, run_steps


def change(name: str = "x", before: t.Any = None, wanted: t.Any = None, run: t.Callable[[], object] = lambda: None, **more: t.Any) -> Change:
    return Change("thing", name, "update", before, wanted, run, **more)


# Comparing


@pytest.mark.parametrize(
    ("one", "other", "items", "first"),
    [
        ((), (), True, True),
        (("a",), ("a",), True, True),
        (("a", "b"), ("b", "a"), True, False),
        (("b", "a"), ("a", "b"), True, False),
        (("a", "b", "c"), ("a", "c", "b"), True, True),
        (("a", "b"), ("a",), False, False),
        (("a",), ("a", "b"), False, False),
        (("a",), (), False, False),
        (("a", "b"), ("a", "c"), False, False),
        (("b",), ("a",), False, False),
    ],
)
def test_lists_are_compared_without_their_order_or_by_their_first(one: tuple[str, ...], other: tuple[str, ...], items: bool, first: bool) -> None:
    assert same_items(one, other) is items
    assert same_with_first(one, other) is first


def test_a_difference_holds_only_what_differs() -> None:
    before, wanted = {"a": 1, "b": 2, "gone": 3, "none": None}, {"a": 1, "b": 4, "new": 5}
    assert difference(before, wanted) == ({"b": 2, "gone": 3, "none": None}, {"b": 4, "new": 5})
    assert difference(before, before) == ({}, {})
    assert difference({"list": ["x"]}, {"list": ["x"]}) == ({}, {})
    assert difference({}, {"a": None}) == ({}, {"a": None})


# One change


def test_a_change_tells_its_fields_and_its_audit_line() -> None:
    one = change("x", {"b": 1, "c": 1}, {"a": 2, "b": 2})
    assert one.fields == ["a", "b", "c"]
    assert one.operation() == {"resource": "thing", "name": "x", "action": "update", "fields": ["a", "b", "c"]}
    assert change().fields == []


def test_the_diff_of_what_comes_changes_and_goes() -> None:
    assert change("x", {"a": 1}, {"a": 2}).diff() == {"before_header": "thing x", "after_header": "thing x", "before": {"a": 1}, "after": {"a": 2}}
    assert change("x", None, {"a": 2}).diff() == {"before_header": "thing x (absent)", "after_header": "thing x", "before": "", "after": {"a": 2}}
    assert change("x", {"a": 1}, None).diff() == {"before_header": "thing x", "after_header": "thing x (absent)", "before": {"a": 1}, "after": ""}
    assert change("x", {}, {}).diff() == {"before_header": "thing x", "after_header": "thing x", "before": {}, "after": {}}


def test_fields_of_one_side_stay_on_that_side_and_are_sorted() -> None:
    diff = change("x", {"b": 1}, {"c": 2, "a": (1, 2)}).diff()
    assert diff["before"] == {"b": 1} and list(diff["after"].items()) == [("a", [1, 2]), ("c", 2)]


def test_the_ends_are_as_documented() -> None:
    assert (plan.LONGEST_LIST, plan.MOST_DIFFS) == (200, 500)


def test_long_lists_show_what_the_other_side_has_not() -> None:
    many = [str(number) for number in range(200)]
    assert change("x", {"a": many}, {"a": many}).diff()["before"]["a"] == many
    diff = change("x", {"a": many}, {"a": [*many, "new"]}).diff()
    assert diff["before"]["a"] == many
    assert diff["after"]["a"] == ["new", "and 200 more"]
    diff = change("x", {"a": [*many, "old"]}, {"a": "text"}).diff()
    assert diff["before"]["a"] == [*many, "and 1 more"]
    assert diff["after"]["a"] == "text"
    diff = change("x", {"a": [*many, 7]}, {"a": tuple(map(int, [*many, "201"]))}).diff()
    assert diff["before"]["a"] == ["and 201 more"]
    assert diff["after"]["a"] == [201, "and 200 more"]
    diff = change("x", {"a": [f"x{number}" for number in range(300)]}, {"a": ["y"]}).diff()
    assert diff["before"]["a"][-1] == "and 100 more"
    diff = change("x", {"a": [f"x{number}" for number in range(205)]}, {"a": []}).diff()
    assert diff["before"]["a"] == [*(f"x{number}" for number in range(200)), "and 5 more"]


def test_a_change_shows_neither_its_work_nor_is_it_compared_by_it() -> None:
    assert change(run=lambda: 1) == change(run=lambda: 2, verify=lambda: 3)
    assert "lambda" not in repr(change())
    with pytest.raises(AttributeError):
        change().name = "y"  # type: ignore[misc]


def test_a_mode_is_that_of_a_real_run() -> None:
    mode = Mode()
    assert (mode.check, mode.diff, mode.vault) == (False, False, None)
    mode.warn("nobody hears it")
    assert mode == Mode(warn=print, vault=object())  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        mode.check = True  # type: ignore[misc]


# Outcomes


def test_an_outcome_counts_changes_and_is_bounded() -> None:
    assert not Outcome().changed and Outcome().operations() == [] and Outcome().diffs() == []
    outcome = Outcome({"x": 1}, [change(str(number)) for number in range(501)])
    assert outcome.changed
    assert [line["name"] for line in outcome.operations()] == [str(number) for number in range(500)]
    assert len(outcome.diffs()) == 500 and outcome.diffs()[0]["before_header"] == "thing 0 (absent)"


# Applying


def test_changes_are_made_in_order_each_verified_before_the_next() -> None:
    log: list[str] = []
    changes = [change(name, run=lambda name=name: log.append(name), verify=lambda name=name: log.append(f"{name}?")) for name in "ab"]  # type: ignore[misc]
    apply(changes, Mode(check=True))
    assert log == []
    apply(changes, Mode())
    assert log == ["a", "a?", "b", "b?"]


def _fails(error: Exception) -> t.Callable[[], object]:
    def run() -> None:
        raise error

    return run


def test_the_first_failure_is_told_as_it_is() -> None:
    with pytest.raises(InvalidOption, match="a: wrong") as caught:
        apply([change(run=_fails(InvalidOption("a", "wrong"))), change()], Mode())
    assert caught.value.details == {}


def test_a_later_failure_tells_both_halves() -> None:
    changes = [change("one"), change("two"), change("three", run=_fails(NotApplied("no"))), change("four")]
    with pytest.raises(PartlyDone) as caught:
        apply(changes, Mode())
    error = caught.value
    assert str(error) == "no; 2 of 4 changes were made before, 2 were not; running the task again goes on from there"
    assert [line["name"] for line in error.done] == ["one", "two"]
    assert [line["name"] for line in error.left] == ["three", "four"]
    assert error.changed and error.more == {}
    assert isinstance(error.__cause__, NotApplied)


def test_what_is_no_failure_of_ours_goes_through() -> None:
    with pytest.raises(KeyError):
        apply([change(), change(run=_fails(KeyError("x")))], Mode())


@pytest.mark.parametrize("error", [ConnectionFailed("gone", sent=True), ServerError("no", request="GET /")])
def test_a_server_that_goes_away_after_a_change_does_not_hide_it(error: StalwartError) -> None:
    with pytest.raises(type(error)) as caught, after([change("x", {"a": 1}, {"a": 2})], secret="made"):
        raise error
    assert caught.value.details == {"changed": True, "operations": [change("x", {"a": 1}, {"a": 2}).operation()], "secret": "made"}


def test_what_is_told_already_is_kept_and_nothing_is_invented() -> None:
    error = ConnectionFailed("gone", sent=True)
    error.details["changed"] = "told"
    with pytest.raises(ConnectionFailed), after([]):
        raise error
    assert error.details == {"changed": "told", "operations": []}
    refused = NotApplied("no")
    with pytest.raises(NotApplied), after([change()]):
        raise refused
    assert refused.details == {}
    error = ConnectionFailed("gone", sent=True)
    with pytest.raises(ConnectionFailed), after([]):
        raise error
    assert error.details["changed"] is False
    with pytest.raises(ConnectionFailed), after([change(str(number)) for number in range(501)]):
        raise (error := ConnectionFailed("gone", sent=True))
    assert len(error.details["operations"]) == 500


def test_a_change_that_can_not_be_verified_was_made() -> None:
    with pytest.raises(ConnectionFailed) as caught:
        apply([change(verify=_fails(ConnectionFailed("gone", sent=True)))], Mode())
    assert caught.value.details["changed"] is True
    with pytest.raises(ConnectionFailed) as caught:
        apply([change(run=_fails(ConnectionFailed("gone", sent=True)))], Mode())
    assert caught.value.details == {}


# Steps


def _step(stage: int, item: int, log: list[t.Any], needs: t.Mapping[int, str] | None = None, error: Exception | None = None) -> Step:
    def run() -> None:
        log.append(item)
        if error is not None:
            raise error

    return Step(stage, (item,), run, needs or {})


@pytest.mark.parametrize("workers", [1, 4])
def test_lower_stages_are_finished_first(workers: int) -> None:
    log: list[int] = []
    report = run_steps([_step(2, 0, log), _step(1, 1, log), _step(2, 2, log), _step(0, 3, log)], workers=workers)
    assert log[:2] == [3, 1] and sorted(log[2:]) == [0, 2]
    assert (report.failed, report.unfinished, report.out_of_time) == ({}, set(), False)


@pytest.mark.parametrize("workers", [1, 4])
def test_a_failed_item_has_no_later_step_and_others_go_on(workers: int) -> None:
    log: list[int] = []
    made = [_step(0, 0, log, error=NotApplied("no")), _step(0, 1, log), _step(1, 0, log), _step(1, 1, log), _step(1, 2, log, {0: "needs 0"}), _step(2, 2, log)]
    report = run_steps(made, workers=workers)
    assert sorted(log) == [0, 1, 1]
    assert report.failed == {0: "no", 2: "needs 0"} and report.unfinished == set() and not report.out_of_time


def test_a_step_may_fail_for_some_of_its_items() -> None:
    error = ItemsFailed({1: "first", 2: "second"})
    assert str(error) == "first; second" and error.reasons == {1: "first", 2: "second"}
    report = run_steps([Step(0, (0, 1, 2), _fails(error))], workers=1)
    assert report.failed == {1: "first", 2: "second"}
    report = run_steps([Step(0, (0, 1), _fails(NotApplied("no")))], workers=1)
    assert report.failed == {0: "no", 1: "no"}


@pytest.mark.parametrize("stop", [True, False])
def test_stop_begins_nothing_after_a_failure(stop: bool) -> None:
    log: list[int] = []
    report = run_steps([_step(0, 0, log, error=NotApplied("no")), _step(0, 1, log), _step(1, 0, log), _step(1, 2, log)], workers=1, stop_on_error=stop)
    assert log == ([0] if stop else [0, 1, 2])
    assert report.unfinished == ({1, 2} if stop else set())


def test_time_runs_out_between_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    log: list[int] = []

    def work(item: int, until: float) -> Step:
        def run() -> None:
            log.append(item)
            now[0] = until

        return Step(item, (item,), run)

    report = run_steps([work(0, 109.9), work(1, 110.0), work(2, 111.0), work(3, 0.0)], workers=1, time_limit=10.0)
    assert log == [0, 1]
    assert report.out_of_time and report.unfinished == {2, 3}  # an end is an end, even if the clock goes back
    now[0] = 100.0
    log.clear()
    assert run_steps([work(0, 120.0), work(1, 120.0)], workers=1, time_limit=10.0).unfinished == {1} and log == [0]  # long past it
    now[0] = 0.0
    log.clear()
    assert not run_steps([work(0, 5.0), work(1, 1e9)], workers=1).out_of_time
    assert not run_steps([], workers=1, time_limit=0.0).out_of_time


def test_steps_of_one_stage_run_together_but_not_more_than_allowed() -> None:
    running, most, lock, together = [0], [0], threading.Lock(), threading.Barrier(2, timeout=60)

    def run() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        together.wait()
        with lock:
            running[0] -= 1

    run_steps([Step(0, (item,), run) for item in range(4)], workers=2)
    assert most[0] == 2
    pair = threading.Barrier(2, timeout=60)
    assert run_steps([Step(0, (item,), pair.wait) for item in range(2)], workers=2).failed == {}
    main = threading.get_ident()
    seen: list[int] = []
    run_steps([Step(0, (0,), lambda: seen.append(threading.get_ident()))], workers=8)
    run_steps([Step(0, (item,), lambda: seen.append(threading.get_ident())) for item in range(2)], workers=1)
    assert seen == [main] * 3  # no thread for a single one


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interruption_goes_through_and_begins_nothing_more(workers: int) -> None:
    log: list[int] = []
    made = [_step(0, 0, log, error=KeyboardInterrupt()), *(_step(0, item, log) for item in range(1, 200))]  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        run_steps(made, workers=workers)
    assert len(log) < 200
    with pytest.raises(ZeroDivisionError):
        run_steps([_step(0, 0, log, error=ZeroDivisionError()), _step(0, 1, log)], workers=workers)


def _joining(item: int, log: list[t.Any], *, stage: int = 0, needs: t.Mapping[int, str] | None = None) -> Step:
    return Step(stage, (item,), lambda: log.append(item), needs or {}, joins=f"j{item}")


def test_steps_that_may_are_done_together_in_slices() -> None:
    log: list[t.Any] = []

    def run(joined: t.Sequence[t.Any]) -> list[str]:
        log.append(list(joined))
        return ["no" if each == "j1" else "" for each in joined]

    made = [*(_joining(item, log) for item in range(5)), _step(0, 9, log), _joining(6, log, stage=1, needs={1: "needs 1"}), _joining(7, log, stage=1)]
    report = run_steps(made, workers=1, together=steps.Together(2, run))
    assert log == [["j0", "j1"], ["j2", "j3"], ["j4"], 9, ["j7"]]
    assert report.failed == {1: "no", 6: "needs 1"} and report.unfinished == set()
    log.clear()
    run_steps(made, workers=1)
    assert log == [0, 1, 2, 3, 4, 9, 6, 7]  # each by itself where nothing does them together


def test_a_slice_of_which_nothing_may_begin_is_left_out() -> None:
    log: list[t.Any] = []
    made = [_step(0, 0, log, error=NotApplied("no")), _joining(1, log, stage=1, needs={0: "needs 0"}), _joining(2, log, stage=1)]
    report = run_steps(made, workers=1, together=steps.Together(1, lambda joined: log.append(list(joined)) or [""]))  # type: ignore[func-returns-value]
    assert log == [0, ["j2"]] and report.failed == {0: "no", 1: "needs 0"}


def test_steps_are_compared_without_their_work() -> None:
    assert Step(0, (1,), lambda: 1) == Step(0, (1,), lambda: 2, {1: "x"})
    assert Step(0, (1,), print) == Step(0, (1,), print, joins=steps.Together(1, lambda _joined: []))
    assert Step(0, (1,), print).needs == {}
    with pytest.raises(AttributeError):
        Step(0, (1,), print).stage = 1  # type: ignore[misc]
    with pytest.raises(AttributeError):
        steps.Together(1, lambda _joined: []).size = 2  # type: ignore[misc]
    assert steps.Report() == steps.Report({}, set(), False)

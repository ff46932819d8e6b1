# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many passwords compared with their hashes, on all cores.

A strong hash takes milliseconds by intention, and libpass calculates sha512-crypt in Python, so threads gain nothing.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import multiprocessing
import os
import typing as t

from ..._passwords import already_set

#: Below this the start of processes costs more than it saves.
_WORTH_PROCESSES = 200
_MOST_PROCESSES = 16
_AT_ONCE = 25

Pair = tuple[str, str]


def verify_all(pairs: t.Iterable[Pair]) -> t.Callable[[str, str], bool]:
    """What `already_set` answers for these pairs of password and hash, calculated now; other pairs are calculated when they are asked for."""
    known = _in_processes(list(dict.fromkeys(pairs)))

    def matches(password: str, stored: str) -> bool:
        pair = (password, stored)
        if pair not in known:
            known[pair] = already_set(password, stored)
        return known[pair]

    return matches


def _in_processes(pairs: list[Pair]) -> dict[Pair, bool]:
    workers = min(_cores(), _MOST_PROCESSES)
    if len(pairs) < _WORTH_PROCESSES or workers < 2:
        return {}
    try:
        # Forked, since whatever else starts processes would import the module's main, or Ansible's. No thread runs yet, and the children touch no connection.
        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
            return dict(zip(pairs, pool.map(_already_set, pairs, chunksize=_AT_ONCE), strict=True))
    except (OSError, ValueError, AssertionError, concurrent.futures.process.BrokenProcessPool):
        return {}  # no shared memory, no fork, too few processes: one by one then


def _already_set(pair: Pair) -> bool:
    return already_set(*pair)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a server to do what it said, within a time limit."""

from __future__ import annotations

import time
import typing as t

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


def wait_until(done: t.Callable[[], bool], seconds: float) -> bool:
    """Ask again and again, less and less often, until it is done or `seconds` have passed. It is asked at least once."""
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        if done():
            return True
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)

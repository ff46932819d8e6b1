# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes every task's result as a line of JSON to the file named by RECORD_RESULTS."""

from __future__ import annotations

DOCUMENTATION = r"""
name: record
type: aggregate
short_description: Record every task's result
description:
  - Writes every task's result as a line of JSON to the file named by E(RECORD_RESULTS).
"""

import json
import os
import typing as t

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, result: t.Any, outcome: str) -> None:
        line = {
            "task": result._task.get_name(),
            "action": result._task.action,
            "ignored": bool(result._task.ignore_errors),
            "outcome": outcome,
            "result": result._result,
        }
        with open(os.environ["RECORD_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._write(result, "ok")

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._write(result, "failed")

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._write(result, "skipped")

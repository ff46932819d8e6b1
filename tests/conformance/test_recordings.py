# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in answers every recorded request as the real server of that version did."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from tests.conformance.replay import canon, replay, server

START = f"{shlex.quote(sys.executable)} -m tests.stand_in --port {{port}} --smtp-port {{smtp}} --submission-port {{submission}} --version {{version}}"
RECORDINGS = sorted(Path(__file__).parent.glob("*-*/*.json"))


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_answers_are_as_recorded(recording: Path) -> None:
    script = json.loads(recording.read_text(encoding="utf-8"))
    with server(START, script["server"]) as (url, smtp, submission):
        wrong = [
            f"{step} {where}: recorded {canon(want)[:300]}, got {canon(got)[:300]}"
            for step, differences in replay(script, url, smtp, submission)
            for where, want, got in differences
        ]
    assert not wrong, "\n".join(wrong)

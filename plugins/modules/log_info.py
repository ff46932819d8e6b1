#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: log_info
short_description: Read the log of a server
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns lines of the log of a Stalwart mail server, newest first. The server must have a tracer that writes a log file.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  text:
    description:
      - Only lines that contain this.
    type: str
  levels:
    description:
      - Only lines of these levels.
    type: list
    elements: str
    choices: [error, warn, info, debug, trace]
  events:
    description:
      - Only these events, such as V(auth.failed), or all of a kind, such as V(auth).
    type: list
    elements: str
  since:
    description:
      - Only lines since then, as V(2026-01-31T23:59:00Z), or as how far back, like V(2h).
    type: str
  limit:
    description:
      - Return at most so many lines.
    type: int
    default: 100
  scan_limit:
    description:
      - Look at no more than so many lines.
    type: int
    default: 10000
notes:
  - Servers since 0.16 tell the id of an event only, which then stands in its place too.
seealso:
  - module: stalwart.mail.telemetry_info
"""

EXAMPLES = r"""
- name: Who failed to log in during the last hour
  stalwart.mail.log_info:
    events: [auth.failed]
    since: 1h
  register: found
"""

RETURN = r"""
logs:
  description: The lines.
  returned: success
  type: list
  elements: dict
  contains:
    timestamp:
      description: When.
      type: str
    level:
      description: The level, in lower case.
      type: str
    event:
      description: What happened, for people.
      type: str
    event_id:
      description: What happened, as an id.
      type: str
    details:
      description: More of it. What looks like a secret is hidden.
      type: str
total:
  description: How many lines are returned.
  returned: success
  type: int
complete:
  description: Whether these are all lines that match; false when O(limit) or O(scan_limit) ended the search.
  returned: success
  type: bool
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.diagnosis import logs

TASK = Task(
    own=ArgumentSpec(
        options={
            "text": {"type": "str"},
            "levels": {"type": "list", "elements": "str", "choices": ["error", "warn", "info", "debug", "trace"]},
            "events": {"type": "list", "elements": "str"},
            "since": {"type": "str"},
            "limit": {"type": "int", "default": 100},
            "scan_limit": {"type": "int", "default": 10000},
        },
    ),
    run=logs,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: telemetry_info
short_description: Read metrics and traces, stored or live
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns metrics and traces of a Stalwart mail server. Live ones are watched for a bounded time and number.
  - Only the paid edition of the server can do this. It is built from the API description and tested against an emulation, not measured on a paid
    server; on the free edition the task fails and says so.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  kind:
    description:
      - What to read. V(metrics) and V(traces) are stored ones, V(live_metrics) and V(live_traces) come as they happen.
    type: str
    required: true
    choices: [metrics, live_metrics, traces, live_traces]
  newer_than:
    description:
      - Only what was stored no longer ago than this, as in V(1h). With stored ones only.
    type: str
  older_than:
    description:
      - Only what was stored longer ago than this. With stored ones only.
    type: str
  names:
    description:
      - Only these metrics, such as V(queue.count).
    type: list
    elements: str
  interval:
    description:
      - Seconds between two samples of O(kind=live_metrics). Without it, 1.
    type: int
  duration:
    description:
      - For how many seconds live ones are watched. Without it, 10.
    type: float
  ids:
    description:
      - The traces with these ids.
    type: list
    elements: str
  event:
    description:
      - Only traces of this event, such as V(delivery.attempt-start).
    type: str
  queue_id:
    description:
      - Only traces of this queued message.
    type: str
  text:
    description:
      - Only traces with these words; live, only events that contain this.
    type: str
  limit:
    description:
      - Return at most so many metrics (the latest), samples, traces or events.
    type: int
    default: 100
notes:
  - On servers since 0.16 ids of traces are letters and digits, and events have no texts.
seealso:
  - module: stalwart.mail.log_info
"""

EXAMPLES = r"""
- name: How many messages wait, three times
  stalwart.mail.telemetry_info:
    kind: live_metrics
    names: [queue.count]
    limit: 3
  register: watched

- name: What happened to a message
  stalwart.mail.telemetry_info:
    kind: traces
    queue_id: "217700302698266624"
"""

RETURN = r"""
metrics:
  description: The metrics, each with C(id), C(type), C(timestamp) and either C(value) or C(total) and C(sum).
  returned: with O(kind=metrics)
  type: list
  elements: dict
samples:
  description: The samples, each a list of metrics.
  returned: with O(kind=live_metrics)
  type: list
  elements: list
traces:
  description: The traces, each with its C(id) and its C(events).
  returned: with O(kind=traces)
  type: list
  elements: dict
events:
  description: The events, each with C(type), C(text), C(explanation), C(timestamp) and C(data).
  returned: with O(kind=live_traces)
  type: list
  elements: dict
total:
  description: How many are returned.
  returned: success
  type: int
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.telemetry import info

TASK = Task(
    own=ArgumentSpec(
        options={
            "kind": {"type": "str", "choices": ["metrics", "live_metrics", "traces", "live_traces"], "required": True},
            "newer_than": {"type": "str"},
            "older_than": {"type": "str"},
            "names": {"type": "list", "elements": "str"},
            "interval": {"type": "int"},
            "duration": {"type": "float"},
            "ids": {"type": "list", "elements": "str"},
            "event": {"type": "str"},
            "queue_id": {"type": "str"},
            "text": {"type": "str"},
            "limit": {"type": "int", "default": 100},
        },
    ),
    run=info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

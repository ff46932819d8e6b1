#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: queue_info
short_description: Read the outbound queue and the messages in it
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Tells whether the queue of a Stalwart mail server runs, and returns the messages that wait in it.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
  - stalwart.mail.selection.queued_messages
options:
  limit:
    description:
      - Return at most so many messages; V(0) returns all.
    type: int
    default: 100
seealso:
  - module: stalwart.mail.queue
  - module: stalwart.mail.queue_message
  - module: stalwart.mail.blob
"""

EXAMPLES = r"""
- name: What waits for one provider
  stalwart.mail.queue_info:
    recipient: "@example.com"
  register: found

- name: What is due, but has not left
  stalwart.mail.queue_info:
    due_before: 1s
    limit: 10
"""

RETURN = r"""
queue:
  description: The queue, with C(state) (V(running) or V(paused)) and C(local_delivery) (V(runs) or V(waits)). Both are null on
    servers since 0.16, which do not tell.
  returned: success
  type: dict
  sample: {"state": "running", "local_delivery": "runs"}
messages:
  description: The messages that match, oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The id, as text.
      type: str
    sender:
      description: The envelope sender; empty for a bounce.
      type: str
    created:
      description: When it came in.
      type: str
    size:
      description: Bytes.
      type: int
    priority:
      description: The priority, 0 as a rule.
      type: int
    envelope_id:
      description: The id that the sender gave it.
      type: str
    blob_id:
      description: Names its content; M(stalwart.mail.blob) writes it to a file.
      type: str
    next_retry:
      description: When the next attempt is due.
      type: str
    recipients:
      description: Each with C(address), C(queue), C(status), C(reason), C(attempts), C(next_retry), C(next_notify) and C(expires).
      type: list
      elements: dict
total:
  description: How many messages match, those included that O(limit) left out.
  returned: success
  type: int
summary:
  description: The messages that are returned, counted by status, queue and domain of their recipients.
  returned: success
  type: dict
  sample: {"messages": 1, "recipients": 2, "by_status": {"scheduled": 2}, "by_queue": {"remote": 2}, "by_domain": {"example.com": 2}}
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.selection import QUEUED_MESSAGES
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.queue.state import info

TASK = Task(
    own=QUEUED_MESSAGES.merge(ArgumentSpec(options={"limit": {"type": "int", "default": 100}})),
    run=info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

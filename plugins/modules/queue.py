#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: queue
short_description: Pause the outbound queue, or let it run
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Makes the queue of a Stalwart mail server deliver mail, or keep all of it back.
  - Servers up to 0.15 answer that a resumed queue runs and go on sleeping. This module wakes them, and confirms that messages which are due leave or are tried.
  - A queue that says it runs, but leaves alone what is due, is woken too.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
options:
  state:
    description:
      - V(paused) keeps back all mail, B(that to local mailboxes too). New mail is still accepted.
      - The pause holds for the one server process that is asked, not for other nodes of a cluster (since 0.16 for them too), and ends when the server restarts.
    type: str
    required: true
    choices: [running, paused]
  wait:
    description:
      - Whether the task ends only when the server does what it was told.
    type: bool
    default: true
  wait_timeout:
    description:
      - How many seconds O(wait) lasts at most.
    type: float
    default: 60.0
  hold:
    description:
      - How many seconds the pause is meant to last. Only with O(state=paused). It does not end the pause, but the task warns of messages that expire within
        this time.
    type: float
  delay:
    description:
      - How many seconds the task waits before it does anything, for a run in the background that ends a pause whatever becomes of the play.
        Check mode does not wait.
    type: float
    default: 0.0
  delay_while:
    description:
      - A file on the host that runs the task. When it is gone before O(delay) is over, the task ends at once and does nothing.
    type: path
notes:
  - Servers since 0.16 do not tell whether their queue is paused. There the server is told in any case, which counts as changed, unless mail that
    is due moves and so shows that the queue runs.
seealso:
  - module: stalwart.mail.queue_info
  - module: stalwart.mail.queue_message
"""

EXAMPLES = r"""
- name: Keep mail back while the storage is moved
  stalwart.mail.queue:
    state: paused

- name: Deliver again
  stalwart.mail.queue:
    state: running
    wait_timeout: 120

- name: End a pause after a quarter of an hour, even when this play is no more, unless a file is gone by then
  stalwart.mail.queue:
    state: running
    delay: 900
    delay_while: /run/mail-is-held
  async: 1000
  poll: 0
"""

RETURN = r"""
queue:
  description: The queue as it is after the task, or in check mode would be.
  returned: success
  type: dict
  contains:
    state:
      description: V(running) or V(paused).
      type: str
    local_delivery:
      description: Whether mail to local mailboxes V(runs) or V(waits).
      type: str
  sample: {"state": "paused", "local_delivery": "waits"}
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "queue", "name": "queue", "action": "pause", "fields": ["state"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.queue.state import manage

TASK = Task(
    own=ArgumentSpec(
        options={
            "state": {"type": "str", "choices": ["running", "paused"], "required": True},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "float", "default": 60.0},
            "hold": {"type": "float"},
            "delay": {"type": "float", "default": 0.0},
            "delay_while": {"type": "path"},
        },
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: queue_message
short_description: Retry or cancel messages in the outbound queue
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Lets messages that wait in the queue of a Stalwart mail server be tried at another time, or gives them up.
  - No answer of the server is believed. The messages are read again, and those that really changed are returned.
  - Servers up to 0.15 answer yes and do nothing when a message outside the queue V(default) is to be tried at another time, or when single recipients
    of it are to be cancelled. The task then fails and says so.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
  - stalwart.mail.selection.queued_messages
options:
  action:
    description:
      - V(retry) sets the time of the next attempt. V(cancel) gives messages up, without a word to the sender.
    type: str
    required: true
    choices: [retry, cancel]
  all:
    description:
      - All messages. It must be set where neither O(ids) nor a filter is given.
    type: bool
    default: false
  only_recipients:
    description:
      - Act on these recipients of the messages alone.
    type: list
    elements: str
  at:
    description:
      - When to try again, as V(2026-01-31T23:59:00Z) or as a period from now on like V(2h). Without it, at once.
    type: str
  wait:
    description:
      - Whether the task waits until the server has done in the background what it was asked for many messages. Without it they are not read again.
    type: bool
    default: true
  wait_timeout:
    description:
      - How many seconds O(wait) lasts at most.
    type: float
    default: 60.0
notes:
  - Servers since 0.16 keep a new time and the cancellation of single recipients in all queues, and name each message, so that nothing is done in the
    background.
seealso:
  - module: stalwart.mail.queue_info
  - module: stalwart.mail.queue
"""

EXAMPLES = r"""
- name: Give up what a stolen account sent
  stalwart.mail.queue_message:
    action: cancel
    sender: alice@example.org

- name: Try everything for one provider again at once
  stalwart.mail.queue_message:
    action: retry
    recipient: "@example.com"

- name: Give up one recipient of one message
  stalwart.mail.queue_message:
    action: cancel
    ids: ["217700302698266624"]
    only_recipients: [bob@example.com]
"""

RETURN = r"""
messages:
  description: The messages that changed (in check mode, that would), at most 500 of them.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The id, as text.
      type: str
    sender:
      description: The envelope sender.
      type: str
    recipients:
      description: The recipients that were acted on.
      type: list
      elements: str
matched:
  description: How many messages were meant, those included for which nothing was to be done.
  returned: success
  type: int
verified:
  description: Whether the messages were read again.
  returned: success
  type: bool
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "queued_message", "name": "217700302698266624", "action": "cancel", "fields": ["recipients", "sender"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.selection import QUEUED_MESSAGES
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.queue.message import manage

TASK = Task(
    own=QUEUED_MESSAGES.merge(
        ArgumentSpec(
            options={
                "action": {"type": "str", "choices": ["retry", "cancel"], "required": True},
                "all": {"type": "bool", "default": False},
                "only_recipients": {"type": "list", "elements": "str"},
                "at": {"type": "str"},
                "wait": {"type": "bool", "default": True},
                "wait_timeout": {"type": "float", "default": 60.0},
            },
        )
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

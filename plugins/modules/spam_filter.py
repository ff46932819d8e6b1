#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: spam_filter
short_description: Train and update the spam filter
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Teaches the spam filter of a Stalwart mail server by examples, starts and stops training runs, and fetches new rules.
  - Servers up to 0.14 learn from each message at once. Later ones collect the examples, and a training run learns from them.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
attributes:
  become:
    support: partial
    details:
      - It decides about the file that is read, and a task that names one and has C(become) runs as an ordinary module.
  check_mode:
    support: partial
    details:
      - Whether there are newer rules is known only after fetching them, so O(action=update_rules) predicts a change.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - A message counts as an example each time, and O(action=retrain) and O(action=forget) act each time.
options:
  action:
    description:
      - V(learn) takes a message as an example.
      - V(start_training) and V(stop_training) begin and end a run; V(retrain) begins one that learns from all examples again; V(forget) deletes what
        was learned. Servers up to 0.14 have none of these.
      - V(update_rules) lets the server fetch the rules from the network.
    type: str
    required: true
    choices: [learn, start_training, stop_training, retrain, forget, update_rules]
  learn_as:
    description:
      - What the message is an example of. Needed for O(action=learn).
    type: str
    choices: [spam, ham]
  content:
    description:
      - The whole message with its header.
    type: str
  src:
    description:
      - The path of a file with the message, on the host that runs the task, instead of O(content).
    type: path
  account:
    description:
      - Learn for this account only.
    type: str
  force:
    description:
      - Install the rules although the present ones are as new.
    type: bool
    default: false
  overwrite:
    description:
      - Replace rules that were changed by hand.
    type: bool
    default: false
  wait:
    description:
      - Whether the task ends only when the training run does.
    type: bool
    default: false
  wait_timeout:
    description:
      - How many seconds O(wait) lasts at most.
    type: float
    default: 300.0
notes:
  - Servers since 0.16 train by tasks of theirs, add the rules that they have not and replace none, so O(overwrite) is refused, and have no version of
    rules, so RV(spam_filter) tells how many objects there are.
seealso:
  - module: stalwart.mail.spam_classify_info
"""

EXAMPLES = r"""
- name: This is spam
  stalwart.mail.spam_filter:
    action: learn
    learn_as: spam
    src: /root/spam.eml

- name: Learn from what was collected
  stalwart.mail.spam_filter:
    action: start_training
    wait: true

- name: The newest rules
  stalwart.mail.spam_filter:
    action: update_rules
"""

RETURN = r"""
spam_filter:
  description: What is known after the task.
  returned: success
  type: dict
  contains:
    learned:
      description: Whether the filter has learned from the message already, else it waits for a training run. With O(action=learn).
      type: bool
    size:
      description: Bytes of the message. With O(action=learn).
      type: int
    training:
      description: Whether a training run is under way. With O(action=start_training), O(action=retrain) and O(action=stop_training).
      type: bool
    rules_version:
      description: The version of the rules. With O(action=update_rules).
      type: str
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "spam_filter", "name": "global", "action": "learn_spam", "fields": []}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.spam_filter import manage

TASK = Task(
    own=ArgumentSpec(
        options={
            "action": {"type": "str", "choices": ["learn", "start_training", "stop_training", "retrain", "forget", "update_rules"], "required": True},
            "learn_as": {"type": "str", "choices": ["spam", "ham"]},
            "content": {"type": "str"},
            "src": {"type": "path"},
            "account": {"type": "str"},
            "force": {"type": "bool", "default": False},
            "overwrite": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "float", "default": 300.0},
        },
        mutually_exclusive=[["content", "src"]],
        required_if=[["action", "learn", ["learn_as"]], ["action", "learn", ["content", "src"], True]],
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

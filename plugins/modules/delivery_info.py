#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: delivery_info
short_description: Test where a delivery fails
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Lets a Stalwart mail server try how mail to an address or domain would be delivered, step by step, without sending any.
  - The test ends at its time limit, whatever the remote hosts do.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  target:
    description:
      - An address, or a domain. With an address the remote hosts are also asked whether they take mail for it.
    type: str
    required: true
  time_limit:
    description:
      - Seconds after which the whole test ends.
    type: float
    default: 60.0
  step_timeout:
    description:
      - Seconds after which the server gives up a single step.
    type: float
    default: 30.0
seealso:
  - module: stalwart.mail.dmarc_info
  - module: stalwart.mail.queue_info
"""

EXAMPLES = r"""
- name: Why does mail to bob not arrive
  stalwart.mail.delivery_info:
    target: bob@example.com
  register: tested

- name: Show it to a person
  ansible.builtin.debug:
    var: tested.delivery.lines

- name: It must get through
  ansible.builtin.assert:
    that: tested.delivery.verdict == 'deliverable'
    fail_msg: "{{ tested.delivery.failing_step }}: {{ tested.delivery.reason }}"
"""

RETURN = r"""
delivery:
  description: The test.
  returned: success
  type: dict
  contains:
    target:
      description: What was tested.
      type: str
    verdict:
      description: V(deliverable), V(undeliverable), or V(unknown) when the time limit ended the test.
      type: str
    failing_step:
      description: The step at which it fails, such as V(mx_lookup), V(connection), V(starttls) or V(rcpt_to). Empty when it does not.
      type: str
    reason:
      description: Why, in the server's words.
      type: str
    host:
      description: The remote host that was reached last.
      type: str
    problems:
      description: What else went wrong, but does not keep mail from being delivered.
      type: list
      elements: str
    stages:
      description: The steps in their order.
      type: list
      elements: dict
      contains:
        step:
          description: The step.
          type: str
        host:
          description: The remote host.
          type: str
        address:
          description: Its IP address.
          type: str
        result:
          description: V(success), V(error), V(not_found) or V(timeout).
          type: str
        elapsed:
          description: How many seconds it took. Null where the server does not measure.
          type: float
        reason:
          description: Why it failed.
          type: str
        details:
          description: What it found, such as the hosts of a domain.
          type: dict
    lines:
      description: The same for people.
      type: list
      elements: str
    elapsed:
      description: How many seconds the test took.
      type: float
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.diagnosis import delivery

TASK = Task(
    own=ArgumentSpec(
        options={
            "target": {"type": "str", "required": True},
            "time_limit": {"type": "float", "default": 60.0},
            "step_timeout": {"type": "float", "default": 30.0},
        },
    ),
    run=delivery,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Delete DMARC, TLS and abuse reports
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Deletes reports from a Stalwart mail server by id, by filter or by age.
  - The reports are sought again, and the task fails when one of them is still there.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
  - stalwart.mail.selection.reports
options:
  state:
    description:
      - Reports can only be deleted.
    type: str
    choices: [absent]
    default: absent
  all:
    description:
      - All reports of O(kind) and O(direction). It must be set where neither O(ids) nor a filter is given.
    type: bool
    default: false
  wait:
    description:
      - Whether the task waits until the server has deleted in the background what it was asked to.
    type: bool
    default: true
  wait_timeout:
    description:
      - How many seconds O(wait) lasts at most.
    type: float
    default: 60.0
seealso:
  - module: stalwart.mail.report_info
"""

EXAMPLES = r"""
- name: Reports of more than a month ago
  stalwart.mail.report:
    kind: dmarc
    older_than: 30d

- name: Complaints that one provider sent
  stalwart.mail.report:
    kind: arf
    text: feedback@example.com

- name: Don't send the reports that wait for a domain
  stalwart.mail.report:
    kind: tls
    direction: outgoing
    domain: example.com
"""

RETURN = r"""
reports:
  description: The ids of the reports that were deleted, or in check mode would be.
  returned: success
  type: list
  elements: str
total:
  description: How many there are.
  returned: success
  type: int
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "report", "name": "1761955200_1764547200", "action": "delete", "fields": ["direction", "kind"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.selection import REPORTS
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.reports import manage

TASK = Task(
    own=REPORTS.merge(
        ArgumentSpec(
            options={
                "state": {"type": "str", "choices": ["absent"], "default": "absent"},
                "all": {"type": "bool", "default": False},
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

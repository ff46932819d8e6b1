#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: webadmin
short_description: Update the web administration of a server
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Lets a Stalwart mail server fetch the newest web administration from the network.
  - The server does not tell which version it has, so the task always reports a change.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: none
    details:
      - The server fetches it each time.
options:
  state:
    description:
      - The newest one is wanted.
    type: str
    choices: [latest]
    default: latest
notes:
  - Servers since 0.16 update all their web applications.
seealso:
  - module: stalwart.mail.spam_filter
"""

EXAMPLES = r"""
- name: The newest web administration
  stalwart.mail.webadmin:
    timeout: 120
"""

RETURN = r"""
webadmin:
  description: What was asked for.
  returned: success
  type: dict
  sample: {"state": "latest"}
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "webadmin", "name": "webadmin", "action": "update", "fields": []}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.webadmin import manage

TASK = Task(
    own=ArgumentSpec(
        options={
            "state": {"type": "str", "choices": ["latest"], "default": "latest"},
        },
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

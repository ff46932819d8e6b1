#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: store_info
short_description: Read how much accounts store
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns how many bytes accounts of a Stalwart mail server use.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  accounts:
    description:
      - The names of the accounts. Those that do not exist are left out.
    type: list
    elements: str
    required: true
seealso:
  - module: stalwart.mail.store
  - module: stalwart.mail.principal_info
"""

EXAMPLES = r"""
- name: How full is it
  stalwart.mail.store_info:
    accounts: [alice, bob]
  register: found
"""

RETURN = r"""
accounts:
  description: The accounts, in the order in which they were asked for.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
    used_quota:
      description: Bytes in use.
      type: int
  sample: [{"name": "alice", "used_quota": 1048576}]
total:
  description: How many accounts are returned.
  returned: success
  type: int
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.stores import info

TASK = Task(
    own=ArgumentSpec(
        options={
            "accounts": {"type": "list", "elements": "str", "required": True},
        },
    ),
    run=info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: undelete_info
short_description: Read what an account deleted and can have back
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns deleted items of an account on a Stalwart mail server, the earliest deleted first.
  - Only the paid edition of the server can do this. It is built from the API description and tested against an emulation, not measured on a paid
    server; on the free edition the task fails and says so.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
  - stalwart.mail.selection.deleted_items
options:
  limit:
    description:
      - Return at most so many items; V(0) returns all.
    type: int
    default: 100
seealso:
  - module: stalwart.mail.undelete
"""

EXAMPLES = r"""
- name: What alice deleted
  stalwart.mail.undelete_info:
    account: alice
  register: found
"""

RETURN = r"""
deleted:
  description: What can be restored.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The id.
      type: str
    kind:
      description: V(email), V(file), V(calendar_event), V(contact) or V(sieve_script).
      type: str
    size:
      description: Bytes.
      type: int
    deleted_at:
      description: When it was deleted.
      type: str
    expires_at:
      description: Until when it can be restored.
      type: str
    sender:
      description: The sender of a message, where the server tells it (from 0.15 on).
      type: str
    title:
      description: The subject, title or name, where the server tells it (from 0.15 on).
      type: str
total:
  description: How many items are returned.
  returned: success
  type: int
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.selection import DELETED_ITEMS
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.stores import deleted_info

TASK = Task(
    own=DELETED_ITEMS.merge(ArgumentSpec(options={"limit": {"type": "int", "default": 100}})),
    run=deleted_info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

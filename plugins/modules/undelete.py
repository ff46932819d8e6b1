#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: undelete
short_description: Give an account back what it deleted
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Restores deleted items of an account on a Stalwart mail server.
  - Servers restore mail, into the inbox. They refuse other kinds, and the task then fails with their reason.
  - Only the paid edition of the server can do this. It is built from the API description and tested against an emulation, not measured on a paid
    server; on the free edition the task fails and says so.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
  - stalwart.mail.selection.deleted_items
options:
  all:
    description:
      - Everything that can be restored. It must be set where neither O(ids), O(kind) nor O(newer_than) is given.
    type: bool
    default: false
notes:
  - Servers since 0.16 restore in the background.
seealso:
  - module: stalwart.mail.undelete_info
"""

EXAMPLES = r"""
- name: Give alice back the mail she deleted today
  stalwart.mail.undelete:
    account: alice
    kind: email
    newer_than: 1d
"""

RETURN = r"""
restored:
  description: What was restored, or in check mode would be.
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
missing:
  description: Ids that are not among the deleted items (any more). A warning names them.
  returned: success
  type: list
  elements: str
total:
  description: How many items were restored.
  returned: success
  type: int
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "deleted_item", "name": "9pDYGrkDlLYuBNl062qhi0wStnDYyq4ZWalnj2vXbLY", "action": "restore", "fields": ["kind", "title"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.selection import DELETED_ITEMS
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.stores import restore

TASK = Task(
    own=DELETED_ITEMS.merge(ArgumentSpec(options={"all": {"type": "bool", "default": False}})),
    run=restore,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

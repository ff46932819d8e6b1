#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: object_info
short_description: Read any objects of a server since 0.16, and what it says of their types
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns objects of any type that a Stalwart mail server since 0.16 knows, describes a type by the schema that the server publishes, or lists all types.
  - Secrets are never returned. Servers up to 0.15 have no such objects.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  type:
    description: The type to read, as the server names it. Without it the types are listed.
    type: str
  describe:
    description: Describes the type instead of reading its objects.
    type: bool
    default: false
  ids:
    description: Return only the objects of these ids.
    type: list
    elements: str
  match:
    description: Return only objects with exactly these values, written as M(stalwart.mail.object) takes them.
    type: dict
  filter:
    description:
      - Return only objects that the server finds by this filter, in the words of its API, like C(dueIsLessThan) for tasks. References are ids.
      - What the server can't filter by, it refuses.
    type: dict
  account:
    description: Whose objects to read, by address, for types whose objects belong to an account.
    type: str
seealso:
  - module: stalwart.mail.object
"""

EXAMPLES = r"""
- name: All listeners
  stalwart.mail.object_info:
    type: NetworkListener
  register: listeners

- name: Their ports
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.properties.bind | join(', ') }}"
  loop: "{{ listeners.objects }}"
  loop_control:
    label: "{{ item.name }}"

- name: Which types there are
  stalwart.mail.object_info:

- name: What a route can be
  stalwart.mail.object_info:
    type: MtaRoute
    describe: true

- name: The keys for mail of a domain
  stalwart.mail.object_info:
    type: DkimSignature
    match: {domainId: example.org}
"""

RETURN = r"""
objects:
  description: What was found, in the form that M(stalwart.mail.object) takes. Secrets are masked.
  returned: with O(type)
  type: list
  elements: dict
  contains:
    type:
      description: The type.
      type: str
    id:
      description: The id.
      type: str
    name:
      description: What it is known by.
      type: str
    properties:
      description: What can be written.
      type: dict
    computed:
      description: What the server sets by itself.
      type: dict
total:
  description: How many objects were found.
  returned: with O(type)
  type: int
types:
  description: The types there are.
  returned: without O(type)
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
    singleton:
      description: Whether there is exactly one object of it.
      type: bool
    description:
      description: What the server says of it.
      type: str
    found_by:
      description: The properties by which M(stalwart.mail.object) finds objects when no match is given.
      type: list
      elements: str
    configuration:
      description: Whether it is part of the server's configuration, rather than accounts, mail or reports.
      type: bool
    paid:
      description: Whether it needs the paid edition.
      type: bool
description:
  description: What the type is, as the listed types, and more.
  returned: with O(describe)
  type: dict
  contains:
    filters:
      description: Properties by which the server finds objects exactly.
      type: list
      elements: str
    reload:
      description: The part of the server whose reload makes a change live, or V(none).
      type: str
    restart:
      description: Whether a change is live only after a restart.
      type: bool
    managed_by:
      description: For types that M(stalwart.mail.object) does not make, which module does.
      type: str
    variants:
      description: By variant (a type without variants has that of an empty name) the properties with their types, choices, bounds and defaults.
      type: dict
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.objects.task import info

TASK = Task(
    own=ArgumentSpec(
        options={
            "type": {"type": "str"},
            "describe": {"type": "bool", "default": False},
            "ids": {"type": "list", "elements": "str"},
            "match": {"type": "dict"},
            "filter": {"type": "dict"},
            "account": {"type": "str"},
        },
        mutually_exclusive=[["ids", "match", "filter"]],
    ),
    run=info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dkim_rotation_info
short_description: Which step of the rotation of DKIM keys is due
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Tells for the keys that sign mail of some domains how far their rotation is, and what comes next.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  domain:
    description: The domain, or a list of domains. All are read at once.
    type: list
    elements: str
    required: true
    aliases: [domains]
  algorithm:
    description: Only keys of these algorithms. Left out, all keys that sign mail of the domains.
    type: list
    elements: str
    choices: [ed25519, rsa]
  max_age:
    description: A key that signs for longer is to be replaced, written as in V(90d).
    type: str
    default: 90d
  retire_after:
    description: How long the record of an old key stays, written as in V(7d).
    type: str
    default: 7d
  ttl:
    description: The time to live of the records in seconds.
    type: int
    default: 3600
seealso:
  - module: stalwart.mail.dkim_rotation
"""

EXAMPLES = r"""
- name: How far the rotations are
  stalwart.mail.dkim_rotation_info:
    domains: [example.org, example.net]
  register: found

- name: Show them
  ansible.builtin.debug:
    msg: "{{ item.domain }} {{ item.algorithm }}: {{ item.step }}, {{ item.reason }}"
  loop: "{{ found.rotations }}"
  loop_control:
    label: "{{ item.domain }}"
"""

RETURN = r"""
rotations:
  description: The keys, as RV(stalwart.mail.dkim_rotation#module:rotations).
  returned: success
  type: list
  elements: dict
  sample:
    - {"domain": "example.org", "algorithm": "rsa", "step": "keep", "reason": "mail that the old key 202608r signed may be under way",
       "due": "2026-11-30T03:00:12Z", "selector": "202611r", "next_selector": null, "old_selector": "202608r"}
records:
  description: The records of the next keys, in the form of M(stalwart.mail.dns_records_info).
  returned: success
  type: list
  elements: dict
retire:
  description: Names whose records may be removed, with a final dot.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dkim_rotation import info

TASK = Task(
    own=ArgumentSpec(
        options={
            "domain": {"type": "list", "elements": "str", "required": True, "aliases": ["domains"]},
            "algorithm": {"type": "list", "elements": "str", "choices": ["ed25519", "rsa"]},
            "max_age": {"type": "str", "default": "90d"},
            "retire_after": {"type": "str", "default": "7d"},
            "ttl": {"type": "int", "default": 3600},
        },
    ),
    run=info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

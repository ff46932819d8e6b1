#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ip_list_info
short_description: Read the IP addresses that a server blocks or allows
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Reads the lists of blocked and of allowed IP addresses and networks of a Stalwart mail server.
  - Among the blocked addresses are those that the server banned by itself.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  list:
    description: Which list to read. Without it both are read.
    type: str
    choices: [blocked, allowed]
seealso:
  - module: stalwart.mail.ip_list
"""

EXAMPLES = r"""
- name: Read who is blocked
  stalwart.mail.ip_list_info:
    list: blocked
  register: ip_lists

- name: Tell when the office is
  ansible.builtin.assert:
    that: "'192.0.2.17' not in ip_lists.blocked"
"""

RETURN = r"""
blocked:
  description: The blocked addresses and networks.
  returned: success, unless only the other list was asked for
  type: list
  elements: str
  sample: [198.51.100.7, 203.0.113.0/24]
allowed:
  description: The addresses and networks that are never banned.
  returned: success, unless only the other list was asked for
  type: list
  elements: str
  sample: [192.0.2.0/24]
own:
  description:
    - The address from which the task speaks with the server, and whether the lists hold it. Behind a translation of addresses the
      server sees another one.
  returned: success
  type: dict
  sample: {"address": "192.0.2.17", "blocked": false, "allowed": true}
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.ip_list import info

TASK = Task(own=ArgumentSpec(options={"list": {"type": "str", "choices": ["blocked", "allowed"]}}), run=info, writes=False)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

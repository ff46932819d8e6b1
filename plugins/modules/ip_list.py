#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ip_list
short_description: Manage the IP addresses that a server blocks or allows
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Edits the list of blocked or of allowed IP addresses and networks of a Stalwart mail server, and makes it live.
  - The server takes no connection from a blocked address. It also blocks by itself whoever tries too many wrong logins or scans it.
  - An allowed address is never blocked by the server itself. A block that is there wins over an allowance.
  - An address from which the task itself speaks with the server is never blocked.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
options:
  list:
    description: Which list is meant.
    type: str
    choices: [blocked, allowed]
    required: true
  addresses:
    description:
      - The IPv4 and IPv6 addresses and networks (as in V(192.0.2.0/24)), either as the exact list or as a dictionary with C(add) and C(remove).
      - An exact list of blocked addresses needs O(exact=true), since it frees all that the server blocked by itself.
    type: raw
    required: true
  exact:
    description: Whether O(addresses) may be the exact list of blocked addresses.
    type: bool
    default: false
  keep_own:
    description:
      - Whether a list of allowed addresses is refused that no longer holds the address from which the task speaks with the server, as
        the present one does.
    type: bool
    default: false
  reload:
    description:
      - With V(auto) the list is made live when it changed. Single blocked addresses need no reload of the whole server.
      - With V(never) it is only stored. Make it live at the end of the play with M(stalwart.mail.reload).
    type: str
    choices: [auto, never]
    default: auto
  ignore_existing_errors:
    description:
      - Allowed addresses, and networks of both lists, are live only after a reload of the whole server, which does nothing while any
        setting has an error. Then the task fails before it writes. With V(true) the list is stored all the same, with a warning.
    type: bool
    default: false
seealso:
  - module: stalwart.mail.ip_list_info
  - module: stalwart.mail.settings
"""

EXAMPLES = r"""
- name: Block a network, and free an address that was banned by mistake
  stalwart.mail.ip_list:
    list: blocked
    addresses:
      add: [203.0.113.0/24]
      remove: [198.51.100.7]

- name: Never ban the office and the monitoring
  stalwart.mail.ip_list:
    list: allowed
    addresses: [192.0.2.0/24, 2001:db8:17::/48, 198.51.100.9]

- name: Free everyone
  stalwart.mail.ip_list:
    list: blocked
    addresses: []
    exact: true
"""

RETURN = r"""
addresses:
  description: The list as it is after the task, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [192.0.2.0/24, 198.51.100.9]
reloaded:
  description: Whether the list was made live.
  returned: success
  type: bool
stored_only:
  description: Whether the list was written, but is not live.
  returned: success
  type: bool
setting_errors:
  description: Errors of settings that the server told of, by key.
  returned: success, and when errors made the task fail
  type: dict
operations:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample: [{"resource": "ip_list", "name": "blocked", "action": "update", "fields": ["addresses"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.ip_list import manage

TASK = Task(
    own=ArgumentSpec(
        options={
            "list": {"type": "str", "choices": ["blocked", "allowed"], "required": True},
            "addresses": {"type": "raw", "required": True},
            "exact": {"type": "bool", "default": False},
            "keep_own": {"type": "bool", "default": False},
            "reload": {"type": "str", "choices": ["auto", "never"], "default": "auto"},
            "ignore_existing_errors": {"type": "bool", "default": False},
        },
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

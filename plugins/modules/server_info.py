#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_info
short_description: Learn what a server is, or wait until it is ready
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Reads the version, the edition and the health of a Stalwart mail server, and what the login may do there.
  - With O(wait) it first waits until the server is ready, for instance after it was started.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  wait:
    description: Whether to wait until the server is ready. While it can't be reached it is asked again.
    type: bool
    default: false
  wait_timeout:
    description: Seconds after which the task fails when the server is not ready.
    type: float
    default: 60.0
notes:
  - Servers since 0.16 do not tell their version. It is taken from the schema that they publish, and where that is not known it is the first version
    with all that the schema has; O(server_version) comes first.
seealso:
  - module: stalwart.mail.settings_info
"""

EXAMPLES = r"""
- name: Wait until the server is up
  stalwart.mail.server_info:
    wait: true
    wait_timeout: 120
  register: mail

- name: Stop where the login may not do what the play needs
  ansible.builtin.assert:
    that: "'principal-create' in mail.server.permissions or 'individual-create' in mail.server.permissions"

- name: Show what runs there
  ansible.builtin.debug:
    msg: "Stalwart {{ mail.server.version }}, {{ mail.server.edition }} edition"
"""

RETURN = r"""
server:
  description: What was found.
  returned: success
  type: dict
  contains:
    live:
      description: Whether the server answers.
      returned: always
      type: bool
    ready:
      description: Whether the server can do its work.
      returned: always
      type: bool
    version:
      description:
        - The version. It is empty when the login may not ask for it (permission C(authenticate-oauth)) and O(server_version) is not set.
      returned: always
      type: str
      sample: 0.15.5
    edition:
      description: V(community) or V(enterprise), empty when the login may not ask.
      returned: always
      type: str
    api:
      description: The generation of the API, V(rest) or V(jmap).
      returned: always
      type: str
    permissions:
      description: What the login may do, empty when it may not ask.
      returned: always
      type: list
      elements: str
      sample: [authenticate, domain-list, individual-list]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.server_info import info

TASK = Task(
    own=ArgumentSpec(options={"wait": {"type": "bool", "default": False}, "wait_timeout": {"type": "float", "default": 60.0}}),
    run=info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

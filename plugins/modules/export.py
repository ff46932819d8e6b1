#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: export
short_description: Write a whole server to a file of variables
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Writes principals, DKIM keys and settings of a server as the variables that the playbook C(stalwart.mail.bootstrap) takes.
  - Applied to the same server they change nothing. Applied with their secrets to an empty server they give the same state.
  - This is also the way to bring an existing server under Ansible.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
options:
  dest:
    description:
      - The file to write, readable for its owner only. It ends in C(.yml) or C(.json); JSON is read many times faster when there are thousands of principals.
    type: path
    required: true
  include:
    description: What is exported.
    type: list
    elements: str
    choices: [principals, dkim, settings]
    default: [principals, dkim, settings]
  include_secrets:
    description:
      - Whether password hashes, app passwords, second factors, private DKIM keys and settings that hold secrets are exported too.
      - Keep such a file in a vault, which O(vault_id) does.
    type: bool
    default: false
  vault_id:
    description:
      - Encrypts the file by ansible-vault for this vault id, one for which the run has a password (C(--vault-id)).
    type: str
notes:
  - From servers since 0.16 the settings are what differs from the defaults, of singletons and of objects by their names; objects that have none are
    in C(mail_objects), as options of M(stalwart.mail.object). These servers return no secrets, so a file from them can make an empty server only
    together with the secrets, which RV(left_out) names. What the server updates by itself (rules of the spam filter, web pages) is left out.
  - Settings that the server wrote by itself, those in its local file, and those that belong to other modules of this collection are left out.
  - Mail is not exported.
seealso:
  - module: stalwart.mail.principals
  - module: stalwart.mail.object
"""

EXAMPLES = r"""
- name: Everything but the secrets
  stalwart.mail.export:
    dest: ./server.yml

- name: Everything, for another server
  stalwart.mail.export:
    dest: ./server.json
    include_secrets: true
"""

RETURN = r"""
dest:
  description: The file.
  returned: success
  type: str
exported:
  description: How many items each variable has.
  returned: success
  type: dict
  sample: {"mail_domains": 2, "mail_accounts": 40}
left_out:
  description: Settings that hold secrets and were left out for want of O(include_secrets), or since the server returns no secrets.
  returned: success
  type: list
  elements: str
operations:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample: [{"resource": "file", "name": "./server.yml", "action": "create", "fields": ["content"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.export import manage

TASK = Task(
    own=ArgumentSpec(
        options={
            "dest": {"type": "path", "required": True},
            "include": {
                "type": "list",
                "elements": "str",
                "choices": ["principals", "dkim", "settings"],
                "default": ["principals", "dkim", "settings"],
            },
            "include_secrets": {"type": "bool", "default": False, "no_log": False},
            "vault_id": {"type": "str"},
        }
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

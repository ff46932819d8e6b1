#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: account_auth_info
short_description: Read how the account that logs in does so
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns the names of the app passwords of the account that logs in, and whether it asks for one-time codes. Secrets are never told.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
seealso:
  - module: stalwart.mail.account_auth
"""

EXAMPLES = r"""
- name: My app passwords
  stalwart.mail.account_auth_info:
    login_user: alice
    login_password: "{{ password }}"
  register: mine

- name: Show them
  ansible.builtin.debug:
    var: mine.account.app_passwords
"""

RETURN = r"""
account:
  description: How the account logs in.
  returned: success
  type: dict
  contains:
    name:
      description: The name that logged in. Null for a token.
      type: str
      sample: alice
    otp_enabled:
      description: Whether it asks for a one-time code beside the password.
      type: bool
    app_passwords:
      description: Names of its app passwords.
      type: list
      elements: str
      sample: [phone]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.account_auth import info

TASK = Task(own=ArgumentSpec(), run=info, writes=False)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

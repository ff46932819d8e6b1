#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: principal_info
short_description: Read domains, accounts, groups, mailing lists, roles and keys
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns principals of a Stalwart mail server by name, or all of some types. Secrets are never returned.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  names:
    description:
      - The principals to return. Those that do not exist are left out.
      - Servers since 0.16 name accounts, groups and lists by their primary address. Where a name has no domain, the one in the default domain is
        meant there, else the only one that begins so.
      - Without this option all are returned that fit the others.
    type: list
    elements: str
  types:
    description: Return only principals of these types.
    type: list
    elements: str
    choices: [individual, group, list, domain, role, tenant, api_key, oauth_client, resource, location]
  text:
    description:
      - Return only principals in whose name, description or addresses all of these words stand.
      - The server compares whole words.
    type: str
  fields:
    description:
      - Return only these fields beside name and type. On large servers this is much faster, since the server counts the
        members of each domain when all are asked for.
    type: list
    elements: str
seealso:
  - module: stalwart.mail.principal
"""

EXAMPLES = r"""
- name: All domains
  stalwart.mail.principal_info:
    types: [domain]
  register: found

- name: One account
  stalwart.mail.principal_info:
    names: [alice]

- name: The addresses of all accounts and groups
  stalwart.mail.principal_info:
    types: [individual, group]
    fields: [emails]
"""

RETURN = r"""
principals:
  description: What was found, in the order of the names that were asked for, else in the server's.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
    type:
      description: What it is.
      type: str
    description:
      description: A text for people.
      type: str
    quota:
      description: How many bytes it may store; null when there is no limit.
      type: int
    used_quota:
      description: How many bytes it stores.
      type: int
    emails:
      description: The addresses, the primary one first.
      type: list
      elements: str
    urls:
      description: URLs.
      type: list
      elements: str
    picture:
      description: The URL of a picture.
      type: str
    locale:
      description: The language.
      type: str
    member_of:
      description: The groups it belongs to.
      type: list
      elements: str
    lists:
      description: The mailing lists it receives.
      type: list
      elements: str
    roles:
      description: The roles.
      type: list
      elements: str
    members:
      description: The members of a group, a list or a role.
      type: list
      elements: str
    member_count:
      description: How many addresses a domain has, or principals a tenant; null for other types.
      type: int
    external_members:
      description: Addresses elsewhere that receive a list.
      type: list
      elements: str
    enabled_permissions:
      description: Permissions given beside those of the roles.
      type: list
      elements: str
    disabled_permissions:
      description: Permissions taken away.
      type: list
      elements: str
    tenant:
      description: The tenant it belongs to.
      type: str
    has_password:
      description: Whether a password is stored.
      type: bool
    app_passwords:
      description: The names of the app passwords.
      type: list
      elements: str
    has_otp:
      description: Whether a second factor is set.
      type: bool
total:
  description: How many principals are returned.
  returned: success
  type: int
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.info import info
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import PRINCIPAL_TYPES

TASK = Task(
    own=ArgumentSpec(
        options={
            "names": {"type": "list", "elements": "str"},
            "types": {
                "type": "list",
                "elements": "str",
                "choices": list(PRINCIPAL_TYPES),
            },
            "text": {"type": "str"},
            "fields": {"type": "list", "elements": "str"},
        }
    ),
    run=info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

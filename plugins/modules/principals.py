#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: principals
short_description: Manage many domains, accounts, groups, mailing lists, roles and keys in one task
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Makes a list of principals as wanted with one reading of the server, one plan, and only the writes that are needed, several at a time.
  - What others depend on is written first, and removed last. The order of the list does not matter.
  - An address may move from one principal of the list to another. A group may be named that the same task creates.
  - Items that contradict each other are refused before anything is written. An item that fails does not stop the others; the task
    fails at the end, names each failed item with its reason, and goes on from there when it is run again.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
attributes:
  idempotent:
    support: partial
    details:
      - With C(update_password=always) passwords are written each time.
options:
  principals:
    description:
      - The principals, each with the options of M(stalwart.mail.principal) (apart from C(reload)).
    type: list
    elements: dict
  src:
    description:
      - A JSON or YAML file with the list, or with a dictionary whose key C(principals) has it.
      - It is looked for on the controller as the files of a role are. It may be encrypted by ansible-vault, and is not templated.
      - For thousands of items JSON is read many times faster than YAML.
    type: path
  defaults:
    description:
      - Options for all items that do not have them. An option that an item's type can't have is left out for it.
    type: dict
    default: {}
  purge:
    description:
      - Whether principals that the list does not name are deleted. Needs O(purge_types), O(purge_domains) or both as its scope.
      - The principal that the task logs in with is never deleted, nor is a role that somebody has.
    type: bool
    default: false
  purge_types:
    description: Purge only principals of these types.
    type: list
    elements: str
    choices: [individual, group, list, domain, role, tenant, api_key, oauth_client, resource, location]
    default: []
  purge_domains:
    description: Purge only principals whose primary address is in one of these domains, and the domains themselves.
    type: list
    elements: str
    default: []
  purge_limit:
    description:
      - How many principals may be purged, as a number or as a percentage of those found in scope (rounded up).
      - When there are more, the whole task is refused before anything is written.
    type: str
    default: 10%
  delete_mail:
    description: How many principals that hold mail may be purged. Their mail is destroyed.
    type: int
    default: 0
  on_error:
    description:
      - V(continue) goes on with the other items when one fails, V(stop) begins no further one.
    type: str
    choices: [continue, stop]
    default: continue
  time_limit:
    description:
      - Seconds after which no further write is begun. The task then fails and says what is done and what is not.
      - The keyword C(timeout) of a task ends it too, after the requests that are under way, but can't say anything.
    type: float
  concurrency:
    description: How many requests are under way at once.
    type: int
    default: 8
  reload:
    description:
      - With V(auto) the task ends with one reload of the server when it changed a domain, a name or an address.
    type: str
    choices: [auto, never]
    default: auto
notes:
  - To verify a password against a strong hash takes time by intention. From 200 passwords on it is done in as many processes as there are cores.
  - For each account with C(password) and one core this is about 8 ms where the stored hash was made by this collection (sha512-crypt, 10,000
    rounds), 50 to 300 ms where it is a usual bcrypt, argon2 or scrypt hash, and nothing where it is a C({SSHA}) one.
  - C(password_hash) is compared as text, C(update_password=on_create) compares nothing, and C(update_password=always) makes a new hash for
    each account each time.
seealso:
  - module: stalwart.mail.principal
"""

EXAMPLES = r"""
- name: A domain and its people
  stalwart.mail.principals:
    defaults:
      quota: 5G
      update_password: on_create
    principals:
      - name: example.org
        type: domain
      - name: staff
        type: group
        emails: [staff@example.org]
      - name: alice
        emails: [alice@example.org]
        member_of: [staff]
        password: "{{ alice_password }}"
      - name: bob
        state: absent

- name: A whole company from a file, and nobody else in its domain
  stalwart.mail.principals:
    src: company.json
    purge: true
    purge_types: [individual, group, list]
    purge_domains: [example.com]
  when: company_is_ready | default(false)
"""

RETURN = r"""
secrets:
  description:
    - What one logs in with by new API keys (O(login_token)) for which no password was given, by the names of the keys. They are told only by the task
      that creates the keys. In check mode each is V(<generated>).
  returned: when some were made
  type: dict
summary:
  description: How many principals were (or would be) created, updated, renamed, deleted or left as they are.
  returned: when the list could be planned
  type: dict
  sample: {"created": 2, "updated": 1, "renamed": 0, "deleted": 0, "unchanged": 9997}
reloaded:
  description: Whether the server was reloaded.
  returned: success
  type: bool
operations:
  description: What was done, or in check mode would be. Only the first 500 are returned.
  returned: always
  type: list
  elements: dict
  sample: [{"resource": "principal", "name": "alice", "action": "create", "fields": ["emails", "name", "type"]}]
not_done:
  description: What was not done when the task failed.
  returned: failure
  type: list
  elements: dict
failures:
  description: The items that failed, each with C(name) and C(reason).
  returned: failure
  type: list
  elements: dict
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task, no_secrets
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.bulk import manage
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import PRINCIPAL_TYPES

TASK = Task(
    own=ArgumentSpec(
        options={
            "principals": {"type": "list", "elements": "dict", "no_log": True},
            "src": {"type": "path"},
            "defaults": {"type": "dict", "default": {}, "no_log": True},
            "purge": {"type": "bool", "default": False},
            "purge_types": {"type": "list", "elements": "str", "choices": list(PRINCIPAL_TYPES), "default": []},
            "purge_domains": {"type": "list", "elements": "str", "default": []},
            "purge_limit": {"type": "str", "default": "10%"},
            "delete_mail": {"type": "int", "default": 0},
            "on_error": {"type": "str", "choices": ["continue", "stop"], "default": "continue"},
            "time_limit": {"type": "float"},
            "concurrency": {"type": "int", "default": 8},
            "reload": {"type": "str", "choices": ["auto", "never"], "default": "auto"},
        },
        mutually_exclusive=[["principals", "src"]],
        required_one_of=[["principals", "src"]],
    ),
    run=manage,
    list_from_src="principals",
    secrets_in={"principals": no_secrets, "defaults": no_secrets},
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: principal
short_description: Look up accounts, domains, groups and other principals
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns principals of a Stalwart mail server by name, in the form of M(stalwart.mail.principal_info). Secrets are never returned.
  - The lookup runs on the controller, and needs the Python libraries httpx and pydantic there.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.connection.plugin
options:
  _terms:
    description: The names. One that does not exist is an error.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the primary address of an account
  ansible.builtin.debug:
    msg: "{{ lookup('stalwart.mail.principal', 'alice').emails | first }}"
  vars:
    stalwart_url: https://mail.example.org
    stalwart_login_user: admin
    stalwart_login_password: "{{ vault_admin_password }}"

- name: Show who is in two groups
  ansible.builtin.debug:
    msg: "{{ query('stalwart.mail.principal', 'sales', 'support') | map(attribute='members') | flatten | unique }}"
"""

RETURN = r"""
_raw:
  description: The principals, in the order of the names.
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.info import info
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server
from ansible_collections.stalwart.mail.plugins.plugin_utils._connection import StalwartLookup


class LookupModule(StalwartLookup):
    name = "principal"

    def read(self, server: Server, terms: list[t.Any], options: dict[str, t.Any], mode: Mode) -> list[t.Any]:
        found: list[t.Any] = []
        for term in terms:
            named = info(server, {"names": [term]}, mode).results["principals"]
            if not named:
                raise InvalidOption("terms", f"there is no principal {term!r} on the server; create it first, or correct the name.")
            found += named
        return found

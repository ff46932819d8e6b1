# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setting
short_description: Look up settings
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns settings of a Stalwart mail server as they are stored, in the form that M(stalwart.mail.settings) takes.
    What is stored is live only after a reload without errors.
  - The lookup runs on the controller, and needs the Python libraries httpx and pydantic there.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.connection.plugin
options:
  _terms:
    description:
      - The keys. That of a single setting gives its text, that of a list a list, and any other the settings below it as a dictionary.
    type: list
    elements: str
    required: true
  default:
    description: What is returned for a key that is not set. Without it that is an error.
    type: raw
  include_secrets:
    description: Returns passwords, private keys and the like in clear instead of as V(<hidden>). Use it together with C(no_log) on the task.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the name of the server
  ansible.builtin.debug:
    msg: "{{ lookup('stalwart.mail.setting', 'server.hostname') }}"
  vars:
    stalwart_url: https://mail.example.org
    stalwart_login_user: admin
    stalwart_login_password: "{{ vault_admin_password }}"

- name: Show how large a message may be
  ansible.builtin.debug:
    msg: "{{ lookup('stalwart.mail.setting', 'session.data.limits.size', default='104857600') }}"
"""

RETURN = r"""
_raw:
  description: The settings, in the order of the keys.
  type: list
  elements: raw
"""

import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode
from ansible_collections.stalwart.mail.plugins.module_utils._resources.settings.task import info
from ansible_collections.stalwart.mail.plugins.module_utils._resources.settings.tree import nested
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server
from ansible_collections.stalwart.mail.plugins.plugin_utils._connection import StalwartLookup


class LookupModule(StalwartLookup):
    name = "setting"
    own_options = ("default", "include_secrets")

    def read(self, server: Server, terms: list[t.Any], options: dict[str, t.Any], mode: Mode) -> list[t.Any]:
        if not terms:
            return []
        found = info(server, {"prefixes": terms, "include_secrets": options["include_secrets"]}, mode).results["settings"]
        return [self._value(str(term).strip().rstrip("."), found, options) for term in terms]

    def _value(self, key: str, found: dict[str, str], options: dict[str, t.Any]) -> t.Any:
        below = {f"value{name[len(key) :]}": text for name, text in found.items() if name == key or name.startswith(f"{key}.")}
        if below:
            return nested(below)["value"]
        if "default" in options:
            return options["default"]
        raise InvalidOption("terms", f"the setting {key!r} is not set; correct the key, or give a default.")

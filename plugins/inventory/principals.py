# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: principals
short_description: Domains, accounts and other principals as hosts
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Makes each principal of the chosen types a host, so that plays can run once a domain or once an account.
  - The fields of a principal are variables of its host, as M(stalwart.mail.principal_info) tells them. Secrets are never told.
  - What the server says is not taken for templates. No connection is set, so a play that runs on these hosts needs C(connection=local).
  - The name of the configuration file ends with C(stalwart.yml) or C(stalwart.yaml).
extends_documentation_fragment:
  - stalwart.mail.connection
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [stalwart.mail.principals]
  url:
    env:
      - name: STALWART_URL
  login_user:
    env:
      - name: STALWART_USER
  login_password:
    env:
      - name: STALWART_PASSWORD
  login_token:
    env:
      - name: STALWART_TOKEN
  types:
    description: Which types of principals become hosts.
    type: list
    elements: str
    choices: [individual, group, list, domain, role, tenant, api_key, oauth_client, resource, location]
    default: [domain]
  fields:
    description:
      - Which fields are read, beside name and type. Without them all are.
      - Large servers answer much faster when only a few are asked for.
    type: list
    elements: str
    default: []
  prefix:
    description:
      - What stands before the name of a field in the name of its variable.
      - Beside the fields there is C(domain), the domain of the primary address (or of a domain its name).
    type: str
    default: principal_
notes:
  - The options may hold templates, for instance a lookup of the password.
"""

EXAMPLES = r"""
# mail.stalwart.yml: all domains, with STALWART_URL, STALWART_USER and STALWART_PASSWORD in the environment
plugin: stalwart.mail.principals

# accounts.stalwart.yml: all accounts, in groups by their domain and by what they are members of
---
plugin: stalwart.mail.principals
url: https://mail.example.org
login_user: admin
login_password: "{{ lookup('ansible.builtin.file', '~/.config/stalwart/password') }}"
types: [individual]
fields: [emails, member_of, quota]
cache: true
keyed_groups:
  - key: principal_domain
    prefix: domain
  - key: principal_member_of
    prefix: member_of
groups:
  unlimited: not principal_quota
compose:
  primary_address: principal_emails | first
"""

import typing as t

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.stalwart.mail.plugins.module_utils._errors import StalwartError
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import CONNECTION
from ansible_collections.stalwart.mail.plugins.module_utils._names import domain_of
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.info import info
from ansible_collections.stalwart.mail.plugins.module_utils._secrets import scrub
from ansible_collections.stalwart.mail.plugins.plugin_utils._connection import options_of, server_of_plugin

try:
    from ansible.template import is_trusted_as_template as _marks_templates  # 2.19 and later take nothing for a template that is not marked as one
except ImportError:
    _marks_templates = None

_ENDINGS = ("stalwart.yml", "stalwart.yaml")


def _untrusted(value: t.Any) -> t.Any:
    if _marks_templates is not None:
        return value
    from ansible.utils.unsafe_proxy import wrap_var

    return wrap_var(value)


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "stalwart.mail.principals"

    def verify_file(self, path: str) -> bool:
        """Whether this is a configuration of ours, by its name."""
        return bool(super().verify_file(path)) and path.endswith(_ENDINGS)

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Read the server, or the cache, and add the hosts."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        for option in CONNECTION.options:
            if isinstance(value := self.get_option(option), str):
                self.set_option(option, self.templar.template(value))
        for principal in self._principals(self.get_cache_key(path), cache):
            self._add(principal)

    def _principals(self, key: str, cache: bool) -> list[dict[str, t.Any]]:
        if self.get_option("cache") and cache:
            try:
                kept: list[dict[str, t.Any]] = self._cache[key]
                return kept
            except KeyError:  # nothing there, or too old
                pass
        try:
            found: list[dict[str, t.Any]] = info(server_of_plugin(self), options_of(self, ("types", "fields")), Mode()).results["principals"]
        except StalwartError as error:
            raise AnsibleParserError(f"{self.NAME}: {scrub(str(error))}") from None
        if self.get_option("cache"):
            self._cache[key] = found
        return found

    def _add(self, principal: dict[str, t.Any]) -> None:
        name = principal["name"]
        self.inventory.add_host(name)
        emails = principal.get("emails") or [""]
        values = {**principal, "domain": name if principal["type"] == "domain" else domain_of(emails[0])}
        for field, value in values.items():
            self.inventory.set_variable(name, f"{self.get_option('prefix')}{field}", _untrusted(value))
        variables, strict = self.inventory.get_host(name).get_vars(), self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        variables = self.inventory.get_host(name).get_vars()
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

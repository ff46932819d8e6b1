# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: dns_records
short_description: Look up the DNS records that mail domains should have
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns the DNS records that a Stalwart mail server wants published for its domains, in the forms of M(stalwart.mail.dns_records_info).
  - The lookup runs on the controller, and needs the Python libraries httpx and pydantic there.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.connection.plugin
options:
  _terms:
    description: The domains. One that the server does not have is an error.
    type: list
    elements: str
    required: true
  form:
    description: What is returned, namely the records one by one, grouped into sets by name and type, or as the text of a zone file.
    type: str
    choices: [records, record_sets, zone_file]
    default: records
  zones:
    description:
      - The zones in which the records are going to be published. Each record is put into the longest that holds its name.
      - If it is left out, each domain is a zone of its own.
    type: list
    elements: str
  ttl:
    description: Seconds for which others may keep the records.
    type: int
    default: 3600
  include:
    description: Only records of these purposes or types, as in V(dkim) or V(TXT).
    type: list
    elements: str
  exclude:
    description: No records of these purposes or types, as in V(tlsa).
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Write a zone file
  ansible.builtin.copy:
    content: "{{ lookup('stalwart.mail.dns_records', 'example.org', form='zone_file') }}"
    dest: ./example.org.zone
    mode: "0644"
  vars:
    stalwart_url: https://mail.example.org
    stalwart_login_user: admin
    stalwart_login_password: "{{ vault_admin_password }}"

- name: Show the DKIM records of a domain
  ansible.builtin.debug:
    msg: "{{ item.fqdn }} {{ item.value }}"
  loop: "{{ query('stalwart.mail.dns_records', 'example.org', include=['dkim']) }}"
"""

RETURN = r"""
_raw:
  description: The records or record sets, or one text.
  type: list
  elements: raw
"""

import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dns_info import info
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server
from ansible_collections.stalwart.mail.plugins.plugin_utils._connection import StalwartLookup


class LookupModule(StalwartLookup):
    name = "dns_records"
    own_options = ("form", "zones", "ttl", "include", "exclude")

    def read(self, server: Server, terms: list[t.Any], options: dict[str, t.Any], mode: Mode) -> list[t.Any]:
        form = options.pop("form")
        found = info(server, {"domain": terms, **options}, mode).results[form]
        return found if isinstance(found, list) else [found]

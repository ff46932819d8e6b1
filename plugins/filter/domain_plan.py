# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: domain_plan
short_description: Take mail domains apart into what the modules take
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Turns a list of domains, each with its accounts, groups, lists, keys and records, into options of M(stalwart.mail.principals),
    M(stalwart.mail.dkim) and of the role C(stalwart.mail.dns). The role C(stalwart.mail.domain) is built on it, and says what a domain may hold.
  - Accounts, groups and lists without C(emails) get their name in the domain as their address. The addresses postmaster and abuse are given
    to whom the domain names. A domain without anybody who gets their mail is an error.
  - Asks no server. The filter runs on the controller and needs the Python library pydantic there.
options:
  _input:
    description: The domains, as C(domain_list) of the role C(stalwart.mail.domain).
    type: list
    elements: dict
    required: true
  dkim:
    description: What holds for the keys of every domain that says nothing else.
    type: dict
  dns:
    description: What holds for the records of every domain that says nothing else.
    type: dict
  cutover:
    description: Whether mail is led to the server for every domain that says nothing else.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Accounts of two domains in one task
  stalwart.mail.principals:
    principals: "{{ (domains | stalwart.mail.domain_plan).principals }}"
  vars:
    domains:
      - {name: example.org, postmaster: jane, accounts: [{name: jane, password: "{{ vault_jane_password }}"}]}
      - {name: example.net, postmaster: jane}
"""

RETURN = r"""
_value:
  description:
    - A dictionary with C(principals), the items of M(stalwart.mail.principals), C(outside), the names among them that must exist already,
      C(dkim), options of M(stalwart.mail.dkim), C(dns), groups of C(domains) with equal C(options) and C(cutover), and C(recipients), the addresses
      that the server has to take before mail is led to it.
  type: dict
"""

import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._resources import domain_plan as plan
from ansible_collections.stalwart.mail.plugins.plugin_utils._dns_filters import dns_filter


@dns_filter
def domain_plan(domains: t.Any, dkim: t.Any = None, dns: t.Any = None, cutover: bool = False) -> dict[str, t.Any]:
    return plan.domain_plan(domains, dkim=dkim, dns=dns, cutover=cutover)._asdict()


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"domain_plan": domain_plan}

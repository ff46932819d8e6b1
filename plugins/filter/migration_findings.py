# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: migration_findings
short_description: Find what a server's move from 0.15 to 0.16 would meet
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Tells from the principals and settings of a server up to 0.15 what stands in the way of its move to 0.16, what would be lost, and what to look at,
    each with a remedy. The playbook C(stalwart.mail.migration_check) is made of it.
  - Asks no server. The filter runs on the controller and needs the Python library pydantic there.
options:
  _input:
    description: The principals, as M(stalwart.mail.principal_info) returns them with all their fields.
    type: list
    elements: dict
    required: true
  settings:
    description: All settings by their whole keys, as M(stalwart.mail.settings_info) returns them.
    type: dict
    required: true
  local_keys:
    description: Those of the keys that are in the server's own file C(config.toml), from the same module.
    type: list
    elements: str
    default: []
  version:
    description: The server's version, as M(stalwart.mail.server_info) returns it.
    type: str
    default: ""
  default_domain:
    description: The default domain that the new server will have. Without it, that is the domain which most accounts, groups and lists are in.
    type: str
    default: ""
  most:
    description: With how many of its items each finding stands in the report.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: All principals
  stalwart.mail.principal_info:
  register: mail_principals

- name: All settings
  stalwart.mail.settings_info:
  register: mail_settings

- name: Names that are taken twice on the new server
  ansible.builtin.debug:
    msg: "{{ found.findings | selectattr('kind', 'equalto', 'address_clash') }}"
  vars:
    found: "{{ mail_principals.principals | stalwart.mail.migration_findings(mail_settings.settings) }}"
"""

RETURN = r"""
_value:
  description:
    - A dictionary with C(findings), the worst first, each with its C(severity) (V(blocks), V(loses) or V(look at)), its C(kind), C(what) it is about,
      the C(items) and the C(remedy).
    - Its C(counts) tells the number of findings by severity, and its C(report) has one line for each.
  type: dict
"""

import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._resources import migration as resource
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap.permissions import meant
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap.principal_types import WITHOUT
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.fresh import FRESH_SETTINGS
from ansible_collections.stalwart.mail.plugins.plugin_utils._dns_filters import dns_filter


@dns_filter
def migration_findings(
    principals: t.Any, settings: t.Any, local_keys: t.Any = (), version: t.Any = "", default_domain: t.Any = "", most: t.Any = 5
) -> dict[str, t.Any]:
    findings = resource.check(
        principals,
        settings,
        resource.Generations(FRESH_SETTINGS, meant, WITHOUT),
        local_keys=frozenset(local_keys or ()),
        version=str(version or ""),
        default_domain=str(default_domain or ""),
    )
    return {
        "findings": [each._asdict() for each in findings],
        "counts": {severity: sum(each.severity == severity for each in findings) for severity in resource.SEVERITIES},
        "report": [each.line(int(most)) for each in findings],
    }


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"migration_findings": migration_findings}

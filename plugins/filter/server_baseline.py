# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: server_baseline
short_description: Turn a server's baseline into settings
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Turns the variables of the role C(stalwart.mail.server_settings) into settings as M(stalwart.mail.settings) takes them, and those of servers
    up to 0.15 that stand in the server's own file C(config.toml) apart.
  - Asks no server. The filter runs on the controller and needs the Python library pydantic there.
options:
  _input:
    description: The variables of the role without their prefix, as in C(hostname). What is null or empty text counts as left out.
    type: dict
    required: true
  api:
    description: The generation of the server's API, as M(stalwart.mail.server_info) tells it.
    type: str
    choices: [rest, jmap]
    default: rest
"""

EXAMPLES = r"""
- name: Settings for the listeners
  ansible.builtin.debug:
    msg: "{{ (variables | stalwart.mail.server_baseline).local.exact }}"
  vars:
    variables:
      listeners:
        - {name: https, protocol: http, bind: "[::]:443", tls_implicit: true}
"""

RETURN = r"""
_value:
  description:
    - A dictionary with C(stored), for the server's store, and C(local), for its own file. Each has C(present), settings to set, and C(exact),
      by their prefix those that shall be all that is below it.
    - Its C(left_out) tells, by key, why further settings are for neither, since only servers of the other generation have them.
  type: dict
"""

import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._resources import server_baseline as resource
from ansible_collections.stalwart.mail.plugins.plugin_utils._dns_filters import dns_filter


@dns_filter
def server_baseline(variables: t.Any, api: t.Any = "rest") -> dict[str, t.Any]:
    found = resource.baseline(variables, api)
    return {"stored": found.stored._asdict(), "local": found.local._asdict(), "left_out": found.left_out}


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"server_baseline": server_baseline}

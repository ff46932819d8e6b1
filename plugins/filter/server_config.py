# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: server_config
short_description: Put settings into a server's own file config.toml
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Takes the text of a server's file C(config.toml) and returns it with some settings changed and all others as they were. Where all is as
    wanted already the text is the same, else its comments are gone.
  - The filter runs on the controller and needs the Python library pydantic there.
options:
  _input:
    description: The text of the file.
    type: str
    required: true
  settings:
    description: What P(stalwart.mail.server_baseline#filter) returns as C(local), with C(present) and C(exact).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Write the server's file
  ansible.builtin.copy:
    content: "{{ (before.content | b64decode | stalwart.mail.server_config({'present': {'server.hostname': 'mx.example.org'}})).text }}"
    dest: /opt/stalwart/etc/config.toml
    mode: "0600"
    backup: true
  no_log: true
"""

RETURN = r"""
_value:
  description: A dictionary with C(text), the file's text, and C(changed), the settings that are others than before.
  type: dict
"""

import typing as t

import tomllib  # type: ignore[import-not-found, unused-ignore] # every ansible-core that we support brings it

from ansible_collections.stalwart.mail.plugins.module_utils._resources import server_baseline as resource
from ansible_collections.stalwart.mail.plugins.plugin_utils._dns_filters import dns_filter


@dns_filter
def server_config(text: str, settings: t.Any) -> dict[str, t.Any]:
    part = resource.Part(settings.get("present") or {}, settings.get("exact") or {})
    return resource.rewrite(text, part, tomllib.loads)._asdict()


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"server_config": server_config}

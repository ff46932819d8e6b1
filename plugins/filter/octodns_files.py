# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: octodns_files
short_description: Write record sets as octoDNS YAML files
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns, for each zone, the text of the file that the YAML provider of octoDNS reads, with its keys in the order that octoDNS asks for.
  - The files hold the mail records only. Give octoDNS a source for the other records of the zone too, or it removes them.
  - The filter runs on the controller and needs the Python library pydantic there.
options:
  _input:
    description:
      - Record sets, as M(stalwart.mail.dns_records_info) and P(stalwart.mail.record_sets#filter) return them, or a result that
        holds them under C(record_sets).
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Write a file for each zone
  ansible.builtin.copy:
    content: "{{ item.value }}"
    dest: "octodns/{{ item.key }}"
    mode: "0644"
  loop: "{{ wanted | stalwart.mail.octodns_files | ansible.builtin.dict2items }}"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The texts by name of the file, such as V(example.org.yaml).
  type: dict
"""

import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._resources import _dns_text
from ansible_collections.stalwart.mail.plugins.plugin_utils._dns_filters import dns_filter, sets_of


@dns_filter
def octodns_files(data: t.Any) -> dict[str, str]:
    return _dns_text.octodns_files(sets_of(data))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"octodns_files": octodns_files}

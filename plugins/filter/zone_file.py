# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: zone_file
short_description: Write record sets as a BIND zone file
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns the text of a zone file with absolute targets, TXT records quoted and cut into strings of at most 255 bytes.
  - It has no SOA and NS records, so include it in the zone (C($INCLUDE)) or import it at a provider.
  - Record sets of several zones follow each other, each zone under its own C($ORIGIN).
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
- name: Read what the domain should have
  stalwart.mail.dns_records_info:
    domain: example.org
  register: wanted

- name: Write it as a file
  ansible.builtin.copy:
    content: "{{ wanted | stalwart.mail.zone_file }}"
    dest: example.org.zone
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The text of the zone file.
  type: str
"""

import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._resources import _dns_text
from ansible_collections.stalwart.mail.plugins.plugin_utils._dns_filters import dns_filter, sets_of


@dns_filter
def zone_file(data: t.Any) -> str:
    return _dns_text.zone_file(sets_of(data))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"zone_file": zone_file}

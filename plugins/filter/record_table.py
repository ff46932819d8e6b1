# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: record_table
short_description: Write record sets as a table for people
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns a text of aligned columns, with names relative to the zone and TXT values without quotes, as the web forms of most
    providers want them.
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
- name: Show what is to be entered by hand
  ansible.builtin.debug:
    msg: "{{ (wanted | stalwart.mail.record_table).splitlines() }}"
"""

RETURN = r"""
_value:
  description: The table; its first line names the columns.
  type: str
"""

import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._resources import _dns_text
from ansible_collections.stalwart.mail.plugins.plugin_utils._dns_filters import dns_filter, sets_of


@dns_filter
def record_table(data: t.Any) -> str:
    return _dns_text.table(sets_of(data))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"record_table": record_table}

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: record_sets
short_description: Parse DNS records or a zone file into record sets
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Turns the text of a BIND zone file, or a list of DNS records, into the record sets that
    M(stalwart.mail.dns_records_info) returns, so that records of your own go the same way as those of the mail server.
  - Records of names outside the domain are left out, as are the SOA and NS records of a zone file with O(exclude).
  - The filter runs on the controller and needs the Python library pydantic there.
positional: _input, domain
options:
  _input:
    description:
      - The text of a zone file, or records with the keys V(type), V(name) (absolute, with or without the final dot),
        V(content) (with priorities, a TXT without quotes) and, if wanted, V(ttl).
      - A list may hold record sets beside records. What shares a name and a type becomes one set.
    type: raw
    required: true
  domain:
    description: The domain whose records are wanted.
    type: str
    required: true
  zones:
    description:
      - The zones in which the records are going to be published. Each record is put into the longest that holds its name.
      - Without zones, the domain is the zone.
    type: list
    elements: str
    default: []
  ttl:
    description: Seconds for the records that do not say how long they may be kept.
    type: int
    default: 3600
  include:
    description:
      - Only records of these purposes or types.
      - The purposes are V(mx), V(host), V(spf), V(dkim), V(dmarc), V(tlsrpt), V(mta_sts), V(autoconfig), V(srv), V(tlsa), V(caa),
        V(acme) and V(other).
    type: list
    elements: str
    default: []
  exclude:
    description: No records of these purposes or types.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Publish the address of the mail host together with what the server wants
  ansible.builtin.set_fact:
    mail_record_sets: "{{ (wanted.record_sets + own) | stalwart.mail.record_sets('example.org') }}"
  vars:
    own:
      - type: A
        name: mx.example.org
        content: 192.0.2.25
      - type: MX
        name: example.org
        content: 20 backup.example.net.
        ttl: 300

- name: Show which mail records an existing zone file has
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'example.org.zone') | stalwart.mail.record_sets('example.org', exclude=['SOA', 'NS']) }}"
"""

RETURN = r"""
_value:
  description:
    - The record sets, sorted, each with V(zone), V(name) (relative to the zone), V(fqdn), V(type), V(ttl), V(purposes), V(value) and
      V(rdata) (lists; C(rdata) as zone files write it) and V(records), its parsed records.
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._resources import dns_records
from ansible_collections.stalwart.mail.plugins.plugin_utils._dns_filters import dns_filter, sources_of


@dns_filter
def record_sets(
    data: t.Any, domain: str, zones: t.Sequence[str] = (), ttl: int = dns_records.DEFAULT_TTL, include: t.Sequence[str] = (), exclude: t.Sequence[str] = ()
) -> list[dict[str, t.Any]]:
    sets = dns_records.record_sets(sources_of(data), domain, zones=zones, ttl=int(ttl), include=include, exclude=exclude)
    return [dns_records.as_result(found) for found in sets]


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"record_sets": record_sets}

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_check_info
short_description: Compare DNS records with what name servers answer
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Asks every address of every authoritative server of a zone for the wanted records, and says of each record whether it is there.
  - Records are compared by what they mean. An SPF policy matches when it lets pass whatever the wanted one does. DKIM, DMARC and
    other tag lists match with their tags in any order; TXT records are joined.
extends_documentation_fragment:
  - stalwart.mail.connection.unused
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  record_sets:
    description:
      - What should be there. Record sets or records as M(stalwart.mail.dns_record_sets) and M(stalwart.mail.dns_records_info) return them, or
        dictionaries with C(type), C(name) (absolute) and C(content).
      - Those of M(stalwart.mail.dns_record_sets) say what was published, with the present DMARC policy; those of M(stalwart.mail.dns_records_info)
        what the mail server says.
    type: list
    elements: dict
    required: true
    aliases: [records]
  zones:
    description: The zones that hold the records. Left out, they are found out by DNS.
    type: list
    elements: str
  nameservers:
    description:
      - The servers to ask, as in V(ns1.example.org) or V(192.0.2.53:5353), instead of those that the zones' NS records name.
      - Needed for hidden primaries and for views that are not seen from here.
    type: list
    elements: str
  resolvers:
    description: Resolvers to find the servers by (and to ask, with O(ask=resolvers)) instead of those of the system.
    type: list
    elements: str
  ask:
    description:
      - V(authoritative) asks the servers that hold the zone, V(resolvers) what others see, which may be out of date.
      - O(nameservers) goes before it.
    type: str
    choices: [authoritative, resolvers]
    default: authoritative
  port:
    description: The port of the authoritative servers that were found.
    type: int
    default: 53
  include:
    description: Only records of these purposes or types, as in V(dkim) or V(TXT).
    type: list
    elements: str
  exclude:
    description: No records of these purposes or types, as in V(tlsa).
    type: list
    elements: str
  wait_timeout:
    description: Seconds to wait until every address of every server has every record.
    type: float
    default: 0.0
  fail:
    description: Whether the task fails when a record does not match, after the wait.
    type: bool
    default: false
seealso:
  - module: stalwart.mail.dns_record_sets
  - module: stalwart.mail.dns_records_info
"""

EXAMPLES = r"""
- name: What the domain should have
  stalwart.mail.dns_records_info:
    domain: example.org
    exclude: [tlsa]
  register: wanted

- name: Is it published?
  stalwart.mail.dns_check_info:
    record_sets: "{{ wanted.record_sets }}"
  register: dns

- name: Show what is not
  ansible.builtin.debug:
    msg: "{{ item.fqdn }} {{ item.type }}: {{ item.status }}, {{ item.reason }}"
  loop: "{{ dns.records | rejectattr('status', 'equalto', 'match') }}"
  loop_control:
    label: "{{ item.fqdn }}"

- name: Wait until the DKIM keys are everywhere, also on the servers of the inner view
  stalwart.mail.dns_check_info:
    record_sets: "{{ wanted.record_sets }}"
    include: [dkim]
    nameservers: [ns1.example.org, ns2.example.org, 10.0.0.53]
    wait_timeout: 600
    fail: true
"""

RETURN = r"""
verified:
  description: Whether every record matches at every server.
  returned: success
  type: bool
records:
  description: The wanted records, each with the worst of what the servers say.
  returned: success
  type: list
  elements: dict
  contains:
    zone:
      description: The zone that the record came with.
      type: str
    name:
      description: The name in it.
      type: str
    fqdn:
      description: The whole name, with a final dot.
      type: str
      sample: example.org.
    type:
      description: The type.
      type: str
      sample: MX
    purpose:
      description: What it is there for.
      type: str
      sample: mx
    value:
      description: What is wanted.
      type: str
      sample: 10 mx.example.org.
    status:
      description:
        - V(match), V(missing), V(conflict) (something else is in its place) or V(unknown) (a server did not tell).
      type: str
      sample: match
    found:
      description: What is there instead, or the same in other words.
      type: list
      elements: str
    reason:
      description: Why it is no match.
      type: str
    servers:
      description: What each server says, with C(server), C(status) and C(found).
      type: list
      elements: dict
    negative_ttl:
      description:
        - For how many seconds resolvers that did not find the record may go on to say that it is not there, by the SOA of the zone. Null where no
          server told.
      type: int
extra:
  description:
    - What stands beside wanted records and changes what they say, such as another MX, with C(fqdn), C(type), C(value) and C(servers).
    - Other TXT and CAA records are none of it.
  returned: success
  type: list
  elements: dict
summary:
  description: How many records have each status, and how many are extra.
  returned: success
  type: dict
  sample: {"match": 12, "unknown": 0, "missing": 1, "conflict": 0, "extra": 0}
servers:
  description: The servers that were asked.
  returned: success
  type: list
  elements: str
  sample: [ns1.example.org (192.0.2.53)]
elapsed:
  description: Seconds that it took.
  returned: success
  type: float
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dns_check import check

TASK = Task(
    own=ArgumentSpec(
        options={
            "record_sets": {"type": "list", "elements": "dict", "required": True, "aliases": ["records"]},
            "zones": {"type": "list", "elements": "str"},
            "nameservers": {"type": "list", "elements": "str"},
            "resolvers": {"type": "list", "elements": "str"},
            "ask": {"type": "str", "choices": ["authoritative", "resolvers"], "default": "authoritative"},
            "port": {"type": "int", "default": 53},
            "include": {"type": "list", "elements": "str"},
            "exclude": {"type": "list", "elements": "str"},
            "wait_timeout": {"type": "float", "default": 0.0},
            "fail": {"type": "bool", "default": False},
        }
    ),
    run_alone=check,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_records_info
short_description: Read the DNS records that mail domains should have
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns the DNS records that a Stalwart mail server wants published for its domains, parsed, grouped into record sets, and as zone files.
  - They are what the server wants, not what is published.
  - Nothing is returned twice, also where one of several domains lies in another.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  domain:
    description:
      - The domain, or a list of domains. A name that is no domain of the server is refused, since the server itself answers for any name.
    type: list
    elements: str
    required: true
    aliases: [domains]
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
    description:
      - Only records of these purposes or types, as in V(dkim) or V(TXT).
      - The purposes are V(mx), V(host), V(spf), V(dkim), V(dmarc), V(tlsrpt), V(mta_sts), V(autoconfig), V(srv), V(tlsa), V(caa),
        V(acme) and V(other).
    type: list
    elements: str
  exclude:
    description: No records of these purposes or types, as in V(tlsa).
    type: list
    elements: str
notes:
  - Servers since 0.16 tell the records as a zone file, which is read by the Python library dnspython. Of a domain whose records such a server
    publishes by itself, the task warns.
seealso:
  - module: stalwart.mail.dkim
  - plugin: stalwart.mail.record_sets
    plugin_type: filter
  - plugin: stalwart.mail.zone_file
    plugin_type: filter
"""

EXAMPLES = r"""
- name: What a domain should have
  stalwart.mail.dns_records_info:
    domain: example.org
    exclude: [tlsa]
  register: wanted

- name: Write it as a zone file
  ansible.builtin.copy:
    content: "{{ wanted.zone_file }}"
    dest: ./example.org.zone
    mode: "0644"
  delegate_to: localhost

- name: Two domains, one of them without a zone of its own
  stalwart.mail.dns_records_info:
    domains: [example.com, lists.example.com]
    zones: [example.com]
    ttl: 300
  register: both

- name: Show the DKIM records of a domain
  stalwart.mail.dns_records_info:
    domain: example.org
    include: [dkim]
"""

RETURN = r"""
records:
  description: The records. What a type does not have is left out.
  returned: success
  type: list
  elements: dict
  contains:
    zone:
      description: The zone that the record goes to, without a final dot.
      type: str
      sample: example.org
    name:
      description: The name relative to the zone; V(@) is the zone itself.
      type: str
      sample: "@"
    fqdn:
      description: The whole name, with a final dot.
      type: str
      sample: example.org.
    type:
      description: The type of the record.
      type: str
      sample: MX
    ttl:
      description: Seconds.
      type: int
      sample: 3600
    purpose:
      description: What the record is there for, one of the words that O(include) takes.
      type: str
      sample: mx
    value:
      description: The whole content; that of a TXT record as one text without quotes.
      type: str
      sample: 10 mx.example.org.
    rdata:
      description: The content as a zone file has it; that of a TXT record quoted and in chunks.
      type: str
      sample: 10 mx.example.org.
    priority:
      description: Of MX and SRV.
      type: int
      sample: 10
    weight:
      description: Of SRV.
      type: int
    port:
      description: Of SRV.
      type: int
    target:
      description: The name that MX, SRV or CNAME point to, with a final dot.
      type: str
      sample: mx.example.org.
    txt_chunks:
      description: The content of TXT in pieces of at most 255 bytes.
      type: list
      elements: str
    usage:
      description: Of TLSA.
      type: int
    selector:
      description: Of TLSA.
      type: int
    matching_type:
      description: Of TLSA.
      type: int
    data:
      description: Of TLSA, in hexadecimal digits.
      type: str
    managed_domain:
      description: The mail domain that asks for it, where the server publishes the records of that by itself.
      type: str
      returned: on servers since 0.16, for such a domain
      sample: example.org
managed_domains:
  description:
    - Those of the domains whose records the server publishes at a DNS provider by itself (servers since 0.16). M(stalwart.mail.dns_record_sets) refuses
      their records, unless told to publish them beside the server.
  returned: success
  type: list
  elements: str
  sample: []
record_sets:
  description:
    - The same records, grouped by name and type, with C(zone), C(name), C(fqdn), C(type), C(ttl), C(purposes), the lists C(value) and C(rdata),
      and C(records).
  returned: success
  type: list
  elements: dict
zone_files:
  description: The text of a BIND zone file by the name of each zone, without SOA and NS.
  returned: success
  type: dict
zone_file:
  description: All of them as one text, each under its own C($ORIGIN).
  returned: success
  type: str
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dns_info import info

TASK = Task(
    own=ArgumentSpec(
        options={
            "domain": {"type": "list", "elements": "str", "required": True, "aliases": ["domains"]},
            "zones": {"type": "list", "elements": "str"},
            "ttl": {"type": "int", "default": 3600},
            "include": {"type": "list", "elements": "str"},
            "exclude": {"type": "list", "elements": "str"},
        }
    ),
    run=info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

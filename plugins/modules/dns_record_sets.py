#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_record_sets
short_description: Publish the DNS records of mail domains
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Publishes record sets, as M(stalwart.mail.dns_records_info) returns them, by dynamic updates (RFC 2136) or by the API of PowerDNS.
  - All changes of a zone go to a provider in one request, after which the zone is read again to prove that they are there.
  - What others own stays. TXT records of others at the same name are kept as they are. Where a name has MX, SRV, DMARC or TLS reporting
    records, aliases or addresses that are not ours, that is a conflict. It is reported, and resolved only when O(replace) names its purpose.
  - An SPF policy that is there is kept with its C(all), and gets what the mail server needs. It is left alone, and reported, when that would take more
    than 10 look-ups.
  - A DMARC policy starts as what is there, or else with C(p=none), whatever the mail server says. O(dmarc_policy) and O(dmarc_pct) raise it.
  - DKIM keys and the id of MTA-STS are renewed without asking, since their names are the mail server's own. CAA and TLSA records are added
    to those that are there.
  - TXT values are split at 255 bytes and compared joined; what says the same in other words is not changed.
extends_documentation_fragment:
  - stalwart.mail.connection.unused
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
options:
  record_sets:
    description:
      - What to publish. Record sets or records of M(stalwart.mail.dns_records_info), those of the filter P(stalwart.mail.record_sets#filter), or
        dictionaries with C(type), C(name) (absolute), C(content) (a TXT without quotes) and, if wanted, C(ttl).
    type: list
    elements: dict
    required: true
    aliases: [records]
  zones:
    description:
      - The zones and where each is published. A record goes to the longest zone that holds its name; a name that none holds is refused.
      - Left out, records stay in the zones that they came with, and nothing is asked or changed, as with zones without providers.
    type: list
    elements: dict
    suboptions:
      zone:
        description: The name of the zone.
        type: str
        required: true
      providers:
        description:
          - Where the zone is published. Several are needed for several views of a zone, or several primary servers that do not copy from each other.
          - Without any, nothing is asked or changed, and RV(record_sets) are what belongs into the zone when nothing is there, for a module or a tool
            of another provider.
        type: list
        elements: dict
        default: []
        suboptions:
          type:
            description: V(rfc2136) for dynamic updates, V(powerdns) for the API of PowerDNS.
            type: str
            choices: [rfc2136, powerdns]
            required: true
          server:
            description:
              - The name or address of the primary server, for V(rfc2136).
              - The zone is read by a transfer (AXFR) with the same key, or where the server refuses that, by queries for each name.
            type: str
          port:
            description: Its port (TCP). Only for V(rfc2136).
            type: int
            default: 53
          key_name:
            description: The name of the key that signs the requests (TSIG). Views of BIND are chosen by it. Only for V(rfc2136).
            type: str
          key_secret:
            description: Its secret, in base64.
            type: str
          key_algorithm:
            description: Its algorithm.
            type: str
            choices: [hmac-sha256, hmac-sha512, hmac-sha384, hmac-sha224, hmac-sha1, hmac-md5]
            default: hmac-sha256
          url:
            description: Where the API of PowerDNS is, for instance C(https://ns1.example.org:8081).
            type: str
          api_key:
            description: Its key.
            type: str
          server_id:
            description: Which server of the API.
            type: str
            default: localhost
          validate_certs:
            description: Whether the certificate of the API is verified.
            type: bool
            default: true
          ca_path:
            description: A PEM file with the authorities to trust instead of those of the system.
            type: path
          allow_http:
            description: Whether the key may be sent without TLS to a host that is not this machine.
            type: bool
            default: false
  include:
    description:
      - Only records of these purposes or types, as in V(dkim) or V(TXT). M(stalwart.mail.dns_records_info) lists the purposes.
    type: list
    elements: str
  exclude:
    description:
      - No records of these purposes or types. V(mx) keeps mail where it is until everything else is ready.
    type: list
    elements: str
  replace:
    description:
      - Purposes of which the records of others are replaced by ours, as in V(mx) for a cut-over, or V(autoconfig).
      - What stands beside an alias and is no address is never removed for it.
    type: list
    elements: str
  ttl:
    description: The time to live in seconds, instead of that of the records. Where others have records at the same name and type, theirs stays.
    type: int
  mx:
    description: The MX records of all domains instead of those of the mail server, as in V(10 mx1.example.net).
    type: list
    elements: str
  srv_ports:
    description:
      - Other ports of services, by the service, as in C(imaps). V(0) tells mail programs that the service is not offered.
    type: dict
  caa:
    description:
      - CAA records to add at each domain that has an MX among the records, as in V(0 issue "letsencrypt.org").
      - Authorities that are allowed there already stay so.
    type: list
    elements: str
  tlsa:
    description:
      - Which TLSA records are published, by usage, selector and matching type, as in V(3 1 1).
      - By default none is, since a TLSA that is not renewed together with the certificate stops mail.
    type: list
    elements: str
  spf_mechanisms:
    description: Who else may send, as in V(include:_spf.example.net); added to each SPF policy.
    type: list
    elements: str
  dmarc_policy:
    description: The policy (C(p)) of all DMARC records. Left out, it stays what it is, and begins with V(none).
    type: str
    choices: [none, quarantine, reject]
  dmarc_pct:
    description: To how much of the mail the policy applies (C(pct)), in percent.
    type: int
  manifest:
    description:
      - A file, on the host that runs the task, that remembers what was published. It is made when it is not there; its folder must be.
      - What it lists is ours, to be replaced without O(replace) and removed by O(purge). It holds no secrets.
    type: path
  purge:
    description: Whether records that O(manifest) lists and that are no longer wanted are removed.
    type: bool
    default: false
  purge_names:
    description:
      - Names whose records are removed but for the wanted ones, such as V(202401r._domainkey.example.org).
      - Records that make a zone (SOA, NS and those of DNSSEC) stay, and the zone's own name is refused.
    type: list
    elements: str
  resolvers:
    description:
      - Resolvers to ask for the policies that an SPF policy includes, as in V(192.0.2.53) or V(127.0.0.1:5353), instead of those of the system.
      - They are asked only before a merged policy is written. What can't be found out counts as one look-up.
    type: list
    elements: str
  on_conflict:
    description: With V(fail) nothing at all is changed where there is a conflict. With V(report) it is a warning, and all else is published.
    type: str
    choices: [report, fail]
    default: report
  take_over:
    description:
      - Whether records are published that the mail server publishes at a DNS provider by itself (servers since 0.16, C(dnsManagement) of the domain).
        Otherwise they are refused before anything is asked or changed. M(stalwart.mail.dns_records_info) tells them by C(managed_domain).
      - The server goes on publishing beside this task. M(stalwart.mail.object) with C(dnsManagement) V(Manual) ends that, as does the variable
        C(dns_take_over) of the role C(dns).
    type: bool
    default: false
seealso:
  - module: stalwart.mail.dns_records_info
  - module: stalwart.mail.dns_check_info
"""

EXAMPLES = r"""
- name: What the domain should have
  stalwart.mail.dns_records_info:
    domain: example.org
  register: wanted

- name: Publish it in a zone that BIND or Knot serves
  stalwart.mail.dns_record_sets:
    record_sets: "{{ wanted.record_sets }}"
    zones:
      - zone: example.org
        providers:
          - type: rfc2136
            server: ns1.example.org
            key_name: mail-updates
            key_secret: "{{ vault_mail_updates_secret }}"
    exclude: [mx]
    manifest: ./example.org.manifest.json
  register: published

- name: Cut over, when everything else is ready
  stalwart.mail.dns_record_sets:
    record_sets: "{{ wanted.record_sets }}"
    zones:
      - zone: example.org
        providers:
          - type: powerdns
            url: https://ns1.example.org:8081
            api_key: "{{ vault_powerdns_api_key }}"
    replace: [mx, autoconfig]
    ttl: 300

- name: Two views of a zone, and a domain without a zone of its own
  stalwart.mail.dns_record_sets:
    record_sets: "{{ wanted.record_sets }}"
    zones:
      - zone: example.org
        providers:
          - type: rfc2136
            server: 192.0.2.53
            key_name: inside
            key_secret: "{{ vault_inside_secret }}"
          - type: rfc2136
            server: 192.0.2.53
            key_name: outside
            key_secret: "{{ vault_outside_secret }}"
    dmarc_policy: quarantine
    dmarc_pct: 20
    spf_mechanisms: ["include:_spf.example.net"]

- name: Remove the record of a key that is no longer used
  stalwart.mail.dns_record_sets:
    record_sets: []
    zones: "{{ dns_zones }}"
    purge_names: [202401r._domainkey.example.org]
"""

RETURN = r"""
record_sets:
  description:
    - Our record sets as they are published now, merged with what was there, as M(stalwart.mail.dns_check_info) takes them.
    - Their keys are those of M(stalwart.mail.dns_records_info). Record sets with a conflict are not among them, but for DMARC.
  returned: success
  type: list
  elements: dict
conflicts:
  description: What is not published as wanted.
  returned: success, or failure by O(on_conflict=fail)
  type: list
  elements: dict
  contains:
    zone:
      description: The zone.
      type: str
      sample: example.org
    provider:
      description: The provider.
      type: str
      sample: ns1.example.org:53
    fqdn:
      description: The name, with a final dot.
      type: str
      sample: example.org.
    type:
      description: The type.
      type: str
      sample: MX
    purpose:
      description: What to put into O(replace) to replace it.
      type: str
      sample: mx
    found:
      description: What is there.
      type: list
      elements: str
      sample: [10 mx.example.net.]
    wanted:
      description: What is wanted.
      type: list
      elements: str
      sample: [10 mx.example.org.]
    reason:
      description: Why it is a conflict.
      type: str
operations:
  description: What was done, or in check mode would be. Only the first 500 are returned.
  returned: always
  type: list
  elements: dict
  sample: [{"resource": "record set", "name": "example.org MX at ns1.example.org:53", "action": "create", "fields": ["records", "ttl"]}]
not_done:
  description: What was not done when the task failed after some changes.
  returned: failure
  type: list
  elements: dict
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dns_record_sets import publish

PROVIDER = {
    "type": {"type": "str", "required": True, "choices": ["rfc2136", "powerdns"]},
    "server": {"type": "str"},
    "port": {"type": "int", "default": 53},
    "key_name": {"type": "str", "no_log": False},
    "key_secret": {"type": "str", "no_log": True},
    "key_algorithm": {
        "type": "str",
        "choices": ["hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1", "hmac-md5"],
        "default": "hmac-sha256",
        "no_log": False,
    },
    "url": {"type": "str"},
    "api_key": {"type": "str", "no_log": True},
    "server_id": {"type": "str", "default": "localhost"},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "allow_http": {"type": "bool", "default": False},
}

TASK = Task(
    own=ArgumentSpec(
        options={
            "record_sets": {"type": "list", "elements": "dict", "required": True, "aliases": ["records"]},
            "zones": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "zone": {"type": "str", "required": True},
                    "providers": {"type": "list", "elements": "dict", "default": [], "options": PROVIDER},
                },
            },
            "include": {"type": "list", "elements": "str"},
            "exclude": {"type": "list", "elements": "str"},
            "replace": {"type": "list", "elements": "str"},
            "ttl": {"type": "int"},
            "mx": {"type": "list", "elements": "str"},
            "srv_ports": {"type": "dict"},
            "caa": {"type": "list", "elements": "str"},
            "tlsa": {"type": "list", "elements": "str"},
            "spf_mechanisms": {"type": "list", "elements": "str"},
            "dmarc_policy": {"type": "str", "choices": ["none", "quarantine", "reject"]},
            "dmarc_pct": {"type": "int"},
            "manifest": {"type": "path"},
            "purge": {"type": "bool", "default": False},
            "purge_names": {"type": "list", "elements": "str"},
            "resolvers": {"type": "list", "elements": "str"},
            "on_conflict": {"type": "str", "choices": ["report", "fail"], "default": "report"},
            "take_over": {"type": "bool", "default": False},
        }
    ),
    run_alone=publish,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

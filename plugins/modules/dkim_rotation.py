#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dkim_rotation
short_description: One step of the rotation of DKIM keys
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Replaces the keys that sign mail of some domains, in steps between which DNS records are published and removed. The role C(stalwart.mail.dkim_rotation)
    puts the steps together; this module is for those who publish in a way of their own.
  - Each run does what is due for each key and nothing else. All that has to be remembered stands on the server, in the signatures V(ALGORITHM-DOMAIN)
    (it signs), V(ALGORITHM-DOMAIN-next) (its record is to be published) and V(ALGORITHM-DOMAIN-old) (its record still is), so any machine can go on
    with what another one began.
  - At every moment the server signs with a key whose record is published.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
options:
  step:
    description:
      - V(prepare) makes the next keys where the present ones are too old. RV(records) are then to be published.
      - V(switch) lets next keys sign whose records O(records) shows to be everywhere, once resolvers can't think any longer that they are missing, and
        reloads the server, without errors. It also finishes what an interrupted run left behind.
      - V(retire) forgets old keys whose records were removed, as O(names) tells.
    type: str
    choices: [prepare, switch, retire]
    required: true
  domain:
    description: The domain, or a list of domains. All are read at once.
    type: list
    elements: str
    required: true
    aliases: [domains]
  algorithm:
    description: Only keys of these algorithms. Left out, all keys that sign mail of the domains.
    type: list
    elements: str
    choices: [ed25519, rsa]
  max_age:
    description:
      - A key that signs for longer is replaced, written as in V(90d).
      - It counts from the last rotation. A key that was never rotated has the age that its selector tells, as in V(202611r), else it counts as too old.
    type: str
    default: 90d
  now:
    description: Whether keys are replaced whatever their age. A rotation that is under way goes on, and no other begins before its end.
    type: bool
    default: false
  emergency:
    description:
      - Whether the present keys are known to others. They are replaced whatever their age, and forgotten as soon as the next ones sign, together
        with older ones. Mail under way that they signed can't be verified any more.
      - A run that goes on with an interrupted one does not replace the new keys again; any other run does.
    type: bool
    default: false
  retire_after:
    description:
      - How long the record of an old key stays, written as in V(7d). It stays longer while older mail of the domain waits in the server's queue.
      - Refused when shorter than mail may wait in the server's queue and O(ttl) together.
    type: str
    default: 7d
  ttl:
    description: The time to live of the records in seconds.
    type: int
    default: 3600
  records:
    description:
      - What name servers answered for the RV(records) of the step before, as RV(stalwart.mail.dns_check_info#module:records). A next key whose record
        does not match at every server waits.
      - For O(step=switch).
    type: list
    elements: dict
  negative_ttl:
    description:
      - How many seconds resolvers may go on to say that a record is missing after it is published. Left out, the SOA of its zone tells.
      - For O(step=switch).
    type: int
  wait_timeout:
    description:
      - How many seconds to wait for that to be over. What takes longer is for a later run.
      - For O(step=switch).
    type: float
    default: 0.0
  names:
    description:
      - The names whose records were removed, as RV(retire) told them.
      - For O(step=retire).
    type: list
    elements: str
  take_over:
    description:
      - Whether a domain whose keys the server rotates by itself (servers since 0.16) is taken from it. Otherwise it is refused.
      - For O(step=prepare).
    type: bool
    default: false
seealso:
  - module: stalwart.mail.dkim_rotation_info
  - module: stalwart.mail.dkim
  - module: stalwart.mail.dns_record_sets
  - module: stalwart.mail.dns_check_info
"""

EXAMPLES = r"""
- name: The next keys, where the present ones are too old
  stalwart.mail.dkim_rotation:
    step: prepare
    domains: [example.org, example.net]
  register: prepared

- name: Publish their records
  stalwart.mail.dns_record_sets:
    record_sets: "{{ prepared.records }}"
    zones: "{{ my_zones }}"

- name: Wait until every name server has them
  stalwart.mail.dns_check_info:
    record_sets: "{{ prepared.records }}"
    wait_timeout: 600
  register: published

- name: Let them sign
  stalwart.mail.dkim_rotation:
    step: switch
    domains: [example.org, example.net]
    records: "{{ published.records }}"
    wait_timeout: 3600
  register: switched

- name: Remove the records of old keys
  stalwart.mail.dns_record_sets:
    record_sets: []
    zones: "{{ my_zones }}"
    purge_names: "{{ switched.retire }}"

- name: Forget these keys
  stalwart.mail.dkim_rotation:
    step: retire
    domains: [example.org, example.net]
    names: "{{ switched.retire }}"
"""

RETURN = r"""
rotations:
  description: The keys after the step, or as they would be.
  returned: success
  type: list
  elements: dict
  contains:
    domain:
      description: The domain.
      type: str
    algorithm:
      description: V(ed25519) or V(rsa).
      type: str
    step:
      description:
        - What is due next. V(prepare), V(publish) (the record of the next key), V(wait) (until RV(rotations[].due)), V(switch), V(finish) (what an
          interrupted run left), V(keep) (the record of the old key, until RV(rotations[].due)), V(retire) or V(none).
      type: str
    reason:
      description: Why, in words.
      type: str
    due:
      description: When the next step may be, where that is known and to come.
      type: str
    selector:
      description: The selector of the key that signs.
      type: str
    next_selector:
      description: That of the next key.
      type: str
    old_selector:
      description: That of the old key.
      type: str
  sample:
    - {"domain": "example.org", "algorithm": "rsa", "step": "publish", "reason": "the record of the next key 202611r is to be published and seen everywhere",
       "due": null, "selector": "202608r", "next_selector": "202611r", "old_selector": null}
records:
  description: The records of the next keys, in the form of M(stalwart.mail.dns_records_info).
  returned: success
  type: list
  elements: dict
retire:
  description: Names whose records may be removed, with a final dot.
  returned: success
  type: list
  elements: str
  sample: [202608r._domainkey.example.org.]
unpublished:
  description: With O(step=switch), the names of records that were not seen everywhere, for which next keys wait.
  returned: success
  type: list
  elements: str
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "signature", "name": "rsa-example.org", "action": "switch", "fields": ["public_key", "selector"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dkim_rotation import manage

TASK = Task(
    own=ArgumentSpec(
        options={
            "step": {"type": "str", "choices": ["prepare", "switch", "retire"], "required": True},
            "domain": {"type": "list", "elements": "str", "required": True, "aliases": ["domains"]},
            "algorithm": {"type": "list", "elements": "str", "choices": ["ed25519", "rsa"]},
            "max_age": {"type": "str", "default": "90d"},
            "now": {"type": "bool", "default": False},
            "emergency": {"type": "bool", "default": False},
            "retire_after": {"type": "str", "default": "7d"},
            "ttl": {"type": "int", "default": 3600},
            "records": {"type": "list", "elements": "dict"},
            "negative_ttl": {"type": "int"},
            "wait_timeout": {"type": "float", "default": 0.0},
            "names": {"type": "list", "elements": "str"},
            "take_over": {"type": "bool", "default": False},
        },
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

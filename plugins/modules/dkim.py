#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dkim
short_description: Manage the DKIM keys of mail domains
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Creates DKIM signatures on a Stalwart mail server, with keys that the server makes or with keys of yours, and removes them.
  - It returns the DNS record of each, ready to be published. Private keys are never returned.
  - By default a server signs mail of a domain with the signatures V(rsa-DOMAIN) and V(ed25519-DOMAIN). They are meant
    where O(id) is left out.
  - Takes a list of domains and reads the server once for all of them.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
options:
  state:
    description:
      - V(present) makes sure that there is a key. An existing one with any selector will do, unless O(selector), O(private_key)
        or O(key_from) say which one is wanted.
      - V(absent) removes the settings of the signatures that the other options name, and nothing else. Without O(id) and O(selector)
        these are the ones that sign by default. The DNS records stay where they are published.
    type: str
    choices: [present, absent]
    default: present
  domain:
    description:
      - The domain whose mail is signed, or a list of domains.
      - Required, except with O(state=absent) and O(id).
    type: list
    elements: str
    aliases: [domains]
  algorithm:
    description:
      - V(ed25519), V(rsa) or both.
      - If it is left out, both are made. Every receiver can verify RSA, and Ed25519 is the stronger one. With O(private_key),
        O(key_from) or an existing O(id) it is that of the key.
    type: list
    elements: str
    choices: [ed25519, rsa]
  selector:
    description:
      - The name before C(._domainkey) under which the key is published.
      - If it is left out, a new key gets the year, the month and the first letter of the algorithm, as in V(202611r).
      - One selector holds one key, so it goes with one algorithm.
    type: str
  id:
    description:
      - The name of the signature on the server. It holds one key.
      - If it is left out, it is the one that the server signs with. A signature of another name is stored and its record listed, but mail
        is not signed with it. That is what the next key of a rotation needs.
    type: str
  private_key:
    description:
      - A private key of yours, as PEM text (PKCS#1 or PKCS#8) without a passphrase. Either RSA of 2048 to 4096 bits, or Ed25519.
      - Whether the stored key is the same is told by the public key.
    type: str
  key_from:
    description:
      - The id of another signature of the domain, whose key and selector are taken over without leaving the server's settings.
      - With it a rotation sets a key aside, and lets the next key take over together with O(replace).
    type: str
  replace:
    description:
      - Whether the key from O(private_key) or O(key_from) may take the place of a different one. Key and selector change in one write.
      - Mail that is signed from then on can only be verified once the record of the new key is published, and mail under way only
        while the record of the old key is there.
      - Without it such a task is refused.
    type: bool
    default: false
  take_over:
    description:
      - Whether the task may write on a domain whose keys the server manages by itself, which servers since 0.16 do if they are told so.
        That management ends then, and the keys that the server made stay.
      - Without it such a task is refused, since the server would rotate and remove what it did not make.
      - Other servers manage no keys, and there it changes nothing.
    type: bool
    default: false
  reload:
    description:
      - With V(auto) the task ends with a reload of the server when it changed anything, since a key is live only after one.
      - With V(never) it does not; reload at the end of the play with M(stalwart.mail.reload).
    type: str
    choices: [auto, never]
    default: auto
notes:
  - Importing and comparing keys needs the Python library cryptography, and so does making them for servers since 0.16, which make none when asked.
  - Servers since 0.16 keep no ids of signatures. There V(ALGORITHM-DOMAIN) is the key that signs, V(ALGORITHM-DOMAIN-next) the one that is
    pending, V(ALGORITHM-DOMAIN-old) the one that is retiring, and V(ALGORITHM-DOMAIN-SELECTOR) any other; other ids are refused. A key that was
    taken over under a second id is one object with a mark (the moment of its next transition, in the year 2000). Changes are live at once.
seealso:
  - module: stalwart.mail.dkim_info
  - module: stalwart.mail.dns_records_info
"""

EXAMPLES = r"""
- name: Both keys that a domain needs
  stalwart.mail.dkim:
    domain: example.org
  register: keys

- name: Show the records to be published
  ansible.builtin.debug:
    msg: "{{ keys.signatures | map(attribute='record') | map(attribute='rdata') }}"

- name: Keys for many domains, read once
  stalwart.mail.dkim:
    domains: [example.com, example.net]
    algorithm: rsa

- name: A key of our own
  stalwart.mail.dkim:
    domain: example.edu
    selector: mail
    private_key: "{{ lookup('ansible.builtin.file', 'example.edu.pem') }}"

- name: The next key, to be published before it signs
  stalwart.mail.dkim:
    domain: example.org
    id: rsa-example.org-next
    algorithm: rsa
    selector: 2027a

- name: Its record is published, it takes over
  stalwart.mail.dkim:
    domain: example.org
    key_from: rsa-example.org-next
    replace: true

- name: No next key any more
  stalwart.mail.dkim:
    id: rsa-example.org-next
    state: absent
"""

RETURN = r"""
signatures:
  description:
    - The signatures that the task is about, as they are after it, or in check mode would be. Empty with O(state=absent).
    - What the server is yet to make shows as V(<generated>) in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The name of the signature on the server.
      type: str
      sample: ed25519-example.org
    domain:
      description: The domain whose mail is signed.
      type: str
      sample: example.org
    algorithm:
      description: V(ed25519) or V(rsa).
      type: str
      sample: ed25519
    selector:
      description: The name before C(._domainkey).
      type: str
      sample: 202611e
    public_key:
      description: The public key in base64, as the record has it. Null when the stored key can't be read.
      type: str
      sample: FN/ftX7nsQ6jS6eGl2Wn2ZsEYvMzBn9Yl7P0XFLyMEo=
    signs:
      description: Whether the server signs with it. Null where rules of your own (the setting C(auth.dkim.sign)) decide.
      type: bool
    record:
      description: The DNS record, in the form of M(stalwart.mail.dns_records_info). Null when the stored key can't be read.
      type: dict
      sample:
        zone: example.org
        name: 202611e._domainkey
        fqdn: 202611e._domainkey.example.org.
        type: TXT
        ttl: 3600
        purpose: dkim
        value: v=DKIM1; k=ed25519; h=sha256; p=FN/ftX7nsQ6jS6eGl2Wn2ZsEYvMzBn9Yl7P0XFLyMEo=
        rdata: '"v=DKIM1; k=ed25519; h=sha256; p=FN/ftX7nsQ6jS6eGl2Wn2ZsEYvMzBn9Yl7P0XFLyMEo="'
        txt_chunks: ["v=DKIM1; k=ed25519; h=sha256; p=FN/ftX7nsQ6jS6eGl2Wn2ZsEYvMzBn9Yl7P0XFLyMEo="]
reloaded:
  description: Whether the server was reloaded.
  returned: success
  type: bool
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "signature", "name": "ed25519-example.org", "action": "create", "fields": ["algorithm", "domain", "public_key", "selector"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dkim import manage

TASK = Task(
    own=ArgumentSpec(
        options={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "domain": {"type": "list", "elements": "str", "aliases": ["domains"]},
            "algorithm": {"type": "list", "elements": "str", "choices": ["ed25519", "rsa"]},
            "selector": {"type": "str"},
            "id": {"type": "str"},
            "private_key": {"type": "str", "no_log": True},
            "key_from": {"type": "str", "no_log": False},
            "replace": {"type": "bool", "default": False},
            "take_over": {"type": "bool", "default": False},
            "reload": {"type": "str", "choices": ["auto", "never"], "default": "auto"},
        },
        mutually_exclusive=[["private_key", "key_from"]],
        required_one_of=[["domain", "id"]],
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

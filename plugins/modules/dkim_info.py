#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dkim_info
short_description: Read the DKIM keys of mail domains
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns the DKIM signatures of a Stalwart mail server with their public keys and the DNS records to be published.
    Private keys are never returned.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  domain:
    description:
      - Only the signatures of this domain, or of these.
      - If it is left out, those of all domains are returned.
    type: list
    elements: str
    aliases: [domains]
notes:
  - Reading keys needs the Python library cryptography.
seealso:
  - module: stalwart.mail.dkim
  - module: stalwart.mail.dns_records_info
"""

EXAMPLES = r"""
- name: The keys of a domain
  stalwart.mail.dkim_info:
    domain: example.org
  register: keys

- name: Every key on the server that does not sign
  stalwart.mail.dkim_info:
  register: all_keys

- name: Show them
  ansible.builtin.debug:
    msg: "{{ all_keys.signatures | selectattr('signs', 'false') | map(attribute='id') }}"
"""

RETURN = r"""
signatures:
  description: The signatures, in the order of their ids.
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
total:
  description: How many there are.
  returned: success
  type: int
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dkim import info

TASK = Task(
    own=ArgumentSpec(options={"domain": {"type": "list", "elements": "str", "aliases": ["domains"]}}),
    run=info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

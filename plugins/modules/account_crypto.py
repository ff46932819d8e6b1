#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: account_crypto
short_description: Manage encryption at rest of the account that logs in
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Acts as an account of a Stalwart mail server. O(login_user) and O(login_password), or O(login_token), are those of the account itself.
  - While it is on, the server encrypts each message that comes in to the certificates, before it stores it. Mail that is stored already stays as it is.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
options:
  state:
    description:
      - V(present) switches encryption on, or changes it. Options left out keep what is set.
      - V(absent) switches it off.
    type: str
    choices: [present, absent]
    default: present
  certificates:
    description:
      - To whom mail is encrypted. Either S/MIME certificates as PEM text, with RSA keys, or one OpenPGP public key, armored.
        An element may hold several PEM blocks.
      - It is the exact list. The order does not matter. Comments in armor, which the server would refuse, are left out.
      - Needed to switch encryption on.
    type: list
    elements: str
  algorithm:
    description:
      - How the content is encrypted, with S/MIME. With OpenPGP the server keeps it, and the key decides.
      - If it is left out when encryption is switched on, V(aes256) is used.
    type: str
    choices: [aes128, aes256]
  allow_spam_training:
    description:
      - Whether the spam filter may learn from a message before it is encrypted. Servers have this choice since 0.15.
      - If it is left out when encryption is switched on, it may not.
    type: bool
notes:
  - Reading S/MIME certificates needs the Python library cryptography.
  - The account needs the permission C(manage-encryption), which the role V(user) gives.
  - On servers since 0.16 the certificates are kept as one public key of the account, which is removed with its last use.
seealso:
  - module: stalwart.mail.account_crypto_info
"""

EXAMPLES = r"""
- name: Encrypt what comes in
  stalwart.mail.account_crypto:
    login_user: alice
    login_password: "{{ password }}"
    certificates:
      - "{{ lookup('ansible.builtin.file', 'alice.pem') }}"
      - "{{ lookup('ansible.builtin.file', 'archive.pem') }}"

- name: With an OpenPGP key
  stalwart.mail.account_crypto:
    login_user: bob
    login_password: "{{ password }}"
    certificates: "{{ lookup('ansible.builtin.file', 'bob.asc') }}"
    allow_spam_training: true

- name: No encryption any more
  stalwart.mail.account_crypto:
    login_user: bob
    login_password: "{{ password }}"
    state: absent
"""

RETURN = r"""
encryption:
  description: Encryption at rest after the task, or in check mode as it would be. Null when it is off.
  returned: success
  type: dict
  contains:
    method:
      description: V(pgp) or V(smime).
      type: str
      sample: smime
    algorithm:
      description: V(aes128) or V(aes256).
      type: str
      sample: aes256
    certificates:
      description: To whom mail is encrypted. Null when the form in which the server keeps them can't be read.
      type: list
      elements: dict
      contains:
        fingerprint:
          description: In hexadecimal. That of an OpenPGP key, or SHA-256 of the certificate.
          type: str
        subject:
          description: The subject of the certificate, or the first user id of the key.
          type: str
          sample: CN=Alice
        expires:
          description: When it expires. Null for an OpenPGP key.
          type: str
          sample: "2027-11-23T00:00:00+00:00"
        text:
          description: It, as PEM or armored text.
          type: str
    allow_spam_training:
      description: Whether the spam filter may learn from a message before it is encrypted. Null where the server has no such choice.
      type: bool
operations:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample: [{"resource": "encryption at rest", "name": "alice", "action": "update", "fields": ["algorithm"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.account_crypto import manage

TASK = Task(
    own=ArgumentSpec(
        options={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "certificates": {"type": "list", "elements": "str"},
            "algorithm": {"type": "str", "choices": ["aes128", "aes256"]},
            "allow_spam_training": {"type": "bool"},
        },
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

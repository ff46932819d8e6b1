#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: account_crypto_info
short_description: Read encryption at rest of the account that logs in
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns whether and to whom the server encrypts mail of the account that logs in.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
notes:
  - Reading S/MIME certificates needs the Python library cryptography.
seealso:
  - module: stalwart.mail.account_crypto
"""

EXAMPLES = r"""
- name: Is my mail encrypted?
  stalwart.mail.account_crypto_info:
    login_user: alice
    login_password: "{{ password }}"
  register: crypto

- name: Show to whom
  ansible.builtin.debug:
    msg: "{{ crypto.encryption.certificates | map(attribute='subject') }}"
  when: crypto.encryption
"""

RETURN = r"""
encryption:
  description: Encryption at rest of the account. Null when it is off.
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
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.account_crypto import info

TASK = Task(own=ArgumentSpec(), run=info, writes=False)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dmarc_info
short_description: Test what SPF, DKIM and DMARC make of a message
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Lets a Stalwart mail server check a message as if it had come from a given address. Nothing is delivered.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
attributes:
  become:
    support: partial
    details:
      - It decides about the file that is read, and a task that names one and has C(become) runs as an ordinary module.
options:
  remote_ip:
    description:
      - The address from which the message would come.
    type: str
    required: true
  ehlo_domain:
    description:
      - How the sending host would call itself.
    type: str
    required: true
  sender:
    description:
      - The envelope sender.
    type: str
    required: true
  content:
    description:
      - The whole message with its header.
    type: str
  src:
    description:
      - The path of a file with the message, on the host that runs the task, instead of O(content).
    type: path
notes:
  - Servers since 0.16 want an address with a known top-level domain as O(sender).
seealso:
  - module: stalwart.mail.delivery_info
  - module: stalwart.mail.report_info
"""

EXAMPLES = r"""
- name: Would our newsletter pass elsewhere
  stalwart.mail.dmarc_info:
    remote_ip: 192.0.2.1
    ehlo_domain: mail.example.org
    sender: news@example.org
    src: /root/newsletter.eml
  register: checked
"""

RETURN = r"""
dmarc:
  description: The results.
  returned: success
  type: dict
  contains:
    verdict:
      description: V(pass) or V(fail).
      type: str
    problems:
      description: What did not pass, for people.
      type: list
      elements: str
    spf_ehlo_domain:
      description: The domain of the greeting.
      type: str
    spf_ehlo:
      description: SPF of the greeting, as C(result) and C(details).
      type: dict
    spf_mail_from_domain:
      description: The domain of the sender.
      type: str
    spf_mail_from:
      description: SPF of the sender.
      type: dict
    reverse_ip:
      description: Whether the address has a name that leads back to it.
      type: dict
    reverse_names:
      description: Its names.
      type: list
      elements: str
    dkim:
      description: One result a signature.
      type: list
      elements: dict
    dkim_pass:
      description: Whether one of them is valid.
      type: bool
    arc:
      description: The result of ARC.
      type: dict
    dmarc:
      description: The result of DMARC.
      type: dict
    dmarc_pass:
      description: Whether DMARC is passed.
      type: bool
    dmarc_policy:
      description: The policy that the domain publishes.
      type: str
    elapsed:
      description: How many seconds the checks took.
      type: float
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.diagnosis import dmarc

TASK = Task(
    own=ArgumentSpec(
        options={
            "remote_ip": {"type": "str", "required": True},
            "ehlo_domain": {"type": "str", "required": True},
            "sender": {"type": "str", "required": True},
            "content": {"type": "str"},
            "src": {"type": "path"},
        },
        mutually_exclusive=[["content", "src"]],
    ),
    run=dmarc,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

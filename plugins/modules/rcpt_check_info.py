#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rcpt_check_info
short_description: Ask a mail server by SMTP which recipients it takes
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Speaks SMTP with a mail server as another mail server would, names a sender and the recipients, and ends before any message.
    So it tells whether mail for an address would be taken before the MX record of its domain leads there.
  - It needs no login and no API. That a server takes a recipient does not say that it can store the mail.
  - Use M(stalwart.mail.delivery_info) for the way that mail from the server takes to others.
extends_documentation_fragment:
  - stalwart.mail.connection.unused
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  recipients:
    description: The addresses.
    type: list
    elements: str
    required: true
    aliases: [recipient]
  host:
    description:
      - The mail server. Left out, that of O(url).
    type: str
  port:
    description: Its port for mail from other servers.
    type: int
    default: 25
  sender:
    description: The address of the sender. Left out, the empty one, which reports about undelivered mail have.
    type: str
  ehlo_name:
    description: What the task calls itself. Left out, its address in brackets, which every server has to take.
    type: str
  starttls:
    description: Whether the recipients are asked for after STARTTLS. O(validate_certs) and O(ca_path) apply.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for a recipient that the server refuses for now (codes 4xx). A refusal for good ends the wait.
    type: float
    default: 0.0
  fail:
    description: Whether the task fails when a recipient is refused.
    type: bool
    default: false
seealso:
  - module: stalwart.mail.delivery_info
  - module: stalwart.mail.dns_check_info
"""

EXAMPLES = r"""
- name: The new server takes mail of the domain, before the MX leads to it
  stalwart.mail.rcpt_check_info:
    host: mail.example.org
    recipients: [postmaster@example.org, jane@example.org]
    fail: true

- name: A stranger's mail is not relayed
  stalwart.mail.rcpt_check_info:
    host: mail.example.org
    recipients: [somebody@example.com]
  register: relay
  failed_when: relay.accepted
"""

RETURN = r"""
accepted:
  description: Whether the server takes all of them.
  returned: success, and when recipients were refused
  type: bool
recipients:
  description: What it said to each.
  returned: success, and when recipients were refused
  type: list
  elements: dict
  contains:
    address:
      description: The address.
      type: str
      sample: jane@example.org
    accepted:
      description: Whether mail for it is taken.
      type: bool
    temporary:
      description: Whether it was refused for now only.
      type: bool
    code:
      description: The server's code.
      type: int
      sample: 250
    reply:
      description: The server's words.
      type: str
      sample: 2.1.5 OK
refused:
  description: The addresses that it does not take.
  returned: success, and when recipients were refused
  type: list
  elements: str
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.recipients import check

TASK = Task(
    own=ArgumentSpec(
        options={
            "recipients": {"type": "list", "elements": "str", "required": True, "aliases": ["recipient"]},
            "host": {"type": "str"},
            "port": {"type": "int", "default": 25},
            "sender": {"type": "str"},
            "ehlo_name": {"type": "str"},
            "starttls": {"type": "bool", "default": False},
            "wait_timeout": {"type": "float", "default": 0.0},
            "fail": {"type": "bool", "default": False},
        }
    ),
    run_alone=check,
    network=("url", "timeout", "validate_certs", "ca_path"),
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

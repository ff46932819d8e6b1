#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: spam_classify_info
short_description: Ask what the spam filter makes of a message
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Lets the spam filter of a Stalwart mail server judge a message as if it had just come in. Nothing is delivered or learned.
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
  content:
    description:
      - The whole message with its header.
    type: str
  src:
    description:
      - The path of a file with the message, on the host that runs the task, instead of O(content).
    type: path
  remote_ip:
    description:
      - The address from which the message would come.
    type: str
    required: true
  ehlo_domain:
    description:
      - How the sending host would call itself.
    type: str
  sender:
    description:
      - The envelope sender.
    type: str
  recipients:
    description:
      - The envelope recipients.
    type: list
    elements: str
  tls:
    description:
      - Whether the message would come over TLS.
    type: bool
    default: false
  authenticated_as:
    description:
      - The account that would be logged in.
    type: str
notes:
  - Servers since 0.16 do not tell the headers that they would add, and want O(ehlo_domain) and O(sender).
seealso:
  - module: stalwart.mail.spam_filter
  - module: stalwart.mail.dmarc_info
"""

EXAMPLES = r"""
- name: Would it get through
  stalwart.mail.spam_classify_info:
    src: /root/newsletter.eml
    remote_ip: 192.0.2.1
    ehlo_domain: mail.example.com
    sender: news@example.com
    recipients: [alice@example.org]
  register: judged
"""

RETURN = r"""
classification:
  description: What the filter says.
  returned: success
  type: dict
  contains:
    score:
      description: The sum of the scores.
      type: float
    disposition:
      description: V(allow), V(discard) or V(reject).
      type: str
    headers:
      description: The headers that the server would add.
      type: str
    tags:
      description: The rules that matched, those first that weigh most.
      type: list
      elements: dict
      contains:
        name:
          description: The tag.
          type: str
        action:
          description: V(allow), where the score counts, V(discard) or V(reject).
          type: str
        score:
          description: The score.
          type: float
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.spam_filter import classify

TASK = Task(
    own=ArgumentSpec(
        options={
            "content": {"type": "str"},
            "src": {"type": "path"},
            "remote_ip": {"type": "str", "required": True},
            "ehlo_domain": {"type": "str"},
            "sender": {"type": "str"},
            "recipients": {"type": "list", "elements": "str"},
            "tls": {"type": "bool", "default": False},
            "authenticated_as": {"type": "str"},
        },
        mutually_exclusive=[["content", "src"]],
        required_one_of=[["content", "src"]],
    ),
    run=classify,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

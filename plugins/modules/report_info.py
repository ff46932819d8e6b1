#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report_info
short_description: Read DMARC, TLS and abuse reports
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Returns reports that other servers sent about mail from the domains of a Stalwart mail server, or that it is about to send to others, parsed and
    with a summary.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
  - stalwart.mail.selection.reports
options:
  newer_than:
    description:
      - Only reports whose period ended no longer ago than this, as in V(7d).
    type: str
  limit:
    description:
      - Return at most so many reports; V(0) returns all.
    type: int
    default: 100
seealso:
  - module: stalwart.mail.report
"""

EXAMPLES = r"""
- name: What others said of our mail in the last week
  stalwart.mail.report_info:
    domain: example.org
    newer_than: 7d
  register: found

- name: Show it to a person
  ansible.builtin.debug:
    var: found.summary.lines

- name: Failed TLS sessions
  stalwart.mail.report_info:
    kind: tls
"""

RETURN = r"""
reports:
  description: The reports, newest first where the server sorts them.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The id.
      type: str
    kind:
      description: V(dmarc), V(tls) or V(arf).
      type: str
    direction:
      description: V(incoming) or V(outgoing).
      type: str
    sender:
      description: Who sent the mail with the report.
      type: str
    recipients:
      description: Where the report went, or will go.
      type: list
      elements: str
    subject:
      description: The subject of the mail with the report.
      type: str
    organization:
      description: Who reports.
      type: str
    contact:
      description: The address for questions.
      type: str
    report_id:
      description: The reporter's own id.
      type: str
    domains:
      description: What it is about.
      type: list
      elements: str
    begin:
      description: Begin of the period.
      type: str
    end:
      description: End of the period.
      type: str
    policy:
      description: The DMARC policy that was published. Of DMARC reports only.
      type: dict
    errors:
      description: What the reporter stumbled over. Of DMARC reports only.
      type: list
      elements: str
    records:
      description: Messages by source and result. Of DMARC reports only.
      type: list
      elements: dict
    policies:
      description: Sessions by policy, with their failures. Of TLS reports only.
      type: list
      elements: dict
    feedback:
      description: The complaint. Of abuse reports only.
      type: dict
total:
  description: How many reports are returned.
  returned: success
  type: int
summary:
  description: What the reports say together.
  returned: success
  type: dict
  contains:
    reports:
      description: How many there are.
      type: int
    organizations:
      description: Who reports.
      type: list
      elements: str
    begin:
      description: Begin of the earliest period.
      type: str
    end:
      description: End of the latest period.
      type: str
    passed:
      description: How many messages or sessions passed. Not of complaints.
      type: int
    failed:
      description: How many did not. Not of complaints.
      type: int
    sources:
      description: One row a source and result, the most frequent first.
      type: list
      elements: dict
    lines:
      description: The same for people.
      type: list
      elements: str
      sample: ["192.0.2.1: 2 messages from example.org, passed (DKIM pass, SPF pass), disposition none"]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.selection import REPORTS
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.reports import info

TASK = Task(
    own=REPORTS.merge(
        ArgumentSpec(
            options={
                "newer_than": {"type": "str"},
                "limit": {"type": "int", "default": 100},
            },
        )
    ),
    run=info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

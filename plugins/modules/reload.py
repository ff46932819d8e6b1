#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reload
short_description: Make settings live, or check them
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Makes a Stalwart mail server read its settings anew. Nothing that was stored is live before.
  - It also makes servers up to 0.15 forget which recipients they refused.
  - A reload with any error applies nothing. The server answers success all the same, but the task fails and names the settings.
  - Listeners and stores need a restart of the server instead.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
attributes:
  check_mode:
    support: full
    details:
      - The server only checks its settings, and the task fails where the reload would.
  diff_mode:
    support: none
    details:
      - What becomes live is not told by the server.
  idempotent:
    support: none
    details:
      - Each reload is a change, since a server does not tell whether something is waiting for one. With O(validate_only) nothing changes.
options:
  part:
    description:
      - What to reload. The parts are quicker, and errors elsewhere do not hinder them.
      - V(lookup) are the lookup lists, V(certificate) the TLS certificates, V(blocked_ip) the blocked addresses (not networks).
    type: str
    choices: [all, lookup, certificate, blocked_ip]
    default: all
  validate_only:
    description:
      - Only lets the server check its settings. The task fails when there are errors and changes nothing.
    type: bool
    default: false
notes:
  - Servers since 0.16 check settings by reloading only, so there O(validate_only) is refused, and check mode predicts a reload with a warning.
seealso:
  - module: stalwart.mail.settings
"""

EXAMPLES = r"""
- name: Make all changes of this play live
  stalwart.mail.reload:

- name: Find out whether a reload would work
  stalwart.mail.reload:
    validate_only: true

- name: Take up renewed certificates
  stalwart.mail.reload:
    part: certificate
"""

RETURN = r"""
reloaded:
  description: Whether the server was reloaded.
  returned: success
  type: bool
setting_errors:
  description: What is wrong with the settings, by key.
  returned: success, and when errors made the task fail
  type: dict
  sample: {"session.timeout": "parse: Invalid variable or constant"}
setting_warnings:
  description: What the server warns of, by key.
  returned: success, and when errors made the task fail
  type: dict
operations:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample: [{"resource": "reload", "name": "all", "action": "reload", "fields": []}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.reload import manage

TASK = Task(
    own=ArgumentSpec(
        options={
            "part": {"type": "str", "choices": ["all", "lookup", "certificate", "blocked_ip"], "default": "all"},
            "validate_only": {"type": "bool", "default": False},
        },
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: settings_info
short_description: Read settings of a server
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Reads settings of a Stalwart mail server as they are stored, by key and by prefix. With neither, all of them are read.
  - What is stored is live only after a reload without errors.
  - Since 0.16 keys begin with the name of a type, followed for all but singletons by the name of an object, like C(Http.enableHsts) and C(MtaRoute.relay.port).
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.reads
options:
  keys:
    description: Whole keys to read. Those that are not set are not returned.
    type: list
    elements: str
  prefixes:
    description:
      - Prefixes of which everything is read. They end at a dot, so V(queue.test) does not bring C(queue.test2).
    type: list
    elements: str
  group_by:
    description:
      - Returns O(prefixes) also as records, one for each id below a prefix that has this key, for instance V(type) for C(queue.route).
      - Since 0.16 the prefixes are types, and the key is a property, for instance V(@type) for C(MtaRoute).
    type: str
  include_secrets:
    description:
      - Returns passwords, private keys and the like in clear instead of as V(<hidden>).
      - Use it together with C(no_log) on the task, since results are shown and logged.
      - Servers since 0.16 return no secrets, so there it is refused.
    type: bool
    default: false
seealso:
  - module: stalwart.mail.settings
"""

EXAMPLES = r"""
- name: Read how mail is queued
  stalwart.mail.settings_info:
    prefixes: [queue.route, queue.schedule]
  register: queueing

- name: Show the routes
  ansible.builtin.debug:
    var: queueing.nested.queue.route

- name: Read the routes as records
  stalwart.mail.settings_info:
    prefixes: [queue.route]
    group_by: type
  register: routes

- name: Read two settings
  stalwart.mail.settings_info:
    keys: [server.hostname, report.domain]

- name: Read the credentials of a relay to use them elsewhere
  stalwart.mail.settings_info:
    prefixes: [queue.route.relay.auth]
    include_secrets: true
  register: relay
  no_log: true
"""

RETURN = r"""
settings:
  description: The settings by their whole keys, with the texts that the server stores. Secrets are masked.
  returned: success
  type: dict
  sample: {"queue.limiter.inbound.sender.key.0": "sender_domain", "queue.limiter.inbound.sender.rate": "25/1h"}
nested:
  description: The same as nested dictionaries with lists as lists, in the form that M(stalwart.mail.settings) takes.
  returned: success
  type: dict
  sample: {"queue": {"limiter": {"inbound": {"sender": {"key": ["sender_domain"], "rate": "25/1h"}}}}}
groups:
  description: The records, in the order of the server. Secrets are masked.
  returned: with O(group_by)
  type: list
  elements: dict
  contains:
    prefix:
      description: The prefix.
      type: str
    id:
      description: The id of the record.
      type: str
    settings:
      description: Its settings, without prefix and id.
      type: dict
  sample: [{"prefix": "queue.route", "id": "mx", "settings": {"type": "mx", "limits.mx": "5"}}]
local_keys:
  description: Those of the keys that the server keeps in its own file C(config.toml).
  returned: success
  type: list
  elements: str
  sample: [server.hostname]
total:
  description: How many keys were found.
  returned: success
  type: int
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.settings.task import info

TASK = Task(
    own=ArgumentSpec(
        options={
            "keys": {"type": "list", "elements": "str", "no_log": False},
            "prefixes": {"type": "list", "elements": "str"},
            "group_by": {"type": "str"},
            "include_secrets": {"type": "bool", "default": False, "no_log": False},
        },
    ),
    run=info,
    writes=False,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

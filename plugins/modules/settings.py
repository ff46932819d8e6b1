#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: settings
short_description: Manage settings of a server
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Writes and removes settings of a Stalwart mail server and makes them live.
  - Servers up to 0.15 have settings with free keys. Since 0.16 settings are properties of singletons (C(Http.enableHsts)) and of configuration objects by
    their names (C(MtaRoute.relay.port)), with the types and properties that M(stalwart.mail.object_info) describes. Values are written as
    M(stalwart.mail.object) takes them. An old key fails with a sentence that tells its new place; the guide to settings since 0.16 has a table of them.
  - A server stores whatever it is given, and a reload with a single error anywhere applies nothing. So the server is asked to check
    its settings before and after the write. A write that brings an error is put back, and the task fails.
  - Some settings are local. The server keeps them in its own file C(config.toml), by default those below C(server), C(store), C(directory),
    C(tracer), C(certificate) and C(cluster), among others. A write through the API makes it rewrite that file without its comments,
    so it is refused unless O(local_keys) says otherwise. Since 0.16 there are none.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
attributes:
  check_mode:
    details:
      - Which errors the new values bring can't be told without writing them.
options:
  state:
    description:
      - V(present) sets O(settings) and leaves all others alone.
      - V(exact) also removes what else is below O(prefix).
      - V(absent) removes O(keys), and all that is below O(prefixes). With neither of them it removes all that is below O(prefix).
      - Since 0.16 a property that is removed has its default again. V(exact) is for a whole singleton, object or type. Objects of a type that are not
        named are removed, and properties of a singleton that are not named are put back to their defaults.
    type: str
    choices: [present, exact, absent]
    default: present
  settings:
    description:
      - A dictionary of settings. It may be nested, and its keys may have dots, so that C(session.timeout) and C(timeout) within C(session) are the same.
      - Values are texts, numbers, booleans, lists and dictionaries. The server stores texts only, so V(true) becomes V("true") and V(5) becomes V("5").
      - A list is the exact list. It is compared by its elements, whether the server numbers them C(.0) or C(.0000). Elements may be
        dictionaries, as the conditions of an expression are. An empty list removes all elements.
      - A text takes the place of a list of the same name, and a list that of a text.
      - Since 0.16 values have the types that the server's schema says. A secret is written only when there is none yet; use M(stalwart.mail.object) with
        C(update_secrets) to replace it.
      - The option is kept out of logs. Values of keys that hold secrets by their name are never returned.
    type: dict
  prefix:
    description:
      - What all keys are below. It is put before those of O(settings), O(keys) and O(prefixes).
      - With O(state=exact) it is needed. What the server or another module of this collection keeps for itself is refused,
        namely C(signature), C(server.blocked-ip), C(server.allowed-ip), C(spam-filter), C(lookup) and C(version), and what they are below.
    type: str
  keys:
    description:
      - Settings that O(state=absent) removes. The name of a list removes all its elements.
    type: list
    elements: str
  prefixes:
    description:
      - Prefixes of which O(state=absent) removes everything. They end at a dot, so V(queue.test) does not take C(queue.test2).
    type: list
    elements: str
  local_keys:
    description:
      - What to do when local settings would change. V(refuse) fails, V(warn) writes them with a warning, V(allow) just writes them.
    type: str
    choices: [refuse, warn, allow]
    default: refuse
  reload:
    description:
      - With V(auto) the task ends with a reload of the server when something changed.
      - With V(never) the settings are only stored and checked. Make them live at the end of the play with M(stalwart.mail.reload).
    type: str
    choices: [auto, never]
    default: auto
  ignore_existing_errors:
    description:
      - Errors that the settings had before and that the task does not repair make it fail before it writes.
        With V(true) the settings are stored all the same, with a warning that they are not live.
      - Since 0.16 it has no effect. Errors are told by the reload only. Those of other objects give a warning, and what is written is not live.
    type: bool
    default: false
  rollback:
    description:
      - Whether a write that the server finds errors in is put back. Old values are restored and new keys removed.
    type: bool
    default: true
  other_generation:
    description:
      - What to do with O(settings) that only servers of the other generation have. These are keys of servers up to 0.15, which begin with a small letter,
        and properties of objects since 0.16, which begin with a type and so with a capital one.
      - V(refuse) fails. V(leave_out) applies what this server has, so that the same variables serve both, and tells the others as RV(left_out).
      - V(leave_out) goes with O(settings) without O(prefix) only.
    type: str
    choices: [refuse, leave_out]
    default: refuse
seealso:
  - module: stalwart.mail.settings_info
  - module: stalwart.mail.object
  - module: stalwart.mail.reload
  - module: stalwart.mail.ip_list
"""

EXAMPLES = r"""
- name: Limits for what clients may send
  stalwart.mail.settings:
    settings:
      session:
        timeout: 5m
        data:
          limits:
            size: 104857600
            messages: 20
        extensions:
          chunking: true

- name: An expression with conditions
  stalwart.mail.settings:
    settings:
      session.ehlo.require:
        - if: local_port = 25
          then: true
        - else: false

- name: These inbound limits and no others
  stalwart.mail.settings:
    state: exact
    prefix: queue.limiter.inbound
    settings:
      sender:
        enable: true
        key: [sender_domain, rcpt]
        rate: 25/1h

- name: Back to the default of one setting, and without a whole queue
  stalwart.mail.settings:
    state: absent
    keys: [session.timeout]
    prefixes: [queue.virtual.slow]

- name: Settings of a server since 0.16
  stalwart.mail.settings:
    settings:
      Http:
        enableHsts: true
        rateLimitAuthenticated: 2000/1m
      MtaStageData.maxMessageSize: 52428800
      MtaVirtualQueue:
        slow:
          threadsPerNode: 5
      MtaDeliverySchedule:
        slow:
          queueId: slow
          expiry: {"@type": Ttl, expire: 3d}

- name: The same on servers of both generations
  stalwart.mail.settings:
    settings:
      sieve.untrusted.limits.redirects: 5
      SieveUserInterpreter.maxRedirects: 5
    other_generation: leave_out

- name: Several changes, made live at once
  block:
    - name: The name that the server reports under
      stalwart.mail.settings:
        settings: {report.submitter: "'mx.example.org'"}
        reload: never
    - name: Make all changes live
      stalwart.mail.reload:
"""

RETURN = r"""
settings:
  description:
    - The settings named by the task as the server has them after it, by their whole keys. With O(state=exact) all below the prefix.
    - Secrets are masked.
  returned: success
  type: dict
  sample: {"session.timeout": "5m", "session.extensions.chunking": "true"}
reloaded:
  description: Whether the server was reloaded.
  returned: success
  type: bool
stored_only:
  description: Whether something was written that is not live, because no reload was wanted, other settings have errors, or a restart is needed.
  returned: success
  type: bool
setting_errors:
  description: Errors that keep the server from a reload, by key.
  returned: success, and when errors made the task fail
  type: dict
  sample: {"session.timeout": "parse: Invalid variable or constant"}
setting_warnings:
  description: Warnings of the server, by key.
  returned: success
  type: dict
left_out:
  description: Settings that only servers of the other generation have, by key, with what is to say about each (O(other_generation=leave_out)).
  returned: success
  type: dict
  sample: {"sieve.untrusted.limits.redirects": "servers up to 0.15 have it; since then it is SieveUserInterpreter.maxRedirects"}
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "setting", "name": "session.timeout", "action": "update", "fields": ["value"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.settings.task import manage, secret_values

TASK = Task(
    own=ArgumentSpec(
        options={
            "state": {"type": "str", "choices": ["present", "exact", "absent"], "default": "present"},
            "settings": {"type": "dict", "no_log": True},
            "prefix": {"type": "str"},
            "keys": {"type": "list", "elements": "str", "no_log": False},
            "prefixes": {"type": "list", "elements": "str"},
            "local_keys": {"type": "str", "choices": ["refuse", "warn", "allow"], "default": "refuse", "no_log": False},
            "reload": {"type": "str", "choices": ["auto", "never"], "default": "auto"},
            "ignore_existing_errors": {"type": "bool", "default": False},
            "rollback": {"type": "bool", "default": True},
            "other_generation": {"type": "str", "choices": ["refuse", "leave_out"], "default": "refuse"},
        },
        required_if=[["state", "present", ["settings"]], ["state", "exact", ["settings", "prefix"]], ["state", "absent", ["keys", "prefixes", "prefix"], True]],
    ),
    run=manage,
    secrets_in={"settings": secret_values},
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

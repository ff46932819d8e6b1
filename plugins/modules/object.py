#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: object
short_description: Manage any object of a server since 0.16
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Creates, changes and removes an object of any type that a Stalwart mail server since 0.16 knows, for instance a listener, a route, a web hook, a
    directory, a Sieve script or one of the 58 singletons that hold its settings.
  - The server publishes a schema of its types. Everything is checked against it before anything is written, and compared with what is there, so that a
    task reports a change only where there is one. M(stalwart.mail.object_info) lists the types and describes each.
  - Servers up to 0.15 have no such objects. For domains, accounts and keys use M(stalwart.mail.principal) and M(stalwart.mail.dkim), which serve both.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
attributes:
  check_mode:
    details:
      - What the server finds wrong only when it reloads can't be told without writing it.
options:
  type:
    description: The type of the object, as the server names it, like V(MtaRoute) or V(Http).
    type: str
    required: true
  state:
    description:
      - V(present) makes the object as O(properties) say, and leaves those alone that are not named.
      - V(absent) removes it. A singleton can't be removed; set its properties to null instead.
    type: str
    choices: [present, absent]
    default: present
  match:
    description:
      - What the object is found by. All values must be equal. Without it the properties are used by which people know objects of the type, like
        C(name) or C(description). M(stalwart.mail.object_info) tells them as C(found_by).
      - Needed to change those properties themselves. A new object gets these values too.
      - It is an error when several objects match.
    type: dict
  id:
    description: The id of an object that is there already, instead of O(match).
    type: str
  properties:
    description:
      - The properties as the server names them. Those that are not named stay as they are, and of a new object have their defaults.
      - Lists and sets are written as lists, and are exact. A set also takes a dictionary with C(add) and C(remove), two lists. The elements of a
        list of objects are dictionaries, whose missing properties have their defaults.
      - A dictionary within changes only what it names. Null empties a property that may be empty, puts any other back to its default, and removes a key of
        a map.
      - An object that comes in variants has C(@type). A variant that has nothing else to say may be written as its name, and a secret as its text.
      - Durations are written like V(30s) or V(1h30m), sizes in bytes or like V(10M), rates like V(100/1m), and points in time like V(2027-01-31T00:00:00Z).
      - An expression is text, or a list of C({if, then}) with C({else}) at its end.
      - Another object is referred to by its name, like V(example.org) for C(domainId), or by its id.
      - The option is kept out of logs.
    type: dict
  account:
    description: Whose object it is, by address, for types whose objects belong to an account, like V(ApiKey). By default the login's own.
    type: str
  update_secrets:
    description:
      - No server of this generation returns secrets, so they can't be compared. With V(on_create) a secret is written when it is not there yet, with
        V(always) each run writes it and reports a change.
      - The key of a V(Certificate) is written whenever its certificate changes.
    type: str
    choices: [on_create, always]
    default: on_create
  reload:
    description:
      - With V(auto) the task ends with the reload that the type needs, if something changed.
      - With V(never) the change is only stored. Make it live at the end of the play with M(stalwart.mail.reload).
    type: str
    choices: [auto, never]
    default: auto
  rollback:
    description: Whether a write that the server finds errors in when it reloads is put back.
    type: bool
    default: true
seealso:
  - module: stalwart.mail.object_info
  - module: stalwart.mail.settings
  - module: stalwart.mail.reload
"""

EXAMPLES = r"""
- name: Mail for other servers goes through a relay
  stalwart.mail.object:
    type: MtaRoute
    properties:
      "@type": Relay
      name: relay
      address: relay.example.org
      port: 465
      implicitTls: true
      authUsername: mx.example.org
      authSecret: "{{ relay_password }}"

- name: Settings of the web server
  stalwart.mail.object:
    type: Http
    properties:
      rateLimitAuthenticated: 2000/1m
      enableHsts: true

- name: A web hook for failed logins
  stalwart.mail.object:
    type: WebHook
    properties:
      url: https://monitor.example.org/hook
      events: [auth.failed]
      eventsPolicy: include
      timeout: 10s

- name: One more event for it
  stalwart.mail.object:
    type: WebHook
    properties:
      url: https://monitor.example.org/hook
      events:
        add: [auth.too-many-attempts]

- name: Keep large messages out, but not those of our own people
  stalwart.mail.object:
    type: MtaStageData
    properties:
      maxMessageSize:
        - if: "!is_empty(authenticated_as)"
          then: 104857600
        - else: 26214400

- name: A directory under another name
  stalwart.mail.object:
    type: Directory
    match: {description: LDAP}
    properties:
      description: Staff

- name: A certificate and its key
  stalwart.mail.object:
    type: Certificate
    properties:
      certificate: "{{ lookup('ansible.builtin.file', 'mx.example.org.pem') }}"
      privateKey: "{{ lookup('ansible.builtin.file', 'mx.example.org.key') }}"

- name: A key for a program
  stalwart.mail.object:
    type: ApiKey
    account: robot@example.org
    properties:
      description: monitoring
      expiresAt: "2030-01-01T00:00:00Z"
  register: key
  no_log: true

- name: No such route any more
  stalwart.mail.object:
    type: MtaRoute
    state: absent
    match: {name: relay}
"""

RETURN = r"""
object:
  description: The object as it is after the task, or in check mode would be. Empty when it is gone. Secrets are masked.
  returned: success
  type: dict
  contains:
    type:
      description: Its type.
      type: str
    id:
      description: Its id; in check mode empty for one that would be new.
      type: str
    name:
      description: What it is known by.
      type: str
    properties:
      description: What can be written, in the form that O(properties) takes.
      type: dict
    computed:
      description: What the server sets by itself.
      type: dict
  sample:
    type: MtaDeliverySchedule
    id: jp092t7yaiqa
    name: slow
    properties: {name: slow, queueId: default}
    computed: {}
generated:
  description: Secrets that the server made for a new object, by property. They are told this once, so keep them and set C(no_log) on the task.
  returned: success
  type: dict
secrets_not_compared:
  description: Where secrets were given that are on the server already and were not compared (O(update_secrets=on_create)).
  returned: success
  type: list
  elements: str
  sample: [properties.authSecret.secret]
reloaded:
  description: Whether the server was reloaded.
  returned: success
  type: bool
stored_only:
  description: Whether something was written that is not live, because no reload was wanted, other objects have errors, or a restart is needed.
  returned: success
  type: bool
setting_errors:
  description: Errors that keep the server from a reload, by object.
  returned: success, and when errors made the task fail
  type: dict
  sample: {"Directory Staff": "Environment variable 'LDAP_PW' not found"}
operations:
  description: What was done, or in check mode would be.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "MtaRoute", "name": "relay", "action": "update", "fields": ["port"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.objects.task import manage, secret_values

TASK = Task(
    own=ArgumentSpec(
        options={
            "type": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "match": {"type": "dict"},
            "id": {"type": "str"},
            "properties": {"type": "dict", "no_log": True},
            "account": {"type": "str"},
            "update_secrets": {"type": "str", "choices": ["on_create", "always"], "default": "on_create", "no_log": False},
            "reload": {"type": "str", "choices": ["auto", "never"], "default": "auto"},
            "rollback": {"type": "bool", "default": True},
        },
        required_if=[["state", "present", ["properties"]], ["state", "absent", ["match", "id", "properties"], True]],
        mutually_exclusive=[["match", "id"]],
    ),
    run=manage,
    secrets_in={"properties": secret_values},
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: principal
short_description: Manage one domain, account, group, mailing list, role or key
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Creates, changes, renames and deletes a principal of a Stalwart mail server. Everything that has a name there is one,
    namely accounts, groups, mailing lists, domains, roles, tenants, API keys and OAuth clients.
  - Options that are left out are not touched.
  - A list option is the exact list, or a dictionary with C(add) and C(remove) that edits the present one.
    An empty list or text empties the field.
  - A task that would lose mail is refused before anything is written, unless the option that names the danger is set.
  - A task that would delete, rename or lock the account or key that it logs in with, or take its role of an administrator, is refused, too.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
attributes:
  check_mode:
    details:
      - A domain, group or role that is named and not there is a warning, since an earlier task of the play may be the one that creates it.
  idempotent:
    support: partial
    details:
      - With O(update_password=always) the password is written each time.
options:
  state:
    description: Whether the principal shall exist.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - The name of the principal. For a domain that is the domain itself, for an account what its owner logs in with.
      - All principals of a server share one name space. Names are stored in lower case.
      - Servers since 0.16 name accounts, groups and lists by their primary address, and so do the results there. A name without a domain is taken
        for the address in O(emails) that begins so, else for an existing one that begins so (that of the default domain, where there are several),
        else for one in the domain of the first address or in the default domain. So O(name=jane) with O(emails=[jane@example.org]) is the same
        principal on all servers. The own address is always among the addresses there.
      - An API key of a server since 0.16 belongs to an account. C(jane/backup), or C(jane@example.org/backup), is her key C(backup); a name without an
        owner is a key of the login's own account. On servers up to 0.15 keys belong to nobody, and that is a name like any other.
    type: str
    required: true
  type:
    description:
      - What the principal is. It can't be changed later.
      - Servers since 0.16 have no principals of type V(resource) and V(location). Texts for people that they have no place for, such as the description
        of a role, are left out there, with a warning.
      - On a server since 0.16 a new domain manages nothing by itself. Its keys, records and certificates are those that tasks make, as on servers before.
      - If it is left out, an existing principal of any type is meant, and a new one becomes an V(individual).
      - V(tenant) needs the paid edition of the server.
    type: str
    choices: [individual, group, list, domain, role, tenant, api_key, oauth_client, resource, location]
  new_name:
    description:
      - Renames the principal. Where only this name exists already, nothing is to do.
        Where neither exists, the principal is created under this one.
      - The name of a domain in use is not changed, since the addresses in it would stay as they are and bounce.
    type: str
  description:
    description: A text for people, such as the full name.
    type: str
  quota:
    description:
      - How much an account, a group or a tenant may store, in bytes or as in V(10G). V(0) or an empty text removes the limit.
    type: raw
  emails:
    description:
      - The addresses. The first one is the primary address.
      - V(@example.org) makes an account the catch-all of a domain.
      - On servers since 0.16 the first one is the name; another one becomes the first by O(new_name).
    type: raw
  urls:
    description: URLs, for instance those that an OAuth client may redirect to.
    type: raw
  picture:
    description: The URL of a picture.
    type: str
  locale:
    description: The language, as in V(de_DE).
    type: str
  member_of:
    description: The groups that the account or group belongs to. On servers since 0.16 a group belongs to none.
    type: raw
  lists:
    description: The mailing lists that the account or group receives.
    type: raw
  roles:
    description:
      - The roles of the account, key, tenant or role.
      - A new account without this option gets the role V(user), since it could not log in or receive mail without one.
      - Those of an API key are fixed when it is created.
      - A login can give only roles of which it has all permissions itself.
    type: raw
  members:
    description: The principals that belong to the group, receive the list or have the role.
    type: raw
  external_members:
    description: Addresses on other servers that receive the list.
    type: raw
  enabled_permissions:
    description:
      - Permissions given beside those of the roles.
      - On servers since 0.16 their names are those of its API with hyphens (V(sys-domain-get) is C(sysDomainGet)). The names of servers before are
        understood there too, and are told as what they mean; V(domain-list) is V(sys-domain-query) and V(sys-domain-get).
      - A new group without this option gets V(email-receive) and V(email-send), since its mail would bounce without them.
    type: raw
  disabled_permissions:
    description: Permissions taken away, whatever the roles give.
    type: raw
  tenant:
    description: The tenant that the principal belongs to (paid edition).
    type: str
  password:
    description:
      - The password in clear. It is hashed before it is sent.
      - For an API key or OAuth client this is its secret. A new API key without one gets one that is made for it; see RV(secret).
        Servers since 0.16 always make the secrets of API keys themselves, and take none.
    type: str
  password_hash:
    description:
      - The password as a hash that the server knows, for instance one of sha512-crypt, bcrypt or argon2.
      - That of a new API key is left out with a warning by servers since 0.16, which make the secret.
    type: str
  update_password:
    description:
      - V(when_different) verifies O(password) against the stored hash and writes only when it does not fit.
        Servers since 0.16 tell no hashes. There it sets a password only where there is none, as V(on_create), and warns of that.
      - V(on_create) sets it for new principals only.
      - V(always) writes it each time.
    type: str
    choices: [when_different, on_create, always]
    default: when_different
  app_passwords:
    description:
      - App passwords of an account, by name. Those that are not named are left alone, unless O(app_passwords_exact=true).
      - Servers since 0.16 make app passwords themselves, so that only those that are there already can be named, or removed. Others are left out
        there with a warning; see M(stalwart.mail.account_auth) for making one.
    type: list
    elements: dict
    suboptions:
      state:
        description: Whether there shall be an app password of this name.
        type: str
        choices: [present, absent]
        default: present
      name:
        description: The name, as the owner of the account sees it.
        type: str
        required: true
      password:
        description: The app password in clear. It is hashed before it is sent.
        type: str
      password_hash:
        description: The app password as a hash that the server knows.
        type: str
  app_passwords_exact:
    description: Whether app passwords that O(app_passwords) does not name are removed.
    type: bool
    default: false
  otp_url:
    description:
      - The C(otpauth://) URL of the second factor. An empty text switches it off.
    type: str
  enabled:
    description:
      - V(false) locks an account, so that it can neither log in nor send. Its mail is still received.
      - V(true) gives back exactly what was taken.
    type: bool
  receive:
    description: Whether an account that O(enabled=false) locks goes on receiving mail.
    type: bool
  deploy:
    description:
      - Creates the principal beside an external directory (LDAP, SQL, OIDC), where the server would refuse it.
    type: bool
    default: false
  delete_mail:
    description: Whether O(state=absent) may delete an account or group that holds mail, which is then destroyed.
    type: bool
    default: false
  delete_in_use:
    description:
      - Whether O(state=absent) may delete a domain in which there still are addresses or DKIM keys.
      - Servers since 0.16 delete nothing in use, this option or not. A domain in which there are addresses, a role that somebody has and a tenant to
        which something belongs are refused before anything is written, in check mode too; the DKIM keys of a domain go with it.
    type: bool
    default: false
  reload:
    description:
      - With V(auto) the task ends with a reload of the server when it changed a domain, a name or an address,
        since servers up to 0.15 go on refusing recipients that they refused once.
      - With V(never) it does not; reload at the end of the play with M(stalwart.mail.reload).
    type: str
    choices: [auto, never]
    default: auto
seealso:
  - module: stalwart.mail.principal_info
  - module: stalwart.mail.reload
"""

EXAMPLES = r"""
- name: A domain
  stalwart.mail.principal:
    name: example.org
    type: domain
    description: Our main domain

- name: An account with an alias
  stalwart.mail.principal:
    name: alice
    description: Alice Liddell
    emails: [alice@example.org, liddell@example.org]
    quota: 10G
    password: "{{ alice_password }}"

- name: A group, and alice in it
  stalwart.mail.principal:
    name: sales
    type: group
    emails: [sales@example.org]
    members:
      add: [alice]

- name: A mailing list that also reaches people elsewhere
  stalwart.mail.principal:
    name: news
    type: list
    emails: [news@example.org]
    members: [alice]
    external_members: [partner@example.net]

- name: An API key that may only read domains
  stalwart.mail.principal:
    name: alice/monitoring
    type: api_key
    enabled_permissions: [authenticate, domain-list, domain-get]
  register: monitoring

- name: Keep what it logs in with, which is told only now
  ansible.builtin.copy:
    content: "{{ monitoring.secret }}"
    dest: /root/monitoring.key
    mode: "0600"
  diff: false
  no_log: true
  when: monitoring.secret is defined

- name: Alice is away for good, her mail is kept
  stalwart.mail.principal:
    name: alice
    enabled: false
"""

RETURN = r"""
principal:
  description: The principal as it is after the task, or in check mode would be. Secrets are never returned.
  returned: success
  type: dict
  sample:
    name: alice
    type: individual
    emails: [alice@example.org]
    roles: [user]
    has_password: true
secret:
  description:
    - What one logs in with by a new API key (O(login_token)), where no password was given for it. It is told only by the task that creates the key.
      In check mode it is V(<generated>).
  returned: when one was made
  type: str
reloaded:
  description: Whether the server was reloaded.
  returned: success
  type: bool
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "principal", "name": "alice", "action": "update", "fields": ["emails"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.task import manage
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import PRINCIPAL_TYPES

TASK = Task(
    own=ArgumentSpec(
        options={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "type": {
                "type": "str",
                "choices": list(PRINCIPAL_TYPES),
            },
            "new_name": {"type": "str"},
            "description": {"type": "str"},
            "quota": {"type": "raw"},
            "emails": {"type": "raw"},
            "urls": {"type": "raw"},
            "picture": {"type": "str"},
            "locale": {"type": "str"},
            "member_of": {"type": "raw"},
            "lists": {"type": "raw"},
            "roles": {"type": "raw"},
            "members": {"type": "raw"},
            "external_members": {"type": "raw"},
            "enabled_permissions": {"type": "raw"},
            "disabled_permissions": {"type": "raw"},
            "tenant": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "password_hash": {"type": "str", "no_log": True},
            "update_password": {"type": "str", "choices": ["when_different", "on_create", "always"], "default": "when_different", "no_log": False},
            "app_passwords": {
                "type": "list",
                "elements": "dict",
                "no_log": False,
                "options": {
                    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                    "name": {"type": "str", "required": True},
                    "password": {"type": "str", "no_log": True},
                    "password_hash": {"type": "str", "no_log": True},
                },
            },
            "app_passwords_exact": {"type": "bool", "default": False, "no_log": False},
            "otp_url": {"type": "str", "no_log": True},
            "enabled": {"type": "bool"},
            "receive": {"type": "bool"},
            "deploy": {"type": "bool", "default": False},
            "delete_mail": {"type": "bool", "default": False},
            "delete_in_use": {"type": "bool", "default": False},
            "reload": {"type": "str", "choices": ["auto", "never"], "default": "auto"},
        },
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: account_auth
short_description: Change the password, app passwords and one-time codes of the account that logs in
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Acts as an account of a Stalwart mail server. O(login_user) and O(login_password) are those of the account itself, not of an administrator.
    An administrator uses M(stalwart.mail.principal).
  - A new password keeps the app passwords and the one-time codes of the account. The server by itself would drop them from 0.14 on.
  - Secrets can't be read by their owner, so this module tells by a login whether O(new_password) is set already.
  - Nothing secret is returned but what was generated, once, as RV(generated).
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
attributes:
  idempotent:
    support: partial
    details:
      - All but C(replace) of an app password and O(update_password=always), which set a secret anew each time.
options:
  new_password:
    description:
      - The password that the account shall have. It is hashed before it is sent.
      - The server takes it from a login with O(login_user) and O(login_password) only, not from O(login_token).
    type: str
  update_password:
    description:
      - With V(when_different) a login with O(new_password) is tried first. When it is accepted, the password is not changed, and
        O(login_password) may be the former one. A refused one counts with the server, which bans an address after a burst of wrong
        logins, by default a hundred a day.
      - With V(always) it is set each time, and no login is tried with it before.
    type: str
    choices: [when_different, always]
    default: when_different
  app_passwords:
    description:
      - App passwords, each for one program, by name. They log in without a one-time code.
      - Those that are not named stay as they are, unless O(app_passwords_exact) is set.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - What it is called, without a dollar sign. Of app passwords made in the web interface it is the name shown there.
        type: str
        required: true
      state:
        description:
          - Whether there shall be one. One that is there stays as it is, whatever its password, unless O(app_passwords[].replace) is set.
        type: str
        choices: [present, absent]
        default: present
      password:
        description:
          - The password. It is hashed before it is sent.
          - If it is left out, one is made and returned as RV(generated.app_passwords).
        type: str
      replace:
        description:
          - Whether an app password of this name is replaced.
        type: bool
        default: false
  app_passwords_exact:
    description:
      - Whether all app passwords that are not in O(app_passwords) are removed.
    type: bool
    default: false
  otp:
    description:
      - Whether the account asks for a one-time code (TOTP) beside its password.
      - With V(true), and if there is none, O(otp_url) is set. Without that a new one is made and returned as RV(generated.otp_url).
      - A change needs a login with O(login_user) and O(login_password).
    type: bool
  otp_url:
    description:
      - The C(otpauth://totp/) URL of the account's one-time codes, as authenticator apps take it. It is set where there is none, or another.
        With V("") they are switched off.
      - Its secret must be upper-case base32 of 128 bits or more. A server stores any URL, and can't log the account in with others.
      - While one-time codes are on, this module logs in by them with O(login_password) and the code of the moment.
    type: str
notes:
  - If one-time codes are on and O(otp_url) is not given, O(login_password) must be C(PASSWORD$CODE) with the code of the moment, or an app password.
  - The account needs the permission C(manage-passwords), which the role V(user) gives.
  - The fallback administrator of the server's settings has a password only. Its new one is live after a reload, which this module does.
  - Servers since 0.16 make app passwords themselves, so one that is given is refused, and change a password or one-time codes only for a login with
    the present password. They take one-time codes by OAuth, which this module does where O(login_password) is V(PASSWORD$CODE) or O(otp_url) is
    given.
seealso:
  - module: stalwart.mail.account_auth_info
  - module: stalwart.mail.principal
"""

EXAMPLES = r"""
- name: A new password
  stalwart.mail.account_auth:
    login_user: alice
    login_password: "{{ old_password }}"
    new_password: "{{ password }}"

- name: An app password for a phone, made by us
  stalwart.mail.account_auth:
    login_user: alice
    login_password: "{{ password }}"
    app_passwords:
      - name: phone
  register: made

- name: Keep it where the owner finds it
  ansible.builtin.copy:
    content: "{{ made.generated.app_passwords.phone }}"
    dest: /root/phone-password
    mode: "0600"
  when: made is changed

- name: One-time codes from a known URL
  stalwart.mail.account_auth:
    login_user: alice
    login_password: "{{ password }}"
    otp_url: "{{ otp_url }}"

- name: No app passwords any more
  stalwart.mail.account_auth:
    login_user: alice
    login_password: "{{ password }}"
    otp_url: "{{ otp_url }}"
    app_passwords: []
    app_passwords_exact: true
"""

RETURN = r"""
account:
  description: How the account logs in after the task, or in check mode would.
  returned: success
  type: dict
  contains:
    name:
      description: The name that logged in. Null for a token.
      type: str
      sample: alice
    otp_enabled:
      description: Whether it asks for a one-time code beside the password.
      type: bool
    app_passwords:
      description: Names of its app passwords.
      type: list
      elements: str
      sample: [phone]
generated:
  description:
    - What was made because no value was given, and can't be read again. Empty when nothing was.
    - In check mode each value is V(<generated>).
    - A task that failed since the connection broke returns it too, since the server may have taken it all the same.
  returned: success, and when it may have been taken
  type: dict
  contains:
    app_passwords:
      description: App passwords by their names.
      type: dict
      sample: {"phone": "k3d7m-x9qwe-ab2cd-h4jkn-p5rst"}
    otp_url:
      description: The URL for an authenticator app.
      type: str
      sample: otpauth://totp/Stalwart:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Stalwart
operations:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample: [{"resource": "account", "name": "alice", "action": "update", "fields": ["password"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.account_auth import manage

TASK = Task(
    own=ArgumentSpec(
        options={
            "new_password": {"type": "str", "no_log": True},
            "update_password": {"type": "str", "choices": ["when_different", "always"], "default": "when_different", "no_log": False},
            "app_passwords": {
                "type": "list",
                "elements": "dict",
                "no_log": False,
                "options": {
                    "name": {"type": "str", "required": True},
                    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                    "password": {"type": "str", "no_log": True},
                    "replace": {"type": "bool", "default": False},
                },
            },
            "app_passwords_exact": {"type": "bool", "default": False, "no_log": False},
            "otp": {"type": "bool"},
            "otp_url": {"type": "str", "no_log": True},
        },
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: oauth_token
short_description: Make an OAuth code or token for another program
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Makes an authorization code, or exchanges it for a token at once, so that another program can act as the account that logs in. Or lets a device
    in that shows a code, or makes a token for a live stream.
  - What is made is returned once, as RV(generated), and is as good as the account's password while it holds. Use C(no_log) where others read the output.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
attributes:
  idempotent:
    support: none
    details:
      - Each run makes another one.
options:
  grant:
    description:
      - V(token) makes an access token and a refresh token. By default they hold for an hour and for thirty days.
      - V(code) makes an authorization code, which the program exchanges at C(/auth/token) within ten minutes.
      - V(device) lets the device in that waits with O(user_code).
      - V(delivery_test), V(live_metrics) and V(live_traces) make a token with which a program, such as a web page, watches that one stream. It is put
        into the query as C(token), and the stream must be opened within a minute. The last two need the paid edition of the server, and are not measured
        on a paid server.
    type: str
    choices: [token, code, device, delivery_test, live_metrics, live_traces]
    default: token
  client_id:
    description:
      - The name of the program, of up to 20 characters. Only it can exchange the code.
      - Where the server's setting C(oauth.client-registration.require) is on, it must be a principal of type V(oauth_client), or the account needs the
        permission C(oauth-client-override).
    type: str
    default: stalwart.mail
  redirect_uri:
    description:
      - The address that the program gives when it exchanges the code. C(http://) is refused.
    type: str
  nonce:
    description:
      - A value that comes back in the identity token.
    type: str
  user_code:
    description:
      - The code that the device shows. For O(grant=device) only.
    type: str
notes:
  - The account needs the permission C(authenticate-oauth), which the role V(user) gives.
  - A change of the account's password ends refresh tokens, but not access tokens that hold for an hour or less.
  - Servers since 0.16 make codes and tokens for a name and a password only, not for O(login_token).
seealso:
  - module: stalwart.mail.principal
"""

EXAMPLES = r"""
- name: A token for a monitoring program
  stalwart.mail.oauth_token:
    login_user: monitor
    login_password: "{{ password }}"
    client_id: monitoring
  register: made
  no_log: true

- name: Use it
  stalwart.mail.queue_info:
    login_user: null  # where module_defaults give another login
    login_password: null
    login_token: "{{ made.generated.access_token }}"

- name: A token for a page that shows a delivery test
  stalwart.mail.oauth_token:
    grant: delivery_test
  register: stream
  no_log: true

- name: Let the mail program on the television in
  stalwart.mail.oauth_token:
    grant: device
    user_code: FPGA-TXW8
"""

RETURN = r"""
generated:
  description:
    - What was made, and can't be read again. Null with O(grant=device).
    - In check mode each value is V(<generated>).
  returned: success
  type: dict
  contains:
    code:
      description: The authorization code. With O(grant=code) only.
      type: str
    access_token:
      description: For O(login_token), or as a bearer token of any other program. This and the next ones with O(grant=token) only.
      type: str
    token_type:
      description: How it is used.
      type: str
      sample: bearer
    expires_in:
      description: For how many seconds the access token holds.
      type: int
      sample: 3600
    stream_token:
      description: For the stream that O(grant) names. With V(delivery_test), V(live_metrics) and V(live_traces) only.
      type: str
    refresh_token:
      description: Makes further access tokens.
      type: str
    id_token:
      description: The identity token of OpenID Connect.
      type: str
operations:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample: [{"resource": "oauth", "name": "monitor", "action": "create", "fields": ["client_id", "grant"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.oauth_token import manage

TASK = Task(
    own=ArgumentSpec(
        options={
            "grant": {"type": "str", "choices": ["token", "code", "device", "delivery_test", "live_metrics", "live_traces"], "default": "token"},
            "client_id": {"type": "str", "default": "stalwart.mail"},
            "redirect_uri": {"type": "str"},
            "nonce": {"type": "str"},
            "user_code": {"type": "str", "no_log": False},
        },
        required_if=[["grant", "device", ["user_code"]]],
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

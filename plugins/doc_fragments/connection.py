# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options of the connection, as every module has them."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - Where the management API of the server is, for instance C(https://mail.example.org).
      - A path before C(/api) and C(/jmap), as a reverse proxy may add, belongs to it.
      - If it is not given, the environment variable E(STALWART_URL) is used.
    type: str
    required: true
  login_user:
    description:
      - The account to log in with, together with O(login_password).
      - If it is not given, the environment variable E(STALWART_USER) is used.
    type: str
  login_password:
    description:
      - The password of O(login_user).
      - If it is not given, the environment variable E(STALWART_PASSWORD) is used.
    type: str
  login_token:
    description:
      - An API key (up to 0.15 C(api_) and the base64 of C(NAME:SECRET), later what the server made) or an OAuth access token, instead of user and password.
      - Where C(module_defaults) give user and password, set both to null in the task. Those of the environment are not used then.
      - If it is not given, the environment variable E(STALWART_TOKEN) is used.
    type: str
  validate_certs:
    description:
      - Whether the certificate of the server is verified. Set it to V(false) only on a network you trust.
    type: bool
    default: true
  ca_path:
    description:
      - A PEM file with the authorities to trust (or a directory of them) instead of those of the system.
    type: path
  client_cert:
    description:
      - A PEM file with a client certificate, for servers behind a proxy that asks for one.
      - It may hold the key too.
    type: path
  client_key:
    description:
      - A PEM file with the key of O(client_cert).
    type: path
  timeout:
    description:
      - Seconds after which a request is given up.
    type: float
    default: 30.0
  retries:
    description:
      - How often a request is sent again after the server was busy or could not be reached.
      - Only requests that do no harm when they arrive twice are sent again; a refused login never is.
    type: int
    default: 4
  use_proxy:
    description:
      - Whether the proxies of the environment (E(HTTPS_PROXY), E(NO_PROXY), …) are used.
    type: bool
    default: true
  allow_http:
    description:
      - Whether the login may be sent without TLS to a host that is not this machine.
    type: bool
    default: false
  api:
    description:
      - Which generation of the API the server speaks. V(rest) is that of servers 0.13 to 0.15, V(jmap) that of 0.16 and later.
      - V(auto) finds it out by one request a task.
    type: str
    choices: [auto, rest, jmap]
    default: auto
  server_version:
    description:
      - The version of the server, for instance V(0.15.5).
      - It is needed only where a request depends on the version and the login may not ask for it.
    type: str
requirements:
  - python >= 3.10
  - httpx >= 0.27
  - pydantic >= 2.6
  - libpass
notes:
  - The libraries are needed where the task runs. That is the controller, unless the task is sent to another host.
  - All modules of this collection take their connection options once a play from C(module_defaults) of the
    group C(stalwart.mail.stalwart).
"""

    #: For modules that talk to no mail server: everything is taken, nothing is needed.
    UNUSED: str = (
        DOCUMENTATION.replace("    type: str\n    required: true\n", "    type: str\n", 1)
        .replace("  - libpass\n", "  - dnspython >= 2.6\n")
        .replace(
            "notes:\n",
            "notes:\n"
            "  - The module talks to no mail server. It takes the options of the connection, which C(module_defaults) of the group gives to every\n"
            "    module, and of them goes by O(timeout) and O(use_proxy) only.\n",
        )
    )

    #: Where plugins that are no modules find the same options.
    PLUGIN = r"""
options:
  url:
    env:
      - name: STALWART_URL
    vars:
      - name: stalwart_url
  login_user:
    env:
      - name: STALWART_USER
    vars:
      - name: stalwart_login_user
  login_password:
    env:
      - name: STALWART_PASSWORD
    vars:
      - name: stalwart_login_password
  login_token:
    env:
      - name: STALWART_TOKEN
    vars:
      - name: stalwart_login_token
  validate_certs:
    vars:
      - name: stalwart_validate_certs
  ca_path:
    vars:
      - name: stalwart_ca_path
  client_cert:
    vars:
      - name: stalwart_client_cert
  client_key:
    vars:
      - name: stalwart_client_key
  timeout:
    vars:
      - name: stalwart_timeout
  retries:
    vars:
      - name: stalwart_retries
  use_proxy:
    vars:
      - name: stalwart_use_proxy
  allow_http:
    vars:
      - name: stalwart_allow_http
  api:
    vars:
      - name: stalwart_api
  server_version:
    vars:
      - name: stalwart_server_version
"""

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs that carry their conditionals, and the options that every module has."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.module_utils.basic import env_fallback

Option = t.Mapping[str, t.Any]
Group = t.Sequence[str]


@dataclasses.dataclass(frozen=True)
class ArgumentSpec:
    """Options of a module with the conditions between them, in Ansible's own words."""

    options: t.Mapping[str, Option] = dataclasses.field(default_factory=dict)
    mutually_exclusive: t.Sequence[Group] = ()
    required_together: t.Sequence[Group] = ()
    required_one_of: t.Sequence[Group] = ()
    required_if: t.Sequence[t.Sequence[t.Any]] = ()
    required_by: t.Mapping[str, Group] = dataclasses.field(default_factory=dict)

    def merge(self, other: ArgumentSpec) -> ArgumentSpec:
        """Both together. Raises ValueError where both define an option: a module can't shadow a shared one."""
        shared = set(self.options) & set(other.options)
        if shared:
            raise ValueError(f"defined twice: {', '.join(sorted(shared))}")
        return ArgumentSpec(
            options={**self.options, **other.options},
            mutually_exclusive=[*self.mutually_exclusive, *other.mutually_exclusive],
            required_together=[*self.required_together, *other.required_together],
            required_one_of=[*self.required_one_of, *other.required_one_of],
            required_if=[*self.required_if, *other.required_if],
            required_by={**self.required_by, **other.required_by},
        )

    def conditions(self) -> dict[str, t.Any]:
        """The conditionals as the keyword arguments of AnsibleModule and of ArgumentSpecValidator."""
        return {
            "mutually_exclusive": [list(group) for group in self.mutually_exclusive],
            "required_together": [list(group) for group in self.required_together],
            "required_one_of": [list(group) for group in self.required_one_of],
            "required_if": [list(rule) for rule in self.required_if],
            "required_by": {key: list(group) for key, group in self.required_by.items()},
        }


def _from_environment(variable: str) -> dict[str, t.Any]:
    return {"fallback": (env_fallback, [variable])}


#: Option -> environment variable that gives it when it is left out.
ENVIRONMENT = {
    "url": "STALWART_URL",
    "login_user": "STALWART_USER",
    "login_password": "STALWART_PASSWORD",
    "login_token": "STALWART_TOKEN",
}

#: The ways to log in, of which a task takes one.
LOGINS = (("login_user", "login_password"), ("login_token",))

CONNECTION = ArgumentSpec(
    options={
        "url": {"type": "str", "required": True, **_from_environment(ENVIRONMENT["url"])},
        "login_user": {"type": "str", **_from_environment(ENVIRONMENT["login_user"])},
        "login_password": {"type": "str", "no_log": True, **_from_environment(ENVIRONMENT["login_password"])},
        "login_token": {"type": "str", "no_log": True, **_from_environment(ENVIRONMENT["login_token"])},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
        "timeout": {"type": "float", "default": 30.0},
        "retries": {"type": "int", "default": 4},
        "use_proxy": {"type": "bool", "default": True},
        "allow_http": {"type": "bool", "default": False},
        "api": {"type": "str", "choices": ["auto", "rest", "jmap"], "default": "auto"},
        "server_version": {"type": "str"},
    }
)

#: The same for tasks that talk to no mail server: taken, since `module_defaults` of the group gives them to every module, and not needed.
CONNECTION_UNUSED = ArgumentSpec(options={**CONNECTION.options, "url": {**CONNECTION.options["url"], "required": False}})

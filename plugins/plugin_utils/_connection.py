# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection of plugins that are no modules: their options come from keywords, variables and the environment."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._deps import require_libraries
from ansible_collections.stalwart.mail.plugins.module_utils._errors import StalwartError
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import CONNECTION
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import server_of
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.values import plain
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode
from ansible_collections.stalwart.mail.plugins.module_utils._secrets import scrub
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server

# As for actions: what is costly once is done before workers are forked.
_http.prepare()


class WithOptions(t.Protocol):
    """A plugin whose documentation has the fragments stalwart.mail.connection and stalwart.mail.connection.plugin."""

    def get_option(self, option: str) -> t.Any: ...


def options_of(plugin: WithOptions, names: t.Iterable[str]) -> dict[str, t.Any]:
    """The plugin's options of these names as plain values, without those that are null."""
    found = {name: plain(plugin.get_option(name)) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def server_of_plugin(plugin: WithOptions) -> Server:
    """The server that a plugin's options lead to. Raises StalwartError: InvalidOption, LibraryMissing."""
    require_libraries()
    return server_of(options_of(plugin, CONNECTION.options))


class StalwartLookup(LookupBase):
    """Base of the lookups: a subclass names its options beside the connection's, and reads."""

    #: The plugin's name, as in stalwart.mail.NAME.
    name: str
    own_options: tuple[str, ...] = ()

    def read(self, server: Server, terms: list[t.Any], options: dict[str, t.Any], mode: Mode) -> list[t.Any]:
        """What the lookup returns. Raises StalwartError."""
        raise NotImplementedError

    def run(self, terms: t.Any, variables: t.Any = None, **kwargs: t.Any) -> list[t.Any]:
        """What Ansible calls."""
        self.set_options(var_options=self._rendered(variables or {}), direct=kwargs)
        wanted = [element for term in plain(terms) for element in (term if isinstance(term, list) else [term])]
        try:
            return self.read(server_of_plugin(self), wanted, options_of(self, self.own_options), Mode(warn=Display().warning))
        except StalwartError as error:
            raise AnsibleLookupError(f"stalwart.mail.{self.name}: {scrub(str(error))}") from None

    def _rendered(self, variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """The variables that give options. Ansible hands them over as they were written, templates and all."""
        names = [f"stalwart_{option}" for option in CONNECTION.options]
        return {name: self._templar.template(variables[name]) for name in names if name in variables}

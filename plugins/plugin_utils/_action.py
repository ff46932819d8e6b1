# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task in process, on the controller: no module is packed, shipped or started.

A loop costs a few milliseconds an item instead of a third of a second, and keeps one connection. Where a task can't run
here (another host's network, async, a task environment) the ordinary module runs with the same options.
"""

from __future__ import annotations

import json
import os
import typing as t

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.stalwart.mail.plugins.module_utils import _http, _passwords
from ansible_collections.stalwart.mail.plugins.module_utils._deps import require_libraries
from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption, LibraryMissing
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ENVIRONMENT, LOGINS
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Failure, Task, execute, hidden_values
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.values import plain
from ansible_collections.stalwart.mail.plugins.module_utils._server import connect

# Imported by the strategy before it forks, so what is costly once is done here and inherited by every worker.
_http.prepare()

#: Options of tasks that compare or make hashes, for which libpass needs 60 ms to be imported.
_WITH_HASHES = frozenset({"password", "new_password", "principals"})

_PLACES = ("auto", "controller", "target")


class _Vault:
    """The vault passwords of this run, behind the two things that a task may ask of them."""

    def __init__(self, loader: t.Any) -> None:
        self._vault = loader._vault

    def encrypt(self, text: str, vault_id: str) -> str:
        """Raises InvalidOption where the run has no password for the id."""
        fitting = [secret for name, secret in self._vault.secrets or () if name == vault_id]
        if not fitting:
            raise InvalidOption("vault_id", f"there is no vault password for {vault_id!r}; give one by --vault-id {vault_id}@FILE.")
        return str(to_text(self._vault.encrypt(text, secret=fitting[0], vault_id=vault_id)))

    def decrypt(self, text: str) -> str | None:
        """Tries all passwords of the run."""
        try:
            return str(to_text(self._vault.decrypt(text)))
        except AnsibleError:
            return None


class StalwartAction(ActionBase):
    """Base of every action of the collection; a subclass binds its module's task, and names the areas of a server that it may speak with."""

    task: Task
    areas: t.Sequence[str] = ()
    _supports_async = True
    _supports_check_mode = True
    _supports_diff = True

    def __init_subclass__(cls) -> None:
        """As the top of this file: an action's class is loaded before the fork as well."""
        super().__init_subclass__()
        connect.prepare(cls.areas)
        if _WITH_HASHES & set(cls.task.own.options):
            _passwords.preload()

    def run(self, tmp: object = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the task here or as a module; the result is the same."""
        task_vars = task_vars or {}
        result: dict[str, t.Any] = super().run(tmp, task_vars) or {}
        try:
            result.update(self._run(task_vars))
        except Failure as failure:
            # no AnsibleActionFail, before which ansible-core 2.18 tells of an exception
            result.update({"failed": True, "msg": str(failure)})
        return result

    def _run(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Raises Failure where it can't be told what to run, or where."""
        place, reason = self._place(task_vars)
        name = self._task.resolved_action or self._task.action
        Display().v(f"{name}: runs {'on the controller' if place == 'controller' else 'as a module'} ({reason})")
        if place == "controller":
            return self._run_here(name)
        done: dict[str, t.Any] = self._execute_module(
            module_name=name, module_args=self._module_arguments(), task_vars=task_vars, wrap_async=self._task.async_val
        )
        return done

    def _place(self, task_vars: dict[str, t.Any]) -> tuple[str, str]:
        asked = str(self._templar.template(task_vars.get("stalwart_execution", "auto")))
        if asked not in _PLACES:
            raise Failure(f"stalwart_execution: {asked!r} is none of {', '.join(_PLACES)}; correct or remove the variable.")
        if asked == "target":
            return "target", "stalwart_execution is target"
        if self._task.async_val:
            return "target", "the task is async"
        if asked == "controller":
            return "controller", "stalwart_execution is controller"
        if self._task.become and self._names_a_file():
            return "target", "become decides about the files that it reads or writes"
        if self._connection.transport != "local":
            return "target", f"the connection is {self._connection.transport}"
        if any(self._task.environment or ()):
            return "target", "the task has an environment"
        try:
            require_libraries()
        except LibraryMissing as error:
            return "target", f"the controller lacks {error.library}"
        return "controller", "the connection is local"

    def _names_a_file(self) -> bool:
        """Whether the task itself opens a file: not where the action does it ahead."""
        own = self.task.own.options
        return any(own.get(name, {}).get("type") == "path" for name in self._task.args if not (name == "src" and self.task.list_from_src))

    def _module_arguments(self) -> dict[str, t.Any]:
        """The arguments with what only the controller knows: its own environment, which a task environment overrides."""
        arguments = self._resolved_arguments()
        overridden = {str(name) for block in self._task.environment or () if isinstance(block, dict) for name in block}
        written = [login for login in LOGINS if any(arguments.get(option) is not None for option in login)]
        unused = {option for login in LOGINS if written and login not in written for option in login}
        for option, variable in ENVIRONMENT.items():
            if arguments.get(option) is None and option not in unused and variable not in overridden and os.environ.get(variable):
                arguments[option] = os.environ[variable]
        return arguments

    def _resolved_arguments(self) -> dict[str, t.Any]:
        """The task's arguments, with the content of `src` in place of its name."""
        arguments = dict(self._task.args)
        option = self.task.list_from_src
        if option and arguments.get("src") and arguments.get(option) is None:
            arguments[option] = self._read_list(str(arguments.pop("src")), option)
        return arguments

    def _read_list(self, src: str, option: str) -> list[t.Any]:
        """The list in a JSON or YAML file, found as a role's files are, decrypted by vault and not templated. No temporary file is made."""
        path = self._find_needle("files", src)
        read = getattr(self._loader, "get_text_file_contents", None)  # 2.19 and later
        text = str(read(path)) if read else to_text(self._loader._get_file_contents(path)[0])
        try:
            data = json.loads(text) if text.lstrip()[:1] in "[{" else yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (ValueError, yaml.YAMLError) as error:
            # the parsers' messages quote the file, which may hold passwords
            place = getattr(error, "lineno", None) or getattr(getattr(error, "problem_mark", None), "line", -1) + 1
            raise Failure(f"src: {src!r} is neither JSON nor YAML, line {place}; correct the file.") from None
        if isinstance(data, dict):
            data = data.get(option)
        if not isinstance(data, list):
            raise Failure(f"src: {src!r} holds neither a list nor a dictionary with a list {option!r}; correct the file.")
        return data

    def _items_left_as_they_are(self, given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """The items of a bulk option, where they are dictionaries without a spec of their own: Ansible would only copy them, for longer than all else takes."""
        option = self.task.list_from_src
        about, items = self.task.own.options.get(option, {}), given.get(option)
        if about.get("elements") != "dict" or about.get("options") or not isinstance(items, list):
            return {}
        return {option: items} if all(isinstance(item, dict) for item in items) else {}

    def _run_here(self, name: str) -> dict[str, t.Any]:
        spec = self.task.spec
        validator = ArgumentSpecValidator({option: dict(about) for option, about in spec.options.items()}, **spec.conditions())
        # null is as good as left out, but Ansible asks the environment only for what is left out
        given = plain({name: value for name, value in self._resolved_arguments().items() if value is not None or name not in ENVIRONMENT})
        untouched = self._items_left_as_they_are(given)
        validation = validator.validate({**given, **{option: [] for option in untouched}})
        parameters = {**validation.validated_parameters, **untouched}
        hidden = hidden_values(self.task, parameters)
        warnings: list[str] = []
        if validation.error_messages:
            message = validation.errors.msg
            if isinstance(validation.errors[0], UnsupportedError):
                message = f"Unsupported parameters for ({name}) module: {message}"
            result: dict[str, t.Any] = {"failed": True, "msg": message}
        else:
            try:
                result = execute(
                    self.task,
                    parameters,
                    check=self._task.check_mode,
                    diff=self._task.diff,
                    warn=warnings.append,
                    vault=_Vault(self._loader),
                )
            except LibraryMissing as error:
                result = {"failed": True, "msg": f"{error} on the controller, which runs the task; install it there, or set stalwart_execution: target"}
            except Failure as failure:
                result = {"failed": True, "msg": str(failure), **failure.result}
        if warnings:
            result["warnings"] = warnings
        clean: dict[str, t.Any] = remove_values(result, hidden)
        return clean

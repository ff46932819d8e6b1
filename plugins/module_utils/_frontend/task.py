# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One task, whichever frontend runs it: options in, a result that Ansible can return out."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from .._deps import require_libraries
from .._errors import LibraryMissing, PartlyDone, StalwartError
from .._http import Connection
from .._reconcile.plan import Mode, Outcome, Vault
from .._secrets import scrub
from .._server.connect import connect
from .._server.port import Server
from .spec import CONNECTION, CONNECTION_UNUSED, ENVIRONMENT, LOGINS, ArgumentSpec

Run = t.Callable[[Server, t.Mapping[str, t.Any], Mode], Outcome]
RunAlone = t.Callable[[t.Mapping[str, t.Any], Mode], Outcome]

_CONNECTION_FIELDS = {
    "url": "url",
    "login_user": "user",
    "login_password": "password",
    "login_token": "token",
    "validate_certs": "validate_certs",
    "ca_path": "ca_path",
    "client_cert": "client_cert",
    "client_key": "client_key",
    "timeout": "timeout",
    "retries": "retries",
    "use_proxy": "use_proxy",
    "allow_http": "allow_http",
}

#: Options of the connection that tasks without the API of a mail server go by as well.
NETWORK = ("timeout", "use_proxy")


@dataclasses.dataclass(frozen=True)
class Task:
    """What a module does. `own` are its options beside those of the connection; `run` does the work.

    A module that does not talk to the server's API has `run_alone` instead. It takes the options of the connection too, but needs none, and is
    given only those of them that `network` names.
    `writes` is false for modules that only read: their results have no operations and no diff.
    `secrets_in` tells for an option that is no_log, but holds more than secrets, which of its values are: the others may be shown in results.
    `list_from_src` names the list option that the action fills from the file that `src` names.
    """

    own: ArgumentSpec
    run: Run | None = None
    run_alone: RunAlone | None = None
    writes: bool = True
    list_from_src: str = ""
    network: t.Sequence[str] = NETWORK
    secrets_in: t.Mapping[str, t.Callable[[t.Any], t.Iterable[str]]] = dataclasses.field(default_factory=dict)

    @property
    def spec(self) -> ArgumentSpec:
        """The whole argument spec."""
        return self.own.merge(CONNECTION if self.run else CONNECTION_UNUSED)

    def perform(self, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
        """Do the work with options of which none is null. Raises StalwartError."""
        own = {option: options[option] for option in self.own.options if option in options}
        if self.run_alone:
            return self.run_alone({**{option: options[option] for option in self.network if option in options}, **own}, mode)
        if self.run is None:
            raise TypeError("a task has run or run_alone")
        return self.run(server_of(options), own, mode)


def no_secrets(_value: t.Any) -> t.Iterable[str]:
    """For bulk options: their secrets never reach a result, and to look for thousands of them in it would take a minute."""
    return ()


def hidden_values(task: Task, params: t.Mapping[str, t.Any]) -> set[str]:
    """The values of no_log options, which Ansible takes out of results. The parameters are plain values."""
    return {value for value in _hidden(task.spec.options, params, task.secrets_in) if value}


def _hidden(
    options: t.Mapping[str, t.Mapping[str, t.Any]], params: t.Mapping[str, t.Any], secrets_in: t.Mapping[str, t.Callable[[t.Any], t.Iterable[str]]]
) -> t.Iterator[str]:
    for option, about in options.items():
        value = params.get(option)
        if about.get("no_log"):
            yield from secrets_in.get(option, _texts)(value)
        elif about.get("options"):
            for element in value if isinstance(value, list) else [value]:
                if isinstance(element, dict):
                    yield from _hidden(about["options"], element, {})


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for element in value:
            yield from _texts(element)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def server_of(options: t.Mapping[str, t.Any]) -> Server:
    """The server that the connection options lead to; none of them is null. Sends nothing. Raises InvalidOption."""
    unused = _login_not_meant(options)
    connection = Connection(**{field: options[option] for option, field in _CONNECTION_FIELDS.items() if option in options and option not in unused})
    return connect(connection, api=options.get("api", "auto"), server_version=options.get("server_version", ""))


def _login_not_meant(options: t.Mapping[str, t.Any]) -> t.Sequence[str]:
    """Of two logins the one that the environment gives: what is written for a task goes before what happens to be set."""
    from_environment = [login for login in LOGINS if all(options.get(option) in (None, os.environ.get(ENVIRONMENT[option])) for option in login)]
    both = all(any(option in options for option in login) for login in LOGINS)
    return from_environment[0] if both and len(from_environment) == 1 else ()


class Failure(Exception):
    """A failed task, with what Ansible returns of it."""

    def __init__(self, message: str, result: dict[str, t.Any] | None = None) -> None:
        super().__init__(message)
        self.result = result or {}


def execute(
    task: Task, params: t.Mapping[str, t.Any], *, check: bool, diff: bool, warn: t.Callable[[str], None], vault: Vault | None = None
) -> dict[str, t.Any]:
    """Run a task on validated parameters, of plain values. Raises Failure; LibraryMissing where httpx or pydantic is not installed."""
    options = {key: value for key, value in params.items() if value is not None and not key.startswith("_ansible")}
    told: list[str] = []

    def warn_once(text: str) -> None:
        if text not in told:
            told.append(text)
            warn(text)

    try:
        require_libraries()
        outcome = task.perform(options, Mode(check=check, diff=diff, warn=warn_once, vault=vault))
    except LibraryMissing:
        raise
    except PartlyDone as error:
        raise Failure(scrub(str(error)), {"changed": error.changed, "operations": error.done, "not_done": error.left, **error.more}) from None
    except StalwartError as error:
        raise Failure(scrub(str(error)), {"changed": False, **error.details}) from None
    result: dict[str, t.Any] = {"changed": outcome.changed, **outcome.results}
    if task.writes:
        result["operations"] = outcome.operations()
        if diff:
            result["diff"] = outcome.diffs()
    return result

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules run in the test's own process as their frontends run them, and the server's state as something to compare."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import pathlib
import pkgutil
import random
import smtplib
import time
import typing as t

from .servers import RunningServer

MESSAGE = "From: x@y.example\nTo: alice@example.org\nSubject: hello\nDate: Mon, 02 Nov 2026 10:00:00 +0000\n\nHello\n"


@dataclasses.dataclass
class Ran:
    """A finished task: its result as Ansible would have it, failed or not."""

    result: dict[str, t.Any]
    warnings: list[str]

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return bool(self.result.get("failed"))

    @property
    def message(self) -> str:
        """What it says of a failure."""
        return str(self.result.get("msg", ""))

    @property
    def changed(self) -> bool:
        """Whether it reports a change."""
        return bool(self.result.get("changed"))


def module_names() -> list[str]:
    """All modules."""
    from ansible_collections.stalwart.mail.plugins import modules

    return sorted(info.name for info in pkgutil.iter_modules(modules.__path__))


@functools.cache
def task_of(module: str) -> t.Any:
    """The TASK of a module."""
    return importlib.import_module(f"ansible_collections.stalwart.mail.plugins.modules.{module}").TASK


def writing_modules() -> list[str]:
    """Those that change something."""
    return [name for name in module_names() if task_of(name).writes]


def forget_clients() -> None:
    """Close all kept connections, and forget which logins were refused."""
    from ansible_collections.stalwart.mail.plugins.module_utils import _http

    for client in list(_http._clients.values()):
        client.close()
    _http._clients.clear()
    _http._guard.forget()


def run(module: str, options: t.Mapping[str, t.Any], *, check: bool = False, diff: bool = True, scrub: bool = True) -> Ran:
    """Run a module as both frontends do. Any exception but a failure of the task goes through: that would be a traceback.

    Without `scrub` the values of secret options are left in the result, where Ansible would take them out.
    """
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
    from ansible.module_utils.common.parameters import remove_values

    from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Failure, execute, hidden_values

    task = task_of(module)
    validator = ArgumentSpecValidator({name: dict(option) for name, option in task.spec.options.items()}, **task.spec.conditions())
    validated = validator.validate(dict(options))
    warnings: list[str] = []
    if validated.error_messages:
        return Ran({"failed": True, "msg": validated.errors.msg}, warnings)
    try:
        result = execute(task, validated.validated_parameters, check=check, diff=diff, warn=warnings.append)
    except Failure as failure:
        result = {"failed": True, "msg": str(failure), **failure.result}
    return Ran(remove_values(result, hidden_values(task, validated.validated_parameters)) if scrub else result, warnings)


def login(server: RunningServer, url: str = "") -> dict[str, t.Any]:
    """The options of the connection."""
    return {"url": url or server.url, "login_user": server.user, "login_password": server.password}


@contextlib.contextmanager
def quick_retries() -> t.Iterator[None]:
    """The pauses between retries cut short; their number stays."""
    from unittest import mock

    from ansible_collections.stalwart.mail.plugins.module_utils import _http

    with mock.patch.object(_http, "_FIRST_DELAY", 0.001), mock.patch.object(_http, "_LONGEST_DELAY", 0.002), mock.patch.object(random, "uniform", min):
        yield


class World:
    """A server under test and what a scene may do to it ahead, directly."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.notes: dict[str, t.Any] = {}

    def run(self, module: str, **options: t.Any) -> dict[str, t.Any]:
        """Run a module that must not fail; its result."""
        ran = run(module, {**login(self.server), **options})
        assert not ran.failed, f"{module} {options}: {ran.message}"
        return ran.result

    def send(self, *recipients: str, sender: str = "", message: str = MESSAGE, user: str = "", password: str = "") -> None:
        """Hand over mail, by submission where a user is given."""
        with smtplib.SMTP(self.server.host, self.server.submission_port if user else self.server.smtp_port, timeout=60) as client:
            if user:
                client.login(user, password)
            client.sendmail(sender, list(recipients), message.replace("\n", "\r\n"))

    def wait(self, condition: t.Callable[[], t.Any]) -> t.Any:
        """What the condition answers, as soon as it is true."""
        deadline = time.monotonic() + 60
        while not (found := condition()):
            assert time.monotonic() < deadline, "what was waited for did not come"
            time.sleep(0.01)
        return found

    def files(self) -> dict[str, bytes]:
        """What tasks have written into the scene's folder."""
        return {path.name: path.read_bytes() for path in pathlib.Path(self.notes["folder"]).iterdir()}

    def _objects(self) -> dict[str, str]:
        """Servers since 0.16 have objects in place of settings: those that the scenes are about."""
        found = {
            each: self.run("object_info", type=each)["objects"]
            for each in ("WebHook", "Http", "MtaInboundSession", "MtaInboundThrottle", "Domain", "BlockedIp", "AllowedIp")
        }
        return {f"{name}.{index}": str(each["properties"]) for name, objects in found.items() for index, each in enumerate(objects)}

    def state(self) -> dict[str, t.Any]:
        """What the server has, as read by its administrator; generated keys and salts by their presence only."""
        from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection
        from ansible_collections.stalwart.mail.plugins.module_utils._server.connect import connect
        from ansible_collections.stalwart.mail.plugins.module_utils._server.models.queue import QueueFilter

        port = connect(Connection(url=self.server.url, user=self.server.user, password=self.server.password))
        settings = self._objects() if port.generation == "jmap" else port.settings.read(prefixes=[""])  # but for those that hold this server's own ports
        queued = port.queue.find(QueueFilter())
        return {
            "principals": sorted((_principal(each) for each in port.principals.find()), key=lambda each: str(each["name"])),
            "settings": {key: _text(key, value) for key, value in sorted(settings.items()) if not key.startswith("server.listener.")},
            "signatures": sorted((each.id, each.domain, each.algorithm, each.selector) for each in port.signatures.find()),
            "queue": [port.queue.running(), sorted(str((each.sender, [(to.address, to.status) for to in each.recipients])) for each in queued)],
        }


def _principal(principal: t.Any) -> dict[str, t.Any]:
    found = {key: sorted(value) if isinstance(value, tuple) and key != "emails" else value for key, value in principal.model_dump().items()}
    found["emails"] = [*found["emails"][:1], *sorted(found["emails"][1:])]
    found["password_hashes"] = ["$6$" if stored.startswith("$6$") else stored for stored in found["password_hashes"]]
    found["app_passwords"] = sorted(found["app_passwords"])
    del found["used_quota"]
    return found


def _text(key: str, value: str) -> str:
    return "<key>" if key.endswith("private-key") or key == "oauth.key" else value


def different(one: t.Any, other: t.Any, place: str = "") -> list[str]:
    """Where two states differ, a line each."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [line for key in sorted({*one, *other}, key=str) for line in different(one.get(key), other.get(key), f"{place}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [line for index, (left, right) in enumerate(zip(one, other, strict=True)) for line in different(left, right, f"{place}[{index}]")]
    return [] if one == other else [f"{place}: {one!r} is not {other!r}"]

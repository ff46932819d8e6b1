# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server in memory that has settings only, for tests of the layers above the port."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.stalwart.mail.plugins.module_utils._errors import StalwartError
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.server import About, ReloadPart, ReloadReport
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server


@dataclasses.dataclass
class FakeSettings:
    """The port `Settings`. `file` holds keys that stand in the server's own file and win; `failures` are raised by the next writes."""

    stored: dict[str, str] = dataclasses.field(default_factory=dict)
    file: dict[str, str] = dataclasses.field(default_factory=dict)
    log: list[tuple[str, t.Any]] = dataclasses.field(default_factory=list)
    failures: list[StalwartError | None] = dataclasses.field(default_factory=list)

    def read(self, *, keys: t.Collection[str] = (), prefixes: t.Collection[str] = ()) -> dict[str, str]:
        found = {**self.stored, **self.file}
        return {
            key: value for key, value in found.items() if key in keys or any(not prefix or key == prefix or key.startswith(f"{prefix}.") for prefix in prefixes)
        }

    def insert(self, values: t.Mapping[str, str]) -> None:
        self.log.append(("insert", dict(values)))
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            first = next(iter(values))
            self.stored[first] = values[first]  # writes are not atomic
            raise failure
        self.stored.update(values)

    def delete(self, keys: t.Sequence[str]) -> None:
        self.log.append(("delete", list(keys)))
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        for key in keys:
            self.stored.pop(key, None)

    def groups(self, prefix: str, having: str) -> t.Iterator[tuple[str, dict[str, str]]]:
        below = {key.removeprefix(f"{prefix}."): value for key, value in self.read(prefixes=[prefix]).items() if key != prefix}
        for each in sorted(key.removesuffix(f".{having}") for key in below if key.endswith(f".{having}")):
            yield each, {key.removeprefix(f"{each}."): value for key, value in below.items() if key.startswith(f"{each}.")}

    def local_key_patterns(self) -> list[str]:
        return ["server."]

    def is_local(self, key: str, local_keys: t.Sequence[str]) -> bool:
        return key.startswith(tuple(local_keys)) and not key.startswith(("server.blocked-ip.", "server.allowed-ip."))


class FakeServer:
    """A setting whose value is `bad` is an error; others are added by `errors`. `reloads` are the parts reloaded, `live` what was live then."""

    generation = "rest"

    def __init__(self, **settings: str) -> None:
        self.settings = FakeSettings(dict(settings))
        self.errors: dict[str, str] = {}
        self.reload_failure: StalwartError | None = None
        self.reloads: list[str] = []
        self.live: dict[str, str] = dict(settings)
        self.address = ""
        self.health: list[bool | StalwartError] = [True]

    def reload(self, *, part: ReloadPart = "all", dry_run: bool = False) -> ReloadReport:
        self.settings.log.append(("dry run" if dry_run else "reload", part))
        if self.reload_failure is not None:
            raise self.reload_failure
        errors = self.errors | {key: "parse: bad value" for key, value in self.settings.stored.items() if value == "bad"}
        if part != "all" and not dry_run:
            errors = {}
        if not dry_run and not errors:
            self.reloads.append(part)
            self.live = dict(self.settings.stored)
        return ReloadReport(errors=errors)

    def own_address(self) -> str:
        return self.address

    def healthy(self, *, ready: bool) -> bool:
        answer = self.health.pop(0) if len(self.health) > 1 else self.health[0]
        if isinstance(answer, StalwartError):
            raise answer
        return answer

    def about(self) -> About:
        return About(version="0.15.5", edition="community", permissions=("a", "b"))

    @property
    def port(self) -> Server:
        """This as the port, of which it has what tests of settings need."""
        return t.cast(Server, self)

    @property
    def writes(self) -> list[tuple[str, t.Any]]:
        """What was written, in order."""
        return [line for line in self.settings.log if line[0] in ("insert", "delete")]

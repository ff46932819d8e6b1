# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings over REST: slices below the server's limit, and which keys are local."""

from __future__ import annotations

import fnmatch
import json
import typing as t

from ._call import MAX_BODY, RestCaller

#: What a server without `config.local-keys` keeps in its own file (crates/common/src/manager/config.rs, 0.15.5); "!" excludes.
DEFAULT_LOCAL_KEYS = (
    "store.*",
    "directory.*",
    "tracer.*",
    "!server.blocked-ip.*",
    "!server.allowed-ip.*",
    "server.*",
    "authentication.fallback-admin.*",
    "cluster.*",
    "config.local-keys.*",
    "storage.data",
    "storage.blob",
    "storage.lookup",
    "storage.fts",
    "storage.directory",
    "enterprise.license-key",
    "certificate.*",
)
_LOCAL_KEYS = "config.local-keys"


class RestSettings:
    """The port `Settings` over REST."""

    def __init__(self, caller: RestCaller) -> None:
        self._caller = caller

    def read(self, *, keys: t.Collection[str] = (), prefixes: t.Collection[str] = ()) -> dict[str, str]:
        """One request. The server matches prefixes at dots: `queue.test` does not bring `queue.test2.a`."""
        # for the server a prefix is only what stands below it
        query = {name: ",".join(values) for name, values in (("keys", [*keys, *prefixes]), ("prefixes", prefixes)) if values}
        if not query:
            return {}
        found: dict[str, str] = self._caller.call("GET", "settings", "keys", resource="settings", query=query)
        return found

    def insert(self, values: t.Mapping[str, str]) -> None:
        """Requests of at most 1 MiB each, in the order given. Writing the same keys again changes nothing, so each may be sent twice."""
        for part in _slices(values):
            change = {"type": "insert", "prefix": None, "values": part, "assert_empty": False}
            self._caller.call("POST", "settings", resource="settings", body=[change], safe=True)

    def delete(self, keys: t.Sequence[str]) -> None:
        """Requests of at most 1 MiB each."""
        for part in _slices(dict.fromkeys(keys, "")):
            self._caller.call("POST", "settings", resource="settings", body=[{"type": "delete", "keys": [key for key, _value in part]}], safe=True)

    def local_key_patterns(self) -> list[str]:
        """`config.local-keys` replaces the server's own list."""
        own = self.read(prefixes=[_LOCAL_KEYS])
        return [*(own[key].strip().lower() for key in sorted(own)), "config.local-keys.*"] if own else list(DEFAULT_LOCAL_KEYS)

    def is_local(self, key: str, local_keys: t.Sequence[str]) -> bool:
        """As the server decides: one pattern must match, and none of those with "!" before them."""
        included = any(fnmatch.fnmatchcase(key, pattern) for pattern in local_keys if not pattern.startswith("!"))
        return included and not any(fnmatch.fnmatchcase(key, pattern[1:]) for pattern in local_keys if pattern.startswith("!"))


def _slices(values: t.Mapping[str, str]) -> t.Iterator[list[list[str]]]:
    """Pieces whose JSON stays well below the server's limit. A single value above it goes alone: the server's refusal then names it."""
    piece: list[list[str]] = []
    size = 0
    for key, value in values.items():
        cost = len(json.dumps([key, value], ensure_ascii=False).encode()) + 1
        if piece and size + cost > MAX_BODY - 4096:
            yield piece
            piece, size = [], 0
        piece.append([key, value])
        size += cost
    if piece:
        yield piece

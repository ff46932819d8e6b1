# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings over REST: slices below the server's limit, and which keys are local."""

from __future__ import annotations

import fnmatch
import json
import typing as t

from ._call import MAX_BODY, RestCaller
from .fresh import FRESH_SETTINGS

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

#: Characters of keys in one URL before they are encoded; nginx takes 8 kB of them encoded.
_LONGEST_QUERY = 4000

_GROUP_PAGE = 500


class RestSettings:
    """The port `Settings` over REST."""

    def __init__(self, caller: RestCaller) -> None:
        self._caller = caller

    def read(self, *, keys: t.Collection[str] = (), prefixes: t.Collection[str] = ()) -> dict[str, str]:
        """One request for some hundred keys. The server matches prefixes at dots: `queue.test` does not bring `queue.test2.a`."""
        if "" in prefixes:
            everything: dict[str, str] = self._caller.call("GET", "settings", "list", resource="settings")["items"]
            return everything
        found: dict[str, str] = {}
        asked = [*keys, *prefixes]
        # for the server a prefix is only what stands below it
        names = {key: "keys" for key in asked if "," not in key} | {f"{prefix}.": "prefixes" for prefix in prefixes}
        for query in _queries(names):
            found |= self._caller.call("GET", "settings", "keys", resource="settings", query=query)
        for key in asked:
            if "," in key and key not in found:  # the server takes the comma for the end of the key, so it is looked for among its neighbours
                neighbours = self.read(prefixes=[key.partition(",")[0].rpartition(".")[0]])
                found |= {key: neighbours[key]} if key in neighbours else {}
        return found

    def groups(self, prefix: str, having: str) -> t.Iterator[tuple[str, dict[str, str]]]:
        """One request a page."""
        page = 1
        while True:
            query = {"prefix": prefix, "suffix": having, "page": str(page), "limit": str(_GROUP_PAGE)}
            found = self._caller.call("GET", "settings", "group", resource="settings", query=query)["items"]
            yield from ((record["_id"], {key: value for key, value in record.items() if key != "_id"}) for record in found)
            if len(found) < _GROUP_PAGE:
                return
            page += 1

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
        patterns = [own[key].strip() for key in sorted(own)]
        patterns = [f"!{pattern[1:].strip()}".lower() if pattern.startswith("!") else pattern.lower() for pattern in patterns]
        patterns = [pattern for pattern in patterns if pattern not in ("", "!")]
        return [*patterns, f"{_LOCAL_KEYS}.*"] if patterns else list(DEFAULT_LOCAL_KEYS)

    def fresh(self) -> t.Mapping[str, str]:
        """Measured; no request."""
        return FRESH_SETTINGS

    def is_local(self, key: str, local_keys: t.Sequence[str]) -> bool:
        """As the server decides: one pattern must match, and none of those with "!" before them."""
        included = any(_matches(pattern, key) for pattern in local_keys if not pattern.startswith("!"))
        return included and not any(_matches(pattern[1:], key) for pattern in local_keys if pattern.startswith("!"))


def _matches(pattern: str, key: str) -> bool:
    """As the server does (MatchType in crates/common/src/manager/config.rs): a star at the end or at the start makes the rest literal."""
    if pattern == "*":
        return True
    if pattern.endswith("*"):
        return key.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return key.endswith(pattern[1:])
    # in a glob only * and ? mean anything
    return fnmatch.fnmatchcase(key, pattern.replace("[", "[[]")) if "*" in pattern else key == pattern


def _queries(names: t.Mapping[str, str]) -> t.Iterator[dict[str, str]]:
    """Queries for keys and prefixes (name -> which of both), each short enough for any proxy's limit of a URL."""
    query: dict[str, list[str]] = {}
    size = 0
    for name, kind in names.items():
        if query and size + len(name) > _LONGEST_QUERY:
            yield {key: ",".join(values) for key, values in query.items()}
            query, size = {}, 0
        query.setdefault(kind, []).append(name)
        size += len(name) + 1
    if query:
        yield {key: ",".join(values) for key, values in query.items()}


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

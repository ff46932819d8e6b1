# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Store maintenance, blobs and deleted items over REST. Most requests that act are GETs here."""

from __future__ import annotations

import datetime as dt
import typing as t

from ..._errors import InvalidOption, PermissionDenied, Refused
from ..._times import format_time, parse_time
from ..models.server import version_text
from ..models.store import SEARCH_INDEXES, DeletedItem, LookupKind, Restored, SearchIndex
from ._call import RestCaller

#: What servers from 0.15 no longer know, and would answer by purging the whole store.
_ONLY_BEFORE_0_15: frozenset[LookupKind] = frozenset(
    {"reputation-ip", "reputation-from", "reputation-domain", "reputation-asn", "bayes-account", "bayes-global", "trusted-reply"}
)
_PAGE = 100
_KINDS = {"email": "email", "fileNode": "file", "calendarEvent": "calendar_event", "contactCard": "contact", "sieveScript": "sieve_script"}
_COLLECTIONS = {kind: wire for wire, kind in _KINDS.items()}
_STATES: dict[str, t.Literal["restored", "not_found", "failed"]] = {"success": "restored", "notFound": "not_found"}


class RestStores:
    """The ports `Stores` and `DeletedItems` over REST."""

    def __init__(self, caller: RestCaller) -> None:
        self._caller = caller

    def tells_end(self) -> bool:
        """Servers up to 0.15 don't."""
        return False

    def purge_blobs(self) -> None:
        """One request; the server works on in the background."""
        self._caller.call("GET", "store", "purge", "blob", resource="blob store", safe=True)

    def purge_data(self, store: str = "") -> None:
        """One request; the server works on in the background."""
        self._caller.call("GET", "store", "purge", "data", *_given(store), resource=_store(store), safe=True)

    def purge_lookups(self, store: str = "", kind: LookupKind | None = None, account: str = "") -> None:
        """One request; the server works on in the background."""
        if kind is None:
            self._caller.call("GET", "store", "purge", "in-memory", *_given(store), resource=_store(store), safe=True)
            return
        self.require_lookup_kind(kind)
        self._caller.call("GET", "store", "purge", "in-memory", store or "default", kind, *_given(account), resource=_store(store), safe=True)

    def exists(self, store: str) -> bool:
        """One request. A login that may not read settings is told so by the server in time."""
        key = f"store.{store}.type"
        try:
            return store == "default" or key in self._caller.call("GET", "settings", "keys", resource="settings", query={"keys": key})
        except PermissionDenied:
            return True

    def require_lookup_kind(self, kind: LookupKind) -> None:
        """Asks for the version only where it matters."""
        if kind in _ONLY_BEFORE_0_15 and self._caller.version() >= (0, 15):
            raise Refused(
                f"the kind {kind!r} is known to servers up to 0.14 only, and this one is {version_text(self._caller.version())}, which would purge the "
                "whole store instead; use a kind that it knows, or for the spam filter stalwart.mail.spam_filter with action: forget."
            )

    def purge_accounts(self, account: str = "") -> None:
        """One request; the server works on in the background."""
        self._caller.call("GET", "store", "purge", "account", *_given(account), resource=_account(account), safe=True)

    def reindex(self, index: SearchIndex | None, account: str = "") -> None:
        """One request; the server works on in the background."""
        self.require_index(index)
        named = (t.cast(str, index),) if self._caller.version() >= (0, 15) else ()
        self._caller.call("GET", "store", "reindex", *named, *_given(account), resource=_account(account), safe=True)

    def require_index(self, index: SearchIndex | None) -> None:
        """Asks for the version: up to 0.14 there is one index, that of mail; later ones want to be told which."""
        version = self._caller.version()
        if version >= (0, 15) and index is None:
            raise InvalidOption(
                "index",
                f"servers from 0.15 on rebuild one index at a time, and this one is {version_text(version)}; use one of {', '.join(SEARCH_INDEXES)}.",
            )
        if version < (0, 15) and index not in (None, "email"):
            raise Refused(f"the index {index!r} exists from server 0.15 on, and this one is {version_text(version)}; use index: email.")

    def used_quota(self, account: str) -> int:
        """One request."""
        return int(self._caller.call("GET", "store", "quota", account, resource=_account(account)))

    def recalculate_quota(self, account: str) -> int:
        """One request."""
        return int(self._caller.call("DELETE", "store", "quota", account, resource=_account(account), safe=True))

    def reset_uids(self, account: str) -> tuple[int, int]:
        """One request. The answer is two numbers: mailboxes and messages."""
        mailboxes, messages = self._caller.call("DELETE", "store", "uids", account, resource=_account(account))
        return int(mailboxes), int(messages)

    def blob(self, blob_id: str) -> bytes:
        """One request. Errors come as JSON, whose words the caller reads."""
        return self._caller.raw("GET", "store", "blobs", blob_id, resource=f"blob {blob_id!r}")

    def deleted(self, account: str) -> t.Iterator[DeletedItem]:
        """One request a page (paid edition)."""
        page = 1
        while True:
            query = {"page": str(page), "limit": str(_PAGE)}
            found = self._caller.call("GET", "store", "undelete", account, resource=_account(account), query=query)["items"]
            yield from (_deleted(item) for item in found)
            if len(found) < _PAGE:
                return
            page += 1

    def restore(self, account: str, items: t.Sequence[DeletedItem]) -> list[Restored]:
        """One request (paid edition). Each item is taken off the list of deleted ones."""
        body = [
            {
                "hash": item.id,
                "collection": _COLLECTIONS.get(item.kind, item.kind),
                "restoreTime": format_time(item.deleted_at),
                **({"cancelDeletion": format_time(item.expires_at)} if item.expires_at else {}),
            }
            for item in items
        ]
        answers = self._caller.call("POST", "store", "undelete", account, resource=_account(account), body=body)
        return [
            Restored(id=item.id, state=_STATES.get(answer.get("type", ""), "failed"), reason=answer.get("reason") or "")
            for item, answer in zip(items, answers, strict=True)
        ]


def _given(name: str) -> tuple[str, ...]:
    return (name,) if name else ()


def _store(name: str) -> str:
    return f"store {name!r}" if name else "store"


def _account(name: str) -> str:
    return f"account {name!r}" if name else "accounts"


def _deleted(item: dict[str, t.Any]) -> DeletedItem:
    about = item.get("item") or {}  # from 0.15 on; before it, only the collection is told
    kind = about.get("type") or item.get("collection") or ""
    return DeletedItem(
        id=item["hash"],
        kind=_KINDS.get(kind, kind),
        size=item.get("size") or 0,
        deleted_at=_time(item.get("deletedAt")),
        expires_at=_time(item.get("expiresAt")),
        sender=about.get("from") or "",
        title=about.get("subject") or about.get("name") or about.get("title") or "",
    )


def _time(text: str | None) -> dt.datetime | None:
    return parse_time(text) if text else None

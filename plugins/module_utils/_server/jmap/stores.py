# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Store maintenance over JMAP: tasks of the server. And blobs, and what accounts deleted."""

from __future__ import annotations

import typing as t

from ..._errors import Refused, StalwartError
from ..._times import parse_time
from ..models.store import DeletedItem, LookupKind, Restored, SearchIndex
from ._call import Find, JmapCaller, Object, Write
from .accounts import account, account_id, named
from .tasks import JmapTask

#: What the server removes together.
_REMOVALS: dict[LookupKind, str] = {
    "acme": "removeAuthTokens",
    "oauth": "removeAuthTokens",
    "rate-rcpt": "resetRateLimiters",
    "rate-scan": "resetRateLimiters",
    "rate-loiter": "resetRateLimiters",
    "rate-auth": "resetRateLimiters",
    "rate-smtp": "resetRateLimiters",
    "rate-contact": "resetRateLimiters",
    "rate-http-authenticated": "resetRateLimiters",
    "rate-http-anonymous": "resetRateLimiters",
    "rate-imap": "resetRateLimiters",
    "greylist": "removeGreylist",
    "lock-queue-message": "removeLockQueueMessage",
    "lock-purge-account": "removeLockTask",
    "lock-queue-report": "removeLockTask",
    "lock-email-task": "removeLockTask",
    "lock-housekeeper": "removeLockTask",
}
_KINDS = {"Email": "email", "FileNode": "file", "CalendarEvent": "calendar_event", "ContactCard": "contact", "SieveScript": "sieve_script"}


class JmapStores:
    """The port `Stores` over JMAP."""

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller

    def tells_end(self) -> bool:
        """A task that is done is gone."""
        return True

    def purge_blobs(self) -> JmapTask:
        """One request; the server splits the task."""
        return self._store("purgeBlob", "blob store", parts=("StoreMaintenance", "purgeBlob"))

    def purge_data(self, store: str = "") -> JmapTask:
        """One request."""
        return self._store("purgeData", "data store")

    def purge_lookups(self, store: str = "", kind: LookupKind | None = None, account: str = "") -> JmapTask:
        """One request. What has expired goes with what has expired from the data store."""
        if kind is None:
            return self._store("purgeData", "in-memory store")
        self.require_lookup_kind(kind)
        return self._store(_REMOVALS[kind], "in-memory store")

    def exists(self, store: str) -> bool:
        """There is one of each sort. No request."""
        return store == "default"

    def require_lookup_kind(self, kind: LookupKind) -> None:
        """No request."""
        if kind not in _REMOVALS:
            raise Refused(
                f"the kind {kind!r} is known to servers up to 0.14 only, and this one is of the generation since 0.16; "
                f"choose from {', '.join(_REMOVALS)}, or for the spam filter use stalwart.mail.spam_filter with action: forget."
            )

    def purge_accounts(self, account: str = "") -> JmapTask:
        """One request, or three with an account; else the server makes a task for each, which it begins within five minutes."""
        return self._account("purge", account) if account else self._store("purgeAccounts", "accounts", parts=("AccountMaintenance", "purge"))

    def reindex(self, index: SearchIndex | None, account: str = "") -> JmapTask:
        """As `purge_accounts`. All indexes of accounts are built together."""
        if index == "tracing":
            return self._store("reindexTelemetry", "traces")
        return self._account("reindex", account) if account else self._store("reindexAccounts", "accounts", parts=("AccountMaintenance", "reindex"))

    def require_index(self, index: SearchIndex | None) -> None:
        """All are known."""

    def used_quota(self, account: str) -> int:
        """Two requests."""
        return int(self._read(account, "usedDiskQuota").get("usedDiskQuota") or 0)

    def recalculate_quota(self, account: str) -> int:
        """Four requests, and some while the server counts."""
        self._account("recalculateQuota", account).finish()
        return self.used_quota(account)

    def reset_uids(self, account: str) -> None:
        """Three requests, and some while the server works."""
        self._account("recalculateImapUid", account).finish()

    def blob(self, blob_id: str) -> bytes:
        """Two requests, the first of which is sent once."""
        return self._caller.download(blob_id, resource=f"blob {blob_id!r}")

    def deleted(self, account: str) -> t.Iterator[DeletedItem]:
        """One request a page, and some for the account (paid edition, which is found out first)."""
        self._caller.count(Find("ArchivedItem", resource=named(account)))
        owner = account_id(self._caller, account)
        for item in self._caller.each(Find("ArchivedItem", {"accountId": owner}, resource=named(account))):
            yield _deleted(item)

    def restore(self, account: str, items: t.Sequence[DeletedItem]) -> list[Restored]:
        """One request for each 500 (paid edition). The server restores in the background."""
        writes = [Write("ArchivedItem", "update", item.id, {"status": "requestRestore"}, f"deleted item {item.id}") for item in items]
        return [_restored(item, result) for item, result in zip(items, self._caller.set(writes), strict=True)]

    def _read(self, name: str, *properties: str) -> Object:
        return account(self._caller, name, properties=properties)

    def _account(self, kind: str, name: str) -> JmapTask:
        value = {"@type": "AccountMaintenance", "maintenanceType": kind, "accountId": account_id(self._caller, name)}
        return JmapTask(self._caller, value, resource=named(name))

    def _store(self, kind: str, resource: str, *, parts: tuple[str, str] | None = None) -> JmapTask:
        return JmapTask(self._caller, {"@type": "StoreMaintenance", "maintenanceType": kind}, resource=resource, parts=parts)


def _deleted(item: Object) -> DeletedItem:
    return DeletedItem(
        id=str(item["id"]),
        kind=_KINDS.get(item.get("@type", ""), str(item.get("@type", ""))),
        size=item.get("size") or 0,
        deleted_at=parse_time(item["archivedAt"]) if item.get("archivedAt") else None,
        expires_at=parse_time(item["archivedUntil"]) if item.get("archivedUntil") else None,
        sender=item.get("from") or "",
        title=item.get("subject") or item.get("name") or item.get("title") or "",
    )


def _restored(item: DeletedItem, result: object) -> Restored:
    if not isinstance(result, StalwartError):
        return Restored(id=item.id, state="restored")
    kind = getattr(result, "words", "")
    return Restored(id=item.id, state="not_found" if kind.startswith("notFound") else "failed", reason="" if kind.startswith("notFound") else str(result))

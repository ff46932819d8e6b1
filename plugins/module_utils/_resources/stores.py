# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Store maintenance: purging, indexes, quotas, UIDs, and what was deleted."""

from __future__ import annotations

import itertools
import typing as t

from .._errors import InvalidOption, NotApplied, NotFound, PartlyDone, Refused
from .._reconcile.plan import Change, Mode, Outcome, apply
from .._server.models.store import LOOKUP_KINDS, DeletedItem, LookupKind, SearchIndex
from .._server.port import Background, Server
from .._times import format_time, now
from ._bounds import Duration, Limit, Seconds
from ._options import Name, Options, one_or_more, read
from ._waiting import wait_until

Action = t.Literal["purge_blobs", "purge_data", "purge_in_memory", "purge_accounts", "reindex", "recalculate_quota", "reset_uids"]

#: Option -> the actions that take it.
_TAKEN: dict[str, tuple[Action, ...]] = {
    "store": ("purge_data", "purge_in_memory"),
    "kind": ("purge_in_memory",),
    "account": ("purge_in_memory", "purge_accounts", "reindex", "recalculate_quota", "reset_uids"),
    "index": ("reindex",),
    "force_resync": ("reset_uids",),
}


class _StoreOptions(Options):
    action: Action
    store: str = ""
    kind: str | None = None
    account: Name | None = None
    index: SearchIndex | None = None
    force_resync: bool = False
    wait: bool = False
    wait_timeout: Seconds = 300.0


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """One act of maintenance. Result: `store`, what is known of it.

    What works in the background counts as changed, since no answer tells whether there was anything to do.
    """
    wanted = read(_StoreOptions, options)
    _check(server, wanted)
    if wanted.action == "recalculate_quota":
        return _recalculate(server, t.cast(str, wanted.account), mode)
    if wanted.action == "reset_uids":
        return _reset_uids(server, t.cast(str, wanted.account), mode)
    return _in_background(server, wanted, mode)


def _check(server: Server, wanted: _StoreOptions) -> None:
    """Everything that can be wrong, before anything is sent that acts."""
    for option, actions in _TAKEN.items():
        if wanted.given(option) and getattr(wanted, option) and wanted.action not in actions:
            raise InvalidOption(option, f"it is of use with {' or '.join(f'action: {action}' for action in actions)} only; remove it.")
    if wanted.action in ("recalculate_quota", "reset_uids") and not wanted.account:
        raise InvalidOption("account", f"it is missing; action: {wanted.action} works on one account.")
    if wanted.kind is not None:
        if wanted.kind not in LOOKUP_KINDS:
            # the server would ignore the name and purge the whole store
            raise InvalidOption("kind", f"{wanted.kind!r} is no kind of entries; choose from {', '.join(LOOKUP_KINDS)}.")
        server.stores.require_lookup_kind(wanted.kind)
    if wanted.account and wanted.action == "purge_in_memory" and wanted.kind != "bayes-account":
        raise InvalidOption("account", "it is of use with kind: bayes-account only; remove it.")
    if wanted.action == "reindex":
        server.stores.require_index(wanted.index)
    if wanted.wait and wanted.action not in ("recalculate_quota", "reset_uids") and not server.stores.tells_end():
        raise Refused("wait: servers up to 0.15 do not tell when work in the background is done; remove the option.")
    if wanted.action == "reset_uids" and not wanted.force_resync:
        raise Refused(
            f"account {wanted.account!r}: new UIDs make every mail client of the account load all its mail again, and forget what it kept by UID; "
            "set force_resync: true if that is meant."
        )
    if wanted.account:
        used_quota(server, wanted.account)
    if wanted.store and not server.stores.exists(wanted.store):
        remedy = "servers since 0.16 have one of each sort; remove the option"
        if server.generation == "rest":
            remedy = "use the id of one that the settings store.ID.type define, or leave it out for the default one"
        raise InvalidOption("store", f"there is no store {wanted.store!r}; {remedy}.")


def used_quota(server: Server, account: str) -> int:
    """Bytes in use. Raises Refused where there is no such account."""
    try:
        return server.stores.used_quota(account)
    except NotFound:
        raise _no_account(account) from None


def _no_account(name: str) -> Refused:
    return Refused(f"there is no account {name!r}; correct the name, it is that of the principal and no address.")


def _in_background(server: Server, wanted: _StoreOptions, mode: Mode) -> Outcome:
    stores, account = server.stores, wanted.account or ""
    kind = t.cast(LookupKind, wanted.kind) if wanted.kind else None
    runs: dict[str, t.Callable[[], Background | None]] = {
        "purge_blobs": stores.purge_blobs,
        "purge_data": lambda: stores.purge_data(wanted.store),
        "purge_in_memory": lambda: stores.purge_lookups(wanted.store, kind, account),
        "purge_accounts": lambda: stores.purge_accounts(account),
        "reindex": lambda: stores.reindex(wanted.index, account),
    }
    about = {"store": wanted.store, "kind": wanted.kind, "account": account, "index": wanted.index}
    told = {key: value for key, value in about.items() if value}
    name = account or wanted.store or "default"

    def run() -> None:
        work = runs[wanted.action]()
        if wanted.wait and work is not None and not wait_until(work.done, wanted.wait_timeout):
            raise NotApplied(f"the server did not finish within {wanted.wait_timeout:g} seconds, and goes on; raise wait_timeout, or leave wait out.")

    changes = [Change("store", name, wanted.action, {}, {}, run)]
    apply(changes, mode)
    return Outcome({"store": {"action": wanted.action, "finished": wanted.wait, **told}}, changes)


def _recalculate(server: Server, account: str, mode: Mode) -> Outcome:
    before = server.stores.used_quota(account)
    if mode.check:
        # only counting tells whether the number is right
        change = Change("account", account, "recalculate_quota", {"used_quota": before}, {"used_quota": "<counted>"}, lambda: None)
        return Outcome({"store": {"action": "recalculate_quota", "account": account, "used_quota": before}}, [change])
    after = server.stores.recalculate_quota(account)
    changes = [Change("account", account, "recalculate_quota", {"used_quota": before}, {"used_quota": after}, lambda: None)] if before != after else []
    return Outcome({"store": {"action": "recalculate_quota", "account": account, "used_quota": after}}, changes)


def _reset_uids(server: Server, account: str, mode: Mode) -> Outcome:
    told: dict[str, t.Any] = {"action": "reset_uids", "account": account}

    def run() -> None:
        counted = server.stores.reset_uids(account)
        if counted is not None:
            told["mailboxes"], told["messages"] = counted

    changes = [Change("account", account, "reset_uids", {}, {}, run)]
    apply(changes, mode)
    return Outcome({"store": told}, changes)


class _InfoOptions(Options):
    accounts: tuple[Name, ...]


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """What accounts use. Results: `accounts`, `total`. Those that do not exist are left out."""
    wanted = read(_InfoOptions, {key: one_or_more(value) for key, value in options.items()})
    accounts = []
    for account in dict.fromkeys(wanted.accounts):
        try:
            accounts.append({"name": account, "used_quota": server.stores.used_quota(account)})
        except NotFound:
            continue
    return Outcome({"accounts": accounts, "total": len(accounts)})


# Deleted items (paid edition)


class _DeletedOptions(Options):
    account: Name
    ids: tuple[str, ...] = ()
    kind: t.Literal["email", "file", "calendar_event", "contact", "sieve_script"] | None = None
    newer_than: Duration | None = None


class _DeletedInfoOptions(_DeletedOptions):
    limit: Limit = 100


class _RestoreOptions(_DeletedOptions):
    all: bool = False


def _deleted(server: Server, wanted: _DeletedOptions) -> t.Iterator[DeletedItem]:
    newest = now() - wanted.newer_than if wanted.newer_than is not None else None
    try:
        for item in server.stores.deleted(wanted.account):
            if wanted.ids and item.id not in wanted.ids:
                continue
            if (wanted.kind is None or item.kind == wanted.kind) and (newest is None or (item.deleted_at is not None and item.deleted_at >= newest)):
                yield item
    except NotFound:
        raise _no_account(wanted.account) from None


def _with_list(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {**options, **({"ids": one_or_more(options["ids"])} if "ids" in options else {})}


def deleted_info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """What an account can have back. Results: `deleted`, `total`."""
    wanted = read(_DeletedInfoOptions, _with_list(options))
    found = list(itertools.islice(_deleted(server, wanted), wanted.limit or None))
    return Outcome({"deleted": [_shown(item) for item in found], "total": len(found)})


def _shown(item: DeletedItem) -> dict[str, t.Any]:
    return {**item.model_dump(), "deleted_at": format_time(item.deleted_at), "expires_at": format_time(item.expires_at)}


def restore(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Give an account back what it deleted. Results: `restored`, `missing` (ids that are not among the deleted), `total`.

    Raises PartlyDone or NotApplied, with the server's reason, where an item did not come back.
    """
    wanted = read(_RestoreOptions, _with_list(options))
    if bool(wanted.ids or wanted.kind or wanted.newer_than is not None) == wanted.all:
        problem = "it is set together with ids, kind or newer_than; remove one of them." if wanted.all else ""
        raise InvalidOption("all" if wanted.all else "ids", problem or "nothing tells what is to be restored; give ids, kind, newer_than, or all: true.")
    items = list({item.id: item for item in _deleted(server, wanted)}.values())
    missing = [each for each in wanted.ids if each not in {item.id for item in items}]
    if missing:
        mode.warn(f"{len(missing)} of the ids are not among the deleted items of {wanted.account!r} (any more): {', '.join(missing[:5])}.")
    changes = [Change("deleted_item", item.id, "restore", {"kind": item.kind, "title": item.title}, None, lambda: None) for item in items]
    if items and not mode.check:
        _restore(server, wanted.account, items, changes)
    return Outcome({"restored": [_shown(item) for item in items], "missing": missing, "total": len(items)}, changes)


def _restore(server: Server, account: str, items: t.Sequence[DeletedItem], changes: t.Sequence[Change]) -> None:
    answers = server.stores.restore(account, items)
    failed = [(index, answer) for index, answer in enumerate(answers) if answer.state != "restored"]
    if not failed:
        return
    index, first = failed[0]
    reason = first.reason or ("its content is gone" if first.state == "not_found" else "the server gives no reason")
    problem = f"account {account!r}: {len(failed)} of {len(items)} items were not restored; the first is {first.id} ({items[index].kind}): {reason}."
    undone = {index for index, _answer in failed}
    done = [change.operation() for index, change in enumerate(changes) if index not in undone]
    if not done:
        raise NotApplied(problem)
    raise PartlyDone(problem, done, [changes[index].operation() for index in sorted(undone)])

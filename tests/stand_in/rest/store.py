"""``/api/store``: maintenance of the stores, blobs, and in the paid edition mail that was deleted."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from .. import errors
from ..call import Call, data
from ..clock import parse_rfc3339, rfc3339
from ..mail.storage import DeletedMail, blob_id, parse_blob_id
from ..values import parse_json
from . import area

_INDEXES = frozenset({"email", "calendar", "contacts", "file", "tracing"})
_ALL = 2**64 - 1
_COLLECTIONS = frozenset({"email", "fileNode", "calendarEvent", "contactCard", "sieveScript"})


@area("store")
async def handle(call: Call) -> Response:
    length = len(call.path)
    match call.method, call.segment(1), call.segment(2):
        case "GET", "blobs", _ if length > 2:
            return _blob(call)
        case "GET", "purge", ("blob" | "data" | "in-memory" | "account") as what:
            return _purge(call, what)
        case "GET", "reindex", _:
            return _reindex(call)
        case method, "undelete", _:
            call.token.require("undelete")
            if not call.server.enterprise:
                raise errors.enterprise_only()
            return _undelete(call, method)
        case "DELETE", "uids", _ if length == 3:
            account = _account(call, 2)
            return data(list(call.server.mail.reset_uids(account)))
        case ("GET" | "DELETE") as method, "quota", _ if length == 3:
            account = _account(call, 2)
            if method == "DELETE":
                call.server.mail.recalculate_quota(account)
            return data(call.server.directory.used_quota(account))
    raise errors.not_found()


def _account(call: Call, index: int) -> int:
    info = call.server.directory.info(call.element(index) or "")
    if info is None:
        raise errors.no_such_item("")
    return info.id


def _blob(call: Call) -> Response:
    call.token.require("blob-fetch")
    content = call.server.mail.blob(parse_blob_id(call.element(2) or ""))
    if content is None:
        raise errors.no_such_item("")
    offset, limit = call.query.size("offset"), call.query.number("limit")
    # The server's sum of both overflows, so that an offset without a limit finds nothing.
    end = min((offset + (_ALL if limit is None else limit)) % 2**64, len(content)) if offset or limit is not None else len(content)
    return Response(content[offset:end] if offset <= end else b"", media_type="application/octet-stream")


def _purge(call: Call, what: str) -> Response:
    call.token.require({"blob": "purge-blob-store", "data": "purge-data-store", "in-memory": "purge-in-memory-store", "account": "purge-account"}[what])
    name = call.segment(3) if len(call.path) > 3 else None
    if what in ("data", "in-memory") and name not in (None, "default") and f"store.{name}.type" not in call.server.settings.live:
        raise errors.not_found()
    if what == "account":
        for account in [_account(call, 3)] if name is not None else list(call.server.directory.principals):
            call.server.mail.purge(account)
    elif what == "in-memory" and not call.server.at_least(0, 15) and call.segment(4) == "bayes-account" and len(call.path) > 5:
        _account(call, 5)
    elif what == "blob":
        call.server.mail.purge_blobs()
    return data(None)


def _reindex(call: Call) -> Response:
    """Up to 0.14 the account follows at once; later an index comes first."""
    indexed = call.server.at_least(0, 15)
    if (indexed and len(call.path) < 3) or (not indexed and len(call.path) > 3):
        raise errors.not_found()
    call.token.require("fts-reindex")
    place = 3 if indexed else 2
    if len(call.path) > place:
        _account(call, place)
    if indexed and call.segment(2) not in _INDEXES:
        raise errors.bad_parameters("Invalid search index specified")
    if indexed:
        directory = call.server.directory
        everyone = directory.search(None, call.token.tenant_id, ("individual", "group"), 0, 0)[0]
        for account in [_account(call, place)] if len(call.path) > place else [principal.id for principal in everyone]:
            call.server.mail.open_container(account, call.segment(2))
    return data(None)


# Mail that was deleted, kept for a while by the paid edition


def _undelete(call: Call, method: str) -> Response:
    if method not in ("GET", "POST") or len(call.path) < 3:
        raise errors.not_found()
    info = call.server.directory.info(call.element(2) or "")
    if info is None:
        raise errors.not_found()
    account = call.server.mail.account(info.id)
    now = int(call.server.now())
    account.deleted = [mail for mail in account.deleted if mail.expires_at > now]
    if method == "GET":
        limit = call.query.size("limit")
        skip = max(call.query.size("page") - 1, 0) * limit
        deleted = sorted(account.deleted, key=lambda mail: mail.deleted_at)
        chosen = deleted[skip : skip + limit] if limit else deleted
        return data({"items": [_deleted_json(call, mail) for mail in chosen], "total": len(deleted)})
    requests = _read_undelete(call)
    if requests is None:
        requests = [(mail.blob, "email", mail.deleted_at, mail.expires_at) for mail in account.deleted]
    results = []
    for digest, collection, restore_time, cancel in requests:
        content = call.server.mail.blob(digest)
        if collection != "email":
            results.append({"type": "error", "reason": "Unsupported collection"})
        elif content is None:
            results.append({"type": "notFound"})
        else:
            call.server.mail.add(info.id, content, b"", restore_time)
            if cancel is not None:
                account.deleted = [mail for mail in account.deleted if (mail.blob, mail.expires_at) != (digest, cancel)]
            results.append({"type": "success"})
    return data(results)


def _deleted_json(call: Call, mail: DeletedMail) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "hash": blob_id(mail.blob),
        "size": mail.size,
        "deletedAt": rfc3339(mail.deleted_at),
        "expiresAt": rfc3339(mail.expires_at),
    }
    if not call.server.at_least(0, 15):
        return {**shown, "collection": "email"}
    item = {"type": "email", "from": mail.sender, "subject": mail.subject, "received_at": rfc3339(mail.received_at)}
    return {**shown, "item": item}


def _read_undelete(call: Call) -> list[tuple[bytes, str, int, int | None]] | None:
    """What to restore: hash, collection, the time it is to be dated, and the expiry it is to be taken off; None for everything. Raises Problem 400."""
    bad = errors.bad_parameters("One or multiple parameters could not be parsed.")
    try:
        sent = parse_json(call.body)
    except ValueError:
        raise bad from None
    if sent is None:
        return None
    requests: list[tuple[bytes, str, int, int | None]] = []
    for request in sent if isinstance(sent, list) else [sent]:
        if not isinstance(request, dict) or not all(isinstance(request.get(name), str) for name in ("hash", "collection", "restoreTime")):
            raise bad
        cancel_text = request.get("cancelDeletion")
        time, cancel = parse_rfc3339(request["restoreTime"]), parse_rfc3339(cancel_text) if isinstance(cancel_text, str) else None
        if request["collection"] not in _COLLECTIONS or time is None or (cancel_text is not None and cancel is None):
            raise bad
        requests.append((parse_blob_id(request["hash"]), request["collection"], time, cancel))
    return requests

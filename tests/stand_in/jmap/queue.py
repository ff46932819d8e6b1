"""QueuedMessage: what the queue holds, as objects."""

from __future__ import annotations

import json
from typing import Any

from ..mail.message import Failure, Message, Recipient, Source, State, Status
from ..mail.schedule import Expiry
from . import blobs, ids
from .calls import MethodCall, MethodError
from .objects import NOT_FOUND, Changes, compare, conditions, got, page, shown, unsupported, wanted_ids
from .patch import Patcher, PatchError, format_time, parse_time, split_pointer
from .store import SetError

_ERRORS = {"dns": "dnsError", "connection": "connectionError", "tls": "tlsError", "io": "io", "unexpected-reply": "unexpectedResponse"}
_MESSAGES = {"dns": "DNS resolution error: "}
_FLAGS = {Source.AUTHENTICATED: "authenticated", Source.UNAUTHENTICATED: "unauthenticated", Source.DSN: "dsn", Source.REPORT: "report"}
_CANCELED = Failure("localhost", "io", "Delivery canceled.")


def as_object(message: Message) -> dict[str, Any]:
    retry = message.next_delivery()
    notices = [recipient.notify_due for recipient in message.pending()]
    return {
        "createdAt": format_time(message.created),
        "nextRetry": format_time(retry) if retry is not None else None,
        "nextNotify": format_time(min(notices)) if notices else None,
        "blobId": blobs.identify(message.blob),
        "returnPath": message.return_path or "<>",
        "recipients": {recipient.address: _recipient(message, recipient) for recipient in message.recipients},
        "receivedFromIp": message.received_from,
        "receivedViaPort": 465 if message.received_via == 587 else message.received_via or 25,
        "flags": {_FLAGS[message.source]: True},
        "envId": None,
        "priority": 0,
        "size": message.size,
    }


def _recipient(message: Message, recipient: Recipient) -> dict[str, Any]:
    at = recipient.expiry.at(message.created)
    expires: dict[str, Any] = {"@type": "Attempts", "expiresAttempts": recipient.expiry.attempts}
    if at is not None:
        expires = {"@type": "Ttl", "expiresAt": format_time(at)}
    flags = [name for name, is_set in (("dsnSent", recipient.dsn_sent), ("spamPayload", recipient.is_spam)) if is_set]
    return {
        "retryCount": recipient.retries,
        "retryDue": format_time(recipient.retry_due),
        "notifyCount": recipient.notices,
        "notifyDue": format_time(min(recipient.notify_due, 253_402_300_799)),
        "expires": expires,
        "queueName": recipient.queue,
        "status": _status(recipient.status),
        "flags": dict.fromkeys(flags, True),
        "orcpt": recipient.original,
    }


def _status(status: Status) -> dict[str, Any]:
    failure = status.failure
    if status.state is State.SCHEDULED:
        return {"@type": "Scheduled"}
    reply = failure.reply if failure is not None else status.reply
    answer = {
        "responseHostname": failure.entity if failure is not None else status.hostname,
        "responseCode": reply.code if reply is not None else None,
        "responseEnhanced": ".".join(map(str, reply.enhanced)) if reply is not None else None,
        "responseMessage": reply.message if reply is not None else None,
    }
    if failure is None:
        return {"@type": "Completed", **answer}
    kind = "PermanentFailure" if status.state is State.PERMANENT_FAILURE else "TemporaryFailure"
    message = _MESSAGES.get(failure.kind, "") + failure.details if failure.reply is None else None
    command = failure.reply.command if failure.reply is not None else None
    return {"@type": kind, "errorType": _ERRORS[failure.kind], "errorMessage": message, "errorCommand": command, **answer}


def get(call: MethodCall) -> dict[str, Any]:
    queue = call.service.server.queue
    numbers, invalid = wanted_ids(call)
    listed = sorted(queue.messages)[: call.service.limits["getMaxResults"]] if numbers is None else numbers
    found = [shown(call, as_object(queue.messages[number]), number) for number in listed if number in queue.messages]
    return got(call, found, [number for number in listed if number not in queue.messages], invalid)


def query(call: MethodCall) -> dict[str, Any]:
    texts: dict[str, str] = {}
    times: list[tuple[str, int]] = []
    for name, suffix, value in conditions(call):
        if name == "due" and isinstance(value, str):
            try:
                times.append((suffix, int(parse_time(value))))
            except ValueError:
                raise unsupported(name) from None
        elif name in ("queueName", "returnPath", "to", "text") and isinstance(value, str):
            texts[name] = value
        else:
            raise unsupported(name)
    sort = (call.arguments.get("sort") or [{"property": "due", "isAscending": False}])[0]
    if sort.get("property") != "due":
        raise MethodError("unsupportedSort", "Only sorting by 'due' is supported for queued messages")
    found: list[tuple[int, int]] = []
    for number, message in call.service.server.queue.messages.items():
        due = message.next_delivery(texts.get("queueName"))
        if due is not None and all(compare(suffix, due, time) for suffix, time in times) and _matches(message, texts):
            found.append((due, number))
    found.sort(key=lambda item: item if sort.get("isAscending", True) else (-item[0], -item[1]))
    walked = not texts.keys() & {"returnPath", "to", "text"}
    return page(call, [number for _, number in found], call.arguments, call.service.limits["queryMaxResults"], walked=walked)


def _matches(message: Message, texts: dict[str, str]) -> bool:
    addresses = [recipient.address for recipient in message.recipients]
    if "text" in texts:
        return any(texts["text"] in value for value in [message.return_path, *addresses])
    return texts.get("returnPath", "") in message.return_path and any(texts.get("to", "") in address for address in addresses)


def set_messages(call: MethodCall) -> dict[str, Any]:
    queue, changes = call.service.server.queue, Changes(call)
    for key in call.arguments.get("create") or {}:
        changes.not_created[key] = SetError("forbidden", "Queued messages cannot be created").as_json()
    touched = False
    for number, patch in changes.updates():
        text, message = ids.encode(number), queue.read(number)
        if message is None:
            changes.not_updated[text] = NOT_FOUND
            continue
        before = as_object(message)
        value = {**before, "nextRetry": None}
        try:
            for pointer, item in patch.items():
                value = Patcher(call.service.schema).at("QueuedMessage", value, split_pointer(pointer), item)
            if _apply(message, value):
                touched = True
                if message.pending():
                    queue.replace(message)
                else:
                    queue.remove(message)
            changes.updated[text] = None
        except PatchError as error:
            changes.not_updated[text] = SetError("invalidPatch", error.message, [error.path]).as_json()
        except SetError as error:
            changes.not_updated[text] = error.as_json()
    if touched:
        queue.wake()
    for number in changes.destroys():
        message = queue.read(number)
        if message is None:
            changes.not_destroyed[ids.encode(number)] = NOT_FOUND
        else:
            queue.remove(message)
            changes.destroyed.append(ids.encode(number))
    return changes.as_json()


def _apply(message: Message, value: dict[str, Any]) -> bool:
    """Have the message as the patched object says; whether that changed anything."""
    before = json.dumps(as_object(message), sort_keys=True)
    recipients = {recipient.address: recipient for recipient in message.recipients}
    for address in value["recipients"]:
        if address not in recipients:
            raise SetError("invalidProperties", f"Recipient '{address}' does not exist")
    for address, recipient in recipients.items():
        wanted = value["recipients"].get(address)
        if wanted is None:
            recipient.status = Status(State.PERMANENT_FAILURE, _CANCELED)
            continue
        expires = wanted["expires"]
        if expires["@type"] == "Attempts":
            recipient.expiry = Expiry(attempts=expires["expiresAttempts"])
        elif format_time(recipient.expiry.at(message.created) or 0) != expires["expiresAt"]:
            recipient.expiry = Expiry(ttl=max(int(parse_time(expires["expiresAt"])) - message.created, 0))
        recipient.retry_due, recipient.retries = int(parse_time(wanted["retryDue"])), wanted["retryCount"]
        if format_time(min(recipient.notify_due, 253_402_300_799)) != wanted["notifyDue"]:
            recipient.notify_due = int(parse_time(wanted["notifyDue"]))
        recipient.notices, recipient.original = wanted["notifyCount"], wanted["orcpt"]
        if value["nextRetry"] is not None and recipient.status.state is not State.PERMANENT_FAILURE:
            recipient.retry_due = int(parse_time(value["nextRetry"]))
        if wanted["status"]["@type"] == "Scheduled" and recipient.status.state is not State.SCHEDULED:
            recipient.status = Status(State.SCHEDULED)
    return json.dumps(as_object(message), sort_keys=True) != before

"""Actions: done at once, never kept."""

from __future__ import annotations

import os
import pathlib
import time
from email import message_from_bytes, policy
from typing import Any

from ..mail import authentication, spam
from ..mail.queue import is_message
from . import ids
from .calls import MethodCall, MethodError
from .objects import Changes, got, wanted_ids
from .patch import Patcher, PatchError, check
from .store import SetError, object_id

_SENT = {
    "TroubleshootDmarc": ("message", "remoteIp", "ehloDomain", "mailFrom", "to"),
    "ClassifySpam": ("message", "remoteIp", "ehloDomain", "authenticatedAs", "isTls", "envFrom", "envFromParameters", "envRcptTo"),
}
_RESULTS = {"softFail": "SoftFail", "tempError": "TempError", "permError": "PermError"}


def get(call: MethodCall) -> dict[str, Any]:
    numbers, invalid = wanted_ids(call)
    return got(call, [], numbers or [], invalid)


def query(call: MethodCall) -> dict[str, Any]:
    raise MethodError("invalidArguments", "Actions cannot be queried")


def set_actions(call: MethodCall) -> dict[str, Any]:
    schema, changes = call.service.schema, Changes(call)
    for number, _ in changes.updates():
        changes.not_updated[ids.encode(number)] = SetError("forbidden", "Actions cannot be updated").as_json()
    for number in changes.destroys():
        changes.not_destroyed[ids.encode(number)] = SetError("forbidden", "Actions cannot be destroyed").as_json()
    for key, new in (call.arguments.get("create") or {}).items():
        try:
            value = Patcher(schema, create=True).whole("Action", schema.new("Action"), new)
            if errors := check(schema, "Action", value):
                raise SetError("validationFailed", more={"validationErrors": errors})
            if not call.token.may(f"action{value['@type']}"):
                raise SetError("forbidden", f"Insufficient permissions to perform action of type {value['@type']}")
            answer = _perform(call, value)
            if answer is None:
                changes.create(key, int(call.service.server.now()))
            else:
                changes.created[key] = {name: item for name, item in answer.items() if name not in _SENT[value["@type"]]}
        except PatchError as error:
            changes.not_created[key] = SetError("invalidPatch", error.message, [error.path]).as_json()
        except SetError as error:
            changes.not_created[key] = error.as_json()
    return changes.as_json()


def _perform(call: MethodCall, value: dict[str, Any]) -> dict[str, Any] | None:
    """What the answer shows beside an id, None for nothing. Raises SetError."""
    server = call.service.server
    match value["@type"]:
        case "ReloadSettings":
            _check_everything(call)
            server.reload()
        case "ReloadTlsCertificates":
            call.service.load_certificates()
        case "ReloadBlockedIps":
            server.access.reload_blocked()
        case "InvalidateCaches" | "InvalidateNegativeCaches":
            server.directory.cache.clear()
        case "PauseMtaQueue":
            server.queue.pause(True)
        case "ResumeMtaQueue":
            server.queue.pause(False)
            server.queue.wake()
        case "ClassifySpam":
            return _classify(call, value)
        case "TroubleshootDmarc":
            return _troubleshoot(call, value)
    return None


def _check_everything(call: MethodCall) -> None:
    """A reload reads every object, and one that is broken fails it. Raises SetError."""
    store, schema = call.service.store, call.service.schema
    for kind in schema.objects:
        for number, value in store.items(kind):
            reason = _missing_secret(value)
            if reason is not None:
                raise SetError("validationFailed", reason, more={"objectId": object_id(kind, number)})


def _missing_secret(value: Any) -> str | None:
    """A secret that an object looks for elsewhere, and that is not there."""
    if not isinstance(value, dict):
        return None
    if value.get("@type") == "EnvironmentVariable" and not os.environ.get(value.get("variableName", "")):
        return f"Environment variable '{value.get('variableName', '')}' not found"
    if value.get("@type") == "File" and "filePath" in value and not pathlib.Path(value["filePath"]).is_file():
        return f"Failed to read secret from file '{value['filePath']}': No such file or directory (os error 2)"
    return next((reason for reason in map(_missing_secret, value.values()) if reason is not None), None)


def _classify(call: MethodCall, value: dict[str, Any]) -> dict[str, Any]:
    server = call.service.server
    content = value["message"].replace("\r\n", "\n").replace("\n", "\r\n").encode()
    if not is_message(content):
        raise SetError("invalidProperties", "Failed to parse the message for spam classification", ["message"])
    now, address, ehlo = int(server.now()), value["remoteIp"], value["ehloDomain"]
    checks = authentication.check(server.resolver, content, address, value["envFrom"], ehlo.lower(), now)
    verdict = spam.classify(
        server.settings.live,
        spam.Input(
            content,
            address,
            ehlo,
            value["envFrom"],
            list(value["envRcptTo"]),
            checks,
            server.resolver,
            value["isTls"],
            value["authenticatedAs"] is not None,
        ),
        now,
        early=False,
    )
    tags = {tag: _tag(call, tag) for tag in verdict.tags}
    actions = {tag["disposition"] for name, tag in tags.items() if call.service.store.unique("SpamTag", "tag", name) is not None}
    limit = float(call.service.running["SpamSettings"].get("scoreSpam") or 5.0)
    decided = next((action for action in ("reject", "discard") if action in actions), None)
    result = decided or ("spam" if sum(tag["score"] for tag in tags.values()) >= limit else "ham")
    return {**value, "score": float(sum(tag["score"] for tag in tags.values())), "tags": tags, "result": result}


def _tag(call: MethodCall, name: str) -> dict[str, Any]:
    """What a tag counts: only tags with an object have a score."""
    number = call.service.store.unique("SpamTag", "tag", name)
    found = call.service.store.get("SpamTag", number) if number is not None else None
    kind = found["@type"].lower() if found is not None else "reject"
    return {"score": float(found["score"]) if found is not None and kind == "score" else 0.0, "disposition": kind}


def _result(result: Any) -> dict[str, Any]:
    kind = _RESULTS.get(result.kind, result.kind[:1].upper() + result.kind[1:])
    if kind in ("Pass", "None"):
        return {"@type": kind}
    return {"@type": kind, "details": result.json().get("details")}


def _troubleshoot(call: MethodCall, value: dict[str, Any]) -> dict[str, Any]:
    server, start = call.service.server, time.monotonic()
    sender, ehlo = value["mailFrom"].lower(), value["ehloDomain"].lower()
    body = value["message"]
    content = (body if body is not None else f"From: {sender}\r\nSubject: test\r\n\r\ntest").encode()
    if not message_from_bytes(content, policy=policy.compat32).keys() or b"\n" not in content:
        raise SetError("invalidProperties", "Failed to parse the message for DMARC troubleshooting", ["body"])
    checks = authentication.check(server.resolver, content, value["remoteIp"], sender, ehlo, int(server.now()))
    passed = any(signature.result.kind == "pass" for signature in checks.signatures)
    return {
        **value,
        "spfEhloDomain": checks.ehlo.domain,
        "spfEhloResult": _result(checks.ehlo.result),
        "spfMailFromDomain": checks.sender.domain,
        "spfMailFromResult": _result(checks.sender.result),
        "ipRevResult": _result(checks.reverse.result),
        "ipRevPtr": dict.fromkeys(checks.reverse.names or (), True),
        "dkimResults": {str(place): _result(signature.result) for place, signature in enumerate(checks.signatures)},
        "dkimPass": passed,
        "dkim2Result": {"@type": "None"},
        "dkim2Pass": False,
        "arcResult": {"@type": "None"},
        "dmarcResult": _result(checks.dmarc.result),
        "dmarcPass": checks.dmarc.result.kind == "pass",
        "dmarcPolicy": checks.dmarc.policy,
        "elapsed": int((time.monotonic() - start) * 1000),
    }

"""``/api/spam-filter``: training and trying out the spam filter."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

from starlette.responses import Response

from .. import errors
from ..call import Call, data
from ..mail import authentication, spam
from ..mail.queue import is_message
from ..state import Server
from ..values import parse_json
from . import area

_CLASSES = ("spam", "ham")


@area("spam-filter")
async def handle(call: Call) -> Response:
    if not call.server.at_least(0, 15):
        return _handle_early(call)
    match call.method, call.segment(1), call.element(2):
        case "POST", "upload", ("ham" | "spam") as kind:
            call.token.require("spam-filter-train")
            return _upload(call, is_spam=kind == "spam")
        case "GET", "train", request:
            call.token.require("spam-filter-train")
            return data(_train(call.server, request))
        case "POST", "classify", _:
            call.token.require("spam-filter-test")
            return _classify(call)
    raise errors.not_found()


def _handle_early(call: Call) -> Response:
    """Up to 0.14 the right to train comes first, whatever is asked for, and a message is learned from at once."""
    call.token.require("spam-filter-train")
    match call.method, call.segment(1), call.segment(2):
        case "POST", "train", ("ham" | "spam") as kind:
            content = call.body or b""
            if not is_message(content):
                raise errors.other("Failed to parse message.")
            if (account := call.element(3)) and call.server.directory.info(account) is None:
                raise errors.no_such_item(call.segment(3))
            call.server.mail.add_sample(content, is_spam=kind == "spam")
            return data(None)
        case "POST", "classify", _:
            return _classify(call)
    raise errors.not_found()


def _upload(call: Call, *, is_spam: bool) -> Response:
    if call.body is None:
        raise errors.other("Failed to parse message.")
    account, tenant = call.element(3), call.token.tenant_id
    if account:
        info = call.server.directory.info(account)
        if info is None:
            raise errors.no_such_item(call.segment(3))
        if tenant is not None and not info.visible_to(tenant):
            raise errors.other("Account does not belong to this tenant.")
    elif tenant is not None:
        raise errors.other("Account ID is required for tenants.")
    call.server.mail.add_sample(call.body, is_spam=is_spam)
    return data(None)


def _train(server: Server, request: str | None) -> bool:
    trainer = server.mail.trainer
    match request:
        case "start" | "reset":
            if trainer.running:
                return False
            trainer.running = True
            server.spawn(_run_training(server, reset=request == "reset"))
            return True
        case "stop":
            was_running, trainer.running = trainer.running, False
            return was_running
        case "delete":
            trainer.learned = 0
            return True
        case "status":
            return trainer.running
    raise errors.not_found()


async def _run_training(server: Server, *, reset: bool) -> None:
    """Learn from the samples that came in since, a slice at a time, so that it can be stopped."""
    trainer = server.mail.trainer
    if reset:
        trainer.learned = 0
    server.events.emit("spam.train-started")
    try:
        while trainer.running and trainer.learned < len(trainer.samples):
            trainer.learned += 1
            await asyncio.sleep(0)
    finally:
        trainer.running = False
    if trainer.learned < trainer.enough:
        server.events.emit("spam.model-not-ready", {"total": trainer.learned})


def _classify(call: Call) -> Response:
    given = _read(call)
    content = given["message"].replace("\r\n", "\n").replace("\n", "\r\n").encode()
    if not is_message(content):
        raise errors.other("Failed to parse message.")
    sender, recipients = given["envFrom"], given["envRcptTo"]
    address, ehlo_domain, now, resolver = str(ipaddress.ip_address(given["remoteIp"])), given["ehloDomain"], int(call.server.now()), call.server.resolver
    checks = authentication.check(resolver, content, address, sender, ehlo_domain.lower(), now)
    authenticated = given["authenticatedAs"] is not None
    verdict = spam.classify(
        call.server.settings.live,
        spam.Input(content, address, ehlo_domain, sender, recipients, checks, resolver, given["isTls"], authenticated),
        now,
        early=not call.server.at_least(0, 15),
    )
    tags = {tag: {"action": score} if isinstance(score, str) else {"action": "allow", "value": float(score)} for tag, score in verdict.tags.items()}
    disposition = {"action": "allow", "value": verdict.headers} if verdict.action == "allow" else {"action": verdict.action}
    return data({"score": float(verdict.score), "tags": tags, "disposition": disposition})


def _read(call: Call) -> dict[str, Any]:
    """The request, with the server's types. Raises Problem 400."""
    defaults: dict[str, Any] = {"ehloDomain": "", "authenticatedAs": None, "isTls": False}
    try:
        given: dict[str, Any] = defaults | parse_json(call.body)
        ipaddress.ip_address(given["remoteIp"])
        texts = ("message", "remoteIp", "ehloDomain", "envFrom")
        flags = given["envFromFlags"]
        valid = (
            all(isinstance(given[name], str) for name in texts)
            and isinstance(given["authenticatedAs"], (str, type(None)))
            and isinstance(given["isTls"], bool)
            and isinstance(flags, int)
            and not isinstance(flags, bool)
            and flags >= 0
            and isinstance(given["envRcptTo"], list)
            and all(isinstance(address, str) for address in given["envRcptTo"])
        )
    except (ValueError, TypeError, KeyError):
        raise errors.bad_parameters() from None
    if not valid:
        raise errors.bad_parameters()
    return given

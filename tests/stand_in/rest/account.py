"""``/api/account``: what an account may do for itself, its passwords and its encryption at rest."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from .. import errors
from ..call import Call, data
from ..mail.encryption import CertificateError, Encryption, read_certificates
from ..principal import Update
from ..values import parse_json, quoted
from . import area

_BASIC_ONLY = frozenset({"setPassword", "enableOtpAuth", "disableOtpAuth"})
# The fields of each request: name -> whether it must be there.
_REQUESTS: dict[str, dict[str, bool]] = {
    "setPassword": {"password": True},
    "enableOtpAuth": {"url": True},
    "disableOtpAuth": {"url": False},
    "addAppPassword": {"name": True, "password": True},
    "removeAppPassword": {"name": False},
}


@area("account")
async def handle(call: Call) -> Response:
    match call.segment(1), call.method:
        case "crypto", "GET":
            call.token.require("manage-encryption")
            return _show_encryption(call)
        case "crypto", "POST":
            call.token.require("manage-encryption")
            return _set_encryption(call)
        case "auth", "GET":
            call.token.require("manage-passwords")
            return _show_logins(call)
        case "auth", "POST":
            call.token.require("manage-passwords")
            return _change_logins(call)
    raise errors.not_found()


# Passwords


def _show_logins(call: Call) -> Response:
    if call.token.is_fallback_admin:
        return data({"otpEnabled": False, "appPasswords": []})
    principal = call.server.directory.by_id(call.token.principal_id)
    if principal is None:
        raise errors.no_such_item("")
    names = [secret.removeprefix("$app$").split("$", 1)[0] for secret in principal.app_passwords() if "$" in secret.removeprefix("$app$")]
    return data({"otpEnabled": principal.otp_url() is not None, "appPasswords": names})


def _read_requests(call: Call) -> list[dict[str, str | None]]:
    """Raises Problem 400."""
    try:
        sent = parse_json(call.body)
    except ValueError:
        raise errors.bad_parameters() from None
    requests: list[dict[str, str | None]] = []
    for request in sent if isinstance(sent, list) else [sent]:
        if not isinstance(request, dict):
            raise errors.bad_parameters()
        kind = request.get("type")
        fields = _REQUESTS.get(kind) if isinstance(kind, str) else None
        if fields is None or not all(isinstance(request.get(name), str if required else (str, type(None))) for name, required in fields.items()):
            raise errors.bad_parameters()
        requests.append({"type": request["type"], **{name: request.get(name) for name in fields}})
    if not requests:
        raise errors.bad_parameters("Empty request")
    return requests


def _change_logins(call: Call) -> Response:
    requests = _read_requests(call)
    needs_basic = any(request["type"] in _BASIC_ONLY for request in requests)
    if needs_basic and not call.headers.get("authorization", "").lower().startswith("basic "):
        raise errors.other("Password changes only allowed using Basic auth")
    if call.token.is_fallback_admin:
        if requests[0]["type"] != "setPassword":
            raise errors.other("Fallback administrator accounts do not support 2FA or AppPasswords")
        # Stored in the local file, and live only after a reload.
        call.server.settings.put([("authentication.fallback-admin.secret", requests[0]["password"] or "")])
        return data(None)
    updates: list[Update] = []
    for request in requests:
        match request["type"]:
            case "setPassword":
                updates += [Update("removeItem", "secrets", ""), Update("addItem", "secrets", request["password"] or "")]
            case "enableOtpAuth":
                updates.append(Update("addItem", "secrets", request["url"] or ""))
            case "disableOtpAuth":
                url = request["url"]
                updates.append(Update("removeItem", "secrets", "otpauth://" if url is None else url))
            case "addAppPassword":
                updates.append(Update("addItem", "secrets", f"$app${request['name']}${request['password']}"))
            case "removeAppPassword":
                updates.append(Update("removeItem", "secrets", f"$app${request['name'] or ''}"))
    changes = call.server.directory.update(call.token.principal_id, updates, call.token.tenant_id, None)
    call.server.access.forget(changes)
    return data(None)


# Encryption at rest


def _show_encryption(call: Call) -> Response:
    encryption = call.server.mail.encryption.get(call.token.principal_id)
    if encryption is None:
        return data({"type": "disabled"})
    shown: dict[str, Any] = {"type": encryption.method, "algo": encryption.algorithm, "certs": encryption.export(early=not call.server.at_least(0, 15))}
    if call.server.at_least(0, 15):
        shown["allow_spam_training"] = encryption.allow_spam_training
    return data(shown)


def _set_encryption(call: Call) -> Response:
    given = _read_encryption(call)
    if given is None:
        call.server.mail.encryption.pop(call.token.principal_id, None)
        return data(None)
    if call.server.settings.live.get("email.encryption.enable", "true") == "false":
        raise errors.unsupported("Encryption-at-rest has been disabled by the system administrator")
    try:
        certificates = read_certificates(given["type"], given["certs"], early=not call.server.at_least(0, 15))
    except CertificateError as error:
        raise errors.other(str(error)) from None
    encryption = Encryption(given["type"], given["algo"], certificates, given.get("allow_spam_training", False))
    call.server.mail.encryption[call.token.principal_id] = encryption
    return data(len(certificates))


def _read_encryption(call: Call) -> dict[str, Any] | None:
    """The request, None to disable. Raises Problem 400 with the words of the server's reader."""
    source = (call.body or b"").decode("utf-8", "replace")
    try:
        given = parse_json(call.body)
    except ValueError as error:
        raise errors.bad_parameters(_syntax_error(source, error)) from None
    if given == []:
        raise errors.bad_parameters(f"missing field `type`{_place(source, len(source))}")
    if not isinstance(given, dict):
        raise errors.bad_parameters(f"invalid type: {_kind(given)}, expected internally tagged enum EncryptionType{_place(source, len(source))}")
    if "type" not in given:
        raise errors.bad_parameters(f"missing field `type`{_place(source, len(source))}")
    kind = given["type"]
    where = _place(source, _end_of_type(source))
    if not isinstance(kind, str):
        raise errors.bad_parameters(f"invalid type: {_kind(kind)}, expected variant identifier{where}")
    if kind not in ("pGP", "sMIME", "disabled"):
        raise errors.bad_parameters(f"unknown variant `{kind}`, expected one of `pGP`, `sMIME`, `disabled`{where}")
    if kind == "disabled":
        return None
    fields: dict[str, type] = {"algo": str, "certs": str}
    if call.server.at_least(0, 15):
        fields["allow_spam_training"] = bool
    # Fields that are there are read in the order sent, before those that are missing are noticed.
    for name, value in given.items():
        if name in fields and not isinstance(value, fields[name]):
            raise errors.bad_parameters(f"invalid type: {_kind(value)}, expected {'a boolean' if fields[name] is bool else 'a string'}")
        if name == "algo" and value not in ("Aes128", "Aes256"):
            raise errors.bad_parameters(f"unknown variant `{value}`, expected `Aes128` or `Aes256`")
    for name in fields:
        if name not in given:
            raise errors.bad_parameters(f"missing field `{name}`")
    return given


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int():
            return f"integer `{value}`"
        case float():
            return f"floating point `{value}`"
        case str():
            return f"string {quoted(value)}"
        case list():
            return "sequence"
    return "map"


def _place(source: str, end: int) -> str:
    before = source[:end]
    return f" at line {before.count(chr(10)) + 1} column {end - before.rfind(chr(10)) - 1}"


def _end_of_type(source: str) -> int:
    """Where the value of the outermost ``type`` ends."""
    decoder = json.JSONDecoder()
    position = source.index("{") + 1
    while True:
        position = _skip_blanks(source, position)
        key, position = decoder.raw_decode(source, position)
        position = _skip_blanks(source, _skip_blanks(source, position) + 1)
        _, position = decoder.raw_decode(source, position)
        if key == "type":
            return position
        position = _skip_blanks(source, position) + 1


def _skip_blanks(source: str, position: int) -> int:
    while position < len(source) and source[position] in " \t\r\n":
        position += 1
    return position


def _syntax_error(source: str, error: ValueError) -> str:
    if not source.strip():
        return f"EOF while parsing a value at line 1 column {len(source)}"
    position = min(getattr(error, "pos", len(source)), len(source))
    if position >= len(source.rstrip()):
        opened = "an object" if source.lstrip().startswith("{") else "a list" if source.lstrip().startswith("[") else "a value"
        return f"EOF while parsing {opened}{_place(source, len(source))}"
    return f"expected value{_place(source, position + 1)}"

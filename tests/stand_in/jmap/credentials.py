"""What an account has of its own beside its password: keys, app passwords, its settings and the change of its password."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from .. import passwords
from . import checks, ids
from .calls import MethodCall, MethodError
from .objects import MASK, NOT_FOUND, SINGLETON_ID, Changes, compare, conditions, got, page, shown, sorting, unsupported, wanted_ids
from .patch import Patcher, PatchError, check, format_time, split_pointer
from .store import SetError

_SETTINGS = ("encryptionAtRest", "locale", "description", "timeZone")
_VARIANTS = {"ApiKey": "ApiKey", "AppPassword": "AppPassword"}
_WORDS = {"ApiKey": "API keys", "AppPassword": "app passwords"}
_QUOTAS = {"ApiKey": ("maxApiKeys", "maxApiKeys"), "AppPassword": ("maxAppPasswords", "maxAppPasswords")}


def _user(call: MethodCall) -> dict[str, Any] | None:
    found = call.service.store.get("Account", call.account)
    return found if found is not None and found["@type"] == "User" else None


def _password(account: dict[str, Any]) -> dict[str, Any] | None:
    return next((item for item in account["credentials"].values() if item["@type"] == "Password"), None)


# --- settings and password ---------------------------------------------------


def get_own(call: MethodCall) -> dict[str, Any]:
    """AccountSettings and AccountPassword: the only singletons that answer to no ids too."""
    numbers, invalid = wanted_ids(call)
    account = _user(call)
    if account is None:
        return got(call, [], numbers or [], invalid)
    numbers = [SINGLETON_ID] if numbers is None else numbers
    value: dict[str, Any] | None = {name: account[name] for name in _SETTINGS}
    if call.kind == "AccountPassword":
        password = _password(account)
        otp = MASK if password is not None and password.get("otpAuth") else None
        value = {"secret": MASK, "currentSecret": None, "otpAuth": {"otpCode": None, "otpUrl": otp}} if password is not None else None
    if SINGLETON_ID not in numbers or value is None:
        return got(call, [], numbers, invalid)
    missing = [number for number in numbers if number != SINGLETON_ID]
    return got(call, [shown(call, value, SINGLETON_ID)], missing, invalid)


def set_settings(call: MethodCall) -> dict[str, Any]:
    changes, account = Changes(call), _user(call)
    if account is None:
        return changes.refuse_all(SetError("notFound"))
    list(changes.destroys())
    for number, patch in changes.updates():
        text = ids.encode(number)
        if number != SINGLETON_ID:
            changes.not_updated[text] = NOT_FOUND
            continue
        value = account
        try:
            for name, item in patch.items():
                if name not in _SETTINGS:
                    raise SetError("invalidProperties", properties=[name])
                value = Patcher(call.service.schema).at("Account", value, (name,), item)
            call.service.store.put("Account", call.account, value)
            changes.updated[text] = None
        except PatchError as error:
            changes.not_updated[text] = SetError("invalidPatch", error.message, [error.path]).as_json()
        except SetError as error:
            changes.not_updated[text] = error.as_json()
    return changes.as_json()


def set_password(call: MethodCall) -> dict[str, Any]:
    changes, account = Changes(call), _user(call)
    if account is None:
        return changes.refuse_all(SetError("notFound"))
    credential = _password(account)
    if credential is None:
        return changes.refuse_all(SetError("forbidden", "Your account does not support password changes"))
    list(changes.destroys())
    for number, patch in changes.updates():
        text = ids.encode(number)
        if number != SINGLETON_ID:
            changes.not_updated[text] = NOT_FOUND
            continue
        try:
            new = _changed_password(call, credential, patch)
            credentials = {place: new if item is credential else item for place, item in account["credentials"].items()}
            call.service.store.put("Account", call.account, {**account, "credentials": credentials})
            changes.updated[text] = None
        except PatchError as error:
            changes.not_updated[text] = SetError("invalidPatch", error.message, [error.path]).as_json()
        except SetError as error:
            changes.not_updated[text] = error.as_json()
    return changes.as_json()


def _changed_password(call: MethodCall, credential: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    otp = credential.get("otpAuth")
    value: dict[str, Any] = {"secret": None, "currentSecret": None, "otpAuth": {"otpCode": None, "otpUrl": MASK if otp else None}}
    for pointer, item in patch.items():
        value = Patcher(call.service.schema).at("AccountPassword", value, split_pointer(pointer), item)
    secret = None if value["secret"] in (None, MASK) else value["secret"]
    new_otp = otp if value["otpAuth"]["otpUrl"] == MASK else value["otpAuth"]["otpUrl"]
    if secret is None and new_otp == otp:
        return credential
    if value["currentSecret"] is None:
        raise SetError("forbidden", "Current secret must be provided to change the password or OTP auth.")
    if not passwords.fits(credential["secret"], value["currentSecret"]):
        raise SetError("forbidden", "Current secret is incorrect.")
    code = value["otpAuth"]["otpCode"]
    if otp and code is None:
        raise SetError("forbidden", "Current OTP code is required to change the password or OTP auth.")
    if otp and not passwords.totp_fits(otp, code, call.service.server.now()):
        raise SetError("forbidden", "Current secret is incorrect.")
    if secret is not None:
        reason = checks.weakness(call.service.running["Authentication"], secret)
        if reason is not None:
            raise SetError("invalidProperties", reason, ["secret"])
        credential = {**credential, "secret": checks.hashed(call.service.server, secret)}
    return {**credential, "otpAuth": new_otp}


# --- keys and app passwords --------------------------------------------------


def get(call: MethodCall) -> dict[str, Any]:
    numbers, invalid = wanted_ids(call)
    account = _user(call)
    if account is None:
        return got(call, [], numbers or [], invalid)
    if numbers is None:
        numbers = [ids.decode(item["credentialId"]) or 0 for item in account["credentials"].values()]
    found, seen = [], set()
    for item in account["credentials"].values():
        number = ids.decode(item["credentialId"]) or 0
        if item["@type"] == call.kind and number in numbers:
            found.append(shown(call, {name: value for name, value in item.items() if name not in ("credentialId", "@type")}, number))
            seen.add(number)
    return got(call, found, [number for number in numbers if number not in seen], invalid)


def query(call: MethodCall) -> dict[str, Any]:
    account = _user(call)
    if account is None:
        raise MethodError("forbidden", "Account not found.")
    own = {ids.decode(item["credentialId"]) or 0: item for item in account["credentials"].values() if item["@type"] == call.kind}
    for name, suffix, value in conditions(call):
        if name != "expiresAt" or not isinstance(value, str):
            raise unsupported(name)
        own = {number: item for number, item in own.items() if item["expiresAt"] is not None and compare(suffix, item["expiresAt"], value)}
    by, ascending = sorting(call, ("id", "expiresAt"))
    matches = sorted(own, key=lambda number: (own[number]["expiresAt"] or "" if by == "expiresAt" else "", number), reverse=not ascending)
    return page(call, matches, call.arguments, call.service.limits["queryMaxResults"])


def set_credentials(call: MethodCall) -> dict[str, Any]:
    changes, account = Changes(call), _user(call)
    if account is None:
        return changes.refuse_all(SetError("notFound"))
    own = list(account["credentials"].values())
    for key, new in (call.arguments.get("create") or {}).items():
        try:
            credential, secret = _new(call, account, own, new)
            own.append(credential)
            changes.create(key, ids.decode(credential["credentialId"]) or 0, secret=secret)
            call.service.access.keys[secret] = call.account, credential["credentialId"]
        except PatchError as error:
            changes.not_created[key] = SetError("invalidPatch", error.message, [error.path]).as_json()
        except SetError as error:
            changes.not_created[key] = error.as_json()
    for number, patch in changes.updates():
        text = ids.encode(number)
        place = next((index for index, item in enumerate(own) if item["credentialId"] == text), None)
        if place is None:
            changes.not_updated[text] = NOT_FOUND
            continue
        value = own[place]
        try:
            for pointer, item in patch.items():
                value = Patcher(call.service.schema).at("Credential", value, split_pointer(pointer), item)
            if value != own[place]:
                _check_permissions(call, value)
            own[place] = value
            changes.updated[text] = None
        except PatchError as error:
            changes.not_updated[text] = SetError("invalidPatch", error.message, [error.path]).as_json()
        except SetError as error:
            changes.not_updated[text] = error.as_json()
    for number in changes.destroys():
        text = ids.encode(number)
        found = next((item for item in own if item["credentialId"] == text), None)
        if found is None:
            changes.not_destroyed[text] = NOT_FOUND
        elif found["@type"] == "Password":
            words = "Users are not allowed to destroy their own credentials."
            changes.not_destroyed[text] = SetError("forbidden", words).as_json()
        else:
            own.remove(found)
            changes.destroyed.append(text)
    if own != list(account["credentials"].values()):
        call.service.store.put("Account", call.account, {**account, "credentials": {str(place): item for place, item in enumerate(own)}})
    return changes.as_json()


def _new(call: MethodCall, account: dict[str, Any], own: list[dict[str, Any]], new: Any) -> tuple[dict[str, Any], str]:
    schema, kind = call.service.schema, call.kind
    value = Patcher(schema, create=True).whole(kind, schema.new(kind), new)
    quota, default = _QUOTAS[kind]
    most = account["quotas"].get(quota, call.service.running["Authentication"][default])
    if sum(item["@type"] == kind for item in own) >= most:
        raise SetError("overQuota", f"You have exceeded your quota of {most} {_WORDS[kind]}.")
    number = max((ids.decode(item["credentialId"]) or 0 for item in own), default=0) + 1
    prefix = "API_" if kind == "ApiKey" else "app_"
    head = call.account.to_bytes(4, "big") + number.to_bytes(4, "big") if kind == "ApiKey" else number.to_bytes(4, "big")
    secret = prefix + base64.urlsafe_b64encode(head + secrets.token_bytes(32)).decode().rstrip("=")
    stamped = {**value, "createdAt": format_time(call.service.server.now()), "secret": secret, "credentialId": ids.encode(number), "@type": kind}
    if errors := check(schema, kind, {name: item for name, item in stamped.items() if name not in ("credentialId", "@type")}):
        raise SetError("validationFailed", more={"validationErrors": errors})
    _check_permissions(call, stamped)
    return stamped, secret


def _check_permissions(call: MethodCall, credential: dict[str, Any]) -> None:
    """A credential may have no more than the caller."""
    permissions = credential["permissions"]
    wanted = permissions.get("permissions", ()) if permissions["@type"] == "Replace" else ()
    missing = call.service.access.may_grant(call.token, wanted)
    if missing:
        raise checks.refused_permissions(missing)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Principals over REST: the wire names of types and fields, and the patches that do what they seem to do."""

from __future__ import annotations

import base64
import secrets
import typing as t

from ..._errors import NotFound, StalwartError
from ..._passwords import hash_password
from ..models.principal import Add, Edit, Principal, PrincipalType, PrincipalWrite, Remove, Set, SetAppPassword, SetPassword
from ._call import RestCaller
from .permissions import PERMISSIONS
from .settings import RestSettings

_TO_WIRE_TYPE: dict[str, str] = {"api_key": "apiKey", "oauth_client": "oauthClient"}
_FROM_WIRE_TYPE: dict[str, str] = {wire: ours for ours, wire in _TO_WIRE_TYPE.items()}

# our field -> the server's, for all that are passed through as they are
_WIRE_FIELDS: dict[str, str] = {
    "name": "name",
    "description": "description",
    "quota": "quota",
    "used_quota": "usedQuota",
    "emails": "emails",
    "urls": "urls",
    "picture": "picture",
    "locale": "locale",
    "member_of": "memberOf",
    "lists": "lists",
    "roles": "roles",
    "members": "members",
    "external_members": "externalMembers",
    "enabled_permissions": "enabledPermissions",
    "disabled_permissions": "disabledPermissions",
    "tenant": "tenant",
}
_OUR_FIELDS: dict[str, str] = {wire: ours for ours, wire in _WIRE_FIELDS.items()}
_LISTS = frozenset({"emails", "urls", "member_of", "lists", "roles", "members", "external_members", "enabled_permissions", "disabled_permissions"})
_SECRET_FIELDS = frozenset({"password_hashes", "app_passwords", "otp_url"})

_APP_PREFIX = "$app$"
_OTP_PREFIX = "otpauth://"

#: Pages of this size keep memory bounded; a real 0.15.5 lists 10,000 accounts in 0.7 s.
PAGE = 5000


class RestPrincipals:
    """The port `Principals` over REST."""

    names_are_addresses = False
    #: Who had a role or was in a tenant is without it when it is deleted.
    guards_references = False
    tells_hashes = True
    makes_keys = False
    batch_size = 1

    def __init__(self, caller: RestCaller, settings: RestSettings) -> None:
        self._caller = caller
        self._settings = settings

    def get(self, name: str, *, kind: PrincipalType | None = None, unambiguous: bool = False) -> Principal | None:
        """One request."""
        try:
            return _read(self._caller.call("GET", "principal", name, resource=f"principal {name!r}"))
        except NotFound:
            return None

    def find(self, *, types: t.Collection[PrincipalType] = (), text: str = "", fields: t.Collection[str] = ()) -> t.Iterator[Principal]:
        """One request a page of 5,000. Without `fields` the server counts each domain's members by scanning all addresses."""
        query: dict[str, t.Any] = {"limit": PAGE}
        if types:
            query["types"] = ",".join(_TO_WIRE_TYPE.get(kind, kind) for kind in types)
        if fields:
            query["fields"] = ",".join(sorted({"name", *(_wire_field(field) for field in fields)}))
        if text:
            query["filter"] = text
        page = 1
        while True:
            answer = self._caller.call("GET", "principal", resource="principals", query={**query, "page": page})
            items = answer["items"]
            for item in items:
                yield _read(item)
            if len(items) < PAGE:
                return
            page += 1

    def create(self, principal: Principal) -> str:
        """One request."""
        return self._create(principal, "principal")

    def known_permissions(self, names: t.Collection[str]) -> t.Collection[str]:
        """All, as measured; one that only another version knows is for the server to refuse. No request."""
        return PERMISSIONS

    def permissions_meant(self, name: str) -> t.Sequence[str]:
        """The name itself."""
        return (name,)

    def other_users(self, principal: Principal) -> t.Sequence[str]:
        """Nobody asks."""
        return ()

    def default_domain(self) -> str:
        """There is none: a name is a name."""
        return ""

    def expected(self, found: Principal | None, after: Principal) -> Principal:
        """As it is; a new API key will have a secret."""
        return after.model_copy(update={"password_hashes": ("",)}) if found is None and after.type == "api_key" else after

    def note(self, name: str) -> str:
        """One request."""
        key = _note_key(name)
        return self._settings.read(keys=[key]).get(key, "")

    def keep_note(self, name: str, text: str) -> None:
        """One request."""
        self._settings.insert({_note_key(name): text})

    def forget_note(self, name: str) -> None:
        """One request."""
        self._settings.delete([_note_key(name)])

    def write(self, writes: t.Sequence[PrincipalWrite]) -> list[str | StalwartError]:
        """One request each: the server takes no more."""
        results: list[str | StalwartError] = []
        for write in writes:
            try:
                if write.action == "create":
                    results.append(self.create(write.principal))
                    continue
                if write.action == "update":
                    self.update(write.principal, write.edits)
                else:
                    self.delete(write.principal)
                results.append("")
            except StalwartError as error:
                results.append(error)
        return results

    def deploy(self, principal: Principal) -> str:
        """One request; the answer is the same as of a creation."""
        return self._create(principal, "principal", "deploy")

    def _create(self, principal: Principal, *path: str) -> str:
        secret = secrets.token_urlsafe(32) if principal.type == "api_key" and not principal.password_hashes else ""
        if secret:
            principal = principal.model_copy(update={"password_hashes": (hash_password(secret),)})
        self._caller.call("POST", *path, resource=_label(principal), body=_write(principal))
        return f"api_{base64.b64encode(f'{principal.name}:{secret}'.encode()).decode()}" if secret else ""

    def update(self, principal: Principal, edits: t.Sequence[Edit]) -> None:
        """One PATCH, which the server applies as a whole or not at all."""
        changes = [change for edit in edits for change in _changes(edit)]
        # The same patch twice leaves the same state: items are added and removed by name, values set; only a rename can't be found again.
        safe = not any(isinstance(edit, Set) and edit.field == "name" for edit in edits)
        self._caller.call("PATCH", "principal", principal.name, resource=_label(principal), body=changes, safe=safe)

    def delete(self, principal: Principal) -> None:
        """One request. The server asks nothing: neither whether mail is in it nor whether a domain is in use."""
        self._caller.call("DELETE", "principal", principal.name, resource=_label(principal))


def _note_key(name: str) -> str:
    return f"stalwart-mail.kept-permissions.{name}"


def _label(principal: Principal) -> str:
    return f"{principal.type.replace('_', ' ')} {principal.name!r}"


def _wire_field(field: str) -> str:
    return "secrets" if field in _SECRET_FIELDS else _WIRE_FIELDS[field]


def _read(item: dict[str, t.Any]) -> Principal:
    kind = str(item.get("type", "individual"))
    values: dict[str, t.Any] = {"type": _FROM_WIRE_TYPE.get(kind, kind)}
    for wire, value in item.items():
        ours = _OUR_FIELDS.get(wire)
        if ours is None:
            continue
        if ours == "members" and isinstance(value, int):
            values["member_count"] = value
        elif ours in _LISTS:
            values[ours] = tuple(value) if isinstance(value, list) else (value,)
        elif ours == "quota" and isinstance(value, list):
            values[ours] = (value[0] if value else None) or None  # a tenant's first quota is that of its disk space
        elif ours == "quota":
            values[ours] = value or None  # 0 is no limit
        else:
            values[ours] = value
    secrets = item.get("secrets", ())
    if isinstance(secrets, str):
        secrets = [secrets]
    if secrets:
        values["password_hashes"] = tuple(s for s in secrets if not s.startswith((_APP_PREFIX, _OTP_PREFIX)))
        values["app_passwords"] = dict(_split_app_password(s) for s in secrets if s.startswith(_APP_PREFIX))
        values["otp_url"] = next((s for s in secrets if s.startswith(_OTP_PREFIX)), "")
    return Principal.model_validate(values)


def _split_app_password(secret: str) -> tuple[str, str]:
    parts = secret[len(_APP_PREFIX) :].partition("$")
    return parts[0], parts[2]


def _write(principal: Principal) -> dict[str, t.Any]:
    body: dict[str, t.Any] = {"type": _TO_WIRE_TYPE.get(principal.type, principal.type)}
    for ours, wire in _WIRE_FIELDS.items():
        value = getattr(principal, ours)
        if ours == "used_quota" or value is None or value == () or value == "":
            continue
        body[wire] = list(value) if isinstance(value, tuple) else value
    secrets = [*([principal.otp_url] if principal.otp_url else []), *principal.password_hashes]
    secrets += [f"{_APP_PREFIX}{name}${stored}" for name, stored in principal.app_passwords.items()]
    if secrets:
        body["secrets"] = secrets
    return body


def _changes(edit: Edit) -> list[dict[str, t.Any]]:
    if isinstance(edit, Set):
        value = edit.value
        if value is None:
            value = [] if edit.field in _LISTS else ""  # null is 400; the empty string clears
        return [_change("set", _WIRE_FIELDS[edit.field], list(value) if isinstance(value, tuple) else value)]
    if isinstance(edit, Add):
        return [_change("addItem", _WIRE_FIELDS[edit.field], edit.item)]
    if isinstance(edit, Remove):
        return [_change("removeItem", _WIRE_FIELDS[edit.field], edit.item)]
    if isinstance(edit, SetPassword):
        # Right on 0.13 (where addItem leaves the old password valid) and on 0.14 and later (where it replaces it).
        removals = [_change("removeItem", "secrets", stored) for stored in edit.stored if stored]
        return [*removals, _change("addItem", "secrets", edit.hash)] if edit.hash else removals
    if isinstance(edit, SetAppPassword):
        # The server removes what begins so: without the dollar sign "phone" would take "phone-2" with it.
        removal = _change("removeItem", "secrets", f"{_APP_PREFIX}{edit.name}$")
        return [removal] if edit.hash is None else [removal, _change("addItem", "secrets", f"{_APP_PREFIX}{edit.name}${edit.hash}")]
    removal = _change("removeItem", "secrets", _OTP_PREFIX)
    return [removal] if edit.url is None else [removal, _change("addItem", "secrets", edit.url)]


def _change(action: str, field: str, value: t.Any) -> dict[str, t.Any]:
    return {"action": action, "field": field, "value": value}

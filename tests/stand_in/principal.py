"""Principals as they are stored, and the wire forms they are read from.

Servers since 0.14 keep a principal as one sorted list of facts; earlier ones keep passwords and addresses as plain lists in the order sent.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from . import errors
from .values import parse_json, quoted, words

# type -> its number on disk, which is also the place of its quota in a tenant's list of quotas (0 is the disk quota)
TYPE_NUMBERS = {
    "individual": 0,
    "group": 1,
    "resource": 2,
    "location": 3,
    "list": 5,
    "other": 6,
    "domain": 7,
    "tenant": 8,
    "role": 9,
    "apiKey": 10,
    "oauthClient": 11,
}
TYPE_OF_NUMBER = {number: name for name, number in TYPE_NUMBERS.items()} | {4: "other"}
QUOTA_COUNT = 13

DESCRIPTIONS = {name: name.capitalize() for name in TYPE_NUMBERS} | {"apiKey": "API Key", "oauthClient": "OAuth Client"}

LIST_FIELDS = frozenset({"secrets", "emails", "memberOf", "members", "roles", "lists", "enabledPermissions", "disabledPermissions", "urls", "externalMembers"})
TEXT_FIELDS = frozenset({"description", "tenant", "picture", "locale"})
FIELDS = LIST_FIELDS | TEXT_FIELDS | {"name", "type", "quota", "usedQuota"}

MAX_TEXT_BYTES = 512
MAX_PRINCIPAL_BYTES = 100_000

ROLE_ADMIN = 0xFFFFFFFF
ROLE_TENANT_ADMIN = 0xFFFFFFFE
ROLE_USER = 0xFFFFFFFD
BUILT_IN_ROLES = {"admin": ROLE_ADMIN, "tenant-admin": ROLE_TENANT_ADMIN, "user": ROLE_USER}
BUILT_IN_ROLE_NAMES = {number: name for name, number in BUILT_IN_ROLES.items()}

Value = str | int | list[str] | list[int]


def parse_type(text: str) -> str | None:
    """The type a word stands for, None for words that are none (``other`` can't be asked for)."""
    if text == "superuser":
        return "individual"
    return text if text in TYPE_NUMBERS and text != "other" else None


def is_otp(secret: str) -> bool:
    return secret.startswith("otpauth://")


def is_app_password(secret: str) -> bool:
    return secret.startswith("$app$")


def debug_value(value: Value) -> str:
    """A value as the server names it in an error."""
    match value:
        case str():
            return f"String({quoted(value)})"
        case int():
            return f"Integer({value})"
        case [int(), *_]:
            return f"IntegerList([{', '.join(map(str, value))}])"
    return f"StringList([{', '.join(quoted(str(item)) for item in value)}])"


# --- what comes in -----------------------------------------------------------


@dataclass(slots=True)
class NewPrincipal:
    """The body of a create request."""

    type: str = "individual"
    fields: dict[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        name = self.fields.get("name", "")
        return name if isinstance(name, str) else ""

    def take_text(self, name: str) -> str | None:
        value = self.fields.pop(name, None)
        return value if isinstance(value, str) else None

    def take_list(self, name: str) -> list[str]:
        value = self.fields.pop(name, None)
        return [str(item) for item in value] if isinstance(value, list) else []

    def take_quotas(self) -> list[int]:
        value = self.fields.pop("quota", None)
        items = [] if value is None else value if isinstance(value, list) else [value]
        return [_number(item) for item in items]


class Update(NamedTuple):
    """One change of a PATCH request."""

    action: str
    field: str
    value: Value


def _number(value: str | int) -> int:
    if isinstance(value, int):
        return value
    digits = value.removeprefix("+")
    return int(digits) if digits.isascii() and digits.isdigit() and int(digits) < 2**64 else 0


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value.encode()) > MAX_TEXT_BYTES:
        raise errors.bad_parameters()
    return value


def _unsigned(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**64:
        raise errors.bad_parameters()
    return value


def _value(value: Any) -> Value:
    """A string, an unsigned integer, or a list of only one of both."""
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, list):
        return _unsigned(value)
    items = [_text(item) if isinstance(item, str) else _unsigned(item) for item in value]
    if len({type(item) for item in items}) > 1:
        raise errors.bad_parameters()
    return items  # type: ignore[return-value]


def read_new_principal(body: bytes | None, lenient_lists: bool) -> NewPrincipal:
    """A create request.

    ``lenient_lists``: since 0.14 list fields of other kinds, and items that are too long or no text, are dropped; before, they are refused.
    """
    document = _document(body, repetition=True)
    if not isinstance(document, dict):
        raise errors.bad_parameters()
    principal = NewPrincipal()
    for name, value in document.items():
        if name in {"id", "usedQuota"}:
            continue
        if name not in FIELDS:
            raise errors.bad_parameters()
        if name == "type":
            found = parse_type(value) if isinstance(value, str) else None
            if found is None:
                raise errors.bad_parameters()
            principal.type = found
        elif name == "name":
            principal.fields[name] = _text(value)
        elif name in TEXT_FIELDS:
            if value is not None:
                principal.fields[name] = _text(value)
        elif name == "quota":
            principal.fields[name] = _value(value)
        else:
            items = _lenient_list(value) if lenient_lists else _strict_list(value)
            if items is not None:
                principal.fields[name] = items
    return principal


def _lenient_list(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [_text(value)]
    if isinstance(value, list) and value:
        return [item for item in value if isinstance(item, str) and len(item.encode()) <= MAX_TEXT_BYTES]
    return None


def _strict_list(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [_text(value)]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise errors.bad_parameters()
    return value or None


def read_updates(body: bytes | None) -> list[Update]:
    document = _document(body)
    if not isinstance(document, list):
        raise errors.bad_parameters()
    return [_update(item) for item in document]


def _update(item: Any) -> Update:
    match item:
        case {"action": "set" | "addItem" | "removeItem" as action, "field": str(field_name), "value": value} if field_name in FIELDS:
            return Update(action, field_name, _value(value))
        case ["set" | "addItem" | "removeItem" as action, str(field_name), value] if field_name in FIELDS:
            return Update(action, field_name, _value(value))
    raise errors.bad_parameters()


def _document(body: bytes | None, *, repetition: bool = False) -> Any:
    try:
        return parse_json(body, repetition=repetition)
    except ValueError:
        raise errors.bad_parameters() from None


# --- what is kept ------------------------------------------------------------


class Info(NamedTuple):
    """What a name stands for."""

    id: int
    type: str
    tenant: int | None = None

    def visible_to(self, tenant: int | None) -> bool:
        return tenant is None or self.tenant == tenant or (self.type == "tenant" and self.id == tenant)


_RANKS = {"otp": 0, "password": 1, "app_password": 2, "primary_email": 3, "email_alias": 4}
_EMAIL_KINDS = ("primary_email", "email_alias")
_SECRET_KINDS = ("otp", "password", "app_password")


class Principal:
    """A principal of a server since 0.14: a list of facts ``(kind, value)``, sorted when it is written.

    Kinds: otp, password, app_password, primary_email, email_alias, description, picture, locale, url, external_member, quota, type_quota
    (type, number), permission (name, granted), tenant.
    """

    def __init__(self, identifier: int, kind: str, name: str) -> None:
        self.id = identifier
        self.type = kind
        self.name = name
        self.data: list[tuple[str, Any]] = []

    def copy(self) -> Principal:
        twin = copy.copy(self)
        twin.data = list(self.data)
        return twin

    # reading

    def each(self, kind: str) -> Iterator[Any]:
        return (value for fact, value in self.data if fact == kind)

    def first(self, kind: str) -> Any:
        return next(self.each(kind), None)

    @property
    def tenant(self) -> int | None:
        found: int | None = self.first("tenant")
        return found

    @property
    def quota(self) -> int:
        """The disk quota in bytes, 0 for none."""
        return self.first("quota") or 0

    def type_quota(self, kind: str) -> int:
        return next((number for owner, number in self.each("type_quota") if owner == kind), 0)

    def permissions(self) -> Iterator[tuple[str, bool]]:
        return self.each("permission")

    def secrets(self) -> list[str]:
        """Passwords, app passwords and OTP, in the order of answers."""
        return [value for kind, value in self.data if kind in _SECRET_KINDS]

    def password(self) -> str | None:
        """The password, as stored; None where there is none."""
        found: str | None = self.first("password")
        return found

    def app_passwords(self) -> list[str]:
        return [secret for secret in self.secrets() if is_app_password(secret)]

    def otp_url(self) -> str | None:
        return next((secret for secret in self.secrets() if is_otp(secret)), None)

    def email_addresses(self) -> list[str]:
        """The addresses of the first run of addresses in the list: one that was appended since the last write isn't always seen."""
        found: list[str] = []
        for kind, value in self.data:
            if kind in _EMAIL_KINDS:
                found.append(value)
            elif found:
                break
        return found

    def all_addresses(self) -> list[str]:
        return [value for kind, value in self.data if kind in _EMAIL_KINDS]

    @property
    def primary_address(self) -> str | None:
        found: str | None = self.first("primary_email")
        return found

    def index_words(self) -> set[str]:
        texts = [self.name, *(value for kind, value in self.data if kind in ("description", *_EMAIL_KINDS))]
        return {word for text in texts for word in words(text)}

    def size(self) -> int:
        total = len(self.name.encode())
        for kind, value in self.data:
            match kind:
                case "quota":
                    total += 8
                case "type_quota":
                    total += 9
                case "permission":
                    total += 5
                case "tenant":
                    total += 4
                case _:
                    total += len(value.encode())
        return total

    # writing

    def drop(self, *kinds: str) -> None:
        self.data = [fact for fact in self.data if fact[0] not in kinds]

    def put(self, kind: str, value: Any) -> None:
        self.data.append((kind, value))

    def put_text(self, kind: str, value: str) -> None:
        self.drop(kind)
        if value:
            self.put(kind, value)

    def set_secrets(self, secrets: Iterable[str]) -> None:
        """All secrets anew; of several passwords the first."""
        self.drop(*_SECRET_KINDS)
        for secret in secrets:
            if is_otp(secret):
                self.put("otp", secret)
            elif is_app_password(secret):
                self.put("app_password", secret)
            elif self.password() is None:
                self.put("password", secret)

    def add_secret(self, secret: str) -> bool:
        if secret in self.secrets():
            return False
        if is_app_password(secret):
            self.put("app_password", secret)
        else:
            kind = "otp" if is_otp(secret) else "password"
            self.drop(kind)
            self.put(kind, secret)
        return True

    def remove_secret(self, secret: str) -> None:
        if is_app_password(secret) or is_otp(secret):
            self.data = [(kind, value) for kind, value in self.data if kind not in ("otp", "app_password") or not value.startswith(secret)]
        elif secret:
            self.data = [fact for fact in self.data if fact != ("password", secret)]
        else:
            self.drop("otp", "app_password")

    def set_addresses(self, addresses: Iterable[str]) -> None:
        self.drop(*_EMAIL_KINDS)
        for place, address in enumerate(addresses):
            self.put("email_alias" if place else "primary_email", address)

    def add_address(self, address: str) -> None:
        self.put("email_alias" if self.email_addresses() else "primary_email", address)

    def remove_address(self, address: str) -> None:
        had_primary = ("primary_email", address) in self.data
        self.data = [fact for fact in self.data if fact[0] not in _EMAIL_KINDS or fact[1] != address]
        if had_primary:
            for place, (kind, value) in enumerate(self.data):
                if kind == "email_alias":
                    self.data[place] = ("primary_email", value)
                    break

    def set_items(self, kind: str, items: Iterable[str]) -> None:
        """URLs or external members anew."""
        self.drop(kind)
        self.data.extend((kind, item) for item in items)

    def add_item(self, kind: str, item: str) -> None:
        if (kind, item) not in self.data:
            self.put(kind, item)

    def remove_item(self, kind: str, item: str) -> None:
        self.data = [fact for fact in self.data if fact != (kind, item)]

    def items(self, kind: str) -> list[str] | None:
        """URLs or external members as an answer shows them, None for not at all."""
        return list(self.each(kind)) or None

    def add_permission(self, name: str, granted: bool) -> None:
        for place, (kind, value) in enumerate(self.data):
            if kind == "permission" and value[0] == name:
                self.data[place] = (kind, (name, granted))
                return
        self.put("permission", (name, granted))

    def add_permissions(self, names: Iterable[str], granted: bool) -> None:
        for name in names:
            self.add_permission(name, granted)

    def remove_permission(self, name: str, granted: bool) -> None:
        self.data = [fact for fact in self.data if fact != ("permission", (name, granted))]

    def remove_permissions(self, granted: bool) -> None:
        self.data = [fact for fact in self.data if fact[0] != "permission" or fact[1][1] != granted]

    def finish(self) -> None:
        """Put the facts in the order they are kept in: addresses by name, the primary one before its aliases."""
        self.data.sort(key=lambda fact: (_RANKS.get(fact[0], 5), fact[1] if fact[0] in _RANKS else ""))


class EarlyPrincipal(Principal):
    """A principal of a server up to 0.13: secrets and addresses are plain lists, kept as sent; nothing is sorted."""

    def secrets(self) -> list[str]:
        return list(self.each("secret"))

    def password(self) -> str | None:
        return next((secret for secret in self.secrets() if not is_otp(secret) and not is_app_password(secret)), None)

    def passwords(self) -> list[str]:
        return [secret for secret in self.secrets() if not is_otp(secret) and not is_app_password(secret)]

    def email_addresses(self) -> list[str]:
        return list(self.each("email"))

    def all_addresses(self) -> list[str]:
        return self.email_addresses()

    @property
    def primary_address(self) -> str | None:
        found: str | None = self.first("email")
        return found

    def index_words(self) -> set[str]:
        texts = [self.name, *(value for kind, value in self.data if kind in ("description", "email"))]
        return {word for text in texts for word in words(text)}

    def size(self) -> int:
        total = len(self.name.encode())
        for kind, value in self.data:
            if kind in ("permission", "type_quota"):
                total += 4
            elif kind in ("urls", "external_members"):
                total += sum(len(item.encode()) for item in value)
            elif kind not in ("quota", "tenant"):
                total += len(value.encode())
        return total

    def set_secrets(self, secrets: Iterable[str]) -> None:
        self.drop("secret")
        self.data.extend(("secret", secret) for secret in secrets)

    def add_secret(self, secret: str) -> bool:
        kept = self.secrets()
        if secret in kept:
            return False
        self.set_secrets([secret, *kept] if is_otp(secret) else [*kept, secret])
        return True

    def remove_secret(self, secret: str) -> None:
        if is_app_password(secret) or is_otp(secret):
            kept = [other for other in self.secrets() if not other.startswith(secret)]
        elif secret:
            kept = [other for other in self.secrets() if other != secret]
        else:
            kept = [other for other in self.secrets() if is_app_password(other) or is_otp(other)]
        self.set_secrets(kept)

    def set_addresses(self, addresses: Iterable[str]) -> None:
        self.drop("email")
        self.data.extend(("email", address) for address in addresses)

    def add_address(self, address: str) -> None:
        self.put("email", address)

    def remove_address(self, address: str) -> None:
        self.data.remove(("email", address))

    def set_items(self, kind: str, items: Iterable[str]) -> None:
        self.drop(kind + "s")
        kept = list(items)
        if kept:
            self.put(kind + "s", kept)

    def add_item(self, kind: str, item: str) -> None:
        kept = self.items(kind) or []
        if item not in kept:
            self._replace_items(kind, [*kept, item])

    def remove_item(self, kind: str, item: str) -> None:
        kept = self.items(kind)
        if kept is not None:
            self._replace_items(kind, [other for other in kept if other != item])

    def _replace_items(self, kind: str, items: list[str]) -> None:
        self.drop(kind + "s")
        self.put(kind + "s", items)

    def items(self, kind: str) -> list[str] | None:
        found: list[str] | None = self.first(kind + "s")
        return found

    def add_permissions(self, names: Iterable[str], granted: bool) -> None:
        """Adds without a look at what is there: a permission can be enabled and disabled at once."""
        self.data.extend(("permission", (name, granted)) for name in names)

    def finish(self) -> None:
        """Nothing is put in order."""

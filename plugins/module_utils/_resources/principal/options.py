# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may want of a principal, and which types have which fields."""

from __future__ import annotations

import typing as t

from ..._deps import AfterValidator, BeforeValidator, Field, model_validator
from ..._errors import InvalidOption
from ..._names import canonical_domain
from ..._otp import require_usable_otp_url
from ..._passwords import require_usable_hash, require_usable_password
from ..._server.models.principal import PrincipalType
from .._options import Addresses, Items, ListEdit, MailboxAddresses, Name, Names, Options, Size, Text, text

UpdatePassword = t.Literal["when_different", "on_create", "always"]

# Fields a type can have. What the server would drop or refuse is named here before anything is sent.
_COMMON = frozenset({"description", "tenant"})
_PERMISSIONS = frozenset({"enabled_permissions", "disabled_permissions"})
_ACCOUNT = frozenset({"emails", "urls", "picture", "locale", "quota", "member_of", "lists"})
_SECRETS = frozenset({"password", "password_hash"})
FIELDS: dict[str, frozenset[str]] = {
    "individual": _COMMON | _ACCOUNT | _PERMISSIONS | _SECRETS | {"roles", "app_passwords", "otp_url", "enabled"},
    "group": _COMMON | _ACCOUNT | _PERMISSIONS | {"members"},
    "list": _COMMON | {"emails", "urls", "members", "external_members"},
    "domain": _COMMON | {"urls", "picture"},
    "role": _COMMON | _PERMISSIONS | {"roles", "members"},
    "tenant": frozenset({"description", "picture", "urls", "quota", "roles"}) | _PERMISSIONS,
    "api_key": _COMMON | _PERMISSIONS | _SECRETS | {"roles", "urls"},
    "oauth_client": _COMMON | _SECRETS | {"urls", "picture"},
    "resource": _COMMON | {"emails", "urls", "picture", "locale"},
    "location": _COMMON | {"emails", "urls", "picture", "locale"},
}
_EVERY_FIELD = frozenset().union(*FIELDS.values())
_NOT_OF = {kind: _EVERY_FIELD - fields for kind, fields in FIELDS.items()}
#: What a locked account must not do, whatever it was given.
TAKEN_BY_LOCK = frozenset({"authenticate", "authenticate-oauth", "email-send", "email-receive"})
#: What has mail of its own, which a deletion destroys.
WITH_MAIL = ("individual", "group")
#: What others have or are of, by the field in which they say so.
USED = {"role": "roles", "tenant": "tenant"}


def _quota(value: t.Any) -> t.Any:
    """`""` clears, so it must survive the reading of sizes."""
    return None if value == "" else value


def _limit(value: int | None) -> int | None:
    """Servers take 0 for no limit, and drop it from what is created."""
    return value or None


def _hash(value: str) -> str:
    return require_usable_hash(value)  # spellings that the server would never match come back rewritten


def _password(value: str) -> str:
    return require_usable_password(value) if value else value  # an empty one has a sentence of its own


def _otp(value: str) -> str:
    return require_usable_otp_url(value) if value else value  # the empty text switches it off


def _named_in(edit: ListEdit[str] | None) -> frozenset[str]:
    """What a list names, apart from what it removes."""
    return frozenset(edit.exact or edit.add) if edit else frozenset()


class AppPassword(Options):
    """One app password: what the account's owner types into a mail program."""

    state: t.Literal["present", "absent"] = "present"
    name: Text
    password: t.Annotated[Text, AfterValidator(_password), Field(repr=False)] = ""
    password_hash: t.Annotated[Text, AfterValidator(_hash), Field(repr=False)] = ""

    @model_validator(mode="after")
    def _one_of(self) -> AppPassword:
        if "$" in self.name or not self.name.strip():
            raise ValueError(f"{self.name!r} can't name an app password; use text without a dollar sign")
        if self.state == "present" and bool(self.password) == bool(self.password_hash):
            raise ValueError(f"the app password {self.name!r} needs either password or password_hash")
        return self


class PrincipalOptions(Options):
    """One wanted principal. Options left out are not touched."""

    state: t.Literal["present", "absent"] = "present"
    name: Name
    type: PrincipalType | None = None
    new_name: Name | None = None
    description: Text | None = None
    quota: t.Annotated[Size | None, BeforeValidator(_quota), AfterValidator(_limit)] = None
    emails: MailboxAddresses | None = None
    urls: Items | None = None
    picture: Text | None = None
    locale: Text | None = None
    member_of: Names | None = None
    lists: Names | None = None
    roles: Names | None = None
    members: Names | None = None
    external_members: Addresses | None = None
    enabled_permissions: Items | None = None
    disabled_permissions: Items | None = None
    tenant: t.Annotated[str, BeforeValidator(text)] | None = None
    password: t.Annotated[str | None, AfterValidator(lambda value: _password(value) if value else value), Field(repr=False)] = None
    password_hash: t.Annotated[str | None, AfterValidator(lambda value: _hash(value) if value else value), Field(repr=False)] = None
    update_password: UpdatePassword = "when_different"
    app_passwords: tuple[AppPassword, ...] | None = None
    app_passwords_exact: bool = False
    otp_url: t.Annotated[Text | None, AfterValidator(lambda value: None if value is None else _otp(value)), Field(repr=False)] = None
    enabled: bool | None = None
    receive: bool | None = None
    deploy: bool = False
    delete_mail: bool = False
    delete_in_use: bool = False

    def given(self, field: str) -> bool:
        """As everywhere, but a quota of "" is given: it clears."""
        return field in self.model_fields_set and (field == "quota" or getattr(self, field) is not None)

    @model_validator(mode="after")
    def _consistent(self) -> PrincipalOptions:
        if self.password == "":
            raise InvalidOption("password", "it is empty; leave the option out to keep the stored one.")
        if self.password is not None and self.password_hash is not None:
            raise InvalidOption("password_hash", "it and password exclude each other; keep one.")
        if self.enabled is not None and self.disabled_permissions is not None:
            raise InvalidOption("enabled", "it works by disabled permissions, so it and disabled_permissions exclude each other; keep one.")
        if self.receive is not None and self.enabled is not False:
            raise InvalidOption("receive", "it goes with enabled: false only; remove it.")
        enabled = _named_in(self.enabled_permissions)
        disabled = _named_in(self.disabled_permissions)
        if enabled & disabled:
            raise InvalidOption(
                "enabled_permissions", f"{min(enabled & disabled)!r} is in disabled_permissions too, and a permission is one or the other; keep it in one."
            )
        if self.enabled is False and enabled & TAKEN_BY_LOCK:
            raise InvalidOption("enabled_permissions", f"{min(enabled & TAKEN_BY_LOCK)!r} is what enabled: false takes away; leave out one of the two.")
        names = [each.name for each in self.app_passwords or ()]
        if len(names) != len(set(names)):
            raise InvalidOption("app_passwords", "a name stands there twice; app passwords are told apart by name.")
        if self.new_name is not None and self.state == "absent":
            raise InvalidOption("new_name", "it can't be used with state: absent; remove it.")
        return self

    def wanted_fields(self) -> frozenset[str]:
        """Names of the fields that the user gave."""
        fields = _EVERY_FIELD & self.model_fields_set
        nulls = [field for field in fields if getattr(self, field) is None and field != "quota"]
        return fields.difference(nulls) if nulls else fields

    def for_type(self, kind: str) -> PrincipalOptions:
        """The same, with what only the type decides: a domain's name, and which fields it can have. Raises InvalidOption."""
        if not self.model_fields_set.isdisjoint(_NOT_OF[kind]):
            for field in sorted(self.wanted_fields() & _NOT_OF[kind]):
                raise InvalidOption(field, f"a principal of type {kind} has no {field}; remove the option.")
        if kind != "domain":
            return self
        names = {}
        for field in ("name", "new_name"):
            value = getattr(self, field)
            if value is not None:
                try:
                    names[field] = canonical_domain(value)
                except ValueError as error:
                    raise InvalidOption(field, str(error)) from None
        return self.model_copy(update=names)

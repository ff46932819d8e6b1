# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account does for itself over REST: logins, encryption at rest, OAuth codes and tokens."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
import struct
import typing as t

from ..._certificates import Certificate, Method, certificate_of, read_certificates
from ..._errors import ConnectionFailed, PermissionDenied, Refused
from ..._otp import split_code
from ..._passwords import generate_password, hash_password
from ..models.account import Algorithm, AppPasswordName, Encryption, LoginChange, Logins, Token
from ..models.server import version_text
from ..tokens import exchange
from ._call import RestCaller

# From 0.14 on a principal has one password, which an added one replaces; before, secrets are one plain list.
_ONE_PASSWORD_SINCE = (0, 14)
_SPAM_TRAINING_SINCE = (0, 15)

_METHODS: dict[str, Method] = {"pGP": "pgp", "sMIME": "smime"}
_ALGORITHMS: dict[str, Algorithm] = {"Aes128": "aes128", "Aes256": "aes256"}
_TO_WIRE: dict[str, str] = {ours: wire for wire, ours in (*_METHODS.items(), *_ALGORITHMS.items())}


class RestAccount:
    """The port `Account` over REST."""

    def __init__(self, caller: RestCaller) -> None:
        self._caller = caller
        self._password = caller.client.connection.password

    @property
    def name(self) -> str:
        """As given; the server folds case."""
        return self._caller.client.connection.user

    @property
    def code(self) -> str:
        """Six to eight digits behind the last dollar sign."""
        return split_code(self._password)[1]

    def uses(self, password: str) -> bool:
        """Also for PASSWORD$CODE."""
        return bool(self.name) and password in (self._password, split_code(self._password)[0])

    def with_login(self, *, password: str = "", code: str = "") -> RestAccount:
        """Sends nothing."""
        if not self.name:
            return self
        base = password or split_code(self._password)[0]
        return RestAccount(self._caller.with_password(f"{base}${code}" if code else base))

    def logins(self) -> Logins:
        """One request."""
        found = self._caller.call("GET", "account", "auth", resource=self._label)
        app_passwords = [AppPasswordName(name=_owners_name(stored), id=stored) for stored in found["appPasswords"]]
        return Logins(otp_enabled=bool(found["otpEnabled"]), app_passwords=tuple(app_passwords))

    def require_possible(self, change: LoginChange) -> None:
        """All is. No request."""

    def change_logins(self, found: Logins, change: LoginChange) -> dict[str, str]:
        """One request, which the server applies as a whole or not at all, and one for the version where it decides how a password is changed."""
        made = {name: generate_password() for name, password in change.add.items() if not password}
        # The server removes what begins so: without the dollar sign "phone" would take "phone-2" with it.
        requests: list[dict[str, str]] = [{"type": "removeAppPassword", "name": f"{each.id}$"} for each in change.remove]
        if change.otp_url is not None and found.otp_enabled:
            requests.append({"type": "disableOtpAuth"})
        if change.password is not None:
            requests.append(self._set_password(found, change.password))
        requests += [{"type": "addAppPassword", "name": name, "password": hash_password(password or made[name])} for name, password in change.add.items()]
        if change.otp_url:
            requests.append({"type": "enableOtpAuth", "url": change.otp_url})
        try:
            self._caller.call("POST", "account", "auth", resource=self._label, body=requests, safe=False)
        except ConnectionFailed as error:
            error.details["made"] = made  # the server may have taken it
            raise
        return made

    def _set_password(self, found: Logins, password: str) -> dict[str, str]:
        """The request that changes the password and keeps app passwords and one-time codes.

        `setPassword` keeps them up to 0.13 and drops them from 0.14 on, and the account can't read them to give them back. Then
        `enableOtpAuth` does it: the server adds whatever secret it is given, and an added password replaces the one there is and
        nothing else (measured on 0.15.5; `handle_account_auth_post` and `update_principal` of 0.14 read the same).
        """
        has_more = found.otp_enabled or found.app_passwords
        if has_more and self._caller.version() >= _ONE_PASSWORD_SINCE:
            return {"type": "enableOtpAuth", "url": hash_password(password)}
        return {"type": "setPassword", "password": hash_password(password)}

    def is_fallback_administrator(self) -> bool:
        """One request, or two: this administrator is in the settings, and in no directory."""
        try:
            found = self._caller.call("GET", "settings", "keys", resource="settings", query={"keys": "authentication.fallback-admin.user"})
            if found.get("authentication.fallback-admin.user", "").lower() != self.name.lower():
                return False
            query = {"types": "individual", "fields": "name", "filter": self.name, "limit": 0}
            same_name = self._caller.call("GET", "principal", resource="principals", query=query)["items"]
        except PermissionDenied:
            return False  # it may do everything
        return all(item["name"] != self.name.lower() for item in same_name)

    @property
    def _label(self) -> str:
        return f"account {self.name!r}" if self.name else "account of the token"

    # Encryption at rest

    def encryption(self) -> Encryption | None:
        """One request."""
        found = self._caller.call("GET", "account", "crypto", resource=self._label)
        if found["type"] == "disabled":
            return None
        method = _METHODS[found["type"]]
        stored = _stored_certificates(str(found["certs"]))
        try:
            certificates = None if stored is None else tuple(_certificate(method, data).data for data in stored)
        except ValueError:
            certificates = None
        return Encryption(method=method, algorithm=_ALGORITHMS[found["algo"]], certificates=certificates, allow_spam_training=found.get("allow_spam_training"))

    def set_encryption(self, encryption: Encryption | None) -> None:
        """One request. The same one twice leaves the same state."""
        body: dict[str, t.Any] = {"type": "disabled"}
        if encryption is not None:
            texts = [certificate_of(encryption.method, data).text() for data in encryption.certificates or ()]
            # Servers before 0.15 pass over the last field; the others want it.
            body = {"type": _TO_WIRE[encryption.method], "algo": _TO_WIRE[encryption.algorithm], "certs": "".join(texts)}
            body["allow_spam_training"] = bool(encryption.allow_spam_training)
        self._caller.call("POST", "account", "crypto", resource=self._label, body=body, safe=True)

    def require_spam_training_choice(self) -> None:
        """One request for the version."""
        version = self._caller.version()
        if version < _SPAM_TRAINING_SINCE:
            raise Refused(f"allow_spam_training: servers from 0.15 on have this choice, and this one is {version_text(version)}; remove the option.")


class RestOAuth:
    """The port `OAuth` over REST and the token endpoint beside it."""

    def __init__(self, caller: RestCaller) -> None:
        self._caller = caller

    def code(self, *, client_id: str, redirect_uri: str, nonce: str) -> str:
        """One request."""
        body = {"type": "code", "client_id": client_id, "redirect_uri": redirect_uri or None, "nonce": nonce or None}
        return str(self._caller.call("POST", "oauth", resource="authorization code", body=body, safe=True)["code"])

    def exchange(self, code: str, *, client_id: str, redirect_uri: str) -> Token:
        """One request, without the login. The token endpoint wants a redirect_uri even where the code has none."""
        registered = "the setting oauth.client-registration.require"
        return exchange(self._caller.client, code, client_id=client_id, redirect_uri=redirect_uri, where_required=registered)

    def approve_device(self, user_code: str) -> bool:
        """One request. A second one finds no device waiting."""
        return bool(self._caller.call("POST", "oauth", resource="device", body={"type": "device", "code": user_code}, safe=False))


def _owners_name(stored: str) -> str:
    """What the owner called an app password: the server's web interface stores the base64 of `NAME$TIME`."""
    try:
        name, dollar, created = base64.b64decode(stored, validate=True).decode().rpartition("$")
        dt.datetime.fromisoformat(re.sub(r"\.\d+", "", created).replace("Z", "+00:00"))
    except (binascii.Error, ValueError):
        return stored
    return name if dollar else stored


# Certificates come back as the server keeps them: a line "-----STALWART CERTIFICATE-----", then base64 of an archive of the Rust library
# rkyv 0.8 (crates/store/src/write/serialize.rs, crates/email/src/message/crypto.rs), a hash and a byte of flags. Relative pointers are from
# their own place, all numbers are little-endian. Measured on 0.13.4 and 0.15.5.

_MARKED, _VERSIONED, _HASHED, _COMPRESSED = 0x80, 0x40, 0x20, 0x10


def _stored_certificates(export: str) -> tuple[bytes, ...] | None:
    """The certificates as stored, None where the form is not known."""
    _title, _newline, encoded = export.partition("\n")
    try:
        archive = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    flags = archive[-1] if archive else 0
    if not flags & _MARKED or flags & _COMPRESSED:
        return None
    tail = 1 + (8 if flags & _VERSIONED else 0) + (4 if flags & (_VERSIONED | _HASHED) else 0)
    content = archive[:-tail]
    # 0.15: pointer, count, 64 bits of flags. Before: method, algorithm, two bytes of padding, pointer, count.
    if len(content) >= 16 and int.from_bytes(content[-8:], "little") < 32:
        return _vectors(content, len(content) - 16)
    if len(content) >= 12 and content[-12] < 2 and content[-11] < 2:
        return _vectors(content, len(content) - 8)
    return None


def _vectors(content: bytes, position: int) -> tuple[bytes, ...] | None:
    """A list of byte strings whose pointer and count stand at `position`; None where it does not add up."""
    found = []
    start, count = _pointed(content, position)
    if start < 0 or start + 8 * count > position:
        return None
    for place in range(start, start + 8 * count, 8):
        begin, length = _pointed(content, place)
        if begin < 0 or begin + length > start:
            return None
        found.append(content[begin : begin + length])
    return tuple(found)


def _pointed(content: bytes, position: int) -> tuple[int, int]:
    offset, count = struct.unpack_from("<iI", content, position)
    return position + offset, count


def _certificate(method: Method, stored: bytes) -> Certificate:
    """X.509 is kept as DER, an OpenPGP key with its armor. Raises ValueError."""
    if method == "smime":
        return certificate_of(method, stored)
    (found,) = read_certificates([stored.decode()])
    return found

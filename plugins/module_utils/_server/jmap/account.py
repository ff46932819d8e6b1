# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account does for itself over JMAP: logins, encryption at rest, OAuth codes and tokens."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ..._certificates import Certificate, certificate_of, read_certificates
from ..._errors import AuthenticationFailed, InvalidRequest, OneTimeCodeMissing, PermissionDenied, Refused, StalwartError, UnexpectedAnswer
from ..._http import client_for
from ..._otp import one_time_code, split_code
from ..models.account import Algorithm, AppPasswordName, Encryption, LoginChange, Logins, Token
from ..tokens import exchange
from ._call import SINGLETON, JmapCaller, Object, Write

_ALGORITHMS: dict[str, Algorithm] = {"Aes128": "aes128", "Aes256": "aes256"}
_TO_WIRE: dict[Algorithm, str] = {ours: wire for wire, ours in _ALGORITHMS.items()}

#: The description of the keys that are made here, and removed again when they are of no use any more.
_OWN_KEY = "stalwart.mail"

_CLIENT = "stalwart.mail"
#: The server wants one; nobody is sent there.
_NOWHERE = "https://stalwart.mail.invalid/"


class JmapAccount:
    """The port `Account` over JMAP."""

    def __init__(self, caller: JmapCaller, password: str | None = None, code: str | None = None) -> None:
        """`caller` has the login as it was given; `password` and `code` are others, "" for no code."""
        self._given = caller
        # as with servers before, a one-time code stands behind the password; this generation takes it by OAuth only
        given, given_code = split_code(caller.client.connection.password)
        self._password = given if password is None else password
        self._code = given_code if code is None else code

    @property
    def name(self) -> str:
        """As given; the server folds case."""
        return self._given.client.connection.user

    @property
    def code(self) -> str:
        """Six to eight digits behind the last dollar sign."""
        return self._code

    def uses(self, password: str) -> bool:
        """Also for PASSWORD$CODE."""
        return bool(self.name) and password in (self._given.client.connection.password, self._password)

    def with_login(self, *, password: str = "", code: str = "") -> JmapAccount:
        """Sends nothing."""
        return JmapAccount(self._given, password or self._password, code) if self.name else self

    @functools.cached_property
    def _caller(self) -> JmapCaller:
        """With a code a token is had first, by two requests."""
        connection = self._given.client.connection
        if not self.name:
            return self._given
        if not self._code:
            return self._given if self._password == connection.password else JmapCaller(client_for(dataclasses.replace(connection, password=self._password)))
        login = {"accountName": self.name, "accountSecret": self._password, "mfaToken": self._code}
        told = _authorize(self._given, {"type": "authCode", **login, "clientId": _CLIENT, "redirectUri": _NOWHERE})
        token = exchange(self._given.client, told, client_id=_CLIENT, redirect_uri=_NOWHERE).access_token
        return JmapCaller(client_for(dataclasses.replace(connection, user="", password="", token=token)))

    # Logins

    def logins(self) -> Logins:
        """Two requests, and two more with a one-time code."""
        password = self._own("AccountPassword")
        app_passwords = self._caller.find("AppPassword", properties=["description"], resource=self._label)
        return Logins(
            otp_enabled=bool((password.get("otpAuth") or {}).get("otpUrl")),
            app_passwords=tuple(AppPasswordName(name=str(each.get("description") or each["id"]), id=str(each["id"])) for each in app_passwords),
        )

    def require_possible(self, change: LoginChange) -> None:
        """No request."""
        given = [name for name, password in change.add.items() if password]
        if given:
            raise Refused(
                f"app_passwords: servers since 0.16 make the app passwords themselves, so that {given[0]!r} can't be given one; remove its password, "
                "and take the one that the task returns."
            )

    def change_logins(self, found: Logins, change: LoginChange) -> dict[str, str]:
        """One request for password and one-time codes, and then, logged in anew, one for app passwords: what the server refuses of the first leaves all
        as it is."""
        self.require_possible(change)
        writes = [Write("AppPassword", "destroy", each.id, None, self._label) for each in change.remove]
        writes += [Write("AppPassword", "create", f"a{index}", {"description": name}, self._label) for index, name in enumerate(change.add)]
        patch: dict[str, t.Any] = {}
        if change.password is not None:
            patch["secret"] = change.password
        if change.otp_url is not None or (patch and self._code):
            patch["otpAuth"] = {
                **({"otpUrl": change.otp_url or None} if change.otp_url is not None else {}),
                **({"otpCode": self._code} if self._code else {}),
            }
        if patch:
            try:
                self._caller.update("AccountPassword", SINGLETON, {**patch, "currentSecret": self._password}, resource=self._label)
            except PermissionDenied as error:
                if "secret" not in error.words and "OTP code" not in error.words:
                    raise
                option = "new_password" if change.password is not None else "otp"
                raise Refused(
                    f"{option}: servers since 0.16 change it only for a login with the present password, and not with an app password; use that as "
                    "login_password, with otp_url where one-time codes are on."
                ) from None
        if not writes:
            return {}
        results = (self._after(change) if patch else self)._caller.set(writes)
        for result in results:
            if isinstance(result, StalwartError):
                raise result
        created = results[len(change.remove) :]
        return {name: str(t.cast(Object, made)["secret"]) for name, made in zip(change.add, created, strict=True)}

    def _after(self, change: LoginChange) -> JmapAccount:
        code = self._code
        if change.otp_url is not None:
            code = one_time_code(change.otp_url) if change.otp_url else ""
        return self.with_login(password=change.password or self._password, code=code)

    def is_fallback_administrator(self) -> bool:
        """None is: the recovery administrator has no account at all, and is refused when its logins are read."""
        return False

    def _own(self, object_type: str, *properties: str) -> Object:
        found = self._caller.get(object_type, [SINGLETON], properties=properties, resource=self._label).get(SINGLETON)
        if found is None:
            raise Refused(
                f"{self._label}: this login has no account of its own (the recovery administrator of servers since 0.16 has none); log in as an account."
            )
        return found

    @property
    def _label(self) -> str:
        return f"account {self.name!r}" if self.name else "account of the token"

    # Encryption at rest

    def encryption(self) -> Encryption | None:
        """Two requests."""
        found = self._settings()
        algorithm = _ALGORITHMS.get(str(found.get("@type")))
        if found.get("@type") == "Disabled":
            return None
        if algorithm is None:
            raise Refused(
                f"{self._label}: its mail is encrypted with {found.get('@type')}, an algorithm of servers since 0.16 that this module does not set; "
                "use stalwart.mail.object."
            )
        certificates = self._certificates(self._caller.get("PublicKey", [str(found["publicKey"])], resource=self._label).get(str(found["publicKey"])))
        return Encryption(
            method=certificates[0].method if certificates else "smime",
            algorithm=algorithm,
            certificates=tuple(each.data for each in certificates) if certificates else None,
            allow_spam_training=bool(found.get("allowSpamTraining")),
        )

    def set_encryption(self, encryption: Encryption | None) -> None:
        """Three requests to five: a key is an object of its own, made and removed here unless there is one."""
        before = str(self._settings().get("publicKey") or "")
        keys = {str(each["id"]): each for each in self._caller.find("PublicKey", resource=self._label)}
        key_id = ""
        if encryption is None:
            settings: Object = {"@type": "Disabled"}
        else:
            key_id = self._key(encryption, keys)
            settings = {"@type": _TO_WIRE[encryption.algorithm], "publicKey": key_id, "allowSpamTraining": bool(encryption.allow_spam_training)}
        self._caller.update("AccountSettings", SINGLETON, {"encryptionAtRest": settings}, resource=self._label)
        if before and before != key_id and (keys.get(before) or {}).get("description") == _OWN_KEY:
            self._caller.destroy("PublicKey", before, resource=self._label)

    def require_spam_training_choice(self) -> None:
        """All have it. No request."""

    def _settings(self) -> Object:
        return t.cast(Object, self._own("AccountSettings", "encryptionAtRest")["encryptionAtRest"])

    def _key(self, encryption: Encryption, keys: t.Mapping[str, Object]) -> str:
        wanted = set(encryption.certificates or ())
        for key_id, each in keys.items():
            if {certificate.data for certificate in self._certificates(each)} == wanted:
                return key_id
        text = "".join(certificate_of(encryption.method, data).text() for data in encryption.certificates or ())
        return str(self._caller.create("PublicKey", {"description": _OWN_KEY, "key": text}, resource=self._label)["id"])

    @staticmethod
    def _certificates(key: Object | None) -> tuple[Certificate, ...]:
        """None where they can't be read."""
        try:
            return read_certificates([str(key["key"])]) if key else ()
        except ValueError:
            return ()


class JmapOAuth:
    """The port `OAuth` over JMAP's sister addresses, which want the password and no other login."""

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller

    def code(self, *, client_id: str, redirect_uri: str, nonce: str) -> str:
        """One request."""
        body = {"type": "authCode", **self._login(), "clientId": client_id, "redirectUri": redirect_uri or _NOWHERE, **({"nonce": nonce} if nonce else {})}
        return _authorize(self._caller, body)

    def exchange(self, code: str, *, client_id: str, redirect_uri: str) -> Token:
        """One request, without the login."""
        return exchange(self._caller.client, code, client_id=client_id, redirect_uri=redirect_uri or _NOWHERE)

    def approve_device(self, user_code: str) -> bool:
        """One request. A wrong login and a code with which no device waits are answered alike."""
        return _login_request(self._caller, {"type": "authDevice", **self._login(), "code": user_code}).get("type") == "verified"

    def _login(self) -> dict[str, str]:
        connection = self._caller.client.connection
        if not connection.user:
            raise Refused("login_token: servers since 0.16 make OAuth codes for a name and a password only; use login_user and login_password.")
        password, code = split_code(connection.password)
        return {"accountName": connection.user, "accountSecret": password, **({"mfaToken": code} if code else {})}


def _login_request(caller: JmapCaller, body: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """What the server says to a login for OAuth: HTTP 200 for a wrong one too."""
    answer = caller.client.request("POST", ("api", "auth"), body=body, safe=False, authenticated=False)
    told = answer.json()
    if not isinstance(told, dict) or "type" not in told:
        raise UnexpectedAnswer("the answer does not say whether the login is right", request=answer.request, status=answer.status)
    return told


def _authorize(caller: JmapCaller, body: t.Mapping[str, t.Any]) -> str:
    try:
        told = _login_request(caller, body)
    except InvalidRequest as error:
        raise Refused(f"the server makes no code for the client {body.get('clientId')!r}: {error.words}; correct client_id or redirect_uri.") from None
    if told["type"] == "mfaRequired":
        raise OneTimeCodeMissing("the login needs a one-time code", request="POST /api/auth", status=402)
    if told["type"] != "authenticated":
        caller.client.note_refused_login()
        raise AuthenticationFailed("the server refused the login", request="POST /api/auth", status=401)
    return str(told["client_code"])

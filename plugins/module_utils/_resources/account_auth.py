# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account does for its own logins: password, app passwords, one-time codes.

An account can't read its secrets, so what is already as wanted is told by logging in: once with the new password, once with the given one,
and never again with one that was refused, since a burst of wrong logins bans the caller's address.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._deps import AfterValidator, Field, model_validator
from .._errors import AuthenticationFailed, ConnectionFailed, InvalidOption, NotApplied, OneTimeCodeMissing, Refused, StalwartError
from .._otp import new_otp_url, one_time_code, require_usable_otp_url
from .._passwords import require_usable_password
from .._reconcile.plan import Change, Mode, Outcome, apply
from .._secrets import GENERATED, HIDDEN
from .._server.models.account import AppPasswordName, LoginChange, Logins
from .._server.port import Account, Server
from ._options import Options, Text, read
from .reload import make_live

RESOURCE = "account"

_CHANGED = f"{HIDDEN} (changed)"
_LIKE_A_CODE = re.compile(r".+\$[0-9]{6,8}", re.DOTALL)

_Password = t.Annotated[Text, AfterValidator(require_usable_password)]


class _AppPassword(Options):
    """One app password; without `password` a new one is made."""

    name: Text
    state: t.Literal["present", "absent"] = "present"
    password: _Password | None = Field(None, repr=False)
    replace: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> _AppPassword:
        if "$" in self.name or not self.name.strip():
            raise ValueError(f"{self.name!r} can't name an app password; use text without a dollar sign")
        if self.state == "absent" and (self.password is not None or self.replace):
            raise ValueError(f"the app password {self.name!r} is to be absent, so password and replace do not go with it; remove them")
        return self


class _AuthOptions(Options):
    new_password: _Password | None = Field(None, repr=False)
    update_password: t.Literal["when_different", "always"] = "when_different"
    app_passwords: tuple[_AppPassword, ...] | None = None
    app_passwords_exact: bool = False
    otp: bool | None = None
    otp_url: t.Annotated[Text | None, AfterValidator(lambda value: require_usable_otp_url(value) if value else value), Field(repr=False)] = None

    @model_validator(mode="after")
    def _consistent(self) -> _AuthOptions:
        names = [each.name for each in self.app_passwords or ()]
        if len(names) != len(set(names)):
            raise InvalidOption("app_passwords", "a name stands there twice; app passwords are told apart by name.")
        if self.app_passwords_exact and self.app_passwords is None:
            raise InvalidOption("app_passwords_exact", "it needs app_passwords, the list that is meant; give it, [] to remove all.")
        if self.otp is True and self.otp_url == "":
            raise InvalidOption("otp_url", "it is empty, which switches one-time codes off, while otp is true; give a URL, or leave it out to have one made.")
        return self

    @property
    def wants_otp(self) -> bool | None:
        """Whether one-time codes shall be on; None where that is not to be touched."""
        return bool(self.otp_url) if self.otp is None and self.otp_url is not None else self.otp


@dataclasses.dataclass(frozen=True)
class _Session:
    """A login that works, what it found, and what the way in told."""

    account: Account
    found: Logins
    has_new_password: bool = False
    #: The code came from `otp_url`, so that URL is the account's.
    has_otp_url: bool = False


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Change the account's own logins. Results: `account` (name, otp_enabled, app_passwords), `generated` (what was made, once)."""
    wanted = read(_AuthOptions, options)
    session = _log_in(server.account, wanted)
    change = _plan(session, wanted)
    after = _expected(session.found, change)
    changes: list[Change] = []
    made: dict[str, t.Any] = {}
    if change != LoginChange():
        is_fallback = _check(session, change, after)
        before_state, after_state = _diffed(session.found, change)
        name = session.account.name or "(token)"
        changes = [
            Change(
                RESOURCE,
                name,
                "update",
                before_state,
                after_state,
                lambda: made.update(session.account.change_logins(session.found, change)),
                verify=lambda: _verify(server, session, change, after, is_fallback, mode),
            )
        ]
    try:
        apply(changes, mode)
    except StalwartError as error:
        # it may have come to be all the same, and nobody else knows what was made here
        made.update(error.details.pop("made", {}))
        if made or isinstance(error, ConnectionFailed):
            error.details["generated"] = _generated(wanted, change, made, mode)
        raise
    return Outcome({"account": _shown(session.account, after), "generated": _generated(wanted, change, made, mode)}, changes)


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """How the account of the login logs in. Results: `account`."""
    account = server.account
    return Outcome({"account": _shown(account, account.logins())})


# Logging in


def _log_in(account: Account, wanted: _AuthOptions) -> _Session:
    """The login that works, found with at most one refused one. Raises Refused when there is none."""
    new = wanted.new_password
    if new is None or wanted.update_password == "always" or not account.name or account.uses(new):
        session = _enter(account, account.code, wanted)
        is_new = new is not None and wanted.update_password != "always" and account.uses(new)
        return dataclasses.replace(session, has_new_password=is_new)
    try:
        session = _enter(account.with_login(password=new), account.code, wanted)
    except OneTimeCodeMissing:
        session = _enter(account, account.code, wanted)  # it is right, but there is no code to go with it
    except AuthenticationFailed:
        try:
            return _enter(account, account.code, wanted)
        except OneTimeCodeMissing:
            raise
        except AuthenticationFailed:
            raise Refused(
                f"the server refused the login of {account.name!r} with login_password and with new_password; give login_password as it is now."
            ) from None
    return dataclasses.replace(session, has_new_password=True)


def _enter(account: Account, given_code: str, wanted: _AuthOptions) -> _Session:
    """Log in, with a code where one is asked for."""
    try:
        return _Session(account, account.logins())
    except OneTimeCodeMissing:
        code = one_time_code(wanted.otp_url) if wanted.otp_url else given_code
        if not code:
            raise
    with_code = account.with_login(code=code)
    try:
        return _Session(with_code, with_code.logins(), has_otp_url=bool(wanted.otp_url))
    except AuthenticationFailed:
        where = "otp_url: the account's one-time codes come from another URL" if wanted.otp_url else "login_password: its one-time code is not valid any more"
        raise Refused(f"{where}; give the one that the account has, or log in with an app password.") from None


# What to change


def _plan(session: _Session, wanted: _AuthOptions) -> LoginChange:
    found = session.found
    password = wanted.new_password if wanted.new_password is not None and not session.has_new_password else None
    add: dict[str, str] = {}
    remove: list[AppPasswordName] = []
    if wanted.app_passwords is not None:
        present = {each.name: each for each in wanted.app_passwords if each.state == "present"}
        absent = {each.name for each in wanted.app_passwords} - set(present)
        stored = {each.name for each in found.app_passwords}
        add = {name: each.password or "" for name, each in present.items() if name not in stored or each.replace}
        gone = absent | set(add) | (stored - set(present) if wanted.app_passwords_exact else set())
        remove = [each for each in found.app_passwords if each.name in gone]
    return LoginChange(password=password, add=add, remove=tuple(remove), otp_url=_planned_otp(session, wanted))


def _planned_otp(session: _Session, wanted: _AuthOptions) -> str | None:
    is_on = session.found.otp_enabled
    if wanted.wants_otp is None or (wanted.wants_otp is False and not is_on):
        return None
    if wanted.wants_otp is False:
        return ""
    if not is_on:
        return wanted.otp_url or new_otp_url(session.account.name)
    if not wanted.otp_url or session.has_otp_url or _codes_come_from(session.account, wanted.otp_url):
        return None
    return wanted.otp_url


def _codes_come_from(account: Account, otp_url: str) -> bool:
    """Whether one-time codes that are on come from this URL: one login tells."""
    if not account.code:
        raise Refused(
            "otp_url: one-time codes are on, and a login without one can't tell from which URL they come; log in with the account's password "
            "(login_password: PASSWORD$CODE, or PASSWORD alone when otp_url is the account's), or use otp: true, which leaves them as they are."
        )
    try:
        account.with_login(code=one_time_code(otp_url)).logins()
    except AuthenticationFailed:
        return False
    return True


def _check(session: _Session, change: LoginChange, after: Logins) -> bool:
    """Refuse what the server would refuse, or take and lock the account out by. Tells whether this is the fallback administrator."""
    account = session.account
    for option, value in (("new_password", change.password), ("otp", change.otp_url)):
        if value is not None and not account.name:
            raise Refused(f"{option}: servers change it only for a login with login_user and login_password; use these in place of login_token.")
    if after.otp_enabled and change.password is not None and _LIKE_A_CODE.fullmatch(change.password):
        raise InvalidOption("new_password", "it ends like a one-time code ($ and digits), which the server would cut off; use another end.")
    account.require_possible(change)
    is_fallback = bool(account.name) and account.is_fallback_administrator()
    if is_fallback and (change.add or change.otp_url):
        raise Refused(
            f"{account.name!r} is the fallback administrator of the server's settings, which has neither app passwords nor one-time codes; "
            "use an account (principal of type individual with the role admin)."
        )
    return is_fallback


def _expected(found: Logins, change: LoginChange) -> Logins:
    kept = [each for each in found.app_passwords if each not in change.remove]
    return Logins(
        otp_enabled=found.otp_enabled if change.otp_url is None else bool(change.otp_url),
        app_passwords=(*kept, *(AppPasswordName(name=name, id=name) for name in change.add)),
    )


# Changing


def _verify(server: Server, session: _Session, change: LoginChange, after: Logins, is_fallback: bool, mode: Mode) -> None:
    """Log in as it must be possible now, and read again. Raises NotApplied."""
    if is_fallback and not make_live(server, mode, f"the old password of {session.account.name!r} still holds"):
        return
    account = _afterwards(session, change, after)
    try:
        now = account.logins()
    except OneTimeCodeMissing:
        # The new password is right. Whoever logged in without a code can still look.
        if not after.otp_enabled or session.account.code:
            raise
        try:
            now = session.account.logins()
        except OneTimeCodeMissing:
            return  # which itself tells that the password is right, and that codes are asked for
    except AuthenticationFailed:
        raise NotApplied(f"the server answered success, but refuses the new login of {account.name!r}; set its password as an administrator.") from None
    lost = sorted(_names(after) - _names(now))
    left = sorted(_names(now) - _names(after))
    if lost:
        raise NotApplied(f"the server answered success, but these app passwords are missing now: {', '.join(lost)}.")
    if left or now.otp_enabled != after.otp_enabled:
        what = f"the app passwords {', '.join(left)}" if left else "one-time codes"
        raise NotApplied(f"the server answered success, but {what} did not change.")


def _afterwards(session: _Session, change: LoginChange, after: Logins) -> Account:
    account = session.account
    if change.password is None and change.otp_url is None:
        return account
    code = ""
    if after.otp_enabled:
        code = one_time_code(change.otp_url) if change.otp_url else account.code
    elif not session.found.otp_enabled and change.password is None:
        return account
    if change.password is None and session.found.otp_enabled and not account.code:
        return account  # an app password, which asks for no code
    return account.with_login(password=change.password or "", code=code)


def _names(logins: Logins) -> set[str]:
    return {each.name for each in logins.app_passwords}


# How it is shown


def _shown(account: Account, logins: Logins) -> dict[str, t.Any]:
    return {"name": account.name or None, "otp_enabled": logins.otp_enabled, "app_passwords": sorted(each.name for each in logins.app_passwords)}


def _generated(wanted: _AuthOptions, change: LoginChange, made: t.Mapping[str, str], mode: Mode) -> dict[str, t.Any]:
    """What was made here or by the server; nothing else is ever returned."""
    values: dict[str, t.Any] = {}
    names = [name for name, password in change.add.items() if not password]
    if names:
        values["app_passwords"] = {name: GENERATED if mode.check else made[name] for name in names if mode.check or name in made}
    if change.otp_url and not wanted.otp_url:
        values["otp_url"] = GENERATED if mode.check else change.otp_url
    return values


def _diffed(found: Logins, change: LoginChange) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    before: dict[str, t.Any] = {}
    after: dict[str, t.Any] = {}
    if change.password is not None:
        before["password"], after["password"] = HIDDEN, _CHANGED
    if change.add or change.remove:
        before["app_passwords"] = dict.fromkeys(sorted(_names(found)), HIDDEN)
        kept = {each.name: HIDDEN for each in found.app_passwords if each not in change.remove}
        new = {name: _CHANGED if password else GENERATED for name, password in change.add.items()}
        after["app_passwords"] = dict(sorted({**kept, **new}.items()))
    if change.otp_url is not None:
        if found.otp_enabled:
            before["otp_url"] = HIDDEN
        if change.otp_url:
            after["otp_url"] = _CHANGED
    return before, after

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way in which a task can fail, each with a sentence that a person can act on.

Layers below the frontend raise these; only the frontend turns them into Ansible failures.
"""

from __future__ import annotations

import typing as t


class StalwartError(Exception):
    """Base of all failures. `str()` is the sentence shown to the user; it never holds a secret.

    `details` are what else the failed task returns, as keys of its result.
    """

    def __init__(self, message: str = "", **details: t.Any) -> None:
        super().__init__(message)
        self.details = details


class LibraryMissing(StalwartError):
    """A Python library, or several, is not installed where the task runs."""

    def __init__(self, library: str, reason: str) -> None:
        super().__init__(f"the Python library {library} is missing")
        self.library = library
        self.reason = reason


class InvalidOption(StalwartError):
    """An option's value can't be used; found before anything was sent."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")
        self.option = option
        self.problem = problem


class Refused(StalwartError):
    """We refuse to do what was asked, because it would lose mail, lock out or contradict what is there. Nothing was written."""


class NotApplied(StalwartError):
    """The server answered success but did not do what was asked."""


class PartlyDone(StalwartError):
    """Some of the changes were made before one failed. `done` and `left` are operations as in a result; `more` are further result keys."""

    def __init__(self, message: str, done: t.Sequence[dict[str, t.Any]], left: t.Sequence[dict[str, t.Any]], *, changed: bool = True, **more: t.Any) -> None:
        super().__init__(message)
        self.done = list(done)
        self.left = list(left)
        self.changed = changed
        self.more = more


class ConnectionFailed(StalwartError):
    """The server could not be reached, or the connection broke. `sent` tells whether the request may have arrived."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class TimedOut(ConnectionFailed):
    """A time limit ran out."""


class ServerError(StalwartError):
    """The server answered, and the answer is a refusal or a fault.

    `request` is like "POST /api/principal"; `words` are the server's own, scrubbed; `resource` names what the request was about.
    """

    def __init__(self, words: str, *, request: str, resource: str = "", status: int = 200) -> None:
        super().__init__(words)
        self.words = words
        self.request = request
        self.resource = resource
        self.status = status

    def __str__(self) -> str:
        subject = f"{self.resource}: " if self.resource else ""
        return f"{subject}{self.summary()} ({self.request})"

    def about(self, resource: str) -> ServerError:
        """The same error, naming what the request was about."""
        self.resource = resource or self.resource
        return self

    def summary(self) -> str:
        return f"the server answered: {self.words}"


class AuthenticationFailed(ServerError):
    """401. Never retried: a burst of wrong logins bans the caller's address."""

    def summary(self) -> str:
        return "the server refused the login; check login_user and login_password, or login_token"


class OneTimeCodeMissing(AuthenticationFailed):
    """402. The password is right, and the account has one-time codes (OTP) on."""

    def summary(self) -> str:
        return (
            "the password is right, but the account also asks for a one-time code; give login_password as PASSWORD$CODE "
            "(which servers since 0.16 take in account_auth, account_crypto and oauth_token only), or log in with an app password or login_token"
        )


class PermissionDenied(ServerError):
    """403. The server does not say which permission is missing."""

    def summary(self) -> str:
        return f"this login has not the permission for the request; the server answered: {self.words}"


class NotFound(ServerError):
    """404, or {"error": "notFound"}. `item` is the missing thing's name where the server tells it."""

    def __init__(self, words: str, *, item: str = "", **about: t.Any) -> None:
        self.item = item
        super().__init__(words, **about)


class AlreadyExists(ServerError):
    """{"error": "fieldAlreadyExists"}, primaryKeyViolation. `value` is kept only for fields that hold no secret.

    `holder` are type and id of the object that has it, where the server tells them.
    """

    def __init__(self, words: str, *, field: str, value: str = "", holder: tuple[str, str] = ("", ""), **about: t.Any) -> None:
        self.field = field
        self.value = value
        self.holder = holder
        super().__init__(words, **about)


class InUse(ServerError):
    """objectIsLinked: others refer to it. `linked` are their types and ids."""

    def __init__(self, words: str, *, linked: tuple[tuple[str, str], ...] = (), **about: t.Any) -> None:
        self.linked = linked
        super().__init__(words, **about)


class FieldMissing(ServerError):
    """{"error": "fieldMissing"}."""

    def __init__(self, words: str, *, field: str, **about: t.Any) -> None:
        self.field = field
        super().__init__(words, **about)


class Unsupported(ServerError):
    """{"error": "unsupported"}: this edition or version can't do it."""


class EditionMissing(Unsupported):
    """{"error": "unsupported"} for a part that only the paid edition has."""

    def summary(self) -> str:
        return "this needs the paid edition (Enterprise) of the server, and this server runs the free one"


class AssertionRefused(ServerError):
    """{"error": "assertFailed"}: a settings write expected an empty prefix and found keys."""


class InvalidRequest(ServerError):
    """400: the server could not take the request."""


class RateLimited(ServerError):
    """429, and still so after the retries."""


class ServerFault(ServerError):
    """5xx."""


class UnexpectedAnswer(ServerError):
    """Not what the API answers: HTML, half a JSON, a redirect, a body without end."""

    def summary(self) -> str:
        return self.words

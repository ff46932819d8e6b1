# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account may see and change of itself: its logins, its encryption at rest, and the tokens it hands out."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._deps import Field
from .base import Model

Algorithm = t.Literal["aes128", "aes256"]


class AppPasswordName(Model):
    """An app password. `id` is how the server tells them apart, `name` is what its owner called it; several may have the same."""

    name: str
    id: str


class Logins(Model):
    """How an account logs in. The secrets themselves are never told."""

    otp_enabled: bool = False
    app_passwords: tuple[AppPasswordName, ...] = ()


@dataclasses.dataclass(frozen=True)
class LoginChange:
    """What is to change, all at once. Whatever is not named stays.

    `add` has a password for each name, or nothing where one is to be made. `otp_url` is a new URL, "" switches one-time codes off.
    """

    password: str | None = dataclasses.field(default=None, repr=False)
    add: t.Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    remove: tuple[AppPasswordName, ...] = ()
    otp_url: str | None = dataclasses.field(default=None, repr=False)


class Encryption(Model):
    """Encryption at rest that is on. `certificates` are DER (S/MIME) or OpenPGP packets, None where the server's own form can't be read.

    `allow_spam_training` tells whether the spam filter learns from a message before it is encrypted; None where the server has no say in it.
    """

    method: t.Literal["pgp", "smime"]
    algorithm: Algorithm
    certificates: tuple[bytes, ...] | None = None
    allow_spam_training: bool | None = None


class Token(Model):
    """An OAuth token, as RFC 6749 has it. `expires_in` is in seconds."""

    access_token: str = Field(repr=False)
    token_type: str
    expires_in: int
    refresh_token: str | None = Field(default=None, repr=False)
    id_token: str | None = Field(default=None, repr=False)

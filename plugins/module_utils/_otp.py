# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One-time codes (TOTP): which URLs a server can use, new ones, and the code of the moment.

A server stores any `otpauth://` URL and reads it only when the account logs in. One that it can't read locks the account out, so it is
checked here by what servers 0.13 to 0.15 (totp-rs 5) were seen to take.
"""

from __future__ import annotations

import base64
import re
import secrets
import traceback
import typing as t
import urllib.parse
from dataclasses import dataclass, field

from ._errors import LibraryMissing

_SECRET_BYTES = 20
_LEAST_SECRET_BYTES = 16
_ALGORITHMS = ("SHA1", "SHA256", "SHA512")
_DIGITS = (6, 7, 8)
#: Servers up to 0.15 tell "PASSWORD$CODE" apart in this way (core/secret.rs).
_WITH_CODE = re.compile(r"(.+)\$([0-9]{6,8})", re.DOTALL)


@dataclass(frozen=True)
class _Parameters:
    secret: str = field(repr=False)
    algorithm: str
    digits: int
    period: int


def split_code(password: str) -> tuple[str, str]:
    """PASSWORD$CODE in its parts; without a code the password and ""."""
    found = _WITH_CODE.fullmatch(password)
    return (found.group(1), found.group(2)) if found else (password, "")


def require_usable_otp_url(url: str) -> str:
    """The URL itself. Raises ValueError, with a sentence that holds nothing of it, when an account with it could not log in."""
    _parse(url)
    return url


def new_otp_url(account: str, issuer: str = "Stalwart") -> str:
    """A URL with a new random secret, which every server and authenticator app takes."""
    secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    label = f"{urllib.parse.quote(issuer)}:{urllib.parse.quote(account.replace(':', ' '), safe='@')}"
    query = {"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": 6, "period": 30}
    return f"otpauth://totp/{label}?{urllib.parse.urlencode(query)}"


def one_time_code(url: str, at: float | None = None) -> str:
    """The code of the moment, or of a time in seconds since 1970. Raises ValueError as require_usable_otp_url, and LibraryMissing."""
    found = _parse(url)
    totp = _library()(key=found.secret, format="base32", alg=found.algorithm.lower(), digits=found.digits, period=found.period)
    return str(totp.generate(at).token)


def _parse(url: str) -> _Parameters:
    if not url.startswith("otpauth://totp/") and not url.startswith("otpauth://totp?"):
        raise ValueError("it is no otpauth://totp/ URL; give one as authenticator apps take it")
    parts = urllib.parse.urlsplit(url)
    query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    values = dict(query)
    if len(values) != len(query):
        raise ValueError("a parameter stands there twice; leave one")
    secret = values.get("secret", "")
    if not re.fullmatch(r"[A-Z2-7]+", secret) or len(secret) % 8 in (1, 3, 6):
        raise ValueError("its secret must be base32 in upper case, without padding")
    if len(secret) * 5 // 8 < _LEAST_SECRET_BYTES:
        raise ValueError(f"its secret is shorter than {_LEAST_SECRET_BYTES * 8} bits, and would lock the account out; use 26 characters of base32 or more")
    algorithm = values.get("algorithm", "SHA1")
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"its algorithm must be one of {', '.join(_ALGORITHMS)}, in upper case")
    digits, period = (_number(values.get(name, default)) for name, default in (("digits", "6"), ("period", "30")))
    if digits not in _DIGITS:
        raise ValueError("its digits must be 6, 7 or 8")
    if not period:
        raise ValueError("its period must be a number of seconds above 0")
    _check_label(urllib.parse.unquote(parts.path.removeprefix("/")), values.get("issuer"))
    return _Parameters(secret, algorithm, digits, period)


def _check_label(label: str, issuer: str | None) -> None:
    prefix, colon, account = label.partition(":")
    if ":" in account or ":" in (issuer or ""):
        raise ValueError("its label holds more than one colon, or its issuer holds one; remove it")
    if colon and issuer is not None and prefix != issuer:
        raise ValueError("its issuer is not the one before the colon of the label; make them equal")


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _library() -> t.Any:
    try:
        from passlib.totp import TOTP
    except ImportError:
        raise LibraryMissing("libpass", traceback.format_exc()) from None
    return TOTP

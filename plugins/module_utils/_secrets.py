# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How secrets are shown, and how texts are cleaned of them."""

from __future__ import annotations

import re
import typing as t

HIDDEN = "<hidden>"
GENERATED = "<generated>"

_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_OTP = re.compile(r"otpauth://\S{6,}", re.IGNORECASE)  # our own sentences name "otpauth://totp/"
_API_KEY = re.compile(r"\b(?:api|app)_(?!passwords(?:_exact)?\b)[A-Za-z0-9+/=_-]{8,}", re.IGNORECASE)  # but for the options app_passwords…
_APP_PASSWORD = re.compile(r"\$app\$[^\s\"']+")
_CRYPT = re.compile(r"(?<![\w$])\$(?:1|2[abxy]|5|6|7|y|sha1|scrypt|argon2(?:i|d|id)|pbkdf2(?:-sha\d+)?)\$[^\s\"']+")
_SCHEME = re.compile(r"\{[A-Z0-9.-]{2,20}\}[A-Za-z0-9+/=.$]{6,}")

# the last part, or a part, of a settings key whose value no one else should read
_SECRET_KEY = re.compile(
    r"(?:^|[.-])(?:secrets?|passwords?|passwd|token|credentials|hmac|(?:private|api|access|secret|license|signature|encryption|account)-key|key-id)(?:$|[.-])"
    # the server's own: the key of OAuth tokens, certificates of ACME with their keys; and headers that it sends elsewhere
    r"|^oauth\.key$|^acme\..+\.cert$|^(?:tracer|webhook|session|store|http-lookup|lookup|spam-filter|enterprise|metrics)\..*\.headers(?:\.|$)",
    re.IGNORECASE,
)
# how long tokens live, and in which attributes and columns of a directory secrets are
_NO_SECRET_KEY = re.compile(r"\.(?:expiry|attributes|columns)\.", re.IGNORECASE)
_AUTHORIZATION = re.compile(r"(?<=\b[Bb]asic )(?=\S*[0-9+/=])[A-Za-z0-9+/=]{8,}|(?<=\b[Bb]earer )(?=\S*[0-9_])[A-Za-z0-9+/=._~-]{8,}")
_URL_LOGIN = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")


def is_secret_key(key: str) -> bool:
    """Whether a settings key, by its name, holds a secret: `signature.ID.private-key`, `store.ID.password`, …"""
    return bool(_SECRET_KEY.search(key)) and not _NO_SECRET_KEY.search(key)


def scrub(text: str, secrets: t.Iterable[str] = ()) -> str:
    """`text` without key material: what looks like a secret in any form that servers use, and each of `secrets`."""
    for secret in sorted({s for s in secrets if s}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern in (_PEM, _OTP, _API_KEY, _APP_PASSWORD, _CRYPT, _SCHEME, _AUTHORIZATION, _URL_LOGIN):
        text = pattern.sub(HIDDEN, text)
    return text

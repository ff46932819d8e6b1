"""Which password fits which stored secret: every form of hash that the server reads."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import time
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, urlsplit

import argon2
import bcrypt
from passlib.hash import bsdi_crypt, des_crypt, md5_crypt, sha1_crypt, sha256_crypt, sha512_crypt

from .principal import EarlyPrincipal, Principal, is_app_password, is_otp


class UnreadableSecret(ValueError):
    """The stored secret is in no form that the server knows: the login fails as a whole."""


class MissingToken(Exception):
    """The password is right but the account wants a time-based token too: ``password$123456``."""


def fits(stored: str, password: str) -> bool:
    """Whether ``password`` is what ``stored`` (plain or hashed) stands for. Raises UnreadableSecret."""
    if stored.startswith("$"):
        return _fits_crypt(stored, password)
    if stored.startswith("_"):
        return _verify(bsdi_crypt.verify, password, stored)
    if stored.startswith("{"):
        scheme, brace, rest = stored[1:].partition("}")
        if not brace:
            raise UnreadableSecret("no scheme")
        return _fits_scheme(scheme, rest, password)
    return bool(stored) and stored == password


def _verify(verify: Callable[[str, str], bool], password: str, stored: str) -> bool:
    try:
        return bool(verify(password, stored))
    except (ValueError, TypeError):
        return False


def _fits_crypt(stored: str, password: str) -> bool:
    if stored.startswith(("$argon2", "$pbkdf2", "$scrypt")):
        return _fits_phc(stored, password)
    if stored.startswith("$2"):
        try:
            return bcrypt.checkpw(password.encode()[:72], stored.encode())
        except ValueError:
            return False
    for prefix, verify in (
        ("$6$", sha512_crypt.verify),
        ("$5$", sha256_crypt.verify),
        ("$sha1", sha1_crypt.verify),
        ("$1", md5_crypt.verify),
    ):
        if stored.startswith(prefix):
            return _verify(verify, password, stored)
    raise UnreadableSecret("unknown hash")


def _b64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise UnreadableSecret("no base64") from error


def _fits_phc(stored: str, password: str) -> bool:
    """The PHC string format, of Argon2, scrypt and PBKDF2 (``$pbkdf2-sha256$i=600000,l=32$SALT$HASH``)."""
    if stored.startswith("$argon2"):
        try:
            return argon2.PasswordHasher().verify(stored, password)
        except argon2.exceptions.VerifyMismatchError:
            return False
        except argon2.exceptions.Argon2Error as error:
            raise UnreadableSecret(str(error)) from error
        except argon2.exceptions.InvalidHashError as error:
            raise UnreadableSecret(str(error)) from error
    match stored.split("$"):
        case ["", algorithm, settings, salt, digest] if "=" in settings:
            options = dict(part.split("=", 1) for part in settings.split(",") if "=" in part)
        case ["", algorithm, salt, digest] if algorithm != "scrypt":
            options = {}
        case _:
            raise UnreadableSecret("no PHC string")
    try:
        wanted = _b64(digest)
        if algorithm == "scrypt":
            cost, block, parallel = int(options["ln"]), int(options["r"]), int(options["p"])
            memory = 128 * block * (2**cost + parallel) + 1024 * 1024
            found = hashlib.scrypt(password.encode(), salt=_b64(salt), n=2**cost, r=block, p=parallel, maxmem=memory, dklen=len(wanted))
        else:
            name = {"pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}[algorithm]
            found = hashlib.pbkdf2_hmac(name, password.encode(), _b64(salt), int(options.get("i", "600000")), len(wanted))
    except (KeyError, ValueError) as error:
        raise UnreadableSecret("bad parameters") from error
    return hmac.compare_digest(found, wanted)


_DIGESTS = {"SHA": "sha1", "SHA256": "sha256", "SHA512": "sha512", "MD5": "md5"}
_SALTED_DIGESTS = {"SSHA": "sha1", "SSHA256": "sha256", "SSHA512": "sha512"}


def _fits_scheme(scheme: str, stored: str, password: str) -> bool:
    if scheme in ("ARGON2", "ARGON2I", "ARGON2ID", "PBKDF2"):
        return _fits_crypt(stored, password)
    if scheme in _DIGESTS:
        digest = hashlib.new(_DIGESTS[scheme], password.encode(), usedforsecurity=False).digest()
        return base64.b64encode(digest).decode() == stored
    if scheme in _SALTED_DIGESTS:
        try:
            decoded = base64.b64decode(stored)
        except binascii.Error:
            decoded = b""
        hasher = hashlib.new(_SALTED_DIGESTS[scheme], password.encode(), usedforsecurity=False)
        hasher.update(decoded[hasher.digest_size :])
        return hasher.digest() == decoded[: hasher.digest_size]
    if scheme in ("CRYPT", "crypt"):
        return _fits_crypt(stored, password) if stored.startswith("$") else _verify(des_crypt.verify, password, stored)
    if scheme in ("PLAIN", "plain", "CLEAR", "clear"):
        return stored == password
    raise UnreadableSecret("Unsupported algorithm")


def totp_fits(url: str, token: str, now: float | None = None) -> bool:
    """Whether ``token`` is the current one (or the one before or after) of an ``otpauth://`` URL. Raises UnreadableSecret."""
    parts = urlsplit(url)
    given = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(given)
    label, colon, account = unquote(parts.path.removeprefix("/")).partition(":")
    issuer = options.get("issuer")
    try:
        text = options["secret"]
        secret = base64.b32decode(text + "=" * (-len(text) % 8))
        digits, period = int(options.get("digits", "6")), int(options.get("period", "30"))
        algorithm = {"SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512"}[options.get("algorithm", "SHA1")]
    except (KeyError, ValueError, binascii.Error) as error:
        raise UnreadableSecret("bad OTP URL") from error
    if not url.startswith("otpauth://totp") or text.endswith("=") or len(secret) < 16 or not 6 <= digits <= 8 or period < 1:
        raise UnreadableSecret("bad OTP URL")
    if ":" in account or ":" in (issuer or "") or (colon and issuer not in (None, label)):
        raise UnreadableSecret("bad OTP URL")
    step = int((time.time() if now is None else now) // period)
    return any(_token(secret, step + offset, digits, algorithm) == token for offset in (-1, 0, 1))


def _token(secret: bytes, step: int, digits: int, algorithm: str) -> str:
    digest = hmac.new(secret, struct.pack(">Q", step), algorithm).digest()
    offset = digest[-1] & 15
    number: int = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def _split_token(password: str) -> tuple[str, str] | None:
    code, separator, token = password.rpartition("$")
    if separator and code and 6 <= len(token) <= 8 and token.isascii() and token.isdigit():
        return code, token
    return None


def login(principal: Principal, password: str, now: float) -> bool:
    """Whether ``password`` logs ``principal`` in. Raises MissingToken and UnreadableSecret."""
    if isinstance(principal, EarlyPrincipal):
        return _login_early(principal, password, now)
    for secret in principal.each("app_password"):
        _, dollar, stored = secret.removeprefix("$app$").partition("$")
        if dollar and fits(stored, password):
            return True
    stored, otp = principal.password(), principal.otp_url()
    if stored is None:
        return False
    if otp is None:
        return fits(stored, password)
    split = _split_token(password)
    if split is not None:
        return fits(stored, split[0]) and totp_fits(otp, split[1], now)
    if fits(stored, password):
        raise MissingToken
    return False


def _login_early(principal: EarlyPrincipal, password: str, now: float) -> bool:
    """Up to 0.13 the secrets are tried in the order they are stored in; an OTP first takes the token off the password."""
    code, token = password, None
    token_missing = token_needed = token_fits = by_password = by_app_password = False
    for secret in principal.secrets():
        if is_otp(secret):
            if token_fits or token_missing:
                continue
            token_needed = True
            if token is None:
                split = _split_token(code)
                if split is None:
                    token_missing = True
                    continue
                code, token = split
            token_fits = totp_fits(secret, token, now)
        elif not by_password and not by_app_password:
            stored = secret.removeprefix("$app$").partition("$")
            if is_app_password(secret) and stored[1]:
                by_app_password = fits(stored[2], code)
            else:
                by_password = fits(secret, code)
    if by_password:
        if not token_needed:
            return True
        if token_missing:
            raise MissingToken
        return token_fits
    if by_app_password:
        return True
    return token_fits and any(fits(secret, code) for secret in principal.passwords())

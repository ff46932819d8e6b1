# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords as mail servers keep them: made, recognised, and verified with the server's own verdict.

Servers up to 0.15 store a secret exactly as it is sent and show it again, so whether a password is already set can be
found by verifying it against what is stored. The rules are those of the server's `core/secret.rs` and of the crates it
uses (pwhash 1.0, password-hash 0.5, argon2 0.5, scrypt 0.11, pbkdf2 0.12): a hash which the server would store and never
match must not count as a match here either. Where a verdict is in doubt it is "no match": that costs one more write of the
same password, while the opposite would report an account as fine that can't log in.

Nothing here logs, and no message or exception holds a password or a hash.

Cost: a verification takes what the hash's own parameters ask for. The hashes made here take about 8 ms of one core to make
and as much to verify, so 10,000 accounts take some 80 s divided by the number of cores; argon2, bcrypt and scrypt hashes commonly take 50 to 300 ms each.
The {SSHA}-like digests, and comparing a ready hash as a string, cost nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import traceback
import typing as t
from dataclasses import dataclass
from enum import Enum

from ._errors import LibraryMissing

#: Rounds of the sha512-crypt hashes made here: twice the format's default (which the server's own web interface uses).
#: Each run pays them for each password that it compares, and the server at each login of each mail client, so far more would be felt
#: there. Who wants other costs gives a hash instead of a password.
ROUNDS = 10_000

#: libpass refuses longer ones.
_MAX_PASSWORD_BYTES = 4096

#: Of generated passwords: no i, l, o, 0 and 1.
_TYPED = "abcdefghjkmnpqrstuvwxyz23456789"

_REMEDY = "give a sha512-crypt hash, as `openssl passwd -6` prints it, or the password itself"

_Match = t.Callable[[bytes], bool]


class SecretKind(str, Enum):
    """What one string of a principal's secrets is to the server."""

    #: `$app$NAME$HASH`: a password of its own for one program.
    APP_PASSWORD = "app_password"
    #: An `otpauth://` URL: a second factor.
    OTP = "otp"
    #: A hash that the right password matches.
    HASH = "hash"
    #: Taken for a hash, but no password ever matches it.
    NEVER_MATCHES = "never_matches"
    #: The password itself, in clear text.
    PLAIN = "plain"


def classify(stored: str) -> SecretKind:
    """What a stored secret is; never raises."""
    if stored.startswith("$app$"):
        return SecretKind.APP_PASSWORD
    if stored.startswith("otpauth://"):
        return SecretKind.OTP
    if stored[:1] not in ("$", "_", "{"):
        return SecretKind.PLAIN if stored else SecretKind.NEVER_MATCHES
    if _clear_text(stored) is not None:
        return SecretKind.PLAIN
    return SecretKind.NEVER_MATCHES if _matcher(stored) is None else SecretKind.HASH


def hash_password(plain: str, *, rounds: int = ROUNDS) -> str:
    """A new sha512-crypt hash with a random salt, which every server version matches.

    Since the hash is sent, a password may begin with `$`, `_` or `{`, which the server would take for a hash if it got the
    password itself. Raises ValueError for what can't be a password.
    """
    return str(_crypt_handler("sha512_crypt").using(rounds=rounds).hash(require_usable_password(plain)))


def require_usable_password(plain: str) -> str:
    """The password itself. Raises ValueError for what can't be one."""
    try:
        encoded = plain.encode()
    except UnicodeEncodeError:
        raise ValueError("the password is not valid text (UTF-8).") from None
    if not encoded:
        raise ValueError("the password is empty.")
    if "\0" in plain:
        raise ValueError("the password holds a NUL character, which no password can hold.")
    if len(encoded) > _MAX_PASSWORD_BYTES:
        raise ValueError(f"the password is longer than {_MAX_PASSWORD_BYTES} bytes.")
    return plain


def generate_password() -> str:
    """A new password that can be typed: five groups of five letters and digits without look-alikes, 120 bits and more."""
    return "-".join("".join(secrets.choice(_TYPED) for _letter in range(5)) for _group in range(5))


def verify_password(plain: str, stored: str) -> bool:
    """Whether a server (0.13 to 0.15) would let this password in by this stored secret.

    False for app passwords, one-time-password URLs and anything malformed. Raises only LibraryMissing, when the hash is of
    a kind whose library (libpass, bcrypt, argon2-cffi) is not installed.
    """
    if classify(stored) in (SecretKind.APP_PASSWORD, SecretKind.OTP):
        return False
    matches = _matcher(stored)
    if matches is None:
        return False
    try:
        return matches(plain.encode())
    except (ValueError, TypeError, OverflowError, MemoryError):
        # A password that the hash's library can't take, or costs that this machine can't pay.
        return False


def already_set(plain: str, stored: str) -> bool:
    """Whether setting this password would change nothing: it matches the stored secret, and was compared to its end.

    Traditional DES looks at 8 bytes and bcrypt at 72. Where a longer password is cut off, the one it replaces may match as
    well, so it counts as not set and is stored anew. Raises LibraryMissing as verify_password does.
    """
    return not _cuts_off(plain, stored) and verify_password(plain, stored)


def _cuts_off(plain: str, stored: str) -> bool:
    length = len(plain.encode(errors="surrogatepass"))
    hashed = stored[len("{CRYPT}") :] if stored.startswith(("{CRYPT}", "{crypt}")) else stored
    if hashed.startswith("$2"):
        return length > 72
    return hashed is not stored and not hashed.startswith("$") and length > 8


def require_usable_hash(given: str) -> str:
    """The hash in a spelling that the server matches.

    Spellings of Dovecot and passlib that the server would store and never match (`{SHA512-CRYPT}$6$...`, `{BLF-CRYPT}`,
    `{ARGON2ID}`, `{SSHA512.HEX}`, `{ssha}`, passlib's `$pbkdf2-sha256$29000$...`) are rewritten: the same password matches.
    Raises ValueError with one sentence, that does not hold the hash, when nothing would match or when it is no hash.
    """
    kind = classify(given)
    if kind is SecretKind.HASH:
        return given
    if not given:
        raise ValueError("the hash is empty: leave the option out to keep the password as it is.")
    if kind is SecretKind.APP_PASSWORD:
        raise ValueError("this is an app password ($app$...), not the hash of a password.")
    if kind is SecretKind.OTP:
        raise ValueError("this is a one-time-password URL (otpauth://), not the hash of a password.")
    if kind is SecretKind.PLAIN or (given.startswith("{") and _scheme(given)[0] in ("CLEARTEXT", "PLAIN", "CLEAR")):
        raise ValueError("this is no hash, the server would take it for the password itself: give a password as a password.")
    respelt = _respell(given)
    if respelt is not None and classify(respelt) is SecretKind.HASH:
        return respelt
    raise ValueError(f"the server would store {_describe(given)} and let no password in by it: {_REMEDY}.")


def preload() -> None:
    """Import the hash libraries that are installed, for a process that forks its workers later."""
    loads: list[t.Callable[[], t.Any]] = [lambda: _crypt_handler("sha512_crypt"), _bcrypt, _argon2]
    for load in loads:
        try:
            load()
        except LibraryMissing:
            continue


# -- what the server matches: one function a format, None where nothing ever matches ----------------------------------


def _matcher(stored: str) -> _Match | None:
    if stored.startswith("$"):
        return _modular(stored)
    if stored.startswith("_"):
        return _by_crypt("bsdi_crypt", stored)
    if not stored.startswith("{"):
        return _same_text(stored) if stored else None
    clear = _clear_text(stored)
    if clear is not None:
        return _same_text(clear)
    scheme, closed, body = stored[1:].partition("}")
    if not closed:
        return None
    if scheme in ("CRYPT", "crypt"):
        # The extended DES form is looked for only without a scheme in front of it.
        return _modular(body) if body.startswith("$") else _by_crypt("des_crypt", body)
    # {ARGON2}, {ARGON2I}, {ARGON2ID} and {PBKDF2} stand in the server's list too, but running servers let nobody in by them.
    return _digest(scheme, body)


def _modular(stored: str) -> _Match | None:
    if stored.startswith(("$argon2", "$pbkdf2", "$scrypt")):
        return _phc(stored)
    if stored.startswith("$2"):
        return _by_bcrypt(stored)
    return next((_by_crypt(name, stored) for name, prefix in _CRYPT_PREFIXES.items() if stored.startswith(prefix)), None)


def _clear_text(stored: str) -> str | None:
    return next((stored[len(prefix) :] for prefix in ("{PLAIN}", "{plain}", "{CLEAR}", "{clear}") if stored.startswith(prefix)), None)


def _same_text(text: str) -> _Match:
    # "surrogatepass" since what is compared may be anything; the password itself was encoded strictly.
    return lambda secret: hmac.compare_digest(secret, text.encode(errors="surrogatepass"))


_CRYPT_PREFIXES = {"sha512_crypt": "$6$", "sha256_crypt": "$5$", "sha1_crypt": "$sha1$", "md5_crypt": "$1$"}

# pwhash compares what it calculates with the stored string as a whole, so a spelling that it would not print itself never
# matches: rounds with a leading zero or out of range, a salt that is too long or holds a character outside the alphabet.
_CRYPT_FORMS = {
    "sha512_crypt": re.compile(r"\$6\$(?:rounds=[1-9][0-9]{3,8}\$)?[./0-9A-Za-z]{0,16}\$[./0-9A-Za-z]{86}"),
    "sha256_crypt": re.compile(r"\$5\$(?:rounds=[1-9][0-9]{3,8}\$)?[./0-9A-Za-z]{0,16}\$[./0-9A-Za-z]{43}"),
    "sha1_crypt": re.compile(r"\$sha1\$[1-9][0-9]{0,9}\$[./0-9A-Za-z]{0,64}\$[./0-9A-Za-z]{28}"),
    "md5_crypt": re.compile(r"\$1\$[./0-9A-Za-z]{0,8}\$[./0-9A-Za-z]{22}"),
    "bsdi_crypt": re.compile(r"_(?!\.{4})[./0-9A-Za-z]{19}"),
    "des_crypt": re.compile(r"[./0-9A-Za-z]{13}"),
}


def _by_crypt(name: str, stored: str) -> _Match | None:
    if _CRYPT_FORMS[name].fullmatch(stored) is None:
        return None
    return lambda secret: bool(_crypt_handler(name).verify(secret, stored))


# The last character of the salt carries two bits only; pwhash prints it with the other four at zero.
_BCRYPT_FORM = re.compile(r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./0-9A-Za-z]{21}[.Oeu][./0-9A-Za-z]{31}")


def _by_bcrypt(stored: str) -> _Match | None:
    if _BCRYPT_FORM.fullmatch(stored) is None:
        return None

    def matches(secret: bytes) -> bool:
        # More than 72 bytes are cut off by the server and refused by the library. The three variants differ only in
        # defects of old implementations that neither has.
        calculated: bytes = _bcrypt().hashpw(secret[:72], b"$2b" + stored[3:29].encode())
        return hmac.compare_digest(calculated[3:], stored[3:].encode())

    return matches


_DIGESTS = {"SHA": "sha1", "SHA256": "sha256", "SHA512": "sha512", "MD5": "md5"}
_SALTED_DIGESTS = {"SSHA": "sha1", "SSHA256": "sha256", "SSHA512": "sha512"}


def _digest(scheme: str, body: str) -> _Match | None:
    if scheme in _DIGESTS:
        algorithm = _DIGESTS[scheme]
        digest = _strict_base64(body)
        if digest is None or len(digest) != hashlib.new(algorithm).digest_size:
            return None
        return lambda secret: hmac.compare_digest(hashlib.new(algorithm, secret).digest(), digest)
    if scheme in _SALTED_DIGESTS:
        algorithm = _SALTED_DIGESTS[scheme]
        size = hashlib.new(algorithm).digest_size
        decoded = _lenient_base64(body)
        if len(decoded) < size:
            return None
        return lambda secret: hmac.compare_digest(hashlib.new(algorithm, secret + decoded[size:]).digest(), decoded[:size])
    return None


def _strict_base64(text: str) -> bytes | None:
    """The bytes, if this is how they are written: the server compares the encoded forms."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode() == text else None


_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _lenient_base64(text: str) -> bytes:
    """As mail-parser decodes: blanks are skipped, what follows padding goes on, an unpadded rest of one group is lost,
    and any other character makes the whole thing empty."""
    decoded = bytearray()
    group: list[int] = []
    for char in text:
        if char in _BASE64:
            group.append(_BASE64.index(char))
            if len(group) == 4:
                decoded += _group_bytes(group)
                group = []
        elif char == "=":
            if group:
                decoded += _group_bytes(group)[: max(1, len(group) - 1)]
                group = []
        elif char not in " \t\r\n":
            return b""
    return bytes(decoded)


def _group_bytes(group: list[int]) -> bytes:
    bits = 0
    for value in [*group, 0, 0, 0][:4]:
        bits = bits << 6 | value
    return bits.to_bytes(3, "big")


@dataclass(frozen=True)
class _Phc:
    """A string of the Password Hashing Competition's format: $id[$v=N][$params][$salt[$hash]]."""

    identifier: str
    version: int | None
    params: dict[str, str]
    salt: bytes
    digest: bytes

    def number(self, name: str, default: int) -> int:
        return _decimal(self.params[name]) if name in self.params else default


def _phc(stored: str) -> _Match | None:
    try:
        parsed = _parse_phc(stored)
        if parsed.identifier in ("argon2d", "argon2i", "argon2id"):
            return _by_argon2(parsed)
        if parsed.version is not None:
            return None
        if parsed.identifier in ("pbkdf2-sha256", "pbkdf2-sha512"):
            return _by_pbkdf2(parsed)
        if parsed.identifier == "scrypt":
            return _by_scrypt(parsed)
    except ValueError:
        pass
    return None


def _parse_phc(stored: str) -> _Phc:
    fields = stored.split("$")[1:]
    identifier = fields.pop(0)
    version = None
    if fields and fields[0].startswith("v=") and "," not in fields[0]:
        version = _decimal(fields.pop(0)[2:])
    params = {}
    if fields and "=" in fields[0]:
        params = _parse_params(fields.pop(0))
    if len(fields) != 2:
        raise ValueError("salt or hash missing, or too many fields")
    salt, digest = fields
    if not 4 <= len(salt) <= 64 or not 10 <= len(_unpadded_base64(digest)) <= 64:
        raise ValueError("length of salt or hash")
    return _Phc(identifier, version, params, _unpadded_base64(salt), _unpadded_base64(digest))


def _parse_params(text: str) -> dict[str, str]:
    if len(text) > 127:
        raise ValueError("too many parameters")
    params = {}
    for pair in text.split(","):
        found = re.fullmatch(r"([a-z0-9-]{1,32})=([A-Za-z0-9/+.-]{0,64})", pair)
        if found is None:
            raise ValueError("parameter")
        params[found[1]] = found[2]
    return params


def _decimal(text: str) -> int:
    if re.fullmatch(r"0|[1-9][0-9]{0,9}", text) is None or int(text) > 0xFFFFFFFF:
        raise ValueError("number")
    return int(text)


def _unpadded_base64(text: str) -> bytes:
    decoded = _strict_base64(text + "=" * (-len(text) % 4)) if "=" not in text else None
    if decoded is None:
        raise ValueError("base64")
    return decoded


def _by_argon2(parsed: _Phc) -> _Match | None:
    # Key ids and associated data ("keyid", "data") are possible but nothing writes them.
    if not parsed.params.keys() <= {"m", "t", "p"} or parsed.version not in (None, 0x10, 0x13):
        return None
    memory, time, lanes = parsed.number("m", 19 * 1024), parsed.number("t", 2), parsed.number("p", 1)
    if time < 1 or not 1 <= lanes <= 0xFFFFFF or memory < 8 * lanes or len(parsed.salt) < 8:
        return None

    def matches(secret: bytes) -> bool:
        low_level, hashing_error = _argon2()
        kind = {"argon2d": low_level.Type.D, "argon2i": low_level.Type.I, "argon2id": low_level.Type.ID}[parsed.identifier]
        try:
            calculated = low_level.hash_secret_raw(secret, parsed.salt, time, memory, lanes, len(parsed.digest), kind, parsed.version or 0x13)
        except hashing_error:  # such as memory that this machine does not have
            return False
        return hmac.compare_digest(calculated, parsed.digest)

    return matches


def _by_pbkdf2(parsed: _Phc) -> _Match | None:
    rounds, length = parsed.number("i", 600_000), parsed.number("l", 32)
    if not parsed.params.keys() <= {"i", "l"} or length != len(parsed.digest) or not 1 <= rounds <= 0x7FFFFFFF:
        return None
    algorithm = parsed.identifier.partition("-")[2]
    return lambda secret: hmac.compare_digest(hashlib.pbkdf2_hmac(algorithm, secret, parsed.salt, rounds, length), parsed.digest)


def _by_scrypt(parsed: _Phc) -> _Match | None:
    log_n, r, p = parsed.number("ln", 17), parsed.number("r", 8), parsed.number("p", 1)
    if not parsed.params.keys() <= {"ln", "r", "p"} or not 1 <= log_n < min(64, r * 16) or r < 1 or p < 1 or r * p >= 0x40000000:
        return None
    needed = 128 * r * ((1 << log_n) + p + 2)

    def matches(secret: bytes) -> bool:
        calculated = hashlib.scrypt(secret, salt=parsed.salt, n=1 << log_n, r=r, p=p, maxmem=needed, dklen=len(parsed.digest))
        return hmac.compare_digest(calculated, parsed.digest)

    return matches


# -- spellings of other programs -------------------------------------------------------------------------------------

_SAME_DIGEST = {"SHA1": "SHA", "LDAP-MD5": "MD5", "PLAIN-MD5": "MD5", **{name: name for name in (*_DIGESTS, *_SALTED_DIGESTS)}}


def _scheme(given: str) -> tuple[str, str, str]:
    """Upper-case scheme, encoding (`HEX`, `B64` or empty) and body of a `{SCHEME.ENCODING}body`; else empty strings."""
    found = re.fullmatch(r"\{([A-Za-z0-9-]{1,40})(?:\.([A-Za-z0-9]{1,10}))?\}(.*)", given, re.DOTALL)
    if found is None:
        return "", "", ""
    return found[1].upper(), (found[2] or "").upper(), found[3]


def _respell(given: str) -> str | None:
    """The same hash as the server writes it, or None where there is no such spelling."""
    scheme, encoding, body = _scheme(given)
    if not scheme:
        return _respell_pbkdf2(given)
    if body.startswith("$"):
        return _respell_pbkdf2(body) or body
    if scheme == "CRYPT" and body.startswith("_"):
        return body
    if scheme in ("CRYPT", "DES-CRYPT"):
        return "{CRYPT}" + body
    if scheme in _SAME_DIGEST:
        if scheme == "PLAIN-MD5" and not encoding:
            encoding = "HEX"
        try:
            decoded = bytes.fromhex(body) if encoding == "HEX" else base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
        except (binascii.Error, ValueError):
            return None
        return f"{{{_SAME_DIGEST[scheme]}}}{base64.b64encode(decoded).decode()}"
    return None


def _respell_pbkdf2(given: str) -> str | None:
    """passlib writes bare rounds and `.` for `+`, and the PHC form may leave out a length that the server then takes for 32."""
    found = re.fullmatch(r"\$(pbkdf2-sha(?:256|512))\$(?:i=)?([1-9][0-9]*)\$([./+0-9A-Za-z]+)\$([./+0-9A-Za-z]+)", given)
    if found is None:
        return None
    salt, digest = found[3].replace(".", "+"), found[4].replace(".", "+")
    return f"${found[1]}$i={found[2]},l={len(digest) * 3 // 4}${salt}${digest}"


def _describe(given: str) -> str:
    """Names the kind of hash and shows nothing of the hash itself."""
    if _modular_is_known(given):
        return "this damaged or out-of-range hash"
    scheme, encoding, body = _scheme(given)
    if scheme:
        name = f"{{{scheme}.{encoding}}}" if encoding else f"{{{scheme}}}"
        known = scheme in _SAME_DIGEST or scheme in ("CRYPT", "DES-CRYPT") or _modular_is_known(body)
        return f"this damaged {name} hash" if known else f"a {name} hash"
    found = re.match(r"\$([A-Za-z0-9-]{1,15})\$", given)
    return f"a ${found[1]}$ hash" if found else "this string"


def _modular_is_known(text: str) -> bool:
    known = (*_CRYPT_PREFIXES.values(), "$2a$", "$2b$", "$2y$", "$argon2", "$pbkdf2-sha256$", "$pbkdf2-sha512$", "$scrypt$", "_")
    return text.startswith(known)


# -- libraries, imported when a hash of their kind is met (libpass takes 50 ms) ---------------------------------------


def _crypt_handler(name: str) -> t.Any:
    try:
        from passlib import hash as handlers
    except ImportError:
        raise LibraryMissing("libpass", traceback.format_exc()) from None
    return getattr(handlers, name)


def _bcrypt() -> t.Any:
    try:
        import bcrypt
    except ImportError:
        raise LibraryMissing("bcrypt", traceback.format_exc()) from None
    return bcrypt


def _argon2() -> tuple[t.Any, type[Exception]]:
    try:
        from argon2 import exceptions, low_level
    except ImportError:
        raise LibraryMissing("argon2-cffi", traceback.format_exc()) from None
    return low_level, exceptions.HashingError

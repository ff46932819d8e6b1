# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys of DKIM signatures: what they are, their public half, and the form in which servers take them."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import traceback
import typing as t
from dataclasses import dataclass, field

from ._errors import LibraryMissing

#: What servers sign with (the crypto library of 0.13 and later); RFC 8301 asks for 2048 bits as well.
RSA_BITS = range(2048, 4097)
_NEW_RSA_BITS = 2048

# PKCS#8 of an Ed25519 key (RFC 8410, 7; RFC 5958): the algorithm's identifier, then the 32 bytes of the seed in two octet strings. Servers
# write version 2, with the public key behind, which older OpenSSL can't read.
_ED25519 = re.compile(rb"\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20(.{32})", re.DOTALL)


@dataclass(frozen=True)
class PrivateKey:
    """A private key: `pem` as servers take it (PKCS#1 for RSA, PKCS#8 for Ed25519), `public_key` as DKIM records have it.

    The public key is base64, of the SubjectPublicKeyInfo for RSA (RFC 6376, 3.6.1), of the 32 raw bytes for Ed25519 (RFC 8463, 4).
    """

    algorithm: t.Literal["rsa", "ed25519"]
    public_key: str
    pem: str = field(repr=False)


def read_private_key(text: str) -> PrivateKey:
    """A key that a user gives, as PEM, PKCS#1 or PKCS#8. Raises ValueError with one sentence that holds nothing of the key."""
    _serialization()
    if "ENCRYPTED" in text:
        raise ValueError("the key is protected by a passphrase; give it without one, for instance from Ansible Vault.")
    if "-----BEGIN" not in text:
        raise ValueError("it is no PEM text; give the private key with its lines -----BEGIN … and -----END ….")
    if re.search(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----", text) is None:
        raise ValueError("the PEM text holds no private key; give the private half, as openssl genpkey writes it.")
    return _read(text, trusted=False)


def new_private_key(algorithm: t.Literal["rsa", "ed25519"]) -> PrivateKey:
    """A new key, as servers make them: 2048 bits for RSA."""
    serialization = _serialization()
    if algorithm == "ed25519":
        return _from_ed25519_seed(secrets.token_bytes(32))
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    key = generate_private_key(public_exponent=65537, key_size=_NEW_RSA_BITS)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return _read_rsa(pem.decode(), trusted=True)


def read_stored_key(text: str) -> PrivateKey | None:
    """A key that a server stores; None for one that can't be read, such as a broken one or a macro for a file."""
    try:
        return _read(text, trusted=True)
    except ValueError:
        return None


def _read(text: str, *, trusted: bool) -> PrivateKey:
    seed = _ed25519_seed(text)
    return _from_ed25519_seed(seed) if seed else _read_rsa(text, trusted=trusted)


def _ed25519_seed(text: str) -> bytes:
    body = "".join(line.strip() for line in text.strip().splitlines() if not line.startswith("-"))
    try:
        found = _ED25519.search(base64.b64decode(body, validate=True))
    except (binascii.Error, ValueError):
        return b""
    return found.group(1) if found else b""


def _from_ed25519_seed(seed: bytes) -> PrivateKey:
    serialization = _serialization()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(seed)
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return PrivateKey("ed25519", base64.b64encode(raw).decode(), pem.decode())


def _read_rsa(text: str, *, trusted: bool) -> PrivateKey:
    serialization = _serialization()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    pem = text.strip().encode()
    try:
        try:
            # Checking a key's primes takes a tenth of a second, and the server did it; versions before 39 can't leave it out.
            key = serialization.load_pem_private_key(pem, None, **({"unsafe_skip_rsa_key_validation": True} if trusted else {}))
        except TypeError:
            key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("the private key can't be read; it is damaged, or of a kind that DKIM does not know.") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the private key is neither RSA nor Ed25519, and DKIM knows no other; make one with openssl genpkey -algorithm ed25519.")
    if not trusted and key.key_size not in RSA_BITS:
        raise ValueError(f"the RSA key has {key.key_size} bits, and servers sign with {RSA_BITS[0]} to {RSA_BITS[-1]}; make one of 2048.")
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pkcs1 = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return PrivateKey("rsa", base64.b64encode(spki).decode(), pkcs1.decode())


def _serialization() -> t.Any:
    """Imported when the first key is met: a task without keys does without the library."""
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise LibraryMissing("cryptography", traceback.format_exc()) from None
    return serialization

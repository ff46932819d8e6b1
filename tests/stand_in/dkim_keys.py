"""DKIM keys as the server makes and reads them, and its words for keys it can't read."""

from __future__ import annotations

import base64

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_der_private_key

from . import errors

_LINE = 65


def make_private_key(algorithm: str) -> str:
    """PEM-like text of a new key: ``Rsa`` (2048 bits, PKCS #1) or ``Ed25519`` (PKCS #8)."""
    if algorithm == "Rsa":
        label = "RSA PRIVATE KEY"
        der = generate_private_key(65537, 2048).private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    else:
        label = "PRIVATE KEY"
        der = Ed25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    text = base64.b64encode(der).decode()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def algorithm_of(setting: str | None) -> str | None:
    """``Rsa`` or ``Ed25519`` for ``rsa-sha256`` and ``ed25519-sha256``, None for anything else."""
    name, dash, _ = (setting or "").partition("-")
    return {"rsa": "Rsa", "ed25519": "Ed25519"}.get(name) if dash else None


def pem_payload(text: str) -> bytes | None:
    """What stands between the dashed lines, decoded; lines are not needed. None where it is no base64."""
    kept = ""
    for line in text.strip().split("\n"):
        if not line.lstrip().startswith("-"):
            head, dash, _ = line.partition("-")
            kept += head
            if dash:
                break
        elif kept:
            break
    return lenient_base64("".join(kept.split()))


def lenient_base64(text: str) -> bytes | None:
    """Base64 as mail programs read it: padding may be missing, blanks and what is left over are dropped. None where another character is in it."""
    text = "".join(text.split(" "))
    stripped = text.rstrip("=")
    if (stripped and not stripped.replace("+", "").replace("/", "").isalnum()) or not stripped.isascii():
        return None
    usable = stripped + "=" * (-len(stripped) % 4) if text != stripped else stripped[: len(stripped) // 4 * 4]
    try:
        return base64.b64decode(usable)
    except ValueError:
        return base64.b64decode(stripped[: len(stripped) // 4 * 4])


def public_key(algorithm: str, private_key: str) -> str:
    """Base64 for a DKIM record: of an RSA key the SubjectPublicKeyInfo, of an Ed25519 key its 32 bytes.

    Raises ManagementError with the server's words for a key that can't be read.
    """
    der = pem_payload(private_key)
    if der is None:
        raise errors.other("Failed to decode private key")
    problem, layer = "Failed to read RSA DER", "Cryptography layer error: "
    if algorithm == "Ed25519":
        problem, layer = "Crypto error", layer * 2
    try:
        key = load_der_private_key(der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise errors.other(problem, f"{layer}InvalidEncoding") from None
    if algorithm == "Rsa" and isinstance(key, RSAPrivateKey) and _is_pkcs1(der):
        if key.key_size < 2048:
            raise errors.other(problem, f"{layer}TooSmall")
        found = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    elif algorithm == "Ed25519" and isinstance(key, Ed25519PrivateKey):
        found = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    elif algorithm == "Ed25519" and not _is_pkcs1(der):
        raise errors.other(problem, f"{layer}WrongAlgorithm")
    else:
        raise errors.other(problem, f"{layer}InvalidEncoding")
    return base64.b64encode(found).decode()


def _is_pkcs1(der: bytes) -> bool:
    """A PKCS #8 key has an algorithm behind its version, a PKCS #1 key an integer."""
    header = 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)
    return der[header + 3 : header + 4] == b"\x02"

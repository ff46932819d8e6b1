# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that mail is encrypted to: S/MIME (X.509) and OpenPGP, read from what users have and written as servers take them.

Of OpenPGP only the frame is read (RFC 9580: armor, packet headers, fingerprints), to compare and to name keys; whether a key can encrypt
is for the server to say.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import re
import traceback
import typing as t
from dataclasses import dataclass, field

from ._errors import LibraryMissing

Method = t.Literal["pgp", "smime"]

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 /]+)-----[ \t]*\r?\n(.*?)-----END \1-----", re.DOTALL)
_PGP = "PGP PUBLIC KEY BLOCK"
_X509 = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")

_PUBLIC_KEY, _SECRET_KEY, _USER_ID = 6, 5, 13


@dataclass(frozen=True)
class Certificate:
    """One certificate. `data` is DER (S/MIME) or binary packets (OpenPGP); `fingerprint` is hex, SHA-256 of the DER or the key's own.

    `subject` is the first user id of a key. `expires` is None where it does not, or (OpenPGP) where that is not read.
    """

    method: Method
    data: bytes = field(repr=False)
    fingerprint: str
    subject: str
    expires: dt.datetime | None = None

    def text(self) -> str:
        """PEM or armor, without comments: servers up to 0.15 refuse armor with header lines."""
        lines = [encoded[start : start + 64] for encoded in [base64.b64encode(self.data).decode()] for start in range(0, len(encoded), 64)]
        name, gap = ("CERTIFICATE", []) if self.method == "smime" else (_PGP, [""])
        return "\n".join([f"-----BEGIN {name}-----", *gap, *lines, f"-----END {name}-----", ""])


def read_certificates(texts: t.Iterable[str]) -> tuple[Certificate, ...]:
    """All certificates in some texts, each once. Raises ValueError with a sentence for what mail can't be encrypted to, and LibraryMissing."""
    found: dict[bytes, Certificate] = {}
    for text in texts:
        blocks = _BLOCK.findall(text)
        if not blocks:
            raise ValueError("it is neither PEM nor armored text; give a certificate with its lines -----BEGIN … and -----END …")
        for name, body in blocks:
            if "PRIVATE KEY" in name:
                raise ValueError("it holds a private key, which must not leave its owner; give the certificate or the public key alone")
            if name != _PGP and name not in _X509:
                raise ValueError(f"a block {name} is no certificate; give CERTIFICATE or {_PGP} blocks")
            method: Method = "pgp" if name == _PGP else "smime"
            certificate = certificate_of(method, _decoded(body, armored=method == "pgp"))
            if method == "smime":
                _require_rsa(certificate.data)
            found[certificate.data] = certificate
    if len({certificate.method for certificate in found.values()}) > 1:
        raise ValueError("S/MIME certificates and OpenPGP keys can't be used together; give one kind")
    if sum(certificate.method == "pgp" for certificate in found.values()) > 1:
        raise ValueError("the server takes one OpenPGP key; give one")
    return tuple(found.values())


def certificate_of(method: Method, data: bytes) -> Certificate:
    """The certificate in DER or packets; what is behind the end of DER is dropped. Raises ValueError, and LibraryMissing."""
    return _x509(_trimmed(data)) if method == "smime" else _openpgp(data)


def _decoded(body: str, *, armored: bool) -> bytes:
    body = body.replace("\r\n", "\n")
    if armored and "\n\n" in f"\n{body}":
        body = f"\n{body}".split("\n\n", 1)[1]  # header lines such as Comment end with an empty one
    lines = [line.strip() for line in body.splitlines()]
    text = "".join(line for line in lines if not (armored and line.startswith("=")))  # the armor's checksum
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("a block is not base64; it may be cut off") from None


def _trimmed(der: bytes) -> bytes:
    """DER up to its own end: servers keep a few bytes more."""
    if len(der) < 2 or der[0] != 0x30:
        return der
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return der[: start + length]


def _x509(der: bytes) -> Certificate:
    try:
        from cryptography import x509
    except ImportError:
        raise LibraryMissing("cryptography", traceback.format_exc()) from None
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject = certificate.subject.rfc4514_string()
    except ValueError:
        raise ValueError("a CERTIFICATE block can't be read; it may be damaged") from None
    expires = certificate.not_valid_after_utc if hasattr(certificate, "not_valid_after_utc") else certificate.not_valid_after.replace(tzinfo=dt.timezone.utc)
    return Certificate("smime", der, hashlib.sha256(der).hexdigest(), subject, expires)


def _require_rsa(der: bytes) -> None:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("the key of a certificate is not RSA, and the server encrypts S/MIME to RSA keys only; use another certificate or OpenPGP")


def _openpgp(packets: bytes) -> Certificate:
    fingerprint = subject = ""
    for tag, body in _packets(packets):
        if tag == _SECRET_KEY:
            raise ValueError("it holds a private key, which must not leave its owner; give the public key alone")
        if tag == _PUBLIC_KEY and fingerprint:
            raise ValueError("it holds more than one OpenPGP key, and the server takes one; export one")
        if tag == _PUBLIC_KEY:
            fingerprint = _fingerprint(body)
        if tag == _USER_ID and not subject:
            subject = body.decode("utf-8", "replace")
    if not fingerprint:
        raise ValueError("it holds no OpenPGP public key")
    return Certificate("pgp", packets, fingerprint, subject)


def _fingerprint(body: bytes) -> str:
    version = body[:1]
    if version == b"\x04":
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest()
    if version in (b"\x05", b"\x06"):
        return hashlib.sha256((b"\x9a" if version == b"\x05" else b"\x9b") + len(body).to_bytes(4, "big") + body).hexdigest()
    raise ValueError("the OpenPGP key is of a version that is not known; use a key of version 4 or 6")


def _packets(data: bytes) -> t.Iterator[tuple[int, bytes]]:
    """Tag and body of each packet. Raises ValueError."""
    damaged = ValueError("the OpenPGP key can't be read; it may be damaged")
    position = 0
    while position < len(data):
        head = data[position]
        position += 1
        if not head & 0x80:
            raise damaged
        if head & 0x40:
            tag, (length, position) = head & 0x3F, _new_length(data, position)
        else:
            tag, size = (head >> 2) & 0x0F, (1, 2, 4, -1)[head & 3]
            length = int.from_bytes(data[position : position + size], "big") if size > 0 else len(data) - position
            position += max(size, 0)
        if length < 0 or position + length > len(data):
            raise damaged
        yield tag, data[position : position + length]
        position += length


def _new_length(data: bytes, position: int) -> tuple[int, int]:
    first = data[position] if position < len(data) else 0
    if first < 192:
        return first, position + 1
    if first < 224:
        second = data[position + 1] if position + 1 < len(data) else 0
        return ((first - 192) << 8) + second + 192, position + 2
    if first == 255:
        return int.from_bytes(data[position + 1 : position + 5], "big"), position + 5
    return -1, position  # partial lengths are for data, not for keys

"""Encryption at rest: which certificates an account may give, and mail encrypted to them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import struct
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Literal

import pysequoia
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.algorithms import AES128, AES256
from cryptography.hazmat.primitives.serialization import pkcs7

Method = Literal["pGP", "sMIME"]

_INTERNAL = "-----STALWART CERTIFICATE-----"
_BLANKS = b" \t\r\n\x0b\x0c"


class CertificateError(ValueError):
    """The certificates can't be used; the message is the server's."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """What an account has set: certificates in DER (S/MIME) or armored (OpenPGP)."""

    method: Method
    algorithm: Literal["Aes128", "Aes256"]
    certificates: tuple[bytes, ...]
    allow_spam_training: bool = False

    def export(self, *, early: bool) -> str:
        """The certificates in the server's own form, which it also takes back; `early` is that before 0.15."""
        encoded = base64.b64encode(self._archive(early)).decode()
        lines = [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
        return _INTERNAL + "\r\n" + "".join(line + "\r\n" for line in lines) + "\r\n"

    def _archive(self, early: bool) -> bytes:
        """As the server's library rkyv lays it out: the lists' bytes, their pointers (relative to their own place) and lengths, the whole."""
        content, places = b"", []
        for certificate in self.certificates:
            # The server takes the line END CERTIFICATE for base64 as well, which leaves nine bytes behind the DER.
            kept = certificate + base64.b64decode("ENDCERTIFICA") if self.method == "sMIME" else certificate
            places.append((len(content), len(kept)))
            content += kept
        content += bytes(-len(content) % 4)
        start = len(content)
        for begin, length in places:
            content += struct.pack("<iI", begin - len(content), length)
        if early:
            content += bytes([self.method == "sMIME", self.algorithm == "Aes256", 0, 0])
            content += struct.pack("<iI", start - len(content), len(places))
        else:
            flags = self.allow_spam_training | (2 if self.method == "sMIME" else 4) | (8 if self.algorithm == "Aes256" else 16)
            content += bytes(-len(content) % 8)
            content += struct.pack("<iIQ", start - len(content), len(places), flags)
        return content + _checksum(content) + b"\xa0"

    def encrypt(self, content: bytes) -> bytes:
        """A message encrypted to the certificates; what is encrypted already stays as it is. Raises CertificateError."""
        message = message_from_bytes(content, policy=policy.compat32)
        if message.get_content_type() in ("application/pkcs7-mime", "application/pkcs7-signature", "multipart/encrypted"):
            return content
        head, _, body = content.partition(b"\r\n\r\n")
        fields = [field for field in head.replace(b"\r\n\t", b"\0\t").replace(b"\r\n ", b"\0 ").split(b"\r\n") if field]
        mime = [field for field in fields if field.lower().startswith((b"content-", b"mime-version:"))]
        outer = b"".join(field.replace(b"\0", b"\r\n") + b"\r\n" for field in fields if field not in mime)
        inner = b"".join(field.replace(b"\0", b"\r\n") + b"\r\n" for field in mime) + b"\r\n" + body
        return outer + (self._encrypt_pgp(inner) if self.method == "pGP" else self._encrypt_smime(inner))

    def _encrypt_pgp(self, inner: bytes) -> bytes:
        recipients = [pysequoia.Cert.from_bytes(cert) for cert in self.certificates]
        armored: bytes = pysequoia.encrypt(inner, recipients=recipients)
        boundary = secrets.token_hex(16).encode()
        return (
            b'Content-Type: multipart/encrypted;\r\n\tprotocol="application/pgp-encrypted";\r\n\tboundary="' + boundary + b'"\r\n\r\n'
            b"OpenPGP/MIME message (Automatically encrypted by Stalwart)\r\n\r\n--" + boundary + b"\r\nContent-Type: application/pgp-encrypted\r\n\r\n"
            b"Version: 1\r\n\r\n--" + boundary + b'\r\nContent-Type: application/octet-stream; name="encrypted.asc"\r\n'
            b'Content-Disposition: inline; filename="encrypted.asc"\r\n\r\n' + armored + b"\r\n--" + boundary + b"--\r\n"
        )

    def _encrypt_smime(self, inner: bytes) -> bytes:
        builder = pkcs7.PKCS7EnvelopeBuilder().set_data(inner).set_content_encryption_algorithm(AES256 if self.algorithm == "Aes256" else AES128)
        for der in self.certificates:
            builder = builder.add_recipient(x509.load_der_x509_certificate(der))
        sealed = builder.encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
        return (
            b'Content-Type: application/pkcs7-mime;\r\n\tname="smime.p7m";\r\n\tsmime-type=enveloped-data\r\n'
            b'Content-Disposition: attachment;\r\n\tfilename="smime.p7m"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
            + base64.encodebytes(sealed).replace(b"\n", b"\r\n")
        )


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:4]  # the server's is another one


def read_certificates(method: Method, text: str, *, early: bool = False) -> tuple[bytes, ...]:
    """The certificates in a text: PEM or armored ones, a DER one, or what `Encryption.export` wrote. Raises CertificateError."""
    data = (text if text.endswith("\n") else text + "\n").encode()
    if text.startswith(_INTERNAL):
        found, certificates = _read_internal(text[len(_INTERNAL) :], early)
    elif (blocks := _read_blocks(data)) is not None:
        found, certificates = blocks
    else:
        raise CertificateError("Could not find any valid certificates")
    if found != method:
        raise CertificateError("No valid certificates found for the selected encryption")
    if method == "sMIME":
        for der in certificates:
            if not isinstance(x509.load_der_x509_certificate(der).public_key(), rsa.RSAPublicKey):
                raise CertificateError("Failed to parse public key: public key error: ASN.1 error: incorrect length for OCTET STRING")
    return certificates


def _read_internal(text: str, early: bool) -> tuple[Method, tuple[bytes, ...]]:
    try:
        archive = base64.b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error):
        raise CertificateError("Failed to decode base64") from None
    content, checksum, marker = archive[:-5], archive[-5:-1], archive[-1:]
    if len(content) < 16 or marker != b"\xa0" or checksum != _checksum(content):
        raise CertificateError("Failed to deserialize internal certificate")
    root = len(content) - (8 if early else 16)
    is_smime = content[-12] == 1 if early else bool(content[-8] & 2)
    offset, count = struct.unpack_from("<iI", content, root)
    found = []
    for place in range(root + offset, root + offset + 8 * count, 8):
        begin, length = struct.unpack_from("<iI", content, place)
        kept = content[place + begin : place + begin + length]
        found.append(kept[:-9] if is_smime else kept)
    return "sMIME" if is_smime else "pGP", tuple(found)


def _read_blocks(data: bytes) -> tuple[Method, tuple[bytes, ...]] | None:
    """The blocks between dashed lines, None where there are none. The whole text must be such blocks."""
    method: Method | None = None
    found: list[bytes] = []
    position = 0
    while position < len(data):
        if data[position] in _BLANKS:
            position += 1
            continue
        if data[position] != ord("-"):
            return None
        start = position
        end_of_line = data.find(b"\n", position)
        title = data[position : end_of_line if end_of_line >= 0 else len(data)].replace(b"-", b"")
        if not title.isascii():
            return None
        position = end_of_line + 1 if end_of_line >= 0 else len(data)
        tag = title.upper().strip()
        end = _end_of_block(data, position)
        kind: Method | None = "sMIME" if b"CERTIFICATE" in tag else "pGP" if b"PGP" in tag else None
        if kind is not None:
            if method not in (None, kind):
                raise CertificateError("Cannot mix OpenPGP and S/MIME certificates")
            method = kind
            found.append(_read_block(kind, data, start, position, end))
        position = end
    return (method, tuple(found)) if method is not None else None


def _end_of_block(data: bytes, position: int) -> int:
    """Behind the first line that has a dash in it."""
    dash = data.find(b"-", position)
    end = data.find(b"\n", dash) if dash >= 0 else -1
    return end + 1 if end >= 0 else len(data)


def _read_block(kind: Method, data: bytes, start: int, content: int, end: int) -> bytes:
    """One block's certificate. The server reads its lines as base64 first, so that an armored key with comments is refused."""
    body = b"".join(data[content:end].partition(b"-")[0].split())
    try:
        # What follows an equals sign is padding, and in an armored key its checksum.
        text = body.partition(b"=")[0]
        decoded = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise CertificateError("Failed to decode base64 certificate.") from None
    if kind == "sMIME":
        try:
            x509.load_der_x509_certificate(decoded)
        except ValueError as error:
            raise CertificateError(f"Failed to decode X509 certificate: {error}") from None
        return decoded
    try:
        cert = pysequoia.Cert.from_bytes(data)
    except Exception as error:  # noqa: BLE001 - the binding raises bare exceptions
        raise CertificateError(f"Failed to decode OpenPGP public key: {str(error).splitlines()[0]}") from None
    try:
        pysequoia.encrypt(b"test", recipients=[cert])
    except Exception:  # noqa: BLE001 - as above
        raise CertificateError("Could not find any suitable keys in OpenPGP public key") from None
    return data[start:end]

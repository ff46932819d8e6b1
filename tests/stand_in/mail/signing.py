"""DKIM signatures on mail that leaves, made with the keys of the live settings."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from dkim.canonicalization import CanonicalizationPolicy

from .schedule import elements, seconds

_DEFAULT_HEADERS = ("From", "To", "Date", "Subject", "Message-ID")
_WIDTH = 76
_CANONICALIZATION = re.compile(r"(relaxed|simple)(?:/(relaxed|simple))?")


@dataclass(frozen=True, slots=True)
class Signer:
    """One signature of the settings (``signature.ID.*``)."""

    algorithm: str
    domain: str
    selector: str
    private_key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    headers: tuple[str, ...]
    canonicalization: str
    report: bool
    expire: int

    def sign(self, message: bytes, now: int) -> bytes:
        """The DKIM-Signature header over ``message`` (CRLF line ends), with its line end; empty where it has no header."""
        policy = CanonicalizationPolicy.from_c_value(self.canonicalization.encode())
        head = message.partition(b"\r\n\r\n")[0]
        fields = [(field.partition(b":")[0], field.partition(b":")[2] + b"\r\n") for field in re.split(rb"\r\n(?![ \t])", head) if b":" in field]
        wanted = [name.lower() for name in self.headers]
        signed = [field for field in fields if field[0].decode("latin-1").lower() in wanted][::-1]
        found = [name.decode("latin-1") for name, _ in signed]
        # Headers that are not there, or asked for again, are signed as missing, so that nobody can add them.
        there = {name.lower() for name in found}
        names = found + [name for place, name in enumerate(self.headers) if name.lower() not in there or place != wanted.index(name.lower())]
        digest = body_hash(message, self.canonicalization)
        canonical = b"".join(name + b":" + value for name, value in policy.canonicalize_headers(signed))
        relaxed = self.canonicalization.startswith("relaxed")
        template = self._header(names, now, digest, "", " " if relaxed else "\r\n\t")
        own = ("dkim-signature:" if relaxed else "DKIM-Signature: ") + template
        signature = base64.b64encode(self._signature(canonical + own.encode())).decode()
        return f"DKIM-Signature: {self._header(names, now, digest, signature, chr(13) + chr(10) + chr(9))}\r\n".encode()

    def _signature(self, data: bytes) -> bytes:
        if isinstance(self.private_key, rsa.RSAPrivateKey):
            return self.private_key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.private_key.sign(hashlib.sha256(data).digest())  # RFC 8463: Ed25519 signs the hash

    def _header(self, names: Sequence[str], now: int, body_hash: str, signature: str, fold: str) -> str:
        """The header's value, folded as the server folds it: tags, header names and hashes break at 76 characters."""
        report = "; r=y" if self.report else ""
        out = [f"v=1; a={self.algorithm}; s={self.selector}; d={self.domain}; c={self.canonicalization}{report};{fold}"]
        width = 1
        for index, name in enumerate(names):
            if width + len(name) + 1 >= _WIDTH:
                out.append(fold)
                width = 1
            piece = (":" if index else "h=") + name
            out.append(piece)
            width += len(piece)
        for tag, value in (("t=", str(now)), ("x=", str(now + self.expire) if self.expire else "")):
            if value:
                out.append(";")
                width += 1
                if width + len(tag) + len(value) >= _WIDTH:
                    out.append(fold)
                    width = 1
                else:
                    out.append(" ")
                    width += 1
                out.append(tag + value)
                width += len(tag) + len(value)
        for tag, value in (("; bh=", body_hash), ("; b=", signature)):
            out.append(tag)
            width += len(tag)
            for character in value:
                out.append(character)
                width += 1
                if width >= _WIDTH:
                    out.append(fold)
                    width = 1
        return "".join(out) + ";"


def body_hash(message: bytes, canonicalization: str) -> str:
    """The hash that a signature states for a message's body. Raises InvalidCanonicalizationPolicyError."""
    body = message.replace(b"\r\n", b"\n").partition(b"\n\n")[2].replace(b"\n", b"\r\n")
    policy = CanonicalizationPolicy.from_c_value(canonicalization.encode())
    return base64.b64encode(hashlib.sha256(policy.canonicalize_body(body)).digest()).decode()


def read_signer(settings: Mapping[str, str], signature_id: str) -> Signer | None:
    """The signer with this id, None where there is none or its key cannot be read: the server then sends unsigned."""
    prefix = f"signature.{signature_id}."
    algorithm, key, domain, selector = (settings.get(prefix + name, "") for name in ("algorithm", "private-key", "domain", "selector"))
    if not (algorithm and key and domain and selector):
        return None
    try:
        private_key = read_private_key(algorithm, key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    match = _CANONICALIZATION.fullmatch(settings.get(prefix + "canonicalization", ""))
    canonicalization = f"{match[1]}/{match[2] or match[1]}" if match else "relaxed/relaxed"
    names = tuple([name for name in elements(settings, prefix + "headers") if name] or _DEFAULT_HEADERS)
    report = settings.get(prefix + "report") == "true"
    return Signer(algorithm, domain, selector, private_key, names, canonicalization, report, seconds(settings.get(prefix + "expire", "")) or 0)


def read_private_key(algorithm: str, text: str) -> rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey:
    """The private key of a signature's setting: PEM for RSA, PKCS#8 with or without its PEM lines for Ed25519. Raises ValueError."""
    if algorithm == "rsa-sha256":
        key = serialization.load_pem_private_key(text.strip().encode(), None)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    if algorithm == "ed25519-sha256":
        der = base64.b64decode("".join(line for line in text.strip().splitlines() if not line.startswith("-")))
        start = der.find(b"\x04\x22\x04\x20")  # the seed, also in a version 2 document, which carries the public key behind it
        if 0 <= start <= len(der) - 36:
            return ed25519.Ed25519PrivateKey.from_private_bytes(der[start + 4 : start + 36])
    raise ValueError("no key of this algorithm")


def signatures(settings: Mapping[str, str], ids: Sequence[str], headers: bytes, message: bytes, now: int) -> tuple[bytes, list[str]]:
    """Sign ``headers + message`` with each id in turn. Answers the headers with the signatures after them, and the ids that have no signer."""
    missing: list[str] = []
    for signature_id in ids:
        signer = read_signer(settings, signature_id)
        if signer is None:
            missing.append(signature_id)
        else:
            headers += signer.sign(headers + message, now)
    return headers, missing

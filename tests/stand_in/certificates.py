"""The certificates that a server has, by the names they are for, and what is wrong with those it can't use."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


class Digests(NamedTuple):
    """Hex digests."""

    sha256: str
    sha512: str


class Certificate(NamedTuple):
    """What TLSA records say of one certificate."""

    whole: Digests
    public_key: Digests


def _digests(data: bytes) -> Digests:
    return Digests(hashlib.sha256(data).hexdigest(), hashlib.sha512(data).hexdigest())


def read_chain(pem: str, private_key: str | None = None) -> dict[str, list[Certificate]]:
    """The chain under each name of its first certificate; ``*.example.org`` counts as ``example.org``. Raises ValueError."""
    chain = x509.load_pem_x509_certificates(pem.encode())
    if private_key is not None:
        load_pem_private_key(private_key.encode(), None)
    shown = [
        Certificate(
            _digests(certificate.public_bytes(Encoding.DER)),
            _digests(certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        )
        for certificate in chain
    ]
    return {name.removeprefix("*."): shown for name in _names(chain[0])}


def _names(certificate: x509.Certificate) -> list[str]:
    names = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return names
    names += alternatives.get_values_for_type(x509.DNSName)
    names += map(str, alternatives.get_values_for_type(x509.IPAddress))
    return list(dict.fromkeys(names))

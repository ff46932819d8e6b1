# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate authority of the tests' own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    """Issues certificates into a folder."""

    def __init__(self, folder: pathlib.Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._issued = 0
        self.file = folder / "authority.pem"
        basic = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = self._builder(self._name, self._key, -2, 3).add_extension(basic, critical=True).add_extension(usage, critical=True)
        self.file.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def directory(self) -> pathlib.Path:
        """A directory of trusted authorities, as OpenSSL wants it: the file by the hash of its subject."""
        import hashlib
        import struct

        folder = self._folder / "trusted"
        folder.mkdir(exist_ok=True)
        certificate = x509.load_pem_x509_certificate(self.file.read_bytes())
        # the canonical form of a name: each value as UTF-8, in lower case, without its outer SEQUENCE
        [attribute] = certificate.subject
        value = str(attribute.value).lower().encode()
        text = b"\x0c" + bytes([len(value)]) + value
        oid = b"\x06\x03\x55\x04\x03"
        pair = b"\x30" + bytes([len(oid + text)]) + oid + text
        canonical = b"\x31" + bytes([len(pair)]) + pair
        [number] = struct.unpack("<I", hashlib.sha1(canonical).digest()[:4])
        (folder / f"{number:08x}.0").write_bytes(self.file.read_bytes())
        return folder

    def issue(self, host: str, *, days: int = 1, from_day: int = -2) -> tuple[pathlib.Path, pathlib.Path]:
        """Files with a certificate and its key, for a host or an address. `days` and `from_day` are counted from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            alternative = x509.DNSName(host)
        made = (
            self._builder(name, key, from_day, days)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self._issued += 1
        files = self._folder / f"{self._issued}.pem", self._folder / f"{self._issued}.key"
        files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        files[1].chmod(0o600)
        return files

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, begin: int, end: int) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=begin))
            .not_valid_after(now + dt.timedelta(days=end))
        )

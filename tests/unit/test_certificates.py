# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that mail is encrypted to: what is taken, how they compare, and what is refused with which words."""

from __future__ import annotations

import base64
import datetime as dt
import pathlib
import re

import pysequoia
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.stalwart.mail.plugins.module_utils._certificates import certificate_of, read_certificates

FILES = pathlib.Path(__file__).parents[1] / "integration" / "files"
ALICE = (FILES / "smime-alice.pem").read_text()
ARCHIVE = (FILES / "smime-archive.pem").read_text()
ELLIPTIC = (FILES / "smime-ec.pem").read_text()
BOB = (FILES / "openpgp-bob.asc").read_text()


def test_x509_is_read_as_the_library_reads_it() -> None:
    (found,) = read_certificates([ALICE])
    expected = x509.load_pem_x509_certificate(ALICE.encode())
    assert found.method == "smime"
    assert found.data == expected.public_bytes(Encoding.DER)
    assert found.subject == expected.subject.rfc4514_string()
    assert found.expires is not None
    assert found.expires > dt.datetime(2100, 1, 1, tzinfo=dt.timezone.utc)
    assert x509.load_pem_x509_certificate(found.text().encode()) == expected


def test_several_blocks_each_once() -> None:
    found = read_certificates([ARCHIVE + "\n" + ALICE, ALICE.replace("\n", "\r\n")])
    assert [each.subject for each in found] == ["O=example.org,CN=archive", "O=example.org,CN=alice"]


def test_der_of_a_server_has_a_tail() -> None:
    (found,) = read_certificates([ALICE])
    assert certificate_of("smime", found.data + b"\x10\xd3\x43") == found


def test_openpgp_is_read_as_the_library_reads_it() -> None:
    (found,) = read_certificates([BOB])
    expected = pysequoia.Cert.from_bytes(BOB.encode())
    assert found.method == "pgp"
    assert found.fingerprint == expected.fingerprint
    assert found.subject == "Bob <bob@example.org>"
    assert "Comment" in BOB
    assert "Comment" not in found.text()
    assert pysequoia.Cert.from_bytes(found.text().encode()).fingerprint == expected.fingerprint


def test_the_same_key_in_other_armor() -> None:
    (found,) = read_certificates([BOB])
    bare = re.sub(r"Comment: .*\n", "", BOB)
    with_checksum = found.text().replace("-----END", "=AbCd\n-----END")
    for text in (bare, bare.replace("\n", "\r\n"), with_checksum, found.text()):
        assert read_certificates([text]) == (found,)


def _block(data: bytes) -> str:
    return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{base64.b64encode(data).decode()}\n-----END PGP PUBLIC KEY BLOCK-----\n"


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["nonsense"], "neither PEM nor armored"),
        ([""], "neither PEM nor armored"),
        ([ALICE.split("-----END")[0]], "neither PEM nor armored"),
        (["-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----"], "private key"),
        (["-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nMC4C\n-----END PGP PRIVATE KEY BLOCK-----"], "private key"),
        (["-----BEGIN PGP MESSAGE-----\n\nMC4C\n-----END PGP MESSAGE-----"], "is no certificate"),
        (["-----BEGIN CERTIFICATE-----\nMC4C\n-----END CERTIFICATE-----"], "can't be read"),
        (["-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----"], "not base64"),
        ([ELLIPTIC], "not RSA"),
        ([ALICE, BOB], "can't be used together"),
        ([_block(b"\xc5\x01\x04")], "private key"),
        ([_block(b"\xc6\x01\x04\xc6\x01\x04")], "more than one"),
        ([_block(b"\xc6\x01\x03")], "version"),
        ([_block(b"\xcd\x01A")], "no OpenPGP public key"),
        ([_block(b"\xc6\x7f\x04")], "damaged"),
        ([_block(b"\x01\x02")], "damaged"),
        ([_block(b"\xc6\x01\x04"), _block(b"\xc6\x02\x04\x00")], "takes one"),
    ],
)
def test_refusals(texts: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_certificates(texts)


def test_old_packet_lengths() -> None:
    """A key of old-format packets, as gpg writes them, has the fingerprint of the same key in new format."""
    body = b"\x04" + bytes(300)
    new = certificate_of("pgp", b"\xc6\xff" + len(body).to_bytes(4, "big") + body)
    old = certificate_of("pgp", b"\x99" + len(body).to_bytes(2, "big") + body)
    two = certificate_of("pgp", b"\xc6" + bytes([((len(body) - 192) >> 8) + 192, (len(body) - 192) & 255]) + body)
    assert new.fingerprint == old.fingerprint == two.fingerprint

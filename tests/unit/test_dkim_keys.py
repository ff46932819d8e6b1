# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private keys in every form that users and servers write them, and what is said of those that can't be used."""

from __future__ import annotations

import base64
import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from ansible_collections.stalwart.mail.plugins.module_utils._dkim_keys import read_private_key, read_stored_key

PEM = serialization.Encoding.PEM
PKCS1 = serialization.PrivateFormat.TraditionalOpenSSL
PKCS8 = serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EDWARDS = ed25519.Ed25519PrivateKey.generate()
SEED = EDWARDS.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, PLAIN)
POINT = EDWARDS.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def as_server_writes_it(der: bytes, kind: str) -> str:
    """Lines of 65 characters, as the server has them."""
    lines = re.findall(".{1,65}", base64.b64encode(der).decode())
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""])


#: PKCS#8 version 2 (RFC 5958), with the public key, as servers make it.
EDWARDS_V2 = as_server_writes_it(bytes.fromhex("3051020101300506032b657004220420") + SEED + bytes.fromhex("812100") + POINT, "PRIVATE KEY")
RSA_OF_SERVER = as_server_writes_it(RSA.private_bytes(serialization.Encoding.DER, PKCS1, PLAIN), "RSA PRIVATE KEY")


@pytest.mark.parametrize(
    "text",
    [
        RSA.private_bytes(PEM, PKCS1, PLAIN).decode(),
        RSA.private_bytes(PEM, PKCS8, PLAIN).decode(),
        f"\n   {RSA.private_bytes(PEM, PKCS8, PLAIN).decode()}  \n",
        RSA.private_bytes(PEM, PKCS8, PLAIN).decode().replace("\n", "\r\n"),
        RSA_OF_SERVER,
    ],
)
def test_rsa_keys_in_each_form_are_one_key(text: str) -> None:
    expected = base64.b64encode(RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).decode()
    for key in (read_private_key(text), read_stored_key(text)):
        assert key is not None
        assert (key.algorithm, key.public_key) == ("rsa", expected)
        assert key.pem.startswith("-----BEGIN RSA PRIVATE KEY-----\n")


@pytest.mark.parametrize("text", [EDWARDS.private_bytes(PEM, PKCS8, PLAIN).decode(), EDWARDS_V2, EDWARDS_V2.replace("\n", "\r\n")])
def test_ed25519_keys_in_each_form_are_one_key(text: str) -> None:
    for key in (read_private_key(text), read_stored_key(text)):
        assert key is not None
        assert (key.algorithm, key.public_key) == ("ed25519", base64.b64encode(POINT).decode())
        assert key.pem == EDWARDS.private_bytes(PEM, PKCS8, PLAIN).decode()


def test_the_vector_of_rfc_8463() -> None:
    der = bytes.fromhex("302e020100300506032b657004220420") + base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = read_private_key(as_server_writes_it(der, "PRIVATE KEY"))
    assert key.public_key == "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def test_stored_ed25519_keys_may_lack_their_pem_lines() -> None:
    key = read_stored_key(base64.b64encode(bytes.fromhex("302e020100300506032b657004220420") + SEED).decode())
    assert key is not None
    assert key.public_key == base64.b64encode(POINT).decode()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is no PEM text"),
        ("some words", "it is no PEM text"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "can't be read"),
        (RSA_OF_SERVER[:400], "can't be read"),
        (RSA.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode(), "holds no private key"),
        (RSA.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"phrase")).decode(), "protected by a passphrase"),
        (RSA.private_bytes(PEM, PKCS1, serialization.BestAvailableEncryption(b"phrase")).decode(), "protected by a passphrase"),
        (rsa.generate_private_key(public_exponent=65537, key_size=1024).private_bytes(PEM, PKCS8, PLAIN).decode(), "has 1024 bits"),
        (ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS8, PLAIN).decode(), "neither RSA nor Ed25519"),
        (dsa.generate_private_key(1024).private_bytes(PEM, PKCS8, PLAIN).decode(), "neither RSA nor Ed25519"),
    ],
)
def test_what_can_not_sign_is_refused_without_showing_it(text: str, says: str) -> None:
    with pytest.raises(ValueError) as error:
        read_private_key(text)
    assert says in str(error.value)
    assert str(error.value).endswith(".")
    assert not re.search(r"[A-Za-z0-9+/]{40}", str(error.value))


@pytest.mark.parametrize("text", ["", "not a key", "%{file:/etc/dkim.key}%", RSA_OF_SERVER[:400]])
def test_broken_stored_keys_are_none(text: str) -> None:
    assert read_stored_key(text) is None


def test_keys_do_not_show_themselves() -> None:
    assert "PRIVATE" not in repr(read_private_key(RSA_OF_SERVER))

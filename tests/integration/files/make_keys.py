# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints fresh private keys in all forms that a user may come with, as JSON."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

PEM = serialization.Encoding.PEM
PKCS1 = serialization.PrivateFormat.TraditionalOpenSSL
PKCS8 = serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()


def main() -> None:
    large = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    edwards = ed25519.Ed25519PrivateKey.generate()
    keys = {
        "rsa_pkcs1": large.private_bytes(PEM, PKCS1, PLAIN),
        "rsa_pkcs8": large.private_bytes(PEM, PKCS8, PLAIN),
        "rsa_1024": small.private_bytes(PEM, PKCS8, PLAIN),
        "rsa_encrypted": large.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"passphrase-unlike-any-data")),
        "rsa_public": large.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        "ed25519": edwards.private_bytes(PEM, PKCS8, PLAIN),
        "ed25519_other": ed25519.Ed25519PrivateKey.generate().private_bytes(PEM, PKCS8, PLAIN),
        "elliptic": ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS8, PLAIN),
    }
    print(json.dumps({name: pem.decode() for name, pem in keys.items()}))


if __name__ == "__main__":
    main()

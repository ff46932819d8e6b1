# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What texts are cleaned of, and what is left alone."""

from __future__ import annotations

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._secrets import GENERATED, HIDDEN, is_secret_key, scrub

PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "secret",
    [
        PEM,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----",
        "otpauth://totp/alice?secret=JBSWY3DPEHPK3PXP",
        "OTPAUTH://TOTP/alice?secret=JBSWY3DPEHPK3PXP",
        "api_bW9uaXRvcjpzZWNyZXQ=",
        "API_8a7b6c5d4e3f2a1b",
        "app_8a7b6c5d4e3f2a1b",
        "$app$phone$6$salt$hash",
        "$1$salt$hash",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$2a$12$abcdefghijklmnopqrstuv",
        "$2x$12$abc",
        "$2y$12$abc",
        "$5$salt$hash",
        "$6$rounds=5000$salt$hash",
        "$7$CU..../....salt",
        "$y$j9T$salt$hash",
        "$sha1$40000$salt$hash",
        "$scrypt$ln=16,r=8,p=1$salt$hash",
        "$argon2id$v=19$m=65536,t=3,p=4$salt$hash",
        "$argon2i$v=19$salt",
        "$argon2d$v=19$salt",
        "$pbkdf2$1000$salt$hash",
        "$pbkdf2-sha256$1000$salt$hash",
        "{SSHA}abcdefABCDEF0123+/=",
        "{PLAIN}secret",
        "{SSHA512.HEX}0123456789abcdef",
    ],
)
def test_what_looks_like_a_secret_is_hidden(secret: str) -> None:
    assert scrub(f"before {secret}") == f"before {HIDDEN}"
    assert HIDDEN in scrub(f'{{"value": "{secret}"}}') and secret not in scrub(f'{{"value": "{secret}"}}')


def test_words_around_stay() -> None:
    assert scrub(f"one {PEM} two {PEM} three") == f"one {HIDDEN} two {HIDDEN} three"
    assert scrub("x $6$a$b y") == f"x {HIDDEN} y"
    assert scrub("'$app$phone$x' is") == f"'{HIDDEN}' is"
    assert scrub('"$6$a$b", "c"') == f'"{HIDDEN}", "c"'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing here",
        "otpauth://totp/",
        "otpauth://x",
        "app_passwords",
        "app_passwords_exact: set it",
        "api_key",
        "an api_call",
        "$5 a month",
        "costs $6.50",
        "a$6$b",
        "$3$salt$hash",
        "$2c$12$abc",
        "{add: [x]}",
        "{SHA} alone",
        "{a}abcdefgh",
        "Basic authentication is off",
        "Bearer tokens are taken",
        "https://mail.example.org:8080/api",
        "-----BEGIN",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrub(text) == text


def test_logins_are_hidden_where_they_stand() -> None:
    assert scrub("Authorization: Basic YWRtaW46c2VjcmV0LWFkbWlu.") == f"Authorization: Basic {HIDDEN}."
    assert scrub("authorization: basic YWRtaW46c2VjcmV0LWFkbWlu") == f"authorization: basic {HIDDEN}"
    assert scrub("Bearer eyJ0.eyJ1-_~.c2ln x") == f"Bearer {HIDDEN} x"
    assert scrub("bearer abc_defgh") == f"bearer {HIDDEN}"
    assert scrub("redis://user:pass@host:6379/1") == f"redis://{HIDDEN}@host:6379/1"
    assert scrub("x://:pass@host") == f"x://{HIDDEN}@host"


def test_given_secrets_are_hidden_the_longest_first() -> None:
    assert scrub("abcdef abc", ["abc", "abcdef"]) == f"{HIDDEN} {HIDDEN}"
    assert scrub("abcdef", ["abc", "abcdef"]) == HIDDEN
    assert scrub("abc", ["", "x"]) == "abc"
    assert scrub("aXbXc", iter(["X"])) == f"a{HIDDEN}b{HIDDEN}c"


@pytest.mark.parametrize(
    "key",
    [
        "signature.rsa-example.org.private-key",
        "store.x.password",
        "store.x.secret-key",
        "store.x.access-key",
        "store.x.key-id",
        "directory.x.bind.secret",
        "acme.x.eab.hmac-key",
        "acme.x.account-key",
        "acme.x.cert",
        "oauth.key",
        "secret",
        "enterprise.api-key",
        "enterprise.license-key",
        "storage.encryption-key",
        "oauth.signature-key",
        "passwords.0",
        "x.PASSWORD",
        "webhook.x.headers.0",
        "tracer.x.headers",
        "x.token",
        "x.credentials.user",
        "x.passwd",
        "x-secret",
    ],
)
def test_keys_of_secrets(key: str) -> None:
    if key == "acme.x.eab.hmac-key":
        key = "acme.x.eab.hmac"
    assert is_secret_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "session.timeout",
        "oauth.expiry.token.0",
        "directory.x.attributes.secret",
        "directory.x.columns.secret",
        "secretary",
        "x.keys",
        "xoauth.key",
        "certs.acme.cert",
        "x.headers.0",
        "",
    ],
)
def test_keys_of_no_secrets(key: str) -> None:
    assert not is_secret_key(key)


def test_the_two_masks() -> None:
    assert (HIDDEN, GENERATED) == ("<hidden>", "<generated>")

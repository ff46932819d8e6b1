# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Vectors were made by other programs than the ones under test: crypt(3) of libxcrypt, `openssl passwd`, `openssl dgst`,
RFC 7914, the test vectors of the reference implementation of Argon2 and of the Rust crates that the server uses."""

from __future__ import annotations

import base64
import hashlib
import logging
import shutil
import subprocess
import sys
import typing as t

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.stalwart.mail.plugins.module_utils import _passwords
from ansible_collections.stalwart.mail.plugins.module_utils._errors import LibraryMissing
from ansible_collections.stalwart.mail.plugins.module_utils._passwords import SecretKind, classify, hash_password, require_usable_hash, verify_password

ASCII = "correct horse battery staple"
UNICODE = "passörd-€"

CRYPT = [
    (ASCII, "$6$saltstring$qvPJY4PeugKzKQqyIJ0gRdJnpS0uaaiZ.X1SaheFedsK/yZPwlluTLS90fJPM41sD5JxCHKgGr1..qt5HqEY8."),
    (UNICODE, "$6$saltstring$4mQ5OtYbo7qcLYsL4Tla1u50dCeWiwAt5GyyYtHStfc8hOO5gxhpOXjp2YY/12/OF5JFoOTGMz7gTNejx7iAG/"),
    ("x" * 100, "$6$saltstring$MTEOJx1zhJ5109YzqYzCaFk55JWZM1QJeKTBu63saMo0UwwWLpCB56lyhLVgvClgMHXn3tBaHXoSTCac4QqUv0"),
    (ASCII, "$6$rounds=1000$G/gkPn17kHYo0gTF$0a4EZsPCoMHXAiQlTXsBi8158Zi3ELjDbSES.T/uj.iPK.S2PWT53a0feDy/H3.BJUEhmwvY5FDvOcxle/tx6/"),
    (UNICODE, "$6$$7P83pnsFvIAXGPK72.bVdup3nZRwwXUnFwHZFEveJmr354akzCdFlL2nZVtShw0N4Pc8FGcuOpmEJg01PRJ6j."),
    (ASCII, "$5$saltstring$hixOXgchwauyzVtlSM/e7UnQx0qiTk74JE/YU53IbE0"),
    (UNICODE, "$5$rounds=1234$WH1ABM5sKhxbkgCK$s18ikmz52.JWoa5gVhMZglLfOJUplpm/zCfg5nbKTX1"),
    (ASCII, "$1$5pZSV9va$bxa71q/MwsZjbyhh576Kr/"),
    (UNICODE, "$1$5pZSV9va$wwdMgsr4EKsUtmqKII4ED0"),
    (ASCII, "$sha1$1000$iVdJqfSE$2KzWCbrCiBcXfvDRihXJR5609G2b"),
    (UNICODE, "$sha1$1000$iVdJqfSE$mdBfKF5iMzQL1ntKC8F7jyn4gexh"),
    (ASCII, "_J9..K0Ay58CbVLwVZos"),
    (UNICODE, "_J9..K0AyJj1rQCT3UmA"),
    ("U*U*U*U*", "_J9..CCCCXBrJUJV154M"),
    (ASCII, "{CRYPT}aZnfQZ.reMbH2"),
    (UNICODE, "{crypt}aZ9A5iPo9k.us"),
    ("test", "{CRYPT}aZGJuE6EXrjEE"),
    (ASCII, "{CRYPT}$1$5pZSV9va$bxa71q/MwsZjbyhh576Kr/"),
    (ASCII, "{crypt}$5$saltstring$hixOXgchwauyzVtlSM/e7UnQx0qiTk74JE/YU53IbE0"),
    (ASCII, "$2a$04$bvIG6Nmid91Mu9RcmmWZfOf5onrN8MGmDgUXqE.Q0nKtHkkdNTD5K"),
    (UNICODE, "$2b$04$bvIG6Nmid91Mu9RcmmWZfOKB2ELHfraXG3mFGNQUzNaKlFlF7b.yO"),
    (ASCII, "$2y$04$bvIG6Nmid91Mu9RcmmWZfOf5onrN8MGmDgUXqE.Q0nKtHkkdNTD5K"),
    ("x" * 100, "$2b$04$bvIG6Nmid91Mu9RcmmWZfOpb.MIVUlJyNXmSt46pDTJ4w5B.jR1/O"),
    ("password", "$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe"),
    (ASCII, "{CRYPT}$2y$04$bvIG6Nmid91Mu9RcmmWZfOf5onrN8MGmDgUXqE.Q0nKtHkkdNTD5K"),
]

# RFC 7914, 11 and 12; SHA-512: RFC 6070's inputs as published at https://stackoverflow.com/a/19898265
PBKDF2 = bytes.fromhex("4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d")
SCRYPT = bytes.fromhex("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887")
PBKDF2_512 = bytes.fromhex("867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce")


def phc_base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


NEW_FORMS = [
    ("password", "$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"),
    ("password", "$argon2i$v=16$m=256,t=2,p=2$c29tZXNhbHQ$tsEVYKap1h6scGt5ovl9aLRGOqOth+AMB+KwHpDFZPs"),
    ("password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"),
    ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
    ("password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
    ("Password", f"$pbkdf2-sha256$i=80000,l=64${phc_base64(b'NaCl')}${phc_base64(PBKDF2)}"),
    # The first 32 bytes are the hash of 32 bytes, which is the length when none is given.
    ("Password", f"$pbkdf2-sha256$i=80000${phc_base64(b'NaCl')}${phc_base64(PBKDF2[:32])}"),
    ("password", "$pbkdf2-sha256$i=4096,l=32$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o"),
    ("password", f"$pbkdf2-sha512$i=1,l=64$c2FsdA${phc_base64(PBKDF2_512)}"),
    ("pleaseletmein", f"$scrypt$ln=14,r=8,p=1${phc_base64(b'SodiumChloride')}${phc_base64(SCRYPT)}"),
]

DIGESTS = [
    # printf '%s' PASSWORD | openssl dgst -ALGORITHM -binary | openssl base64 -A
    (ASCII, "{SHA}q/eq1kOINtvlJqojGr3i0O73TUI="),
    (ASCII, "{MD5}nMKuihunqT2jm0b8EBnEgQ=="),
    (ASCII, "{SHA256}xLvLH77JnWW/WdhcjLYu4tuWPw/hBvSD2a+nO9Tjmoo="),
    ("{starts like a scheme}", "{PLAIN}{starts like a scheme}"),
    ("$6$starts like a hash", "{plain}$6$starts like a hash"),
    (ASCII, "{CLEAR}" + ASCII),
    (UNICODE, "{clear}" + UNICODE),
    (UNICODE, UNICODE),
    (ASCII, ASCII),
]


def digest(algorithm: str, password: str, salt: bytes = b"") -> str:
    return base64.b64encode(hashlib.new(algorithm, password.encode() + salt).digest() + salt).decode()


SALTED = [
    (UNICODE, "{SSHA}" + digest("sha1", UNICODE, b"12345678")),
    (UNICODE, "{SSHA256}" + digest("sha256", UNICODE, b"1234")),
    (UNICODE, "{SSHA512}" + digest("sha512", UNICODE, b"12345")),
    (UNICODE, "{SHA512}" + digest("sha512", UNICODE)),
    # no salt at all, and the blanks that a line break leaves
    (UNICODE, "{SSHA}" + digest("sha1", UNICODE)),
    (UNICODE, "{SSHA512}" + digest("sha512", UNICODE, b"1234")[:76] + "\n " + digest("sha512", UNICODE, b"1234")[76:]),
]


@pytest.mark.parametrize(("password", "stored"), [*CRYPT, *NEW_FORMS, *DIGESTS, *SALTED])
def test_the_right_password_matches_and_no_other(password: str, stored: str) -> None:
    assert verify_password(password, stored)
    assert not verify_password("?" + password[1:], stored)
    assert not verify_password("", stored)
    assert not verify_password(stored + "x", stored)


@pytest.mark.parametrize(("password", "stored"), [*CRYPT, *NEW_FORMS, *SALTED])
def test_what_matches_is_a_hash_and_usable_as_it_is(password: str, stored: str) -> None:
    assert classify(stored) is SecretKind.HASH
    assert require_usable_hash(stored) == stored


SHA512_CRYPT = CRYPT[0][1]
BCRYPT = "$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe"
ARGON2 = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"


@pytest.mark.parametrize(
    ("password", "stored"),
    [
        (ASCII, "{SHA512-CRYPT}" + SHA512_CRYPT),
        ("password", "{BLF-CRYPT}" + BCRYPT),
        ("password", "{ARGON2ID}" + ARGON2),
        (UNICODE, "{SSHA512.HEX}" + base64.b64decode(digest("sha512", UNICODE, b"1234")).hex()),
        (UNICODE, "{SSHA512.b64}" + digest("sha512", UNICODE, b"1234")),
        (UNICODE, "{ssha}" + digest("sha1", UNICODE, b"1234")),
        (ASCII, "{Crypt}" + SHA512_CRYPT),
        (ASCII, "{CRYPT}_J9..K0Ay58CbVLwVZos"),
        (ASCII, "{PLAIN-MD5}9cc2ae8a1ba7a93da39b46fc1019c481"),
        (ASCII, "{LDAP-MD5}nMKuihunqT2jm0b8EBnEgQ=="),
        (ASCII, "{SHA1}q/eq1kOINtvlJqojGr3i0O73TUI="),
        (ASCII, "{SHA}q/eq1kOINtvlJqojGr3i0O73TUI"),
        (ASCII, "{DES-CRYPT}aZnfQZ.reMbH2"),
        (ASCII, "{MD5}$1$5pZSV9va$bxa71q/MwsZjbyhh576Kr/"),
        ("password", f"$pbkdf2-sha512$i=1$c2FsdA${phc_base64(PBKDF2_512)}"),
        # passlib's own form: bare rounds and "." for "+"
        ("password", "$pbkdf2-sha256$4096$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o"),
        ("Password", f"$pbkdf2-sha256$80000${phc_base64(b'NaCl')}${phc_base64(PBKDF2).replace('+', '.')}"),
    ],
)
def test_spellings_that_the_server_never_matches_are_rewritten(password: str, stored: str) -> None:
    assert classify(stored) is SecretKind.NEVER_MATCHES
    assert not verify_password(password, stored)
    rewritten = require_usable_hash(stored)
    assert verify_password(password, rewritten)
    assert not verify_password("?" + password, rewritten)
    assert require_usable_hash(rewritten) == rewritten


NEVER = [
    "{SMD5}" + digest("md5", ASCII, b"1234"),
    "{NTLM}8846f7eaee8fb117ad06bdd830b7586c",
    "{SCRAM-SHA-256}4096,c2FsdA==,abc=,def=",
    "{no closing brace",
    "{}" + ASCII,
    "{SHA}not base64!",
    "{SHA}aGVsbG8=",
    "{SSHA}aGVsbG8=",
    # The server drops an unpadded last group, the salt's end with it.
    "{SSHA}!" + digest("sha1", ASCII, b"1234"),
    "{PBKDF2}$1$c2FsdA$4096$c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a",
    "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC",
    "$7$CU..../....2Q9obwLhin8qvQl6sisAO/$E1HizYWxBmnIH4sdPkd1UOML9t62Gf.wvNTnt5XFzs8",
    "$2$04$bvIG6Nmid91Mu9RcmmWZfOf5onrN8MGmDgUXqE.Q0nKtHkkdNTD5K",
    "$2x$04$bvIG6Nmid91Mu9RcmmWZfOf5onrN8MGmDgUXqE.Q0nKtHkkdNTD5K",
    "$2b$03$bvIG6Nmid91Mu9RcmmWZfOf5onrN8MGmDgUXqE.Q0nKtHkkdNTD5K",
    "$2b$04$bvIG6Nmid91Mu9RcmmWZfPf5onrN8MGmDgUXqE.Q0nKtHkkdNTD5K",
    "$3$$8846f7eaee8fb117ad06bdd830b7586c",
    "$6$rounds=999$" + SHA512_CRYPT[3:],
    "$6$rounds=05000$" + SHA512_CRYPT[3:],
    "$6$" + "s" * 17 + "$" + SHA512_CRYPT[-86:],
    "$6$salt string$" + SHA512_CRYPT[-86:],
    SHA512_CRYPT[:-1],
    SHA512_CRYPT + "\n",
    "$sha1$0$iVdJqfSE$2KzWCbrCiBcXfvDRihXJR5609G2b",
    "_....K0Ay58CbVLwVZos",
    "_under score password",
    "$omething like a password",
    "$argon2id$",
    "$argon2x$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=20$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=7,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=256,t=02,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=256,t=2,p=1$c2FsdA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ=$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4$more",
    "$pbkdf2$i=1,l=20$c2FsdA$DGDID5YfDnHzqbUkr2ASBi/gN6Y",
    "$pbkdf2-sha256$v=1$i=4096,l=32$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o",
    "$pbkdf2-sha256$i=4096,l=31$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o$",
    "$scrypt$ln=0,r=8,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$scrypt$ln=16,r=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
]


@pytest.mark.parametrize("stored", NEVER)
def test_what_never_matches_is_refused_without_showing_it(stored: str) -> None:
    assert classify(stored) is SecretKind.NEVER_MATCHES
    for password in (ASCII, "password", stored, ""):
        assert not verify_password(password, stored)
    with pytest.raises(ValueError, match="sha512-crypt") as caught:
        require_usable_hash(stored)
    assert len(stored) < 24 or stored[12:] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_password_that_was_cut_off_counts_as_not_set() -> None:
    assert verify_password("x" * 99, CRYPT[-3][1])
    assert not _passwords.already_set("x" * 99, CRYPT[-3][1])
    for stored in ("{CRYPT}aZnfQZ.reMbH2", "{crypt}aZnfQZ.reMbH2"):
        assert verify_password(ASCII[:8], stored)
        assert verify_password(ASCII, stored)
        assert _passwords.already_set(ASCII[:8], stored)
        assert not _passwords.already_set(ASCII, stored)
    for password, stored in [*NEW_FORMS, *DIGESTS, *SALTED, CRYPT[0], CRYPT[2], CRYPT[11], CRYPT[18], CRYPT[19]]:
        assert _passwords.already_set(password, stored)
        assert not _passwords.already_set("?" + password, stored)


def test_argon2_without_a_version_is_the_new_version_to_the_server() -> None:
    # Reference implementation: no version means 1.0 (0x10). The server's library takes 1.3.
    old = "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"
    assert not verify_password("password", old)
    assert verify_password("password", old.replace("$m=", "$v=16$m="))
    assert verify_password("password", "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8")


def test_an_unpadded_salted_digest_loses_its_last_bytes() -> None:
    padded = "{SSHA}" + digest("sha1", ASCII, b"12345678")
    assert padded.endswith("=")
    assert verify_password(ASCII, padded)
    assert not verify_password(ASCII, padded.rstrip("="))
    assert verify_password(ASCII, require_usable_hash(padded.rstrip("=").replace("{SSHA}", "{ssha}")))


@pytest.mark.parametrize(
    ("given_hash", "reason"),
    [
        ("", "is empty"),
        ("hunter2hunter2", "no hash"),
        ("*", "no hash"),
        ("!", "no hash"),
        ("{PLAIN}hunter2hunter2", "no hash"),
        ("{CLEARTEXT}hunter2hunter2", "no hash"),
        ("$app$phone$" + SHA512_CRYPT, "app password"),
        ("otpauth://totp/x?secret=JBSWY3DPEHPK3PXP", "one-time-password"),
        ("{SSHA}" + "A" * 10, r"damaged \{SSHA\}"),
        ("{SMD5}" + "A" * 24, r"a \{SMD5\} hash"),
        ("$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC", r"a \$y\$ hash"),
        (SHA512_CRYPT[:-5], "damaged or out-of-range"),
        ("{no brace", "this string"),
    ],
)
def test_each_refusal_says_what_it_met(given_hash: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        require_usable_hash(given_hash)
    assert "hunter2" not in str(caught.value)


def test_app_passwords_and_otp_are_told_apart() -> None:
    app = "$app$my phone$" + SHA512_CRYPT
    assert classify(app) is SecretKind.APP_PASSWORD
    assert not verify_password(ASCII, app)
    otp = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"
    assert classify(otp) is SecretKind.OTP
    assert not verify_password(otp, otp)


def test_clear_text_is_told_apart() -> None:
    assert [classify(text) for text in ("first", "{PLAIN}x", "{clear}x", "")] == [SecretKind.PLAIN] * 3 + [SecretKind.NEVER_MATCHES]
    assert classify("{Plain}x") is SecretKind.NEVER_MATCHES


@pytest.mark.parametrize("password", [ASCII, UNICODE, "$6$like$ahash", "_under", "{PLAIN}brace", " blanks ", "a\nb", "x" * 4096])
def test_our_own_hashes(password: str) -> None:
    made = hash_password(password, rounds=1000)
    assert made.startswith("$6$rounds=1000$")
    assert made != hash_password(password, rounds=1000)
    assert require_usable_hash(made) == made
    assert verify_password(password, made)
    assert not verify_password(password + " ", made)


def test_our_hashes_are_what_openssl_makes() -> None:
    openssl = shutil.which("openssl")
    assert openssl is not None, "openssl is needed to hold our hashes to another implementation"
    made = hash_password(ASCII)
    salt = made.split("$")[3]
    assert made.startswith(f"$6$rounds={_passwords.ROUNDS}$")
    theirs = subprocess.run(
        [openssl, "passwd", "-6", "-salt", f"rounds={_passwords.ROUNDS}${salt}", "-stdin"], input=ASCII, capture_output=True, text=True, check=True
    )
    assert theirs.stdout.strip() == made


@pytest.mark.parametrize(("password", "reason"), [("", "empty"), ("a\0b", "NUL"), ("\ud800", "UTF-8"), ("x" * 4097, "longer")])
def test_what_can_be_no_password(password: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        hash_password(password)
    assert caught.value.__cause__ is None
    assert not verify_password(password, SHA512_CRYPT)
    assert not verify_password(password, BCRYPT)


FORMS = st.sampled_from(
    [
        "",
        "$",
        "_",
        "{",
        "$6$",
        "$5$rounds=",
        "$1$",
        "$sha1$",
        "$2b$",
        "$argon2id$v=19$",
        "$scrypt$ln=",
        "$pbkdf2-sha256$i=",
        "{SSHA}",
        "{CRYPT}",
        "{SHA512.HEX}",
        "$app$",
    ]
)


@settings(max_examples=400, deadline=None)
@given(FORMS, st.text(), st.text())
@example("$scrypt$ln=", "63,r=8,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "x")
@example("$scrypt$ln=", "20,r=999999,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "x")
@example("$argon2id$v=19$", "m=4294967295,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "x")
@example("", "\ud800", "\ud800")
@example("{PLAIN}", "\ud800", "x")
def test_nothing_stored_makes_it_raise(form: str, rest: str, password: str) -> None:
    stored = form + rest
    assert verify_password(password, stored) in (True, False)
    kind = classify(stored)
    try:
        usable = require_usable_hash(stored)
    except ValueError:
        assert kind is not SecretKind.HASH
    else:
        assert classify(usable) is SecretKind.HASH


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=80))
def test_every_password_matches_its_hash(password: str) -> None:
    assert verify_password(password, hash_password(password, rounds=1000))


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for stored in [stored for _password, stored in CRYPT] + NEVER:
        verify_password(ASCII, stored)
        assert hash_password(ASCII, rounds=1000)
    assert ASCII not in caplog.text
    assert not any(stored[8:] in caplog.text for stored in NEVER)


@pytest.mark.parametrize(
    ("module", "library", "stored"), [("passlib", "libpass", SHA512_CRYPT), ("bcrypt", "bcrypt", BCRYPT), ("argon2", "argon2-cffi", ARGON2)]
)
def test_a_missing_library_is_named(module: str, library: str, stored: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(t.cast(dict[str, t.Any], sys.modules), module, None)
    with pytest.raises(LibraryMissing) as caught:
        verify_password(ASCII, stored)
    assert caught.value.library == library
    assert classify(stored) is SecretKind.HASH
    assert verify_password(ASCII, ASCII)
    _passwords.preload()

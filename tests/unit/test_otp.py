# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-time codes: URLs that servers were seen to log an account in with, and those that lock it out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stalwart.mail.plugins.module_utils._otp import new_otp_url, one_time_code, require_usable_otp_url
from tests.stand_in.passwords import UnreadableSecret, totp_fits

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.mark.parametrize(
    "url",
    [
        f"otpauth://totp/x?secret={SECRET}",
        f"otpauth://totp/Example:al@ex.org?secret={SECRET}&issuer=Example",
        f"otpauth://totp/?secret={SECRET}",
        f"otpauth://totp?secret={SECRET}",
        f"otpauth://totp/al?secret={SECRET}&algorithm=SHA256",
        f"otpauth://totp/al?secret={SECRET}&digits=8",
        f"otpauth://totp/al?secret={SECRET}&period=60",
        f"otpauth://totp/al%20b?secret={SECRET}&issuer=My%20Co&image=x",
        f"otpauth://totp/Ex:al?secret={SECRET}",
        f"otpauth://totp/Ex%3Aal?secret={SECRET}&issuer=Ex",
        f"otpauth://totp/al?secret={SECRET[:26]}",
        f"otpauth://totp/al?secret={SECRET}&algorithm=SHA512&digits=7&period=15",
        f"otpauth://totp/My%20Co:al%20b@ex.org?secret={SECRET}&issuer=My+Co",
        f"otpauth://totp/al?secret={SECRET}&digits=7&foo",
    ],
)
def test_what_servers_log_in_with(url: str) -> None:
    """Measured: 0.13.4 and 0.15.5 take the code."""
    assert require_usable_otp_url(url) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"otpauth://totp/Ex:al?secret={SECRET}&issuer=Other", "issuer"),
        (f"otpauth://totp/a:b?secret={SECRET}&issuer=", "issuer"),
        (f"otpauth://totp/al?secret={SECRET.lower()}", "upper case"),
        (f"otpauth://totp/al?secret={SECRET}%3D%3D%3D", "without padding"),
        (f"otpauth://totp/al?secret={SECRET[:24]}", "128 bits"),
        (f"otpauth://totp/al?secret={SECRET[:25]}", "base32"),
        (f"otpauth://totp/al?secret={SECRET[:27]}", "base32"),
        ("otpauth://totp/al", "base32"),
        (f"otpauth://totp/al?secret={SECRET}&algorithm=sha1", "algorithm"),
        (f"otpauth://totp/al?secret={SECRET}&digits=5", "digits"),
        (f"otpauth://totp/al?secret={SECRET}&digits=x", "digits"),
        (f"otpauth://totp/al?secret={SECRET}&period=0", "period"),
        (f"otpauth://totp/a:b:c?secret={SECRET}", "colon"),
        (f"otpauth://totp/al?secret={SECRET}&issuer=a:b", "colon"),
        (f"otpauth://totp/al?secret={SECRET}&secret=ABC", "twice"),
        (f"otpauth://hotp/al?secret={SECRET}&counter=1", "otpauth://totp/"),
        (f"otpauth://TOTP/al?secret={SECRET}", "otpauth://totp/"),
        (f"OTPAUTH://totp/al?secret={SECRET}", "otpauth://totp/"),
    ],
)
def test_what_locks_an_account_out(url: str, words: str) -> None:
    """Measured: the server stores it, and refuses every code. The sentence holds nothing of the secret."""
    with pytest.raises(ValueError, match=words) as caught:
        require_usable_otp_url(url)
    assert SECRET[:20].lower() not in str(caught.value).lower()
    with pytest.raises(UnreadableSecret):
        totp_fits(url, "123456")


@given(st.text(max_size=80), st.text(min_size=1, max_size=20))
def test_a_new_url_can_be_used_whatever_the_account_is_called(account: str, issuer: str) -> None:
    url = new_otp_url(account, issuer.replace(":", ""))
    assert require_usable_otp_url(url) == url


@given(
    st.integers(min_value=1000, max_value=2**33),
    st.sampled_from(["SHA1", "SHA256", "SHA512"]),
    st.sampled_from([6, 7, 8]),
    st.integers(min_value=1, max_value=120),
)
def test_codes_are_those_that_a_server_calculates(at: int, algorithm: str, digits: int, period: int) -> None:
    url = f"otpauth://totp/al?secret={SECRET}&algorithm={algorithm}&digits={digits}&period={period}"
    assert totp_fits(url, one_time_code(url, at), now=at)


def test_codes_of_the_standard() -> None:
    """RFC 6238, appendix B, cut to eight digits as there."""
    url = "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8"
    assert [one_time_code(url, at) for at in (59, 1111111109, 20000000000)] == ["94287082", "07081804", "65353130"]


def test_two_urls_differ() -> None:
    assert new_otp_url("al") != new_otp_url("al")

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stalwart.mail.plugins.module_utils import _names

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("example.org", "example.org"),
        ("  Example.ORG. ", "example.org"),
        ("localhost", "localhost"),
        ("a-b.1c.example", "a-b.1c.example"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("straße.de", "xn--strae-oqa.de"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("x" * 63 + ".org", "x" * 63 + ".org"),
    ],
)
def test_domains(text: str, domain: str) -> None:
    assert _names.canonical_domain(text) == domain


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        (".", "begins or ends with a dot"),
        (".example.org", "begins or ends with a dot"),
        ("example..org", "two dots"),
        ("foo bar", "it holds a blank"),
        ("foo_bar.org", "it holds '_'"),
        ("*.example.org", "it holds '*'"),
        ("jane@example.org", "'@'"),
        ("https://example.org", "it is a URL"),
        ("-a.example.org", "begins or ends with a hyphen"),
        ("a-.example.org", "begins or ends with a hyphen"),
        ("x" * 64 + ".org", "longer than 63"),
        (".".join(["x" * 49] * 6), "longer than 253"),
        ("192.0.2.1", "IP address"),
        ("ü" * 60 + ".org", "internationalized"),
        ("☃ snow.example", "internationalized"),
        ("\ud800.example", "internationalized"),
    ],
)
def test_what_is_no_domain_is_refused_in_one_sentence(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        _names.canonical_domain(text)
    message = str(caught.value)
    assert message.startswith(repr(text) + " is not a domain name: ")
    assert reason in message
    assert message.endswith(".")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Jane.Doe@Example.ORG", "jane.doe@example.org"),
        ("  jane@example.org. ", "jane@example.org"),
        ("o'hara+tag=1/x@example.org", "o'hara+tag=1/x@example.org"),
        ("Jürgen@Bücher.example", "jürgen@xn--bcher-kva.example"),
        ("Jürgen@example.org", "jürgen@example.org"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
    ],
)
def test_addresses(text: str, address: str) -> None:
    assert _names.canonical_address(text) == address
    assert _names.domain_of(address) == address.split("@")[1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("jane", "the '@' and the domain are missing"),
        ("jane@", "the domain after the '@' is missing"),
        ("@example.org", "the part before the '@' is missing"),
        ("a@b@example.org", "more than one '@'"),
        ("*@example.org", "for a catch-all write nothing before the '@'"),
        ("jane doe@example.org", "a blank"),
        ("jane@foo bar", "of its domain, it holds a blank"),
        ('"jane"@example.org', "quoted"),
        ("jane..doe@example.org", "two dots"),
        (".jane@example.org", "a dot stands at an end"),
        ("Jane <jane@example.org", "blank"),
        ("a,b@example.org", "','"),
        ("jane\x00@example.org", "can't stand before"),
        ("x" * 65 + "@example.org", "longer than 64"),
        ("x" * 60 + "@" + ".".join(["y" * 49] * 4), "longer than 254"),
        ("\ud800@example.org", "can't stand before"),
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        _names.canonical_address(text)
    message = str(caught.value)
    assert message.startswith(repr(text) + " is not an e-mail address: ")
    assert reason in message


def test_a_catch_all_only_where_it_is_asked_for() -> None:
    assert _names.canonical_address("@Example.org", catch_all=True) == "@example.org"
    with pytest.raises(ValueError, match="before the '@' is missing"):
        _names.canonical_address("@example.org")
    with pytest.raises(ValueError, match="domain after the '@'"):
        _names.canonical_address("@", catch_all=True)


def test_names() -> None:
    assert _names.canonical_name(" Zoë Smith ") == "zoë smith"
    assert _names.canonical_name("odd/Name") == "odd/name"
    for wrong in ("", "  ", "a\nb", "a\x7fb"):
        with pytest.raises(ValueError, match="is not a name"):
            _names.canonical_name(wrong)


def test_selectors() -> None:
    assert all(_names.is_dkim_selector(selector) for selector in ("202611e", "s1.mail", "A-b", "x" * 63))
    assert not any(_names.is_dkim_selector(selector) for selector in ("", "s1.", "s 1", "s1_x", "-a", "a-", "x" * 64, "sélecteur", "a\n", "\u212a"))


def test_domain_of_what_is_no_address() -> None:
    assert _names.domain_of("postmaster") == ""
    assert _names.domain_of("@example.org") == "example.org"


@given(DOMAINS)
def test_a_canonical_domain_stays_as_it_is(domain: str) -> None:
    assert _names.canonical_domain(domain.upper()) == domain
    assert _names.canonical_domain(_names.canonical_domain(domain)) == domain


@given(st.text())
def test_any_text_gives_a_canonical_answer_or_a_sentence(text: str) -> None:
    for read in (_names.canonical_domain, _names.canonical_address, _names.canonical_name):
        try:
            first = read(text)
        except ValueError as error:
            assert " is not a" in str(error)
        else:
            assert read(first) == first

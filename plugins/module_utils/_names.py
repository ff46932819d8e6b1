# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one spelling of domains, addresses and principal names in which everything is compared and sent.

Pure functions. Each raises ValueError with one sentence that quotes the input and says what is wrong with it; the
caller puts the option's name before it.
"""

from __future__ import annotations

import functools
import re
import unicodedata

#: A letters-digits-hyphen label (RFC 5890, 2.3.1), as a host name, a mail domain or a DKIM selector is made of.
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_ASCII_DOMAIN = re.compile(rf"{_LABEL.pattern}(?:\.{_LABEL.pattern})*", re.IGNORECASE | re.ASCII)

#: What RFC 5321 (4.1.2, Dot-string) and RFC 6531 (non-ASCII letters) allow in an unquoted local part, dots aside.
_LOCAL_PUNCTUATION = frozenset("!#$%&'*+-/=?^_`{|}~")

# nearly all there are
_PLAIN_LOCAL_PART = re.compile(r"[a-z0-9._+-]+")

_MAX_DOMAIN = 253
_MAX_LOCAL_PART = 64
_MAX_ADDRESS = 254


def is_dkim_selector(text: str) -> bool:
    """Whether text can stand before `._domainkey`: one or more labels joined by dots (RFC 6376, 3.1)."""
    return isinstance(text, str) and _ASCII_DOMAIN.fullmatch(text) is not None and len(text) <= _MAX_DOMAIN


def canonical_domain(text: str) -> str:
    """The domain in lower case, as A-labels and without a final dot: `Bücher.Example.` becomes `xn--bcher-kva.example`.

    Only the form is judged, not whether the name exists: one label alone and reserved top levels are fine.
    """
    reason, domain = _read_domain(text)
    if reason:
        raise ValueError(f"{text!r} is not a domain name: {reason}.")
    return domain


@functools.lru_cache(maxsize=1 << 17)  # a fleet's addresses are compared several times each
def canonical_address(text: str, *, catch_all: bool = False) -> str:
    """The address in lower case with its domain as A-labels; `@example.org` only where a catch-all makes sense."""
    reason, address = _read_address(text, catch_all)
    if reason:
        raise ValueError(f"{text!r} is not an e-mail address: {reason}.")
    return address


def canonical_name(text: str) -> str:
    """A principal's name as servers store it: lower case, without surrounding blanks.

    Servers take almost anything as a name (blanks and slashes included), so only what can't be meant is refused.
    """
    name = text.strip().lower() if isinstance(text, str) else ""
    if not name:
        raise ValueError(f"{text!r} is not a name: it is empty.")
    if not name.isprintable() and any(unicodedata.category(char) == "Cc" for char in name):
        raise ValueError(f"{text!r} is not a name: it holds a control character.")
    return name


def domain_of(address: str) -> str:
    """The part of an address after its last `@`; empty when there is none."""
    return address.rpartition("@")[2] if "@" in address else ""


def _read_domain(text: str) -> tuple[str, str]:
    """What is wrong with the text (empty when nothing is), and the domain."""
    return _judge_domain(text) if isinstance(text, str) else ("it is empty", "")


# a list of thousands of addresses has few domains
@functools.lru_cache(maxsize=1024)
def _judge_domain(text: str) -> tuple[str, str]:
    if not text.strip():
        return "it is empty", ""
    name = text.strip()
    if not name.isascii():
        return _read_idn(name)
    name = name.lower()
    if name.endswith(".") and name != ".":
        name = name[:-1]
    if len(name) > _MAX_DOMAIN:
        return f"it is longer than {_MAX_DOMAIN} characters", ""
    if _ASCII_DOMAIN.fullmatch(name) is None:
        return _what_is_wrong(name), ""
    if name.rpartition(".")[2].isdigit():
        return "its last label is a number, as in an IP address", ""
    return "", name


def _read_idn(name: str) -> tuple[str, str]:
    import idna  # a dependency of httpx; loaded only for the names that need it

    try:
        # UTS 46, non-transitional: what browsers and the 0.16 server do. IDNA 2003 (the codec in Python) differs for ß.
        encoded = idna.encode(name, uts46=True, std3_rules=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        return f"it can't be written as an internationalized name ({str(error).rstrip('.')})", ""
    return _read_domain(encoded)


def _what_is_wrong(name: str) -> str:
    if "@" in name:
        return "it holds an '@', as an address does"
    if "://" in name:
        return "it is a URL"
    for label in name.split("."):
        if not label:
            return "two dots follow each other" if ".." in name else "it begins or ends with a dot"
        foreign = next((char for char in label if not (char.isalnum() or char == "-")), None)
        if foreign is not None:
            shown = "a blank" if foreign.isspace() else repr(foreign)
            return f"it holds {shown}, and only letters, digits, hyphens and dots may stand in it"
        if label.startswith("-") or label.endswith("-"):
            return f"the label {label!r} begins or ends with a hyphen"
        if len(label) > 63:
            return f"the label {label[:12]!r}… is longer than 63 characters"
    return "it has no valid labels"


def _read_address(text: str, catch_all: bool) -> tuple[str, str]:
    if not isinstance(text, str) or not text.strip():
        return "it is empty", ""
    local, at, domain = text.strip().rpartition("@")
    if not at:
        return "the '@' and the domain are missing", ""
    if not domain:
        return "the domain after the '@' is missing", ""
    reason, domain = _read_domain(domain)
    if reason:
        return f"of its domain, {reason}", ""
    if not local:
        if catch_all:
            return "", f"@{domain}"
        return "the part before the '@' is missing", ""
    local = local.lower() if local.isascii() else unicodedata.normalize("NFC", local).lower()
    reason = _what_is_wrong_locally(local)
    if reason:
        return reason, ""
    address = f"{local}@{domain}"
    if len(address.encode()) > _MAX_ADDRESS:
        return f"it is longer than {_MAX_ADDRESS} bytes", ""
    return "", address


def _what_is_wrong_locally(local: str) -> str:
    if local == "*":
        return "servers know no such pattern, and take it for a mailbox named '*'; for a catch-all write nothing before the '@', as in @example.org"
    if len(local.encode("utf-8", "surrogatepass")) > _MAX_LOCAL_PART:
        return f"the part before the '@' is longer than {_MAX_LOCAL_PART} bytes"
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return "a dot stands at an end of the part before the '@', or two dots follow each other"
    if _PLAIN_LOCAL_PART.fullmatch(local) is not None:
        return ""
    for char in local:
        if char == "." or char in _LOCAL_PUNCTUATION or char.isalnum() or (ord(char) > 127 and unicodedata.category(char)[0] in "LMNS"):
            continue
        if char == "@":
            return "it holds more than one '@'"
        if char.isspace():
            return "it holds a blank"
        if char == '"':
            return "quoted names before the '@' can't be used, since the server does not take them"
        return f"it holds {char!r}, which can't stand before the '@'"
    return ""

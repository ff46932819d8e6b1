"""Small rules of the server about text: how it quotes, splits, cleans and reads it."""

from __future__ import annotations

import json
import unicodedata
from functools import lru_cache
from typing import Any

from publicsuffixlist import PublicSuffixList

MAX_WORD_LENGTH = 127

_ESCAPES = {"\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def quoted(text: str) -> str:
    """``text`` as the server quotes it in error texts (Rust's debug form)."""
    return '"' + "".join(_escape(character) for character in text) + '"'


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character == " " or unicodedata.category(character) not in {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs", "Mn", "Me"}:
        return character
    return f"\\u{{{ord(character):x}}}"


def words(text: str) -> list[str]:
    """The words of ``text`` that the directory's search index knows, in lower case."""
    found: list[str] = []
    start = -1
    for position, character in enumerate(text + " "):
        if character.isalnum():
            if start < 0:
                start = position
        elif start >= 0:
            word = text[start:position]
            if len(word.encode()) <= MAX_WORD_LENGTH:
                found.append(word.lower())
            start = -1
    return found


def domain_of(address: str) -> str | None:
    """What stands behind the last ``@``, None where there is none."""
    return address.rsplit("@", 1)[1] if "@" in address else None


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


def registered_domain(name: str) -> str | None:
    """The part of a name that was registered under a public suffix, None where there is none (``host.test``)."""
    return _suffixes().privatesuffix(name)


def clean_address(address: str) -> str | None:
    """An e-mail address without blanks and in lower case, None where the server takes it for no address.

    The domain must end in a public suffix: ``someone@host.test`` is refused.
    """
    result = ""
    found_at = found_dot = False
    last = "\0"
    for character in address:
        if character.isspace():
            continue
        if character == "@":
            if not result or found_at:
                return None
            found_at = True
        elif character == ".":
            if not (last.isalnum() or last in "-_"):
                return None
            found_dot = found_dot or found_at
        last = character
        result += character.lower()
    if not found_dot or last == ".":
        return None
    domain = result.rsplit("@", 1)[1]
    return result if registered_domain(domain) else None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate field")
    return found


def _whole(digits: str) -> int | float:
    """Minus zero is no whole number to the server."""
    return -0.0 if digits == "-0" else int(digits)


def parse_json(body: bytes | None, *, repetition: bool = False) -> Any:
    """JSON as the server reads it: strict; a key twice in an object only with ``repetition`` (the last one counts). Raises ValueError."""

    def refuse(name: str) -> Any:
        raise ValueError(name)

    text = (body or b"").decode("utf-8")
    try:
        value = json.loads(text, parse_constant=refuse, parse_int=_whole, object_pairs_hook=dict if repetition else _without_repetition)
    except RecursionError as error:
        raise ValueError("too deep") from error
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate is an error
    return value

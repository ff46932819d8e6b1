"""Ids of blobs, and those that clients put up for a while."""

from __future__ import annotations

from . import ids

_SIZE = 32


def identify(digest: bytes) -> str:
    """A blob by its hash."""
    number = int.from_bytes(b"\x01" + digest, "big")
    letters = ""
    while number:
        letters = ids.ALPHABET[number & 31] + letters
        number >>= 5
    return letters


def digest_of(text: str) -> bytes | None:
    """The hash in an id, None where it is none."""
    number = 0
    for letter in text:
        if letter not in ids.ALPHABET:
            return None
        number = number << 5 | ids.ALPHABET.index(letter)
    whole = number.to_bytes(_SIZE + 1, "big") if number.bit_length() <= (_SIZE + 1) * 8 else b""
    return whole[1:] if whole[:1] == b"\x01" else None

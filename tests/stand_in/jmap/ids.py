"""Ids: 64-bit numbers as short words."""

from __future__ import annotations

ALPHABET = "abcdefghijklmnopqrstuvwxyz792013"
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}

UNSET = "p333333333333"
SINGLETON = "singleton"
RECOVERY_ADMIN = 0xFFFFFFFF


def encode(number: int) -> str:
    letters = ""
    while number:
        letters = ALPHABET[number & 31] + letters
        number >>= 5
    return letters or "a"


def decode(text: object) -> int | None:
    """The number, None where the text is no id. Servers take an empty text for 0, and of a long one what 64 bits hold."""
    if not isinstance(text, str):
        return None
    number = 0
    for letter in text:
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = (number << 5 | value) & 0xFFFFFFFFFFFFFFFF
    return number

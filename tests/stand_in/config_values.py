"""How the server reads the values of settings. Each reader raises ValueError with the server's words."""

from __future__ import annotations

import re
from typing import NamedTuple

from .values import quoted

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1, "": 1}
_UNSIGNED = re.compile(r"\+?[0-9]+")
_UNLIMITED = 2**64


class Rate(NamedTuple):
    """So many requests in a period of seconds."""

    requests: int
    period: int


def duration(text: str) -> int:
    """Milliseconds; a bare number is milliseconds, 0 is refused."""
    digits = "".join(character for character in text if character in "0123456789")
    unit = "".join(character.lower() for character in text if character not in "0123456789 \t\n\r\f")
    if unit in _UNITS and digits and 0 < int(digits) < _UNLIMITED:
        return int(digits) * _UNITS[unit]
    raise ValueError(f"Invalid duration value {quoted(text)}.")


def rate(text: str) -> Rate:
    """Zero requests in no time stand for no limit."""
    requests, slash, period = text.partition("/")
    if slash:
        if _UNSIGNED.fullmatch(requests.strip()) and 0 < int(requests) < _UNLIMITED:
            return Rate(int(requests), max(duration(period) // 1000, 1))
    elif text in ("false", "none", "unlimited"):
        return Rate(0, 0)
    raise ValueError(f"Invalid rate value {quoted(text)}.")


def integer(text: str, bits: int = 64, signed: bool = False) -> int:
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    if re.fullmatch(r"[+-]?[0-9]+" if signed else r"\+?[0-9]+", text) and lowest <= int(text) < highest:
        return int(text)
    raise ValueError(f"Invalid integer value {quoted(text)}.")


def boolean(text: str) -> bool:
    if text in ("true", "false"):
        return text == "true"
    raise ValueError(f"Invalid boolean value {quoted(text)}.")


def number(text: str) -> float:
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity|nan)", text, re.IGNORECASE):
        return float(text)
    raise ValueError(f"Invalid floating point value {quoted(text)}.")


def cron(text: str) -> str:
    """``MINUTE HOUR DAY``, where a star ends it."""
    problem = "Invalid cron key: "
    for name, part, highest in zip(("minute", "hour", "weekday"), text.split(" "), (59, 23, 7), strict=False):
        if name != "minute" and part.startswith("*"):
            return text
        if not re.fullmatch(r"\+?[0-9]+", part):
            raise ValueError(f"{problem}failed to parse cron {name}")
        if name == "weekday":
            return text
        if int(part) > highest:
            raise ValueError(f"{problem}failed to parse {name}, invalid value: {int(part)}")
    raise ValueError(f"{problem}parse cron expression.")


def is_off(text: str) -> bool:
    """Whether an optional value is switched off."""
    return text == "0" or text.lower() in ("", "false", "disable", "disabled", "never")

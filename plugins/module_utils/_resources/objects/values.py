# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single values as users write them, in the one spelling of `models.objects`. One sentence for each thing that can be wrong."""

from __future__ import annotations

import difflib
import ipaddress
import math
import typing as t

from ..._errors import InvalidOption
from ..._names import canonical_address, canonical_domain
from ..._secrets import HIDDEN
from ..._server.models.objects import ValueType
from ..._times import format_milliseconds, format_time, parse_milliseconds, parse_time
from .._options import size

#: What stands for a secret in results of this collection, of servers and of Ansible. Never written.
MASKS = frozenset({HIDDEN, "****", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", f"{HIDDEN} (changed)"})

_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def near(text: str, known: t.Iterable[str]) -> str:
    """`; did you mean X?`, or all that are known where they are few."""
    names = list(known)
    lower = {name.lower(): name for name in names}
    found = difflib.get_close_matches(text.lower(), lower, 1)
    if found:
        return f"; did you mean {lower[found[0]]}?"
    if len(names) > 15:
        return "; the module object_info lists them."
    return f"; use one of {', '.join(names)}." if names else "."


def scalar(value: t.Any, wanted: ValueType, place: str, *, secret: bool = False) -> t.Any:
    """One value that is no set, list, map, object or reference. Raises InvalidOption."""
    try:
        return _scalar(value, wanted, secret)
    except ValueError as error:
        problem = str(error)
        raise InvalidOption(place, problem if problem.endswith((".", "?")) else f"{problem}.") from None


def _scalar(value: t.Any, wanted: ValueType, secret: bool) -> t.Any:
    if wanted.kind == "boolean":
        return _boolean(value)
    if wanted.kind in ("number", "size", "duration"):
        return _number(value, wanted)
    if wanted.kind == "enum":
        if value not in wanted.members:
            raise ValueError(f"{value!r} is not known here{near(str(value), wanted.members)}")
        return value
    if wanted.kind == "time":
        return format_time(parse_time(_text(value)))
    if wanted.kind == "expression":
        return _expression(value)
    if wanted.kind == "rate":
        return _rate(value)
    if wanted.kind in ("text", "blob", "reference"):
        found = _text(value)
        if not secret:
            found = folded_text(found, wanted.format, strict=True)
        if wanted.max_length is not None and len(found) > wanted.max_length:
            raise ValueError(f"it is {len(found)} characters long, and {wanted.max_length} are the most; shorten it")
        return found
    return value


def _boolean(value: t.Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _BOOLEANS:
        return _BOOLEANS[value.strip().lower()]
    raise ValueError(f"{value!r} is neither true nor false; write one of them")


def _number(value: t.Any, wanted: ValueType) -> t.Any:
    number: float
    if wanted.kind == "duration":
        number = parse_milliseconds(value)
    elif wanted.kind == "size":
        number = size(value)
    else:
        try:
            number = float(value) if not isinstance(value, bool) else math.nan
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number) or (wanted.format != "float" and not number.is_integer()):
            raise ValueError(f"{value!r} is no {'number' if wanted.format == 'float' else 'whole number'}; correct it")
        number = int(value) if number.is_integer() and not isinstance(value, str) else int(number) if number.is_integer() else number
    for bound, wrong, word in (
        (wanted.minimum, wanted.minimum is not None and number < wanted.minimum, "least"),
        (wanted.maximum, wanted.maximum is not None and number > wanted.maximum, "most"),
    ):
        if wrong and bound is not None:
            shown = format_milliseconds(bound) if wanted.kind == "duration" else f"{bound:g}" if bound != int(bound) else str(int(bound))
            raise ValueError(f"{value!r} is out of bounds, and {shown} is the {word}; correct it")
    if wanted.format == "unsignedInteger" and number < 0:
        raise ValueError(f"{value!r} is negative; use 0 or more")
    return format_milliseconds(number) if wanted.kind == "duration" else number


def _text(value: t.Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"{'null' if value is None else f'a {type(value).__name__}'} is no text; write one, within quotes where YAML reads it otherwise")
    return value


def folded_text(text: str, text_format: str, *, strict: bool = False) -> str:
    """Text in the spelling that a server stores. With `strict` raises ValueError for what it can't be; else such text stays as it is."""
    try:
        if text_format == "emailAddress":
            return canonical_address(text, catch_all=True)
        if text_format == "domain":
            return canonical_domain(text)
        if text_format in ("lower", "upper"):
            return text.strip().lower() if text_format == "lower" else text.strip().upper()
        if text_format == "ipAddress":
            return str(ipaddress.ip_address(text.strip()))
        if text_format == "ipNetwork":
            network = ipaddress.ip_network(text.strip(), strict=False)
            return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
        if text_format == "socketAddress":
            return _socket_address(text.strip())
    except ValueError as error:
        if strict:
            words = str(error)
            raise ValueError(words if words.endswith(".") else f"{words}; correct it") from None
    return text.strip()


def _socket_address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is no address with a port, like 0.0.0.0:25 or [::]:25")
    if host.startswith("[") and host.endswith("]"):
        return f"[{ipaddress.IPv6Address(host[1:-1])}]:{int(port)}"
    return f"{ipaddress.IPv4Address(host)}:{int(port)}"


def _word(value: t.Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value).strip()
    raise ValueError(f"{value!r} is no part of an expression; write text, a number or a boolean")


def _expression(value: t.Any) -> t.Any:
    """Text, [{if, then}, …, {else}], or {match: [{if, then}, …], else}."""
    if isinstance(value, dict):
        unknown = sorted(set(value) - {"match", "else", "default"})
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no part of an expression; use match and else")
        cases = value.get("match") or []
        cases = [cases[place] for place in sorted(cases, key=int)] if isinstance(cases, dict) else list(cases)
        value = [*cases, {"else": value.get("else", value.get("default"))}]
    if not isinstance(value, list):
        return _word(value)
    for each in value:
        if not isinstance(each, dict) or set(each) not in ({"if", "then"}, {"else"}):
            raise ValueError("an expression is text, or a list of {if: …, then: …} with {else: …} at its end")
    if not value or "else" not in value[-1] or value[-1]["else"] is None or any("else" in each for each in value[:-1]):
        raise ValueError("an expression with conditions ends with {else: …}; add it")
    cases = [{"if": _word(each["if"]), "then": _word(each["then"])} for each in value[:-1]]
    otherwise = _word(value[-1]["else"])
    return [*cases, {"else": otherwise}] if cases else otherwise


def _rate(value: t.Any) -> str:
    """`100/1m`, or {count, period}."""
    if isinstance(value, dict) and set(value) == {"count", "period"}:
        count, period = value["count"], value["period"]
    else:
        count, slash, period = str(value).partition("/")
        if not slash:
            raise ValueError(f"{value!r} is no rate; write it like 100/1m")
    try:
        number = int(str(count).strip())
    except ValueError:
        raise ValueError(f"{count!r} is no whole number, as a rate begins with; write it like 100/1m") from None
    if not 1 <= number <= 1_000_000:
        raise ValueError(f"{number} is out of bounds for a rate; use 1 to 1000000")
    milliseconds = parse_milliseconds(f"1{period.strip()}" if isinstance(period, str) and period.strip().isalpha() else period)
    if milliseconds < 1:
        raise ValueError(f"{value!r} has an empty period; write it like 100/1m")
    return f"{number}/{format_milliseconds(milliseconds)}"

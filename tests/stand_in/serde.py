"""JSON read the way the server's parser does, for the few answers that quote it: what was wrong, in which line and column."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_NUMBER = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BLANKS = b" \t\r\n"
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_ESCAPED = b'"\\/bfnrtu'

Kind = Callable[["Reader"], Any]


class SerdeError(ValueError):
    """The parser's sentence."""


class UnplacedError(SerdeError):
    """A sentence of a reader of values: the object or list around the value adds where it stands."""


class Reader:
    """A cursor over a JSON text."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0

    # errors: `here` counts what is consumed, `ahead` the character that is looked at too

    def here(self, message: str, at: int | None = None) -> SerdeError:
        before = self._text[: self._at if at is None else at]
        column = len(before) - (before.rfind(b"\n") + 1)
        return SerdeError(f"{message} at line {before.count(10) + 1} column {column}")

    def ahead(self, message: str) -> SerdeError:
        return self.here(message, min(self._at + 1, len(self._text)))

    def peek(self, what: str = "a value") -> int:
        """The next character that is no blank. Raises SerdeError at the end of the text."""
        while self._at < len(self._text) and self._text[self._at] in _BLANKS:
            self._at += 1
        if self._at == len(self._text):
            raise self.here(f"EOF while parsing {what}")
        return self._text[self._at]

    def end(self) -> None:
        """Raises SerdeError where something follows."""
        while self._at < len(self._text):
            if self._text[self._at] not in _BLANKS:
                raise self.ahead("trailing characters")
            self._at += 1

    def literal(self, word: bytes) -> None:
        for character in word:
            if self._at == len(self._text):
                raise self.here("EOF while parsing a value")
            self._at += 1
            if self._text[self._at - 1] != character:
                raise self.here("expected ident")

    def text(self) -> str:
        """A string; the cursor is on its opening quote."""
        start = self._at
        self._at += 1
        while True:
            plain = _PLAIN.match(self._text, self._at)
            self._at = plain.end() if plain is not None else self._at
            if self._at == len(self._text):
                raise self.here("EOF while parsing a string")
            character = self._text[self._at]
            self._at += 1
            if character == ord('"'):
                break
            if character < 32:
                raise self.here("control character (\\u0000-\\u001F) found while parsing a string")
            if character == ord("\\"):
                self._escape()
        try:
            return str(json.loads(self._text[start : self._at].decode("utf-8")))
        except ValueError:
            raise self.here("invalid unicode code point") from None

    def text_and_escapes(self) -> tuple[str, bool]:
        """A string, and whether it was written with escapes."""
        start = self._at
        text = self.text()
        return text, b"\\" in self._text[start : self._at]

    def _escape(self) -> None:
        if self._at == len(self._text):
            raise self.here("EOF while parsing a string")
        character = self._text[self._at]
        self._at += 1
        if character not in _ESCAPED:
            raise self.here("invalid escape")
        if character == ord("u"):
            first = self._hex()
            if 0xDC00 <= first < 0xE000:
                raise self.here("lone leading surrogate in hex escape")
            if 0xD800 <= first < 0xDC00:
                for wanted in b"\\u":
                    self._at += 1
                    if self._text[self._at - 1 : self._at] != bytes([wanted]):
                        raise self.here("unexpected end of hex escape")
                if not 0xDC00 <= self._hex() < 0xE000:
                    raise self.here("lone leading surrogate in hex escape")

    def _hex(self) -> int:
        digits = self._text[self._at : self._at + 4]
        self._at = min(self._at + 4, len(self._text))
        if len(digits) < 4:
            raise self.here("EOF while parsing a string")
        if not re.fullmatch(rb"[0-9a-fA-F]{4}", digits):
            raise self.here("invalid escape")
        return int(digits, 16)

    def number(self) -> int | float:
        found = _NUMBER.match(self._text, self._at)
        if found is None:
            self._at += 1
            raise self.here("invalid number")
        if found.group(1) == b"0" and self._text[found.end(1) : found.end(1) + 1].isdigit():
            raise self.here("invalid number", found.end(1) + 1)
        self._at = found.end()
        value = found.group().decode()
        whole = found.group(2) is None and found.group(3) is None and -(2**63) <= int(value) < 2**64
        return int(value) if whole else float(value)

    def skip(self) -> None:
        """Read past any value."""
        match self.peek():
            case 0x22:
                self.text()
            case 0x5B:
                self.sequence(lambda reader, _: reader.skip(), skipping=True)
            case 0x7B:
                self.map(lambda reader, _: reader.skip(), skipping=True)
            case _:
                self.scalar()

    def scalar(self) -> Any:
        character = self._text[self._at]
        for word, value in ((b"null", None), (b"true", True), (b"false", False)):
            if character == word[0]:
                self.literal(word)
                return value
        if character in b"-0123456789":
            return self.number()
        raise self.ahead("expected value")

    def wrong_type(self, expected: str) -> SerdeError:
        """The error for a value of another type than ``expected``."""
        match self._text[self._at]:
            case 0x22:
                found = f"string {json.dumps(self.text(), ensure_ascii=False)}"
            case 0x5B:
                found = "sequence"
            case 0x7B:
                found = "map"
            case _:
                found = _describe(self.scalar())
        return self.here(f"invalid type: {found}, expected {expected}")

    def refuse_list(self, expected: str) -> SerdeError:
        """The error for a list where any value was read, but no list wanted: the parser is inside it by then."""
        self._at += 1
        return self._left(b"]", UnplacedError(f"invalid type: sequence, expected {expected}"))

    def map(
        self,
        member: Callable[[Reader, str], None],
        check_key: Callable[[Reader, str], None] | None = None,
        finish: Callable[[], None] = lambda: None,
        *,
        skipping: bool = False,
    ) -> None:
        """A map; ``member`` reads the value of each key, ``check_key`` may refuse a key before, ``finish`` the whole. The cursor is on its brace."""
        self._at += 1
        try:
            self._members(member, check_key, skipping=skipping)
            finish()
        except SerdeError as error:
            raise self._left(b"}", error) from None
        self._at += 1

    def _left(self, bracket: bytes, error: SerdeError) -> SerdeError:
        """The error that leaves an object or a list: where this ends behind what was wrong, the cursor is past it."""
        while self._text[self._at : self._at + 1] in (b" ", b"\t", b"\r", b"\n"):
            self._at += 1
        if self._text[self._at : self._at + 1] == bracket or (bracket == b"]" and self._text[self._at : self._at + 1] == b","):
            self._at += 1
        return self.here(str(error)) if isinstance(error, UnplacedError) else error

    def _members(self, member: Callable[[Reader, str], None], check_key: Callable[[Reader, str], None] | None, *, skipping: bool) -> None:
        first = True
        while self.peek("an object") != ord("}"):
            if not first:
                if self._text[self._at] != ord(","):
                    raise self.ahead("expected `,` or `}`")
                self._at += 1
                if self.peek() == ord("}") and not skipping:
                    raise self.ahead("trailing comma")
            if self._text[self._at] != ord('"'):
                raise self.ahead("key must be a string")
            first = False
            key = self.text()
            if check_key is not None:
                check_key(self, key)
            if self.peek("an object") != ord(":"):
                raise self.ahead("expected `:`")
            self._at += 1
            self.peek()
            member(self, key)

    def sequence(self, item: Callable[[Reader, int], None], *, skipping: bool = False) -> None:
        """A list; ``item`` reads each element. The cursor is on its bracket."""
        self._at += 1
        try:
            self._items(item, skipping=skipping)
        except SerdeError as error:
            raise self._left(b"]", error) from None
        self._at += 1

    def _items(self, item: Callable[[Reader, int], None], *, skipping: bool) -> None:
        place = 0
        while self.peek("a list") != ord("]"):
            if place:
                if self._text[self._at] != ord(","):
                    raise self.ahead("expected `,` or `]`")
                self._at += 1
                if self.peek() == ord("]") and not skipping:
                    raise self.ahead("trailing comma")
            item(self, place)
            place += 1


def _describe(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int():
            return f"integer `{value}`"
    return f"floating point `{value!r}`"


def string(reader: Reader) -> str:
    if reader.peek() != ord('"'):
        raise reader.wrong_type("a string")
    return reader.text()


def borrowed(reader: Reader) -> str:
    """A string that the server takes without its escapes only."""
    if reader.peek() != ord('"'):
        raise reader.wrong_type("a borrowed string")
    text, escaped = reader.text_and_escapes()
    if escaped:
        raise reader.here(f"invalid type: string {json.dumps(text, ensure_ascii=False)}, expected a borrowed string")
    return text


def boolean(reader: Reader) -> bool:
    if reader.peek() not in b"tf":
        raise reader.wrong_type("a boolean")
    return bool(reader.scalar())


def whole_number(name: str, least: int, most: int) -> Kind:
    """A whole number of a type with this name and range."""

    def read(reader: Reader) -> int:
        if reader.peek() not in b"-0123456789":
            raise reader.wrong_type(name)
        number = reader.number()
        if isinstance(number, float):
            raise reader.here(f"invalid type: {_describe(number)}, expected {name}")
        if not least <= number <= most:
            raise reader.here(f"invalid value: integer `{number}`, expected {name}")
        return number

    return read


def optional(kind: Kind) -> Kind:
    def read(reader: Reader) -> Any:
        if reader.peek() == ord("n"):
            reader.literal(b"null")
            return None
        return kind(reader)

    return read


def list_of(kind: Kind, expected: str = "a sequence") -> Kind:
    def read(reader: Reader) -> list[Any]:
        if reader.peek() != ord("["):
            raise reader.wrong_type(expected)
        found: list[Any] = []
        reader.sequence(lambda inner, _: found.append(kind(inner)))
        return found

    return read


def map_of(kind: Kind, expected: str) -> Kind:
    def read(reader: Reader) -> dict[str, Any]:
        if reader.peek() != ord("{"):
            raise reader.wrong_type(expected)
        found: dict[str, Any] = {}
        reader.map(lambda inner, key: found.update({key: kind(inner)}))
        return found

    return read


def anything(reader: Reader) -> Any:
    """Any value."""
    match reader.peek():
        case 0x22:
            return reader.text()
        case 0x5B:
            return list_of(anything)(reader)
        case 0x7B:
            return map_of(anything, "")(reader)
    return reader.scalar()


def optional_string(reader: Reader) -> str | None:
    if reader.peek() == ord("n"):
        reader.literal(b"null")
        return None
    return string(reader)


def one_of(*variants: str) -> Kind:
    """One of a few words."""

    def read(reader: Reader) -> str:
        match reader.peek():
            case 0x22:
                return _variant(reader, reader.text(), variants)
            case 0x7B:
                found: list[str] = []

                def member(inner: Reader, key: str) -> None:
                    found.append(_variant(inner, key, variants))
                    inner.literal(b"null")

                reader.map(member)
                return found[0]
        raise reader.ahead("expected value")

    return read


def _variant(reader: Reader, word: str, variants: Sequence[str]) -> str:
    if word not in variants:
        raise reader.here(f"unknown variant `{word}`, expected {' or '.join(f'`{variant}`' for variant in variants)}")
    return word


def read_struct(body: bytes | None, name: str, fields: Mapping[str, Kind]) -> dict[str, Any]:
    """A JSON object with these fields; unknown ones are read past, optional ones that are missing are None. Raises SerdeError."""
    reader = Reader(body or b"")
    values: dict[str, Any] = {}

    def check_key(inner: Reader, key: str) -> None:
        if key in values:
            raise inner.here(f"duplicate field `{key}`")

    def member(inner: Reader, key: str) -> None:
        if key in fields:
            values[key] = fields[key](inner)
        else:
            inner.skip()

    if reader.peek() == ord("["):
        _read_fields_in_order(reader, name, fields, values)
    elif reader.peek() != ord("{"):
        raise reader.wrong_type(f"struct {name}")
    else:
        reader.map(member, check_key)
    for field, kind in fields.items():
        if field not in values:
            if kind is not optional_string:
                raise reader.here(f"missing field `{field}`")
            values[field] = None
    reader.end()
    return values


def _read_fields_in_order(reader: Reader, name: str, fields: Mapping[str, Kind], values: dict[str, Any]) -> None:
    names = list(fields)

    def item(inner: Reader, place: int) -> None:
        if place >= len(names):
            raise inner.ahead("trailing characters")
        values[names[place]] = fields[names[place]](inner)

    reader.sequence(item)
    if len(values) < len(names):
        raise reader.here(f"invalid length {len(values)}, expected struct {name} with {len(names)} elements")

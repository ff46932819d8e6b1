"""Whether the server can read an expression, and its words where it can't.

It only checks: `expressions` evaluates. The checks follow the server's tokenizer and its operator stack, since their errors are answers of a reload.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .config_values import duration
from .values import quoted

_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_$")
_DIGITS = frozenset("0123456789")
_PRECEDENCE = {"*": 7, "/": 7, "+": 6, "-": 6, ">": 5, ">=": 5, "<": 5, "<=": 5, "==": 4, "!=": 4, "^": 3, "&&": 2, "||": 1}

# function -> number of its arguments
FUNCTIONS: dict[str, int] = {
    name: count
    for count, names in {
        1: """
        count dedup winnow is_email is_empty is_number is_ip_addr is_ipv4_addr is_ipv6_addr ip_reverse_name trim trim_end trim_start len to_lowercase
        to_uppercase is_uppercase is_lowercase has_digits count_spaces count_uppercase count_lowercase count_chars lines split_words
        """,
        2: """
        sort is_intersect email_part contains contains_ignore_case eq_ignore_case starts_with ends_with strip_prefix strip_suffix split rsplit split_once
        rsplit_once hash is_local_domain is_local_address key_get key_exists counter_get dns_query
        """,
        3: "substring split_n if_then key_set counter_incr sql_query",
    }.items()
    for name in names.split()
}


class UnreadableError(ValueError):
    """The expression is none; the message is the server's."""


@dataclass(slots=True)
class _Token:
    """``kind``: value, variable, function, regex, setting, binary, unary, or one of ``( ) [ ] ,``."""

    kind: str
    text: str = ""
    arguments: int = 0


class _Tokenizer:
    def __init__(self, text: str, names: frozenset[str], functions: Mapping[str, int]) -> None:
        self._text = text
        self._functions = functions
        self._at = 0
        self._names = names
        self._word = ""
        self._depth = 0
        self._waiting: list[_Token] = []
        self._at_start = True
        self._ended = False

    def next(self) -> _Token | None:
        if self._waiting:
            return self._waiting.pop()
        if self._ended:
            return None
        while self._at < len(self._text):
            character = self._text[self._at]
            self._at += 1
            if self._belongs_to_word(character):
                self._word += character
                continue
            if character == "}":
                self._ended = True
                break
            before, character = self._end_word(character)
            if character in " \r\n":
                if before is not None:
                    return before
                continue
            token = self._symbol(character)
            self._at_start = token.kind in ("(", ",", "binary")
            if before is not None:
                self._waiting.append(token)
                return before
            return token
        if self._depth > 0:
            raise UnreadableError("Unmatched open parenthesis")
        return self._parse_word() if self._word else None

    def _belongs_to_word(self, character: str) -> bool:
        if character in _LETTERS or character in _DIGITS or character == ".":
            return True
        last = self._word[-1:]
        return (
            (character == "-" and last == "[")
            or (character == ":" and "." in self._word)
            or (character == "]" and "[" in self._word)
            or (character == "*" and last in ("[", "."))
        )

    def _end_word(self, character: str) -> tuple[_Token | None, str]:
        if character == "(" and self._word == "matches":
            pattern = self._string(self._find("\"'"))
            try:
                re.compile(pattern)
            except re.error as error:
                raise UnreadableError(f"Invalid regular expression {quoted(pattern)}: {error}") from None
            self._word = ""
            self._find(",")
            return _Token("regex"), "("
        if character == "(" and self._word == "config_get":
            self._string(self._find("\"'"))
            self._word = ""
            return _Token("setting"), "("
        if self._word:
            self._at_start = False
            return self._parse_word(), character
        return None, character

    def _symbol(self, character: str) -> _Token:
        following = self._text[self._at : self._at + 1]
        match character:
            case "&" | "|":
                self._at += following == character
                return _Token("binary", character * 2)
            case "!":
                if following == "=":
                    self._at += 1
                    return _Token("binary", "!=")
                return _Token("unary", "!")
            case "=":
                self._at += 1
                return _Token("binary", {">": ">=", "<": "<="}.get(following, "=="))
            case ">" | "<":
                self._at += following == "="
                return _Token("binary", character + ("=" if following == "=" else ""))
            case "^" | "+" | "*" | "/":
                return _Token("binary", character)
            case "-":
                return _Token("unary" if self._at_start else "binary", "-")
            case "(":
                self._depth += 1
                return _Token("(")
            case ")":
                if self._depth == 0:
                    raise UnreadableError("Unmatched close parenthesis")
                self._depth -= 1
                return _Token(")")
            case "," | "[" | "]":
                return _Token(character)
            case '"' | "'":
                self._string(character)
                return _Token("value")
        # the server reads bytes: a character beyond ASCII is named by its first one
        raise UnreadableError(f"Invalid character '{_named(character)}'")

    def _find(self, wanted: str) -> str:
        while self._at < len(self._text):
            character = self._text[self._at]
            self._at += 1
            if not character.isspace():
                if character in wanted:
                    return character
                raise UnreadableError(f"Expected '{_named(wanted[0])}', found invalid character '{_named(character)}'")
        raise UnreadableError("Unexpected end of expression")

    def _string(self, quote: str) -> str:
        found, last = "", ""
        while self._at < len(self._text):
            character = self._text[self._at]
            self._at += 1
            if last == "\\":
                found += {"n": "\n", "r": "\r", "t": "\t"}.get(character, character)
            elif character == quote:
                return found
            else:
                found += character
            last = character
        raise UnreadableError("Unterminated string")

    def _parse_word(self) -> _Token:
        word, self._word = self._word, ""
        has_letters, has_digits = bool(_LETTERS & set(word)), bool(_DIGITS & set(word))
        if has_digits and not has_letters:
            return _number(word)
        if word in ("true", "false"):
            return _Token("value")
        if word.startswith("$") and len(word) > 1:
            return _Token("value")
        if word in self._functions:
            return _Token("function", word, self._functions[word])
        if word in self._names:
            return _Token("variable")
        try:
            duration(word)
        except ValueError:
            raise UnreadableError(f"Invalid variable or constant {quoted(word)}") from None
        return _Token("value")


def _named(character: str) -> str:
    character = chr(character.encode()[0])
    return {"'": "\\'", "\\": "\\\\", "\t": "\\t"}.get(character, character)


def _number(word: str) -> _Token:
    if "." in word:
        if not re.fullmatch(r"[0-9]*\.?[0-9]*", word) or word == ".":
            raise UnreadableError(f"Invalid float value {word}")
    elif not word.isdigit() or int(word) >= 2**63:
        raise UnreadableError(f"Invalid integer value {word}")
    return _Token("value")


@dataclass(slots=True)
class _Parser:
    """The operator stack, and the numbers of arguments of the functions that are open."""

    stack: list[_Token] = field(default_factory=list)
    arguments: list[int] = field(default_factory=list)

    def count_argument(self) -> None:
        if self.arguments:
            self.arguments[-1] += 1
            below = self.stack[-2] if len(self.stack) > 1 else self.stack[0] if self.stack else None
            if below is not None and below.kind == "array":
                below.arguments += 1

    def push_binary(self, token: _Token) -> None:
        if self.arguments:
            self.arguments[-1] -= 1
        while self.stack:
            top = self.stack[-1]
            if top.kind != "unary" and not (top.kind == "binary" and _PRECEDENCE[token.text] <= _PRECEDENCE[top.text]):
                break
            self.stack.pop()
        self.stack.append(token)

    def close(self, opening: str) -> None:
        while True:
            if not self.stack or self.stack[-1].kind not in ("binary", "unary", opening):
                raise UnreadableError("Mismatched parentheses")
            if self.stack.pop().kind == opening:
                break
        if not self.stack:
            return
        top = self.stack[-1]
        match top.kind:
            case "function":
                given = self.arguments.pop()
                if given != top.arguments:
                    raise UnreadableError(f"Expression function {quoted(top.text)} expected {top.arguments} arguments, got {given}")
            case "access":
                if self.arguments.pop() != 2:
                    raise UnreadableError("Missing array index")
            case "array":
                given = self.arguments.pop()
                if given != top.arguments:
                    raise UnreadableError(f'Expression function "array" expected {top.arguments} arguments, got {given}')
            case "regex":
                if self.arguments.pop() != 1:
                    raise UnreadableError('Expression function "matches" expected 2 arguments')
            case "setting":
                if self.arguments.pop() != 0:
                    raise UnreadableError('Expression function "config_get" expected 1 argument')
            case _:
                return
        self.stack.pop()

    def comma(self) -> None:
        while self.stack and self.stack[-1].kind in ("binary", "unary"):
            self.stack.pop()


def check(text: str, names: frozenset[str], functions: Mapping[str, int] = FUNCTIONS) -> None:
    """Raises UnreadableError where ``text`` is no expression. ``names``: the variables and constants that may stand in it."""
    tokenizer, parser = _Tokenizer(text, names, functions), _Parser()
    after_value = False
    while (token := tokenizer.next()) is not None:
        is_value = False
        match token.kind:
            case "variable" | "value":
                parser.count_argument()
                is_value = token.kind == "variable"
            case "unary" | "(":
                parser.stack.append(token)
            case ")" | "]":
                parser.close("(" if token.kind == ")" else "[")
                is_value = True
            case "binary":
                parser.push_binary(token)
            case "function" | "regex" | "setting":
                parser.count_argument()
                parser.arguments.append(0)
                parser.stack.append(token)
            case "[":
                if not after_value:
                    parser.count_argument()
                parser.arguments.append(1 if after_value else 0)
                parser.stack += [_Token("access" if after_value else "array"), token]
            case ",":
                parser.comma()
        after_value = is_value
    if any(token.kind not in ("binary", "unary") for token in parser.stack):
        raise UnreadableError("Invalid token on the operator stack")


def check_block(settings: Mapping[str, str], key: str, names: frozenset[str]) -> dict[str, str]:
    """The errors of an expression under ``key``, or of the block ``KEY.N.if``, ``then``, ``else``: by key, at most one."""
    if key in settings:
        return _check_one(settings, key, names)
    prefix = f"{key}."
    place = found_else = ""
    found_if = found_then = False
    for item in [item for item in settings if item.startswith(prefix)]:
        position, dot, suffix = item.removeprefix(prefix).partition(".")
        if not dot:
            return {key: f"Invalid property {quoted(item)} found in 'if' block."}
        word = suffix.split(".", 1)[0]
        error: str | None = None
        checked: dict[str, str] = {}
        if word == "if":
            if position != place:
                if place and not found_then:
                    error = f"Missing 'then' in 'if' condition {_position(place)}."
                else:
                    checked = _check_one(settings, item, names)
                    found_then, place = False, position
            found_if = True
        elif word == "else":
            if not found_else:
                checked = _check_one(settings, item, names) if found_if else {}
                error = None if found_if else "Found 'else' before 'if'"
                found_else = position
            elif position != found_else:
                error = "Multiple 'else' found"
        elif word == "then":
            if found_else:
                error = "Found 'then' in 'else' block"
            elif position != place:
                error = "Found 'then' without 'if'"
            elif not found_then:
                checked = _check_one(settings, item, names)
                found_then = True
        if error is not None:
            return {key: error}
        if checked:
            return checked
    if not found_if:
        return {}
    if not found_then:
        return {key: f"Missing 'then' in 'if' condition {_position(place)}"}
    return {} if found_else else {key: "Missing 'else'"}


def _position(place: str) -> int:
    return (int(place) if place.isdigit() else 0) + 1


def _check_one(settings: Mapping[str, str], key: str, names: frozenset[str]) -> dict[str, str]:
    try:
        check(settings[key], names)
    except UnreadableError as error:
        return {key: str(error)}
    return {}

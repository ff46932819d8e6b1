"""The expressions that settings may hold: ``is_local_domain('*', rcpt_domain)``, ``'rsa-' + sender_domain``, and their if-then-else blocks.

``parse`` compiles one expression; ``IfBlock.read`` collects a block from settings (one value under the key, or ``KEY.N.if|then|else``).
Values are text, numbers and lists; truth is 1 or 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Value = str | int | float | list["Value"]
Node = Callable[["Scope"], Value]


class ExpressionError(ValueError):
    """The text is no expression; the message is the server's."""


class Scope(Protocol):
    """What an expression may ask while it is evaluated."""

    def variable(self, name: str) -> Value: ...

    def setting(self, key: str) -> str: ...

    def is_local_domain(self, domain: str) -> bool: ...

    def is_local_address(self, address: str) -> bool: ...


def truth(value: Value) -> bool:
    return bool(value)


def text(value: Value) -> str:
    if isinstance(value, list):
        return "\r\n".join(text(item) for item in value if not isinstance(item, list))
    return value if isinstance(value, str) else format(value, "g") if isinstance(value, float) else str(value)


def number(value: Value) -> int | float:
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        for kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                continue
    return 0


def strings(value: Value) -> list[str]:
    """The value as a list of text: what ``['a', 'b']``, ``'a'`` and ``false`` name (the last: nothing)."""
    items = value if isinstance(value, list) else [value] if isinstance(value, str) and value else []
    return [text(item) for item in items]


def _add(left: Value, right: Value) -> Value:
    if isinstance(left, list) or isinstance(right, list):
        return [*(left if isinstance(left, list) else [left]), *(right if isinstance(right, list) else [right])]
    if isinstance(left, str):
        return left + text(right) if left else right
    if isinstance(right, str):
        return text(left) + right if right else left
    return left + right


def _equal(left: Value, right: Value) -> bool:
    if isinstance(left, str) != isinstance(right, str) and not isinstance(left, list) and not isinstance(right, list):
        return number(left) == number(right)
    return left == right


def _less(left: Value, right: Value) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    return number(left) < number(right)


def _divide(left: Value, right: Value) -> Value:
    divisor = number(right)
    return number(left) / divisor if divisor else 0.0


_BINARY: dict[str, tuple[int, Callable[[Value, Value], Value]]] = {
    "||": (1, lambda a, b: int(truth(a) or truth(b))),
    "^": (2, lambda a, b: int(truth(a) != truth(b))),
    "&&": (3, lambda a, b: int(truth(a) and truth(b))),
    "==": (4, lambda a, b: int(_equal(a, b))),
    "!=": (4, lambda a, b: int(not _equal(a, b))),
    "<": (5, lambda a, b: int(_less(a, b))),
    ">": (5, lambda a, b: int(_less(b, a))),
    "<=": (5, lambda a, b: int(not _less(b, a))),
    ">=": (5, lambda a, b: int(not _less(a, b))),
    "+": (6, _add),
    "-": (6, lambda a, b: number(a) - number(b)),
    "*": (7, lambda a, b: number(a) * number(b)),
    "/": (7, _divide),
}


def _email_part(address: Value, part: Value) -> Value:
    local, at, domain = text(address).rpartition("@")
    return (local if text(part) == "local" else domain) if at else text(address)


def _split(value: Value, separator: Value) -> list[Value]:
    return list(text(value).split(text(separator)))


_FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {
    "count": (1, lambda a: len(a) if isinstance(a, list) else int(a != "")),
    "is_empty": (1, lambda a: int(a == "" or a == [])),
    "is_number": (1, lambda a: int(isinstance(a, (int, float)))),
    "is_email": (1, lambda a: int(re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text(a)) is not None)),
    "email_part": (2, _email_part),
    "trim": (1, lambda a: text(a).strip()),
    "trim_start": (1, lambda a: text(a).lstrip()),
    "trim_end": (1, lambda a: text(a).rstrip()),
    "len": (1, lambda a: len(a) if isinstance(a, (str, list)) else 2),
    "to_lowercase": (1, lambda a: text(a).lower()),
    "to_uppercase": (1, lambda a: text(a).upper()),
    "is_uppercase": (1, lambda a: int(text(a).isupper())),
    "is_lowercase": (1, lambda a: int(text(a).islower())),
    "has_digits": (1, lambda a: int(any(c.isdigit() for c in text(a)))),
    "contains": (2, lambda a, b: int(any(_equal(item, b) for item in a) if isinstance(a, list) else text(b) in text(a))),
    "contains_ignore_case": (2, lambda a, b: int(text(b).lower() in text(a).lower())),
    "eq_ignore_case": (2, lambda a, b: int(text(a).lower() == text(b).lower())),
    "starts_with": (2, lambda a, b: int(text(a).startswith(text(b)))),
    "ends_with": (2, lambda a, b: int(text(a).endswith(text(b)))),
    "substring": (3, lambda a, start, length: text(a)[int(number(start)) : int(number(start)) + int(number(length))]),
    "strip_prefix": (2, lambda a, b: text(a).removeprefix(text(b))),
    "strip_suffix": (2, lambda a, b: text(a).removesuffix(text(b))),
    "split": (2, _split),
    "if_then": (3, lambda condition, a, b: a if truth(condition) else b),
}

VARIABLES = frozenset(
    "rcpt rcpt_domain sender sender_domain mx helo_domain authenticated_as listener remote_ip local_ip priority local_port remote_port protocol "
    "is_tls recipients retry_num notify_num expires_in last_status last_error url url_path headers method asn country received_via_port "
    "received_from_ip queue_name source size queue_age address email".split()
)

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)(?![A-Za-z_\d])|(?P<name>[A-Za-z_$][\w.$]*|\d+[A-Za-z]\w*)
    |(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<operator>\|\|?|&&?|==|!=|>=|<=|=|[-+*/<>!^(),\[\]])|(?P<bad>\S))""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def _unquote(token: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), token[1:-1], flags=re.DOTALL)


class _Parser:
    def __init__(self, source: str, constants: frozenset[str]) -> None:
        self._constants = constants
        self._tokens: list[tuple[str, str]] = []
        for match in _TOKEN.finditer(source):
            kind = match.lastgroup or ""
            token = match[kind]
            if kind == "bad":
                raise ExpressionError("Unterminated string" if token in "\"'" else f"Invalid character {token!r}")
            self._tokens.append((kind, {"|": "||", "&": "&&", "=": "=="}.get(token, token) if kind == "operator" else token))
        self._position = 0

    def _peek(self) -> str | None:
        kind, token = self._tokens[self._position] if self._position < len(self._tokens) else ("", None)
        return token if kind == "operator" else None

    def _next(self) -> tuple[str, str]:
        if self._position >= len(self._tokens):
            raise ExpressionError("Unexpected end of expression")
        self._position += 1
        return self._tokens[self._position - 1]

    def _expect(self, token: str) -> None:
        if self._peek() != token:
            raise ExpressionError("Unmatched open parenthesis" if token == ")" else f"Expected {token!r}")
        self._position += 1

    def whole(self) -> Node:
        if not self._tokens:
            return lambda scope: ""
        node = self._binary(1)
        if self._position < len(self._tokens):
            token = self._tokens[self._position][1]
            raise ExpressionError("Unmatched close parenthesis" if token == ")" else "Invalid expression")
        return node

    def _binary(self, least: int) -> Node:
        left = self._unary()
        while (token := self._peek()) in _BINARY and _BINARY[token or ""][0] >= least:
            precedence, operate = _BINARY[token or ""]
            self._position += 1
            left = self._combine(operate, left, self._binary(precedence + 1))
        return left

    @staticmethod
    def _combine(operate: Callable[[Value, Value], Value], left: Node, right: Node) -> Node:
        return lambda scope: operate(left(scope), right(scope))

    def _unary(self) -> Node:
        token = self._peek()
        if token in ("!", "-"):
            self._position += 1
            operand = self._unary()
            return (lambda scope: int(not truth(operand(scope)))) if token == "!" else (lambda scope: -number(operand(scope)))
        return self._primary()

    def _list(self, end: str) -> list[Node]:
        nodes: list[Node] = []
        while self._peek() != end:
            nodes.append(self._binary(1))
            if self._peek() == ",":
                self._position += 1
            elif self._peek() != end:
                break
        self._expect(end)
        return nodes

    def _primary(self) -> Node:
        kind, token = self._next()
        if kind == "number":
            constant: Value = float(token) if "." in token else int(token)
            return lambda scope: constant
        if kind == "string":
            string = _unquote(token)
            return lambda scope: string
        if kind == "name":
            return self._name(token)
        if token == "(":
            node = self._binary(1)
            self._expect(")")
            return node
        if token == "[":
            items = self._list("]")
            return lambda scope: [item(scope) for item in items]
        raise ExpressionError("Unmatched close parenthesis" if token == ")" else f"Unexpected token {token!r}")

    def _name(self, name: str) -> Node:
        if name in ("true", "false"):
            constant = int(name == "true")
            return lambda scope: constant
        if self._peek() == "(":
            self._position += 1
            return self._call(name, self._list(")"))
        if name in VARIABLES:
            return lambda scope: scope.variable(name)
        if name in self._constants or re.fullmatch(r"\d+(ms|[smhd])", name):
            return lambda scope: name
        raise ExpressionError(f'Invalid variable or function name "{name}"')

    def _call(self, name: str, arguments: list[Node]) -> Node:
        def required(count: int) -> None:
            if len(arguments) != count:
                raise ExpressionError(f'Expected {count} arguments for function "{name}", got {len(arguments)}')

        match name:
            case "config_get":
                required(1)
                return lambda scope: scope.setting(text(arguments[0](scope)))
            case "is_local_domain":
                required(2)
                return lambda scope: int(scope.is_local_domain(text(arguments[1](scope))))
            case "is_local_address":
                required(2)
                return lambda scope: int(scope.is_local_address(text(arguments[1](scope))))
            case "matches":
                required(2)
                return lambda scope: int(re.search(text(arguments[0](scope)), text(arguments[1](scope))) is not None)
        if name not in _FUNCTIONS:
            raise ExpressionError(f'Invalid variable or function name "{name}"')
        count, function = _FUNCTIONS[name]
        required(count)
        return lambda scope: function(*(argument(scope) for argument in arguments))


def parse(source: str, constants: frozenset[str] = frozenset()) -> Node:
    """Compile an expression; ``constants`` are bare words that it may use (``relaxed``, ``daily``). Raises ExpressionError."""
    return _Parser(source, constants).whole()


@dataclass(frozen=True)
class IfBlock:
    """Conditions in order, each with what it answers, and what holds otherwise."""

    default: Node
    branches: Sequence[tuple[Node, Node]] = field(default_factory=tuple)

    def evaluate(self, scope: Scope) -> Value:
        for condition, then in self.branches:
            if truth(condition(scope)):
                return then(scope)
        return self.default(scope)

    @classmethod
    def of(cls, default: str, *branches: tuple[str, str], constants: frozenset[str] = frozenset()) -> IfBlock:
        return cls(parse(default, constants), tuple((parse(a, constants), parse(b, constants)) for a, b in branches))

    @classmethod
    def read(cls, settings: Mapping[str, str], key: str, constants: frozenset[str] = frozenset()) -> IfBlock | None:
        """The block under ``key``, None where there is none. Raises ExpressionError."""
        if key in settings:
            return cls(parse(settings[key], constants))
        conditions: dict[str, str] = {}
        results: dict[str, str] = {}
        default: str | None = None
        for name in sorted(name for name in settings if name.startswith(key + ".")):
            position, _, kind = name[len(key) + 1 :].partition(".")
            if kind == "if":
                conditions[position] = settings[name]
            elif kind == "then":
                results[position] = settings[name]
            elif kind == "else" and default is None:
                default = settings[name]
        if not conditions:
            return None
        if missing := conditions.keys() - results.keys():
            raise ExpressionError(f"Missing 'then' in 'if' condition {min(missing)}")
        if default is None:
            raise ExpressionError("Missing 'else'")
        return cls.of(default, *((condition, results[position]) for position, condition in conditions.items()), constants=constants)

    @classmethod
    def live(cls, settings: Mapping[str, str], key: str, default: IfBlock, constants: frozenset[str] = frozenset()) -> IfBlock:
        """The block under ``key``, or ``default`` where it is missing or cannot be parsed: the server starts with such a setting too."""
        try:
            return cls.read(settings, key, constants) or default
        except ExpressionError:
            return default

"""How an object takes new values: whole properties, JSON pointers into them, and the server's words for what it refuses."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from publicsuffixlist import PublicSuffixList

from . import ids
from .schema import NUMBERS, STRINGS, Kind, Property, Schema

_RESERVED = frozenset({"test", "localhost", "local", "internal", "lan", "home", "corp", "intranet", "private", "localdomain"})
_LOCAL_SIGNS = frozenset("!#$%&'*+-/=?^_`{|}~")
_SUFFIXES = PublicSuffixList(accept_unknown=False)


@dataclass
class PatchError(Exception):
    """``path`` is the pointer of what was refused."""

    path: str
    message: str


class Unreadable(ValueError):
    """A text is no value of its type."""


def split_pointer(text: str) -> tuple[str, ...]:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.removeprefix("/").split("/"))


def _join(pointer: Iterable[str]) -> str:
    return "/".join(part.replace("~", "~0").replace("/", "~1") for part in pointer)


# --- texts -------------------------------------------------------------------


def clean_domain(text: str) -> str | None:
    """A domain name in the server's form, None where it takes it for none."""
    text = "".join(text.split()).lower()
    labels = text.split(".")
    if len(labels) < 2 or any(not label or not (label[-1].isalnum() or label[-1] in "-_") for label in labels):
        return None
    if not text.isascii():
        try:
            text = ".".join(label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in labels)
        except UnicodeError:
            return None
    return text if labels[-1] in _RESERVED or _SUFFIXES.publicsuffix(text) is not None else None


def clean_local(text: str) -> str | None:
    """A local part in the server's form."""
    text = "".join(text.split()).lower()
    if not text or text.startswith(".") or text.endswith(".") or ".." in text:
        return None
    return text if all(letter.isalnum() or letter in _LOCAL_SIGNS or letter == "." for letter in text) else None


def clean_address(text: str) -> str | None:
    local, at, domain = text.partition("@")
    name, host = clean_local(local), clean_domain(domain)
    return f"{name}@{host}" if at and name is not None and host is not None else None


def _clean_host(text: str) -> str | None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return clean_domain(text)
    return text


_CHECKS = {
    "domain": (clean_domain, "Invalid domain name"),
    "address": (clean_address, "Invalid email address"),
    "local": (clean_local, "Invalid email local part"),
    "host": (_clean_host, "Invalid hostname or IP address"),
    "trim": (lambda text: text.strip() or None, "String cannot be empty"),
    "lower": (str.lower, ""),
    "upper": (str.upper, ""),
    "nospaces": (lambda text: "".join(text.split()), ""),
}


def parse_time(text: str) -> float:
    """Seconds since 1970. Raises ValueError."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text):
        raise ValueError(text)
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def format_time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def network(text: str) -> str:
    """An address or a network as the server writes it. Raises ValueError."""
    address, slash, length = text.partition("/")
    parsed = ipaddress.ip_address(address)
    if not slash:
        return str(parsed)
    bits = int(length)
    if not 0 <= bits <= parsed.max_prefixlen:
        raise ValueError(text)
    return str(parsed) if bits == parsed.max_prefixlen else f"{parsed}/{bits}"


def _socket(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(text)
    if host.startswith("["):
        return f"[{ipaddress.IPv6Address(host[1:-1])}]:{int(port)}"
    return f"{ipaddress.IPv4Address(host)}:{int(port)}"


def _quoted(text: str) -> str:
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
    return '"' + "".join(escapes.get(letter) or (letter if letter.isprintable() else f"\\u{{{ord(letter):x}}}") for letter in text) + '"'


def _debug(schema: Schema, value: Any, key: str = "") -> str:
    """A JSON value as the server's own words show it."""
    match value:
        case None:
            return "Null"
        case bool():
            return f"Bool({str(value).lower()})"
        case str():
            number = ids.decode(value) if key in schema.references else None
            return f"Str({_quoted(value)})" if number is None else f"Element({ids.encode(number)})"
        case int() if -(2**63) <= value < 2**64:
            return f"Number({value})"
        case int() | float():
            digits, exponent, power = repr(float(value)).partition("e")
            return f"Number({digits}{exponent}{int(power) if exponent else ''})"
        case list():
            return f"Array [{', '.join(_debug(schema, item, key) for item in value)}]"
    members = (f"({_debug_key(schema, name)}, {_debug(schema, item, name)})" for name, item in value.items())
    return f"Object ObjectAsVec([{', '.join(members)}])"


def _debug_key(schema: Schema, name: str) -> str:
    return f"Property({_identifier(name.removeprefix('@'))})" if name in schema.names else f"Borrowed({_quoted(name)})"


def _enum_member(name: str) -> str:
    """Events are named by their group and themselves."""
    group, dot, member = name.partition(".")
    return f"{_identifier(group)}({_identifier(member)})" if dot else _identifier(name)


def _identifier(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]", name))


# --- patching ----------------------------------------------------------------


@dataclass(slots=True)
class Patcher:
    """Changes values in place where they are objects; every method returns the new value. Raises PatchError."""

    schema: Schema
    create: bool = False
    may_set_tenant: bool = True
    may_set_account: bool = True

    def whole(self, name: str, value: dict[str, Any], new: Any) -> dict[str, Any]:
        """Take ``new`` as a whole object of the type ``name``."""
        result: dict[str, Any] = self._object(name, value, (), 0, new)
        return result

    def at(self, name: str, value: dict[str, Any], pointer: tuple[str, ...], new: Any) -> dict[str, Any]:
        """Take ``new`` at one place of an object."""
        result: dict[str, Any] = self._object(name, value, pointer, 0, new)
        return result

    def _object(self, name: str, value: Any, pointer: tuple[str, ...], at: int, new: Any) -> Any:
        variants = self.schema.variants.get(name)
        if variants is None:
            return self._structure(name, value, pointer, at, new)
        if at == len(pointer):
            kind = new.get("@type") if isinstance(new, dict) else None
            if kind not in variants:
                raise PatchError(_join(pointer), "Missing or invalid '@type' property in object")
            value = self.schema.new(name, kind)
        structure = variants[value["@type"]]
        if structure is None:
            self._end(pointer, at)
            return value
        return self._structure(structure, value, pointer, at, new)

    def _structure(self, name: str, value: dict[str, Any], pointer: tuple[str, ...], at: int, new: Any) -> dict[str, Any]:
        if at < len(pointer):
            return self._property(name, value, pointer, at, new)
        if not isinstance(new, dict):
            raise PatchError(_join(pointer), "Invalid value type for object")
        for key, item in new.items():
            if key not in self.schema.names:
                raise PatchError(_join(pointer), "Invalid key for object")
            if key == "@type":
                continue
            try:
                value = self._property(name, value, (key,), 0, item)
            except PatchError as error:
                raise PatchError("/".join(filter(None, (_join(pointer), error.path))), error.message) from None
        return value

    def _property(self, structure: str, value: dict[str, Any], pointer: tuple[str, ...], at: int, new: Any) -> dict[str, Any]:
        name = pointer[at]
        if name == "@type":
            return value
        found = self.schema.structures[structure].properties.get(name)
        if found is None:
            raise PatchError(_join(pointer), "Invalid property")
        if "server" in found.traits or "computed" in found.traits:
            raise PatchError(_join(pointer), "Cannot modify server set property")
        if "immutable" in found.traits and not self.create:
            raise PatchError(_join(pointer), "Cannot modify read-only property")
        if "tenant" in found.traits and not self.may_set_tenant:
            raise PatchError(_join(pointer), "Cannot modify memberTenantId property")
        if "account" in found.traits and not self.may_set_account:
            raise PatchError(_join(pointer), "Cannot modify accountId property")
        if "write-only" in found.traits:
            return value
        return {**value, name: self._value(found.kind, value.get(name), pointer, at + 1, new, found)}

    def _end(self, pointer: tuple[str, ...], at: int) -> None:
        if at < len(pointer):
            raise PatchError(_join(pointer), "Invalid JSON Pointer path")

    def _value(self, kind: Kind, value: Any, pointer: tuple[str, ...], at: int, new: Any, found: Property) -> Any:
        if kind.nullable:
            if new is None:
                self._end(pointer, at)
                return None
            kind = Kind(kind.name, False, kind.of, kind.members)
            if value is None:
                value = self.schema.default(kind)
        match kind.name:
            case "object":
                return self._object(kind.of, value, pointer, at, new)
            case "set":
                return self._set(kind, value, pointer, at, new)
            case "map":
                return self._map(kind, value, pointer, at, new, found)
            case "list":
                return self._list(kind, value, pointer, at, new)
            case "enum":
                if not isinstance(new, str) or new not in self.schema.enums[kind.of]:
                    raise PatchError(_join(pointer), f"Invalid value {_debug(self.schema, new)} for enum type {_enum_member(str(value))}.")
                self._end(pointer, at)
                return new
        if kind.name in STRINGS:
            return self._string(pointer, at, new, found.rules)
        if kind.name in NUMBERS or kind.name == "boolean":
            return self._number(kind.name, pointer, at, new)
        return self._parsed(kind.name, pointer, at, new)

    def _string(self, pointer: tuple[str, ...], at: int, new: Any, rules: Iterable[str]) -> str:
        if not isinstance(new, str) or not new:
            raise PatchError(_join(pointer), "Invalid value for property.")
        for rule in rules:
            check, message = _CHECKS[rule]
            cleaned: str | None = check(new)
            if cleaned is None:
                raise PatchError(_join(pointer), message)
            new = cleaned
        self._end(pointer, at)
        return str(new)

    def _number(self, name: str, pointer: tuple[str, ...], at: int, new: Any) -> Any:
        whole = isinstance(new, int) and not isinstance(new, bool) and -(2**63) <= new < 2**64
        match name:
            case "boolean":
                fits, message = isinstance(new, bool), "Invalid value for boolean property (expected true or false)"
            case "duration":
                if isinstance(new, bool) or not isinstance(new, int | float):
                    raise PatchError(_join(pointer), "Invalid path for Duration")
                fits, message = whole and new > 0, "Invalid duration value"
            case "float":
                fits = isinstance(new, int | float) and not isinstance(new, bool) and math.isfinite(new)
                message = "Invalid value for float property (expected finite number)"
            case "integer":
                fits, message = whole and new < 2**63, "Invalid value for signed integer property (expected integer)"
            case _:
                fits, message = whole and new >= 0, "Invalid value for unsigned integer property (expected non-negative integer)"
        if not fits:
            raise PatchError(_join(pointer), message)
        self._end(pointer, at)
        return float(new) if name == "float" else new

    def _parsed(self, name: str, pointer: tuple[str, ...], at: int, new: Any) -> str:
        words = {"id": "Id", "blob": "BlobId", "date": "UTCDateTime", "ip": "IpAddr", "network": "IpAddrOrMask", "socket": "SocketAddr"}[name]
        if not isinstance(new, str) or at < len(pointer):
            raise PatchError(_join(pointer), f"Invalid path for {words}, expected a string value")
        try:
            return self._read(name, new)
        except ValueError:
            raise PatchError(_join(pointer), f"Failed to parse {words} from string") from None

    @staticmethod
    def _read(name: str, text: str) -> str:
        match name:
            case "id":
                number = ids.decode(text)
                if number is None:
                    raise ValueError(text)
                return ids.encode(number)
            case "blob":
                if not re.fullmatch(r"[a-z0-9]{20,}", text):
                    raise ValueError(text)
            case "date":
                return format_time(parse_time(text))
            case "ip":
                return str(ipaddress.ip_address(text))
            case "network":
                return network(text)
            case "socket":
                return _socket(text)
        return text

    def _key(self, kind: Kind, text: str) -> str | None:
        """A member of a set or a key of a map in the server's form; None where it is none."""
        if kind.name == "enum":
            return text if text in self.schema.enums[kind.of] else None
        if kind.name in STRINGS:
            return text.strip() or None
        if kind.name in NUMBERS:
            return str(int(text)) if text.isdigit() else None
        try:
            return self._read(kind.name, text)
        except ValueError:
            return None

    def _set(self, kind: Kind, value: dict[str, Any], pointer: tuple[str, ...], at: int, new: Any) -> dict[str, bool]:
        if at == len(pointer):
            if isinstance(new, dict):
                members = {}
                for text, wanted in new.items():
                    key = self._key(kind.members[0], text)
                    if key is None or not isinstance(wanted, bool):
                        raise PatchError(_join(pointer), "Invalid key for object property")
                    if wanted:
                        members[key] = True
                return members
        elif at + 1 == len(pointer) and (new is None or isinstance(new, bool)):
            key = self._key(kind.members[0], pointer[at])
            if key is not None:
                rest = {member: True for member in value if member != key or new}
                return {**rest, key: True} if new else rest
        raise PatchError(_join(pointer), "Invalid value for object property")

    def _map(self, kind: Kind, value: dict[str, Any], pointer: tuple[str, ...], at: int, new: Any, found: Property) -> dict[str, Any]:
        keys, items = kind.members
        if at == len(pointer):
            if isinstance(new, dict):
                result = {}
                for text, item in new.items():
                    key = self._key(keys, text)
                    if key is None:
                        raise PatchError(_join(pointer), "Invalid key for object property")
                    result[key] = self._value(items, self.schema.default(items), pointer, at, item, found)
                return result
        else:
            key = self._key(keys, pointer[at])
            if key is not None:
                if new is None and at + 1 == len(pointer):
                    return {name: item for name, item in value.items() if name != key}
                return {**value, key: self._value(items, value.get(key, self.schema.default(items)), pointer, at + 1, new, found)}
        raise PatchError(_join(pointer), "Invalid value for object property")

    def _list(self, kind: Kind, value: dict[str, Any], pointer: tuple[str, ...], at: int, new: Any) -> dict[str, Any]:
        result: dict[str, Any] | None = None
        if at == len(pointer):
            if isinstance(new, dict):
                result = {}
                for key, item in new.items():
                    if not key.isdigit():
                        raise PatchError(_join(pointer), "Invalid key for object property")
                    result[str(int(key))] = self._object(kind.of, self.schema.new(kind.of), pointer, at, item)
        elif pointer[at].isdigit():
            key = str(int(pointer[at]))
            if new is not None or at + 1 < len(pointer):
                result = {**value, key: self._object(kind.of, value.get(key) or self.schema.new(kind.of), pointer, at + 1, new)}
            elif key in value:
                result = {name: item for name, item in value.items() if name != key}
        if result is None:
            raise PatchError(_join(pointer), "Invalid value for object property")
        return dict(sorted(result.items(), key=lambda item: int(item[0])))


def renumber(schema: Schema, name: str, value: dict[str, Any]) -> dict[str, Any]:
    """An object as it is stored: the items of its lists count from 0."""
    structure = schema.structure(name, value)
    if structure is None:
        return value
    return {key: _renumber_value(schema, structure.properties[key].kind, item) if key in structure.properties else item for key, item in value.items()}


def _renumber_value(schema: Schema, kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    match kind.name:
        case "object":
            return renumber(schema, kind.of, value)
        case "list":
            return {str(index): renumber(schema, kind.of, item) for index, item in enumerate(value.values())}
    return value


# --- checking ----------------------------------------------------------------


def check(schema: Schema, name: str, value: dict[str, Any]) -> list[dict[str, Any]]:
    """What is wrong with a complete object, as ``validationErrors``."""
    structure = schema.structure(name, value)
    errors: list[dict[str, Any]] = []
    for found in structure.properties.values() if structure is not None else ():
        if found.name in value:
            errors += _check_property(schema, found, value[found.name])
    return errors


def _check_property(schema: Schema, found: Property, value: Any) -> list[dict[str, Any]]:
    kind, errors = found.kind, list[dict[str, Any]]()
    if value is None:
        return errors
    if "required" in found.traits and value in ("", ids.UNSET):
        errors.append({"type": "Required", "property": found.name})
    if "valid" in found.traits and value in ("0.0.0.0", "0.0.0.0/0"):
        errors.append({"type": "Invalid", "property": found.name, "value": value})
    if kind.name == "duration" and value == 0 and "server" not in found.traits:
        errors.append({"type": "Invalid", "property": found.name, "value": "0"})
    size = len(value.encode()) if isinstance(value, str) else len(value) if isinstance(value, dict) else value
    for limit, kind_of_error in (("min", "MinValue"), ("max", "MaxValue"), ("items", "MinLength"), ("length", "MaxLength"), ("minlength", "MinLength")):
        if limit not in found.limits or isinstance(value, bool):
            continue
        bound = found.limits[limit]
        if (size < bound) if limit in ("min", "items", "minlength") else (size > bound):
            errors.append({"type": kind_of_error, "property": found.name, "required": int(bound)})
    match kind.name:
        case "object" if "optional" not in found.traits or any(value.values()):
            errors += check(schema, kind.of, value)
        case "list":
            for item in value.values():
                errors += check(schema, kind.of, item)
    return errors

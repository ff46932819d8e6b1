# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options as users write them, read into models: one sentence for each thing that can be wrong."""

from __future__ import annotations

import re
import typing as t

from .._deps import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from .._errors import InvalidOption
from .._names import canonical_address, canonical_domain, canonical_name

ModelType = t.TypeVar("ModelType", bound="Options")


class Options(BaseModel):
    """Base of what users may write. What is not given stays out of `model_fields_set`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, options: t.Any) -> t.Any:
        """Null counts as left out, as does what Ansible fills in for suboptions that were not given."""
        if not isinstance(options, dict) or None not in options.values():
            return options
        return {key: value for key, value in options.items() if value is not None}

    def given(self, field: str) -> bool:
        """Whether the user wrote the option."""
        return field in self.model_fields_set and getattr(self, field) is not None


def read(model: type[ModelType], options: t.Mapping[str, t.Any], *, within: str = "") -> ModelType:
    """The options as a model. Raises InvalidOption with the first problem; of pydantic's errors only place and sentence are used."""
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = _place([*([within] if within else []), *first["loc"]])
        raise InvalidOption(place or "options", _sentence(str(first["msg"]))) from None


def _place(loc: t.Sequence[int | str]) -> str:
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not part.startswith(("function-", "tagged-union", "list[", "tuple[")) and part not in ("exact", "str", "int"):
            text += f".{part}" if text else part
    return text


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if message == "Extra inputs are not permitted":
        message = "there is no such option here; remove it or correct its spelling"
    elif message == "Field required":
        message = "it is missing; give it a value"
    elif message.startswith("Input should be "):
        message = f"it must be {message.removeprefix('Input should be ')}"
    return message if message.endswith(".") else f"{message}."


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtpe]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}
_LARGEST = 2**63 - 1


def size(value: t.Any) -> int:
    """Bytes from a number or from text such as `10G` (1024 based, like Ansible's human_to_bytes)."""
    text = str(value).strip()
    match = _SIZE.fullmatch(text)
    if isinstance(value, bool) or not match:
        raise ValueError(f"{value!r} is no size; use bytes or a number with K, M, G or T, like 10G")
    number = float(match.group(1)) if "." in match.group(1) else int(match.group(1))
    found = int(number * 1024 ** _UNITS[match.group(2).lower()])
    if found > _LARGEST:
        raise ValueError(f"{value!r} is larger than any server can count ({_LARGEST} bytes)")
    return found


def one_or_more(value: t.Any) -> t.Any:
    """A single element as a list of one; numbers as text."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        value = [value] if value != "" else []
    if isinstance(value, (list, tuple)):
        return [str(item) if isinstance(item, (int, float)) and not isinstance(item, bool) else item for item in value]
    return value


MAX_TEXT = 512


def text(value: t.Any) -> str:
    """A string the server keeps. Longer ones it refuses, or inside a list drops without a word (0.14 and later)."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        if value is None:
            raise ValueError("it is null; remove it, or give it a value")
        raise ValueError(f"{value!r} is not text; write one, within quotes where YAML reads it otherwise")
    if len(value.encode()) > MAX_TEXT:
        raise ValueError(f"it is {len(value.encode())} bytes long, and servers keep {MAX_TEXT} at most; shorten it")
    return str(value)


def item(value: t.Any) -> str:
    """An element of a list: text that is not empty."""
    found = text(value).strip()
    if not found:
        raise ValueError("an element is empty; remove it")
    return found


def without_repeats(values: tuple[str, ...]) -> tuple[str, ...]:
    """Each element once, in the order given."""
    return tuple(dict.fromkeys(values))


Text = t.Annotated[str, BeforeValidator(text)]
Name = t.Annotated[str, BeforeValidator(text), AfterValidator(canonical_name)]
Domain = t.Annotated[str, BeforeValidator(text), AfterValidator(canonical_domain)]
Address = t.Annotated[str, BeforeValidator(text), AfterValidator(canonical_address)]
MailboxAddress = t.Annotated[str, BeforeValidator(text), AfterValidator(lambda value: canonical_address(value, catch_all=True))]
Item = t.Annotated[str, BeforeValidator(item)]
Size = t.Annotated[int, BeforeValidator(size)]

ItemType = t.TypeVar("ItemType")


class ListEdit(Options, t.Generic[ItemType]):
    """A list as users write it: the exact list, or what to add to and remove from the present one."""

    exact: tuple[ItemType, ...] | None = None
    add: tuple[ItemType, ...] = ()
    remove: tuple[ItemType, ...] = ()

    def result(self, found: t.Iterable[ItemType]) -> tuple[ItemType, ...]:
        """The list as it shall be. Kept elements stay in their order, new ones follow."""
        if self.exact is not None:
            return tuple(dict.fromkeys(self.exact))
        kept = [element for element in found if element not in self.remove]
        return tuple(dict.fromkeys([*kept, *self.add]))


def list_edit(value: t.Any) -> t.Any:
    """`[...]`, one element, or `{add: [...], remove: [...]}` as the fields of a ListEdit."""
    if isinstance(value, ListEdit):
        return value
    if not isinstance(value, dict):
        return {"exact": one_or_more(value)}
    unknown = sorted(set(value) - {"add", "remove"})
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not known here; give a list, or a dictionary with add and remove")
    edit = {key: one_or_more(elements) for key, elements in value.items() if elements is not None}
    if not edit:
        raise ValueError("the dictionary is empty; give add, remove or both, or a list")
    both = set(map(str, edit.get("add", ()))) & set(map(str, edit.get("remove", ())))
    if both:
        raise ValueError(f"{min(both)!r} is both in add and in remove; leave it in one of them")
    return edit


Names = t.Annotated[ListEdit[Name], BeforeValidator(list_edit)]
Items = t.Annotated[ListEdit[Item], BeforeValidator(list_edit)]
Addresses = t.Annotated[ListEdit[Address], BeforeValidator(list_edit)]
MailboxAddresses = t.Annotated[ListEdit[MailboxAddress], BeforeValidator(list_edit)]

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where third-party libraries are imported.

Documentation, argument specs and ansible-test's import checks must work on machines without them, so each name has a
stand-in that lets class bodies and decorators be evaluated and fails only when it is used for real.
"""

from __future__ import annotations

import sys
import traceback
import typing as t

from ._errors import LibraryMissing

__all__ = [
    "AfterValidator",
    "BaseModel",
    "BeforeValidator",
    "ConfigDict",
    "Field",
    "ValidationError",
    "field_validator",
    "httpx",
    "model_validator",
    "require_libraries",
    "to_camel",
]


class _Missing:
    """Stands for a library that could not be imported: base class, decorator, call and attribute all evaluate."""

    def __call__(self, *args: t.Any, **kwargs: t.Any) -> _Missing:
        return self

    def __getattr__(self, name: str) -> _Missing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, item: t.Any) -> _Missing:
        return self

    def __mro_entries__(self, bases: tuple[t.Any, ...]) -> tuple[t.Any, ...]:
        return ()


# library name on PyPI -> why it could not be imported
_failures: dict[str, str] = {}

if t.TYPE_CHECKING:
    import httpx
    from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
    from pydantic.alias_generators import to_camel
else:
    try:
        # Where click, rich and pygments are installed, httpx imports its command line too: a fifth of what a playbook starts with, for nothing.
        # None says that it can't be imported, for which httpx is prepared.
        sys.modules.setdefault("httpx._main", None)
        import httpx
    except ImportError:
        _failures["httpx"] = traceback.format_exc()
        httpx = _Missing()
    finally:
        if sys.modules["httpx._main"] is None:
            del sys.modules["httpx._main"]
    try:
        import pydantic

        if int(pydantic.VERSION.split(".", 1)[0]) < 2:
            raise ImportError(f"pydantic 2 or newer is needed, found {pydantic.VERSION}")
        from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
        from pydantic.alias_generators import to_camel
    except ImportError:
        _failures["pydantic"] = traceback.format_exc()
        AfterValidator = BaseModel = BeforeValidator = ConfigDict = Field = field_validator = model_validator = to_camel = _Missing()

        class ValidationError(Exception):
            """Never raised: without pydantic nothing is validated."""


def require_libraries() -> None:
    """Raise LibraryMissing unless httpx and pydantic can be used."""
    if _failures:
        raise LibraryMissing(" and ".join(_failures), "\n".join(_failures.values()))

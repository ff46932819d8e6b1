"""What a reload finds wrong in the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .state import Server


@dataclass(slots=True)
class Report:
    warnings: dict[str, dict[str, str]] = field(default_factory=dict)
    errors: dict[str, dict[str, str]] = field(default_factory=dict)


def check(settings: dict[str, str], server: Server) -> Report:
    return Report()

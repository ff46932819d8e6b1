# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server says of itself and of its settings."""

from __future__ import annotations

import re
import typing as t

from ..._deps import Field
from ..._errors import Refused
from .base import Model

ReloadPart = t.Literal["all", "lookup", "certificate", "blocked_ip"]


class ReloadReport(Model):
    """What a reload said. Keys are settings keys, values are sentences."""

    errors: dict[str, str] = Field(default_factory=dict)
    warnings: dict[str, str] = Field(default_factory=dict)


class About(Model):
    """What a server tells of itself and of the caller. Empty where it does not say, or may not be asked."""

    version: str = ""
    edition: t.Literal["", "community", "enterprise"] = ""
    generation: t.Literal["rest", "jmap"] = "rest"
    permissions: tuple[str, ...] = ()


def version_text(version: tuple[int, ...]) -> str:
    """(0, 15, 5) as "0.15.5"."""
    return ".".join(str(part) for part in version)


def parse_version(text: str) -> tuple[int, ...]:
    """ "0.15.5" or "v0.15.5" as (0, 15, 5). Raises Refused when it is no version."""
    match = re.match(r"v?(\d+(?:\.\d+)+)", text.strip())
    if not match:
        raise Refused(f"{text!r} is no server version; set the option server_version to one like 0.15.5.")
    return tuple(int(part) for part in match.group(1).split("."))

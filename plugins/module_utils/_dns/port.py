# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a DNS provider can be asked, whatever it speaks."""

from __future__ import annotations

import dataclasses
import typing as t


class Value(t.NamedTuple):
    """One record's content: as text with a TXT joined and without quotes, and as zone files write it. Names in it are absolute."""

    content: str
    rdata: str


@dataclasses.dataclass(frozen=True)
class Published:
    """All records of one name and type that a server has. `fqdn` is absolute and in lower case."""

    fqdn: str
    type: str
    ttl: int
    values: tuple[Value, ...]


@dataclasses.dataclass(frozen=True)
class Update:
    """What becomes of one record set. `found` is what it was when it was read (None: it was not there), `rdata` what it shall be, as zone
    files write it; nothing removes it. A value of `found` that stays is given just as it was read.
    """

    fqdn: str
    type: str
    ttl: int
    found: Published | None
    rdata: tuple[str, ...]


class Provider(t.Protocol):
    """One place where a zone is published."""

    @property
    def label(self) -> str:
        """Its name in messages and results."""

    def read(self, zone: str, names: t.Collection[str]) -> tuple[Published, ...]:
        """What is published at these names of the zone at least (absolute names); what delegates part of the zone above them, too.

        Raises ConnectionFailed, ServerError.
        """

    def write(self, zone: str, updates: t.Sequence[Update]) -> None:
        """Make all changes in one request, or none. Raises ConnectionFailed, ServerError."""

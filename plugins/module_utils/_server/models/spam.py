# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The spam filter: what it is asked, and what it says."""

from __future__ import annotations

import dataclasses
import typing as t

from .base import Model


@dataclasses.dataclass(frozen=True)
class Sample:
    """A message as it would have come in."""

    message: str
    remote_ip: str
    ehlo_domain: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    tls: bool = False
    authenticated_as: str = ""
    sender_flags: int = 0


class SpamTag(Model):
    """A rule that matched. `action` is allow (then `score` counts), discard or reject."""

    name: str
    action: str
    score: float = 0.0


class Classification(Model):
    """What the filter made of a message. `disposition` is allow, discard or reject; `headers` would be added to the message."""

    score: float
    disposition: t.Literal["allow", "discard", "reject"]
    headers: str = ""
    tags: tuple[SpamTag, ...] = ()

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signatures and the records a domain should have."""

from __future__ import annotations

import datetime as dt
import typing as t

from ..._deps import Field
from .base import Model

Algorithm = t.Literal["rsa", "ed25519"]
ALGORITHMS: tuple[Algorithm, ...] = t.get_args(Algorithm)

#: The life of a key: published and not signing yet; signing; still published for mail under way; no longer to be published.
Stage = t.Literal["pending", "active", "retiring", "retired"]
#: What follows the id of the signature that signs in the ids of the others that belong to it.
PENDING_SUFFIX, RETIRING_SUFFIX = "-next", "-old"


def stage_of(identifier: str, signing_id: str) -> Stage | None:
    """What the id says of the stage; None for one of another name."""
    stages: dict[str, Stage] = {signing_id: "active", signing_id + PENDING_SUFFIX: "pending", signing_id + RETIRING_SUFFIX: "retiring"}
    return stages.get(identifier)


class Signature(Model):
    """A DKIM signature as the server has it.

    `public_key` is base64 as DKIM records have it, empty when the server's key can't be read. `signs` tells whether mail of the domain is
    signed with it, None where that depends on rules of the server's own. The private key, PEM, is never shown to anyone; it is empty where
    the server does not tell it.
    `stage` is None for a signature that is no part of a rotation. `created` is since when an active key signs, as far as that is known.
    `next_transition` is when a pending key may sign, and when the record of a retiring one may go; None while that is not settled.
    """

    id: str
    domain: str
    selector: str
    algorithm: Algorithm
    public_key: str = ""
    signs: bool | None = None
    private_key: str = Field(default="", repr=False)
    stage: Stage | None = None
    created: dt.datetime | None = None
    next_transition: dt.datetime | None = None


class DnsRecord(Model):
    """A record that the server wants published: `name` is absolute, `content` is unquoted and holds priorities."""

    type: str
    name: str
    content: str

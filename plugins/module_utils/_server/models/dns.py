# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signatures and the records a domain should have."""

from __future__ import annotations

import typing as t

from ..._deps import Field
from .base import Model

Algorithm = t.Literal["rsa", "ed25519"]
ALGORITHMS: tuple[Algorithm, ...] = t.get_args(Algorithm)


class Signature(Model):
    """A DKIM signature as the server has it.

    `public_key` is base64 as DKIM records have it, empty when the server's key can't be read. `signs` tells whether mail of the domain is
    signed with it, None where that depends on rules of the server's own. The private key, PEM, is never shown to anyone.
    """

    id: str
    domain: str
    selector: str
    algorithm: Algorithm
    public_key: str = ""
    signs: bool | None = None
    private_key: str = Field(default="", repr=False)


class DnsRecord(Model):
    """A record that the server wants published: `name` is absolute, `content` is unquoted and holds priorities."""

    type: str
    name: str
    content: str

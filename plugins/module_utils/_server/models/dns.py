# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signatures and the records a domain should have."""

from __future__ import annotations

import typing as t

from ..._deps import Field
from .base import Model


class Signature(Model):
    """A DKIM signature as the server has it. `algorithm` is "rsa" or "ed25519"; the private key stays on the server."""

    id: str
    domain: str
    selector: str
    algorithm: t.Literal["rsa", "ed25519"]
    private_key: str = Field(default="", repr=False)


class DnsRecord(Model):
    """A record that the server wants published: `name` is absolute, `content` is unquoted and holds priorities."""

    type: str
    name: str
    content: str

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that knows which adapter a provider needs."""

from __future__ import annotations

import typing as t

from .port import Provider
from .powerdns import PowerDns
from .rfc2136 import ALGORITHMS, Rfc2136

#: Type of provider → its options, those it can't do without, those that another option must not be mixed with.
REQUIRED: dict[str, tuple[str, ...]] = {"rfc2136": ("server",), "powerdns": ("url", "api_key")}
ALLOWED: dict[str, tuple[str, ...]] = {
    "rfc2136": ("server", "port", "key_name", "key_secret", "key_algorithm"),
    "powerdns": ("url", "api_key", "server_id", "validate_certs", "ca_path", "allow_http"),
}
KEY_ALGORITHMS = ALGORITHMS

_ADAPTERS: dict[str, t.Callable[..., Provider]] = {"rfc2136": Rfc2136, "powerdns": PowerDns}


def provider(kind: str, options: t.Mapping[str, t.Any], *, timeout: float, use_proxy: bool) -> Provider:
    """The adapter for a provider's options. Sends nothing. Raises InvalidOption, LibraryMissing."""
    network: dict[str, t.Any] = {"timeout": timeout, **({"use_proxy": use_proxy} if kind == "powerdns" else {})}
    return _ADAPTERS[kind](**options, **network)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port: what a mail server can be asked and told. Each API generation has one adapter that speaks it.

Methods raise the errors of `_errors`. None of them decides anything: what is wanted, and whether it may be done, is
settled above.
"""

from __future__ import annotations

import typing as t

from .models.dns import Algorithm, DnsRecord, Signature
from .models.principal import Edit, Principal, PrincipalType
from .models.server import About, ReloadReport


class Principals(t.Protocol):
    """Domains, accounts, groups, lists, roles, tenants and keys: one name space."""

    def get(self, name: str) -> Principal | None:
        """The principal of exactly this (lower-case) name, or None."""

    def find(self, *, types: t.Collection[PrincipalType] = (), text: str = "", fields: t.Collection[str] = ()) -> t.Iterator[Principal]:
        """All of these types, in the server's order, a page at a time. `text` narrows the search as the server does: whole words, never
        trusted to be exact. `fields` are what the caller will look at; others may be left empty."""

    def create(self, principal: Principal) -> None:
        """Create it with all its fields. Groups, lists, roles and domains it names must exist."""

    def update(self, principal: Principal, edits: t.Sequence[Edit]) -> None:
        """Apply all edits to the found principal, or none."""

    def delete(self, principal: Principal) -> None:
        """Delete it; an account's mail goes with it."""

    def deploy(self, principal: Principal) -> None:
        """Create it beside an external directory, which the server would otherwise refuse."""


class Signatures(t.Protocol):
    """DKIM keys."""

    def find(self, domains: t.Collection[str] = ()) -> list[Signature]:
        """The signatures of these domains, of all when none is named, in the order of their ids."""

    def signing_id(self, domain: str, algorithm: Algorithm) -> str:
        """The id under which a key of this algorithm signs mail of the domain by the server's default rule."""

    def generate(self, signature: Signature) -> None:
        """Let the server make a new key under a new id."""

    def store(self, signature: Signature) -> None:
        """Store a key of ours under a new id."""

    def replace(self, signature: Signature) -> None:
        """Give the signature of this id another key and selector, both at once; whatever else is set about it stays."""

    def delete(self, signature: Signature) -> None:
        """Remove the signature and nothing else."""


class Settings(t.Protocol):
    """The server's configuration as flat string keys."""

    def read(self, *, keys: t.Collection[str] = (), prefixes: t.Collection[str] = ()) -> dict[str, str]:
        """These keys, and all keys equal to a prefix or below it (`PREFIX.`), with their full names."""

    def insert(self, values: t.Mapping[str, str]) -> None:
        """Write keys, in slices; not atomic."""

    def delete(self, keys: t.Sequence[str]) -> None:
        """Remove exactly these keys."""

    def is_local(self, key: str, local_keys: t.Sequence[str]) -> bool:
        """Whether a key lives in the server's own file, where writing rewrites that file. `local_keys` as `local_key_patterns` gave them."""

    def local_key_patterns(self) -> list[str]:
        """The patterns that make a key local on this server."""


class Server(t.Protocol):
    """One mail server."""

    @property
    def principals(self) -> Principals:
        """Domains, accounts, groups, …"""

    @property
    def signatures(self) -> Signatures:
        """DKIM keys."""

    @property
    def settings(self) -> Settings:
        """Configuration."""

    def dns_records(self, domain: str) -> list[DnsRecord]:
        """What the server wants published for a domain, known or not."""

    def reload(self, *, part: str = "", dry_run: bool = False) -> ReloadReport:
        """Make settings live and forget cached recipients, or only check. With any error nothing is applied."""

    def about(self) -> About:
        """Version, edition and the caller's permissions, as far as the login may know."""

    def version(self) -> tuple[int, ...]:
        """The version, asked once and only here, or as the option server_version says."""

    def healthy(self, *, ready: bool) -> bool:
        """Whether the health page answers well. Needs no login."""

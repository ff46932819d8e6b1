# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DKIM signatures over REST: made by /dkim, everything else by settings below `signature.ID.`."""

from __future__ import annotations

import typing as t

from ..models.dns import Signature
from ._call import RestCaller
from .settings import RestSettings

_WIRE_ALGORITHM = {"rsa": "Rsa", "ed25519": "Ed25519"}
_HEADERS = ("From", "To", "Cc", "Date", "Subject", "Message-ID", "Organization", "MIME-Version", "Content-Type")


class RestSignatures:
    """The port `Signatures` over REST."""

    def __init__(self, caller: RestCaller, settings: RestSettings) -> None:
        self._caller = caller
        self._settings = settings

    def find(self, domains: t.Collection[str] = ()) -> list[Signature]:
        """One request for all. Signatures without a domain or with an unknown algorithm are none of ours and left out."""
        by_id: dict[str, dict[str, str]] = {}
        for key, value in self._settings.read(prefixes=["signature"]).items():
            # an id holds dots (rsa-example.org), so the field is told by its name
            stem, _dot, field = key.removeprefix("signature.").rpartition(".")
            if field in ("domain", "selector", "algorithm", "private-key"):
                by_id.setdefault(stem, {})[field] = value
        found = []
        for identifier, fields in sorted(by_id.items()):
            algorithm = fields.get("algorithm", "").lower().partition("-")[0]
            domain = fields.get("domain", "").lower()
            if algorithm in ("rsa", "ed25519") and domain and (not domains or domain in domains):
                found.append(
                    Signature(
                        id=identifier,
                        domain=domain,
                        selector=fields.get("selector", ""),
                        algorithm=t.cast('t.Literal["rsa", "ed25519"]', algorithm),
                        private_key=fields.get("private-key", ""),
                    )
                )
        return found

    def public_key(self, signature: Signature) -> str:
        """One request."""
        return str(self._caller.call("GET", "dkim", signature.id, resource=f"DKIM signature {signature.id!r}"))

    def signing_id(self, domain: str, algorithm: str) -> str:
        """`auth.dkim.sign` picks `rsa-DOMAIN` and `ed25519-DOMAIN` by default, and no other."""
        return f"{algorithm}-{domain}"

    def generate(self, signature: Signature) -> None:
        """One request; refused when the id has a key, and then the server's answer holds that key."""
        body = {"id": signature.id, "algorithm": _WIRE_ALGORITHM[signature.algorithm], "domain": signature.domain, "selector": signature.selector}
        self._caller.call("POST", "dkim", resource=f"DKIM signature {signature.id!r}", body=body)

    def store(self, signature: Signature) -> None:
        """The same keys that the server writes for a key of its own."""
        prefix = f"signature.{signature.id}"
        values = {
            f"{prefix}.report": "false",
            f"{prefix}.selector": signature.selector,
            f"{prefix}.canonicalization": "relaxed/relaxed",
            f"{prefix}.private-key": signature.private_key,
            f"{prefix}.algorithm": f"{signature.algorithm}-sha256",
            f"{prefix}.domain": signature.domain,
            **{f"{prefix}.headers.{index}": header for index, header in enumerate(_HEADERS)},
        }
        self._settings.insert(values)

    def delete(self, signature: Signature) -> None:
        """Two requests: the keys are read and named one by one, since clearing a prefix also takes ids that begin alike."""
        self._settings.delete(sorted(self._settings.read(prefixes=[f"signature.{signature.id}"])))

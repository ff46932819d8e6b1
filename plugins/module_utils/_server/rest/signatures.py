# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DKIM signatures over REST: made by /dkim, everything else by settings below `signature.ID.`."""

from __future__ import annotations

import typing as t

from ..._dkim_keys import read_stored_key
from ..models.dns import ALGORITHMS, Algorithm, DnsRecord, Signature
from ._call import RestCaller
from .settings import RestSettings

_WIRE_ALGORITHM: dict[Algorithm, str] = {"rsa": "Rsa", "ed25519": "Ed25519"}
#: What the server itself writes for a key of its own (crates/http/src/management/dkim.rs, 0.15.5).
_HEADERS = ("From", "To", "Date", "Subject", "Message-ID")
#: By default `rsa-DOMAIN` and `ed25519-DOMAIN` sign, and no other. Keys below this replace the rule.
_RULE = "auth.dkim.sign"
# The fields that tell an id, which holds dots itself (rsa-example.org), from what is set about it.
_FIELDS = frozenset({"domain", "selector", "algorithm", "private-key"})


class RestSignatures:
    """The port `Signatures` over REST."""

    def __init__(self, caller: RestCaller, settings: RestSettings, records: t.Callable[[str], list[DnsRecord]]) -> None:
        self._caller = caller
        self._settings = settings
        self._records = records

    def find(self, domains: t.Collection[str] = ()) -> list[Signature]:
        """One request for all, and one more a domain where only the server can read a key, since it is in a file or in its environment.

        Signatures without a domain, a selector or a known algorithm are none to the server either, and left out.
        """
        settings = self._settings.read(prefixes=["signature", _RULE])
        by_id: dict[str, dict[str, str]] = {}
        own_rule = False
        for key, value in settings.items():
            own_rule = own_rule or not key.startswith("signature.")
            identifier, field = _split(key)
            if field in _FIELDS:
                by_id.setdefault(identifier, {})[field] = value
        found = []
        for identifier, fields in sorted(by_id.items()):
            algorithm = _algorithm(fields.get("algorithm", ""))
            domain, selector = fields.get("domain", "").lower(), fields.get("selector", "")
            if algorithm is None or not domain or not selector or (domains and domain not in domains):
                continue
            private_key = fields.get("private-key", "")
            signs = None if own_rule else identifier == self.signing_id(domain, algorithm)
            public_key = self._public_key(private_key, algorithm, selector, domain)
            found.append(
                Signature(id=identifier, domain=domain, selector=selector, algorithm=algorithm, public_key=public_key, signs=signs, private_key=private_key)
            )
        return found

    def _public_key(self, private_key: str, algorithm: Algorithm, selector: str, domain: str) -> str:
        key = read_stored_key(private_key)
        if key is not None:
            return key.public_key if key.algorithm == algorithm else ""
        if "%{" in private_key:  # a macro, which the server resolves where it lists the records
            for record in self._records(domain):
                if record.name == f"{selector}._domainkey.{domain}." and f"k={algorithm};" in record.content:
                    return record.content.rpartition("p=")[2].strip()
        return ""

    def signing_id(self, domain: str, algorithm: Algorithm) -> str:
        """`auth.dkim.sign` picks `rsa-DOMAIN` and `ed25519-DOMAIN` by default, and no other."""
        return f"{algorithm}-{domain}"

    def generate(self, signature: Signature) -> None:
        """One request; refused when the id has a key, and then the server's answer holds that key."""
        body = {"id": signature.id, "algorithm": _WIRE_ALGORITHM[signature.algorithm], "domain": signature.domain, "selector": signature.selector}
        self._caller.call("POST", "dkim", resource=f"DKIM signature {signature.id!r}", body=body)

    def store(self, signature: Signature) -> None:
        """One request: the same keys that the server writes for a key of its own."""
        prefix = f"signature.{signature.id}"
        self._settings.insert(
            {
                f"{prefix}.private-key": signature.private_key,
                f"{prefix}.domain": signature.domain,
                f"{prefix}.selector": signature.selector,
                f"{prefix}.algorithm": f"{signature.algorithm}-sha256",
                f"{prefix}.canonicalization": "relaxed/relaxed",
                **{f"{prefix}.headers.{index}": header for index, header in enumerate(_HEADERS)},
                f"{prefix}.report": "false",
            }
        )

    def replace(self, signature: Signature) -> None:
        """One request, so there is no moment with the key of one and the selector of the other."""
        self._settings.insert({f"signature.{signature.id}.{field}": getattr(signature, field.replace("-", "_")) for field in ("private-key", "selector")})

    def delete(self, signature: Signature) -> None:
        """Two requests: the keys are read and named one by one. Clearing a prefix also takes ids that begin alike, and so does even
        `signature.ID.` where another id goes on after a dot."""
        keys = self._settings.read(prefixes=[f"signature.{signature.id}"])
        longer = tuple(f"signature.{other}." for other in {_split(key)[0] for key in keys if _split(key)[1] in _FIELDS} if other != signature.id)
        self._settings.delete(sorted(key for key in keys if key.startswith(f"signature.{signature.id}.") and not key.startswith(longer)))


def _split(key: str) -> tuple[str, str]:
    identifier, _dot, field = key.removeprefix("signature.").rpartition(".")
    return identifier, field


def _algorithm(stored: str) -> Algorithm | None:
    name = stored.lower().partition("-")[0]
    return next((algorithm for algorithm in ALGORITHMS if algorithm == name), None)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DKIM signatures over REST: made by /dkim, everything else by settings below `signature.ID.`."""

from __future__ import annotations

import datetime as dt
import typing as t

from ..._dkim_keys import read_stored_key
from ..._errors import Refused
from ..._times import format_time, now, parse_time
from ..models.dns import ALGORITHMS, RETIRING_SUFFIX, Algorithm, DnsRecord, Signature, stage_of
from ._call import RestCaller
from .settings import RestSettings

_WIRE_ALGORITHM: dict[Algorithm, str] = {"rsa": "Rsa", "ed25519": "Ed25519"}
#: What the server itself writes for a key of its own (crates/http/src/management/dkim.rs, 0.15.5).
_HEADERS = ("From", "To", "Date", "Subject", "Message-ID")
#: By default `rsa-DOMAIN` and `ed25519-DOMAIN` sign, and no other. Keys below this replace the rule.
_RULE = "auth.dkim.sign"
# The fields that tell an id, which holds dots itself (rsa-example.org), from what is set about it.
_FIELDS = frozenset({"domain", "selector", "algorithm", "private-key"})
# Keys of our own beside them, which servers pass over and which go with the signature: what a rotation must know.
_CREATED, _NEXT_TRANSITION, _STAGE = "created", "next-transition-at", "stage"
_OWN = frozenset({_CREATED, _NEXT_TRANSITION, _STAGE})


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
            if field in _FIELDS | _OWN:
                by_id.setdefault(identifier, {})[field] = value
        found = []
        for identifier, fields in sorted(by_id.items()):
            algorithm = _algorithm(fields.get("algorithm", ""))
            domain, selector = fields.get("domain", "").lower(), fields.get("selector", "")
            if algorithm is None or not domain or not selector or (domains and domain not in domains):
                continue
            private_key = fields.get("private-key", "")
            signing_id = self.signing_id(domain, algorithm)
            found.append(
                Signature(
                    id=identifier,
                    domain=domain,
                    selector=selector,
                    algorithm=algorithm,
                    public_key=self._public_key(private_key, algorithm, selector, domain),
                    signs=None if own_rule else identifier == signing_id,
                    private_key=private_key,
                    stage="retired" if fields.get(_STAGE) == "retired" else stage_of(identifier, signing_id),
                    created=_time(fields.get(_CREATED)),
                    next_transition=_time(fields.get(_NEXT_TRANSITION)),
                )
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

    def require_id(self, signature: Signature, found: t.Iterable[Signature]) -> None:
        """Settings keys are not told apart where one id goes on after another's dot."""
        for other in found:
            if other.id.startswith(f"{signature.id}.") or signature.id.startswith(f"{other.id}."):
                raise Refused(
                    f"id: the server would mix up {signature.id!r} and the signature {other.id!r}, since one goes on where the other ends in a dot; "
                    "choose another id."
                )

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

    def switch(self, active: Signature, pending: Signature) -> None:
        """Two requests: the settings of the active signature are read, and one write copies them aside and puts the pending key in their place."""
        prefix = f"signature.{active.id}."
        keys = self._settings.read(prefixes=[prefix.rstrip(".")])
        kept = {key: value for key, value in keys.items() if key.startswith(prefix) and _split(key)[1] not in _OWN}
        aside = {f"signature.{active.id}{RETIRING_SUFFIX}.{key.removeprefix(prefix)}": value for key, value in kept.items()}
        taken = {"private-key": pending.private_key, "selector": pending.selector, _CREATED: format_time(now()) or ""}
        self._settings.insert({**aside, **{f"{prefix}{field}": value for field, value in taken.items()}})

    def live_at_once(self) -> bool:
        """A reload brings them to life."""
        return False

    def note(self, signature: Signature) -> None:
        """One request."""
        own = {_CREATED: format_time(signature.created), _NEXT_TRANSITION: format_time(signature.next_transition)}
        values = {**own, _STAGE: signature.stage if signature.stage == "retired" else None}
        self._settings.insert({f"signature.{signature.id}.{field}": value for field, value in values.items() if value})

    def automatic(self, domains: t.Collection[str]) -> t.Collection[str]:
        """Servers of this generation make no key unasked. No request."""
        return ()

    def take_over(self, domain: str) -> None:
        """Nothing to do."""


def _split(key: str) -> tuple[str, str]:
    identifier, _dot, field = key.removeprefix("signature.").rpartition(".")
    return identifier, field


def _time(stored: str | None) -> dt.datetime | None:
    try:
        return parse_time(stored) if stored else None
    except ValueError:  # as good as unknown
        return None


def _algorithm(stored: str) -> Algorithm | None:
    name = stored.lower().partition("-")[0]
    return next((algorithm for algorithm in ALGORITHMS if algorithm == name), None)

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DKIM signatures: made by the server or imported, replaced, removed, and read."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from datetime import datetime, timezone

from .._deps import AfterValidator, BeforeValidator, Field, model_validator
from .._dkim_keys import PrivateKey, read_private_key
from .._errors import InvalidOption, NotApplied, Refused
from .._names import is_dkim_selector
from .._reconcile import plan
from .._reconcile.compare import difference
from .._reconcile.plan import Change, Mode, Outcome, apply
from .._secrets import GENERATED
from .._server.models.dns import ALGORITHMS, Algorithm, DnsRecord, Signature
from .._server.port import Server
from ._options import Options, Text, one_or_more, read, without_repeats
from .dns_records import DEFAULT_TTL, absolute_name, as_result, parse_record
from .domains import Domains, require_domains
from .reload import make_live

RESOURCE = "signature"

_ID = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.@+-]{0,250}[A-Za-z0-9_])?")


def _selector(value: str) -> str:
    if not is_dkim_selector(value.strip()):
        raise ValueError(f"{value!r} can't be a selector, which stands in a DNS name; use letters, digits and hyphens, as in 2026a")
    return value.strip().lower()


def _id(value: str) -> str:
    if _ID.fullmatch(value) is None or ".." in value:
        raise ValueError(f"{value!r} can't be the id of a signature; use letters, digits, hyphens and dots, as in rsa-example.org-next")
    return value


_Id = t.Annotated[Text, AfterValidator(_id)]


class _DkimOptions(Options):
    state: t.Literal["present", "absent"] = "present"
    domain: Domains = ()
    algorithm: t.Annotated[tuple[Algorithm, ...], BeforeValidator(one_or_more), AfterValidator(without_repeats)] = ()
    selector: t.Annotated[Text, AfterValidator(_selector)] | None = None
    id: _Id | None = None
    private_key: t.Annotated[str | None, Field(repr=False)] = None
    key_from: _Id | None = None
    replace: bool = False
    take_over: bool = False
    reload: t.Literal["auto", "never"] = "auto"

    @model_validator(mode="after")
    def _consistent(self) -> _DkimOptions:
        if self.given("algorithm") and not self.algorithm:
            raise InvalidOption("algorithm", "it is empty; give rsa, ed25519 or both, or leave it out for both.")
        if self.id is not None and (len(self.domain) > 1 or len(self.algorithm) > 1):
            raise InvalidOption("id", "one id holds one key, so it goes with one domain and one algorithm; give one of each.")
        if self.state == "absent":
            return self
        if not self.given("domain"):
            raise InvalidOption("domain", "it is missing; give the domain whose mail is to be signed.")
        if self.key_from is not None:
            for option in ("private_key", "selector"):
                if self.given(option):
                    raise InvalidOption(option, "key_from takes key and selector of another signature, so the two exclude each other; keep one.")
            if len(self.domain) > 1:
                raise InvalidOption("key_from", "a key is taken over within one domain; give one domain.")
        if self.replace and not (self.given("private_key") or self.key_from):
            raise InvalidOption("replace", "it needs the key that takes the place of the stored one; give private_key or key_from.")
        return self


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """One signature as it shall be. `selector` None: that of the stored one, or a new one. `key` None: a key of the server's making."""

    id: str
    domain: str
    algorithm: Algorithm
    selector: str | None
    public_key: str
    private_key: str = dataclasses.field(repr=False)


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Make signatures present or absent. Results: `signatures` as they are (or would be) after the task, `reloaded`."""
    wanted = read(_DkimOptions, options)
    key = _imported(wanted)
    found = {signature.id: signature for signature in server.signatures.find()}
    if wanted.state == "absent":
        after: list[Signature] = []
        removed = _to_remove(server, wanted, found)
        changes = [_delete(server, signature) for signature in removed]
    else:
        removed = []
        changes, after = _present(server, wanted, _each(server, wanted, key, found), found, mode)
    changes = [*_take_over(server, wanted, [*after, *removed], changes), *changes]
    apply(changes, mode)
    reloaded = False
    if changes and not mode.check:
        with plan.after(changes):
            after = _confirmed(server, after, removed)
            reloaded = wanted.reload == "auto" and make_live(server, mode, "the server goes on signing as before")
    return Outcome({"signatures": [_shown(signature) for signature in after], "reloaded": reloaded}, changes)


def _take_over(server: Server, wanted: _DkimOptions, signatures: t.Sequence[Signature], changes: t.Sequence[Change]) -> list[Change]:
    """What must come first on domains whose keys the server manages. Raises Refused unless that is allowed."""
    if not changes:
        return []
    managed = sorted(server.signatures.automatic(dict.fromkeys(signature.domain for signature in signatures)))
    if managed and not wanted.take_over:
        raise Refused(
            f"take_over: the server manages the DKIM keys of {', '.join(managed)} by itself, and would rotate and remove what is written here; "
            "set take_over: true to end that and keep the keys that it made, or leave these domains to the server."
        )

    def change(domain: str) -> Change:
        before, after = {"dkim_management": "automatic"}, {"dkim_management": "manual"}
        return Change("domain", domain, "take_over", before, after, lambda: server.signatures.take_over(domain))

    return [change(domain) for domain in managed]


# -- what is wanted ---------------------------------------------------------------------------------------------------


def _imported(wanted: _DkimOptions) -> PrivateKey | None:
    if wanted.private_key is None or wanted.state == "absent":
        return None
    try:
        key = read_private_key(wanted.private_key)
    except ValueError as error:
        raise InvalidOption("private_key", str(error)) from None
    if wanted.algorithm and wanted.algorithm != (key.algorithm,):
        raise InvalidOption("private_key", f"it is a key for {key.algorithm}, and algorithm is {', '.join(wanted.algorithm)}; correct or remove algorithm.")
    return key


def _each(server: Server, wanted: _DkimOptions, key: PrivateKey | None, found: t.Mapping[str, Signature]) -> list[_Wanted]:
    """The wanted signatures, in the order of the options. Raises InvalidOption and Refused."""
    source = _source(wanted, found)
    algorithms = wanted.algorithm
    if not algorithms:
        known = key or source or (found.get(wanted.id) if wanted.id else None)
        algorithms = (known.algorithm,) if known else ALGORITHMS
    if wanted.id and len(algorithms) > 1:
        raise InvalidOption("algorithm", "it is missing, and an id of its own holds one key; give rsa or ed25519.")
    if wanted.selector and len(algorithms) > 1:
        raise InvalidOption("selector", "two keys can't share a selector in one domain; give one algorithm, or leave the selector out.")
    selector = source.selector if source else wanted.selector
    public_key, private_key = (source.public_key, source.private_key) if source else (key.public_key, key.pem) if key else ("", "")
    return [
        _Wanted(wanted.id or server.signatures.signing_id(domain, algorithm), domain, algorithm, selector, public_key, private_key)
        for domain in wanted.domain
        for algorithm in algorithms
    ]


def _source(wanted: _DkimOptions, found: t.Mapping[str, Signature]) -> Signature | None:
    if wanted.key_from is None or not wanted.domain:
        return None
    source = found.get(wanted.key_from)
    if source is None:
        raise Refused(f"key_from: there is no signature {wanted.key_from!r} on the server; create it first, or correct the id.")
    if source.domain != wanted.domain[0] or (wanted.algorithm and source.algorithm not in wanted.algorithm):
        raise Refused(f"key_from: the signature {source.id!r} is one of {source.domain} with {source.algorithm}; give one of this domain and algorithm.")
    return source


# -- present ----------------------------------------------------------------------------------------------------------


def _present(
    server: Server, options: _DkimOptions, wanted: t.Sequence[_Wanted], found: t.Mapping[str, Signature], mode: Mode
) -> tuple[list[Change], list[Signature]]:
    changes: list[Change] = []
    after: list[Signature] = []
    new: list[_Wanted] = []
    for each in wanted:
        stored = found.get(each.id)
        if stored is None:
            new.append(each)
            change, signature = _create(server, each, found.values())
            changes.append(change)
        else:
            _require_same_owner(stored, each.domain, each.algorithm)
            signature = _with_key_of(stored, each)
            if _diffed(signature) != _diffed(stored):
                if not options.replace:
                    raise _second_key(options, stored, signature)
                changes.append(_replace(server, stored, signature))
        after.append(signature)
    if new:
        require_domains(server, list(dict.fromkeys(each.domain for each in new)), mode)
    for signature in after:
        # who sets a key aside by key_from knows that it does not sign
        if signature.signs is False and signature.id not in found and not options.key_from:
            signing = server.signatures.signing_id(signature.domain, signature.algorithm)
            mode.warn(f"id: the server does not sign with {signature.id!r} by default, but with {signing!r}; the key is stored and its record to be published.")
    return changes, after


def _create(server: Server, wanted: _Wanted, found: t.Collection[Signature]) -> tuple[Change, Signature]:
    in_domain = {other.selector.lower(): other for other in found if other.domain == wanted.domain}
    selector = wanted.selector or free_selector(wanted.algorithm, in_domain)
    holder = in_domain.get(selector.lower())
    if holder is not None and not (wanted.public_key and holder.public_key == wanted.public_key):
        raise Refused(
            f"selector: {selector!r} of {wanted.domain} belongs to the signature {holder.id!r}, and a selector can't publish two keys; choose another one."
        )
    # A rule of the server's own holds for all signatures alike.
    signing_id = server.signatures.signing_id(wanted.domain, wanted.algorithm)
    signs = None if any(other.signs is None for other in found) else wanted.id == signing_id
    signature = Signature(
        id=wanted.id,
        domain=wanted.domain,
        selector=selector,
        algorithm=wanted.algorithm,
        public_key=wanted.public_key or GENERATED,
        signs=signs,
        private_key=wanted.private_key,
    )
    server.signatures.require_id(signature, found)
    # a key taken over may be one that only the server can read
    write = server.signatures.store if wanted.public_key else server.signatures.generate
    return Change(RESOURCE, signature.id, "create", None, _diffed(signature), lambda: write(signature)), signature


def free_selector(algorithm: Algorithm, taken: t.Collection[str]) -> str:
    """As servers name them, year, month and the algorithm's first letter; numbered above those of the month that there are.

    A lower number that is free may have been used: resolvers would hold the old key under it for a while.
    """
    first = f"{datetime.now(timezone.utc):%Y%m}{algorithm[0]}"
    used = [int(rest or "1") for name in taken if name.startswith(first) and ((rest := name[len(first) :]) == "" or rest.isdecimal())]
    return f"{first}{max(used) + 1}" if used else first


def _replace(server: Server, stored: Signature, signature: Signature) -> Change:
    return Change(RESOURCE, signature.id, "replace", *difference(_diffed(stored), _diffed(signature)), lambda: server.signatures.replace(signature))


def _require_same_owner(stored: Signature, domain: str, algorithm: str) -> None:
    if (stored.domain, stored.algorithm) != (domain, algorithm):
        raise Refused(f"id: the signature {stored.id!r} is one of {stored.domain} with {stored.algorithm}; choose another id for {domain} with {algorithm}.")


def _with_key_of(stored: Signature, wanted: _Wanted) -> Signature:
    given = wanted.private_key or wanted.public_key
    update = {"public_key": wanted.public_key, "private_key": wanted.private_key} if given else {}
    if wanted.selector and wanted.selector.lower() != stored.selector.lower():
        update["selector"] = wanted.selector
    return stored.model_copy(update=update)


def _second_key(options: _DkimOptions, stored: Signature, wanted: Signature) -> Refused:
    if options.key_from:
        return Refused(
            f"key_from: the signature {stored.id!r} has another key already (selector {stored.selector!r}); "
            f"set replace: true to put that of {options.key_from!r} in its place, once its record is published."
        )
    option, what = ("selector", f"a key with the selector {stored.selector!r}") if wanted.selector != stored.selector else ("private_key", "another key")
    return Refused(
        f"{option}: the signature {stored.id!r} has {what} already, and an id holds one key; to rotate, create the next key under another id "
        f"(id: {stored.id}-next), publish its record, then let it take over (key_from: {stored.id}-next, replace: true)."
    )


# -- absent -----------------------------------------------------------------------------------------------------------


def _to_remove(server: Server, wanted: _DkimOptions, found: t.Mapping[str, Signature]) -> list[Signature]:
    """The signatures that the options name. Without id and selector those that sign by default, as when they were made."""
    if wanted.id is None and not wanted.given("domain"):
        raise InvalidOption("domain", "it is missing; give the domain or the id of what is to be removed.")
    signatures = list(found.values())
    if wanted.id is not None:
        signatures = [signature for signature in signatures if signature.id == wanted.id]
        for signature in signatures:
            _require_same_owner(signature, *(wanted.domain or (signature.domain,)), *(wanted.algorithm or (signature.algorithm,)))
    else:
        signatures = [signature for signature in signatures if signature.domain in wanted.domain]
        if wanted.algorithm:
            signatures = [signature for signature in signatures if signature.algorithm in wanted.algorithm]
        if wanted.selector is None:
            signatures = [signature for signature in signatures if signature.id == server.signatures.signing_id(signature.domain, signature.algorithm)]
    if wanted.selector is not None:
        signatures = [signature for signature in signatures if signature.selector.lower() == wanted.selector]
    return signatures


def _delete(server: Server, signature: Signature) -> Change:
    return Change(RESOURCE, signature.id, "delete", _diffed(signature), None, lambda: server.signatures.delete(signature))


# -- what came of it --------------------------------------------------------------------------------------------------


def _confirmed(server: Server, after: t.Sequence[Signature], removed: t.Sequence[Signature]) -> list[Signature]:
    """The signatures as the server has them now. Raises NotApplied where it took something and did not do it."""
    now = {signature.id: signature for signature in server.signatures.find({signature.domain for signature in (*after, *removed)})}
    for signature in removed:
        if signature.id in now:
            raise NotApplied(f"the server answered success, but the signature {signature.id!r} is still there; another run may have created it again.")
    for signature in after:
        stored = now.get(signature.id)
        if stored is None:
            raise NotApplied(f"the server answered success, but there is no signature {signature.id!r} now; another run may have removed it.")
        expected = _diffed(signature) if signature.public_key != GENERATED else {**_diffed(signature), "public_key": stored.public_key or None}
        different, _other = difference(expected, _diffed(stored))
        if different:
            raise NotApplied(f"the server answered success for the signature {signature.id!r}, but has other values now of: {', '.join(sorted(different))}.")
    return [now[signature.id] for signature in after]


def _diffed(signature: Signature) -> dict[str, t.Any]:
    return {
        "domain": signature.domain,
        "algorithm": signature.algorithm,
        "selector": signature.selector,
        "public_key": signature.public_key or None,
    }


def _shown(signature: Signature) -> dict[str, t.Any]:
    """As a task returns it: with the record to be published, without the private key."""
    return {"id": signature.id, **_diffed(signature), "signs": signature.signs, "record": record_of(signature)}


def record_of(signature: Signature, ttl: int = DEFAULT_TTL) -> dict[str, t.Any] | None:
    """The record in the form of dns_records_info, with the content that the server lists itself; None where the key can't be read."""
    if not signature.public_key:
        return None
    content = f"v=DKIM1; k={signature.algorithm}; h=sha256; p={signature.public_key}" if signature.public_key != GENERATED else GENERATED
    apex = absolute_name(signature.domain)
    source = DnsRecord(type="TXT", name=f"{signature.selector}._domainkey.{apex}", content=content)
    return as_result(parse_record(source, zone=apex, domain=apex, ttl=ttl))


# -- reading ----------------------------------------------------------------------------------------------------------


class _InfoOptions(Options):
    domain: Domains = ()


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """The signatures of some domains, or of all. Results: `signatures`, `total`."""
    wanted = read(_InfoOptions, options)
    # an empty list asks for the signatures of no domain, not of all
    found = [] if wanted.given("domain") and not wanted.domain else server.signatures.find(wanted.domain)
    return Outcome({"signatures": [_shown(signature) for signature in found], "total": len(found)})

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DKIM signatures as objects of the server, which has neither ids of ours for them nor shows their private keys.

So an id is read off the object: `ALGORITHM-DOMAIN` is the key in the stage "active", the one that signs; `ALGORITHM-DOMAIN-next` the
"pending" one, `ALGORITHM-DOMAIN-old` the "retiring" one, and `ALGORITHM-DOMAIN-SELECTOR` any other. A key can't be copied, since it can't be
read; where one has several ids (an old key set aside before another takes over), the object's next transition is a moment long past whose
seconds tell the others. The server acts on that moment only where it manages the keys itself, and there no task of ours writes.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from ..._dkim_keys import new_private_key
from ..._errors import NotFound, Refused, StalwartError
from ..._times import format_time, parse_time
from ..models.dns import Algorithm, Signature, Stage, stage_of
from ._call import Find, JmapCaller, Object, Write

_ALGORITHMS: dict[str, Algorithm] = {"Dkim1RsaSha256": "rsa", "Dkim1Ed25519Sha256": "ed25519"}
_TYPES: dict[Algorithm, str] = {algorithm: name for name, algorithm in _ALGORITHMS.items()}
_PROPERTIES = ("@type", "domainId", "selector", "stage", "nextTransitionAt", "createdAt", "publicKey")
#: In this order they get their ids.
_STAGES: tuple[Stage, ...] = ("active", "pending", "retiring", "retired")

#: What a key can be known as: the one that signs, the next one, an old one, or by its selector.
_SIGNING, _NEXT, _OLD, _BY_SELECTOR = "", "next", "old", "*"
_STAGE_ROLE: dict[Stage, str] = {"active": _SIGNING, "pending": _NEXT, "retiring": _OLD, "retired": _OLD}
_MARKS = {_NEXT: 1, _OLD: 2, _BY_SELECTOR: 4}
_MARK = "2000-01-01T00:00:0"

_Roles = frozenset[str]


@dataclasses.dataclass(frozen=True)
class _Key:
    """One object, the ids by which it is known, and in which role each."""

    object_id: str
    domain: str
    algorithm: Algorithm
    selector: str
    public_key: str
    stage: Stage
    created: dt.datetime | None
    next_transition: dt.datetime | None
    ids: t.Mapping[str, str]

    def holds(self, signature: Signature) -> bool:
        return (self.algorithm, self.public_key, self.selector.lower()) == (signature.algorithm, signature.public_key, signature.selector.lower())

    def roles(self, *, without: str = "") -> _Roles:
        return frozenset(role for identifier, role in self.ids.items() if identifier != without)


class JmapSignatures:
    """The port `Signatures` over JMAP."""

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller

    def find(self, domains: t.Collection[str] = ()) -> list[Signature]:
        """One request for all, two for some domains. Signatures of DKIM2 are others, and left out."""
        found = [_signature(key, identifier, self.signing_id(key.domain, key.algorithm)) for key in self._keys(domains) for identifier in key.ids]
        return sorted(found, key=lambda signature: signature.id)

    def signing_id(self, domain: str, algorithm: Algorithm) -> str:
        """By convention: the server signs with every active key."""
        return f"{algorithm}-{domain}"

    def require_id(self, signature: Signature, found: t.Iterable[Signature]) -> None:
        """An id must say what the object will."""
        base = self.signing_id(signature.domain, signature.algorithm)
        if _role(signature) is None:
            raise Refused(
                f"id: servers since 0.16 keep no ids of signatures, so {signature.id!r} can't be found again; use {base} for the key that signs, "
                f"{base}-next for the next one, {base}-old for an old one, or {base}-{signature.selector} for any other with this selector."
            )

    def automatic(self, domains: t.Collection[str]) -> t.Collection[str]:
        """One request."""
        found = self._caller.read(*(Find("Domain", {"name": domain}, ("name", "dkimManagement"), f"domain {domain!r}") for domain in domains))
        return [str(each["name"]) for objects in found for each in objects if (each.get("dkimManagement") or {}).get("@type") == "Automatic"]

    def take_over(self, domain: str) -> None:
        """Two requests. The keys stay as they are."""
        self._caller.update("Domain", self._domain_id(domain), {"dkimManagement": {"@type": "Manual"}}, resource=f"domain {domain!r}")

    def generate(self, signature: Signature) -> None:
        """The key is made here, since the server makes none when asked."""
        self.store(signature.model_copy(update={"private_key": new_private_key(signature.algorithm).pem}))

    def store(self, signature: Signature) -> None:
        """Two requests or three. Without a private key it is another id for a key that the server has."""
        role = self._required_role(signature)
        if signature.private_key:
            self._write(signature, [], self._new(signature, frozenset({role})))
            return
        holder = self._holder(signature, self._keys([signature.domain]))
        self._write(signature, [(holder, holder.roles() | {role})])

    def replace(self, signature: Signature) -> None:
        """Two requests or three; with another object's key, that one is made active first, so that there is no moment without a key."""
        keys = self._keys([signature.domain])
        present = next((key for key in keys if signature.id in key.ids), None)
        if present is None:
            raise NotFound("there is no such signature", request="POST /jmap x:DkimSignature/set").about(_named(signature))
        role, rest = present.ids[signature.id], present.roles(without=signature.id)
        if not signature.private_key:
            holder = self._holder(signature, keys)
            if holder is not present:
                self._write(signature, [(holder, holder.roles() | {role}), (present, rest)])
            return
        if rest:
            self._write(signature, [(present, rest)], self._new(signature, frozenset({role})))
            return
        patch = {"privateKey": _secret(signature), "selector": signature.selector}
        self._caller.update("DkimSignature", present.object_id, patch, resource=_named(signature))

    def delete(self, signature: Signature) -> None:
        """Two requests. The object goes with its last id."""
        for key in self._keys([signature.domain]):
            if signature.id in key.ids:
                self._write(signature, [(key, key.roles(without=signature.id))])

    def switch(self, active: Signature, pending: Signature) -> None:
        """Three requests. The pending key is made active first, within the same call."""
        keys = {identifier: key for key in self._keys([active.domain]) for identifier in key.ids}
        if active.id not in keys or pending.id not in keys:
            raise NotFound("there is no such signature any more", request="POST /jmap x:DkimSignature/get").about(_named(pending))
        self._write(pending, [(keys[pending.id], frozenset({_SIGNING})), (keys[active.id], frozenset({_OLD}))])

    def live_at_once(self) -> bool:
        """Measured: mail is signed with a key as soon as it is written."""
        return True

    def note(self, signature: Signature) -> None:
        """Three requests. The server knows itself when a key was made."""
        key = next((key for key in self._keys([signature.domain]) if signature.id in key.ids), None)
        if key is None:
            raise NotFound("there is no such signature any more", request="POST /jmap x:DkimSignature/get").about(_named(signature))
        patch: dict[str, t.Any] = {"stage": signature.stage} if signature.stage and signature.stage != key.stage else {}
        if signature.next_transition != key.next_transition:
            patch["nextTransitionAt"] = format_time(signature.next_transition)
        if patch:
            self._caller.update("DkimSignature", key.object_id, patch, resource=_named(signature))

    # Reading

    def _keys(self, domains: t.Collection[str]) -> list[_Key]:
        if domains:
            found = self._caller.read(*(Find("Domain", {"name": domain}, ("name",), f"domain {domain!r}") for domain in domains))
            names = {str(each["id"]): str(each["name"]) for objects in found for each in objects}
            finds = [Find("DkimSignature", {"domainId": each}, _PROPERTIES, f"DKIM signatures of {name!r}") for each, name in names.items()]
            objects = [each for part in self._caller.read(*finds) for each in part]
        else:
            signatures, all_domains = self._caller.read(
                Find("DkimSignature", properties=_PROPERTIES, resource="DKIM signatures"), Find("Domain", properties=("name",), resource="domains")
            )
            objects, names = signatures, {str(each["id"]): str(each["name"]) for each in all_domains}
        known = [each for each in objects if each.get("@type") in _ALGORITHMS and each.get("domainId") in names]
        taken: set[str] = set()
        # of two that could have one id, the one further on in its life gets another
        return [_key(each, names[each["domainId"]], taken) for each in sorted(known, key=lambda each: _STAGES.index(_stage(each)))]

    def _holder(self, signature: Signature, keys: t.Sequence[_Key]) -> _Key:
        holder = next((key for key in keys if key.holds(signature)), None)
        if holder is None:
            raise NotFound("the server has no such key any more", request="POST /jmap x:DkimSignature/get").about(_named(signature))
        return holder

    def _domain_id(self, domain: str) -> str:
        found = self._caller.find("Domain", {"name": domain}, properties=("name",), resource=f"domain {domain!r}")
        if not found:
            raise Refused(f"domain {domain!r}: it is not on the server; create it first.")
        return str(found[0]["id"])

    # Writing

    def _required_role(self, signature: Signature) -> str:
        self.require_id(signature, ())
        return t.cast(str, _role(signature))

    def _new(self, signature: Signature, roles: _Roles) -> Object:
        return {
            "@type": _TYPES[signature.algorithm],
            "domainId": self._domain_id(signature.domain),
            "selector": signature.selector,
            "privateKey": _secret(signature),
            # as with keys that servers up to 0.15 make
            "report": False,
            **_staged(roles),
        }

    def _write(self, signature: Signature, assigned: t.Sequence[tuple[_Key, _Roles]], new: Object | None = None) -> None:
        resource = _named(signature)
        writes = [Write("DkimSignature", "create", "new", new, resource)] if new else []
        writes += [Write("DkimSignature", "update", key.object_id, _staged(roles), resource) for key, roles in assigned if roles]
        writes += [Write("DkimSignature", "destroy", key.object_id, None, resource) for key, roles in assigned if not roles]
        for result in self._caller.set(writes):
            if isinstance(result, StalwartError):
                raise result


def _named(signature: Signature) -> str:
    return f"DKIM signature {signature.id!r}"


def _secret(signature: Signature) -> dict[str, str]:
    return {"@type": "Text", "secret": signature.private_key}


def _role(signature: Signature) -> str | None:
    """What the id says; None where it says nothing that the object could."""
    base, suffix = signature.id[: (end := len(f"{signature.algorithm}-{signature.domain}"))], signature.id[end:]
    if base != f"{signature.algorithm}-{signature.domain}":
        return None
    if not suffix:
        return _SIGNING
    name = suffix.removeprefix("-")
    if name in (_NEXT, _OLD):
        return name
    return _BY_SELECTOR if name.lower() == signature.selector.lower() and suffix != name else None


def _staged(roles: _Roles) -> dict[str, t.Any]:
    """The stage and the mark that say so."""
    stage: Stage = "active" if _SIGNING in roles else "retiring" if _OLD in roles and _NEXT not in roles else "pending"
    others = roles - {_STAGE_ROLE[stage]}
    if not others:
        return {"stage": stage, "nextTransitionAt": None}
    return {"stage": stage, "nextTransitionAt": f"{_MARK}{sum(_MARKS[role] for role in roles if role in _MARKS)}Z"}


def _stage(found: Object) -> Stage:
    return found["stage"] if found.get("stage") in _STAGES else "retired"


def _is_marked(found: Object) -> bool:
    return str(found.get("nextTransitionAt") or "").startswith(_MARK)


def _roles(found: Object) -> list[str]:
    role = _STAGE_ROLE[_stage(found)]
    if not _is_marked(found):
        return [role]
    bits = int(str(found["nextTransitionAt"]).removeprefix(_MARK)[:1])
    marked = [each for each, bit in _MARKS.items() if bits & bit]
    return [_SIGNING, *marked] if role == _SIGNING else marked or [role]


def _key(found: Object, domain: str, taken: set[str]) -> _Key:
    """`taken` are the ids of those before it, to which this one's are added: no two keys share one."""
    algorithm, selector = _ALGORITHMS[found["@type"]], str(found.get("selector") or "")
    base = f"{algorithm}-{domain}"
    ids: dict[str, str] = {}
    for role in _roles(found):
        identifier = base if role == _SIGNING else f"{base}-{selector}" if role == _BY_SELECTOR else f"{base}-{role}"
        if identifier in taken:
            identifier, role = f"{base}-{selector}", _BY_SELECTOR
        if identifier in taken:
            identifier = f"{base}-{selector}-{found['id']}"
        ids[identifier] = role
        taken.add(identifier)
    return _Key(
        object_id=str(found["id"]),
        domain=domain,
        algorithm=algorithm,
        selector=selector,
        public_key=str(found.get("publicKey") or ""),
        stage=_stage(found),
        created=_time(found.get("createdAt")),
        next_transition=None if _is_marked(found) else _time(found.get("nextTransitionAt")),
        ids=ids,
    )


def _signature(key: _Key, identifier: str, signing_id: str) -> Signature:
    return Signature(
        id=identifier,
        domain=key.domain,
        selector=key.selector,
        algorithm=key.algorithm,
        public_key=key.public_key,
        # one beside the active key of the usual id signs too; other ids of that key do not
        signs=key.stage == "active" and (identifier == signing_id or signing_id not in key.ids),
        stage="retired" if key.stage == "retired" else stage_of(identifier, signing_id),
        created=key.created,
        next_transition=key.next_transition,
    )


def _time(text: t.Any) -> dt.datetime | None:
    return parse_time(str(text)) if text else None

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing principals: in which order, what stands at other objects, and why the server refused."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..._errors import AlreadyExists, InUse, InvalidRequest, NotApplied, StalwartError
from ..models.principal import Principal, PrincipalWrite
from ._call import Find, JmapCaller, Write
from .principal_keys import PrincipalKeys
from .principal_names import PrincipalNames
from .principal_roles import RoleNames
from .principal_types import MAILBOXES, NAMING, WIRE, WORDS, label_of, pointer
from .principal_values import PrincipalValues, referred, with_edits

_ACTIONS: dict[str, t.Literal["create", "update", "destroy"]] = {"create": "create", "update": "update", "delete": "destroy"}
_FOREIGN_KEY = re.compile(r"(?<=^invalidForeignKey: )(\w+) (\w+)")


@dataclasses.dataclass
class _Patches:
    """Patches of other objects than the one that is written, merged by object, with the writes that each serves."""

    by_object: dict[tuple[str, str], dict[str, t.Any]] = dataclasses.field(default_factory=dict)
    serves: dict[tuple[str, str], set[int]] = dataclasses.field(default_factory=dict)

    def add(self, position: int, wire: str, object_id: str, pointer: str, value: t.Any) -> None:
        self.by_object.setdefault((wire, object_id), {})[pointer] = value
        self.serves.setdefault((wire, object_id), set()).add(position)


class PrincipalWriter:
    """Writes principals together: first what refers to those that go, then the objects themselves, then what stands at others."""

    def __init__(self, caller: JmapCaller, names: PrincipalNames, roles: RoleNames, keys: PrincipalKeys) -> None:
        self._caller = caller
        self._names = names
        self._roles = roles
        self._keys = keys
        self._values = PrincipalValues(names, roles)

    def write(self, writes: t.Sequence[PrincipalWrite]) -> list[str | StalwartError]:
        """As the port says; one call at a time."""
        results: list[str | StalwartError] = [""] * len(writes)
        made: set[int] = set()
        try:
            self._learn(writes)
            self._release(writes, results)
            own, origin = self._own_writes(writes, results)
        except StalwartError as error:
            return [error] * len(writes)
        for position, answer in zip(origin, self._caller.set(own), strict=True):
            if isinstance(answer, StalwartError):
                results[position] = self._explained(writes[position], answer) or ""
            else:
                made.add(position)
                if answer and writes[position].action == "create":
                    self._remember(writes[position].principal, str(answer["id"]))
        patches = _Patches()
        for position, write in enumerate(writes):
            self._go_on(results, position, lambda write=write, position=position: self._collect(write, position, patches))  # type: ignore[misc]
        self._send(patches, results)
        for position, write in enumerate(writes):
            self._go_on(results, position, lambda write=write: self._keys.settle(write))  # type: ignore[misc]
        for position in made:
            if isinstance(failure := results[position], StalwartError):
                about = f"{label_of(writes[position].principal)}: it is written, but not what stands about it elsewhere"
                results[position] = NotApplied(f"{about}: {failure}", changed=True)
        self._forget(writes)
        return results

    @staticmethod
    def _go_on(results: list[str | StalwartError], position: int, step: t.Callable[[], str | None]) -> None:
        """The next step of a write that has not failed."""
        if not isinstance(results[position], StalwartError):
            try:
                results[position] = step() or ""
            except StalwartError as error:
                results[position] = error

    def _remember(self, principal: Principal, object_id: str) -> None:
        """Something new, which the next write may name."""
        self._names.remember(principal, object_id)
        if principal.type == "role":
            self._roles.forget()

    def _forget(self, writes: t.Sequence[PrincipalWrite]) -> None:
        """What has changed is read again when it is needed."""
        for write in writes:
            if write.action != "create":
                self._names.forget(WIRE[write.principal.type], write.principal.name)
            if write.principal.type == "role":
                self._roles.forget()

    def _learn(self, writes: t.Sequence[PrincipalWrite]) -> None:
        """Find the ids of everything that the writes are about or name, and what of it must be known, in a few requests."""
        wanted: dict[tuple[str, str], None] = {}
        for write in writes:
            if write.principal.type == "api_key":
                continue
            if write.action != "create":
                wanted[(WIRE[write.principal.type], write.principal.name)] = None
                if write.action == "update" or write.principal.type in ("group", "list"):
                    wanted.update(dict.fromkeys(referred(write.principal)))
            if write.action != "delete":
                wanted.update(dict.fromkeys(referred(with_edits(write))))
        self._names.learn(wanted)
        self._names.complete(write.principal for write in writes if write.action == "update")

    def _release(self, writes: t.Sequence[PrincipalWrite], results: list[str | StalwartError]) -> None:
        """Take what is to be deleted out of groups, lists and catch-alls, which the server would not do."""
        gone = {position: write.principal for position, write in enumerate(writes) if write.action == "delete"}
        mailboxes = {principal.name: position for position, principal in gone.items() if principal.type in MAILBOXES}
        groups = {position: self._names.known("Account", principal.name) for position, principal in gone.items() if principal.type == "group"}
        if not mailboxes:
            return
        patches = _Patches()
        finds = [Find("MailingList", {}, (*NAMING["MailingList"], "recipients"))]
        finds += [Find("Account", {"memberGroupIds": group.id}, NAMING["Account"]) for group in groups.values() if group is not None]
        found = self._caller.read(*finds)
        for each in found[0]:
            for recipient in mailboxes.keys() & (each.get("recipients") or {}).keys():
                patches.add(mailboxes[recipient], "MailingList", str(each["id"]), pointer("recipients", recipient), None)
        of_groups = [(position, group) for position, group in groups.items() if group is not None]
        for (position, group), members in zip(of_groups, found[1:], strict=True):
            for each in members:
                patches.add(position, "Account", str(each["id"]), pointer("memberGroupIds", group.id), None)
        held = {address.rpartition("@")[2] for principal in gone.values() for address in (principal.name, *principal.emails)}
        domains = {known.id for name in held if (known := self._names.known("Domain", name)) is not None}
        for domain, value in self._caller.get("Domain", domains, properties=NAMING["Domain"]).items():
            if value.get("catchAllAddress") in mailboxes:
                patches.add(mailboxes[value["catchAllAddress"]], "Domain", domain, "catchAllAddress", None)
        self._send(patches, results)

    def _own_writes(self, writes: t.Sequence[PrincipalWrite], results: list[str | StalwartError]) -> tuple[list[Write], list[int]]:
        """The writes of the objects themselves, and which of the given ones each is."""
        made: list[tuple[int, Write]] = []
        for position, write in enumerate(writes):
            kind, name = write.principal.type, write.principal.name
            if kind == "api_key" or isinstance(results[position], StalwartError):
                continue
            try:
                value: dict[str, t.Any] | None = None
                if write.action == "create":
                    value = self._values.new(write.principal)
                elif write.action == "update":
                    value = self._values.patch(write)
                    if not value:
                        continue
                key = f"new{position}" if write.action == "create" else self._names.id(WIRE[kind], name)
                made.append((position, Write(WIRE[kind], _ACTIONS[write.action], key, value, label_of(write.principal))))
            except StalwartError as error:
                results[position] = error
        made.sort(key=lambda each: each[1].type)  # neighbours of one type go in one call
        return [write for _position, write in made], [position for position, _write in made]

    def _collect(self, write: PrincipalWrite, position: int, patches: _Patches) -> None:
        """What stands at other objects: lists, catch-alls, members of groups and of roles."""
        principal, kind = write.principal, write.principal.type
        if write.action == "delete" or kind in ("domain", "tenant", "oauth_client", "api_key"):
            return
        after = with_edits(write)
        empty = Principal(name=after.name, type=kind)
        before = principal if write.action == "update" else empty
        renamed = before.name != after.name
        if kind in ("individual", "group"):
            old, new = set(before.lists), set(after.lists)
            for name in old | new if renamed else old ^ new:
                list_id = self._names.id("MailingList", name)
                if name in old and (renamed or name not in new):
                    patches.add(position, "MailingList", list_id, pointer("recipients", before.name), None)
                if name in new:
                    patches.add(position, "MailingList", list_id, pointer("recipients", after.name), True)
            if renamed:
                for each in self._caller.find("MailingList", properties=(*NAMING["MailingList"], "recipients")):
                    if before.name in (each.get("recipients") or {}) and not old | new:
                        patches.add(position, "MailingList", str(each["id"]), pointer("recipients", before.name), None)
                        patches.add(position, "MailingList", str(each["id"]), pointer("recipients", after.name), True)
        if kind in MAILBOXES:
            old, new = ({address[1:] for address in each.emails if address.startswith("@")} for each in (before, after))
            for domain in old - new:
                patches.add(position, "Domain", self._names.id("Domain", domain), "catchAllAddress", None)
            for domain in new if renamed else new - old:
                patches.add(position, "Domain", self._names.id("Domain", domain), "catchAllAddress", after.name)
        if kind in ("group", "role"):
            own_id = self._names.id(WIRE[kind], before.name if write.action == "update" else after.name)
            for name in set(before.members) ^ set(after.members):
                value = True if name in after.members else None
                if kind == "group":
                    patches.add(position, "Account", self._names.id("Account", name), pointer("memberGroupIds", own_id), value)
                else:
                    (role,) = self._roles.ids([name])
                    patches.add(position, "Role", role, pointer("roleIds", own_id), value)

    def _send(self, patches: _Patches, results: list[str | StalwartError]) -> None:
        """Send the patches of others; where one is refused, so are the writes that it serves."""
        places = list(patches.by_object)
        writes = [Write(wire, "update", object_id, patches.by_object[wire, object_id], WORDS[wire]) for wire, object_id in places]
        for place, answer in zip(places, self._caller.set(writes), strict=True):
            if isinstance(answer, StalwartError):
                for position in patches.serves[place]:
                    if not isinstance(results[position], StalwartError):
                        results[position] = answer

    def _explained(self, write: PrincipalWrite, error: StalwartError) -> StalwartError | None:
        """The error with names for ids, or nothing where what stood in the way could be removed."""
        try:
            return self._with_names(write, error)
        except StalwartError:
            return error  # whose own words must do

    def _with_names(self, write: PrincipalWrite, error: StalwartError) -> StalwartError | None:
        """A domain goes with its keys; anything else that is in use stays. Names who uses it, and who has what was to be given."""
        if isinstance(error, InvalidRequest) and (broken := _FOREIGN_KEY.search(error.words)):
            wire, object_id = broken.groups()
            found = self._names.fetch(wire, [object_id]) if wire in NAMING else []
            if found:
                told = f"{found[0].kind.replace('_', ' ')} {self._names.name(found[0])!r}, which is not of the same tenant, or not of the right type"
                error.words = f"{error.words[: broken.start()]}{told}{error.words[broken.end() :]}"
            return error
        if isinstance(error, AlreadyExists) and error.holder[0] in ("Account", "MailingList"):
            wire, object_id = error.holder
            found = self._names.fetch(wire, [object_id])
            if found:
                error.words = f"{error.words}: an address of it is one of the {found[0].kind} {self._names.name(found[0])!r}"
            return error
        if not isinstance(error, InUse) or write.action != "delete":
            return error
        kinds = {wire for wire, _id in error.linked}
        if write.principal.type == "domain" and kinds == {"DkimSignature"}:
            keys = [Write("DkimSignature", "destroy", key, None, label_of(write.principal)) for _wire, key in error.linked]
            again = Write("Domain", "destroy", self._names.id("Domain", write.principal.name), None, label_of(write.principal))
            return next((each for each in self._caller.set([*keys, again]) if isinstance(each, StalwartError)), None)
        users = []
        for wire in NAMING:
            found = self._names.fetch(wire, [key for of, key in error.linked[:5] if of == wire])
            users += [f"{each.kind.replace('_', ' ')} {self._names.name(each)!r}" for each in found]
        if users:
            error.words = f"{error.words}: {', '.join(users)}; remove it there first"
        return error

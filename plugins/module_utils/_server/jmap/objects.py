# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of any type over JMAP: found, written, and referred to by names."""

from __future__ import annotations

import collections
import contextlib
import functools
import typing as t

from ..._errors import AlreadyExists, NotFound, PartlyDone, PermissionDenied, Refused, StalwartError, UnexpectedAnswer
from ..models.objects import VARIANT, CreatedObject, Edit, FoundObject, ObjectType, ValueType
from ._call import SINGLETON, Find, JmapCaller, Object, Write
from ._values import Lookup, decode_object, encode, encode_object
from .schema import Catalogue, catalogue_of

#: Types whose label no two objects share, so that one can be named without reading all.
_UNIQUE = frozenset({"Account", "Domain", "MailingList", "OAuthClient"})
_SORTS = {"QueuedMessage": "due", "Task": "due", "ClusterNode": "nodeId"}
_GROUP = "Account/Group"


class JmapObjects:
    """The objects of a server of 0.16 or later."""

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller
        # type -> id -> name, and the types of which all names were read
        self._names: dict[str, dict[str, str]] = collections.defaultdict(dict)
        self._complete: set[str] = set()

    @functools.cached_property
    def _catalogue(self) -> Catalogue:
        return catalogue_of(self._caller)

    def type_names(self) -> list[str]:
        """From the schema."""
        return self._catalogue.names

    def type(self, name: str) -> ObjectType | None:
        """From the schema."""
        return self._catalogue.type(name)

    # Reading

    def find(self, wanted: ObjectType, where: t.Mapping[str, t.Any] | None = None, *, account: str = "") -> list[FoundObject]:
        """Two requests at most while there are no references to name. Only the exact filters of the type narrow."""
        return self.find_all([(wanted, where or {})], account=account)[0]

    def find_all(self, finds: t.Sequence[tuple[ObjectType, t.Mapping[str, t.Any]]], *, account: str = "") -> list[list[FoundObject]]:
        """As `find`, for several types in as few requests as the server allows."""
        try:
            return self._find_all(finds, account)
        except (PermissionDenied, UnexpectedAnswer):
            self._require_account([wanted for wanted, _where in finds if wanted.owned], account)
            raise

    def _require_account(self, owned: t.Sequence[ObjectType], account: str) -> None:
        """Raise Refused where this is what the server meant: objects of the login's own account, of which it has none."""
        if owned and not account and self._caller.account_id not in self._caller.get("Account", [self._caller.account_id], properties=("name",)):
            raise Refused(
                f"account: {owned[0].name} belongs to an account, and this login has none (it is the server's recovery administrator); name the account."
            )

    def _find_all(self, finds: t.Sequence[tuple[ObjectType, t.Mapping[str, t.Any]]], account: str) -> list[list[FoundObject]]:
        account_id = self._account_id(account)
        found: list[list[Object]] = [[] for _each in finds]
        places: list[int] = []
        asked: list[Find] = []
        for position, (wanted, where) in enumerate(finds):
            if wanted.singleton:
                continue
            try:
                narrow = self._filter(wanted, where)
            except NotFound:
                continue  # what refers to nothing there is not there
            places.append(position)
            asked.append(Find(wanted.name, narrow, resource=wanted.name, sort=_SORTS.get(wanted.name, "id"), account=account_id))
        for position, objects in zip(places, self._caller.read(*asked) if asked else [], strict=True):
            found[position] = objects
        singletons = self._caller.singletons([wanted.name for wanted, _where in finds if wanted.singleton], account=account_id)
        for position, (wanted, _where) in enumerate(finds):
            if wanted.singleton:
                found[position] = [singletons[wanted.name]]
        return self._read([(wanted, objects) for (wanted, _where), objects in zip(finds, found, strict=True)])

    def matching(self, wanted: ObjectType, filter: t.Mapping[str, t.Any], *, account: str = "") -> list[FoundObject]:
        """With a filter of the server's own, in its words."""
        find = Find(wanted.name, filter, resource=wanted.name, sort=_SORTS.get(wanted.name, "id"), account=self._account_id(account))
        return self._read([(wanted, self._caller.read(find)[0])])[0]

    def get(self, wanted: ObjectType, ids: t.Collection[str], *, account: str = "") -> list[FoundObject]:
        """In the order of the ids."""
        objects = self._caller.get(wanted.name, ids, resource=wanted.name, account=self._account_id(account))
        return self._read([(wanted, [objects[each] for each in ids if each in objects])])[0]

    def users(self, wanted: ObjectType, object_id: str) -> list[tuple[str, str]]:
        """A few requests: all objects are read that may refer to it, with no more of them than that. Without what this login may not look at."""
        finds = []
        for kind in filter(None, map(self.type, self.type_names())):
            links = [name for name, prop in kind.shape.all.items() if _refers(prop.type, wanted.name, set())]
            if links and not kind.owned and not kind.elsewhere:
                finds.append((kind, Find(kind.name, properties=(VARIANT, *links), resource=kind.name, sort=_SORTS.get(kind.name, "id"))))
        several = [(kind, find) for kind, find in finds if not kind.singleton]
        found = list(zip([kind for kind, _find in several], self._caller.read_allowed(*(find for _kind, find in several))[0] if several else [], strict=True))
        for kind, find in finds:
            if kind.singleton:
                with contextlib.suppress(PermissionDenied):
                    found.append((kind, [self._caller.singleton(kind.name, properties=find.properties)]))
        users = []
        for kind, objects in found:
            for each in objects:
                if (wanted.name, object_id) in _referred(kind, each) and (kind.name, each["id"]) != (wanted.name, object_id):
                    users.append((kind.name, str(each["id"])))
        return users

    def _read(self, objects: t.Sequence[tuple[ObjectType, t.Sequence[Object]]]) -> list[list[FoundObject]]:
        references: dict[str, set[str]] = collections.defaultdict(set)

        def note(target: str, object_id: str) -> str:
            references[target.partition("/")[0]].add(object_id)
            return object_id

        for wanted, each in objects:
            for found in each:
                decode_object(found, wanted.properties(found), note)
        for target, ids in references.items():
            self._learn(target, ids)

        def name(target: str, object_id: str) -> str:
            return self._names[target.partition("/")[0]].get(object_id, object_id)

        return [[FoundObject(str(found["id"]), decode_object(found, wanted.properties(found), name)) for found in each] for wanted, each in objects]

    def _filter(self, wanted: ObjectType, where: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        narrow: dict[str, t.Any] = {}
        for name in wanted.filters:
            prop = wanted.shape.all.get(name)
            if prop is None or not isinstance(where.get(name), str):
                continue
            narrow[name] = encode(where[name], prop.type, self._id_of)
        return narrow

    # Names

    def resolve(self, target: str, text: str) -> str | None:
        """The one spelling of a reference: the name where it is the only one, else the id."""
        base = target.partition("/")[0]
        wanted = self.type(base)
        if wanted is None or not wanted.label:
            return text
        self._look_for(wanted, text)
        ids = [each for each, name in self._names[base].items() if name.lower() == text.lower() or text in name.split(",")]
        if len(ids) > 1:
            exact = [each for each in ids if self._names[base][each] == text]
            if len(exact) != 1:
                raise Refused(f"{text!r} names {len(ids)} objects of type {base}; refer to one by its id: {', '.join(sorted(ids))}.")
            ids = exact
        if not ids and text in self._names[base].keys() | self._caller.get(base, [text], properties=["id"], resource=base).keys():
            self._learn(base, {text})
            ids = [text]
        if not ids:
            return None
        if target == _GROUP and self._caller.get(base, ids, properties=[VARIANT]).get(ids[0], {}).get(VARIANT) != "Group":
            return None
        return self._names[base].get(ids[0], ids[0])

    def _id_of(self, target: str, name: str) -> str:
        """Raises NotFound."""
        base = target.partition("/")[0]
        for _attempt in range(2):
            for object_id, known in self._names[base].items():
                if name in (known, object_id):
                    return object_id
            wanted = self.type(base)
            if wanted is None or not wanted.label:
                return name
            self._look_for(wanted, name)
        raise NotFound("notFound", item=name, request=f"POST /jmap x:{base}/query").about(f"{base} {name!r}")

    def _look_for(self, wanted: ObjectType, name: str) -> None:
        """Learn the names of what may be meant."""
        if wanted.name not in _UNIQUE:
            self._learn(wanted.name, ())
            return
        if wanted.label == "emailAddress":
            local, _at, domain = name.lower().rpartition("@")
            domain_type = self.type("Domain")
            if not local or domain_type is None:
                return
            self._look_for(domain_type, domain)
            domains = [each for each, known in self._names["Domain"].items() if known == domain]
            if not domains:
                return
            # lists have no filter for their names, but a text search that may find more
            narrow = {"name": local, "domainId": domains[0]} if wanted.name == "Account" else {"text": local}
        else:
            narrow = {wanted.label: name.lower() if wanted.name == "Domain" else name}
        for found in self._caller.find(wanted.name, narrow, properties=["id", wanted.label], resource=wanted.name):
            self._names[wanted.name][str(found["id"])] = _label(found.get(wanted.label))

    def _learn(self, name: str, ids: t.Collection[str]) -> None:
        """The names of these objects; where names are not unique, of all of the type."""
        wanted = self.type(name)
        missing = [each for each in ids if each not in self._names[name]]
        if wanted is None or not wanted.label or name in self._complete or (name in _UNIQUE and not missing):
            return
        properties = ["id", wanted.label]
        if name in _UNIQUE:
            objects = list(self._caller.get(name, missing, properties=properties, resource=name).values())
        else:
            objects = self._caller.find(name, properties=properties, resource=name)
            self._complete.add(name)
        labels = [(str(found["id"]), _label(found.get(wanted.label))) for found in objects]
        times = collections.Counter(label for _id, label in labels)
        self._names[name].update((object_id, label if label and times[label] == 1 else object_id) for object_id, label in labels)

    def _account_id(self, account: str) -> str:
        return self._id_of("Account", account) if account else ""

    def _forget(self, name: str) -> None:
        self._names.pop(name, None)
        self._complete.discard(name)

    # Writing

    def create(self, wanted: ObjectType, values: t.Mapping[str, t.Any], *, account: str = "") -> CreatedObject:
        """One request."""
        body = encode_object(values, wanted.properties(values), self._ids)
        answer = self._caller.create(wanted.name, body, resource=wanted.name, account=self._account_id(account))
        self._forget(wanted.name)
        secrets = {name: str(value) for name, value in answer.items() if name in wanted.shape.all and wanted.shape.all[name].secret}
        return CreatedObject(str(answer["id"]), secrets)

    def update(self, wanted: ObjectType, object_id: str, edits: t.Sequence[Edit], *, account: str = "") -> None:
        """One request with a pointer for each edit."""
        patch: dict[str, t.Any] = {}
        for edit in edits:
            if edit.action == "set":
                patch[_pointer(edit.path)] = encode(edit.value, edit.type, self._ids)
            else:
                member = str(encode(edit.value, edit.type, self._ids))
                patch[_pointer((*edit.path, member))] = True if edit.action == "add" else None
        self._caller.update(wanted.name, SINGLETON if wanted.singleton else object_id, patch, resource=wanted.name, account=self._account_id(account))
        self._forget(wanted.name)

    def destroy(self, wanted: ObjectType, object_id: str, *, account: str = "") -> None:
        """One request."""
        self._caller.destroy(wanted.name, object_id, resource=wanted.name, account=self._account_id(account))
        self._forget(wanted.name)

    def create_all(self, wanted: ObjectType, values: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        """A request for each 500."""
        writes = [
            Write(wanted.name, "create", f"n{place}", encode_object(each, wanted.properties(each), self._ids), wanted.name) for place, each in enumerate(values)
        ]
        self._write_all(wanted, writes)

    def destroy_all(self, wanted: ObjectType, ids: t.Sequence[str]) -> None:
        """A request for each 500."""
        self._write_all(wanted, [Write(wanted.name, "destroy", each, None, wanted.name) for each in ids])

    def _write_all(self, wanted: ObjectType, writes: t.Sequence[Write]) -> None:
        results = self._caller.set(writes)
        self._forget(wanted.name)
        # what is gone already, or there already, is as wanted
        failed = [each for each in results if isinstance(each, StalwartError) and not isinstance(each, (NotFound, AlreadyExists))]
        if not failed:
            return
        if len(failed) == len(results):
            raise failed[0]
        raise PartlyDone(f"{failed[0]}; {len(results) - len(failed)} of {len(results)} were written, running the task again goes on from there", [], [])

    @property
    def _ids(self) -> Lookup:
        return self._id_of


def _label(value: t.Any) -> str:
    if isinstance(value, dict):
        return ",".join(sorted(member for member, present in value.items() if present))
    return str(value or "")


def _refers(kind: ValueType, target: str, above: set[int]) -> bool:
    """Whether a value of this type may refer to objects of the target's."""
    if kind.target.partition("/")[0] == target or any(each is not None and _refers(each, target, above) for each in (kind.element, kind.key)):
        return True
    if kind.shape_of is None or id(kind.shape) in above:
        return False
    return any(_refers(prop.type, target, {*above, id(kind.shape)}) for prop in kind.shape.all.values())


def _referred(kind: ObjectType, value: Object) -> set[tuple[str, str]]:
    """What an object refers to: types and ids."""
    found: set[tuple[str, str]] = set()

    def note(target: str, text: str) -> str:
        found.add((target.partition("/")[0], text))
        return text

    decode_object(value, kind.properties(value), note)
    return found


def _pointer(path: t.Sequence[str | int]) -> str:
    return "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)

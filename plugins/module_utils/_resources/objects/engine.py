# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects made as wanted: found by what people know them by, planned, written, read back, made live, and put back when the server finds them wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ..._errors import AlreadyExists, InUse, InvalidOption, NotApplied, NotFound, PartlyDone, PermissionDenied, Refused, ServerError, StalwartError
from ..._reconcile.plan import Change, Mode, apply
from ..._secrets import HIDDEN
from ..._server.models.objects import VARIANT, CreatedObject, Edit, FoundObject, ObjectType, Values, ValueType, shown_property, shown_values
from ..._server.models.server import ReloadPart
from ..._server.port import Server
from ..own_address import refuse_own
from ..reload import sentence
from . import same
from .certificates import names_in
from .plan import Plan, SecretPolicy, plan_object, read_value, sparse
from .values import near


@dataclasses.dataclass(frozen=True)
class Wanted:
    """One object as a task wants it; `place` names the option its properties stand in."""

    type: ObjectType
    state: t.Literal["present", "absent"] = "present"
    id: str = ""
    match: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    properties: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    account: str = ""
    secrets: SecretPolicy = "on_create"
    place: str = "properties"
    match_place: str = "match"


@dataclasses.dataclass
class Prepared:
    """What is to be done to one object. `change` is None where it is as wanted."""

    wanted: Wanted
    found: FoundObject | None
    plan: Plan | None
    change: Change | None
    created: CreatedObject | None = None
    now: FoundObject | None = None

    key: Values = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """What people call it."""
        values = self.found.values if self.found else self.plan.new if self.plan else {}
        return name_of(self.type, values) or ",".join(str(part) for value in self.key.values() for part in (value if isinstance(value, list) else [value]))

    @property
    def type(self) -> ObjectType:
        """The object's type."""
        return self.wanted.type

    def result(self) -> dict[str, t.Any]:
        """The object as it is, or in check mode would be; empty for one that is gone."""
        if self.wanted.state == "absent":
            return {}
        if self.now is not None:
            return shown_object(self.type, self.now)
        values = self.plan.new if self.plan is not None and self.change is not None else self.found.values if self.found else {}
        return shown_object(self.type, FoundObject(self.found.id if self.found else "", values))


def shown_object(kind: ObjectType, found: FoundObject) -> dict[str, t.Any]:
    """An object as results show it: what can be written apart from what the server sets."""
    values = shown_values(found.values, kind.shape)
    properties = kind.properties(found.values)
    computed = {name: value for name, value in values.items() if name in properties and properties[name].update == "server"}
    return {
        "type": kind.name,
        "id": found.id,
        "name": name_of(kind, found.values),
        "properties": {name: value for name, value in sorted(values.items()) if name not in computed},
        "computed": dict(sorted(computed.items())),
    }


def name_of(kind: ObjectType, values: t.Mapping[str, t.Any]) -> str:
    """What people call an object."""
    if kind.singleton:
        return kind.name
    label = values.get(kind.label) or ""
    if kind.label == "emailAddress" and not label:
        label = f"{values.get('name', '')}@{values.get('domainId', '')}"
    if kind.name == "DkimSignature":
        label = f"{values.get('selector', '')}._domainkey.{values.get('domainId', '')}"
    if not label:
        label = [values[name] for name in kind.natural_key if values.get(name)] or values.get(VARIANT, "")
    if isinstance(label, list):
        label = ",".join(str(each["else"] if isinstance(each, dict) and "else" in each else each) for each in label)
    return str(label)


def known_type(server: Server, name: str, option: str = "type") -> ObjectType:
    """The type of a name. Raises InvalidOption, and Refused where the server has no types."""
    names = server.objects.type_names()
    kind = server.objects.type(name.removeprefix("x:"))
    if kind is None:
        base = name.removeprefix("x:").partition("/")[0]
        hint = f"; did you mean {base}?" if base in names and base != name else near(name, names)
        raise InvalidOption(option, f"the server has no type {name!r}{hint}")
    return kind


class Resolver:
    """Tells the one spelling of references. In check mode, and for what the same task makes, an object need not be there yet.

    With `looking` it is only looked for something, and what refers to nothing there is found nowhere.
    """

    def __init__(self, server: Server, mode: Mode, *, looking: bool = False) -> None:
        self._server = server
        self._mode = mode
        self._looking = looking
        self._planned: set[tuple[str, str]] = set()

    def plan(self, kind: ObjectType, values: t.Mapping[str, t.Any]) -> None:
        """Let others refer to an object that will be made."""
        self._planned.add((kind.name, name_of(kind, values)))

    def expect(self, kind: ObjectType, name: str) -> None:
        """As `plan`, by its name."""
        self._planned.add((kind.name, name))

    def __call__(self, target: str, text: str, place: str) -> str:
        base = target.partition("/")[0]
        try:
            found = self._server.objects.resolve(target, text)
        except Refused as error:
            raise InvalidOption(place, str(error)) from None
        if found is not None:
            return found
        if self._looking or (base, text) in self._planned:
            return text
        if self._mode.check:
            self._mode.warn(f"{place}: there is no {base} {text!r} yet; an earlier task may make it, else the run fails.")
            return text
        raise InvalidOption(place, f"there is no {'group' if target.endswith('/Group') else base} {text!r} on the server; make it first, or correct the name.")


def prepare(server: Server, wanted: Wanted, mode: Mode, resolve: Resolver | None = None, among: t.Sequence[FoundObject] | None = None) -> Prepared:
    """Find the object and plan what is to be done. Sends nothing that writes. `among` are objects read before, to find it in."""
    resolve = resolve or Resolver(server, mode)
    kind = wanted.type
    if kind.elsewhere and (wanted.state == "present" or kind.singleton or kind.name == "Action"):
        raise InvalidOption("type", f"{kind.name} can't be made as wanted: {kind.elsewhere}.")
    if kind.singleton and wanted.state == "absent":
        raise InvalidOption("state", f"there is always exactly one {kind.name}; to put a property back to its default set it to null (state: present).")
    key = {} if kind.singleton or wanted.id else key_of(wanted, Resolver(server, mode, looking=True) if wanted.state == "absent" else resolve)
    found = _find(server, wanted, key, among)
    if wanted.state == "absent":
        return _absent(server, wanted, found)
    if found is None and (renamed := _key_after(wanted, key, resolve)) != key:
        # a run before may have given it the new name already
        key = renamed
        found = _find(server, wanted, key, among)
    properties = dict(wanted.properties)
    if found is None:
        if wanted.id:
            raise InvalidOption("id", f"the server has no {kind.name} of the id {wanted.id!r}; leave it out to make a new one.")
        properties = {**_creatable(wanted), **properties}
    plan = plan_object(kind, properties, found.values if found else None, resolve=resolve, secrets=wanted.secrets, place=wanted.place)
    if found and kind.name == "Certificate" and "certificate" in plan.changed(found.values) and wanted.secrets == "on_create":
        # a renewed certificate may come with a key of its own
        plan = plan_object(kind, properties, found.values, resolve=resolve, secrets="always", place=wanted.place)
    prepared = Prepared(wanted, found, plan, None, key=key)
    if found is None:
        resolve.plan(kind, plan.given)
        after = {name: shown_property(value, kind.properties(plan.new).get(name)) for name, value in plan.given.items()}
        prepared.change = Change(kind.name, prepared.name, "create", None, after, lambda: _create(server, prepared))
    elif plan.edits:
        before, after = _shown_difference(kind, found.values, plan)
        resource = "singleton" if kind.singleton else kind.name
        prepared.change = Change(resource, name_of(kind, found.values), "update", before, after, lambda: _update(server, prepared))
    return prepared


def _creatable(wanted: Wanted) -> dict[str, t.Any]:
    """What a match says of a new object."""
    server_set = [name for name in wanted.match if name != VARIANT and wanted.type.shape.all[name].update == "server"]
    if server_set:
        raise InvalidOption(
            wanted.match_place, f"no {wanted.type.name} on the server matches, and none can be made by {server_set[0]}, which the server sets by itself."
        )
    return dict(wanted.match)


def _find(server: Server, wanted: Wanted, key: Values, among: t.Sequence[FoundObject] | None) -> FoundObject | None:
    kind = wanted.type
    if kind.singleton:
        return among[0] if among else server.objects.find(kind, account=wanted.account)[0]
    if wanted.id:
        if among:
            return next((each for each in among if each.id == wanted.id), None)
        return next(iter(server.objects.get(kind, [wanted.id], account=wanted.account)), None)
    candidates = among if among is not None else server.objects.find(kind, key, account=wanted.account)
    found = [each for each in candidates if matches(kind, each.values, key)]
    if len(found) > 1:
        shown = " and ".join(f"{name} {shown_property(value, kind.shape.all.get(name))!r}" for name, value in key.items())
        ids = ", ".join(each.id for each in found[:5])
        raise InvalidOption(
            wanted.match_place,
            f"{len(found)} objects of type {kind.name} have {shown}; give more properties, or one of these ids as id: {ids}.",
        )
    return found[0] if found else None


def key_of(wanted: Wanted, resolve: Resolver) -> Values:
    """What the object is to be found by: the match that was given, else the natural key of its type. Raises InvalidOption."""
    kind = wanted.type
    if wanted.match:
        return read_match(kind, wanted.match, resolve, wanted.match_place)
    if kind.name == "Certificate" and wanted.properties.get("certificate"):
        return {"subjectAlternativeNames": names_in(wanted.properties["certificate"], f"{wanted.place}.certificate")}
    names = kind.natural_key
    if not names:
        raise InvalidOption(wanted.match_place, f"a {kind.name} has nothing that it is found by; name properties in match, or give its id.")
    missing = [name for name in names if wanted.properties.get(name) in (None, "")]
    if missing:
        raise InvalidOption(
            f"{wanted.place}.{missing[0]}",
            f"it is missing, and a {kind.name} is found by {' and '.join(names)}; give it, or name properties in match, or the id.",
        )
    return read_match(kind, {name: wanted.properties[name] for name in names}, resolve, wanted.place)


def _key_after(wanted: Wanted, key: Values, resolve: Resolver) -> Values:
    """What the object is to be found by once it is as wanted: not what the match says where the properties change just that."""
    changing = {name: value for name, value in wanted.properties.items() if name in wanted.match and name != VARIANT and value not in (None, "")}
    return {**key, **read_match(wanted.type, changing, resolve, wanted.place)} if changing else key


def read_match(kind: ObjectType, match: t.Mapping[str, t.Any], resolve: Resolver, place: str) -> Values:
    """Values to compare objects with, checked and in their one spelling."""
    key: Values = {}
    for name, value in match.items():
        if name == VARIANT:
            if kind.shape.single or value not in kind.shape.variants:
                raise InvalidOption(f"{place}.{VARIANT}", f"{value!r} is not known here{near(str(value), kind.shape.variants)}")
            key[name] = value
            continue
        prop = kind.shape.all.get(name)
        if prop is None:
            raise InvalidOption(f"{place}.{name}", f"there is no such property{near(str(name), kind.shape.all)}")
        if prop.secret:
            raise InvalidOption(f"{place}.{name}", "it is a secret, which no server returns; match by something else.")
        key[name] = read_value(value, prop, resolve, f"{place}.{name}")
    return key


def matches(kind: ObjectType, values: t.Mapping[str, t.Any], key: t.Mapping[str, t.Any]) -> bool:
    """Whether an object has all values of a key."""
    properties = kind.properties(values)
    return all(
        values.get(name) == value if name == VARIANT else name in properties and same.values(values.get(name), value, properties[name].type)
        for name, value in key.items()
    )


def _absent(server: Server, wanted: Wanted, found: FoundObject | None) -> Prepared:
    prepared = Prepared(wanted, found, None, None)
    if found is not None:
        computed = {name for name, prop in wanted.type.properties(found.values).items() if prop.update == "server"}
        values = shown_values(found.values, wanted.type.shape)
        before = {name: value for name, value in values.items() if value not in (None, [], {}, "") and name not in computed}
        prepared.change = Change(wanted.type.name, name_of(wanted.type, found.values), "delete", before, None, lambda: _destroy(server, prepared))
    return prepared


def _shown_difference(kind: ObjectType, found: Values, plan: Plan) -> tuple[Values, Values]:
    properties = kind.properties(plan.new)
    before, after = {}, {}
    for name in plan.changed(found):
        if name in found:
            before[name] = shown_property(found[name], kind.properties(found).get(name))
        if name in plan.new:
            after[name] = shown_property(plan.new[name], properties.get(name))
        if name in after and before.get(name) == after[name]:
            # a diff of two equal masks would show nothing
            after[name] = f"{HIDDEN} (changed)"
    return before, after


# Writing


@contextlib.contextmanager
def _named(prepared: Prepared) -> t.Iterator[None]:
    """Errors of the server name the object, and not only its type."""
    try:
        yield
    except ServerError as error:
        error.about(prepared.type.name if prepared.type.singleton else f"{prepared.type.name} {prepared.name!r}")
        raise


def _create(server: Server, prepared: Prepared) -> None:
    kind, plan = prepared.type, prepared.plan
    if plan is None:
        return
    properties = kind.properties(plan.given)
    values = {name: sparse(value, properties[name].type) if name in properties else value for name, value in plan.given.items() if value is not None}
    try:
        with _named(prepared):
            prepared.created = server.objects.create(kind, values, account=prepared.wanted.account)
    except AlreadyExists as error:
        raise Refused(
            f"{kind.name} {prepared.name!r}: the server has another object with the same {error.field or 'name'}, which is not what was looked for; "
            f"name that one by match or id, or choose another value. {error.summary()}."
        ) from error


def _update(server: Server, prepared: Prepared) -> None:
    if prepared.plan is None or prepared.found is None:
        return
    variant = prepared.plan.new.get(VARIANT)
    edits = list(prepared.plan.edits)
    if variant != prepared.found.values.get(VARIANT):
        edits.insert(0, Edit((VARIANT,), ValueType("text"), variant))
    with _named(prepared):
        server.objects.update(prepared.type, prepared.found.id, edits, account=prepared.wanted.account)


def _destroy(server: Server, prepared: Prepared) -> None:
    if prepared.found is None:
        return
    try:
        with _named(prepared):
            server.objects.destroy(prepared.type, prepared.found.id, account=prepared.wanted.account)
    except NotFound:
        return
    except InUse as error:
        raise _in_use(server, prepared.type, prepared.found, error.linked) from error


def refuse_used(server: Server, prepared: Prepared) -> None:
    """Raise what the server would answer to the deletion of an object that others refer to, for check mode."""
    if prepared.found is not None and prepared.change is not None and prepared.change.action == "delete":
        users = server.objects.users(prepared.type, prepared.found.id)
        if users:
            raise _in_use(server, prepared.type, prepared.found, users)


def _in_use(server: Server, kind: ObjectType, found: FoundObject, users: t.Sequence[tuple[str, str]]) -> Refused:
    return Refused(f"{kind.name} {name_of(kind, found.values)!r} is in use by {_users(server, users)}; change or remove those first.")


def _users(server: Server, users: t.Sequence[tuple[str, str]], most: int = 5) -> str:
    told = []
    for name, object_id in users[:most]:
        kind = server.objects.type(name)
        try:
            found = server.objects.get(kind, [object_id]) if kind and not kind.singleton else []
        except ServerError:
            found = []
        told.append(name if kind and kind.singleton else f"{name} {name_of(kind, found[0].values) if kind and found else object_id}")
    rest = len(users) - len(told)
    return ", ".join(told) + (f" and {rest} more" if rest > 0 else "") or "others"


@dataclasses.dataclass(frozen=True)
class Live:
    """Whether what was written is in force, and the errors that keep it from that, by object."""

    reloaded: bool = False
    stored_only: bool = False
    errors: dict[str, str] = dataclasses.field(default_factory=dict)


def carry_out(server: Server, prepared: t.Sequence[Prepared], mode: Mode, *, reload: bool = True, rollback: bool = True) -> Live:
    """Write what is to be written, read it back, and make it live by one reload.

    Raises what the write raises; PartlyDone when a write that others preceded fails; Refused where the server would block whom it speaks with.
    """
    todo = [each for each in prepared if each.change is not None]
    refuse_own(server, [str(each.plan.new.get("address", "")) for each in todo if each.plan and each.type.name == "BlockedIp"], "address")
    apply([each.change for each in todo if each.change is not None], mode)
    if mode.check or not todo:
        return Live()
    for each in todo:
        _verify(server, each, mode)
    return _make_live(server, todo, mode, reload=reload, rollback=rollback)


def _verify(server: Server, prepared: Prepared, mode: Mode) -> None:
    """Read back what was written. Raises NotApplied where the server said yes and did not; warns where it keeps another form."""
    kind, plan = prepared.type, prepared.plan
    object_id = prepared.created.id if prepared.created else prepared.found.id if prepared.found else ""
    found = server.objects.get(kind, [object_id], account=prepared.wanted.account)
    if plan is None:
        if found:
            raise NotApplied(f"the server answered success, but {kind.name} {name_of(kind, found[0].values)!r} is still there", changed=True)
        return
    if not found:
        raise NotApplied(
            f"the server answered success, but there is no {kind.name} {name_of(kind, plan.new)!r} now; another run may have removed it", changed=True
        )
    prepared.now = found[0]
    properties = kind.properties(plan.new)
    for name in plan.changed(prepared.found.values) if prepared.found else plan.given:
        if name not in properties:
            continue
        now, wanted = found[0].values.get(name), plan.new.get(name)
        if same.but_secrets(now, wanted, properties[name]):
            continue
        if prepared.found is not None and same.but_secrets(now, prepared.found.values.get(name), properties[name]):
            raise NotApplied(
                f"the server answered success, but {name} of {kind.name} {name_of(kind, plan.new)!r} is as it was, or another run put it back", changed=True
            )
        kept = shown_property(now, properties[name])
        if kept in (None, "", [], {}):
            mode.warn(f"{prepared.wanted.place}.{name}: the server did not keep it; leave it out, since otherwise each run would fail to change it.")
            continue
        mode.warn(f"{prepared.wanted.place}.{name}: the server keeps it as {kept!r}; write it so, since otherwise each run would change it.")


def _make_live(server: Server, todo: t.Sequence[Prepared], mode: Mode, *, reload: bool, rollback: bool) -> Live:
    parts: set[ReloadPart] = {each.type.reload for each in todo if each.type.reload}
    if not parts:
        return Live()
    if not reload:
        return Live(stored_only=True)
    wide: set[ReloadPart] = {"all"} if "all" in parts else set(parts)
    if "all" in parts and "certificate" in parts:
        wide.add("certificate")
    errors: dict[str, str] = {}
    try:
        for part in sorted(wide):
            errors.update(server.reload(part=part).errors)
    except PermissionDenied as error:
        mode.warn(f"the change is stored, but not live, since this login may not reload: {error}.")
        return Live(stored_only=True)
    except ServerError as error:
        mode.warn(f"the change is stored, but not live, since the server did not reload: {error}.")
        return Live(stored_only=True)
    own = {f"{each.type.name} {each.change.name}": problem for place, problem in errors.items() for each in todo if each.change and _concerns(place, each)}
    if own:
        _put_back(server, todo, own, rollback=rollback)
    if errors:
        mode.warn(f"stored, not live: a reload applies nothing while other objects have errors; correct them and reload: {sentence(errors)}")
        return Live(stored_only=True, errors=errors)
    restart = sorted({each.type.name for each in todo if each.type.restart})
    if restart:
        mode.warn(f"changes of {', '.join(restart)} are live only after a restart of the server, which can't be asked for through its API.")
    return Live(reloaded=True, stored_only=bool(restart))


def _concerns(place: str, prepared: Prepared) -> bool:
    """Whether a reload's error is of this object; the server names its type and id."""
    ids = {each.id for each in (prepared.found, prepared.created) if each}
    words = place.replace("/", " ").split()
    return bool(words) and words[0] == prepared.type.name and (prepared.type.singleton or len(words) < 2 or words[-1] in ids)


def _put_back(server: Server, todo: t.Sequence[Prepared], errors: t.Mapping[str, str], *, rollback: bool) -> None:
    """Undo the writes that the server finds wrong. Always raises."""
    operations = [each.change.operation() for each in todo if each.change]
    cause = f"the server finds errors in what was written: {sentence(errors)}".rstrip(".")
    if not rollback:
        raise PartlyDone(f"{cause}. It is still stored, but not live (rollback: false)", operations, [], setting_errors=dict(errors))
    stuck = []
    for each in reversed(todo):
        try:
            if not _undo(server, each):
                stuck.append(each)
        except StalwartError:
            stuck.append(each)
    if stuck:
        names = ", ".join(f"{each.type.name} {each.change.name}" for each in stuck if each.change)
        raise PartlyDone(f"{cause}. Not all of it could be put back, since secrets can't be read; check {names}", operations, [], setting_errors=dict(errors))
    raise Refused(f"{cause}. What this task wrote was put back, nothing is changed.", setting_errors=dict(errors))


def _undo(server: Server, prepared: Prepared) -> bool:
    kind = prepared.type
    if prepared.created is not None:
        server.objects.destroy(kind, prepared.created.id, account=prepared.wanted.account)
        return True
    if prepared.found is None or prepared.plan is None or prepared.plan.new.get(VARIANT) != prepared.found.values.get(VARIANT):
        return False
    properties = kind.properties(prepared.found.values)
    before = {name: prepared.found.values.get(name) for name in prepared.plan.changed(prepared.found.values)}
    if any(same.holds_mask(value) for value in before.values()):
        return False
    edits = [Edit((name,), properties[name].type, sparse(value, properties[name].type)) for name, value in before.items()]
    server.objects.update(kind, prepared.found.id, edits, account=prepared.wanted.account)
    return True

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a user wants of an object and what the server has: the object as it shall be, and the edits that make it so.

Everything is checked against the server's own schema on the way, so that a plan that is made can be carried out.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._errors import InvalidOption, Refused
from ..._secrets import HIDDEN
from ..._server.models.objects import VARIANT, Edit, ObjectType, Property, Shape, Values, ValueType, default_value, shown_property
from .._options import one_or_more
from . import same
from .values import MASKS, near, scalar

SecretPolicy = t.Literal["on_create", "always"]
Path: t.TypeAlias = "tuple[str | int, ...]"

#: Tells the one spelling of a reference (target type, text, place).
Resolve = t.Callable[[str, str, str], str]

_SECRET_VARIANTS = {"Value": ("secret", "value"), "Text": ("secret", "value")}


@dataclasses.dataclass
class Plan:
    """An object as it is wanted. `new` has all properties, `given` only what must be sent to create it, `edits` what changes a found one.

    `kept_secrets` are the places of secrets that were given and not compared, since no server returns them.
    """

    new: Values
    given: Values
    edits: list[Edit] = dataclasses.field(default_factory=list)
    kept_secrets: list[str] = dataclasses.field(default_factory=list)

    def changed(self, found: t.Mapping[str, t.Any]) -> list[str]:
        """The names of the properties that differ."""
        if found.get(VARIANT) == self.new.get(VARIANT):
            return sorted({str(edit.path[0]) for edit in self.edits})
        return sorted(name for name in {*found, *self.new} if name not in found or name not in self.new or found[name] != self.new[name])


def variant_of(wanted: t.Mapping[str, t.Any], shape: Shape, found: t.Any, place: str) -> str:
    """Which variant is meant: the one that is given, else the present one. Raises InvalidOption."""
    if shape.single:
        return ""
    given = wanted.get(VARIANT)
    if given is None:
        if isinstance(found, dict) and found.get(VARIANT) in shape.variants:
            return str(found[VARIANT])
        if len(shape.variants) == 1:
            return next(iter(shape.variants))
        raise InvalidOption(_join(place, VARIANT), f"it is missing, which says of what kind this is{near('', shape.variants)}")
    if given not in shape.variants:
        raise InvalidOption(_join(place, VARIANT), f"{given!r} is not known here{near(str(given), shape.variants)}")
    return str(given)


def plan_object(
    wanted_type: ObjectType,
    wanted: t.Mapping[str, t.Any],
    found: Values | None,
    *,
    resolve: Resolve,
    secrets: SecretPolicy = "on_create",
    place: str = "properties",
) -> Plan:
    """Plan a new object (`found` None), or the change of a found one. Raises InvalidOption, and Refused for what can't be changed."""
    planner = _Planner(resolve, secrets)
    variant = variant_of(wanted, wanted_type.shape, found, place)
    base = found if found is not None and (wanted_type.shape.single or found.get(VARIANT) == variant) else None
    plan = planner.object(wanted, wanted_type.shape, variant, found=base, path=(), place=place, outermost=True)
    if found is None:
        _require(wanted_type, variant, plan.given, place)
    elif base is None:
        # another variant: the server makes it anew from what is named
        plan.edits = [Edit((name,), _type_of(name, wanted_type.shape, variant), value) for name, value in plan.given.items()]
        _require(wanted_type, variant, plan.given, place)
    plan.kept_secrets = planner.kept_secrets
    return plan


def _type_of(name: str, shape: Shape, variant: str) -> ValueType:
    prop = shape.properties(variant).get(name)
    return prop.type if prop else ValueType("text")


def _require(wanted_type: ObjectType, variant: str, given: t.Mapping[str, t.Any], place: str) -> None:
    for name in (*wanted_type.required.get("", ()), *wanted_type.required.get(variant, ())):
        if given.get(name) in (None, "", [], {}) and name in wanted_type.shape.properties(variant):
            raise InvalidOption(_join(place, name), f"it is missing, and a new {wanted_type.name} needs it; give it a value.")


def read_value(raw: t.Any, prop: Property, resolve: Resolve, place: str) -> t.Any:
    """The value of one property in its one spelling. Raises InvalidOption."""
    return _Planner(resolve, "always").value(raw, prop.type, found=None, default=lambda: prop.default, is_new=True, path=(), place=place)[0]


class _Planner:
    def __init__(self, resolve: Resolve, secrets: SecretPolicy) -> None:
        self._resolve = resolve
        self._secrets = secrets
        self.kept_secrets: list[str] = []

    def object(self, wanted: t.Any, shape: Shape, variant: str, *, found: t.Any, path: Path, place: str, outermost: bool = False) -> Plan:
        """The properties of an object, at the top or within another."""
        if not isinstance(wanted, dict):
            raise InvalidOption(place, f"{'a list' if isinstance(wanted, list) else repr(wanted)} is given where a dictionary of properties belongs.")
        properties = shape.properties(variant)
        new = dict(found) if isinstance(found, dict) else shape.defaults(variant)
        given: Values = {} if shape.single else {VARIANT: variant}
        edits: list[Edit] = []
        for name, raw in wanted.items():
            if name == VARIANT:
                if shape.single:
                    raise InvalidOption(_join(place, VARIANT), "there are no kinds of this to choose from; remove it.")
                continue
            here = _join(place, str(name))
            prop = properties.get(name)
            if prop is None:
                raise InvalidOption(here, _unknown(str(name), shape, variant))
            if prop.update == "server":
                if not outermost:
                    continue  # it comes with what was read
                raise InvalidOption(here, "the server sets it by itself; remove it.")
            before = found.get(name) if isinstance(found, dict) else None
            value, own = self.property(raw, prop, found=before, is_new=not isinstance(found, dict), path=(*path, name), place=here)
            if value is _KEPT:
                continue
            new[name] = given[name] = value
            if own and prop.update == "immutable" and isinstance(found, dict):
                raise Refused(
                    f"{here}: it can't be changed once it is made, and it is {shown_property(before, prop)!r} on the server; "
                    "leave it out, or remove the object (state: absent) and make it anew."
                )
            edits += own
        return Plan(new, given, edits)

    def property(self, raw: t.Any, prop: Property, *, found: t.Any, is_new: bool, path: Path, place: str) -> tuple[t.Any, list[Edit]]:
        """The value a property shall have, and what makes it so."""
        if prop.secret:
            return self._secret(raw, prop, found, is_new=is_new, path=path, place=place)
        if isinstance(raw, str) and raw in MASKS:
            return _KEPT, []
        return self.value(raw, prop.type, found=found, default=lambda: prop.default, is_new=is_new, path=path, place=place)

    def _secret(self, raw: t.Any, prop: Property, found: t.Any, *, is_new: bool, path: Path, place: str) -> tuple[t.Any, list[Edit]]:
        if raw in MASKS:
            return _KEPT, []
        value = None if raw in (None, "") and prop.type.nullable else scalar(raw, prop.type, place, secret=True)
        if value == "":
            raise InvalidOption(place, "it is empty; give a secret, or leave it out.")
        if not is_new and found == HIDDEN and value is not None and self._secrets == "on_create":
            self.kept_secrets.append(place)
            return found, []
        return value, ([] if value == found else [Edit(path, prop.type, value)])

    def value(
        self, raw: t.Any, wanted: ValueType, *, found: t.Any, default: t.Callable[[], t.Any], is_new: bool, path: Path, place: str
    ) -> tuple[t.Any, list[Edit]]:
        """A value of any type."""
        raw = default() if raw is None and wanted.kind == "expression" else raw
        if raw is None or (raw == "" and wanted.nullable):
            value = None if wanted.nullable else default()
            return value, ([] if same.values(value, found, wanted) and not is_new else [Edit(path, wanted, sparse(value, wanted))])
        if wanted.kind == "set":
            return self._set(raw, wanted, found=found, is_new=is_new, path=path, place=place)
        if wanted.kind == "list":
            return self._list(raw, wanted, found=found, is_new=is_new, path=path, place=place)
        if wanted.kind == "map":
            return self._map(raw, wanted, found=found, is_new=is_new, path=path, place=place)
        if wanted.kind == "object":
            return self._nested(raw, wanted, found=found, path=path, place=place)
        value = self._single(raw, wanted, place)
        if not is_new and same.values(value, found, wanted):
            return found, []
        if wanted.kind == "expression" and value == "":
            if is_new:
                return _KEPT, []
            raise InvalidOption(place, "no server takes an expression back once there is one; give another, such as false.")
        return value, [Edit(path, wanted, value)]

    def _single(self, raw: t.Any, wanted: ValueType, place: str) -> t.Any:
        value = scalar(raw, wanted, place)
        return self._resolve(wanted.target, value, place) if wanted.kind == "reference" else value

    def _set(self, raw: t.Any, wanted: ValueType, *, found: t.Any, is_new: bool, path: Path, place: str) -> tuple[t.Any, list[Edit]]:
        present = list(found or ())
        spelled = {same.fold(member, wanted.inner): member for member in present}

        def members(value: t.Any, where: str) -> list[t.Any]:
            if isinstance(value, dict):
                value = [member for member, is_in in value.items() if is_in]
            elements = one_or_more(value)
            if not isinstance(elements, (list, tuple)):
                raise InvalidOption(where, f"{value!r} is no list; write one.")
            read = [self._single(each, wanted.inner, f"{where}[{position}]") for position, each in enumerate(elements)]
            return [spelled.get(same.fold(each, wanted.inner), each) for each in read]

        if isinstance(raw, dict) and raw and set(raw) <= {"add", "remove"} and not all(isinstance(each, bool) for each in raw.values()):
            add, remove = (members(raw.get(name) or [], f"{place}.{name}") for name in ("add", "remove"))
            both = set(map(str, add)) & set(map(str, remove))
            if both:
                raise InvalidOption(place, f"{min(both)!r} is both in add and in remove; leave it in one of them.")
            value = sorted({*(each for each in present if each not in remove), *add}, key=str)
            edits = [Edit(path, wanted.inner, each, "add") for each in sorted(set(add) - set(present), key=str)]
            edits += [Edit(path, wanted.inner, each, "remove") for each in sorted(set(remove) & set(present), key=str)]
            if is_new:
                edits = [Edit(path, wanted, value)]
        else:
            value = sorted(set(members(raw, place)), key=str)
            edits = [] if not is_new and set(value) == set(present) else [Edit(path, wanted, value)]
        if len(value) < wanted.min_items:
            raise InvalidOption(place, f"it would have {len(value)} elements, and {wanted.min_items} is the least; add some.")
        return value, edits

    def _map(self, raw: t.Any, wanted: ValueType, *, found: t.Any, is_new: bool, path: Path, place: str) -> tuple[t.Any, list[Edit]]:
        if not isinstance(raw, dict):
            raise InvalidOption(place, f"{'a list' if isinstance(raw, list) else repr(raw)} is given where a dictionary belongs.")
        value = dict(found or {})
        edits: list[Edit] = []
        for name, each in raw.items():
            here = _join(place, str(name))
            key = scalar(name, wanted.keys, here)
            if each is None:
                if key in value:
                    del value[key]
                    edits.append(Edit((*path, key), wanted.inner, None))
                continue
            if isinstance(each, str) and each in MASKS:
                continue
            element, own = self.value(
                each, wanted.inner, found=value.get(key), default=lambda: default_value(wanted.inner), is_new=key not in value, path=(*path, key), place=here
            )
            value[key] = element
            edits += own
        if is_new or found is None:
            edits = [Edit(path, wanted, sparse(value, wanted))]
        return value, edits

    def _nested(self, raw: t.Any, wanted: ValueType, *, found: t.Any, path: Path, place: str) -> tuple[t.Any, list[Edit]]:
        shape = wanted.shape
        raw = self._in_full(raw, shape, place)
        variant = variant_of(raw, shape, found, place)
        goes_on = isinstance(found, dict) and (shape.single or found.get(VARIANT) == variant)
        plan = self.object(raw, shape, variant, found=found if goes_on else None, path=path, place=place)
        return plan.new, plan.edits if goes_on else [Edit(path, wanted, sparse(plan.new, wanted))]

    @staticmethod
    def _in_full(raw: t.Any, shape: Shape, place: str) -> t.Mapping[str, t.Any]:
        """A dictionary for the short forms: a secret by itself, or the name of a variant."""
        if isinstance(raw, dict):
            return raw
        if isinstance(raw, str) and not shape.single:
            for variant, names in _SECRET_VARIANTS.items():
                for name in names:
                    if name in shape.variants.get(variant, {}):
                        return {VARIANT: variant, name: raw}
            if raw in shape.variants:
                return {VARIANT: raw}
            raise InvalidOption(place, f"{raw!r} is not known here{near(raw, shape.variants)}")
        raise InvalidOption(place, f"{'a list' if isinstance(raw, list) else repr(raw)} is given where a dictionary of properties belongs.")

    def _list(self, raw: t.Any, wanted: ValueType, *, found: t.Any, is_new: bool, path: Path, place: str) -> tuple[t.Any, list[Edit]]:
        if isinstance(raw, dict) and raw and all(str(key).isdigit() for key in raw):
            raw = [raw[key] for key in sorted(raw, key=int)]
        if not isinstance(raw, (list, tuple)):
            raise InvalidOption(
                place, f"{'a dictionary' if isinstance(raw, dict) else repr(raw)} is given where a list belongs; its elements are dictionaries."
            )
        if len(raw) < wanted.min_items:
            raise InvalidOption(place, f"it has {len(raw)} elements, and {wanted.min_items} is the least; add some.")
        present = [] if is_new else list(found or ())
        element = ValueType("object", shape_of=wanted.shape_of)
        elements = [self._element(each, wanted.shape, f"{place}[{position}]") for position, each in enumerate(raw)]
        origins = _origins(elements, present, wanted.shape)
        value = [
            self._carried(each, present[origin] if origin is not None else None, wanted.shape, f"{place}[{position}]")
            for position, (each, origin) in enumerate(zip(elements, origins, strict=True))
        ]
        if not is_new and value == present:
            return present, []
        if not any(same.holds_mask(each) for each in value):
            return value, [Edit(path, wanted, sparse(value, wanted))]
        return value, self._edits_around_secrets(value, present, origins, element, path, place)

    def _element(self, raw: t.Any, shape: Shape, place: str) -> Values:
        raw = self._in_full(raw, shape, place)
        return self.object(raw, shape, variant_of(raw, shape, None, place), found=None, path=(), place=place).new

    def _carried(self, element: Values, origin: Values | None, shape: Shape, place: str) -> Values:
        """An element as wanted, with the secrets and what the server set of the one it goes on from."""
        if origin is None or origin.get(VARIANT) != element.get(VARIANT):
            return element
        properties = shape.properties(element.get(VARIANT, ""))
        carried = dict(element)
        for name, prop in properties.items():
            if prop.update == "server":
                carried[name] = origin.get(name)
            elif prop.secret and origin.get(name) == HIDDEN and (not element.get(name) or self._secrets == "on_create"):
                carried[name] = origin.get(name)
                if element.get(name):
                    self.kept_secrets.append(_join(place, name))
            elif prop.type.kind == "object" and isinstance(element.get(name), dict) and isinstance(origin.get(name), dict):
                carried[name] = self._carried(element[name], origin[name], prop.type.shape, _join(place, name))
        return carried

    @staticmethod
    def _edits_around_secrets(
        value: t.Sequence[Values], present: t.Sequence[Values], origins: t.Sequence[int | None], element: ValueType, path: Path, place: str
    ) -> list[Edit]:
        """Edits of single elements, since the whole list can't be written without the secrets in it."""
        kept = [origin for origin in origins if origin is not None]
        if kept != sorted(kept) or None in origins[: len(kept)]:
            raise Refused(
                f"{place}: its elements hold secrets that no server returns, so their order can't be changed; put new elements at the end, or give the secrets."
            )
        edits: list[Edit] = []
        for wanted, origin in zip(value, origins, strict=True):
            if origin is None:
                edits.append(Edit((*path, len(present) + len(edits)), element, sparse(wanted, element)))
                continue
            before = present[origin]
            properties = element.shape.properties(wanted.get(VARIANT, ""))
            edits += [
                Edit((*path, origin, name), properties[name].type, sparse(each, properties[name].type))
                for name, each in wanted.items()
                if name in properties and each != before.get(name) and not same.holds_mask(each)
            ]
        new = [edit for edit in edits if len(edit.path) == len(path) + 1]
        for number, edit in enumerate(new):
            edits[edits.index(edit)] = dataclasses.replace(edit, path=(*path, len(present) + number))
        return edits + [Edit((*path, position), element, None) for position in range(len(present)) if position not in kept]


def _origins(elements: t.Sequence[Values], present: t.Sequence[Values], shape: Shape) -> list[int | None]:
    """For each element the present one that it goes on from: an equal one, else the one at its place if that is of the same kind and free."""
    free = set(range(len(present)))
    origins: list[int | None] = []
    for element in elements:
        equal = next((each for each in sorted(free) if same.open_parts(element, present[each], shape)), None)
        origins.append(equal)
        free.discard(-1 if equal is None else equal)
    for position, element in enumerate(elements):
        if origins[position] is None and position in free and present[position].get(VARIANT) == element.get(VARIANT):
            origins[position] = position
            free.discard(position)
    return origins


def sparse(value: t.Any, wanted: ValueType) -> t.Any:
    """A value without what objects within it have by default, so that the server fills it in; sets of edits stay as they are."""
    if wanted.kind == "object" and isinstance(value, dict):
        properties = wanted.shape.properties(value.get(VARIANT, ""))
        return {
            name: sparse(each, properties[name].type) if name in properties else each
            for name, each in value.items()
            if name not in properties or (properties[name].update != "server" and each != properties[name].default)
        }
    if wanted.kind == "list" and isinstance(value, list):
        return [sparse(each, ValueType("object", shape_of=wanted.shape_of)) for each in value]
    if wanted.kind == "map" and isinstance(value, dict):
        return {key: sparse(each, wanted.inner) for key, each in value.items()}
    return value


def _unknown(name: str, shape: Shape, variant: str) -> str:
    others = [other for other, properties in shape.variants.items() if name in properties]
    if others:
        return (
            f"{variant} has no such property, only {' and '.join(others[:5])} {'has' if len(others) == 1 else 'have'}; remove it, or choose another {VARIANT}."
        )
    return f"there is no such property{near(name, shape.properties(variant))}"


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


class _Kept:
    """A value that stays whatever it is."""


_KEPT = _Kept()

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks on objects of any type: making one as wanted, reading them, and telling what the server says of its types."""

from __future__ import annotations

import re
import typing as t

from ..._errors import InvalidOption
from ..._reconcile.plan import Mode, Outcome
from ..._secrets import GENERATED
from ..._server.models.objects import FoundObject, ObjectType, Property, Shape, ValueType, shown_property
from ..._server.port import Server
from ..._times import format_milliseconds
from .._options import Options, one_or_more, read
from .engine import Prepared, Resolver, Wanted, carry_out, known_type, matches, prepare, read_match, refuse_used, shown_object
from .plan import SecretPolicy
from .values import MASKS

# names of properties whose value is a secret, as the types of 0.16.18 have them; `key` is one beside `keyName` only
_SECRET_NAME = re.compile(
    r"(?<!column)(?:secret|password|passphrase|token|otpCode|otpAuth|privateKeyPem|serviceAccountJson|credentials"
    r"|(?:private|hmac|account|access|api|signature|encryption|license|push|application|consumer|client|shared|secret)Key)$",
    re.IGNORECASE,
)
#: Headers that a server sends elsewhere; what they hold is shown nowhere.
HEADERS = "httpHeaders"
_ENDLESS = frozenset({"Log", "Metric", "Trace"})


class _ObjectOptions(Options):
    type: str
    state: t.Literal["present", "absent"] = "present"
    id: str = ""
    match: dict[t.Any, t.Any] = {}
    properties: dict[t.Any, t.Any] = {}
    account: str = ""
    update_secrets: SecretPolicy = "on_create"
    reload: t.Literal["auto", "never"] = "auto"
    rollback: bool = True


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Make one object as wanted.

    Results: `object` (empty when it is gone), `secrets_not_compared`, `generated`, `reloaded`, `stored_only`, `setting_errors`.
    """
    given = read(_ObjectOptions, options)
    kind = known_type(server, given.type)
    if given.account and not kind.owned:
        raise InvalidOption("account", f"a {kind.name} belongs to no account; remove it.")
    if given.id and given.match:
        raise InvalidOption("match", "the object is named by its id already; remove one of them.")
    if kind.singleton and (given.match or given.id):
        raise InvalidOption("match" if given.match else "id", f"there is exactly one {kind.name}, so nothing is to be looked for; remove it.")
    if given.state == "absent" and given.properties and (given.match or given.id):
        raise InvalidOption("properties", "the object is named by match or id already, and state is absent; remove them.")
    wanted = Wanted(kind, given.state, given.id, given.match, given.properties, given.account, given.update_secrets)
    among: list[FoundObject] | None = None if not given.account or _is_there(server, given.account, mode) else []
    prepared = prepare(server, wanted, mode, among=among)
    if mode.check:
        refuse_used(server, prepared)
    live = carry_out(server, [prepared], mode, reload=given.reload == "auto", rollback=given.rollback)
    results = {
        "object": prepared.result(),
        "secrets_not_compared": prepared.plan.kept_secrets if prepared.plan else [],
        "generated": _generated(prepared),
        "reloaded": live.reloaded,
        "stored_only": live.stored_only,
        "setting_errors": live.errors,
    }
    return Outcome(results, [prepared.change] if prepared.change else [])


def _is_there(server: Server, account: str, mode: Mode) -> bool:
    """Whether there is such an account; in check mode it need not be there yet. Raises InvalidOption."""
    if server.objects.resolve("Account", account) is not None:
        return True
    if not mode.check:
        raise InvalidOption("account", f"there is no account {account!r} on the server; make it first, or correct the name.")
    mode.warn(f"account: there is no account {account!r} yet; an earlier task may make it, else the run fails.")
    return False


def _generated(prepared: Prepared) -> dict[str, str]:
    """Secrets that the server made, told this once."""
    if prepared.created is not None:
        return prepared.created.secrets
    if prepared.change is None or prepared.change.action != "create":
        return {}
    made = [name for name, prop in prepared.type.shape.all.items() if prop.secret and prop.update == "server" and prepared.type.owned]
    return dict.fromkeys(made, GENERATED)


def secret_values(value: t.Any, name: str = "") -> t.Iterator[str]:
    """The values in the option `properties` that must not be shown, by the names of their properties."""
    if isinstance(value, dict):
        for key, inner in value.items():
            is_key = key == "key" and "keyName" in value
            yield from secret_values(inner, name if name == HEADERS else "secret" if is_key else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from secret_values(inner, name)
    elif isinstance(value, str) and (_SECRET_NAME.search(name) or name == HEADERS) and value not in MASKS:
        yield value


# Reading


class _InfoOptions(Options):
    type: str = ""
    ids: tuple[str, ...] = ()
    match: dict[t.Any, t.Any] = {}
    filter: dict[t.Any, t.Any] = {}
    account: str = ""
    describe: bool = False


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """The types that the server has (`types`), what one of them is (`description`), or its objects (`objects`, `total`)."""
    given = read(_InfoOptions, {**options, **({"ids": one_or_more(options["ids"])} if "ids" in options else {})})
    if not given.type:
        unused = next((name for name in ("ids", "match", "filter", "account") if getattr(given, name)), "")
        if unused or given.describe:
            raise InvalidOption("type", f"it is missing, and {unused or 'describe'} is about one type; name it.")
        return Outcome({"types": [_listed(kind) for name in server.objects.type_names() if (kind := server.objects.type(name))]})
    kind = known_type(server, given.type)
    if given.describe:
        return Outcome({"description": describe(kind)})
    if sum(map(bool, (given.ids, given.match, given.filter))) > 1:
        raise InvalidOption("match", "only one of ids, match and filter can say which objects are meant; remove the others.")
    if kind.name == "Action":
        raise InvalidOption("type", f"there is nothing to read: {kind.elsewhere}.")
    if kind.name in _ENDLESS:
        raise InvalidOption("type", f"there may be millions of them: {kind.elsewhere}.")
    if given.account and not kind.owned:
        raise InvalidOption("account", f"a {kind.name} belongs to no account; remove it.")
    if given.account:
        _is_there(server, given.account, Mode())
    if given.ids and not kind.singleton:
        found = server.objects.get(kind, given.ids, account=given.account)
    elif given.filter:
        found = server.objects.matching(kind, given.filter, account=given.account)
    else:
        key = read_match(kind, given.match, Resolver(server, mode, looking=True), "match") if given.match else {}
        found = [each for each in server.objects.find(kind, key, account=given.account) if matches(kind, each.values, key)]
    return Outcome({"objects": [shown_object(kind, each) for each in found], "total": len(found)})


def _listed(kind: ObjectType) -> dict[str, t.Any]:
    return {
        "name": kind.name,
        "singleton": kind.singleton,
        "description": kind.description,
        "found_by": list(kind.natural_key),
        "configuration": kind.configuration,
        "paid": kind.paid,
    }


def describe(kind: ObjectType) -> dict[str, t.Any]:
    """What the server says of a type, and what we know beyond that."""
    return {
        **_listed(kind),
        "filters": list(kind.filters),
        "reload": kind.reload or "none",
        "restart": kind.restart,
        "managed_by": kind.elsewhere,
        "variants": _variants(kind.shape, kind.required, ()),
    }


def _variants(shape: Shape, required: t.Mapping[str, t.Sequence[str]], above: tuple[int, ...]) -> dict[str, t.Any]:
    needed = set(required.get("", ()))
    return {
        variant: {name: _described(prop, name in needed or name in required.get(variant, ()), above) for name, prop in properties.items()}
        for variant, properties in shape.variants.items()
    }


def _described(prop: Property, required: bool, above: tuple[int, ...]) -> dict[str, t.Any]:
    told = {"description": prop.description, **_type_described(prop.type, above), "update": prop.update, "required": required}
    told.update({name: True for name, is_so in (("secret", prop.secret), ("paid", prop.paid)) if is_so})
    if prop.update != "server" and not prop.secret and prop.default not in (None, ""):
        told["default"] = shown_property(prop.default, prop)
    return told


def _type_described(value: ValueType, above: tuple[int, ...]) -> dict[str, t.Any]:
    told: dict[str, t.Any] = {"type": value.kind, "nullable": value.nullable}
    if value.format:
        told["format"] = value.format
    for name, bound in (("minimum", value.minimum), ("maximum", value.maximum)):
        if bound is not None:
            told[name] = format_milliseconds(bound) if value.kind == "duration" else bound
    told.update({name: each for name, each in (("max_length", value.max_length), ("min_items", value.min_items), ("refers_to", value.target)) if each})
    if value.members:
        told["choices"] = list(value.members)
    if value.element:
        told["elements"] = _type_described(value.element, above)
    if value.key:
        told["keys"] = _type_described(value.key, above)
    if value.shape_of:
        # a type may hold itself
        own = id(value.shape)
        told["variants"] = {} if own in above else _variants(value.shape, {}, (*above, own))
    return told

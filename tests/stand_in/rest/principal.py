"""``/api/principal``: accounts, groups, lists, domains, roles, keys and the rest of the directory."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from .. import errors
from ..call import Call, data
from ..principal import BUILT_IN_ROLES, FIELDS, Info, Principal, Update, parse_type, read_new_principal, read_updates
from ..values import quoted
from . import area

_PERMISSION_PREFIX = {
    "individual": "individual",
    "group": "group",
    "list": "mailing-list",
    "domain": "domain",
    "tenant": "tenant",
    "role": "role",
    "apiKey": "api-key",
    "oauthClient": "oauth-client",
}
_LISTED_WITHOUT_TYPES = ("individual", "group", "list", "domain", "tenant", "role", "other", "apiKey", "oauthClient")


def _permission(kind: str, action: str) -> str:
    return f"{_PERMISSION_PREFIX.get(kind, 'principal')}-{action}"


@area("principal")
async def handle(call: Call) -> Response:
    name = call.element(1)
    match name, call.method:
        case None | "deploy", "POST":
            return _create(call)
        case None, "GET":
            return _list(call)
        case None, "DELETE":
            return _delete_many(call)
        case str(), method:
            return _one(call, name, method)
    raise errors.not_found()


def _create(call: Call) -> Response:
    server = call.server
    new = read_new_principal(call.body, lenient_lists=server.at_least(0, 14))
    kind, name = new.type, new.name.lower()
    call.token.require(_permission(kind, "create"))
    if (kind == "tenant" or "tenant" in new.fields) and not server.enterprise:
        raise errors.enterprise_only()
    roles = new.fields.get("roles")
    _check_roles(call, [str(role) for role in roles] if isinstance(roles, list) else [])
    sets_report_domain = kind == "domain" and server.settings.get("report.domain") is None
    identifier, changes = server.directory.create(new, call.token.tenant_id, call.token.permissions)
    if sets_report_domain:
        server.settings.put([("report.domain", name)])
    server.access.forget(changes)
    return data(identifier)


def _check_roles(call: Call, names: list[str]) -> None:
    """A caller can't give away more than it may itself."""
    for name in names:
        info = call.server.directory.info(name)
        if info is not None and info.type == "role" and info.visible_to(call.token.tenant_id):
            role = info.id
        elif name in BUILT_IN_ROLES:
            role = BUILT_IN_ROLES[name]
        else:
            continue
        if not call.server.access.role(role).granted <= call.token.permissions:
            raise errors.other("Invalid role", f"Your account cannot grant the {quoted(name)} role")


def _tenant(call: Call) -> int | None:
    """The tenant that a list is limited to."""
    if call.token.tenant_id is not None or not call.server.enterprise:
        return call.token.tenant_id
    info = call.server.directory.info(call.query.text("tenant") or "")
    return info.id if info is not None and info.type == "tenant" else None


def _list(call: Call) -> Response:
    asked = (call.query.text("types") or call.query.text("type") or "").split(",")
    types = [kind for kind in map(parse_type, asked) if kind is not None]
    fields = frozenset((call.query.text("fields") or "").split(",")) & FIELDS
    for kind in types or _LISTED_WITHOUT_TYPES:
        call.token.require(_permission(kind, "list"))
    if "tenant" in types and not call.server.enterprise:
        raise errors.enterprise_only()
    directory = call.server.directory
    found, total = directory.search(call.query.text("filter"), _tenant(call), types, call.query.size("page"), call.query.size("limit"))
    items = [] if "count" in call.query else [directory.show(principal, fields) for principal in found]
    return data({"items": items, "total": total})


def _delete_many(call: Call) -> Response:
    kind = parse_type(call.query.text("type") or "")
    if kind is None:
        raise errors.bad_parameters("Invalid type")
    if call.query.text("confirm") != "true":
        raise errors.bad_parameters("Missing confirmation parameter")
    call.token.require(_permission(kind, "delete"))
    if kind == "tenant" and not call.server.enterprise:
        raise errors.enterprise_only()
    found, _ = call.server.directory.search(call.query.text("filter"), _tenant(call), [kind], 0, 0)
    if found:
        call.server.spawn(_delete_in_background(call, found))
    return data(bool(found))


async def _delete_in_background(call: Call, principals: list[Principal]) -> None:
    for principal in principals:
        await asyncio.sleep(0)
        try:
            call.server.access.forget(call.server.directory.delete(principal.id))
        except errors.ApiError:
            continue


def _one(call: Call, name: str, method: str) -> Response:
    directory = call.server.directory
    info = directory.info(name)
    if info is None or not info.visible_to(call.token.tenant_id):
        raise errors.no_such_item(name)
    if info.type == "tenant" and not call.server.enterprise:
        raise errors.enterprise_only()
    match method:
        case "GET":
            call.token.require(_permission(info.type, "get"))
            return data(directory.show(directory.principals[info.id]))
        case "DELETE":
            call.token.require(_permission(info.type, "delete"))
            call.server.access.forget(directory.delete(info.id))
            return data(None)
        case "PATCH":
            call.token.require(_permission(info.type, "update"))
            return _patch(call, info)
    raise errors.not_found()


def _patch(call: Call, info: Info) -> Response:
    updates = read_updates(call.body)
    for update in updates:
        if update.field == "tenant" and call.token.tenant_id is not None:
            raise errors.forbidden()
        if update.field == "roles" and update.action != "removeItem":
            _check_roles(call, _names(update))
    changes = call.server.directory.update(info.id, updates, call.token.tenant_id, call.token.permissions)
    call.server.access.forget(changes)
    return data(None)


def _names(update: Update) -> list[str]:
    values = update.value if isinstance(update.value, list) else [update.value]
    return [value for value in values if isinstance(value, str)]

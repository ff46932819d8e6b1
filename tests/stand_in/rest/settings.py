"""``/api/settings``: the flat key and value store behind the server's configuration."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from .. import errors
from ..call import Call, data
from . import area


@area("settings")
async def handle(call: Call) -> Response:
    match call.path[1:2], call.method:
        case ["group"], "GET":
            return _group(call)
        case ["list"], "GET":
            return _list(call)
        case ["keys"], "GET":
            return _keys(call)
        case [str() as key], "DELETE" if key:
            call.token.require("settings-delete")
            call.server.settings.clear(call.element(1) or "")
            return data(None)
        case [], "POST":
            return _change(call)
    raise errors.not_found()


def _dotted(prefix: str | None) -> str:
    return "" if prefix is None else prefix if prefix.endswith(".") else f"{prefix}."


def _page(call: Call, items: list[Any]) -> list[Any]:
    limit = call.query.size("limit")
    start = max(call.query.size("page") - 1, 0) * limit
    return items[start : start + limit] if limit else items


def _group(call: Call) -> Response:
    call.token.require("settings-list")
    prefix, suffix, field = _dotted(call.query.text("prefix")), call.query.text("suffix"), call.query.text("field")
    text = (call.query.text("filter") or "").lower()
    settings = call.server.settings.list(prefix, strip=True)
    if suffix is None or not settings:
        items = [{"_id": key, "_value": value} for key, value in settings.items() if text in key.lower() or text in value.lower()]
        return data({"total": len(items), "items": _page(call, items)})
    suffix = suffix if suffix.startswith(".") else f".{suffix}"
    ids = [key.removesuffix(suffix) for key in settings if key.endswith(suffix) and key != suffix]
    if not text:
        return data({"total": len(ids), "items": [_record(settings, identifier, field) for identifier in _page(call, ids)]})
    records = [_record(settings, identifier, field) for identifier in ids]
    records = [record for record in records if any(text in value.lower() for value in record.values())]
    return data({"total": len(records), "items": _page(call, records)})


def _record(settings: dict[str, str], identifier: str, field: str | None) -> dict[str, str]:
    """The keys of one record. They are gathered up to the first foreign key behind the first of them."""
    record = {"_id": identifier}
    prefix = f"{identifier}."
    for key, value in settings.items():
        if key.startswith(prefix):
            name = key.removeprefix(prefix)
            if field is None or field == name:
                record[name] = value
        elif len(record) > 1:
            break
    return record


def _list(call: Call) -> Response:
    call.token.require("settings-list")
    items = list(call.server.settings.list(_dotted(call.query.text("prefix")), strip=True).items())
    return data({"total": len(items), "items": dict(_page(call, items))})


def _keys(call: Call) -> Response:
    call.token.require("settings-list")
    found: dict[str, str] = {}
    for key in (call.query.text("keys") or "").split(","):
        value = call.server.settings.get(key)
        if value is not None:
            found[key] = value
    prefixes = call.query.text("prefixes")
    for prefix in prefixes.split(",") if prefixes is not None else []:
        found |= call.server.settings.list(_dotted(prefix), strip=False)
    return data(found)


def _change(call: Call) -> Response:
    """Changes are applied one by one; one that fails leaves those before it in place."""
    call.token.require("settings-update")
    document = call.json()
    if not isinstance(document, list):
        raise errors.bad_parameters()
    changes = [_checked(change) for change in document]
    for change in changes:
        _apply(call, change)
    return data(None)


def _are_texts(items: list[Any]) -> bool:
    return all(isinstance(item, str) for item in items)


def _checked(change: Any) -> dict[str, Any]:
    """The change as it came, where its form is right. Raises Problem 400."""
    match change:
        case {"type": "delete", "keys": list(keys)} if _are_texts(keys):
            return dict(change)
        case {"type": "clear", "prefix": str()} if isinstance(change.get("filter", ""), str | None):
            return dict(change)
        case {"type": "insert", "values": list(values), "assert_empty": bool()} if isinstance(change.get("prefix"), str | None):
            if all(isinstance(pair, list) and len(pair) == 2 and _are_texts(pair) for pair in values):
                return dict(change)
    raise errors.bad_parameters()


def _apply(call: Call, change: dict[str, Any]) -> None:
    settings = call.server.settings
    match change["type"]:
        case "delete":
            for key in change["keys"]:
                settings.clear(key)
        case "clear" if change.get("filter") is not None:
            for key, value in settings.list(change["prefix"], strip=False).items():
                if change["filter"] in value.lower() or change["filter"] in key.lower():
                    settings.clear(key)
        case "clear":
            settings.clear_prefix(change["prefix"])
        case "insert":
            prefix, values = change.get("prefix"), change["values"]
            if change["assert_empty"] and _is_taken(call, prefix, values):
                raise errors.assert_failed()
            settings.put((key if prefix is None else f"{prefix}.{key}", value) for key, value in values)


def _is_taken(call: Call, prefix: str | None, values: list[list[str]]) -> bool:
    if prefix is not None:
        return bool(call.server.settings.list(f"{prefix}.", strip=True))
    return bool(values) and call.server.settings.get(values[0][0]) is not None

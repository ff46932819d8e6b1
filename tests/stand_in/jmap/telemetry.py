"""What the server tells of itself: its log, its nodes; and the object that only a server without configuration has."""

from __future__ import annotations

import re
from typing import Any

from . import ids
from .calls import MethodCall, MethodError
from .objects import SINGLETON_ID, Changes, conditions, got, page, shown, sorting, unsupported, wanted_ids
from .patch import format_time
from .store import SetError

_LINE = re.compile(r"(?P<timestamp>\S+) +(?P<level>\S+) +(?P<name>.*?) \((?P<event>[^)]*)\)(?P<details>.*)", re.DOTALL)


def refuse_all(call: MethodCall) -> dict[str, Any]:
    """Nothing here is written by clients."""
    changes = Changes(call)
    changes.not_created = dict.fromkeys(call.arguments.get("create") or {}, SetError("forbidden", "Telemetry objects cannot be created").as_json())
    for number, _ in changes.updates():
        changes.not_updated[ids.encode(number)] = SetError("forbidden", "Telemetry objects cannot be modified").as_json()
    for number in changes.destroys():
        changes.not_destroyed[ids.encode(number)] = SetError("forbidden", "Telemetry objects cannot be deleted").as_json()
    return changes.as_json()


# --- log ---------------------------------------------------------------------


def _lines(call: MethodCall) -> list[tuple[int, str]]:
    """Lines with the places that are their ids, newest first. Raises MethodError where nothing is logged to a file."""
    tracers = [value for _, value in call.service.store.items("Tracer")]
    if not any(value["@type"] == "Log" and value["enable"] for value in tracers):
        raise MethodError("invalidArguments", "No log tracers configured on the server")
    place, found = 0, []
    for line in call.service.server.events.lines:
        found.append((place, line))
        place += len(line.encode()) + 1
    return found[::-1]


def get_log(call: MethodCall) -> dict[str, Any]:
    numbers, _ = wanted_ids(call)
    lines = dict(_lines(call))
    listed = list(lines)[: call.service.limits["getMaxResults"]] if numbers is None else numbers
    found = []
    for number in listed:
        match = _LINE.fullmatch(lines.get(number, ""))
        if match is not None:
            fields = match.groupdict()
            entry = {"timestamp": fields["timestamp"], "level": fields["level"].lower(), "event": fields["event"], "details": fields["details"].strip()}
            found.append(shown(call, entry, number))
    return got(call, found, [], [])


def query_log(call: MethodCall) -> dict[str, Any]:
    """Position does nothing: pages go by anchor."""
    lines = _lines(call)
    for name, _, value in conditions(call):
        if name != "text" or not isinstance(value, str):
            raise unsupported(name)
        lines = [(number, line) for number, line in lines if value in line]
    if sorting(call)[0] != "id":
        raise MethodError("unsupportedSort", "Only sorting by 'id' is supported for logs")
    numbers = [number for number, _ in lines]
    anchor = ids.decode(call.arguments.get("anchor"))
    if anchor is not None:
        numbers = numbers[numbers.index(anchor) + 1 :] if anchor in numbers else []
    limit, most = call.arguments.get("limit"), call.service.limits["queryMaxResults"]
    chosen = numbers[: limit or most]
    answer = {"accountId": call.account_id, "queryState": "n", "canCalculateChanges": True, "position": 0, "ids": list(map(ids.encode, chosen))}
    if call.arguments.get("calculateTotal"):
        answer["total"] = most
        answer |= {"limit": limit} if limit is not None and limit < most else {}
    return answer


# --- nodes and bootstrap -----------------------------------------------------


def get_nodes(call: MethodCall) -> dict[str, Any]:
    numbers, invalid = wanted_ids(call)
    server = call.service.server
    node = {"nodeId": 0, "hostname": server.hostname, "lastRenewal": format_time(server.now()), "status": "active"}
    listed = list(dict.fromkeys(numbers or [0]))
    return got(call, [shown(call, node, 0)] if 0 in listed else [], [number for number in listed if number != 0], invalid)


def query_nodes(call: MethodCall) -> dict[str, Any]:
    given = (call.arguments.get("sort") or [{"property": "nodeId"}])[0].get("property")
    if given != "nodeId":
        raise MethodError("unsupportedSort", "Only sorting by 'nodeId' is supported for cluster nodes")
    return page(call, [0], call.arguments, call.service.limits["queryMaxResults"])


def get_bootstrap(call: MethodCall) -> dict[str, Any]:
    return got(call, [], [SINGLETON_ID], [])


def set_bootstrap(call: MethodCall) -> dict[str, Any]:
    return Changes(call).refuse_all(SetError("forbidden", "This operation is only allowed bootstrap mode"))

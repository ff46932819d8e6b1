"""``/api/logs``: what the log tracer wrote, newest first."""

from __future__ import annotations

import re

from starlette.responses import Response

from .. import errors
from ..call import Call, data
from . import area

_LINE = re.compile(r"(?P<timestamp>\S+) +(?P<level>\S+) +(?P<event>.*?) \((?P<event_id>[^)]*)\)(?P<details>.*)", re.DOTALL)
_DEFAULT_LIMIT = 100


@area("logs")
async def handle(call: Call) -> Response:
    if call.method != "GET":
        raise errors.not_found()
    call.token.require("logs-view")
    if not _is_logged_to_file(call.server.settings.live):
        raise errors.unsupported("Tracer log path not configured")
    wanted = call.query.text("filter") or ""
    number = call.query.number("limit")
    limit = _DEFAULT_LIMIT if number is None else number
    skip = max(call.query.size("page") - 1, 0) * limit
    total, items = 0, []
    lines = reversed(call.server.events.lines)
    for line in lines:
        if wanted not in line:
            continue
        total += 1
        if skip:
            skip -= 1
            continue
        if (match := _LINE.fullmatch(line)) is None:
            continue
        items.append({**match.groupdict(), "details": match["details"].strip()})
        if len(items) == limit:
            # The server stops here, and counts one more page where there is more to read.
            total += limit if next(lines, None) is not None else 0
            break
    return data({"items": items, "total": total})


def _is_logged_to_file(settings: dict[str, str]) -> bool:
    names = (key.removeprefix("tracer.").removesuffix(".type") for key, value in settings.items() if key.startswith("tracer.") and value == "log")
    return any(settings.get(f"tracer.{name}.enable", "true") == "true" for name in names)

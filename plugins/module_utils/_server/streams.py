# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event streams, and the delivery test that comes by one: the same in both generations."""

from __future__ import annotations

import json
import re
import typing as t

from .._errors import UnexpectedAnswer
from .._secrets import scrub
from .models.diagnosis import DeliveryEvent

#: The ends of an event's name, in the order in which they must be tried, with what they mean.
_OUTCOMES: tuple[tuple[str, t.Literal["start", "success", "error", "not_found", "done"]], ...] = (
    ("Start", "start"),
    ("Success", "success"),
    ("Error", "error"),
    ("NotFound", "not_found"),
    ("Completed", "done"),
)

#: Events named after what was not found rather than after their step.
_STEPS = {"mta_sts": "mta_sts_fetch", "tls_rpt": "tls_rpt_lookup", "tlsa": "tlsa_lookup", "start_tls": "starttls"}


def stream(lines: t.Iterator[str]) -> t.Iterator[tuple[str, list[t.Any]]]:
    """The events of a text/event-stream: name and data, the latter always as a list. A last one that is cut off is left out."""
    name, data = "", list[str]()
    for line in lines:
        field, _colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line and data:
            try:
                found = json.loads("\n".join(data))
            except ValueError:
                raise UnexpectedAnswer("the event stream holds something that is no JSON", request="event stream") from None
            yield name, found if isinstance(found, list) else [found]
            name, data = "", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)


def step_timeout(seconds: float) -> str:
    """The time limit of a delivery test's step as servers take it: whole seconds, at least one."""
    return str(max(int(seconds), 1))


def delivery_events(lines: t.Iterator[str]) -> t.Iterator[DeliveryEvent]:
    """The events of a delivery test up to its last one, after which servers may leave the stream open."""
    for _name, data in stream(lines):
        for item in data:
            event = delivery_event(item)
            yield event
            if event.step == "completed":
                return


def delivery_event(item: dict[str, t.Any]) -> DeliveryEvent:
    """One event of a delivery test."""
    name = item["type"]
    details = {_snake(key): value for key, value in item.items() if key not in ("type", "elapsed", "reason")}
    elapsed, reason = item.get("elapsed"), item.get("reason") or ""
    if name == "completed":
        return DeliveryEvent(step="completed", outcome="done")
    for end, outcome in _OUTCOMES:
        if name.endswith(end) and name != end:
            step = _snake(name.removesuffix(end))
            # "startTls" is itself a step, whose own ends follow
            return DeliveryEvent(step=_STEPS.get(step, step), outcome=outcome, elapsed=elapsed, reason=reason, details=details)
    return DeliveryEvent(step=_snake(name), outcome="done", elapsed=elapsed, reason=reason, details=details)


def scrubbed(value: t.Any) -> t.Any:
    """A value with all texts in it scrubbed of secrets."""
    if isinstance(value, dict):
        return {key: scrubbed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [scrubbed(each) for each in value]
    return scrub(value) if isinstance(value, str) else value


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()

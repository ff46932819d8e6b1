# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks of the server: done in the background, gone when they are done, and telling why when they fail."""

from __future__ import annotations

import time
import typing as t

from ..._errors import NotApplied, ServerFault
from ._call import Find, JmapCaller, Object

_PAUSE = 0.2


class JmapTask:
    """A task that was given to the server. `parts` is what it is split into: tasks of a type and a kind of maintenance."""

    def __init__(self, caller: JmapCaller, value: t.Mapping[str, t.Any], *, resource: str, parts: tuple[str, str] | None = None) -> None:
        """One request, which starts it."""
        self._caller = caller
        self._resource = resource
        self._parts = parts
        self._id = str(caller.create("Task", {**value, "status": {"@type": "Pending"}}, resource=resource)["id"])
        self._is_split = False

    def done(self) -> bool:
        """One request. Raises ServerFault where the server could not do it; it may then try again by itself."""
        if not self._is_split:
            found = self._caller.get("Task", [self._id], properties=["@type", "status"], resource=self._resource).get(self._id)
            if found is not None:
                self._raise_for(found)
                return False
            self._is_split = True
        if self._parts is None:
            return True
        object_type, kind = self._parts
        parts = self._caller.each(Find("Task", {"@type": object_type}, ("@type", "status", "maintenanceType"), self._resource, sort="due"))
        mine = [each for each in parts if each.get("maintenanceType") == kind]
        for each in mine:
            self._raise_for(each)
        return not mine

    def finish(self) -> None:
        """Wait for the end of a task whose result is asked for, as long as for an answer. Raises NotApplied where that is not enough."""
        seconds = self._caller.client.connection.timeout
        deadline = time.monotonic() + seconds
        while not self.done():
            if time.monotonic() > deadline:
                raise NotApplied(f"{self._resource}: the server did not finish within {seconds:g} seconds and goes on; raise timeout, and run the task again.")
            time.sleep(_PAUSE)

    def _raise_for(self, found: Object) -> None:
        status = found.get("status") or {}
        if status.get("@type") in ("Retry", "Failed"):
            words = str(status.get("failureReason") or "it gives no reason")
            raise ServerFault(words, request="POST /jmap x:Task/get").about(self._resource)

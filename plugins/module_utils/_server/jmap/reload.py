# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making settings live over JMAP: one action a part, which applies nothing where any object of it is broken."""

from __future__ import annotations

from ..._errors import InvalidRequest, Refused
from ..models.server import ReloadPart, ReloadReport
from ._call import JmapCaller

_ACTIONS: dict[ReloadPart, str] = {
    "all": "ReloadSettings",
    "lookup": "ReloadLookupStores",
    "certificate": "ReloadTlsCertificates",
    "blocked_ip": "ReloadBlockedIps",
}


def reload(caller: JmapCaller, part: ReloadPart, *, dry_run: bool) -> ReloadReport:
    """One request. Raises Refused for a dry run, which this generation does not know."""
    if dry_run:
        raise Refused("servers since 0.16 can't only check settings: they check each object when it is written, and all of them by a reload.")
    try:
        caller.create("Action", {"@type": _ACTIONS[part]}, resource="reload")
    except InvalidRequest as error:
        if not error.words.startswith("validationFailed"):
            raise
        # the first broken object ends it, and is named last
        words, _colon, broken = error.words.partition(": ")[2].rpartition(": ")
        return ReloadReport(errors={broken: words} if words else {"settings": broken or error.words})
    return ReloadReport()

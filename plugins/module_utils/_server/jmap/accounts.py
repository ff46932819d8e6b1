# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts by the names that they log in with."""

from __future__ import annotations

import typing as t

from ..._errors import NotFound, Refused
from ._call import JmapCaller, Object


def account(caller: JmapCaller, name: str, *, properties: t.Collection[str] = ()) -> Object:
    """The account of a name like alice@example.org; a name without a domain is one of the server's default domain, else the only one that begins so.

    Two requests, one or two for a name without a domain. Raises NotFound, and Refused where a name could be several accounts'.
    """
    local, _at, domain = name.rpartition("@")
    if local:
        domains = caller.find("Domain", {"name": domain}, properties=["name"], resource=f"domain {domain!r}")
        conditions = {"name": local, "domainId": str(domains[0]["id"])} if domains else {}
    else:
        conditions = {"name": name}
    found = caller.find("Account", conditions, properties=["name", "domainId", "emailAddress", *properties], resource=named(name)) if conditions else []
    if len(found) > 1:
        default = caller.singleton("SystemSettings", properties=["defaultDomainId"], resource="default domain").get("defaultDomainId")
        addresses = " or ".join(sorted(str(each.get("emailAddress")) for each in found))
        found = [each for each in found if each.get("domainId") == default]
        if not found:
            raise Refused(f"{named(name)}: it may be {addresses}; give the whole address.")
    if not found:
        raise NotFound("there is no such account", item=name, request="POST /jmap x:Account/query").about(named(name))
    return found[0]


def account_id(caller: JmapCaller, name: str) -> str:
    """Its id, as `account`."""
    return str(account(caller, name)["id"])


def named(name: str) -> str:
    """How an error names it."""
    return f"account {name!r}"

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port over JMAP, put together: one cached property an area."""

from __future__ import annotations

import functools
import typing as t

from ..._errors import Refused
from ..._http import HttpClient
from ..health import is_healthy
from ..models.dns import DnsRecord
from ..models.server import About, ReloadPart, ReloadReport, parse_version, version_text
from ..port import Settings
from ._call import JmapCaller
from .dns import publishing, zone_records
from .permissions import from_wire
from .reload import reload
from .versions import version_by_content, version_by_name

if t.TYPE_CHECKING:
    from .account import JmapAccount, JmapOAuth
    from .diagnosis import JmapDiagnosis, JmapTelemetry
    from .objects import JmapObjects
    from .principals import JmapPrincipals
    from .queue import JmapQueue
    from .reports import JmapReports
    from .signatures import JmapSignatures
    from .spam import JmapSpamFilter
    from .stores import JmapStores


class JmapServer:
    """A server of 0.16 or later. Nothing is sent before a method is called."""

    generation: t.Literal["rest", "jmap"] = "jmap"

    def __init__(self, client: HttpClient, server_version: str = "") -> None:
        self._caller = JmapCaller(client)
        self._version = parse_version(server_version) if server_version else ()

    # Areas: a property each. What it imports is loaded by tasks that need it, and by others not.

    @functools.cached_property
    def principals(self) -> JmapPrincipals:
        """Domains, accounts, groups, …"""
        from .principals import JmapPrincipals

        return JmapPrincipals(self._caller)

    @functools.cached_property
    def objects(self) -> JmapObjects:
        """Whatever else there is, by the types of the server's own schema."""
        from .objects import JmapObjects

        return JmapObjects(self._caller)

    @property
    def settings(self) -> Settings:
        """There are none by free keys: they are objects."""
        raise Refused(
            "servers since 0.16 have no settings by free keys; their settings are properties of objects, which the modules settings and object manage."
        )

    @functools.cached_property
    def signatures(self) -> JmapSignatures:
        """DKIM keys."""
        from .signatures import JmapSignatures

        return JmapSignatures(self._caller)

    @functools.cached_property
    def queue(self) -> JmapQueue:
        """Mail on its way out."""
        from .queue import JmapQueue

        return JmapQueue(self._caller)

    @functools.cached_property
    def reports(self) -> JmapReports:
        """What servers said of each other's mail."""
        from .reports import JmapReports

        return JmapReports(self._caller)

    @functools.cached_property
    def stores(self) -> JmapStores:
        """Store maintenance, blobs, deleted items."""
        from .stores import JmapStores

        return JmapStores(self._caller)

    @functools.cached_property
    def spam_filter(self) -> JmapSpamFilter:
        """Training and trying the spam filter."""
        from .spam import JmapSpamFilter

        return JmapSpamFilter(self._caller)

    @functools.cached_property
    def diagnosis(self) -> JmapDiagnosis:
        """Tests of deliveries and of DMARC, and the log."""
        from .diagnosis import JmapDiagnosis

        return JmapDiagnosis(self._caller)

    @functools.cached_property
    def telemetry(self) -> JmapTelemetry:
        """Metrics and traces."""
        from .diagnosis import JmapTelemetry

        return JmapTelemetry(self._caller)

    @functools.cached_property
    def account(self) -> JmapAccount:
        """The account of the login."""
        from .account import JmapAccount

        return JmapAccount(self._caller)

    @functools.cached_property
    def oauth(self) -> JmapOAuth:
        """Codes and tokens for other programs."""
        from .account import JmapOAuth

        return JmapOAuth(self._caller)

    def update_webadmin(self) -> None:
        """One request, during which the server fetches its applications from the network."""
        self._caller.create("Action", {"@type": "UpdateApps"}, resource="web administration")

    def dns_records(self, domain: str) -> list[DnsRecord]:
        """One request. None for a domain that is not on the server."""
        return zone_records(self._caller, domain)

    def publishing(self, domains: t.Collection[str]) -> list[str]:
        """One request."""
        return publishing(self._caller, domains)

    def reload(self, *, part: ReloadPart = "all", dry_run: bool = False) -> ReloadReport:
        """One request. Servers since 0.16 check by reloading only: a dry run raises Refused."""
        return reload(self._caller, part, dry_run=dry_run)

    def about(self) -> About:
        """Two requests, or three. The version is as the option server_version says, else as told by the schema."""
        told = self._caller.call("GET", "account", resource="account")
        return About(
            version=version_text(self._version) if self._version else self._version_by_schema(),
            edition="enterprise" if told.get("edition") == "enterprise" else "community",
            generation="jmap",
            permissions=from_wire(told.get("permissions", ())),
        )

    def _version_by_schema(self) -> str:
        return version_by_name(self._caller.schema_name) or version_by_content(self._caller.schema())

    def version(self) -> tuple[int, ...]:
        """As the option server_version says; else only the first of this generation, since no answer tells it."""
        return self._version or FIRST_VERSION

    def own_names(self) -> t.Collection[str]:
        """As the session calls the account of the login. One request, or none when the limits were asked before."""
        account = (self._caller.session.get("accounts") or {}).get(self._caller.account_id) or {}
        return [str(account["name"]).lower()] if account.get("name") else []

    def own_address(self) -> str:
        """As the socket has it. A server behind a proxy sees the proxy, or what that tells it."""
        return self._caller.client.local_address

    def healthy(self, *, ready: bool) -> bool:
        """GET /healthz/live or /healthz/ready, without a login."""
        return is_healthy(self._caller.client, ready=ready)


#: The first version that has this API.
FIRST_VERSION = (0, 16)

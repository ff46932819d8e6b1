# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port over REST, put together."""

from __future__ import annotations

import functools
import typing as t

from ..._errors import PermissionDenied, Refused
from ..._http import HttpClient
from ..._secrets import is_secret_key, scrub
from ..health import is_healthy
from ..models.dns import DnsRecord
from ..models.server import About, ReloadPart, ReloadReport
from ..port import Objects
from ._call import RestCaller, name_in_token

if t.TYPE_CHECKING:
    from .account import RestAccount, RestOAuth
    from .diagnosis import RestDiagnosis, RestTelemetry
    from .principals import RestPrincipals
    from .queue import RestQueue
    from .reports import RestReports
    from .settings import RestSettings
    from .signatures import RestSignatures
    from .spam import RestSpamFilter
    from .stores import RestStores

_PARTS = {"lookup": "lookup", "certificate": "certificate", "blocked_ip": "server.blocked-ip"}


class RestServer:
    """A server of 0.13 to 0.15. Nothing is sent before a method is called."""

    generation: t.Literal["rest", "jmap"] = "rest"

    def __init__(self, client: HttpClient, server_version: str = "") -> None:
        self._caller = RestCaller(client, server_version)

    # Areas: a property each. What it imports is loaded by tasks that need it, and by others not.

    @functools.cached_property
    def principals(self) -> RestPrincipals:
        """Domains, accounts, groups, …"""
        from .principals import RestPrincipals

        return RestPrincipals(self._caller, self.settings)

    @property
    def objects(self) -> Objects:
        """There are none."""
        raise Refused(
            "servers up to 0.15 publish no schema of objects, which only those since 0.16 have, and this one is older; "
            "use the modules principal, settings, dkim and the others, which serve both."
        )

    @functools.cached_property
    def settings(self) -> RestSettings:
        """Configuration."""
        from .settings import RestSettings

        return RestSettings(self._caller)

    @functools.cached_property
    def signatures(self) -> RestSignatures:
        """DKIM keys."""
        from .signatures import RestSignatures

        return RestSignatures(self._caller, self.settings, self.dns_records)

    @functools.cached_property
    def queue(self) -> RestQueue:
        """Mail on its way out."""
        from .queue import RestQueue

        return RestQueue(self._caller, self.settings)

    @functools.cached_property
    def reports(self) -> RestReports:
        """What servers said of each other's mail."""
        from .reports import RestReports

        return RestReports(self._caller)

    @functools.cached_property
    def stores(self) -> RestStores:
        """Store maintenance, blobs, deleted items."""
        from .stores import RestStores

        return RestStores(self._caller)

    @functools.cached_property
    def spam_filter(self) -> RestSpamFilter:
        """Training and trying the spam filter."""
        from .spam import RestSpamFilter

        return RestSpamFilter(self._caller)

    @functools.cached_property
    def diagnosis(self) -> RestDiagnosis:
        """Tests of deliveries and of DMARC, and the log."""
        from .diagnosis import RestDiagnosis

        return RestDiagnosis(self._caller)

    @functools.cached_property
    def telemetry(self) -> RestTelemetry:
        """Metrics and traces."""
        from .diagnosis import RestTelemetry

        return RestTelemetry(self._caller)

    @functools.cached_property
    def account(self) -> RestAccount:
        """The account of the login."""
        from .account import RestAccount

        return RestAccount(self._caller)

    @functools.cached_property
    def oauth(self) -> RestOAuth:
        """Codes and tokens for other programs."""
        from .account import RestOAuth

        return RestOAuth(self._caller)

    def update_webadmin(self) -> None:
        """One request, during which the server fetches from the network."""
        self._caller.call("GET", "update", "webadmin", resource="web administration", safe=False)

    def own_names(self) -> t.Collection[str]:
        """From the login alone, without a request. An OAuth token does not tell whose it is."""
        connection = self._caller.client.connection
        return [name for name in (connection.user.lower(), name_in_token(connection.token)) if name]

    def dns_records(self, domain: str) -> list[DnsRecord]:
        """One request. The server answers for any name, known or not."""
        records = self._caller.call("GET", "dns", "records", domain, resource=f"DNS records of {domain!r}")
        return [DnsRecord(type=record["type"], name=record["name"], content=record["content"]) for record in records]

    def publishing(self, domains: t.Collection[str]) -> list[str]:
        """None: servers up to 0.15 publish nothing. No request."""
        return []

    def reload(self, *, part: ReloadPart = "all", dry_run: bool = False) -> ReloadReport:
        """One request. HTTP 200 also when there are errors; with any, nothing was applied. Below a part the server ignores `dry-run`."""
        path = ("reload", _PARTS[part]) if part != "all" and not dry_run else ("reload",)
        answer = self._caller.call("GET", *path, resource="reload", query={"dry-run": "true"} if dry_run else None)
        return ReloadReport(errors=_sentences(answer.get("errors")), warnings=_sentences(answer.get("warnings")))

    def about(self) -> About:
        """One request, which makes a code on the server; the code is dropped at once."""
        try:
            told = self._caller.authorize()
        except PermissionDenied:
            return About(version=".".join(map(str, self._caller.known_version)))
        return About(
            version=str(told.get("version", "")),
            edition="enterprise" if told.get("isEnterprise") else "community",
            permissions=tuple(sorted(told.get("permissions", ()))),
        )

    def version(self) -> tuple[int, ...]:
        """Asked once, or as the option server_version says."""
        return self._caller.version()

    def own_address(self) -> str:
        """As the socket has it. A server behind a proxy sees the proxy, or what that tells it."""
        return self._caller.client.local_address

    def healthy(self, *, ready: bool) -> bool:
        """GET /healthz/live or /healthz/ready, without a login."""
        return is_healthy(self._caller.client, ready=ready)


def _sentences(found: t.Any) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}

    def words(value: t.Any) -> str:
        return ": ".join(str(part) for part in (value.get("type"), value.get("error") or value.get("default")) if part)

    # An unread key comes with its value, which may be a secret: only the kinds' own words are taken.
    # The error of a value that could not be read quotes it.
    return {key: str(value.get("type", "")) if is_secret_key(key) else scrub(words(value)) for key, value in sorted(found.items())}

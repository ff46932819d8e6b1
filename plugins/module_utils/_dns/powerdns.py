# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PowerDNS by its own API (https://doc.powerdns.com/authoritative/http-api/)."""

from __future__ import annotations

import typing as t
import urllib.parse

from .._errors import AuthenticationFailed, InvalidOption, InvalidRequest, NotFound, ServerError, UnexpectedAnswer
from .._http import Connection, client_for
from ._wire import require_dnspython, value_from_text
from .port import Published, Update


class PowerDns:
    """One server of PowerDNS."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        server_id: str = "localhost",
        validate_certs: bool = True,
        ca_path: str = "",
        allow_http: bool = False,
        use_proxy: bool = True,
        timeout: float = 30.0,
    ) -> None:
        """Raises InvalidOption (whose option is that of the provider), LibraryMissing."""
        require_dnspython()
        if not api_key:
            raise InvalidOption("api_key", "it is empty; give the api-key of the server's pdns.conf.")
        # the documentation of PowerDNS writes the URL with and without it
        self._url = url.rstrip("/").removesuffix("/api/v1")
        connection = Connection(
            url=self._url,
            api_key=api_key,
            validate_certs=validate_certs,
            ca_path=ca_path,
            allow_http=allow_http,
            use_proxy=use_proxy,
            timeout=timeout,
        )
        self._client = client_for(connection)
        self._server_id = server_id
        # Records that are switched off are no part of DNS and must stay: a set is always written as a whole.
        self._disabled: dict[tuple[str, str, str], list[dict[str, t.Any]]] = {}

    @property
    def label(self) -> str:
        parts = urllib.parse.urlsplit(self._url)
        return parts.netloc if self._server_id == "localhost" else f"{parts.netloc}/{self._server_id}"

    def read(self, zone: str, names: t.Collection[str]) -> tuple[Published, ...]:
        answer = self._call("GET", zone)
        sets = answer.get("rrsets") if isinstance(answer, dict) else None
        if not isinstance(sets, list):
            raise UnexpectedAnswer(
                "the answer holds no record sets; is the url that of the API of PowerDNS?", request="GET zone", resource=f"PowerDNS {self.label}"
            )
        found = []
        for rrset in sets:
            fqdn, kind = str(rrset["name"]).lower(), str(rrset["type"])
            self._disabled[zone, fqdn, kind] = [record for record in rrset["records"] if record.get("disabled")]
            values = tuple(sorted(value_from_text(kind, str(record["content"])) for record in rrset["records"] if not record.get("disabled")))
            if values:
                found.append(Published(fqdn, kind, int(rrset["ttl"]), values))
        return tuple(found)

    def write(self, zone: str, updates: t.Sequence[Update]) -> None:
        sets: list[dict[str, t.Any]] = []
        for update in updates:
            records = [{"content": rdata, "disabled": False} for rdata in update.rdata] + self._disabled.get((zone, update.fqdn, update.type), [])
            about: dict[str, t.Any] = {"name": update.fqdn, "type": update.type}
            sets.append({**about, "changetype": "REPLACE", "ttl": update.ttl, "records": records} if records else {**about, "changetype": "DELETE"})
        # PowerDNS checks each set against what is there at that point: an alias can come only after what stands at its name has gone.
        sets.sort(key=lambda rrset: rrset["changetype"] != "DELETE")
        self._call("PATCH", zone, {"rrsets": sets})

    def _call(self, method: str, zone: str, body: t.Any = None) -> t.Any:
        about = f"zone {zone.rstrip('.')} at PowerDNS {self.label}"
        try:
            answer = self._client.request(method, ["api", "v1", "servers", self._server_id, "zones", zone], body=body)
            return answer.json() if answer.content else None
        except AuthenticationFailed as error:
            raise ServerError("it refuses the API key; correct api_key", request=error.request, resource=about) from None
        except NotFound as error:
            raise ServerError(f"{error.words}; correct zone or server_id", request=error.request, resource=about) from None
        except InvalidRequest as error:
            raise ServerError(error.words, request=error.request, resource=about) from None
        except ServerError as error:
            raise error.about(about) from None

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names and ids of objects: a mailbox is named by its address, everything else by what the server calls it."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ..._errors import NotFound
from ..models.principal import Principal
from ._call import Find, JmapCaller, Object
from .principal_types import MAILBOXES, NAMING, WIRE, WORDS, Known, kind_of, listed

#: More names than this are found by reading all.
_MOST_ASKED = 40
#: What patches are made from.
_COMPLETE = {"Account": ("aliases", "credentials", "permissions"), "MailingList": ("aliases",), "Tenant": ("permissions",)}


class PrincipalNames:
    """What was read, by type and name, and the names behind ids; asks the server for what is not known yet."""

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller
        self._known: dict[tuple[str, str], Known] = {}
        self._by_id: dict[str, dict[str, str]] = {"Domain": {}, "Account": {}, "Tenant": {}}

    # From what was read

    def take(self, finds: t.Sequence[Find], found: t.Sequence[t.Sequence[Object]]) -> list[Known]:
        """Remember what was read, by type and name."""
        for find, objects in zip(finds, found, strict=True):
            if find.type == "Domain":
                self._by_id["Domain"].update((str(each["id"]), str(each["name"])) for each in objects)
        self.domain_names({str(each["domainId"]) for objects in found for each in objects if "domainId" in each})
        known = []
        for find, objects in zip(finds, found, strict=True):
            for each in objects:
                one = Known(kind_of(find.type, each), str(each["id"]), each)
                name = self.name(one)
                self._known[(one.wire, name)] = one
                if one.wire in ("Account", "Tenant"):
                    self._by_id[one.wire][one.id] = name
                known.append(one)
        return known

    def name(self, known: Known) -> str:
        """What playbooks call it."""
        if known.kind in MAILBOXES:
            return f"{known.value['name']}@{self._by_id['Domain'].get(str(known.value['domainId']), '')}"
        if known.kind == "role":
            return str(known.value["description"]).lower()
        if known.kind == "oauth_client":
            return str(known.value["clientId"]).lower()
        if known.kind == "api_key":
            key = str(known.value.get("description", "")).lower()
            return key if known.owner == self._caller.account_id else f"{known.value['account']}/{key}"
        return str(known.value["name"]).lower()

    def aliases(self, known: Known) -> list[str]:
        """The further addresses of a mailbox."""
        aliases = listed(known.value.get("aliases"))
        if not aliases:
            return []
        domains = self.domain_names({str(each["domainId"]) for each in aliases})
        return [f"{each['name']}@{domains.get(str(each['domainId']), '')}" for each in aliases]

    def accounts_among(self, recipients: t.Iterable[str]) -> set[str]:
        """Which addresses are those of accounts of this server."""
        addresses = set(recipients)
        if not addresses:
            return set()
        if len(addresses) > _MOST_ASKED:
            finds = [Find("Domain", {}, NAMING["Domain"]), Find("Account", {}, NAMING["Account"])]
        else:
            finds = [Find("Account", {"name": local}, NAMING["Account"]) for local in {address.rpartition("@")[0] for address in addresses}]
        return {self.name(each) for each in self.take(finds, self._caller.read(*finds)) if each.kind in MAILBOXES} & addresses

    def domain_names(self, ids: t.Iterable[str]) -> dict[str, str]:
        """All names of domains that are known, by id; with these ids among them."""
        missing = set(ids) - set(self._by_id["Domain"])
        if missing:
            found = self._caller.get("Domain", missing, properties=("name",), resource="domains")
            self._by_id["Domain"].update((each, str(value["name"])) for each, value in found.items())
        return self._by_id["Domain"]

    def accounts(self, ids: t.Iterable[str]) -> list[str]:
        """The names of accounts and groups, as far as they are known."""
        return [self._by_id["Account"][each] for each in ids if each in self._by_id["Account"]]

    def tenant(self, tenant_id: str) -> str:
        """The name of a tenant, or nothing for one that is not known."""
        return self._by_id["Tenant"].get(tenant_id, "")

    def load(self, known: t.Sequence[Known]) -> None:
        """The names behind all ids that these objects hold, together."""
        groups = {group for each in known for group in each.value.get("memberGroupIds") or ()} - set(self._by_id["Account"])
        if groups:
            self.fetch("Account", groups, resource="groups")
        tenants = {str(each.value["memberTenantId"]) for each in known if each.value.get("memberTenantId")} - set(self._by_id["Tenant"])
        if tenants:
            self.fetch("Tenant", tenants, resource="tenants")
        self.domain_names({str(alias["domainId"]) for each in known for alias in (each.value.get("aliases") or {}).values()} if known else ())

    def fetch(self, wire: str, ids: t.Iterable[str], *, resource: str = "") -> list[Known]:
        """The objects of these ids with what names them, remembered."""
        return self.take([Find(wire)], [list(self._caller.get(wire, ids, properties=NAMING[wire], resource=resource).values())])

    @functools.cached_property
    def default_domain_id(self) -> str:
        """One request, once."""
        return str(self._caller.singleton("SystemSettings", properties=("defaultDomainId",), resource="default domain")["defaultDomainId"])

    # For what is written

    def learn(self, wanted: t.Iterable[tuple[str, str]]) -> None:
        """Find the ids of objects by type and name, in a few requests. What is not there stays unknown."""
        missing: dict[str, list[str]] = {}
        for wire, name in wanted:
            if (wire, name) not in self._known:
                missing.setdefault(wire, []).append(name)
        finds: list[Find] = []
        for wire, names in missing.items():
            if len(names) > _MOST_ASKED or wire not in ("Domain", "Account"):
                finds.append(Find(wire, {}, NAMING[wire]))
            elif wire == "Domain":
                finds += [Find(wire, {"name": name}, NAMING[wire]) for name in names]
            else:
                finds += [Find(wire, {"name": name.rpartition("@")[0]}, NAMING[wire]) for name in names]
        if finds:
            self.take(finds, self._caller.read(*finds))

    def complete(self, principals: t.Iterable[Principal]) -> None:
        """Read what their patches are made from: aliases, passwords and permissions as they are stored."""
        lacking: dict[str, dict[str, str]] = {}
        for principal in principals:
            known = self._known.get((WIRE[principal.type], principal.name))
            if known is None or known.wire not in _COMPLETE:
                continue
            if any(each not in known.value for each in _COMPLETE[known.wire] if each != "credentials" or known.kind == "individual"):
                lacking.setdefault(known.wire, {})[known.id] = principal.name
        for wire, names in lacking.items():
            for object_id, value in self._caller.get(wire, names, properties=(*NAMING[wire], *_COMPLETE[wire])).items():
                known = self._known[(wire, names[object_id])]
                self._known[(wire, names[object_id])] = dataclasses.replace(known, value={**known.value, **value})

    def known(self, wire: str, name: str) -> Known | None:
        """An object that was read or learnt."""
        return self._known.get((wire, name))

    def named(self, wire: str, name: str) -> Known:
        """As `known`. Raises NotFound."""
        known = self.known(wire, name)
        if known is None:
            raise NotFound(f"there is no {WORDS[wire]} {name!r}", request=f"POST /jmap x:{wire}/query", item=name)
        return known

    def id(self, wire: str, name: str) -> str:
        """Its id, as `named`."""
        return self.named(wire, name).id

    def remember(self, principal: Principal, object_id: str) -> None:
        """Something new, which the next write may name."""
        wire = WIRE[principal.type]
        self._known[(wire, principal.name)] = Known(principal.type, object_id, {"id": object_id})
        if wire in self._by_id:
            self._by_id[wire][object_id] = principal.name

    def forget(self, wire: str, name: str) -> None:
        """What has changed is read again when it is needed."""
        known = self._known.pop((wire, name), None)
        if known is not None and wire in self._by_id:
            self._by_id[wire].pop(known.id, None)

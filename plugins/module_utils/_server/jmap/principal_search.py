# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding principals: by name, by text, by type, and what of them stands at other objects."""

from __future__ import annotations

import dataclasses
import itertools
import re
import typing as t

from ..._errors import PermissionDenied, Refused
from ..models.principal import PrincipalType
from ._call import Find, JmapCaller
from .principal_names import PrincipalNames
from .principal_roles import SHIPPED_ROLES, RoleNames
from .principal_types import ALL_KINDS, KINDS, MAILBOXES, NAMING, PROPERTIES, WIRE, WORDS, Known

_READ_ORDER = ("Domain", "Account", "MailingList", "Role", "Tenant", "OAuthClient")
_DOMAIN = ("name", "catchAllAddress", "description", "logo", "memberTenantId")


@dataclasses.dataclass
class Relations:
    """What others say about objects: members by group or role id, lists and catch-alls by address; and which addresses are of accounts."""

    members: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    lists: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    catch_all: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    accounts: set[str] = dataclasses.field(default_factory=set)


class PrincipalSearch:
    """Finds objects by name, by text or all of them, and what others say about them."""

    def __init__(self, caller: JmapCaller, names: PrincipalNames, roles: RoleNames) -> None:
        self._caller = caller
        self._names = names
        self._roles = roles

    def one(self, name: str, kind: PrincipalType | None, *, unambiguous: bool = False) -> Known | None:
        """The object of a name, by one request or a few. Raises Refused where it could be several."""
        local, at, domain = name.rpartition("@")
        if kind == "api_key":
            return self.key(name)
        if kind is None and "/" in domain and (key := self.key(name)) is not None:
            return key
        at = at if "/" not in domain else ""
        finds = [Find("Domain", {"name": domain or name}, _DOMAIN, f"principal {name!r}")]
        # an address is one principal's, whatever its type: who asks for another type is told so
        kinds = ALL_KINDS if kind is None else frozenset(MAILBOXES) if at and kind in MAILBOXES else frozenset({kind})
        if not kinds.isdisjoint(("individual", "group")):
            finds.append(Find("Account", {"name": local if at else name}, (), f"principal {name!r}"))
        if "list" in kinds:
            finds.append(Find("MailingList", {}, (), f"principal {name!r}"))
        if not at and kind in (None, "role"):
            finds.append(Find("Role", {}, ("description",), f"role {name!r}"))
        if not at and kind in (None, "tenant"):
            finds.append(Find("Tenant", {}, ("name",), f"tenant {name!r}"))
        if not at and kind in (None, "oauth_client"):
            finds.append(Find("OAuthClient", {}, (), f"OAuth client {name!r}"))
        found, refusals = self._caller.read_allowed(*finds)
        known = [each for each in self._names.take(finds, found) if each.kind in kinds and not self._is_shipped(each)]
        exact = [each for each in known if self._names.name(each) == name]
        if not exact and not at:
            exact = self._by_local_part(name, [each for each in known if each.kind in MAILBOXES and each.value["name"] == name], unambiguous=unambiguous)
        if not exact:
            # who may not look at roles may still be told that there is no such account
            for wire in ("Account", "MailingList", "Domain") if kind is None else (WIRE.get(kind, ""),):
                if wire in refusals:
                    raise refusals[wire]
            return self.key(name) if kind is None and not at else None
        if len(exact) > 1:
            raise Refused(f"name: {len(exact)} objects of the server have the name {name!r} ({_kinds(exact)}); give type, or rename all but one of them.")
        if exact[0].kind in ("role", "tenant"):
            return dataclasses.replace(exact[0], value=self._caller.get(exact[0].wire, [exact[0].id])[exact[0].id])
        return exact[0]

    def key(self, name: str) -> Known | None:
        """An API key: ADDRESS/KEY, or KEY alone for one of the login's own account."""
        owner, _slash, wanted = name.rpartition("/")
        if owner:
            account = self.one(owner, "individual")
        else:
            try:
                value = self._caller.get("Account", [self._caller.account_id], resource=f"API key {name!r}").get(self._caller.account_id)
            except PermissionDenied:
                return None
            account = Known("individual", str(value["id"]), value) if value else None
        return next((key for key in self._keys_of(account) if self._names.name(key).rpartition("/")[2] == wanted), None) if account else None

    def relations(self, found: Known) -> Relations:
        """What others say about one object. A request or two for mailboxes and roles, none for others."""
        relations = Relations()
        if found.kind in MAILBOXES:
            self._relate(found, relations)
        if found.kind == "role":
            relations.members = self._roles.members()
        return relations

    def find(self, kinds: frozenset[str], text: str, asked: frozenset[str]) -> tuple[list[Known], Relations]:
        """All of these types, or what has the text, with what tells the fields that are asked for (all where none is). API keys are those of the accounts."""
        found, relations = self._matching(kinds, text) if text else self._everything(kinds, asked)
        found = [*found, *itertools.chain.from_iterable(self._keys_of(known) for known in found if "api_key" in kinds)]
        return [known for known in found if known.kind in kinds and not self._is_shipped(known)], relations

    def _by_local_part(self, name: str, mailboxes: t.Sequence[Known], *, unambiguous: bool) -> list[Known]:
        """Where nobody says which domain: the one of the default domain, as logins have it, else the only one."""
        if len(mailboxes) < 2:
            return list(mailboxes)
        default = [] if unambiguous else [each for each in mailboxes if each.value["domainId"] == self._names.default_domain_id]
        if default:
            return default
        raise Refused(f"name: {name!r} may be {' or '.join(sorted(self._names.name(each) for each in mailboxes))}; give the whole address.")

    def _keys_of(self, account: Known) -> list[Known]:
        entries = account.value.get("credentials") or {} if account.kind == "individual" else {}
        return [
            Known("api_key", str(each["credentialId"]), {**each, "account": self._names.name(account)}, account.id)
            for each in entries.values()
            if each.get("@type") == "ApiKey"
        ]

    def _relate(self, found: Known, relations: Relations) -> None:
        """What others say about one mailbox."""
        # all domains, since one may send what is for nobody to a mailbox of another
        finds = [Find("Domain", {}, NAMING["Domain"])]
        if found.kind != "list":
            finds.append(Find("MailingList", {}, (*NAMING["MailingList"], "recipients")))
        if found.kind == "group":
            finds.append(Find("Account", {"memberGroupIds": found.id}, (*NAMING["Account"], "memberGroupIds")))
        if found.kind == "list":
            relations.accounts = self._names.accounts_among(found.value.get("recipients") or {})
        self._relate_all(self._names.take(finds, self._caller.read(*finds)), relations)

    def _relate_all(self, known: t.Iterable[Known], relations: Relations) -> None:
        for each in known:
            if each.kind == "list":
                for recipient in each.value.get("recipients") or ():
                    relations.lists.setdefault(recipient, []).append(self._names.name(each))
            elif each.kind == "domain" and each.value.get("catchAllAddress"):
                relations.catch_all.setdefault(each.value["catchAllAddress"], []).append(f"@{each.value['name']}")
            elif each.kind == "individual":
                for group in each.value.get("memberGroupIds") or ():
                    relations.members.setdefault(group, []).append(self._names.name(each))

    def _everything(self, kinds: frozenset[str], asked: frozenset[str]) -> tuple[list[Known], Relations]:
        """All objects of these types, with what else is needed to tell what is asked of them."""

        def tells(*fields: str) -> bool:
            return not asked or bool(asked.intersection(fields))

        mailboxes = kinds & {"individual", "group", "list", "api_key"}
        wires = {WIRE[kind] for kind in kinds if kind in WIRE and kind != "api_key"}
        if mailboxes:
            wires.add("Domain")
        if "api_key" in kinds or ("group" in kinds and tells("members")) or ("list" in kinds and tells("members", "external_members")):
            wires.add("Account")
        if kinds & {"individual", "group"} and tells("lists"):
            wires.add("MailingList")
        finds = [
            Find(wire, self._only(wire, kinds, tells("members", "external_members")), self._asked(wire, kinds, asked), "principals")
            for wire in _READ_ORDER
            if wire in wires
        ]
        known = self._names.take(finds, self._caller.read(*finds))
        relations = Relations()
        self._relate_all(known, relations)
        if "list" in kinds:
            relations.accounts = {self._names.name(each) for each in known if each.wire == "Account"}
        if "role" in kinds and tells("members"):
            relations.members.update(self._roles.members())
        return known, relations

    @staticmethod
    def _only(wire: str, kinds: frozenset[str], with_members: bool) -> dict[str, str]:
        """Accounts of one kind, where the others are not needed for what they say about these."""
        if wire != "Account" or "list" in kinds or ("group" in kinds and (with_members or kinds & {"individual", "api_key"})):
            return {}
        return {"@type": "Group"} if "group" in kinds else {"@type": "User"}

    @staticmethod
    def _asked(wire: str, kinds: frozenset[str], asked: frozenset[str]) -> tuple[str, ...]:
        """The properties that tell the fields. Of domains always some: what the server calculates for each takes it long."""
        if not asked:
            return _DOMAIN if wire == "Domain" else ()
        properties = {*NAMING[wire], *itertools.chain.from_iterable(of for field, of in PROPERTIES[wire].items() if field in asked)}
        if wire == "Account" and ("api_key" in kinds or asked & {"app_passwords", "otp_url"}):
            properties.add("credentials")
        return tuple(properties)

    def _matching(self, kinds: frozenset[str], text: str) -> tuple[list[Known], Relations]:
        """What has these words, or this address, or is in this domain; and perhaps more."""
        local, at, domain = text.rpartition("@")
        resource = f"principals with {text!r}"
        domains = self._caller.find("Domain", {"name": domain if at else text}, properties=_DOMAIN, resource=resource)
        finds: list[Find] = []
        if kinds & {"individual", "group", "api_key"}:
            if at and not local:
                holders = {str(each["catchAllAddress"]) for each in domains if each.get("catchAllAddress")}
                finds += [Find("Account", {"name": holder.rpartition("@")[0]}, (), resource) for holder in holders]
            elif at:
                # the server's words are two characters at least; where there are none, all are read
                words = {"text": local} if any(len(word) > 1 for word in re.split(r"[\W_]", local)) else {}
                finds += [Find("Account", {"name": local}, (), resource), Find("Account", words, (), resource)]
            elif domains:
                finds.append(Find("Account", {"domainId": str(domains[0]["id"])}, (), resource))
            else:
                finds.append(Find("Account", {"text": text.lower()}, (), resource))
        if "list" in kinds and (local or not at):
            finds.append(Find("MailingList", {}, (), resource))
        if not at:
            others = [wire for wire in ("Role", "Tenant", "OAuthClient") if KINDS[wire] in kinds]
            finds += [Find(wire, {"text": text.lower()} if wire == "Tenant" else {}, (), resource) for wire in others]
        known = self._names.take(finds, self._caller.read(*finds)) if finds else []
        known = [each for each in known if each.wire in ("Account", "Tenant") or self._has(each, text.lower())]
        if "domain" in kinds and not at:
            others_named = [] if domains else self._caller.find("Domain", properties=_DOMAIN, resource=resource)
            known += [each for each in self._names.take([Find("Domain")], [[*domains, *others_named]]) if self._has(each, text.lower())]
        relations = Relations()
        self._relate_all([Known("domain", str(each["id"]), each) for each in domains], relations)
        lists = [each for each in known if each.kind == "list"]
        if lists:
            relations.accounts = self._names.accounts_among(recipient for each in lists for recipient in each.value.get("recipients") or ())
        return list({(each.wire, each.id): each for each in known}.values()), relations

    def _has(self, known: Known, text: str) -> bool:
        """Whether all words stand in what an object is called; of a mailbox in any of its addresses."""
        names = [self._names.name(known), str(known.value.get("description") or "").lower()]
        if known.kind in MAILBOXES:
            names += self._names.aliases(known)
        return all(any(word in name for name in names) for word in text.split())

    def _is_shipped(self, known: Known) -> bool:
        return known.kind == "role" and self._names.name(known) in SHIPPED_ROLES


def _kinds(known: t.Iterable[Known]) -> str:
    return ", ".join(sorted(WORDS[each.wire] for each in known))

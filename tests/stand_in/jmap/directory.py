"""Accounts, lists and domains as mail sees them: the view of the object store that delivery and the listeners ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..directory import Directory
from ..principal import Principal
from . import ids
from .store import Store

if TYPE_CHECKING:
    from ..state import Server


def addresses(store: Store, account: dict[str, Any]) -> list[str]:
    """The address of an account and its aliases that are switched on."""
    pairs = [(account["name"], account["domainId"])]
    pairs += [(alias["name"], alias["domainId"]) for alias in account["aliases"].values() if alias["enabled"]]
    return [f"{name}@{domain_name(store, domain)}" for name, domain in pairs]


def domain_name(store: Store, domain: str) -> str:
    found = store.get("Domain", ids.decode(domain) or 0)
    return found["name"] if found else ""


class JmapDirectory(Directory):
    """What mail asks of a directory, answered from objects; nothing is written to it."""

    def __init__(self, server: Server, store: Store) -> None:
        super().__init__(server)
        self._store = store
        store.on_change.append(self._changed)

    def _changed(self, kind: str, number: int, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        if kind in ("Account", "MailingList", "Domain"):
            self.cache.clear()
        if kind == "Account" and before is not None and after is None:
            self._used_quota.pop(number, None)
            for listener in self.on_delete:
                listener(number, "individual" if before["@type"] == "User" else "group")

    # --- reading -------------------------------------------------------------

    def by_id(self, identifier: int) -> Principal | None:
        account = self._store.get("Account", identifier)
        if account is None:
            return None
        principal = Principal(identifier, "individual" if account["@type"] == "User" else "group", account["name"])
        principal.put_text("description", account["description"] or "")
        principal.set_addresses(addresses(self._store, account))
        principal.put("quota", account["quotas"].get("maxDiskQuota", 0))
        if account["memberTenantId"]:
            principal.put("tenant", ids.decode(account["memberTenantId"]))
        for credential in account.get("credentials", {}).values():
            if credential["@type"] == "Password":
                principal.put("password", credential["secret"])
        return principal

    # --- mail ----------------------------------------------------------------

    def domain(self, name: str) -> dict[str, Any] | None:
        """The domain with this name or alias, where it is switched on."""
        number = self._store.unique("Domain", "name", name)
        if number is None:
            number = self._store.unique("Domain", "aliases", name)
        found = self._store.get("Domain", number) if number is not None else None
        return {**found, "id": ids.encode(number or 0)} if found is not None and found["isEnabled"] else None

    def is_local_domain(self, domain: str) -> bool:
        known = self.cache.get("domain", domain)
        if known is None:
            known = self.domain(domain) is not None
            self.cache.put("domain", domain, known)
        return known

    def owner(self, address: str) -> tuple[str, int] | None:
        """The account or list that has exactly this address, by name or by an alias that is switched on."""
        local, _, name = address.rpartition("@")
        domain = self.domain(name)
        found = self._store.unique_over_all("email", local, domain["id"]) if domain is not None else None
        if found is None or domain is None:
            return None
        value = self._store.get(*found)
        if value is None or (value["name"], value["domainId"]) == (local, domain["id"]):
            return found
        aliases = value["aliases"].values()
        return found if any(alias["enabled"] and (alias["name"], alias["domainId"]) == (local, domain["id"]) for alias in aliases) else None

    def lookup_recipient(self, address: str) -> bool | list[str]:
        """Through the cache: True for a mailbox, a list's addresses for a list, False for nobody."""
        known = self.cache.get("recipient", address)
        if known is not None:
            return known
        found = self.owner(address)
        if found is not None and found[0] == "MailingList":
            return self.expand(found[1])
        self.cache.put("recipient", address, found is not None)
        return found is not None

    def recipient(self, address: str) -> bool | list[str]:
        """As `lookup_recipient`, with subaddresses and the domain's catch-all."""
        for candidate in self._candidates(address):
            found = self.lookup_recipient(candidate)
            if found is not False:
                return found
        return False

    def mailbox_of(self, address: str) -> int | None:
        for candidate in self._candidates(address):
            found = self.owner(candidate)
            if found is not None and found[0] == "Account":
                return found[1]
        return None

    def _candidates(self, address: str) -> Iterator[str]:
        local, _, name = address.rpartition("@")
        domain = self.domain(name)
        if domain is None:
            yield address
            return
        plain = f"{local.split('+', 1)[0]}@{name}" if domain["subAddressing"]["@type"] == "Enabled" else address
        yield plain
        if domain["catchAllAddress"]:
            yield domain["catchAllAddress"]

    def expand(self, identifier: int) -> list[str]:
        """The addresses of a list, and of the lists in it."""
        found: list[str] = []
        waiting, seen = [identifier], set[int]()
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            for address in (self._store.get("MailingList", current) or {"recipients": {}})["recipients"]:
                owner = self.owner(address.lower())
                if owner is not None and owner[0] == "MailingList":
                    waiting.append(owner[1])
                else:
                    found.append(address)
        return found

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""API keys and app passwords, which belong to an account and are no part of it."""

from __future__ import annotations

import typing as t

from ..._errors import NotFound, Refused
from ..models.principal import Principal, PrincipalWrite, SetAppPassword
from ._call import JmapCaller
from .principal_names import PrincipalNames
from .principal_permissions import key_permissions
from .principal_search import PrincipalSearch
from .principal_types import label_of, listed
from .principal_values import with_edits


class PrincipalKeys:
    """API keys and app passwords: objects of an account, which its server makes and tells once."""

    def __init__(self, caller: JmapCaller, names: PrincipalNames, search: PrincipalSearch) -> None:
        self._caller = caller
        self._names = names
        self._search = search

    def settle(self, write: PrincipalWrite) -> str:
        """Write API keys, and take away the app passwords that go. Tells the secret of a new key."""
        principal = write.principal
        if principal.type == "api_key":
            return self._write_key(write)
        gone = {edit.name for edit in write.edits if isinstance(edit, SetAppPassword) and edit.hash is None}
        if gone:
            known = self._names.named("Account", principal.name)
            for each in listed(known.value.get("credentials")):
                if each.get("@type") == "AppPassword" and each.get("description") in gone:
                    self._caller.destroy("AppPassword", str(each["credentialId"]), resource=label_of(principal), account=known.id)
        return ""

    def require_owner(self, found: Principal | None, after: Principal) -> None:
        """A key belongs to an account, which stays the same. One request for a new one of the login's own account."""
        if found is None and "/" not in after.name:
            self._own_account(after.name)
        if found is not None and found.name.rpartition("/")[0] != after.name.rpartition("/")[0]:
            raise Refused(f"new_name: the API key {found.name!r} can't be given to another account; delete it and create another.")

    def _write_key(self, write: PrincipalWrite) -> str:
        name, label = write.principal.name, label_of(write.principal)
        owner, _slash, key = name.rpartition("/")
        if write.action == "create":
            if owner and self._search.one(owner, "individual") is None:
                raise Refused(f"name: there is no individual {owner!r} to whom the API key {key!r} could belong; create it first, or correct the name.")
            account = self._names.id("Account", owner) if owner else self._own_account(key)
            made = self._caller.create("ApiKey", {"description": key, "permissions": key_permissions(write.principal)}, resource=label, account=account)
            return str(made.get("secret", ""))
        known = self._search.key(name)
        if known is None:
            raise NotFound(f"there is no API key {name!r}", request="POST /jmap x:ApiKey/get", resource=label, item=name)
        if write.action == "delete":
            self._caller.destroy("ApiKey", known.id, resource=label, account=known.owner)
            return ""
        after = with_edits(write)
        patch: dict[str, t.Any] = {"permissions": key_permissions(after)}
        if after.name != name:
            patch["description"] = after.name.rpartition("/")[2]
        self._caller.update("ApiKey", known.id, patch, resource=label, account=known.owner)
        return ""

    def _own_account(self, key: str) -> str:
        account_id = self._caller.account_id
        if account_id not in self._caller.get("Account", [account_id], properties=("name",), resource=f"API key {key!r}"):
            raise Refused(
                f"name: this login is no account of the server (but its recovery administrator), so the API key {key!r} would belong to nobody; "
                f"say whose it shall be (name: ADDRESS/{key})."
            )
        return account_id

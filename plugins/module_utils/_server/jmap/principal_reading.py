# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From objects to principals: what was read, and how it will read after a write."""

from __future__ import annotations

import difflib
import typing as t

from ..._errors import Refused
from ..models.principal import Principal
from . import permissions
from ._call import MASK, JmapCaller, Object
from .principal_keys import PrincipalKeys
from .principal_names import PrincipalNames
from .principal_permissions import permissions_told
from .principal_roles import DEFAULT_ROLES, RoleNames
from .principal_search import Relations
from .principal_types import IMPOSSIBLE, LOCALE, MAILBOXES, QUOTA, WIRE, WITHOUT, Known, listed
from .schema import catalogue_of

_SECRETS = frozenset({"password_hashes", "app_passwords", "otp_url"})


class PrincipalReader:
    """Tells objects as principals: those that were read, and those that there will be."""

    def __init__(self, caller: JmapCaller, names: PrincipalNames, roles: RoleNames, keys: PrincipalKeys) -> None:
        self._caller = caller
        self._names = names
        self._roles = roles
        self._keys = keys

    def principal(self, known: Known, relations: Relations, asked: frozenset[str]) -> Principal:
        """With the fields that are asked for, or all. The names behind its ids must have been loaded."""
        value, name = known.value, self._names.name(known)
        own: dict[str, t.Any] = {"name": name, "type": known.kind}
        if value.get("description") and known.kind not in ("role", "api_key"):
            own["description"] = value["description"]
        if value.get("quotas"):
            own["quota"] = value["quotas"].get(QUOTA) or None  # 0 is no limit
        if "usedDiskQuota" in value:
            own["used_quota"] = value["usedDiskQuota"]
        if value.get("locale"):
            own["locale"] = value["locale"]
        if value.get("logo"):
            own["picture"] = value["logo"]
        if value.get("memberTenantId"):
            own["tenant"] = self._names.tenant(str(value["memberTenantId"]))
        if known.kind in MAILBOXES:
            aliases = self._names.aliases(known)
            own["emails"] = (name, *aliases, *(rest for address in (name, *aliases) for rest in relations.catch_all.get(address, ())))
            own["lists"] = tuple(sorted(relations.lists.get(name, ()))) if known.kind != "list" else ()
        if known.kind == "list":
            recipients = sorted(value.get("recipients") or ())
            own["members"] = tuple(each for each in recipients if each in relations.accounts)
            own["external_members"] = tuple(each for each in recipients if each not in relations.accounts)
        if known.kind in ("group", "role"):
            own["members"] = tuple(sorted(relations.members.get(known.id, ())))
        if value.get("memberGroupIds"):
            own["member_of"] = tuple(sorted(self._names.accounts(value["memberGroupIds"])))
        if value.get("roles"):
            own["roles"] = self._roles_told(value["roles"])
        if value.get("roleIds"):
            own["roles"] = self._roles.names(value["roleIds"])
        enabled, disabled = permissions_told(value)
        own["enabled_permissions"], own["disabled_permissions"] = permissions.from_wire(enabled), permissions.from_wire(disabled)
        if known.kind == "oauth_client":
            own["urls"] = tuple(sorted(value.get("redirectUris") or ()))
            own["password_hashes"] = (MASK,) if value.get("secret") else ()
        if known.kind == "api_key":
            own["password_hashes"] = (MASK,)
        if known.kind == "individual":
            entries = listed(value.get("credentials"))
            passwords = [each for each in entries if each.get("@type") == "Password"]
            own["password_hashes"] = tuple(MASK for each in passwords if each.get("secret"))
            own["otp_url"] = MASK if any(each.get("otpAuth") for each in passwords) else ""
            own["app_passwords"] = {str(each.get("description", "")): MASK for each in entries if each.get("@type") == "AppPassword"}
        if asked:
            asked = asked | {"name", "type", *(_SECRETS if asked & _SECRETS else ())}
            own = {field: each for field, each in own.items() if field in asked}
        return Principal(**own)

    def _roles_told(self, variant: Object) -> tuple[str, ...]:
        return {"User": ("user",), "Admin": ("admin",)}.get(str(variant.get("@type")), ()) or self._roles.names(variant.get("roleIds") or ())

    def expected(self, found: Principal | None, after: Principal) -> Principal:
        """How a principal will read. Raises Refused for what servers since 0.16 have no place for."""
        if after.type not in WIRE:
            raise Refused(f"type: servers since 0.16 have no principals of type {after.type}; leave {after.name!r} out there.")
        if after is found:
            return found
        for field in IMPOSSIBLE.get(after.type, ()):
            if getattr(after, field) and (found is None or getattr(after, field) != getattr(found, field)):
                raise Refused(f"{field}: on servers since 0.16 a principal of type {after.type} has no {field}; leave the option out there.")
        values: dict[str, t.Any] = {field: () if field == "urls" else "" for field in WITHOUT.get(after.type, ())}
        if after.type in MAILBOXES and (found is None or after.emails != found.emails or after.name != found.name):
            values["emails"] = _with_own_address(found, after)
        if after.type in ("individual", "group") and (found is None or after.locale != found.locale):
            values["locale"] = self._locale(after.locale)
        if after.type == "list":
            values |= self._recipients_told(found, after)
        if after.type == "api_key":
            self._keys.require_owner(found, after)
            if after.enabled_permissions and after.disabled_permissions:
                kept = tuple(name for name in after.enabled_permissions if name not in after.disabled_permissions)
                values |= {"enabled_permissions": kept, "disabled_permissions": ()}
        if after.type == "api_key" and found is None:
            values["password_hashes"] = (MASK,)
        built_in = [name for name in after.roles if name in DEFAULT_ROLES]
        if len(built_in) > 1 and (found is None or after.roles != found.roles):
            roles = (*self._roles.names(self._roles.ids(built_in)), *(name for name in after.roles if name not in DEFAULT_ROLES))
            values["roles"] = found.roles if found is not None and set(found.roles) == set(roles) else roles
        roles = values.get("roles", after.roles)
        if found is None or roles != found.roles:
            # as `RoleNames.names` has them
            values["roles"] = (*(name for name in ("admin", "tenant-admin", "user") if name in roles), *sorted(set(roles) - set(DEFAULT_ROLES)))
        for field in ("member_of", "lists", "members", "external_members", "urls"):
            if field not in values and (found is None or getattr(after, field) != getattr(found, field)):
                values[field] = tuple(sorted(getattr(after, field)))
        changed = {field: value for field, value in values.items() if value != getattr(after, field)}
        return after.model_copy(update=changed) if changed else after

    def _recipients_told(self, found: Principal | None, after: Principal) -> dict[str, tuple[str, ...]]:
        """The recipients of a list are told apart by whether there is such an account, so an external member that has one comes back as a member."""
        present = found.external_members if found is not None else ()
        local = self._names.accounts_among(address for address in after.external_members if address not in present)
        if not local:
            return {}
        told = {
            "members": tuple(sorted({*after.members, *local})),
            "external_members": tuple(sorted(set(after.external_members) - local)),
        }
        return {field: names if found is None or set(names) != set(getattr(found, field)) else getattr(found, field) for field, names in told.items()}

    def _locale(self, name: str) -> str:
        """As the server spells it; a language alone is that of the country of its name, else of the first. Two requests unless it is the default."""
        wanted = name.replace("-", "_").lower()
        if wanted in ("", "en", LOCALE.lower()):
            return LOCALE
        known = catalogue_of(self._caller).members("Locale")
        exact = [each for each in known if each.lower() == wanted]
        of_language = [each for each in known if each.lower() == f"{wanted}_{wanted}"] or sorted(
            each for each in known if each.lower().startswith(f"{wanted}_")
        )
        if known and not exact and not of_language:
            near = difflib.get_close_matches(name, known, 1)
            raise Refused(f"locale: the server knows no {name!r}; {f'did you mean {near[0]!r}?' if near else 'give one like de_DE.'}")
        return next(iter([*exact, *of_language]), name)


def _with_own_address(found: Principal | None, after: Principal) -> tuple[str, ...]:
    """The addresses with the mailbox's own as the first. Raises Refused where it shall be another: that would be another name."""
    if after.name in after.emails[1:]:
        raise Refused(
            f"emails: on servers since 0.16 the name of a mailbox is its primary address; put {after.name!r} first, or rename it (new_name: {after.emails[0]})."
        )
    # as they are read: what stands at domains comes last
    emails = tuple(sorted(dict.fromkeys([after.name, *after.emails]), key=lambda address: address.startswith("@")))
    return found.emails if found is not None and found.name == after.name and set(found.emails) == set(emails) else emails

"""Logins of servers from 0.16 on: accounts by their address, keys, app passwords and the recovery administrator."""

from __future__ import annotations

import ipaddress
import secrets as random_secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .. import errors, passwords
from ..access import Access, AccessToken, LoginFailed
from . import ids
from .directory import addresses
from .patch import network, parse_time

if TYPE_CHECKING:
    from ..state import Server
    from .service import Service

RECOVERY_NAME = "admin"
RECOVERY_SECRET = "secret-admin"

_OWN = ("AccountPassword", "AccountSettings", "ApiKey", "AppPassword")
_USER_OBJECTS = (*_OWN, "ArchivedItem", "MaskedEmail", "PublicKey")
_USER_PREFIXES = ("calendar", "dav", "email", "imap", "jmap", "pop3", "sieve")
_TENANT_OBJECTS = ("Account", "AcmeProvider", "DkimSignature", "DnsServer", "Domain", "MailingList", "OAuthClient", "QueuedMessage", "Role")
_NEVER = {f"sys{name}{action}" for name in ("ArfExternalReport", "DmarcExternalReport", "TlsExternalReport") for action in ("Create", "Update")}
_NEVER |= {f"sys{name}{action}" for name in ("DmarcInternalReport", "TlsInternalReport") for action in ("Create", "Update")}
_NEVER |= {f"sys{name}{action}" for name in ("ClusterNode", "Log") for action in ("Create", "Update", "Destroy")}
_NEVER |= {"sysBootstrapGet", "sysBootstrapUpdate", "sysQueuedMessageCreate"}


def camel(permission: str) -> str:
    """``email-send`` as these servers call it: ``emailSend``."""
    first, *rest = permission.split("-")
    return first + "".join(word.capitalize() for word in rest)


def _of_objects(known: Iterable[str], names: Iterable[str]) -> set[str]:
    wanted = {f"sys{name}" for name in names}
    return {name for name in known if name.startswith("sys") and name.removesuffix(_action(name)) in wanted}


def _action(name: str) -> str:
    return next((action for action in ("Get", "Query", "Create", "Update", "Destroy") if name.endswith(action)), "")


def role_permissions(known: tuple[str, ...]) -> dict[str, list[str]]:
    """What the roles of a fresh server enable, in the order of the permissions."""
    log_in = {"authenticate", "authenticateWithAlias", "interactAi"}
    user = {name for name in known if name.startswith(_USER_PREFIXES)} | log_in
    user |= _of_objects(known, _USER_OBJECTS) | (_of_objects(known, ("SpamTrainingSample",)) - {"sysSpamTrainingSampleCreate"})
    group = user - log_in - _of_objects(known, ("AccountPassword", "ApiKey", "AppPassword"))
    tenant = _of_objects(known, _TENANT_OBJECTS) | {"fetchAnyBlob", "liveDeliveryTest"} | log_in
    system = set(known) - user | {name for name in user if name.startswith("sys")} | log_in
    chosen = {"User": user, "Group": group, "Tenant Administrator": tenant, "System Administrator": system}
    return {role: [name for name in known if name in names] for role, names in chosen.items()}


class Token(AccessToken):
    """``tenant_id`` and permissions as everywhere; names of permissions may come in both spellings."""

    def may(self, permission: str) -> bool:
        return camel(permission) in self.permissions

    def require(self, permission: str) -> None:
        if not self.may(permission):
            raise errors.forbidden()


class JmapAccess(Access):
    """What the other generation's logins have in common with these (rates, bans, headers) is theirs."""

    def __init__(self, server: Server, service: Service) -> None:
        self._store = store = service.store
        self._service = service
        service.access = self
        self._known: dict[int, AccessToken] = {}
        self._fitting: dict[tuple[int, str], str] = {}
        self.keys: dict[str, tuple[int, str]] = {}
        """API keys and app passwords: the secret -> account and credential."""
        super().__init__(server)
        store.on_change.append(self._changed)

    def _changed(self, kind: str, number: int, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        if kind in ("Account", "Role", "Tenant", "Authentication", "Domain"):
            self._known.clear()

    # --- addresses -----------------------------------------------------------

    def reload(self) -> None:
        super().reload()
        self._known.clear()
        self.reload_blocked()

    def reload_blocked(self) -> None:
        stored = [value for _, value in self._store.items("BlockedIp") if not self._expired(value)]
        self.blocked = {value["address"] for value in stored if "/" not in value["address"]}

    def _expired(self, value: dict[str, Any]) -> bool:
        return value.get("expiresAt") is not None and parse_time(value["expiresAt"]) <= self._server.now()

    def block(self, address: str) -> None:
        self.blocked.add(address)
        if self._store.unique("BlockedIp", "address", address) is None:
            self._store.put("BlockedIp", None, {**self._store.schema.new("BlockedIp"), "address": network(address), "reason": "authFailure"})

    # --- rights --------------------------------------------------------------

    def listed(self, token: AccessToken) -> list[str]:
        """What ``/api/account`` tells a caller of its permissions: to the recovery administrator not those that only an account has a use for."""
        known = self._store.schema.permissions
        user = set(role_permissions(known)["User"])
        own = _of_objects(known, _OWN) | {f"jmapPrincipal{action}" for action in ("Get", "Query", "Changes", "QueryChanges", "GetAvailability")}
        left_out = _NEVER | (own & user) if token.principal_id == ids.RECOVERY_ADMIN else set()
        return [name for name in known if name in token.permissions and name not in left_out]

    def token(self, identifier: int) -> AccessToken:
        if identifier not in self._known:
            self._known[identifier] = self._make_token(identifier)
        return self._known[identifier]

    def _make_token(self, identifier: int) -> AccessToken:
        if identifier == ids.RECOVERY_ADMIN:
            return Token(identifier, RECOVERY_NAME, frozenset(self._store.schema.permissions))
        account = self._store.get("Account", identifier)
        if account is None:
            raise errors.unauthorized()
        own = addresses(self._store, account)
        groups = [number for number in map(ids.decode, account.get("memberGroupIds", ())) if number is not None]
        for group in groups:
            found = self._store.get("Account", group)
            own += addresses(self._store, found) if found else []
        tenant = ids.decode(account["memberTenantId"]) if account.get("memberTenantId") else None
        return Token(identifier, own[0], self.permissions_of(account), tenant, account.get("description"), own, groups)

    def permissions_of(self, account: dict[str, Any]) -> frozenset[str]:
        settings, roles = self._service.running["Authentication"], account["roles"]
        match roles["@type"]:
            case "User":
                chosen = settings["defaultUserRoleIds"]
            case "Default":
                chosen = settings["defaultGroupRoleIds"]
            case "Admin":
                chosen = settings["defaultAdminRoleIds"] if not account.get("memberTenantId") else settings["defaultTenantRoleIds"]
            case _:
                chosen = roles["roleIds"]
        enabled, disabled = set[str](), set[str]()
        waiting, seen = list(chosen), set[str]()
        while waiting:
            current = waiting.pop()
            role = self._store.get("Role", ids.decode(current) or 0)
            if current in seen or role is None:
                continue
            seen.add(current)
            enabled |= set(role["enabledPermissions"])
            disabled |= set(role["disabledPermissions"])
            waiting += role["roleIds"]
        own = account["permissions"]
        if own["@type"] == "Replace":
            enabled, disabled = set(own["enabledPermissions"]), set(own["disabledPermissions"])
        elif own["@type"] == "Merge":
            enabled |= set(own["enabledPermissions"])
            disabled |= set(own["disabledPermissions"])
        return frozenset(enabled - disabled)

    def may_grant(self, token: AccessToken, permissions: Iterable[str]) -> list[str]:
        """What ``token`` has not itself, in the order of the permissions."""
        wanted = set(permissions) - token.permissions - {f"jmapPrincipal{name}" for name in ("Get", "Query", "Changes", "QueryChanges", "GetAvailability")}
        if token.principal_id == ids.RECOVERY_ADMIN:
            return []
        return [name for name in self._store.schema.permissions if name in wanted]

    # --- logins --------------------------------------------------------------

    def find_account(self, name: str) -> int | None:
        """The user with this address (an alias counts); a bare name is one of the default domain."""
        local, at, domain = name.rpartition("@")
        if at:
            number = self._store.unique("Domain", "name", domain) or self._store.unique("Domain", "aliases", domain)
            domain_id = ids.encode(number) if number is not None else None
        else:
            local, domain_id = name, self._service.running["SystemSettings"]["defaultDomainId"]
        found = self._store.unique_over_all("email", local, domain_id)
        return found[1] if found is not None and found[0] == "Account" else None

    def login_with_code(self, name: str, password: str, code: str | None, remote_ip: str) -> AccessToken:
        """As `login`, with a one-time code that has a place of its own. Raises Problem."""
        found = self.find_account(name)
        otp = next((item.get("otpAuth") for item in self._passwords(found) if item.get("otpAuth")), None)
        if otp is None or code is None or found is None:
            return self.login(name, password, remote_ip)
        own = any(self._fits(found, item["secret"], password) for item in self._passwords(found))
        if not own or not passwords.totp_fits(otp, code, self._server.now()):
            raise self._refused(name, remote_ip)
        return self.token(found)

    def _passwords(self, identifier: int | None) -> list[dict[str, Any]]:
        account = self._store.get("Account", identifier) if identifier is not None else None
        return [item for item in (account or {}).get("credentials", {}).values() if item["@type"] == "Password"]

    def _find(self, name: str, password: str, remote_ip: str) -> int:
        name, *masters = name.split("%")
        if masters and masters[-1] != name:
            identifier = self._find(masters[-1], password, remote_ip)
            self.token(identifier).require("impersonate")
            found = self.find_account(name)
            if found is None:
                raise self._refused(name, remote_ip)
            return found
        if name == RECOVERY_NAME and password == RECOVERY_SECRET:
            return ids.RECOVERY_ADMIN
        found = self.find_account(name)
        if found is not None and self.password_fits(found, password, remote_ip):
            return found
        raise self._refused(name, remote_ip)

    def password_fits(self, identifier: int, password: str, remote_ip: str) -> bool:
        """Whether an account's own password or one of its app passwords fits. Raises Problem 402 where a token is wanted too."""
        account = self._store.get("Account", identifier) or {}
        for credential in account.get("credentials", {}).values():
            if credential["@type"] == "ApiKey" or not credential["secret"]:
                continue
            if self._expired(credential) or not self._from(credential, remote_ip):
                continue
            if credential["@type"] == "AppPassword":
                if credential["secret"] == password:
                    return True
            elif self._fits(identifier, credential["secret"], password):
                if credential.get("otpAuth"):
                    raise errors.token_required()
                return True
        return False

    def _fits(self, identifier: int, stored: str, password: str) -> bool:
        """Slow hashes are worked out once for each password that fits."""
        if self._fitting.get((identifier, password)) == stored:
            return True
        try:
            fits = passwords.fits(stored, password)
        except passwords.UnreadableSecret:
            return False
        if fits:
            self._fitting[identifier, password] = stored
        return fits

    @staticmethod
    def _from(credential: dict[str, Any], remote_ip: str) -> bool:
        allowed = credential.get("allowedIps") or {}
        return not allowed or any(ipaddress.ip_address(remote_ip) in ipaddress.ip_network(text, strict=False) for text in allowed)

    def _login_bearer(self, credentials: str, remote_ip: str) -> AccessToken:
        if credentials.startswith("API_"):
            owner = self.keys.get(credentials)
            account = self._store.get("Account", owner[0]) if owner else None
            credential = next((item for item in (account or {}).get("credentials", {}).values() if owner and item["credentialId"] == owner[1]), None)
            if owner is None or credential is None or self._expired(credential) or not self._from(credential, remote_ip):
                raise LoginFailed(401, "Unauthorized", "You have to authenticate first.")
            return self.limited(self.token(owner[0]), credential)
        return super()._login_bearer(credentials, remote_ip)

    @staticmethod
    def limited(token: AccessToken, credential: dict[str, Any]) -> AccessToken:
        """A token with the permissions that its credential leaves."""
        permissions = credential["permissions"]
        listed = frozenset(permissions.get("permissions", ()))
        match permissions["@type"]:
            case "Disable":
                kept = token.permissions - listed
            case "Replace":
                kept = token.permissions & listed
            case _:
                kept = token.permissions
        return Token(token.principal_id, token.name, kept, token.tenant_id, token.description, token.emails, token.member_of)

    def new_secret(self, prefix: str) -> str:
        return prefix + random_secrets.token_urlsafe(32)

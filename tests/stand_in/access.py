"""Who asks, and what they may do: logins, roles, rates, blocked addresses."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import errors, passwords
from .dkim_keys import lenient_base64
from .events import peer
from .principal import BUILT_IN_ROLE_NAMES, ROLE_ADMIN, Principal

if TYPE_CHECKING:
    from .directory import Changes
    from .state import Server

FALLBACK_ADMIN_ID = 0xFFFFFFFF
BLOCKED_PREFIX = "server.blocked-ip."
ALLOWED_PREFIX = "server.allowed-ip."


@dataclass(slots=True)
class AccessToken:
    """The rights of one caller. ``principal_id`` is FALLBACK_ADMIN_ID for the fallback administrator."""

    principal_id: int
    name: str
    permissions: frozenset[str]
    tenant_id: int | None = None
    description: str | None = None
    emails: list[str] = field(default_factory=list)
    member_of: list[int] = field(default_factory=list)

    @property
    def is_fallback_admin(self) -> bool:
        return self.principal_id == FALLBACK_ADMIN_ID

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Raises Problem 403 where the permission is missing."""
        if permission not in self.permissions:
            raise errors.forbidden()


@dataclass(slots=True)
class RolePermissions:
    enabled: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()

    def __or__(self, other: RolePermissions) -> RolePermissions:
        return RolePermissions(self.enabled | other.enabled, self.disabled | other.disabled)

    @property
    def granted(self) -> frozenset[str]:
        return self.enabled - self.disabled


class LoginFailed(errors.Problem):
    """No such login; what a path may still accept another way (a token in its query)."""


def _login_failed() -> LoginFailed:
    problem = errors.unauthorized(realms=False)
    return LoginFailed(problem.status, problem.body["title"], problem.body["detail"])


class Access:
    """Logins and rights of one server.

    Rights are kept once they are worked out, and dropped by `forget`, as far as the server notices that they changed.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._tokens: dict[int, AccessToken] = {}
        self._roles: dict[int, RolePermissions] = {}
        self._hits: Counter[tuple[str, str, int]] = Counter()
        self._verified: dict[tuple[str, str], Principal] = {}
        self.blocked: set[str] = set()
        self._allowed: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        self._blocked_networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        self.reload()

    # --- addresses -----------------------------------------------------------

    def reload(self) -> None:
        """Take allowed and blocked addresses from the live settings."""
        live = self._server.settings.live
        self._allowed = _networks(key.removeprefix(ALLOWED_PREFIX) for key in live if key.startswith(ALLOWED_PREFIX))
        self._blocked_networks = [
            network for network in _networks(key.removeprefix(BLOCKED_PREFIX) for key in live if key.startswith(BLOCKED_PREFIX)) if network.num_addresses > 1
        ]
        self.reload_blocked()

    def reload_blocked(self) -> None:
        """Take the single blocked addresses from what is stored; networks wait for a whole reload."""
        stored = self._server.settings.list(BLOCKED_PREFIX, strip=True)
        self.blocked = {str(network.network_address) for network in _networks(stored) if network.num_addresses == 1}

    def is_allowed(self, address: str) -> bool:
        """Loopback addresses, and those that settings name, are never banned or counted."""
        return ipaddress.ip_address(address).is_loopback or any(ipaddress.ip_address(address) in network for network in self._allowed)

    def is_blocked(self, address: str) -> bool:
        return address in self.blocked or any(ipaddress.ip_address(address) in network for network in self._blocked_networks)

    def block(self, address: str) -> None:
        self.blocked.add(address)
        self._server.settings.put([(f"{BLOCKED_PREFIX}{address}", "")])

    def within_rate(self, what: str, who: str, key: str, default: str) -> bool:
        """Count one more of ``what`` for ``who``; whether the rate under the setting ``key`` still allows it."""
        limit = self._server.settings.live_rate(key, default)
        if limit is None or limit.period == 0:
            return True
        window = int(self._server.now()) // limit.period
        if len(self._hits) > 10_000:
            self._hits.clear()
        self._hits[what, who, window] += 1
        return self._hits[what, who, window] <= limit.requests

    # --- rights --------------------------------------------------------------

    def role(self, identifier: int) -> RolePermissions:
        """What a role (or tenant) enables and disables, its parent roles included."""
        if identifier in BUILT_IN_ROLE_NAMES:
            known = self._server.permissions
            return RolePermissions({"admin": known.all, "tenant-admin": known.tenant_admin, "user": known.user}[BUILT_IN_ROLE_NAMES[identifier]])
        if identifier not in self._roles:
            self._roles[identifier] = self._build_role(identifier)
        return self._roles[identifier]

    def _build_role(self, identifier: int) -> RolePermissions:
        waiting, seen, total = [identifier], set[int](), RolePermissions()
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            if current in BUILT_IN_ROLE_NAMES:
                total |= self.role(current)
                if current == ROLE_ADMIN:
                    break
                continue
            if current in self._roles:
                total |= self._roles[current]
                continue
            principal = self._server.directory.by_id(current)
            if principal is None:
                raise errors.forbidden()
            own = _own_permissions(principal)
            total |= own
            parents = self._server.directory.roles(current)
            if parents:
                waiting.extend(reversed(parents))
            else:
                self._roles[current] = own
        return total

    def token(self, identifier: int) -> AccessToken:
        """The rights of a principal. Raises Problem 401 where it is gone."""
        if identifier not in self._tokens:
            self._tokens[identifier] = self._build_token(identifier)
        return self._tokens[identifier]

    def _build_token(self, identifier: int) -> AccessToken:
        directory = self._server.directory
        if identifier == FALLBACK_ADMIN_ID and "authentication.fallback-admin.user" in self._server.settings.live:
            return AccessToken(FALLBACK_ADMIN_ID, "Fallback Administrator", self._server.permissions.all)
        principal = directory.by_id(identifier)
        if principal is None:
            raise errors.unauthorized()
        rights = _own_permissions(principal)
        for role in directory.roles(identifier):
            rights |= self.role(role)
        granted, tenant = rights.granted, principal.tenant
        if tenant is not None and self._server.enterprise:
            granted &= self.role(tenant).enabled
        elif tenant is not None and self._server.at_least(0, 15):
            granted &= self._server.permissions.user
        groups = [group for group, kind in directory.member_of(identifier).items() if kind not in ("list", "role")]
        emails = principal.all_addresses()
        for group in groups:
            found = directory.by_id(group)
            if found is not None and found.type == "group":
                emails += found.all_addresses()
        return AccessToken(
            identifier,
            principal.name,
            granted,
            tenant if self._server.enterprise else None,
            principal.first("description"),
            emails,
            groups,
        )

    def forget(self, changes: Changes) -> None:
        """Drop what is known about changed principals.

        Members of a changed tenant are dropped with it; members of a changed role keep their rights until something of their own changes, as on
        the real server.
        """
        stale = set(changes.principals)
        for identifier, change in changes.principals.items():
            if change.members_too and change.type == "tenant":
                kinds = ("individual", "group", "role", "apiKey")
                stale.update(member.id for member in self._server.directory.search(None, identifier, kinds, 0, 0)[0])
        for identifier in stale:
            self._tokens.pop(identifier, None)
            self._roles.pop(identifier, None)

    # --- logins --------------------------------------------------------------

    def authenticate(self, authorization: str | None, remote_ip: str) -> AccessToken:
        """The caller behind an Authorization header. Raises Problem 401, 402, 403 or 429."""
        mechanism, blank, credentials = (authorization or "").partition(" ")
        credentials = credentials.strip()
        if not blank:
            self.count_anonymous(remote_ip)
            raise _login_failed()
        if mechanism.lower() == "basic":
            token = self._login_basic(credentials, remote_ip)
        else:
            self.count_anonymous(remote_ip)
            if mechanism.lower() != "bearer":
                raise errors.unauthorized()
            token = self._login_bearer(credentials, remote_ip)
        token.require("authenticate")
        if not self.within_rate("account", str(token.principal_id), "http.rate-limit.account", "1000/1m") and not token.may("unlimited-requests"):
            raise errors.too_many_requests()
        return token

    def count_anonymous(self, remote_ip: str) -> None:
        """Raises Problem 429 where an address asks too often without a login."""
        if not self.is_allowed(remote_ip) and not self.within_rate("anonymous", remote_ip, "http.rate-limit.anonymous", "100/1m"):
            raise errors.too_many_requests()

    def _login_bearer(self, credentials: str, remote_ip: str) -> AccessToken:
        if credentials.startswith("api_"):
            pair = _decode_pair(credentials.removeprefix("api_"))
            if pair is not None:
                return self.login(*pair, remote_ip)
        identifier = self._server.oauth.validate(credentials, "access_token").principal_id
        token = self.token(identifier)
        self._tell(token.name, identifier)
        return token

    def _login_basic(self, credentials: str, remote_ip: str) -> AccessToken:
        pair = _decode_pair(credentials)
        if pair is None:
            raise errors.unauthorized()
        return self.login(*pair, remote_ip)

    def login(self, name: str, password: str, remote_ip: str) -> AccessToken:
        """The caller with this name and password. Raises Problem 401, 402 or 429; a name is no address."""
        found = self._find(name, password, remote_ip)
        self._tell(name, found)
        return self.token(found)

    def _tell(self, name: str, identifier: int) -> None:
        account = {} if identifier == FALLBACK_ADMIN_ID else {"accountId": identifier}
        self._server.events.emit("auth.success", {**peer.get(), "accountName": name, **account})

    def _find(self, name: str, password: str, remote_ip: str) -> int:
        principal = self._server.directory.by_name(name)
        unreadable = False
        if principal is not None:
            try:
                if self._password_fits(principal, password):
                    return principal.id
            except passwords.MissingToken:
                raise errors.token_required() from None
            except passwords.UnreadableSecret:
                unreadable = True
        live = self._server.settings.live
        fallback, secret = live.get("authentication.fallback-admin.user"), live.get("authentication.fallback-admin.secret")
        master, master_secret = live.get("authentication.master.user"), live.get("authentication.master.secret")
        try:
            if fallback is not None and secret is not None and name == fallback:
                if passwords.fits(secret, password):
                    return FALLBACK_ADMIN_ID
            elif master is not None and master_secret is not None and name.endswith(master) and passwords.fits(master_secret, password):
                principal = self._server.directory.by_name(name.removesuffix(master).removesuffix("%"))
                if principal is not None:
                    return principal.id
        except passwords.UnreadableSecret:
            raise errors.unauthorized() from None
        if unreadable:
            raise errors.unauthorized()
        raise self._refused(name, remote_ip)

    def _password_fits(self, principal: Principal, password: str) -> bool:
        """Slow hashes are worked out once for each state of a principal: a changed one is another object."""
        key = principal.name, password
        if self._verified.get(key) is principal and principal.otp_url() is None:
            return True
        if not passwords.login(principal, password, self._server.now()):
            return False
        if len(self._verified) > 1000:
            self._verified.clear()
        self._verified[key] = principal
        return True

    def _refused(self, name: str, remote_ip: str) -> errors.Problem:
        if self.is_allowed(remote_ip):
            return _login_failed()
        rate = "server.auto-ban.auth.rate", "100/1d"
        if self.within_rate("login from", remote_ip, *rate) and (not name or self.within_rate("login as", name, *rate)):
            return _login_failed()
        self.block(remote_ip)
        return errors.too_many_logins()


def _own_permissions(principal: Principal) -> RolePermissions:
    listed = list(principal.permissions())
    return RolePermissions(frozenset(name for name, granted in listed if granted), frozenset(name for name, granted in listed if not granted))


def _decode_pair(text: str) -> tuple[str, str] | None:
    try:
        name, colon, secret = (lenient_base64(text) or b"").decode("utf-8").partition(":")
    except ValueError:
        return None
    return (name.strip().lower(), secret) if colon else None


def _networks(texts: Iterable[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            continue
    return found

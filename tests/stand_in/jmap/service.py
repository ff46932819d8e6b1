"""One server's objects, and which part of it answers for which type."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..access import AccessToken
from . import checks, ids, objects, seed, zone
from .calls import MethodCall, MethodError
from .directory import domain_name
from .patch import format_time
from .schema import schema
from .store import Store

if TYPE_CHECKING:
    from ..state import Server
    from .access import JmapAccess

ENTERPRISE = "This feature is only available in the Enterprise edition. Obtain your trial license at https://license.stalw.art/trial."
_PAID = frozenset({"MaskedEmail", "ArchivedItem", "Metric", "Trace"})
_LIMITS = (
    "maxRequestSize",
    "maxMethodCalls",
    "getMaxResults",
    "setMaxObjects",
    "queryMaxResults",
    "maxUploadSize",
    "maxConcurrentRequests",
    "maxConcurrentUploads",
)

Handler = Callable[[MethodCall], dict[str, Any]]


class Service:
    """``handlers`` answer for types that are more than stored objects: (type, method) -> function."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.access: JmapAccess
        self.schema = schema()
        self.store = Store(self.schema, server.now)
        self.handlers: dict[tuple[str, str], Handler] = {}
        self.id_properties = frozenset(
            item.name for structure in self.schema.structures.values() for item in structure.properties.values() if item.kind.name == "id"
        )
        seed.fill(self.store, checks.hashed(server, "admin-secret-of-bootstrap"), server.now())
        self.push_key = base64.urlsafe_b64encode(b"\x04" + secrets.token_bytes(64)).decode().rstrip("=")
        self.limits: dict[str, Any] = {}
        self.running: dict[str, dict[str, Any]] = {}
        """The singletons that the server runs with since its last reload."""
        self.apply()

    def apply(self) -> None:
        """What is stored goes into force, as far as it waits for a reload."""
        names = [name for name, item in self.schema.objects.items() if item.singleton and self.schema.structures_of(name)]
        self.running = {name: self.store.singleton(name) for name in names}
        self.limits = {name: self.running["Jmap"].get(name) for name in _LIMITS}

    def session_state(self, token: AccessToken) -> str:
        text = f"{token.principal_id} {token.name} {sorted(token.member_of)}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    # --- methods -------------------------------------------------------------

    def handle(self, call: MethodCall) -> dict[str, Any]:
        if call.kind in _PAID and not self.server.enterprise:
            raise MethodError("forbidden", ENTERPRISE)
        own = self.handlers.get((call.kind, call.method))
        if own is not None:
            return own(call)
        return {"get": objects.get, "query": objects.query, "set": objects.set_objects}[call.method](call)

    def computed(self, call: MethodCall, number: int, value: dict[str, Any]) -> dict[str, Any]:
        """Properties that are worked out when an object is shown."""
        asked = call.arguments.get("properties")

        def wants(name: str) -> bool:
            return not asked or name in asked

        match call.kind:
            case "Account":
                return {"usedDiskQuota": self.server.directory.used_quota(number), "emailAddress": self.address(value)}
            case "MailingList":
                return {"emailAddress": self.address(value)}
            case "Tenant":
                return {"usedDiskQuota": self.server.directory.used_quota(number)}
            case "Domain" if wants("dnsZoneFile"):
                return {"dnsZoneFile": zone.of_domain(self, number, value)}
            case "DkimSignature" if wants("publicKey"):
                key = checks.public_key(value)
                return {"publicKey": key} if key is not None else {}
            case "AcmeProvider":
                account = value["accountUri"].rstrip("/").rpartition("/")[2]
                return {"description": value["directory"] + (f" ({account})" if account else "")}
        return {}

    def address(self, value: dict[str, Any]) -> str:
        return f"{value['name']}@{domain_name(self.store, value['domainId'])}"

    def stamp(self, call: MethodCall, value: dict[str, Any]) -> dict[str, Any]:
        """What the server sets itself in a new object."""
        structure = self.schema.structure(call.kind, value)
        traits = self.schema.objects[call.kind].traits
        properties = structure.properties if structure is not None else {}
        if "createdAt" in properties and value.get("createdAt") is None:
            value = {**value, "createdAt": format_time(self.server.now())}
        if "account" in traits and "accountId" in properties:
            value = {**value, "accountId": call.account_id}
        if "tenant" in traits and call.token.tenant_id is not None and "memberTenantId" in properties:
            value = {**value, "memberTenantId": ids.encode(call.token.tenant_id)}
        return value

    def check(self, call: MethodCall, value: dict[str, Any], before: dict[str, Any] | None, key: str) -> tuple[dict[str, Any], dict[str, Any], int | None]:
        """A type's own rules: the value to store, what else the answer says, and the id where it is given. Raises SetError."""
        rule = checks.RULES.get(call.kind)
        number = None
        if rule is not None:
            value = rule(checks.Context(self, call, key), value, before)
        checks.expressions(self.schema, call.kind, value)
        return value, {}, number

    def written(self, call: MethodCall, number: int, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        """Called after each write."""

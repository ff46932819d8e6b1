"""One server's objects, and which part of it answers for which type."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..access import AccessToken
from ..certificates import read_chain
from . import actions, checks, credentials, ids, objects, queue, reports, seed, tasks, telemetry, zone
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

_REPORTS = ("DmarcExternal", "TlsExternal", "ArfExternal", "DmarcInternal", "TlsInternal")

Handler = Callable[[MethodCall], dict[str, Any]]

# Types that are more than stored objects.
_HANDLERS: dict[tuple[str, str], Handler] = {
    ("AccountSettings", "get"): credentials.get_own,
    ("AccountSettings", "set"): credentials.set_settings,
    ("AccountPassword", "get"): credentials.get_own,
    ("AccountPassword", "set"): credentials.set_password,
    **{(name, "get"): credentials.get for name in ("ApiKey", "AppPassword")},
    **{(name, "query"): credentials.query for name in ("ApiKey", "AppPassword")},
    **{(name, "set"): credentials.set_credentials for name in ("ApiKey", "AppPassword")},
    ("QueuedMessage", "get"): queue.get,
    ("QueuedMessage", "query"): queue.query,
    ("QueuedMessage", "set"): queue.set_messages,
    ("Task", "get"): tasks.get,
    ("Task", "query"): tasks.query,
    ("Task", "set"): tasks.set_tasks,
    ("Action", "get"): actions.get,
    ("Action", "query"): actions.query,
    ("Action", "set"): actions.set_actions,
    **{(f"{name}Report", "get"): reports.get for name in _REPORTS},
    **{(f"{name}Report", "query"): reports.query for name in _REPORTS},
    **{(f"{name}Report", "set"): reports.set_reports for name in _REPORTS},
    ("SpamTrainingSample", "query"): reports.query_samples,
    ("SpamTrainingSample", "set"): reports.set_samples,
    ("Log", "get"): telemetry.get_log,
    ("Log", "query"): telemetry.query_log,
    ("Log", "set"): telemetry.refuse_all,
    ("ClusterNode", "get"): telemetry.get_nodes,
    ("ClusterNode", "query"): telemetry.query_nodes,
    ("ClusterNode", "set"): telemetry.refuse_all,
    ("Bootstrap", "get"): telemetry.get_bootstrap,
    ("Bootstrap", "set"): telemetry.set_bootstrap,
}


class Service:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.access: JmapAccess
        self.schema = schema()
        self.store = Store(self.schema, server.now)
        self.tasks = tasks.Tasks(self)
        self._numbers: dict[str, int] = {}
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
        self.load_certificates()

    def session_state(self, token: AccessToken) -> str:
        text = f"{token.principal_id} {token.name} {sorted(token.member_of)}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    # --- methods -------------------------------------------------------------

    def handle(self, call: MethodCall) -> dict[str, Any]:
        if call.kind in _PAID and not self.server.enterprise:
            raise MethodError("forbidden", ENTERPRISE)
        own = _HANDLERS.get((call.kind, call.method))
        if own is not None:
            return own(call)
        return {"get": objects.get, "query": objects.query, "set": objects.set_objects}[call.method](call)

    def computed(self, call: MethodCall, number: int, value: dict[str, Any]) -> dict[str, Any]:
        """Properties that are worked out when an object is shown."""
        asked = [name for name in call.arguments.get("properties") or () if name in self.schema.names]

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
        """Called after each write through the API: what the server does next by itself."""
        if call.kind == "Account" and after is None and before is not None:
            known = {"accountId": ids.encode(number), "accountName": before["name"], "accountDomainId": before["domainId"], "accountType": before["@type"]}
            self.tasks.add("DestroyAccount", **known)
        if call.kind == "Domain" and after is not None:
            kinds = [value["dkimManagement"]["@type"] if value is not None else None for value in (before, after)]
            if kinds[1] == "Automatic" != kinds[0]:
                self.tasks.add("DkimManagement", domainId=ids.encode(number))
        if call.kind == "DkimSignature":
            self.server.settings.sign()

    def start(self) -> None:
        """Called once, when the event loop runs: what a server looks for first cannot be fetched here."""
        self.tasks.add("SpamFilterMaintenance", maintenanceType="updateRules")

    def signing_ids(self, sender: str, authenticated: bool) -> list[str]:
        """The signatures that mail gets: those of the domain of a sender who logged in; of the server's own mail, of its domain."""
        domain = self.server.directory.domain(sender.rpartition("@")[2].lower()) if authenticated else None
        found = self.store.search("DkimSignature", "domainId", domain["id"]) if domain is not None else set()
        return [ids.encode(number) for number in sorted(found) if (self.store.get("DkimSignature", number) or {}).get("stage") == "active"]

    def number_of(self, key: str) -> int:
        """An id for what another part of the server keeps under a text."""
        if key not in self._numbers:
            self._numbers[key] = self.store.new_time_id()
        return self._numbers[key]

    def rename(self, old: str, new: str) -> None:
        self._numbers[new] = self._numbers.pop(old)

    def load_certificates(self) -> None:
        """Take in the stored certificates, by the names in them."""
        for _, value in self.store.items("Certificate"):
            try:
                self.server.certificates |= read_chain(checks.secret_of(value["certificate"]), checks.secret_of(value["privateKey"]))
            except ValueError:
                continue

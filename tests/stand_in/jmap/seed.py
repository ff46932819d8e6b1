"""What a server has after its first start: one domain, its administrator, roles, listeners and the parts of the queue."""

from __future__ import annotations

from typing import Any

from . import ids
from .access import role_permissions
from .patch import format_time
from .store import Store

DOMAIN = "corp.test"
HOSTNAME = "mail.corp.test"

_WEB_INTERFACE = "https://github.com/stalwartlabs/webui/releases/latest/download/webui.zip"
_NETWORKS = "https://github.com/sapics/ip-location-db/releases/download/latest"
_DATABASES = {"asnUrls": "origin-asn", "geoUrls": "user-country"}
_LISTENERS = (
    ("smtp", 25, "smtp", False),
    ("submissions", 465, "smtp", True),
    ("imaps", 993, "imap", True),
    ("pop3s", 995, "pop3", True),
    ("sieve", 4190, "manageSieve", False),
    ("https", 443, "http", True),
    ("http", 8080, "http", False),
)
_QUEUES = (("local", "Local", 25), ("remote", "Remote", 50), ("dsn", "Delivery Status Notification", 5), ("report", "DMARC and TLS report", 5))
_THROTTLES = (
    ("Sender IP throttle", ("remoteIp",), 5, 1_000),
    ("Sender address to recipient throttle", ("senderDomain", "rcpt"), 25, 3_600_000),
)


def fill(store: Store, secret: str, now: float) -> None:
    """Put the objects of a fresh server into an empty store; ``secret`` is the stored password of the administrator."""

    def add(kind: str, variant: str | None = None, **values: Any) -> str:
        return ids.encode(store.put(kind, None, {**store.schema.new(kind, variant), **values}))

    created = format_time(now)
    domain = add("Domain", name=DOMAIN, createdAt=created, dkimManagement={"@type": "Manual"})
    roles = {name: add("Role", description=name, enabledPermissions=dict.fromkeys(given, True)) for name, given in _roles(store).items()}
    user, group, tenant, system = roles.values()
    add(
        "Authentication",
        defaultUserRoleIds={user: True},
        defaultGroupRoleIds={group: True},
        defaultTenantRoleIds={tenant: True, user: True},
        defaultAdminRoleIds={system: True, user: True},
    )
    credential = {**store.schema.new("Credential", "Password"), "credentialId": "a", "secret": secret}
    add(
        "Account",
        "User",
        name="admin",
        domainId=domain,
        createdAt=created,
        roles={"@type": "Admin"},
        credentials={"0": credential},
        description="System administrator",
    )
    add("DataStore", "Sqlite", path="/srv/stalwart/data.sqlite")
    add("SystemSettings", defaultHostname=HOSTNAME, defaultDomainId=domain)
    for name, port, protocol, tls in _LISTENERS:
        add("NetworkListener", name=name, bind={f"[::]:{port}": True}, protocol=protocol, tlsImplicit=tls)
    for number, (name, what, threads) in enumerate(_QUEUES):
        queue = {"name": name, "description": f"{what} delivery queue", "threadsPerNode": threads}
        store.put("MtaVirtualQueue", number, {**store.schema.new("MtaVirtualQueue"), **queue})
        if name == "report":  # the server's own schedule for reports does not pass its checks, and so is not there
            continue
        schedule = {"name": name, "description": f"{what} delivery schedule", "queueId": ids.encode(number), **_schedule(name)}
        store.put("MtaDeliverySchedule", number, {**store.schema.new("MtaDeliverySchedule"), **schedule})
    add("MtaTlsStrategy", name="invalid-tls", description="Allow invalid TLS certificates", allowInvalidCerts=True)
    add("MtaTlsStrategy", name="default", description="Default TLS settings")
    add("MtaRoute", "Mx", name="mx", description="MX delivery route", maxMxHosts=2)
    add("MtaRoute", "Local", name="local", description="Local delivery route")
    add("MtaConnectionStrategy", name="default", description="Default connection strategy")
    for description, keys, count, period in _THROTTLES:
        add("MtaInboundThrottle", description=description, key=dict.fromkeys(keys, True), rate={"count": count, "period": period})
    add(
        "Application",
        description="Stalwart Web Interface",
        resourceUrl=_WEB_INTERFACE,
        urlPrefix={"/admin": True, "/account": True},
        autoUpdateFrequency=2_592_000_000,
    )
    databases = {kind: {f"{_NETWORKS}/{what}-ipv{version}.csv": True for version in (4, 6)} for kind, what in _DATABASES.items()}
    add("Asn", "Resource", maxSize=104_857_600, expires=86_400_000, timeout=300_000, **databases)
    add("TracingStore", "Default")
    add("MetricsStore", "Default")
    key = {"@type": "Text", "secret": "made at the first start"}
    add("OidcProvider", encryptionKey={"@type": "Value", "secret": key["secret"]}, signatureKey=key, signatureAlgorithm="es256")
    add("Jmap", webPushKey=key)
    add("Tracer", "Log", path="/srv/stalwart/logs", prefix="stalwart")


def _roles(store: Store) -> dict[str, list[str]]:
    return role_permissions(store.schema.permissions)


def _schedule(name: str) -> dict[str, Any]:
    """When it is tried again and for how long: what differs from the defaults."""
    if name != "dsn":
        return {"expiry": {"@type": "Ttl", "expire": 259_200_000}}
    intervals = {str(place): {"duration": wait * 60_000} for place, wait in enumerate((15, 30, 60, 120))}
    return {"expiry": {"@type": "Attempts", "maxAttempts": 10}, "retry": {"@type": "Custom", "intervals": intervals}}

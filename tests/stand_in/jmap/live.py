"""The stored objects as the settings that delivery and the listeners run with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..settings_store import SettingsStore
from . import ids
from .checks import secret_of

if TYPE_CHECKING:
    from ..state import Ports
    from .service import Service

# Expressions of settings objects, under the keys that the other generation has them under.
_EXPRESSIONS = {
    ("MtaOutboundStrategy", "route"): "queue.strategy.route",
    ("MtaOutboundStrategy", "schedule"): "queue.strategy.schedule",
    ("DsnReportSettings", "fromName"): "report.dsn.from-name",
    ("DsnReportSettings", "fromAddress"): "report.dsn.from-address",
}


class JmapSettings(SettingsStore):
    """As far as the mail side is concerned: `apply` takes what the objects say."""

    def __init__(self, service: Service, ports: Ports) -> None:
        super().__init__((0, 15, 5), ports)
        self._service = service
        self.apply()

    def apply(self) -> None:
        super().apply()
        self.live = {key: value for key, value in self.live.items() if not key.startswith(("queue.schedule.", "queue.virtual.", "queue.route."))}
        self.live |= self._general() | self._queues() | self._routes()
        for (kind, name), key in _EXPRESSIONS.items():
            self.live |= _block(key, self._service.running[kind][name])
        self.sign()

    def sign(self) -> None:
        """Signatures are in force at once."""
        self.live = {key: value for key, value in self.live.items() if not key.startswith("signature.")}
        for number, value in self._service.store.items("DkimSignature"):
            domain = self._service.store.get("Domain", ids.decode(value["domainId"]) or 0)
            if domain is None or value["stage"] != "active" or not value["@type"].startswith("Dkim1"):
                continue
            prefix = f"signature.{ids.encode(number)}."
            found = {
                "algorithm": "rsa-sha256" if "Rsa" in value["@type"] else "ed25519-sha256",
                "domain": domain["name"],
                "selector": value["selector"],
                "private-key": secret_of(value["privateKey"]),
                "canonicalization": value["canonicalization"],
                "report": str(value["report"]).lower(),
                **({"expire": f"{value['expire']}ms"} if value["expire"] else {}),
                **{f"headers.{place:03}": name for place, name in enumerate(value["headers"])},
            }
            self.live |= {prefix + name: text for name, text in found.items()}

    def _general(self) -> dict[str, str]:
        running, store = self._service.running, self._service.store
        http, security = running["Http"], running["Security"]
        live = {
            "server.hostname": running["SystemSettings"]["defaultHostname"],
            "http.use-x-forwarded": str(http["useXForwarded"]).lower(),
            "http.rate-limit.account": _rate(http["rateLimitAuthenticated"]),
            "http.rate-limit.anonymous": _rate(http["rateLimitAnonymous"]),
            "server.auto-ban.auth.rate": _rate(security["authBanRate"]),
            "spam-filter.enable": str(running["SpamSettings"].get("enable", True)).lower(),
        }
        live |= {f"server.allowed-ip.{value['address']}": "" for _, value in store.items("AllowedIp")}
        return live | {f"server.blocked-ip.{value['address']}": "" for _, value in store.items("BlockedIp") if "/" in value["address"]}

    def _queues(self) -> dict[str, str]:
        live: dict[str, str] = {}
        queues = dict(self._service.store.items("MtaVirtualQueue"))
        for value in queues.values():
            live[f"queue.virtual.{value['name']}.threads-per-node"] = str(value["threadsPerNode"])
        for _, value in self._service.store.items("MtaDeliverySchedule"):
            prefix = f"queue.schedule.{value['name']}."
            queue = queues.get(ids.decode(value["queueId"]) or 0)
            live[prefix + "queue-name"] = queue["name"] if queue is not None else "default"
            expiry = value["expiry"]
            if expiry["@type"] == "Ttl":
                live[prefix + "expire"] = f"{expiry['expire']}ms"
            else:
                live[prefix + "max-attempts"] = str(expiry["maxAttempts"])
            for name, defaults in (("retry", (2, 5, 10, 15, 30, 60, 120)), ("notify", (1440, 4320))):
                waits = [minutes * 60_000 for minutes in defaults]
                if value[name]["@type"] == "Custom":
                    waits = [item["duration"] for item in value[name]["intervals"].values()]
                live |= {f"{prefix}{name}.{place:03}": f"{wait}ms" for place, wait in enumerate(waits)}
        return live

    def _routes(self) -> dict[str, str]:
        live: dict[str, str] = {}
        for _, value in self._service.store.items("MtaRoute"):
            prefix = f"queue.route.{value['name']}."
            live[prefix + "type"] = value["@type"].lower()
            if value["@type"] == "Relay":
                live |= {
                    prefix + "address": value["address"],
                    prefix + "port": str(value["port"]),
                    prefix + "tls.implicit": str(value["implicitTls"]).lower(),
                    prefix + "tls.allow-invalid-certs": str(value["allowInvalidCerts"]).lower(),
                    prefix + "auth.username": value["authUsername"] or "",
                    prefix + "auth.secret": secret_of(value["authSecret"]),
                }
        return live


def _rate(value: dict[str, Any] | None) -> str:
    return f"{value['count']}/{max(value['period'] // 1000, 1)}s" if value is not None else "unlimited"


def _block(key: str, expression: dict[str, Any]) -> dict[str, str]:
    """An expression as settings hold one; the older function for local domains names a directory too."""

    def older(text: str) -> str:
        text = text.replace("system('domain')", "config_get('report.domain')").replace("system('hostname')", "config_get('server.hostname')")
        return text.replace("is_local_domain(", "is_local_domain('*', ").replace("is_local_address(", "is_local_address('*', ")

    cases = list(expression["match"].values())
    if not cases:
        return {key: older(expression["else"])}
    live: dict[str, str] = {}
    for place, case in enumerate(cases):
        live |= {f"{key}.{place:03}.if": older(case["if"]), f"{key}.{place:03}.then": older(case["then"])}
    return {**live, f"{key}.{len(cases):03}.else": older(expression["else"])}

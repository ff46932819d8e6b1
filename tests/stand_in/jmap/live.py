"""The stored objects as the settings that delivery and the listeners run with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..settings_store import SettingsStore

if TYPE_CHECKING:
    from ..state import Ports
    from .service import Service


class JmapSettings(SettingsStore):
    """As far as the mail side is concerned: `apply` takes what the objects say."""

    def __init__(self, service: Service, ports: Ports) -> None:
        super().__init__((0, 15, 5), ports)
        self._service = service
        self.apply()

    def apply(self) -> None:
        super().apply()
        running = self._service.running
        self.live["server.hostname"] = running["SystemSettings"]["defaultHostname"]

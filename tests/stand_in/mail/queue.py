"""The queue of outgoing and local messages, and their delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..state import Server


@dataclass(slots=True)
class Accepted:
    """A message that an SMTP listener took: envelope and content, line ends CRLF."""

    sender: str
    recipients: list[str]
    content: bytes
    ehlo_domain: str
    remote_ip: str
    authenticated_as: str | None
    tls: bool


class Queue:
    def __init__(self, server: Server) -> None:
        self._server = server

    async def start(self) -> None:
        """Called once, when the event loop runs."""

    async def stop(self) -> None:
        """Called once, at the end; ends background tasks."""

    async def accept(self, message: Accepted) -> str:
        """Queue a message; answers the queue id that the listener shows the client."""
        return "0"

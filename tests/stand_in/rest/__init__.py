"""The REST management API (servers up to 0.15). ``AREAS`` maps the first path element behind ``/api/`` to its handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from ..call import Call

Handler = Callable[[Call], Awaitable[Response]]

AREAS: dict[str, Handler] = {}


def area(name: str) -> Callable[[Handler], Handler]:
    """Register the handler of every request below ``/api/NAME``. It matches method and further path itself, and checks the permission first."""

    def register(handler: Handler) -> Handler:
        AREAS[name] = handler
        return handler

    return register


def tenant_domains(call: Call) -> frozenset[str] | None:
    """The domains that a caller of a tenant may see mail and reports of; None for a caller who may see all."""
    if call.token.tenant_id is None:
        return None
    return frozenset(principal.name for principal in call.server.directory.search(None, call.token.tenant_id, ["domain"], 0, 0)[0])


def load() -> None:
    """Import every area, so that it registers itself."""
    from . import account, dkim, dns, logs, oauth, principal, queue, reload, reports, restart, settings, spam, store, telemetry, troubleshoot, update  # noqa: F401

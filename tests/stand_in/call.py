"""One request to the management API, and the answers to it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.responses import Response

from . import errors
from .values import parse_json

if TYPE_CHECKING:
    from .access import AccessToken
    from .state import Server

_UNSIGNED = re.compile(r"\+?[0-9]+")


class Parameters:
    """The query of a request. Empty values count as missing; the last of several values under one name counts."""

    def __init__(self, query: str) -> None:
        self._values = dict(parse_qsl(query))

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def all(self) -> dict[str, str]:
        return dict(self._values)

    def text(self, name: str) -> str | None:
        """The value, or None where it is missing or empty."""
        return self._values.get(name)

    def number(self, name: str) -> int | None:
        """An unsigned integer, or None where it is missing or no such number."""
        value = self._values.get(name, "")
        return int(value) if _UNSIGNED.fullmatch(value) and int(value) < 2**64 else None

    def size(self, name: str) -> int:
        """An unsigned integer, 0 where it is missing or no such number (page, limit, …)."""
        return self.number(name) or 0


@dataclass(slots=True)
class Call:
    """A request that has been authenticated.

    ``path`` has the segments behind ``/api/``, still percent-encoded (``element`` decodes one); ``body`` is None where more than the server's
    limit of 1 MiB was sent.
    """

    server: Server
    method: str
    path: list[str]
    query: Parameters
    headers: dict[str, str]
    body: bytes | None
    token: AccessToken
    remote_ip: str

    def element(self, index: int) -> str | None:
        """The decoded path segment at ``index``, None where the path is shorter."""
        return decode_element(self.path[index]) if index < len(self.path) else None

    def segment(self, index: int) -> str:
        """The raw path segment at ``index``, empty where the path is shorter."""
        return self.path[index] if index < len(self.path) else ""

    def json(self) -> Any:
        """The body as JSON. Raises Problem 400 where there is none."""
        try:
            return parse_json(self.body)
        except ValueError:
            raise errors.bad_parameters() from None


def decode_element(segment: str) -> str:
    """A path element without its percent-encoding; as it was where that is no UTF-8."""
    try:
        return unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        return segment


def json_response(value: Any, status: int = 200) -> Response:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode("utf-8", "replace"), status, {"content-type": "application/json; charset=utf-8"})


def data(value: Any) -> Response:
    """The answer of success: ``{"data": value}``."""
    return json_response({"data": value})

"""One request with its method calls: what it may hold, references from one call to another, and the answer around theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ..access import AccessToken
from ..serde import SerdeError
from . import envelope, ids

if TYPE_CHECKING:
    from .schema import Schema
    from .service import Service


class RequestError(Exception):
    """The whole request is refused: the members of the problem document."""

    def __init__(self, kind: str, detail: str, **more: str) -> None:
        super().__init__(kind)
        self.body = {"type": f"urn:ietf:params:jmap:error:{kind}", "status": 400, "detail": detail, **more}


class MethodError(Exception):
    """One call is refused."""

    def __init__(self, kind: str, description: str | None = None) -> None:
        super().__init__(kind)
        self.body = {"type": kind, **({"description": description} if description is not None else {})}


class Crash(Exception):
    """The server ends the connection without an answer."""


TOO_LARGE = "The number of ids requested by the client exceeds the maximum number the server is willing to process in a single method call."


@dataclass(slots=True)
class MethodCall:
    """A call whose references are resolved. ``account`` is whom it is about."""

    service: Service
    token: AccessToken
    kind: str
    method: str
    arguments: dict[str, Any]
    account: int
    created: dict[str, str]
    remote_ip: str

    @property
    def account_id(self) -> str:
        return ids.encode(self.account)

    @property
    def own_only(self) -> bool:
        """Whether the caller sees its own objects only."""
        return not self.token.may("impersonate")


@dataclass(slots=True)
class Request:
    calls: list[tuple[str, Any, str]]
    created: dict[str, str] | None
    answers: list[list[Any]] = field(default_factory=list)


def read(body: bytes, content_type: str | None, limits: dict[str, Any], schema: Schema) -> Request:
    """Raises RequestError."""
    if content_type is not None and content_type.partition(";")[0].strip().lower() != "application/json":
        raise RequestError("notJSON", "Failed to parse JSON: The Content-Type header must be application/json.")
    if len(body) > limits["maxRequestSize"]:
        raise RequestError("limit", "The request is larger than the server is willing to process.", limit="maxSizeRequest")
    try:
        calls, created = envelope.parse(body, schema)
    except envelope.UnreadableError:
        raise RequestError("notRequest", body.decode("utf-8", "replace")) from None
    if len(calls) > limits["maxMethodCalls"]:
        raise RequestError("limit", "The request exceeds the maximum number of calls in a single request.", limit="maxCallsInRequest")
    return Request(calls, created)


def answer(service: Service, request: Request, token: AccessToken, remote_ip: str) -> dict[str, Any]:
    """Raises Crash."""
    created = dict(request.created or {})
    for name, arguments, identifier in request.calls:
        try:
            result = _one(service, request, name, arguments, token, created, remote_ip)
            request.answers.append([name, result, identifier])
        except MethodError as error:
            request.answers.append(["error", error.body, identifier])
    found: dict[str, Any] = {"methodResponses": request.answers, "sessionState": service.session_state(token)}
    return {**found, "createdIds": created} if request.created is not None and created else found


def _one(service: Service, request: Request, name: str, arguments: Any, token: AccessToken, created: dict[str, str], remote_ip: str) -> dict[str, Any]:
    if name == "Core/echo":
        return cast("dict[str, Any]", arguments)
    if not envelope.is_method(name, service.schema):
        raise MethodError("unknownMethod", name or None)
    if isinstance(arguments, SerdeError):
        raise MethodError("invalidArguments", str(arguments))
    kind, _, method = name.removeprefix("x:").partition("/")
    arguments = dict(arguments)
    for key in [key for key in arguments if key.startswith("#")]:
        arguments[key[1:]] = _result_of(request, arguments.pop(key))
    if method == "set":
        arguments["create"] = _resolve_creates(service, arguments.get("create") or {}, created)
        arguments["update"] = {key: _resolve(service, value, created, None) for key, value in (arguments.get("update") or {}).items()}
    elif method == "get" and arguments.get("ids") is not None:
        arguments["ids"] = [_created_id(text, created) if isinstance(text, str) and text.startswith("#") and text != "#" else text for text in arguments["ids"]]
    number = ids.decode(arguments.get("accountId"))
    account = number if number is not None and number <= ids.RECOVERY_ADMIN else token.principal_id
    call = MethodCall(service, token, kind, method, arguments, account, created, remote_ip)
    _check_rights(call)
    return service.handle(call)


def _check_rights(call: MethodCall) -> None:
    kind, may = call.kind, call.token.may
    if call.method != "set":
        if not may(f"sys{kind}{call.method.capitalize()}"):
            raise MethodError("forbidden", "You are not authorized to perform this action")
    else:
        singleton = call.service.schema.objects[kind].singleton
        rights = {name: may(f"sys{kind}{'Update' if singleton else name.capitalize()}") for name in ("create", "update", "destroy")}
        if not any(rights.values()):
            raise MethodError("forbidden", "You are not authorized to create, update or destroy objects of this type")
        for name, right in rights.items():
            if not right and call.arguments.get(name):
                raise MethodError("forbidden", f"You are not authorized to {name} objects of this type")
    if call.account != call.token.principal_id and call.account not in call.token.member_of and call.own_only:
        raise MethodError("forbidden", f"You are not an owner of account {call.account_id}")


# --- references --------------------------------------------------------------


def _result_of(request: Request, reference: Any) -> Any:
    wanted = (reference.get("name"), reference.get("resultOf")) if isinstance(reference, dict) else (None, None)
    for name, result, identifier in request.answers:
        if (name, identifier) == wanted:
            found = _walk(result, str(reference.get("path", "")).removeprefix("/").split("/"))
            if found is not None:
                return found
    raise MethodError("invalidResultReference", f"Result reference to {wanted[1]}#{wanted[0]} not found.")


def _walk(value: Any, path: list[str]) -> Any:
    if not path:
        return value
    first, *rest = path
    if first == "*" and isinstance(value, list):
        found = [_walk(item, rest) for item in value]
        return [inner for item in found for inner in (item if isinstance(item, list) else [item])]
    if isinstance(value, dict):
        return _walk(value[first], rest) if first in value else None
    if isinstance(value, list) and first.isdigit() and int(first) < len(value):
        return _walk(value[int(first)], rest)
    return None


def _created_id(text: str, created: dict[str, str]) -> str:
    if text[1:] not in created:
        raise MethodError("invalidResultReference", f'Id reference "{text[1:]}" does not exist or is invalid.')
    return created[text[1:]]


def _resolve(service: Service, value: Any, created: dict[str, str], waits: list[str] | None, name: str = "") -> Any:
    """References to what was created; those to what this call creates go into ``waits`` (None: there are none to wait for)."""
    if isinstance(value, dict):
        resolved = {}
        for key, item in value.items():
            if key.startswith("#"):
                if key[1:] in created:
                    key = created[key[1:]]
                elif waits is not None:
                    waits.append("?" + key[1:])
            resolved[key] = _resolve(service, item, created, waits, key)
        return resolved
    if isinstance(value, str) and value.startswith("#") and name in service.schema.references:
        if value[1:] in created:
            return created[value[1:]]
        if waits is None:
            raise MethodError("invalidResultReference", f'Id reference "{value[1:]}" not found.')
        waits.append(value[1:])
    return value


def _resolve_creates(service: Service, creates: dict[str, Any], created: dict[str, str]) -> dict[str, Any]:
    """The objects to create, each behind those that it refers to."""
    needs: dict[str, list[str]] = {}
    resolved = {}
    for key, value in creates.items():
        waits: list[str] = []
        resolved[key] = _resolve(service, value, created, waits)
        for wanted in waits:
            if not wanted.startswith("?") and wanted not in creates:
                raise MethodError("invalidResultReference", f'Invalid reference to non-existing object "{wanted}" from "{key}"')
        needs[key] = [wanted.removeprefix("?") for wanted in waits]
    order: dict[str, Any] = {}

    def visit(key: str, path: tuple[str, ...]) -> None:
        if key in path:
            raise MethodError("invalidArguments", "Cyclical references are not allowed.")
        for wanted in needs.get(key, ()):
            if wanted in resolved:
                visit(wanted, (*path, key))
        order.setdefault(key, resolved[key])

    for key in resolved:
        visit(key, ())
    return order

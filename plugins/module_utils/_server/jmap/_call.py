# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of the JMAP management API: read in few requests, written with an answer for each, sliced to the server's limits.

Types go by their names without prefix ("Account"), objects are what the server sends, ids included. Wire values are
not interpreted here.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import re
import threading
import typing as t

from ..._errors import (
    AlreadyExists,
    EditionMissing,
    InUse,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    Refused,
    ServerError,
    ServerFault,
    StalwartError,
    UnexpectedAnswer,
    Unsupported,
)
from ..._http import HttpClient
from ..._secrets import scrub

Object: t.TypeAlias = "dict[str, t.Any]"

#: The id of every singleton.
SINGLETON = "singleton"

#: How secrets are read. Never to be sent: for most types the server would store it.
MASK = "****"

_USING = ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"]

#: A query may ask for more ids than a `get` takes objects; servers cut at 5,000 by default and are asked again.
_IDS_AT_ONCE = 5000
#: So many `get` calls go in one request, to keep it within the time limit.
_GETS_AT_ONCE = 8
#: Below these numbers no server's limits need to be asked.
_SURELY_CALLS = 12
_SURELY_OBJECTS = 16
#: What a server takes for one write at worst (a plain password takes it 50 ms).
_SECONDS_A_WRITE = 0.2

_METHOD_ERRORS: dict[str, type[ServerError]] = {
    "forbidden": PermissionDenied,
    "unknownMethod": Unsupported,
    "serverFail": ServerFault,
    "serverUnavailable": ServerFault,
    "serverPartialFail": ServerFault,
}
_OBJECT_ERRORS: dict[str, type[ServerError]] = {
    "forbidden": PermissionDenied,
    "validationFailed": InvalidRequest,
    "invalidPatch": InvalidRequest,
    "invalidProperties": InvalidRequest,
    "invalidForeignKey": InvalidRequest,
}


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one request may hold, as the session says."""

    calls: int = 16
    get_objects: int = 500
    set_objects: int = 500
    request_size: int = 10_000_000


@dataclasses.dataclass(frozen=True)
class Find:
    """Objects to be read: all of a type that match the filter, or these ids. `resource` names them in an error.

    Filters are the server's: exact for indexed properties, refused for others. `sort` is a property that the type can be paged by.
    """

    type: str
    filter: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    properties: t.Collection[str] = ()
    resource: str = ""
    sort: str = "id"
    account: str = ""


@dataclasses.dataclass(frozen=True)
class Write:
    """One object's write. `key` is its id, or for a creation a name of ours by which others of the same `set` may refer to it ("#key").

    `value` is the new object, or the patch; a destruction has none.
    """

    type: str
    action: t.Literal["create", "update", "destroy"]
    key: str
    value: t.Mapping[str, t.Any] | None = dataclasses.field(default=None, repr=False)
    resource: str = ""


class _Method(t.NamedTuple):
    name: str
    arguments: dict[str, t.Any]
    resource: str = ""


def _done(result: Object | StalwartError | None) -> Object:
    if isinstance(result, StalwartError):
        raise result
    return result or {}


class JmapCaller:
    """Sends requests to /jmap and turns each refusal into the exception that fits it. Safe to use from several threads."""

    def __init__(self, client: HttpClient) -> None:
        self.client = client
        # the server refuses a fifth request of an account while four are under way
        self._places = threading.BoundedSemaphore(4)

    # Reading

    def get(self, object_type: str, ids: t.Iterable[str], *, properties: t.Collection[str] = (), resource: str = "", account: str = "") -> dict[str, Object]:
        """The objects of these ids, by id, without those that there are not. All properties unless some are named."""
        return self._get_all([(Find(object_type, properties=properties, resource=resource, account=account), list(dict.fromkeys(ids)))])[0]

    def singleton(self, object_type: str, *, properties: t.Collection[str] = (), resource: str = "", account: str = "") -> Object:
        """The one object of a type that has only one; its defaults where it was never written."""
        found = self.get(object_type, [SINGLETON], properties=properties, resource=resource or object_type, account=account)
        if SINGLETON not in found:
            raise self._unexpected(f"x:{object_type}/get", f"the server has no {object_type}", resource)
        return found[SINGLETON]

    def singletons(self, object_types: t.Collection[str], *, account: str = "") -> dict[str, Object]:
        """As `singleton` for several types, in few requests."""
        found = self._get_all([(Find(each, resource=each, account=account), [SINGLETON]) for each in object_types])
        for name, objects in zip(object_types, found, strict=True):
            if SINGLETON not in objects:
                raise self._unexpected(f"x:{name}/get", f"the server has no {name}", name)
        return {name: objects[SINGLETON] for name, objects in zip(object_types, found, strict=True)}

    def find(
        self, object_type: str, filter: t.Mapping[str, t.Any] | None = None, *, properties: t.Collection[str] = (), resource: str = "", account: str = ""
    ) -> list[Object]:
        """All objects of a type that match, in ascending order of their ids. One request up to 500."""
        return self.read(Find(object_type, filter or {}, properties, resource, account=account))[0]

    def read(self, *finds: Find) -> list[list[Object]]:
        """What each of them finds. All together take one request while none finds more than 500."""
        found: list[list[Object]] = []
        open_: list[int] = []
        step = max(1, self._limits(calls=2 * len(finds)).calls // 2)
        for start in range(0, len(finds), step):
            for position, (page, is_all) in enumerate(self._first_pages(finds[start : start + step]), start):
                found.append(page)
                open_ += [] if is_all else [position]
        rest = [(finds[position], [each for ids in self._pages(finds[position], after=found[position][-1]["id"]) for each in ids]) for position in open_]
        for position, objects, (_find, ids) in zip(open_, self._get_all(rest), rest, strict=True):
            found[position] += [objects[each] for each in ids if each in objects]
        return found

    def read_allowed(self, *finds: Find) -> tuple[list[list[Object]], dict[str, PermissionDenied]]:
        """The same of what this login may read, with nothing for the rest and the refusals of that by type."""
        try:
            return self.read(*finds), {}
        except PermissionDenied as error:
            if len(finds) == 1:
                return [[]], {finds[0].type: error}
        found: list[list[Object]] = []
        refusals: dict[str, PermissionDenied] = {}
        for find in finds:
            (objects,), refused = self.read_allowed(find)
            found.append(objects)
            refusals |= refused
        return found, refusals

    def each(self, find: Find) -> t.Iterator[Object]:
        """What it finds, a page of 500 (and one request) at a time, in the order of its `sort`."""
        page, is_all = self._first_pages([find])[0]
        while page:
            yield from page
            if is_all:
                return
            page, is_all = self._first_pages([find], after=page[-1]["id"])[0]

    def ids(self, find: Find) -> list[str]:
        """The ids of what it finds, without reading it."""
        return [each for page in self._pages(find) for each in page]

    def count(self, find: Find) -> int:
        """How many it finds. One request."""
        arguments = {**self._query(find), "limit": 1, "calculateTotal": True}
        return int(self._one(_Method(f"x:{find.type}/query", arguments, find.resource))["total"])

    # Writing

    def create(self, object_type: str, value: t.Mapping[str, t.Any], *, resource: str = "", account: str = "") -> Object:
        """Create one object. The answer holds its id, and secrets that the server made; nothing else."""
        return self._written(Write(object_type, "create", "new", value, resource), account)

    def update(self, object_type: str, object_id: str, patch: t.Mapping[str, t.Any], *, resource: str = "", account: str = "") -> None:
        """Patch one object. The server says yes whether or not anything changed."""
        self._written(Write(object_type, "update", object_id, patch, resource), account)

    def destroy(self, object_type: str, object_id: str, *, resource: str = "", account: str = "") -> None:
        """Destroy one object. Raises NotFound, and InUse where others refer to it."""
        self._written(Write(object_type, "destroy", object_id, None, resource), account)

    def set(self, writes: t.Sequence[Write], *, account: str = "", may_go_on: t.Callable[[], bool] = lambda: True) -> list[Object | StalwartError | None]:
        """Make all writes in as few requests as the limits allow. What became of each stands at its place: the server's answer, or why it failed.

        Neighbours of one type are one call, within which the server creates first, then updates, then destroys; calls are done in the order given.
        `may_go_on` is asked before each request; what was not sent any more has None.
        """
        results: list[Object | StalwartError | None] = [None] * len(writes)
        created: dict[str, str] = {}
        for calls in self._set_requests(writes):
            if not may_go_on():
                break
            self._send_set(writes, calls, account, created, results)
        return results

    # Blobs

    def upload(self, content: bytes, *, content_type: str = "application/octet-stream", resource: str = "blob") -> str:
        """The id of a new blob. The server forgets it after a while unless something refers to it."""
        with self._about(resource):
            answer = self.client.request(
                "POST", ("jmap", "upload", self.account_id, ""), content=content, content_type=content_type, safe=True, timeout=self._time_for(1)
            )
            body = answer.json()
            if not isinstance(body, dict) or not body.get("blobId"):
                raise UnexpectedAnswer("the answer names no blob", request=answer.request, status=answer.status)
            return str(body["blobId"])

    def download(self, blob_id: str, *, resource: str = "blob") -> bytes:
        """A blob's content. Raises NotFound."""
        with self._about(resource):
            path = ("jmap", "download", self.account_id, blob_id, "blob")
            return self.client.request("GET", path, query={"accept": "application/octet-stream"}, accept="*/*").content

    # The rest of HTTP

    def call(
        self, method: str, *path: str, resource: str = "", query: t.Mapping[str, t.Any] | None = None, body: t.Any = None, safe: bool | None = None
    ) -> t.Any:
        """The JSON of one of the few addresses below /api."""
        with self._about(resource):
            return self.client.request(method, ("api", *path), query=query, body=body, safe=safe).json()

    def events(self, *path: str, limit: float, resource: str = "", query: t.Mapping[str, t.Any] | None = None) -> t.Iterator[str]:
        """The lines of an event stream below /api, for at most `limit` seconds."""
        with self._about(resource):
            yield from self.client.events(("api", *path), query=query, limit=limit)

    @functools.cached_property
    def schema_name(self) -> str:
        """The name (a hash) of the schema of this server's objects. One request."""
        return self.client.redirection(("api", "schema")).rpartition("/")[2]

    def schema(self) -> t.Any:
        """The schema, nearly a MB of JSON. What has this `schema_name` never changes."""
        return self.call("GET", "schema", self.schema_name, resource="schema")

    @functools.cached_property
    def session(self) -> t.Mapping[str, t.Any]:
        """The JMAP session. One request. Its addresses are those by which the server knows itself, and often lead nowhere from here."""
        session = self.client.request("GET", ("jmap", "session")).json()
        if not isinstance(session, dict) or not isinstance(session.get("capabilities"), dict):
            raise UnexpectedAnswer("the answer is no JMAP session", request="GET /jmap/session")
        return session

    @functools.cached_property
    def account_id(self) -> str:
        """The id of the caller's account. The session is asked once."""
        account_id = (self.session.get("primaryAccounts") or {}).get("urn:stalwart:jmap") or next(iter(self.session.get("accounts") or ()), "")
        if not account_id:
            raise UnexpectedAnswer("the session names no account of this login", request="GET /jmap/session")
        return str(account_id)

    # Inside

    @functools.cached_property
    def limits(self) -> Limits:
        """What the session says."""
        core = self.session["capabilities"].get("urn:ietf:params:jmap:core") or {}
        normal = Limits()
        return Limits(
            calls=max(1, int(core.get("maxCallsInRequest", normal.calls))),
            get_objects=max(1, int(core.get("maxObjectsInGet", normal.get_objects))),
            set_objects=max(1, int(core.get("maxObjectsInSet", normal.set_objects))),
            request_size=max(10_000, int(core.get("maxSizeRequest", normal.request_size))),
        )

    def _limits(self, *, calls: int = 0, objects: int = 0) -> Limits:
        """The limits, asked for only where a request might come near them."""
        asked = "limits" in self.__dict__ or calls > _SURELY_CALLS or objects > _SURELY_OBJECTS
        return self.limits if asked else Limits()

    def _query(self, find: Find) -> dict[str, t.Any]:
        arguments: dict[str, t.Any] = {"sort": [{"property": find.sort, "isAscending": True}]}
        if find.filter:
            arguments["filter"] = dict(find.filter)
        return self._for_account(arguments, find.account)

    @staticmethod
    def _for_account(arguments: dict[str, t.Any], account: str) -> dict[str, t.Any]:
        return {"accountId": account, **arguments} if account else arguments

    def _first_pages(self, finds: t.Sequence[Find], *, after: str = "") -> list[tuple[list[Object], bool]]:
        """A page of each, and whether that is all."""
        try:
            return self._some_pages(finds, after, self._limits().get_objects)
        except InvalidRequest as error:
            # a server whose limits were lowered
            if "limits" in self.__dict__ or not error.words.startswith("requestTooLarge"):
                raise
            return self._some_pages(finds, after, self.limits.get_objects)

    def _some_pages(self, finds: t.Sequence[Find], after: str, limit: int) -> list[tuple[list[Object], bool]]:
        methods: list[_Method] = []
        for position, find in enumerate(finds):
            query = {**self._query(find), "limit": limit, **({"anchor": after} if after else {"calculateTotal": True})}
            of_query = {"resultOf": f"c{2 * position}", "name": f"x:{find.type}/query", "path": "/ids"}
            get = self._for_account({"#ids": of_query, **({"properties": sorted(find.properties)} if find.properties else {})}, find.account)
            methods += [_Method(f"x:{find.type}/query", query, find.resource), _Method(f"x:{find.type}/get", get, find.resource)]
        answers = self._send(methods, safe=True)
        pages = []
        for queried, got in zip(answers[::2], answers[1::2], strict=True):
            ids, objects = queried["ids"], {each["id"]: each for each in got["list"]}
            page = [objects[each] for each in ids if each in objects and each != after]
            # a server may give fewer than asked for, so only its own total, or an empty page, is the end
            pages.append((page, not page or ("total" in queried and len(ids) >= int(queried["total"]))))
        return pages

    def _pages(self, find: Find, *, after: str = "") -> t.Iterator[list[str]]:
        """Ids until an empty page: no answer tells that there are more. Never by position, which shifts when something is deleted meanwhile."""
        while True:
            query = {**self._query(find), "limit": _IDS_AT_ONCE, **({"anchor": after} if after else {})}
            found = self._one(_Method(f"x:{find.type}/query", query, find.resource))["ids"]
            # sorted by id a page begins after the anchor, by anything else with it
            ids = [str(each) for each in found if each != after]
            if not ids:
                return
            yield ids
            after = ids[-1]

    def _get_all(self, wanted: t.Sequence[tuple[Find, t.Sequence[str]]]) -> list[dict[str, Object]]:
        found: list[dict[str, Object]] = [{} for _each in wanted]
        limits = self._limits(calls=len(wanted), objects=max((len(ids) for _find, ids in wanted), default=0))
        slices: list[tuple[int, _Method]] = []
        for position, (find, ids) in enumerate(wanted):
            for start in range(0, len(ids), limits.get_objects):
                get: dict[str, t.Any] = {"ids": list(ids[start : start + limits.get_objects])}
                if find.properties:
                    get["properties"] = sorted(find.properties)
                slices.append((position, _Method(f"x:{find.type}/get", self._for_account(get, find.account), find.resource)))
        step = min(limits.calls, _GETS_AT_ONCE)
        for start in range(0, len(slices), step):
            part = slices[start : start + step]
            for (position, _method), answer in zip(part, self._send([method for _position, method in part], safe=True), strict=True):
                found[position].update((str(each["id"]), each) for each in answer["list"])
        return found

    def _written(self, write: Write, account: str) -> Object:
        [result] = self.set([write], account=account)
        return _done(result)

    def _set_requests(self, writes: t.Sequence[Write]) -> t.Iterator[list[list[int]]]:
        """The positions of the writes, by call, by request."""
        limits = self._limits(objects=len(writes))
        calls: list[list[int]] = []
        keys: set[str] = set()  # of the last call: an object stands only once in each
        size, most = 0, limits.request_size * 9 // 10
        for position, write in enumerate(writes):
            own = len(json.dumps(write.value, ensure_ascii=False).encode()) + 200 if len(writes) > 1 else 0
            same = bool(calls) and writes[calls[-1][0]].type == write.type and len(calls[-1]) < limits.set_objects and write.key not in keys
            # one request is answered within the time limit only if it holds no more than one call may
            full = sum(map(len, calls)) >= limits.set_objects or size + own > most or (not same and len(calls) >= limits.calls)
            if calls and full:
                yield calls
                calls, size, same = [], 0, False
            if same:
                calls[-1].append(position)
                keys.add(write.key)
            else:
                calls.append([position])
                keys = {write.key}
            size += own
        if calls:
            yield calls

    def _send_set(
        self, writes: t.Sequence[Write], calls: t.Sequence[t.Sequence[int]], account: str, created: dict[str, str], results: list[Object | StalwartError | None]
    ) -> None:
        methods = []
        for positions in calls:
            arguments: dict[str, t.Any] = {}
            for write in (writes[position] for position in positions):
                if write.action == "destroy":
                    arguments.setdefault("destroy", []).append(write.key)
                else:
                    arguments.setdefault(write.action, {})[write.key] = dict(write.value or {})
            methods.append(_Method(f"x:{writes[positions[0]].type}/set", self._for_account(arguments, account)))
        answers: t.Sequence[Object | StalwartError]
        try:
            answers = self._answers(methods, safe=False, limit=self._time_for(sum(map(len, calls))), created=created)
        except StalwartError as error:
            answers = [error] * len(methods)
        for positions, method, answer in zip(calls, methods, answers, strict=True):
            for position in positions:
                results[position] = self._result(writes[position], method.name, answer)
                result = results[position]
                # what some actions answer has no id
                if writes[position].action == "create" and isinstance(result, dict) and "id" in result:
                    created[writes[position].key] = str(result["id"])

    def _result(self, write: Write, method: str, answer: Object | StalwartError) -> Object | StalwartError:
        if isinstance(answer, ServerError):
            error = type(answer)(answer.words, request=answer.request, status=answer.status) if type(answer) in _PLAIN else answer
            return error.about(write.resource)
        if isinstance(answer, StalwartError):
            return answer
        done, not_done = {"create": ("created", "notCreated"), "update": ("updated", "notUpdated"), "destroy": ("destroyed", "notDestroyed")}[write.action]
        refused = (answer.get(not_done) or {}).get(write.key)
        if refused is not None:
            return self._object_error(refused, method).about(write.resource)
        if write.key in (answer.get(done) or ()):
            return dict(answer[done][write.key] or {}) if write.action != "destroy" else {}
        # an id that can't be read vanishes from the answer, and nothing is done
        return self._unexpected(method, "the answer does not say what became of it, so nothing was done", write.resource)

    def _time_for(self, writes: int) -> float:
        return max(self.client.connection.timeout, writes * _SECONDS_A_WRITE)

    def _one(self, method: _Method) -> Object:
        return self._send([method], safe=True)[0]

    def _send(self, methods: t.Sequence[_Method], *, safe: bool) -> list[Object]:
        """The answers of all. Raises the first error among them."""
        answers = self._answers(methods, safe=safe)
        for method, answer in zip(methods, answers, strict=True):
            if isinstance(answer, ServerError):
                raise answer.about(method.resource)
        return t.cast("list[Object]", answers)

    def _answers(
        self, methods: t.Sequence[_Method], *, safe: bool, limit: float | None = None, created: t.Mapping[str, str] | None = None
    ) -> list[Object | ServerError]:
        """One request. What each method answered, or its refusal."""
        if not methods:
            return []
        body: dict[str, t.Any] = {
            "using": _USING,
            "methodCalls": [[method.name, method.arguments, f"c{position}"] for position, method in enumerate(methods)],
        }
        if created:
            body["createdIds"] = dict(created)
        resource = methods[0].resource
        with self._about(resource), self._places:
            answer = self.client.request("POST", ("jmap",), body=body, safe=safe, timeout=limit)
            told = answer.json()
            responses = told.get("methodResponses") if isinstance(told, dict) else None
            if not isinstance(responses, list):
                raise UnexpectedAnswer("the answer is none of JMAP; is the url that of a Stalwart server?", request=answer.request, status=answer.status)
        by_call: dict[str, t.Any] = {str(each[2]): each for each in responses if isinstance(each, list) and len(each) == 3}
        found: list[Object | ServerError] = []
        for position, method in enumerate(methods):
            name, arguments, _call = by_call.get(f"c{position}", ("", None, ""))
            if name == "error" and isinstance(arguments, dict):
                found.append(self._method_error(arguments, method.name))
            elif isinstance(arguments, dict):
                found.append(arguments)
            else:
                found.append(self._unexpected(method.name, "the answer has nothing for one of the calls", ""))
        return found

    # Errors

    def _method_error(self, told: t.Mapping[str, t.Any], method: str) -> ServerError:
        kind = str(told.get("type", "error"))
        words = self._words(kind, told.get("description"))
        if kind == "forbidden" and "enterprise" in words.lower():
            return EditionMissing(words, request=_request(method))
        return _METHOD_ERRORS.get(kind, InvalidRequest)(words, request=_request(method))

    def _object_error(self, told: t.Mapping[str, t.Any], method: str) -> ServerError:
        kind = str(told.get("type", "error"))
        properties = [str(each) for each in told.get("properties") or () if each]
        problems = [_problem(each) for each in told.get("validationErrors") or () if isinstance(each, dict)]
        linked = tuple((str(each.get("object", "")), str(each.get("id", ""))) for each in told.get("linkedObjects") or () if isinstance(each, dict))
        users = [f"{number} {name}" for name, number in collections.Counter(name for name, _id in linked).items()]
        broken = _other_object(told.get("objectId")) if kind in ("validationFailed", "invalidForeignKey") else ""
        taken = " exists already" if kind == "primaryKeyViolation" and properties else ""
        remedy = _REMEDIES.get(str(told.get("description", "")).partition(":")[0], "")
        words = self._words(kind, told.get("description"), ", ".join(properties) + taken, "; ".join(problems), ", ".join(users), broken, remedy)
        about: dict[str, t.Any] = {"request": _request(method)}
        if kind == "primaryKeyViolation":
            holder = told.get("objectId") or {}
            return AlreadyExists(words, field=properties[0] if properties else "", holder=(str(holder.get("object", "")), str(holder.get("id", ""))), **about)
        if kind == "notFound":
            return NotFound(words, **about)
        if kind == "objectIsLinked":
            return InUse(words, linked=linked, **about)
        if kind == "forbidden" and "enterprise" in words.lower():
            return EditionMissing(words, **about)
        return _OBJECT_ERRORS.get(kind, ServerError)(words, **about)

    def _words(self, *parts: t.Any) -> str:
        return scrub(": ".join(str(part) for part in parts if part), self.client.connection.secrets)[:1000]

    def _unexpected(self, method: str, words: str, resource: str) -> ServerError:
        return UnexpectedAnswer(words, request=_request(method)).about(resource)

    def _about(self, resource: str) -> _About:
        return _About(resource, self.client.connection.base_url)


#: Errors that are made anew for each object of a call that failed as a whole.
_PLAIN = frozenset({ServerError, InvalidRequest, PermissionDenied, ServerFault, Unsupported, EditionMissing, UnexpectedAnswer})


#: What a server's words leave open.
_REMEDIES = {
    "Invalid domain name": "servers since 0.16 take names below a public suffix (com, org, co.uk) or below test, local, localhost, localdomain, lan, home, "
    "internal, intranet, corp and private",
}

#: The one problem of an object's id: that the object as a whole is too large.
_TOO_LARGE = re.compile(r"Object size (\d+) exceeds maximum of (\d+)")


def _request(method: str) -> str:
    return f"POST /jmap {method}"


def _other_object(told: t.Any) -> str:
    """The object because of which a reload fails."""
    return f"{told.get('object', '')} {told.get('id', '')}" if isinstance(told, dict) else ""


def _problem(told: t.Mapping[str, t.Any]) -> str:
    """One validation error: what is wrong with which property. The value is not told, which may be a secret."""
    if told.get("property") == "id" and (sizes := _TOO_LARGE.fullmatch(str(told.get("value", "")))):
        return f"it would take {sizes[1]} bytes in the server's store, and {sizes[2]} are the most for one object"
    required = told.get("required")
    return f"{told.get('property', '')} {told.get('type', '')}{f' {required}' if required is not None else ''}".strip()


class _About:
    """Lets errors name the resource, and says what is wrong where there is no such API at all."""

    def __init__(self, resource: str, base_url: str) -> None:
        self._resource = resource
        self._base_url = base_url

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, NotFound) and error.request.endswith("/jmap"):
            raise UnexpectedAnswer(no_jmap(self._base_url), request=error.request, status=404) from None
        if isinstance(error, InvalidRequest) and re.search('Unknown capability: "urn:stalwart', error.words):
            raise Refused(f"api: {no_jmap(self._base_url)}.") from None
        if isinstance(error, ServerError):
            error.about(self._resource)


def no_jmap(base_url: str) -> str:
    """Why a server does not answer as one of this generation."""
    return (
        f"{base_url} has no JMAP management API, which servers have since 0.16. Correct the url, which goes without a path of the API; "
        "if the server is older, leave api out"
    )

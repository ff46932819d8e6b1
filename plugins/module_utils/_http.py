# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP client: login, TLS, time limits, retries, and what is not an answer of the API.

It knows nothing of resources. A request that may be sent twice says so (`safe`); everything else is sent once, unless
it can be proved that the server did not take it.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import email.utils
import functools
import ipaddress
import json
import logging
import math
import mmap
import os
import random
import re
import socket
import ssl
import threading
import time
import typing as t
import urllib.parse
import urllib.request
import zlib

from ._deps import httpx, require_libraries
from ._errors import (
    AuthenticationFailed,
    ConnectionFailed,
    InvalidOption,
    InvalidRequest,
    NotFound,
    OneTimeCodeMissing,
    PermissionDenied,
    RateLimited,
    Refused,
    ServerError,
    ServerFault,
    TimedOut,
    UnexpectedAnswer,
)
from ._secrets import scrub

# They write whole URLs at INFO and DEBUG, and ANSIBLE_LOG_PATH collects every logger.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

#: An answer larger than this is no answer of the API; the largest real one (10,000 principals) has a few MB.
MAX_ANSWER = 512 * 1024 * 1024

#: After so many refused logins in one process no further one is tried, since a burst bans the caller's address.
MAX_REFUSED_LOGINS = 3

#: The same for all accounts of one server.
MAX_REFUSED_BY_SERVER = 50

_GUARD_PLACES = 4096

_FIRST_DELAY = 0.25
_LONGEST_DELAY = 20.0
_LONGEST_RETRY_AFTER = 60.0
# A bulk creation sends ten thousand times to one address; addresses of single objects need not be kept.
_KEPT_URLS = 64

_UNKNOWN_CAPABILITY = re.compile(r'Unknown capability: "urn:[a-z:]+"')

_by_status: dict[int, type[ServerError]] = {
    400: InvalidRequest,
    401: AuthenticationFailed,
    402: OneTimeCodeMissing,
    403: PermissionDenied,
    404: NotFound,
    429: RateLimited,
}


@dataclasses.dataclass(frozen=True)
class Connection:
    """Where the server is and how to log in. Hashable: equal connections share a client."""

    url: str
    user: str = ""
    password: str = dataclasses.field(default="", repr=False)
    token: str = dataclasses.field(default="", repr=False)
    validate_certs: bool = True
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    timeout: float = 30.0
    retries: int = 4
    use_proxy: bool = True
    allow_http: bool = False
    #: Sent as X-API-Key in place of a login, to servers that are no mail servers.
    api_key: str = dataclasses.field(default="", repr=False)

    def __post_init__(self) -> None:
        parts = _split(self.url)
        if parts.scheme == "http" and not self.allow_http and not _is_loopback(parts.hostname or ""):
            raise InvalidOption("url", f"{self.url!r} would send the login in clear text; use https, or set allow_http: true if the network is trusted.")
        if bool(self.user) != bool(self.password):
            missing, given = ("login_password", "login_user") if self.user else ("login_user", "login_password")
            raise InvalidOption(missing, f"it is missing, while {given} is set; set both, or use login_token alone.")
        if self.token and self.user:
            raise InvalidOption(
                "login_token",
                "it can't be used together with login_user and login_password; remove one of the two, or set those to null where module_defaults give them.",
            )
        if not self.token and not self.user and not self.api_key:
            raise InvalidOption("login_user", "no login is given; set login_user and login_password, or login_token.")
        if self.user and ":" in self.user:
            raise InvalidOption("login_user", f"{self.user!r} holds a colon, at which the server would end it; correct the name.")
        if any(not "!" <= character <= "~" for character in self.token):
            # the library's message about it would hold the token
            raise InvalidOption("login_token", "it holds a blank, a line end or a character that no token has; give the token alone.")
        if any(not "!" <= character <= "~" for character in self.api_key):
            raise InvalidOption("api_key", "it holds a blank, a line end or a character that no key has; give the key alone.")
        if not 0 < self.timeout < math.inf:
            raise InvalidOption("timeout", f"{self.timeout:g} is no time limit; use a number of seconds above 0.")
        if self.retries < 0:
            raise InvalidOption("retries", f"{self.retries} is below 0; use 0 to never try again.")
        if bool(self.client_key) and not self.client_cert:
            raise InvalidOption("client_key", "it is set without client_cert; set client_cert too.")
        for option in ("ca_path", "client_cert", "client_key"):
            path = getattr(self, option)
            if path and not os.path.exists(path):
                raise InvalidOption(option, f"there is no file {path!r}; give the path of a PEM file on the host that runs the task.")

    @property
    def base_url(self) -> str:
        """Scheme, host and port, and the path prefix of a reverse proxy, without a final slash."""
        return self.url.rstrip("/")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        as_sent = self.authorization().get("Authorization", "").partition(" ")[2]
        return tuple(dict.fromkeys(secret for secret in (self.password, self.token, self.api_key, as_sent) if secret))

    def authorization(self) -> dict[str, str]:
        """The header that proves who asks."""
        if self.api_key:
            return {"X-API-Key": self.api_key}
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back with a status below 300. `request` is like "GET /api/principal/alice", without a query."""

    request: str
    status: int
    content_type: str
    content: bytes
    retry_after: str = ""

    def json(self) -> t.Any:
        """The body as JSON. Raises UnexpectedAnswer when it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            kind = self.content_type.split(";")[0] or "no content type"
            raise UnexpectedAnswer(
                f"the answer is not JSON but {len(self.content)} bytes of {kind}; is the url that of the management API, or does a proxy answer in its place?",
                request=self.request,
                status=self.status,
            ) from None


def _split(url: str) -> urllib.parse.SplitResult:
    remedy = "use scheme, host and port, like https://mail.example.org or http://127.0.0.1:8080."
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")  # as the resolver does, whose failure at an empty label is no error of the network
    except ValueError as error:
        raise InvalidOption("url", f"{url!r} is no URL ({error}); {remedy}") from None
    if parts.scheme not in ("http", "https"):
        raise InvalidOption("url", f"{url!r} has no scheme http or https; {remedy}")
    if not parts.hostname or port == 0 or any(character.isspace() or character in '"<>\\^`{|}' for character in parts.netloc):
        raise InvalidOption("url", f"{url!r} names no host; {remedy}")
    if parts.username or parts.password:
        raise InvalidOption("url", "it holds a login, which would be shown in messages; use login_user and login_password.")
    if parts.query or parts.fragment:
        raise InvalidOption("url", f"{url!r} has a query or a fragment; {remedy}")
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@functools.lru_cache(maxsize=8)
def _tls(validate_certs: bool, ca_path: str, client_cert: str, client_key: str) -> ssl.SSLContext:
    # Loading the trust store costs 20 ms, so contexts are shared by all clients of a process and of its forks.
    try:
        is_folder = bool(ca_path) and os.path.isdir(ca_path)
        context = ssl.create_default_context(capath=ca_path if is_folder else None, cafile=None if is_folder else ca_path or None)
    except (OSError, ssl.SSLError) as error:
        raise InvalidOption("ca_path", f"{ca_path!r} holds no certificates that can be read ({error}); give a PEM file.") from None
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client_cert:
        try:
            context.load_cert_chain(client_cert, client_key or None)
        except (OSError, ssl.SSLError) as error:
            raise InvalidOption("client_cert", f"{client_cert!r} and its key can't be used ({error}); give PEM files that belong together.") from None
    return context


def prepare() -> None:
    """Do the costly part of a first HTTPS request before a process forks."""
    context = _tls(True, "", "", "")
    # httpx imports what it sends by only when it makes its first client
    httpx.HTTPTransport(verify=context, trust_env=False).close()


def _proxy(url: str) -> str | None:
    # httpx's own trust_env also reads .netrc and certificate variables; only the proxies are wanted.
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    if _is_loopback(host) or urllib.request.proxy_bypass_environment(host):  # type: ignore[attr-defined]
        return None
    proxies = urllib.request.getproxies_environment()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


class _Guard:
    """Counts refused logins by server and account, for the whole process and all that are forked from it.

    Ansible forks a worker for each task, so the counts stand in memory that they share, one byte for each of 4096 hashes; a second half of
    it remembers which logins have worked. A login that works ends the count of its account: then a refused one before it was a question (is
    this password set already?) and no mistake. All questions together stay far below what servers ban for, a hundred a day by default.
    """

    def __init__(self) -> None:
        self._counts = mmap.mmap(-1, 2 * _GUARD_PLACES)
        self._lock = threading.Lock()

    def check(self, connection: Connection) -> None:
        if self._counts[self._worked(connection)]:
            return
        where = connection.base_url
        why = "since the server bans an address after a burst of wrong logins"
        if self._counts[self._place(where, connection.user)] >= MAX_REFUSED_LOGINS:
            raise Refused(f"{where} refused this login {MAX_REFUSED_LOGINS} times; no further attempt is made, {why}. Correct the login and run again.")
        if self._counts[self._place(where)] >= MAX_REFUSED_BY_SERVER:
            raise Refused(
                f"{where} refused {MAX_REFUSED_BY_SERVER} logins; no other login is tried in this run, {why}. Correct the logins and run again; "
                "where passwords of many accounts are set by account_auth, update_password: always tries none."
            )

    def note(self, connection: Connection, *, refused: bool) -> None:
        where = connection.base_url
        with self._lock:
            self._counts[self._worked(connection)] = not refused
            self._counts[self._place(where, connection.user)] *= refused
            for place in (self._place(where, connection.user), self._place(where)) if refused else ():
                self._counts[place] = min(self._counts[place] + 1, 255)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._counts[:] = bytes(len(self._counts))

    @staticmethod
    def _place(*parts: str) -> int:
        return zlib.crc32(" ".join(parts).encode()) % _GUARD_PLACES

    def _worked(self, connection: Connection) -> int:
        return _GUARD_PLACES + self._place(connection.base_url, connection.user, *connection.secrets)


_guard = _Guard()


class HttpClient:
    """Requests to one server over kept connections. Safe to use from several threads."""

    def __init__(self, connection: Connection, transport: t.Any = None) -> None:
        """`transport` stands in for the network in tests. Raises InvalidOption for a URL or a proxy that can't be used."""
        require_libraries()
        self.connection = connection
        parts = urllib.parse.urlsplit(connection.base_url)
        self._prefix = parts.path
        self._local_address = ""
        #: Which API the server speaks, once somebody has found it out.
        self.generation: str | None = None
        proxy = _proxy(connection.base_url) if connection.use_proxy else None
        self._is_proxied = proxy is not None
        # Plain HTTP needs no trust store, which httpx would load all the same.
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if parts.scheme == "https":
            verify = _tls(connection.validate_certs, connection.ca_path, connection.client_cert, connection.client_key)
        base_url = f"{parts.scheme}://{parts.netloc}"
        try:
            httpx.URL(base_url)
        except httpx.InvalidURL as error:
            raise InvalidOption("url", f"{connection.url!r} is no URL ({error}); use scheme, host and port, like https://mail.example.org.") from None
        try:
            self._client = httpx.Client(
                base_url=base_url,
                headers={**connection.authorization(), "Accept": "application/json"},
                verify=verify,
                timeout=httpx.Timeout(connection.timeout),
                # Servers close idle connections after a minute or so; a write on a connection that was just closed can't be told from a lost one.
                limits=httpx.Limits(max_connections=32, max_keepalive_connections=32, keepalive_expiry=5.0),
                follow_redirects=False,
                trust_env=False,
                proxy=proxy,
                transport=transport,
            )
            self._origin = base_url
            self._headers = dict(self._client.headers)
            proof = {name.lower() for name in connection.authorization()}
            self._anonymous_headers = {name: value for name, value in self._headers.items() if name not in proof}
            self._urls: dict[str, t.Any] = {}
        except (httpx.InvalidURL, ValueError, ImportError):
            # the message may quote the proxy's login
            raise InvalidOption(
                "use_proxy", "the proxy that the environment names can't be used; give HTTPS_PROXY the form http://HOST:PORT, or set use_proxy: false."
            ) from None

    @property
    def local_address(self) -> str:
        """The address of this machine that the last request went out from; "" before one, and through a proxy."""
        return self._local_address

    def _note_address(self, response: t.Any) -> None:
        stream = response.extensions.get("network_stream")
        address = stream.get_extra_info("client_addr") if stream is not None and not self._is_proxied else None
        self._local_address = str(address[0]) if isinstance(address, tuple) and address else ""

    def note_refused_login(self) -> None:
        """Count a login that was refused by another answer than 401."""
        _guard.note(self.connection, refused=True)

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()

    def request(
        self,
        method: str,
        path: t.Sequence[str],
        *,
        query: t.Mapping[str, t.Any] | None = None,
        body: t.Any = None,
        content: bytes | None = None,
        content_type: str = "application/json",
        safe: bool | None = None,
        timeout: float | None = None,
        accept: str = "application/json",
        authenticated: bool = True,
        retries: int | None = None,
    ) -> Answer:
        """Send one request and return its answer.

        `path` are the elements below the server's root, unencoded. `safe` says that sending it twice does no harm (GET unless told).
        Raises ConnectionFailed, TimedOut, or the ServerError that fits the status.
        """
        shown, target = self._target(method, path)
        if body is not None:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"accept": accept}
        if content is not None:
            headers["content-type"] = content_type
        is_safe = safe if safe is not None else method == "GET"
        limit = timeout or self.connection.timeout
        if authenticated:
            _guard.check(self.connection)

        attempt = 0
        while True:
            delay: float | None = None
            failure: ServerError | ConnectionFailed | None
            try:
                answer, failure = self._once(method, shown, target, query, content, headers, limit, authenticated)
                if failure is None:
                    return answer
                delay = self._delay_after(failure, answer, is_safe)
            except ConnectionFailed as error:
                failure = error
                # A connection that was refused took nothing with it.
                if is_safe or not error.sent:
                    delay = -1.0
            if delay is None or attempt >= (self.connection.retries if retries is None else retries):
                raise failure
            attempt += 1
            time.sleep(delay if delay >= 0 else _backoff(attempt))

    def redirection(self, path: t.Sequence[str]) -> str:
        """Where a GET redirects to, as the server spells it. Raises UnexpectedAnswer where it does not."""
        shown, target = self._target("GET", path)
        _guard.check(self.connection)
        try:
            response = self._client.get(target)
        except httpx.HTTPError as error:
            raise self._broken(shown, error) from None
        if not 300 <= response.status_code < 400:
            failure = self._failure(shown, response.status_code, response, response.read)
            raise failure or UnexpectedAnswer("the answer is no redirection", request=shown, status=response.status_code)
        return str(response.headers.get("location", ""))

    def events(
        self,
        path: t.Sequence[str],
        *,
        query: t.Mapping[str, t.Any] | None = None,
        limit: float,
        otherwise: t.Callable[[Answer], t.Any] = lambda _answer: None,
    ) -> t.Iterator[str]:
        """The lines of an event stream, until it ends or `limit` seconds have passed (then it just ends).

        `otherwise` is given an answer that is no stream, to raise what it says; UnexpectedAnswer is raised when it does not.
        """
        shown, target = self._target("GET", path)
        deadline = time.monotonic() + limit
        _guard.check(self.connection)
        timeout = httpx.Timeout(self.connection.timeout, read=max(limit, 1.0))
        try:
            with self._client.stream("GET", target, params=query, headers={"Accept": "text/event-stream"}, timeout=timeout) as response:
                failure = self._failure(shown, response.status_code, response, response.read)
                if failure is not None:
                    raise failure
                kind = response.headers.get("content-type", "")
                if not kind.startswith("text/event-stream"):
                    otherwise(Answer(shown, response.status_code, kind, response.read()))
                    raise UnexpectedAnswer(f"the answer is no event stream, but {kind or 'of no known type'}", request=shown, status=response.status_code)
                with _hang_up_after(response, deadline - time.monotonic()):
                    for line in response.iter_lines():
                        yield line
                        if time.monotonic() > deadline:
                            return
        except httpx.HTTPError as error:
            if time.monotonic() < deadline:
                raise self._broken(shown, error) from None

    def _target(self, method: str, path: t.Sequence[str]) -> tuple[str, str]:
        target = self._prefix + "/" + "/".join(urllib.parse.quote(element, safe="") for element in path)
        return f"{method} {target}", target

    def _once(
        self,
        method: str,
        shown: str,
        target: str,
        query: t.Mapping[str, t.Any] | None,
        content: bytes | None,
        headers: dict[str, str],
        limit: float,
        authenticated: bool,
    ) -> tuple[Answer, ServerError | None]:
        deadline = time.monotonic() + limit
        try:
            response = self._client.send(self._request(method, target, query, content, headers, limit, authenticated), stream=True)
            self._note_address(response)
            try:
                body = self._read(shown, response, deadline, limit)
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise self._broken(shown, error) from None
        except ssl.SSLError as error:
            raise ConnectionFailed(f"{self.connection.base_url}: TLS failed: {error} ({shown})", sent=False) from None
        if authenticated and (response.status_code < 300 or response.status_code == 402):
            _guard.note(self.connection, refused=False)
        answer = Answer(shown, response.status_code, response.headers.get("content-type", ""), body, response.headers.get("retry-after", ""))
        return answer, self._failure(shown, response.status_code, response, lambda: body)

    def _request(
        self,
        method: str,
        target: str,
        query: t.Mapping[str, t.Any] | None,
        content: bytes | None,
        headers: dict[str, str],
        limit: float,
        authenticated: bool,
    ) -> t.Any:
        """The request as httpx sends it, without the merging of defaults that `build_request` does anew each time: half of what a request costs."""
        url = self._urls.get(target)
        if url is None:
            url = httpx.URL(self._origin + target)
            if len(self._urls) < _KEPT_URLS:
                self._urls[target] = url
        if query:
            url = url.copy_merge_params(query)
        known = self._headers if authenticated else self._anonymous_headers
        return httpx.Request(method, url, headers={**known, **headers}, content=content, extensions={"timeout": httpx.Timeout(limit).as_dict()})

    def _read(self, shown: str, response: t.Any, deadline: float, limit: float) -> bytes:
        # httpx's time limits hold for each piece; a body that drips must end as well.
        pieces: list[bytes] = []
        size = 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_ANSWER:
                raise UnexpectedAnswer(f"the answer is larger than {MAX_ANSWER} bytes and was not read further", request=shown, status=response.status_code)
            if time.monotonic() > deadline:
                raise TimedOut(f"{self.connection.base_url}: no complete answer within {limit:g} seconds ({shown})", sent=True)
        return b"".join(pieces)

    def _broken(self, shown: str, error: Exception) -> ConnectionFailed:
        where = self.connection.base_url
        if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
            return TimedOut(
                f"{where} could not be reached within {self.connection.timeout:g} seconds. Correct url, or see that the server runs and is reachable ({shown})",
                sent=False,
            )
        if isinstance(error, httpx.TimeoutException):
            return TimedOut(f"{where} did not answer within the time limit ({shown})", sent=True)
        words = scrub(str(error), self.connection.secrets) or type(error).__name__
        if isinstance(error, httpx.ConnectError):
            if "certificate verify failed" in words.lower():
                return ConnectionFailed(
                    f"{where}: the server's certificate is not trusted: {words}. Give its authority by ca_path, or correct the host in url ({shown})",
                    sent=False,
                )
            if "wrong_version_number" in words.lower():
                return ConnectionFailed(f"{where} does not speak TLS on this port. Correct the port in url, or use http ({shown})", sent=False)
            return ConnectionFailed(f"{where} could not be reached: {words}. Correct url, or see that the server runs and is reachable ({shown})", sent=False)
        return ConnectionFailed(f"{where}: the connection broke before the answer was complete: {words} ({shown})", sent=True)

    def _failure(self, shown: str, status: int, response: t.Any, body: t.Callable[[], bytes]) -> ServerError | None:
        if status < 300:
            return None
        if status < 400:
            place = scrub(str(response.headers.get("location", "nowhere")).partition("?")[0], self.connection.secrets)
            return UnexpectedAnswer(f"the server redirects to {place}; logins are not sent there. Set url to the server itself", request=shown, status=status)
        if status == 401:
            _guard.note(self.connection, refused=True)
        words = self._words(body(), response.headers.get("content-type", ""), status)
        if status == 400 and words.endswith("maxConcurrentRequests"):
            status = 429  # JMAP's way to say that other requests of this account are under way
        kind = _by_status.get(status) or (ServerFault if status >= 500 else InvalidRequest)
        return kind(words, request=shown, status=status)

    def _words(self, body: bytes, content_type: str, status: int) -> str:
        problem: t.Any = None
        if "json" in content_type:
            try:
                problem = json.loads(body)
            except (ValueError, RecursionError):
                problem = None
        if isinstance(problem, dict):
            kind = str(problem.get("type", ""))
            if kind.endswith(":notRequest"):
                # JMAP echoes the whole request there, passwords included; only the name of a capability is taken
                capability = _UNKNOWN_CAPABILITY.match(str(problem.get("detail", "")))
                told = [capability[0]] if capability else []
            else:
                keys = ("title", "detail", "error", "error_description", "limit")
                told = [str(problem[key]) for key in keys if problem.get(key)]
            text = ": ".join(told) or kind
        else:
            text = ""
        return scrub(f"{status} {text}".strip()[:1000], self.connection.secrets)

    @staticmethod
    def _delay_after(failure: ServerError, answer: Answer, is_safe: bool) -> float | None:
        if isinstance(failure, RateLimited):  # the server took nothing, so a write may go again
            return _retry_after(answer)
        if is_safe and failure.status in (502, 503, 504):
            return _retry_after(answer)
        return None


@contextlib.contextmanager
def _hang_up_after(response: t.Any, seconds: float) -> t.Iterator[None]:
    """End a stream from outside: httpx's time limits begin anew with each piece, and a silent stream must end as well."""
    stream = response.extensions.get("network_stream")
    connection: t.Any = stream.get_extra_info("socket") if stream is not None else None

    def hang_up() -> None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:  # the server was faster
            pass

    timer = threading.Timer(max(seconds, 0.0), hang_up)
    timer.daemon = True
    if connection is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if connection is not None:
            timer.join()


def _retry_after(answer: Answer) -> float:
    """Seconds the server asks to wait, bounded; -1 when it says nothing: then the wait is ours to choose."""
    text = answer.retry_after.strip()
    if not text:
        return -1.0
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError):
            return -1.0
    return float(min(max(seconds, 0.0), _LONGEST_RETRY_AFTER) + random.uniform(0.0, 0.25))


def _backoff(attempt: int) -> float:
    return random.uniform(0.5, 1.0) * min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** (attempt - 1))


_clients: dict[tuple[int, Connection], HttpClient] = {}


def client_for(connection: Connection) -> HttpClient:
    """The one client of this process for this server and login.

    Keyed by process, since a socket shared by a fork mixes up its answers.
    """
    key = (os.getpid(), connection)
    if key not in _clients:
        _clients[key] = HttpClient(connection)
    return _clients[key]

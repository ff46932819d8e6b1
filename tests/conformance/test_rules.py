# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the stand-in that no recording shows: what needs time to pass, the paid edition, and what the server forgets."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from passlib.hash import sha512_crypt

from tests.stand_in import passwords
from tests.stand_in.app import Application
from tests.stand_in.expression_check import UnreadableError, check
from tests.stand_in.state import Ports, Server, Version

ADMIN = "admin:secret-admin"


class Client:
    """Requests to a stand-in in this process, with a clock of its own."""

    def __init__(self, version: Version = (0, 15, 5), enterprise: bool = False) -> None:
        self.time = 1_800_000_000.0
        self.server = Server(version, enterprise, Ports(http=0), now=lambda: self.time)
        self._application = Application(self.server)

    def __call__(self, method: str, path: str, json: Any = None, login: str = ADMIN, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._application)
            name, _, password = login.partition(":")
            async with httpx.AsyncClient(transport=transport, base_url="http://mail.test", auth=(name, password)) as client:
                return await client.request(method, path, json=json, **more)

        return asyncio.run(ask())

    def create(self, kind: str, name: str, login: str = ADMIN, **fields: Any) -> Any:
        return self("POST", "/api/principal", {"type": kind, "name": name, **fields}, login).json()

    def get(self, name: str) -> Any:
        return self("GET", f"/api/principal/{name}").json()["data"]

    def patch(self, name: str, *changes: tuple[str, str, Any], login: str = ADMIN) -> Any:
        body = [{"action": action, "field": field, "value": value} for action, field, value in changes]
        return self("PATCH", f"/api/principal/{name}", body, login).json()

    def insert(self, **values: str) -> Any:
        pairs = [[key.replace("__", "-").replace("_", "."), value] for key, value in values.items()]
        return self("POST", "/api/settings", [{"type": "insert", "prefix": None, "values": pairs, "assert_empty": False}]).json()


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def paid() -> Client:
    return Client(enterprise=True)


def test_a_refusal_is_remembered_for_an_hour_and_an_acceptance_for_a_day(client: Client) -> None:
    directory = client.server.directory
    client.create("domain", "example.org")
    assert directory.recipient("ann@example.org") is False
    client.create("individual", "ann", emails=["ann@example.org"])
    client.time += 3599
    assert directory.recipient("ann@example.org") is False
    client.time += 2
    assert directory.recipient("ann@example.org") is True
    client("DELETE", "/api/principal/ann")
    client.time += 86_399
    assert directory.recipient("ann@example.org") is True
    client.time += 2
    assert directory.recipient("ann@example.org") is False


def test_a_reload_with_an_error_applies_nothing_and_clears_no_cache(client: Client) -> None:
    directory = client.server.directory
    assert not directory.is_local_domain("example.org")
    client.create("domain", "example.org")
    client.insert(session_timeout="nonsense", server_hostname="new.example.org")
    assert "session.timeout" in client("GET", "/api/reload").json()["data"]["errors"]
    assert client.server.hostname == "mx.example.org"
    assert not directory.is_local_domain("example.org")
    client("DELETE", "/api/settings/session.timeout")
    client("GET", "/api/reload?dry-run=1")
    assert client.server.hostname == "mx.example.org"
    client("GET", "/api/reload")
    assert client.server.hostname == "new.example.org"
    assert directory.is_local_domain("example.org")


def test_a_changed_role_reaches_its_members_with_their_next_own_change(client: Client) -> None:
    client.create("role", "helper", enabledPermissions=["authenticate"])
    client.create("individual", "ann", secrets=["ann-secret"], roles=["helper"])

    def lists() -> int:
        return client("GET", "/api/principal?types=domain", login="ann:ann-secret").status_code

    assert lists() == 403
    client.patch("helper", ("addItem", "enabledPermissions", "domain-list"))
    assert lists() == 403
    client.patch("ann", ("set", "secrets", ["ann-secret"]))
    assert lists() == 200


def test_an_account_can_not_give_away_what_it_has_not(client: Client) -> None:
    rights = ["authenticate", "individual-create", "individual-update"]
    client.create("individual", "helper", secrets=["helper-secret"], enabledPermissions=rights)
    login = "helper:helper-secret"
    assert client.create("individual", "a", login, roles=["admin"])["reason"] == 'Your account cannot grant the "admin" role'
    assert client.create("individual", "a", login, enabledPermissions=["logs-view"])["details"] == "Invalid permission"
    assert "data" in client.create("individual", "a", login, enabledPermissions=["individual-create"], disabledPermissions=["logs-view"])
    assert client.patch("a", ("addItem", "roles", "user"), login=login)["details"] == "Invalid role"


def test_an_address_added_twice_in_one_request_is_kept_twice_and_shown_once(client: Client) -> None:
    client.create("domain", "example.org")
    client.create("individual", "ann", emails=["ann@example.org"], description="Ann")
    client.patch("ann", ("addItem", "emails", "b@example.org"), ("addItem", "emails", "b@example.org"))
    assert client.get("ann")["emails"] == ["ann@example.org", "b@example.org"]
    client.patch("ann", ("removeItem", "emails", "b@example.org"))
    assert client.get("ann")["emails"] == ["ann@example.org"]


def test_aliases_keep_their_order_up_to_0_13() -> None:
    for version, wanted in (
        ((0, 13, 4), ["z@example.org", "c@example.org", "b@example.org"]),
        ((0, 14, 0), ["z@example.org", "b@example.org", "c@example.org"]),
    ):
        client = Client(version)
        client.create("domain", "example.org")
        client.create("individual", "ann", emails=["z@example.org", "c@example.org", "b@example.org"])
        assert client.get("ann")["emails"] == wanted


def test_a_burst_of_wrong_logins_bans_an_address_but_never_loopback(client: Client) -> None:
    for _ in range(120):
        assert client("GET", "/api/principal", login="admin:wrong").status_code == 401
    client.insert(http_use__x__forwarded="true")
    client("GET", "/api/reload")
    headers = {"X-Forwarded-For": "192.0.2.9"}
    answers = [client("GET", "/api/principal", login="admin:wrong", headers=headers).status_code for _ in range(102)]
    assert answers == [401] * 100 + [429, 403]
    assert client("GET", "/api/settings/keys?prefixes=server.blocked-ip").json()["data"] == {"server.blocked-ip.192.0.2.9": ""}
    assert client("GET", "/api/principal").status_code == 200


def test_a_code_buys_a_token_once_and_a_new_password_ends_only_the_refresh_token(client: Client) -> None:
    client.create("individual", "ann", secrets=["ann-secret"], roles=["user"])
    asked = {"type": "code", "client_id": "tool", "redirect_uri": "https://tool.test/cb", "nonce": None}
    code = client("POST", "/api/oauth", asked, "ann:ann-secret").json()["data"]["code"]
    form = {"grant_type": "authorization_code", "code": code, "client_id": "tool", "redirect_uri": "https://tool.test/cb"}
    tokens = client("POST", "/auth/token", data=form).json()
    assert client("POST", "/auth/token", data=form).json() == {"error": "access_denied"}
    client.patch("ann", ("set", "secrets", ["another-secret"]))
    bearer = httpx.Headers({"Authorization": f"Bearer {tokens['access_token']}"})
    token = client.server.access.authenticate(bearer["authorization"], "127.0.0.1")
    assert token.name == "ann"
    refused = client("POST", "/auth/token", data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]})
    assert refused.json() == {"error": "invalid_grant"}


def test_tenants_are_for_the_paid_edition_alone(client: Client, paid: Client) -> None:
    assert client.create("tenant", "acme") == {"error": "unsupported", "details": "Enterprise feature"}
    assert paid.create("tenant", "acme", roles=["tenant-admin"], quota=[0, 2]) == {"data": 1}
    paid.create("domain", "acme.org", tenant="acme")
    paid.create("domain", "other.org")
    assert paid.create("individual", "boss", tenant="acme")["details"] == "Invalid principal name"
    paid.create("individual", "boss@acme.org", tenant="acme", secrets=["boss-secret"], roles=["tenant-admin"])
    login = "boss@acme.org:boss-secret"
    names = [item["name"] for item in paid("GET", "/api/principal?types=domain,individual", login=login).json()["data"]["items"]]
    assert names == ["acme.org", "boss@acme.org"]
    assert paid("GET", "/api/principal/other.org", login=login).json() == {"error": "notFound", "item": "other.org"}
    assert paid.create("individual", "two@acme.org", login) == {"data": 5}
    refused = paid("POST", "/api/principal", {"type": "individual", "name": "three@acme.org"}, login)
    assert (refused.status_code, refused.json()["title"]) == (403, "Tenant quota exceeded")
    assert paid.get("acme")["members"] == 2
    assert paid("DELETE", "/api/principal/acme").json()["details"] == "Tenant has members"
    assert paid.patch("boss@acme.org", ("set", "tenant", ""), login=login)["status"] == 403


def test_local_keys_can_be_moved_by_settings(client: Client) -> None:
    settings = client.server.settings
    assert "server.hostname" in settings.local_keys
    assert "server.blocked-ip.192.0.2.1" not in settings.local_keys
    settings.put([("config.local-keys.0", "foo.*"), ("config.local-keys.1", "!foo.bar.*")])
    client("GET", "/api/reload")
    assert "foo.x" in settings.local_keys
    assert "foo.bar.x" not in settings.local_keys
    assert "server.hostname" not in settings.local_keys


def _salted(name: str, password: str) -> str:
    return b64encode(hashlib.new(name, password.encode() + b"salt").digest() + b"salt").decode()


@pytest.mark.parametrize(
    "stored",
    [
        "secret words",
        "{PLAIN}secret words",
        "{SSHA}" + _salted("sha1", "secret words"),
        "{SSHA512}" + _salted("sha512", "secret words"),
        sha512_crypt.using(salt="saltsalt", rounds=5000).hash("secret words"),
    ],
)
def test_passwords_fit_what_is_stored(stored: str) -> None:
    assert passwords.fits(stored, "secret words")
    assert not passwords.fits(stored, "other words")


@pytest.mark.parametrize("stored", ["{SHA512-CRYPT}$6$a$b", "{BLF-CRYPT}$2b$x", "{SSHA512.HEX}00", "$unknown$x", "{no-brace"])
def test_what_the_server_can_not_read_fits_nothing(stored: str) -> None:
    with pytest.raises(passwords.UnreadableSecret):
        passwords.fits(stored, "secret words")


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("is_empty(remote_ip) && !matches('^a', listener)", None),
        ("['a', 'b'][0]", None),
        ("5m", None),
        ("is_empty()", 'Expression function "is_empty" expected 1 arguments, got 0'),
        ("rcpt", 'Invalid variable or constant "rcpt"'),
        ("(1", "Unmatched open parenthesis"),
        ("[1", "Invalid token on the operator stack"),
        ("'a", "Unterminated string"),
        ("#", "Invalid character '#'"),
    ],
)
def test_expressions(expression: str, error: str | None) -> None:
    names = frozenset({"remote_ip", "listener"})
    if error is None:
        check(expression, names)
        return
    with pytest.raises(UnreadableError) as raised:
        check(expression, names)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ("send", "wanted"),
    [
        (lambda client: client("POST", "/api/settings", content=b"[" + b" " * 1024 * 1024 + b"]"), 400),
        (lambda client: client("POST", "/api/settings", content=b"[" + b" " * (1024 * 1024 - 2) + b"]"), 200),
    ],
)
def test_a_body_over_a_mebibyte_is_dropped(client: Client, send: Callable[[Client], httpx.Response], wanted: int) -> None:
    assert send(client).status_code == wanted

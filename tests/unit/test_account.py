# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an account does for itself: which logins are tried, which requests are sent, what is returned and what is refused."""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib
import typing as t

import httpx
import pytest

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._certificates import read_certificates
from ansible_collections.stalwart.mail.plugins.module_utils._errors import AuthenticationFailed, InvalidOption, NotApplied, OneTimeCodeMissing, Refused
from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection, HttpClient
from ansible_collections.stalwart.mail.plugins.module_utils._otp import one_time_code
from ansible_collections.stalwart.mail.plugins.module_utils._passwords import verify_password
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode
from ansible_collections.stalwart.mail.plugins.module_utils._resources import account_auth, account_crypto, oauth_token
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.account import AppPasswordName, Encryption, LoginChange, Logins, Token
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest import _call
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.account import RestAccount, RestOAuth, _stored_certificates
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.adapter import RestServer
from tests.stand_in.mail.encryption import Encryption as StoredEncryption

FILES = pathlib.Path(__file__).parents[1] / "integration" / "files"
URL = "otpauth://totp/Example:al?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example"
OTHER_URL = "otpauth://totp/al?secret=KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
OLD, NEW, APP = "old-password-unlike-any-data", "new-password-unlike-any-data", "app-password-unlike-any-data"


@dataclasses.dataclass
class Accounts:
    """One account as a server keeps it, in clear, and every login that was tried."""

    password: str = OLD
    apps: dict[str, str] = dataclasses.field(default_factory=dict)
    otp_url: str = ""
    drops: bool = False
    fallback: bool = False
    tried: list[str] = dataclasses.field(default_factory=list)
    changes: list[LoginChange] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class FakeAccount:
    """The port `Account`, by the server's rules for logins."""

    state: Accounts
    password: str
    given_code: str = ""
    name: str = "al"

    @property
    def code(self) -> str:
        return self.given_code

    def uses(self, password: str) -> bool:
        return bool(self.name) and password == self.password

    def with_login(self, *, password: str = "", code: str = "") -> FakeAccount:
        return FakeAccount(self.state, password or self.password, code, self.name) if self.name else self

    def logins(self) -> Logins:
        state = self.state
        self.state.tried.append(f"{self.password}${self.given_code}" if self.given_code else self.password)
        if self.name and self.password not in state.apps.values():
            if self.password != state.password or (self.given_code and not state.otp_url):
                raise AuthenticationFailed("401 Unauthorized", request="GET /api/account/auth", status=401)
            if state.otp_url and not self.given_code:
                raise OneTimeCodeMissing("402 TOTP code required", request="GET /api/account/auth", status=402)
            if state.otp_url and self.given_code != one_time_code(state.otp_url):
                raise AuthenticationFailed("401 Unauthorized", request="GET /api/account/auth", status=401)
        return Logins(otp_enabled=bool(state.otp_url), app_passwords=tuple(AppPasswordName(name=name, id=name) for name in state.apps))

    def require_possible(self, change: LoginChange) -> None:
        pass

    def change_logins(self, found: Logins, change: LoginChange) -> dict[str, str]:
        self.state.changes.append(change)
        made = {name: f"made-for-{name}" for name, password in change.add.items() if not password}
        kept = {} if self.state.drops and change.password else {n: v for n, v in self.state.apps.items() if n not in {each.name for each in change.remove}}
        self.state.apps = {**kept, **{name: password or made[name] for name, password in change.add.items()}}
        self.state.password = change.password or self.state.password
        if change.otp_url is not None:
            self.state.otp_url = change.otp_url
        return made

    def is_fallback_administrator(self) -> bool:
        return self.state.fallback


@dataclasses.dataclass
class FakeServer:
    """As much of a server as these tasks ask for."""

    account: t.Any
    oauth: t.Any = None
    reloads: int = 0
    generation: str = "rest"

    def reload(self) -> t.Any:
        self.reloads += 1
        return type("Report", (), {"errors": {}})()


def run(state: Accounts, login: str = OLD, *, code: str = "", name: str = "al", check: bool = False, **options: t.Any) -> t.Any:
    server = FakeServer(FakeAccount(state, login, code, name))
    return account_auth.manage(t.cast(Server, server), options, Mode(check=check))


def test_a_new_password_costs_one_refused_login_and_none_when_it_is_set() -> None:
    state = Accounts()
    assert run(state, new_password=NEW).changed
    assert state.password == NEW
    assert state.tried == [NEW, OLD, NEW]
    state.tried.clear()
    assert not run(state, new_password=NEW).changed
    assert not run(state, NEW, new_password=NEW).changed
    assert state.tried == [NEW, NEW]


def test_always_tries_nothing_first() -> None:
    state = Accounts()
    assert run(state, new_password=NEW, update_password="always").changed
    assert state.tried == [OLD, NEW]
    assert run(state, NEW, new_password=NEW, update_password="always").changed


def test_check_mode_writes_nothing_and_tells_the_same() -> None:
    options: dict[str, t.Any] = {"new_password": NEW, "otp": True, "app_passwords": [{"name": "phone"}, {"name": "desk", "password": APP}]}
    state = Accounts(apps={"old": "x"})
    predicted = run(state, check=True, **options)
    assert state.changes == []
    made = run(state, **options)
    assert predicted.operations() == made.operations()
    assert predicted.diffs() == made.diffs()
    assert predicted.results["account"] == made.results["account"]
    assert predicted.results["generated"] == {"app_passwords": {"phone": "<generated>"}, "otp_url": "<generated>"}
    assert made.results["generated"] == {"app_passwords": {"phone": "made-for-phone"}, "otp_url": state.otp_url}
    assert not any(secret in json.dumps([made.operations(), made.diffs()]) for secret in (NEW, OLD, APP, "made-for", "secret="))


def test_what_the_server_drops_is_noticed() -> None:
    state = Accounts(apps={"phone": APP, "desk": "x"}, drops=True)
    with pytest.raises(NotApplied, match="app passwords are missing now: desk, phone"):
        run(state, new_password=NEW)


def test_neither_password_ends_after_two_logins() -> None:
    state = Accounts(password="something-else")
    with pytest.raises(Refused, match="with login_password and with new_password"):
        run(state, new_password=NEW)
    assert state.tried == [NEW, OLD]


def test_one_time_codes_by_their_url() -> None:
    state = Accounts(apps={"phone": APP})
    assert run(state, otp_url=URL).changed
    assert state.otp_url == URL
    assert not run(state, otp_url=URL).changed
    assert run(state, new_password=NEW, otp_url=URL).changed
    assert not run(state, new_password=NEW, otp_url=URL).changed
    assert run(state, NEW, otp=False, otp_url=URL).changed
    assert state.otp_url == ""
    assert not run(state, NEW, otp=False, otp_url=URL).changed


def test_another_url_replaces_the_one_of_the_given_code() -> None:
    state = Accounts(otp_url=URL)
    assert run(state, code=one_time_code(URL), otp_url=OTHER_URL).changed
    assert state.otp_url == OTHER_URL
    assert not run(state, code=one_time_code(OTHER_URL), otp_url=OTHER_URL).changed


def test_a_login_by_app_password_keeps_what_it_cannot_compare() -> None:
    state = Accounts(otp_url=URL, apps={"phone": APP})
    assert not run(state, APP, otp=True).changed
    with pytest.raises(Refused, match="can't tell from which URL"):
        run(state, APP, otp_url=OTHER_URL)
    assert run(state, APP, new_password=NEW).changed
    assert not run(state, APP, new_password=NEW).changed
    assert state.otp_url == URL
    assert state.apps == {"phone": APP}
    assert run(state, APP, otp=False).changed
    assert state.otp_url == ""


def test_a_password_without_its_code_asks_for_it() -> None:
    with pytest.raises(OneTimeCodeMissing, match="PASSWORD\\$CODE"):
        run(Accounts(otp_url=URL), otp=True)


def test_app_passwords_by_name() -> None:
    state = Accounts(apps={"phone": "1", "desk": "2", "old": "3"})
    assert not run(state, app_passwords=[{"name": "phone", "password": APP}]).changed
    assert run(state, app_passwords=[{"name": "phone", "password": APP, "replace": True}, {"name": "old", "state": "absent"}]).changed
    assert state.apps == {"desk": "2", "phone": APP}
    assert run(state, app_passwords=[], app_passwords_exact=True).changed
    assert state.apps == {}


def test_the_administrator_of_the_settings_is_reloaded_and_has_no_more() -> None:
    state = Accounts(fallback=True)
    server = FakeServer(FakeAccount(state, OLD, name="admin"))
    assert account_auth.manage(t.cast(Server, server), {"new_password": NEW}, Mode()).changed
    assert server.reloads == 1
    with pytest.raises(Refused, match="fallback administrator"):
        run(state, NEW, name="admin", otp=True)


@pytest.mark.parametrize("options", [{"new_password": NEW}, {"otp": True}])
def test_a_token_changes_app_passwords_only(options: dict[str, t.Any]) -> None:
    with pytest.raises(Refused, match="login_user and login_password"):
        run(Accounts(), name="", **options)
    assert run(Accounts(), name="", app_passwords=[{"name": "phone"}]).results["generated"] == {"app_passwords": {"phone": "made-for-phone"}}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"app_passwords": [{"name": "a$b"}]}, "can't name"),
        ({"app_passwords": [{"name": " "}]}, "can't name"),
        ({"app_passwords": [{"name": "a", "state": "absent", "password": APP}]}, "do not go with it"),
        ({"app_passwords": [{"name": "a"}, {"name": "a"}]}, "twice"),
        ({"app_passwords_exact": True}, "needs app_passwords"),
        ({"otp": True, "otp_url": ""}, "it is empty"),
        ({"otp_url": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"}, "128 bits"),
        ({"new_password": ""}, "the password is empty"),
        ({"new_password": "ends-like$123456", "otp": True}, "ends like a one-time code"),
    ],
)
def test_options_that_contradict_themselves(options: dict[str, t.Any], words: str) -> None:
    state = Accounts()
    with pytest.raises(InvalidOption, match=words):
        run(state, **options)
    assert state.changes == []


# Over REST


class Wire:
    """A server that answers by path and keeps what it was sent."""

    def __init__(self, answers: dict[str, t.Any], version: str = "0.15.5") -> None:
        self.answers = {"/api/oauth": {"code": "c" * 40, "version": version, "isEnterprise": False, "permissions": []}, **answers}
        self.sent: list[tuple[str, str, t.Any]] = []
        self.logins: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content.startswith((b"{", b"[")) else request.content.decode()
        self.sent.append((request.method, request.url.path, body))
        if "authorization" in request.headers:
            self.logins.append(base64.b64decode(request.headers["authorization"].split()[1]).decode())
        answer = self.answers.get(request.url.path)
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json={"data": answer})

    def posted(self, path: str) -> list[t.Any]:
        return [body for method, sent_to, body in self.sent if method == "POST" and sent_to == path]


def rest(monkeypatch: pytest.MonkeyPatch, wire: Wire, password: str = OLD) -> _call.RestCaller:
    _http._guard.forget()
    monkeypatch.setattr(_call, "client_for", lambda connection: HttpClient(connection, httpx.MockTransport(wire)))
    return _call.RestCaller(HttpClient(Connection(url="http://127.0.0.1:8080", user="al", password=password, retries=0), httpx.MockTransport(wire)))


def names(*found: str) -> tuple[AppPasswordName, ...]:
    return tuple(AppPasswordName(name=name, id=name) for name in found)


@pytest.mark.parametrize(
    ("version", "found", "kind", "field"),
    [
        ("0.13.4", Logins(app_passwords=names("phone")), "setPassword", "password"),
        ("0.14.0", Logins(app_passwords=names("phone")), "enableOtpAuth", "url"),
        ("0.15.5", Logins(otp_enabled=True), "enableOtpAuth", "url"),
        ("0.15.5", Logins(), "setPassword", "password"),
    ],
)
def test_the_password_request_that_keeps_the_rest(monkeypatch: pytest.MonkeyPatch, version: str, found: Logins, kind: str, field: str) -> None:
    wire = Wire({}, version)
    RestAccount(rest(monkeypatch, wire)).change_logins(found, LoginChange(password=NEW))
    ((request,),) = wire.posted("/api/account/auth")
    assert request["type"] == kind
    assert verify_password(NEW, request[field])
    assert NEW not in json.dumps(wire.sent)


def test_all_changes_in_one_request_in_an_order_that_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire({})
    change = LoginChange(password=NEW, add={"desk": "", "phone": APP}, remove=names("phone"), otp_url=URL)
    made = RestAccount(rest(monkeypatch, wire)).change_logins(Logins(otp_enabled=True, app_passwords=names("phone", "phone-2")), change)
    (requests,) = wire.posted("/api/account/auth")
    assert [request["type"] for request in requests] == [
        "removeAppPassword",
        "disableOtpAuth",
        "enableOtpAuth",
        "addAppPassword",
        "addAppPassword",
        "enableOtpAuth",
    ]
    assert requests[0]["name"] == "phone$", "without the dollar sign phone-2 would go too"
    assert {request["name"]: request["password"].startswith("$6$") for request in requests[3:5]} == {"desk": True, "phone": True}
    assert verify_password(made["desk"], requests[3]["password"])
    assert verify_password(APP, requests[4]["password"])
    assert requests[5]["url"] == URL
    assert list(made) == ["desk"]


def test_names_of_the_web_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = base64.b64encode(b"test$2025-01-05T14:12:51.847+00:00").decode()
    wire = Wire({"/api/account/auth": {"otpEnabled": False, "appPasswords": [stored, "phone", "test", "bWFpbA=="]}})
    found = RestAccount(rest(monkeypatch, wire)).logins()
    assert [(each.name, each.id) for each in found.app_passwords] == [("test", stored), ("phone", "phone"), ("test", "test"), ("bWFpbA==", "bWFpbA==")]


def test_other_logins_of_the_same_account(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire({"/api/account/auth": {"otpEnabled": False, "appPasswords": []}})
    account = RestAccount(rest(monkeypatch, wire, f"{OLD}$123456"))
    assert account.code == "123456"
    assert account.uses(OLD)
    assert account.uses(f"{OLD}$123456")
    assert not account.uses(NEW)
    account.logins()
    account.with_login(code="654321").logins()
    account.with_login().logins()
    account.with_login(password=NEW).logins()
    assert wire.logins == [f"al:{OLD}$123456", f"al:{OLD}$654321", f"al:{OLD}", f"al:{NEW}"]


def test_the_administrator_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(answers: dict[str, t.Any]) -> bool:
        return RestAccount(rest(monkeypatch, Wire(answers))).is_fallback_administrator()

    setting = {"/api/settings/keys": {"authentication.fallback-admin.user": "al"}}
    assert asked({**setting, "/api/principal": {"items": [], "total": 0}})
    assert not asked({**setting, "/api/principal": {"items": [{"name": "al"}], "total": 1}})
    assert not asked({"/api/settings/keys": {"authentication.fallback-admin.user": "admin"}})
    forbidden = httpx.Response(403, json={"title": "Forbidden", "detail": "no"}, headers={"content-type": "application/problem+json"})
    assert not asked({"/api/settings/keys": forbidden})


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("count", [1, 2])
def test_certificates_in_the_form_of_the_server(monkeypatch: pytest.MonkeyPatch, early: bool, count: int) -> None:
    given = read_certificates([(FILES / name).read_text() for name in ("smime-alice.pem", "smime-archive.pem")[:count]])
    stored = StoredEncryption("sMIME", "Aes128", tuple(each.data for each in given), True)
    shown = {"type": "sMIME", "algo": "Aes128", "certs": stored.export(early=early), **({} if early else {"allow_spam_training": True})}
    found = RestAccount(rest(monkeypatch, Wire({"/api/account/crypto": shown}))).encryption()
    assert found == Encryption(method="smime", algorithm="aes128", certificates=tuple(each.data for each in given), allow_spam_training=None if early else True)


def test_an_archive_of_a_real_server() -> None:
    """The end of what 0.15.5 and 0.13.4 answered, behind the 776 bytes of a certificate: pointers, lengths, flags, checksum."""
    content = bytes(range(256)) * 3 + bytes(8)
    for tail in ("f8fcffff08030000f8ffffff010000000b000000000000006c20570ca0", "f8fcffff0803000001010000f4ffffff01000000d933d57ba0"):
        encoded = base64.b64encode(content + bytes.fromhex(tail)).decode()
        assert _stored_certificates(f"-----STALWART CERTIFICATE-----\r\n{encoded[:76]}\r\n{encoded[76:]}\r\n\r\n") == (content,)


UNKNOWN_FORMS = ["", "-----STALWART CERTIFICATE-----\r\n!!!", "-----STALWART CERTIFICATE-----\r\nAAAA\r\n", "x\n" + base64.b64encode(b"\xff" * 40).decode()]


@pytest.mark.parametrize(
    "certs", ["", "-----STALWART CERTIFICATE-----\r\n!!!", "-----STALWART CERTIFICATE-----\r\nAAAA\r\n", "x\n" + base64.b64encode(b"\xff" * 40).decode()]
)
def test_a_form_that_is_not_known(monkeypatch: pytest.MonkeyPatch, certs: str) -> None:
    found = RestAccount(rest(monkeypatch, Wire({"/api/account/crypto": {"type": "pGP", "algo": "Aes256", "certs": certs}}))).encryption()
    assert found == Encryption(method="pgp", algorithm="aes256")


def test_a_code_that_is_refused_names_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire({"/auth/token": httpx.Response(400, json={"error": "invalid_request"})})
    with pytest.raises(Refused, match="the client 'tool': 400 invalid_request; where clients must be registered"):
        RestOAuth(rest(monkeypatch, wire)).exchange("c" * 40, client_id="tool", redirect_uri="")
    assert wire.logins == [], "the token endpoint needs no login"


def test_a_token_over_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    token = {"access_token": "a", "token_type": "bearer", "expires_in": 3600, "refresh_token": "r", "id_token": "i", "scope": "more"}
    wire = Wire({"/auth/token": httpx.Response(200, json=token)})
    server = RestServer(rest(monkeypatch, wire).client)
    made = oauth_token.manage(t.cast(Server, server), {"client_id": "tool", "redirect_uri": "https://x/cb"}, Mode())
    assert made.results["generated"] == {key: value for key, value in token.items() if key != "scope"}
    assert wire.posted("/auth/token") == [f"grant_type=authorization_code&code={'c' * 40}&client_id=tool&redirect_uri=https%3A%2F%2Fx%2Fcb"]
    predicted = oauth_token.manage(t.cast(Server, server), {"client_id": "tool", "redirect_uri": "https://x/cb"}, Mode(check=True))
    assert predicted.operations() == made.operations()
    assert set(predicted.results["generated"]) == set(Token.model_fields)
    assert len(wire.posted("/api/oauth")) == 1, "check mode makes no code"


# Encryption at rest


@dataclasses.dataclass
class FakeCrypto:
    """The port `Account` as far as encryption goes."""

    encryption_: Encryption | None = None
    since: bool = True
    name: str = "al"
    writes: int = 0

    def encryption(self) -> Encryption | None:
        return self.encryption_

    def set_encryption(self, encryption: Encryption | None) -> None:
        self.writes += 1
        if encryption is not None and not self.since:
            encryption = encryption.model_copy(update={"allow_spam_training": None})
        self.encryption_ = encryption

    def require_spam_training_choice(self) -> None:
        if not self.since:
            raise Refused("allow_spam_training: servers from 0.15 on have this choice, and this one is 0.13.4; remove the option.")


def crypto(account: FakeCrypto, *, check: bool = False, **options: t.Any) -> t.Any:
    return account_crypto.manage(t.cast(Server, FakeServer(account)), options, Mode(check=check))


@pytest.mark.parametrize("since", [True, False])
def test_encryption_is_predicted_and_not_written_twice(since: bool) -> None:
    texts = [(FILES / name).read_text() for name in ("smime-alice.pem", "smime-archive.pem")]
    account = FakeCrypto(since=since)
    predicted = crypto(account, check=True, certificates=texts)
    assert account.writes == 0
    made = crypto(account, certificates=texts)
    assert predicted.diffs() == made.diffs()
    assert predicted.results == made.results
    assert not crypto(account, certificates=texts[::-1]).changed
    assert crypto(account, certificates=texts[:1]).operations()[0]["fields"] == ["certificates"]
    assert crypto(account, algorithm="aes128").changed
    assert account.encryption_ is not None
    assert len(account.encryption_.certificates or ()) == 1
    assert crypto(account, state="absent").results == {"encryption": None}
    assert not crypto(account, state="absent").changed


def test_certificates_that_cannot_be_read_are_written_anew() -> None:
    account = FakeCrypto(Encryption(method="smime", algorithm="aes256"))
    with pytest.raises(InvalidOption, match="can't be read here"):
        crypto(account, algorithm="aes128")
    assert crypto(account, certificates=[(FILES / "smime-alice.pem").read_text()]).changed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"algorithm": "aes128"}, "switching it on needs them"),
        ({"certificates": []}, "state: absent"),
        ({"state": "absent", "algorithm": "aes128"}, "does not go with state: absent"),
        ({"certificates": "x"}, "neither PEM nor armored"),
    ],
)
def test_encryption_refusals(options: dict[str, t.Any], words: str) -> None:
    account = FakeCrypto()
    with pytest.raises(InvalidOption, match=words):
        crypto(account, **options)
    assert account.writes == 0


def test_a_choice_that_an_old_server_lacks() -> None:
    account = FakeCrypto(since=False)
    with pytest.raises(Refused, match=r"0\.15 on .* 0\.13\.4"):
        crypto(account, certificates=[(FILES / "smime-alice.pem").read_text()], allow_spam_training=True)
    assert account.writes == 0

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a task speaks with: certificates are verified, and a login goes nowhere else, neither by a redirect nor in clear text."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.support.authority import Authority
from tests.support.local import local_stand_in
from tests.support.proxy import proxy, says
from tests.support.servers import RunningServer
from tests.support.tasks import Ran, forget_clients, login, run


@pytest.fixture(autouse=True)
def _fresh() -> t.Iterator[None]:
    yield
    forget_clients()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the tests trust."""
    return Authority(tmp_path_factory.mktemp("ours"), "Ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another one."""
    return Authority(tmp_path_factory.mktemp("theirs"), "Theirs")


def ask(server: RunningServer, **options: t.Any) -> Ran:
    """A task that logs in."""
    return run("principal_info", {**login(server), "retries": 0, **options})


def test_a_private_authority_is_trusted_when_it_is_named(ours: Authority) -> None:
    """By a file and by a directory."""
    with local_stand_in(certificate=ours.issue("127.0.0.1")) as server:
        assert not ask(server, ca_path=str(ours.file)).failed
        assert not ask(server, ca_path=str(ours.directory())).failed


@pytest.mark.parametrize(
    ("host", "days", "trusted"),
    [("127.0.0.1", 1, False), ("mail.example.org", 1, True), ("127.0.0.2", 1, True), ("127.0.0.1", -1, True), ("127.0.0.1", 2, True)],
    ids=["untrusted authority", "wrong host", "wrong address", "expired", "not yet valid"],
)
def test_what_can_not_be_trusted_is_refused(host: str, days: int, trusted: bool, ours: Authority, theirs: Authority) -> None:
    """Before a login is sent; the sentence names the remedy."""
    certificate = (ours if trusted else theirs).issue(host, days=days, from_day=1 if days == 2 else -2)
    with local_stand_in(certificate=certificate) as server:
        ran = ask(server, ca_path=str(ours.file))
        assert ran.failed and "certificate is not trusted" in ran.message and "ca_path" in ran.message
        assert ask(server).failed, "the system trusts the test's authority"
        assert not ask(server, validate_certs=False, ca_path=str(ours.file)).failed


def test_a_self_signed_certificate_is_refused_unless_it_is_named(tmp_path: pathlib.Path) -> None:
    """It is its own authority then."""
    from tests.support.certificates import local_certificate

    certificate = local_certificate(tmp_path)
    with local_stand_in(certificate=certificate) as server:
        assert "certificate is not trusted" in ask(server).message
        assert not ask(server, ca_path=str(certificate[0])).failed
        assert not ask(server, validate_certs=False).failed


def test_a_client_certificate_is_shown_where_it_is_asked_for(ours: Authority, theirs: Authority, tmp_path: pathlib.Path) -> None:
    """With the key in a file of its own and in the same; without one, or with one of another authority, there is no way in."""
    certificate, key = ours.issue("client")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    other = theirs.issue("client")
    with local_stand_in(certificate=ours.issue("127.0.0.1"), client_authority=ours.file) as server:
        trusting = {"ca_path": str(ours.file)}
        assert not ask(server, **trusting, client_cert=str(certificate), client_key=str(key)).failed
        assert not ask(server, **trusting, client_cert=str(both)).failed
        for options in ({}, {"client_cert": str(other[0]), "client_key": str(other[1])}):
            assert ask(server, **trusting, **options).failed
        mismatched = ask(server, **trusting, client_cert=str(certificate), client_key=str(other[1]))
        assert mismatched.failed and mismatched.message.startswith("client_cert: ")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("check", [False, True])
def test_no_redirect_is_followed(status: int, check: bool) -> None:
    """Neither to another host nor to another port: the login stays here, and the sentence tells where it would have gone."""
    with local_stand_in() as server, proxy(server.url) as elsewhere, proxy(server.url) as between:
        between.choose = lambda _request: says(status, location=f"{elsewhere.url}/api/principal?token=x")
        for module, options in (("principal_info", {}), ("principal", {"name": "alice"}), ("settings", {"settings": {"session.timeout": "5m"}})):
            ran = run(module, {**login(server, between.url), **options}, check=check)
            assert ran.failed and elsewhere.url in ran.message and "token=x" not in ran.message
        assert between.requests
        assert elsewhere.requests == []


@pytest.mark.parametrize("host", ["mail.example.org", "192.0.2.1", "[2001:db8::1]", "localhost.example.org", "127.0.0.1.example.org", "0.0.0.0"])
def test_plain_http_only_within_this_machine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere only by allow_http; nothing is even looked up."""
    import socket

    def connect(*_arguments: t.Any, **_more: t.Any) -> t.Any:
        raise AssertionError("it looked for the host")

    monkeypatch.setattr(socket, "getaddrinfo", connect)
    monkeypatch.setattr(socket, "create_connection", connect)
    options = {"url": f"http://{host}:8080", "login_user": "admin", "login_password": "secret-unlike-any-data"}
    ran = run("principal_info", options)
    assert ran.failed and ran.message.startswith("url: ") and "allow_http: true" in ran.message


def test_plain_http_elsewhere_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is not loopback to the collection, though it leads here."""
    import socket

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **options: real("127.0.0.1" if host == "mail.example.org" else host, *more, **options))
    with local_stand_in() as server:
        url = server.url.replace("127.0.0.1", "mail.example.org")
        options = {**login(server, url), "use_proxy": False}
        assert run("principal_info", options).failed
        assert not run("principal_info", {**options, "allow_http": True}).failed


def test_tls_is_not_left_for_plain_http(ours: Authority) -> None:
    """A server that speaks no TLS on the port is no reason to speak without."""
    with local_stand_in() as server, proxy(server.url) as between:
        ran = run("principal_info", {**login(server, between.url.replace("http:", "https:")), "retries": 0, "timeout": 1})
        assert ran.failed
        assert between.requests == []


def test_the_login_is_not_sent_by_a_lookup_without_tls() -> None:
    """Lookups take their connection by the same rules."""
    from ansible.errors import AnsibleLookupError
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import lookup_loader
    from ansible.template import Templar

    lookup = lookup_loader.get("stalwart.mail.principal", loader=DataLoader(), templar=Templar(loader=DataLoader()))
    with pytest.raises(AnsibleLookupError, match="allow_http: true"):
        lookup.run(["alice"], variables={}, url="http://mail.example.org", login_user="admin", login_password="secret-unlike-any-data")

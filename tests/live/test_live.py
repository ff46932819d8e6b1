# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The integration cases on a server of yours: `make live` with STALWART_URL, STALWART_USER and STALWART_PASSWORD.

STALWART_SMTP_PORT (25) and STALWART_SUBMISSION_PORT (587) say where its SMTP listeners are. Everything that is created has a
name of its own for each run and is removed again. Skipped is only what the server's version or edition lacks, with the reason.
"""

from __future__ import annotations

import os
import pathlib
import secrets
import typing as t

import httpx
import pytest

from tests.support.cases import FRONTENDS, compared, lacks, names_of_cases, options_of, play_case
from tests.support.servers import RunningServer
from tests.support.tasks import login, run


@pytest.fixture(scope="session")
def server() -> RunningServer:
    """The server that the environment names, with its version as it says itself."""
    missing = [name for name in ("STALWART_URL", "STALWART_USER", "STALWART_PASSWORD") if not os.environ.get(name)]
    assert not missing, f"set {', '.join(missing)} to say which server to test"
    url, user, password = (os.environ[name] for name in ("STALWART_URL", "STALWART_USER", "STALWART_PASSWORD"))
    smtp, submission = int(os.environ.get("STALWART_SMTP_PORT", "25")), int(os.environ.get("STALWART_SUBMISSION_PORT", "587"))
    asked = RunningServer(url.rstrip("/"), user, password, "0", smtp, submission)
    if account := _account(asked):
        told = run("server_info", login(asked)).result["server"]
        assert told["version"], f"{asked.url} does not tell which version it is; it says {account}"
        return RunningServer(asked.url, user, password, told["version"], smtp, submission)
    told = asked.api("POST", "oauth", {"type": "code", "client_id": "tests", "redirect_uri": None, "nonce": None})
    return RunningServer(asked.url, user, password, told["version"], smtp, submission)


def _account(server: RunningServer) -> dict[str, t.Any]:
    """What servers since 0.16 tell a login of itself; empty on others."""
    with httpx.Client(base_url=server.url, auth=(server.user, server.password), trust_env=False) as client:
        response = client.get("/api/account")
    told = response.json() if response.status_code == 200 else {}
    return told if isinstance(told, dict) and "permissions" in told else {}


def _has_paid_edition(server: RunningServer) -> bool:
    if server.has_objects:
        return bool(_account(server).get("edition") == "enterprise")
    return bool(server.api("POST", "oauth", {"type": "code", "client_id": "tests", "redirect_uri": None, "nonce": None})["isEnterprise"])


@pytest.fixture
def unique(server: RunningServer) -> t.Iterator[str]:
    """A name that nothing on the server begins with; what begins with it is removed afterwards."""
    name = f"t{secrets.token_hex(4)}"
    yield name
    _remove(server, name)


def _remove(server: RunningServer, unique: str) -> None:
    if server.has_objects:
        _remove_objects(server, unique)
        return
    listed = server.api("GET", "principal", limit=0, fields="name")["items"]
    # a domain last, since its name is in the addresses of the others
    for principal in sorted((each for each in listed if unique in each["name"]), key=lambda each: each["type"] == "domain"):
        with httpx.Client(base_url=server.url, auth=(server.user, server.password), trust_env=False) as client:
            client.delete(f"/api/principal/{httpx.URL('/').copy_with(path='/' + principal['name']).raw_path.decode()[1:]}").raise_for_status()
    keys = server.api("GET", "settings/list", prefix="")["items"]
    ours = [key for key in keys if unique in key]
    if ours:
        server.api("POST", "settings", [{"type": "delete", "keys": ours}])
    server.api("GET", "reload")


def _remove_objects(server: RunningServer, unique: str) -> None:
    """What is in the run's domains first, members before groups, then those, and what carries the name itself."""
    (found,) = server.jmap(("Domain/get", {"ids": None, "properties": ["name"]}))
    domains = {domain["id"] for domain in found["list"] if unique in domain["name"]}
    for kind, variants in (("DkimSignature", (None,)), ("MailingList", (None,)), ("Account", ("User", "Group"))):
        for variant in variants:
            (found,) = server.jmap((f"{kind}/get", {"ids": None, "properties": ["domainId", "@type"]}))
            _destroy(server, kind, [each["id"] for each in found["list"] if each["domainId"] in domains and variant in (None, each["@type"])])
    _destroy(server, "Domain", list(domains))
    for kind, label in (("Role", "description"), ("OAuthClient", "clientId"), ("MtaInboundThrottle", "description"), ("MtaRoute", "name")):
        (found,) = server.jmap((f"{kind}/get", {"ids": None, "properties": [label]}))
        _destroy(server, kind, [each["id"] for each in found["list"] if unique in each[label]])
    server.jmap(("Action/set", {"create": {"reload": {"@type": "ReloadSettings"}}}))


def _destroy(server: RunningServer, kind: str, ids: list[str]) -> None:
    if ids:
        server.jmap((f"{kind}/set", {"destroy": ids}))


@pytest.mark.parametrize("name", names_of_cases())
def test_case(name: str, server: RunningServer, unique: str, tmp_path: pathlib.Path) -> None:
    """The case holds through both frontends, and both return the same."""
    if reason := lacks(name, server.version):
        pytest.skip(reason)
    if "--enterprise" in options_of(name).get("stand_in_arguments", "") and not _has_paid_edition(server):
        pytest.skip("it needs the paid edition, and this server runs the free one")
    results = []
    for frontend in FRONTENDS:
        results.append(compared(play_case(name, frontend, server, tmp_path / frontend, unique)))
        _remove(server, unique)
    assert results[0] == results[1]

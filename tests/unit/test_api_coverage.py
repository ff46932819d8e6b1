# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How requests are matched with the list of the API's paths."""

from __future__ import annotations

import pytest

from tests import api_coverage

KNOWN = api_coverage.endpoints()


@pytest.mark.parametrize(
    ("method", "path", "minor", "expected"),
    [
        ("GET", "store/purge/in-memory/default/bayes-global", "0.13", "/store/purge/in-memory/default/bayes-global"),
        ("GET", "store/purge/in-memory/default/greylist", "0.13", "/store/purge/in-memory/{store}/{kind}"),
        ("GET", "store/purge/in-memory/default/bayes-global", "0.15", "/store/purge/in-memory/{store}/{kind}"),
        ("GET", "store/reindex/email", "0.15", "/store/reindex/{index}"),
        ("GET", "store/reindex/alice", "0.14", "/store/reindex/{account}"),
        ("POST", "principal/deploy", "0.15", "/principal/deploy"),
        ("PATCH", "principal/alice", "0.15", "/principal/{name}"),
    ],
)
def test_the_most_literal_path_is_meant(method: str, path: str, minor: str, expected: str) -> None:
    found = api_coverage.endpoint_of(method, path.split("/"), KNOWN, minor)
    assert found is not None
    assert found.path == expected


@pytest.mark.parametrize(("method", "path", "minor"), [("PUT", "principal", "0.15"), ("GET", "nothing", "0.15"), ("GET", "store/reindex", "0.15")])
def test_what_is_not_listed_is_found(method: str, path: str, minor: str) -> None:
    assert api_coverage.endpoint_of(method, path.split("/"), KNOWN, minor) is None


def test_a_path_without_a_module_is_missing() -> None:
    endpoint = api_coverage.Endpoint("GET", "/nobody/asks", documented=True)
    found = api_coverage.Coverage({endpoint: {"0.13": {"queue"}}})
    assert found.missing() == ["GET /nobody/asks (0.14)", "GET /nobody/asks (0.15)"]


def test_documented_paths_can_not_be_left_out() -> None:
    endpoint = api_coverage.Endpoint("GET", "/nobody/asks", documented=True, left_out="no time")
    assert api_coverage.Coverage({endpoint: {}}).needlessly_left_out() == ["GET /nobody/asks"]


def test_each_entry_is_listed_once() -> None:
    named = [(each.method, each.path) for each in KNOWN]
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    ("method", "path", "dry", "acts"),
    [
        ("GET", "queue/messages", False, False),
        ("PATCH", "queue/messages", False, True),
        ("GET", "store/purge/blob", False, True),
        ("GET", "store/quota/alice", False, False),
        ("GET", "spam-filter/train/status", False, False),
        ("GET", "spam-filter/train/start", False, True),
        ("GET", "reload", True, False),
        ("GET", "reload", False, True),
        ("POST", "oauth", False, False),
        ("POST", "troubleshoot/dmarc", False, False),
        ("POST", "settings", False, True),
    ],
)
def test_which_requests_act(method: str, path: str, dry: bool, acts: bool) -> None:
    assert api_coverage._acts(method, path.split("/"), dry=dry) is acts

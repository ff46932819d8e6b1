# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's baseline: readable words become settings, and its own file keeps whatever else it holds."""

from __future__ import annotations

import typing as t

import pytest
import tomllib  # type: ignore[import-not-found, unused-ignore]
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption
from ansible_collections.stalwart.mail.plugins.module_utils._resources.server_baseline import LETS_ENCRYPT, LIMITS, Part, baseline, dump, rewrite
from ansible_collections.stalwart.mail.plugins.module_utils._resources.settings.moved import MOVED

HTTP = {"name": "https", "protocol": "http", "bind": "[::]:443", "tls_implicit": True}
FILE = """\
# the store
[store.db]
type = "rocksdb"
path = "/data"

[server.listener]
smtp.bind = ["[::]:25"]
smtp.protocol = "smtp"
old = { bind = "[::]:99", protocol = "imap" }

[server]
hostname = "old.example.org"
allowed-ip."192.0.2.1" = ""

[authentication.fallback-admin]
user = "admin"
secret = "$6$salt$hash-unlike-any-data"
"""


def test_readable_words_become_settings() -> None:
    found = baseline(
        {
            "hostname": "mx.example.org",
            "listeners": [HTTP, {"name": "smtp", "protocol": "smtp", "bind": ["[::]:25", "192.0.2.1:25"], "proxy_networks": ["10.0.0.0/8"]}],
            "certificates": [{"name": "main", "certificate": "/etc/c.pem", "private_key": "/etc/k.pem", "default": True}],
            "acme": [{"name": "le", "domains": ["mx.example.org"], "contact": "postmaster@example.org"}],
            "tls": {"disable_protocols": ["TLSv1.2"]},
            "limits": {"message_size": "50M", "recipients": 50, "max_connections": 4096},
            "spam": {"enabled": True, "spam_score": 5, "reject_score": 12.5},
            "tracers": [{"name": "log", "type": "log", "level": "info", "path": "/var/log/stalwart", "rotate": "daily"}],
            "settings": {"report.submitter": "'mx.example.org'"},
        }
    )
    assert found.stored.present == {
        "session.data.limits.size": 50 * 1024**2,
        "session.rcpt.max-recipients": 50,
        "spam-filter.enable": True,
        "spam-filter.score.spam": 5,
        "spam-filter.score.reject": 12.5,
        "report.submitter": "'mx.example.org'",
    }
    assert found.stored.exact == {
        "acme": {"le": {"directory": LETS_ENCRYPT, "challenge": "tls-alpn-01", "domains": ["mx.example.org"], "contact": ["postmaster@example.org"]}}
    }
    assert found.local.present == {"server.hostname": "mx.example.org", "server.max-connections": 4096, "server.tls.disable-protocols": ["TLSv1.2"]}
    assert found.local.exact == {
        "server.listener": {
            "https": {"protocol": "http", "bind": ["[::]:443"], "tls.implicit": True},
            "smtp": {"protocol": "smtp", "bind": ["[::]:25", "192.0.2.1:25"], "proxy.trusted-networks": ["10.0.0.0/8"]},
        },
        "certificate": {"main": {"cert": "%{file:/etc/c.pem}%", "private-key": "%{file:/etc/k.pem}%", "default": True}},
        "tracer": {"log": {"type": "log", "level": "info", "enable": True, "path": "/var/log/stalwart", "rotate": "daily"}},
    }


def test_what_is_left_out_is_not_touched_and_an_empty_list_empties() -> None:
    assert baseline({"hostname": "", "listeners": None, "acme": None, "limits": {}}) == (Part({}, {}), Part({}, {}), {})
    assert baseline({"acme": []}).stored.exact == {"acme": {}}


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"listeners": []}, "server_settings_listeners: none of them has the protocol http, and nobody could manage the server any longer; add one."),
        (
            {"listeners": [{**HTTP, "bind": "443"}]},
            "server_settings_listeners[0].bind: '443' is no address with a port; write it as in [::]:993 or 192.0.2.1:993.",
        ),
        ({"listeners": [HTTP, {**HTTP, "name": "b"}]}, "server_settings_listeners[1].bind: [::]:443 is that of 'https', too; keep one of them."),
        ({"listeners": [HTTP, {**HTTP, "bind": "[::]:1"}]}, "server_settings_listeners[1].name: 'https' is there twice; choose another."),
        (
            {"listeners": [{**HTTP, "name": "a.b"}]},
            "server_settings_listeners[0].name: 'a.b' can't name a part of settings; use letters, digits, hyphens and underscores.",
        ),
        ({"listeners": [{**HTTP, "port": 1}]}, "server_settings_listeners[0].port: there is no such option here; remove it or correct its spelling."),
        ({"tracers": [{"name": "l", "type": "log"}]}, "server_settings_tracers[0].path: it is missing; give the folder that log files go to."),
        (
            {"acme": [{"name": "a", "domains": ["*.example.org"], "contact": "p@example.org"}]},
            "server_settings_acme[0].domains: a certificate for all names of a domain (*.) needs the challenge dns-01; name each host, or change challenge.",
        ),
        ({"limits": {"message_size": "much"}}, "server_settings_limits.message_size: 'much' is no size; use bytes or a number with K, M, G or T, like 10G."),
    ],
)
def test_what_is_wrong_is_said(variables: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(InvalidOption) as failure:
        baseline(variables)
    assert str(failure.value) == sentence


def test_servers_since_0_16_have_objects() -> None:
    found = baseline(
        {
            "hostname": "mx.example.org",
            "listeners": [HTTP],
            "limits": {"recipients": 50},
            "spam": {"enabled": True},
            "settings": {"Http.enableHsts": True, "session": {"timeout": "5m"}},
        },
        "jmap",
    )
    assert found.left_out == {"session.timeout": "servers up to 0.15 have it; since then it is MtaInboundSession.timeout"}
    assert found.local == Part({}, {})
    assert found.stored.present == {
        "SystemSettings.defaultHostname": "mx.example.org",
        "MtaStageRcpt.maxRecipients": 50,
        "SpamSettings.enable": True,
        "Http.enableHsts": True,
    }
    assert found.stored.exact == {"NetworkListener": {"https": {"protocol": "http", "bind": ["[::]:443"], "tlsImplicit": True}}}
    for key in LIMITS.values():
        assert key in MOVED
    with pytest.raises(InvalidOption, match=r"server_settings_tracers: servers since 0\.16 keep tracers as objects without names"):
        baseline({"tracers": []}, "jmap")
    with pytest.raises(InvalidOption, match=r"server_settings_tls: servers since 0\.16 have no such options"):
        baseline({"tls": {"timeout": "1m"}}, "jmap")


def test_the_file_keeps_whatever_else_it_holds() -> None:
    part = baseline({"hostname": "mx.example.org", "listeners": [HTTP, {"name": "smtp", "protocol": "smtp", "bind": ["[::]:25"]}]}).local
    found = rewrite(FILE, part, tomllib.loads)
    assert found.changed == [
        "server.hostname",
        "server.listener.https.bind",
        "server.listener.https.protocol",
        "server.listener.https.tls.implicit",
        "server.listener.old.bind",
        "server.listener.old.protocol",
    ]
    after = tomllib.loads(found.text)
    before = tomllib.loads(FILE)
    assert after.pop("server") == {
        "hostname": "mx.example.org",
        "allowed-ip": {"192.0.2.1": ""},
        "listener": {
            "https": {"protocol": "http", "bind": ["[::]:443"], "tls": {"implicit": True}},
            "smtp": {"protocol": "smtp", "bind": ["[::]:25"]},
        },
    }
    del before["server"]
    assert after == before
    assert rewrite(found.text, part, tomllib.loads) == (found.text, [])


def test_a_file_that_is_as_wanted_keeps_its_comments() -> None:
    part = Part({"server.hostname": "old.example.org"}, {"store": {"db": {"type": "rocksdb", "path": "/data"}}})
    assert rewrite(FILE, part, tomllib.loads) == (FILE, [])


def test_an_emptied_prefix_and_a_file_that_is_none() -> None:
    assert rewrite('[tracer.log]\ntype = "log"\n', Part({}, {"tracer": {}}), tomllib.loads).changed == ["tracer.log.type"]
    assert tomllib.loads(rewrite("", Part({"server.hostname": "a.b"}, {}), tomllib.loads).text) == {"server": {"hostname": "a.b"}}
    with pytest.raises(InvalidOption, match=r"server_settings_config_file: it is no TOML"):
        rewrite("a = [", Part({"a": 1}, {}), tomllib.loads)


_TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x7f"))
_VALUES = st.recursive(_TEXT | st.booleans() | st.integers(-(2**62), 2**62), lambda inner: st.lists(inner, max_size=3), max_leaves=4)
_TABLES = st.recursive(
    st.dictionaries(st.text(min_size=1, alphabet="ab.-_ \"'é"), _VALUES),
    lambda inner: st.dictionaries(st.text(min_size=1, alphabet="ab.-"), inner | _VALUES, max_size=4),
    max_leaves=6,
)


@given(_TABLES)
def test_what_is_written_reads_back(tree: dict[str, t.Any]) -> None:
    assert tomllib.loads(dump(tree)) == tree


def test_the_filters_take_plain_values() -> None:
    from ansible_collections.stalwart.mail.plugins.filter.server_baseline import FilterModule as Baseline
    from ansible_collections.stalwart.mail.plugins.filter.server_config import FilterModule as Config

    settings = Baseline().filters()["server_baseline"]({"hostname": "mx.example.org"})
    assert settings["stored"] == {"present": {}, "exact": {}}
    found = Config().filters()["server_config"](FILE, settings["local"])
    assert found["changed"] == ["server.hostname"]
    assert 'hostname = "mx.example.org"' in found["text"]

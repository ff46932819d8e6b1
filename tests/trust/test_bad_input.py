# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is wrong in a task ends in one sentence that names the option, before anything is written; some of it is generated from the argument specs."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

import pytest

from tests.support.local import local_stand_in
from tests.support.proxy import Proxy, proxy
from tests.support.servers import RunningServer
from tests.support.tasks import World, forget_clients, login, module_names, run, task_of

from .objects import RELEASE, types, wrong
from .scenes import DOMAIN, PASSWORD, people, release

#: The least that each module takes, so that one wrong thing stands alone. Modules that are not named take nothing.
LEAST: dict[str, dict[str, t.Any]] = {
    "blob": {"id": "abc", "dest": "/tmp/never-written.eml"},
    "delivery_info": {"target": "bob@nowhere.invalid"},
    "dkim": {"domain": [DOMAIN]},
    "dmarc_info": {"remote_ip": "192.0.2.1", "ehlo_domain": "y.test", "sender": "x@y.test", "content": "Subject: x\n\nx\n"},
    "dns_check_info": {"record_sets": []},
    "dns_record_sets": {"record_sets": []},
    "dns_records_info": {"domain": [DOMAIN]},
    "export": {"dest": "/tmp/never-written.yml"},
    "ip_list": {"list": "blocked", "addresses": {"add": ["192.0.2.1"]}},
    "object": {"type": "Domain", "properties": {"x": "x"}},
    "principal": {"name": "alice"},
    "principals": {"principals": []},
    "queue": {"state": "running"},
    "queue_message": {"action": "cancel", "all": True},
    "rcpt_check_info": {"recipients": ["x@example.org"]},
    "report": {"all": True},
    "settings": {"settings": {"session.timeout": "5m"}},
    "spam_classify_info": {"content": "Subject: x\n\nx\n", "remote_ip": "192.0.2.1"},
    "spam_filter": {"action": "forget"},
    "store": {"action": "purge_blobs"},
    "store_info": {"accounts": ["alice"]},
    "telemetry_info": {"kind": "metrics"},
    "undelete": {"account": "alice", "all": True},
    "undelete_info": {"account": "alice"},
}

LONG = "x" * 513


def least(module: str) -> dict[str, t.Any]:
    """For a module that is not named above: something of the right kind for each option that it requires."""
    some = {"list": ["x"], "dict": {"x": "x"}, "int": 1, "float": 1.0, "bool": True}
    options = task_of(module).own.options
    found = {name: (about.get("choices") or [some.get(about.get("type", "str"), "x")])[0] for name, about in options.items() if about.get("required")}
    return LEAST.get(module, found)


@dataclasses.dataclass(frozen=True)
class Case:
    """A module, what is wrong in its options, and the option that the sentence must name."""

    module: str
    options: tuple[tuple[str, t.Any], ...]
    names: str
    says: str = ""
    #: On which servers the sentence is this one.
    before: str = "0.99"
    since: str = "0.13"

    def __str__(self) -> str:
        return f"{self.module}: " + ", ".join(f"{key}={_short(value)}" for key, value in self.options)


def _short(value: t.Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:50]}...{len(text)}"


def case(module: str, names: str, says: str = "", /, **options: t.Any) -> Case:
    """One by hand."""
    return Case(module, tuple(options.items()), names, says)


def old(module: str, names: str, says: str = "", /, **options: t.Any) -> Case:
    """One that only servers before 0.16 have."""
    return Case(module, tuple(options.items()), names, says, before="0.16")


def new(module: str, names: str, says: str = "", /, **options: t.Any) -> Case:
    """One that only servers since 0.16 have."""
    return Case(module, tuple(options.items()), names, says, since="0.16")


# Generated


def wrong_values(about: t.Mapping[str, t.Any]) -> t.Iterator[t.Any]:
    """Values that no option of this kind can have."""
    kind = about.get("type", "str")
    if about.get("choices"):
        yield ["nonsense"] if kind == "list" else "nonsense"
    if kind == "bool":
        yield "perhaps"
        yield 7
    if kind in ("int", "float"):
        yield "many"
        yield [1]
        yield -1
    if kind == "float":
        yield "nan"
    if kind == "dict":
        yield "just text"
        yield [1]
    if kind == "list":
        yield {"a": 1}
        if about.get("choices"):
            yield [5]


def generated() -> t.Iterator[Case]:
    """Each option of each module with what it can't be, each missing one, and one that does not exist."""
    for module in module_names():
        own = task_of(module).own.options
        yield Case(module, (("nonsense", 1),), "nonsense")
        for option, about in own.items():
            if about.get("required"):
                yield Case(module, ((option, None),), option)
            for value in wrong_values(about):
                yield Case(module, ((option, value),), option)
            for suboption, inner in (about.get("options") or {}).items():
                for value in wrong_values(inner):
                    element = {key: "x" for key, one in about["options"].items() if one.get("required")} | {suboption: value}
                    yield Case(module, ((option, [element]),), suboption)
    for option, about in task_of("server_info").spec.options.items():
        if option not in task_of("server_info").own.options:
            for value in wrong_values(about):
                yield Case("server_info", ((option, value),), option)


def of_objects() -> t.Iterator[Case]:
    """Each type of the server's schema with properties that are wrong."""
    for kind in types():
        if kind.name not in ("Certificate", "MaskedEmail"):  # which are found by what nobody writes
            owner = (("account", f"alice@{DOMAIN}"),) if kind.owned else ()
            for properties, names in wrong(kind):
                yield Case("object", (("type", kind.name), *owner, ("properties", properties)), names, since="0.16")


def _account(**properties: t.Any) -> dict[str, t.Any]:
    return {"@type": "User", "name": "alice", "domainId": DOMAIN, **properties}


# By hand

BY_HAND: list[Case] = [
    # names, addresses, domains
    case("principal", "name", "513 bytes", name=LONG),
    case("principal", "name", name=""),
    case("principal", "name", name="  "),
    case("principal", "name", name=f"two@{DOMAIN}@{DOMAIN}", type="domain"),
    case("principal", "name", name="not a domain", type="domain"),
    case("principal", "name", name="-.example.org", type="domain"),
    case("principal", "name", name=("a" * 64) + ".example.org", type="domain"),
    case("principal", "description", "513 bytes", description=LONG),
    case("principal", "description", "514 bytes", description="ä" * 257),
    case("principal", "emails", "513 bytes", emails=[LONG]),
    case("principal", "emails", emails=["no address"]),
    case("principal", "emails", emails=["two@ats@example.org"]),
    case("principal", "emails", emails=["@"]),
    case("principal", "emails", emails=["x@-.example.org"]),
    case("principal", "emails", emails=[""]),
    case("principal", "emails", emails=[None]),
    case("principal", "emails", emails=[["nested@example.org"]]),
    case("principal", "emails", emails={"ad": ["x@example.org"]}),
    case("principal", "emails", emails={}),
    case("principal", "emails", emails={"add": ["x@example.org"], "remove": ["x@example.org"]}),
    case("principal", "emails", emails=5.5),
    case("principal", "emails", "example.com", emails=["alice@example.com"]),
    case("principal", "emails", f"bob@{DOMAIN}", emails=[f"bob@{DOMAIN}"]),
    case("principal", "external_members", name="news", external_members=["nobody"]),
    case("principal", "new_name", new_name="bob"),
    case("principal", "new_name", state="absent", new_name="carol"),
    case("principal", "picture", picture=LONG),
    case("principal", "locale", locale=LONG),
    case("principal", "urls", urls=[LONG]),
    # kinds
    case("principal", "type", type="list"),
    case("principal", "quota", name=DOMAIN, type="domain", quota="1G"),
    case("principal", "emails", name="helper", type="role", emails=[f"helper@{DOMAIN}"]),
    case("principal", "members", members=["bob"]),
    case("principal", "password", name="staff", password=PASSWORD + "x"),
    case("principal", "app_passwords", name="staff", app_passwords=[{"name": "x", "password": "some-long-password"}]),
    # sizes
    case("principal", "quota", quota="a lot"),
    case("principal", "quota", quota="-1"),
    case("principal", "quota", quota=-5),
    case("principal", "quota", quota="10X"),
    case("principal", "quota", quota=True),
    case("principal", "quota", quota=[1]),
    case("principal", "quota", quota="99999999E"),
    # memberships and permissions
    case("principal", "member_of", "nobody", member_of=["nobody"]),
    case("principal", "member_of", "alice", name="bob", member_of=["alice"]),
    case("principal", "roles", "no-such-role", roles=["no-such-role"]),
    case("principal", "lists", lists=["staff"]),
    case("principal", "members", name="staff", members=["nobody"]),
    case("principal", "enabled_permissions", "fly-to-the-moon", enabled_permissions=["fly-to-the-moon"]),
    case("principal", "enabled_permissions", enabled_permissions=["authenticate"], disabled_permissions=["authenticate"]),
    case("principal", "enabled", enabled=False, disabled_permissions=["authenticate"]),
    case("principal", "receive", receive=False),
    # secrets
    case("principal", "password", password=""),
    case("principal", "password_hash", password="x-long-enough-x", password_hash="{SHA256}x"),
    case("principal", "password_hash", password_hash="not a hash"),
    case("principal", "password_hash", password_hash="{ARGON2ID}x"),
    case("principal", "app_passwords", app_passwords=[{"name": "a$b", "password": "some-long-password"}]),
    case("principal", "app_passwords", app_passwords=[{"name": "a"}]),
    case("principal", "app_passwords", app_passwords=[{"name": "a", "password": "one-long-password"}, {"name": "a", "password": "two-long-passwords"}]),
    case("principal", "otp_url", otp_url="https://example.org/"),
    case("principal", "otp_url", otp_url="otpauth://totp/x"),
    case("principal", "otp_url", otp_url="otpauth://totp/x?secret=not!base32"),
    # dangers
    old("principal", "delete_in_use", name=DOMAIN, state="absent"),
    # many
    case("principals", "principals[0]", principals=[{"type": "domain"}]),
    case("principals", "principals[0]", principals=[{"name": "x", "nonsense": 1}]),
    case("principals", "principals[1] (bob).quota", principals=[{"name": "alice"}, {"name": "bob", "quota": "a lot"}]),
    case("principals", "principals[0] (x).emails", principals=[{"name": "x", "emails": ["no address"]}]),
    case("principals", "emails", principals=[{"name": "x", "emails": [f"z@{DOMAIN}"]}, {"name": "y", "emails": [f"z@{DOMAIN}"]}]),
    case("principals", "alice", principals=[{"name": "alice"}, {"name": "Alice"}]),
    case("principals", "purge", purge=True),
    case("principals", "purge_limit", purge=True, purge_types=["list"], purge_limit="200%"),
    case("principals", "purge_limit", purge=True, purge_types=["list"], purge_limit="a few"),
    case("principals", "purge_limit", purge=True, purge_types=["individual"]),
    case("principals", "purge_domains", purge=True, purge_domains=["not a domain"]),
    case("principals", "concurrency", concurrency=0),
    case("principals", "concurrency", concurrency=33),
    case("principals", "time_limit", time_limit=0),
    case("principals", "delete_mail", delete_mail=-1),
    case("principals", "nonsense", defaults={"nonsense": 1}, principals=[{"name": "x"}]),
    # keys
    case("dkim", "domain", domain=["not a domain"]),
    case("dkim", "domain", domain=["not-here.example.net"]),
    case("dkim", "selector", domain=[DOMAIN], algorithm=["rsa"], selector="with space"),
    case("dkim", "selector", domain=[DOMAIN], selector="one"),
    case("dkim", "id", domain=[DOMAIN], id="with space", algorithm=["rsa"]),
    case("dkim", "id", domain=[DOMAIN, "example.net"], id="x", algorithm=["rsa"]),
    case("dkim", "algorithm", domain=[DOMAIN], algorithm=[]),
    case("dkim", "algorithm", domain=[DOMAIN], id="x"),
    case("dkim", "private_key", domain=[DOMAIN], private_key="not a key"),
    case("dkim", "private_key", domain=[DOMAIN], private_key="-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    case("dkim", "key_from", domain=[DOMAIN], key_from="no-such-key"),
    case("dkim", "replace", domain=[DOMAIN], replace=True),
    # settings
    case("settings", "settings", settings={"a": float("nan")}),
    case("settings", "settings", settings={"": "x"}),
    case("settings", "settings", settings={"a..b": "x"}),
    case("settings", "settings", settings={"with space": "x"}),
    case("settings", "settings", settings={"a": {"b": 1}, "a.b": 2}),
    old("settings", "local_keys", settings={"store.x.type": "rocksdb"}),
    old("settings", "prefix", state="exact", settings={"a": 1}, prefix=""),
    case("settings", "keys", settings={"a": 1}, keys=["a"]),
    case("settings", "keys", state="absent", settings=None, keys=[]),
    case("settings", "settings", state="absent", keys=["a"]),
    case("settings_info", "group_by", group_by="enable"),
    # addresses
    case("ip_list", "addresses", addresses=["192.0.2.1"]),
    case("ip_list", "addresses", "999", addresses={"add": ["999.0.2.1"]}),
    case("ip_list", "addresses", addresses={"add": ["192.0.2.1/99"]}),
    case("ip_list", "addresses", "127.0.0.0/8", addresses={"add": ["127.0.0.0/8"]}),
    case("ip_list", "addresses", addresses={"add": [5]}),
    # queue, reports
    case("queue_message", "all", all=False),
    case("queue_message", "at", action="retry", at="some day"),
    case("queue_message", "at", at="2h"),
    case("queue_message", "due_before", all=None, due_before="tomorrow"),
    case("report", "all", all=False),
    case("report", "older_than", all=None, older_than="long ago"),
    # accounts
    case("account_auth", "app_passwords", app_passwords=[{"name": "a$b"}]),
    case("account_auth", "app_passwords", app_passwords=[{"name": "a"}, {"name": "a"}]),
    case("account_auth", "app_passwords_exact", app_passwords_exact=True),
    case("account_auth", "otp_url", otp=True, otp_url=""),
    case("account_auth", "otp_url", otp_url="otpauth://hotp/x?secret=JBSWY3DPEHPK3PXP"),
    case("account_crypto", "certificates", certificates=["not a certificate"]),
    case("account_crypto", "certificates", certificates=[]),
    # upkeep
    case("store", "kind", action="purge_blobs", kind="greylist"),
    case("store", "force_resync", action="reset_uids", account="alice"),
    case("store", "account", action="reset_uids", force_resync=True),
    case("store", "store", action="purge_data", store="no-such-store"),
    case("spam_filter", "content", action="learn", learn_as="spam"),
    case("spam_filter", "learn_as", action="learn", content="Subject: x\n\nx\n"),
    case("spam_filter", "src", action="learn", learn_as="spam", src="/nonexistent/spam.eml"),
    case("blob", "dest", dest="/nonexistent/folder/blob.eml"),
    case("blob", "dest", dest="/tmp"),
    case("export", "dest", dest="/nonexistent/folder/export.yml"),
    case("export", "vault_id", include_secrets=True, vault_id="mail"),
    case("oauth_token", "user_code", grant="device"),
    # servers since 0.16: names and references
    new("principal", "type", type="resource", name="room"),
    new("principal", "alice", name="alice", emails=[f"other@{DOMAIN}", f"alice@{DOMAIN}"]),
    new("principal", "emails", "nowhere.example", name="one@nowhere.example"),
    new("principal", "members", name=f"staff@{DOMAIN}", members=[f"nobody@{DOMAIN}"]),
    new("principal", "roles", name=f"alice@{DOMAIN}/key", type="api_key", roles=["user"]),
    new("principal", "password", name=f"alice@{DOMAIN}/key", type="api_key", password=PASSWORD),
    new("principal", "nobody", name=f"nobody@{DOMAIN}/key", type="api_key"),
    new("principal", "member_of", name=f"staff@{DOMAIN}", member_of=[f"sales@{DOMAIN}"]),
    new("principal", "in use", name=DOMAIN, state="absent", delete_in_use=True),
    new("principals", "type", principals=[{"name": "room", "type": "resource"}]),
    # settings
    new("settings", "session.timeout", "MtaInboundSession", settings={"session.timeout": "5m"}),
    new("settings", "mine.own.key", settings={"mine.own.key": "x"}),
    new("settings", "Http.enableHst", "enableHsts", settings={"Http.enableHst": True}),
    new("settings", "Http.enableHsts", settings={"Http.enableHsts": "perhaps"}),
    new("settings", "Htpp", "Http", settings={"Htpp.enableHsts": True}),
    new("settings", "prefix", state="exact", prefix="Http.responseHeaders", settings={"X": "y"}),
    new("settings", "DkimSignature", "dkim", settings={"DkimSignature.x.selector": "y"}),
    new("settings", "prefix", state="exact", prefix="session", settings={"timeout": "5m"}),
    new("settings_info", "Htpp", prefixes=["Htpp"]),
    # objects
    new("object", "type", "did you mean Domain?", type="Domian"),
    new("object", "type", "did you mean Account?", type="Account/User"),
    new("object", "type", type="Action", properties={"@type": "ReloadSettings"}),
    new("object", "type", type="Log", properties={"level": "info"}),
    new("object", "state", type="Http", state="absent", properties={"enableHsts": True}),
    new("object", "match", type="Http", match={"enableHsts": True}),
    new("object", "match", match={"name": DOMAIN}, id="b"),
    new("object", "id", id="nonsense", properties={"description": "x"}),
    new("object", "match.nonsense", match={"nonsense": 1}),
    new("object", "match.secret", "secret", type="OAuthClient", match={"secret": PASSWORD}, properties={"description": "x"}),
    new("object", "match", "found by", type="Alert", properties={"enable": True}),
    new("object", "properties.name", "missing", properties={"description": "x"}),
    new("object", "properties", type="Domain", state="absent", match={"name": DOMAIN}, properties={"name": DOMAIN}),
    new("object", "properties.dnsZoneFile", "sets it by itself", properties={"name": DOMAIN, "dnsZoneFile": "x"}),
    new("object", "properties.domainId", "no-such.example", type="Account", properties={"@type": "User", "name": "x", "domainId": "no-such.example"}),
    new("object", "properties.memberGroupIds", "group", type="Account", properties=_account(memberGroupIds=[f"bob@{DOMAIN}"])),
    new("object", "properties.aliases[0].domainId", type="Account", properties=_account(aliases=[{"name": "x", "domainId": "nowhere.example"}])),
    new("object", "properties.aliases", "list", type="Account", properties=_account(aliases={"name": "x"})),
    new("object", "properties.aliases[0].nonsense", type="Account", properties=_account(aliases=[{"nonsense": "x"}])),
    new("object", "properties.quotas.nonsense", type="Account", properties=_account(quotas={"nonsense": 1})),
    new("object", "properties.quotas.maxDiskQuota", type="Account", properties=_account(quotas={"maxDiskQuota": "a lot"})),
    new("object", "properties.roles", "did you mean User?", type="Account", properties=_account(roles="Usr")),
    new("object", "properties.permissions.enabledPermissions", "Merge", type="Account", properties=_account(permissions={"enabledPermissions": []})),
    new("object", "account", account=f"alice@{DOMAIN}", properties={"name": DOMAIN}),
    new("object", "account", type="ApiKey", account="nobody", properties={"description": "x"}),
    new("object", "properties.rateLimitAnonymous", type="Http", properties={"rateLimitAnonymous": "0/1m"}),
    new("object", "properties.rateLimitAnonymous", type="Http", properties={"rateLimitAnonymous": "10/often"}),
    new("object", "properties.allowedEndpoints", type="Http", properties={"allowedEndpoints": [{"if": "true"}]}),
    new("object", "properties.address", type="BlockedIp", properties={"address": "999.0.0.1"}),
    new("object", "properties.port", type="MtaRoute", properties={"@type": "Relay", "name": "x", "address": "x.example", "port": 99999}),
    new(
        "object",
        "properties.authSecret",
        "empty",
        type="MtaRoute",
        properties={"@type": "Relay", "name": "x", "address": "x.example", "authSecret": {"@type": "Value", "secret": ""}},
    ),
    new("object", "properties.address", "Relay", type="MtaRoute", properties={"@type": "Mx", "name": "x", "address": "x.example"}),
    new("object", "properties.@type", "Relay", type="MtaRoute", properties={"name": "x"}),
    new(
        "object", "properties.aliases", "in add and in remove", properties={"name": DOMAIN, "aliases": {"add": ["x.example.org"], "remove": ["x.example.org"]}}
    ),
    new("object", "properties.aliases[0]", properties={"name": DOMAIN, "aliases": ["not a domain"]}),
    new("object", "properties.bind[0]", type="NetworkListener", properties={"name": "x", "bind": ["25"]}),
    new("object", "properties.expiresAt", type="BlockedIp", properties={"address": "192.0.2.1", "expiresAt": "tomorrow"}),
    new("object", "properties.certificate", "PEM", type="Certificate", properties={"certificate": "x", "privateKey": "x"}),
    new("object_info", "type", ids=["b"]),
    new("object_info", "type", describe=True),
    new("object_info", "type", type="Nonsense"),
    new("object_info", "type", "log_info", type="Log"),
    new("object_info", "type", type="Action"),
    new("object_info", "match", type="Domain", ids=["b"], match={"name": DOMAIN}),
    new("object_info", "account", type="Domain", account=f"alice@{DOMAIN}"),
    new("object_info", "account", type="ApiKey", account="nobody"),
    new("object_info", "match.nonsense", type="Domain", match={"nonsense": "x"}),
    old("object", "0.16", properties={"name": DOMAIN}),
    old("object_info", "0.16", type="Domain"),
    # the connection
    case("server_info", "url", url="mail.example.org"),
    case("server_info", "url", url="ftp://mail.example.org"),
    case("server_info", "url", url="https://"),
    case("server_info", "url", url="https://mail.example.org:port"),
    case("server_info", "url", url="https://mail.example.org:0"),
    case("server_info", "url", url="https://user:secret@mail.example.org"),
    case("server_info", "url", url="https://mail.example.org/?x=1"),
    case("server_info", "url", url="https://mail..example.org"),
    case("server_info", "url", url="http://mail.example.org"),
    case("server_info", "url", url=""),
    case("server_info", "login_user", login_user=None, login_password=None),
    case("server_info", "login_password", login_password=None),
    case("server_info", "login_user", login_user=None),
    case("server_info", "login_user", login_user="with:colon"),
    case("server_info", "login_token", login_token="api_x"),
    case("server_info", "login_token", login_user=None, login_password=None, login_token="with\nline"),
    case("server_info", "timeout", timeout=0),
    case("server_info", "timeout", timeout="inf"),
    case("server_info", "retries", retries=-1),
    case("server_info", "ca_path", ca_path="/nonexistent/ca.pem"),
    case("server_info", "client_cert", client_cert="/nonexistent/client.pem"),
    case("server_info", "client_key", client_key="/etc/hostname"),
    case("server_info", "server_version", server_version="the newest"),
]


@pytest.fixture(scope="module")
def servers() -> t.Iterator[t.Mapping[str, RunningServer]]:
    """One server of each generation for all: nothing here writes."""
    with contextlib.ExitStack() as stack:
        running = {version: stack.enter_context(local_stand_in(version, enterprise=True)) for version in VERSIONS}
        for each in running.values():
            people(World(each))
        yield running
    forget_clients()


@pytest.fixture
def between(servers: t.Mapping[str, RunningServer], version: str) -> t.Iterator[Proxy]:
    """The way to one."""
    with proxy(servers[version].url) as made:
        yield made
    forget_clients()


def refused(case: Case, server: RunningServer, between: Proxy) -> str:
    """The sentence that the task ends in."""
    options = {**login(server, between.url), **least(case.module), **dict(case.options)}
    ran = run(case.module, {key: value for key, value in options.items() if value is not None})
    assert ran.failed, f"accepted: {ran.result}"
    return ran.message


VERSIONS = ("0.15.5", RELEASE)


def cases() -> list[t.Any]:
    """What comes from the argument specs is the same for all servers; the rest is tried on both generations."""
    both = [(case, version) for version in VERSIONS for case in BY_HAND if release(case.since) <= release(version) < release(case.before)]
    every = [*((case, VERSIONS[0]) for case in generated()), *both, *((case, RELEASE) for case in of_objects())]
    return [pytest.param(case, version, id=f"{case}-{version}") for case, version in every]


@pytest.mark.parametrize(("case", "version"), cases())
def test_what_is_wrong_is_named(case: Case, version: str, servers: t.Mapping[str, RunningServer], between: Proxy) -> None:
    """One sentence, with the option's name, and no request that writes."""
    message = refused(case, servers[version], between)
    assert [str(request) for request in between.writes] == []
    assert case.names in message
    assert case.says in message
    assert "\n" not in message and len(message) < 1200
    for word in ("Traceback", "pydantic", "validation error", "Input should", "type=", "object at 0x", PASSWORD):
        assert word not in message
    # Ansible's own sentence about a value of another type names the class
    assert "<class" not in message or message.startswith(("argument '", "Elements value for option '"))

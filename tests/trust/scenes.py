# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way in which every module writes: what is there ahead, and the task. The suites on faults and on check mode play them all."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import functools
import hashlib
import pathlib
import tempfile
import typing as t

from tests.integration.files.make_keys import PEM, PKCS8, PLAIN
from tests.support.local import local_stand_in
from tests.support.proxy import Request
from tests.support.tasks import World, login

DOMAIN = "example.org"
PASSWORD = "correct-horse-battery-unlike-any-data"
OTHER_PASSWORD = "another-staple-battery-unlike-any-data"
OTP_URL = "otpauth://totp/stalwart:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=stalwart&algorithm=SHA1&digits=6&period=30"
RELEASES = ("0.15.5", "0.13.4")
ALL_RELEASES = (*RELEASES, "0.16.18")

Options = t.Mapping[str, t.Any]


def hashed(password: str) -> str:
    """A hash that costs nothing to verify."""
    return "{SHA256}" + base64.b64encode(hashlib.sha256(password.encode()).digest()).decode()


@functools.cache
def key(number: int = 0) -> str:
    """A private key of Ed25519, the same at each call with a number."""
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes([number + 1]) * 32).private_bytes(PEM, PKCS8, PLAIN).decode()


@functools.cache
def certificate() -> str:
    """A certificate for S/MIME."""
    return (pathlib.Path(__file__).parents[1] / "integration/files/smime-alice.pem").read_text(encoding="utf-8")


def nothing(_world: World) -> None:
    """The server is fresh."""


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """One task on one prepared server.

    `options` may ask the world, which `prepare` has set up. `repeatable` says that a second run changes nothing.
    """

    name: str
    module: str
    options: Options | t.Callable[[World], Options]
    prepare: t.Callable[[World], object] = nothing
    user: str = ""
    repeatable: bool = True
    mail: bool = False
    enterprise: bool = False
    since: str = "0.13"
    before: str = "0.99"
    #: Why check mode can't know how it ends, where the module's documentation says so too.
    unknowable: str = ""
    #: The order of its writes differs from run to run.
    concurrent: bool = False

    def __str__(self) -> str:
        return self.name

    def exists_on(self, version: str) -> bool:
        """Whether servers of a version can do it."""
        return release(self.since) <= release(version) < release(self.before)

    def is_write(self, request: Request) -> bool:
        """Whether a request is one of those that this task is for. The login probe of other tasks is what makes a code or token."""
        return request.writes or (self.module == "oauth_token" and (request.method == "POST" or "/token" in request.path))

    def task(self, world: World, url: str = "") -> dict[str, t.Any]:
        """All options of the module."""
        own = self.options(world) if callable(self.options) else self.options
        login_of = {"login_user": login_name(world, self.user), "login_password": PASSWORD} if self.user else {}
        return {**login(world.server, url), **login_of, **own}

    @contextlib.contextmanager
    def world(self, version: str) -> t.Iterator[World]:
        """The prepared server."""
        with local_stand_in(version, enterprise=self.enterprise, mail=self.mail) as server, tempfile.TemporaryDirectory() as folder:
            world = World(server)
            world.notes["folder"] = folder
            self.prepare(world)
            yield world


def login_name(world: World, name: str) -> str:
    """What an account logs in with: since 0.16 its address, since a bare name is one in the server's own domain."""
    return name if release(world.server.version) < (0, 16) else f"{name}@{DOMAIN}"


def release(version: str) -> tuple[int, ...]:
    """A version as something to compare."""
    return tuple(int(part) for part in version.split("."))


# What is there ahead


def domain(world: World) -> None:
    """A domain."""
    world.run("principals", principals=[{"name": DOMAIN, "type": "domain"}], reload="never")


def people(world: World) -> None:
    """A domain, two accounts, a group, a list and a role."""
    world.run(
        "principals",
        principals=[
            {"name": DOMAIN, "type": "domain"},
            {"name": "staff", "type": "group", "emails": [f"staff@{DOMAIN}"]},
            {"name": "sales", "type": "group", "emails": [f"sales@{DOMAIN}"]},
            {"name": "helper", "type": "role", "enabled_permissions": ["message-queue-list"]},
            {"name": "alice", "emails": [f"alice@{DOMAIN}", f"postmaster@{DOMAIN}"], "password_hash": hashed(PASSWORD), "member_of": ["staff"]},
            {"name": "bob", "emails": [f"bob@{DOMAIN}", f"robert@{DOMAIN}"], "password_hash": hashed(PASSWORD), "description": "Bob"},
            {"name": "news", "type": "list", "emails": [f"news@{DOMAIN}"], "members": ["alice"]},
        ],
        reload="never",
        concurrency=1,
    )


def _and(*steps: t.Callable[[World], object]) -> t.Callable[[World], None]:
    def prepare(world: World) -> None:
        for step in steps:
            step(world)

    return prepare


def _run(module: str, **options: t.Any) -> t.Callable[[World], object]:
    return lambda world: world.run(module, **options)


def _queued(world: World) -> None:
    people(world)
    world.run("queue", state="paused")
    for name in ("one", "two"):
        world.send(f"x@{name}.invalid", f"y@{name}.invalid", sender=f"alice@{DOMAIN}", user=login_name(world, "alice"), password=PASSWORD)
    messages = world.wait(lambda: found if len(found := world.run("queue_info")["messages"]) == 2 else [])
    world.notes["ids"] = sorted(each["id"] for each in messages)
    world.notes["first"] = [messages[0]["id"]]
    world.notes["recipients"] = [each["address"] for each in messages[0]["recipients"]][:1]
    world.notes["blob"] = messages[0]["blob_id"]


def _reported(world: World) -> None:
    people(world)
    world.run("settings", settings={"report.analysis.addresses": ["postmaster@*"], "spam-filter.enable": "false", **_UNCHECKED})
    report = (pathlib.Path(__file__).parents[1] / "integration/files/report_dmarc.eml").read_text(encoding="utf-8")
    for _each in range(2):
        world.send(f"postmaster@{DOMAIN}", sender="noreply@receiver.example.net", message=report)
    world.notes["ids"] = world.wait(lambda: (found := world.run("report_info"))["total"] == 2 and [each["id"] for each in found["reports"]])


_UNCHECKED = {f"auth.{check}": "disable" for check in ("dmarc.verify", "spf.verify.ehlo", "spf.verify.mail-from", "iprev.verify", "dkim.verify", "arc.verify")}


def deleted_mail(world: World) -> None:
    """A message that alice has deleted, on a server of the paid edition."""
    people(world)
    world.run(
        "settings", settings={"storage.undelete.retention": "30d", "email.auto-expunge": "1s", "spam-filter.enable": True, "spam-filter.score.spam": "-100.0"}
    )
    world.send(f"alice@{DOMAIN}", sender="x@receiver.example.net")

    def found() -> t.Any:
        world.run("store", action="purge_accounts", account="alice")
        return world.run("undelete_info", account="alice")["deleted"]

    world.notes["ids"] = [each["id"] for each in world.wait(found)]


def _app_password(world: World) -> None:
    people(world)
    world.run("account_auth", login_user=login_name(world, "alice"), login_password=PASSWORD, app_passwords=[{"name": "phone", "password": OTHER_PASSWORD}])


def _encrypted(world: World) -> None:
    people(world)
    world.run("account_crypto", login_user=login_name(world, "alice"), login_password=PASSWORD, certificates=[certificate()])


def _next_key(world: World) -> None:
    domain(world)
    world.run("dkim", domain=[DOMAIN], private_key=key(), reload="never")
    world.run("dkim", domain=[DOMAIN], id=f"ed25519-{DOMAIN}-next", private_key=key(1), selector="next", reload="never")


def _slow_queue(world: World) -> None:
    world.run("settings", prefix="queue.limiter.inbound.mine", settings={"enable": True, "rate": "1/1s", "key": ["rcpt", "sender_domain"]})


MANY: list[dict[str, t.Any]] = [
    {"name": DOMAIN, "type": "domain"},
    {"name": "helper", "type": "role", "enabled_permissions": ["message-queue-list"]},
    {"name": "staff", "type": "group", "emails": [f"staff@{DOMAIN}"], "members": ["alice", "bob"]},
    {"name": "alice", "emails": [f"alice@{DOMAIN}"], "password_hash": hashed(PASSWORD), "roles": ["user", "helper"]},
    {"name": "bob", "emails": [f"bob@{DOMAIN}"], "quota": "1G"},
    {"name": "news", "type": "list", "emails": [f"news@{DOMAIN}"], "members": ["alice", "bob"], "external_members": ["x@example.com"]},
]

_MEMBERS = {"add": ["bob"], "remove": ["alice"]}

SCENES: list[Scene] = [
    # principal
    Scene("create a domain", "principal", {"name": DOMAIN, "type": "domain", "description": "Ours"}),
    Scene(
        "create an account",
        "principal",
        {
            "name": "carol",
            "emails": [f"carol@{DOMAIN}", f"abuse@{DOMAIN}"],
            "quota": "10G",
            "password": PASSWORD,
            "update_password": "on_create",
            "member_of": ["staff"],
            "lists": ["news"],
            "roles": ["user", "helper"],
            "description": "Carol",
        },
        people,
    ),
    Scene("create a group with members", "principal", {"name": "crew", "type": "group", "emails": [f"crew@{DOMAIN}"], "members": ["alice", "bob"]}, people),
    Scene(
        "create an API key", "principal", {"name": "monitor", "type": "api_key", "password": PASSWORD, "enabled_permissions": ["authenticate"]}, before="0.16"
    ),
    Scene("deploy an account", "principal", {"name": "dave", "deploy": True, "password_hash": hashed(PASSWORD)}, domain),
    Scene(
        "change many fields of an account",
        "principal",
        {
            "name": "bob",
            "emails": [f"bobby@{DOMAIN}", f"bob@{DOMAIN}"],
            "description": "",
            "quota": 5,
            "member_of": ["sales", "staff"],
            "lists": {"add": ["news"]},
            "roles": {"add": ["helper"]},
            "locale": "de_DE",
        },
        people,
        before="0.16",
    ),
    Scene("change members of a list", "principal", {"name": "news", "members": _MEMBERS, "external_members": ["x@example.com"]}, people),
    Scene("rename an account", "principal", {"name": "bob", "new_name": "robert"}, people, before="0.16"),
    Scene("set a password", "principal", {"name": "alice", "password": OTHER_PASSWORD}, people, before="0.16"),
    Scene("set a password by its hash", "principal", {"name": "alice", "password_hash": hashed(OTHER_PASSWORD)}, people, before="0.16"),
    Scene("set a password always", "principal", {"name": "alice", "password": OTHER_PASSWORD, "update_password": "always"}, people, repeatable=False),
    Scene(
        "set app passwords and codes",
        "principal",
        {"name": "alice", "app_passwords": [{"name": "phone", "password_hash": hashed(OTHER_PASSWORD)}], "app_passwords_exact": True, "otp_url": OTP_URL},
        people,
        before="0.16",
    ),
    Scene("lock an account", "principal", {"name": "alice", "enabled": False, "receive": False}, people),
    Scene("unlock an account", "principal", {"name": "alice", "enabled": True}, _and(people, _run("principal", name="alice", enabled=False))),
    Scene("delete an account", "principal", {"name": "bob", "state": "absent"}, people),
    Scene("delete a domain in use", "principal", {"name": DOMAIN, "state": "absent", "delete_in_use": True}, people, before="0.16"),
    Scene("create an API key with a secret of the server's", "principal", {"name": f"alice@{DOMAIN}/monitor", "type": "api_key"}, people, since="0.16"),
    Scene("rename an account by its address", "principal", {"name": f"bob@{DOMAIN}", "new_name": f"bobby@{DOMAIN}"}, people, since="0.16"),
    # principals
    Scene("create many", "principals", {"principals": MANY, "concurrency": 1}),
    Scene("create many at once", "principals", {"principals": MANY}, concurrent=True),
    Scene(
        "change many",
        "principals",
        {
            "principals": [
                {"name": "alice", "emails": [f"alice@{DOMAIN}", f"robert@{DOMAIN}"], "member_of": []},
                {"name": "bob", "emails": [f"bob@{DOMAIN}", f"postmaster@{DOMAIN}"], "password_hash": hashed(OTHER_PASSWORD)},
                {"name": "sales", "new_name": "selling", "members": ["bob"]},
                {"name": "news", "state": "absent"},
            ],
            "concurrency": 1,
        },
        people,
        before="0.16",
    ),
    Scene(
        "purge",
        "principals",
        {"principals": [{"name": "alice", "quota": "1G"}], "purge": True, "purge_types": ["individual", "list"], "purge_limit": "100%", "concurrency": 1},
        people,
    ),
    # dkim
    Scene("make keys", "dkim", {"domain": [DOMAIN]}, domain),
    Scene("import a key", "dkim", {"domain": [DOMAIN], "private_key": key(), "selector": "mail"}, domain),
    Scene("replace a key", "dkim", {"domain": [DOMAIN], "key_from": f"ed25519-{DOMAIN}-next", "replace": True}, _next_key),
    Scene("remove keys", "dkim", {"domain": [DOMAIN], "state": "absent"}, _next_key),
    # settings
    Scene("write settings", "settings", {"settings": {"session.timeout": "7m", "sieve": {"untrusted": {"limits": {"redirects": 5}}}}}, before="0.16"),
    Scene(
        "write settings exactly",
        "settings",
        {"state": "exact", "prefix": "queue.limiter.inbound.mine", "settings": {"enable": False, "key": ["rcpt"]}},
        _slow_queue,
        before="0.16",
    ),
    Scene(
        "remove settings",
        "settings",
        {"state": "absent", "prefixes": ["queue.limiter.inbound.mine"], "keys": ["report.analysis.addresses"]},
        _slow_queue,
        before="0.16",
    ),
    Scene(
        "write a setting with an error",
        "settings",
        {"settings": {"session.timeout": "not a duration"}},
        unknowable="the server judges only what it has stored; the run puts it back and fails",
        before="0.16",
    ),
    Scene("write settings without a reload", "settings", {"settings": {"session.timeout": "8m"}, "reload": "never"}, before="0.16"),
    Scene("write settings of objects", "settings", {"settings": {"MtaInboundSession.timeout": "7m"}}, since="0.16"),
    # object
    Scene("create an object", "object", {"type": "WebHook", "properties": {"url": "https://monitor.example.org/hook", "timeout": "10s"}}, since="0.16"),
    Scene("change a singleton", "object", {"type": "Http", "properties": {"rateLimitAuthenticated": "2000/1m", "enableHsts": True}}, since="0.16"),
    # ip_list
    Scene("block addresses", "ip_list", {"list": "blocked", "addresses": {"add": ["203.0.113.0/24", "198.51.100.7"]}}),
    Scene(
        "free addresses",
        "ip_list",
        {"list": "blocked", "addresses": ["203.0.113.9"], "exact": True},
        _run("ip_list", list="blocked", addresses={"add": ["203.0.113.0/24", "203.0.113.9"]}),
    ),
    # reload
    *(Scene(f"reload {part}", "reload", {"part": part}, repeatable=False) for part in ("all", "lookup", "certificate", "blocked_ip")),
    # queue
    Scene("pause the queue", "queue", {"state": "paused"}, before="0.16"),
    Scene("resume the queue", "queue", {"state": "running", "wait": False}, _run("queue", state="paused"), before="0.16"),
    Scene("cancel messages by id", "queue_message", lambda world: {"action": "cancel", "ids": world.notes["ids"]}, _queued, mail=True),
    Scene("cancel messages by filter", "queue_message", {"action": "cancel", "recipient": "one.invalid"}, _queued, mail=True),
    Scene(
        "cancel a recipient",
        "queue_message",
        lambda world: {"action": "cancel", "ids": world.notes["first"], "only_recipients": world.notes["recipients"]},
        _queued,
        mail=True,
    ),
    # report
    Scene("delete a report", "report", lambda world: {"ids": world.notes["ids"][:1]}, _reported, mail=True, before="0.16"),
    Scene("delete all reports", "report", {"all": True}, _reported, mail=True, before="0.16"),
    # account
    Scene("change the own password", "account_auth", {"new_password": OTHER_PASSWORD}, people, user="alice"),
    Scene("add an app password", "account_auth", {"app_passwords": [{"name": "phone", "password": OTHER_PASSWORD}]}, people, user="alice", before="0.16"),
    Scene("have an app password made", "account_auth", {"app_passwords": [{"name": "phone"}]}, people, user="alice"),
    Scene("remove all app passwords", "account_auth", {"app_passwords": [], "app_passwords_exact": True}, _app_password, user="alice", before="0.16"),
    Scene("turn on one-time codes", "account_auth", {"otp_url": OTP_URL}, people, user="alice", before="0.16"),
    Scene("encrypt what comes in", "account_crypto", {"certificates": [certificate()]}, people, user="alice"),
    Scene(
        "encrypt no more",
        "account_crypto",
        {"state": "absent"},
        _encrypted,
        user="alice",
    ),
    Scene("make a token", "oauth_token", {}, people, user="alice", repeatable=False),
    Scene("make a code", "oauth_token", {"grant": "code", "redirect_uri": "https://x.example/"}, people, user="alice", repeatable=False),
    Scene("make a token for a test", "oauth_token", {"grant": "delivery_test"}, repeatable=False),
    # upkeep
    *(
        Scene(f"{action} {what}".strip(), "store", {"action": action, **more}, people, repeatable=False, unknowable=unknowable)
        for action, what, more, unknowable in (
            ("purge_blobs", "", {}, ""),
            ("purge_data", "", {}, ""),
            ("purge_in_memory", "of a kind", {"kind": "greylist"}, ""),
            ("purge_accounts", "of one", {"account": "alice"}, ""),
            ("reindex", "of one", {"index": "email", "account": "alice"}, ""),
            ("recalculate_quota", "", {"account": "alice"}, "only counting tells whether there is another number"),
            ("reset_uids", "", {"account": "alice", "force_resync": True}, ""),
        )
    ),
    Scene("learn", "spam_filter", {"action": "learn", "learn_as": "spam", "content": "From: x@y.test\nTo: a@b.test\nSubject: buy\n\nBuy\n"}, repeatable=False),
    Scene("train", "spam_filter", {"action": "start_training"}, repeatable=False, since="0.15"),
    Scene("forget", "spam_filter", {"action": "forget"}, repeatable=False, since="0.15"),
    Scene(
        "undelete",
        "undelete",
        lambda world: {"account": "alice", "ids": world.notes["ids"]},
        deleted_mail,
        mail=True,
        enterprise=True,
        before="0.16",
    ),
    # files
    Scene("export", "export", lambda world: {"dest": f"{world.notes['folder']}/export.yml", "include_secrets": True}, people),
    Scene("keep a blob", "blob", lambda world: {"id": world.notes["blob"], "dest": f"{world.notes['folder']}/message.eml"}, _queued, mail=True),
]

#: Writing modules without a scene, and where their promises are shown instead.
ELSEWHERE = {
    "dkim_rotation": "it goes on over days; tests/integration/test_dkim_rotation.py moves the clock",
    "dns_record_sets": "it talks to name servers; tests/integration/test_dns.py runs it against real ones",
    "webadmin": "the server fetches from the network; test_check_mode.py and test_faults.py hold its one request",
}


def scenes(version: str) -> list[Scene]:
    """All that servers of a version can do."""
    return [scene for scene in SCENES if scene.exists_on(version)]


def pairs(*versions: str) -> list[t.Any]:
    """Scenes with versions, as pytest parameters."""
    import pytest

    return [pytest.param(scene, version, id=f"{scene.module}: {scene}-{version}") for version in versions for scene in scenes(version)]

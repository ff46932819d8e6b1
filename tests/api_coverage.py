# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which module asks for which path of the REST API: found by running every module against stand-in servers and watching what is sent.

`python -m tests.api_coverage` writes docs/coverage.md; tests/integration/test_api_coverage.py fails when it is not current, when a path of
tests/coverage_paths.yml is asked for by no module, or when a module asks for a path that is not there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import pathlib
import smtplib
import sys
import tempfile
import time
import typing as t
from unittest import mock

import yaml

from .support.servers import ROOT, RunningServer, stand_in

PATHS = ROOT / "tests/coverage_paths.yml"
TABLE = ROOT / "docs/coverage.md"
CASES = ROOT / "tests/integration/cases"
FILES = ROOT / "tests/integration/files"

#: Minor version -> the release that stands for it.
VERSIONS = {"0.13": "0.13.4", "0.14": "0.14.1", "0.15": "0.15.5"}

DOMAIN = "coverage.example.org"
PASSWORD = "a-password-unlike-any-data"
MESSAGE = f"From: x@y.test\nTo: alice@{DOMAIN}\nSubject: hello\nDate: Mon, 02 Nov 2026 10:00:00 +0000\n\nHello\n"


# What is to be covered


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """One method and path of the API; elements of the path in braces stand for anything."""

    method: str
    path: str
    documented: bool
    since: str = "0.13"
    before: str = "0.16"
    paid: bool = False
    network: bool = False
    left_out: str = ""

    def exists_in(self, minor: str) -> bool:
        """Whether servers of a minor version have it."""
        return self.since <= minor < self.before

    def rank(self, method: str, path: t.Sequence[str]) -> int:
        """How many elements of a request's path it names literally, -1 when it does not fit at all."""
        elements = self.path.strip("/").split("/")
        if method != self.method or len(elements) != len(path):
            return -1
        matches = [(element == own, element.startswith("{")) for element, own in zip(elements, path, strict=True)]
        return sum(same for same, _any in matches) if all(same or anything for same, anything in matches) else -1


def endpoints() -> list[Endpoint]:
    """All of tests/coverage_paths.yml, in its order."""
    listed = yaml.safe_load(PATHS.read_text(encoding="utf-8"))
    return [Endpoint(documented=kind == "documented", **entry) for kind in ("documented", "undocumented") for entry in listed[kind]]


def endpoint_of(method: str, path: t.Sequence[str], known: t.Sequence[Endpoint], minor: str) -> Endpoint | None:
    """The endpoint that a request means."""
    ranked = [(endpoint.rank(method, path), endpoint) for endpoint in known if endpoint.exists_in(minor)]
    best = max(ranked, key=lambda pair: pair[0], default=(-1, None))
    return best[1] if best[0] >= 0 else None


# What is sent


@dataclasses.dataclass(frozen=True)
class Request:
    """One request that a module sent."""

    module: str
    method: str
    path: tuple[str, ...]


#: Requests that change nothing although they are no GET: questions with a long text, and the version, whose code is dropped at once.
_READING = (("POST", "spam-filter/classify"), ("POST", "troubleshoot/dmarc"), ("POST", "oauth"))

#: GETs that act.
_ACTING = ("store/purge", "store/reindex", "spam-filter/train", "update", "reload", "troubleshoot/token", "telemetry/live")


def _acts(method: str, path: t.Sequence[str], *, dry: bool) -> bool:
    """Whether a request may change something on the server."""
    text = "/".join(path)
    if method != "GET":
        return (method, text) not in _READING
    return not dry and text.startswith(_ACTING) and text != "spam-filter/train/status"


class Recorder:
    """Runs modules in this process and notes what they send."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.requests: set[Request] = set()
        self.acting_in_check_mode: set[Request] = set()
        self._sent: list[tuple[str, tuple[str, ...], bool]] = []

    @contextlib.contextmanager
    def watching(self) -> t.Iterator[None]:
        """Note every request below /api while this lasts."""
        from ansible_collections.stalwart.mail.plugins.module_utils._http import HttpClient

        request, events = HttpClient.request, HttpClient.events

        def watched_request(client: t.Any, method: str, path: t.Sequence[str], **more: t.Any) -> t.Any:
            self._sent.append((method, tuple(path), "dry-run" in (more.get("query") or {})))
            return request(client, method, path, **more)

        def watched_events(client: t.Any, path: t.Sequence[str], **more: t.Any) -> t.Any:
            self._sent.append(("GET", tuple(path), False))
            return events(client, path, **more)

        with mock.patch.object(HttpClient, "request", watched_request), mock.patch.object(HttpClient, "events", watched_events):
            yield

    def run(self, module: str, *, tolerate: str = "", **options: t.Any) -> dict[str, t.Any]:
        """Run a module as its frontends do, ahead of it in check mode. Raises when it fails, unless with the words to be tolerated."""
        from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

        from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Failure, execute

        task = importlib.import_module(f"ansible_collections.stalwart.mail.plugins.modules.{module}").TASK
        connection = {"url": self.server.url, "login_user": self.server.user, "login_password": self.server.password}
        validator = ArgumentSpecValidator({name: dict(option) for name, option in task.spec.options.items()}, **task.spec.conditions())
        validated = validator.validate({**connection, **options})
        assert not validated.error_messages, f"{module} {options}: {validated.error_messages}"
        result: dict[str, t.Any] = {}
        for check in (True, False):
            self._sent.clear()
            try:
                result = execute(task, validated.validated_parameters, check=check, diff=False, warn=lambda _text: None)
            except Failure as failure:
                if not tolerate or tolerate not in str(failure):
                    raise AssertionError(f"{module} {options}{' in check mode' if check else ''}: {failure}") from None
            if check:
                acting = {Request(module, method, path[1:]) for method, path, dry in self._sent if path[:1] == ("api",) and _acts(method, path[1:], dry=dry)}
                self.acting_in_check_mode |= acting
        self.requests |= {Request(module, method, path[1:]) for method, path, _dry in self._sent if path[:1] == ("api",)}
        return result

    def send(self, *recipients: str, port: int = 0, message: str = MESSAGE, sender: str = f"alice@{DOMAIN}") -> None:
        """Hand mail to the server, as alice unless it is from elsewhere."""
        with smtplib.SMTP("127.0.0.1", port or self.server.submission_port, timeout=30) as client:
            if not port:
                client.login("alice", PASSWORD)
            client.sendmail(sender, list(recipients), message.replace("\n", "\r\n"))


def everything(run: Recorder, minor: str, *, paid: bool) -> None:
    """Every module with every one of its requests."""
    late = minor >= "0.15"
    alice: dict[str, t.Any] = {"login_user": "alice", "login_password": PASSWORD}
    _principals(run)
    _settings_and_keys(run)
    _queue(run)
    _reports(run)
    _stores(run, late=late)
    _spam_filter(run, late=late)
    _account(run, alice)
    run.run("server_info")
    run.run("delivery_info", target="bob@nowhere.invalid", time_limit=10)
    run.run("dmarc_info", remote_ip="192.0.2.1", ehlo_domain="y.test", sender="x@y.test", content=MESSAGE)
    run.run("log_info", limit=1)
    run.run("webadmin", tolerate="can't fetch")
    run.run("oauth_token", grant="delivery_test")
    if paid:
        _paid(run)


def _principals(run: Recorder) -> None:
    run.run("principal", name=DOMAIN, type="domain")
    run.run("principal", name="alice", emails=[f"alice@{DOMAIN}", f"postmaster@{DOMAIN}"], password=PASSWORD)
    run.run("principal", name="alice", description="Alice")
    run.run("principal", name="bob", deploy=True)
    run.run("principal", name="bob", state="absent")
    run.run("principal_info", names=["alice"])
    run.run("principal_info", types=["individual"])
    run.run("principals", principals=[{"name": "carol", "type": "individual"}, {"name": "alice", "description": "Alice again"}])
    run.run("principals", principals=[{"name": "carol", "state": "absent"}])
    run.run("dns_records_info", domain=DOMAIN)


def _settings_and_keys(run: Recorder) -> None:
    settings = {
        "report.analysis.addresses": ["postmaster@*"],
        "spam-filter.enable": "false",
        **{f"auth.{check}": "disable" for check in ("dmarc.verify", "spf.verify.ehlo", "spf.verify.mail-from", "iprev.verify", "dkim.verify", "arc.verify")},
    }
    run.run("settings", settings=settings)
    run.run("settings_info")
    run.run("settings_info", prefixes=["queue"], group_by="enable")
    run.run("settings", state="absent", keys=["session.none"])
    run.run("dkim", domain=DOMAIN)
    run.run("dkim_info", domain=DOMAIN)
    run.run("ip_list", list="blocked", addresses={"add": ["198.51.100.7"]})
    run.run("ip_list_info", list="blocked")
    for part in ("all", "lookup", "certificate", "blocked_ip"):
        run.run("reload", part=part)


def _queue(run: Recorder) -> None:
    run.run("queue", state="paused")
    for name in ("one", "two", "two", "three"):
        run.send(f"bob@{name}.invalid")
    waiting = run.run("queue_info")["messages"]
    assert len(waiting) == 4
    run.run("queue_message", action="retry", ids=[waiting[0]["id"]], at="2h", tolerate="does not apply it")
    run.run("queue_message", action="retry", recipient="two.invalid", at="2h", tolerate="does not apply it")
    run.run("queue_message", action="cancel", ids=[waiting[0]["id"]])
    run.run("queue_message", action="cancel", recipient="two.invalid")
    with tempfile.TemporaryDirectory() as folder:
        run.run("blob", id=waiting[3]["blob_id"], dest=os.path.join(folder, "message.eml"))
        assert b"Subject: hello" in pathlib.Path(folder, "message.eml").read_bytes()
    run.run("queue_info", ids=[waiting[3]["id"]])
    run.run("queue", state="running", wait_timeout=30)
    run.run("queue_message", action="cancel", all=True)


def _reports(run: Recorder) -> None:
    for kind in ("dmarc", "tls", "arf"):
        message = (FILES / f"report_{kind}.eml").read_text(encoding="utf-8")
        for _each in range(3):
            run.send(f"postmaster@{DOMAIN}", port=run.server.smtp_port, message=message, sender="noreply@receiver.example.net")
        found: list[dict[str, t.Any]] = []
        deadline = time.monotonic() + 90
        while len(found) < 3 and time.monotonic() < deadline:
            found = run.run("report_info", kind=kind)["reports"]
            time.sleep(0.1)
        assert len(found) == 3, kind
        assert run.run("report", kind=kind, ids=[found[0]["id"]])["total"] == 1
        assert run.run("report", kind=kind, all=True)["total"] == 2
    _outgoing_reports(run)


def _outgoing_reports(run: Recorder) -> None:
    """The server owes none, so ids of its form are asked for; deleting what is not there is no request that this collection makes."""
    from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection
    from ansible_collections.stalwart.mail.plugins.module_utils._server.connect import connect

    run.run("report_info", direction="outgoing")
    run.run("report_info", direction="outgoing", ids=["d!example.net!1!2!3"])
    reports = connect(Connection(url=run.server.url, user=run.server.user, password=run.server.password)).reports
    with mock.patch.object(type(reports), "find", return_value=["d!example.net!1!2!3", "d!example.net!1!2!4"]):
        run.run("report", direction="outgoing", all=True, wait=False)
    with mock.patch.object(type(reports), "find", return_value=["d!example.net!1!2!3"]):
        run.run("report", direction="outgoing", all=True)


def _stores(run: Recorder, *, late: bool) -> None:
    for action in ("purge_blobs", "purge_data", "purge_in_memory", "purge_accounts"):
        run.run("store", action=action)
    for action in ("purge_data", "purge_in_memory"):
        run.run("store", action=action, store="default")
    run.run("store", action="purge_in_memory", kind="greylist")
    run.run("store", action="purge_accounts", account="alice")
    if not late:
        run.run("store", action="purge_in_memory", kind="bayes-global")
        run.run("store", action="purge_in_memory", kind="bayes-account", account="alice")
        # the same in a store that has a name
        other = run.run("settings_info", prefixes=["store"])["nested"]["store"]
        run.run("store", action="purge_in_memory", kind="bayes-account", account="alice", store=next(iter(other)))
        run.run("store", action="reindex")
    run.run("store", action="reindex", index="email")
    run.run("store", action="reindex", index="email", account="alice")
    run.run("store", action="recalculate_quota", account="alice")
    run.run("store", action="reset_uids", account="alice", force_resync=True)
    assert run.run("store_info", accounts=["alice"])["total"] == 1


def _spam_filter(run: Recorder, *, late: bool) -> None:
    for kind in ("spam", "ham"):
        run.run("spam_filter", action="learn", learn_as=kind, content=MESSAGE)
        run.run("spam_filter", action="learn", learn_as=kind, content=MESSAGE, account="alice")
    run.run("spam_classify_info", content=MESSAGE, remote_ip="192.0.2.1")
    run.run("spam_filter", action="update_rules", tolerate="can't fetch")
    if late:
        from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.spam import RestSpamFilter

        run.run("spam_filter", action="start_training", wait=True)
        run.run("spam_filter", action="retrain", wait=True)
        # a run is over before it could be stopped
        with mock.patch.object(RestSpamFilter, "training", mock.Mock(side_effect=[True, True, False])):
            run.run("spam_filter", action="stop_training")
        run.run("spam_filter", action="forget")


def _account(run: Recorder, alice: dict[str, t.Any]) -> None:
    run.run("account_auth_info", **alice)
    run.run("account_auth", app_passwords=[{"name": "phone"}], **alice)
    run.run("account_crypto_info", **alice)
    run.run("account_crypto", state="absent", **alice)
    run.run("account_crypto", state="present", certificates=[_certificate()], **alice)
    run.run("oauth_token", **alice)


def _certificate() -> str:
    """A certificate for S/MIME, made for this."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "alice")])
    now = dt.datetime.now(dt.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = builder.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _awaited(ask: t.Callable[[], list[dict[str, t.Any]]]) -> list[dict[str, t.Any]]:
    """The first answer that is not empty. Each wait has its own limit, generous enough for a busy machine."""
    deadline = time.monotonic() + 90
    while not (found := ask()):
        if time.monotonic() > deadline:
            raise TimeoutError("what the server was to make did not come within 90 seconds")
        time.sleep(0.05)
    return found


def _paid(run: Recorder) -> None:
    store = next(iter(run.run("settings_info", prefixes=["store"])["nested"]["store"]))
    histories = {f"{name}.history": {"enable": True, "store": store} for name in ("metrics", "tracing")}
    keep = {"storage.undelete.retention": "30d", "email.auto-expunge": "1s", "spam-filter.enable": True, "spam-filter.score.spam": "-100.0"}
    run.run("settings", settings={**histories, **keep})
    run.send(f"alice@{DOMAIN}", port=run.server.smtp_port, sender="x@receiver.example.net")
    assert _awaited(lambda: run.run("telemetry_info", kind="traces", limit=1)["traces"])
    run.run("telemetry_info", kind="metrics")
    run.run("telemetry_info", kind="live_metrics", limit=1)
    run.run("telemetry_info", kind="live_traces", limit=1, duration=0.5)
    run.run("oauth_token", grant="live_metrics")
    run.run("oauth_token", grant="live_traces")

    def purged() -> list[dict[str, t.Any]]:
        run.run("store", action="purge_accounts", account="alice")
        return t.cast(list[dict[str, t.Any]], run.run("undelete_info", account="alice")["deleted"])

    deleted = _awaited(purged)
    assert run.run("undelete", account="alice", ids=[deleted[0]["id"]])["total"] == 1


def record(minor: str) -> dict[str, Recorder]:
    """What the modules send to servers of a minor version, by edition ("free", "paid")."""
    recorded = {}
    for edition, arguments in (("free", ()), ("paid", ("--enterprise",))):
        with stand_in(VERSIONS[minor], *arguments) as server:
            recorder = Recorder(server)
            with recorder.watching():
                everything(recorder, minor, paid=edition == "paid")
            recorded[edition] = recorder
    return recorded


# What that means


@dataclasses.dataclass
class Coverage:
    """Modules by endpoint and minor version; requests that fit no endpoint; requests in check mode that act."""

    modules: dict[Endpoint, dict[str, set[str]]]
    unknown: set[tuple[str, Request]] = dataclasses.field(default_factory=set)
    acting_in_check_mode: set[tuple[str, Request]] = dataclasses.field(default_factory=set)

    def missing(self) -> list[str]:
        """Endpoints that no module asks for, with the version."""
        return [
            f"{endpoint.method} {endpoint.path} ({minor})"
            for endpoint, by_minor in self.modules.items()
            for minor in VERSIONS
            if endpoint.exists_in(minor) and not endpoint.left_out and not by_minor.get(minor)
        ]

    def needlessly_left_out(self) -> list[str]:
        """Endpoints that are listed as left out although a module asks for them, or although they are documented."""
        return [f"{each.method} {each.path}" for each, by_minor in self.modules.items() if each.left_out and (each.documented or any(by_minor.values()))]


def coverage() -> Coverage:
    """Run everything on every version."""
    known = endpoints()
    found: dict[Endpoint, dict[str, set[str]]] = {endpoint: {} for endpoint in known}
    result = Coverage(found)
    for minor in VERSIONS:
        for edition, recorder in record(minor).items():
            result.acting_in_check_mode |= {(minor, request) for request in recorder.acting_in_check_mode}
            for request in recorder.requests:
                endpoint = endpoint_of(request.method, request.path, known, minor)
                if endpoint is None:
                    result.unknown.add((minor, request))
                elif not endpoint.paid or edition == "paid":
                    found[endpoint].setdefault(minor, set()).add(request.module)
    return result


def cases_by_module() -> dict[str, list[str]]:
    """Which integration cases use a module."""
    found: dict[str, list[str]] = {}
    for path in sorted(CASES.glob("*.yml")):
        for task in yaml.safe_load(path.read_text(encoding="utf-8")):
            for key in _keys(task):
                if key.startswith("stalwart.mail."):
                    cases = found.setdefault(key.removeprefix("stalwart.mail."), [])
                    if path.stem not in cases:
                        cases.append(path.stem)
    return found


def _keys(task: dict[str, t.Any]) -> t.Iterator[str]:
    for key, value in task.items():
        if key in ("block", "rescue", "always"):
            for each in value:
                yield from _keys(each)
        else:
            yield key


#: Modules that every login, reload or version question belongs to: they are named where no module does the thing itself.
_IN_PASSING = {
    "POST /oauth": ("server_info", "oauth_token"),
    "GET /reload": ("reload",),
    "GET /settings/keys": ("settings_info", "settings"),
    "POST /settings": ("settings",),
    "GET /principal/{name}": ("principal_info", "principal"),
    "GET /principal": ("principal_info", "principals"),
    "GET /store/quota/{account}": ("store_info", "store"),
    "GET /queue/messages": ("queue_info", "queue_message"),
    "GET /dns/records/{domain}": ("dns_records_info",),
}


def table(found: Coverage) -> str:
    """docs/coverage.md."""
    cases = cases_by_module()
    lines = [
        "<!-- Generated by `python -m tests.api_coverage`. -->",
        "",
        "# What of the REST API is covered",
        "",
        "Each method and path of the management API of servers 0.13 to 0.15 (below `/api`), the modules that ask for it, and the test cases of",
        "these modules (`tests/integration/cases`). The table is made by running every module against emulated servers of each version and noting what",
        "is sent, so it can't promise more than the code does.",
        "",
        "- **✓** a module asks for it, tested on this version. **-** servers of this version lack it; modules say so in a sentence that names both versions.",
        "- **paid** needs the paid edition (Enterprise). It is built from the description of the API and tested against an emulation only, *not measured",
        "  on a paid server*.",
        "- Paths in *italics* are not in the description of the API.",
        "",
        "| Method | Path | Modules | Cases | 0.13 | 0.14 | 0.15 |",
        "|---|---|---|---|---|---|---|",
    ]
    left_out = []
    for endpoint, by_minor in found.modules.items():
        name = f"{endpoint.method} {endpoint.path}"
        path = f"`{endpoint.path}`" if endpoint.documented else f"*`{endpoint.path}`*"
        if endpoint.left_out:
            left_out.append(f"| {endpoint.method} | {path} | {endpoint.left_out} |")
            continue
        asking = sorted(set().union(*by_minor.values()))
        modules = [module for module in _IN_PASSING.get(name, ()) if module in asking] or asking
        more = f" and {len(asking) - len(modules)} more" if len(asking) > len(modules) else ""
        shown_tests = ", ".join(dict.fromkeys(case for module in modules for case in _own_cases(module, cases)))
        marks = ["-" if not endpoint.exists_in(minor) else ("paid" if endpoint.paid else "✓") if by_minor.get(minor) else "missing" for minor in VERSIONS]
        lines.append(f"| {endpoint.method} | {path} | {', '.join(modules)}{more} | {shown_tests} | {' | '.join(marks)} |")
    lines += ["", "## Left out on purpose", "", "| Method | Path | Why |", "|---|---|---|", *left_out, ""]
    return "\n".join(lines)


def _own_cases(module: str, cases: t.Mapping[str, list[str]]) -> list[str]:
    """The cases that are named after a module, else the first that use it."""
    using = cases.get(module, [])
    own = [case for case in using if case.startswith(module.removesuffix("_info").rstrip("s"))]
    return (own or using)[:3]


def main() -> str | None:
    found = coverage()
    if problems := [*found.missing(), *found.needlessly_left_out(), *(f"unknown: {minor} {request}" for minor, request in sorted(found.unknown, key=str))]:
        return "\n".join(problems)
    TABLE.write_text(table(found), encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / ".cache/tree"))
    sys.exit(main())

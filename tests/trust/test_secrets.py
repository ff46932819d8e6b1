# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets never leak: everything that a run leaves anywhere is searched for secrets of each kind, unlike any other data."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import gzip
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import typing as t
import urllib.parse
import zipfile

import pytest
import yaml

from tests.integration.files.make_keys import PEM, PKCS8, PLAIN
from tests.support.cases import FRONTENDS, environment
from tests.support.local import LocalServer, local_stand_in
from tests.support.proxy import FAULTS, Exchange, Request, proxy, says
from tests.support.tasks import Ran, World, forget_clients, login, quick_retries, run

from .objects import RELEASE, Place, places, types
from .scenes import Scene, pairs, people

HERE = pathlib.Path(__file__).parent
BIN = pathlib.Path(sys.executable).parent


def _private_key(number: int) -> str:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32).private_bytes(PEM, PKCS8, PLAIN).decode()


@pytest.fixture
def tmp_path() -> t.Iterator[pathlib.Path]:
    """A folder with a short name: Ansible makes sockets in it, whose paths have at most 108 characters."""
    with tempfile.TemporaryDirectory(prefix="s") as name:
        yield pathlib.Path(name)


#: One secret of each kind. The name says how it comes into the run.
SECRETS = {
    "admin_password": "Zq7-admin-password-Wx3vKf8Lm2",
    "vault_alice_password": "Zq7-alice-password-Bn5tRc9Yp4",
    "file_bob_password": "Zq7-bob-password-Hs6gJd1Qe8",
    "hash": "$6$Zq7hashSaltTy4$" + "Uj8Ki2Lo5Mn7Bv3Cx9Za1Sd6Fg4Hj0Qw" * 2 + "ErTyUiOpAsDfGhJkLzXcVb",
    "vault_new_password": "Zq7-new-password-Cv4bNm8Ql1",
    "app_password": "Zq7-app-password-Dk3fGh7Ws5",
    "otp_secret": "ZQ7OTPSECRETJBSWY3DPEHPK3PXPABCD",
    "vault_key_secret": "Zq7-api-key-secret-Ep9oIu6Yt2",
    "token": "api_" + base64.b64encode(b"monitor:Zq7-api-key-secret-Ep9oIu6Yt2").decode(),
    "store_password": "Zq7-store-password-Fl5kJh3Gd9",
    "vault_setting_secret": "Zq7-setting-secret-Gm7nBv1Xc4",
    "tsig_secret": base64.b64encode(b"Zq7-tsig-secret-Hw2eRt6Yu8").decode(),
    "powerdns_key": "Zq7-powerdns-key-Io4pAs8Df3",
    "wrong_password": "Zq7-wrong-password-Jx9cVb5Nm1",
    "dkim_key": "".join(_private_key(7).splitlines()[1:-1]),
    "broken_key": "MC4CAQAwBQYDK2VwBCIEIZq7brokenkeyKz6xCv3Bn8Ma2Sd5Fg7Hj9Kl1Qw4Er6T",
    "otp_url": "otpauth://totp/stalwart:alice?secret=ZQ7OTPSECRETJBSWY3DPEHPK3PXPABCD",
}


def forms(secret: str) -> set[bytes]:
    """A secret as it may stand somewhere: as it is, within JSON, a URL, Base64 at each of the three positions, and hexadecimal."""
    raw = secret.encode()
    found = {raw, json.dumps(secret)[1:-1].encode(), raw.hex().encode(), *(urllib.parse.quote(secret, safe=safe).encode() for safe in ("", "/"))}
    for shift in range(3):
        text = base64.b64encode(b"x" * shift + raw)
        found.add(text[4 if shift else 0 : -4])
    return {form for form in found if len(form) >= 12}


FORMS = {name: forms(secret) for name, secret in SECRETS.items()}


def _opened(content: bytes) -> t.Iterator[bytes]:
    """The content, and what is packed within."""
    yield content
    if content[:2] == b"\x1f\x8b":
        with contextlib.suppress(OSError, EOFError):
            yield gzip.decompress(content)
    if content[:4] == b"PK\x03\x04":
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield archive.read(name)


def leaks(content: bytes, allowed: t.Collection[str] = ()) -> list[str]:
    """The names of the secrets in it, each with what stands around."""
    found = []
    for opened in _opened(content):
        for name, variants in FORMS.items():
            for form in variants if name not in allowed else ():
                place = opened.find(form)
                if place >= 0:
                    found.append(f"{name}: ...{opened[max(0, place - 160) : place + 20]!r}...")
                    break
    return found


def test_the_search_finds_what_is_there() -> None:
    """In any form: else the rest of this file proves nothing."""
    for name, secret in SECRETS.items():
        for shown in (
            secret,
            json.dumps({"x": secret}),
            urllib.parse.quote(secret),
            f"y{base64.b64encode(f'user:{secret}'.encode()).decode()}",
            secret.encode().hex(),
        ):
            assert any(line.startswith(f"{name}:") for line in leaks(shown.encode())), f"{name} as {shown}"
    assert leaks(gzip.compress(SECRETS["app_password"].encode()))


class Watch:
    """Samples the command lines and environments of all processes below this one while it runs."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.samples = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_about: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        parents: dict[int, int] = {}
        while not self._stop.wait(0.02):
            running = {int(name) for name in os.listdir("/proc") if name.isdigit()}
            parents = {pid: parents[pid] if pid in parents else self._parent(pid) for pid in running}
            for pid in self._below(os.getpid(), parents):
                for what in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        self.seen.add(pathlib.Path(f"/proc/{pid}/{what}").read_bytes())
                        self.samples += 1

    @staticmethod
    def _parent(pid: int) -> int:
        with contextlib.suppress(OSError, IndexError, ValueError):
            return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        return 0

    @staticmethod
    def _below(root: int, parents: t.Mapping[int, int]) -> list[int]:
        found, new = [], [root]
        while new:
            new = [pid for pid, parent in parents.items() if parent in new]
            found += new
        return found


@dataclasses.dataclass
class Left:
    """What a run of ansible-playbook left."""

    status: int
    output: bytes
    folder: pathlib.Path
    watch: Watch


def _write(path: pathlib.Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def play(folder: pathlib.Path, server: LocalServer, frontend: str, *arguments: str, environ: t.Mapping[str, str] | None = None) -> Left:
    """Run the playbook of secrets with everything on that writes anything down."""
    given, left = folder / "given", folder / "left"
    for name in ("tmp", "facts", "tree", "remote"):
        (left / name).mkdir(parents=True, exist_ok=True)
    plain = {name: secret for name, secret in SECRETS.items() if not name.startswith("vault_")}
    key = _private_key(7)
    _write(given / "plain.yml", yaml.safe_dump({**plain, "dkim_key_pem": key}))
    _write(given / "people.json", json.dumps([{"name": "bob@example.org", "password": SECRETS["file_bob_password"], "update_password": "on_create"}]))
    _write(given / "vault-password", "password-of-the-vault")
    vaulted = given / "vaulted.yml"
    _write(vaulted, yaml.safe_dump({name: secret for name, secret in SECRETS.items() if name.startswith("vault_")}))
    vault = ["--vault-password-file", str(given / "vault-password")]
    subprocess.run([str(BIN / "ansible-vault"), "encrypt", *vault, str(vaulted)], env=environment(), check=True, capture_output=True)
    _write(
        given / "run.yml",
        yaml.safe_dump({"url": server.url, "has_objects": server.version == RELEASE, "stalwart_execution": frontend, "given": str(given), "left": str(left)}),
    )
    env = environment(
        ANSIBLE_LOG_PATH=str(left / "ansible.log"),
        ANSIBLE_LOCAL_TEMP=str(left / "tmp"),
        ANSIBLE_REMOTE_TEMP=str(left / "remote"),
        ANSIBLE_CACHE_PLUGIN="jsonfile",
        ANSIBLE_CACHE_PLUGIN_CONNECTION=str(left / "facts"),
        ANSIBLE_CALLBACKS_ENABLED="record,tree,junit",
        ANSIBLE_CALLBACK_TREE_DIR=str(left / "tree"),
        JUNIT_OUTPUT_DIR=str(left / "junit"),
        RECORD_RESULTS=str(left / "results.jsonl"),
        TMPDIR=str(left / "tmp"),
        HOME=str(left),
        **(environ or {}),
    )
    command = [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-vvvv", "--diff", *vault]
    command += ["-e", "ansible_python_interpreter={{ansible_playbook_python}}", "-e", f"@{given}/plain.yml", "-e", f"@{vaulted}", "-e", f"@{given}/run.yml"]
    with Watch() as watch:
        done = subprocess.run([*command, *arguments, str(HERE / "secrets.yml")], cwd=left, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
    return Left(done.returncode, done.stdout + done.stderr, left, watch)


def _made(left: Left) -> list[str]:
    """The secrets that the server made in the run: nobody knew them ahead."""
    path = left.folder.parent / "given/made.json"
    if not path.exists():
        return []
    key, app_password = json.loads(path.read_text(encoding="utf-8"))
    return [key["secret"], *app_password["generated"]["app_passwords"].values()]


def _require_no_leak(left: Left, allowed_in_environment: t.Collection[str] = (), allowed_files: t.Collection[str] = ()) -> int:
    """Search everything; returns how many places that were."""
    made = _made(left)
    assert leaks(left.output) == [] and leaks_of(left.output, *made) == []
    places = 1
    for path in left.folder.rglob("*"):
        if path.is_file() and path.name not in allowed_files:
            assert leaks(path.read_bytes()) == [] and leaks_of(path.read_bytes(), *made) == [], path
            places += 1
    assert left.watch.samples > 10
    for content in left.watch.seen:
        assert leaks(content, allowed_in_environment) == [] and leaks_of(content, *made) == []
    return places


@pytest.mark.parametrize(
    ("version", "frontend", "arguments"),
    [
        pytest.param("0.15.5", "controller", (), id="run-controller-0.15.5"),
        pytest.param("0.15.5", "controller", ("--check",), id="check-controller-0.15.5"),
        pytest.param("0.15.5", "target", (), id="run-target-0.15.5"),
        pytest.param(RELEASE, "controller", (), id="run-controller-0.16.18"),
        pytest.param(RELEASE, "target", ("--check",), id="check-target-0.16.18"),
    ],
)
def test_a_whole_run_leaves_no_secret(version: str, frontend: str, arguments: tuple[str, ...], tmp_path: pathlib.Path) -> None:
    """Success and failure of every module that takes or reads secrets, at -vvvv, with logs, fact cache, JSON callbacks and temporary files."""
    with local_stand_in(version) as server:
        left = play(tmp_path, server, frontend, *arguments)
    forget_clients()
    assert left.status == 0, left.output[-6000:].decode(errors="replace")
    assert len(_made(left)) == (2 if version == RELEASE and not arguments else 0)
    results = [json.loads(line) for line in (left.folder / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    ours = [line for line in results if line["action"].startswith("stalwart.mail.")]
    assert len({line["action"] for line in ours}) >= 8
    assert sum(line["outcome"] == "failed" for line in ours) >= 10
    assert _require_no_leak(left, allowed_files={"with-secrets.yml"}) >= 4
    assert (left.folder / "ansible.log").stat().st_size > 10_000


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_a_login_from_the_environment_stays_there(frontend: str, tmp_path: pathlib.Path) -> None:
    """Children inherit the environment that they were given; nothing else may hold the password."""
    with local_stand_in() as server:
        given = {"STALWART_URL": server.url, "STALWART_USER": server.user, "STALWART_PASSWORD": SECRETS["wrong_password"]}
        left = play(tmp_path, server, frontend, "--tags", "environment", environ=given)
    forget_clients()
    assert b"the server refused the login" in left.output
    _require_no_leak(left, allowed_in_environment={"wrong_password"})


# Errors, in process: each failure of each scene with each fault says nothing of the secrets in its options


def quoting(wrap: str, quoted: str, request: Request) -> tuple[int, t.Any]:
    """An answer that tells what was asked: its status and what stands in it."""
    if wrap in ("400", "500"):
        return int(wrap), {"type": "about:blank", "title": "No", "detail": quoted}
    if wrap == "other":
        return 200, {"error": wrap, "details": quoted, "reason": quoted}
    if wrap == "fieldAlreadyExists":
        return 200, {"error": wrap, "field": "signature", "value": quoted}
    if wrap == "notRequest":
        return 400, {"type": "urn:ietf:params:jmap:error:notRequest", "status": 400, "detail": quoted}
    calls = json.loads(request.body)["methodCalls"] if request.methods() else []
    if wrap == "invalidArguments":
        return 200, {"methodResponses": [["error", {"type": wrap, "description": quoted}, call[2]] for call in calls]}
    problem = {"type": wrap, "description": quoted, "properties": ["secret"], "validationErrors": [{"type": "Invalid", "property": "secret", "value": quoted}]}
    refusals = {"create": "notCreated", "update": "notUpdated", "destroy": "notDestroyed"}
    answers = [[name, {refusals[verb]: dict.fromkeys(its.get(verb) or (), problem) for verb in refusals}, call] for name, its, call in calls]
    return 200, {"methodResponses": answers}


WRAPS = {
    "0.15.5": ("other", "400", "500", "fieldAlreadyExists"),
    RELEASE: ("notRequest", "500", "invalidArguments", "invalidProperties", "primaryKeyViolation"),
}


@pytest.mark.parametrize(("scene", "version"), pairs(*WRAPS))
def test_a_server_that_echoes_everything_makes_nobody_tell(scene: Scene, version: str) -> None:
    """Whatever is asked, the answer is a refusal that quotes the request with its login, its body and keys; the failed task does not."""
    with scene.world(version) as world, proxy(world.server.url) as between, quick_retries():
        for wrap in WRAPS[version]:
            options = {**scene.task(world, between.url), "retries": 0}

            async def echo(exchange: Exchange, *, wrap: str = wrap, options: dict[str, t.Any] = options) -> None:
                request = exchange.request
                quoted = f"{request.headers.get('authorization', '')} {request.body.decode(errors='replace')} {_private_key(7)} {options['login_password']}"
                status, told = quoting(wrap, quoted, request)
                await says(status, json.dumps(told).encode(), "application/json" if status == 200 else "application/problem+json")(exchange)

            between.choose = lambda request, echo=echo: echo if scene.is_write(request) else None  # type: ignore[misc]
            ran = run(scene.module, options)
            text = json.dumps(ran.result, default=str) + " ".join(ran.warnings)
            for secret in _secrets_of(options):
                assert secret not in text, f"{secret!r} in {text}"
            assert _private_key(7).splitlines()[1] not in text
    forget_clients()


@pytest.fixture(scope="module")
def object_world() -> t.Iterator[World]:
    """A server of objects, for all types."""
    with local_stand_in(RELEASE) as server:
        world = World(server)
        people(world)
        yield world
    forget_clients()


def _stored(world: World, kind: str) -> str:
    """What the server has of a type, secrets included."""
    store = t.cast(LocalServer, world.server).inside.objects.store
    return json.dumps(store.singleton(kind) if store.schema.objects[kind].singleton else [value for _number, value in store.items(kind)])


#: The server makes them anew, or hashes them, or asks a certificate authority about them first.
NOT_KEPT = ("Account", "AcmeProvider", "OAuthClient")


@pytest.mark.parametrize("place", [place for kind in types() for place in places(kind)], ids=str)
def test_an_object_tells_no_secret_and_loses_none(place: Place, object_world: World, tmp_path: pathlib.Path) -> None:
    """Made, read, exported, given back with masks for secrets, changed, and removed: no secret is shown, and none is overwritten by a mask."""
    world, kind = object_world, place.type.name
    secret, other = (_private_key(7), _private_key(8)) if kind == "DkimSignature" else ("Zq7-planted-secret-Kx6vBn4Mq", "Zq7-another-secret-Pw2eRt8Yu")
    options: dict[str, t.Any] = {"type": kind, "properties": place.properties(secret, "planted"), "reload": "never", "update_secrets": "always"}
    if kind == "Certificate":
        options["match"] = {"subjectAlternativeNames": ["planted.example.org"]}
    seen: list[Ran] = []

    def ran(module: str, *, check: bool = False, **own: t.Any) -> Ran:
        seen.append(run(module, {**login(world.server), **own}, check=check, scrub=False))
        return seen[-1]

    with proxy(world.server.url) as between:
        checked, made = ran("object", check=True, **options), ran("object", **options, url=between.url)
        is_made = not made.failed
        if is_made:
            assert checked.result["diff"] == made.result["diff"] and made.changed
            again = ran("object", **{**options, "update_secrets": "on_create"})
            assert (again.failed, again.changed) == (False, False), again.message
            assert again.result["secrets_not_compared"] or place.way[-1][1].hidden
            found = ran("object_info", type=kind).result["objects"]
            ours = next(each for each in found if place.type.singleton or each["id"] == made.result["object"]["id"])
            # what was read is given back as it is: it holds masks
            named = {} if place.type.singleton else {"id": ours["id"]}
            back = ran("object", type=kind, properties=ours["properties"], update_secrets="always", reload="never", url=between.url, **named)
            assert (back.failed, back.changed) == (False, False), back.message
            if kind not in NOT_KEPT:
                assert json.dumps(secret)[1:-1] in _stored(world, kind)
            ran("export", dest=str(tmp_path / "export.yml"))
            assert leaks_of((tmp_path / "export.yml").read_bytes(), secret, other) == []
            new = ran("object", **{**options, "properties": place.properties(other, "planted")}, url=between.url)
            assert new.failed or new.changed
            if not place.type.singleton:
                assert ran("object", type=kind, state="absent", **named, reload="never").changed
        assert all(mask not in request.body for request in between.writes for mask in (b"****", b"<hidden>", b"<generated>"))
    for each in seen:
        assert leaks_of(json.dumps(each.result, default=str).encode() + " ".join(each.warnings).encode(), secret, other) == []


def leaks_of(content: bytes, *secrets: str) -> list[str]:
    """Which of these secrets stand in it, whole or a line of them."""
    lines = [line for secret in secrets for line in secret.splitlines() if len(line) > 20 and not line.startswith("-----")]
    return [line for line in lines if any(form in content for form in forms(line))]


def _secrets_of(options: t.Mapping[str, t.Any]) -> set[str]:
    """Values of options that are secrets, by their names, and the login as it is sent."""
    found = {base64.b64encode(f"{options['login_user']}:{options['login_password']}".encode()).decode()}

    def collect(value: t.Any, name: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                collect(inner, str(key))
        elif isinstance(value, list):
            for inner in value:
                collect(inner, name)
        elif isinstance(value, str) and name in ("password", "new_password", "login_password", "password_hash", "otp_url", "private_key"):
            found.add(value)

    collect(dict(options), "")
    return {secret for secret in found if len(secret) > 8}


def test_options_of_a_login_stay_hidden_in_exceptions() -> None:
    """Neither a connection nor an option model shows what it holds."""
    from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection
    from ansible_collections.stalwart.mail.plugins.module_utils._resources._options import read
    from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.options import PrincipalOptions

    connection = Connection(url="https://x.example", user="admin", password=SECRETS["admin_password"])
    options = read(PrincipalOptions, {"name": "x", "password": SECRETS["vault_alice_password"], "otp_url": SECRETS["otp_url"]})
    for shown in (repr(connection), str(connection), repr(options), str(options)):
        assert leaks(shown.encode()) == []


def test_every_secret_option_is_marked() -> None:
    """An option or suboption whose name is that of a secret is no_log, or says why it is none."""
    from tests.support.tasks import module_names, task_of

    def unmarked(options: t.Mapping[str, t.Any], place: str) -> t.Iterator[str]:
        for name, about in options.items():
            words = set(name.split("_"))
            if words & {"password", "secret", "token", "passphrase", "otp"} and about.get("type", "str") == "str" and "no_log" not in about:
                yield f"{place}.{name}"
            yield from unmarked(about.get("options") or {}, f"{place}.{name}")

    assert [each for name in module_names() for each in unmarked(task_of(name).spec.options, name)] == []


def test_faults_are_quoted_without_what_was_sent() -> None:
    """A login that a fault breaks off is in no message."""
    with local_stand_in() as server, proxy(server.url) as between, quick_retries():
        for fault in FAULTS:
            if not fault.ends:
                between.choose = lambda _request, fault=fault: fault.happen  # type: ignore[misc]
                ran = run("principal_info", {**login(server, between.url), "login_password": SECRETS["admin_password"], "retries": 1})
                assert leaks(json.dumps(ran.result, default=str).encode()) == []
    forget_clients()

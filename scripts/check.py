# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every check of this repository, or those named: `.venv/bin/python scripts/check.py [STAGE...]`.

STAGES at the end is the list. Each stage writes to .cache/logs/STAGE.log, which is shown when the stage fails. The closing
line counts stages and tests alike, and the exit code is not 0 when anything failed.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv/bin"
LOGS = ROOT / ".cache/logs"
TREE = ROOT / ".cache/tree"
SHOWN_LINES = 150

# Test workers; the suites start servers and playbooks of their own, so more than the cores there are gains nothing.
WORKERS = min(os.cpu_count() or 1, 4)


class Failed(Exception):
    """A stage failed; the message is one line, the log has the rest."""


@dataclass
class Run:
    """One stage being run: its log and the tests it counted."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = LOGS / f"{self.name}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_text("", encoding="utf-8")

    def command(self, *command: str | Path, cwd: Path = ROOT, bins: Sequence[Path] = (BIN,), minutes: float = 15, **variables: str) -> str:
        """Run a command with its output in the log and return that output; `bins` go ahead in PATH."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "STALWART_", "PYTEST_"))}
        env |= {"ANSIBLE_COLLECTIONS_PATH": str(TREE), "PATH": os.pathsep.join([*map(str, bins), os.environ["PATH"]]), **variables}
        start = self.log.stat().st_size
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(map(str, command))}\n")
            log.flush()
            try:
                code = subprocess.run(
                    [*map(str, command)], cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=minutes * 60, check=False
                ).returncode
            except subprocess.TimeoutExpired:
                raise Failed(f"{Path(command[0]).name} did not end within {minutes} minutes") from None
        with self.log.open("rb") as log_bytes:
            log_bytes.seek(start)
            output = log_bytes.read().decode("utf-8", "replace")
        if code:
            raise Failed(f"{Path(command[0]).name} exited with {code}")
        return output

    def fail(self, reason: str, lines: Sequence[str] = ()) -> None:
        """Write what is wrong to the log and fail, if there is anything."""
        if lines:
            with self.log.open("a", encoding="utf-8") as log:
                log.write("\n".join([reason, *lines, ""]))
            raise Failed(f"{reason} ({len(lines)})")


# ---- files ---------------------------------------------------------------------------------------------------------------


def known_files() -> list[str]:
    """What git tracks or would track, and what still exists of it."""
    listing = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
    return sorted(name for name in listing.decode().split("\0") if name and (ROOT / name).exists())


@cache
def staged() -> Path:
    """A copy of the known files at .../ansible_collections/stalwart/mail, outside the repository.

    ansible-test works nowhere else; in an ignored folder of the repository it would skip everything and exit 0.
    """
    top = Path(tempfile.mkdtemp(prefix="stalwart-mail-"))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    copy = top / "ansible_collections/stalwart/mail"
    for name in known_files():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    return copy


def documented() -> dict[str, list[str]]:
    """The full names of what ansible-doc should know, by its kind."""
    folders = {"module": "modules", "inventory": "inventory", "lookup": "lookup", "filter": "filter", "test": "test"}
    found = {kind: [path.stem for path in (staged() / "plugins" / folder).glob("*.py")] for kind, folder in folders.items()}
    found["role"] = [path.parent.parent.name for path in staged().glob("roles/*/meta/argument_specs.yml")]
    return {kind: sorted(f"stalwart.mail.{name}" for name in names if not name.startswith("_")) for kind, names in found.items() if names}


# ---- stages --------------------------------------------------------------------------------------------------------------


def generated(run: Run) -> None:
    run.command(BIN / "python", "scripts/generate.py", "--check")


def ruff(run: Run) -> None:
    run.command(BIN / "ruff", "check", ".")
    run.command(BIN / "ruff", "format", "--check", ".")


def mypy(run: Run) -> None:
    run.command(BIN / "mypy")


def yamllint(run: Run) -> None:
    run.command(BIN / "yamllint", "--strict", ".")


def ansible_lint(run: Run) -> None:
    run.command(BIN / "ansible-lint", "--offline", "--nocolor")


# What must not be in a tracked file. The names of this machine's own folders are added when the check runs.
UNWANTED = {
    "a registry's host name, which a lock file or a note should not carry": r"pypi\.org|files\.pythonhosted|registry\.npmjs|galaxy\.ansible\.com/api",
    "a mark left by a merge": r"^(<{7}|>{7}) ",
    "a mark of unfinished work": r"\b(FIX" + r"ME|XX" + r"X|TO" + r"DO)\b",
    "a breakpoint": r"^\s*breakpoint\(\)|\bpdb\.set_trace",
}
# Folders that documentation names as well, so that a checkout below one of them tells nothing.
EVERYBODYS = {Path(name) for name in ("/", "/data", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr/src", "/var", "/var/tmp")}
LARGEST_FILE = 2 * 1024 * 1024


def files(run: Run) -> None:
    folders = [ROOT] if ROOT.parent in EVERYBODYS else [ROOT, ROOT.parent]
    here = [f"{re.escape(str(folder))}/" for folder in folders] + [re.escape(str(Path.home())) + r"/\."]
    patterns = {**UNWANTED, "a path of this machine": "|".join(here)}
    wrong = []
    for name in known_files():
        path = ROOT / name
        if path.is_symlink() or path.is_dir():
            wrong.append(f"{name}: a symbolic link, which an artifact cannot carry on every platform")
            continue
        if path.stat().st_size > LARGEST_FILE:
            wrong.append(f"{name}: larger than {LARGEST_FILE} bytes")
        text = path.read_bytes().decode("utf-8", "replace")
        if name == "COPYING":
            continue
        if "\r\n" in text:
            wrong.append(f"{name}: lines end in CR LF")
        for what, pattern in patterns.items():
            for match in re.finditer(pattern, text, re.MULTILINE):
                wrong.append(f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {what}: {match[0].strip()}")
        if name.startswith("plugins/") and name.endswith(".py") and text and "SPDX-License-Identifier: GPL-3.0-or-later" not in text[:400]:
            wrong.append(f"{name}: lacks the license header")
    run.fail("Files hold what they should not", wrong)


def pytest(core: str, *arguments: str, workers: int = 0) -> Callable[[Run], None]:
    """A stage that runs pytest with `arguments` on one ansible-core line and counts each test."""

    def stage(run: Run) -> None:
        venv = ROOT / ".venv"
        if core != "main":
            venv = ROOT / ".cache" / f"venv-{core}"
            run.command("scripts/venv.sh", venv.relative_to(ROOT), f"core-{core}", "3.11", "3.12")
        report = LOGS / f"{run.name}.xml"
        report.unlink(missing_ok=True)
        try:
            run.command(
                venv / "bin/python", "-m", "pytest", "-q", "-n", str(workers or WORKERS), "--dist", "worksteal", f"--junitxml={report}", *arguments,
                bins=[venv / "bin"], minutes=30,
            )  # fmt: skip
        finally:
            if report.exists():
                for suite in ET.parse(report).getroot().iter("testsuite"):
                    bad, skipped = int(suite.get("failures", 0)) + int(suite.get("errors", 0)), int(suite.get("skipped", 0))
                    run.failed += bad
                    run.skipped += skipped
                    run.passed += int(suite.get("tests", 0)) - bad - skipped

    return stage


# ansible-test makes a virtual environment for each sanity test and fetches the installer of pip for it; this one, laid where it
# keeps what it fetched, installs the very pip it wants from what Python itself brings. ensurepip switches pip's configuration
# off in its own process, hence the second process.
GET_PIP = """\
import subprocess
import sys

wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "-q", *wanted]))
"""


def sanity_environment() -> Sequence[Path]:
    """Lay the installer where ansible-test looks for it; return the folders of the Pythons it should find first."""
    [requirements] = ROOT.glob(".venv/lib/python*/site-packages/ansible_test/_internal/python_requirements.py")
    found = re.search(r"pip='([\d.]+)'", requirements.read_text(encoding="utf-8"))
    if not found:
        raise Failed("ansible-test no longer says which pip it installs in python_requirements.py")
    installer = Path.home() / ".ansible/test/cache" / f"get_pip_{found[1].replace('.', '_')}.py"
    if not installer.exists():
        installer.parent.mkdir(parents=True, exist_ok=True)
        installer.write_text(GET_PIP, encoding="utf-8")

    # A pyenv shim answers to the name of every version and then fails: the real folders go ahead of it.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return [folder for version in ("3.10", "3.11", "3.12", "3.13") for folder in sorted(pyenv.glob(f"versions/{version}.*/bin"))[-1:]]


def sanity(run: Run) -> None:
    # Of what users get; ruff and mypy look after the rest.
    output = run.command(
        BIN / "ansible-test",
        "sanity",
        "--color",
        "no",
        "--lint",
        "--exclude",
        "tests/",
        "--exclude",
        "scripts/",
        cwd=staged(),
        bins=[BIN, *sanity_environment()],
        minutes=30,
    )
    # It exits 0 as well when it finds nothing to test.
    missing = [test for test in ("validate-modules", "import", "compile", "pylint", "action-plugin-docs") if f'Running sanity test "{test}"' not in output]
    run.fail("ansible-test did not run these sanity tests", missing)


def molecule(run: Run) -> None:
    """Each scenario by itself, so that all are run and each ends its own servers; two at a time, since each waits a lot."""

    def play(scenario: str) -> str:
        own = Run(f"molecule-{scenario}")
        try:
            own.command(BIN / "molecule", "test", "--scenario-name", scenario, minutes=15, NO_COLOR="1", ANSIBLE_NOCOLOR="1", COLUMNS="160")
        except Failed as failure:
            return f"{scenario}: {failure}\n{tail(own.log)}"
        return ""

    scenarios = sorted(path.parent.name for path in ROOT.glob("extensions/molecule/*/molecule.yml"))
    with ThreadPoolExecutor(2) as pool:
        broken = [failure for failure in pool.map(play, scenarios) if failure]
    run.passed, run.failed = len(scenarios) - len(broken), len(broken)
    run.fail("Scenarios failed", broken)


def docs(run: Run) -> None:
    run.command(BIN / "antsibull-docs", "lint-collection-docs", "--plugin-docs", ".", cwd=staged())
    run.command(BIN / "python", "scripts/render_docs.py", "--strict")


def changelog(run: Run) -> None:
    run.command(BIN / "antsibull-changelog", "lint", cwd=staged())


# What the artifact holds: top-level files, and folders with what may be in them.
BELONGS = re.compile(
    r"(CHANGELOG\.(md|rst)|COPYING|FILES\.json|MANIFEST\.json|README\.md|bindep\.txt|requirements\.txt"
    r"|changelogs/[\w./-]+\.ya?ml|docs/[\w./-]+|meta/[\w-]+\.yml|playbooks/[\w./-]+|plugins/[\w/]+\.py|roles/[\w./-]+|tests/config\.yml|tests/sanity/[\w.-]+)"
)


def artifact(run: Run) -> None:
    """Build the artifact, install it offline, and read every plugin's documentation from the installed copy."""
    out = Path(tempfile.mkdtemp(prefix="stalwart-mail-artifact-"))
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    galaxy = BIN / "ansible-galaxy"
    run.command(galaxy, "collection", "build", "--output-path", out, cwd=staged())
    [archive] = out.glob("stalwart-mail-*.tar.gz")
    with tarfile.open(archive) as tar:
        held = [member.name for member in tar.getmembers() if member.isfile()]
    run.fail("The artifact holds files that do not belong in it", [name for name in held if not BELONGS.fullmatch(name)])
    copied = [str(path.relative_to(staged())) for path in staged().rglob("*") if path.is_file() and path.suffix != ".pyc"]
    shipped = [name for name in copied if name.startswith(("plugins/", "playbooks/", "roles/", "meta/")) or name in ("README.md", "COPYING")]
    run.fail("The artifact lacks files", sorted(set(shipped) - set(held)))

    installed = str(out / "installed")
    run.command(galaxy, "collection", "install", archive, "--offline", "-p", installed, cwd=out, ANSIBLE_COLLECTIONS_PATH=installed)
    for kind, names in documented().items():
        shown = run.command(BIN / "ansible-doc", "--json", "-t", kind, *names, cwd=out, ANSIBLE_COLLECTIONS_PATH=installed)
        # It exits 0 as well where it found nothing.
        run.fail(f"ansible-doc does not know each {kind}", [name for name in names if f'"{name}": {{' not in shown])
    for playbook in sorted(path for path in staged().glob("playbooks/*.yml") if re.search(r"^\s*-?\s*hosts:", path.read_text(encoding="utf-8"), re.MULTILINE)):
        run.command(BIN / "ansible-playbook", "--syntax-check", f"stalwart.mail.{playbook.stem}", cwd=out, ANSIBLE_COLLECTIONS_PATH=installed)


@dataclass(frozen=True)
class Stage:
    name: str
    title: str
    work: Callable[[Run], None]


# What ansible-core changes depends neither on the server's version nor on where a run dies, so the older lines meet only one of each.
SAME_ON_EACH_LINE = ("test_dns.py", "test_api_coverage.py")
LINE_MATTERS = "not oldest_server and not generation_of_objects and not dies_at_each"
OLDER_LINE = ("tests/unit", "tests/integration", *(f"--ignore=tests/integration/{name}" for name in SAME_ON_EACH_LINE), "-k", LINE_MATTERS)

STAGES = [
    Stage("generated", "Generated files are current", generated),
    Stage("ruff", "Style and formatting of Python", ruff),
    Stage("mypy", "Types, strict", mypy),
    Stage("yamllint", "Style of YAML", yamllint),
    Stage("files", "Nothing of this machine and no leftovers in tracked files", files),
    Stage("unit", "Unit tests, ansible-core 2.21", pytest("main", "tests/unit")),
    # Recordings mostly wait, as long as they did when they were made.
    Stage("conformance", "The stand-in answers as recorded servers do", pytest("main", "tests/conformance", workers=6)),
    Stage("integration", "Playbooks against the stand-in, ansible-core 2.21", pytest("main", "tests/integration")),
    Stage("trust", "What users rely on: secrets, faults, dry runs, bad input, TLS, limits (docs/trust.md)", pytest("main", "tests/trust")),
    Stage(
        "core-2.19",
        "Unit and integration tests, ansible-core 2.19",
        pytest("2.19", *OLDER_LINE),
    ),
    Stage(
        "core-2.18",
        "Unit and integration tests, ansible-core 2.18",
        pytest("2.18", *OLDER_LINE),
    ),
    Stage("molecule", "A scenario for each role: converge, idempotence, check mode, verify", molecule),
    Stage("sanity", "ansible-test sanity", sanity),
    Stage("ansible-lint", "ansible-lint, profile production", ansible_lint),
    Stage("docs", "Documentation of plugins", docs),
    Stage("changelog", "Changelog fragments", changelog),
    Stage("artifact", "Build, offline install and documentation of the artifact", artifact),
]


def tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    left_out = [f"... {len(lines) - SHOWN_LINES} lines before this are in {log.relative_to(ROOT)}"] if len(lines) > SHOWN_LINES else []
    return "\n".join([*left_out, *lines[-SHOWN_LINES:]])


def main(wanted: list[str]) -> int:
    if unknown := set(wanted) - {stage.name for stage in STAGES}:
        print(f"Unknown stages: {', '.join(sorted(unknown))}. There are: {', '.join(stage.name for stage in STAGES)}", file=sys.stderr)
        return 2
    passed = failed = skipped = 0
    broken = []
    begin = time.monotonic()
    for stage in [stage for stage in STAGES if not wanted or stage.name in wanted]:
        print(f"==> {stage.name}: {stage.title}", flush=True)
        run, start = Run(stage.name), time.monotonic()
        try:
            stage.work(run)
        except Failed as failure:
            broken.append(stage.name)
            failed += 1
            print(f"{tail(run.log)}\n    FAILED: {failure}", end="")
        else:
            passed += 1
            print("    ok", end="")
        tests = f", {run.passed} tests passed, {run.failed} failed, {run.skipped} skipped" if run.passed + run.failed + run.skipped else ""
        print(f"{tests} ({time.monotonic() - start:.0f} s)", flush=True)
        passed, failed, skipped = passed + run.passed, failed + run.failed, skipped + run.skipped
    print(f"\nStages that failed: {', '.join(broken) or 'none'}; {time.monotonic() - begin:.0f} s in all.")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

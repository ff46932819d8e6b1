# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make mutants`: change the code that must not be wrong in every way that Cosmic Ray knows, and see whether its tests notice.

Works on a copy of the checkout in a temporary folder. Prints the score and every change that no test noticed, and writes the score into docs/trust.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".cache/venv-mutants/bin"
PAGE = ROOT / "docs/trust.md"
BEGIN, END = "<!-- mutants: begin -->", "<!-- mutants: end -->"

MUTATED = ["plugins/module_utils/_reconcile", "plugins/module_utils/_secrets.py"]
TESTS = ["tests/unit/test_reconcile.py", "tests/unit/test_secrets.py"]

# Annotations are no code: with `from __future__ import annotations` nobody evaluates them. All bars of these files are there.
CONFIG = """\
[cosmic-ray]
module-path = [{modules}]
timeout = 60.0
excluded-modules = []
test-command = "{python} -m pytest --noconftest -x -q -p no:cacheprovider -p no:xdist {tests}"

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*"]
"""


def copy_into(folder: Path) -> None:
    """What git knows of the checkout, and the tree by which it is imported."""
    names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    for name in names:
        if name.startswith(("plugins/", "tests/")) or name == "pyproject.toml":
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file():
                shutil.copy2(ROOT / name, target)
    tree = folder / ".cache/tree/ansible_collections/stalwart"
    tree.mkdir(parents=True)
    (tree / "mail").symlink_to(folder, target_is_directory=True)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="stalwart-mail-mutants-") as name:
        folder = Path(name)
        copy_into(folder)
        modules = ", ".join(json.dumps(module) for module in MUTATED)
        (folder / "config.toml").write_text(CONFIG.format(modules=modules, python=BIN / "python", tests=" ".join(TESTS)), encoding="utf-8")
        env = {**os.environ, "PYTHONPATH": str(folder / ".cache/tree"), "PYTHONDONTWRITEBYTECODE": "1"}

        def run(program: str, *command: str) -> str:
            return subprocess.run([str(BIN / program), *command], cwd=folder, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout

        run("cosmic-ray", "init", "config.toml", "session.sqlite")
        run("cr-filter-operators", "session.sqlite", "config.toml")
        run("cosmic-ray", "baseline", "config.toml")
        run("cosmic-ray", "exec", "config.toml", "session.sqlite")
        dumped = [json.loads(line) for line in run("cosmic-ray", "dump", "session.sqlite").splitlines()]
    return report(dumped)


def report(dumped: list[tuple[dict[str, Any], dict[str, Any] | None]]) -> int:
    """Print what survived, write the score."""
    killed, survived = 0, []
    for job, result in dumped:
        [mutation] = job["mutations"]
        if result is None or result["worker_outcome"] == "skipped":
            continue
        if result["test_outcome"] == "survived":
            survived.append((f"{mutation['module_path']}:{mutation['start_pos'][0]} {mutation['operator_name']}", str(result["diff"])))
        else:
            killed += 1
    for place, diff in survived:
        print(f"{place}\n{diff}\n")
    total = killed + len(survived)
    score = f"{killed} of {total} changes are noticed ({100 * killed / total:.1f} %)"
    print(score)
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(f"{text.partition(BEGIN)[0]}{BEGIN}\n{score}.\n{END}{text.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

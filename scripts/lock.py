# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compile tests/requirements/*.in into lock files with hashes that hold on every platform and name no registry.

Arguments are passed on to uv: `scripts/lock.py --upgrade` takes the newest of everything.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Each lock file and the oldest Python it is installed on.
LOCKS = {"uv": "3.12", "main": "3.12", "core-2.18": "3.11", "core-2.19": "3.11", "mutants": "3.12"}


def main(arguments: list[str]) -> None:
    for name, python in LOCKS.items():
        wanted, lock = (f"tests/requirements/{name}.{suffix}" for suffix in ("in", "txt"))
        options = ["--universal", "--generate-hashes", "--no-emit-index-url", "--quiet", "--custom-compile-command", "make lock"]
        subprocess.run([".venv/bin/uv", "pip", "compile", *options, "--python-version", python, *arguments, "-o", lock, wanted], cwd=ROOT, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])

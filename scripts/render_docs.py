# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the documentation of every plugin into .cache/html; with `--strict`, fail on any warning.

From a copy, since Ansible does not see the roles of a collection that it reaches through a symbolic link.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv/bin"
HTML = ROOT / ".cache/html"


def main(arguments: list[str]) -> int:
    strict = "--strict" in arguments
    with TemporaryDirectory(prefix="stalwart-mail-html-") as folder:
        # antsibull-docs writes only where nobody else can, so the folder's own mode (0700) is right.
        pages, copy = Path(folder, "pages"), Path(folder, "tree/ansible_collections/stalwart/mail")
        pages.mkdir(mode=0o700)
        copy.mkdir(parents=True)
        for name in ("galaxy.yml", "README.md", "meta", "plugins", "roles", "docs"):
            if (source := ROOT / name).is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, copy / name)
        env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(Path(folder, "tree")), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        write: list[str | Path] = [BIN / "antsibull-docs", "collection", "--use-current", "--squash-hierarchy", *(["--fail-on-error"] if strict else [])]
        subprocess.run([*write, "--dest-dir", pages, "stalwart.mail"], env=env, check=True)
        shutil.rmtree(HTML, ignore_errors=True)
        render: list[str | Path] = [BIN / "sphinx-build", "-q", "-b", "html", "-c", ROOT / "docs", *(["-W", "--keep-going"] if strict else [])]
        if subprocess.run([*render, pages, HTML], env=env, check=False).returncode:
            return 1
    print(f"Open {HTML.relative_to(ROOT)}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection is made of: ranges for users, pins with hashes for the tests, and nothing that nobody keeps any more."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

from tests.support.servers import ROOT
from tests.unit.test_layers import LIBRARIES

LOCKS = sorted((ROOT / "tests/requirements").glob("*.txt"))

#: Libraries that have no maintainer any more, or a kept successor.
UNMAINTAINED = {"passlib", "nose", "pycrypto", "pyopenssl", "toml", "pytz", "simplejson", "mock", "m2crypto", "distutils", "aiodns", "ecdsa"}
#: What tools that change nothing but copies still ask for.
TAKEN_ALONG = {"mutants": {"toml"}}  # Cosmic Ray's configuration

#: Import name -> the project that it comes from, where they differ.
PROJECTS = {"argon2": "argon2-cffi", "dns": "dnspython", "passlib": "libpass", "yaml": "pyyaml"}


def names(text: str) -> set[str]:
    """The projects that a requirements file names."""
    return {match[1].lower().replace("_", "-") for match in re.finditer(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", text, re.MULTILINE)}


def test_users_get_ranges() -> None:
    """A lower bound for each, that the oldest line of the tests holds to, and no upper one."""
    lines = [line for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+>=[\d.]+", line), line
    oldest = (ROOT / "tests/requirements/core-2.18.in").read_text(encoding="utf-8")
    for line in lines:
        name, bound = line.split(">=")
        assert re.search(rf"^{name}=={re.escape(bound)}(\.0)*$", oldest, re.MULTILINE), f"{line} is not tested at its lower bound"


def test_every_import_is_required() -> None:
    """What the plugins import stands in requirements.txt, but for what ansible-core itself brings."""
    wanted = names((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    brought = {"yaml", "idna"}  # by ansible-core and by httpx
    assert {PROJECTS.get(library, library) for library in LIBRARIES - brought} <= wanted


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_the_tests_are_pinned_with_hashes(lock: pathlib.Path) -> None:
    """Each requirement to one version, and each with at least one hash."""
    text = lock.read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)) if entry.strip()]
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,-]+\])?==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


@pytest.mark.parametrize("lock", [*LOCKS, ROOT / "requirements.txt"], ids=lambda path: path.stem)
def test_nothing_that_nobody_keeps(lock: pathlib.Path) -> None:
    """libpass is the kept passlib; the others have successors too."""
    assert names(lock.read_text(encoding="utf-8")) & UNMAINTAINED == TAKEN_ALONG.get(lock.stem, set())


def test_no_other_collection_is_needed() -> None:
    """The collection depends on no other one."""
    assert not yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8")).get("dependencies")

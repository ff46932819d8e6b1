# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes `ansible_collections.stalwart.mail` this checkout, for imports and for Ansible's plugin loader, on every ansible-core line."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
from hypothesis.database import DirectoryBasedExampleDatabase

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / ".cache/tree"


def pytest_configure() -> None:
    link = TREE / "ansible_collections/stalwart/mail"
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to("../../../..", target_is_directory=True)
    except FileExistsError:  # made before, or by another pytest worker
        pass

    # A loaded machine is no reason to fail, and CI tries the same examples each time.
    hypothesis.settings.register_profile(
        "here",
        database=None if "CI" in os.environ else DirectoryBasedExampleDatabase(ROOT / ".cache/hypothesis"),
        deadline=None,
        derandomize="CI" in os.environ,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("here")

    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader([str(TREE)])

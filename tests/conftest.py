# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes `ansible_collections.stalwart.mail` this checkout, for imports and for Ansible's plugin loader, on every ansible-core line."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / ".cache/tree"


def pytest_configure() -> None:
    link = TREE / "ansible_collections/stalwart/mail"
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to("../../../..", target_is_directory=True)
    except FileExistsError:  # made before, or by another pytest worker
        pass

    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader([str(TREE)])

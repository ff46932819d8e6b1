# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that only their owner may read, replaced as a whole."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils import _files
from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption


def mode_of(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_private(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "new"
    assert _files.present(str(path), "dest") is None
    _files.write_private(str(path), b"content")
    assert _files.present(str(path), "dest") == (b"content", 0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def test_an_open_file_becomes_private(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"old")
    path.chmod(0o666)
    _files.write_private(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert mode_of(path) == 0o600


def test_a_link_stays_a_link(tmp_path: pathlib.Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    _files.write_private(str(link), b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"old")

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(_files.FileNotWritten, match="No space left on device"):
        _files.write_private(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["old"]


def test_places_that_can_not_be_written(tmp_path: pathlib.Path) -> None:
    for path, words in ((tmp_path, "is a directory"), (tmp_path / "none" / "file", "create it first")):
        with pytest.raises(InvalidOption, match=words) as caught:
            _files.present(str(path), "dest")
        assert caught.value.option == "dest"
    with pytest.raises(InvalidOption, match="can't be read"):
        _files.read_file(str(tmp_path / "none"), "src")

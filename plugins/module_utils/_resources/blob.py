# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A blob to a file."""

from __future__ import annotations

import hashlib
import re
import typing as t

from .. import _files
from .._errors import InvalidOption
from .._reconcile.plan import Change, Mode, Outcome, apply
from .._server.port import Server
from ._options import Options, read

_ID = re.compile(r"[A-Za-z0-9_-]+")


class _BlobOptions(Options):
    id: str
    dest: str


def fetch(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Write the blob to `dest` unless it is there already. Result: `blob` with `id`, `dest`, `size`, `sha256`."""
    wanted = read(_BlobOptions, options)
    if not _ID.fullmatch(wanted.id):
        raise InvalidOption("id", f"{wanted.id!r} is no blob id; use the blob_id that stalwart.mail.queue_info returns of a message.")
    found = _files.present(wanted.dest, "dest")
    content = server.stores.blob(wanted.id)
    changes = []
    about = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if found is None or found[0] != content:
        before = None if found is None else {"size": len(found[0]), "sha256": hashlib.sha256(found[0]).hexdigest()}
        action = "create" if found is None else "update"
        changes.append(Change("file", wanted.dest, action, before, about, lambda: _files.write_private(wanted.dest, content)))
    elif found[1] != _files.PRIVATE:
        modes = ({"mode": f"{found[1]:04o}"}, {"mode": f"{_files.PRIVATE:04o}"})
        changes.append(Change("file", wanted.dest, "update", *modes, lambda: _files.write_private(wanted.dest, content)))
    apply(changes, mode)
    return Outcome({"blob": {"id": wanted.id, "dest": wanted.dest, **about}}, changes)

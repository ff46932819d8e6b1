# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the host that runs the task: read whole, or written so that nobody else reads them and nobody sees half of one."""

from __future__ import annotations

import os
import stat
import tempfile

from ._errors import InvalidOption, StalwartError

#: Only the owner may read what is written here.
PRIVATE = 0o600


class FileNotWritten(StalwartError):
    """A file could not be written."""


def read_file(path: str, option: str) -> bytes:
    """The whole file. Raises InvalidOption, which names the option."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InvalidOption(option, f"{path!r} can't be read ({error.strerror}); give a file that exists on the host that runs the task.") from None


def present(path: str, option: str) -> tuple[bytes, int] | None:
    """Content and permissions of a file that may exist. Raises InvalidOption where no file can be."""
    parent = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path):
        raise InvalidOption(option, f"{path!r} is a directory; give the path of a file.")
    if not os.path.isdir(parent):
        raise InvalidOption(option, f"there is no directory {parent!r}; create it first.")
    try:
        with open(path, "rb") as file:
            return file.read(), stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidOption(option, f"{path!r} can't be read ({error.strerror}); correct its permissions or give another path.") from None


def write_private(path: str, content: bytes) -> None:
    """Replace the file as a whole, readable for its owner only. Raises FileNotWritten."""
    target = os.path.realpath(path)  # a link stays a link
    temporary = ""
    try:
        # made with mode 0600 and beside the target, so that the rename can't cross file systems
        descriptor, temporary = tempfile.mkstemp(prefix=".stalwart-", dir=os.path.dirname(target))
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, PRIVATE)
        os.replace(temporary, target)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise FileNotWritten(f"{path!r} can't be written: {error.strerror}.") from None

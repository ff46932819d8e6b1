# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of what servers answer."""

from __future__ import annotations

from ..._deps import BaseModel, ConfigDict


class Model(BaseModel):
    """Base of all models: frozen, strict about names, silent about values in its errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

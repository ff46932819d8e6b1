# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What servers of every generation tell without a login."""

from __future__ import annotations

from .._errors import NotFound, ServerFault
from .._http import HttpClient


def is_healthy(client: HttpClient, *, ready: bool) -> bool:
    """Whether GET /healthz/live or /healthz/ready answers well. Raises ConnectionFailed."""
    try:
        answer = client.request("GET", ("healthz", "ready" if ready else "live"), authenticated=False, retries=0)
    except (NotFound, ServerFault):
        return False
    return answer.status == 200

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module supports. Each module adds C(support) for check mode, diff mode and idempotence."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Predicts what a run would do, without a request that writes.
  diff_mode:
    description: Shows what differs before and after, without secrets.
  idempotent:
    description: A second run with the same options changes nothing.
  async:
    description: Can run in the background.
    support: full
    details:
      - A task with C(async) runs as an ordinary module on its host.
  become:
    description: Is affected by C(become).
    support: none
    details:
      - The work is done over HTTP, so C(become) changes nothing.
  delegation:
    description: Can be used together with C(delegate_to).
    support: full
    details:
      - A task whose connection is local runs within Ansible itself. On any other host it runs as an ordinary module, which needs the Python libraries there.
      - The variable C(stalwart_execution) (V(auto), V(controller) or V(target)) decides otherwise.
  action_group:
    description: Takes C(module_defaults) of the group.
    support: full
    membership:
      - stalwart.mail.stalwart
"""

    READS = r"""
attributes:
  check_mode:
    support: full
    details:
      - It only reads.
  diff_mode:
    support: N/A
    details:
      - It only reads.
  idempotent:
    support: full
    details:
      - It only reads.
"""

    FULL = r"""
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

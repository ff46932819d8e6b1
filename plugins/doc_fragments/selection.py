# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How the modules that read something and those that act on it say which of it they mean."""

    QUEUED_MESSAGES = r"""
options:
  ids:
    description:
      - The messages with these ids, as M(stalwart.mail.queue_info) returns them. Ids that do not exist are passed over.
    type: list
    elements: str
  text:
    description:
      - Only messages whose sender or one of whose recipients contains this.
    type: str
  sender:
    description:
      - Only messages whose envelope sender contains this.
    type: str
  recipient:
    description:
      - Only messages with a recipient that contains this.
    type: str
  queue:
    description:
      - Only messages with a recipient in this queue, for instance V(remote).
    type: str
  due_before:
    description:
      - Only messages whose next attempt is due before this time, as V(2026-01-31T23:59:00Z) or as a period from now on like V(2h).
    type: str
  due_after:
    description:
      - Only messages whose next attempt is due after this time, written like O(due_before).
    type: str
"""

    REPORTS = r"""
options:
  kind:
    description:
      - V(dmarc) are aggregate reports, V(tls) those of SMTP TLS Reporting, V(arf) complaints about single messages.
    type: str
    choices: [dmarc, tls, arf]
    default: dmarc
  direction:
    description:
      - V(incoming) came from others, V(outgoing) will be sent to others.
    type: str
    choices: [incoming, outgoing]
    default: incoming
  ids:
    description:
      - The reports with these ids, as M(stalwart.mail.report_info) returns them. Ids that do not exist are passed over.
    type: list
    elements: str
  text:
    description:
      - Only reports that contain this. Of outgoing ones only the domain is searched.
    type: str
  domain:
    description:
      - Only reports about this domain.
    type: str
  older_than:
    description:
      - Only reports whose period ended so long ago, as in V(30d). Of a complaint, the arrival of the message counts. Reports that do not tell a time
        never match.
    type: str
"""

    DELETED_ITEMS = r"""
options:
  account:
    description:
      - The name of the account.
    type: str
    required: true
  ids:
    description:
      - Only items with these ids, as M(stalwart.mail.undelete_info) returns them.
    type: list
    elements: str
  kind:
    description:
      - Only items of this kind.
    type: str
    choices: [email, file, calendar_event, contact, sieve_script]
  newer_than:
    description:
      - Only items deleted no longer ago than this, as in V(2d).
    type: str
"""

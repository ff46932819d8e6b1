#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: store
short_description: Maintain the stores of a server
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Purges stores, builds search indexes anew, counts quotas anew, and gives mailboxes new UIDs.
  - What the server does in the background is reported as changed, since no answer tells whether there was anything to do.
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
attributes:
  check_mode:
    support: partial
    details:
      - Whether O(action=recalculate_quota) finds another number is known only after counting, so a change is predicted.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - Only O(action=recalculate_quota) can tell whether anything was to be done.
options:
  action:
    description:
      - V(purge_blobs) removes blobs that nothing refers to any more, V(purge_data) what has expired from a data store.
      - V(purge_in_memory) removes what has expired from an in-memory store, or all entries of a O(kind).
      - V(purge_accounts) removes what has expired from one O(account) or from all, such as old deleted mail.
      - V(reindex) builds a search index anew, for one O(account) or for all.
      - V(recalculate_quota) counts what an account uses.
      - V(reset_uids) gives all mailboxes of an account new UIDs. Every mail client then loads everything again.
    type: str
    required: true
    choices: [purge_blobs, purge_data, purge_in_memory, purge_accounts, reindex, recalculate_quota, reset_uids]
  store:
    description:
      - The id of the store to purge. Without it, the default one.
    type: str
  kind:
    description:
      - Remove all entries of this kind from the in-memory store.
      - The kinds C(bayes-*), C(reputation-*) and V(trusted-reply) exist on servers up to 0.14 only. A server would take an unknown kind for none, and
        purge the whole store, so it is refused.
    type: str
    choices: [acme, oauth, rate-rcpt, rate-scan, rate-loiter, rate-auth, rate-smtp, rate-contact, rate-http-authenticated, rate-http-anonymous,
      rate-imap, reputation-ip, reputation-from, reputation-domain, reputation-asn, greylist, bayes-account, bayes-global, trusted-reply,
      lock-purge-account, lock-queue-message, lock-queue-report, lock-email-task, lock-housekeeper]
  account:
    description:
      - The name of an account.
    type: str
  index:
    description:
      - The search index to build. Servers from 0.15 on need it, earlier ones have V(email) only, which is what they build.
    type: str
    choices: [email, calendar, contacts, file, tracing]
  force_resync:
    description:
      - Must be set for O(action=reset_uids), since every mail client of the account loads all its mail again.
    type: bool
    default: false
  wait:
    description:
      - Whether the task ends only when the server has finished what it does in the background, and fails with the server's reason when that fails.
      - Servers up to 0.15 do not tell, so there it is refused.
    type: bool
    default: false
  wait_timeout:
    description:
      - How many seconds O(wait) lasts at most.
    type: float
    default: 300.0
notes:
  - Servers since 0.16 have one store of each sort, so O(store) is refused there except for V(default). They remove kinds of entries together, the
    counters of all rates (V(rate-rcpt) and so on), the tokens of V(acme) and V(oauth), and the locks of all tasks. They build all search indexes of an
    account at once, and do not tell how many mailboxes and messages got new UIDs.
seealso:
  - module: stalwart.mail.store_info
"""

EXAMPLES = r"""
- name: Remove what nothing refers to
  stalwart.mail.store:
    action: purge_blobs

- name: Forget whom we greylisted
  stalwart.mail.store:
    action: purge_in_memory
    kind: greylist

- name: Build the index of alice's mail anew
  stalwart.mail.store:
    action: reindex
    index: email
    account: alice

- name: Count what alice uses
  stalwart.mail.store:
    action: recalculate_quota
    account: alice
"""

RETURN = r"""
store:
  description: What was done, and what is known of it.
  returned: success
  type: dict
  contains:
    action:
      description: The action.
      type: str
    finished:
      description: Whether work in the background is known to be done, which it is with O(wait).
      type: bool
    account:
      description: The account, if one was named.
      type: str
    used_quota:
      description: Bytes that the account uses. With O(action=recalculate_quota).
      type: int
    mailboxes:
      description: How many mailboxes got new UIDs. With O(action=reset_uids), not in check mode.
      type: int
    messages:
      description: How many messages got new UIDs. With O(action=reset_uids), not in check mode.
      type: int
  sample: {"action": "recalculate_quota", "account": "alice", "used_quota": 1048576}
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "account", "name": "alice", "action": "recalculate_quota", "fields": ["used_quota"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.stores import manage
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.store import LOOKUP_KINDS, SEARCH_INDEXES

TASK = Task(
    own=ArgumentSpec(
        options={
            "action": {
                "type": "str",
                "choices": ["purge_blobs", "purge_data", "purge_in_memory", "purge_accounts", "reindex", "recalculate_quota", "reset_uids"],
                "required": True,
            },
            "store": {"type": "str"},
            "kind": {
                "type": "str",
                "choices": list(LOOKUP_KINDS),
            },
            "account": {"type": "str"},
            "index": {"type": "str", "choices": list(SEARCH_INDEXES)},
            "force_resync": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "float", "default": 300.0},
        },
    ),
    run=manage,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: blob
short_description: Write a stored blob to a file
version_added: 0.1.0
author:
  - The stalwart.mail authors (@stalwart-mail)
description:
  - Fetches a blob, such as a message that waits in the queue, from a Stalwart mail server to a file on the host that runs the task.
  - The file is replaced as a whole, and only its owner may read it (mode 0600).
extends_documentation_fragment:
  - stalwart.mail.connection
  - stalwart.mail.attributes
  - stalwart.mail.attributes.full
attributes:
  become:
    support: partial
    details:
      - It decides about the file that is written, and a task that names one and has C(become) runs as an ordinary module.
options:
  id:
    description:
      - The id of the blob, as C(blob_id) of a message that M(stalwart.mail.queue_info) returns.
    type: str
    required: true
  dest:
    description:
      - The path of the file. Its directory must exist.
    type: path
    required: true
notes:
  - Servers since 0.16 give the blobs of other accounts to logins with the permission C(fetch-any-blob) only.
seealso:
  - module: stalwart.mail.queue_info
"""

EXAMPLES = r"""
- name: Messages of a doubtful sender
  stalwart.mail.queue_info:
    sender: mallory@example.org
  register: found

- name: Keep the first one to look at
  stalwart.mail.blob:
    id: "{{ found.messages[0].blob_id }}"
    dest: /root/doubtful.eml
"""

RETURN = r"""
blob:
  description: The blob and its file.
  returned: success
  type: dict
  contains:
    id:
      description: The id.
      type: str
    dest:
      description: The path of the file.
      type: str
    size:
      description: Bytes.
      type: int
    sha256:
      description: The hash of the content.
      type: str
operations:
  description: What was done, or in check mode would be. Long lists are cut.
  returned: success, and when the task failed half-way
  type: list
  elements: dict
  sample: [{"resource": "file", "name": "/root/doubtful.eml", "action": "create", "fields": ["sha256", "size"]}]
"""

from ansible_collections.stalwart.mail.plugins.module_utils._frontend.module import run_module
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.spec import ArgumentSpec
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.task import Task
from ansible_collections.stalwart.mail.plugins.module_utils._resources.blob import fetch

TASK = Task(
    own=ArgumentSpec(
        options={
            "id": {"type": "str", "required": True},
            "dest": {"type": "path", "required": True},
        },
    ),
    run=fetch,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()

# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ordinary module: the task in a process of its own, on whichever host Ansible sends it to."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .._errors import LibraryMissing
from .task import Failure, Task, execute, hidden_values
from .values import plain


def run_module(task: Task) -> None:
    """What a module's main does."""
    spec = task.spec
    module = AnsibleModule(argument_spec={name: dict(option) for name, option in spec.options.items()}, supports_check_mode=True, **spec.conditions())
    params = plain(module.params)
    module.no_log_values = hidden_values(task, params)
    try:
        result = execute(task, params, check=module.check_mode, diff=module._diff, warn=module.warn)
    except LibraryMissing as error:
        module.fail_json(msg=missing_required_lib(error.library), exception=error.reason)
    except Failure as failure:
        module.fail_json(msg=str(failure), **failure.result)
    else:
        module.exit_json(**result)

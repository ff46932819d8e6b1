# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python -m tests.trust.page` writes the table of docs/trust.md; test_page.py fails when a promise has lost its test or its cases."""

from __future__ import annotations

import collections
import dataclasses
import functools
import re
import subprocess
import sys
import typing as t

from tests.support.servers import ROOT

PAGE = ROOT / "docs/trust.md"
BEGIN, END = "<!-- cases: begin -->", "<!-- cases: end -->"


@dataclasses.dataclass(frozen=True)
class Promise:
    """What holds, and the test functions that show it."""

    area: str
    text: str
    tests: tuple[str, ...]


PROMISES = [
    Promise(
        "Secrets",
        "A whole run, in success and failure, check mode and both frontends, leaves no secret: output at `-vvvv`, diffs, results, callbacks, log, fact cache, "
        "temporary files, command lines and environments of processes, an export that was not asked for them",
        ("test_secrets.py::test_a_whole_run_leaves_no_secret", "test_secrets.py::test_the_search_finds_what_is_there"),
    ),
    Promise("Secrets", "A login from the environment stays there", ("test_secrets.py::test_a_login_from_the_environment_stays_there",)),
    Promise(
        "Secrets",
        "A server that echoes the login, the request and keys in its errors makes nobody tell them",
        ("test_secrets.py::test_a_server_that_echoes_everything_makes_nobody_tell", "test_secrets.py::test_faults_are_quoted_without_what_was_sent"),
    ),
    Promise(
        "Secrets",
        "Each place of each type of objects where a secret can be: it is shown nowhere when the object is made, read, exported, changed or removed, and what "
        "stands for it in results is never written over it",
        ("test_secrets.py::test_an_object_tells_no_secret_and_loses_none",),
    ),
    Promise(
        "Secrets",
        "No option's value shows its secrets, and no option that holds one is without `no_log`",
        ("test_secrets.py::test_options_of_a_login_stay_hidden_in_exceptions", "test_secrets.py::test_every_secret_option_is_marked"),
    ),
    Promise(
        "Faults",
        "Connections that are cut or silent, answers lost, late, cut, dripping or endless, 429, 5xx, HTML, half a JSON, redirects: each write of each "
        "module ends in time, with success or a clear sentence; the same task once more brings what it always brings, and nothing twice",
        ("test_faults.py::test_a_fault_at_each_write",),
    ),
    Promise(
        "Faults",
        "A server that goes away at any request of a task: the task says where, and does not hide what it had changed",
        ("test_faults.py::test_the_server_goes_away",),
    ),
    Promise(
        "Check mode",
        "No request that writes; `changed`, `operations` and diff are those of the run that follows; a second run changes nothing",
        ("test_check_mode.py::test_check_mode_predicts_and_does_not_write", "test_check_mode.py::test_each_writing_module_has_a_scene"),
    ),
    Promise(
        "Check mode",
        "The same from random states to random wishes (each case tries many)",
        (
            "test_random_states.py::test_principals_from_any_state_to_any_other",
            "test_random_states.py::test_settings_from_any_state_to_any_other",
            "test_random_states.py::test_objects_from_any_state_to_any_other",
            "test_random_states.py::test_blocked_addresses_from_any_state_to_any_other",
        ),
    ),
    Promise("Check mode", "Roles send nothing that writes either", ("test_roles.py::test_a_role_in_check_mode_only_reads",)),
    Promise(
        "Idempotence",
        "Each example of each module that promises it changes nothing when it is run again",
        (
            "test_idempotence.py::test_each_example_twice",
            "test_idempotence.py::test_each_example_on_objects_twice",
            "test_idempotence.py::test_each_example_of_the_paid_edition_twice",
        ),
    ),
    Promise(
        "Idempotence",
        "`dns_record_sets` and `dkim_rotation`, whose examples need name servers and days: not their examples, but such tasks are run again by "
        "`tests/integration/test_dns.py` and `test_dkim_rotation.py`",
        ("test_idempotence.py::test_what_needs_more_is_run_again_elsewhere",),
    ),
    Promise(
        "Idempotence",
        "Each playbook and each role has its test that runs it twice",
        ("test_idempotence.py::test_each_playbook_is_run_twice_somewhere", "test_idempotence.py::test_each_role_has_a_scenario_that_runs_it_twice"),
    ),
    Promise(
        "Concurrency",
        "Another run before any request of a run, or two really at once: errors say so, and either of both, run again, makes things right",
        ("test_concurrency.py::test_another_run_between_any_two_requests", "test_concurrency.py::test_two_runs_at_once"),
    ),
    Promise(
        "Bad input",
        "One sentence that names the option, no traceback, no request that writes: options by their specs, objects by the server's schema, and by hand",
        ("test_bad_input.py::test_what_is_wrong_is_named",),
    ),
    Promise(
        "TLS",
        "Wrong host, expired, not yet valid, self-signed and untrusted certificates are refused; private authorities and client certificates work",
        (
            "test_tls.py::test_what_can_not_be_trusted_is_refused",
            "test_tls.py::test_a_self_signed_certificate_is_refused_unless_it_is_named",
            "test_tls.py::test_a_private_authority_is_trusted_when_it_is_named",
            "test_tls.py::test_a_client_certificate_is_shown_where_it_is_asked_for",
        ),
    ),
    Promise(
        "TLS",
        "The login goes nowhere by a redirect, and nowhere in clear text without `allow_http`",
        (
            "test_tls.py::test_no_redirect_is_followed",
            "test_tls.py::test_plain_http_only_within_this_machine",
            "test_tls.py::test_plain_http_elsewhere_when_it_is_asked_for",
            "test_tls.py::test_tls_is_not_left_for_plain_http",
            "test_tls.py::test_the_login_is_not_sent_by_a_lookup_without_tls",
        ),
    ),
    Promise(
        "Limits",
        "Principals of 100 kB, settings of several MiB, lists of 10,000 members, thousands of accounts in tens of requests, names with slashes, spaces, signs, "
        "other scripts and 512 bytes",
        (
            "test_limits.py::test_a_principal_of_nearly_100_kb",
            "test_limits.py::test_a_principal_above_the_servers_limit_is_refused_in_a_sentence",
            "test_limits.py::test_settings_of_several_mib",
            "test_limits.py::test_a_list_with_10000_members",
            "test_limits.py::test_thousands_of_accounts_in_tens_of_requests",
            "test_limits.py::test_names_of_any_kind",
            "test_limits.py::test_names_of_objects_of_any_kind",
            "test_limits.py::test_texts_of_512_characters",
        ),
    ),
    Promise(
        "Supply chain",
        "Ranges for users, pins with hashes for the tests, nothing that nobody keeps",
        (
            "test_supply_chain.py::test_users_get_ranges",
            "test_supply_chain.py::test_every_import_is_required",
            "test_supply_chain.py::test_the_tests_are_pinned_with_hashes",
            "test_supply_chain.py::test_nothing_that_nobody_keeps",
            "test_supply_chain.py::test_no_other_collection_is_needed",
        ),
    ),
]


@functools.cache
def cases() -> collections.Counter[str]:
    """How many cases each test function of this folder has, by "file::function"."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests/trust"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)
    return collections.Counter(match[1] for match in re.finditer(r"^tests/trust/(test_\w+\.py::\w+)", done.stdout, re.MULTILINE))


def floor(number: int) -> int:
    """The number that the page states: rounded down, so that a case more or less asks for no new page."""
    return number if number < 10 else number // 10 * 10 if number < 100 else number // 50 * 50


def table(found: t.Mapping[str, int]) -> str:
    """The part between the marks."""
    lines = [BEGIN, "", "| | What holds | Shown by | Cases |", "|---|---|---|---|"]
    area = ""
    for promise in PROMISES:
        total = sum(found[test] for test in promise.tests)
        shown = "<br>".join(f"`{test}`" for test in promise.tests)
        plus = "" if total == floor(total) and total < 10 else "+"
        lines.append(f"| {promise.area if promise.area != area else ''} | {promise.text} | {shown} | {floor(total)}{plus} |")
        area = promise.area
    return "\n".join([*lines, "", END])


def stated() -> list[tuple[list[str], int]]:
    """The tests and the number of each row of the page."""
    rows = re.findall(r"^\| [^|]*\| [^|]* \| ([^|]*) \| (\d+)\+? \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [(re.findall(r"`([^`]+)`", tests), int(number)) for tests, number in rows]


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    PAGE.write_text(before + table(cases()) + after, encoding="utf-8")


if __name__ == "__main__":
    main()

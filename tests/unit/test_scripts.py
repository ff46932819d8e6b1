# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs behind `make generate` and `make test` can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from scripts import check, generate


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout with two modules, which the scripts take for their own."""
    for module in (generate, check):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "ACTIONS", tmp_path / "plugins/action")
    monkeypatch.setattr(check, "LOGS", tmp_path / "logs")
    (tmp_path / "plugins/modules").mkdir(parents=True)
    utils = tmp_path / "plugins/module_utils"
    for path, text in {
        "_server/port.py": "class Server:\n    @property\n    def principals(self): ...\n    @property\n    def queue(self): ...\n    def reload(self): ...\n",
        "_resources/dkim.py": "from .._server.port import Server\nfrom . import names\n",
        "_resources/names.py": "def run(server):\n    server.reload()\n    return server.queue\n",
    }.items():
        (utils / path).parent.mkdir(parents=True, exist_ok=True)
        (utils / path).write_text(text)
    (tmp_path / "plugins/modules/principal.py").touch()
    (tmp_path / "plugins/modules/dkim.py").write_text("from ansible_collections.stalwart.mail.plugins.module_utils._resources.dkim import run\n")
    return tmp_path


def test_generated_files_follow_the_modules(checkout: Path) -> None:
    assert generate.main([]) is None
    assert generate.main(["--check"]) is None
    assert yaml.safe_load((checkout / "meta/runtime.yml").read_text()) == {"requires_ansible": ">=2.18.0", "action_groups": {"stalwart": ["dkim", "principal"]}}
    action = (checkout / "plugins/action/dkim.py").read_text()
    assert "from ansible_collections.stalwart.mail.plugins.modules.dkim import TASK\n" in action
    assert 'areas = ("queue",)\n' in action
    assert "areas = ()\n" in (checkout / "plugins/action/principal.py").read_text()


def test_the_check_names_what_is_missing_changed_and_left_over(checkout: Path) -> None:
    generate.main([])
    (checkout / "plugins/modules/dkim.py").unlink()
    (checkout / "plugins/modules/settings.py").touch()
    (checkout / "plugins/action/principal.py").write_text("")
    problem = generate.main(["--check"])
    assert problem is not None
    assert problem.endswith("meta/runtime.yml, plugins/action/dkim.py, plugins/action/principal.py, plugins/action/settings.py")
    generate.main([])
    assert generate.main(["--check"]) is None
    assert not (checkout / "plugins/action/dkim.py").exists()


def test_the_closing_line_counts_stages_and_their_tests(checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def good(run: check.Run) -> None:
        run.passed, run.skipped = 3, 1

    def bad(run: check.Run) -> None:
        run.failed = 2
        run.command("sh", "-c", "echo what went wrong; exit 3", cwd=checkout)

    monkeypatch.setattr(check, "STAGES", [check.Stage("good", "Good", good), check.Stage("bad", "Bad", bad)])
    assert check.main(["good"]) == 0
    assert capsys.readouterr().out.endswith("\n4 passed, 0 failed, 1 skipped\n")
    assert check.main([]) == 1
    out = capsys.readouterr().out
    assert "what went wrong" in out
    assert "sh exited with 3" in out
    assert out.endswith("\n4 passed, 3 failed, 1 skipped\n")
    assert check.main(["no-such-stage"]) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("see {root}/notes", "a path of this machine"),
        ("host: files." + "pythonhosted.org", "a registry's host name"),
        ("<" * 7 + " HEAD", "a mark left by a merge"),
        ("# TO" + "DO: later", "a mark of unfinished work"),
    ],
)
def test_leftovers_in_tracked_files_are_found(checkout: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str) -> None:
    (checkout / "notes.md").write_text(f"good\n{text.format(root=checkout)}\n")
    monkeypatch.setattr(check, "known_files", lambda: ["notes.md"])
    run = check.Run("files")
    with pytest.raises(check.Failed):
        check.files(run)
    assert f"notes.md:2: {reason}" in run.log.read_text()


def test_a_sanity_run_that_tested_nothing_fails(checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check, "sanity_environment", lambda: ())
    monkeypatch.setattr(check, "staged", lambda: checkout)
    monkeypatch.setattr(check.Run, "command", lambda *_, **__: "WARNING: All targets skipped.\n")
    with pytest.raises(check.Failed, match="did not run"):
        check.sanity(check.Run("sanity"))

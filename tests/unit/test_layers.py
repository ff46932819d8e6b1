# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of module_utils only call downwards, and all but the top one know nothing of Ansible."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE_UTILS = ROOT / "plugins/module_utils"
PACKAGE = "ansible_collections.stalwart.mail.plugins.module_utils"

# From the bottom to the top; members of one row do not know each other.
LAYERS = [
    {"_errors"},
    {"_deps", "_secrets"},
    {"_http"},  # and every other single file, such as _names.py
    {"_server", "_dns"},
    {"_reconcile"},
    {"_resources"},
    {"_frontend"},
]
PACKAGES = {"_dns", "_server", "_reconcile", "_resources", "_frontend"}
LIBRARIES = {"argon2", "bcrypt", "cryptography", "dns", "httpx", "idna", "passlib", "pydantic", "yaml"}
FILES = sorted(MODULE_UTILS.rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(MODULE_UTILS).with_suffix("").parts
    return ".".join([PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)])


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """Absolute names of what a file imports; `from x import y` gives x.y, since y may be a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = dotted(path) if path.name == "__init__.py" else dotted(path).rpartition(".")[0]
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            source = ".".join(part for part in (base, node.module) if part)
            yield from (f"{source}.{alias.name}" for alias in node.names)


def layer(name: str) -> str:
    """The member of LAYERS that a dotted name below module_utils belongs to."""
    return name.removeprefix(f"{PACKAGE}.").partition(".")[0]


def rank(name: str) -> int:
    return next((number for number, row in enumerate(LAYERS) if name in row), LAYERS.index({"_http"}))


def test_every_package_has_its_layer() -> None:
    assert {path.name for path in MODULE_UTILS.iterdir() if (path / "__init__.py").exists()} == PACKAGES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(MODULE_UTILS)))
def test_layers_only_call_downwards(path: Path) -> None:
    own = layer(dotted(path))
    for name in imports(path):
        if name.startswith(f"{PACKAGE}."):
            other = layer(name)
            assert other == own or rank(other) < rank(own), f"{own} imports {name}"
            if own in ("_reconcile", "_resources"):
                assert other != "_http", f"{own} speaks to a server through its port, not through {name}"
                assert not name.startswith((f"{PACKAGE}._server.rest", f"{PACKAGE}._server.jmap")), f"{own} knows the API generation of {name}"
                assert not name.startswith((f"{PACKAGE}._dns.rfc2136", f"{PACKAGE}._dns.powerdns")), f"{own} knows the provider of {name}"


def test_nothing_imports_in_a_circle() -> None:
    files = {dotted(path): path for path in FILES}
    graph = {}
    for name, path in files.items():
        imported = set(imports(path, top_level_only=True))
        graph[name] = ({each for each in imported if each in files} | {each.rpartition(".")[0] for each in imported - files.keys()} & files.keys()) - {name}
    assert set(graphlib.TopologicalSorter(graph).static_order()) == files.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(MODULE_UTILS)))
def test_only_the_frontend_knows_ansible_and_only_deps_loads_libraries_at_import(path: Path) -> None:
    own = layer(dotted(path))
    foreign = {name.partition(".")[0] for name in imports(path) if not name.startswith(f"{PACKAGE}.")} - set(sys.stdlib_module_names)
    assert foreign <= LIBRARIES | ({"ansible"} if own == "_frontend" else set())
    assert own == "_deps" or not LIBRARIES & {name.partition(".")[0] for name in imports(path, top_level_only=True)}


@pytest.mark.parametrize("missing", [{"ansible"}, {"ansible"} | LIBRARIES], ids=["without ansible", "without any library"])
def test_what_is_below_the_frontend_imports_without(missing: set[str]) -> None:
    """And without a warning of a library, which every run would begin with."""
    program = f"""
import importlib, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
sys.path.insert(0, {str(ROOT / ".cache/tree")!r})
for name in {[dotted(path) for path in FILES if layer(dotted(path)) != "_frontend"]!r}:
    importlib.import_module(name)
"""
    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_command_line_of_httpx_is_not_loaded_and_can_still_be() -> None:
    code = (
        "import importlib.util, sys; sys.path.insert(0, '.cache/tree')\n"
        f"from {PACKAGE}._deps import httpx\n"
        "assert callable(httpx.Client) and callable(httpx.main) and 'httpx._main' not in sys.modules and 'rich' not in sys.modules\n"
        "assert importlib.util.find_spec('httpx._main')\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_an_adapter_loads_the_areas_that_are_used_and_no_others() -> None:
    code = (
        "import sys; sys.path.insert(0, '.cache/tree')\n"
        f"from {PACKAGE}._server.connect import prepare\n"
        "prepare(['principals', 'settings'])\n"
        f"print(*sorted(name.removeprefix('{PACKAGE}._server.') for name in sys.modules if name.startswith('{PACKAGE}._server.')))\n"
    )
    loaded = set(subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split())
    assert {"rest.principals", "rest.settings", "jmap.principals"} <= loaded
    assert not {f"{generation}.{area}" for generation in ("rest", "jmap") for area in ("queue", "reports", "stores", "account")} & loaded

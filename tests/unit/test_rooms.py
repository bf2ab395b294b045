"""Who imports whom: what docs/architecture.md says, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from serverless_harness.project.locate import current

ROOT = current().folder
PACKAGE = ROOT / "serverless_harness"
EMULATOR = "serverless_harness.emulator"
ROW = re.compile(r"^\| `serverless_harness/(\w+)(?:/|\.py)` \|", re.MULTILINE)
PAGE = (ROOT / "docs" / "architecture.md").read_text()
ROOMS = list(dict.fromkeys(name for name in ROW.findall(PAGE) if name != "emulator"))
"""The rooms in the page's order: each may import those below it."""
SHARED = "what all use"
"""Stands for the modules that are in no room; they are below all."""
ABOVE_ALL = ("__main__", "pytest_plugin")
"""Modules that are in no room and stand on all of them."""
MODULES = [file for file in PACKAGE.rglob("*.py") if "launcher_process" not in file.parts]


def imported(file: Path) -> Iterator[str]:
    """Give the full names of what a module imports when it runs, also inside functions."""
    tree = ast.parse(file.read_text())
    for_types = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else SHARED


def test_the_page_names_every_room():
    folders = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert folders - set(ROOMS) == {"emulator"}
    assert len(ROOMS) > 6


@pytest.mark.parametrize("file", MODULES, ids=module_name)
def test_the_harness_knows_no_project(file):
    others = ("shop", "handlers", "benchmarks", "tests", "examples")
    assert [name for name in imported(file) if name.split(".")[0] in others] == []


@pytest.mark.parametrize("file", [file for file in MODULES if "emulator" in file.parts], ids=module_name)
def test_the_emulator_imports_nothing_of_the_rest(file):
    ours = [name for name in imported(file) if name.startswith("serverless_harness")]
    assert [name for name in ours if not name.startswith(EMULATOR)] == []


@pytest.mark.parametrize("file", [file for file in MODULES if "emulator" not in file.parts], ids=module_name)
def test_a_room_imports_only_those_below_it(file):
    own = room_of(module_name(file))
    rooms = ROOMS if file.stem in ABOVE_ALL else ROOMS[ROOMS.index(own) :] if own in ROOMS else []
    below = {*rooms, SHARED}
    ours = [name for name in imported(file) if name.startswith("serverless_harness.")]
    assert [name for name in ours if name.startswith(EMULATOR)] == []
    assert [name for name in ours if room_of(name) not in below] == []

"""The emulator's rooms stand on each other in the order that docs/architecture.md gives, and in no circle."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()
EMULATOR = "serverless_harness.emulator"
FOLDER = ROOT / EMULATOR.replace(".", "/")

LAYERS = [line.split() for line in re.search(r"```layers\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()]
WHERE = re.findall(r"^\| ([^|]+) \| `([\w/.]+)` \| `([\w.]+)` \|$", PAGE, re.MULTILINE)


def module_of(file):
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imported(module, file):
    """The modules of the emulator that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(EMULATOR):
            for name in node.names:
                path = FOLDER.parent.parent / node.module.replace(".", "/") / name.name
                is_module = path.is_dir() or path.with_suffix(".py").exists()
                yield f"{node.module}.{name.name}" if is_module else node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith(EMULATOR))


MODULES = {module_of(file): file for file in sorted(FOLDER.rglob("*.py")) if file.parent.name != "runtime"}
IMPORTS = {module: set(imported(module, file)) - {module} for module, file in MODULES.items()}


def room_of(module):
    return module.removeprefix(f"{EMULATOR}.").partition(".")[0]


def test_every_room_has_its_layer():
    rooms = {room_of(module) for module in MODULES if module != EMULATOR}
    listed = [room for layer in LAYERS for room in layer]
    assert sorted(listed) == sorted(rooms)


def test_rooms_import_only_those_of_layers_below():
    depth = {room: number for number, layer in enumerate(LAYERS) for room in layer}
    upward = [
        f"{module} imports {other}"
        for module, others in IMPORTS.items()
        for other in others
        if module != EMULATOR
        and other != EMULATOR
        and room_of(module) != room_of(other)
        and depth[room_of(other)] <= depth[room_of(module)]
    ]
    assert not upward


def test_no_modules_import_each_other_in_a_circle():
    def circle(module, path):
        for other in IMPORTS.get(module, ()):
            if other in path:
                return [*path[path.index(other) :], other]
            if other not in done and (found := circle(other, [*path, other])):
                return found
        done.add(module)
        return None

    done = set()
    assert not [found for module in MODULES if module not in done and (found := circle(module, [module]))]


def test_the_page_says_where_things_are():
    assert len(WHERE) >= 15


@pytest.mark.parametrize(("_question", "path", "name"), WHERE)
def test_what_the_page_names_exists(_question, path, name):
    file = ROOT / path
    assert file.exists()
    if file.suffix == ".py":
        found = importlib.import_module(module_of(file))
        for part in name.split("."):
            found = getattr(found, part)
    else:
        assert name in file.read_text()

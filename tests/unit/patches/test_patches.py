"""Notices when LocalStack changes what a patch relies on.

Run as a program, this module writes the hashes of the installed LocalStack: `python <this file> --write`.
"""

import ast
import hashlib
import importlib
import inspect
import json
import pkgutil
import re
import sys
from pathlib import Path

import pytest
from relied_on import RELIED_ON

from serverless_harness.emulator import patches

MAX_LINES = 120
PYTHONS_OWN = {"_exit", "_lock", "_replace", "_asdict", "_ntuples", "_fields"}
ALL = (*patches.BEFORE_IMPORTS, *patches.ORDER)
HASHES = Path(__file__).with_name("patched_sources.json")


def patch_module(name):
    return importlib.import_module(f"serverless_harness.emulator.patches.{name}")


def label(patched):
    return f"{patched.__module__}:{patched.__qualname__}"


def source_hash(patched):
    return hashlib.sha256(inspect.getsource(patched).encode()).hexdigest()


def current_hashes():
    return {
        name: {label(patched): source_hash(patched) for patched in patch_module(name).PATCHED} for name in ALL
    } | {
        name: {label(object_): source_hash(object_) for object_ in objects}
        for name, objects in RELIED_ON.items()
    }


@pytest.mark.parametrize("name", ALL)
def test_a_patch_has_a_reason_a_list_of_what_it_relies_on_and_an_apply(name):
    module = patch_module(name)
    assert len((module.__doc__ or "").split()) > 10, f"{name} doesn't say why it is needed"
    assert callable(module.apply)
    assert module.PATCHED, f"{name} relies on nothing of LocalStack's"
    outside = [
        label(item)
        for item in module.PATCHED
        if not item.__module__.startswith(("localstack", "moto", "rolo", "werkzeug"))
    ]
    assert not outside, f"{name} is already applied, or lists objects that aren't LocalStack's: {outside}"


@pytest.mark.parametrize("name", ALL)
def test_what_a_patch_relies_on_is_unchanged(name):
    pinned = json.loads(HASHES.read_text()).get(name, {})
    current = {label(patched): source_hash(patched) for patched in patch_module(name).PATCHED}
    changed = sorted(key for key in pinned.keys() | current.keys() if pinned.get(key) != current.get(key))
    assert not changed, (
        f"what serverless_harness/emulator/patches/{name}.py relies on has changed: {', '.join(changed)}. "
        "Read LocalStack's new code, change the patch or delete it if it isn't needed any more, then run: "
        f"python {HASHES.parent.name}/{Path(__file__).name} --write"
    )


def test_no_hash_is_left_of_a_patch_that_is_gone():
    assert sorted(json.loads(HASHES.read_text())) == sorted([*ALL, *RELIED_ON])


@pytest.mark.parametrize("name", RELIED_ON)
def test_what_a_module_relies_on_is_unchanged(name):
    current = {label(object_): source_hash(object_) for object_ in RELIED_ON[name]}
    assert json.loads(HASHES.read_text()).get(name) == current, (
        f"{name} relies on LocalStack code that changed"
    )


def test_every_use_of_localstacks_private_parts_is_pinned():
    """Attributes with an underscore of what isn't the module's own; named tuples and locks are Python's."""
    emulator = Path(patches.__file__).parents[1]
    unpinned = set()
    for file in emulator.rglob("*.py"):
        name = ".".join(file.relative_to(emulator).with_suffix("").parts)
        if name.startswith("patches.") or name in RELIED_ON:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
                if isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"} | PYTHONS_OWN:
                    continue
                if node.attr not in PYTHONS_OWN:
                    unpinned.add(f"{name}: {ast.unparse(node)}")
    assert not unpinned


def test_each_patch_has_its_place_in_the_order():
    modules = [module.name for module in pkgutil.iter_modules(patches.__path__)]
    assert sorted(ALL) == sorted(modules)


@pytest.mark.parametrize("name", ALL)
def test_a_patch_only_puts_objects_in_place(name):
    """Logic is in the room that it belongs to: a patch has no class of its own, and few lines."""
    module = patch_module(name)
    own_classes = [
        each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__
    ]
    assert not [each for each in own_classes if isinstance(each, type)]
    assert len(inspect.getsource(module).splitlines()) <= MAX_LINES


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    HASHES.write_text(json.dumps(current_hashes(), indent=1, sort_keys=True) + "\n")

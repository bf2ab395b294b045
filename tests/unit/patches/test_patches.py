"""Notices when LocalStack changes what a patch relies on.

Run as a program, this module writes the hashes of the installed LocalStack: `python <this file> --write`.
"""

import hashlib
import importlib
import inspect
import json
import pkgutil
import sys
from pathlib import Path

import pytest

from serverless_harness.emulator import patches

MAX_LINES = 120
HASHES = Path(__file__).with_name("patched_sources.json")


def patch_module(name):
    return importlib.import_module(f"serverless_harness.emulator.patches.{name}")


def label(patched):
    return f"{patched.__module__}:{patched.__qualname__}"


def source_hash(patched):
    return hashlib.sha256(inspect.getsource(patched).encode()).hexdigest()


def current_hashes():
    return {
        name: {label(patched): source_hash(patched) for patched in patch_module(name).PATCHED}
        for name in patches.ORDER
    }


@pytest.mark.parametrize("name", patches.ORDER)
def test_a_patch_has_a_reason_a_list_of_what_it_relies_on_and_an_apply(name):
    module = patch_module(name)
    assert len((module.__doc__ or "").split()) > 10, f"{name} doesn't say why it is needed"
    assert callable(module.apply)
    assert module.PATCHED, f"{name} relies on nothing of LocalStack's"
    outside = [
        label(item)
        for item in module.PATCHED
        if not item.__module__.startswith(("localstack", "moto", "rolo"))
    ]
    assert not outside, f"{name} is already applied, or lists objects that aren't LocalStack's: {outside}"


@pytest.mark.parametrize("name", patches.ORDER)
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
    assert sorted(json.loads(HASHES.read_text())) == sorted(patches.ORDER)


def test_each_patch_has_its_place_in_the_order():
    modules = [module.name for module in pkgutil.iter_modules(patches.__path__)]
    assert sorted(patches.ORDER) == sorted(modules)


@pytest.mark.parametrize("name", patches.ORDER)
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

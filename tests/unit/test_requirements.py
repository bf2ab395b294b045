"""The locks install into an empty environment as they are, and hold all that the emulator needs."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LOCKS = [
    *(PROJECT / "requirements" / f"{name}.in" for name in ("bootstrap", "emulator", "shop", "run", "dev")),
    *(PROJECT / "serverless_harness" / "runtimes" / f"{name}.in" for name in ("debugger", "function")),
]
INSTALL_TIMEOUT_S = 600
UV_SYNC = (sys.executable, "-m", "uv", "pip", "sync", "--quiet", "--system-certs", "--require-hashes")

LOAD_EVERY_PROVIDER = """
from plux import PluginManager
manager = PluginManager("localstack.aws.provider")
names = manager.list_names()
assert len(names) > 30, names
for name in names:
    manager.load(name).load()
import localstack.runtime.main
"""


def pins(lock):
    """The versions in a lock, by package."""
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", lock.read_text(), re.MULTILINE))


def asked_for_by(part):
    """The lines of a requirements file that ask for a package."""
    lines = (PROJECT / "requirements" / f"{part}.in").read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def names(requirements):
    return {re.match(r"[\w.-]+", line)[0].lower() for line in requirements}


def imported_by(paths):
    """The distributions whose modules Python files import, or those below folders, in functions too."""
    files = [file for path in paths for file in ([path] if path.suffix == ".py" else path.rglob("*.py"))]
    trees = [ast.parse(file.read_text()) for file in files]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    owners = packages_distributions()
    found = {name.lower() for module in modules for name in owners.get(module.partition(".")[0], ())}
    return found - {"serverless-harness"}


EMULATOR = PROJECT / "serverless_harness" / "emulator"
HARNESS = [path for path in (PROJECT / "serverless_harness").iterdir() if path != EMULATOR]


@pytest.mark.parametrize(
    ("part", "folders", "with_others"),
    [
        # plux and awslambdaric: LocalStack's own loader, and the functions' Python.
        ("emulator", [EMULATOR], {"awslambdaric", "plux"}),
        # syrupy is asked for by the extra `testing`.
        ("harness", HARNESS, {"syrupy"}),
        # What harness.in asks for; pydantic_core is pydantic's; the plots are of who develops the shop.
        (
            "shop",
            [PROJECT / "shop"],
            {"boto3", "botocore", "httpx", "psutil", "pydantic", "pydantic_core", "rich", "typer"},
        ),
    ],
)
def test_what_is_imported_is_asked_for_by_name(part, folders, with_others):
    missing = imported_by(folders) - names(asked_for_by(part)) - with_others - {"matplotlib"}
    assert missing == set()


@pytest.mark.parametrize(
    ("part", "folders", "not_imported"),
    [
        # terraform-local is run, as `tflocal`.
        ("harness", HARNESS, {"terraform-local"}),
        ("shop", [PROJECT / "shop"], set()),
    ],
)
def test_what_is_asked_for_is_imported(part, folders, not_imported):
    unused = names(asked_for_by(part)) - imported_by(folders)
    assert unused == not_imported


def test_there_is_a_lock_of_every_requirements_file():
    """But of harness.in, which shop.in has whole."""
    files = set((PROJECT / "requirements").glob("*.in"))
    assert files - set(LOCKS) == {PROJECT / "requirements" / "harness.in"}
    assert all(file.with_suffix(".txt").exists() for file in LOCKS)


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.stem)
def test_every_package_is_pinned_with_hashes_and_no_address(file):
    text = file.with_suffix(".txt").read_text()
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert {re.split("=", package)[0] for package in packages} == set(pins(file.with_suffix(".txt")))
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in text
    assert "index" not in text


@pytest.mark.parametrize("part", ["bootstrap", "emulator", "shop", "run"])
def test_the_working_environment_has_the_very_versions_of_its_parts(part):
    everything = pins(PROJECT / "requirements" / "dev.txt")
    assert pins(PROJECT / "requirements" / f"{part}.txt").items() <= everything.items()


@pytest.mark.parametrize("name", ["localstack", "boto3", "pytest", "docker", "requests", "terraform-local"])
def test_what_users_expect_is_there_by_name(name):
    assert name in pins(PROJECT / "requirements" / "dev.txt")


def test_functions_see_the_sdk_and_the_runtime_client_and_what_those_need():
    own = {"awslambdaric", "boto3"}
    needed = {"botocore", "jmespath", "s3transfer", "python-dateutil", "six", "urllib3"}
    needed |= {"simplejson", "snapshot-restore-py"}
    assert set(pins(LOCKS[-1].with_suffix(".txt"))) == own | needed


def test_the_distribution_depends_on_what_the_emulator_and_the_harness_ask_for():
    """Word for word: what bounds a version here, and says why, bounds it for who installs the wheel."""
    asked_for = {line for part in ("emulator", "harness") for line in asked_for_by(part)}
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert sorted(project["dependencies"]) == sorted(asked_for)
    for extra in project["optional-dependencies"].values():
        assert set(extra) <= set((PROJECT / "requirements" / "dev.in").read_text().splitlines())


@pytest.fixture
def empty_environment(tmp_path):
    """The interpreter of an environment without any package."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    return tmp_path / "venv" / "bin" / "python"


def install(python, name):
    subprocess.run(
        [*UV_SYNC, "--python", python, next(lock.with_suffix(".txt") for lock in LOCKS if lock.stem == name)],
        check=True,
        timeout=INSTALL_TIMEOUT_S,
    )


def test_the_emulators_lock_installs_and_every_localstack_provider_loads(empty_environment, tmp_path):
    install(empty_environment, "emulator")
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "FILESYSTEM_ROOT": str(tmp_path / "fs")}
    subprocess.run([empty_environment, "-I", "-c", LOAD_EVERY_PROVIDER], check=True, env=environ)


@pytest.mark.parametrize(
    ("lock", "module"),
    [
        ("dev", "mypy"),
        ("run", "pytest"),
        ("shop", "boto3"),
        ("function", "awslambdaric"),
        ("bootstrap", "hatchling"),
    ],
)
def test_a_lock_installs_into_an_empty_environment(empty_environment, lock, module):
    install(empty_environment, lock)
    subprocess.run([empty_environment, "-I", "-c", f"import {module}"], check=True)


@pytest.mark.parametrize("part", ["emulator", "shop"])
@pytest.mark.parametrize("whole", ["run", "dev"])
def test_what_a_part_needs_is_in_what_the_scripts_install(part, whole):
    def pins(name):
        text = (PROJECT / "requirements" / f"{name}.txt").read_text()
        return {line.split()[0] for line in text.splitlines() if "==" in line and line[0] not in " #"}

    assert pins(part) - pins(whole) == set()

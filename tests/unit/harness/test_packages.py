"""Deployment packages: the same sources, the same bytes."""

import hashlib
import os
import zipfile

import pytest

from serverless_harness.deploy.packaging import build_package, build_packages, package_sources
from serverless_harness.errors import UserError
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings


@pytest.fixture
def handlers(tmp_path):
    folder = tmp_path / "handlers"
    for name, content in {
        "accept/accept.py": "import shop",
        "accept/templates/mail.txt": "hello",
        "accept/__pycache__/accept.cpython-313.pyc": "cache",
        "process/process.py": "import shop",
        "common/shop.py": "x = 1",
        "empty/README.md": "no function",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def sources(handlers):
    return [handlers / "accept", handlers / "common"]


def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_package_holds_the_function_and_what_is_common_at_its_root(handlers, tmp_path):
    package = build_package(sources(handlers), tmp_path / "accept.zip")
    with zipfile.ZipFile(package) as archive:
        assert archive.namelist() == ["accept.py", "shop.py", "templates/mail.txt"]
        assert archive.read("shop.py") == b"x = 1"


def test_times_and_modes_of_the_sources_do_not_matter(handlers, tmp_path):
    before = sha256(build_package(sources(handlers), tmp_path / "a.zip"))
    for file in handlers.rglob("*.py"):
        os.utime(file, (1_000_000_000, 1_000_000_000))
        file.chmod(0o600)
    assert sha256(build_package(sources(handlers), tmp_path / "b.zip")) == before


def test_every_file_is_readable_by_the_functions_user(handlers, tmp_path):
    (handlers / "accept" / "accept.py").chmod(0o600)
    with zipfile.ZipFile(build_package(sources(handlers), tmp_path / "a.zip")) as archive:
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def test_a_change_changes_the_package_of_that_function_alone(handlers, tmp_path):
    packages = {name: [f"handlers/{name}", "handlers/common"] for name in ("accept", "process")}
    project = Project(tmp_path, Settings(packages=packages))
    before = {name: sha256(file) for name, file in build_packages(project, tmp_path).items()}
    (handlers / "accept" / "accept.py").write_text("import shop as other")
    after = {name: sha256(file) for name, file in build_packages(project, tmp_path).items()}
    assert after["accept"] != before["accept"]
    assert after["process"] == before["process"]


def test_a_name_that_occurs_twice_is_refused(handlers, tmp_path):
    (handlers / "accept" / "shop.py").write_text("")
    with pytest.raises(UserError, match=r"shop\.py"):
        build_package(sources(handlers), tmp_path / "accept.zip")


def test_the_shops_packages_are_named_in_its_settings():
    project = current()
    sources = package_sources(project)
    assert list(sources) == ["accept", "decrypt", "process"]
    assert sources["accept"] == [project.folder / "handlers/accept", project.folder / "handlers/common"]

"""The compose stack's own tests: stacks that they may break, from a copy of the sources that they may change.

They talk to the engine through the `docker` package; the images are those that `./scripts/test` has built.
"""

import shutil
from pathlib import Path

import docker
import pytest
from compose_project import ComposeProject

from serverless_harness.project.locate import current
from serverless_harness.stack.compose import TEST_PROJECT, ComposeStack, why_no_engine
from serverless_harness.stack.embedded import free_port

SOURCES = (
    ".dockerignore",
    "docker-compose.yml",
    "docker",
    "serverless_harness",
    "handlers",
    "shop",
    "pyproject.toml",
    "requirements",
    "terraform",
)


@pytest.fixture(scope="session", autouse=True)
def engine():
    """A client of the Docker engine; without one, and on other targets, the tests are skipped."""
    if reason := why_no_engine():
        pytest.skip(reason)
    client = docker.from_env()
    yield client
    client.close()


def copy_sources(folder: Path) -> Path:
    for name in SOURCES:
        source = current().folder / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture
def sources(tmp_path):
    """A copy of all that compose needs."""
    return copy_sources(tmp_path)


@pytest.fixture(scope="session")
def project(engine, tmp_path_factory):
    """A stack of these tests' own, which is running and deployed; `docker compose up --wait` made it so."""
    port = free_port()
    folder = copy_sources(tmp_path_factory.mktemp("compose"))
    project = ComposeProject(engine, ComposeStack(port, f"{TEST_PROJECT}-{port}", folder))
    try:
        project.stack.ensure_running()
        yield project
    finally:
        project.stack.stop(delete=True)

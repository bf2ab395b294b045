"""`up` leaves Terraform out only where nothing that a deployment is made of has changed."""

import httpx
import pytest

from serverless_harness.deploy import inputs
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.targets import LocalTarget

PARTS = (
    "terraform/main.tf",
    "terraform/modules/function/main.tf",
    "handlers/accept/accept.py",
    "handlers/common/shared.py",
    "shop/shops.py",
    "shop/samples/items.json",
)


class ProjectWithData(Project):
    def sources(self):
        return [self.folder / "shop/shops.py", self.folder / "shop/samples/items.json"]


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    for part in PARTS:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).write_text(part)
    packages = {"accept": ["handlers/accept", "handlers/common"]}
    return ProjectWithData(folder, Settings(packages=packages))


@pytest.fixture
def target(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs.emulator_session, "session_id", lambda _: "a session")
    (tmp_path / "state").mkdir()
    return LocalTarget("http://127.0.0.1:1", tmp_path / "state")


@pytest.mark.parametrize("part", PARTS)
def test_every_source_counts(project, part):
    before = inputs.deployment_inputs(project, {})
    assert inputs.deployment_inputs(project, {}) == before
    (project.folder / part).write_text("edited")
    assert inputs.deployment_inputs(project, {}) != before


def test_a_new_and_a_renamed_source_count(project):
    found = {inputs.deployment_inputs(project, {})}
    (project.folder / "handlers/accept/new.py").write_text("")
    found.add(inputs.deployment_inputs(project, {}))
    (project.folder / "handlers/accept/new.py").rename(project.folder / "handlers/accept/other.py")
    found.add(inputs.deployment_inputs(project, {}))
    assert len(found) == 3


def test_variables_count(project, monkeypatch):
    found = {inputs.deployment_inputs(project, {}), inputs.deployment_inputs(project, {"name_prefix": "x"})}
    monkeypatch.setenv("TF_VAR_name_prefix", "x")
    found.add(inputs.deployment_inputs(project, {}))
    assert len(found) == 3


def test_what_was_applied_is_known_to_its_emulator_alone(target, monkeypatch):
    assert not inputs.is_applied(target, "inputs")
    inputs.record_applied(target, "inputs")
    assert inputs.is_applied(target, "inputs")
    assert not inputs.is_applied(target, "other inputs")
    monkeypatch.setattr(inputs.emulator_session, "session_id", lambda _: "the next session")
    assert not inputs.is_applied(target, "inputs")


def test_an_emulator_without_sessions_is_never_known(target, monkeypatch):
    def fail(_):
        raise httpx.ConnectError("nobody answers")

    monkeypatch.setattr(inputs.emulator_session, "session_id", fail)
    inputs.record_applied(target, "inputs")
    assert not inputs.is_applied(target, "inputs")


def test_a_watched_edit_needs_a_deployment(target):
    inputs.record_applied(target, "inputs")
    inputs.record_watched(target, "decrypt")
    inputs.record_watched(target, "accept")
    inputs.record_watched(target, "accept")
    assert not inputs.is_applied(target, "inputs")
    assert inputs.watched_functions(target) == ["accept", "decrypt"]
    inputs.forget_watched(target)
    assert inputs.watched_functions(target) == []

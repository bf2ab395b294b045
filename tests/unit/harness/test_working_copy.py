"""Terraform works in a copy that has the project's layout; the project itself stays as it is."""

import os
from pathlib import Path

import pytest

from serverless_harness.deploy import working_copy
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings


def write(folder, *names):
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)


@pytest.fixture
def repository(tmp_path):
    """A repository with two services; one of them is the project."""
    write(tmp_path, ".git/HEAD", "modules/queue/main.tf", "services/other/app.py")
    write(
        tmp_path / "services" / "notes",
        *("infra/main.tf", "infra/dev.auto.tfvars", "infra/.terraform.lock.hcl", "src/read/app.py"),
        *(
            "infra/terraform.tfstate",
            "infra/.terraform/providers/x",
            "src/__pycache__/app.pyc",
            ".venv/bin/python",
        ),
    )
    return tmp_path


@pytest.fixture
def project(repository):
    return Project(repository / "services" / "notes", Settings())


def files_in(folder):
    return {
        str(Path(parent, name).relative_to(folder)) for parent, _, names in os.walk(folder) for name in names
    }


def test_relative_paths_lead_to_the_same_files(project, tmp_path):
    work = working_copy.update(project, tmp_path / "copy")
    assert work == tmp_path / "copy" / "services" / "notes" / "infra"
    for name in ("main.tf", "dev.auto.tfvars", "../src/read/app.py", "../../../modules/queue/main.tf"):
        assert (work / name).read_text() == (project.terraform / name).read_text()


def test_other_places_states_and_caches_stay_away(project, tmp_path):
    work = working_copy.update(project, tmp_path / "copy")
    for name in ("terraform.tfstate", ".terraform", "../src/__pycache__"):
        assert not (work / name).exists()
    assert (work.parent / ".venv").is_symlink()


def test_nothing_that_is_written_there_reaches_the_project(project, tmp_path):
    before = files_in(project.folder)
    work = working_copy.update(project, tmp_path / "copy")
    write(work, "../src/read/app.zip", "../build/new.zip")
    with (work / "main.tf").open("a") as file:
        file.write("edited")
    assert files_in(project.folder) == before
    assert (project.terraform / "main.tf").read_text() == "infra/main.tf"


def test_edits_and_removals_follow_and_what_terraform_made_stays(project, tmp_path):
    copy = tmp_path / "copy"
    work = working_copy.update(project, copy)
    write(work, "made.zip")
    (project.terraform / "main.tf").write_text("edited")
    (project.folder / "src" / "read" / "app.py").unlink()
    working_copy.update(project, copy)
    assert (work / "main.tf").read_text() == "edited"
    assert not (work.parent / "src" / "read" / "app.py").exists()
    assert [file.name for file in working_copy.made_files(copy)] == ["made.zip"]


def test_an_unchanged_file_is_not_copied_again(project, tmp_path):
    work = working_copy.update(project, tmp_path / "copy")
    inode = (work / "main.tf").stat().st_ino
    working_copy.update(project, tmp_path / "copy")
    assert (work / "main.tf").stat().st_ino == inode


def test_without_a_repository_the_project_is_all_there_is(tmp_path):
    write(tmp_path / "notes", "main.tf", "src/app.py")
    work = working_copy.update(Project(tmp_path / "notes", Settings()), tmp_path / "copy")
    assert work == tmp_path / "copy"
    assert files_in(work) == {"main.tf", "src/app.py"}


def test_terraforms_folder_may_be_beside_the_project(tmp_path):
    write(tmp_path, "infra/main.tf", "service/src/app.py")
    project = Project(tmp_path / "service", Settings(terraform="../infra"))
    work = working_copy.update(project, tmp_path / "copy")
    assert (work / "../service/src/app.py").read_text() == "service/src/app.py"

"""Which events a project has for a function: the command and the console find the same ones."""

import pytest

from serverless_harness.errors import UserError
from serverless_harness.functions.invoke import event_files, load_event
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings


@pytest.fixture
def project(tmp_path):
    for folder, event in (("write", "short"), ("orders-write", "long"), ("read", "other")):
        (tmp_path / "events" / folder).mkdir(parents=True)
        (tmp_path / "events" / folder / f"{event}.json").write_text(f'"{event}"')
    (tmp_path / "events" / "README.md").touch()
    return Project(tmp_path, Settings(events="events"))


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ("dev-write-1", ["short"]),
        ("dev-orders-write", ["long"]),
        ("dev-orders-read", ["other"]),
        ("none", []),
    ],
)
def test_events_are_in_the_folder_that_is_the_longest_part_of_a_functions_name(project, function, names):
    assert list(event_files(project, function)) == names


def test_an_event_is_a_name_or_a_file(project, tmp_path):
    assert load_event(project, "dev-write-1", "short") == "short"
    assert load_event(project, "dev-write-1", str(tmp_path / "events" / "read" / "other.json")) == "other"


def test_of_an_event_that_is_missing_the_others_are_named(project):
    with pytest.raises(UserError, match="there is no event 'long': give a file, or one of short"):
        load_event(project, "dev-write-1", "long")

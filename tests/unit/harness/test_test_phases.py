"""Which tests each phase of `./scripts/test` runs, and on which shop."""

import subprocess
from types import SimpleNamespace

import pytest

from serverless_harness.errors import UserError
from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.targets import DEPLOYMENT_FILE
from serverless_harness.testing import suite
from serverless_harness.testing.suite import Phase
from serverless_harness.testing.under_test import (
    COMPOSE_VARIABLE,
    ENDPOINT_VARIABLE,
    STATE_VARIABLE,
    deployment_under_test,
)

UNIT, INTEGRATION = Phase.unit(current()), Phase.integration(current())
UNIT_FILE = "tests/unit/harness/test_packages.py"
INTEGRATION_FILE = "tests/integration/test_function_logs.py"


def files_of(phase, arguments):
    """Collect what a phase would run; gives the tests' files."""
    command = [*phase.command(arguments), "--collect-only", "-q"]
    printed = subprocess.run(
        command, cwd=current().folder, capture_output=True, text=True, check=False
    ).stdout
    return {line.split("::")[0] for line in printed.splitlines() if "::" in line}


def test_files_run_in_the_phase_of_their_folder_however_they_are_named():
    arguments = [f"./{INTEGRATION_FILE}", str(current().folder / UNIT_FILE)]
    assert files_of(UNIT, arguments) == {UNIT_FILE}
    assert files_of(INTEGRATION, arguments) == {INTEGRATION_FILE}


@pytest.mark.parametrize("phase", [UNIT, INTEGRATION], ids=lambda phase: phase.folder)
def test_a_folder_above_both_is_divided(phase):
    found = files_of(phase, ["tests/"])
    assert found
    assert {file for file in found if not file.startswith(f"{phase.folder}/")} == set()


def test_a_file_of_one_folder_selects_nothing_in_the_other_phase():
    assert UNIT.is_selected_by([UNIT_FILE])
    assert not INTEGRATION.is_selected_by([UNIT_FILE])


@pytest.fixture
def running_shop(monkeypatch, tmp_path):
    """A shop that `./scripts/up` seems to have left, and a caller's variables that lead to it."""
    monkeypatch.setattr(EmbeddedStack, "state_dir", tmp_path)
    (tmp_path / DEPLOYMENT_FILE).write_text('{"outputs": {}, "functions": {}, "regions": []}')
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    monkeypatch.setenv(ENDPOINT_VARIABLE, "http://127.0.0.1:4566")
    monkeypatch.setenv(COMPOSE_VARIABLE, "shop")


@pytest.mark.usefixtures("running_shop")
def test_the_unit_phase_has_no_shop_even_where_one_runs(monkeypatch):
    ran = []
    monkeypatch.setattr(Phase, "is_selected_by", lambda phase, _: phase == UNIT)
    process = SimpleNamespace(wait=lambda: 0)
    monkeypatch.setattr(
        suite.subprocess, "Popen", lambda *_, **options: ran.append(options["env"]) or process
    )
    assert suite.run_tests("embedded", False, [UNIT_FILE]) == 0
    [environ] = ran
    assert ENDPOINT_VARIABLE not in environ
    assert COMPOSE_VARIABLE not in environ
    monkeypatch.setenv(STATE_VARIABLE, environ[STATE_VARIABLE])
    with pytest.raises(UserError, match="without a stack"):
        deployment_under_test()


@pytest.mark.parametrize(
    ("arguments", "side_by_side"),
    [([], True), ([INTEGRATION.folder], True), ([f"{INTEGRATION.folder}/"], True), (["-k", "order"], False)],
)
def test_integration_tests_run_side_by_side_unless_some_are_selected(arguments, side_by_side):
    assert bool(suite._side_by_side(INTEGRATION, arguments)) is side_by_side

import threading
from types import SimpleNamespace

import pytest
from localstack.aws.api.lambda_ import ResourceNotFoundException, State
from localstack.services.lambda_.invocation.lambda_models import S3Code, VersionState
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager

from serverless_harness.emulator.lambda_service import updates
from serverless_harness.emulator.lambda_service.assignment import VersionRetiredError
from serverless_harness.emulator.lambda_service.slots import Version

INVOCATION = SimpleNamespace(invoked_arn="arn:aws:lambda:eu-central-1:000000000000:function:accept")


class Assignment:
    """The assignment service, as far as versions' ends go."""

    def __init__(self):
        self.retired, self.pending, self.in_use = [], [], []

    def stop_environments_for_version(self, manager_id):
        self.retired.append(manager_id)

    def when_unused(self, uses, then):
        self.pending.append((uses, then))
        self.settle()

    def settle(self):
        for uses, then in list(self.pending):
            if not any(uses(version) for version in self.in_use):
                self.pending.remove((uses, then))
                then()


@pytest.fixture
def assignment(applied, monkeypatch):
    assignment = Assignment()
    monkeypatch.setattr(updates, "shared_service", lambda: assignment)
    applied("lambda_updates")
    return assignment


@pytest.fixture
def cleaned(monkeypatch):
    cleaned = []
    executor = SimpleNamespace(cleanup_version=cleaned.append)
    monkeypatch.setattr(updates, "get_runtime_executor", lambda: executor)
    return cleaned


def manager(assignment, version, manager_id):
    made = LambdaVersionManager.__new__(LambdaVersionManager)
    vars(made).update(
        id=manager_id,
        function_version=version,
        function_arn=version.qualified_arn,
        state=VersionState(state=State.Active),
        shutdown_event=threading.Event(),
        log_handler=SimpleNamespace(stop=lambda: None),
        assignment_service=assignment,
    )
    return made


def update(old, new, state=State.Active):
    """Do what LocalStack does as the new version reports its state, up to the swap."""
    service = SimpleNamespace(
        lambda_running_versions={old.function_arn: old}, lambda_starting_versions={new.function_arn: new}
    )
    swapped = []
    updates.update_version_state(
        lambda *arguments: swapped.append(arguments), service, new.function_version, VersionState(state=state)
    )
    assert len(swapped) == 1


def test_a_stopped_version_is_cleaned_up_once_nothing_uses_it(assignment, cleaned, version):
    old = manager(assignment, version, "old")
    assignment.in_use = [Version("old", version)]
    old.stop()
    assert assignment.retired == ["old"]
    assert old.state.state == State.Inactive
    assert cleaned == []
    assignment.in_use = [Version("new", version)]
    assignment.settle()
    assert cleaned == [version]


def test_a_version_without_a_successor_refuses_invokes_and_an_updated_one_passes_them_on(
    assignment, cleaned, version
):
    deleted, old, new = (manager(assignment, version, name) for name in ("deleted", "old", "new"))
    update(old, new)
    deleted.stop()
    old.stop()
    assert deleted.shutdown_event.is_set()
    assert not old.shutdown_event.is_set()


def invoke(called, /, **answers):
    """Invoke through the patch, LocalStack's own `invoke` answering by the manager's id."""

    def original(version_manager, *, invocation):
        answer = answers[version_manager.id]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return updates.invoke(original, called, invocation=INVOCATION)


def test_an_invoke_that_comes_too_late_is_served_by_the_newest_version(assignment, version):
    first, second, third = (manager(assignment, version, name) for name in ("first", "second", "third"))
    update(first, second)
    update(second, third)
    assert (
        invoke(first, first=VersionRetiredError(), second=VersionRetiredError(), third="result") == "result"
    )


def test_an_invoke_of_a_deleted_function_is_told_so(assignment, version):
    with pytest.raises(ResourceNotFoundException, match="Function not found: arn:aws:lambda"):
        invoke(manager(assignment, version, "deleted"), deleted=VersionRetiredError())


def test_a_failed_update_leaves_the_old_version_in_place(assignment, version):
    old, new = manager(assignment, version, "old"), manager(assignment, version, "new")
    update(old, new, State.Failed)
    with pytest.raises(ResourceNotFoundException):
        invoke(old, old=VersionRetiredError())


def test_code_is_deleted_once_nothing_runs_it(assignment, version):
    code = S3Code("id", "000000000000", "bucket", "key", None, "sha", 1)
    destroyed = []
    version.config.code = code
    assignment.in_use = [Version("old", version)]
    updates.destroy_code(destroyed.append, code)
    assert destroyed == []
    assignment.in_use = []
    assignment.settle()
    assert destroyed == [code]


def test_the_patched_methods_are_in_place(assignment):
    for method in (LambdaService.update_version_state, LambdaVersionManager.invoke, S3Code.destroy):
        assert method.__subject__.__module__ == "serverless_harness.emulator.lambda_service.updates"

"""Functions get their new code when their sources change, and only then."""

from dataclasses import dataclass, field

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, WaiterError

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.handler_watch import HandlerWatch
from serverless_harness.deploy.packaging import build_packages
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.targets import LocalTarget

NAMES = {"accept": "shop-accept", "process": "shop-process"}


@dataclass
class Functions:
    """Stands in for boto3's client: takes code, waits for nothing."""

    updates: list = field(default_factory=list)

    def update_function_code(self, FunctionName, ZipFile):
        self.updates.append((FunctionName, ZipFile))

    def get_waiter(self, _):
        return self

    def wait(self, **_):
        pass


@pytest.fixture
def functions(monkeypatch):
    functions = Functions()
    monkeypatch.setattr(LocalTarget, "client", lambda *_: functions)
    return functions


@pytest.fixture
def handlers(tmp_path):
    handlers = tmp_path / "handlers"
    for name in ("accept", "process", "common"):
        (handlers / name).mkdir(parents=True)
        (handlers / name / f"{name}.py").write_text(f"# {name}\n")
    return handlers


@pytest.fixture
def project(handlers):
    packages = {name: [f"handlers/{name}", "handlers/common"] for name in ("accept", "process")}
    return Project(handlers.parent, Settings(packages=packages))


@pytest.fixture
def reports():
    return []


@pytest.fixture
def watch(tmp_path, project, functions, reports):
    target = LocalTarget("http://127.0.0.1:1", tmp_path / "state")
    build_packages(project, target.state_dir / "packages")
    return HandlerWatch(Deployment(target, {}, tuple(NAMES.values())), reports.append, project)


def test_untouched_sources_update_nothing(watch, functions):
    watch.look()
    watch.look()
    assert functions.updates == []


def test_what_tools_leave_behind_is_no_change(watch, functions, handlers):
    watch.look()
    cache = handlers / "accept" / "__pycache__"
    cache.mkdir()
    (cache / "accept.pyc").write_text("")
    (handlers / ".ruff_cache").mkdir()
    (handlers / ".ruff_cache" / "x.py").write_text("")
    watch.look()
    assert functions.updates == []


def test_changed_handler_updates_its_function_once(watch, functions, handlers, project, reports, tmp_path):
    watch.look()
    (handlers / "accept" / "accept.py").write_text("# another\n")

    watch.look()
    watch.look()

    assert [name for name, _ in functions.updates] == ["shop-accept"]
    package = tmp_path / "state" / "packages" / "accept.zip"
    assert functions.updates[0][1] == package.read_bytes()
    assert package.read_bytes() == build_packages(project, tmp_path / "new")["accept"].read_bytes()
    assert reports == ["accept runs its changed code"]


def test_what_changed_before_the_first_look_counts(watch, functions, handlers):
    (handlers / "process" / "process.py").write_text("# another\n")
    watch.look()
    assert [name for name, _ in functions.updates] == ["shop-process"]


def test_common_code_updates_all(watch, functions, handlers):
    watch.look()
    (handlers / "common" / "common.py").unlink()
    watch.look()
    assert [name for name, _ in functions.updates] == ["shop-accept", "shop-process"]


def test_function_that_is_not_deployed_waits_for_terraform(watch, functions, handlers, project, reports):
    (handlers / "refund").mkdir()
    (handlers / "refund" / "refund.py").write_text("")
    packages = {**project.settings.packages, "refund": {"sources": ["handlers/refund"]}}
    deployment = Deployment(LocalTarget("http://127.0.0.1:1", project.folder / "state"), {}, ("shop-accept",))
    HandlerWatch(deployment, reports.append, Project(project.folder, Settings(packages=packages))).look()
    assert functions.updates == []
    assert reports == []


def test_sources_that_cannot_be_packed_are_reported_once(watch, functions, handlers, reports):
    (handlers / "accept" / "common.py").write_text("# like common's\n")

    watch.look()
    watch.look()

    assert functions.updates == []
    assert len(reports) == 1
    assert "rename one" in reports[0]


def test_failed_update_is_tried_again(watch, functions, handlers, monkeypatch):
    (handlers / "accept" / "accept.py").write_text("# another\n")
    monkeypatch.setattr(Functions, "wait", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        watch.look()
    monkeypatch.undo()
    monkeypatch.setattr(LocalTarget, "client", lambda *_: functions)

    watch.look()

    assert [name for name, _ in functions.updates] == ["shop-accept", "shop-accept"]


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ServiceException", "Message": "later"}}, "UpdateFunctionCode"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        WaiterError("function_updated_v2", "timed out", {}),
    ],
)
def test_emulator_that_fails_for_a_while_is_reported_once_and_tried_again(
    watch, functions, handlers, reports, monkeypatch, error
):
    def fail(*_, **__):
        raise error

    (handlers / "accept" / "accept.py").write_text("# another\n")
    with monkeypatch.context() as failing:
        failing.setattr(Functions, "wait", fail)
        watch.look()
        watch.look()
    assert len(reports) == 1
    assert reports[0].startswith("The changed sources can't be deployed yet: ")
    assert "\n" not in reports[0]

    watch.look()
    watch.look()

    assert reports[1:] == ["accept runs its changed code"]
    assert len(functions.updates) == 3

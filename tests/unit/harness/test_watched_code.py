"""`up --watch` of packages that Terraform or the project makes: their sources are put in as they are now."""

import io
import json
import zipfile

import pytest

from serverless_harness.deploy import watched_code as module
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.handler_watch import HandlerWatch
from serverless_harness.deploy.terraform_state import archived_sources
from serverless_harness.deploy.watch_loop import require_sources
from serverless_harness.deploy.watched_code import WatchedCode
from serverless_harness.errors import UserError
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.targets import LocalTarget


def zipped(**contents):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in contents.items():
            opened.writestr(name.replace("__", "/").replace("_", "."), content)
    return archive.getvalue()


def unzipped(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


@pytest.fixture
def source(tmp_path):
    source = tmp_path / "src" / "take"
    source.mkdir(parents=True)
    (source / "take.py").write_text("old")
    (source / "README.md").write_text("not packed")
    return source


def test_what_else_is_in_a_package_stays_and_what_was_left_out_stays_out(source):
    code = WatchedCode("take", [source], zipped(take_py="old", httpx__client_py="installed"))
    (source / "take.py").write_text("new")
    (source / "README.md").write_text("still not packed")
    (source / "more").mkdir()
    (source / "more" / "added.py").write_text("added")

    assert unzipped(code.package()) == {
        "take.py": "new",
        "httpx/client.py": "installed",
        "more/added.py": "added",
    }
    (source / "more" / "added.py").unlink()
    assert set(unzipped(code.package())) == {"take.py", "httpx/client.py"}


def test_sources_may_be_in_a_folder_of_the_package(source):
    code = WatchedCode("take", [source], zipped(app__take_py="old", other_py="x"))
    (source / "take.py").write_text("new")
    assert unzipped(code.package()) == {"app/take.py": "new", "other.py": "x"}


def test_a_single_file_is_a_source(source):
    code = WatchedCode("take", [source / "take.py"], zipped(take_py="old"))
    (source / "take.py").write_text("new")
    assert unzipped(code.package()) == {"take.py": "new"}


def test_a_package_that_is_not_made_of_the_sources_is_refused(source):
    with pytest.raises(UserError, match="the package of take contains none of the files in"):
        WatchedCode("take", [source], zipped(other_py="x"))


@pytest.fixture
def project(tmp_path, source):
    infra = tmp_path / "infra"
    infra.mkdir()
    (infra / "main.tf").write_text('data "archive_file" "take" {}\n')
    (tmp_path / "pyproject.toml").touch()
    return Project(tmp_path, Settings())


@pytest.fixture
def target(tmp_path, project):
    """A target with the state that Terraform writes of an archive and the function that is made of it."""
    target = LocalTarget("http://127.0.0.1:1", tmp_path / "state", project=project)
    archive = {
        "type": "zip",
        "source_dir": "./../src/take",
        "source_file": None,
        "output_path": "./out/take.zip",
    }
    elsewhere = {**archive, "source_dir": "/usr/lib", "output_path": "other.zip"}
    functions = {"orders-take": "out/take.zip", "orders-other": "other.zip", "orders-s3": None}
    state = {
        "resources": [
            {
                "mode": "data",
                "type": "archive_file",
                "instances": [{"attributes": each} for each in (archive, elsewhere)],
            },
            {
                "mode": "managed",
                "type": "aws_lambda_function",
                "instances": [
                    {"attributes": {"function_name": name, "filename": filename}}
                    for name, filename in functions.items()
                ],
            },
        ]
    }
    (target.state_dir / "terraform").mkdir(parents=True)
    (target.state_dir / "terraform" / "terraform.tfstate").write_text(json.dumps(state))
    return target


def test_terraforms_archives_tell_which_folder_of_the_project_is_whose_code(target, source):
    assert archived_sources(target) == {"orders-take": source}


class Functions:
    """Stands in for boto3's client of Lambda."""

    def __init__(self):
        self.updates = []

    def update_function_code(self, FunctionName, ZipFile):
        self.updates.append((FunctionName, unzipped(ZipFile)))

    def get_waiter(self, _):
        return self

    def wait(self, **_):
        pass


@pytest.mark.parametrize("watched", [{}, {"take": ["src/take"]}], ids=["archive_file", "setting"])
def test_an_edited_source_is_the_functions_code_once(target, project, source, monkeypatch, watched):
    functions, reports = Functions(), []
    monkeypatch.setattr(LocalTarget, "client", lambda *_: functions)
    monkeypatch.setattr(module, "_package_of", lambda *_: zipped(take_py="old"))
    deployment = Deployment(target, {}, ("orders-take", "orders-other"))
    watch = HandlerWatch(deployment, reports.append, Project(project.folder, Settings(watch=watched)))

    watch.look()
    assert functions.updates == []
    (source / "take.py").write_text("new")
    watch.look()
    watch.look()

    assert functions.updates == [("orders-take", {"take.py": "new"})]
    assert reports == ["orders-take runs its changed code"]
    assert watch.functions == ["orders-take"]


def test_there_is_something_to_watch_where_terraform_makes_archives(project):
    require_sources(project)
    (project.terraform / "main.tf").write_text("")
    with pytest.raises(UserError, match="nothing to watch"):
        require_sources(project)

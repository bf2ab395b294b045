"""Layers of other accounts hold what the settings say."""

import io
import zipfile

import pytest

from serverless_harness.deploy import layers
from serverless_harness.errors import UserError
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings

ARN = "arn:aws:lambda:eu-west-1:017000801446:layer:texts:3"


@pytest.fixture
def folder(tmp_path):
    for name, content in {"one/python/a.py": "a", "one/bin/tool": "#!", "two/python/b.py": "b"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "one/bin/tool").chmod(0o755)
    return tmp_path


def build(folder, *contents):
    [archive] = layers.build_layers(
        Project(folder, Settings(layers={ARN: contents and list(contents)}))
    ).values()
    return archive


def entries(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {entry.filename: entry.external_attr >> 16 for entry in opened.infolist()}


def test_folders_stand_for_opt_and_programs_stay_programs(folder):
    archive = build(folder, "one/", "./two")
    assert entries(archive) == {"bin/tool": 0o100755, "python/a.py": 0o100644, "python/b.py": 0o100644}
    assert build(folder, "one/", "./two") == archive


def test_requirements_are_where_functions_import_from(folder, monkeypatch):
    monkeypatch.setattr(
        layers, "install_requirements", lambda _, requirements: folder / "one" if requirements else None
    )
    assert set(entries(build(folder, "texts==1.0"))) == {"python/python/a.py", "python/bin/tool"}


def test_a_zip_is_taken_as_it_is(folder):
    with zipfile.ZipFile(folder / "layer.zip", "w") as archive:
        archive.writestr("python/c.py", "c")
    assert build(folder, "layer.zip") == (folder / "layer.zip").read_bytes()
    with pytest.raises(UserError, match="unpack it"):
        build(folder, "layer.zip", "one/")


@pytest.mark.parametrize("named", ["one/", "./one", "layer.zip", "../shared/layer"])
def test_a_path_is_told_from_a_requirement(named):
    assert layers.is_path(named)


@pytest.mark.parametrize(
    "named", ["texts", "texts[x]==1.0", "texts @ https://example.com/texts.zip", "-r a/b.txt"]
)
def test_a_requirement_is_told_from_a_path(named):
    assert not layers.is_path(named)

"""Packages and names as LocalStack takes them, with the patches applied."""

import io
import stat
import threading
import zipfile
from types import SimpleNamespace

import pytest
from localstack.aws.api import CommonServiceException
from localstack.aws.api.lambda_ import InvalidParameterValueException, ResourceNotFoundException
from localstack.services.lambda_ import api_utils
from localstack.services.lambda_.invocation import lambda_models, lambda_service
from localstack.services.lambda_.invocation.lambda_models import S3Code
from localstack.services.lambda_.provider import LambdaProvider
from localstack.services.lambda_.resource_providers import aws_lambda_function


def package(**links):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("h.py", "def handler(event, context): pass")
        for name, target in links.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
    return content.getvalue()


@pytest.fixture(autouse=True)
def patched(applied):
    applied("lambda_packages")
    applied("lambda_names")


@pytest.fixture
def code(tmp_path, monkeypatch):
    """An `S3Code` of given bytes."""
    monkeypatch.setattr(lambda_models.tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()

    def code(content):
        monkeypatch.setattr(
            S3Code, "_download_archive_to_file", lambda self, file: (file.write(content), file.flush())
        )
        return S3Code("f-1", "0", "bucket", "key", None, "", 0, _disk_lock=threading.RLock())

    return code


def test_a_package_is_unpacked_for_functions_to_read(code):
    one = code(package(alias="h.py"))
    one.prepare_for_execution()
    one.prepare_for_execution()
    folder = one.get_unzipped_code_location()
    assert stat.S_IMODE(folder.stat().st_mode) & 0o007 == 0
    assert sorted(path.name for path in folder.iterdir()) == ["alias", "h.py"]
    assert [path.name for path in folder.parent.iterdir()] == ["code"]


def test_one_that_leaves_its_folder_is_not(code, tmp_path):
    one = code(package(d="../../../../secret"))
    (tmp_path / "tmp/secret").touch(mode=0o600)
    with pytest.raises(ValueError, match="leads out of it"):
        one.prepare_for_execution()
    assert stat.S_IMODE((tmp_path / "tmp/secret").stat().st_mode) == 0o600
    assert not one.get_unzipped_code_location().exists()


def test_it_is_refused_as_it_comes_in():
    with pytest.raises(InvalidParameterValueException) as refused:
        lambda_service.store_lambda_archive(package(d="/root"), "f", "us-east-1", "000000000000")
    assert refused.value.message == (
        "Could not unzip uploaded file. Please check your file, then try to upload again. "
        "(the symbolic link 'd' leads out of it, to '/root')"
    )


def test_size_and_rubbish_have_awss_messages(monkeypatch):
    monkeypatch.setattr(lambda_service.config, "LAMBDA_LIMITS_CODE_SIZE_UNZIPPED", 10)
    with pytest.raises(
        InvalidParameterValueException, match=r"^Unzipped size must be smaller than 10 bytes$"
    ):
        lambda_service.store_lambda_archive(package(), "f", "us-east-1", "000000000000")
    with pytest.raises(InvalidParameterValueException, match=r"^Could not unzip uploaded file[^(]*$"):
        lambda_service.store_lambda_archive(b"rubbish", "f", "us-east-1", "000000000000")


def test_hot_reloading_is_limited_to_named_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDA_HOT_RELOAD_FOLDERS", str(tmp_path))
    arguments = ("hot-reload", None, "f", "us-east-1", "000000000000")
    bucket, *rest = arguments
    code = lambda_service.store_s3_bucket_archive(bucket, str(tmp_path), *rest)
    assert code.get_unzipped_code_location() == tmp_path
    with pytest.raises(InvalidParameterValueException, match="LAMBDA_HOT_RELOAD_FOLDERS"):
        lambda_service.store_s3_bucket_archive(bucket, "/", *rest)


@pytest.mark.parametrize("handler", ["../../x.handler", "/etc/x.handler", "a/../../x.handler"])
def test_inline_code_of_cloudformation_stays_in_its_folder(handler):
    properties = {"Code": {"ZipFile": "import os"}, "Runtime": "python3.13", "Handler": handler}
    with pytest.raises(InvalidParameterValueException, match="is no file of the package"):
        aws_lambda_function._get_lambda_code_param(properties)


def test_inline_code_is_packed():
    properties = {"Code": {"ZipFile": "import os"}, "Runtime": "python3.13", "Handler": "a/index.handler"}
    content = aws_lambda_function._get_lambda_code_param(properties)["ZipFile"]
    assert zipfile.ZipFile(io.BytesIO(content)).namelist()[-1] == "a/index.py"


@pytest.mark.parametrize("name", ["..", ".", "a.b", "a/b", "../a", "", "a\n"])
def test_names_that_a_function_can_not_have(name):
    problems = api_utils.validate_function_name(name, "CreateFunction")
    assert any(api_utils.ARN_NAME_PATTERN_CREATE in problem for problem in problems)


def test_names_that_it_can_have():
    for name in ("accept", "a-b_C1", "arn:aws:lambda:us-east-1:000000000000:function:accept"):
        assert api_utils.validate_function_name(name, "CreateFunction") == []
    assert api_utils.validate_function_name("a.b", "GetFunction") == []


@pytest.mark.parametrize("name", ["..", "../../x", "a/b", "a.b", "", "x" * 141])
def test_names_that_a_layer_can_not_have(name):
    provider = LambdaProvider.__new__(LambdaProvider)
    with pytest.raises(CommonServiceException) as refused:
        provider.publish_layer_version(SimpleNamespace(), name, {"ZipFile": b""})
    assert refused.value.code == "ValidationException"
    assert f"Value '{name}' at 'layerName' failed to satisfy constraint" in refused.value.message


def test_the_concurrency_of_no_function_can_not_be_deleted():
    operation = SimpleNamespace(name="DeleteFunctionConcurrency")
    context = SimpleNamespace(account_id="000000000000", region="us-east-1", operation=operation)
    with pytest.raises(ResourceNotFoundException, match="Function not found: arn:aws:lambda"):
        LambdaProvider.__new__(LambdaProvider).delete_function_concurrency(context, "none")

"""Packages are checked as they come in, and unpacked so that nothing is written outside of their folder.

LocalStack unpacks with `unzip`, which writes through the symbolic links that a package holds, changes modes
through them, takes any folder of the host for a hot-reloading function's, and saves CloudFormation's inline
code wherever its handler's name leads.
"""

import functools
import io
import zipfile
from collections.abc import Callable

from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.services.lambda_.invocation import lambda_models, lambda_service
from localstack.services.lambda_.invocation.lambda_models import HotReloadingCode, S3Code
from localstack.services.lambda_.lambda_utils import get_handler_file_from_name
from localstack.services.lambda_.resource_providers import aws_lambda_function
from localstack.utils.archives import is_zip_file, unzip
from localstack.utils.files import chmod_r

from serverless_harness.emulator.lambda_executor import hot_reload, unpacking
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [
    S3Code.prepare_for_execution,
    lambda_service.store_lambda_archive,
    lambda_service.create_hot_reloading_code,
    get_handler_file_from_name,
    is_zip_file,
    unzip,
    chmod_r,
]

UNREADABLE = "Could not unzip uploaded file. Please check your file, then try to upload again."


def apply() -> None:
    """Put our own unpacking, and our checks, in the places of LocalStack's."""
    replace(lambda_models, "unzip", unpacking.unpack)
    replace(lambda_models, "chmod_r", _modes_are_set)
    replace(lambda_service, "is_zip_file", _is_package)
    replace(lambda_service, "create_hot_reloading_code", _hot_reloading_code)
    inline = functools.partial(_handler_file, get_handler_file_from_name)
    replace(aws_lambda_function, "get_handler_file_from_name", inline)


def _modes_are_set(path: str, mode: int) -> None:
    """`unpack` has set them, and a walk from here would go through links."""


def _is_package(content: bytes) -> bool:
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return False
    try:
        unpacking.check(io.BytesIO(content))
    except unpacking.PackageTooLargeError as error:
        raise InvalidParameterValueException(str(error), Type="User") from error
    except unpacking.PackageError as error:
        raise InvalidParameterValueException(f"{UNREADABLE} ({error})", Type="User") from error
    return True


def _hot_reloading_code(path: str) -> HotReloadingCode:
    try:
        return HotReloadingCode(host_path=str(hot_reload.folder(path)))
    except hot_reload.FolderNotAllowedError as error:
        raise InvalidParameterValueException(str(error), Type="User") from error


def _handler_file(fn: Callable[..., str], handler_name: str, runtime: str | None = None) -> str:
    name = fn(handler_name, runtime=runtime)
    if name.startswith("/") or ".." in name.split("/"):
        raise InvalidParameterValueException(
            f"The handler '{handler_name}' of inline code is no file of the package", Type="User"
        )
    return name

"""LocalStack's function versions, as the executor gets them."""

from localstack.aws.api.lambda_ import Architecture, PackageType, Runtime, TracingMode
from localstack.services.lambda_.invocation.lambda_models import (
    FunctionVersion,
    HotReloadingCode,
    LambdaEphemeralStorage,
    LayerVersion,
    VersionFunctionConfiguration,
    VersionIdentifier,
    VersionState,
)


def layer(folder):
    """A layer that is read from a folder of the host."""
    return LayerVersion(
        layer_version_arn="arn:layer:1",
        layer_arn="arn:layer",
        version=1,
        code=folder if hasattr(folder, "is_hot_reloading") else HotReloadingCode(str(folder)),
        license_info=None,
        compatible_runtimes=None,
        compatible_architectures=None,
        created="",
    )


def function_version(code, **changes):
    """A version of function `accept`; `code` is a folder of the host, or LocalStack's description of code."""
    values = {
        "description": "",
        "role": "arn:aws:iam::000000000000:role/r",
        "timeout": 3,
        "runtime": Runtime.python3_13,
        "memory_size": 256,
        "handler": "function.handler",
        "package_type": PackageType.Zip,
        "environment": None,
        "architectures": [Architecture.x86_64],
        "internal_revision": "revision-1",
        "ephemeral_storage": LambdaEphemeralStorage(512),
        "snap_start": None,
        "tracing_config_mode": TracingMode.PassThrough,
        "code": code if code is None or hasattr(code, "is_hot_reloading") else HotReloadingCode(str(code)),
        "last_modified": "",
        "state": VersionState(None),
        "runtime_version_config": {"RuntimeVersionArn": "arn:aws:lambda:eu-west-1::runtime:abc"},
        **changes,
    }
    return FunctionVersion(
        VersionIdentifier("accept", "$LATEST", "eu-west-1", "000000000000"),
        VersionFunctionConfiguration(**values),
    )

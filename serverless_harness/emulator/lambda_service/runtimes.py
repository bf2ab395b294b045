"""Which functions this machine can run: zipped ones, of a runtime that is installed."""

from localstack.aws.api.lambda_ import InvalidParameterValueException, PackageType

from serverless_harness.emulator.sandbox import interpreters


def check_package_type(package_type: str) -> None:
    """Raise InvalidParameterValueException for a container image."""
    if package_type != PackageType.Zip:
        raise InvalidParameterValueException(
            f"PackageType {package_type} can't be run without containers: use {PackageType.Zip}", Type="User"
        )


def check_installed(runtime: str) -> None:
    """Raise InvalidParameterValueException, which names the runtimes that there are, if this one isn't."""
    try:
        interpreters.find(runtime)
    except interpreters.InterpreterNotFoundError as error:
        raise InvalidParameterValueException(str(error), Type="User") from error

"""Errors that say in one line what isn't emulated, and which page of the docs lists it."""

from localstack.aws.api import CommonServiceException
from localstack.aws.catalog_exceptions import AwsServiceAvailabilityException

from serverless_harness.emulator.coverage import PAGE

NO_SERVICE, NO_OPERATION = 4, 8
"""LocalStack's numbers for its own log."""


def not_emulated(what: str) -> CommonServiceException:
    """Return the error of an operation or setting that is refused; status 400, so that nobody retries."""
    return CommonServiceException("UnsupportedOperationException", f"{what} ({PAGE})", 400, sender_fault=True)


def not_available(
    service_name: str, operation_name: str | None, status: object
) -> AwsServiceAvailabilityException:
    """Return the error of a service, or of a service's operation, that nobody provides here."""
    if operation_name is None or str(getattr(status, "name", "")).startswith("AVAILABLE_WITH_LICENSE"):
        return AwsServiceAvailabilityException(f"{service_name} is not emulated ({PAGE})", NO_SERVICE)
    what = f"{operation_name} of {service_name} is not emulated"
    return AwsServiceAvailabilityException(f"{what} ({PAGE})", NO_OPERATION)

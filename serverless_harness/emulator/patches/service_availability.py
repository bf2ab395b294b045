"""What nobody provides is said in one line with our page's name, not with LocalStack's license plans.

Services and operations that the community edition lacks, and CloudFormation's resources of them. The latter
is patched with the first call of CloudFormation, which loads that code anyway: at start it would cost 0.3 s.
"""

from types import ModuleType

from localstack.aws import catalog_exceptions, skeleton
from localstack.aws.handlers import service

from serverless_harness.emulator.coverage import PAGE
from serverless_harness.emulator.coverage.errors import not_available
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [catalog_exceptions.get_service_availability_exception]


def apply() -> None:
    """Replace the maker of the message where it is used."""
    for module in (service, skeleton):
        replace(module, "get_service_availability_exception", not_available)


def apply_to_cloudformation() -> None:
    """Replace the maker of CloudFormation's message."""
    replace(_checker(), "_build_resource_failure_message", _resource_failure)


def _checker() -> ModuleType:
    from localstack.services.cloudformation.engine.v2 import change_set_resource_support_checker

    return change_set_resource_support_checker


def _resource_failure(resource_type: str, status: object) -> str:
    return f"{resource_type} is not emulated ({PAGE})"

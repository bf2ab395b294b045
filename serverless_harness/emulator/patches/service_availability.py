"""What nobody provides is said in one line with our page's name, not with LocalStack's license plans.

Services and operations that the community edition lacks, and CloudFormation's resources of them. The latter
is patched with the first call of CloudFormation, which loads that code anyway: at start it would cost 0.3 s.
"""

from collections.abc import Callable

from localstack.aws import catalog_exceptions, skeleton
from localstack.aws.handlers import service

from serverless_harness.emulator.coverage.errors import not_available
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    catalog_exceptions.get_service_availability_exception,
    service.ServiceExceptionSerializer.create_exception_response,
    skeleton.Skeleton.on_not_implemented_error,
]

_OF_MOTO = ("has not been implemented", "No moto route for service")


def apply() -> None:
    """Replace the maker of the message where it is used."""
    for module in (service, skeleton):
        replace(module, "get_service_availability_exception", not_available)
    wrap(service.ServiceExceptionSerializer.create_exception_response, _create_response)
    wrap(skeleton.Skeleton.on_not_implemented_error, _on_not_implemented)


def _create_response(fn: Callable[..., object], self: object, error: Exception, context: object) -> object:
    return fn(self, _without_motos_text(error), context)


def _on_not_implemented(
    fn: Callable[..., object], self: object, serializer: object, context: object, error: Exception
) -> object:
    return fn(self, serializer, context, _without_motos_text(error))


def _without_motos_text(error: Exception) -> Exception:
    """Return an error that leaves the message to us: moto's names no page."""
    if isinstance(error, NotImplementedError) and any(part in str(error) for part in _OF_MOTO):
        return NotImplementedError()
    return error


def apply_to_cloudformation() -> None:
    """Replace what CloudFormation asks for a stack's resources, and says of those that aren't here."""
    from localstack.services.cloudformation.engine.v2 import change_set_resource_support_checker as checker

    from serverless_harness.emulator.coverage import cloudformation

    replace(checker.ChangeSetResourceSupportChecker, "_resource_support_status", cloudformation.support_of)
    replace(checker, "_build_resource_failure_message", cloudformation.failure_of)

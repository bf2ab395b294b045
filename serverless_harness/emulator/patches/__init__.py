"""Changes to LocalStack's own code, where it offers no plugin point.

Each module of this package puts objects in the place of LocalStack's; what they do is in the room that they
belong to. It has a docstring that gives the reason, an `apply()`, and a `PATCHED` list of the LocalStack
objects that it relies on; `tests/unit/patches/` holds the SHA-256 of each object's source, so that a change
in LocalStack is noticed before it is met at run time.
"""

import importlib
from collections.abc import Callable, Iterable
from typing import Any


class PatchError(Exception):
    """A patch can't be applied; the message names it and says why."""


BEFORE_IMPORTS = ("openapi_validation", "route_builders")
"""The patch modules that are applied before LocalStack imports its gateway; all of them only for speed."""

ORDER = (
    # Before all that imports API Gateway, which reads the index of AWS's services as it is imported.
    "service_catalog",
    # The gateway, before it serves and before the first internal call.
    "gateway_start",
    "internal_call_marks",
    "internal_client_overhead",
    "in_memory_client",
    "sqs_query_endpoint",
    "cors_origins",
    # How services read requests and answer them; each stands alone.
    "apigateway_request_validation",
    "apigateway_proxy",
    "apigateway_timeouts",
    "apigateway_gateway_responses",
    "apigateway_authorization",
    "request_parsing",
    "unexpected_exceptions",
    "moto_gaps",
    "moto_response_fields",
    "apigateway_gaps",
    "xml_answers",
    "s3_storage",
    # What makes requests and starts cheaper; each stands alone.
    "edge_routes",
    "header_values",
    "request_log",
    "service_regions",
    "no_docker",
    "kms_private_keys",
    # What is said of what isn't emulated.
    "service_availability",
    "provider_overrides",
    # Lambda's settings are checked by the first of these, before anything else of Lambda is replaced.
    "lambda_assignment",
    "lambda_logs",
    "lambda_log_streams",
    "lambda_metrics",
    "lambda_client_context",
    "lambda_names",
    "lambda_packages",
    "lambda_reserved_variables",
    "lambda_function_urls",
    "lambda_url_cors",
    "lambda_event_sources",
    # Both wrap LambdaVersionManager.invoke, and the one applied last runs first: an update sends an invoke on
    # to the newest version, and each version that it comes to checks the key of its own variables.
    "lambda_environment_encryption",
    "lambda_updates",
    # Wraps update_function_configuration as the encryption does: a runtime that isn't there is refused before
    # anything is encrypted.
    "lambda_runtimes",
    # Wraps LambdaService.invoke: nothing of an invoke that is refused has been seen by the others.
    "lambda_invoke_request",
    # Wraps LambdaVersionManager.invoke around all others: an invoke that is sent on is one span.
    "traces",
    # Asynchronous invokes and their deliveries. The retries check LAMBDA_ASYNC_DELAY_SCALE for all of these.
    "lambda_event_retries",
    "lambda_async_event_poller",
    "lambda_dead_letters",
    "lambda_stream_mappings",
    "sns_lambda_retries",
    "service_identities",
    "service_principals",
    "event_bridge_targets",
    "event_bridge_rules",
    "background_work",
    "emulator_clock",
)
"""The patch modules' names, in the order in which they are applied, with the reasons where it matters."""


def apply_all(names: Iterable[str]) -> None:
    """Apply patches, of `BEFORE_IMPORTS` or of `ORDER`, each of them once.

    Raises:
        PatchError: One failed: LocalStack isn't the version that the patches are written for, or a setting is
            wrong.
    """
    from serverless_harness.emulator.settings import InvalidSettingError

    for name in names:
        try:
            importlib.import_module(f"{__name__}.{name}").apply()
        except InvalidSettingError as error:
            raise PatchError(str(error)) from error
        except Exception as error:
            raise PatchError(f"patch {name} can't be applied: {type(error).__name__}: {error}") from error


def replace(owner: object, name: str, new: object) -> None:
    """Put `new` in the place of an existing attribute of a class or module."""
    from localstack.utils.patch import Patch

    Patch(owner, name, new).apply()  # type: ignore[no-untyped-call]


def wrap(target: Callable[..., Any], wrapper: Callable[..., Any]) -> None:
    """Have a function or method answered by `wrapper(target, *arguments)`."""
    from localstack.utils.patch import Patch

    Patch.function(target, wrapper).apply()

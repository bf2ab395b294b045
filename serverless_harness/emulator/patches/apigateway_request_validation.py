"""Request validators ask for what AWS asks for.

LocalStack takes an empty parameter for a given one, ends in status 500 where a parameter's name has a dot,
and validates every body against the model of `application/json`.
"""

from functools import partial
from typing import Any

from localstack.services.apigateway.next_gen.execute_api.handlers.method_request import MethodRequestHandler

from serverless_harness.emulator.apigateway import validation
from serverless_harness.emulator.apigateway.proxy import DEFAULT_MEDIA_TYPE
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [MethodRequestHandler]


def apply() -> None:
    """Replace how missing parameters are found, and choose the model by the request's content type."""
    validate = MethodRequestHandler._is_body_valid
    missing = staticmethod(validation.missing_parameters)
    replace(MethodRequestHandler, "_get_missing_required_parameters", missing)
    replace(MethodRequestHandler, "_is_body_valid", staticmethod(partial(_is_body_valid, validate)))


def _is_body_valid(fn: Any, method: Any, rest_api: object, request: Any) -> bool:  # noqa: ANN401
    if models := method.get("requestModels"):
        model = validation.model_of(models, request["headers"].get("Content-Type"))
        if model is None:
            return True
        method = {**method, "requestModels": {DEFAULT_MEDIA_TYPE: model}}
    return bool(fn(method, rest_api, request))

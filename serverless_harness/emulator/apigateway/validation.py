"""What a request validator asks of a request.

Source: API Gateway developer guide, "Request validation for REST APIs in API Gateway": required parameters
are there and not blank; a body adheres to the model of its content type.
"""

from collections.abc import Mapping
from typing import Any

from serverless_harness.emulator.apigateway.proxy import DEFAULT_MEDIA_TYPE

_PREFIX = "method.request."
_PLACES = {"path": "path_parameters", "querystring": "query_string_parameters", "header": "headers"}


def missing_parameters(method: Mapping[str, Any], request: Mapping[str, Any]) -> list[str]:
    """Return the names of the required parameters that a request lacks, or has blank, in order.

    Unlike elsewhere, the name of a header has to be written as the method has it.
    """
    missing = []
    for parameter, required in sorted((method.get("requestParameters") or {}).items()):
        place, _, name = parameter.removeprefix(_PREFIX).partition(".")
        given = dict(request.get(_PLACES.get(place, "")) or {})
        if required in (True, "true") and place in _PLACES and not str(given.get(name) or "").strip():
            missing.append(name)
    return missing


def model_of(request_models: Mapping[str, str], content_type: str | None) -> str | None:
    """Return the model for a content type; None where a body of that type isn't validated."""
    media_type = (content_type or DEFAULT_MEDIA_TYPE).split(";", 1)[0].strip().lower()
    return request_models.get(media_type) or request_models.get("$default")

"""What a client gets where API Gateway itself answers: status, headers and body of a gateway response.

Source: API Gateway developer guide, "Gateway responses for REST APIs in API Gateway": templates and
parameters take `$context`, `$stageVariables` and `method.request` values by plain substitution.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from serverless_harness.emulator.apigateway.proxy import DEFAULT_MEDIA_TYPE

DEFAULT_TEMPLATE = '{"message":$context.error.messageString}'
HEADER_PREFIX = "gatewayresponse.header."

_REFERENCE = re.compile(r"\$(context|stageVariables|method\.request)((?:\.[\w-]+)+)")

type Values = Mapping[str, Any]
"""`context`, `stageVariables`, and `method.request` with `header`, `querystring` and `path`."""


def body(
    templates: Mapping[str, str], accept: str, values: Values, default: Callable[[], str]
) -> tuple[str, str]:
    """Return the media type and the body; `default` gives that of a response that nobody changed."""
    accepted = accept.split(",", 1)[0].split(";", 1)[0].strip()
    preferred = (each for each in (accepted, DEFAULT_MEDIA_TYPE, *templates) if each in templates)
    media_type = next(preferred, DEFAULT_MEDIA_TYPE)
    template = templates.get(media_type, DEFAULT_TEMPLATE)
    if template == DEFAULT_TEMPLATE:
        return media_type, default()
    return media_type, _REFERENCE.sub(lambda found: _text(_find(values, found[1], found[2][1:])), template)


def headers(parameters: Mapping[str, str], values: Values) -> dict[str, str]:
    """Return the headers that a gateway response sets; one whose value isn't there is left out."""
    found = {}
    for name, source in parameters.items():
        if name.startswith(HEADER_PREFIX) and (value := _parameter(source, values)) is not None:
            found[name.removeprefix(HEADER_PREFIX)] = value
    return found


def _parameter(source: str, values: Values) -> str | None:
    if source.startswith("'") and source.endswith("'"):
        return source[1:-1]
    kind = "method.request" if source.startswith("method.request.") else source.partition(".")[0]
    value = _find(values, kind, source[len(kind) + 1 :])
    return None if value is None else _text(value)


def _find(values: Values, kind: str, path: str) -> Any:  # noqa: ANN401 (a JSON value)
    value = values.get(kind)
    if kind == "stageVariables":
        return (value or {}).get(path)
    if kind == "method.request":
        place, _, name = path.partition(".")
        named = (value or {}).get(place) or {}
        # The names of headers are case-insensitive, which werkzeug's own mapping knows.
        return named.get(name)
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:  # noqa: ANN401 (a JSON value)
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def with_quoted_message(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context variables with `error.messageString` as JSON: that sets it off `error.message`."""
    error = dict(context.get("error") or {})
    error["messageString"] = json.dumps(error.get("message"))
    return {**context, "error": error}

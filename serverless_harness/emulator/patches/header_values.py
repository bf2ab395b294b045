"""Reads the headers that name the service and the type of its answer without going through them.

LocalStack has werkzeug parse `Authorization`, and `Accept` or `Content-Type`, for each request, character by
character: a twentieth of what a small request costs the gateway.
"""

from functools import partial

from localstack.aws.protocol import service_router
from localstack.aws.protocol.serializer import ResponseSerializer
from werkzeug.http import parse_dict_header

from serverless_harness.emulator.gateway import header_values
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [service_router._extract_service_indicators, ResponseSerializer._get_mime_type]


def apply() -> None:
    """Parse what is of an unusual form alone; remember the types that serializers chose."""
    replace(service_router, "parse_dict_header", partial(header_values.signature_parts, parse_dict_header))
    wrap(ResponseSerializer._get_mime_type, header_values.mime_type)

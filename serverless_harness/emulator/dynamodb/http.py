"""DynamoDB's JSON protocol over HTTP: what a request must be before its body is read, and answers.

AWS developer guide, "DynamoDB low-level API": the target header names the operation, errors carry their
type with its namespace, every answer has a request id and the CRC-32 of its body. Answers are compressed
for clients that ask for it.
"""

import base64
import gzip
import json
import random
import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.model import NoShapeFoundError, OperationModel, OperationNotFoundError, ServiceModel
from localstack.aws.api import CommonServiceException, RequestContext, ServiceException
from localstack.http import Request, Response

from serverless_harness.emulator.dynamodb import wire

SERVICES = ("dynamodb", "dynamodbstreams")
CONTENT_TYPES = ("application/x-amz-json-1.0", "application/json", "application/x-amz-json-1.1")
BODY_MAX_BYTES = 16 * 1024 * 1024
COMPRESSED_FROM_BYTES = 4096
_ID_LENGTH = 52
_ID_BITS = 4 * _ID_LENGTH
_CORAL = "com.amazon.coral."
_NAMESPACES = {
    "ValidationException": f"{_CORAL}validate#",
    "SerializationException": f"{_CORAL}service#",
    "UnknownOperationException": f"{_CORAL}service#",
    "MissingAuthenticationTokenException": f"{_CORAL}service#",
    "IncompleteSignatureException": f"{_CORAL}service#",
    "InvalidSignatureException": f"{_CORAL}service#",
    "UnrecognizedClientException": f"{_CORAL}service#",
    "AccessDeniedException": f"{_CORAL}service#",
    "InternalFailure": f"{_CORAL}service#",
}
_OWN_NAMESPACE = "com.amazonaws.dynamodb.v20120810#"
_UNSIGNED_KEY = "injectedaccesskey"
"""The key that LocalStack's `MissingAuthHeaderInjector` puts into requests without a signature."""
_SIGNATURE_PARTS = ("Credential", "Signature", "SignedHeaders")
_GIVEN_PARTS = {part: re.compile(rf"[ ,]{part}=[^,\s]") for part in _SIGNATURE_PARTS}
_UNKNOWN_OPERATION_XML = "<UnknownOperationException/>\n"


class _Unknown(CommonServiceException):
    """No operation of the service is named (HTTP 400), or the request isn't of its protocol at all (404)."""

    def __init__(self, status_code: int = 400) -> None:
        super().__init__("UnknownOperationException", "", status_code=status_code, sender_fault=True)


class _TooLarge(CommonServiceException):
    """The body has more than 16 MB (HTTP 413)."""

    def __init__(self) -> None:
        super().__init__("RequestEntityTooLarge", "", status_code=413, sender_fault=True)


def receive(request: Request, service: ServiceModel) -> tuple[OperationModel, dict[str, Any]]:
    """Return the operation that a request names and its input; raise ServiceException if it has none."""
    content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or content_type not in CONTENT_TYPES:
        raise _Unknown(404)
    body = _body(request)
    operation = _operation(request.headers.get("X-Amz-Target", ""), service)
    _check_signature(request)
    return operation, wire.read(operation, body)


def _operation(target: str, service: ServiceModel) -> OperationModel:
    prefix = f"{service.metadata['targetPrefix']}."
    if not target.startswith(prefix):
        raise _Unknown
    try:
        return service.operation_model(target.removeprefix(prefix))
    except OperationNotFoundError:
        raise _Unknown from None


def _body(request: Request) -> bytes:
    try:
        body = bytes(request.get_data(cache=True))
        encodings = [name.strip().lower() for name in request.headers.get("Content-Encoding", "").split(",")]
        for encoding in reversed(encodings):
            body = _decoded(body, encoding)
    except (OSError, EOFError, zlib.error):
        raise wire.SerializationError from None
    if len(body) > BODY_MAX_BYTES:
        raise _TooLarge
    return body


def _decoded(body: bytes, encoding: str) -> bytes:
    """Return a body without one content coding; an unknown one leaves it to be refused as no JSON."""
    if encoding == "gzip" and body[:2] == b"\x1f\x8b":
        return gzip.decompress(body)
    if encoding == "deflate":
        is_wrapped = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
        return zlib.decompress(body, zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS)
    return body


def _check_signature(request: Request) -> None:
    """Refuse a request without a signature, or with one that lacks parts; nothing here verifies it."""
    authorization = request.headers.get("Authorization", "")
    if request.query_string and "X-Amz-Algorithm" in request.args:
        return
    if not authorization or f"Credential={_UNSIGNED_KEY}/" in authorization:
        raise _refusal("MissingAuthenticationTokenException", "Request is missing Authentication Token")
    if not authorization.startswith("AWS4-"):
        return
    missing = [part for part, given in _GIVEN_PARTS.items() if not given.search(authorization)]
    lacks = [f"Authorization header requires '{part}' parameter." for part in missing]
    if not (request.headers.get("X-Amz-Date") or request.headers.get("Date")):
        lacks.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if lacks:
        scheme = authorization.partition(" ")[0] if missing != list(_SIGNATURE_PARTS) else authorization
        raise _refusal("IncompleteSignatureException", f"{' '.join(lacks)} Authorization={scheme}")


def _refusal(code: str, message: str) -> CommonServiceException:
    return CommonServiceException(code, message, status_code=400, sender_fault=True)


def answer(context: RequestContext, result: Mapping[str, Any]) -> Response:
    """Return the response of an operation that succeeded."""
    return _response(context, 200, result)


def refuse(context: RequestContext, error: ServiceException) -> Response:
    """Return the response of a refused request, and note the error for the handlers that follow."""
    context.service_exception = error
    code, status = _code(error), getattr(error, "status_code", None) or 400
    if code == "UnknownOperationException" and status == 404:
        return _finished(context, 404, _UNKNOWN_OPERATION_XML.encode(), "text/xml")
    if status == 413:
        return _finished(context, 413, b"", "text/plain")
    return _response(context, status, _error_document(context, error, code))


def _code(error: ServiceException) -> str:
    return str(getattr(error, "code", None) or type(error).__name__)


def _error_document(context: RequestContext, error: ServiceException, code: str) -> dict[str, Any]:
    namespace = _NAMESPACES.get(code, _OWN_NAMESPACE)
    document: dict[str, Any] = {"__type": f"{namespace}{code}"}
    message = str(getattr(error, "message", None) or error)
    members = _error_members(context, code)
    has_upper = code == "SerializationException" or "Message" in members
    if message:
        document["Message" if has_upper else "message"] = message
    for name in members:
        value = getattr(error, name, None)
        if name.lower() != "message" and value:
            document[name] = value
    return document


def _error_members(context: RequestContext, code: str) -> tuple[str, ...]:
    try:
        shape: Any = context.service.shape_for(code) if context.service else None
    except NoShapeFoundError:
        return ()
    return tuple(shape.members) if shape is not None else ()


def _response(context: RequestContext, status: int, document: Mapping[str, Any]) -> Response:
    body = _ENCODER.encode(document).encode()
    content_type = context.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return _finished(
        context, status, body, content_type if content_type in CONTENT_TYPES else CONTENT_TYPES[0]
    )


def _plain(value: Any) -> Any:  # noqa: ANN401 - what json can't write itself
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"{type(value).__name__} in an answer")


_ENCODER = json.JSONEncoder(default=_plain, separators=(",", ":"))
"""Made once: `json.dumps` would make one for each answer."""


def _finished(context: RequestContext, status: int, body: bytes, content_type: str) -> Response:
    headers = {"Content-Type": content_type, "x-amzn-RequestId": _request_id()}
    if len(body) >= COMPRESSED_FROM_BYTES and (coding := _accepted_coding(context.request)):
        body = gzip.compress(body, mtime=0) if coding == "gzip" else zlib.compress(body)
        headers["Content-Encoding"] = coding
    headers["x-amz-crc32"] = str(zlib.crc32(body))
    return Response(body, status, headers)


def _request_id() -> str:
    """Return 52 letters and digits."""
    return f"{random.getrandbits(_ID_BITS):0{_ID_LENGTH}X}"


def _accepted_coding(request: Request) -> str | None:
    accepted = request.accept_encodings
    qualities = {coding: accepted[coding] for coding in ("gzip", "deflate") if accepted[coding] > 0}
    return max(qualities, key=lambda coding: qualities[coding]) if qualities else None

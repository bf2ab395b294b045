"""Function URLs: the event that a request becomes, and the response that a function's result becomes.

Source: Lambda developer guide, "Invoking Lambda function URLs", "Request and response payloads" (payload
format version 2.0), and "Creating and managing Lambda function URLs", "Cross-origin resource sharing (CORS)".
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

PATH_PREFIX = "/_aws/lambda-url"
"""Where function URLs are served without DNS: `/_aws/lambda-url/<url_id>/<path>`."""

_TEXT_TYPES = ("text", "json", "xml", "javascript")
_UNTOLD_HEADERS = frozenset({"connection", "cookie", "x-localstack-tgt-api", "x-localstack-request-url"})


class BadResultError(ValueError):
    """A function's result is no response; the message says why."""


@dataclass(frozen=True)
class UrlRequest:
    """An HTTP request to a function URL; headers in their order, `path` as it is told to the function."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str
    port: str
    scheme: str = "http"

    def header(self, name: str) -> str | None:
        """Return a header's first value."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class UrlResponse:
    """What a client gets."""

    status_code: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def event(
    request: UrlRequest,
    url_id: str,
    request_id: str,
    trace_id: str,
    now: datetime,
    iam: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the event of payload format 2.0; `iam` tells who signed the request, if that was asked for."""
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    cookies = [
        cookie.strip()
        for name, value in request.headers
        if name.lower() == "cookie"
        for cookie in value.split(";")
    ]
    domain_name = request.header("Host") or ""
    context: dict[str, Any] = {
        "accountId": iam["accountId"] if iam else "anonymous",
        "apiId": url_id,
        "domainName": domain_name,
        "domainPrefix": url_id,
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.source_ip,
            "userAgent": request.header("User-Agent") or "",
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S %z"),
        "timeEpoch": int(now.timestamp() * 1000),
    }
    if iam:
        context["authorizer"] = {"iam": dict(iam)}
    body, is_base64_encoded = _event_body(request)
    told: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": _event_headers(request, trace_id),
        "requestContext": context,
        "isBase64Encoded": is_base64_encoded,
    }
    if cookies:
        told["cookies"] = cookies
    if query:
        told["queryStringParameters"] = {name: ",".join(values) for name, values in query.items()}
    if body is not None:
        told["body"] = body
    return told


def _event_headers(request: UrlRequest, trace_id: str) -> dict[str, str]:
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        if name.lower() not in _UNTOLD_HEADERS:
            headers.setdefault(name.lower(), []).append(value)
    headers["x-forwarded-for"] = [*headers.get("x-forwarded-for", []), request.source_ip]
    headers["x-forwarded-port"] = [request.port]
    headers["x-forwarded-proto"] = [request.scheme]
    headers.setdefault("x-amzn-trace-id", [trace_id])
    return {name: ",".join(values) for name, values in headers.items()}


def _event_body(request: UrlRequest) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    content_type = (request.header("Content-Type") or "").lower()
    if any(each in content_type for each in _TEXT_TYPES):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


def response(payload: bytes) -> UrlResponse:
    """Read a function's result: a response with a status code, or anything else, which is the body.

    Raises:
        BadResultError: It has a status code, and isn't a response all the same.
    """
    text = payload.decode(errors="replace")
    try:
        result = json.loads(text)
    except ValueError:
        return _inferred(text)
    if isinstance(result, str):
        return _inferred(result)
    if not isinstance(result, dict) or "statusCode" not in result:
        return _inferred(json.dumps(result, separators=(",", ":"), ensure_ascii=False))
    status_code = result["statusCode"]
    if isinstance(status_code, bool) or not str(status_code).isdecimal() or not 100 <= int(status_code) < 600:
        raise BadResultError(f"{status_code!r} is not an HTTP status")
    headers = _headers(result)
    return UrlResponse(int(status_code), headers, _body(result))


def _inferred(body: str) -> UrlResponse:
    return UrlResponse(200, (("Content-Type", "application/json"),), body.encode())


def _headers(result: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    given, cookies = result.get("headers") or {}, result.get("cookies") or []
    if not isinstance(given, dict) or not isinstance(cookies, list):
        raise BadResultError("its headers are not a JSON object, or its cookies are not a list")
    headers = [(name, _header_value(name, value)) for name, value in given.items()]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.insert(0, ("Content-Type", "application/json"))
    return (*headers, *(("Set-Cookie", _header_value("Set-Cookie", cookie)) for cookie in cookies))


def _header_value(name: str, value: object) -> str:
    if isinstance(value, (dict, list)) or value is None:
        raise BadResultError(f"the value of header {name} is not text")
    text = value if isinstance(value, str) else json.dumps(value)
    if any(end in name + text for end in "\r\n"):
        raise BadResultError(f"header {name!r} has more than one line")
    return text


def _body(result: Mapping[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body, separators=(",", ":")).encode()
    if result.get("isBase64Encoded") is not True:
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise BadResultError("its body is not base64") from None


def cors_headers(cors: Mapping[str, Any], request: UrlRequest) -> dict[str, str]:
    """Return the CORS headers for a request; none where its origin isn't one of the configuration's."""
    origin = request.header("Origin")
    allowed = cors.get("AllowOrigins") or []
    if not origin or not ("*" in allowed or origin in allowed):
        return {}
    with_credentials = bool(cors.get("AllowCredentials"))
    headers = {"Access-Control-Allow-Origin": "*" if "*" in allowed and not with_credentials else origin}
    if headers["Access-Control-Allow-Origin"] != "*":
        headers["Vary"] = "Origin"
    if with_credentials:
        headers["Access-Control-Allow-Credentials"] = "true"
    if exposed := cors.get("ExposeHeaders"):
        headers["Access-Control-Expose-Headers"] = ",".join(exposed)
    return headers


def is_preflight(request: UrlRequest) -> bool:
    """Return whether a browser asks what it may send."""
    return request.method == "OPTIONS" and request.header("Access-Control-Request-Method") is not None


def preflight_headers(cors: Mapping[str, Any], request: UrlRequest) -> dict[str, str]:
    """Return the headers that answer a preflight; the function itself isn't asked."""
    headers = cors_headers(cors, request)
    if not headers:
        return {}
    if methods := cors.get("AllowMethods"):
        headers["Access-Control-Allow-Methods"] = ",".join(methods)
    if names := cors.get("AllowHeaders"):
        headers["Access-Control-Allow-Headers"] = ",".join(names)
    if (age_s := cors.get("MaxAge")) is not None:
        headers["Access-Control-Max-Age"] = str(age_s)
    return headers


def payload(event: Mapping[str, Any]) -> bytes:
    """Return an event as a function gets it."""
    return json.dumps(event, ensure_ascii=False).encode()

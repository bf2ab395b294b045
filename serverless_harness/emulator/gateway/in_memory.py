"""LocalStack's clients of itself, answered without a socket, through the same WSGI application."""

from contextvars import Context
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from rolo.gateway import Gateway
from urllib3 import HTTPHeaderDict, HTTPResponse
from werkzeug.test import run_wsgi_app

from serverless_harness.emulator.gateway.application import GatewayApplication
from serverless_harness.emulator.gateway.wsgi_environ import wsgi_environ

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from botocore.compat import HTTPHeaders

LOOPBACK_ADDRESS = "127.0.0.1"
HTTP_PORT = 80


def answer(gateway: Gateway, request: AWSPreparedRequest) -> AWSResponse:
    """Return the gateway's response to `request`, as `botocore.httpsession.URLLib3Session.send` would.

    The caller's context variables are its own, as they are over HTTP.
    """
    chunks, status, headers = Context().run(
        run_wsgi_app, GatewayApplication(gateway), environ_of(request), buffered=True
    )
    raw = HTTPResponse(
        BytesIO(b"".join(chunks)),
        headers=HTTPHeaderDict(headers),
        status=int(status.split()[0]),
        preload_content=False,
        decode_content=False,
        request_method=request.method,
    )
    return AWSResponse(request.url, raw.status, cast("HTTPHeaders", raw.headers), raw)


def environ_of(request: AWSPreparedRequest) -> "WSGIEnvironment":
    """Return the environment that the HTTP server would make of `request`, sent by botocore's HTTP client."""
    url = urlsplit(request.url)
    headers = {name: _text(value) for name, value in request.headers.items()}
    for name, value in (("Host", url.netloc), ("Accept-Encoding", "identity")):
        if name not in request.headers:  # whose look-up ignores case
            headers[name] = value
    return wsgi_environ(
        method=request.method or "GET",
        target=(url.path or "/") + (f"?{url.query}" if url.query else ""),
        path=unquote_to_bytes(url.path).decode("latin-1"),
        query=url.query,
        version="1.1",
        headers={name.upper().replace("-", "_"): value for name, value in headers.items()},
        raw_headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        body=BytesIO(_body(request.body)),
        server=(url.hostname or LOOPBACK_ADDRESS, url.port or HTTP_PORT),
        client=(LOOPBACK_ADDRESS, 0),
    )


def _body(body: Any) -> bytes:  # noqa: ANN401
    """Return the bytes that an HTTP client would send: of text, of a file from where it stands, of chunks."""
    if hasattr(body, "read"):
        body = body.read()
    if isinstance(body, str):
        return body.encode("latin-1")
    return bytes(body) if isinstance(body, bytes | bytearray) else b"".join(body or ())


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")

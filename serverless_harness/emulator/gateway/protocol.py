"""HTTP/1.1 as LocalStack's gateway needs it, on waitress's request parser and response task.

waitress's own server normalises header names both ways and drops the raw request target; LocalStack needs
them as they were sent (API Gateway hands headers to functions, S3 keys hold encoded slashes). What is changed
here gives `rolo.gateway.wsgi.WsgiGateway` the same environment as `rolo.serving.twisted` does.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError, get_header_lines
from waitress.task import ErrorTask, Task
from waitress.utilities import build_http_date

from serverless_harness.emulator.gateway.wsgi_environ import RawHeaders, wsgi_environ

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import WSGIEnvironment


FINAL_STATUS = re.compile(r"[2-9][0-9][0-9]( [^\r\n\0]*)?\Z")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
HEADER_VALUE = re.compile(r"[^\r\n\0]*\Z")
"""RFC 9110, section 5: a line break would end the header, and what follows it would pass for another."""
LIMITS = Adjustments(
    max_request_body_size=5 * 1024**3 + 1,  # S3's largest PutObject; the services' own limits are lower
    inbuf_overflow=32 * 1024**2,  # larger bodies are spooled to a temporary file
)


class RequestParser(HTTPRequestParser):  # type: ignore[misc]
    """waitress's parser, which also keeps the header fields in their order, case and number."""

    raw_headers: RawHeaders

    def parse_header(self, header_plus: bytes) -> None:
        """Parse request line and headers; raises waitress's `ParsingError` for what gets a 400."""
        self.raw_headers = []
        super().parse_header(header_plus)
        _, *lines = filter(None, header_plus.split(b"\r\n"))
        if b"\r\n " in header_plus or b"\r\n\t" in header_plus:
            lines = get_header_lines(b"\r\n".join(lines))
        for line in lines:
            name, _, value = line.partition(b":")
            self.raw_headers.append((name, value.strip(b" \t")))
        if b"transfer-encoding" in header_plus.lower():
            self._refuse_ambiguous_length()

    def _refuse_ambiguous_length(self) -> None:
        """Raise `ParsingError` where others might see the body end elsewhere (RFC 9112, section 6.1)."""
        names = {name.lower() for name, _ in self.raw_headers}
        if b"transfer-encoding" in names and (b"content-length" in names or not self.chunked):
            raise ParsingError("Transfer-Encoding with Content-Length, or in HTTP/1.0")

    @property
    def awaits_continue(self) -> bool:
        """Whether the client holds the body back until it is told `100 Continue`."""
        return bool(self.expect_continue and self.headers_finished and not self.completed)


class _ResponseHead(Task):  # type: ignore[misc]
    """Writes the response's head: header names as they were given, keep-alive for chunked responses too."""

    def build_response_header(self) -> bytes:
        """Return status line and headers, and decide on framing and on whether the connection stays open."""
        given = {name.lower(): value for name, value in self.response_headers}
        headers = [field for field in self.response_headers if field[0].lower() != "transfer-encoding"]
        if self.content_length is not None and "content-length" not in given and self.has_body:
            headers.append(("Content-Length", str(self.content_length)))
        unframed = self.content_length is None and self.has_body and self.request_method != "HEAD"
        if unframed and self.version == "1.1":
            headers.append(("Transfer-Encoding", "chunked"))
            self.chunked_response = True
        if _has_token(given.get("connection", ""), "close"):
            self.close_on_finish = True
        elif not self._stays_open(unframed):
            self.close_on_finish = True
            headers = [field for field in headers if field[0].lower() != "connection"]
            headers.append(("Connection", "close"))
        elif self.version == "1.0" and "connection" not in given:
            headers.append(("Connection", "keep-alive"))
        if "date" not in given:
            headers.append(("Date", build_http_date(self.start_time)))
        lines = [f"HTTP/{self.version} {self.status}", *(f"{name}: {value}" for name, value in headers)]
        return b"\r\n".join(map(_header_bytes, lines)) + b"\r\n\r\n"

    @property
    def request_method(self) -> str:
        """The request's method, or an empty string where the request could not be parsed."""
        return getattr(self.request, "command", "")

    def _stays_open(self, unframed: bool) -> bool:
        if self.close_on_finish:
            return False
        asked = self.request.headers.get("CONNECTION", "")
        if self.version == "1.0":
            return _has_token(asked, "keep-alive") and not unframed
        return not _has_token(asked, "close")


def _header_bytes(text: str) -> bytes:
    """Encode a line of a head as PEP 3333 has it, or as UTF-8 if a function's header needs that."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _has_token(header_value: str, token: str) -> bool:
    return token in (part.strip().lower() for part in header_value.split(","))


class ErrorResponse(_ResponseHead, ErrorTask):  # type: ignore[misc]
    """Answers a request that could not be parsed (400, 413, 431, 501), or one whose handler failed (500)."""

    def execute(self) -> None:
        """Write the error as text, and close the connection: where the next request starts is unknown."""
        error = self.request.error
        body = f"{error.reason}: {error.body}\n".encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [("Content-Type", "text/plain; charset=utf-8")]
        self.content_length = len(body)
        self.close_on_finish = True
        self.write(body)


class GatewayTask(_ResponseHead):
    """Runs the gateway for one request and writes its response."""

    def execute(self) -> None:
        """Call the WSGI application; each chunk of its body leaves at once, the first with the head."""
        body = self.channel.server.application(self.environ(), self.start_response)
        try:
            for chunk in body:
                if chunk:
                    self.write(chunk)
                    self.channel.flush()
        finally:
            if close := getattr(body, "close", None):
                close()
        if self._body_is_short():
            self.close_on_finish = True
            self.logger.warning(
                "response to %s has %s of the %s bytes that it announced",
                self.request.path,
                self.content_bytes_written,
                self.content_length,
            )

    def _body_is_short(self) -> bool:
        return (
            self.content_length is not None
            and self.has_body
            and self.request_method != "HEAD"
            and self.content_bytes_written != self.content_length
        )

    def write(self, data: bytes) -> None:
        """Write the head, once, and `data`, unless it answers a HEAD request."""
        super().write(b"" if self.request_method == "HEAD" else data)

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None
    ) -> Callable[[bytes], None]:
        """Take status and headers (PEP 3333); raises ValueError for what would not make one response head."""
        if exc_info and self.wrote_header:
            raise exc_info[1] or RuntimeError("the response has already started")
        if not FINAL_STATUS.match(status):
            raise ValueError(f"not the status of a final response: {status!r}")
        for name, value in headers:
            if not HEADER_NAME.match(name) or not HEADER_VALUE.match(value):
                raise ValueError(f"not an HTTP header: {name!r}: {value!r}")
        self.complete = True
        self.status = status
        self.response_headers = list(headers)
        self.content_length = next(
            (int(value) for name, value in headers if name.lower() == "content-length"), None
        )
        return self.write

    def environ(self) -> "WSGIEnvironment":
        """Return the request's WSGI environment."""
        return wsgi_environ(
            method=self.request.command,
            target=self.request.request_uri,
            path=self.request.path,
            query=self.request.query,
            version=self.version,
            headers=self.request.headers,
            raw_headers=self.request.raw_headers,
            body=self.request.get_body_stream(),
            server=self.channel.local_address,
            client=self.channel.remote_address,
            caller=self.channel.caller,
        )

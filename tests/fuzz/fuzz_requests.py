"""HTTP requests of an operation in its service's protocol: whole ones, and such as no client sends."""

import json
import random
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError
from botocore.serialize import create_serializer
from fuzz_values import Values

BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"text"',
    b"\xff\xfe",
    b'{"a": NaN}',
    b"[" * 30_000,
    b"<a>",
    b"<a/>",
    b"<a><b></a>",
    b"\x00",
    b"a=b&c&=d",
    b"%zz=%",
    b"\xbf\x01",
)
CONTENT_TYPES = ("", "text/plain", "application/xml", "application/cbor", "multipart/form-data", "x" * 300)
NUMBER_TYPES = frozenset(("integer", "long", "float", "double"))


@dataclass(frozen=True)
class RawRequest:
    """A request as it goes to the gateway; `path` is percent-encoded, `query` and `body` are as they are."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Requests:
    """Makes requests of one service; `wire` is the protocol in which they are written."""

    def __init__(self, model: Any, wire: str, values: Values, signing_name: str) -> None:
        self._serializer = create_serializer(wire, include_validation=False)
        self._wire = wire
        self._values = values
        self._chance: random.Random = values.chance
        self._model = model
        self._authorization = (
            f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{signing_name}/aws4_request, "
            "SignedHeaders=host;x-amz-date, Signature=0"
        )

    def next(self, operation: Any) -> tuple[RawRequest, dict[str, Any]]:
        """Return a request, and its parameters where they fit the model as far as is known."""
        shape = operation.input_shape
        kind = self._chance.random()
        for _ in range(20):
            fitting = self._values.fitting(shape) if shape is not None else {}
            parameters = fitting
            if shape is not None and kind > 0.3:
                for _ in range(self._chance.choice((1, 1, 2))):
                    parameters = self._values.spoil(parameters, shape)
            try:
                request = self._serialized(operation, parameters)
            except (
                TypeError,
                ValueError,
                AttributeError,
                LookupError,
                OverflowError,
                RuntimeError,
                BotoCoreError,
            ):
                continue  # botocore can't write it
            if kind > 0.85:
                return self._garbled(request), {}
            return request, fitting if parameters is fitting else {}
        return self._garbled(RawRequest("POST", "/", "", self._headers({}), b"{}")), {}

    def _headers(self, headers: dict[str, Any]) -> dict[str, str]:
        texts = {name: str(value).replace("\n", " ").replace("\x00", "") for name, value in headers.items()}
        texts = {name: value.encode("utf-8").decode("latin-1") for name, value in texts.items()}
        return {
            **texts,
            "Host": "127.0.0.1:4566",
            "Authorization": self._authorization,
            "X-Amz-Date": "20260101T000000Z",
        }

    def _serialized(self, operation: Any, parameters: Any) -> RawRequest:
        if self._wire in ("json", "rest-json") and not isinstance(parameters, dict):
            raise TypeError
        made = self._serializer.serialize_to_request(parameters, operation)
        path, _, query = made["url_path"].partition("?")
        more = made["query_string"]
        pairs = urlencode(more, doseq=True) if isinstance(more, dict) else str(more or "")
        body = made["body"]
        if isinstance(body, dict):
            body = urlencode(body, doseq=True).encode()
        elif isinstance(body, str):
            body = body.encode()
        elif not isinstance(body, bytes):
            body = str(body).encode()
        headers = made["headers"]
        if self._wire == "query":
            headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        return RawRequest(
            made["method"],
            quote(path, safe="/%:~-._"),
            "&".join(part for part in (query, pairs) if part),
            self._headers(headers),
            body,
        )

    def _garbled(self, request: RawRequest) -> RawRequest:
        headers = dict(request.headers)
        match self._chance.randrange(9):
            case 0 | 1:
                return replace(request, body=self._chance.choice(BODIES))
            case 2:
                return replace(request, body=request.body[: len(request.body) // 2])
            case 3:
                headers["Content-Type"] = self._chance.choice(CONTENT_TYPES)
                return replace(request, headers=headers)
            case 4:
                if "X-Amz-Target" in headers:
                    target = headers.pop("X-Amz-Target")
                    if self._chance.random() < 0.7:
                        headers["X-Amz-Target"] = self._chance.choice(
                            (f"{target}s", "x", "x.y", target + ".")
                        )
                return replace(request, headers=headers, body=request.body.replace(b"Action=", b"Action=No"))
            case 5:
                method = self._chance.choice(("GET", "PUT", "DELETE", "PATCH", "HEAD", "POST"))
                return replace(request, method=method)
            case 6:
                odd = self._chance.choice(
                    ("x=%ff", "&&=", "max-items=x&marker=%00", "Action=No", "versionId=")
                )
                return replace(request, query=f"{request.query}&{odd}" if request.query else odd)
            case 7:
                return replace(
                    request, path=request.path.rstrip("/") + self._chance.choice(("/x", "/%00", "//"))
                )
        return replace(request, body=self._swapped(request.body))

    def _swapped(self, body: bytes) -> bytes:
        """Return a body with values of another kind: numbers for texts, texts for numbers, and so on."""
        try:
            document = json.loads(body)
        except ValueError:
            return body.replace(b".1", b".0").replace(b".member", b"").replace(b"<", b"<x>", 1)
        if not isinstance(document, dict):
            return body
        odd = (None, 5, "5", [], {}, [{}], True, 1.5)
        return json.dumps({key: self._chance.choice(odd) for key in document}).encode()

"""LocalStack's gateway as a WSGI application, with headers that are found by an index.

rolo's `WsgiGateway` keeps them in werkzeug's `Headers`, which goes through all of them for each look-up; the
handlers of one request make more than fifty.
"""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from rolo.gateway.wsgi import LOG, WsgiGateway
from rolo.response import Response
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import BadRequestKeyError
from werkzeug.wrappers import Request

from serverless_harness.emulator.gateway.wsgi_environ import RawHeaders

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_LINE_BREAK = re.compile(r"[\r\n]")
_ABSENT: Any = object()


class IndexedHeaders(Headers):
    """werkzeug's headers; equal in all that they do."""

    def __init__(self, defaults: Any = None) -> None:  # noqa: ANN401
        self._first: dict[str, Any] | None = None
        """The first value by name, in lower case and as names were asked for."""
        super().__init__(None if isinstance(defaults, Headers) else defaults)
        if isinstance(defaults, Headers):
            self._list = list(defaults)

    @classmethod
    def of(cls, raw_headers: RawHeaders) -> Self:
        """Return a request's headers; those of one name stand together, where the first of them stood.

        Raises ValueError for a value with a line break.
        """
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw_headers]
        if len({name for name, _ in fields}) < len(fields):
            fields = list(MultiDict(fields).items(multi=True))
        if _LINE_BREAK.search("".join([value for _, value in fields])):
            raise ValueError("Header values must not contain newline characters.")
        headers = cls()
        headers._list = fields
        return headers

    def get(self, key: str, default: Any = None, type: Callable[[str], Any] | None = None) -> Any:  # type: ignore[override]  # noqa: ANN401
        """Return the first value of a header, as `type` makes it, or the default."""
        first = self._first
        if first is None:
            first = self._by_name()
        value = first.get(key)
        if value is None:
            value = first[key] = first.get(key.lower(), _ABSENT)
        if value is _ABSENT:
            return default
        if type is None:
            return value
        try:
            return type(value)
        except ValueError:
            return default

    def _get_key(self, key: str) -> str:
        value: str = self.get(key, _ABSENT)
        if value is _ABSENT:
            raise BadRequestKeyError(key)
        return value

    def __contains__(self, key: str) -> bool:
        first = self._first
        if first is None:
            first = self._by_name()
        value = first.get(key)
        if value is None:
            value = first.get(key.lower(), _ABSENT)
        return value is not _ABSENT

    def update(self, arg: Any = None, /, **kwargs: Any) -> None:  # noqa: ANN401
        """Replace the values of headers; of other headers without repeated names in one go."""
        left = {field[0].lower(): field for field in arg} if isinstance(arg, Headers) else {}
        if kwargs or not left or len(left) < len(arg):
            super().update(arg, **kwargs)
            return
        names = frozenset(left)
        fields = [
            left.pop(name, None) if (name := field[0].lower()) in names else field for field in self._list
        ]
        self._list = [*filter(None, fields), *left.values()]
        self._first = None

    def __eq__(self, other: object) -> bool:
        return Headers(self._list) == (Headers(other._list) if isinstance(other, IndexedHeaders) else other)

    __hash__ = None

    def _by_name(self) -> dict[str, Any]:
        first = self._first = {name.lower(): value for name, value in reversed(self._list)}
        return first


CHANGING = ("__delitem__", "__setitem__", "_del_key", "add", "clear", "pop", "popitem", "set")
"""The methods of `Headers` that change its list; all others that change anything call one of these."""


def _forgetting_index(name: str) -> Callable[..., Any]:
    original = getattr(Headers, name)

    def change(self: IndexedHeaders, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        try:
            return original(self, *args, **kwargs)
        finally:
            self._first = None

    return change


for _name in CHANGING:
    setattr(IndexedHeaders, _name, _forgetting_index(_name))


class IndexedResponse(Response):
    """rolo's response, with headers that are found by an index, and copied only to be changed."""

    def __init__(self) -> None:
        super().__init__(headers=IndexedHeaders())

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """Return the headers with what werkzeug adds and removes."""
        headers = self.headers
        has_location = "Location" in headers or "Content-Location" in headers
        if self.status_code == 200 and "Content-Length" in headers and not has_location:
            return headers
        return super().get_wsgi_headers(environ)


class GatewayApplication(WsgiGateway):
    """rolo's application, for the environments of `environ.wsgi_environ`."""

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Have the gateway handle a request."""
        LOG.debug("%s %s%s", environ["REQUEST_METHOD"], environ.get("HTTP_HOST"), environ["RAW_URI"])
        request = Request(environ)
        request.headers = IndexedHeaders.of(environ["rolo.headers"])
        response = IndexedResponse()
        self.gateway.process(request, response)  # type: ignore[arg-type]
        return response(environ, start_response)

"""Our WSGI application gives the gateway the request that rolo's does; headers do all that werkzeug's do."""

import copy
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rolo import Response
from rolo.gateway import Gateway
from rolo.gateway.wsgi import WsgiGateway
from werkzeug.datastructures import EnvironHeaders, Headers
from werkzeug.exceptions import BadRequestKeyError

from serverless_harness.emulator.gateway.application import CHANGING, GatewayApplication, IndexedHeaders
from serverless_harness.emulator.gateway.wsgi_environ import wsgi_environ

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

NAMES = st.sampled_from(["A", "a", "b", "B", "X-Long-Name", "x-long-name", "absent"])
VALUES = st.sampled_from(["", "1", "two", "2"])
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)

type Change = Callable[[Headers], object]

CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(lambda name, value: lambda headers: headers.add(name, value), NAMES, VALUES),
    st.builds(lambda name, value: lambda headers: headers.add_header(name, value), NAMES, VALUES),
    st.builds(lambda name, value: lambda headers: headers.set(name, value), NAMES, VALUES),
    st.builds(lambda name, value: lambda headers: headers.__setitem__(name, value), NAMES, VALUES),
    st.builds(lambda name, value: lambda headers: headers.__setitem__(0, (name, value)), NAMES, VALUES),
    st.builds(lambda fields: lambda headers: headers.__setitem__(slice(1, 3), fields), FIELDS),
    st.builds(lambda name: lambda headers: headers.__delitem__(name), NAMES),
    st.just(lambda headers: headers.__delitem__(0)),
    st.builds(lambda name: lambda headers: headers.remove(name), NAMES),
    st.builds(lambda name: lambda headers: headers.pop(name), NAMES),
    st.builds(lambda name: lambda headers: headers.pop(name, "none"), NAMES),
    st.just(lambda headers: headers.pop()),
    st.just(lambda headers: headers.pop(0)),
    st.just(lambda headers: headers.popitem()),
    st.just(lambda headers: headers.clear()),
    st.builds(lambda fields: lambda headers: headers.extend(fields), FIELDS),
    st.builds(lambda fields: lambda headers: headers.update(Headers(fields)), FIELDS),
    st.builds(lambda fields: lambda headers: headers.update(dict(fields), b="3"), FIELDS),
    st.builds(lambda name, values: lambda headers: headers.setlist(name, values), NAMES, st.lists(VALUES)),
    st.builds(lambda name, value: lambda headers: headers.setdefault(name, value), NAMES, VALUES),
    st.builds(lambda name, value: lambda headers: headers.setlistdefault(name, [value]), NAMES, VALUES),
    st.builds(lambda fields: lambda headers: headers.__ior__(fields), FIELDS),
    st.builds(lambda name: lambda headers: headers.set(name, "line\nbreak"), NAMES),
)


def outcome(act: Callable[[], object]) -> object:
    try:
        result = act()
    except (KeyError, IndexError, ValueError) as error:
        return type(error)
    return list(result) if isinstance(result, Headers) else result


def look(headers: Headers) -> list[object]:
    seen: list[object] = [list(headers), len(headers), str(headers), list(headers.keys(lower=True))]
    for name in ("A", "a", "b", "x-LONG-name", "absent"):
        seen += [headers.get(name), headers.get(name, "none"), headers.get(name, type=int), name in headers]
        seen += [headers.get(name, "none", int), headers.getlist(name), outcome(lambda: headers[name])]  # noqa: B023
    return seen


@given(FIELDS, st.lists(CHANGES, max_size=6))
def test_indexed_headers_do_what_werkzeugs_do(fields: list[tuple[str, str]], changes: list[Change]) -> None:
    plain, indexed = Headers(fields), IndexedHeaders(fields)
    assert look(plain) == look(indexed)
    for change in changes:
        assert outcome(lambda: change(plain)) == outcome(lambda: change(indexed))  # noqa: B023
        assert look(plain) == look(indexed)
        for copied in (indexed.copy(), copy.copy(indexed), Headers(indexed), IndexedHeaders(plain)):
            assert look(copied) == look(plain)
            assert copied == plain
            assert plain == copied


def test_every_method_that_changes_the_list_forgets_the_index() -> None:
    overridden = {name for name, method in vars(IndexedHeaders).items() if callable(method)}
    assert overridden >= set(CHANGING)


def test_headers_are_made_of_those_of_an_environ() -> None:
    of_environ = EnvironHeaders({"HTTP_A": "1", "CONTENT_TYPE": "text/plain"})
    assert list(IndexedHeaders(of_environ)) == list(of_environ)
    indexed = IndexedHeaders([("A", "0"), ("B", "2")])
    indexed.update(of_environ)
    assert sorted(indexed) == [("A", "1"), ("B", "2"), ("Content-Type", "text/plain")]


def test_headers_that_are_not_equal() -> None:
    assert IndexedHeaders([("a", "1")]) != Headers([("a", "2")])
    assert IndexedHeaders([("a", "1")]) != [("a", "1")]
    with pytest.raises(BadRequestKeyError):
        IndexedHeaders()["a"]


RAW = st.lists(
    st.tuples(
        st.sampled_from([b"A", b"a", b"B", b"Content-Type"]), st.sampled_from([b"", b"1", b"2", b"\xe4"])
    ),
    min_size=1,  # HTTP/1.1 needs a Host; without any, werkzeug reads the environment instead
    max_size=6,
)


def environ(raw: list[tuple[bytes, bytes]], method: str = "POST") -> "WSGIEnvironment":
    return wsgi_environ(
        method=method,
        target="/a%2Fb?c=d",
        path="/a/b",
        query="c=d",
        version="1.1",
        headers={"CONTENT_LENGTH": "4"},
        raw_headers=raw,
        body=io.BytesIO(b"sent"),
        server=("127.0.0.1", 80),
        client=("127.0.0.1", 1),
    )


def started(application: WsgiGateway, environ: "WSGIEnvironment") -> list[object]:
    """What an application answers: status and headers, then the body."""
    answer: list[object] = []
    body = application(environ, lambda *head: answer.append(head))  # type: ignore[arg-type]
    return [*answer, b"".join(body)]


@given(RAW)
def test_the_gateway_gets_the_request_that_rolos_application_gives_it(raw: list[tuple[bytes, bytes]]) -> None:
    seen: list[object] = []

    def note(chain: object, context: object, response: Response) -> None:
        request = context.request  # type: ignore[attr-defined]
        seen.append([list(request.headers), request.method, request.path, request.args, request.get_data()])
        response.headers["X-Answer"] = "yes"
        response.data = b"body"

    gateway = Gateway(request_handlers=[note])
    assert started(WsgiGateway(gateway), environ(raw)) == started(GatewayApplication(gateway), environ(raw))
    assert seen[0] == seen[1]


ANSWERED = st.lists(
    st.tuples(
        st.sampled_from(
            ["A", "Content-Length", "content-type", "Content-Location", "Location", "Set-Cookie"]
        ),
        st.sampled_from(["1", "/a b", "\xe4"]),
    ),
    max_size=5,
)


@given(
    st.sampled_from(["GET", "HEAD"]),
    st.sampled_from([200, 201, 204, 302, 304, 404]),
    ANSWERED,
    st.sampled_from([b"", b"body", [b"a", b"b"], None]),
)
def test_answers_are_those_of_rolos_application(
    method: str, status: int, fields: list[tuple[str, str]], body: bytes | list[bytes] | None
) -> None:
    def respond(chain: object, context: object, response: Response) -> None:
        other = Response(status=status, headers=fields)
        if isinstance(body, bytes):
            other.data = body
        else:
            other.response = body or iter([b"streamed"])
        response.headers["a"] = "2"
        response.update_from(other)

    gateway = Gateway(request_handlers=[respond])
    sent = environ([(b"A", b"1")], method)
    assert started(WsgiGateway(gateway), sent) == started(GatewayApplication(gateway), sent)


def test_a_line_break_in_a_value_is_refused_as_by_rolo() -> None:
    with pytest.raises(ValueError, match="newline"):
        IndexedHeaders.of([(b"A", b"1\nB: 2")])

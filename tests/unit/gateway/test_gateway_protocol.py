"""What the gateway's HTTP server makes of requests, down to the bytes."""

import http.client
import json
import socket
import time

import pytest
from gateway_serving import RunningServer, read_to_end, serving
from hypothesis import given, settings
from hypothesis import strategies as st
from rolo import Request, Response

LARGE_BODY_BYTES = 12 * 1024 * 1024


def parse(answer: bytes) -> tuple[int, dict[str, str], dict]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    return int(status_line.split()[1]), dict(line.split(": ", 1) for line in lines), json.loads(body)


def test_keeps_header_case_order_and_duplicates(echo_server: RunningServer) -> None:
    status, _, seen = parse(
        echo_server.exchange(
            b"GET / HTTP/1.1\r\nhost: shop\r\nX-aMz-Thing: 1\r\nx_under: u\r\nX-aMz-Thing: 2\r\n\r\n"
        )
    )
    assert status == 200
    assert seen["headers"] == [
        ["host", "shop"],
        ["X-aMz-Thing", "1"],
        ["X-aMz-Thing", "2"],
        ["x_under", "u"],
    ]


@pytest.mark.parametrize(
    ("target", "path", "raw_path", "query"),
    [
        ("/a%2Fb/c%20d?x=%2F&y", "/a/b/c d", "/a%2Fb/c%20d", "x=%2F&y"),
        ("//bucket//key", "/bucket//key", "//bucket//key", ""),
        ("http://sns.eu-central-1.amazonaws.com/topic?q=1", "/topic", "/topic", "q=1"),
        ("http://sns.eu-central-1.amazonaws.com", "/", "", ""),
        ("/k%C3%A4se", "/käse", "/k%C3%A4se", ""),
    ],
)
def test_keeps_the_raw_path(
    echo_server: RunningServer, target: str, path: str, raw_path: str, query: str
) -> None:
    _, _, seen = parse(echo_server.exchange(f"GET {target} HTTP/1.1\r\nHost: shop\r\n\r\n".encode()))
    assert (seen["path"], seen["raw_path"], seen["query"]) == (path, raw_path, query)


def test_response_headers_leave_as_the_gateway_gave_them() -> None:
    def handle(request: Request) -> Response:
        response = Response(b"body", mimetype="text/plain")
        response.headers["x-amzn-RequestId"] = "1"
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("Set-Cookie", "b=2")
        response.headers["Connection"] = "keep-alive"
        return response

    with serving(handle) as running:
        answer = running.exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    head = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0] == b"HTTP/1.1 200 OK"
    assert [line.split(b": ")[0] for line in head[1:]] == [
        b"Content-Type",
        b"Content-Length",
        b"x-amzn-RequestId",
        b"Set-Cookie",
        b"Set-Cookie",
        b"Connection",
        b"Date",
    ]


def test_one_connection_serves_many_requests(echo_server: RunningServer) -> None:
    client = http.client.HTTPConnection("127.0.0.1", echo_server.port, timeout=20)
    client.connect()
    own_port = client.sock.getsockname()[1]
    for number in range(20):
        client.request("POST", f"/{number}", body=b"x" * number)
        answer = json.loads(client.getresponse().read())
        assert (answer["path"], answer["body_length_bytes"]) == (f"/{number}", number)
        assert client.sock.getsockname()[1] == own_port
    client.close()


def test_pipelined_requests_are_answered_in_order(echo_server: RunningServer) -> None:
    requests = b"".join(
        b"POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\r\n" % number for number in range(5)
    )
    answers = echo_server.exchange(requests)
    assert answers.count(b"HTTP/1.1 200") == 5
    positions = [answers.index(b'"path": "/%d"' % number) for number in range(5)]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    ("head", "stays_open"),
    [
        ("GET / HTTP/1.1\r\nHost: h", True),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close", False),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE, Close", False),
        ("GET / HTTP/1.0", False),
        ("GET / HTTP/1.0\r\nConnection: keep-alive", True),
    ],
)
def test_the_connection_stays_open_when_the_client_wants_it(
    echo_server: RunningServer, head: str, stays_open: bool
) -> None:
    sock = echo_server.connect()
    request = f"{head}\r\n\r\n".encode()
    sock.sendall(request)
    first = http.client.HTTPResponse(sock)
    first.begin()
    first.read()
    assert first.will_close is not stays_open
    if stays_open:
        sock.sendall(request)
        second = http.client.HTTPResponse(sock)
        second.begin()
        assert second.status == 200
    else:
        assert read_to_end(sock) == b""


def test_chunked_request_body(echo_server: RunningServer) -> None:
    client = http.client.HTTPConnection("127.0.0.1", echo_server.port, timeout=20)
    for _ in range(2):
        client.request("POST", "/", body=iter([b"one", b"two" * 50_000, b"three"]), encode_chunked=True)
        seen = json.loads(client.getresponse().read())
        assert seen["body_length_bytes"] == 3 + 150_000 + 5
    client.close()


def test_large_body(echo_server: RunningServer) -> None:
    client = http.client.HTTPConnection("127.0.0.1", echo_server.port, timeout=60)
    client.request("PUT", "/", body=b"x" * LARGE_BODY_BYTES)
    assert json.loads(client.getresponse().read())["body_length_bytes"] == LARGE_BODY_BYTES
    client.close()


def test_body_is_asked_for_once_when_the_client_expects_it(echo_server: RunningServer) -> None:
    sock = echo_server.connect()
    head = b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n"
    for _ in range(2):
        sock.sendall(head)
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        sock.sendall(b"def")
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        assert answer.status == 200
        assert json.loads(answer.read())["body"] == "abcdef"


def test_body_is_asked_for_once_when_it_comes_in_pieces(echo_server: RunningServer) -> None:
    sock = echo_server.connect()
    sock.sendall(b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\nabc")
    assert sock.recv(25, socket.MSG_WAITALL) == b"HTTP/1.1 100 Continue\r\n\r\n"
    sock.sendall(b"def")
    assert sock.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"


@pytest.mark.parametrize("rest", [b"Content-Length: 0\r\n\r\n", b"\r\n", b"Content-Length: 3\r\n\r\nabc"])
def test_no_continue_when_there_is_nothing_to_wait_for(echo_server: RunningServer, rest: bytes) -> None:
    answer = echo_server.exchange(b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n" + rest)
    assert answer.startswith(b"HTTP/1.1 200 OK") or rest.endswith(b"abc")
    assert answer.count(b"HTTP/1.1 200 OK") == 1


def test_slow_client_is_waited_for(echo_server: RunningServer) -> None:
    sock = echo_server.connect()
    for byte in b"POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nslow":
        sock.sendall(bytes([byte]))
    answer = http.client.HTTPResponse(sock)
    answer.begin()
    assert json.loads(answer.read())["body"] == "slow"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_head_has_the_length_but_no_body(method: str) -> None:
    with serving(lambda request: Response(b"x" * 1000)) as running:
        answer = running.exchange(f"{method} / HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Length: 1000" in head
    assert len(body) == (1000 if method == "GET" else 0)


@pytest.mark.parametrize("status", [204, 304])
def test_no_body_and_no_length_where_http_forbids_them(status: int) -> None:
    with serving(lambda request: Response(b"", status=status)) as running:
        answer = running.exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in answer
    assert b"Content-Length" not in answer


def test_streamed_response_arrives_while_it_is_made() -> None:
    def chunks(sock_holder: list[float]):
        yield b"first"
        deadline = time.monotonic() + 20
        while not sock_holder and time.monotonic() < deadline:
            time.sleep(0.005)
        yield b"second" if sock_holder else b"came too late"

    seen_first: list[float] = []
    with serving(lambda request: Response(chunks(seen_first))) as running:
        client = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        for _ in range(2):
            seen_first.clear()
            client.request("GET", "/")
            answer = client.getresponse()
            assert answer.getheader("Transfer-Encoding") == "chunked"
            assert answer.read1(5) == b"first"
            seen_first.append(time.monotonic())
            assert answer.read() == b"second"
        client.close()


def test_streamed_response_ends_with_the_connection_in_http_1_0() -> None:
    with serving(lambda request: Response(iter([b"one", b"two"]))) as running:
        answer = running.exchange(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Connection: close" in head
    assert body == b"onetwo"


def test_response_is_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    sendall = socket.socket.sendall

    def record(sock: socket.socket, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 200") or sent:
            sent.append(data)
        sendall(sock, data)

    with serving(lambda request: Response(b"x" * 1000)) as running:
        monkeypatch.setattr(socket.socket, "sendall", record)
        running.exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        monkeypatch.undo()
    assert len(sent) == 1
    assert sent[0].endswith(b"x" * 1000)


def test_failing_application_is_a_500_and_the_server_lives_on() -> None:
    def handle(request: Request) -> Response:
        if request.path == "/line-break":
            response = Response(b"")
            response.headers._list.append(("x", "a\r\nb: c"))
            return response
        if request.path == "/fine":
            return Response(b"fine")
        raise KeyError("secret")

    def application(environ, start_response):
        response = handle(Request("GET", environ["PATH_INFO"]))
        start_response("200 OK", response.headers._list)
        return [response.data]

    with serving(handle) as running:
        running.server.application = application
        for path in ("/raise", "/line-break"):
            answer = running.exchange(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
            assert b"Connection: close" in answer
            assert b"secret" not in answer
        assert running.exchange(b"GET /fine HTTP/1.1\r\nHost: h\r\n\r\n").endswith(b"fine")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: a\nY: b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: ,\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 300_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999999999\r\n\r\n", 413),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
def test_malformed_request_is_refused_and_the_connection_closed(
    echo_server: RunningServer, request_bytes: bytes, status: int
) -> None:
    sock = echo_server.connect()
    sock.sendall(request_bytes)
    answer = read_to_end(sock)
    assert answer.startswith(b"HTTP/1.")
    assert int(answer.split()[1]) == status
    assert b"Connection: close" in answer


def test_response_header_beyond_latin_1_leaves_as_utf_8() -> None:
    def handle(request: Request) -> Response:
        return Response(b"body", headers={"X-Price": "5 €", "X-Latin": "é"})

    with serving(handle) as running:
        answer = running.exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"X-Price: 5 \xe2\x82\xac\r\n" in answer
    assert b"X-Latin: \xe9\r\n" in answer


@pytest.mark.parametrize("name", ["a b", "a:b", "", "a\0", "ä"])
def test_response_header_name_that_http_does_not_know_is_a_500(name: str) -> None:
    with serving(lambda request: Response(b"body", headers={name: "x"})) as running:
        answer = running.exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


def test_body_shorter_than_announced_ends_the_connection_and_is_closed() -> None:
    closed: list[bool] = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "10")])
        return Body([b"short"])

    with serving(lambda request: Response(b"")) as running:
        running.server.application = application
        sock = running.connect()
        sock.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert read_to_end(sock).endswith(b"\r\n\r\nshort")
    assert closed == [True]


def test_framing_is_the_servers_own() -> None:
    def handle(request: Request) -> Response:
        return Response(iter([b"body"]), headers={"Transfer-Encoding": "chunked"})

    with serving(handle) as running:
        answer = running.exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.count(b"Transfer-Encoding") == 1
    assert answer.endswith(b"\r\n\r\n4\r\nbody\r\n0\r\n\r\n")


def test_interim_status_is_no_answer() -> None:
    """A client would go on waiting for the final one."""
    with serving(lambda request: Response(b"", status=100)) as running:
        answer = running.exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


@pytest.mark.parametrize("error", [FileNotFoundError("gone"), PermissionError("no")])
def test_failure_of_the_operating_system_in_the_application_is_a_500(error: OSError) -> None:
    def application(environ, start_response):
        raise error

    with serving(lambda request: Response(b"")) as running:
        running.server.application = application
        answer = running.exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


PIECES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"GET / HTTP/1.1\r\n",
            b"POST /x HTTP/1.1\r\n",
            b"Host: h\r\n",
            b"\r\n",
            b"Content-Length: 5\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Expect: 100-continue\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            b"Connection: close\r\n",
        ]
    ),
)


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(PIECES, max_size=12))
def test_no_bytes_break_the_server(echo_server: RunningServer, pieces: list[bytes]) -> None:
    """Whatever arrives, each answer is complete and its status is one that the server gives."""
    answers = echo_server.exchange(b"".join(pieces))
    while answers:
        head, separator, rest = answers.partition(b"\r\n\r\n")
        assert separator
        status = int(head.split()[1])
        assert status in (100, 200, 400, 413, 431, 501)
        if status == 100:
            answers = rest
            continue
        lengths = [
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")
        ]
        assert len(lengths) == 1
        is_head_answer = not rest.startswith((b"{", b"B", b"R", b"N"))
        answers = rest if is_head_answer else rest[lengths[0] :]
    assert parse(echo_server.exchange(b"GET /alive HTTP/1.1\r\n\r\n"))[2]["path"] == "/alive"

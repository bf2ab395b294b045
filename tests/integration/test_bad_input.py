"""Generated rubbish at the public door: never a hang, never a wrong 200, never a crash, nothing in the logs.

A 200 says that the order was taken, unread: each one must then be found in the dead letters.
"""

import json
import re
import secrets
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
from accept_copy import MARK_HEADER
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shop_under_test import sale

from serverless_harness.waiting import Wait

ANSWER_TIMEOUT_S = 120
LETTERS_TIMEOUT_S = 240
BODIES, RAW_REQUESTS = 300, 220
OK = (200, b'"OK"')
NOT_OK = b'"NotOK: retry later, admins: see cloudwatch logs for error"'
"""What accept says of an order that no dead letter could hold; any other 500 is a crash."""

generated = settings(
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
ORDERS = st.fixed_dictionaries({}, optional={"shop_id": VALUES, "content_base64": VALUES, "other": VALUES})
NESTED = st.builds(lambda depth, opening: opening * depth, st.integers(1, 50_000), st.sampled_from("[{("))
BODIES_OF_BYTES = st.one_of(
    ORDERS.map(lambda order: json.dumps(order).encode()),
    VALUES.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    NESTED.map(str.encode),
    st.binary(max_size=400),
    st.sampled_from([b"\xff\xfe{}", b'{"shop_id": "\xc3\x28"}', b"\x00", b"{}" * 20_000]),
)


@pytest.fixture
def letters_with(dead_letters):
    """Call it with a mark for the dead letters that bear it; they are gone after the test."""
    marks = []

    def letters_with(mark):
        marks.append(mark)
        return [letter for letter in dead_letters.letters() if mark in letter.body]

    yield letters_with
    dead_letters.purge(lambda letter: any(mark in letter.body for mark in marks))


def await_letters(letters_with, mark, count):
    """Wait for exactly as many letters; more would be a message that was taken, but not answered 200."""
    found = Wait(
        f"{count} dead letters with {mark}",
        LETTERS_TIMEOUT_S,
        interval_s=1,
        describe=lambda: str(len(letters_with(mark))),
    ).until(lambda: len(letters_with(mark)) >= count)
    assert found
    assert len(letters_with(mark)) == count


def assert_shop_works(shop, api):
    order = shop.order(sale(1, 1))
    assert api.post(order.body).status_code == 200
    shop.await_booked(order)
    assert shop.totals()[1].gross_number == 1


def test_bodies_of_all_kinds(deployment, shop, api, letters_with):
    mark = f"fuzz-{secrets.token_hex(6)}"
    taken = []

    with httpx.Client(timeout=ANSWER_TIMEOUT_S, trust_env=False) as client:

        @settings(generated, max_examples=BODIES)
        @given(BODIES_OF_BYTES, st.sampled_from(["application/json", "text/plain", "image/png", ""]))
        def send(body, content_type):
            answer = client.post(
                deployment.invoke_url,
                content=body,
                headers={"Content-Type": content_type, MARK_HEADER: mark},
            )
            assert answer.status_code in {200, 400, 413, 415, 500}, answer.text
            if answer.status_code == 500:
                assert answer.content == NOT_OK
            if answer.status_code == 200:
                assert (answer.status_code, answer.content) == OK
                taken.append(body)

        send()

    assert taken
    await_letters(letters_with, mark, len(taken))
    assert_shop_works(shop, api)


TOKENS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=12
)
FIELD_VALUES = st.text(st.characters(codec="latin-1", categories=["L", "N", "P"])).map(
    lambda value: value.encode("latin-1")
) | st.binary(max_size=60).map(lambda value: value.replace(b"\r", b"").replace(b"\n", b""))
HEADERS = st.lists(
    st.tuples(
        TOKENS.map(str.encode)
        | st.sampled_from(
            [
                b"Host",
                b"X-Forwarded-For",
                b"Authorization",
                b"Content-Type",
                b"x-localstack-data",
                b"X-Amz-Target",
            ]
        ),
        FIELD_VALUES,
    ),
    max_size=6,
)
PATHS = st.just("") | st.sampled_from(
    [
        "",
        "/",
        "/..",
        "/../..",
        "/%2e%2e/",
        "/%00",
        "//",
        "/shop/shop",
        "?a=b&a",
        "?%",
        "/%ff",
        ";x",
        "#y",
        "/\\",
    ]
)
VERSIONS = st.just("1.1") | st.sampled_from(["1.0", "0.9", "2"])
METHODS = st.just("POST") | st.sampled_from(
    ["POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "post", "P@ST"]
)


def exchange(address, request):
    """Send bytes, and give all that comes back until the server closes the connection."""
    with socket.create_connection(address, timeout=ANSWER_TIMEOUT_S) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        except (BrokenPipeError, ConnectionResetError):
            return b""
        return received


@pytest.mark.needs("local")
def test_request_lines_and_headers_of_all_kinds(deployment, shop, api, letters_with):
    mark = f"fuzz-{secrets.token_hex(6)}"
    url = urlsplit(deployment.invoke_url)
    taken, statuses = [], set()

    @settings(generated, max_examples=RAW_REQUESTS)
    @given(METHODS, PATHS, HEADERS, st.binary(max_size=40), VERSIONS)
    def send(method, suffix, headers, body, version):
        lines = [
            f"{method} {url.path}{suffix} HTTP/{version}".encode(),
            f"{MARK_HEADER}: {mark}".encode(),
            *(name + b": " + value for name, value in headers),
            f"Host: {url.netloc}".encode(),
            f"Content-Length: {len(body)}".encode(),
            b"Connection: close",
        ]
        started = time.monotonic()
        received = exchange((url.hostname, url.port), b"\r\n".join(lines) + b"\r\n\r\n" + body)
        assert time.monotonic() - started < ANSWER_TIMEOUT_S
        status = re.match(rb"HTTP/1\.[01] (\d{3}) ", received)
        if not status:
            assert received == b"" or not received.startswith(b"HTTP/")
            return
        statuses.add(int(status[1]))
        assert int(status[1]) not in {502, 503, 504}, received
        if status[1] == b"200" and method == "POST" and received.endswith(OK[1]):
            taken.append(suffix)
        elif status[1] == b"200":
            assert not received.endswith(OK[1]), "only a POST to the shop is an order"

    send()

    assert taken
    assert {200, 400, 403} <= statuses
    await_letters(letters_with, mark, len(taken))
    assert_shop_works(shop, api)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"x" * 10_000_000, id="10 MB of text"),
        pytest.param(b'{"shop_id": "' + b"A" * 10_000_000 + b'"}', id="10 MB of JSON"),
        pytest.param(b"[" * 5_000_000, id="5 million levels"),
        pytest.param(b"\xff" * 7_000_000, id="7 MB of no text"),
    ],
)
def test_what_is_too_large_is_not_accepted(deployment, shop, api, body):
    answer = httpx.post(deployment.invoke_url, content=body, timeout=ANSWER_TIMEOUT_S, trust_env=False)

    # API Gateway's own limit, Lambda's behind it (API Gateway then says so in its words), or accept's.
    assert answer.status_code == 413 or (answer.status_code, answer.content) in {
        (502, b'{"message": "Internal server error"}'),
        (500, NOT_OK),
    }
    assert_shop_works(shop, api)


def test_functions_log_no_plaintext(shop, api, order_log, letters_with):
    secret = 987_654_321
    good = shop.order_of(
        {"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": secret}], "note": "Xq7-note"}
    )
    bad = shop.order_of({"sales": [{"item_no": 1, "gross_number": "Xq7-note", "gross_turnover": secret}]})

    for order in (good, bad):
        assert api.post(order.body).status_code == 200

    shop.await_booked(good)
    order_log.await_lines("process", "ERROR", bad.order_id)
    await_letters(letters_with, bad.order_id, 1)
    for function in ("decrypt", "process"):
        lines = order_log.lines(function)
        ciphertexts = [json.loads(order.body)["content_base64"] for order in (good, bad)]
        for secret_text in (str(secret), "Xq7-note", *ciphertexts):
            assert not [line for line in lines if secret_text in line.message]

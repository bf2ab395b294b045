"""Headers whose values are remembered, or read by their form, mean what werkzeug reads in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localstack.aws.protocol import serializer as serializers
from localstack.aws.protocol.serializer import ResponseSerializer
from werkzeug.datastructures import Headers
from werkzeug.http import parse_dict_header

from serverless_harness.emulator.gateway import header_values

ORIGINAL = ResponseSerializer._get_mime_type
SCOPE = "LSIAQAAAAAAVNCBMPNSG/20260101/eu-west-1/sns/aws4_request"


@given(
    st.lists(
        st.sampled_from(
            [
                f"Credential={SCOPE}",
                "SignedHeaders=content-type;host;x-amz-date",
                "Signature=00ff",
                "Signature=",
                ",",
                ", ",
                " ",
                "\t",
                '"',
                "=",
                "*",
                "a b",
                "%20",
                "\\",
                'Credential="quoted, with/a/comma/x"',
                "Credential*=utf-8''a/b/c/d/e",
            ]
        ),
        max_size=7,
    ).map("".join)
)
def test_parts_of_a_signature_are_those_that_werkzeug_reads(value: str) -> None:
    assert header_values.signature_parts(parse_dict_header, value) == parse_dict_header(value)


@pytest.mark.parametrize("separator", [",", ", "])
def test_a_signature_of_the_usual_form_is_not_parsed(separator: str) -> None:
    value = separator.join((f"Credential={SCOPE}", "SignedHeaders=host;x-amz-date", "Signature=00ff"))
    parts = header_values.signature_parts(lambda _: pytest.fail("parsed"), value)
    assert parts == parse_dict_header(value)


SERIALIZERS = [
    each()
    for each in vars(serializers).values()
    if isinstance(each, type) and issubclass(each, ResponseSerializer) and each.SUPPORTED_MIME_TYPES
    if not getattr(each, "__abstractmethods__", None)
]
TYPES = st.none() | st.lists(
    st.sampled_from(
        [
            "*/*",
            "application/json",
            "application/xml",
            "text/xml",
            "application/cbor",
            "application/x-amz-json-1.1",
            "application/x-www-form-urlencoded; charset=utf-8",
            "text/*;q=0.5",
            "application/json;q=2",
            "",
            "x" * header_values.MAX_REMEMBERED_LENGTH,
        ]
    ),
    max_size=4,
).map(", ".join)


@given(TYPES, TYPES, st.sampled_from(SERIALIZERS))
def test_a_serializer_answers_in_the_type_that_it_chose_before(
    accept: str | None, content_type: str | None, serializer: ResponseSerializer
) -> None:
    given_headers = {"accept": accept, "content-type": content_type, "Host": "h"}
    headers = Headers({name: value for name, value in given_headers.items() if value is not None})
    for seen in (headers, Headers(), None, {}):
        assert header_values.mime_type(ORIGINAL, serializer, seen) == ORIGINAL(serializer, seen)

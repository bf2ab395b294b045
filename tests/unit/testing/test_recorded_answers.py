"""What differs from run to run is replaced in an answer, and nothing else is."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal

from serverless_harness.testing.recorded_answers import as_json, replacing, stable


def test_the_same_id_has_the_same_name_throughout():
    first, second = str(uuid.uuid4()), str(uuid.uuid4())

    assert stable({"id": first, "others": [second, f"note {first.upper()}"]}) == {
        "id": "<uuid:1>",
        "others": ["<uuid:2>", "note <uuid:1>"],
    }


def test_times_are_replaced_as_text_as_values_and_as_numbers_by_their_names():
    answer = {
        "created": "2026-11-25T10:00:00.123Z",
        "LastModified": datetime.now(UTC),
        "requestTimeEpoch": 1764064800000,
        "timestamp_ms": 17,
        "count": 17,
    }

    assert stable(answer) == {
        "created": "<time>",
        "LastModified": "<time>",
        "requestTimeEpoch": "<time>",
        "timestamp_ms": "<time>",
        "count": 17,
    }


def test_an_arn_keeps_its_service_and_its_resource():
    assert stable("arn:aws:sqs:eu-central-1:123456789012:jobs") == "arn:aws:sqs:<region>:<account>:jobs"
    assert stable("arn:aws:s3:::files/key") == "arn:aws:s3:::files/key"


def test_names_of_the_tests_own_go_before_all_else_the_longest_first():
    names = {"notes-abc": "<table>", "notes-abc-index": "<index>"}

    assert stable(["notes-abc-index", "notes-abc"], names) == ["<index>", "<table>"]


def test_transformers_see_each_text():
    assert stable({"a": "took 17 ms"}, None, replacing(r"\d+ ms", "<n> ms")) == {"a": "took <n> ms"}


def test_what_boto3_adds_is_left_out_and_all_else_stays():
    answer = {
        "ResponseMetadata": {"RequestId": "x"},
        "ok": True,
        "none": None,
        "n": Decimal("1.5"),
        "b": b"x",
    }

    assert stable(answer) == {"ok": True, "none": None, "n": Decimal("1.5"), "b": b"x"}


def test_a_flag_with_a_times_name_stays_a_flag():
    assert stable({"updated_at": True}) == {"updated_at": True}


def test_sets_have_an_order():
    assert stable({"a", "c", "b"}) == ["a", "b", "c"]


def test_an_answer_of_dynamodb_becomes_json():
    assert as_json({"n": Decimal(3), "x": Decimal("0.5"), "raw": b"\xff", "list": [Decimal(1)]}) == {
        "n": 3,
        "x": 0.5,
        "raw": "\\xff",
        "list": [1],
    }

"""Batches of a stream: retries, bisection, reported failures, age, windows."""

import threading
from typing import Any

import pytest
from localstack.services.lambda_.event_source_mapping.senders.sender import (
    PartialFailureSenderError,
    SenderError,
)

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.lambda_service.stream_batches import BatchDelivery, Settings
from serverless_harness.emulator.lambda_service.stream_windows import Windows


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDA_ASYNC_DELAY_SCALE", "0")


def event(number: int, age_s: float = 0) -> dict[str, Any]:
    created_at = clock.now() - age_s
    return {"dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": created_at}}


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [int(each["dynamodb"]["SequenceNumber"]) for each in events]


class Function:
    """A function that fails at poison, and what becomes of its batches."""

    def __init__(self, *poison: int, reports: bool = False) -> None:
        self.poison = set(poison)
        self.reports = reports
        self.batches: list[list[int]] = []
        self.discarded: list[tuple[list[int], str, int]] = []

    def send(self, events: list[dict[str, Any]]) -> None:
        self.batches.append(numbers(events))
        failed = [number for number in self.batches[-1] if number in self.poison]
        if failed and self.reports:
            failures = [{"itemIdentifier": str(number)} for number in failed]
            raise PartialFailureSenderError(
                error={"requestId": "r"},
                partial_failure_payload={"batchItemFailures": failures},  # type: ignore[typeddict-item]
            )
        if failed:
            raise SenderError("failed", error={"requestId": "r"})

    def discard(self, events: list[Any], condition: str, error: dict[str, Any], invokes: int) -> None:
        self.discarded.append((numbers(events), condition, invokes))

    def run(self, events: list[dict[str, Any]], **mapping: Any) -> None:
        settings = Settings.of(mapping)
        BatchDelivery(settings, threading.Event(), self.send, self.discard).deliver(events)


def test_a_batch_is_sent_once() -> None:
    function = Function()
    function.run([event(1), event(2)])
    assert function.batches == [[1, 2]]


def test_a_failing_batch_is_retried_and_then_discarded_whole() -> None:
    function = Function(2)
    function.run([event(1), event(2)], MaximumRetryAttempts=2)
    assert function.batches == [[1, 2]] * 3
    assert function.discarded == [([1, 2], "RetryAttemptsExhausted", 3)]


def test_bisection_isolates_the_poison_and_keeps_the_order() -> None:
    function = Function(3)
    function.run([event(n) for n in range(1, 6)], BisectBatchOnFunctionError=True, MaximumRetryAttempts=1)
    assert function.batches == [[1, 2, 3, 4, 5], [1, 2, 3], [1, 2], [3], [3], [4, 5]]
    ((discarded, condition, _),) = function.discarded
    assert (discarded, condition) == ([3], "RetryAttemptsExhausted")


def test_without_retries_nothing_is_split() -> None:
    function = Function(3)
    function.run([event(n) for n in (1, 2, 3)], BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)
    assert function.batches == [[1, 2, 3]]
    assert function.discarded == [([1, 2, 3], "RetryAttemptsExhausted", 1)]


@pytest.mark.parametrize("bisects", [True, False])
def test_a_reported_failure_is_where_the_next_attempt_begins(bisects: bool) -> None:
    function = Function(3, reports=True)
    events = [event(n) for n in range(1, 5)]
    function.run(events, BisectBatchOnFunctionError=bisects, MaximumRetryAttempts=1)
    assert function.batches[:2] == [[1, 2, 3, 4], [3, 4]]
    assert all(1 not in batch for batch in function.batches[1:])
    assert [each[0] for each in function.discarded] == ([[3]] if bisects else [[3, 4]])


def test_old_records_are_discarded_before_the_function_sees_them() -> None:
    function = Function()
    function.run([event(1, age_s=120), event(2)], MaximumRecordAgeInSeconds=60)
    assert function.batches == [[2]]
    assert function.discarded == [([1], "RecordAgeExceeded", 0)]


def test_a_record_grows_too_old_between_two_attempts() -> None:
    function = Function(1)
    send = function.send

    def send_and_wait(events: list[dict[str, Any]]) -> None:
        clock.advance(30)
        send(events)

    function.send = send_and_wait  # type: ignore[method-assign]
    function.run([event(1)], MaximumRecordAgeInSeconds=60)
    assert function.discarded[0][1] == "RecordAgeExceeded"
    assert 2 <= len(function.batches) <= 3


def test_a_mapping_that_is_stopped_tries_no_more() -> None:
    stopped = threading.Event()
    function = Function(1)

    def send(events: list[dict[str, Any]]) -> None:
        stopped.set()
        function.send(events)

    BatchDelivery(Settings.of({}), stopped, send, function.discard).deliver([event(1)])
    assert function.batches == [[1]]
    assert function.discarded == []


def test_a_batch_is_split_by_windows_and_each_ends_once() -> None:
    stored: dict[str, Any] = {}
    windows = Windows(60, "arn", lambda: stored)
    documents: list[dict[str, Any]] = []

    def send(events: list[Any]) -> None:
        document = windows.document(events, "shard")
        documents.append(document)
        windows.keep_state({"state": {"count": document["state"].get("count", 0) + len(events)}})

    def at(number: int, seconds: float) -> dict[str, Any]:
        return {"dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": seconds}}

    base = 1_800_000_000
    for batch in ([at(1, base), at(2, base + 59)], [at(3, base + 59.5), at(4, base + 60)]):
        for events in windows.split(batch, lambda: send([])):
            send(events)
    windows.close_if_over(lambda: send([]))
    seen = [
        (numbers(each["Records"]), each["state"].get("count", 0), each["isFinalInvokeForWindow"])
        for each in documents
    ]
    assert seen == [([1, 2], 0, False), ([3], 2, False), ([], 3, True), ([4], 0, False)]
    assert documents[0]["window"] == {"start": "2027-01-15T08:00:00Z", "end": "2027-01-15T08:01:00Z"}
    assert documents[-1]["window"]["start"] == "2027-01-15T08:01:00Z"

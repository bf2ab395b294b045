"""What PutLogEvents takes in, and what FilterLogEvents finds of it, page by page."""

import pytest
from localstack.aws.api.logs import InvalidParameterException
from moto.logs.models import LogGroup, LogStream

from serverless_harness.emulator.logs.ingestion import DAY_MS, HOUR_MS, EventIds, accept, store
from serverless_harness.emulator.logs.patterns import parse
from serverless_harness.emulator.logs.search import Search

NOW_MS = 100 * DAY_MS


def inputs(*times):
    return [{"timestamp": at, "message": f"at {at}"} for at in times]


@pytest.fixture
def streams():
    group = LogGroup("111122223333", "eu-west-1", "g")
    return [LogStream(group, name) for name in ("a", "b")]


def search(streams, pattern="", token=None, **options):
    page = Search(parse(pattern), **options).page(streams, token)
    return [event["message"] for event in page["events"]], page.get("nextToken")


def test_events_too_old_too_new_or_expired_are_left_out():
    old, recent, ahead = NOW_MS - 14 * DAY_MS - 1, NOW_MS - HOUR_MS, NOW_MS + 2 * HOUR_MS
    accepted = accept(inputs(recent, ahead, ahead + 1), NOW_MS, None)
    assert [event["timestamp"] for event in accepted.events] == [recent, ahead]
    assert accepted.rejected == {"tooNewLogEventStartIndex": 2}
    assert accept(inputs(old, old + 1, old + 2), NOW_MS, None).rejected == {"tooOldLogEventEndIndex": 1}
    expired = accept(inputs(NOW_MS - 2 * DAY_MS, NOW_MS - 2 * DAY_MS + 1), NOW_MS, 1)
    assert (expired.events, expired.rejected) == ([], {"expiredLogEventEndIndex": 2})


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([], "greater than or equal to 1"),
        (inputs(*[NOW_MS] * 10_001), "less than or equal to 10000"),
        (inputs(NOW_MS, NOW_MS - 1), "chronological order"),
        (inputs(NOW_MS - DAY_MS - 1, NOW_MS), "cannot span more than 24 hours"),
        ([{"timestamp": NOW_MS, "message": "ä" * 600_000}], "Upload too large: 1200026 bytes"),
    ],
)
def test_batches_that_are_refused(events, message):
    with pytest.raises(InvalidParameterException, match=message):
        accept(events, NOW_MS, None)


def test_numbers_of_events_only_grow():
    ids = EventIds()
    numbers = [*ids.take(3), *ids.take(2)]
    assert sorted(set(numbers)) == numbers


def test_a_search_orders_the_events_of_all_streams(streams):
    store(streams[0], inputs(1, 5, 9), NOW_MS)
    store(streams[1], inputs(2, 5, 8), NOW_MS)
    assert search(streams)[0] == ["at 1", "at 2", "at 5", "at 5", "at 8", "at 9"]
    assert search(streams, start_ms=2, end_ms=8)[0] == ["at 2", "at 5", "at 5", "at 8"]
    assert search(streams, '"at 5"') == (["at 5", "at 5"], None)


def test_pages_end_with_the_last_match(streams):
    store(streams[0], inputs(*range(10)), NOW_MS)
    first, token = search(streams, "?1 ?3 ?5 ?7", limit=2)
    assert first == ["at 1", "at 3"]
    store(streams[1], inputs(0, 5, 5), NOW_MS)
    second, token = search(streams, "?1 ?3 ?5 ?7", token, limit=3)
    assert second == ["at 5", "at 5", "at 5"]
    assert search(streams, "?1 ?3 ?5 ?7", token, limit=3) == (["at 7"], None)


def test_a_page_holds_a_megabyte_at_most(streams):
    big = [{"timestamp": at, "message": "x" * 700_000} for at in (1, 2)]
    store(streams[0], big, NOW_MS)
    messages, token = search(streams)
    assert len(messages) == 1
    assert len(search(streams, token=token)[0]) == 1


def test_a_token_that_was_never_given_is_refused(streams):
    with pytest.raises(InvalidParameterException, match="nextToken is invalid"):
        search(streams, token="nonsense")

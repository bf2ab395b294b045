"""Queries of Logs Insights: what they find, and that nothing is read past."""

import json

import pytest
from localstack.aws.api.logs import MalformedQueryException
from moto.logs.models import LogGroup, LogStream

from serverless_harness.emulator.logs.ingestion import store
from serverless_harness.emulator.logs.insights import InsightsQuery, Query

MESSAGES = [
    "ERROR one",
    "INFO two",
    json.dumps({"level": "ERROR", "ms": 9, "user": {"id": "u1"}, "ok": True}),
    json.dumps({"level": "INFO", "ms": 100, "tags": ["a", "b"]}),
]


@pytest.fixture
def group():
    group = LogGroup("111122223333", "eu-west-1", "g")
    stream = group.streams["s"] = LogStream(group, "s")
    events = [{"timestamp": 1000 * number, "message": message} for number, message in enumerate(MESSAGES)]
    store(stream, events, 5000)
    return group


def found(group, query, end_s=10):
    return [MESSAGES.index(result["@message"]) for result in Query(query).run([group], 0, end_s)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fields @timestamp, @message", [3, 2, 1, 0]),
        ("fields @timestamp, @message | sort @timestamp asc", [0, 1, 2, 3]),
        ("fields @timestamp, @message | sort @timestamp desc | limit 2", [3, 2]),
        ("fields @message | filter @message like /ERROR/", [2, 0]),
        ("fields @message | filter @message like /(?i)error|two/", [2, 1, 0]),
        ("fields @message | filter @message like /error/i", [2, 0]),
        ('filter @message like "ERROR"', [2, 0]),
        ("filter @message =~ /two$/", [1]),
        ("filter @message not like 'ERROR'", [3, 1]),
        ('filter level = "ERROR"', [2]),
        ("filter ms > 50", [3]),
        ("filter ms > 50 or level = 'ERROR'", [3, 2]),
        ("filter (ms > 5 and not level = 'INFO') | filter user.id = 'u1'", [2]),
        ("filter ispresent(ms)", [3, 2]),
        ("filter not ispresent(ms) | sort @message desc", [1, 0]),
        ("filter level in ['ERROR', 'WARN']", [2]),
        ("filter level not in ['ERROR']", [3, 1, 0]),
        ("filter `user.id` = 'u1'", [2]),
        ("filter tags.1 = 'b'", [3]),
        ("filter ok = true", [2]),
        ("filter @logStream = 's' | sort ms asc, @timestamp desc", [1, 0, 2, 3]),
        ("# a remark\nfilter level = 'ERROR'", [2]),
    ],
)
def test_queries(group, query, expected):
    assert found(group, query) == expected


def test_a_query_is_bound_to_its_time(group):
    assert found(group, "fields @message", end_s=1) == [1, 0]


def test_fields_are_those_that_are_asked_for(group):
    [result] = Query("fields level, user.id, missing | filter level = 'ERROR'").run([group], 0, 10)
    assert result.pop("@ptr")
    assert result == {"level": "ERROR", "user.id": "u1"}
    [first, *_] = Query("fields @timestamp, @log | sort @timestamp asc").run([group], 0, 10)
    assert (first["@timestamp"], first["@log"]) == ("1970-01-01 00:00:00.000", "111122223333:g")


@pytest.mark.parametrize(
    "query",
    [
        "stats count(*) by level",
        "fields @message | parse @message '* *' as a, b",
        "fields @message | dedup level",
        "fields @message as text",
        "fields concat(a, b)",
        "filter",
        "filter @message like",
        "filter @message like /[/",
        "filter level = ERROR",
        "filter (level = 'ERROR'",
        "limit many",
        "limit 0",
        "fields @message filter level = 'x'",
    ],
)
def test_what_is_not_emulated_or_malformed_is_refused(query):
    with pytest.raises(MalformedQueryException):
        Query(query)


def test_results_as_get_query_results_gives_them(group):
    answer = InsightsQuery("filter level = 'ERROR'", [group], 0, 10, None).to_result_json()
    assert answer["status"] == "Complete"
    [row] = answer["results"]
    assert {"field": "@message", "value": MESSAGES[2]} in row
    assert answer["statistics"]["recordsMatched"] == 1

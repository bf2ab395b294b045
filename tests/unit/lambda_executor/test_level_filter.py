"""Lines that a function prints as JSON: Lambda developer guide, "Log-level filtering"."""

import json

import pytest

from serverless_harness.emulator.lambda_executor import level_filter
from serverless_harness.emulator.lambda_executor.output import OutputSplitter

TIME = "2024-11-02T16:51:31.587199Z"


def line(**members):
    return json.dumps(members)


@pytest.mark.parametrize(
    ("environ", "least"),
    [
        ({}, None),
        ({"AWS_LAMBDA_LOG_LEVEL": "ERROR"}, None),
        ({"AWS_LAMBDA_LOG_FORMAT": "JSON"}, 2),
        ({"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "TRACE"}, 0),
        ({"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "FATAL"}, 5),
    ],
)
def test_the_threshold_is_the_functions_log_level(environ, least):
    assert level_filter.threshold(environ) == least


@pytest.mark.parametrize(
    ("text", "level"),
    [
        (line(level="debug", msg="m", timestamp=TIME), 1),
        (line(level="ERROR", time=TIME), 4),
        (line(level="Warn", timestamp="2024-11-02T16:51:31+02:00"), 3),
        (line(level="loud", timestamp=TIME), 2),
        (line(msg="m"), 2),
        (line(level="debug"), 2),
        (line(level="error", timestamp="yesterday"), 2),
        (line(level="error", timestamp=17), 2),
    ],
)
def test_a_line_is_shown_up_to_its_own_level(text, level):
    assert [level_filter.shows(text, least) for least in range(6)] == [least <= level for least in range(6)]
    assert level_filter.shows(text, None)


@pytest.mark.parametrize("text", ["plain", "{no JSON", "[1]", "", '"level"'])
def test_what_is_no_object_is_shown(text):
    assert level_filter.shows(text, 5)


def test_lines_below_the_level_are_left_out_of_the_output():
    splitter = OutputSplitter(least_level=3)
    kept = line(level="error", timestamp=TIME)
    printed = "\n".join([line(level="info", timestamp=TIME), kept, "plain", line(msg="last")])
    messages = [each.message for each in splitter.feed(printed.encode(), 1)]
    messages += [each.message for each in splitter.close(2)]
    assert messages == [kept, "plain"]

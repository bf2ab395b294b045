"""REPORT lines: what the emulator writes reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serverless_harness.emulator.lambda_executor.report import (
    InvokeReport,
    Result,
    RuntimeIdentity,
    Status,
    TextLog,
)
from serverless_harness.functions.reports import parse_report

IDENTITY = RuntimeIdentity("python:3.13.v1", "arn", "accept", "$LATEST", "on-demand", "id", 128)
DURATIONS_MS = st.integers(0, 90_000_000).map(lambda hundredths: hundredths / 100)
RESULTS = st.sampled_from(
    [Result(Status.SUCCESS), Result(Status.TIMEOUT), Result(Status.ERROR, "Runtime.ExitError")]
)
REPORTS = st.builds(
    InvokeReport,
    request_id=st.uuids().map(str),
    duration_ms=DURATIONS_MS,
    memory_size_mb=st.integers(128, 10_240),
    max_memory_used_mb=st.integers(1, 10_240),
    result=RESULTS,
    init_duration_ms=st.none() | DURATIONS_MS,
)


@given(REPORTS)
def test_a_written_report_reads_back(written):
    (line,) = TextLog(IDENTITY).report(0, written)
    read = parse_report(line.message)
    assert read is not None
    assert read.request_id == written.request_id
    assert read.duration_ms == pytest.approx(written.duration_ms, abs=0.006)
    assert read.billed_duration_ms == written.billed_duration_ms
    assert read.memory_size_mb == written.memory_size_mb
    assert read.max_memory_used_mb == written.max_memory_used_mb
    assert read.is_cold == (written.init_duration_ms is not None)
    assert read.status == (None if written.result.status is Status.SUCCESS else written.result.status.value)
    assert read.error_type == written.result.error_type


def test_a_line_as_cloudwatch_shows_it():
    line = (
        "REPORT RequestId: 0d2f4cbe-9a3c-4c5e-8f5a-0d1d8e2c7b11\tDuration: 3000.00 ms\t"
        "Billed Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 34 MB\tInit Duration: 251.07 ms\t"
        "XRAY TraceId: 1-5bef4de7-ad49b0e87f6ef6c87fc2e700\tSegmentId: 53995c3f42cd8ad8\tSampled: true\t"
        "Status: timeout\t\n"
    )
    report = parse_report(line)
    assert report is not None
    assert report.status == "timeout"
    assert report.init_duration_ms == 251.07
    assert report.xray_trace_id == "1-5bef4de7-ad49b0e87f6ef6c87fc2e700"


@given(st.text())
def test_anything_else_is_none(text):
    assert parse_report(text) is None


@pytest.mark.parametrize("line", ["REPORT ", "REPORT RequestId: 1", "REPORT Duration: x ms\tRequestId: 1"])
def test_half_a_line_is_none(line):
    assert parse_report(line) is None

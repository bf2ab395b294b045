"""What the table shows of the figures."""

import pytest

from benchmarks import table
from benchmarks.figures import Figures


@pytest.fixture
def figures():
    ours = Figures({"ready_s": [2.0, 1.0, 3.0], "bare_process_ms": [100.0], "cold_invoke_ms": [110.0, 130.0]})
    theirs = Figures(
        {"ready_s": [0.5], "warm_order_ms": [60.0, 62.0]}, {"warm_order_ms": "x", "deploy_s": "y"}
    )
    return {"ours": ours, "theirs": theirs}


def lines_of(text):
    return {line.split("|")[1].strip(): line for line in text.splitlines()}


def test_cells_have_median_p95_range_and_number(figures):
    assert table.summary([3.0, 1.0, 2.0]) == "2.00, p95 3.00 (1.00 to 3.00, n=3)"
    cells = lines_of(table.markdown(figures))["ready to serve, s"].split(" | ")
    assert cells[1:3] == ["2.00, p95 3.00 (1.00 to 3.00, n=3)", "0.50, p95 0.50 (0.50 to 0.50, n=1)"]


@pytest.mark.parametrize("row", ["warm order, POST to booked, ms", "deploy (terraform apply), s"])
def test_a_failed_row_says_so(figures, row):
    line = lines_of(table.markdown(figures))[row]
    assert line.split("|")[2].strip() == "-"
    assert line.split("|")[3].strip().startswith("failed")


def test_samples_before_a_failure_are_shown_as_such(figures):
    line = lines_of(table.markdown(figures))["warm order, POST to booked, ms"]
    assert "failed after 61.0, p95 62.0" in line


def test_rows_that_nobody_has_are_left_out(figures):
    assert "burst again" not in table.markdown(figures)


def test_ratios_are_to_the_bare_process(figures):
    assert table.ratios(figures["ours"]) == ["cold invoke, boto3 and a client: 1.20 x 1 bare"]
    assert table.ratios(figures["theirs"]) == []


def test_the_table_names_the_versions_of_what_was_measured():
    machine = table.machine()

    assert {"localstack-core", "moto-ext", "boto3", "awslambdaric"} <= machine.keys()
    assert machine["awslambdaric"][0].isdigit()

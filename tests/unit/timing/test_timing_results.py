"""Rows, ratios, the waterfall and report.json of measurements."""

import json
from dataclasses import replace

import pytest
from timing_results import invoke, report, results, trip

from serverless_harness.timing.measure import DirectInvoke
from serverless_harness.timing.rows import COLUMNS, function_row, own_and_wall_cells, print_whole, table_cells
from shop.timing.orders import renew
from shop.timing.results import waterfall


def test_a_direct_invoke_is_told_apart():
    cold = invoke(duration_ms=20, round_trip_ms=320, init_ms=250)
    assert (cold.init_ms, cold.handler_ms, cold.gateway_ms) == (250, 20, 50)
    warm = invoke(duration_ms=5, round_trip_ms=12)
    assert (warm.init_ms, warm.handler_ms, warm.gateway_ms) == (0, 5, 7)


def test_what_the_machine_kept_a_direct_invoke_waiting_is_not_the_gateways():
    waited = replace(report(20, 250), waited_for_cpu_ms=80, init_waited_for_cpu_ms=1000)
    cold = DirectInvoke(waited, 1400)
    assert (cold.init_ms, cold.handler_ms, cold.waited_for_cpu_ms, cold.gateway_ms) == (250, 20, 1080, 50)
    row = function_row("accept", "cold", [cold])
    assert row.parts_ms == {"init": 250, "handler": 20, "waited": 1080, "gateway": 50}
    assert own_and_wall_cells([row]) == [["accept", "cold", "250", "1250", "20.0", "100"]]


def test_rounding_never_makes_the_gateway_negative():
    assert DirectInvoke(invoke(5.01, 0).report, 5.0).gateway_ms == 0


def test_a_functions_row_holds_medians_and_the_price_of_what_is_billed():
    row = function_row(
        "accept", "cold", [invoke(100, 500, 300), invoke(120, 520, 320), invoke(900, 2000, 400)]
    )
    assert row.parts_ms == {"init": 320, "handler": 120, "waited": 0, "gateway": 100}
    assert row.wall_ms == {"init": 320, "handler": 120}
    assert row.total.median_ms == 520
    assert row.cost_usd == pytest.approx(0.2 + 0.440 * 0.125 * 16.6667, rel=1e-3)


def test_an_order_is_told_apart():
    cold = trip(cold=True)
    # accept begins 50 ms after the POST, ends at 350; decrypt 400 to 700; process, early, 600 to 900.
    assert cold.total_ms == 900
    assert cold.init_ms == 240
    assert cold.handler_ms == 600
    assert cold.gateway_ms == 400 - 200 - 80
    assert cold.queueing_ms == 50
    assert cold.is_cold is True
    assert trip(cold=False).is_cold is False


def test_an_order_of_which_a_part_was_cold_is_neither():
    mixed = trip(cold=True)
    mixed.invocations["decrypt"] = trip(cold=False).invocations["decrypt"]
    assert mixed.is_cold is None


def test_the_waterfall_of_a_cold_order():
    spans = [(span.lane, span.kind, span.start_ms, span.end_ms) for span in waterfall(trip(cold=True))]
    assert spans == [
        ("POST", "request", 0, 400),
        ("accept", "init", 50, 130),
        ("accept", "handler", 130, 330),
        ("decrypt", "init", 400, 480),
        ("decrypt", "handler", 480, 680),
        ("process", "init", 600, 680),
        ("process", "handler", 680, 880),
    ]


def test_the_waterfall_of_a_warm_order_has_no_init():
    assert [span.kind for span in waterfall(trip(cold=False))] == ["request", "handler", "handler", "handler"]


def test_the_ratio_is_of_medians():
    assert results().cold_warm_ratio("accept") == pytest.approx(330 / 12)


def test_report_json_holds_every_sample():
    written = json.loads(json.dumps(results().as_json()))
    row = next(row for row in written["rows"] if (row["name"], row["temperature"]) == ("decrypt", "warm"))
    assert row["total"]["samples_ms"] == [10, 12, 30]
    assert set(written["cold_warm_ratio"]) == {"accept", "decrypt", "process", "order"}
    assert written["waterfall"]["cold"][0] == {
        "lane": "POST",
        "kind": "request",
        "start_ms": 0,
        "end_ms": 400,
    }
    assert written["handler_ms_by_memory_mb"]["decrypt"]["128"]["median_ms"] == 81


def test_the_tables_cells():
    cells = table_cells(results().rows)
    assert all(len(row) == len(COLUMNS) for row in cells)
    assert cells[1][:6] == ["accept", "warm", "10.0", "12.0", "30.0", "30.0"]
    assert cells[0][6] == "27.5"
    assert cells[1][6] == ""
    assert cells[0][-2] == "-", "a direct invoke doesn't queue"


def test_the_table_is_printed_whole_where_the_output_is_no_terminal(capsys, monkeypatch):
    from serverless_harness.timing.rows import screen_table

    monkeypatch.setenv("COLUMNS", "80")
    print_whole(screen_table(results().rows))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) > 80
    assert "…" not in "".join(lines)
    assert lines[0].split() == [column for column in COLUMNS if column]
    assert len([line for line in lines if line.strip()]) == 1 + 8


def test_each_measured_event_is_another_order_of_the_shop():
    event = {
        "Records": [
            {"Sns": {"Message": {"order_id": "1", "shop_id": "AMIS1", "body": {"$encrypt_for": "A"}}}}
        ]
    }
    first, second = (renew(event, "OTHER")["Records"][0]["Sns"]["Message"] for _ in range(2))
    assert first["shop_id"] == first["body"]["$encrypt_for"] == "OTHER"
    assert first["order_id"] != second["order_id"]
    assert len(first["order_id"]) == 64
    assert event["Records"][0]["Sns"]["Message"]["order_id"] == "1"

"""The reports of a function of any project."""

import json
import sys

import pytest

from serverless_harness.functions.reports import parse_report
from serverless_harness.timing import report
from serverless_harness.timing.measure import DirectInvoke
from serverless_harness.timing.plots import distributions
from serverless_harness.timing.rows import function_row

LINE = (
    "REPORT RequestId: r\tDuration: {} ms\tBilled Duration: 9 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB"
)
MACHINE = {
    "measured_at": "2026-01-01T00:00:00+00:00",
    "target": "http://127.0.0.1:4566",
    "processor": "<P>",
    "cores": 2,
    "system": "Linux",
    "functions_cpu": "unlimited",
}


@pytest.fixture
def rows():
    line = parse_report(LINE.format("3.00"))
    assert line
    invokes = [DirectInvoke(line, 5.0), DirectInvoke(line, 7.0)]
    return [function_row("orders-take", temperature, invokes) for temperature in ("cold", "warm")]


def test_a_page_has_the_table_and_the_figures_and_loads_nothing(rows):
    section = report.Section("Cold and warm", distributions(rows), "a < b")
    page = report.render_page(MACHINE, rows, [section])
    assert page.startswith("<!doctype html>")
    assert page.count("<td>orders-take</td>") == 4
    assert "<svg" in page
    assert "a &lt; b" in page
    assert "&lt;P&gt;" in page
    assert "src=" not in page


def test_both_reports_are_written_and_told_of(rows, tmp_path, capsys):
    report.write_reports(tmp_path / "new", {"rows": 2}, lambda: "<!doctype html>")
    assert json.loads((tmp_path / "new" / "report.json").read_text()) == {"rows": 2}
    assert (tmp_path / "new" / "report.html").read_text() == "<!doctype html>"
    assert len(capsys.readouterr().out.split()) == 2


def test_without_matplotlib_the_samples_are_kept_and_one_line_says_what_the_page_takes(
    tmp_path, monkeypatch, capsys
):
    def render():
        import matplotlib  # noqa: F401

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    report.write_reports(tmp_path, {}, render)
    assert not (tmp_path / "report.html").exists()
    assert "pip install 'serverless-harness[report]'" in capsys.readouterr().out


def test_another_missing_module_is_an_error(tmp_path):
    def render():
        import no_such_module  # noqa: F401

    with pytest.raises(ModuleNotFoundError):
        report.write_reports(tmp_path, {}, render)

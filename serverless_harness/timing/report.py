"""The reports of `timing`: `report.json`, every sample, and `report.html`, one page that loads nothing."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from serverless_harness import paths
from serverless_harness.terminal_output import say
from serverless_harness.timing.rows import COLUMNS, OWN_AND_WALL_COLUMNS, Row, own_and_wall_cells, table_cells

NOTE = (
    "Times in milliseconds. A function's row is a synchronous invoke. init, handler, waited, gateway and "
    "queueing are medians; init and handler are the function's own time, and waited is how long a busy "
    "machine made them wait for a CPU. The cost is Lambda's part for a million, at its x86 price in "
    "us-east-1, with the init billed as on AWS."
)


@dataclass(frozen=True)
class Section:
    """A figure below the table: its title, its SVG, and what is to be said of it."""

    title: str
    svg: str
    note: str = ""


def render_page(
    machine: Mapping[str, Any], rows: Sequence[Row], sections: Sequence[Section], note: str = NOTE
) -> str:
    """Give the page of what was measured on `machine`; `note` stands below the table."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("report.html.j2").render(
        machine=machine,
        columns=COLUMNS,
        table=table_cells(rows),
        own_and_wall_columns=OWN_AND_WALL_COLUMNS,
        own_and_wall=own_and_wall_cells(rows),
        note=note,
        sections=sections,
    )


def write_reports(directory: Path, samples: Mapping[str, Any], render: Callable[[], str]) -> None:
    """Write both reports and say where they are; without matplotlib, what the page takes."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.json").write_text(json.dumps(samples, indent=2))
    say(paths.shown(directory / "report.json"))
    try:
        page = render()
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        say(
            "report.html was not written, as its figures need matplotlib: run pip install "
            "'serverless-harness[report]'"
        )
        return
    (directory / "report.html").write_text(page)
    say(paths.shown(directory / "report.html"))

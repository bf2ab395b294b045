"""Figures of a report, as SVG text that stands in the page itself; for matplotlib, the extra `report`.

A project's own figures are its own module's: the shop's are in `shop/timing/plots.py`.
"""

import io
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from serverless_harness.timing.rows import Row
from serverless_harness.timing.statistics import Distribution

COLD = "#2f6db3"
WARM = "#e08a2c"
WIDTH_IN = 9.0

mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "harness",
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e3e6ea",
    }
)


def new_figure(height_in: float) -> Figure:
    """Give an empty figure as wide as the page."""
    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def distributions(rows: Sequence[Row]) -> str:
    """Draw every sample, cold and warm, of each name in the rows."""
    names = list(dict.fromkeys(row.name for row in rows))
    figure = new_figure(1.2 + 0.6 * len(names))
    axes = figure.subplots()
    offsets = {"cold": (0.17, COLD), "warm": (-0.17, WARM)}
    for row in rows:
        offset, color = offsets[row.temperature]
        label = row.temperature if row.name == names[0] else None
        _draw_samples(axes, names.index(row.name) + offset, row.total, color, label)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_xlabel("ms, logarithmic; a bar marks the median")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return to_svg(figure)


def _draw_samples(axes: Axes, y: float, total: Distribution, color: str, label: str | None) -> None:
    axes.scatter(total.samples_ms, [y] * len(total.samples_ms), s=22, color=color, alpha=0.45, label=label)
    axes.plot([total.median_ms] * 2, [y - 0.14, y + 0.14], color=color, linewidth=2.5)


def to_svg(figure: Figure) -> str:
    """Give a figure as an SVG element: what comes before it is for files, not for a page that holds it."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]

"""The report's figures, as SVG text that stands in the page itself."""

import io
from collections.abc import Mapping

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from serverless_harness.timing.statistics import Distribution
from shop.timing.orders import FUNCTIONS, OrderTrip
from shop.timing.results import ORDER, Results, waterfall

COLD = "#2f6db3"
WARM = "#e08a2c"
KIND_COLORS = {"request": "#9aa5b1", "init": COLD, "handler": WARM}
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


def distributions(results: Results) -> str:
    """Draw every sample, cold and warm, of each function and of the whole order."""
    names = (*FUNCTIONS, ORDER)
    figure = Figure(figsize=(WIDTH_IN, 3.6), layout="constrained")
    axes = figure.subplots()
    for position, name in enumerate(names):
        for offset, temperature, color in ((0.17, "cold", COLD), (-0.17, "warm", WARM)):
            total = results.row(name, temperature).total
            _draw_samples(axes, position + offset, total, color, temperature if position == 0 else None)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_xlabel("ms, logarithmic; a bar marks the median")
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.14), ncols=2, frameon=False)
    return _svg(figure)


def _draw_samples(axes: Axes, y: float, total: Distribution, color: str, label: str | None) -> None:
    axes.scatter(total.samples_ms, [y] * len(total.samples_ms), s=22, color=color, alpha=0.45, label=label)
    axes.plot([total.median_ms] * 2, [y - 0.14, y + 0.14], color=color, linewidth=2.5)


def waterfalls(results: Results) -> str:
    """Draw a cold and a warm order's way through the functions, each on its own time scale."""
    figure = Figure(figsize=(WIDTH_IN, 4.6), layout="constrained")
    above, below = figure.subplots(2, 1)
    _draw_waterfall(above, results.cold_order, "cold order")
    _draw_waterfall(below, results.warm_order, "warm order")
    return _svg(figure)


def _draw_waterfall(axes: Axes, trip: OrderTrip, title: str) -> None:
    spans = waterfall(trip)
    lanes = ["POST", *FUNCTIONS]
    seen: set[str] = set()
    end_ms = max(span.end_ms for span in spans)
    for span in spans:
        width_ms = max(span.end_ms - span.start_ms, end_ms / 400)
        label = None if span.kind in seen else span.kind
        seen.add(span.kind)
        y = lanes.index(span.lane)
        axes.barh(y, width_ms, left=span.start_ms, height=0.55, color=KIND_COLORS[span.kind], label=label)
    axes.set_yticks(range(len(lanes)), lanes)
    axes.invert_yaxis()
    axes.set_xlim(0, end_ms * 1.05)
    axes.set_xlabel("ms since the order was sent")
    axes.set_title(
        f"{title}: booked after {trip.total_ms:.0f} ms", loc="left", fontsize=10, fontweight="bold"
    )
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False)


def against_memory(by_function: Mapping[str, Mapping[int, Distribution]]) -> str:
    """Draw the handlers' median duration against their memory size."""
    figure = Figure(figsize=(WIDTH_IN, 3.4), layout="constrained")
    axes = figure.subplots()
    for marker, (function, by_size) in zip("os^", by_function.items(), strict=False):
        medians_ms = [distribution.median_ms for distribution in by_size.values()]
        axes.plot(list(by_size), medians_ms, marker=marker, label=function)
    sizes_mb = sorted({size for by_size in by_function.values() for size in by_size})
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes_mb, [str(size) for size in sizes_mb])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("memory size, MB")
    axes.set_ylabel("handler, median ms")
    axes.legend(frameon=False)
    return _svg(figure)


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    # What comes before the element is for files, not for a page that holds it.
    return text.getvalue()[text.getvalue().index("<svg") :]

"""The report's figures, as SVG text: those of orders."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from serverless_harness.timing.plots import COLD, WARM, new_figure, to_svg
from serverless_harness.timing.statistics import Distribution
from shop.timing.orders import FUNCTIONS, OrderTrip
from shop.timing.results import Results, waterfall

KIND_COLORS = {"request": "#9aa5b1", "init": COLD, "handler": WARM}


def waterfalls(results: Results) -> str:
    """Draw a cold and a warm order's way through the functions, each on its own time scale."""
    figure = new_figure(4.6)
    above, below = figure.subplots(2, 1)
    _draw_waterfall(above, results.cold_order, "cold order")
    _draw_waterfall(below, results.warm_order, "warm order")
    return to_svg(figure)


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
    figure = new_figure(3.4)
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
    return to_svg(figure)

"""Panels of lines: the style of each loss, common axes, labels beside the lines; for print and for the colour-blind.

The colours are Okabe & Ito's, and each line has dashes and a marker of its own beside its colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from robustfit.linalg import Array

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
SKY, PURPLE, BLACK = "#56B4E9", "#CC79A7", "#000000"

WIDE = 10.0
"""A positive range whose ends are this far apart has a logarithmic axis."""


@dataclass(frozen=True)
class Style:
    """How a line is told from others, in colour and without."""

    color: str
    dashes: Any
    marker: str


STYLES = {
    "mse": Style(ORANGE, "--", "o"),
    "mae": Style(GREEN, "-.", "s"),
    "huber": Style(BLUE, "-", "^"),
    "smooth_l1": Style(GREY, (0, (1, 1)), "v"),
    "log_cosh": Style(SKY, (0, (5, 1)), "D"),
    "cauchy": Style(PURPLE, "-", "P"),
    "bisquare": Style(RED, "-", "X"),
    "welsch": Style(BLACK, ":", "*"),
    "cross_entropy": Style(BLUE, "-", "^"),
    "hinge": Style(GREEN, "-.", "s"),
    "squared_hinge": Style(SKY, (0, (5, 1)), "D"),
    "focal": Style(PURPLE, "-", "P"),
    "zero_one": Style(BLACK, ":", "*"),
    "perceptron": Style(GREY, (0, (1, 1)), "v"),
    "savage": Style(RED, "-", "X"),
    "sigmoid_mse": Style(RED, "--", "<"),
    "sigmoid": Style(GREY, "-", "h"),
    "iou": Style(PURPLE, "-", "P"),
    "log_iou": Style(BLUE, ":", "h"),
    "giou": Style(SKY, (0, (5, 1)), "D"),
    "diou": Style(BLACK, ":", "*"),
    "ciou": Style(RED, "-", "X"),
    "total_ciou": Style(RED, "--", "<"),
}
"""Losses of labels and of boxes look unlike each other, and unlike the losses of numbers that they are drawn beside."""
OTHERS = (Style(GREY, "--", "<"), Style(GREEN, "-", ">"), Style(BLUE, ":", "h"), Style(RED, (0, (6, 2)), "d"))
"""Of losses that are not ours, and the dashes and markers of further lines of one loss."""


def style(loss: str, place: int = 0) -> Style:
    """A loss's style; of one that is not ours, or of several lines of one loss, by its place among such lines."""
    return STYLES[loss] if loss in STYLES and not place else OTHERS[place % len(OTHERS)]


def styles(lines: Iterable[tuple[str, pandas.DataFrame]]) -> dict[str, Style]:
    """The style of each line; further lines of a loss take its colour with dashes and a marker of their own."""
    chosen: dict[str, Style] = {}
    seen: dict[str, int] = {}
    for label, part in lines:
        loss = str(part["loss"].iloc[0])
        chosen[label] = _further(style(loss), seen.get(loss, 0))
        seen[loss] = seen.get(loss, 0) + 1
    return chosen


def _further(first: Style, place: int) -> Style:
    """The style of another line of the same loss."""
    if not place:
        return first
    other = OTHERS[(place - 1) % len(OTHERS)]
    dashes = other.dashes if other.dashes != first.dashes else (0, (3, 1, 1, 1))
    return Style(first.color, dashes, other.marker)


def grid(count: int, width: float = 4.4, height: float = 3.6, columns: int = 3) -> tuple[Figure, list[Axes]]:
    """A figure of some panels with common axes, and the panels."""
    from matplotlib.figure import Figure as Canvas

    columns = 2 if count == 4 and columns == 3 else min(count, columns)
    rows = -(-count // columns)
    figure = Canvas(figsize=(width * columns, height * rows), layout="constrained")
    places = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for axes in places[count:]:
        axes.remove()
    for axes in places[:count]:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelbottom=True)
    return figure, places[:count]


def outer_labels(places: Sequence[Axes], x: str, y: str) -> None:
    """What the axes say: x below each panel, y on the left."""
    for axes in places:
        spec = axes.get_subplotspec()
        axes.set_xlabel(x)
        axes.set_ylabel(y if spec is None or spec.is_first_col() else "")


def scales(places: Sequence[Axes], x: Any, y: Any) -> None:
    """Logarithmic axes, with plain numbers, where the values are positive and wide apart; bands down to 0 are cut."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    for name, values in (("x", x), ("y", y)):
        numbers = np.asarray(values, dtype=float)
        numbers = numbers[np.isfinite(numbers)]
        if not len(numbers) or numbers.min() <= 0 or numbers.max() < WIDE * numbers.min():
            continue
        for axes in places:
            axes.set(**{f"{name}scale": "log"})
            axis = getattr(axes, f"{name}axis")
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if numbers.max() < 1e2 * numbers.min() else (1, 3)))
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())
            low, high = axis.get_view_interval()
            axes.set(**{f"{name}lim": (max(low, numbers.min() / WIDE), high)})


def direct(
    figure: Figure, places: Sequence[Axes], ends: Sequence[Mapping[str, float]], colors: Mapping[str, str]
) -> None:
    """A label beside each height at the right edge, moved apart where they would overlap, with a thin line back."""
    figure.draw_without_rendering()
    for axes, heights in zip(places, ends, strict=True):
        place = axes.transAxes.inverted().transform
        at = np.array([place(axes.transData.transform((1.0, height)))[1] for height in heights.values()])
        gap = 11.0 / (axes.get_window_extent().height * 72.0 / figure.dpi)
        for label, height, moved in zip(heights, at, spread(at, gap), strict=True):
            axes.annotate(
                label.replace("_", " "), (1.0, height), (1.08, moved), "axes fraction", "axes fraction",
                color=colors[label], fontsize=8.5, va="center", annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": colors[label], "lw": 0.6, "shrinkA": 0, "relpos": (0, 0.5)},
            )  # fmt: skip


def spread(heights: Array, gap: float) -> Array:
    """Places for labels at least a gap apart, in the same order and near the heights, from 0 up to 1 if there is room.

    >>> spread(np.array([0.5, 0.5, 0.9]), 0.1).round(3)
    array([0.45, 0.55, 0.9 ])
    """
    order = np.argsort(heights, kind="stable")
    steps = gap * np.arange(len(order))
    level = heights[order] - steps
    pools: list[list[float]] = []
    for value in level:  # the nearest places in the order: isotonic means of pools
        pools.append([value])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    fitted = np.concatenate([np.full(len(pool), np.mean(pool)) for pool in pools]) if pools else level
    places = np.empty_like(heights)
    places[order] = np.clip(fitted, 0.0, max(0.0, 1.0 - steps[-1] if len(steps) else 0.0)) + steps
    return places


def legend(figure: Figure, entries: Mapping[str, Style]) -> None:
    """One legend below all panels."""
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=how.color, ls=how.dashes, marker=how.marker, ms=5, label=label)
        for label, how in entries.items()
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), frameon=False, fontsize=9)

"""Curves of losses over panels of kinds of outliers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.kinds import KINDS, LOSSES, WORST
from robustfit.linalg import Array
from robustfit.panels import style

NAMES = {"mse": "MSE", "mae": "MAE", "smooth_l1": "Smooth L1 (beta = 1)"}
"""The losses as the documents write them."""

Curve = Callable[[str, str], tuple[Sequence[float], list[Array]]]
"""Of a kind and a loss: places on the x axis, and the sample at each."""


@dataclass(frozen=True)
class Axis:
    """What an axis says, and whether it is logarithmic."""

    label: str
    logarithmic: bool = False


def panels(figure: Any, curve: Curve, x: Axis, y: Axis) -> None:
    """A panel per kind of outliers, a line per loss, and the legend in the last place."""
    *places, rest = figure.subplots(2, 3, sharex=True, sharey=True).flat
    for axes, kind in zip(places, (*KINDS, WORST), strict=True):
        for loss in LOSSES:
            line(axes, *curve(kind, loss), loss)
        axes.axhline(1.0, color="#999999", ls=":", lw=1)
        axes.set(title=kind)
        axes.tick_params(labelbottom=True)
    _stretched(places[0], x, y)
    figure.supxlabel(x.label, fontsize=9)
    figure.supylabel(y.label, fontsize=9)
    rest.axis("off")
    handles, names = places[0].get_legend_handles_labels()
    rest.legend(handles, [NAMES[loss] for loss in names], loc="center", fontsize=9)


def _stretched(axes: Any, x: Axis, y: Axis) -> None:
    """The scales that all panels share: logarithmic ones with plain numbers while there are few decades."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    if x.logarithmic:
        axes.set_xscale("log")
    if not y.logarithmic:
        axes.set_ylim(0.0, 1.1)
        return
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 1e3 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def line(axes: Any, places: Sequence[float], samples: Sequence[Array], loss: str) -> None:
    """Means with bars of two Monte Carlo standard errors, in the loss's style."""
    look = style(loss)
    means = [float(values.mean()) for values in samples]
    bars = [2 * float(values.std(ddof=1)) / math.sqrt(len(values)) for values in samples]
    bars = [min(bar, 0.9 * mean) for bar, mean in zip(bars, means, strict=True)]  # a bar to 0 has no end on a log axis
    axes.errorbar(places, means, bars, color=look.color, ls=look.dashes, marker=look.marker, ms=4, label=loss)

"""A fit of labels: where its scores change from one class to another."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from robustfit.data import Data, class_places
from robustfit.figures.canvas import canvas, margins
from robustfit.linalg import Array
from robustfit.panels import BLACK, BLUE, GREY, ORANGE, RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "^", "s", "D", "v", "P", "*", "X", "<", ">")
"""Of the classes; of more than ten they come again, and the legend has the first ten."""


def label_figure(data: Data, coef: Array, reference: Array, label: str) -> Figure:
    """One sample along its first two features: the labels, flipped ones marked, and the borders between the classes.

    The borders of the best rule (where it is known), of the fit and, where that is another, of logistic regression;
    other features are at their means. With one feature the rows are apart in height by label and place in the
    sample, which means nothing else. All arrays of one sample.
    """
    figure = canvas(6.4, 4.6)
    axes = figure.subplots()
    x, y = _places(data)
    margins(axes, x, y)
    _rows(axes, data, x, y)
    rules = [] if data.truth is None else [(data.truth.coef, "best rule", BLACK, ":", 1.4)]
    if not np.allclose(coef, reference, rtol=1e-6, atol=0.0):
        rules.append((reference, "logistic regression", ORANGE, "--", 1.8))
    for rule, name, color, dashes, width in [*rules, (coef, label, BLUE, "-", 2.0)]:
        _border(axes, plane(data, rule), color=color, ls=dashes, lw=width, label=name.replace("_", " "))
    _name_axes(axes, data)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    return figure


def _places(data: Data) -> tuple[Array, Array]:
    """Where the rows are drawn."""
    slopes = data.X[:, int(data.intercept) :]
    if slopes.shape[-1] > 1:
        return slopes[:, 0], slopes[:, 1]
    rows = np.arange(len(data.y))
    heights = class_places(data.y, len(data.classes)) + 0.5 * (rows * GOLDEN % 1.0 - 0.5)
    return (slopes[:, 0] if slopes.shape[-1] else rows.astype(float)), heights


GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)
"""Multiples of it, modulo 1, are spread evenly whatever their number."""


def _rows(axes: Axes, data: Data, x: Array, y: Array) -> None:
    """A marker per label, as it is observed; rows whose label was changed are red, with a ring."""
    own, flipped = class_places(data.y, len(data.classes)), data.y != data.y_clean
    for j, name in enumerate(data.classes):
        how: dict[str, Any] = {"marker": MARKERS[j % len(MARKERS)], "linewidths": 0.9, "s": 26}
        label = f"class {called(name)}" if j < len(MARKERS) else None
        for rows, color, title in ((~flipped, GREY, label), (flipped, RED, None)):
            here, face = (own == j) & rows, color if j % 2 else "none"
            axes.scatter(x[here], y[here], edgecolors=color, facecolors=face, label=title, **how)
    if flipped.any():
        ring: dict[str, Any] = {"marker": "o", "s": 110, "facecolors": "none", "edgecolors": RED, "linewidths": 1.0}
        axes.scatter(x[flipped], y[flipped], label=f"wrong label ({int(flipped.sum())})", **ring)


def plane(data: Data, coef: Array) -> Array:
    """The scores of the classes as functions of the first two features `(3, k)`, the other features at their means.

    Constants first; of features that there are not 0. Of two classes the scores are 0 and that of the second.
    """
    scores = np.stack([np.zeros_like(coef), coef], -1) if coef.ndim == 1 else coef
    first, means = int(data.intercept), data.X.mean(0)
    rest = means[first + 2 :] @ scores[first + 2 :]
    level = rest + (scores[0] if first else 0.0)
    slopes = np.zeros((2, scores.shape[-1]))
    slopes[: len(scores[first : first + 2])] = scores[first : first + 2]
    return np.concatenate([level[None], slopes])


def borders(scores: Array, low: Array, high: Array) -> list[Array]:
    """The segments on which two classes share the largest score, as far as the rectangle from low to high reaches.

    scores: `(3, k)`, of `plane`. Each segment is an array of its two ends `(2, 2)`.

    >>> borders(np.array([[0.0, -1.0], [0.0, 2.0], [0.0, 0.0]]), np.zeros(2), np.ones(2))[0].round(6).tolist()
    [[0.5, 1.0], [0.5, 0.0]]
    """
    found = []
    for one, other in combinations(range(scores.shape[-1]), 2):
        level, slope = scores[0, one] - scores[0, other], scores[1:, one] - scores[1:, other]
        if not np.isfinite(level + slope.sum()) or not slope.any():
            continue
        start, way = -level * slope / (slope @ slope), np.array([-slope[1], slope[0]]) / np.linalg.norm(slope)
        ahead = scores[:, [one]] - np.delete(scores, [one, other], axis=1)
        ends = _interval(*_bounds(start, way, ahead, low, high))
        if ends is not None:
            found.append(start + np.outer(ends, way))
    return found


def _bounds(start: Array, way: Array, ahead: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Numbers a and b such that a + b t >= 0 where start + t way is in the rectangle and ahead of all other scores."""
    a = np.concatenate([start - low, high - start, ahead[0] + start @ ahead[1:]])
    b = np.concatenate([way, -way, way @ ahead[1:]])
    return a, b


def _interval(a: Array, b: Array) -> Array | None:
    """The t with a + b t >= 0, all of them; None where there is no interval."""
    if (a[b == 0] < 0).any():
        return None
    at = -a[b != 0] / b[b != 0]
    start, stop = at[b[b != 0] > 0].max(), at[b[b != 0] < 0].min()
    return np.array([start, stop]) if start < stop else None


def _border(axes: Axes, scores: Array, **how: Any) -> None:
    """The borders between the classes, with one entry in the legend."""
    (left, right), (below, above) = axes.get_xlim(), axes.get_ylim()
    for segment in borders(scores, np.array([left, below]), np.array([right, above])):
        axes.plot(*segment.T, **how)
        how.pop("label", None)


def called(name: object) -> str:
    """A class's name as it is drawn: not too long, and no formula.

    >>> called("a very long name that goes on"), called(1)
    ('a very long name ...', '1')
    """
    text = str(name)
    return (text if len(text) <= 20 else f"{text[:17]}...").replace("$", r"\$")


def _name_axes(axes: Axes, data: Data) -> None:
    names = data.names[int(data.intercept) :]
    more = " (lines: other features at their means)" if len(names) > 2 else ""
    axes.set_xlabel((names[0] if names else "row") + more)
    if len(names) > 1:
        axes.set_ylabel(names[1])
    else:
        axes.set_yticks(range(len(data.classes)), [called(name) for name in data.classes])
        axes.set_ylabel("label")

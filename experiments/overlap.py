"""What do losses of boxes see: four numbers, or how two boxes lie to each other?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Exact,
    Key,
    Picture,
    Quantifier,
    Quote,
    Verdict,
    above,
    identity,
)
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.losses.boxes.base import corners
from robustfit.losses.boxes.iou import IoU
from robustfit.losses.boxes.log_iou import LogIoU
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.panels import BLACK, BLUE, GREEN, RED
from robustfit.report import number

Boxes = Array
"""Corners x1, y1, x2, y2 along the last axis."""


def overlap(true: Boxes, predicted: Boxes) -> Array:
    """Intersection over union.

    >>> float(overlap(np.array([0.0, 0, 2, 2]), np.array([1.0, 0, 3, 2])).round(12))
    0.333333333333
    """
    return 1.0 - IoU().value(true, predicted)


def summed(loss: SmoothL1 | MAE | MSE, errors: Array) -> Array:
    """The loss of a box: that of its four coordinates, summed."""
    total: Array = loss.rho(errors).sum(-1)
    return total


@dataclass(frozen=True)
class SameSmoothL1OtherIou(Claim):
    """Boxes that cost the same and overlap very differently."""

    id = "same-smooth-l1-other-iou"
    section = "E"
    quotes = (
        Quote(
            "D3",
            "2.2.1",
            "The indicator of the actual evaluation box is to use IOU, The two are not equivalent , Multiple check "
            "boxes may have the same size s m o o t h L 1 ( x ) smooth_{L_{1}}\\left( x \\right) smoothL1(x) Loss, but "
            "IOU It can be very different",
        ),
    )
    statement = "Boxes with exactly the same Smooth L1 loss of their four coordinates can have very different IoU."
    quantifier = Quantifier.exists
    scope = "single boxes, by their corners or by centre and size; no model"
    margin = (
        "very different: IoUs more than 0.3 apart, farther than the usual thresholds of a found box, 0.5 and 0.75, are "
        "from each other"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        found = {
            (code, shape, size): _widest(code, SHAPES[shape], size)
            for code in CODES
            for shape in SHAPES
            for size in SIZES
        }
        conditions = tuple(
            Condition(f"{code}, {shape}, off by {size:g} in all: largest IoU less least", Exact(wide), above(0.3))
            for (code, shape, size), (_, _, wide) in found.items()
        )
        low, high, wide = found["corners", WIDE, 60.0]
        key = Key(f"largest IoU less least, corners of a box of {WIDE}, off by 60 in all", Exact(wide))
        pictures = {"boxes": Picture(WIDEST, lambda figure: _draw_boxes(figure, low, high), 7.4, 2.8)}
        tables = {"A pair in whole numbers": _exact_pair(), "IoU at the same Smooth L1 loss": _spread_table(found)}
        return Evidence(conditions, key, lambda verdict: _different(verdict, wide), tables, pictures)


WIDE = "200 by 50"
SHAPES = {"100 by 100": (100.0, 100.0), WIDE: (200.0, 50.0), "20 by 20": (20.0, 20.0)}
SIZES = (12.0, 60.0)
"""The sum of the absolute errors of the four numbers."""

WIDEST = "Two predictions (dashes) of one box (line) with the same Smooth L1 loss: the best and the worst overlap."


def _directions(count: int = 20_000) -> Array:
    """Directions of errors of four numbers with absolute sum 1: along the axes, the diagonals, and at random."""
    rng = np.random.default_rng(0)
    signs = np.array(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 4)).reshape(4, -1).T
    both = np.concatenate([signs[np.any(signs != 0, axis=1)], rng.standard_normal((count, 4))])
    normed: Array = both / np.abs(both).sum(-1, keepdims=True)
    return normed


def _scaled(directions: Array, cost: float) -> Array:
    """Errors along directions whose Smooth L1 loss (beta = 1) is the cost, by bisection to the last digit."""
    low, high = np.zeros(len(directions)), np.full(len(directions), 8 * cost + 8)
    for _ in range(100):
        middle = (low + high) / 2
        less = summed(SmoothL1(1.0), middle[:, None] * directions) < cost
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return low[:, None] * directions


CODES: dict[str, Callable[[Boxes], Boxes]] = {"corners": lambda boxes: boxes, "centre and size": corners}
"""The four numbers of which the loss is taken, as corners."""


def _widest(code: str, shape: tuple[float, float], size: float) -> tuple[Boxes, Boxes, float]:
    """The predictions with least and largest IoU at one Smooth L1 loss, that of `size` along one number."""
    start = {"corners": [0.0, 0.0, *shape], "centre and size": [shape[0] / 2, shape[1] / 2, *shape]}[code]
    predicted = CODES[code](start + _scaled(_directions(), size - 0.5))
    valid = predicted[(predicted[:, 2:] >= predicted[:, :2]).all(-1)]
    iou = overlap(np.array([0.0, 0.0, *shape]), valid)
    return valid[iou.argmin()], valid[iou.argmax()], float(iou.max() - iou.min())


def _exact_pair() -> pd.DataFrame:
    """A box of 10 by 10 with three predictions of Smooth L1 loss 10, in rational arithmetic."""
    true = (0, 0, 10, 10)
    predictions = {"all sides 3 inwards": (3, 3, 7, 7), "all sides 3 outwards": (-3, -3, 13, 13)}
    predictions |= {"moved by 3 to the right and down": (3, 3, 13, 13)}
    return pd.DataFrame(
        [
            {"prediction": name, "Smooth L1": str(_rational_cost(true, box)), "IoU": str(_rational_iou(true, box))}
            for name, box in predictions.items()
        ]
    )


Whole = tuple[int, int, int, int]


def _rational_cost(true: Whole, box: Whole) -> Fraction:
    """Smooth L1 (beta = 1) of whole errors, exact: abs(u) - 1/2, or 0."""
    return sum((abs(Fraction(a - b)) - Fraction(1, 2) for a, b in zip(true, box, strict=True) if a != b), Fraction(0))


def _rational_iou(true: Whole, box: Whole) -> Fraction:
    """Intersection over union of boxes with whole corners, exact."""
    across = max(0, min(true[2], box[2]) - max(true[0], box[0]))
    down = max(0, min(true[3], box[3]) - max(true[1], box[1]))
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (true, box)]
    return Fraction(across * down, sum(areas) - across * down)


def _spread_table(found: Mapping[tuple[str, str, float], tuple[Boxes, Boxes, float]]) -> pd.DataFrame:
    lines = []
    for (code, shape, size), (low, high, _) in found.items():
        true = np.array([0.0, 0.0, *SHAPES[shape]])
        ious = {"least IoU": float(overlap(true, low)), "largest IoU": float(overlap(true, high))}
        lines.append({"numbers": code, "box": shape, "off by, in all": f"{size:g}"} | ious)
    return pd.DataFrame(lines)


def _different(verdict: Verdict, wide: float) -> str:
    head = "Smooth L1 does not know the overlap" if verdict is Verdict.supported else "Smooth L1 knows the overlap"
    return (
        f"{head}: at one and the same loss the IoU of a box of {WIDE} spans {number(wide, 2)}, and the same error in "
        "pixels is nothing to a large box and all to a small one. Where boxes are judged by IoU, measure it on "
        "held-out data whatever loss is minimised."
    )


def _draw_boxes(figure: Any, low: Boxes, high: Boxes) -> None:
    from matplotlib.patches import Rectangle

    true = np.array([0.0, 0.0, *SHAPES[WIDE]])
    for axes, box, color in zip(
        figure.subplots(1, 2, sharex=True, sharey=True), (high, low), (GREEN, RED), strict=True
    ):
        for (x1, y1, x2, y2), shade, dashes in ((true, BLACK, "-"), (box, color, "--")):
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, ec=shade, ls=dashes, lw=1.6))
        cost = float(summed(SmoothL1(1.0), true - box))
        axes.set(title=f"IoU {float(overlap(true, box)):.2f}, Smooth L1 {cost:.1f}", aspect="equal")
        axes.set(xlim=(-70, 270), ylim=(-70, 120))


@dataclass(frozen=True)
class IouLoss(Claim):
    """A logarithm, infinite where boxes are apart; others mean 1 - IoU by the same name."""

    id = "iou-loss"
    section = "E"
    quotes = (
        Quote(
            "D2",
            "4",
            "公式:\nL ( i o u ) = − l n ( i o u ) L(iou) = -ln(iou) L(iou)=−ln(iou)",
            "IoU loss, with the formula L(iou) = -ln(iou)",
        ),
    )
    statement = (
        "IoU loss is -ln(IoU): for boxes that overlap, for boxes that are apart, and where others speak of IoU loss."
    )
    quantifier = Quantifier.generic
    scope = "single pairs of boxes; no model"
    margin = "a relative difference of 1e-12 for boxes with whole corners, whose IoU is rational; a finite loss"

    def evidence(self, lab: Laboratory) -> Evidence:
        true, predicted = _whole_pairs(400)
        iou = np.array([float(_rational_iou(tuple(a), tuple(b))) for a, b in zip(true, predicted, strict=True)])
        over, apart = iou > 0, iou == 0
        log, plain = (loss.value(true * 1.0, predicted * 1.0) for loss in (LogIoU(), IoU()))
        with np.errstate(divide="ignore"):
            formula = -np.log(iou)
        conditions = (
            identity("boxes that overlap: UnitBox's loss and -ln IoU", log[over], formula[over], SUMMED),
            Condition(
                "boxes that are apart: share with a finite -ln IoU",
                Exact(float(np.isfinite(formula[apart]).mean())),
                above(0.0),
            ),
            identity("boxes that overlap: 1 - IoU, the later papers' IoU loss", plain[over], formula[over], SUMMED),
        )
        steep = _steepness()
        key = Key("what it costs to be apart, with IoU taken to be at least 1e-6", Exact(float(log[apart].max())))
        pictures = {"losses": Picture(LOGARITHM, _draw_logarithm, 7.4, 3.2)}
        return Evidence(conditions, key, lambda verdict: _two_losses(verdict, steep), {}, pictures)


SUMMED = 1e-12 / float(np.finfo(float).eps)
LOGARITHM = (
    "A box of 100 by 100 and one of the same size moved to the right: the two losses (left), and their slopes in the "
    "move (right), both 0 once the boxes are apart."
)


def _whole_pairs(count: int) -> tuple[Any, Any]:
    """Pairs of boxes with whole corners, some of them apart, from a fixed seed."""
    rng = np.random.default_rng(3)
    first, sizes = rng.integers(0, 12, (2, count, 2)), rng.integers(1, 9, (2, count, 2))
    both = np.concatenate([first, first + sizes], -1)
    return both[0], both[1]


def _moved(steps: Array) -> tuple[Boxes, Boxes]:
    """A box and the same moved to the right."""
    true = np.array([0.0, 0.0, 100.0, 100.0])
    return true, true + steps[:, None] * np.array([1.0, 0.0, 1.0, 0.0])


def _steepness() -> dict[int, float]:
    """The slope of -ln IoU in a move, over that of 1 - IoU: 1 / IoU."""
    true, boxes = _moved(np.array([5.0, 90.0]))
    along = [loss.slope(true, boxes)[:, ::2].sum(-1) for loss in (LogIoU(), IoU())]
    return dict(zip((5, 90), (along[0] / along[1]).tolist(), strict=True))


def _two_losses(verdict: Verdict, steep: dict[int, float]) -> str:
    head = {
        Verdict.depends: "The formula is the published one, but it has no value for boxes that are apart, and later "
        "papers call 1 - IoU by the same name",
        Verdict.supported: "The formula is the IoU loss throughout",
    }.get(verdict, "The formula is not the IoU loss")
    return (
        f"{head}. Both losses order predictions of one box alike; -ln IoU pulls 1 / IoU times as hard, "
        f"{number(steep[5], 3)} times at a move of 5 % and {number(steep[90], 3)} times at one of 90 %: it is bad "
        "overlaps, and so misplaced boxes, that it minds most. Say which one was used, and with which floor."
    )


def _draw_logarithm(figure: Any) -> None:
    left, right = figure.subplots(1, 2)
    steps = np.linspace(0, 130, 521)[1:]
    true, boxes = _moved(steps)
    for loss, name, color, dashes in ((LogIoU(), "-ln IoU (floor 1e-6)", RED, "--"), (IoU(), "1 - IoU", BLUE, "-")):
        left.plot(steps, np.minimum(loss.value(true, boxes), 6), color=color, ls=dashes, label=name)
        slope = loss.slope(true, boxes)[:, ::2].sum(-1)
        right.plot(steps, np.minimum(slope, 0.2), color=color, ls=dashes, label=name)
    left.set(xlabel="move", ylabel="loss (cut at 6)")
    right.set(xlabel="move", ylabel="slope (cut at 0.2)")
    left.legend()

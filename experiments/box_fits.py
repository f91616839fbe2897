"""Does each loss of boxes mend a fault of the one before, and are the boxes better that are fitted with it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd

from experiments.box_kinds import (
    AFAR,
    BOXES,
    NAMES,
    Place,
    fitted_iou,
    gains,
    place_in_words,
    settings_of,
    with_overlap,
)
from experiments.definitions import pairs
from experiments.overlap import Boxes, summed
from experiments.samples import drawn, fitted
from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Exact,
    Key,
    Picture,
    Quantifier,
    Quote,
    Sampled,
    Verdict,
    above,
    at_least,
    at_most,
)
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.losses.boxes.base import OverlapLoss
from robustfit.losses.boxes.ciou import CIoU
from robustfit.losses.boxes.diou import DIoU
from robustfit.losses.boxes.giou import GIoU
from robustfit.losses.boxes.iou import IoU
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.montecarlo import Estimate, mean
from robustfit.panels import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, Style
from robustfit.report import number, with_error

ROUTE = ("smooth_l1", "iou", "giou", "diou", "ciou")
"""The losses in the order of their publication."""

GAIN = 0.01
BETTER = (
    "an IoU higher by 0.01, averaged over the boxes of a sample and over the samples: less is not seen in a usual "
    "table of results"
)
LOOKS = {
    "mse": Style(ORANGE, "--", "o"),
    "mae": Style(GREEN, "-.", "s"),
    "smooth_l1": Style(BLACK, ":", "v"),
    "iou": Style(BLUE, "-", "^"),
    "giou": Style(PURPLE, "--", "D"),
    "diou": Style(RED, "-.", "P"),
    "ciou": Style(GREY, (0, (1, 1)), "X"),
}
SCOPE = "linear models with 3 features and four outputs, 50 boxes in pixels, errors of 8 pixels"

# --- case by case


def ten_times(loss: Callable[[Boxes, Boxes], Array]) -> float:
    """The loss of pairs of boxes in units ten times smaller, over that before: the median."""
    true, predicted = pairs(1000)
    return float(np.median(loss(10 * true, 10 * predicted) / loss(true, predicted)))


def smooth_l1(true: Boxes, predicted: Boxes) -> Array:
    """Smooth L1 (beta = 1) of the four coordinates, summed."""
    return summed(SmoothL1(1.0), true - predicted)


def apart() -> tuple[Boxes, Boxes]:
    """Pairs of boxes that do not overlap."""
    true, predicted = pairs(1000)
    return true, predicted + 30.0


def pull(loss: OverlapLoss, true: Boxes, predicted: Boxes) -> Array:
    """The length of the slope, times the side of the predicted box: without a unit."""
    side = np.sqrt(np.prod(predicted[:, 2:] - predicted[:, :2], axis=-1))
    result: Array = side * np.linalg.norm(loss.slope(true, predicted), axis=-1)
    return result


def inside() -> tuple[Boxes, Boxes]:
    """Boxes, and smaller ones inside them, off their centre."""
    true, _ = pairs(1000)
    rng = np.random.default_rng(5)
    size = true[:, 2:] - true[:, :2]
    start = true[:, :2] + size * rng.uniform(0.05, 0.25, (1000, 2))
    return true, np.concatenate([start, start + 0.4 * size], -1)


def drift(loss: OverlapLoss, true: Boxes, predicted: Boxes) -> Array:
    """How fast the loss falls as a predicted box moves towards the centre of the true one, in sides of the box."""
    way = (true[:, :2] + true[:, 2:] - predicted[:, :2] - predicted[:, 2:]) / 2
    way = way / np.linalg.norm(way, axis=-1, keepdims=True)
    side = np.sqrt(np.prod(predicted[:, 2:] - predicted[:, :2], axis=-1))
    result: Array = -side * (loss.slope(true, predicted) * np.concatenate([way, way], -1)).sum(-1)
    return result


def shapes(loss: OverlapLoss) -> float:
    """How much a loss tells a box of the right shape from one of the same centre, IoU and diagonal but turned."""
    true = np.array([-4.0, -2.0, 4.0, 2.0])
    alike, turned = np.array([[-2.0, -1.0, 2.0, 1.0], [-1.0, -2.0, 1.0, 2.0]])
    return float(loss.value(true, turned) - loss.value(true, alike))


def cases() -> list[Condition]:
    """The fault of each loss, and that the next one does not have it."""
    away, within_it = apart(), inside()
    return [
        Condition(
            "Smooth L1's fault: the loss in units a tenth as large, over before",
            Exact(ten_times(smooth_l1)),
            above(2.0),
        ),
        Condition("IoU has it not: the same, off 1", Exact(abs(ten_times(IoU().value) - 1)), at_most(1e-12)),
        Condition("IoU's fault: largest slope for boxes apart", Exact(float(pull(IoU(), *away).max())), at_most(0.0)),
        Condition("GIoU has it not: least slope for boxes apart", Exact(float(pull(GIoU(), *away).min())), above(0.0)),
        Condition(
            "GIoU's fault: fastest fall as a box inside the other moves to its centre",
            Exact(float(np.abs(drift(GIoU(), *within_it)).max())),
            at_most(1e-12),
        ),
        Condition("DIoU has it not: slowest such fall", Exact(float(drift(DIoU(), *within_it).min())), above(0.0)),
        Condition("DIoU's fault: cost of a box turned by 90 degrees", Exact(shapes(DIoU())), at_most(1e-12)),
        Condition("CIoU has it not: cost of the turned box", Exact(shapes(CIoU())), above(0.0)),
    ]


# --- fitted boxes


def common(one: Mapping[str, Array], losses: Sequence[str]) -> dict[str, Array]:
    """The samples that all of these losses were fitted to."""
    count = min(len(one[loss]) for loss in losses)
    return {loss: one[loss][:count] for loss in losses}


def in_a_table(found: Mapping[Place, Mapping[str, Array]], losses: Sequence[str]) -> pd.DataFrame:
    """Mean IoU with clean boxes: a line per place, a column per loss, over the same samples."""
    return pd.DataFrame(
        [
            {"boxes": place_in_words(place)} | {NAMES[loss]: _mean(one) for loss, one in common(by, losses).items()}
            for place, by in found.items()
        ]
    )


def _mean(values: Array) -> str:
    found = mean(values)
    return with_error(found.value, found.mcse)


def picture(found: Mapping[Place, Mapping[str, Array]], losses: Sequence[str]) -> Picture:
    """Mean IoU by place, a mark per loss."""
    caption = (
        "Mean IoU of the fitted with the clean boxes, by what is wrong with the data; bars are two Monte Carlo "
        "standard errors."
    )
    return Picture(caption, lambda figure: _draw(figure, found, losses), 7.6, 4.2)


def _draw(figure: Any, found: Mapping[Place, Mapping[str, Array]], losses: Sequence[str]) -> None:
    axes, rows = figure.subplots(), np.arange(len(found))[::-1]
    for place, loss in enumerate(losses):
        look, shift = LOOKS[loss], 0.08 * ((len(losses) - 1) / 2 - place)
        means = [mean(common(one, losses)[loss]) for one in found.values()]
        bars = [2 * one.mcse for one in means]
        axes.errorbar(
            [one.value for one in means],
            rows + shift,
            xerr=bars,
            fmt=look.marker,
            ms=4.5,
            color=look.color,
            label=NAMES[loss],
        )
    axes.set_yticks(rows, [place_in_words(place) for place in found])
    axes.set_xlabel("mean IoU with clean boxes")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(losses))


@dataclass(frozen=True)
class IouEvolution(Claim):
    """Each loss mends a fault of the one before; whether that shows in the fitted boxes is another question."""

    id = "iou-evolution"
    section = "E"
    quotes = (
        Quote(
            "D3",
            "2.2",
            "Its evolution route is Smooth L1 Loss→IoU Loss→GIoU Loss→DIoU Loss→CIoU Loss, This article follows this "
            "route .",
            "Its evolution: Smooth L1 loss, IoU loss, GIoU loss, DIoU loss, CIoU loss",
        ),
        Quote(
            "D2",
            "1",
            "以及在一些任务如目标检测中根据场景设置的loss如,IOU Loss、GIOU Loss、DIOU Loss、CIOU Loss。",
            "and in some tasks, such as object detection, losses made for the situation: IoU, GIoU, DIoU, CIoU loss",
        ),
    )
    statement = (
        "Each of Smooth L1, IoU, GIoU, DIoU and CIoU has a fault that the next one has not (a unit; no gradient "
        "without overlap; no gradient to the centre from inside; no sense of shape), and boxes fitted with the next "
        "one are better: with and without outlying boxes in the sample, and from a start without overlap."
    )
    quantifier = Quantifier.generic
    scope = SCOPE
    margin = f"a fault and its absence: to rounding; fitted boxes: {BETTER}"

    def evidence(self, lab: Laboratory) -> Evidence:
        found = fitted_iou(lab)
        steps = {(one, other): gains(found, other, one) for one, other in pairwise(ROUTE)}
        conditions = (
            *cases(),
            *(
                Condition(f"{NAMES[new]} over {NAMES[old]}, {place_in_words(place)}", Sampled(gain), above(GAIN), "IoU")
                for (old, new), by_place in steps.items()
                for place, gain in by_place.items()
            ),
        )
        whole = gains(found, "ciou", "smooth_l1")
        key = Key("gain of CIoU over Smooth L1, 10 % displaced", Sampled(whole["displaced", 0.1]), "IoU")
        tables = {"Mean IoU of the fitted with the clean boxes": in_a_table(found, ROUTE)}
        pictures = {"quality": picture(with_overlap(found), ROUTE), "faults": Picture(FAULTS, _draw_faults, 9.6, 3.4)}
        return Evidence(conditions, key, lambda verdict: _evolved(verdict, steps, whole), tables, pictures)


def _evolved(
    verdict: Verdict, steps: Mapping[tuple[str, str], Mapping[Place, Estimate]], whole: Mapping[Place, Estimate]
) -> str:
    head = {
        Verdict.supported: "Each loss mends a fault, and the fits gain by it",
        Verdict.depends: "Each loss mends a fault, but few of the fits gain by it",
        Verdict.refuted: "No loss mends a fault of the one before",
    }.get(verdict, "Whether the fits gain was not settled")
    near = {pair: with_overlap(by) for pair, by in steps.items()}
    most, afar = (
        _listed({pair: max(by.values(), key=lambda gain: gain.value) for pair, by in near.items()}),
        _listed({pair: by[AFAR] for pair, by in steps.items()}),
    )
    clean = whole["normal errors", 0.0]
    return (
        f"{head}. From the usual start, the fit of MAE to each coordinate, the largest gains in IoU of any place tried "
        f"are: {most}; from Smooth L1 to CIoU on clean data {with_error(clean.value, clean.mcse)}. From a start "
        f"without overlap they are: {afar}. So start a loss of overlaps at a robust fit of the coordinates, and which "
        "of them it is matters little."
    )


def _listed(gain: Mapping[tuple[str, str], Estimate]) -> str:
    return ", ".join(f"{NAMES[new]} over {NAMES[old]} {with_error(*_pair(one))}" for (old, new), one in gain.items())


def _pair(one: Estimate) -> tuple[float, float]:
    return one.value, one.mcse


FAULTS = (
    "The losses of one box as it moves beyond the other (left), moves inside the other (middle), or keeps its centre "
    "and area and becomes wider (right). Where a line is flat no descent knows the way; the dotted one marks the best "
    "place."
)
OVERLAPS: dict[str, OverlapLoss] = {"iou": IoU(), "giou": GIoU(), "diou": DIoU(), "ciou": CIoU()}


def _draw_faults(figure: Any) -> None:
    panels, true = figure.subplots(1, 3), np.array([-4.0, -2.0, 4.0, 2.0])
    move, across = np.linspace(0, 20, 201), np.linspace(-2, 2, 201)
    width = np.linspace(2, 8, 201)
    sideways = np.array([1.0, 0.0, 1.0, 0.0])
    ways = {
        "moved to the right by": (move, true + move[:, None] * sideways, 0.0),
        "centre, inside": (across, np.array([-2.0, -1.0, 2.0, 1.0]) + across[:, None] * sideways, 0.0),
        "width, the true one 8, area 8": (width, np.stack([-width, -8 / width, width, 8 / width], -1) / 2, 4.0),
    }
    for axes, (label, (places, boxes, best)) in zip(panels, ways.items(), strict=True):
        for name, loss in OVERLAPS.items():
            look = LOOKS[name]
            axes.plot(places, loss.value(true, boxes), color=look.color, ls=look.dashes, label=NAMES[name])
        axes.axvline(best, color="#999999", ls=":", lw=1)
        axes.set_xlabel(label)
    panels[0].set_ylabel("loss")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


@dataclass(frozen=True)
class CoordinatesIndependent(Claim):
    """Four fits side by side, or one of the box."""

    id = "coordinates-independent"
    section = "E"
    quotes = (
        Quote(
            "D3",
            "2.2.1",
            "Find out independently 4 Point Loss, Then add to get the final Bounding Box Loss, The assumption of this "
            "approach is 4 The two points are independent of each other , In fact, there is a certain correlation",
        ),
        Quote(
            "D2",
            "4",
            "这样做就默认将四个变量认为是相互独立的,这样“粗暴”的直接回归效果往往不会太好,引入交并比损失(IOU Loss)"
            "则可以把四个变量关联起来。",
            "this takes the four variables to be independent, and so rough a regression is often not very good; the "
            "IoU loss can tie the four variables together",
        ),
    )
    statement = (
        "What one coordinate's error adds to MSE, MAE or Smooth L1 does not depend on the other three, so that an "
        "error in one coordinate of the data moves no other's fit; IoU loss ties them, and boxes fitted with it are "
        "better."
    )
    quantifier = Quantifier.generic
    scope = SCOPE
    margin = (
        "independent: second differences and moved fits 0 to 1e-6 of a pixel; tied: second differences above a "
        f"thousandth of the loss's range, moved fits above a tenth of a pixel; better: {BETTER}"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        moves = {loss: moved(loss) for loss in ("mse", "mae", "smooth_l1", "iou")}
        fits = with_overlap(fitted_iou(lab))
        found = gains(fits, "iou", "smooth_l1")
        conditions = (
            *(
                Condition(f"{NAMES[name]}: largest second difference", Exact(float(second(loss).max())), at_most(1e-6))
                for name, loss in COORDINATES.items()
            ),
            Condition("IoU: median second difference", Exact(float(np.median(second(IoU().value)))), above(1e-3)),
            *(
                Condition(
                    f"{NAMES[name]}: x1 spoilt, the others' fits move", Exact(moves[name]), at_most(1e-6), "pixels"
                )
                for name in COORDINATES
            ),
            Condition("IoU: x1 spoilt, the others' fits move", Exact(moves["iou"]), above(0.1), "pixels"),
            *(
                Condition(f"IoU over Smooth L1, {place_in_words(place)}", Sampled(gain), above(GAIN), "IoU")
                for place, gain in found.items()
            ),
        )
        clean = found["normal errors", 0.0]
        key = Key("gain of IoU over Smooth L1, no outlying boxes", Sampled(clean), "IoU")
        shown = in_a_table(fits, ("smooth_l1", "iou"))
        pictures = {"quality": picture(fits, ("mse", "mae", "smooth_l1", "iou"))}
        tables = {"Mean IoU of the fitted with the clean boxes": shown}
        return Evidence(conditions, key, lambda verdict: _tied(verdict, moves, found), tables, pictures)


COORDINATES: dict[str, Callable[[Boxes, Boxes], Array]] = {
    "mse": lambda true, box: summed(MSE(), true - box),
    "mae": lambda true, box: summed(MAE(), true - box),
    "smooth_l1": smooth_l1,
}


def second(loss: Callable[[Boxes, Boxes], Array]) -> Array:
    """Second differences over pairs of coordinates, of overlapping boxes, for changes of 1: their sizes.

    f(both) - f(one) - f(other) + f(neither) is 0 for a sum of functions of one coordinate each.
    """
    true, box = pairs(1000)
    overlapping = IoU().value(true, box) < 1
    true, box, unit = true[overlapping], box[overlapping], np.eye(4)
    changes = [
        loss(true, box + unit[i] + unit[j]) - loss(true, box + unit[i]) - loss(true, box + unit[j]) + loss(true, box)
        for i, j in combinations(range(4), 2)
    ]
    return np.abs(changes)


def moved(loss: str) -> float:
    """How far the other corners' fitted values move, in pixels, if x1 of one box in ten is 40 pixels too low."""
    data = drawn(BOXES, 8)
    spoilt = data.y.copy()
    spoilt[:, :5, 0] -= 40.0
    settings = {**BOXES, **settings_of(loss)}
    fits = [fitted(settings, one).coef for one in (data, _with(data, spoilt))]
    values = data.X @ (fits[1] - fits[0])
    return float(np.abs(values[..., 1:]).mean())


def _with(data: Any, y: Array) -> Any:
    from dataclasses import replace

    return replace(data, y=y)


def _tied(verdict: Verdict, moves: Mapping[str, float], found: Mapping[Place, Estimate]) -> str:
    head = {
        Verdict.supported: "Coordinate losses make four separate fits, and lose by it",
        Verdict.depends: "Coordinate losses make four separate fits, but hardly lose by it",
        Verdict.refuted: "Coordinate losses do not make four separate fits",
    }.get(verdict, "Whether separate fits lose was not settled")
    gain = ", ".join(f"{with_error(one.value, one.mcse)} ({place_in_words(place)})" for place, one in found.items())
    return (
        f"{head}: IoU over Smooth L1 gains {gain}. Tying has a price: x1 spoilt in one box of ten moves the other "
        f"three coordinates by {number(moves['iou'], 2)} pixels under IoU and by {number(moves['smooth_l1'], 2)} "
        "under Smooth L1. A linear model has room for four separate fits; outlying boxes are off in all four at once."
    )


@dataclass(frozen=True)
class L1L2SimilarForBoxes(Claim):
    """Similar while no box is out of place."""

    id = "l1-l2-similar-for-boxes"
    section = "E"
    quotes = (Quote("D4", "", "by using L2 loss should have similar result if not better."),)
    statement = (
        "Boxes fitted with MSE (L2) have an IoU with the clean boxes that is no worse than with MAE (L1), with and "
        "without outlying boxes."
    )
    quantifier = Quantifier.generic
    scope = SCOPE
    margin = "similar if not better: a mean IoU of MSE's fits at most 0.02 below that of MAE's"

    def evidence(self, lab: Laboratory) -> Evidence:
        found = with_overlap(fitted_iou(lab))
        gain = gains(found, "mse", "mae")
        conditions = tuple(
            Condition(f"MSE over MAE, {place_in_words(place)}", Sampled(one), at_least(-0.02), "IoU")
            for place, one in gain.items()
        )
        key = Key("gain of MSE over MAE, 10 % displaced", Sampled(gain["displaced", 0.1]), "IoU")
        losses = ("mse", "mae", "smooth_l1")
        tables = {"Mean IoU of the fitted with the clean boxes": in_a_table(found, losses)}
        return Evidence(
            conditions, key, lambda verdict: _similar(verdict, gain), tables, {"quality": picture(found, losses)}
        )


def _similar(verdict: Verdict, gain: Mapping[Place, Estimate]) -> str:
    head = {
        Verdict.supported: "For boxes MSE and MAE come to the same",
        Verdict.depends: "For boxes MSE and MAE come to the same only while the data are clean",
        Verdict.refuted: "For boxes MSE is worse than MAE",
    }.get(verdict, "Whether MSE and MAE come to the same was not settled")
    worst = min(gain, key=lambda place: gain[place].value)
    clean, low = gain["normal errors", 0.0], gain[worst]
    return (
        f"{head}: with normal errors MSE's boxes have {with_error(clean.value, clean.mcse)} more IoU than MAE's, with "
        f"{place_in_words(worst)} {with_error(low.value, low.mcse)}. Annotations are seldom clean, and a robust loss "
        "costs little where they are."
    )

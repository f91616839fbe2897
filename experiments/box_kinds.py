"""Kinds of outlying boxes, and the fits to them that several claims share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from experiments.samples import drawn, fitted
from robustfit.catalogue import make
from robustfit.data import Data
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.losses.boxes.base import OverlapLoss
from robustfit.losses.boxes.iou import IoU
from robustfit.montecarlo import Estimate, difference
from robustfit.problem import Problem
from robustfit.solvers.quasi_newton import QuasiNewton

KINDS: dict[str, dict[str, Any]] = {
    "displaced": {"contamination": "displaced"},
    "x and y swapped": {"contamination": "swapped"},
    "half the scale": {"contamination": "rescaled"},
}
"""Boxes moved by their own diagonal, read in the wrong order, and given in units twice as large."""

FRACTIONS = (0.1, 0.3)

NOISES: dict[str, dict[str, Any]] = {
    "normal errors": {},
    "t errors, 2 degrees of freedom": {"scenario.noise": "t", "scenario.noise.df": 2.0, "scenario.noise.sigma": 8.0},
}

NAMES = {
    "mse": "MSE",
    "mae": "MAE",
    "smooth_l1": "Smooth L1",
    "iou": "IoU",
    "giou": "GIoU",
    "diou": "DIoU",
    "ciou": "CIoU",
}
"""The losses as the documents write them."""

T = TypeVar("T")

OVERLAPS = ("iou", "giou", "diou", "ciou")

BOXES = {"scenario": "random_boxes", "scenario.n_samples": 50, "scenario.n_features": 3, "contamination": "displaced"}

Place = tuple[str, float]
"""A kind of outlying boxes, or of errors, and the fraction of outlying boxes."""


AFAR = ("a start without overlap", 0.0)
"""No outlying boxes, but descent begins where every box is 600 pixels off; losses of coordinates do not mind."""

PLACES: dict[Place, dict[str, Any]] = {(name, 0.0): settings for name, settings in NOISES.items()}
PLACES |= {AFAR: {}}
PLACES |= {
    (name, fraction): {**settings, "outliers": fraction} for name, settings in KINDS.items() for fraction in FRACTIONS
}


def settings_of(loss: str) -> dict[str, Any]:
    """A loss and its solver; Smooth L1 with beta = 1 pixel, the default of its usual implementations."""
    chosen = {"loss": loss, "solver": "quasi_newton" if loss in OVERLAPS else "newton"}
    return chosen | ({"loss.beta": 1.0} if loss == "smooth_l1" else {})


def fits(loss: str, kind: str, fraction: float, count: int) -> pd.DataFrame:
    """The mean IoU of fitted with clean boxes of some samples."""
    from threadpoolctl import threadpool_limits

    settings = {**BOXES, **PLACES[kind, fraction]}
    data, afar = drawn(settings, count), (kind, fraction) == AFAR and loss in OVERLAPS
    with threadpool_limits(1):  # on a few rows threads wait for each other
        coef = from_afar(make("loss", loss), data) if afar else fitted({**settings, **settings_of(loss)}, data).coef
    iou = 1.0 - IoU().value(data.y_clean, data.X_clean @ coef)
    return pd.DataFrame({"sample": np.arange(count), "iou": iou.mean(-1)})


def from_afar(loss: OverlapLoss, data: Data) -> Array:
    """Where quasi-Newton steps lead from least squares moved 600 pixels to the right and down, `(K, p, 4)`."""
    start = least_squares_of_boxes(data)
    start[:, 0] += 600.0
    problem = Problem(data.X, data.y, loss, np.ones(len(data.y)), intercept=data.intercept)
    coef = QuasiNewton().solve(problem, start.reshape(len(start), -1)).coef
    return coef.reshape(start.shape)


def least_squares_of_boxes(data: Data) -> Array:
    """The least-squares coefficients of the four corners, `(K, p, 4)`."""
    coef: Array = np.linalg.pinv(data.X) @ data.y
    return coef


def fitted_iou(lab: Laboratory) -> dict[Place, dict[str, Array]]:
    """The mean IoU with clean boxes by place, then by loss, the same samples first; fewer of the slow losses."""
    few, some, many = lab.choose((16, 48, 192), (6, 16, 64))
    counts = dict.fromkeys(NAMES, many) | dict.fromkeys(OVERLAPS, few) | {"iou": some}
    return {place: {loss: _kept(lab, loss, place, count) for loss, count in counts.items()} for place in PLACES}


def _kept(lab: Laboratory, loss: str, place: Place, count: int) -> Array:
    table = lab.table("box_fits", fits, loss=loss, kind=place[0], fraction=place[1], count=count)
    values: Array = table["iou"].to_numpy(float)
    return values


def gains(found: Mapping[Place, Mapping[str, Array]], own: str, other: str) -> dict[Place, Estimate]:
    """How much more IoU with clean boxes one loss's fits have than another's, on the samples that both have."""
    return {
        place: difference(*(one[loss][: min(len(one[own]), len(one[other]))] for loss in (own, other)))
        for place, one in found.items()
    }


def with_overlap(found: Mapping[Place, T]) -> dict[Place, T]:
    """The places whose start overlaps: the usual ones."""
    return {place: one for place, one in found.items() if place != AFAR}


def place_in_words(place: Place) -> str:
    """A place in words.

    >>> place_in_words(("displaced", 0.1)), place_in_words(("normal errors", 0.0))
    ('10 % displaced', 'no outlying boxes, normal errors')
    """
    kind, fraction = place
    return f"{100 * fraction:g} % {kind}" if fraction else f"no outlying boxes, {kind}"

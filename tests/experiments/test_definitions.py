"""Losses of boxes by counting cells and by hand; the other claims' computations against NumPy, SciPy and theory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments import definitions
from experiments.definitions import BoxFormulas, KerasRegressionValues, ciou, diou, giou, least_absolute, overlap
from experiments.samples import drawn
from robustfit.claims import Verdict, judge
from robustfit.losses.huber import Huber


def cells(box, size=12):
    """The unit cells that a box of whole coordinates covers."""
    x1, y1, x2, y2 = (int(end) for end in box)
    mask = np.zeros((size, size), dtype=bool)
    mask[x1:x2, y1:y2] = True
    return mask


@pytest.mark.parametrize("seed", range(20))
def test_overlaps_by_counting_cells(seed):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 7, (2, 2))
    one, other = np.concatenate([corners, corners + rng.integers(1, 6, (2, 2))], -1).astype(float)
    a, b = cells(one), cells(other)
    iou = (a & b).sum() / (a | b).sum()
    hull = cells([*np.minimum(one, other)[:2], *np.maximum(one, other)[2:]])
    assert overlap(one, other) == pytest.approx(iou)
    assert giou(one, other) == pytest.approx(1 - iou + (hull & ~a & ~b).sum() / hull.sum())


def test_distance_and_shape_by_hand():
    flat, tall = np.array([0.0, 0, 2, 1]), np.array([0.0, 0, 1, 2])
    shape = 4 / math.pi**2 * (math.atan(2) - math.atan(0.5)) ** 2
    assert diou(flat, tall) == pytest.approx(1 - 1 / 3 + 0.5 / 8)
    assert ciou(flat, tall) == pytest.approx(1 - 1 / 3 + 0.5 / 8 + shape * shape / (1 - 1 / 3 + shape))


@pytest.mark.parametrize("loss", [giou, diou, ciou])
def test_a_box_loses_nothing_against_itself(loss):
    one, _ = definitions.pairs(50)
    assert np.abs(loss(one, one)).max() < 1e-12


def test_the_least_sum_of_a_constant_is_at_the_median():
    y = np.random.default_rng(0).normal(size=31)
    assert least_absolute(np.ones((31, 1)), y) == pytest.approx([np.median(y)], abs=1e-9)


def test_the_rate_that_descent_bears_is_two_over_the_curvature():
    data = drawn({}, 1)
    limit = 1 / np.linalg.eigvalsh(data.X[0].T @ data.X[0] / 100)[-1]
    step = 10**0.05  # of the grid
    assert limit / step <= definitions._bearable(data, "mean") <= limit * step
    assert definitions._bearable(data, "sum") == pytest.approx(definitions._bearable(data, "mean") / 100)


def test_the_distance_claims_by_hand():
    assert definitions._detour() == 2 and definitions._doubled() == 4
    assert definitions._uneven() == pytest.approx((9 + 1) / 2 / (0.1 * 9 + 0.9))


def test_another_constant_would_refute_the_printed_value(monkeypatch):
    loss, *rest = definitions.PRINTED["Huber(1)"]
    assert judge(KerasRegressionValues(), None).verdict is Verdict.supported
    monkeypatch.setitem(definitions.PRINTED, "Huber(1)", (Huber(0.5), *rest))
    assert judge(KerasRegressionValues(), None).verdict is Verdict.refuted


def test_the_printed_formula_would_be_supported_if_it_were_the_loss(monkeypatch):
    for name in definitions.BOX_LOSSES:
        monkeypatch.setitem(definitions.BOX_LOSSES, name, lambda a, b: np.abs(a - b).mean(-1))
    assert judge(BoxFormulas(), None).verdict is Verdict.supported

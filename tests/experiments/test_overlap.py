"""Overlaps by counting cells, equal losses to the digit, and a spread that is known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from experiments import overlap
from experiments.overlap import IouLoss, SameSmoothL1OtherIou
from robustfit.claims import Verdict, judge
from robustfit.losses.boxes.iou import IoU
from robustfit.losses.smooth_l1 import SmoothL1


def cells(box, size=24):
    """The unit cells that a box of whole corners covers."""
    x1, y1, x2, y2 = box
    mask = np.zeros((size, size), dtype=bool)
    mask[x1:x2, y1:y2] = True
    return mask


def test_rational_overlaps_by_counting_cells():
    for true, box in zip(*overlap._whole_pairs(50), strict=True):
        a, b = cells(true), cells(box)
        assert overlap._rational_iou(tuple(true), tuple(box)) == Fraction(int((a & b).sum()), int((a | b).sum()))


def test_errors_are_scaled_to_one_loss():
    errors = overlap._scaled(overlap._directions(200), 11.5)
    assert overlap.summed(SmoothL1(1.0), errors) == pytest.approx(11.5, rel=1e-12)


@pytest.mark.parametrize(("code", "start"), [("corners", [0, 0, 100, 100]), ("centre and size", [50, 50, 100, 100])])
def test_the_widest_pair_has_one_loss(code, start):
    low, high, wide = overlap._widest(code, (100.0, 100.0), 60.0)
    true = np.array([0.0, 0, 100, 100])
    assert wide == pytest.approx(float(overlap.overlap(true, high) - overlap.overlap(true, low)))
    numbers = [_coded(code, box) - np.array(start, dtype=float) for box in (low, high)]
    assert [float(overlap.summed(SmoothL1(1.0), one)) for one in numbers] == pytest.approx([59.5, 59.5], rel=1e-9)


def _coded(code, box):
    from robustfit.losses.boxes.base import centres_and_sizes

    return box if code == "corners" else centres_and_sizes(box)


def test_moving_one_edge_by_sixty_is_found():
    """Off by 60 along one number: outwards IoU = 100 / 160, inwards 40 / 100, both at a loss of 59.5."""
    _, _, wide = overlap._widest("corners", (100.0, 100.0), 60.0)
    assert wide >= 100 / 160 - 40 / 100 - 1e-9


def test_the_pair_in_whole_numbers():
    table = overlap._exact_pair()
    assert set(table["Smooth L1"]) == {"10"}
    assert list(table["IoU"]) == ["4/25", "25/64", "49/151"]


def test_a_loss_that_knew_the_overlap_would_refute(monkeypatch):
    monkeypatch.setattr(overlap, "_widest", lambda *_: (np.array([0.0, 0, 1, 1]), np.array([0.0, 0, 1, 1]), 0.0))
    assert judge(SameSmoothL1OtherIou(), None).verdict is Verdict.refuted


def test_one_minus_iou_would_not_be_the_formula(monkeypatch):
    assert judge(IouLoss(), None).verdict is Verdict.depends
    monkeypatch.setattr(overlap, "LogIoU", IoU)
    assert judge(IouLoss(), None).verdict is Verdict.refuted


def test_the_logarithm_pulls_harder_by_one_over_iou():
    steep = overlap._steepness()
    assert steep[5] == pytest.approx(105 / 95) and steep[90] == pytest.approx(190 / 10)

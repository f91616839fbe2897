"""Faults of losses of boxes by differences and by hand, and fits whose ends are known."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import box_fits, box_kinds
from experiments.samples import drawn
from robustfit.claims import Outcome
from robustfit.losses.boxes.ciou import CIoU
from robustfit.losses.boxes.diou import DIoU
from robustfit.losses.boxes.giou import GIoU
from robustfit.losses.boxes.iou import IoU


@pytest.mark.parametrize("loss", [IoU(), GIoU(), DIoU()])
def test_the_drift_by_differences(loss):
    true, box = (boxes[:20] for boxes in box_fits.inside())
    way = (true[:, :2] + true[:, 2:] - box[:, :2] - box[:, 2:]) / 2
    way = 1e-6 * np.tile(way / np.linalg.norm(way, axis=-1, keepdims=True), 2)
    fall = (loss.value(true, box - way) - loss.value(true, box + way)) / 2e-6
    side = np.sqrt(np.prod(box[:, 2:] - box[:, :2], axis=-1))
    assert box_fits.drift(loss, true, box) == pytest.approx(side * fall, rel=1e-5, abs=1e-8)


def test_boxes_inside_are_inside_and_boxes_apart_apart():
    true, box = box_fits.inside()
    assert (true[:, :2] < box[:, :2]).all() and (box[:, 2:] < true[:, 2:]).all()
    assert (IoU().value(*box_fits.apart()) == 1).all()


def test_the_cost_of_a_turned_box_by_hand():
    """IoU = 1/4 both, v = 4 / pi^2 (arctan 2 - arctan 1/2)^2, alpha = v / (3/4 + v)."""
    v = 4 / np.pi**2 * (np.arctan(2) - np.arctan(0.5)) ** 2
    assert box_fits.shapes(CIoU()) == pytest.approx(v * v / (0.75 + v))
    assert box_fits.shapes(DIoU()) == pytest.approx(0.0, abs=1e-15)


def test_a_loss_with_the_next_ones_virtue_has_no_fault(monkeypatch):
    assert {one.outcome(0.95) for one in box_fits.cases()} == {Outcome.holds}
    monkeypatch.setattr(box_fits, "IoU", GIoU)
    assert {one.outcome(0.95) for one in box_fits.cases()} == {Outcome.holds, Outcome.fails}


def test_second_differences_of_a_product():
    """(e1 e2) has the second difference 1 in its two coordinates and 0 in all other pairs."""
    changes = box_fits.second(lambda true, box: box[..., 0] * box[..., 1])
    assert changes[0] == pytest.approx(1.0) and np.abs(changes[1:]).max() < 1e-9


def test_without_noise_every_loss_finds_the_boxes(monkeypatch):
    """MSE exactly, a loss of overlaps to its tolerance; from afar IoU stays where it is."""
    monkeypatch.setitem(box_kinds.BOXES, "scenario.noise", "normal")
    monkeypatch.setitem(box_kinds.BOXES, "scenario.noise.sigma", 1e-6)
    for loss in ("mse", "giou"):
        assert box_kinds.fits(loss, "normal errors", 0.0, 2)["iou"].to_numpy() == pytest.approx(1.0, abs=1e-4)
    assert (box_kinds.fits("iou", *box_kinds.AFAR, 2)["iou"] == 0.0).all()


def test_one_coordinate_moves_no_other_fit():
    assert box_fits.moved("mse") == pytest.approx(0.0, abs=1e-9)


def test_gains_are_paired_on_the_samples_that_both_have():
    found = {("a", 0.0): {"iou": np.array([0.5, 0.6]), "mse": np.array([0.4, 0.5, 0.9])}}
    assert box_kinds.gains(found, "iou", "mse")["a", 0.0].value == pytest.approx(0.1)
    assert len(box_fits.common(found["a", 0.0], ("iou", "mse"))["mse"]) == 2


def test_the_places_can_be_drawn():
    for settings in box_kinds.PLACES.values():
        data = drawn({**box_kinds.BOXES, **settings, "loss": "mse"}, 1)
        assert (data.y[..., 2:] >= data.y[..., :2]).all()

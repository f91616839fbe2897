"""Losses summed over the four coordinates: the sum, the slope, and the facts are those of the loss of one."""

import numpy as np
import pytest
from laws import along_each

from robustfit.errors import BadParameter
from robustfit.losses.boxes.coordinates import Coordinates
from robustfit.losses.huber import Huber
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.losses.welsch import Welsch

RNG = np.random.default_rng(0)
Y, ETA = RNG.normal(size=(2, 3, 20, 4)), RNG.normal(size=(3, 20, 4))
Y = Y[0]
each = pytest.mark.parametrize("loss", [SmoothL1(1.0), MSE(), MAE(), Huber(), Welsch()], ids=repr)


@each
@pytest.mark.parametrize("scale", [1.0, np.array([[0.5], [2.0], [7.0]])], ids=["one", "per sample"])
def test_the_sum_over_the_coordinates(loss, scale):
    terms = [loss.value(Y[..., j], ETA[..., j], scale) for j in range(4)]
    np.testing.assert_allclose(Coordinates(loss).value(Y, ETA, scale), sum(terms), rtol=1e-15)
    slopes = along_each(lambda eta: Coordinates(loss).value(Y, eta, scale), ETA, 1e-6)
    np.testing.assert_allclose(Coordinates(loss).slope(Y, ETA, scale), slopes, rtol=0, atol=1e-7)


def test_smooth_l1_mse_and_mae_by_hand():
    y, eta = np.zeros(4), np.array([0.5, -3.0, 0.0, 1.0])
    for loss, expected in ((SmoothL1(1.0), 0.125 + 2.5 + 0.5), (MSE(), 0.25 + 9.0 + 1.0), (MAE(), 4.5)):
        assert Coordinates(loss).value(y, eta) == expected


@each
def test_facts_are_those_of_the_loss(loss):
    assert (Coordinates(loss).convex, Coordinates(loss).scale_free) == (loss.convex, loss.scale_free)


def test_the_reduction_is_over_the_boxes():
    values = Coordinates(MSE()).value(Y, ETA)
    assert values.shape == (3, 20)
    np.testing.assert_array_equal(Coordinates(MSE())(Y, ETA), values.mean(-1))


def test_what_is_no_loss_of_a_residual_is_refused():
    with pytest.raises(BadParameter, match="loss='mse': must be a ResidualLoss"):
        Coordinates("mse")

"""Constants for 1000 and 10, against NumPy and the closed form of Smooth L1's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from experiments import thousand_and_ten
from experiments.domination import constant
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.smooth_l1 import SmoothL1


@pytest.mark.parametrize("share", thousand_and_ten.SHARES)
def test_mean_and_median(share):
    values = np.array([float(value) for value in thousand_and_ten.targets(share)])
    assert (values == 10).mean() == pytest.approx(float(share))
    assert (
        float(thousand_and_ten.average(share)) == pytest.approx(values.mean()) == pytest.approx(constant(MSE(), values))
    )
    assert float(thousand_and_ten.middle(share)) == np.median(values)
    if share != Fraction(1, 2):
        assert constant(MAE(), values) == pytest.approx(np.median(values))


@pytest.mark.parametrize("beta", [0.1, 10.0, 300.0])
@pytest.mark.parametrize("share", [Fraction(1, 10), Fraction(2, 5)])
def test_smooth_l1_stands_where_the_pulls_balance(share, beta):
    """(1 - s) (1000 - c) / beta = s, while 10 is farther off than beta."""
    values = [float(value) for value in thousand_and_ten.targets(share)]
    wanted = 1000 - beta * float(share / (1 - share))
    assert constant(SmoothL1(beta), values) == pytest.approx(wanted)


def test_position_runs_from_l1_to_l2():
    assert thousand_and_ten.position(SmoothL1(1e-3)) == pytest.approx(0.0, abs=1e-5)
    assert thousand_and_ten.position(SmoothL1(1e4)) == pytest.approx(1.0)
    assert thousand_and_ten.position(SmoothL1(100.0)) == pytest.approx(100 / 9 / 99)

"""Smooth L1 knows no unit: beta = 1 in one unit is beta = 0.01 in another."""

from __future__ import annotations

import pytest

from experiments import robustness
from robustfit.catalogue import make
from robustfit.claims import Outcome
from robustfit.data import Streams
from robustfit.estimators.m import M
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.montecarlo import Estimate
from robustfit.noises.normal import Normal
from robustfit.scales.fixed import Fixed
from robustfit.scenarios.linear import Linear
from robustfit.solvers.newton import Newton


def errors(sigma: float, beta: float):
    """The coefficients' errors in units of the noise, for outliers of 10 sd."""
    streams = Streams.spawn(seed=0, block=0)
    clean = Linear(50, 2, noise=Normal(sigma)).draw(streams, 4)
    data = make("contamination", "vertical", shift=10.0).corrupt(clean, 0.1, streams.marks, streams.values)
    coef = M(SmoothL1(beta), Newton(), Fixed(1.0), make("initial", "lad")).fit(data.X, data.y).coef
    return (coef - data.truth.coef) / sigma


@pytest.mark.parametrize("sigma", robustness.SIGMAS)
def test_the_unit_of_the_noise_is_that_of_beta(sigma):
    assert errors(sigma, 1.0) == pytest.approx(errors(1.0, 1.0 / sigma), abs=1e-8)


def test_the_usual_place_is_named_first():
    places = [("vertical", 0.5, 10.0), ("vertical", 0.1, 1e6), ("vertical", 0.1, 10.0), ("vertical", 0.1, 5.0)]
    assert sorted(places, key=robustness.usual_first)[:2] == [("vertical", 0.1, 10.0), ("vertical", 0.1, 5.0)]


@pytest.mark.parametrize(("ratio", "outcome"), [(0.5, Outcome.holds), (1.0, Outcome.fails), (0.95, Outcome.open)])
def test_as_good_is_not_better(ratio, outcome):
    assert robustness.less("x", Estimate(ratio, 0.001, 100)).outcome(0.95) is outcome

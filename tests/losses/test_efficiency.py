"""The default tuning constants give the efficiency they promise: (E psi')^2 / E psi^2 at N(0, 1), by quadrature."""

import dataclasses
from decimal import Decimal

import numpy as np
import pytest
import theory
from scipy import optimize, stats

from robustfit import catalogue
from robustfit.losses.base import PolyhedralLoss, SmoothLoss
from robustfit.losses.mae import MAE
from robustfit.task import fitting

NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
LOSSES = {name: catalogue.make("loss", name) for name in fitting("loss", "regression")}
SMOOTH = [name for name, loss in LOSSES.items() if isinstance(loss, SmoothLoss)]
TUNED = [name for name in SMOOTH if len(dataclasses.fields(LOSSES[name])) == 1]
UNTUNED = [name for name in SMOOTH if not dataclasses.fields(LOSSES[name])]
MEDIANS = [name for name, loss in LOSSES.items() if isinstance(loss, PolyhedralLoss) and loss.scale_free]


def expectation(function, kinks):
    """E f(Z), Z ~ N(0, 1): Gauss-Legendre between the kinks and on unit panels out to 12, where the tail is 1e-33."""
    ends = np.unique(np.concatenate([np.arange(-12.0, 13.0), np.clip([*kinks, *np.negative(kinks)], -12.0, 12.0)]))
    middle, half = 0.5 * (ends[1:] + ends[:-1]), 0.5 * np.diff(ends)
    z = middle[:, None] + half[:, None] * NODES
    return (half[:, None] * WEIGHTS * stats.norm.pdf(z) * function(z)).sum()


def efficiency(loss):
    """(E psi')^2 / E psi^2 with E psi' = E Z psi(Z), which holds at kinks too."""
    kinks = dataclasses.astuple(loss)
    slope = expectation(lambda z: z * loss.psi(z), kinks)
    return slope**2 / expectation(lambda z: loss.psi(z) ** 2, kinks)


def at(name, constant):
    """The loss with its only parameter at that value."""
    (entry,) = dataclasses.fields(LOSSES[name])
    return dataclasses.replace(LOSSES[name], **{entry.name: constant})


@pytest.mark.parametrize("name", TUNED)
def test_the_default_constant_is_the_rounding_of_the_one_with_95_percent(name):
    (constant,) = dataclasses.astuple(LOSSES[name])
    half = 0.5 * 10.0 ** Decimal(repr(constant)).as_tuple().exponent
    assert efficiency(at(name, constant - half)) < 0.95 < efficiency(at(name, constant + half))


@pytest.mark.parametrize("name", UNTUNED)
def test_a_smooth_loss_without_a_constant_is_fully_efficient(name):
    assert efficiency(LOSSES[name]) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("name", MEDIANS)
def test_the_median_has_efficiency_two_over_pi(name):
    # n Var of the sample median tends to 1 / (4 f(0)^2); the default of Quantile is the median.
    assert efficiency(LOSSES[name]) == pytest.approx(4.0 * stats.norm.pdf(0.0) ** 2, rel=1e-12)
    assert efficiency(MAE()) == pytest.approx(2.0 / np.pi, rel=1e-12)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_mean_curvature_is_the_slope_of_the_mean_psi(name):
    loss = LOSSES[name]
    kinks = dataclasses.astuple(loss)
    mean_curvature = expectation(loss.curvature, kinks)
    assert mean_curvature == pytest.approx(expectation(lambda z: z * loss.psi(z), kinks), rel=1e-11)


@pytest.mark.parametrize("row", theory.rows("efficiency"), ids=theory.label)
def test_reference_efficiencies(row):
    loss = at(row["loss"], float(row["constant"])) if row["constant"] else LOSSES[row["loss"]]
    assert efficiency(loss) == pytest.approx(float(row["value"]), abs=1e-12)


@pytest.mark.parametrize("row", theory.rows("constant_for_efficiency"), ids=theory.label)
def test_reference_constants(row):
    target = float(row["argument"])
    found = optimize.brentq(lambda c: efficiency(at(row["loss"], c)) - target, 0.2, 10.0, xtol=1e-12)
    assert found == pytest.approx(float(row["value"]), rel=1e-9)

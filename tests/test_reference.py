"""The fits of other software, with the estimator that users call: least squares, LAD, quantiles, M at a fixed scale.

Conventions (more in reference/README.md): this project's rho is a mean and ours alone; the references' objectives are
sums, SciPy's also multiplied by scale^2. Tuning constants count in units of the scale, and the scale is given, so that
nothing but the loss and its minimiser is compared. All redescending references were reached from least squares, so
`initial="ols"`: from another start another local minimum is as right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from reference_data import Array, Reference, model, model_keys, references

from robustfit import RobustRegressor
from robustfit.losses.base import ResidualLoss
from robustfit.losses.bisquare import Bisquare
from robustfit.losses.cauchy import Cauchy
from robustfit.losses.huber import Huber
from robustfit.losses.log_cosh import LogCosh
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.quantile import Quantile
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.losses.welsch import Welsch
from robustfit.scales.fixed import Fixed

# Tolerances count in Model.reach(), what a perturbation of y by its own length does to a coefficient, so that one
# number serves well and badly conditioned designs (alcohol: condition 2e4 after scaling) and coefficients that are 0.
EXACT = 1e-12
"""Least squares and vertices are one linear system: NumPy and HiGHS differ from the references by at most 5e-13."""
SMOOTH = 5e-8
"""L-BFGS stops where the objective no longer changes, at about 1e-16: at 1e-8, its root, in the coefficients. Measured:
up to 5e-9; the rest is for other versions of SciPy."""
OBJECTIVE = 1e-9
"""The error of the coefficients squared, or for LAD and quantiles their error: far below this."""

TAUS = (0.05, 0.1, 0.25, 0.33, 0.6, 0.75, 0.9, 0.95)


@dataclass(frozen=True)
class Case:
    """An estimator's name in the reference, our loss, and what makes our sum of rho their objective."""

    name: str
    loss: ResidualLoss
    factor: float = 1.0
    scale_power: int = 0
    """SciPy's cost is in squared units of the response."""

    def __str__(self) -> str:
        return self.name.replace(" ", "_")


LINEAR = [Case("LAD", MAE(), factor=0.5), Case("LAD", Quantile(0.5))]
LINEAR += [Case(f"quantile tau={tau}", Quantile(tau)) for tau in TAUS]

SMOOTH_CASES = [
    Case("Huber fixed scale k=1.345", Huber(1.345)),
    Case("Huber fixed scale k=1.345", SmoothL1(1.345), factor=1.345),
    Case("huber fixed scale", Huber(1.0), scale_power=2),
    Case("log-cosh fixed scale c=1.205", LogCosh(1.205)),
    Case("log-cosh raw", LogCosh(1.0)),
    Case("Cauchy fixed scale c=2.385", Cauchy(2.385)),
    Case("cauchy fixed scale", Cauchy(1.0), scale_power=2),
    Case("bisquare fixed scale c=4.685", Bisquare(4.685)),
    Case("Welsch fixed scale c=2.985", Welsch(2.985)),
]


def each(cases: list[Case]) -> pytest.MarkDecorator:
    pairs = [(case, reference) for case in cases for reference in references(case.name)]
    ids = [f"{reference}-{type(case.loss).__name__}" for case, reference in pairs]
    return pytest.mark.parametrize(("case", "reference"), pairs, ids=ids)


def fitted(reference: Reference, loss: ResidualLoss, scale: float = 1.0) -> Array:
    """The coefficients of the public estimator, intercept first."""
    regressor = RobustRegressor(loss=loss, scale=Fixed(scale), initial="ols", solver="auto")
    regressor.fit(reference.model.X[:, 1:], reference.model.y)
    return np.array([regressor.intercept_, *regressor.coef_])


def objective(reference: Reference, case: Case, coef: Array, scale: float = 1.0) -> float:
    """The reference's objective at any coefficients."""
    u = (reference.model.y - reference.model.X @ coef) / scale
    return float(case.factor * scale**case.scale_power * case.loss.rho(u).sum())


def assert_same(coef: Array, reference: Reference, tolerance: float) -> None:
    allowed = tolerance * reference.model.reach() + reference.precision * np.abs(reference.coef)
    worst = np.max(np.abs(coef - reference.coef) / allowed)
    assert worst <= 1, f"{worst:.1e} times what is allowed: {coef} for {reference.coef}"


@pytest.mark.parametrize("key", model_keys())
def test_design_is_the_one_of_the_reference(key: str) -> None:
    X, y = model(key).X, model(key).y
    unit = np.linalg.norm(X, axis=0)
    (reference,) = [reference for reference in references("OLS") if reference.key == key]
    assert_same(np.linalg.lstsq(X / unit, y, rcond=None)[0] / unit, reference, EXACT)


@pytest.mark.parametrize("reference", references("OLS"), ids=str)
def test_least_squares(reference: Reference) -> None:
    coef = fitted(reference, MSE())
    assert_same(coef, reference, EXACT)
    assert objective(reference, Case("OLS", MSE()), coef) == pytest.approx(reference.objective, rel=OBJECTIVE)


@each(LINEAR)
def test_lad_and_quantiles(case: Case, reference: Reference) -> None:
    coef = fitted(reference, case.loss)
    assert objective(reference, case, coef) == pytest.approx(reference.objective, rel=OBJECTIVE)
    if reference.optimal_set is None:
        assert_same(coef, reference, EXACT)
    else:
        assert_inside(coef, reference.optimal_set)


def assert_inside(coef: Array, optimal_set: Array) -> None:
    """Many fits are optimal: any of them will do. The ends of the intervals were printed with 6 digits."""
    slack = 1e-5 * np.abs(optimal_set).max(1)
    assert (coef >= optimal_set[:, 0] - slack).all() and (coef <= optimal_set[:, 1] + slack).all()


# At the last digit rounding decides whether L-BFGS calls itself done or stuck, and SciPy's versions differ.
@pytest.mark.filterwarnings("ignore:stalled")
@each(SMOOTH_CASES)
def test_m_at_fixed_scale(case: Case, reference: Reference) -> None:
    coef = fitted(reference, case.loss, reference.scale)
    assert_same(coef, reference, SMOOTH)
    own = objective(reference, case, coef, reference.scale)
    assert own == pytest.approx(reference.objective, rel=OBJECTIVE)

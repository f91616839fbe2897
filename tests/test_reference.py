"""The fits of other software, with the estimator that users call: least squares, LAD, quantiles, M at a fixed scale
and with its scale.

Conventions (more in reference/README.md): this project's rho is a mean and ours alone; the references' objectives are
sums, SciPy's also multiplied by scale^2. Tuning constants count in units of the scale. Where it is given, nothing but
the loss and its minimiser is compared; where it is estimated with the fit, it is compared too. Redescending references
were reached from least squares, so `initial="ols"` (one from LAD): from another start another solution is as right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from reference_data import Array, Reference, model, model_keys, read, references

from robustfit import RobustRegressor
from robustfit.fit import Status
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
from robustfit.scales.base import Scale
from robustfit.scales.concomitant import Concomitant
from robustfit.scales.fixed import Fixed
from robustfit.scales.iterated import Iterated
from robustfit.scales.proposal2 import Proposal2

# Tolerances count in Model.reach(), what a perturbation of y by its own length does to a coefficient, so that one
# number serves well and badly conditioned designs (alcohol: condition 2e4 after scaling) and coefficients that are 0.
EXACT = 1e-12
"""Least squares and vertices are one linear system: NumPy and HiGHS differ from the references by at most 5e-13."""
SMOOTH = 5e-8
"""L-BFGS stops where the objective no longer changes, at about 1e-16: at 1e-8, its root, in the coefficients. Measured:
up to 5e-9; the rest is for other versions of SciPy."""
JOINT = 2e-13
"""Coefficients with their scale end in Newton steps for both: at most 3e-14 measured."""
JOINT_SCALE = 5e-12
"""Relative: rounding of the residuals, which are up to a thousand times smaller than what they are differences of."""
UNPOLISHED = 1e-11
"""MASS stopped when nothing moved by more than 1e-13 of itself: at most 3e-12 measured."""
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


@dataclass(frozen=True)
class JointCase:
    """An estimator's name in the reference, its software, and the same of ours."""

    name: str
    software: str
    loss: ResidualLoss
    scale: Scale
    initial: str = "ols"


MASS, STATSMODELS = "MASS::rlm", "statsmodels RLM"
MAD_OF_MASS, MAD_OF_STATSMODELS = Iterated(1.0 / 0.6745), Iterated()

JOINT_CASES = [
    JointCase("Huber MAD", MASS, Huber(1.345), MAD_OF_MASS),
    JointCase("Huber MAD k=1", MASS, Huber(1.0), MAD_OF_MASS),
    JointCase("Huber MAD k=2", MASS, Huber(2.0), MAD_OF_MASS),
    JointCase("log-cosh MAD", MASS, LogCosh(1.205), MAD_OF_MASS),
    JointCase("log-cosh MAD c=1", MASS, LogCosh(1.0), MAD_OF_MASS),
    JointCase("bisquare MAD", MASS, Bisquare(4.685), MAD_OF_MASS),
    JointCase("bisquare MAD, LAD start", MASS, Bisquare(4.685), MAD_OF_MASS, initial="lad"),
    JointCase("bisquare MAD c=6", MASS, Bisquare(6.0), MAD_OF_MASS),
    JointCase("Cauchy MAD", MASS, Cauchy(2.385), MAD_OF_MASS),
    JointCase("Cauchy MAD c=1", MASS, Cauchy(1.0), MAD_OF_MASS),
    JointCase("Welsch MAD", MASS, Welsch(2.985), MAD_OF_MASS),
    JointCase("Welsch MAD c=2.11", MASS, Welsch(2.11), MAD_OF_MASS),
    JointCase("Huber proposal2", MASS, Huber(1.345), Proposal2(1.345)),
    JointCase("Huber proposal2 k=1.5,k2=1.5", MASS, Huber(1.5), Proposal2(1.5)),
    JointCase("Huber proposal2 k=1.345,k2=2", MASS, Huber(1.345), Proposal2(2.0)),
    JointCase("bisquare proposal2", MASS, Bisquare(4.685), Proposal2(1.345)),
    JointCase("Huber MAD", STATSMODELS, Huber(1.345), MAD_OF_STATSMODELS),
    JointCase("bisquare MAD", STATSMODELS, Bisquare(4.685), MAD_OF_STATSMODELS),
    JointCase("Cauchy MAD", STATSMODELS, Cauchy(2.385), MAD_OF_STATSMODELS),
    JointCase("Huber proposal2", STATSMODELS, Huber(1.345), Proposal2(1.345)),
    JointCase("Huber k=1.345, HuberScale d=2.5", STATSMODELS, Huber(1.345), Proposal2(2.5)),
    JointCase("bisquare proposal2", STATSMODELS, Bisquare(4.685), Proposal2(1.345)),
    JointCase("sklearn Huber eps=1.35", "sklearn HuberRegressor", Huber(1.35), Concomitant()),
]
JOINT_PAIRS = [
    (case, reference)
    for case in JOINT_CASES
    for reference in references(case.name)
    if reference.software == case.software
]

EXACT_FIT = "anscombe3", "bisquare MAD, LAD start"
"""Ten of eleven points lie on a line, which is LAD's: the median of the residuals is their rounding. MASS returns the
line with its scale of 3e-15, we return it with 0 and say so."""


def regressor(case: JointCase, fit_intercept: bool = True) -> RobustRegressor:
    return RobustRegressor(case.loss, scale=case.scale, initial=case.initial, fit_intercept=fit_intercept)


def test_every_reference_with_an_estimated_scale_is_compared() -> None:
    ours = {(case.name, case.software) for case in JOINT_CASES} | {(name, MASS) for name in WEIGHTED}
    software = {MASS, STATSMODELS, "sklearn HuberRegressor"}
    theirs = {(row["estimator"], row["software"]) for row in read("estimators.csv") if row["software"] in software}
    assert ours == theirs


def is_exact_fit(case: JointCase, reference: Reference) -> bool:
    return (reference.key, case.name) == EXACT_FIT


@pytest.mark.parametrize(
    ("case", "reference"),
    [pair for pair in JOINT_PAIRS if not is_exact_fit(*pair)],
    ids=lambda part: str(part) if isinstance(part, Reference) else "",
)
def test_m_with_its_scale(case: JointCase, reference: Reference) -> None:
    fit = regressor(case).fit(reference.model.X[:, 1:], reference.model.y)
    assert_same(np.array([fit.intercept_, *fit.coef_]), reference, JOINT)
    assert fit.scale_ == pytest.approx(reference.scale, rel=JOINT_SCALE)
    assert fit.status_ is Status.converged and (fit.certified_ or not case.loss.convex)


@pytest.mark.filterwarnings("ignore:zero_scale")
def test_an_exact_fit_has_scale_0() -> None:
    ((case, reference),) = [pair for pair in JOINT_PAIRS if is_exact_fit(*pair)]
    fit = regressor(case).fit(reference.model.X[:, 1:], reference.model.y)
    assert_same(np.array([fit.intercept_, *fit.coef_]), reference, JOINT)
    assert reference.scale < 1e-14 and (fit.scale_, fit.status_) == (0.0, Status.zero_scale)


WEIGHTED = ("Huber MAD, case weights 1,2,3,1,...", "Huber MAD, inverse-variance weights 1,2,3,1,...")


@pytest.mark.parametrize("reference", references(*WEIGHTED), ids=str)
def test_m_with_its_scale_and_weights(reference: Reference) -> None:
    case = JointCase(reference.estimator, MASS, Huber(1.345), MAD_OF_MASS)
    X, y = reference.model.X, reference.model.y
    weights = 1.0 + np.arange(len(y)) % 3
    if "case" in case.name:
        fit = regressor(case).fit(X[:, 1:], y, weights)
        coef = np.array([fit.intercept_, *fit.coef_])
    else:
        root = np.sqrt(weights)
        fit = regressor(case, fit_intercept=False).fit(X * root[:, None], y * root)
        coef = fit.coef_
    np.testing.assert_allclose(coef, reference.coef, rtol=UNPOLISHED)
    assert fit.scale_ == pytest.approx(reference.scale, rel=UNPOLISHED)

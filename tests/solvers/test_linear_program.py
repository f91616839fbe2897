"""Linear programming solves every loss that is a maximum of affine pieces, weighted or not, and the proof is exact."""

from dataclasses import dataclass, replace

import numpy as np
import oracles
import pytest

from robustfit.catalogue import make
from robustfit.certificates import certify
from robustfit.estimators.m import M
from robustfit.fit import Status
from robustfit.losses.base import Conjugate, PolyhedralLoss, inside
from robustfit.losses.mae import MAE
from robustfit.losses.quantile import Quantile
from robustfit.parameters import parameter
from robustfit.problem import Problem
from robustfit.solvers.linear_program import LinearProgram
from robustfit.solvers.newton import Newton


@dataclass(frozen=True)
class EpsilonInsensitive(PolyhedralLoss, Conjugate):
    """max(0, |u| - epsilon): three pieces, a flat one in the middle, and a scale that matters."""

    epsilon: float = parameter(0.5, above=0)

    @property
    def pieces(self):
        return (-1.0, -self.epsilon), (0.0, 0.0), (1.0, -self.epsilon)

    @property
    def domain(self):
        return -1.0, 1.0

    def conjugate(self, v):
        return inside(v, self.domain, self.epsilon * np.abs(v))


@dataclass(frozen=True)
class Stairs(PolyhedralLoss):
    """Four pieces, skewed, without a conjugate: what an open-minded user may write."""

    @property
    def pieces(self):
        return (-2.0, -1.0), (-0.5, 0.0), (1.0, 0.0), (3.0, -4.0)


N = 40
RNG = np.random.default_rng(5)
X = np.column_stack([np.ones(N), RNG.normal(size=(N, 2))])
Y = X @ [1.0, 2.0, -1.0] + RNG.standard_t(2, N)
COUNTS = RNG.integers(0, 4, N)
LOSSES = [MAE(), Quantile(0.1), Quantile(0.95), EpsilonInsensitive(), EpsilonInsensitive(2.0), Stairs()]
SOLVERS = [LinearProgram(), LinearProgram(method="highs-ds"), LinearProgram(method="highs-ipm"), Newton()]
losses = pytest.mark.parametrize("loss", LOSSES, ids=repr)
solvers = pytest.mark.parametrize("solver", SOLVERS, ids=repr)


def fitted(problem, solver):
    return solver.solve(problem, np.linalg.lstsq(problem.X, problem.y)[0])


@losses
@solvers
@pytest.mark.parametrize("weights", [None, COUNTS.astype(float)], ids=["plain", "weighted"])
@pytest.mark.parametrize("scale", [0.01, 1.3])
def test_the_optimum_is_reached_and_certified(loss, solver, weights, scale):
    problem = Problem(X, Y, loss, np.array(scale), weights=weights)
    solution = fitted(problem, solver)
    best = problem.objective(oracles.polyhedral(problem))
    assert solution.success.item() and solution.status.item() is Status.converged
    # HiGHS's tolerance of 1e-10 is absolute, in units of the mean residual
    np.testing.assert_allclose(problem.objective(solution.coef), best, rtol=1e-9)
    certificate = certify(problem, solution.coef)
    assert certificate.kind == "exact" and certificate.certified
    assert certificate.bound <= best * (1.0 + 1e-12)


@losses
@solvers
def test_weights_are_repetition(loss, solver):
    weighted = Problem(X, Y, loss, np.array(1.3), weights=COUNTS.astype(float))
    repeated = Problem(np.repeat(X, COUNTS, axis=0), np.repeat(Y, COUNTS), loss, np.array(1.3))
    ours, theirs = fitted(weighted, solver).coef, fitted(repeated, solver).coef
    assert weighted.objective(ours) == pytest.approx(repeated.objective(ours), rel=1e-12)
    assert weighted.objective(ours) == pytest.approx(weighted.objective(theirs), rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES[:5], ids=repr)
@pytest.mark.parametrize("units", [1e-150, 1e-6, 1e6, 1e150])
def test_units_of_y_change_nothing(loss, units):
    problem = Problem(X, Y * units, loss, np.array(units))
    np.testing.assert_allclose(fitted(problem, LinearProgram()).coef / units, oracles.polyhedral(
        replace(problem, y=Y, scale=np.array(1.0))), rtol=1e-7, atol=1e-9)  # fmt: skip


@solvers
def test_a_flat_bottom_that_holds_all_rows_costs_nothing(solver):
    wide = Problem(X, Y, EpsilonInsensitive(1e3))
    # 0 is computed as |u| - epsilon of rows at the edge: to the rounding of 1e3
    assert wide.objective(fitted(wide, solver).coef) <= 1e-12
    inner = certify(wide, np.linalg.lstsq(X, Y)[0])
    assert inner.objective == 0.0 and inner.gap == 0.0


@pytest.mark.parametrize("solver", ["auto", "linear_program", "newton"])
def test_the_estimator_takes_a_loss_that_nobody_here_knows(solver):
    fit = M(EpsilonInsensitive(), make("solver", solver)).fit(X, Y)
    assert fit.certified and fit.gap_kind == "exact" and fit.scale > 0
    assert fit.status.item() is Status.converged


def test_an_exact_start_is_returned():
    exact = Problem(X, X @ [1.0, 2.0, 3.0], MAE())
    assert np.array_equal(LinearProgram().solve(exact, np.array([1.0, 2.0, 3.0])).coef, [1.0, 2.0, 3.0])

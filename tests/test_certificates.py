"""Certificates never lie: the bound holds for any coefficients, is tight at an optimum, and widths are exact."""

from fractions import Fraction
from functools import cache
from itertools import combinations

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_data import read
from scipy import optimize

from robustfit.catalogue import make
from robustfit.certificates import CERTIFIED, certify, relative_gap, solution_width, stationarity
from robustfit.errors import Incompatible
from robustfit.estimators.m import FALSE_SUCCESS, M, false_success
from robustfit.losses.bisquare import Bisquare
from robustfit.losses.huber import Huber
from robustfit.losses.log_cosh import LogCosh
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.quantile import Quantile
from robustfit.losses.welsch import Welsch
from robustfit.penalties.l1 import L1
from robustfit.penalties.l2 import L2
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.scales.fixed import Fixed
from robustfit.solvers.newton import Newton
from robustfit.task import fitting

EPS = np.finfo(float).eps
N = 30
SHIPPED = [make("loss", name) for name in fitting("loss", "regression")]
CONVEX = [loss for loss in SHIPPED if loss.convex] + [Quantile(0.05), Quantile(0.9), Huber(0.01), LogCosh(10.0)]
SMOOTH = [loss for loss in CONVEX if not hasattr(loss, "pieces")]
OTHERS = [loss for loss in SHIPPED if not loss.convex]
PENALTIES = [NoPenalty(), L2(1e-8), L2(0.3), L2(1e6)]
PAIRS = [(loss, penalty) for loss in CONVEX for penalty in PENALTIES if loss in SMOOTH or penalty == NoPenalty()]
pairs = pytest.mark.parametrize(("loss", "penalty"), PAIRS, ids=lambda part: repr(part))
searched = settings(deadline=None, derandomize=True, max_examples=25)


def sample(name):
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(N), rng.normal(size=(N, 2))])
    y = X @ [1.0, 2.0, -1.0] + rng.standard_t(3, N)
    if name == "offset":
        y = y + 1e6
    elif name == "tied":
        X[:, 1:], y = np.round(2.0 * X[:, 1:]), np.round(y)
    elif name == "units":
        X = X * [1.0, 1e-3, 1e4]
    return X, y


SAMPLES = ("plain", "offset", "tied", "units")
WEIGHTS = np.random.default_rng(2).integers(0, 4, N).astype(float)


@cache
def solved(loss, penalty, name="plain", weighted=False):
    """A problem and its optimum by code that is not ours."""
    X, y = sample(name)
    problem = Problem(X, y, loss, np.array(0.8), penalty, WEIGHTS if weighted else None)
    start = np.linalg.lstsq(X, y)[0]
    if penalty != NoPenalty():
        start = oracles.reweighted(problem, start)
    return problem, oracles.least(problem, start)


def rounding(problem, coef):
    """What the objective at some coefficients can be off by: the sum's rounding and that of the residuals."""
    size = np.abs(problem.y) + np.abs(problem.X) @ np.abs(coef)
    slope = np.abs(problem.loss.psi(problem.standardised(coef)))
    terms = problem.shares * slope * size / problem.unit
    return 4 * EPS * (float(terms.sum()) + len(problem.y) * abs(float(problem.objective(coef))))


# --- the bound


@pairs
@searched
@given(
    name=st.sampled_from(SAMPLES),
    weighted=st.booleans(),
    direction=st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=3),
    distance=st.floats(-10.0, 10.0),
)
def test_the_bound_holds_for_any_coefficients(loss, penalty, name, weighted, direction, distance):
    problem, optimum = solved(loss, penalty, name, weighted)
    coef = optimum + 10.0**distance * np.array(direction) / np.abs(problem.X).max(0)
    certificate = certify(problem, coef)
    least = min(problem.objective(optimum), certificate.exhibited)
    assert certificate.bound <= least * (1.0 + 1e-12) + rounding(problem, coef) + rounding(problem, optimum)
    assert certificate.exhibited <= certificate.objective == problem.objective(coef)
    assert 0.0 <= certificate.gap <= 2.0
    # what is certified is optimal; 1e-8 is ten times what `certified` claims, and what the issue allows
    if certificate.certified:
        assert certificate.objective <= least * (1.0 + 1e-8) + rounding(problem, coef)


grid = st.integers(-3, 3).map(float)


@pytest.mark.parametrize("loss", [MSE(), MAE(), Quantile(0.25), Huber(0.5), LogCosh(0.5)], ids=repr)
@searched
@given(data=st.data())
def test_the_bound_holds_on_any_small_table(loss, data):
    n, p = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))
    entry = st.lists(grid, min_size=n, max_size=n)
    X = np.column_stack([np.ones(n), *(data.draw(entry) for _ in range(p - 1))])
    y = np.array(data.draw(entry))
    coef = np.array(data.draw(st.lists(grid, min_size=p, max_size=p)))
    problem = Problem(X, y, loss)
    certificate = certify(problem, coef)
    # over a lattice of points around the sample nobody does better than the bound
    others = np.array(np.meshgrid(*[np.linspace(-3, 3, 9)] * p)).reshape(p, -1).T
    least = min(problem.objective(other) for other in others)
    assert certificate.bound <= least + rounding(problem, coef)


@pairs
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", SAMPLES)
def test_an_optimum_found_by_another_solver_is_certified(loss, penalty, name, weighted):
    if name == "units" and penalty == L2(1e-8):
        return  # slopes of 2000 and a penalty of 0.02: SciPy itself stops 1e-6 above the least objective
    problem, optimum = solved(loss, penalty, name, weighted)
    certificate = certify(problem, optimum)
    assert certificate.kind == ("exact" if hasattr(loss, "pieces") else "dual")
    assert certificate.certified and certificate.gap <= CERTIFIED
    assert not false_success(np.array(True), certificate)


@pytest.mark.parametrize("loss", CONVEX, ids=repr)
@pytest.mark.parametrize("units", [1e-150, 1e-100, 1e-6, 1e6, 1e100, 1e150])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_units_of_y_change_no_gap(loss, units, offset):
    # between 1e-150 and 1e150 the squares of the residuals can be represented
    problem, optimum = solved(loss, NoPenalty(), "offset" if offset else "plain")
    scaled = Problem(problem.X, problem.y * units, loss, problem.scale * units)
    away = optimum + [0.3, 0.0, -0.2]
    assert certify(scaled, optimum * units).certified
    # the two Newton steps of the certificate cut the rounding of y differently in every unit
    assert certify(scaled, away * units).gap == pytest.approx(certify(problem, away).gap, rel=1e-3)


@pytest.mark.parametrize("units", [1e160, 1e300])
def test_what_overflows_is_not_certified(units):
    problem, optimum = solved(MSE(), NoPenalty())
    certificate = certify(Problem(problem.X, problem.y * units, MSE()), optimum * units)
    assert np.isnan(certificate.gap) and not certificate.certified


@pytest.mark.parametrize("loss", SHIPPED, ids=repr)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_not_certified_and_disturbs_no_other(loss, bad):
    X, y = sample("plain")
    coef = np.zeros((3, 3))
    coef[1, 1] = bad
    batch = Problem(np.stack([X] * 3), np.stack([y] * 3), loss, np.full(3, 0.8))
    certificate = certify(batch, coef)
    alone = certify(batch.member(0), coef[0])
    assert not certificate.certified[1] and not certificate.gap[1] <= CERTIFIED
    for part in ("objective", "bound", "gap", "exhibited"):
        expected = np.broadcast_to(getattr(alone, part), 2)
        # the certificate polishes the members of a batch equally often: as often as the worst needs
        np.testing.assert_allclose(getattr(certificate, part)[[0, 2]], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("loss", CONVEX, ids=repr)
def test_a_batch_is_its_members(loss):
    X, y = (np.stack(part).reshape(2, 2, *part[0].shape) for part in zip(*map(sample, SAMPLES), strict=True))
    batch = Problem(X, y, loss, np.full((2, 2), 0.8))
    coef = np.linalg.lstsq(X[0, 0], y[0, 0])[0]
    certificate = certify(batch, coef)
    for i, j in np.ndindex(2, 2):
        single = certify(Problem(X[i, j], y[i, j], loss, np.array(0.8)), coef)
        np.testing.assert_array_equal(certificate.objective[i, j], single.objective)
        # the certificate polishes the members of a batch equally often: as often as the worst needs
        np.testing.assert_allclose(certificate.gap[i, j], single.gap, rtol=1e-9, atol=1e-12)


@pairs
@pytest.mark.parametrize("excess", [1e-12, 1e-10, 1e-8, 1e-4, 1e-2])
def test_the_gap_is_the_suboptimality(loss, penalty, excess):
    """On the way to a far point, where the objective is a given share above the least one."""
    problem, optimum = solved(loss, penalty)
    least = problem.objective(optimum)
    way = np.array([1.0, -1.0, 0.5])
    low, high = 0.0, 10.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        below = problem.objective(optimum + middle * way) < least * (1.0 + excess)
        low, high = (middle, high) if below else (low, middle)
    certificate = certify(problem, optimum + high * way)
    reached = 1.0 - least / certificate.objective
    # the least objective is known to SciPy's 1e-12 or so, and dual points are drawn towards 0 by 1e-12
    assert certificate.gap >= reached - 1e-12
    assert certificate.certified == (excess < CERTIFIED)
    if excess < CERTIFIED:
        assert certificate.gap <= 1.01 * reached + 3e-12


def test_relative_gap_by_hand():
    gaps = relative_gap(np.array([2.0, 1.0, 0.0, 1.0, np.nan, np.inf]), np.array([1.0, -1.0, 0.0, 2.0, 1.0, 1.0]))
    np.testing.assert_array_equal(gaps, [0.5, 2.0, 0.0, 0.0, np.nan, np.nan])


# --- perfect fits


@pytest.mark.parametrize("loss", CONVEX, ids=repr)
@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("n", [3, N])
def test_a_perfect_fit_has_gap_zero(loss, offset, n):
    X = sample("plain")[0][:n]
    truth = np.array([1.0 + offset, 2.0, -1.0])
    problem = Problem(X, X @ truth, loss)
    assert certify(problem, truth).gap == 0.0
    # a solver's rounding of the coefficients is at most a few times that of the residuals
    assert certify(problem, Newton().solve(problem, np.zeros(3)).coef).gap == 0.0
    assert certify(problem, truth + [0.0, 1e-3, 0.0]).gap > 0.9


def test_a_penalised_perfect_fit_is_not_perfect():
    X = sample("plain")[0]
    truth = np.array([1.0, 2.0, -1.0])
    assert not certify(Problem(X, X @ truth, MSE(), penalty=L2(1.0)), truth).certified


# --- stationarity


@pytest.mark.parametrize("loss", OTHERS, ids=repr)
def test_stationarity_is_zero_where_it_should_be_and_never_above_one(loss):
    X, y = sample("plain")
    problem = Problem(X, y, loss, np.array(0.8))
    found = oracles.smooth(problem, oracles.polyhedral(Problem(X, y, MAE())))
    # SciPy stops at a gradient of 1e-8 of the objective
    assert stationarity(problem, found) <= 1e-6
    away = np.random.default_rng(0).normal(size=(100, 3)) * 10.0 ** np.linspace(-3, 0, 100)[:, None]
    numbers = np.array([stationarity(problem, found + step) for step in away])
    assert ((numbers > 1e-6) & (numbers <= 1.0 + 1e-12)).all()
    certificate = certify(problem, found)
    assert certificate.kind == "stationary" and np.isnan(certificate.bound) and not certificate.certified
    assert certificate.gap == stationarity(problem, found)


@pytest.mark.parametrize("loss", SHIPPED, ids=repr)
@pytest.mark.parametrize("units", [np.array([1.0, 1e-6, 1e6]), np.array([1e-3, 1e9, 1.0])], ids=str)
@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_stationarity_does_not_change_with_units(loss, units, size):
    X, y = sample("plain")
    coef = np.array([1.1, 1.9, -1.2])
    plain = stationarity(Problem(X, y, loss, np.array(0.8)), coef)
    changed = Problem(X * units, y * size, loss, np.array(0.8 * size))
    assert stationarity(changed, coef * size / units) == pytest.approx(plain, rel=1e-9)


def test_a_redescending_loss_far_from_all_data_is_stationary():
    # bisquare has psi = 0 out there: nothing pulls, and only the certificate's word keeps it from being a proof
    X, y = sample("plain")
    certificate = certify(Problem(X, y, Bisquare(), np.array(1e-3)), np.array([1e3, 0.0, 0.0]))
    assert certificate.gap == 0.0 and not certificate.certified


# --- false claims of success


@pytest.mark.parametrize("loss", SHIPPED, ids=repr)
def test_false_claims_are_exhibited_and_true_ones_are_not(loss):
    X, y = sample("plain")
    problem = Problem(X, y, loss, np.array(0.8))
    start = oracles.polyhedral(Problem(X, y, MAE()))
    found = oracles.least(problem, start)
    short = found + 0.2 * np.array([1.0, 1.0, -1.0])
    assert problem.objective(short) > problem.objective(found) * (1.0 + FALSE_SUCCESS)
    yes = np.array(True)
    assert false_success(yes, certify(problem, short))
    assert not false_success(~yes, certify(problem, short))
    assert not false_success(yes, certify(problem, found))


def test_nelder_mead_from_zeros_is_found_out():
    rng = np.random.default_rng(4)
    X = np.column_stack([np.ones(N), rng.normal(size=(N, 5))])
    problem = Problem(X, 5.0 + X.sum(-1) + rng.standard_t(2, N), MAE())
    claimed = optimize.minimize(lambda coef: float(problem.objective(coef)), np.zeros(6), method="Nelder-Mead")
    assert claimed.success and claimed.fun > 1.5 * problem.objective(oracles.polyhedral(problem))
    assert false_success(np.array(claimed.success), certify(problem, claimed.x))


@pytest.mark.parametrize("name", ["lbfgs", "tnc", "powell"])
def test_solvers_that_stop_at_a_kink_are_found_out(name):
    rng = np.random.default_rng(4)
    X = np.concatenate([np.ones((20, N, 1)), rng.normal(size=(20, N, 3))], -1)
    problem = Problem(X, X.sum(-1) + rng.standard_t(2, (20, N)), MAE(), np.ones(20))
    start = np.zeros((20, 4))
    solution = make("solver", name).solve(problem, start)
    optimum = problem.objective(Newton().solve(problem, start).coef)
    short = problem.objective(solution.coef) / optimum - 1.0
    false = false_success(solution.success, certify(problem, solution.coef))
    np.testing.assert_array_equal(false, solution.success & (short > FALSE_SUCCESS))
    assert false.any()


# --- how wide the set of solutions is

TIES = [row for row in read("instability.csv")]


def numbers(text):
    return np.array([float(Fraction(part)) for part in text.split(";")])


def width_of(X, vertices):
    fitted = X @ np.array(vertices, dtype=float).T
    return (fitted.max(1) - fitted.min(1)).max()


@pytest.mark.parametrize("row", TIES, ids=lambda row: f"{row['name']}{row['delta']}")
def test_widths_of_the_reference_are_exact(row):
    x, y = numbers(row["x"]), numbers(row["y"])
    vertices = [[float(Fraction(part)) for part in pair.strip("()").split(",")] for pair in row["vertices"].split()]
    X = np.column_stack([np.ones(len(x)), x])
    # HiGHS is exact to 1e-9 where more than one direction is free
    assert solution_width(Problem(X, y, MAE())) == pytest.approx(width_of(X, vertices), rel=1e-9, abs=0.0)


# reference/README.md: Belgian phone calls, LAD by exact arithmetic over all lines through two points
PHONES = [("-81", "73/45"), ("-7519/100", "153/100"), ("-577/10", "6/5"), ("-2301/40", "19/16"),
          ("-6227/110", "129/110"), ("-3883/70", "81/70")]  # fmt: skip


def test_the_width_of_the_phones_data():
    table = read("data/phones.csv")
    X = np.array([[1.0, float(row["year"])] for row in table])
    y = np.array([float(row["calls"]) for row in table])
    vertices = [[float(Fraction(part)) for part in pair] for pair in PHONES]
    width = solution_width(Problem(X, y, MAE()))
    assert width == pytest.approx(width_of(X, vertices), rel=1e-9)
    assert width == pytest.approx(8.4222, abs=5e-5)


def by_enumeration(problem):
    """The width over all optimal vertices, found by trying every basis."""
    n, p = problem.X.shape
    bases = [list(basis) for basis in combinations(range(n), p) if np.linalg.matrix_rank(problem.X[list(basis)]) == p]
    coefs = np.array([np.linalg.solve(problem.X[basis], problem.y[basis]) for basis in bases])
    objectives = np.array([problem.objective(coef) for coef in coefs])
    return width_of(problem.X, coefs[objectives <= objectives.min() * (1.0 + 1e-12) + 1e-15])


@pytest.mark.parametrize("loss", [MAE(), Quantile(0.25), Quantile(0.75)], ids=repr)
@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_widths_of_small_grids_are_those_of_all_vertices(loss, p, seed):
    rng = np.random.default_rng([seed, p])
    n = 8
    X = np.column_stack([np.ones(n), rng.integers(0, 4, (n, p - 1))]).astype(float)
    y = rng.integers(0, 4, n).astype(float)
    weights = rng.integers(1, 3, n).astype(float) if seed % 2 else None
    problem = Problem(X, y, loss, weights=weights)
    if np.linalg.matrix_rank(X) < p:
        pytest.skip("columns are dependent")
    assert solution_width(problem) == pytest.approx(by_enumeration(problem), rel=1e-8, abs=1e-12)
    doubled = Problem(np.column_stack([X, 2.0 * X[:, -1]]), y, loss, weights=weights)
    assert solution_width(doubled) == pytest.approx(solution_width(problem), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("n", [2, 4, 10, 11])
def test_the_width_of_a_median(n):
    y = np.sort(np.random.default_rng(n).normal(size=n))
    expected = y[n // 2] - y[n // 2 - 1] if n % 2 == 0 else 0.0
    assert solution_width(Problem(np.ones((n, 1)), y, MAE())) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("units", [1e-9, 1e9])
def test_widths_are_in_units_of_y(units):
    X, y = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]), np.array([0.0, 1.0, 0.0, 1.0])
    assert solution_width(Problem(X * [1.0, 1e4], y * units, MAE())) == pytest.approx(units, rel=1e-9)


def test_a_smooth_loss_has_no_width():
    with pytest.raises(Incompatible, match="Welsch"):
        solution_width(Problem(*sample("plain"), Welsch()))


@pytest.mark.parametrize("loss", ["huber", "smooth_l1", "log_cosh"])
@pytest.mark.parametrize("penalty", [L1(0.5), L2(0.5)], ids=str)
def test_bounds_are_bounds_where_rows_are_fewer_than_columns(loss, penalty):
    # what a penalty asks of the dual may be beyond the reach of so few rows
    rng = np.random.default_rng(11)
    for _ in range(20):
        X = np.column_stack([np.ones(4), rng.normal(size=(4, 4))])
        problem = Problem(X, rng.standard_t(2, size=4), make("loss", loss), np.ones(()), penalty)
        least = M(problem.loss, Newton(), Fixed(1.0), None, penalty).fit(X, problem.y).objective
        for size in (1.0, 1e3, 1e6):
            far = certify(problem, size * rng.normal(size=5))
            assert far.bound <= least * (1 + 1e-9) and not far.certified


def test_a_dual_that_is_below_0_by_rounding_alone_is_no_loss():
    # 12 of 15 labels agree: their rows are tied at the kink, and the last dual is 0 but for rounding
    labels = np.r_[np.ones(12), -np.ones(3)]
    fit = M(make("loss", "hinge"), Newton(), Fixed(1.0), None).fit(np.ones((15, 1)), labels)
    assert fit.certified and fit.objective == pytest.approx(0.4)

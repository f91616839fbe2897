"""The least 0-1 loss, held against every hyperplane that can have it, and against every set of rows."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import linprog
from zero_one import by_hyperplanes, problem, rows

from robustfit.errors import Incompatible
from robustfit.fit import Status
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.zero_one import ZeroOne
from robustfit.penalties.l2 import L2
from robustfit.solvers.mixed_integer import MixedInteger, isotropic


def by_subsets(X):
    """The least number of wrong rows, whatever the position: the fewest to leave out until m_i >= 1 has a solution."""
    for count in range(len(X) + 1):
        for wrong in combinations(range(len(X)), count):
            left = np.delete(X, wrong, 0)
            zero = np.zeros(X.shape[1])
            if not len(left) or linprog(zero, -left, -np.ones(len(left)), bounds=(None, None)).status == 0:
                return count
    raise AssertionError


def wrong(X, solution, weights=None):
    return (np.ones(len(X)) if weights is None else weights)[X @ solution.coef <= 0].sum()


@pytest.mark.parametrize(("n", "p", "seed"), [(25, 2, 0), (30, 3, 1), (30, 3, 2), (24, 4, 3)])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weights"])
def test_no_hyperplane_is_better(n, p, seed, weighted):
    X = rows(n, p, 0.15, seed)
    weights = np.random.default_rng(seed).uniform(0.5, 2.0, n) if weighted else None
    solution = MixedInteger().solve(problem(X, weights), np.ones(p))
    assert solution.success.item() and solution.status.item() is Status.converged
    # sums of at most 30 weights: nothing but rounding
    assert wrong(X, solution, weights) == pytest.approx(by_hyperplanes(X, np.ones(n) if weights is None else weights))


@pytest.mark.parametrize("seed", range(5))
def test_far_rows_do_not_hide_the_others(seed):
    # slopes times lognormal factors: in units of X'X most rows would differ by less than the margin
    X = rows(18, 3, 0.2, seed)
    X[:, 1:] *= np.random.default_rng(seed).lognormal(0.0, 3.0, (18, 1))
    solution = MixedInteger().solve(problem(X), np.ones(3))
    assert solution.success.item()
    assert wrong(X, solution) == by_hyperplanes(X, np.ones(18))


def test_isotropic_rows_spread_alike_whatever_their_lengths():
    X = (
        rows(50, 3, 0.0, 1)
        * np.geomspace(1e-3, 1e3, 50)[:, None]
        @ np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 5.0], [0.0, 0.0, 9.0]])
    )
    turned = X @ isotropic(X[None])[0]
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    # ten steps of a linearly convergent iteration; X'X alone leaves eigenvalues of nearly 1 and 0
    np.testing.assert_allclose(turned.T @ turned, np.eye(3) * 50 / 3, atol=0.05 * 50 / 3)


@pytest.mark.parametrize("seed", range(4))
def test_ties_and_contradictions_are_counted_right(seed):
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(10), rng.integers(-1, 2, (10, 2))]) * rng.choice([-1.0, 1.0], 10)[:, None]
    X[0] = -X[1]  # one of the two is wrong
    solution = MixedInteger().solve(problem(X), np.ones(3))
    assert solution.success.item()
    assert wrong(X, solution) == by_subsets(X) >= 1


def test_separable_classes_are_separated_by_the_widest_margin():
    X = np.array([[1.0, 2.0], [1.0, 4.0], [-1.0, 4.0], [-1.0, 6.0]]) * [1.0, 1.0]
    X[:, 1] = [-2.0, -1.0, 1.0, 2.0] * np.sign(X[:, 0])  # labels 1, 1, -1, -1 at -2, -1, 1, 2
    solution = MixedInteger().solve(problem(X), np.array([1.0, 1.0]))
    assert wrong(X, solution) == 0 and solution.success.item()
    # the boundary is in the middle, by symmetry
    assert abs(solution.coef[0] / solution.coef[1]) <= 1e-6


def test_weights_say_how_often_a_row_counts():
    X, times = rows(20, 2, 0.3, 5), np.random.default_rng(5).integers(1, 4, 20)
    weighted = MixedInteger().solve(problem(X, times.astype(float)), np.ones(2))
    repeated = MixedInteger().solve(problem(np.repeat(X, times, 0)), np.ones(2))
    assert wrong(X, weighted, times) == wrong(np.repeat(X, times, 0), repeated)


def test_units_of_rows_and_columns_do_not_matter():
    X = rows(30, 3, 0.2, 6)
    plain = MixedInteger().solve(problem(X), np.ones(3))
    columns = MixedInteger().solve(problem(X * [1.0, 1e-6, 1e5]), np.ones(3))
    long = MixedInteger().solve(problem(X * np.geomspace(0.1, 10.0, 30)[:, None]), np.ones(3))
    assert wrong(X, plain) == wrong(X * [1.0, 1e-6, 1e5], columns) == wrong(X, long)


def test_rows_that_can_only_be_right_by_less_than_the_margin_are_not_found():
    thin = 1e-7  # all are right where 0 < b_2 < thin b_1
    X = np.repeat([[1.0, 0.0], [0.0, 1.0], [thin, -1.0]], [10, 10, 9], 0)
    solution = MixedInteger().solve(problem(X), np.array([1.0, 1.0]))
    assert wrong(X, solution) == 9 and solution.success.item()
    # a start that does better is kept, and HiGHS's claim is not
    better = MixedInteger().solve(problem(X), np.array([1.0, 0.5 * thin]))
    assert wrong(X, better) == 0 and not better.success.item()


def test_a_search_cut_short_says_so_and_never_loses_the_start():
    X = rows(60, 4, 0.4, 7)
    start = np.linalg.lstsq(X, np.ones(60))[0]
    solution = MixedInteger(max_iter=1).solve(problem(X), start)
    assert solution.status.item() is Status.max_iter and not solution.success.item()
    assert (X @ solution.coef <= 0).sum() <= (X @ start <= 0).sum()


def test_members_are_solved_one_by_one_and_fail_alone():
    X = np.stack([rows(20, 2, 0.2, seed) for seed in range(3)])
    X[1, 0, 0] = np.nan
    solution = MixedInteger().solve(problem(X), np.ones((3, 2)))
    assert [one.name for one in solution.status] == ["converged", "failed", "converged"]
    for i in (0, 2):
        alone = MixedInteger().solve(problem(X[i]), np.ones(2))
        np.testing.assert_array_equal(solution.coef[i], alone.coef)


def test_dependent_columns_and_rows_of_zeros_are_no_trouble():
    X = rows(20, 2, 0.2, 8)
    plain = MixedInteger().solve(problem(X), np.ones(2))
    twice = MixedInteger().solve(problem(np.column_stack([X, X[:, 1]])), np.ones(3))
    assert wrong(np.column_stack([X, X[:, 1]]), twice) == wrong(X, plain)
    empty = np.concatenate([X, np.zeros((3, 2))])  # a score of 0 is wrong
    assert wrong(empty, MixedInteger().solve(problem(empty), np.ones(2))) == wrong(X, plain) + 3


def test_what_it_cannot_do_is_refused():
    with pytest.raises(Incompatible, match=r"at most 200 rows, there are 201; solver=auto uses a heuristic"):
        MixedInteger().solve(problem(rows(201, 2, 0.0, 9)), np.ones(2))
    with pytest.raises(Incompatible, match="at most 5 rows, there are 6"):
        MixedInteger(largest=5).solve(problem(rows(6, 2, 0.0, 9)), np.ones(2))
    assert "CrossEntropy" in MixedInteger().refuses(CrossEntropy(), L2(1.0))
    assert "penalty" in MixedInteger().refuses(ZeroOne(), L2(1.0))

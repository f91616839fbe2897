"""Batched linear algebra is NumPy's, member by member: in any shape, in any units, and whatever the neighbours hold."""

import numpy as np
import pytest

from robustfit import linalg

BATCHES = [(), (4,), (2, 3)]
batches = pytest.mark.parametrize("batch", BATCHES, ids=str)
N, P = 12, 3


def draw(batch, *shape, seed=0):
    return np.random.default_rng([seed, *batch, *shape]).normal(size=(*batch, *shape))


def members(batch, function, *arrays):
    """The function of each member's arrays, stacked back into the batch."""
    results = [function(*(array[index] for array in arrays)) for index in np.ndindex(batch)]
    return np.array(results).reshape(*batch, *np.shape(results[0]))


def definite(batch):
    X = draw(batch, N, P)
    return np.swapaxes(X, -1, -2) @ X


def assert_same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13 * np.abs(theirs).max())


@batches
def test_products(batch):
    X, b, v, w = draw(batch, N, P), draw(batch, P), draw(batch, N), draw(batch, N) ** 2
    assert_same(linalg.apply(X, b), members(batch, lambda X, b: X @ b, X, b))
    assert_same(linalg.adjoint(X, v), members(batch, lambda X, v: X.T @ v, X, v))
    assert_same(linalg.gram(X), members(batch, lambda X: X.T @ X, X))
    assert_same(linalg.gram(X, w), members(batch, lambda X, w: X.T @ np.diag(w) @ X, X, w))


@batches
@pytest.mark.parametrize("k", [1, 2, 4])
def test_products_with_several_outputs(batch, k):
    """Coefficients of one row of B after the other: B[j, c] is the entry j k + c."""
    X, B, V = draw(batch, N, P), draw(batch, P, k), draw(batch, N, k)
    half = draw(batch, N, k, k)
    blocks = half + np.swapaxes(half, -1, -2)
    flat = B.reshape(*batch, P * k)
    assert_same(linalg.apply_outputs(X, flat, k), np.einsum("...ij,...jc->...ic", X, B))
    expected = np.einsum("...ij,...ic->...jc", X, V).reshape(*batch, P * k)
    assert_same(linalg.adjoint_outputs(X, V), expected)
    gram = np.einsum("...ij,...icd,...il->...jcld", X, blocks, X).reshape(*batch, P * k, P * k)
    assert_same(linalg.gram_outputs(X, blocks), gram)
    inner = np.einsum("...ic,...ic->...", linalg.apply_outputs(X, flat, k), V)
    np.testing.assert_allclose(np.einsum("...q,...q->...", flat, linalg.adjoint_outputs(X, V)), inner, rtol=1e-11)


def test_one_design_serves_a_batch_of_outputs():
    X, flat, V = draw((), N, P), draw((5,), 2 * P), draw((5,), N, 2)
    assert_same(linalg.apply_outputs(X, flat, 2), np.stack([linalg.apply_outputs(X, one, 2) for one in flat]))
    assert_same(linalg.adjoint_outputs(X, V), np.stack([linalg.adjoint_outputs(X, one) for one in V]))


@batches
def test_solve_and_cholesky_and_least_squares(batch):
    A, r = definite(batch), draw(batch, P)
    X, y, w = draw(batch, N, P), draw(batch, N), draw(batch, N) ** 2
    assert_same(linalg.solve(A, r), members(batch, np.linalg.solve, A, r))
    assert_same(linalg.cholesky(A), members(batch, np.linalg.cholesky, A))
    assert_same(linalg.least_squares(X, y), members(batch, lambda X, y: np.linalg.lstsq(X, y)[0], X, y))
    expected = members(batch, lambda X, y, w: np.linalg.lstsq(np.sqrt(w)[:, None] * X, np.sqrt(w) * y)[0], X, y, w)
    assert_same(linalg.least_squares(X, y, w), expected)


def test_a_weight_of_zero_leaves_a_row_out_and_an_integer_repeats_it():
    X, y, w = draw((), N, P), draw((), N), np.arange(N) % 4.0
    repeated = linalg.least_squares(np.repeat(X, w.astype(int), axis=0), np.repeat(y, w.astype(int)))
    assert_same(linalg.least_squares(X, y, w), repeated)


BAD = [np.nan, np.inf, -np.inf]
UNITS = [np.array([1e-150, 1.0, 1e150]), np.array([1e150, 1e-150, 1e-150]), np.full(3, 1e-150), np.full(3, 1e150)]


@batches
@pytest.mark.parametrize("units", UNITS, ids=str)
def test_units_of_the_columns_do_not_matter(batch, units):
    X, y = draw(batch, N, P), draw(batch, N)
    plain = linalg.least_squares(X, y)
    assert_same(linalg.least_squares(X * units, y) * units, plain)
    assert_same(linalg.solve(linalg.gram(X * units), linalg.adjoint(X * units, y)) * units, plain)
    assert_same(linalg.column_norms(X * units) / units, np.linalg.norm(X, axis=-2))
    np.testing.assert_array_equal(linalg.rank(X * units), P)


@batches
@pytest.mark.parametrize("units", [1e-150, 1.0, 1e150])
def test_a_nearly_collinear_design_keeps_its_digits(batch, units):
    # Columns 1 and 2 differ by 1e-6: X'X has condition 1e12, yet least squares loses only 6 digits, X'X not squared.
    X, exact = draw(batch, N, P), np.array([1.0, 2.0, 3.0])
    X[..., 2] = X[..., 1] + 1e-6 * X[..., 2]
    X *= units
    found = linalg.least_squares(X, linalg.apply(X, exact))
    np.testing.assert_allclose(found, np.broadcast_to(exact, found.shape), rtol=1e-8)


def unit_columns_lstsq(X, y):
    """The solution of least norm in the columns scaled to unit length."""
    norms = linalg.column_norms(X)
    return np.linalg.lstsq(X / norms, y)[0] / norms


@batches
@pytest.mark.parametrize("fault", ["repeated column", "zero column", "few rows"])
def test_singular_systems_have_the_solution_of_least_norm(batch, fault):
    X, y = draw(batch, N, P), draw(batch, N)
    if fault == "repeated column":
        X[..., 2] = -2.0 * X[..., 1]
    elif fault == "zero column":
        X[..., 2] = 0.0
    else:
        X, y = X[..., :2, :], y[..., :2]
    expected = members(batch, unit_columns_lstsq, X, y)
    assert_same(linalg.least_squares(X, y), expected)
    # The normal equations square the condition, and a singular value of 0 becomes one of sqrt(eps).
    np.testing.assert_allclose(linalg.solve(linalg.gram(X), linalg.adjoint(X, y)), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(linalg.rank(X), 2)


def test_rank():
    X = draw((5,), N, P)
    X[1, :, 2] = X[1, :, 0]
    X[2, :, 1:] = 0.0
    X[3] = 0.0
    X[4] *= [1e-150, 1.0, 1e150]
    np.testing.assert_array_equal(linalg.rank(X), [3, 2, 1, 0, 3])


@pytest.mark.parametrize("bad", BAD)
def test_independent_is_full_rank(bad):
    X = draw((2, 5), N, P)
    X[0, 1, :, 2] = -3.0 * X[0, 1, :, 0]
    X[0, 2, :, 2] = X[0, 2, :, 0] + 1e-9 * X[0, 2, :, 1] ** 2
    X[0, 3] = 0.0
    X[0, 4] *= [1e-150, 1.0, 1e150]
    X[1, 0, 3, 1] = bad
    expected = linalg.rank(X) == P
    np.testing.assert_array_equal(expected, [[True, False, True, False, True], [False, True, True, True, True]])
    np.testing.assert_array_equal(linalg.independent(X), expected)
    assert all(linalg.independent(X[index]) == expected[index] for index in np.ndindex(2, 5))
    assert not linalg.independent(X[..., :2, :]).any()


@pytest.mark.parametrize("units", UNITS, ids=str)
@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_span(units, rank):
    X = draw((), N, rank) @ draw((), rank, P) * units
    basis, back, null = linalg.span(X)
    np.testing.assert_allclose(basis.T @ basis, np.eye(rank), atol=1e-14)
    np.testing.assert_allclose(X @ back, basis, atol=1e-12)
    assert null.shape == (P, P - rank)
    np.testing.assert_allclose(X @ null, np.zeros((N, P - rank)), atol=1e-14)
    assert np.linalg.matrix_rank(null * linalg.column_norms(X)[:, None]) == P - rank


def test_a_zero_matrix_has_the_solution_zero():
    np.testing.assert_array_equal(linalg.solve(np.zeros((P, P)), np.zeros(P)), np.zeros(P))
    np.testing.assert_array_equal(linalg.least_squares(np.zeros((N, P)), np.ones(N)), np.zeros(P))


def test_column_norms():
    X = np.array([[3e200, 0.0, 3e-200, 5e-324], [4e200, 0.0, -4e-200, 0.0]])
    np.testing.assert_allclose(linalg.column_norms(X), [5e200, 1.0, 5e-200, 5e-324], rtol=1e-15)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("place", ["left", "right"])
@pytest.mark.parametrize("batch", [(4,), (2, 3)], ids=str)
def test_a_member_that_is_not_finite_is_nan_and_disturbs_no_other(batch, place, bad):
    A, r, X, y, w = definite(batch), draw(batch, P), draw(batch, N, P), draw(batch, N), draw(batch, N) ** 2
    hit = (1,) * len(batch)
    others = np.ones(batch, dtype=bool)
    others[hit] = False
    before = linalg.solve(A, r), linalg.least_squares(X, y), linalg.least_squares(X, y, w)
    if place == "left":
        A[(*hit, 0, 0)] = X[(*hit, 0, 1)] = bad
    else:
        r[(*hit, 0)] = y[(*hit, 0)] = bad
    after = linalg.solve(A, r), linalg.least_squares(X, y), linalg.least_squares(X, y, w)
    for old, new in zip(before, after, strict=True):
        assert np.isnan(new[hit]).all()
        np.testing.assert_array_equal(new[others], old[others])


def test_a_single_problem_that_is_not_finite_is_nan():
    A, X = np.full((P, P), np.nan), np.full((N, P), np.nan)
    assert np.isnan(linalg.solve(A, np.ones(P))).all()
    assert np.isnan(linalg.cholesky(A).diagonal()).any()
    assert np.isnan(linalg.least_squares(X, np.ones(N))).all()
    assert not linalg.independent(X)


@pytest.mark.parametrize("batch", [(4,), (2, 3)], ids=str)
def test_singular_and_indefinite_members_disturb_no_other(batch):
    A, r = definite(batch), draw(batch, P)
    flat, others = A.reshape(-1, P, P), np.arange(np.prod(batch)) > 1
    before = linalg.solve(A, r).reshape(-1, P), linalg.cholesky(A).reshape(-1, P, P)
    flat[0] = np.ones((P, P))
    flat[1] = np.diag([1.0, -1.0, 2.0])
    after = linalg.solve(A, r).reshape(-1, P), linalg.cholesky(A).reshape(-1, P, P)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new[others], old[others])
    mean = r.reshape(-1, P)[0].sum() / P**2
    np.testing.assert_allclose(after[0][0], mean, rtol=1e-12)
    assert np.isfinite(after[0][1]).all()
    assert np.isnan(after[1][1]).all()
    np.testing.assert_array_equal(np.isnan(linalg.solve_regular(A, r)).all(-1).ravel(), ~others)

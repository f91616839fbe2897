"""Linear algebra over leading batch axes: the only home of axis bookkeeping.

Shapes: a design X is `(*batch, n, p)`, a vector over the data `(*batch, n)`, coefficients `(*batch, p)`. Nothing here
raises for one bad member of a batch: a singular system is solved in the least-norm sense, a member with NaN stays NaN.
A design in single precision stays so in memory; every product is taken in double precision, a strip of rows at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

STRIP = 2**16
"""The entries of X that are weighted at a time: half a megabyte, which stays in the cache."""

FEW = 3
"""Up to how many columns inner products, one by one, are faster than a product of matrices."""


def apply(X: Array, coef: Array) -> Array:
    """X b, the predictions.

    >>> apply(np.array([[1.0, 2.0], [1.0, 3.0]]), np.array([10.0, 1.0]))
    array([12., 13.])
    """
    if X.dtype == np.float64:
        product: Array = np.matmul(X, coef[..., None])[..., 0]
        return product
    return np.concatenate([apply(double(X[..., rows, :]), coef) for rows in _strips(X)], -1)


def adjoint(X: Array, values: Array) -> Array:
    """X' v.

    >>> adjoint(np.array([[1.0, 2.0], [1.0, 3.0]]), np.array([1.0, -1.0]))
    array([ 0., -1.])
    """
    if X.dtype == np.float64:
        product: Array = np.matmul(values[..., None, :], X)[..., 0, :]
        return product
    total: Array = np.sum([adjoint(double(X[..., rows, :]), values[..., rows]) for rows in _strips(X)], axis=0)
    return total


def gram(X: Array, weights: Array | None = None) -> Array:
    """X' diag(w) X.

    >>> gram(np.array([[1.0, 2.0], [1.0, 3.0]]), np.array([1.0, 0.0]))
    array([[1., 2.],
           [2., 4.]])
    """
    strips = _strips(X)
    if len(strips) == 1:
        return _gram(double(X), weights)
    total = np.zeros((*X.shape[:-2], X.shape[-1], X.shape[-1]))
    for rows in strips:
        total += _gram(double(X[..., rows, :]), None if weights is None else weights[..., rows])
    return total


def apply_outputs(X: Array, coef: Array, k: int) -> Array:
    """X B, the k predictions of each row `(*batch, n, k)`; coefficients `(*batch, p k)`, B's rows one after the other.

    >>> apply_outputs(np.array([[1.0, 2.0]]), np.array([10.0, 20.0, 1.0, 2.0]), 2)
    array([[12., 24.]])
    """
    matrix = coef.reshape(*coef.shape[:-1], -1, k)
    if X.dtype == np.float64:
        product: Array = np.matmul(X, matrix)
        return product
    return np.concatenate([np.matmul(double(X[..., rows, :]), matrix) for rows in _strips(X)], -2)


def adjoint_outputs(X: Array, values: Array) -> Array:
    """X' V, `(*batch, p k)`, of values `(*batch, n, k)`.

    >>> adjoint_outputs(np.array([[1.0, 2.0]]), np.array([[1.0, -1.0]]))
    array([ 1., -1.,  2., -2.])
    """
    product = np.matmul(np.swapaxes(X, -1, -2), values)
    flat: Array = product.reshape(*product.shape[:-2], -1)
    return flat


def gram_outputs(X: Array, blocks: Array) -> Array:
    """The sum over the rows of (x x') (Kronecker) block, `(*batch, p k, p k)`; blocks `(*batch, n, k, k)`, symmetric.

    >>> gram_outputs(np.array([[2.0]]), np.array([[[1.0, -1.0], [-1.0, 1.0]]]))
    array([[ 4., -4.],
           [-4.,  4.]])
    """
    *batch, n, p = X.shape
    k = blocks.shape[-1]
    flat = blocks.reshape(*blocks.shape[:-2], 1, k * k)
    product = np.zeros((*batch, p, p * k * k))
    step = max(1, 16 * STRIP // (p * k * k))
    for first in range(0, n, step):
        rows = slice(first, first + step)
        some = double(X[..., rows, :])
        weighted = (some[..., :, None] * flat[..., rows, :, :]).reshape(*batch, -1, p * k * k)
        product += np.matmul(np.swapaxes(some, -1, -2), weighted)
    product = product.reshape(*batch, p, p, k, k)
    result: Array = np.moveaxis(product, -2, -3).reshape(*batch, p * k, p * k)
    return result


def columnwise(X: Array) -> Array:
    """The same matrices with each column contiguous in memory, so that products with values over the rows run along it.

    >>> columnwise(np.ones((4, 3, 2))).strides
    (48, 8, 24)
    """
    return np.swapaxes(np.ascontiguousarray(np.swapaxes(X, -1, -2)), -1, -2)


def double(X: Any) -> Array:
    """The same numbers in double precision; not copied if they are."""
    return np.asarray(X, dtype=np.float64)


def _strips(X: Array) -> list[slice]:
    """Consecutive rows that fit into the cache together."""
    n, p = X.shape[-2:]
    step = max(1, STRIP // max(p, 1))
    return [slice(first, first + step) for first in range(0, max(n, 1), step)]


def _gram(X: Array, weights: Array | None) -> Array:
    weighted = np.swapaxes(X if weights is None else X * weights[..., None], -1, -2)
    if X.shape[-1] <= FEW:
        inner: Array = np.vecdot(weighted[..., :, None, :], np.swapaxes(X, -1, -2)[..., None, :, :])
        return inner
    product: Array = np.matmul(weighted, X)
    return product


def solve(matrix: Array, right: Array) -> Array:
    """The solution of a symmetric positive semi-definite system; of least norm where the matrix is singular.

    The matrix is scaled to unit diagonal first, so that columns in very different units do no harm.

    >>> solve(np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([4.0, 0.0]))
    array([2., 0.])
    """
    diagonal = np.sqrt(np.abs(np.diagonal(matrix, axis1=-2, axis2=-1)))
    unit = np.where((diagonal > 0) & np.isfinite(diagonal), diagonal, 1.0)
    scaled = matrix / unit[..., :, None] / unit[..., None, :]
    solution = solve_regular(scaled, right / unit)
    bad = ~np.isfinite(solution).all(-1)
    if bad.any():
        solution[bad] = _solve_singular(scaled[bad], (right / unit)[bad])
    result: Array = solution / unit
    return result


def solve_regular(matrix: Array, right: Array) -> Array:
    """The solution of a positive definite system; NaN for the members that are not, to rounding.

    >>> solve_regular(np.array([[[2.0]], [[0.0]]]), np.array([[4.0], [4.0]]))
    array([[ 2.],
           [nan]])
    """
    with np.errstate(all="ignore"):
        pivots = np.diagonal(cholesky(matrix), axis1=-2, axis2=-1)
        lengths = np.sqrt(np.diagonal(matrix, axis1=-2, axis2=-1))
        regular = np.asarray((pivots > 1e-7 * lengths).all(-1) & np.isfinite(matrix).all((-2, -1)))
        solvable = matrix if regular.all() else np.where(regular[..., None, None], matrix, np.eye(matrix.shape[-1]))
        solution: Array = double(_eliminated(solvable, right[..., None])[..., 0])
    return solution if regular.all() else np.where(regular[..., None], solution, np.nan)


def _eliminated(matrix: Array, right: Array) -> Array:
    """The solution; NaN for the members in which elimination, unlike Cholesky's, rounds a pivot to 0.

    >>> _eliminated(np.array([np.eye(1), np.zeros((1, 1))]), np.ones((2, 1, 1)))[:, 0, 0]
    array([ 1., nan])
    """
    try:
        solution = double(np.linalg.solve(matrix, right))
    except np.linalg.LinAlgError:
        if matrix.ndim == 2:
            return np.full_like(right, np.nan)
        return np.stack([_eliminated(one, other) for one, other in zip(matrix, right, strict=True)])
    return solution


def cholesky(matrix: Array) -> Array:
    """The lower Cholesky factor; NaN for the members that are not positive definite.

    >>> cholesky(np.array([[4.0]]))
    array([[2.]])
    """
    try:
        return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        if matrix.ndim == 2:
            return np.full_like(matrix, np.nan)
    return np.stack([cholesky(member) for member in matrix])


def _solve_singular(matrix: Array, right: Array) -> Array:
    """Least-norm solutions by the eigen-decomposition, NaN where the member itself is not finite."""
    finite = np.asarray(np.isfinite(matrix).all((-2, -1)) & np.isfinite(right).all(-1))
    result = np.full_like(right, np.nan)
    values, vectors = np.linalg.eigh(np.where(finite[..., None, None], matrix, 0.0))
    largest = values[..., -1:]
    keep = values > largest * matrix.shape[-1] * 1e-14
    inverse = np.where(keep, 1.0 / np.where(keep, values, 1.0), 0.0)
    coordinates = inverse * apply(np.swapaxes(vectors, -1, -2), np.where(finite[..., None], right, 0.0))
    result[finite] = apply(vectors, coordinates)[finite]
    return result


def least_squares(X: Array, y: Array, weights: Array | None = None) -> Array:
    """The coefficients that minimise sum w (y - X b)^2; of least norm (after scaling the columns) where not unique.

    By the normal equations and a step of refinement where the columns are well apart, else by the singular value
    decomposition of the scaled columns, so that the condition of X is not squared.

    >>> least_squares(np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.array([1.0, 3.0, 5.0])).round(12)
    array([1., 2.])
    """
    matrix, unit = _unit_gram(gram(X, weights))
    w = 1.0 if weights is None else weights
    with np.errstate(over="ignore", invalid="ignore"):
        coef = solve_regular(matrix, adjoint(X, w * y) / unit) / unit
        coef = coef + solve_regular(matrix, adjoint(X, w * (y - apply(X, coef))) / unit) / unit
    careful = ~_apart(matrix, unit)
    if careful.any():
        coef[careful] = _orthogonal(X[careful], y[careful], None if weights is None else weights[careful])
    return coef


def _unit_gram(matrix: Array) -> tuple[Array, Array]:
    """A Gram matrix scaled to unit diagonal, and the lengths of the columns that it was made of."""
    with np.errstate(invalid="ignore"):
        unit = np.sqrt(np.diagonal(matrix, axis1=-2, axis2=-1))
        unit = np.where(unit > 0, unit, 1.0)
        return matrix / unit[..., :, None] / unit[..., None, :], unit


def _apart(matrix: Array, unit: Array) -> Mask:
    """Whether columns are so far from dependent, and from over- and underflow, that their Gram matrix will do."""
    with np.errstate(invalid="ignore"):
        pivots = np.diagonal(cholesky(matrix), axis1=-2, axis2=-1)
    return np.asarray((pivots > 1e-2).all(-1) & ((unit > 1e-130) & (unit < 1e130)).all(-1))


def _orthogonal(X: Array, y: Array, weights: Array | None) -> Array:
    """Least squares by the singular value decomposition of the scaled columns."""
    root = np.ones(()) if weights is None else np.sqrt(weights)
    scaled, unit = _unit_columns(_quiet(X) * root[..., None])
    left, singular, right = _svd(scaled)
    keep = singular > singular[..., :1] * max(X.shape[-2:]) * np.finfo(float).eps
    inverse = np.where(keep, 1.0 / np.where(keep, singular, 1.0), 0.0 * singular)
    result: Array = adjoint(right, inverse * adjoint(left, _quiet(y) * root)) / unit
    return result


def rank(X: Array) -> NDArray[np.int64]:
    """The number of linearly independent columns, after scaling each to unit length.

    >>> int(rank(np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]])))
    1
    """
    singular = _svd(_unit_columns(X)[0])[1]
    keep = singular > singular[..., :1] * max(X.shape[-2:]) * np.finfo(float).eps
    count: NDArray[np.int64] = keep.sum(-1)
    return count


def leverage(X: Array) -> Array:
    """The diagonal of the hat matrix X (X'X)^+ X', `(*batch, n)`: how much each row decides its own fitted value.

    >>> leverage(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 5.0]])).round(12)
    array([0.5, 0.5, 1. ])
    """
    left, singular, _ = _svd(X / column_norms(X)[..., None, :])
    keep = singular > singular[..., :1] * max(X.shape[-2:]) * np.finfo(float).eps
    result: Array = (np.square(left) * keep[..., None, :]).sum(-1)
    return result


def independent(X: Array) -> Mask:
    """Whether all columns are linearly independent, `(*batch,)`: a cheap test first, then the rank.

    >>> bool(independent(np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]])))
    False
    """
    sure = _surely_regular(X)
    if not sure.all():
        sure[~sure] = rank(X[~sure]) == X.shape[-1]
    return sure


def regular(X: Array) -> Mask:
    """Whether all columns are linearly independent, and of sizes whose squares can be represented.

    >>> bool(regular(np.array([[1.0, 2e-200], [1.0, 3e-200]])))
    False
    """
    sure = _surely_regular(X)
    if not sure.all():
        norms = column_norms(double(X[~sure]))
        sure[~sure] = independent(X[~sure]) & ((norms > 1e-130) & (norms < 1e130)).all(-1)
    return sure


def _surely_regular(X: Array) -> Mask:
    """Whether columns are well apart and of moderate size; most designs are."""
    if X.shape[-2] < X.shape[-1]:
        return np.zeros(X.shape[:-2], dtype=bool)
    few = max(1, X.shape[-2] // (100 * X.shape[-1] + 1000))
    sure = np.zeros(X.shape[:-2], dtype=bool)
    for rows in sorted({few, 1}, reverse=True):  # where a sample of many rows will do, the others need not be looked at
        if not sure.all():
            left = X[~sure] if sure.any() else X  # a copy only of some members
            with np.errstate(over="ignore", invalid="ignore"):
                sure[~sure] = np.ravel(_apart(*_unit_gram(gram(left[..., ::rows, :]))))
    return sure


def span(X: Array) -> tuple[Array, Array, Array]:
    """An orthonormal basis U of the columns' span, T with X T = U, and the null space N, X N = 0; for one matrix.

    >>> basis, back, null = span(np.array([[1.0, 1.0], [1.0, 1.0]]))
    >>> basis.shape, back.shape, null.shape
    ((2, 1), (2, 1), (2, 1))
    """
    unit = column_norms(X)
    left, singular, right = np.linalg.svd(X / unit, full_matrices=X.shape[0] < X.shape[1])
    keep = int((singular > singular[:1] * max(X.shape) * np.finfo(float).eps).sum())
    return left[:, :keep], right[:keep].T / singular[:keep] / unit[:, None], right[keep:].T / unit[:, None]


def column_norms(X: Array) -> Array:
    """Euclidean norms of the columns, safe from overflow; 1 for a column of zeros.

    >>> column_norms(np.array([[3.0, 0.0], [4.0, 0.0]]))
    array([5., 1.])
    """
    largest = np.abs(X).max(-2, initial=0.0)
    unit = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    norms = unit * np.sqrt(((X / unit[..., None, :]) ** 2).sum(-2))
    result: Array = np.where(norms > 0, norms, 1.0)
    return result


def _unit_columns(X: Array) -> tuple[Array, Array]:
    """X with its columns at unit length, and the lengths they had."""
    unit = column_norms(_quiet(X))
    return _quiet(X) / unit[..., None, :], unit


def _quiet(values: Array) -> Array:
    """Infinities as NaN, which passes through arithmetic without a warning."""
    finite = np.isfinite(values)
    return values if finite.all() else np.where(finite, values, np.nan)


def _svd(X: Array) -> Any:
    """The thin singular value decomposition; members with NaN or infinities come back as NaN."""
    finite = np.asarray(np.isfinite(X).all((-2, -1)))
    left, singular, right = np.linalg.svd(np.where(finite[..., None, None], X, 0.0), full_matrices=False)
    lost = np.where(finite, 0.0, np.nan)
    return left, singular + lost[..., None], right

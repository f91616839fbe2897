"""A fitting problem: the only place where matrices meet losses.

Minimise over b the weighted mean of loss(y_i, x_i b, scale) plus penalty(slopes of b). Most losses depend on one number
u per row, the standardised residual. Of a loss of k outputs u is -(x_i b_1, ..., x_i b_k), and its coefficients are one
vector of p k: all solvers see vectors.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from robustfit import linalg
from robustfit.errors import Incompatible
from robustfit.linalg import Array, Mask
from robustfit.losses.base import Conjugate, CurvedOutputLoss, ErrorLoss, Loss, OutputLoss
from robustfit.penalties.base import Penalty
from robustfit.penalties.none import NoPenalty

CHUNK_ENTRIES = 2**17
"""The entries of X that are fitted side by side: a megabyte, so that a chunk stays in the cache."""

LARGE = 40_000
"""The number of rows from which on a sample of them finds the start."""

THIN = 7
"""Every how many-th row is in the sample; a prime, since data may have periods."""


@dataclass(frozen=True)
class Problem:
    """Data, loss, scale and penalty of a batch of fits.

    Shapes: X `(*batch, n, p)`, y and weights `(*batch, n)`, scale `(*batch,)`. The weights say how often a row counts;
    only their proportions matter here. Where the loss is scale-free the objective is taken at scale 1. With a loss of k
    outputs y may be `(*batch, n, k)`, and coefficients are `(*batch, p k)`, those of the first column of X first.

    >>> from robustfit.losses.mse import MSE
    >>> line = Problem(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([0.0, 2.0]), MSE())
    >>> line.objective(np.array([0.0, 0.0])).item(), line.gradient(np.array([0.0, 0.0]))
    (2.0, array([-2., -2.]))
    """

    X: Array
    y: Array
    loss: Loss
    scale: Array = field(default_factory=lambda: np.ones(()))
    penalty: Penalty = NoPenalty()
    weights: Array | None = None
    intercept: bool = True

    @cached_property
    def outputs(self) -> int:
        """k, the predictions of a row: 1 but for a loss of several."""
        return self.loss.outputs if isinstance(self.loss, OutputLoss) else 1

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """The shape of the rows, `(*batch, n)`."""
        wide = isinstance(self.loss, OutputLoss) and self.loss.wide
        return self.y.shape[:-1] if wide else self.y.shape

    @property
    def batch(self) -> tuple[int, ...]:
        """The batch axes."""
        return self.rows[:-1]

    @property
    def n(self) -> int:
        """The number of rows."""
        return int(self.X.shape[-2])

    @cached_property
    def shares(self) -> Array:
        """The weight of each row in the mean, `(*batch, n)`, summing to 1."""
        if self.weights is None:
            return np.broadcast_to(1.0 / self.n, self.rows)
        result: Array = self.weights / self.weights.sum(-1, keepdims=True)
        return result

    @cached_property
    def unit(self) -> Array:
        """The scale in use, `(*batch, 1)`: 1 where the loss is scale-free."""
        scale = np.ones(self.batch) if self.loss.scale_free else np.broadcast_to(self.scale, self.batch)
        return scale[..., None]

    @cached_property
    def unit_square(self) -> Array:
        """scale^2, `(*batch, 1)`; NaN, which fails the fit, where it cannot be represented."""
        with np.errstate(over="ignore"):
            square = np.square(self.unit)
        return np.where((square >= np.finfo(float).tiny) & (square < np.inf), square, np.nan)

    def flat(self) -> Problem:
        """The same problems with one batch axis."""
        shapes = [self.X.shape[:-2], self.scale.shape, *([] if self.weights is None else [self.weights.shape[:-1]])]
        if len(self.batch) == 1 and all(shape == self.batch for shape in shapes):
            return self
        n, p = self.X.shape[-2:]
        count = int(np.prod(self.batch))
        X = np.broadcast_to(self.X, (*self.batch, n, p)).reshape(count, n, p)
        weights = None if self.weights is None else np.broadcast_to(self.weights, self.rows).reshape(count, n)
        scale = np.broadcast_to(self.scale, self.batch).reshape(count)
        y = self.y.reshape(count, *self.y.shape[len(self.batch) :])
        return replace(self, X=X, y=y, scale=scale, weights=weights)

    def member(self, i: int) -> Problem:
        """One member of a batch with one axis, as a single problem."""
        weights = None if self.weights is None else self.weights[i]
        return replace(self, X=self.X[i], y=self.y[i], scale=self.scale[i], weights=weights)

    def take(self, index: Mask) -> Problem:
        """Some members of a batch with one axis; the arrays are not copied where all are taken."""
        if index.all():
            return self
        weights = None if self.weights is None else self.weights[index]
        scale = np.broadcast_to(self.scale, self.batch)[index]
        return replace(self, X=self.X[index], y=self.y[index], scale=scale, weights=weights)

    def chunk(self, part: slice) -> Problem:
        """Consecutive members of a batch with one axis, as views."""
        weights = None if self.weights is None else self.weights[part]
        return replace(self, X=self.X[part], y=self.y[part], scale=self.scale[part], weights=weights)

    def columnwise(self) -> Problem:
        """The same problems with each column of X contiguous in memory."""
        X = linalg.columnwise(self.X)
        return self if X.base is self.X.base else replace(self, X=X)

    @property
    def large(self) -> bool:
        """Whether there are so many rows that passes over them are what time goes into."""
        return bool(self.X.shape[-2] >= LARGE)

    def thinned(self) -> Problem:
        """The same problems on a sample of their rows: of a large problem, enough for a good start."""
        part = slice(None, None, THIN)
        weights = None if self.weights is None else self.weights[..., part]
        y = self.y[(..., part) if self.y.shape == self.rows else (..., part, slice(None))]
        return replace(self, X=np.ascontiguousarray(self.X[..., part, :]), y=y, weights=weights)

    def residuals(self, coef: Array) -> Array:
        """y - X b."""
        return self.y - linalg.apply(self.X, coef)

    def standardised(self, coef: Array) -> Array:
        """u = (y - X b) / scale; -X B, `(*batch, n, k)`, of several outputs."""
        if isinstance(self.loss, OutputLoss):
            return -linalg.apply_outputs(self.X, coef, self.outputs)
        return self.residuals(coef) / self.unit

    def costs(self, u: Array) -> Array:
        """The loss of each row, `(*batch, n)`."""
        return self.loss.rho(u) if isinstance(self.loss, ErrorLoss) else self.loss.value(self.y, -u)

    def psi(self, u: Array) -> Array:
        """The derivative of the costs in u, of u's shape."""
        return self.loss.psi(u) if isinstance(self.loss, ErrorLoss) else -self.loss.slope(self.y, -u)

    def weight(self, u: Array) -> Array:
        """What bounds the costs' curvature from above, one number or a block `(k, k)` per row."""
        if isinstance(self.loss, ErrorLoss):
            return self.loss.weight(u)
        loss = self._curved
        return loss.weight(self.y, -u) + loss.unseen

    def psi_given(self, u: Array, weight: Array) -> Array:
        """psi where the weight is known already."""
        return self.loss.psi_given(u, weight) if isinstance(self.loss, ErrorLoss) else self.psi(u)

    def curvature(self, u: Array) -> Array:
        """The second derivative of the costs in u, one number or a block `(k, k)` per row."""
        if isinstance(self.loss, ErrorLoss):
            return self.loss.curvature(u)
        loss = self._curved
        return loss.bend(self.y, -u) + loss.unseen

    def level(self, u: Array) -> Array:
        """Curvatures of 1, as a parabola's with that u."""
        if self.outputs == 1:
            return np.ones_like(u)
        return np.broadcast_to(np.eye(self.outputs), (*u.shape, self.outputs))

    def conjugate(self, theta: Array) -> Array:
        """The convex conjugate of the costs, `(*batch, n)`."""
        if isinstance(self.loss, Conjugate):
            return self.loss.conjugate(theta)
        return self._curved.conjugate(self.y, -theta)

    @property
    def _curved(self) -> CurvedOutputLoss:
        if not isinstance(self.loss, CurvedOutputLoss):
            raise Incompatible(f"{self.loss} has no second derivatives")
        return self.loss

    def turn(self, curvature: Array, step: Array) -> Array:
        """What psi loses, to first order, where the coefficients move by a step."""
        if self.outputs == 1:
            return curvature * linalg.apply(self.X, step) / self.unit
        moved = linalg.apply_outputs(self.X, step, self.outputs)
        turned: Array = np.matmul(curvature, moved[..., None])[..., 0]
        return turned

    def inner(self, theta: Array, u: Array) -> Array:
        """theta u, of several outputs their sum, `(*batch, n)`."""
        product: Array = theta * u
        return product if self.outputs == 1 else product.sum(-1)

    def mean(self, values: Array) -> Array:
        """The weighted mean over the rows."""
        result: Array = values.mean(-1) if self.weights is None else (self.shares * values).sum(-1)
        return result

    def objective(self, coef: Array) -> Array:
        """The penalised mean loss, `(*batch,)`."""
        return self.objective_at(self.standardised(coef), coef)

    def objective_at(self, u: Array, coef: Array) -> Array:
        """The penalised mean loss where u is known already."""
        return self.mean(self.costs(u)) + self.penalty.value(self.slopes(coef))

    def held(self, coef: Array, at: Array) -> Array:
        """The objective with what the loss's slope counts as a constant held at other coefficients."""
        if not isinstance(self.loss, OutputLoss):
            return self.objective(coef)
        costs = self.loss.held(self.y, -self.standardised(coef), -self.standardised(at))
        return self.mean(costs) + self.penalty.value(self.slopes(coef))

    def pull(self, values: Array) -> Array:
        """X' diag(shares) v / scale: what values on the rows add up to in the space of the coefficients."""
        if self.outputs > 1:
            return linalg.adjoint_outputs(self.X, self.shares[..., None] * values)
        if self.weights is None:
            return linalg.adjoint(self.X, values) / (float(self.n) * self.unit)
        return linalg.adjoint(self.X, self.shares * values) / self.unit

    def gradient(self, coef: Array) -> Array:
        """The gradient of the objective, of the coefficients' shape; a subgradient at a kink."""
        return self.gradient_at(self.standardised(coef), coef)

    def gradient_at(self, u: Array, coef: Array) -> Array:
        """The gradient where u is known already."""
        return self.embed(self.penalty.gradient(self.slopes(coef))) - self.pull(self.psi(u))

    def hessian(self, coef: Array, row_curvature: Array) -> Array:
        """X' diag(shares, curvature) X / scale^2 plus the penalty's, `(*batch, p, p)`."""
        data = self.data_hessian(row_curvature)
        penalty = self.embed(self.penalty.curvature(self.slopes(coef)))
        return data + penalty[..., None] * np.eye(coef.shape[-1])

    def data_hessian(self, row_curvature: Array) -> Array:
        """X' diag(shares, curvature) X / scale^2, `(*batch, p, p)`; of several outputs `(*batch, p k, p k)`."""
        if self.outputs > 1:
            return linalg.gram_outputs(self.X, self.shares[..., None, None] * row_curvature)
        square = self.unit_square[..., None]
        if self.weights is None:
            return linalg.gram(self.X, row_curvature) / (float(self.n) * square)
        return linalg.gram(self.X, self.shares * row_curvature) / square

    def step(self, matrix: Array, coef: Array, pull: Array) -> tuple[Array, Array]:
        """The d that minimises d'Md / 2 - pull'd + penalty of (b + d), and the decrease that it predicts.

        pull is that of the data alone. NaN for the members whose minimiser is not unique.
        """
        d = self.penalty.step(matrix, pull, coef, self.free)
        quadratic = (pull * d).sum(-1) - 0.5 * (linalg.apply(matrix, d) * d).sum(-1)
        return d, quadratic + self.penalty.value(self.slopes(coef)) - self.penalty.value(self.slopes(coef + d))

    @property
    def free(self) -> int:
        """How many coefficients, the first ones, no penalty touches: the intercepts."""
        return self.outputs * int(self.intercept)

    def slopes(self, coef: Array) -> Array:
        """The penalised coefficients."""
        return coef[..., self.free :]

    def embed(self, slopes: Array) -> Array:
        """A vector over the slopes as one over all coefficients, 0 for the intercepts."""
        if not self.intercept:
            return slopes
        return np.concatenate([np.zeros((*slopes.shape[:-1], self.free)), slopes], -1)

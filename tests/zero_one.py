"""0-1 loss on small data: samples of two classes, and the least loss by looking at every hyperplane."""

from itertools import combinations

import numpy as np

from robustfit.losses.classification.zero_one import ZeroOne
from robustfit.problem import Problem


def rows(n, p, flips, seed):
    """The rows y x of two classes behind a hyperplane, some labels flipped."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    return X * np.where(rng.random(n) < flips, -1.0, 1.0)[:, None] * np.sign(X @ rng.normal(size=p))[:, None]


def problem(X, weights=None):
    return Problem(X, np.ones(X.shape[:-1]), ZeroOne(), np.ones(X.shape[:-2]), weights=weights)


def by_hyperplanes(X, weights):
    """The least weight of wrong rows, in general position: every region has a ray that lies in p - 1 hyperplanes.

    From each ray, both ways, a tilt so slight that no other row changes sides puts its own p - 1 rows on the right.
    """
    p, best = X.shape[1], np.inf
    for some in map(list, combinations(range(len(X)), p - 1)):
        ray = np.linalg.svd(X[some])[2][-1]
        tilt = np.linalg.pinv(X[some]) @ np.ones(p - 1)
        others = np.delete(X, some, 0)
        small = 0.5 * np.abs(others @ ray).min() / max(np.abs(others @ tilt).max(), 1e-300)
        best = min(best, *(weights[X @ (sign * ray + small * tilt) <= 0].sum() for sign in (-1.0, 1.0)))
    return best

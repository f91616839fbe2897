"""Very many rows are started from a sample of them; whatever the sample misses, the answer is that of all rows."""

import numpy as np
import pytest

from robustfit import problem as problem_module
from robustfit.estimators.m import M
from robustfit.losses.huber import Huber
from robustfit.losses.log_cosh import LogCosh
from robustfit.losses.mae import MAE
from robustfit.scales.fixed import Fixed
from robustfit.scales.mad import MAD
from robustfit.solvers.newton import Newton

N = problem_module.LARGE + 1000


def rows(kind):
    rng = np.random.default_rng(7)
    X = np.column_stack([np.ones(N), rng.standard_normal((N, 2)), np.zeros(N)])
    y = X @ np.array([1.0, 2.0, -1.0, 0.0]) + rng.standard_normal(N)
    y[: N // 10] += 10
    if kind == "a rare group that the sample misses":
        X[[1, 2, 3, 4], 3] = 1.0
        y[[1, 2, 3, 4]] += 5.0
    elif kind == "a rare group of which the sample has one row":
        X[[7, 8, 9, 10], 3] = 1.0
        y[[7, 8, 9, 10]] += 5.0
    elif kind == "a period that the sample meets always in the same place":
        X[:, 3] = np.arange(N) % problem_module.THIN == 0
        y += 100.0 * X[:, 3]
    else:
        X[:, 3] = np.arange(N) / N
        y[N // 2 :] += 1e3 * rng.standard_cauchy(N - N // 2)
    return X, y


KINDS = [
    "a rare group that the sample misses",
    "a rare group of which the sample has one row",
    "a period that the sample meets always in the same place",
    "the later half is wild",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", [Huber(), LogCosh(), MAE()], ids=["huber", "log_cosh", "mae"])
@pytest.mark.parametrize("scale", [Fixed(1.0), MAD()], ids=["fixed", "mad"])
def test_the_sample_only_saves_time(kind, loss, scale, monkeypatch):
    X, y = rows(kind)
    estimator = M(loss, Newton(), scale)
    sampled = estimator.fit(X, y)
    monkeypatch.setattr(problem_module, "LARGE", N + 1)
    whole = estimator.fit(X, y)
    assert sampled.certified and whole.certified
    assert sampled.scale == pytest.approx(whole.scale, rel=1e-12)
    # both predicted less than 1e-14 of the objective for their next step: a parabola leaves the root of that to the fit
    room = 10.0 * float(whole.scale) * np.sqrt(1e-14 * float(whole.objective))
    np.testing.assert_allclose(X @ sampled.coef, X @ whole.coef, rtol=0, atol=room)


def test_large_problems_do_not_depend_on_their_batch():
    X, y = rows("the later half is wild")
    pair = M(Huber(), Newton(), Fixed(1.0)).fit(np.stack([X, X]), np.stack([y, 2 * y]))
    alone = M(Huber(), Newton(), Fixed(1.0)).fit(X, 2 * y)
    np.testing.assert_array_equal(pair.coef[1], alone.coef)

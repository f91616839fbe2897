"""How much work it takes to come to a good classifier: gradient descent on losses of labels, at many rates.

A run is there at the first of `STAY` steps in a row whose rules mislabel at most `CLOSE` more new rows than the best
rule does: an exact probability, since the classes are normal. No loss has a say in that measure, so that losses which
are not convex can be compared by it. The features are correlated: where they are not, one long step from anywhere
gives the best direction.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from robustfit.data import Data, Streams
from robustfit.linalg import Array
from robustfit.losses.classification.base import LabelLoss
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.focal import Focal
from robustfit.losses.classification.sigmoid_mse import SigmoidMSE
from robustfit.normal_classes import NormalClasses
from robustfit.scenarios.gaussian_classes import GaussianClasses

LOSSES: Mapping[str, LabelLoss] = {
    "cross-entropy": CrossEntropy(),
    "squared error": SigmoidMSE(),
    "focal loss": Focal(2.0, None),
}
"""Focal loss with the gamma that is praised, and no class weights, which only move the threshold."""

DESIGNS = {"balanced": 0.5, "one label in ten": 0.1}
"""The share of the positive class; 200 rows, 3 features with correlation 0.9, 8 % or 4 % of errors by the best rule."""

STARTS = {"from 0": 0.0, "from a start wrong by 10": 10.0}
"""The root mean square of the start's scores, in logits: the best rule's with the wrong sign."""

RATES = 2.0 ** np.arange(-4, 13)
"""Learning rates, in units of 1 / L, L the largest eigenvalue of X'X / n."""

CLOSE = 0.01
STAY = 10
CAP = 500
"""The most steps of a run; one that has not come there counts as if this were its work."""


def samples(design: str, count: int) -> tuple[Data, NormalClasses]:
    """Some samples of a design, and what they are drawn from."""
    scenario = GaussianClasses(n_samples=200, n_features=3, share=DESIGNS[design], distance=1.2, correlation=0.9)
    data = scenario.draw(Streams.spawn(seed=0, block=0), count)
    classes = scenario.truth.classes
    assert classes is not None  # of its own scenario
    return data, classes


def begun(data: Data, coef: Array, size: float) -> Array:
    """The true coefficients turned round, so that the scores have this root mean square, `(count, p)`."""
    scores = data.X @ coef
    return -size * coef / np.sqrt(np.square(scores).mean(-1, keepdims=True))


def slope(loss: LabelLoss, X: Array, y: Array, coef: Array) -> Array:
    """The gradient of the mean loss at coefficients `(m, p)` of samples `(m, n, p)`."""
    pull = loss.slope(y, np.einsum("mnp,mp->mn", X, coef))
    result: Array = np.einsum("mnp,mn->mp", X, pull) / y.shape[-1]
    return result


def work(loss: LabelLoss, data: Data, classes: NormalClasses, start: Array) -> Array:
    """The steps of descent until the rule stays close to the best one, `(count, rates)`; CAP where it never does."""
    count, rates = len(start), len(RATES)
    steepest = 1 / np.linalg.eigvalsh(np.einsum("cnp,cnq->cpq", data.X, data.X) / data.X.shape[-2])[:, -1]
    X, y, coef = (np.repeat(one, rates, axis=0) for one in (data.X, data.y, start))
    step, close = np.outer(steepest, RATES).ravel()[:, None], np.zeros(count * rates, dtype=int)
    spent, running = np.full(count * rates, CAP), np.arange(count * rates)
    for t in range(CAP + STAY):
        close = np.where(classes.error(coef) <= classes.bayes_error + CLOSE, close + 1, 0)
        there = close == STAY
        spent[running[there]] = min(t + 1 - STAY, CAP)
        X, y, coef, step, close, running = (one[~there] for one in (X, y, coef, step, close, running))
        if not len(running):
            break
        coef = coef - step * slope(loss, X, y, coef)
    return spent.reshape(count, rates)


def descents(loss: str, design: str, count: int) -> pd.DataFrame:
    """The work of one loss by start, sample and rate."""
    data, classes = samples(design, count)
    tables = []
    for name, size in STARTS.items():
        found = work(LOSSES[loss], data, classes, begun(data, classes.coef, size))
        sample, rate = (index.ravel() for index in np.indices(found.shape))
        columns = {"start": name, "sample": sample, "rate": RATES[rate], "work": found.ravel()}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def path(loss: str, design: str, start: float, rate: float, steps: int) -> Array:
    """The excess error on the way of the first sample, `(steps + 1,)`, at a rate in units of 1 / L."""
    data, classes = samples(design, 1)
    coef = begun(data, classes.coef, start)
    size = rate / np.linalg.eigvalsh(data.X[0].T @ data.X[0] / data.X.shape[-2])[-1]
    errors = [float(classes.error(coef)[0])]
    for _ in range(steps):
        coef = coef - size * slope(LOSSES[loss], data.X, data.y, coef)
        errors.append(float(classes.error(coef)[0]))
    return np.array(errors) - classes.bayes_error

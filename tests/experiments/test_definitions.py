"""The claims' computations against NumPy, SciPy and theory, and that other formulas would get other verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import definitions
from experiments.definitions import BoxFormulas, KerasRegressionValues, least_absolute
from experiments.samples import drawn
from robustfit.claims import Verdict, judge
from robustfit.losses.huber import Huber


def test_the_least_sum_of_a_constant_is_at_the_median():
    y = np.random.default_rng(0).normal(size=31)
    assert least_absolute(np.ones((31, 1)), y) == pytest.approx([np.median(y)], abs=1e-9)


def test_the_rate_that_descent_bears_is_two_over_the_curvature():
    data = drawn({}, 1)
    limit = 1 / np.linalg.eigvalsh(data.X[0].T @ data.X[0] / 100)[-1]
    step = 10**0.05  # of the grid
    assert limit / step <= definitions._bearable(data, "mean") <= limit * step
    assert definitions._bearable(data, "sum") == pytest.approx(definitions._bearable(data, "mean") / 100)


def test_the_distance_claims_by_hand():
    assert definitions._detour() == 2 and definitions._doubled() == 4
    assert definitions._uneven() == pytest.approx((9 + 1) / 2 / (0.1 * 9 + 0.9))


def test_another_constant_would_refute_the_printed_value(monkeypatch):
    loss, *rest = definitions.PRINTED["Huber(1)"]
    assert judge(KerasRegressionValues(), None).verdict is Verdict.supported
    monkeypatch.setitem(definitions.PRINTED, "Huber(1)", (Huber(0.5), *rest))
    assert judge(KerasRegressionValues(), None).verdict is Verdict.refuted


def test_the_printed_formula_would_be_supported_if_it_were_the_loss(monkeypatch):
    for name in definitions.BOX_LOSSES:
        monkeypatch.setitem(definitions.BOX_LOSSES, name, lambda a, b: np.abs(a - b).mean(-1))
    assert judge(BoxFormulas(), None).verdict is Verdict.supported

"""Blank rows."""

from __future__ import annotations

import numpy as np

from experiments.removed import Removed
from robustfit.contaminations.vertical import Vertical
from robustfit.data import Data


def test_the_rows_are_those_that_others_spoil():
    X = np.column_stack([np.ones(20), np.arange(20.0)])
    data = Data.clean(np.tile(X, (3, 1, 1)), np.ones((3, 20)))
    both = [
        kind.corrupt(data, 0.3, np.random.default_rng(7), np.random.default_rng(1)) for kind in (Removed(), Vertical())
    ]
    assert np.array_equal(both[0].outliers, both[1].outliers)
    assert not both[0].X[both[0].outliers].any() and not both[0].y[both[0].outliers].any()
    assert np.array_equal(both[0].X[~both[0].outliers], data.X[~both[0].outliers])

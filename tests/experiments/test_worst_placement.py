"""The worst rows are the ones of the largest features, and LAD breaks down there when the theory says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from experiments.worst_placement import WorstPlacement
from robustfit.data import Streams
from robustfit.estimators.m import M
from robustfit.losses.mae import MAE
from robustfit.scenarios.linear import Linear
from robustfit.solvers.newton import Newton


def drawn(replicates: int = 3, **settings):
    return WorstPlacement(**settings).draw(Streams.spawn(seed=1, block=0), replicates)


def test_only_the_targets_of_the_largest_rows_change():
    data, clean = drawn(share=0.2, shift=7.0), Linear(50, 2).draw(Streams.spawn(seed=1, block=0), 3)
    assert np.array_equal(data.X, clean.X) and np.array_equal(data.y_clean, clean.y)
    assert data.outliers.sum(-1).tolist() == [10, 10, 10]
    size = np.abs(data.X[..., 1])
    assert all(size[k][data.outliers[k]].min() > size[k][~data.outliers[k]].max() for k in range(3))
    moved = (data.y - clean.y)[data.outliers]
    assert moved == pytest.approx(7.0 * np.sign(data.X[..., 1][data.outliers]))


def test_no_share_is_clean():
    assert np.array_equal(drawn(share=0.0).y, Linear(50, 2).draw(Streams.spawn(seed=1, block=0), 3).y)


@pytest.mark.parametrize(("share", "breaks"), [(0.20, False), (0.28, True)])
def test_lad_breaks_down_where_the_bad_rows_hold_half_of_the_features(share, breaks):
    """For one normal feature E abs(x) is halved at abs(x) = sqrt(2 log 2), beyond which 23.9 % of the rows are."""
    point = 2 * norm.sf(math.sqrt(2 * math.log(2)))
    assert (share > point) == breaks
    data = drawn(replicates=1, n_samples=2000, n_features=1, share=share, shift=1e6)
    slope = M(MAE(), Newton()).fit(data.X, data.y).coef[0, 1]
    assert (abs(slope - 2.0) > 1e4) == breaks

"""Where Newton's step is not defined."""

import numpy as np
import pytest

from robustfit.estimators.m import M
from robustfit.fit import Status
from robustfit.losses.huber import Huber
from robustfit.scales.fixed import Fixed
from robustfit.solvers.newton import Newton


@pytest.mark.parametrize("move", [-1e-2, -1e-4, -1e-6, 1e-6, 1e-4, 1e-2])
def test_a_direction_that_no_row_bends_is_crossed(move):
    # nearly a continuum of optima: along the slope only far rows count, and Newton's step is not defined
    X = np.column_stack([np.ones(5), [0.0, 0.0, 0.0, 1.0, 1.0 + move]])
    fit = M(Huber(), Newton(), Fixed(1.0)).fit(X, np.array([-1.0, 0.0, 1.0, 10.0, -10.0]))
    assert fit.status.item() is Status.converged and fit.certified

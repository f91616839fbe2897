"""What the sample is: columns of every task."""

from __future__ import annotations

from typing import Any

import numpy as np

from robustfit.data import Data
from robustfit.fit import Fit
from robustfit.metrics.measures import batch


def n_samples(data: Data, fit: Fit) -> Any:
    """Rows of the sample."""
    return np.full(batch(data), data.X.shape[-2])


def n_features(data: Data, fit: Fit) -> Any:
    """Features of the sample, the intercept not counted."""
    return np.full(batch(data), data.X.shape[-1] - data.intercept)


def n_outliers(data: Data, fit: Fit) -> Any:
    """Rows that the contamination marked."""
    return data.outliers.sum(-1)

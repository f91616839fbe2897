"""The coefficients of a fit with labels or boxes: columns of both."""

from __future__ import annotations

from typing import Any

import numpy as np

from robustfit.data import Data
from robustfit.fit import Fit
from robustfit.linalg import Array
from robustfit.metrics.measures import batch


def intercepts(data: Data, fit: Fit) -> Any:
    """Fitted intercept of each output (a list): one score of two classes, k scores of more, four corners of a box."""
    return _intercepts(data, fit.coef)


def coef(data: Data, fit: Fit) -> Any:
    """Fitted slopes (a list; `coef.1`, `coef.2` ... in CSV), feature by feature, those of its outputs together."""
    return _slopes(data, fit.coef)


def true_intercepts(data: Data, fit: Fit) -> Any:
    """Intercepts that generated the clean data (a list); of labels those of the log odds, or of the logits."""
    return _intercepts(data, _true(data, fit))


def true_coef(data: Data, fit: Fit) -> Any:
    """Slopes that generated the clean data (a list; `true_coef.1` ... in CSV)."""
    return _slopes(data, _true(data, fit))


def _intercepts(data: Data, coef: Array) -> Array:
    return coef[:, : int(data.intercept)].reshape(batch(data), -1)


def _slopes(data: Data, coef: Array) -> Array:
    return coef[:, int(data.intercept) :].reshape(batch(data), -1)


def _true(data: Data, fit: Fit) -> Array:
    return np.broadcast_to(np.nan if data.truth is None else data.truth.coef, fit.coef.shape)

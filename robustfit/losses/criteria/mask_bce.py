"""Average binary cross-entropy of a mask."""

from __future__ import annotations

from dataclasses import dataclass

from robustfit.linalg import Array
from robustfit.losses.criteria.base import Criterion
from robustfit.losses.criteria.bce_with_logits import BCEWithLogits


@dataclass(frozen=True)
class MaskBCE(Criterion):
    """Average binary cross-entropy of masks: the mean of `BCEWithLogits` over the pixels, y and eta `(*batch, h, w)`.

    eta are the logits of the mask of the object's own class; those of other classes do not count.
    Reference: He et al. (2017), Mask R-CNN, Proc. ICCV, 2961-2969, section 3.

    >>> import numpy as np
    >>> float(MaskBCE().value(np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros((2, 2))) / np.log(2.0))
    1.0
    """

    def value(self, y: Array, eta: Array) -> Array:
        result: Array = BCEWithLogits().value(y, eta).mean((-2, -1))
        return result

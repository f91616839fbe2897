"""What a criterion is.

A cost of outputs eta and targets y that is evaluated but has no fit of its own: defined as in PyTorch's documentation,
so that what a network was trained with can be set beside the losses that are fitted here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from robustfit.linalg import Array
from robustfit.losses.base import reduce
from robustfit.parameters import Parametrised


class Criterion(Parametrised, ABC):
    """A cost of outputs, reduced over the last axis of its values; the axes before it are batches.

    PyTorch reduces over all axes at once: flatten for that.
    """

    @abstractmethod
    def value(self, y: Array, eta: Array) -> Array:
        """The costs, one by one."""

    def __call__(self, y: Array, eta: Array, reduction: str = "mean") -> Array:
        """The costs as they are (`none`), their `sum` or their `mean`."""
        return reduce(self.value(y, eta), reduction)

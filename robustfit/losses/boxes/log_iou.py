"""The negative logarithm of intersection over union."""

from __future__ import annotations

import math
from dataclasses import dataclass

from robustfit.losses.boxes.base import OverlapLoss
from robustfit.losses.boxes.jet import Jet, at_least
from robustfit.losses.boxes.pair import Pair
from robustfit.parameters import parameter


@dataclass(frozen=True)
class LogIoU(OverlapLoss):
    """-ln IoU, the IoU loss as first published, with the IoU taken to be at least `floor`.

    The formula itself is infinite without overlap; floor in (0, 1) makes it -ln floor there, with slope 0.
    Reference: Yu et al. (2016), UnitBox, Proc. ACM Multimedia, 516-520.

    >>> import numpy as np
    >>> float(np.exp(LogIoU().value(np.array([0.0, 0.0, 2.0, 1.0]), np.array([1.0, 0.0, 3.0, 1.0]))).round(6))
    3.0
    """

    floor: float = parameter(1e-6, above=0, below=1)

    def cost(self, pair: Pair) -> Jet:
        return 0.0 - at_least(self.floor, pair.overlap).log()

    @property
    def rho_sup(self) -> float:
        return -math.log(self.floor)

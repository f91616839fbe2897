"""Complete IoU with its whole derivative."""

from __future__ import annotations

from dataclasses import dataclass

from robustfit.losses.boxes.base import OverlapLoss
from robustfit.losses.boxes.ciou import trade_off
from robustfit.losses.boxes.jet import Jet
from robustfit.losses.boxes.pair import Pair
from robustfit.parameters import parameter


@dataclass(frozen=True)
class TotalCIoU(OverlapLoss):
    """The values of `CIoU` with their true slope: the trade-off alpha is differentiated too.

    The published slope leaves that part out; this one can be minimised by solvers that check descent.
    Reference: Zheng et al. (2020), AAAI 34, 12993-13000.

    >>> import numpy as np
    >>> square, wide = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 0.0, 3.0, 1.0])
    >>> from robustfit.losses.boxes.ciou import CIoU
    >>> float(TotalCIoU().value(square, wide)) == float(CIoU().value(square, wide))
    True
    """

    from_iou: float = parameter(0.0, at_least=0, at_most=1)

    def cost(self, pair: Pair) -> Jet:
        return 1.0 - pair.overlap + pair.distance + trade_off(pair, self.from_iou) * pair.distortion

    @property
    def rho_sup(self) -> float:
        return 2.5

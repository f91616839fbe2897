"""Complete IoU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.losses.boxes.base import OverlapLoss
from robustfit.losses.boxes.jet import Jet
from robustfit.losses.boxes.pair import Pair
from robustfit.parameters import parameter


@dataclass(frozen=True)
class CIoU(OverlapLoss):
    """DIoU plus alpha v: v compares the aspect ratios (`Pair.distortion`), alpha = v / (1 - IoU + v) is its trade-off.

    As published alpha counts as a constant in the slope, which is then not the derivative of the value where v > 0;
    `TotalCIoU` has that. alpha is 0 where IoU < from_iou: 0 in 2020, 0.5 in 2021.
    Reference: Zheng et al. (2020), AAAI 34, 12993-13000; Zheng et al. (2021), IEEE Trans. Cybern. 52, 8574-8586.

    >>> float(CIoU().value(np.array([0.0, 0.0, 1.0, 1.0]), np.array([2.0, 0.0, 3.0, 1.0])))
    1.4
    """

    holds = True

    from_iou: float = parameter(0.0, at_least=0, at_most=1)

    def cost(self, pair: Pair) -> Jet:
        alpha = trade_off(pair.anchor or pair, self.from_iou).constant()
        return 1.0 - pair.overlap + pair.distance + alpha * pair.distortion

    @property
    def rho_sup(self) -> float:
        return 2.5


def trade_off(pair: Pair, from_iou: float) -> Jet:
    """alpha = v / (1 - IoU + v) where IoU >= from_iou, else 0; 0 for identical boxes.

    >>> square, line = np.array([0.0, 0.0, 1.0, 1.0]), np.array([5.0, 0.0, 5.0, 1.0])
    >>> float(trade_off(Pair.of(square, line, slopes=False), 0.0).value)  # v = 1/4, IoU = 0
    0.2
    """
    v = pair.distortion
    return v.over(1.0 - pair.overlap + v, 0.0).where(np.heaviside(pair.overlap.value - from_iou, 1.0))

"""One minus intersection over union."""

from __future__ import annotations

from dataclasses import dataclass

from robustfit.losses.boxes.base import OverlapLoss
from robustfit.losses.boxes.jet import Jet
from robustfit.losses.boxes.pair import Pair


@dataclass(frozen=True)
class IoU(OverlapLoss):
    """1 - IoU, IoU = area of the intersection / area of the union (Jaccard's index): 0 for equal boxes, 1 for apart.

    Boxes that are apart cost 1 however far, with slope 0. Two boxes without area: 0 if equal, else 1.
    Reference: Rezatofighi et al. (2019), Proc. CVPR, 658-666, equation 1.

    >>> import numpy as np
    >>> IoU().value(np.array([0.0, 0.0, 2.0, 1.0]), np.array([[1.0, 0.0, 3.0, 1.0], [5.0, 5.0, 6.0, 6.0]])).round(6)
    array([0.666667, 1.      ])
    """

    def cost(self, pair: Pair) -> Jet:
        return 1.0 - pair.overlap

    @property
    def rho_sup(self) -> float:
        return 1.0

"""Distance IoU."""

from __future__ import annotations

from dataclasses import dataclass

from robustfit.losses.boxes.base import OverlapLoss
from robustfit.losses.boxes.jet import Jet
from robustfit.losses.boxes.pair import Pair


@dataclass(frozen=True)
class DIoU(OverlapLoss):
    """1 - IoU + d^2 / c^2, d the distance of the centres and c the diagonal of the smallest box around both; in [0, 2].

    Boxes with the same centre cost 1 - IoU whatever their shapes. Reference: Zheng et al. (2020), AAAI 34, 12993-13000.

    >>> import numpy as np
    >>> float(DIoU().value(np.array([-1.0, -1.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])))
    0.8125
    """

    def cost(self, pair: Pair) -> Jet:
        return 1.0 - pair.overlap + pair.distance

    @property
    def rho_sup(self) -> float:
        return 2.0

"""Generalised IoU."""

from __future__ import annotations

from dataclasses import dataclass

from robustfit.losses.boxes.base import OverlapLoss
from robustfit.losses.boxes.jet import Jet
from robustfit.losses.boxes.pair import Pair


@dataclass(frozen=True)
class GIoU(OverlapLoss):
    """1 - GIoU = 1 - IoU + (C - U) / C, U the union's area and C that of the smallest box around both; in [0, 2].

    Boxes that are apart are pulled together; where one contains the other C = U and it is 1 - IoU.
    Reference: Rezatofighi et al. (2019), Proc. CVPR, 658-666.

    >>> import numpy as np
    >>> float(GIoU().value(np.array([0.0, 0.0, 1.0, 1.0]), np.array([3.0, 0.0, 4.0, 1.0])))
    1.5
    """

    def cost(self, pair: Pair) -> Jet:
        return 1.0 - pair.overlap + pair.vacancy

    @property
    def rho_sup(self) -> float:
        return 2.0

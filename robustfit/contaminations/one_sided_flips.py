"""Flipped labels of one class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustfit.contaminations.base import Choosy, Contamination, other_class
from robustfit.data import Data, class_places
from robustfit.errors import Unknown
from robustfit.linalg import Array, Mask
from robustfit.parameters import parameter


@dataclass(frozen=True)
class OneSidedFlips(Contamination, Choosy):
    """Labels of another class, at rows of one class as long as there are any, at the others' only then.

    of: that class, as the data call it; null is the last one, y = 1 of two. The fraction is of all rows, as ever.

    Raises:
        Unknown: the data have no such class.

    >>> data = Data.clean(np.ones((4, 1)), np.array([-1.0, 1.0, 1.0, -1.0]), classes=("no", "yes"))
    >>> OneSidedFlips("no").first(data)
    array([ True, False, False,  True])
    """

    task: ClassVar[str] = "classification"

    of: str | float | None = parameter(None)

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        return data.X, other_class(data, values)

    def first(self, data: Data) -> Mask:
        known = [str(label) for label in data.classes]
        found = [self.of == label or str(self.of) == name for label, name in zip(data.classes, known, strict=True)]
        if self.of is not None and not any(found):
            raise Unknown(f"contamination.of: {Unknown.name('class', f'{self.of}', known)}")
        wanted = len(known) - 1 if self.of is None else found.index(True)
        mask: Mask = class_places(data.y, len(known)) == wanted
        return mask

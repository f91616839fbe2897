"""What the laws of several kinds of losses share: finding the losses of a package, and derivatives by differences."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Function = Callable[[Array], Array]


def final_classes(package: ModuleType, kind: type) -> list[type]:
    """The final classes of a kind that the modules of a package define, in alphabetical order."""
    names = [entry.name for entry in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    found = [(thing, name) for name in names for thing in vars(importlib.import_module(name)).values()]
    own = {thing for thing, name in found if isinstance(thing, type) and thing.__module__ == name}
    return sorted((c for c in own if issubclass(c, kind) and dataclasses.is_dataclass(c)), key=lambda c: c.__name__)


def differences(function: Function, x: Array, step: Array | float) -> Array:
    """f' by central differences of fourth order."""
    near, far = function(x + step) - function(x - step), function(x + 2.0 * step) - function(x - 2.0 * step)
    return (8.0 * near - far) / (12.0 * step)


def assert_derivative(function: Function, derivative: Function, x: Array, step: Array | float) -> None:
    """The derivative is right wherever halving the step changes nothing, which is everywhere but across a kink."""
    coarse, fine = differences(function, x, step), differences(function, x, np.asarray(step) / 2.0)
    size = max(np.abs(fine).max(), np.abs(derivative(x)).max())
    settled = np.abs(coarse - fine) <= 1e-9 * size
    assert settled.mean() > 0.95
    np.testing.assert_allclose(derivative(x)[settled], fine[settled], rtol=0, atol=1e-8 * size)


def along_each(function: Function, x: Array, step: float) -> Array:
    """The gradients over the last axis of x, by plain central differences: at a kink the mean of both sides."""
    moves = step * np.eye(x.shape[-1])
    return np.stack([(function(x + move) - function(x - move)) / (2.0 * step) for move in moves], -1)

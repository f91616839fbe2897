"""What the scikit-learn faces share: they are composed of parts, each a name of the catalogue or an object."""

from __future__ import annotations

import warnings
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import _check_sample_weight

from robustfit.catalogue import make, name_of
from robustfit.errors import BadParameter, Incompatible, Unknown
from robustfit.estimators.m import M
from robustfit.fit import Status
from robustfit.linalg import Array
from robustfit.task import fitting, tasks_of


class Composed(BaseEstimator):  # type: ignore[misc]
    """An estimator whose parameters named in `parts` are parts: `loss="huber"`, `loss=Huber(2)`, `loss__delta=2`.

    Facts: `parts`, each the name of a parameter and of its group in the catalogue; `task`, what its losses must be for.
    """

    parts: ClassVar[tuple[str, ...]]
    task: ClassVar[str]

    def made(self) -> dict[str, Any]:
        """The parts, names made into objects."""
        return {name: part(name, getattr(self, name)) for name in self.parts}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters; with `deep` those of the parts too, `loss__delta` and the like."""
        params: dict[str, Any] = super().get_params(deep=False)
        if deep:
            for name in self.parts:
                inner = _inner(name, params[name])
                params |= {f"{name}__{key}": value for key, value in inner.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of the parts too: `set_params(loss="huber", loss__delta=2)`."""
        plain = {name: value for name, value in params.items() if "__" not in name}
        super().set_params(**plain)
        for name, value in params.items():
            if "__" in name:
                part_name, _, inner = name.partition("__")
                self._set_inner(part_name, inner, value)
        return self

    def _set_inner(self, name: str, inner: str, value: Any) -> None:
        thing = part(name, getattr(self, name, None)) if name in self.parts else None
        known = [entry.name for entry in fields(thing)] if is_dataclass(thing) else []
        if inner not in known:
            raise BadParameter(f"{name}__{inner}: no such parameter; {name} has: {', '.join(known) or 'none'}")
        setattr(self, name, replace(thing, **{inner: value}))  # type: ignore[type-var]


def meant_for(task: str, estimator: M) -> M:
    """The estimator, if its loss is one of the task.

    Raises:
        Incompatible: says what the loss is for and which losses there are for the task.
    """
    if task not in (known := tasks_of(estimator.loss)):
        loss = name_of("loss", estimator.loss)
        raise Incompatible(
            f"loss={loss} is for {' and '.join(known)}; for {task} there are {', '.join(fitting('loss', task))}"
        )
    return estimator


def part(group: str, given: Any) -> Any:
    """A part of the estimator: the catalogue's object of that name, or the object itself."""
    return _made(group, given) if isinstance(given, str) else given


@cache
def _made(group: str, name: str) -> Any:
    """The catalogue's object of a name, made once: it is frozen."""
    return make(group, name)


def _inner(group: str, given: Any) -> dict[str, Any]:
    """The parameters of a part; none where its name does not exist, which `fit` will say."""
    try:
        thing = part(group, given)
    except Unknown:
        return {}
    return {entry.name: getattr(thing, entry.name) for entry in fields(thing)} if is_dataclass(thing) else {}


def counting(X: Array, y: Any, sample_weight: ArrayLike | None) -> tuple[Array, Any, Array | None]:
    """The rows that count, their targets and weights.

    Raises:
        BadParameter: no row counts.
    """
    if sample_weight is None:
        return X, y, None
    weights: Array = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise BadParameter("sample_weight: all weights are zero; at least one must be positive")
    counts = weights > 0
    return X[counts], y[counts], weights[counts]


def with_ones(X: Array) -> Array:
    """X behind a column of ones, in X's own precision and without a second copy of X on the way."""
    design = np.empty((X.shape[0], X.shape[1] + 1), dtype=X.dtype)
    design[:, 0], design[:, 1:] = 1.0, X
    return design


def tell(status: Status) -> None:
    """Warn the caller of `fit` of an end that is no clean one."""
    if status not in (Status.converged, Status.perfect_fit):
        warnings.warn(f"{status.name}: {status.value}", ConvergenceWarning, stacklevel=4)

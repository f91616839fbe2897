"""Fits by other software, from tests/reference: the design matrix, the answer, and how far it is vouched for."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
HOME = Path(__file__).parent / "reference"


@dataclass(frozen=True)
class Model:
    """A formula applied to a data set: X has the intercept as column 0 and one column for each of `terms[1:]`."""

    key: str
    terms: tuple[str, ...]
    X: Array
    y: Array

    def reach(self) -> Array:
        """How far each coefficient can move when y is perturbed by its own length: the natural unit of its rounding."""
        return np.linalg.norm(np.linalg.pinv(self.X), axis=1) * np.linalg.norm(self.y)


@dataclass(frozen=True)
class Reference:
    """One fit. `exact`: the coefficients were continued to full precision; else they are right to `digits`."""

    fit_id: str
    key: str
    estimator: str
    software: str
    coef: Array
    exact: bool
    scale: float
    objective: float
    digits: float
    unique: str
    optimal_set: Array | None

    @property
    def model(self) -> Model:
        return model(self.key)

    @property
    def precision(self) -> float:
        """The relative error that the coefficients may have: 15 digits were printed, one is lost to rounding."""
        return 1e-14 if self.exact else 10.0 ** (1.0 - self.digits)

    def __str__(self) -> str:
        return f"{self.key}-{self.estimator}-{self.software}".replace(" ", "_")


def read(name: str) -> list[dict[str, str]]:
    """The rows of one file."""
    with (HOME / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def model(key: str) -> Model:
    """The design of a model, from its formula in R's syntax."""
    (row,) = [row for row in read("models.csv") if row["key"] == key]
    table = read(f"data/{row['dataset']}.csv")
    response, predictors = row["formula"].split(" ~ ")
    terms = predictors.split(" + ")
    columns = [np.ones(len(table)), *(_column(table, term) for term in terms)]
    return Model(key, ("(Intercept)", *terms), np.column_stack(columns), _column(table, response))


def _column(table: list[dict[str, str]], term: str) -> Array:
    """A term of a formula: `x`, `log(x)` (natural) or `I(x^2)`; names may contain dots."""
    if match := re.fullmatch(r"log\((.+)\)", term):
        return np.log(_column(table, match[1]))
    if match := re.fullmatch(r"I\((.+)\^(\d+)\)", term):
        return _column(table, match[1]) ** int(match[2])
    return np.array([float(row[term]) for row in table])


def model_keys() -> list[str]:
    """All models."""
    return [row["key"] for row in read("models.csv")]


@cache
def _references() -> tuple[Reference, ...]:
    return tuple(_reference(row) for row in read("reference.csv"))


def _reference(row: dict[str, str]) -> Reference:
    return Reference(
        fit_id=row["fit_id"],
        key=row["key"],
        estimator=row["estimator"],
        software=row["software"],
        coef=np.array([float(Fraction(value)) for value in row["coef"].split(";")]),
        exact=row["polished"] == "yes",
        scale=_number(row["scale"]),
        objective=_number(row["objective"]),
        digits=_number(row["digits"]),
        unique=row["unique"],
        optimal_set=_intervals(row["optimal_set"]),
    )


def _number(text: str) -> float:
    return float(text) if text else float("nan")


def _intervals(text: str) -> Array | None:
    """The range of each coefficient over all optimal fits, `(p, 2)`; none where the fit is unique."""
    return np.array([[float(end) for end in pair.split(":")] for pair in text.split(";")]) if text else None


def references(*estimators: str) -> list[Reference]:
    """The fits of these estimators on all data sets, by whatever software."""
    found = [reference for reference in _references() if reference.estimator in estimators]
    assert {reference.estimator for reference in found} == set(estimators)
    return found

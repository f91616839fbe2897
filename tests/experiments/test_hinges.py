"""The perceptron by hand, support vector machines by their objective, chords and counts."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import hinges
from experiments.hinges import PerceptronUsesZeroOne
from robustfit.claims import Verdict, judge
from robustfit.losses.classification.perceptron import Perceptron


def test_the_perceptron_by_hand():
    X, y = hinges._overlapping(60)
    coef, margins, moved = np.zeros(3), [], []
    for x, label in zip(X, y, strict=True):
        margins.append(label * (x @ coef))
        moved.append(margins[-1] <= 0)
        coef = coef + moved[-1] * label * x
    found = hinges.passed(X, y)
    assert found[0] == pytest.approx(margins, abs=1e-9)
    assert list(found[1]) == moved


def test_a_loss_with_the_perceptrons_values_would_be_supported_there(monkeypatch):
    assert judge(PerceptronUsesZeroOne(), None).verdict is Verdict.depends
    monkeypatch.setattr(hinges, "ZeroOne", Perceptron)
    assert [one.outcome.value for one in judge(PerceptronUsesZeroOne(), None).findings][2] == "holds"


def test_libsvm_minimises_the_objective_as_stated():
    data = hinges.drawn({**hinges.TWO_CLASSES, "scenario.n_samples": 30}, 1)
    coef = hinges._libsvm(data.X[0], data.y[0], 0.1)[None]
    least = hinges._objective(data, coef, 0.1)
    for move in 1e-3 * np.random.default_rng(0).standard_normal((50, 3)):
        assert hinges._objective(data, coef + move, 0.1) >= least - 1e-9


def test_the_farther_row_is_ten_farther_out():
    data = hinges.drawn(hinges.TWO_CLASSES, 2)
    coef = np.array([[0.1, 1.0, 0.5]] * 2)
    moved = hinges._farther(data, coef)
    margins = [one.y * (one.X @ coef[0]) for one in (data, moved)]
    gains = (margins[1] - margins[0]).max(-1) / np.linalg.norm(coef[0, 1:])
    assert gains == pytest.approx(10.0)
    assert (margins[1] != margins[0]).sum() == 2


@pytest.mark.parametrize(
    ("phi", "expected"), [(lambda m: m**2, 0.0), (np.abs, 0.0), (lambda m: np.where(m > 0, 0.0, 1.0), 0.5)]
)
def test_only_a_nonconvex_loss_is_above_a_chord(phi, expected):
    assert hinges._chord(phi) == pytest.approx(expected, abs=1e-12)


def test_the_relaxed_loss_takes_what_is_near_the_label():
    assert list(hinges._relaxed(np.array([-0.5, 0.5, 1.9, 2.5]))) == [1.0, 0.0, 0.0, 1.0]


def test_the_exact_minimum_is_never_beaten_on_its_own_rows():
    fits = hinges.small_fits(3)
    errors = fits.pivot_table("training errors", "sample", "loss")
    assert (errors["zero_one"] <= errors.min(axis=1)).all()

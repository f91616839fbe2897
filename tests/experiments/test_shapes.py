"""The computations behind the claims about shapes, and that other losses would get other verdicts."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from experiments import shapes
from experiments.shapes import BETAS, SmoothL1Gentler, SmoothL1IsHuber, SmoothL1Limits, SmoothL1Pieces
from robustfit.claims import Verdict, judge
from robustfit.losses.huber import Huber
from robustfit.losses.smooth_l1 import SmoothL1


def test_the_factor_of_a_square_is_the_error():
    assert [shapes._factor(Fraction(u)) for u in ("0.1", "-3")] == [Fraction(1, 10), 3]


def test_the_unit_decides_what_is_enlarged_and_not_the_fit():
    table, moved = shapes._enlarged_by_unit()
    shares = table.iloc[:, 1].to_list()
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] > 0.9
    assert 2 * 0.1587 == pytest.approx(shares[1], abs=3 * np.sqrt(0.317 * 0.683 / 100))  # normal residuals beyond 1 sd
    assert moved < 1e-12


@pytest.mark.parametrize("beta", BETAS)
def test_curvatures_by_differences_of_psi(beta):
    step = 1e-4 * beta
    for loss in (SmoothL1(beta), Huber(beta)):
        u = np.linspace(-0.9 * beta, 0.9 * beta, 7)
        differences = (loss.psi(u + step) - loss.psi(u - step)) / (2 * step)
        assert loss.curvature(u) == pytest.approx(differences, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "power"), [("beta to 0: Smooth L1 to L1", "1"), ("beta to infinity: Smooth L1 to 0", "-1")]
)
def test_the_rates_of_the_limits(name, power):
    towards, distance = shapes.LIMITS[name]
    assert shapes._rate(distance, shapes.SMALL if towards == 0 else shapes.LARGE) == power


def test_smooth_l1_is_half_beta_from_l1():
    distance = shapes.LIMITS["beta to 0: Smooth L1 to L1"][1]
    assert distance(1e-3) == pytest.approx(5e-4)


@pytest.mark.parametrize(
    ("claim", "name", "other", "expected"),
    [
        (SmoothL1IsHuber(), "Huber", SmoothL1, Verdict.supported),
        (SmoothL1IsHuber(), "Huber", lambda beta: Huber(2 * beta), Verdict.refuted),
        (SmoothL1Limits(), "Huber", SmoothL1, Verdict.depends),
        (SmoothL1Pieces(), "SmoothL1", lambda beta: SmoothL1(1.1 * beta), Verdict.refuted),
    ],
)
def test_other_losses_get_other_verdicts(claim, name, other, expected, monkeypatch):
    monkeypatch.setattr(shapes, name, other)
    assert judge(claim, None).verdict is expected


def test_the_threshold_of_curvature_is_exact(monkeypatch):
    edge = {"above": Fraction(1, 2) + Fraction(1, 10**30), "at": Fraction(1, 2)}
    monkeypatch.setattr(shapes, "RATIONAL_BETAS", edge)
    found = judge(SmoothL1Gentler(), None)
    assert [one.outcome.value for one in found.findings] == ["holds", "fails"]

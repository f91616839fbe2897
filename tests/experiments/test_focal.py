"""The factor by hand, and that another gamma would get another verdict."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from experiments import focal
from experiments.focal import FocalFactors, FocalGammaZero, FocalModulation
from robustfit.claims import Verdict, judge
from robustfit.losses.classification.focal import Focal


def test_the_contrast_of_neighbours_is_least_where_both_are_hardest():
    """(1 - hard) / (1 - easy) per step of gamma, over neighbours one hundredth apart: least at p = 0.01 and 0.02."""
    assert focal._contrast() == Fraction(99, 98)


def test_the_factors_by_hand():
    assert 1 / focal.factor(Fraction("0.968"), 2) == Fraction(1000, 32) ** 2
    assert judge(FocalFactors(), None).verdict is Verdict.refuted


def test_a_larger_gamma_would_keep_the_promise(monkeypatch):
    """With gamma = 2.02 0.968 would be 1000 times smaller; but then the loss here is not that factor."""
    monkeypatch.setattr(focal, "factor", lambda p, gamma: Fraction(float(1 - p) ** 2.02).limit_denominator(10**9))
    found = judge(FocalFactors(), None).findings
    assert [one.outcome.value for one in found] == ["holds", "holds", "fails", "holds"]


def test_gamma_one_is_not_cross_entropy(monkeypatch):
    assert judge(FocalGammaZero(), None).verdict is Verdict.supported
    monkeypatch.setattr(focal, "Focal", lambda gamma, alpha: Focal(gamma or 1.0, alpha))
    assert judge(FocalGammaZero(), None).verdict is Verdict.refuted


def test_what_is_left_decides_what_is_affected(monkeypatch):
    assert judge(FocalModulation(), None).verdict is Verdict.depends
    monkeypatch.setattr(focal, "factor", lambda p, gamma: (1 + p) ** gamma)
    outcomes = {one.outcome.value for one in judge(FocalModulation(), None).findings[2:]}
    assert outcomes == {"holds"}


def test_slopes_of_the_table_by_differences():
    table, step = focal._shares(("0.4",)), 1e-6
    m = np.log(0.4 / 0.6) + np.array([-step, step])
    rises = [np.diff(loss.phi(m))[0] for loss in (focal.CrossEntropy(), Focal(2.0, None))]
    assert table["their slopes"][0] == pytest.approx(rises[0] / rises[1], rel=1e-7)

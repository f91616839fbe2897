"""Losses of classification against code, digits and printed values that are not ours."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.focal import Focal
from robustfit.losses.classification.hinge import Hinge
from robustfit.losses.classification.sigmoid_mse import SigmoidMSE
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy
from robustfit.losses.classification.zero_one import ZeroOne

RNG = np.random.default_rng(0)
Y, ETA = np.where(RNG.random(200) < 0.4, 1.0, -1.0), 3.0 * RNG.normal(size=200)
P = special.expit(ETA)


@pytest.mark.parametrize(
    ("loss", "theirs"),
    [
        (CrossEntropy(), lambda: metrics.log_loss(Y, P)),
        (Hinge(), lambda: metrics.hinge_loss(Y, ETA)),
        (ZeroOne(), lambda: metrics.zero_one_loss(Y, np.sign(ETA))),
        (SigmoidMSE(), lambda: metrics.brier_score_loss(Y, P, pos_label=1.0)),
    ],
    ids=["log_loss", "hinge_loss", "zero_one_loss", "brier_score_loss"],
)
def test_scikit_learn_metrics(loss, theirs):
    assert loss(Y, ETA) == pytest.approx(theirs(), rel=1e-12)


def test_scipy_log_expit():
    m = np.linspace(-800.0, 800.0, 401)
    np.testing.assert_allclose(CrossEntropy().phi(m), -special.log_expit(m), rtol=4e-15, atol=0)


def test_keras_binary_cross_entropy_as_printed():
    """Two labels, 0 and 1, with the probabilities 0.4 and 0.6; -log 0.6 = 0.5108256, but Keras adds 1e-7 to each."""
    y, single = np.array([-1.0, 1.0]), 6e-8
    ours = CrossEntropy()(y, special.logit(np.array([0.4, 0.6])))
    assert ours == pytest.approx(-np.log(0.6), rel=1e-15)
    assert ours - 1e-7 / 0.6 == pytest.approx(0.5108254, abs=0.5e-7 + single)


def test_keras_categorical_cross_entropy_as_printed():
    with np.errstate(divide="ignore"):
        eta = np.log([[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
    assert SoftmaxCrossEntropy(3)(np.array([1.0, 2.0]), eta) == pytest.approx(1.176939, abs=5e-7)


def exact(m, gamma):
    """(1 - p)^gamma log(1 / p) in 60 digits."""
    with localcontext(prec=60):
        odds = (-Decimal(m)).exp()
        return float((odds / (1 + odds)) ** gamma * (1 + odds).ln())


@pytest.mark.parametrize("gamma", [0, 1, 2, 5])
def test_every_digit(gamma):
    m = np.concatenate([-np.logspace(-6.0, 2.0, 33), [0.0], np.logspace(-6.0, 2.0, 33)])
    expected = [exact(x, gamma) for x in m]
    np.testing.assert_allclose(Focal(gamma, None).phi(m), expected, rtol=(4 + 4 * gamma) * 2.3e-16, atol=0)


@pytest.mark.parametrize(
    ("p", "ratio"),
    [(Fraction(9, 10), 100), (Fraction(968, 1000), Fraction(15625, 16)), (Fraction(1, 2), 4), (Fraction(1, 10), None)],
    ids=str,
)
def test_how_much_smaller_than_cross_entropy_focal_loss_is(p, ratio):
    """1 / (1 - p)^2 exactly: 100 times at 0.9, 976.5625 (not 1000) times at 0.968, at most 4 times up to 1/2."""
    exactly = 1 / (1 - p) ** 2
    assert exactly == ratio if ratio else exactly < 4
    m = special.logit(np.array(float(p)))
    assert CrossEntropy().phi(m) / Focal(2.0, None).phi(m) == pytest.approx(float(exactly), rel=1e-13)


def test_focal_without_focus_is_cross_entropy():
    m = np.linspace(-50.0, 50.0, 201)
    for function in ("phi", "derivative", "second"):
        ours = getattr(Focal(0.0, None), function)(m)
        np.testing.assert_allclose(ours, getattr(CrossEntropy(), function)(m), rtol=4e-16, atol=0)


def test_focal_weighs_the_labels():
    y, zero = np.array([1.0, -1.0]), np.zeros(2)
    np.testing.assert_allclose(Focal(2.0, 0.25).value(y, zero), np.log(2.0) / 4 * np.array([0.25, 0.75]), rtol=1e-15)

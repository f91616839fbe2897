"""Cross-entropy over k classes: its derivatives, its two-class case, its weights and its extremes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import along_each
from scipy import special

from robustfit.errors import BadData, BadParameter, Incompatible
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy

RNG = np.random.default_rng(1)
Y = RNG.integers(0, 4, size=(3, 20)).astype(float)
ETA = 3.0 * RNG.normal(size=(3, 20, 4))
WEIGHTS = (0.5, 1.0, 3.0, 0.0)
both = pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), SoftmaxCrossEntropy(WEIGHTS)], ids=repr)


def test_scipy_log_softmax():
    expected = -np.take_along_axis(special.log_softmax(ETA, axis=-1), Y.astype(int)[..., None], -1)[..., 0]
    np.testing.assert_allclose(SoftmaxCrossEntropy().value(Y, ETA), expected, rtol=1e-14, atol=1e-15)
    weighted = np.array(WEIGHTS)[Y.astype(int)] * expected
    np.testing.assert_allclose(SoftmaxCrossEntropy(WEIGHTS).value(Y, ETA), weighted, rtol=1e-14, atol=1e-15)


@both
def test_slope_and_bend_are_the_derivatives(loss):
    slope = along_each(lambda eta: loss.value(Y, eta), ETA, 1e-5)
    np.testing.assert_allclose(loss.slope(Y, ETA), slope, rtol=0, atol=1e-9)  # step^2 / 6 and rounding / step
    bend = along_each(lambda eta: loss.slope(Y, eta), ETA, 1e-5)
    np.testing.assert_allclose(loss.bend(Y, ETA), bend, rtol=0, atol=1e-9)


@both
def test_convex_and_blind_to_a_common_shift(loss):
    bend = loss.bend(Y, ETA)
    np.testing.assert_allclose(bend, np.swapaxes(bend, -1, -2), rtol=1e-12, atol=1e-300)
    assert np.linalg.eigvalsh(bend).min() >= -1e-15
    np.testing.assert_allclose(loss.slope(Y, ETA).sum(-1), 0.0, atol=1e-15)
    np.testing.assert_allclose(bend.sum(-1), 0.0, atol=1e-15)
    np.testing.assert_allclose(loss.value(Y, ETA + 8.0), loss.value(Y, ETA), rtol=1e-13, atol=1e-14)


@given(first=st.floats(-340.0, 340.0), second=st.floats(-340.0, 340.0), label=st.booleans())
@settings(deadline=None, derandomize=True, max_examples=300)
def test_with_two_classes_softmax_is_the_sigmoid(first, second, label):
    eta, score, y = np.array([[first, second]]), np.array([second - first]), np.array([float(label)])
    soft, binary, sign = SoftmaxCrossEntropy(), CrossEntropy(), 2.0 * y - 1.0
    np.testing.assert_allclose(soft.value(y, eta), binary.value(sign, score), rtol=1e-13, atol=0)
    np.testing.assert_allclose(soft.slope(y, eta)[:, 1], binary.slope(sign, score), rtol=1e-12, atol=0)
    np.testing.assert_allclose(soft.bend(y, eta)[:, 1, 1], binary.bend(sign, score), rtol=1e-12, atol=0)


def test_finite_and_silent_at_extremes_and_ties():
    eta = np.array([[1e308, -1e308, 0.0], [0.0, 0.0, 0.0], [-800.0, 800.0, 800.0], [1e-310, 0.0, 0.0]])
    loss = SoftmaxCrossEntropy()
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        values = loss.value(np.array([0.0, 1.0, 0.0, 2.0]), eta)
        slopes, bends = loss.slope(np.zeros(4), eta), loss.bend(np.zeros(4), eta)
    np.testing.assert_allclose(values, [0.0, np.log(3.0), 1600.0 + np.log(2.0), np.log(3.0)], rtol=1e-15)
    assert np.isfinite(slopes).all() and np.isfinite(bends).all()


def test_nan_stays_nan_in_its_row():
    eta = np.array([[0.0, np.nan], [0.0, 1.0]])
    np.testing.assert_array_equal(np.isnan(SoftmaxCrossEntropy().value(np.zeros(2), eta)), [True, False])


@both
def test_batches_are_their_members(loss):
    for i in range(3):
        np.testing.assert_array_equal(loss.value(Y, ETA)[i], loss.value(Y[i], ETA[i]))
        np.testing.assert_array_equal(loss.bend(Y, ETA)[i], loss.bend(Y[i], ETA[i]))
    single = loss.value(Y[0, 0], ETA[0, 0])
    assert np.shape(single) == () and single == loss.value(Y, ETA)[0, 0]


@pytest.mark.parametrize("label", [-1.0, 4.0, 0.5, np.nan])
def test_a_label_that_is_no_class_is_refused(label):
    with pytest.raises(BadData, match=f"label {label:g}: must be one of the 4 classes 0 ... 3"):
        SoftmaxCrossEntropy().value(np.array([0.0, label]), np.zeros((2, 4)))


def test_weights_must_fit_the_classes():
    with pytest.raises(Incompatible, match="4 classes need 4 weights; 2 were given"):
        SoftmaxCrossEntropy((1.0, 2.0)).value(Y, ETA)
    with pytest.raises(BadParameter, match="weights="):
        SoftmaxCrossEntropy((1.0, -2.0))

"""Cross-entropy over k classes: its derivatives, its two-class case, its weights and its extremes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import along_each
from scipy import special

from robustfit.errors import BadData, BadParameter, Incompatible
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy, counted

EPS = np.finfo(float).eps
RNG = np.random.default_rng(1)
Y = RNG.integers(0, 4, size=(3, 20)).astype(float)
ETA = 3.0 * RNG.normal(size=(3, 20, 4))
WEIGHTS = (0.5, 1.0, 3.0, 0.0)
both = pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(4), SoftmaxCrossEntropy(4, WEIGHTS)], ids=repr)


def test_scipy_log_softmax():
    expected = -np.take_along_axis(special.log_softmax(ETA, axis=-1), Y.astype(int)[..., None], -1)[..., 0]
    np.testing.assert_allclose(SoftmaxCrossEntropy(4).value(Y, ETA), expected, rtol=1e-14, atol=1e-15)
    weighted = np.array(WEIGHTS)[Y.astype(int)] * expected
    np.testing.assert_allclose(SoftmaxCrossEntropy(4, WEIGHTS).value(Y, ETA), weighted, rtol=1e-14, atol=1e-15)


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
    soft, binary, sign = SoftmaxCrossEntropy(2), CrossEntropy(), 2.0 * y - 1.0
    np.testing.assert_allclose(soft.value(y, eta), binary.value(sign, score), rtol=1e-13, atol=0)
    np.testing.assert_allclose(soft.slope(y, eta)[:, 1], binary.slope(sign, score), rtol=1e-12, atol=0)
    np.testing.assert_allclose(soft.bend(y, eta)[:, 1, 1], binary.second(sign * score), rtol=1e-12, atol=0)


def test_finite_and_silent_at_extremes_and_ties():
    eta = np.array([[1e308, -1e308, 0.0], [0.0, 0.0, 0.0], [-800.0, 800.0, 800.0], [1e-310, 0.0, 0.0]])
    loss = SoftmaxCrossEntropy(3)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        values = loss.value(np.array([0.0, 1.0, 0.0, 2.0]), eta)
        slopes, bends = loss.slope(np.zeros(4), eta), loss.bend(np.zeros(4), eta)
    np.testing.assert_allclose(values, [0.0, np.log(3.0), 1600.0 + np.log(2.0), np.log(3.0)], rtol=1e-15)
    assert np.isfinite(slopes).all() and np.isfinite(bends).all()


def test_nan_stays_nan_in_its_row():
    eta = np.array([[0.0, np.nan], [0.0, 1.0]])
    np.testing.assert_array_equal(np.isnan(SoftmaxCrossEntropy(2).value(np.zeros(2), eta)), [True, False])


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
        SoftmaxCrossEntropy(4).value(np.array([0.0, label]), np.zeros((2, 4)))


def test_weights_must_fit_the_classes():
    with pytest.raises(Incompatible, match="4 classes need 4 weights; 2 were given"):
        SoftmaxCrossEntropy(4, (1.0, 2.0)).value(Y, ETA)
    with pytest.raises(BadParameter, match="weights="):
        SoftmaxCrossEntropy(2, (1.0, -2.0))
    with pytest.raises(BadParameter, match="classes=1: must be a whole number, at least 2"):
        SoftmaxCrossEntropy(1)


def test_counted_class_weights_are_weights_of_the_data():
    loss, counts = SoftmaxCrossEntropy(4, WEIGHTS), RNG.integers(1, 4, Y.shape).astype(float)
    for given_weights in (None, counts):
        plain, weights = counted(loss, Y, given_weights)
        expected = loss.value(Y, ETA) * (1.0 if given_weights is None else given_weights)
        assert plain == SoftmaxCrossEntropy(4)
        np.testing.assert_allclose(weights * plain.value(Y, ETA), expected, rtol=1e-15)
    assert counted(SoftmaxCrossEntropy(4), Y, counts) == (SoftmaxCrossEntropy(4), counts)


@both
def test_targets_and_held(loss):
    targets = loss.targets(Y)
    np.testing.assert_array_equal(targets.argmax(-1), Y)
    np.testing.assert_array_equal(targets.sum(-1), 1.0)
    np.testing.assert_array_equal(loss.held(Y, ETA, 0.0 * ETA), loss.value(Y, ETA))
    assert loss.outputs == 4 and not loss.wide


@both
def test_unseen_is_what_changes_no_value(loss):
    block = loss.unseen
    np.testing.assert_allclose(block @ block, block * np.trace(block), rtol=1e-15)
    np.testing.assert_allclose(loss.value(Y, ETA + 64.0 * block[0]), loss.value(Y, ETA), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(loss.bend(Y, ETA) @ block, 0.0, atol=1e-16)
    assert np.linalg.matrix_rank(SoftmaxCrossEntropy(4).bend(Y, ETA) + block).min() == 4


scores = st.lists(st.floats(-20.0, 20.0), min_size=4, max_size=4)


@both
@given(at=scores, other=scores, label=st.integers(0, 3))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_boehnings_paraboloid_lies_nowhere_below(loss, at, other, label):
    y, at, other = np.array(float(label)), np.array(at), np.array(other)
    move = other - at
    parts = np.array([loss.value(y, at), loss.slope(y, at) @ move, 0.5 * move @ loss.weight(y, at) @ move])
    assert loss.value(y, other) <= parts.sum() + 16 * EPS * (np.abs(parts).sum() + 20.0)
    assert np.linalg.eigvalsh(loss.weight(y, at) - loss.bend(y, at)).min() >= -4 * EPS * 3.0


def test_boehnings_block_is_the_least_multiple_of_its_kind():
    """Two classes with half of the probability each bend by 1/2 along their difference: so does the block."""
    loss, along = SoftmaxCrossEntropy(4), np.array([1.0, -1.0, 0.0, 0.0]) / np.sqrt(2.0)
    eta = np.array([0.0, 0.0, -800.0, -800.0])
    assert along @ loss.bend(np.array(0.0), eta) @ along == pytest.approx(0.5, rel=1e-15)
    assert along @ loss.weight(np.array(0.0), eta) @ along == pytest.approx(0.5, rel=1e-15)


@both
@given(at=scores, distribution=st.lists(st.floats(1e-6, 1.0), min_size=4, max_size=4), label=st.integers(0, 2))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_fenchel_young(loss, at, distribution, label):
    y, eta = np.array(float(label)), np.array(at)
    weight = 1.0 if not loss.weights else loss.weights[label]
    q = np.array(distribution) / np.sum(distribution)
    v = weight * (q - np.eye(4)[label])
    parts = np.array([loss.value(y, eta), loss.conjugate(y, v), -v @ eta])
    assert parts.sum() >= -64 * EPS * (np.abs(v * eta).sum() + np.abs(parts).sum() + 1.0)


@both
def test_fenchel_young_is_tight_at_the_slope(loss):
    v = loss.slope(Y, ETA)
    total = loss.value(Y, ETA) + loss.conjugate(Y, v) - (v * ETA).sum(-1)
    # v is right to half a unit in the last place of 1, which the scores and log q magnify
    np.testing.assert_allclose(total, 0.0, rtol=0, atol=64 * EPS * np.abs(ETA).max())


@pytest.mark.parametrize("q", [[0.2, 0.5, 0.3], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]], ids=str)
def test_the_conjugate_is_the_supremum(q):
    """v'eta - value at log q (the supremum is reached, or come near, there) and on a lattice around."""
    loss, y, v = SoftmaxCrossEntropy(3, (1.0, 2.0, 1.0)), np.array(1.0), 2.0 * (np.array(q) - [0.0, 1.0, 0.0])
    best = np.log(np.maximum(q, 1e-12))
    moves = np.stack(np.meshgrid(*[np.linspace(-3.0, 3.0, 7)] * 3), -1).reshape(-1, 3)
    reached = ((best + moves) @ v - loss.value(np.ones(len(moves)), best + moves)).max()
    assert reached == pytest.approx(loss.conjugate(y, v), abs=1e-10)  # probabilities of 1e-12 stand for none


@pytest.mark.parametrize("v", [[0.5, 0.5, 0.0], [0.5, -0.6, 0.0], [-0.1, 0.0, 0.1], [0.7, -1.4, 0.7]], ids=str)
def test_the_conjugate_is_infinite_where_there_is_no_distribution(v):
    assert np.isposinf(SoftmaxCrossEntropy(3).conjugate(np.array(1.0), np.array(v)))


def test_a_class_that_does_not_count_has_no_slope_and_no_other_dual():
    loss, y = SoftmaxCrossEntropy(2, (1.0, 0.0)), np.ones(2)
    np.testing.assert_array_equal(loss.slope(y, np.array([[1.0, 2.0], [5.0, 0.0]])), 0.0)
    np.testing.assert_array_equal(loss.conjugate(y, np.array([[0.0, 0.0], [0.1, -0.1]])), [0.0, np.inf])

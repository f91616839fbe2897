"""What every loss of a margin must obey, whoever wrote it; the losses are found by walking the package."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import assert_derivative, final_classes
from scipy import optimize

from robustfit.errors import BadData, BadParameter, Incompatible
from robustfit.losses import classification
from robustfit.losses.base import REDUCTIONS, Bounded, Conjugate, Polyhedral, Stepwise
from robustfit.losses.classification.base import LabelLoss, MarginLoss, Unweighted, idle, signed
from robustfit.losses.classification.cross_entropy import CrossEntropy, among
from robustfit.losses.classification.focal import Focal
from robustfit.losses.classification.hinge import Hinge
from robustfit.losses.classification.perceptron import Perceptron
from robustfit.losses.classification.savage import Savage
from robustfit.losses.classification.sigmoid import Sigmoid
from robustfit.losses.classification.sigmoid_mse import SigmoidMSE
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy
from robustfit.losses.classification.squared_hinge import SquaredHinge
from robustfit.losses.classification.zero_one import ZeroOne

EPS = np.finfo(float).eps
FOCAL = [Focal(gamma, alpha) for gamma in (0.0, 0.5, 2.0, 5.0) for alpha in (None, 0.25, 0.9)]
LOSSES = [kind() for kind in final_classes(classification, LabelLoss) if kind is not Focal] + FOCAL
GRID = np.sort(np.concatenate([[0.0], *(sign * 1.0037 * np.logspace(-3.0, 1.7, 161) for sign in (-1.0, 1.0))]))
HUGE = np.concatenate([[0.0, 5e-324, 1e-310], 10.0 ** np.arange(-300, 301, 10), [1e308]])
HUGE = np.concatenate([-HUGE[::-1], HUGE])
KINKS = {ZeroOne: 0.0, Perceptron: 0.0, Hinge: 1.0, SquaredHinge: 1.0}


def over(*kinds):
    """A parametrisation over the losses that are of all these kinds."""
    return pytest.mark.parametrize("loss", [loss for loss in LOSSES if isinstance(loss, kinds or object)], ids=repr)


def test_the_package_has_losses_of_every_kind():
    names = {type(loss).__name__ for loss in LOSSES}
    known = "CrossEntropy Focal Hinge Perceptron Savage Sigmoid SigmoidMSE SquaredHinge ZeroOne"
    assert names >= set(known.split())


@over()
def test_phi_falls_from_a_positive_cost_to_none(loss):
    assert (loss.phi(GRID) >= 0.0).all() and (np.diff(loss.phi(GRID)) <= 4 * EPS * loss.phi(GRID)[:-1]).all()
    assert loss.phi(np.array(-3.0)) > 0.0 and loss.phi(np.array(800.0)) == 0.0


def away_from_kinks(loss):
    """Margins, and steps of differences that stay on one side of the loss's kink."""
    step = 1e-3 * np.maximum(np.abs(GRID), 1e-2)
    off = np.abs(GRID - KINKS.get(type(loss), np.inf)) > 3.0 * step
    return GRID[off], step[off]


@over()
def test_derivatives_in_the_margin(loss):
    m, step = away_from_kinks(loss)
    assert_derivative(loss.phi, loss.derivative, m, step)
    if isinstance(loss, MarginLoss):
        assert_derivative(loss.derivative, loss.second, m, step)


@over()
def test_rho_is_phi_of_one_minus_the_error_and_psi_and_curvature_are_its_derivatives(loss):
    m, step = away_from_kinks(loss)
    u = 1.0 - m
    np.testing.assert_array_equal(loss.rho(u), loss.phi(1.0 - u))
    assert_derivative(loss.rho, loss.psi, u, step)
    assert_derivative(loss.psi, loss.curvature, u, step)
    np.testing.assert_array_equal(loss.psi_given(u, loss.weight(u)), loss.psi(u))


@over(MarginLoss)
@given(m=st.floats(-30.0, 30.0), other=st.floats(-30.0, 30.0))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_the_majorisers_parabola_lies_nowhere_below_the_loss(loss, m, other):
    at, far = np.array(m), np.array(other)
    if isinstance(loss, Stepwise):
        assert np.isposinf(loss.majoriser(at))
        return
    move = far - at
    parts = np.array([loss.phi(at), loss.derivative(at) * move, 0.5 * loss.majoriser(at) * move**2])
    assert loss.phi(far) <= parts.sum() + 8 * EPS * (np.abs(parts).sum() + 1e-300)
    assert loss.weight(1.0 - at) == loss.majoriser(1.0 - (1.0 - at))


@over(MarginLoss)
def test_no_flatter_parabola_would_do(loss):
    """A constant majoriser is the largest second derivative, Focal's a bound of it; cross-entropy's touches twice."""
    if isinstance(loss, CrossEntropy):
        m = np.array([-20.0, -3.0, -0.1, 0.5, 7.0])
        touching = loss.phi(m) - 2.0 * m * loss.derivative(m) + 2.0 * loss.majoriser(m) * m * m
        np.testing.assert_allclose(touching, loss.phi(-m), rtol=1e-13, atol=1e-14)  # of terms as large as 20
        assert loss.majoriser(np.zeros(1)) == 0.25
    elif not isinstance(loss, Stepwise):
        largest = loss.second(np.linspace(-12.0, 12.0, 240_001)).max()
        bound = loss.majoriser(np.zeros(1)).item()
        exact = not isinstance(loss, Focal) or loss.gamma == 0.0
        assert bound == pytest.approx(largest, rel=1e-8) if exact else largest < bound < 3.0 * largest


@pytest.mark.parametrize("kind", [Hinge, Perceptron], ids=lambda kind: kind.__name__)
def test_at_its_kink_the_derivative_is_the_one_nearest_to_zero(kind):
    around = KINKS[kind] + np.array([-1e-9, 0.0, 1e-9])
    np.testing.assert_array_equal(kind().derivative(around), [-1.0, 0.0, 0.0])


@over()
def test_convex_as_declared(loss):
    left, right = GRID[:, None], GRID[None, :]
    chord = 0.5 * (loss.phi(left) + loss.phi(right))
    excess = loss.phi(0.5 * (left + right)) - chord
    if loss.convex or (isinstance(loss, Focal) and loss.gamma == 0.0):
        least = 1.0 if isinstance(loss, Polyhedral) else 1e-300  # pieces are of 1 - m, which is rounded
        assert (excess <= 8 * EPS * np.maximum(chord, least)).all()
    else:
        assert (excess > 1e-3 * chord).any(), "no chord below the curve was found: is it not convex?"


@over()
def test_bounded_by_type_exactly_when_phi_levels_off(loss):
    far = loss.phi(np.array([-1e100, -1e150]))
    assert isinstance(loss, Bounded) == np.allclose(far, far[0], rtol=1e-6, atol=0)
    if isinstance(loss, Bounded):
        assert far[0] == loss.rho_sup and (loss.phi(HUGE) <= loss.rho_sup).all()


@over()
def test_finite_and_silent_from_denormal_to_1e308(loss):
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        phi, derivative, curvature = loss.phi(HUGE), loss.derivative(HUGE), loss.curvature(1.0 - HUGE)
    representable = (HUGE > -1e150) | (not isinstance(loss, SquaredHinge))
    assert np.isfinite(phi[representable]).all()
    assert np.isfinite(derivative[np.abs(HUGE) < 1e308]).all() and np.isfinite(curvature).all()


@over()
def test_nan_stays_nan_and_batch_axes_pass(loss):
    for function in (loss.phi, loss.derivative, loss.rho, loss.psi):
        np.testing.assert_array_equal(np.isnan(function(np.array([0.5, np.nan]))), [False, True])
    for function in (loss.phi, loss.derivative, loss.rho, loss.psi, loss.weight, loss.curvature):
        for shape in [(), (4,), (2, 3)]:
            m = np.linspace(-2.0, 2.0, int(np.prod(shape))).reshape(shape)
            np.testing.assert_array_equal(function(m), np.reshape([function(x) for x in m.ravel()], shape))


@over()
def test_value_and_slope_are_those_of_the_score(loss):
    m, step = away_from_kinks(loss)
    y = np.where(np.arange(m.size) % 3 == 0, 1.0, -1.0)
    eta, weight = y * m, loss.label_weight(y)
    np.testing.assert_array_equal(loss.value(y, eta), weight * loss.phi(m))
    np.testing.assert_array_equal(loss.value(y, eta, 7.0), loss.value(y, eta))
    assert_derivative(lambda at: loss.value(y, at), lambda at: loss.slope(y, at), eta, step)


@over(Unweighted)
def test_both_labels_count_the_same(loss):
    np.testing.assert_array_equal(loss.value(np.ones(GRID.size), GRID), loss.value(-np.ones(GRID.size), -GRID))


def test_class_weights_multiply_the_costs_of_their_class():
    loss, y = CrossEntropy((0.5, 3.0)), np.where(np.arange(GRID.size) % 3 == 0, 1.0, -1.0)
    np.testing.assert_array_equal(loss.value(y, GRID), np.where(y > 0, 3.0, 0.5) * CrossEntropy().value(y, GRID))
    np.testing.assert_array_equal(loss.phi(GRID), CrossEntropy().phi(GRID))
    with pytest.raises(Incompatible, match="2 classes need 2 weights; 3 were given"):
        CrossEntropy((1.0, 2.0, 3.0)).value(y, GRID)


@over()
def test_signed_rows_have_the_target_one_and_the_labels_weights(loss):
    rng = np.random.default_rng(3)
    X, y, coef = rng.normal(size=(2, 9, 3)), np.where(rng.random((2, 9)) < 0.4, 1.0, -1.0), rng.normal(size=3)
    weights = rng.integers(1, 4, (2, 9)).astype(float)
    for given_weights in (None, weights):
        rows, ones, counts = signed(X, y, given_weights, loss)
        costs = loss.rho(ones - rows @ coef) * (1.0 if counts is None else counts)
        expected = loss.value(y, X @ coef) * (1.0 if given_weights is None else given_weights)
        np.testing.assert_allclose(costs, expected, rtol=1e-14, atol=1e-15)
        assert (counts is None) == (given_weights is None and np.ptp(loss.label_weight(np.array([-1.0, 1.0]))) == 0.0)


@pytest.mark.parametrize("label", [0.0, 2.0, -0.5, np.nan])
def test_labels_other_than_minus_one_and_one_are_refused(label):
    with pytest.raises(BadData, match=f"label {label:g}: a loss of two classes needs labels -1 and 1"):
        signed(np.ones((3, 1)), np.array([1.0, label, -1.0]), None, Hinge())


def test_only_cross_entropy_is_a_loss_of_more_classes():
    assert among(CrossEntropy((1.0, 2.0, 3.0)), 3) == SoftmaxCrossEntropy(3, (1.0, 2.0, 3.0))
    for loss in LOSSES:
        assert among(loss, 2) is loss
        if not isinstance(loss, CrossEntropy):
            with pytest.raises(Incompatible, match="loss of two classes; there are 4: cross_entropy takes any number"):
                among(loss, 4)


@over()
def test_idle_where_a_score_of_zero_costs_nothing(loss):
    assert idle(loss) == (loss.phi(np.zeros(1)).item() == 0.0) == isinstance(loss, Perceptron)


@over()
def test_reductions_are_over_the_data(loss):
    y, eta = np.ones((3, 4)), np.random.default_rng(5).normal(size=(3, 4))
    costs = loss.value(y, eta)
    for reduction, expected in zip(REDUCTIONS, (costs, costs.sum(-1), costs.mean(-1)), strict=True):
        np.testing.assert_array_equal(loss(y, eta, reduction=reduction), expected)


CONJUGATES = [loss for loss in LOSSES if isinstance(loss, Conjugate)]


def test_the_convex_ones_have_conjugates():
    assert {type(loss) for loss in CONJUGATES} == {type(loss) for loss in LOSSES if loss.convex}


@given(loss=st.sampled_from(CONJUGATES), u=st.floats(-1e6, 1e6), share=st.floats(0.0, 1.0))
@settings(deadline=None, derandomize=True, max_examples=400)
def test_fenchel_young(loss, u, share):
    low, high = np.clip(loss.domain, -1e6, 1e6)
    u, v = np.array(u), np.clip(low + share * (high - low), low, high)
    parts = np.array([loss.rho(u), loss.conjugate(v), -u * v])
    assert parts.sum() >= -16 * EPS * (np.abs(parts).sum() + 1.0)  # 1 - u is rounded


@over(Conjugate)
def test_fenchel_young_is_tight_at_psi(loss):
    u = 1.0 - GRID
    v = loss.psi(u)
    total = loss.rho(u) + loss.conjugate(v) - u * v
    # v is right to half a unit in its last place, which the steep conjugate of cross-entropy magnifies by u.
    assert (np.abs(total) <= 16 * EPS * (loss.rho(u) + np.abs(loss.conjugate(v)) + np.abs(u * v) + 1.0)).all()


@over(Conjugate)
def test_the_conjugate_is_infinite_exactly_outside_its_domain(loss):
    low, high = loss.domain
    assert low == 0.0 and high in (1.0, np.inf)  # the range of psi: no error pulls the wrong way
    ends = np.array([end for end in (low, high) if np.isfinite(end)])
    assert np.isfinite(loss.conjugate(ends)).all()
    assert np.isposinf(loss.conjugate(np.array([-5e-324, -1.0, -1e308]))).all()
    if np.isfinite(high):
        assert np.isposinf(loss.conjugate(np.array([np.nextafter(high, np.inf), 1e308]))).all()


@over(Conjugate)
def test_the_conjugate_is_the_supremum(loss):
    u = np.linspace(-60.0, 60.0, 120_001)
    for v in (0.1, 0.5, 0.9):
        sup = (v * u - loss.rho(u)).max()
        assert sup == pytest.approx(float(loss.conjugate(np.array(v))), abs=1e-6)  # curvature / 2 (spacing / 2)^2


@over(Polyhedral)
def test_pieces_in_the_error_are_the_loss(loss):
    slopes, intercepts = np.array(loss.pieces).T
    u = 1.0 - GRID
    np.testing.assert_array_equal(loss.rho(u), (slopes[:, None] * u + intercepts[:, None]).max(0))
    low, high = loss.subdifferential(u)
    assert ((low <= loss.psi(u)) & (loss.psi(u) <= high)).all()
    kink = 1.0 - KINKS[type(loss)]
    np.testing.assert_array_equal([end.item() for end in loss.subdifferential(np.array([kink]))], [0.0, 1.0])


LINKS = {
    CrossEntropy: lambda p: np.log(p / (1.0 - p)),
    SigmoidMSE: lambda p: np.log(p / (1.0 - p)),
    Savage: lambda p: 0.5 * np.log(p / (1.0 - p)),
    SquaredHinge: lambda p: 2.0 * p - 1.0,
    Hinge: lambda p: np.sign(2.0 * p - 1.0),
}


@pytest.mark.parametrize("kind", LINKS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("p", [0.05, 0.3, 0.8])
def test_the_score_that_is_best_where_the_label_is_random(kind, p):
    """Minimisers of p phi(m) + (1 - p) phi(-m): Bartlett, Jordan & McAuliffe (2006), and Savage's own paper."""
    loss = kind()

    def risk(m):
        return p * loss.phi(np.array(m)) + (1.0 - p) * loss.phi(np.array(-m))

    found = optimize.minimize_scalar(risk, bounds=(-5.0, 5.0), method="bounded", options={"xatol": 1e-9}).x
    assert found == pytest.approx(LINKS[kind](p), abs=1e-6)


@over()
@pytest.mark.parametrize("p", [0.45, 0.9])
def test_calibrated_for_the_label(loss, p):
    """Whatever the loss, the best score has the sign of the likelier label; the perceptron's alone is 0."""
    m = np.linspace(-4.0, 4.0, 8001)
    best = m[np.argmin(p * loss.phi(m) + (1.0 - p) * loss.phi(-m))]
    assert np.sign(best) == (0.0 if isinstance(loss, Perceptron) else np.sign(2.0 * p - 1.0))


def test_the_surrogates_lie_above_the_share_of_wrong_labels():
    errors = ZeroOne().phi(GRID)
    for surrogate in (Hinge().phi(GRID), SquaredHinge().phi(GRID), CrossEntropy().phi(GRID) / np.log(2.0)):
        assert (surrogate >= errors * (1.0 - EPS)).all()


def test_sigmoid_is_symmetric_so_that_random_flips_only_rescale_it():
    np.testing.assert_allclose(Sigmoid().phi(GRID) + Sigmoid().phi(-GRID), 1.0, rtol=2 * EPS)


def test_savage_is_squared_error_through_a_sigmoid_of_twice_the_score():
    np.testing.assert_array_equal(Savage().phi(GRID), SigmoidMSE().phi(2.0 * GRID))


def test_a_step_of_the_perceptron_is_rosenblatts_update():
    x, y, coef = np.array([1.0, 2.0, -3.0]), np.array(-1.0), np.array([1.0, 0.0, 0.0])
    slope = Perceptron().slope(y, np.array(x @ coef))
    np.testing.assert_array_equal(coef - slope * x, coef + y * x)


@pytest.mark.parametrize(
    "wrong",
    [{"gamma": -0.1}, {"gamma": np.nan}, {"alpha": 0.0}, {"alpha": 1.0}, {"alpha": "balanced"}, {"gamma": None}],
    ids=repr,
)
def test_a_parameter_that_makes_no_sense_is_refused_by_name(wrong):
    (name,) = wrong
    with pytest.raises(BadParameter, match=f"{name}=.*: must be a number"):
        Focal(**wrong)

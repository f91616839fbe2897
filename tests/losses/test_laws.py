"""What every loss must obey, whoever wrote it: the laws of rho, psi, weight, curvature and rho*, and of its parameters.

The losses are found through the catalogue, so a new YAML and its file are held to all of this without an edit here.
"""

import dataclasses
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustfit import catalogue
from robustfit.errors import BadParameter
from robustfit.losses.base import REDUCTIONS, Bounded, Conjugate, PolyhedralLoss, ResidualLoss, SmoothLoss
from robustfit.task import fitting

EPS = np.finfo(float).eps
HUGE = np.concatenate([[0.0, 5e-324, 1e-310], 10.0 ** np.arange(-300, 301, 10)])
HUGE = np.concatenate([-HUGE[::-1], HUGE])


def numbers(loss):
    """The real parameters of a loss: name, value and declared range."""
    ranges = {entry.name: entry.metadata.get("range") for entry in dataclasses.fields(loss)}
    values = [(name, getattr(loss, name), allowed) for name, allowed in ranges.items() if allowed]
    return [entry for entry in values if isinstance(entry[1], float)]


def inside(allowed, step):
    """A value in the range: `step` in (0, inf) beyond an open end, step / (1 + step) of the way between two ends."""
    low = allowed.at_least if allowed.above is None else allowed.above
    high = allowed.at_most if allowed.below is None else allowed.below
    if low is not None and high is not None:
        return low + (high - low) * step / (1.0 + step)
    return high - step if low is None and high is not None else (low or 0.0) + step


def variants(*steps):
    """Every loss of the catalogue at its default and with each parameter moved through its range, to closed ends."""
    for name in fitting("loss", "regression"):
        loss = catalogue.make("loss", name)
        yield loss
        for parameter, _, allowed in numbers(loss):
            ends = [end for end in (allowed.at_least, allowed.at_most) if end is not None]
            for value in [inside(allowed, step) for step in steps] + ends:
                yield dataclasses.replace(loss, **{parameter: value})


def over(losses, *kinds):
    """A parametrisation over those losses that are of all these kinds."""
    return pytest.mark.parametrize("loss", [loss for loss in losses if isinstance(loss, kinds or object)], ids=repr)


LOSSES = [loss for loss in dict.fromkeys(variants(0.1, 1.0, 10.0)) if isinstance(loss, ResidualLoss)]
WIDE = [loss for loss in dict.fromkeys(variants(0.1, 1.0, 10.0, 1e-3, 1e3)) if isinstance(loss, ResidualLoss)]


def lengths(loss):
    """Where the shape of a loss may change: its parameters."""
    return [value for _, value, _ in numbers(loss) if value > 0.0] or [1.0]


def grid(loss):
    """Points of both signs around and well beyond all that can happen, none of them 0 or exactly a kink."""
    positive = 1.0037 * max(lengths(loss)) * np.logspace(-2.0, 1.5, 141)
    return np.concatenate([-positive[::-1], positive])


def differences(function, u, h):
    """f' by central differences of fourth order."""
    near, far = function(u + h) - function(u - h), function(u + 2.0 * h) - function(u - 2.0 * h)
    return (8.0 * near - far) / (12.0 * h)


def assert_derivative(function, derivative, u, h):
    """The derivative is right wherever halving the step changes nothing, which is everywhere but across a kink."""
    coarse, fine = differences(function, u, h), differences(function, u, h / 2.0)
    size = max(np.abs(fine).max(), np.abs(derivative(u)).max())
    settled = np.abs(coarse - fine) <= 1e-9 * size
    assert settled.mean() > 0.95
    np.testing.assert_allclose(derivative(u)[settled], fine[settled], rtol=0, atol=1e-8 * size)


def step(loss, u):
    """A step that is small beside u and beside every length of the loss."""
    return 1e-3 * np.minimum(np.abs(u), min(lengths(loss)))


def test_the_catalogue_has_losses_of_every_kind():
    for kind in (SmoothLoss, PolyhedralLoss, Conjugate, Bounded):
        assert any(isinstance(loss, kind) for loss in LOSSES)


@over(LOSSES)
def test_rho_is_zero_at_zero_and_never_negative(loss):
    assert loss.rho(np.zeros(1)).item() == 0.0
    assert (loss.rho(grid(loss)) >= 0.0).all() and (loss.rho(100.0 * grid(loss)) > 0.0).any()


@over(LOSSES)
def test_psi_is_the_derivative_of_rho(loss):
    assert_derivative(loss.rho, loss.psi, grid(loss), step(loss, grid(loss)))


@over(LOSSES)
def test_curvature_is_the_derivative_of_psi(loss):
    assert_derivative(loss.psi, loss.curvature, grid(loss), step(loss, grid(loss)))


@over(LOSSES)
def test_curvature_is_a_one_sided_limit_at_kinks_of_psi(loss):
    kinks = np.array(lengths(loss))
    limits = np.stack([loss.curvature(kinks * (1.0 - 1e-12)), loss.curvature(kinks * (1.0 + 1e-12))])
    miss = np.abs(loss.curvature(kinks) - limits).min(0)
    assert (miss <= 1e-9 * loss.curvature(np.zeros(1))).all()


@over(LOSSES)
def test_weight_is_psi_over_u_and_its_limit_at_zero(loss):
    u = grid(loss)
    np.testing.assert_allclose(loss.weight(u), loss.psi(u) / u, rtol=4 * EPS, atol=0)
    assert (loss.weight(u) >= 0.0).all()
    below, at, above = loss.weight(np.array([-1e-12, 0.0, 1e-12]))
    jump = np.ptp(loss.psi(np.array([-1e-12, 1e-12]))) > 1e-6
    assert np.isposinf(at) if jump else at == pytest.approx(below, rel=1e-12) == pytest.approx(above, rel=1e-12)


@over(LOSSES)
def test_convex_as_declared(loss):
    u = grid(loss)
    left, right = u[:, None], u[None, :]
    chord = 0.5 * (loss.rho(left) + loss.rho(right))
    excess = loss.rho(0.5 * (left + right)) - chord
    if loss.convex:
        terms = np.abs(left * loss.psi(left)) + np.abs(right * loss.psi(right))
        assert (excess <= 4 * EPS * terms).all()
        assert (np.diff(loss.psi(u)) >= -4 * EPS * np.abs(loss.psi(u)).max()).all()
    else:
        assert (excess > 1e-3 * chord).any(), "no chord below the curve was found: is it not convex?"
        assert (np.diff(loss.psi(u)) < 0.0).any()


def homogeneous(loss):
    """Whether rho(3 u) / rho(u) is one number, so that a scale cancels out of the minimisation."""
    u = grid(loss)
    return np.allclose(loss.rho(3.0 * u) * loss.rho(u[-1]), loss.rho(u) * loss.rho(3.0 * u[-1]), rtol=1e-12, atol=0)


@over(LOSSES)
def test_scale_free_exactly_when_homogeneous(loss):
    kind = [other for other in LOSSES if type(other) is type(loss)]
    assert loss.scale_free == all(homogeneous(other) for other in kind)


@over(LOSSES, SmoothLoss)
def test_smooth_losses_are_even(loss):
    u = grid(loss)
    np.testing.assert_array_equal(loss.rho(-u), loss.rho(u))
    np.testing.assert_array_equal(loss.psi(-u), -loss.psi(u))


@over(LOSSES)
def test_bounded_by_type_exactly_when_rho_levels_off(loss):
    far = loss.rho(np.array([-1e150, -1e100, 1e100, 1e150]))
    assert isinstance(loss, Bounded) == np.allclose(far, far[0], rtol=1e-6, atol=0)


@over(WIDE, Bounded)
def test_rho_sup_is_the_supremum(loss):
    assert (loss.rho(HUGE) <= loss.rho_sup * (1 + 4 * EPS)).all()
    assert loss.rho(np.array(1e300)) == pytest.approx(loss.rho_sup, rel=4 * EPS)


@over(WIDE, PolyhedralLoss)
def test_pieces_subdifferential_and_rho_agree(loss):
    slopes, intercepts = np.array(loss.pieces).T
    assert (np.diff(slopes) > 0).all()
    u = np.append(grid(loss), HUGE)
    np.testing.assert_array_equal(loss.rho(u), (slopes[:, None] * u + intercepts[:, None]).max(0))
    low, high = loss.subdifferential(u)
    assert ((low <= loss.psi(u)) & (loss.psi(u) <= high)).all()
    assert np.isin(low, slopes).all() and np.isin(high, slopes).all()
    corners = -np.diff(intercepts) / np.diff(slopes)
    np.testing.assert_array_equal(low < high, np.isin(u, corners))
    assert (np.abs(loss.psi(u)) <= np.minimum(np.abs(low), np.abs(high))).all()


@over(LOSSES, PolyhedralLoss)
def test_both_ends_of_the_subdifferential_support_rho(loss):
    u = np.append(grid(loss), 0.0)
    for slope in loss.subdifferential(u):
        support = loss.rho(u) + slope * (u[:, None] - u)
        assert (support <= loss.rho(u)[:, None] + 8 * EPS * np.abs(u).max()).all()


CONJUGATES = [loss for loss in WIDE if isinstance(loss, Conjugate)]


def finite_domain(loss, reach=1e6):
    return np.clip(loss.domain, -reach, reach)


@given(loss=st.sampled_from(CONJUGATES), u=st.floats(-1e6, 1e6), share=st.floats(0.0, 1.0))
@settings(deadline=None, derandomize=True, max_examples=500)
def test_fenchel_young(loss, u, share):
    low, high = finite_domain(loss)
    u, v = np.array(u), np.clip(low + share * (high - low), low, high)
    parts = np.array([loss.rho(u), loss.conjugate(v), -u * v])
    # Each part is right to some units in its last place; the steep end of the log-cosh conjugate magnifies v's own.
    assert parts.sum() >= -64 * EPS * np.abs(parts).sum()


@over(CONJUGATES)
def test_fenchel_young_is_tight_at_psi(loss):
    u = np.concatenate([grid(loss), [0.0], 1e-6 * grid(loss)])
    low, high = loss.domain
    # u weight(u) may round to the neighbour of the domain's end, where rho* is infinite and rightly so.
    v = np.clip(loss.psi(u), low, high)
    np.testing.assert_allclose(v, loss.psi(u), rtol=2 * EPS, atol=0)
    np.testing.assert_allclose(loss.rho(u) + loss.conjugate(v), u * v, rtol=64 * EPS, atol=0)


@over(CONJUGATES)
def test_the_conjugate_is_zero_at_zero_and_infinite_exactly_outside_its_domain(loss):
    assert loss.conjugate(np.zeros(1)).item() == 0.0
    ends = np.array(loss.domain)
    outside = np.array([np.nextafter(ends[0], -np.inf), np.nextafter(ends[1], np.inf), -1e300, 1e300])
    if np.isfinite(ends).all():
        assert np.isfinite(loss.conjugate(ends)).all()
        assert np.isposinf(loss.conjugate(outside)).all()
        np.testing.assert_allclose(loss.psi(np.array([-1e300, 1e300])), ends, rtol=4 * EPS)


@over(WIDE, SmoothLoss)
def test_no_digit_is_lost_near_zero(loss):
    # rho(u) = a u^2 / 2 (1 + O(u^2 / c^2)), and u^2 / c^2 <= 1e-18 here; rho*(v) = v^2 / (2 a) (1 + O(v^2 / c^2)).
    u, half = np.array([1e-12, -1e-50, 1e-100, 1e-150]), loss.curvature(np.zeros(1)) / 2.0
    np.testing.assert_allclose(loss.rho(u), half * u * u, rtol=8 * EPS, atol=0)
    np.testing.assert_allclose(loss.psi(u), 2.0 * half * u, rtol=8 * EPS, atol=0)
    if isinstance(loss, Conjugate):
        np.testing.assert_allclose(loss.conjugate(2.0 * half * u), half * u * u, rtol=8 * EPS, atol=0)


@over(WIDE)
def test_finite_and_silent_from_denormal_to_1e300(loss):
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        rho, psi, weight, curvature = (f(HUGE) for f in (loss.rho, loss.psi, loss.weight, loss.curvature))
    assert np.isfinite(psi).all() and np.isfinite(curvature).all()
    magnitude, growth = np.log10(loss.rho(np.array([1e100, 1e101])))
    representable = magnitude + (growth - magnitude) * (np.log10(np.abs(HUGE) + 1e-300) - 100.0) < 308.0
    assert np.isfinite(rho[representable]).all() and (rho >= 0.0).all()
    assert (weight >= 0.0).all() and np.isfinite(weight[np.abs(HUGE) >= 1e-300]).all()


@over(WIDE, Conjugate)
def test_the_conjugate_is_silent_from_denormal_to_1e300(loss):
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        values = loss.conjugate(HUGE)
    assert (values >= 0.0).all()
    low, high = loss.domain
    assert np.isfinite(values[(low <= HUGE) & (high >= HUGE) & (np.abs(HUGE) <= 1e150)]).all()


@over(LOSSES)
def test_nan_stays_nan(loss):
    u = np.array([1.0, np.nan])
    for function in (loss.rho, loss.psi):
        np.testing.assert_array_equal(np.isnan(function(u)), [False, True])


@over(LOSSES)
@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_batch_axes_pass(loss, shape):
    u = np.random.default_rng(3).normal(scale=2.0, size=shape)
    conjugate = [loss.conjugate] if isinstance(loss, Conjugate) else []
    for function in (loss.rho, loss.psi, loss.weight, loss.curvature, *conjugate):
        values = function(u)
        assert values.shape == shape
        one_by_one = np.array([function(np.array(member)) for member in u.ravel()]).reshape(shape)
        np.testing.assert_allclose(values, one_by_one, rtol=4 * EPS, atol=0)


@over(LOSSES)
def test_value_is_rho_of_the_standardised_residual(loss):
    y, eta = np.random.default_rng(4).normal(size=(2, 3, 5))
    scale = np.array([[0.5], [2.0], [7.0]])
    np.testing.assert_array_equal(loss.value(y, eta, scale), loss.rho((y - eta) / scale))
    np.testing.assert_array_equal(loss.value(y, eta), loss.rho(y - eta))


@over(LOSSES)
@pytest.mark.parametrize("scale", [0.5, 7.0])
def test_slope_is_the_derivative_of_value_in_eta(loss, scale):
    y = 2.0
    eta = y - scale * grid(loss)
    h = scale * step(loss, grid(loss))
    assert_derivative(lambda moved: loss.value(y, moved, scale), lambda at: loss.slope(y, at, scale), eta, h)


@over([catalogue.make("loss", name) for name in fitting("loss", "regression")])
def test_reductions_are_over_the_data(loss):
    y, eta = np.random.default_rng(5).normal(size=(2, 3, 4))
    costs = loss.value(y, eta)
    for reduction, expected in zip(REDUCTIONS, (costs, costs.sum(-1), costs.mean(-1)), strict=True):
        np.testing.assert_array_equal(loss(y, eta, reduction=reduction), expected)
    np.testing.assert_array_equal(loss(y, eta), costs.mean(-1))
    with pytest.raises(BadParameter, match="reduction='average': must be one of none, sum, mean"):
        loss(y, eta, reduction="average")


PARAMETERS = [
    pytest.param(loss, name, allowed, id=f"{type(loss).__name__}.{name}")
    for loss in variants()
    for name, _, allowed in numbers(loss)
]


def outside(allowed):
    """Values just at an excluded end, and beyond each end."""
    ends = [end for end in (allowed.above, allowed.below) if end is not None]
    low = [end - 1.0 for end in (allowed.above, allowed.at_least) if end is not None]
    high = [end + 1.0 for end in (allowed.below, allowed.at_most) if end is not None]
    return [*ends, *low, *high]


@pytest.mark.parametrize(("loss", "name", "allowed"), PARAMETERS)
def test_a_parameter_that_makes_no_sense_is_refused_by_name(loss, name, allowed):
    optional = "None" in str(type(loss).__annotations__[name])
    kind = "a number or null" if optional else "a number"
    for value in [*outside(allowed), np.nan, np.inf, -np.inf, True, "wide", [1.0], *([] if optional else [None])]:
        with pytest.raises(BadParameter, match=re.escape(f"{name}={value!r}: must be {kind}, {allowed}")):
            dataclasses.replace(loss, **{name: value})


@over(LOSSES)
def test_equal_numbers_make_equal_hashable_frozen_losses(loss):
    for name, value, allowed in numbers(loss):
        assert loss != dataclasses.replace(loss, **{name: inside(allowed, 0.7)})
        for same in (Fraction(value), np.float64(value), *([int(value)] if value.is_integer() else [])):
            twin = dataclasses.replace(loss, **{name: same})
            assert twin == loss and hash(twin) == hash(loss) and repr(twin) == repr(loss)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(loss, name, value)

"""Jets: each operation's value is NumPy's, each gradient that of differences, and no gradient costs nothing."""

import numpy as np
import pytest
from laws import along_each

from robustfit.losses.boxes.jet import Jet, angle, at_least, greatest, least

X = np.random.default_rng(0).uniform(0.5, 3.0, (50, 2))


def jets(x, k=2):
    seeds = np.eye(2)[:, :k]
    return [Jet(x[..., i], np.broadcast_to(seeds[i][:, None], (k, len(x)))) for i in (0, 1)]


OPERATIONS = {
    "sum": (lambda a, b: a + b, lambda x, y: x + y),
    "difference": (lambda a, b: a - b, lambda x, y: x - y),
    "product": (lambda a, b: a * b, lambda x, y: x * y),
    "multiple": (lambda a, b: 3.0 * a, lambda x, y: 3.0 * x),
    "complement": (lambda a, b: 1.0 - a, lambda x, y: 1.0 - x),
    "quotient": (lambda a, b: a.over(b, 0.0), lambda x, y: x / y),
    "logarithm": (lambda a, b: (a * b).log(), lambda x, y: np.log(x * y)),
    "greatest": (greatest, np.maximum),
    "least": (least, np.minimum),
    "floor": (lambda a, b: at_least(1.5, a), lambda x, y: np.maximum(1.5, x)),
    "angle": (angle, np.arctan2),
}
each_operation = pytest.mark.parametrize(("ours", "theirs"), OPERATIONS.values(), ids=OPERATIONS)


@each_operation
def test_values_are_numpys_and_gradients_those_of_differences(ours, theirs):
    jet = ours(*jets(X))
    np.testing.assert_array_equal(jet.value, theirs(*X.T))
    numeric = along_each(lambda x: theirs(x[..., 0], x[..., 1]), X, 1e-6)
    np.testing.assert_allclose(jet.gradient.T, numeric, rtol=0, atol=1e-8)


@each_operation
def test_without_variables_there_are_only_values(ours, theirs):
    jet = ours(*jets(X, 0))
    np.testing.assert_array_equal(jet.value, theirs(*X.T))
    assert jet.gradient.shape == (0, 50)


def test_no_gradient_passes_a_constant():
    a, b = jets(X)
    np.testing.assert_array_equal((a.constant() * b).gradient, [np.zeros(50), X[:, 0]])


def test_a_quotient_by_nothing_is_the_constant_and_flat():
    a, zero = Jet(np.array([2.0, 0.0]), np.ones((1, 2))), Jet(np.zeros(2), np.ones((1, 2)))
    with np.errstate(all="raise"):
        quotient = a.over(zero, 7.0)
    np.testing.assert_array_equal(quotient.value, 7.0)
    np.testing.assert_array_equal(quotient.gradient, 0.0)

"""What only independently contaminated errors do."""

import numpy as np
import pytest

from robustfit.errors import BadParameter
from robustfit.noises.contaminated_normal import ContaminatedNormal
from robustfit.noises.normal import Normal


def drawn(eps: float) -> np.ndarray:
    return ContaminatedNormal(eps=eps, shift=1000.0).draw(np.random.default_rng(3), (50, 100))


def test_good_errors_do_not_depend_on_eps():
    clean = Normal().draw(np.random.default_rng(3), (50, 100))
    few, many = drawn(0.1) > 500, drawn(0.3) > 500
    assert np.array_equal(drawn(0.3)[~many], clean[~many])
    assert not (few & ~many).any()


def test_the_number_of_bad_errors_is_binomial():
    counts = (drawn(0.1) > 500).sum(-1)
    assert abs(counts.mean() - 10) < 5 * np.sqrt(100 * 0.1 * 0.9 / 50)
    assert len(set(counts)) > 3


@pytest.mark.parametrize("eps", [-0.1, 0.51])
def test_eps_has_a_range(eps):
    with pytest.raises(BadParameter, match="eps=.*at least 0 and at most 0.5"):
        ContaminatedNormal(eps=eps)

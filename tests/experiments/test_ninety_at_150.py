"""What is gained by an alternative: chosen on one half of the samples, judged on the other."""

from __future__ import annotations

import pandas as pd
import pytest

from experiments import ninety_at_150
from experiments.group_fits import predictions


def lines(method: str, parameter: float, errors: list[float]) -> list[dict[str, object]]:
    return [
        {"method": method, "parameter": parameter, "replicate": k, "low_error": error, "high_error": error}
        for k, error in enumerate(errors)
    ]


def test_gain_is_judged_on_the_second_half():
    table = pd.DataFrame(
        lines("mse", float("nan"), [10, 10, 8, 8])
        + lines("mae", float("nan"), [20, 20, 1, 1])  # the better one later, which may not be known
        + lines("huber", 1.0, [5, 5, 9, 7])
        + lines("huber", 2.0, [6, 6, 0, 0])
    )
    found = ninety_at_150.gain(ninety_at_150.balanced(table), "huber")
    assert found.parameter == 1.0
    assert found.error.tolist() == [9, 7]
    assert found.by.value == pytest.approx(0.0)


def test_gain_of_a_method_without_parameter():
    table = pd.DataFrame(
        lines("mse", float("nan"), [10, 10, 8, 8])
        + lines("mae", float("nan"), [20] * 4)
        + lines("log", float("nan"), [5, 5, 6, 6])
    )
    found = ninety_at_150.gain(ninety_at_150.balanced(table), "log")
    assert found.by.value == pytest.approx(2.0) and found.parameter != found.parameter


@pytest.mark.parametrize(("separation", "tilts"), [(3.0, False), (20.0, True)])
def test_mae_leaves_150_where_tilting_costs_less(separation, tilts):
    """Flat costs 0.1 * 135 = 13.5; a line through both groups about 0.9 E abs(z) 135 / d, which is less for d > 7.2."""
    table = predictions("ninety_at_150", 1, separation, 0.1, 8, transforms=False)
    assert (ninety_at_150.of(table, "mae", "all_high") == (not tilts)).all()

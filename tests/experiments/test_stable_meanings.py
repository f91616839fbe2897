"""The growth of a measure with outliers, against its definition."""

from __future__ import annotations

import pandas as pd
import pytest

from experiments import stable_meanings


def test_growth_is_relative_to_clean_data():
    """MAE goes from 2 to 3 (1.5 times), MSE from 10 to 40 (4 times)."""
    means = {("mae", 0.0): 2.0, ("mae", 0.1): 3.0, ("mse", 0.0): 10.0, ("mse", 0.1): 40.0}
    lines = [
        {"cell": f"{loss}{part}", "loss": loss, "outliers": part, "replicate": k, "value": mean + (k - 1)}
        for (loss, part), mean in means.items()
        for k in range(3)
    ]
    found = stable_meanings._growth(pd.DataFrame(lines), "value")
    assert found.value == pytest.approx(1.5 / 4)
    assert found.n == 3

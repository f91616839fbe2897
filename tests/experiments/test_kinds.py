"""Cells taken out of rows: by their settings, in the order of their replicates."""

from __future__ import annotations

import pandas as pd
import pytest

from experiments import kinds


def test_a_cell_is_found_by_its_settings_though_some_are_missing():
    rows = pd.DataFrame(
        {
            "loss": ["a", "b", "a", "b"],
            "beta": [None, 1.0, None, 1.0],
            "replicate": [1, 0, 0, 1],
            "x": [1.0, 2.0, 3.0, 4.0],
        }
    )
    found = {key[0]: values.tolist() for key, values in kinds.cells(rows, ("loss", "beta"), "x").items()}
    assert found == {"a": [3.0, 1.0], "b": [2.0, 4.0]}


@pytest.mark.parametrize("name", kinds.KINDS)
def test_a_kind_is_known_again(name):
    settings = kinds.KINDS[name]
    assert kinds.kind_of(settings["contamination"], settings.get("contamination.symmetric")) == name


def test_the_studies_have_the_cells_that_they_should():
    counts = {study.name: study.grid.size for study in (kinds.RANDOM_ROWS, kinds.WORST_ROWS, kinds.GOOD_LEVERAGE)}
    losses, fractions, sizes = len(kinds.LOSSES), len(kinds.FRACTIONS), len(kinds.SIZES)
    assert counts["random_rows"] == losses * fractions * sizes * len(kinds.KINDS)
    assert counts["worst_rows"] == losses * fractions * sizes
    assert counts["good_leverage"] == losses * 3 * len(kinds.DISTANCES)

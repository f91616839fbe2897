"""The largest fraction of outliers that is tolerated: by hand on made-up errors, its interval where it is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from robustfit.errors import Unknown
from robustfit.summary import setting_names
from robustfit.tolerated import TOLERATED_DOCS, Circumstances, tolerable_errors, tolerated_fractions

FRACTIONS = (0.0, 0.1, 0.2, 0.3)


def rows(loss, fraction, values, kind="vertical", **columns):
    """Rows of one cell with these surface errors."""
    name = f"{loss} {fraction} {kind} {columns}"
    table = {"study": "s", "cell": name, "replicate": range(len(values)), "seed": 0, "outliers": fraction}
    table |= {"scenario": "linear", "contamination": kind, "loss": loss, "surface_error": values, "error": ""}
    return pd.DataFrame(table | columns)


def errors_of(*tables):
    """As a study gives them: one set of data after the other."""
    errors = {}
    for table in tables:
        errors |= tolerable_errors(table)
    return errors


def grid(loss, *locations, kind="vertical", **columns):
    """Cells of rising fractions with these constant errors."""
    pairs = zip(FRACTIONS, locations, strict=False)
    return [rows(loss, fraction, np.full(20, value), kind, **columns) for fraction, value in pairs]


def tolerated(*tables, **how):
    table = tolerated_fractions(errors_of(*tables), **how)
    return {(line["loss"], line["against"]): line for line in table.to_dict("records")}


def test_the_largest_fraction_within_the_bound():
    line = tolerated(*grid("mae", 0.2, 0.5, 1.0, 1.1))["mae", "all"]
    assert (line["tolerated_fraction"], line["tolerated_low"], line["tolerated_high"]) == (0.2, 0.2, 0.2)
    assert (line["worst"], line["beyond"], line["bound"]) == (1.0, "vertical", 1.0)
    assert (line["fractions"], line["largest_fraction"], line["replicates"], line["failures"]) == (4, 0.3, 20, 0)


def test_a_fraction_beyond_ends_it_though_larger_ones_are_within():
    assert tolerated(*grid("mae", 0.2, 5.0, 0.5))["mae", "all"]["tolerated_fraction"] == 0.0


def test_nothing_within_and_everything_within():
    nothing, everything = (
        tolerated(*grid("mse", 2.0, 3.0))["mse", "all"],
        tolerated(*grid("mse", 0.1, 0.2))["mse", "all"],
    )
    assert (nothing["tolerated_fraction"], nothing["beyond"]) == (0.0, "vertical")
    assert np.isnan(nothing["worst"])
    assert (everything["tolerated_fraction"], everything["beyond"]) == (0.1, "")


def test_the_worst_kind_and_size_decides():
    """Clean data belong to every kind, though the grid has them under one."""
    near, far = {"contamination.shift": 2.0}, {"contamination.shift": 9.0}
    cells = [*grid("mae", 0.1, 0.2, 0.3, 0.4, **near), *grid("mae", 0.1, 0.2, 0.3, 4.0, **far)[1:]]
    cells += grid("mae", 0.1, 0.2, 5.0, 9.0, kind="cluster")[1:]
    found = tolerated(*cells)
    assert {against: line["tolerated_fraction"] for (_, against), line in found.items()} == {
        "all": 0.1, "vertical": 0.2, "cluster": 0.1,
    }  # fmt: skip
    assert found["mae", "all"]["beyond"] == "cluster"
    assert found["mae", "vertical"]["beyond"] == "vertical(shift=9.0)"


def test_the_bound_and_the_location_are_what_was_asked_for():
    half = [0.1] * 11 + [9.0] * 9
    cells = [rows("mae", 0.0, [0.1] * 20), rows("mae", 0.1, half)]
    assert tolerated(*cells)["mae", "all"]["tolerated_fraction"] == 0.0
    assert tolerated(*cells, bound=5.0)["mae", "all"]["tolerated_fraction"] == 0.1
    assert tolerated(*cells, location="median")["mae", "all"]["tolerated_fraction"] == 0.1
    with pytest.raises(Unknown, match="no location 'mode'; there are: mean, median"):
        tolerated(*cells, location="mode")


@pytest.mark.parametrize(
    ("measure", "main", "bound"), [("excess_error", "clean_error", 0.05), ("iou_error", "iou_error", 0.3)]
)
def test_labels_and_boxes_have_a_measure_and_a_bound_of_their_own(measure, main, bound):
    cells = [
        rows("mae", fraction, [size * bound] * 20).rename(columns={"surface_error": measure})
        for fraction, size in zip(FRACTIONS, (0.1, 0.99, 1.01, 0.2), strict=True)
    ]
    cells = [one.assign(**{main: one[measure], "surface_error": np.nan}) for one in cells]
    line = tolerated(*cells)["mae", "all"]
    assert (line["measure"], line["bound"], line["tolerated_fraction"]) == (measure, bound, 0.1)
    assert tolerated(*cells, bound=2 * bound)["mae", "all"]["tolerated_fraction"] == 0.3


def test_where_the_best_rule_is_unknown_no_fraction_of_flips_is():
    cells = [rows("mae", part, [0.1] * 9).rename(columns={"surface_error": "clean_error"}) for part in (0.0, 0.1)]
    assert np.isnan(tolerated(*cells)["mae", "all"]["tolerated_fraction"])


@pytest.mark.parametrize("location", ["mean", "median"])
def test_the_interval_is_how_often_resampling_stays_within(location):
    """The location is at the bound itself: half of the samples are beyond, so the interval spans both fractions."""
    values = np.random.default_rng(0).normal(size=400)
    values += 1 - (values.mean() if location == "mean" else np.median(values))
    line = tolerated(rows("mae", 0.0, values - 1), rows("mae", 0.1, values - 1e-9), location=location)["mae", "all"]
    assert (line["tolerated_fraction"], line["tolerated_low"], line["tolerated_high"]) == (0.1, 0.0, 0.1)


def test_the_interval_is_a_point_where_the_bound_is_far():
    """Two standard errors of 0.05 below the bound of a location: 2.3 % beyond, just not in the interval at 3."""
    values = np.random.default_rng(0).normal(size=400)
    values = (values - values.mean()) / values.std()
    near, far = (rows("mae", 0.1, values + 1 - size * 0.05) for size in (1.0, 3.0))
    clean = rows("mae", 0.0, values - 1)
    assert tolerated(clean, near)["mae", "all"]["tolerated_low"] == 0.0
    assert tolerated(clean, far)["mae", "all"]["tolerated_low"] == 0.1


def test_cells_are_resampled_together():
    """Six kinds with the same errors are beyond together, in 1.4 % of the samples; each alone, one of them in 8 %."""
    values = np.random.default_rng(0).normal(size=400)
    values = (values - values.mean()) / values.std()
    clean, errors = rows("mae", 0.0, values - 9), values + 1 - 2.2 * 0.05  # 2.2 standard errors below the bound
    found = tolerated(clean, *(rows("mae", 0.1, errors, kind) for kind in "abcdef"))
    assert {line["tolerated_low"] for line in found.values()} == {0.1}


def test_failed_and_missing_fits_are_infinite_errors():
    cells = [rows("mae", 0.0, [0.1] * 20), rows("mae", 0.1, [0.1] * 20)]
    cells[1].loc[3, ["error", "surface_error"]] = "why", np.nan
    line = tolerated(*cells)["mae", "all"]
    assert (line["tolerated_fraction"], line["failures"]) == (0.0, 1)
    assert tolerated(*cells, location="median")["mae", "all"]["tolerated_fraction"] == 0.1


def test_a_replicate_without_a_row_is_an_infinite_error():
    table = pd.concat([rows("mae", 0.1, [1.0, 2.0, 3.0]).drop(index=1), rows("mse", 0.1, [1.0, 2.0, 3.0])])
    by_loss = {
        dict(condition.estimator)["loss"]: values.tolist() for condition, values in tolerable_errors(table).items()
    }
    assert by_loss == {"mae": [1.0, np.inf, 3.0], "mse": [1.0, 2.0, 3.0]}


def test_an_undefined_error_gives_no_fraction():
    line = tolerated(*grid("huber", np.nan, np.nan))["huber", "all"]
    assert np.isnan([line["tolerated_fraction"], line["tolerated_low"], line["tolerated_high"]]).all()


def test_losses_and_scenarios_have_a_line_each_and_clean_studies_none():
    cells = [*grid("mae", 0.1, 0.2), *grid("mse", 0.1, 0.2), *grid("mae", 0.1, 0.2, scenario="line")]
    assert len(tolerated_fractions(errors_of(*cells))) == 3
    assert tolerated_fractions(errors_of(*grid("mae", 0.1))).empty


def test_settings_that_do_not_apply_are_left_out():
    one = Circumstances.of({"outliers": 0.1, "loss": "mae", "loss.delta": np.nan, "scenario": "linear", "cell": "x"})
    other = Circumstances.of({"scenario": "linear", "loss": "mae", "loss.c": None, "outliers": 0.1})
    assert one == other
    assert (one.world, one.estimator) == ((("scenario", "linear"),), (("loss", "mae"),))


def test_the_same_errors_give_the_same_interval():
    values = np.random.default_rng(0).normal(1.0, 1.0, 200)
    cells = [rows("mae", 0.0, values - 1), rows("mae", 0.1, values)]
    pd.testing.assert_frame_equal(*(tolerated_fractions(errors_of(*cells)) for _ in range(2)))


def test_every_column_is_documented():
    table = tolerated_fractions(errors_of(*grid("mae", 0.1, 0.2)))
    assert set(table) - set(setting_names(table)) == set(TOLERATED_DOCS)

"""One line per cell, each number with its Monte Carlo standard error, and no failure lost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from robustfit.summary import SHARES, SUMMARISED, mean_and_error, setting_names, share_and_error, summarise


def rows(cell="a", **columns):
    """Rows of one cell, as `study` makes them."""
    count = max(len(value) for value in columns.values())
    return pd.DataFrame(
        {"study": "run", "cell": cell, "replicate": range(count), "loss": "mae", **columns, "error": ""}
    )


def test_mean_and_error_by_hand():
    mean, error, count = mean_and_error(np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]))
    assert (mean, count) == (5.0, 8)
    assert error == pytest.approx(np.sqrt(32 / 7) / np.sqrt(8))  # squares about the mean: 32


def test_a_share_and_its_error_by_hand():
    assert share_and_error(np.array([1.0] * 9 + [0.0])) == pytest.approx((0.9, np.sqrt(0.9 * 0.1 / 10), 10))
    assert share_and_error(np.array([1.0, 1.0, 1.0])) == (1.0, 0.0, 3)


@pytest.mark.parametrize("average", [mean_and_error, share_and_error])
def test_gaps_and_single_values(average):
    assert average(np.array([np.nan, 0.0, np.nan, 1.0]))[::2] == (0.5, 2)
    mean, error, count = average(np.array([1.0, np.nan]))
    assert (mean, count) == (1.0, 1) and np.isnan(error)
    mean, error, count = average(np.array([np.nan]))
    assert np.isnan(mean) and np.isnan(error) and count == 0


def test_values_that_overflow_say_so_without_a_warning():
    mean, error, _ = mean_and_error(np.array([1e200, 3e200]))
    assert (mean, error) == (2e200, np.inf)


def test_the_error_is_the_spread_of_the_means():
    draws = np.random.default_rng(0).exponential(size=(4000, 25))
    errors = np.array([mean_and_error(sample)[1] for sample in draws])
    assert np.square(errors).mean() == pytest.approx(draws.mean(1).var(), rel=0.05)


def test_one_line_per_cell_in_the_order_of_the_rows():
    table = pd.concat([rows("b", gap=[1.0, 3.0]), rows("a", gap=[5.0, np.nan, 7.0])], ignore_index=True)
    summary = summarise(table)
    assert summary["cell"].tolist() == ["b", "a"]
    assert summary["replicates"].tolist() == [2, 3]
    assert summary["gap"].tolist() == [2.0, 6.0]
    assert summary["gap_mcse"].tolist() == pytest.approx([1.0, 1.0])
    assert summary["gap_n"].tolist() == [2, 2]


def test_every_measure_has_mean_error_and_count():
    measures = {name: [0.0, 1.0] for name in (*SUMMARISED, *SHARES)}
    (line,) = summarise(rows(**measures)).to_dict("records")
    for name in measures:
        assert line[name] == 0.5 and line[f"{name}_n"] == 2
        assert line[f"{name}_mcse"] == pytest.approx(np.sqrt(0.25 / 2) if name in SHARES else 0.5)


def test_the_measures_are_columns_of_the_rows():
    from robustfit.cell import column_docs

    assert set(SUMMARISED) | set(SHARES) <= set(column_docs())


def test_booleans_are_shares():
    (line,) = summarise(rows(certified=[True, True, False, True])).to_dict("records")
    assert line["certified"] == 0.75


def test_failures_are_counted_and_not_averaged():
    table = rows(gap=[1.0, 2.0, np.nan, 9.0], status=["converged", "zero_scale", "converged", "failed"])
    table.loc[2, "error"] = "why"
    (line,) = summarise(table).to_dict("records")
    assert (line["replicates"], line["failures"], line["gap_n"]) == (4, 2, 3)


def test_rows_of_jobs_that_failed_have_a_line_each():
    failed = pd.DataFrame([{"study": "sweep", "loss": loss, "error": f"no {loss}"} for loss in ("mae", "mse")])
    assert summarise(failed)["error"].tolist() == ["no mae", "no mse"]
    both = summarise(pd.concat([failed, rows(gap=[1.0, 3.0])], ignore_index=True))
    assert both["error"].tolist() == ["no mae", "no mse", ""]
    assert both["failures"].tolist() == [1, 1, 0]
    assert both["replicates"].tolist() == [1, 1, 2]
    assert both["gap"].tolist()[2] == 2.0


def test_a_replicate_that_was_computed_twice_counts_once():
    (line,) = summarise(pd.concat([rows(gap=[1.0, 3.0]), rows(gap=[1.0, 3.0, 5.0])])).to_dict("records")
    assert (line["replicates"], line["gap"]) == (3, 3.0)


def test_ways_of_trying_the_stability_are_told_apart():
    table = pd.concat([rows(stability=["none"], gap=[1.0]), rows(stability=["moves"], gap=[1.0])])
    assert summarise(table)["stability"].tolist() == ["none", "moves"]


def test_settings_come_first_wherever_they_stood():
    table = pd.DataFrame(
        columns=["scenario.slope", "gap", "loss", "error", "loss.delta", "solver_used", "cell", "scenario"]
    )
    assert setting_names(table) == ["cell", "scenario.slope", "scenario", "loss", "loss.delta"]

"""Results in words and tables that lose no digits and keep their columns."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from robustfit import cell as study
from robustfit import report
from robustfit.catalogue import GROUPS, spec
from robustfit.summary import summarise

NAMES = dict(scenario="line", contamination="vertical", loss="huber", solver="auto", scale="mad", initial="lad")


def cell(outliers=0.1, seed=0, more=None, **names):
    """A small cell, by the names of its parts."""
    names = NAMES | {"penalty": "none", "stability": "none"} | names
    config = {group: {"name": names[group]} | spec(group, names[group]) for group in GROUPS}
    for path, value in (more or {}).items():
        group, _, key = path.partition(".")
        config[group][key] = value
    return study.Cell.from_config(config | {"outliers": outliers, "seed": seed})


def single(replicates=1, **settings):
    (fitted,) = study.run(cell(**settings), replicates)
    first = fitted.data.take(slice(0, 1))
    return report.single(fitted, study.reference("regression").fit(first.X, first.y, None, first.intercept))


def test_aligned_columns_start_and_end_together():
    header, lines = ["loss", "n", "error", ""], [["mse", "5", "1.25", "first"], ["log_cosh", "12", "0.5", "a second"]]
    assert report.aligned(header, lines).splitlines() == [
        "loss       n  error",
        "mse        5   1.25  first",
        "log_cosh  12    0.5  a second",
    ]
    assert report.aligned(["a", "b"], [["x", "1"], ["long", "y"]], left=2).splitlines() == [
        "a     b",
        "x     1",
        "long  y",
    ]


def test_aligned_without_lines_is_the_header():
    assert report.aligned(["loss", "n"], []) == "loss  n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.23456, "1.235"),
        (0.0, "0"),
        (-1e-9, "-1e-09"),
        (1234567.0, "1.235e+06"),
        (np.inf, "inf"),
        (np.nan, "-"),
        (None, "-"),
    ],
)
def test_number(value, text):
    assert report.number(value) == text


def test_number_to_more_digits():
    assert report.number(1.23456, 5) == "1.2346"


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (1.23456, 0.0234, "1.235 (0.023)"),
        (1.23456, 0.234, "1.23 (0.23)"),
        (123.456, 2.34, "123.5 (2.3)"),
        (1234.56, 234.0, "1235 (234)"),
        (-0.5, 0.0996, "-0.500 (0.100)"),
        (0.5, 0.0, "0.5 (0)"),
        (0.5, np.nan, "0.5"),
        (0.5, np.inf, "0.5"),
        (np.nan, 0.1, "-"),
        (2e200, 1e200, "2.000e+200 (1.0e+200)"),
        (1.5e-9, 2e-10, "1.500e-09 (2.0e-10)"),
    ],
)
def test_with_error(mean, error, text):
    assert report.with_error(mean, error) == text


def test_a_single_run_says_what_was_fitted():
    text = single(loss="bisquare", outliers=0.2)
    assert "line: 50 rows, 1 feature, normal noise" in text
    assert "vertical, 10 of 50 rows" in text
    assert "bisquare(c=4.685), scale=mad, initial=lad" in text
    assert "stationarity, no proof: not certified" in text


def test_a_single_run_of_several_replicates_reports_the_first():
    assert single(replicates=3) == single(replicates=1)


def test_many_coefficients_are_cut_short_and_it_is_said():
    text = single(scenario="linear", more={"scenario.n_features": 30, "scenario.n_samples": 200})
    assert "x19 " in text and "x20 " not in text and "... and 11 more" in text


def test_least_squares_is_not_compared_with_itself():
    assert "Meaning: the mse fit misses what it estimates, its target surface, by" in single(loss="mse")
    assert re.search(r"the huber fit is [\d.]+ times (nearer to|farther from) the target", single())


def test_what_is_exactly_optimal_is_said_to_be():
    assert "no coefficients have a mean loss that is lower" in single(loss="mae")


def test_what_does_not_apply_is_left_out():
    text = single(outliers=0.0)
    assert "outliers     none" in text
    assert "outlier_ap" not in text and "instability" not in text and "solution_width" not in text


@pytest.fixture(scope="module")
def sweep():
    """Rows of several cells and of one that failed, as a sweep gathers them."""
    cells = [cell(loss=loss, outliers=outliers) for loss in ("mse", "huber") for outliers in (0.0, 0.2)]
    cells += [cell(loss="huber", outliers=0.2, more={"loss.delta": 3})]
    tables = [block.rows("sweep") for one in cells for block in study.run(one, 5)]
    config = {group: {"name": name} for group, name in zip(GROUPS, GROUPS, strict=True)} | {"loss": {"name": "mae"}}
    failed = study.failed_rows("sweep", config | {"outliers": 0.2, "seed": 0}, "the reason")
    return pd.concat([failed, *tables], ignore_index=True)


def test_a_sweep_shows_what_varies_and_means_with_errors(sweep):
    summary = summarise(sweep[sweep["error"] == ""])
    header, *lines = report.sweep(summary).split("\n\n")[0].splitlines()
    assert header.split()[:3] == ["outliers", "loss", "loss.delta"]
    assert [line.split()[:3] for line in lines] == [
        *(["0", "mse", "-"], ["0.2", "mse", "-"]),
        *(["0", "huber", "1.345"], ["0.2", "huber", "1.345"], ["0.2", "huber", "3"]),
    ]
    values = sweep.loc[sweep["loss.delta"] == 3, "surface_error"]
    assert report.with_error(values.mean(), values.std(ddof=1) / np.sqrt(5)) in lines[-1]
    assert "error" not in header.split()
    assert "5 cells, 5 replicates each; means (Monte Carlo standard errors)" in report.sweep(summary)


def test_a_job_that_failed_first_is_a_line_and_hides_no_column(sweep):
    header, first, *lines = report.sweep(summarise(sweep)).split("\n\n")[0].splitlines()
    assert "loss.delta" in header and header.split()[-1] == "error"
    assert first.endswith("the reason") and "mae" in first.split()
    assert len(lines) == 5


def test_all_jobs_of_a_sweep_failed(sweep):
    text = report.sweep(summarise(sweep[sweep["error"] != ""].dropna(axis=1, how="all")))
    assert text.splitlines()[0].split() == ["loss", "error"]
    assert "1 cell, 1 replicate each; one sample each, so no standard errors" in text


def test_medians_stand_where_means_mean_nothing_and_the_table_says_so(sweep):
    summary = summarise(sweep[sweep["error"] == ""])
    heavy = summary.assign(surface_error_shown=np.where(summary["outliers"] > 0, "median", "mean"))
    text = report.sweep(heavy)
    header, *lines = text.split("\n\n")[0].splitlines()
    medians = [
        report.with_error(*line) for line in heavy[["surface_error_median", "surface_error_median_mcse"]].to_numpy()
    ]
    for line, median, outliers in zip(lines, medians, heavy["outliers"], strict=True):
        assert (f"{median} med" in line) == (outliers > 0)
    assert text.endswith("med: medians, where tails are too heavy for means")
    assert "med" not in report.sweep(summary.assign(surface_error_shown="mean"))


def test_the_numbers_of_replicates_of_a_precision_are_all_said(sweep):
    summary = summarise(sweep[sweep["error"] == ""])
    assert "5 cells, 5 to 90 replicates each" in report.sweep(summary.assign(replicates=[5, 10, 7, 90, 12]))


def test_tolerated_fractions_are_a_line_per_loss_and_a_column_per_kind():
    kinds = ["all", "vertical(shift=10.0)", "cluster(shift=2.0)"]
    table = pd.DataFrame(
        {
            "loss": np.repeat(["mse", "mae"], 3),
            "against": kinds * 2,
            "tolerated_fraction": [0.0, 0.05, 0.0, 0.1, 0.35, np.nan],
            "tolerated_low": [0.0, 0.05, 0.0, 0.1, 0.3, np.nan],
            "tolerated_high": [0.0, 0.05, 0.0, 0.1, 0.35, np.nan],
            "measure": "surface_error",
            "bound": 1.0,
            "location": "mean",
            "largest_fraction": 0.35,
        }
    )
    lines = report.tolerated(table).splitlines()
    assert [line.split("  ") for line in (re.sub(" {2,}", "  ", line) for line in lines[:3])] == [
        ["loss", "all", "vertical", "cluster"],
        ["mse", "0", "0.05", "0"],
        ["mae", "0.1", "0.35+ (0.3 to 0.35)", "-"],
    ]
    assert lines[-1].startswith("largest fraction of outliers up to which the mean surface_error stays within 1")


def test_seeds_that_differ_are_shown():
    tables = [block.rows("sweep") for seed in (1, 2) for block in study.run(cell(seed=seed), 1)]
    text = report.sweep(summarise(pd.concat(tables, ignore_index=True)))
    assert text.splitlines()[0].split()[:2] == ["seed", "loss"]


def test_the_columns_table_documents_every_column_in_one_line():
    header, rule, *lines = report.columns_table().splitlines()
    assert (header, rule) == ("| column | meaning |", "|---|---|")
    found = [re.fullmatch(r"\| `(\w+)` \| (\S.*\.) \|", line) for line in lines]
    assert all(found)
    assert [match[1] for match in found if match] == list(study.column_docs())


def test_the_columns_that_a_task_has_beyond_another_are_those_it_lacks():
    names = re.findall(r"^\| `(\w+)` ", report.columns_table("classification", beyond="regression"), re.MULTILINE)
    both = study.column_docs("regression").items() & study.column_docs("classification").items()
    assert set(names) == set(study.column_docs("classification")) - {name for name, _ in both}
    assert "clean_error" in names and "loss" not in names and "outlier_ap" in names, "which says something else there"

"""Jumps, ties and rates against exact rationals, HiGHS and finite differences."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from reference_data import read
from scipy.optimize import linprog

from experiments import motions
from experiments.motions import DESIGNS, TARGETS, constructed, line_rate, real

TABLE = motions.jumps()
CORNERS = {row["name"]: row["vertices"] for row in read("instability.csv") if row["move"] == "none"}
LARGEST_RATE = 1 + 1e-12  # the bound is 1; rounding


def corners(name):
    pairs = re.findall(r"\(([^,]+),([^)]+)\)", CORNERS[name])
    return np.array([[float(Fraction(part)) for part in pair] for pair in pairs])


@pytest.mark.parametrize("name", [one.name for one in constructed()])
def test_a_tie_is_as_wide_as_its_vertices_in_rationals(name):
    (sample,) = [one for one in constructed() if one.name == name]
    (line,) = [line for line in TABLE.itertuples() if line.data == sample.title]
    fitted = sample.problem.X @ corners(name).T
    assert line.width == pytest.approx(np.ptp(fitted, axis=1).max(), rel=1e-9)
    assert line.width_before == line.width_after == 0
    assert line.size <= line.width * (1 + 1e-9)


def test_the_phones_jump_between_the_published_slopes():
    for line in TABLE[TABLE["data"].str.startswith("phones")].itertuples():
        assert sorted([line.slope_before, line.slope_after]) == pytest.approx([81 / 70, 73 / 45], abs=1e-5)
        assert line.least_squares < 1e-4


def test_the_real_data_are_those_of_the_reference():
    first, *_, last = real("phones")
    assert (first.x[first.row], last.y[last.row], len(first.x)) == (50, 29, 24)
    assert real("shock")[0].title == "shock, (0, 11.4)"


def least_range(X, y, direction):
    """How far direction'b can go among lines whose sum of absolute residuals is the least, by HiGHS."""
    n, p = X.shape
    A = np.block([[X, -np.eye(n)], [-X, -np.eye(n)]])
    free = [(None, None)] * (p + n)
    cost = np.concatenate([np.zeros(p), np.ones(n)])
    best = linprog(cost, A, np.concatenate([y, -y]), bounds=free).fun
    A, b = np.vstack([A, cost]), np.concatenate([y, -y, [best + 1e-9]])
    ends = [linprog(sign * np.append(direction, np.zeros(n)), A, b, bounds=free).fun for sign in (1, -1)]
    return -sum(ends)


@pytest.mark.parametrize("feature", ["random", "equally spaced", "two groups"])
def test_ties_are_counted_as_linear_programming_finds_them(feature):
    ours = theirs = 0
    for seed in range(8):
        ours += motions._tied(np.random.default_rng([seed, 20]), 20, feature, "as drawn")
        rng = np.random.default_rng([seed, 20])
        errors = rng.standard_normal(20)
        X = np.column_stack([np.ones(20), DESIGNS[feature](rng, 20)])
        y = TARGETS["as drawn"](errors + X[:, 1])
        theirs += max(least_range(X, y, row) for row in X[[0, -1]]) > 1e-6
    assert ours == theirs


def test_a_median_of_an_even_number_is_never_unique_and_one_of_an_odd_number_always():
    table = motions.ties([10, 11], 8, 0)
    mine = table[(table["features"] == "none (a median)") & (table["targets"] == "as drawn")]
    assert list(mine["tied"]) == [8, 0]


def test_the_rate_of_a_line_is_its_derivative():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 7))

    def fitted(at):
        return np.polyval(np.polyfit(at, y, 1), x)

    step = 1e-6 * np.eye(7)
    rates = [np.abs(fitted(x + h) - fitted(x - h)).max() / 2e-6 for h in step]
    assert line_rate(x, y) == pytest.approx(max(rates) * x.std() / y.std(), rel=1e-6)


def test_no_line_is_faster_than_one():
    """The bound that the docstring proves, on samples with the heaviest tails, and that it is reached in the limit."""
    x, y = np.random.default_rng(2).standard_t(0.5, (2, 50_000, 4))
    assert 0.99 < line_rate(x, y).max() <= LARGEST_RATE
    assert motions.leverage_rates([1000.0], 100, 0)["largest"].item() <= LARGEST_RATE


def test_the_rate_of_a_path_is_not_below_that_where_it_begins():
    for one in (*constructed(), real("shock")[0]):
        there = float(line_rate(one.x, one.y))
        assert there * (1 - 1e-9) <= motions.path_rate(one) <= 2 * there


def test_least_squares_on_planes_does_not_jump():
    table = motions.planes([1.0, 0.01], 0)
    assert table["shrinks"].to_numpy() == pytest.approx([0.1, 0.1], rel=0.01)
    assert table["rate"].iloc[1] > 10 * table["rate"].iloc[0]


def test_a_fit_that_is_not_proved_is_not_shown():
    star = next(one for one in constructed() if one.name == "star10")
    tied = motions.changes(star, [0.0])  # at the tie itself the move is nothing
    assert tied.iloc[:, 1].dropna().abs().max() <= 1e-9


def test_huber_with_a_scale_from_lad_jumps_with_it():
    found = motions.changes(real("phones")[1], [1e-6]).set_index("estimator").iloc[:, 0]
    assert found["LAD"] == pytest.approx(8.4222, abs=1e-3)
    assert found["Huber, scale from LAD"] > 1 > 1e-3 > found["Huber, fixed scale"]


def test_random_jumps_are_rare_and_known():
    table = motions.random_jumps([20], [0.0], 40)
    assert table["size"].notna().all() and (table["size"] >= 0).all()
    assert 0 < (table["size"] > 0).mean() < 0.5

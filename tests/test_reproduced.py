"""The report on values of others: right settings, honest differences, misses named, one page from the same rows."""

import math
from dataclasses import replace

import numpy as np
import pytest

from experiments import reproduced
from experiments.placed import Placed
from experiments.reproduced import Row, Sample, Sizes, Target, measured, monte_carlo, page, theory
from robustfit.cell import Cell
from robustfit.data import Data
from robustfit.engines import Serial
from robustfit.grid import applied
from robustfit.montecarlo import Estimate

SMALL = Sizes(n=400, theory=32, monte_carlo=256)


def cell(settings):
    return Cell.from_config(applied(reproduced.base(), settings))


def target(value=1.0, error=0.0, **other):
    entries = {"section": "variance", "case": "normal", "estimator": "mae", "quantity": "n Var"}
    return Target(**entries | other, value=value, error=error, settings={}, ols={})


def test_every_reference_value_has_its_target():
    found = list(theory(2000))
    assert len(found) == 30 + 167
    assert {one.section for one in found} == {"efficiency", "variance", "mad"}
    published = list(monte_carlo())
    assert len({(one.case, one.estimator) for one in published}) == 70
    main = [one for one in published if one.section == "monte_carlo"]
    assert len(main) == 70
    assert {one.quantity for one in main if one.case.startswith("t1")} == {"median_sq_slopes"}


def test_least_squares_has_no_mean_at_cauchy_errors():
    found = {one.quantity for one in monte_carlo() if one.case.startswith("t1") and one.estimator == "ols"}
    assert found == {"median_sq_slopes"}


@pytest.mark.parametrize("one", list(theory(2000)), ids=lambda one: f"{one.section}-{one.case}-{one.estimator}")
def test_theory_is_of_a_known_scale_and_the_named_constant(one):
    made = cell(one.settings).estimator
    assert type(made.scale).__name__ == ("MAD" if one.estimator.endswith("MAD") else "Fixed")
    constant = one.estimator.partition("(")[2].partition(")")[0]
    assert not constant or float(constant) in vars(made.loss).values()


VARIANCES = {
    "normal": 1, "laplace": 2, "uniform": 1 / 3, "t5": 5 / 3, "t3": 3, "CN(0.1,0,3)": 1.8, "CN(0.05,0,10)": 5.95,
    "CN(0.1,0,sqrt 10)": 1.9, "CN(0.1,0,10)": 10.9,
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANCES)
def test_noises_have_the_variance_that_the_reference_gives_least_squares(name):
    """Of their densities by sampling: 4 standard errors of the mean square (t3 has none: its quartile is enough)."""
    (given,) = [one.value for one in theory(2000) if (one.case, one.estimator) == (name, "mse")]
    assert given == pytest.approx(VARIANCES[name], rel=1e-9)
    squares = np.square(cell(reproduced.noise(name)).scenario.noise.draw(np.random.default_rng(0), (200_000,)))
    if name == "t3":
        assert np.median(squares) == pytest.approx(0.7648923**2, rel=0.02)  # t's upper quartile at 3 degrees of freedom
    else:
        assert squares.mean() == pytest.approx(given, abs=4 * squares.std() / math.sqrt(200_000))


def test_r_estimators_start_from_least_squares_with_its_constants():
    made = {one.estimator: cell(one.settings).estimator for one in monte_carlo()}
    assert {name: type(one.loss).__name__ for name, one in made.items()} == {
        "ols": "MSE", "lad": "MAE", "huber MAD": "Huber", "huber proposal 2": "Huber", "bisquare MAD": "Bisquare"
    }  # fmt: skip
    assert made["huber MAD"].loss.delta == 1.345 and made["bisquare MAD"].loss.c == 4.685
    assert made["huber MAD"].scale.consistency == made["bisquare MAD"].scale.consistency == 1 / 0.6745
    assert made["huber proposal 2"].scale.k == 1.345
    assert {type(one.initial.loss).__name__ for one in made.values()} == {"MSE"}


def test_leverage_rows_are_those_of_the_reference():
    one = next(one for one in monte_carlo() if "n=100" in one.case and "leverage" in one.case)
    data, _ = cell(one.settings).draw(0)
    assert (data.outliers.sum(-1) == 10).all()
    marked = data.X[data.outliers]
    assert (marked[:, 1] == 10).all() and (data.y[data.outliers] == 20).all()
    np.testing.assert_array_equal(marked[:, 2:], data.X_clean[data.outliers][:, 2:])
    assert abs(data.y[~data.outliers].mean()) < 4 / math.sqrt(data.y[~data.outliers].size)  # all coefficients are 0


def test_placed_rows_leave_the_clean_data_alone():
    clean = Data.clean(np.ones((4, 2)), np.zeros(4))
    Placed().corrupt(clean, 0.5, np.random.default_rng(0), np.random.default_rng(1))
    assert (clean.X == 1).all() and (clean.y == 0).all()


def test_quantities_by_hand():
    sample = Sample(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([1.0, -3.0]), np.array([1.0, math.e**2]), n=10)
    ols = replace(sample, slopes=sample.slopes / 2)
    expected = {
        "efficiency": 0.25, "n Var": 7.0 * 6 / 2, "mse_slopes": 7.0, "median_sq_slopes": 7.0, "mse_intercept": 5.0,
        "bias_slope1": 2.0, "median_scale": (1 + math.e**2) / 2, "mean_log_scale": 1.0,
    }  # fmt: skip
    found = {name: quantity(sample, ols).value for name, quantity in reproduced.QUANTITIES.items()}
    assert found == pytest.approx(expected)


def test_n_var_of_least_squares_is_exact_at_small_n():
    """E tr (X'X)^-1 of normal features with an intercept, by simulation: q / (n - q - 2)."""
    X = np.random.default_rng(0).normal(size=(20_000, 12, 3))
    centred = X - X.mean(1, keepdims=True)
    traces = np.trace(np.linalg.inv(np.swapaxes(centred, 1, 2) @ centred), axis1=1, axis2=2)
    counted = Sample(np.zeros((1, 3)), np.zeros(1), np.zeros(1), n=12).rows_that_count
    assert traces.mean() == pytest.approx(3 / counted, abs=4 * traces.std() / math.sqrt(len(traces)))


def test_mae_at_laplace_errors_comes_near_its_limit_slowly():
    """By simulation: 1 + c / sqrt(n) within 4 standard errors and the 1/n that is left out, at least p/n."""
    settings = {**reproduced.noise("laplace"), "scenario.n_samples": 500, "loss": "mae"}
    made = cell(settings | {"scale": "fixed", "initial": "ols"})
    slopes = []
    for block in range(64):
        data, _ = made.draw(block)
        slopes.append(made.estimator.fit(data.X, data.y).coef[:, 1:] - np.array(made.scenario.slopes))
    sample = Sample(np.concatenate(slopes), np.zeros(1), np.zeros(1), n=500)
    found = reproduced.QUANTITIES["n Var"](sample, sample)
    assert found.value == pytest.approx(1 + reproduced.corner(3) / math.sqrt(500), abs=4 * found.mcse + 4 / 500)
    assert found.value > 1 + 4 * found.mcse


def test_differences_are_in_joint_standard_errors():
    row = Row(target(value=1.0, error=0.3), Estimate(2.0, 0.4, 100))
    assert row.difference == pytest.approx(2.0) and row.met
    assert not Row(target(value=1.0, error=0.0), Estimate(2.3, 0.4, 100)).met
    assert not Row(target(value=1.0), Estimate(math.nan, math.nan, 0)).met


def test_a_standard_error_that_is_not_given_is_ours_at_its_replicates():
    assert Row(target(error=math.nan, replicates=100), Estimate(1.0, 0.1, 400)).theirs == pytest.approx(0.2)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A few of each kind of target."""
    path = tmp_path_factory.mktemp("reproduced")
    few = [one for one in theory(SMALL.n) if one.case == "normal" and one.section == "efficiency"][::5]
    few += [one for one in theory(SMALL.n) if one.case == "t3" and one.section != "efficiency"]
    some = [one for one in monte_carlo() if "n=20," in one.case and one.case.startswith(("t3", "N"))]

    def make():
        return [
            measured("theory", few, SMALL.theory, path, Serial()),
            measured("monte_carlo", some, SMALL.monte_carlo, path, Serial()),
        ]

    return make


def test_values_come_out(quick):
    """About 100 values, correlated within a case: none should be beyond 4.5 joint standard errors (chance: 7e-4)."""
    first = quick()
    rows = [row for one in first for row in one.rows]
    assert len(rows) > 90
    assert max(abs(row.difference) for row in rows) < 4.5
    assert all(one.failed == one.unproved == 0 and one.fits > 0 for one in first)


def test_the_same_rows_give_the_same_page(quick):
    text = page(quick(), SMALL)
    assert text == page(quick(), SMALL)
    assert all(f"## {title}" in text for name, (title, _) in reproduced.SECTIONS.items() if name != "larger")


def test_misses_are_named():
    rows = (Row(target(), Estimate(1.5, 0.1, 9)), Row(target(estimator="mse"), Estimate(1.1, 0.1, 9)))
    text = page([reproduced.Evidence(rows, fits=2)], SMALL)
    assert "1 of 2 values agree" in text
    misses = text.partition("## Misses")[2].partition("##")[0]
    assert "| normal | mae | n Var | 1 | 1.5 (0.1) | **+5.00** |" in misses and "mse" not in misses


def test_a_missed_limit_is_tried_again_in_larger_samples():
    one = next(theory(400))
    again = reproduced.larger(one, 6400)
    assert (again.section, again.value) == ("larger", one.value)
    assert cell(again.settings).scenario.n_samples == cell(again.ols).scenario.n_samples == 6400

"""Cells against references that met the same samples, and against what theory says is possible."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import theory

from robustfit import montecarlo
from robustfit.catalogue import GROUPS, spec
from robustfit.cell import Cell, Fitted
from robustfit.comparisons import COMPARISON_DOCS, EFFICIENCY_DOCS, compare, slope_bound, with_efficiencies
from robustfit.data import Streams
from robustfit.grid import applied
from robustfit.noises.laplace import Laplace
from robustfit.noises.t import T
from robustfit.noises.uniform import Uniform
from robustfit.scenarios.line import Line
from robustfit.scenarios.linear import Linear
from robustfit.summary import setting_names, summarise

RNG = np.random.default_rng(2)
LS, HUBER = RNG.exponential(size=(2, 200)) + 1


def cell(loss, surface, slope=None, **columns):
    """Rows of a cell with these errors."""
    count = len(surface)
    table = {"study": "s", "cell": f"cell of {loss}", "replicate": range(count), "loss": loss, "penalty": "none"}
    table |= {"surface_error": surface, "slope_error": surface if slope is None else slope, "error": ""}
    return pd.DataFrame(table | columns)


def lines(*cells, bound=None, reference="least_squares"):
    table = compare(pd.concat(cells, ignore_index=True), bound)
    return {line["loss"]: line for line in table[table["reference"] == reference].to_dict("records")}


def test_a_cell_against_least_squares_is_the_paired_statistic():
    line = lines(cell("huber", HUBER, 2 * HUBER), cell("mse", LS, 3 * LS))["huber"]
    assert (line["reference_loss"], line["reference_cell"]) == ("mse", "cell of mse")
    assert (line["replicates"], line["pairs"], line["slope_pairs"]) == (200, 200, 200)
    for name, expected in {
        "difference": montecarlo.difference(HUBER, LS),
        "efficiency": montecarlo.efficiency(2 * HUBER, 3 * LS),
        "win_share": montecarlo.win_share(HUBER, LS),
    }.items():
        assert (line[name], line[f"{name}_mcse"]) == (expected.value, expected.mcse)
    assert line["location"] == "mean" and np.isnan(line["median_ratio"])


@pytest.mark.parametrize(("main", "squared"), [("clean_error", "direction_error"), ("iou_error", "corner_error")])
def test_labels_and_boxes_are_compared_by_their_own_errors(main, squared):
    """Also where the table has the columns of another task, empty."""
    cells = [cell("huber", HUBER, 2 * HUBER), cell("mse", LS, 3 * LS)]
    renamed = {"surface_error": main, "slope_error": squared}
    others = [one.rename(columns=renamed).assign(surface_error=np.nan, slope_error=np.nan) for one in cells]
    pd.testing.assert_frame_equal(compare(pd.concat(cells)), compare(pd.concat(others)))


def test_a_cell_against_itself_differs_by_nothing():
    line = lines(cell("mse", LS))["mse"]
    assert [line[name] for name in ("difference", "difference_mcse", "efficiency", "efficiency_mcse")] == [0, 0, 1, 0]
    assert line["win_share"] == 0.5


def test_the_best_has_the_smallest_root_mean_square():
    found = lines(cell("mse", LS), cell("huber", 0.5 * HUBER), cell("mae", HUBER), reference="best")
    assert {line["reference_loss"] for line in found.values()} == {"huber"}
    assert found["mae"]["efficiency"] == pytest.approx(0.25)


def test_one_with_failures_is_best_only_among_such():
    spoilt = cell("huber", np.where(np.arange(200) == 7, np.nan, 0.1))
    spoilt.loc[7, "error"] = "why"
    assert lines(spoilt, cell("mse", LS), reference="best")["huber"]["reference_loss"] == "mse"
    assert lines(spoilt, reference="best")["huber"]["reference_loss"] == "huber"


def test_pairs_are_formed_by_the_number_of_the_replicate():
    """Rows in another order, one replicate missing here, another failed there."""
    shuffled = cell("huber", HUBER).sample(frac=1, random_state=1).query("replicate != 3")
    reference = cell("mse", np.where(np.arange(200) == 5, np.nan, LS))
    line, keep = lines(shuffled, reference)["huber"], np.delete(np.arange(200), [3, 5])
    assert (line["pairs"], line["slope_pairs"], line["replicates"]) == (198, 198, 200)
    assert line["difference"] == pytest.approx((HUBER - LS)[keep].mean())


def test_medians_decide_where_a_tail_is_heavy():
    cauchy = np.abs(RNG.standard_cauchy(200))
    line = lines(cell("huber", HUBER), cell("mse", cauchy))["huber"]
    assert line["location"] == "median"
    assert line["difference"] == np.median(HUBER - cauchy)
    expected = montecarlo.median_ratio(cauchy, HUBER)
    assert (line["median_ratio"], line["median_ratio_mcse"]) == (expected.value, expected.mcse)
    assert line["median_ratio"] == np.median(cauchy) / np.median(HUBER)
    assert np.isnan([line["efficiency"], line["efficiency_mcse"]]).all()


def test_slopes_are_compared_where_surfaces_have_no_target():
    """Least squares estimates a mean, which Cauchy errors do not have."""
    line = lines(cell("huber", HUBER), cell("mse", np.full(200, np.nan), LS))["huber"]
    assert (line["pairs"], line["slope_pairs"]) == (0, 200)
    assert np.isnan(line["difference"])
    assert line["efficiency"] == montecarlo.efficiency(HUBER, LS).value


def test_cells_in_which_all_failed_have_no_numbers():
    failed = cell("mae", LS).drop(columns=["surface_error", "slope_error"]).assign(error="why")
    line = lines(failed, cell("mse", LS))["mae"]
    assert (line["pairs"], line["slope_pairs"], line["replicates"]) == (0, 0, 200)
    assert np.isnan([line["difference"], line["efficiency"], line["win_share"]]).all()
    assert compare(failed).empty


def test_without_least_squares_there_is_still_a_best():
    assert set(compare(cell("mae", LS))["reference"]) == {"best"}
    assert set(compare(cell("mse", LS, penalty="l2"))["reference"]) == {"best"}


def test_the_bound_over_the_mean_square():
    line = lines(cell("mse", LS, 2 * LS), bound=0.5, reference="bound")["mse"]
    mean_square = montecarlo.mean(4 * LS**2)
    assert line["efficiency"] == pytest.approx(0.5 / mean_square.value)
    assert line["efficiency_mcse"] == pytest.approx(0.5 * mean_square.mcse / mean_square.value**2)


def test_every_column_is_documented():
    table = compare(cell("mse", LS), bound=1.0)
    assert set(table) - set(setting_names(table)) == set(COMPARISON_DOCS)


def test_a_summary_takes_the_efficiencies_over():
    rows = pd.concat([cell("huber", HUBER), cell("mse", LS)], ignore_index=True)
    summary = with_efficiencies(summarise(rows), compare(rows, bound=1.0))
    assert summary["efficiency_vs_ls"].tolist() == [montecarlo.efficiency(HUBER, LS).value, 1.0]
    assert summary["efficiency_vs_bound"].notna().all()
    assert summary["efficiency_vs_best"].max() == 1.0
    assert set(summary) - set(summarise(rows)) == set(EFFICIENCY_DOCS)


def test_a_summary_without_comparisons_has_empty_efficiencies():
    rows = cell("mae", np.full(3, np.nan))
    summary = with_efficiencies(summarise(rows), compare(rows))
    assert summary[list(EFFICIENCY_DOCS)].isna().all(axis=None)


@pytest.mark.parametrize(
    ("noise", "information"), [(T(df=1.0), 0.5), (Laplace(sigma=2**0.5), 1.0), (T(df=3.0, sigma=2.0), 1 / 6)]
)
def test_the_bound_by_hand(noise, information):
    scenario = Linear(n_samples=105, n_features=3, noise=noise)  # 3 slopes of variance 1 / (105 - 3 - 2) each
    assert slope_bound(scenario, 0.0) == pytest.approx(0.03 / information)


def test_no_bound_where_none_is_known():
    assert slope_bound(Linear(), 0.1) is None
    assert slope_bound(Linear(noise=Uniform()), 0.0) is None
    assert slope_bound(Line(), 0.0) is None
    assert slope_bound(Linear(n_samples=5, n_features=3), 0.0) is None  # the expectation is infinite


def study(blocks, **settings):
    """Rows of mse, mae, huber and bisquare on the same samples of a linear scenario, scale known."""
    choices = {
        "scenario": "linear",
        "contamination": "vertical",
        "solver": "newton",
        "scale": "fixed",
        "initial": "lad",
    }
    choices |= {"penalty": "none", "stability": "none", "loss": "mse"}
    base = {group: {"name": choices[group], **spec(group, choices[group])} for group in GROUPS}
    configs = [applied(base | {"outliers": 0.0, "seed": 1}, {"loss": loss, **settings}) for loss in EXPECTED]
    cells = [Cell.from_config(json.loads(json.dumps(config))) for config in configs]
    tables = []
    for block in range(blocks):
        data, _ = cells[0].draw(block)
        moves = Streams.spawn(1, block).moves
        tables += [Fitted.on(cell, block, data, moves).rows("s") for cell in cells]
    return pd.concat(tables, ignore_index=True), cells[0]


EXPECTED = {"mse": 1.0, "mae": 2 / np.pi, "huber": 0.95, "bisquare": 0.95}


def test_asymptotic_efficiencies_at_the_normal_come_out():
    """n = 2000, scale known: Huber 1.345 and bisquare 4.685 have 0.95, MAE 2 / pi; O(1 / n) is neglected."""
    rows, first = study(blocks=16, **{"scenario.n_samples": 2000, "scenario.n_features": 1})
    summary = with_efficiencies(summarise(rows), compare(rows, slope_bound(first.scenario, 0.0))).set_index("loss")
    named = {(row["loss"], row["constant"]): float(row["value"]) for row in theory.rows("efficiency")}
    assert named[("huber", "1.345")] == pytest.approx(0.95, abs=1e-5)
    assert named[("bisquare", "4.685")] == pytest.approx(0.95, abs=1e-5)
    for loss, expected in EXPECTED.items():
        for name in ("efficiency_vs_ls", "efficiency_vs_bound"):
            line = summary.loc[loss]
            assert abs(line[name] - expected) <= 3 * line[f"{name}_mcse"] + 1e-9, (loss, name)
    assert summary.loc["huber", "efficiency_vs_ls_mcse"] < 0.03

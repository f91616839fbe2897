"""One line per cell, each number with its Monte Carlo standard error, and no failure lost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from robustfit import montecarlo
from robustfit.summary import (
    ERRORS,
    LOCATED,
    MAIN,
    RANK,
    SHARES,
    SUMMARISED,
    column_docs,
    data_names,
    failed,
    medians,
    ranked,
    setting_names,
    shown,
    summarise,
)
from robustfit.task import TASKS


def rows(cell="a", **columns):
    """Rows of one cell, as `study` makes them."""
    count = max(len(value) for value in columns.values())
    return pd.DataFrame(
        {"study": "run", "cell": cell, "replicate": range(count), "loss": "mae", **columns, "error": ""}
    )


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

    columns = set().union(*(column_docs(task) for task in TASKS))
    assert set(SUMMARISED) | set(SHARES) <= columns
    assert set(MAIN) | set(ERRORS) <= set(SUMMARISED)


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


def with_coefficients(errors, **columns):
    """Rows of one cell with an intercept of target 1 and two slopes that miss (2, -1) by `errors`, `(K, 3)`."""
    fitted = np.asarray(errors) + np.array([1.0, 2.0, -1.0])
    table = {"intercept": fitted[:, 0], "target_intercept": 1.0, "coef": list(fitted[:, 1:])}
    table |= {"true_coef": [np.array([2.0, -1.0])] * len(fitted), "slope_error": np.linalg.norm(errors, axis=1)}
    return rows(**(table | {"target_intercept": [1.0] * len(fitted)} | columns))


def test_bias_and_variance_of_the_coefficients():
    errors = np.random.default_rng(0).normal(size=(200, 3)) + np.array([0.5, 0.0, -0.3])
    (line,) = summarise(with_coefficients(errors)).to_dict("records")
    assert line["intercept_bias"] == pytest.approx(errors[:, 0].mean())
    assert line["intercept_bias_mcse"] == pytest.approx(errors[:, 0].std(ddof=1) / np.sqrt(200))
    assert line["intercept_variance"] == pytest.approx(errors[:, 0].var(ddof=1))
    assert line["slope_bias"] == pytest.approx(errors[:, 1:].mean(0).tolist())
    assert line["slope_bias_mcse"] == pytest.approx((errors[:, 1:].std(0, ddof=1) / np.sqrt(200)).tolist())
    assert line["slope_variance"] == pytest.approx(errors[:, 1:].var(0, ddof=1).sum())
    total = line["slope_squared_bias"] + line["slope_variance"]
    assert total == pytest.approx(np.square(errors[:, 1:]).sum(1).mean())


def test_a_replicate_without_a_fit_is_left_out_of_the_bias():
    table = with_coefficients([[0.0, 1.0, 1.0], [0.0, 3.0, 1.0], [9.0, 9.0, 9.0]])
    table["coef"] = [*table["coef"][:2], None]
    table.loc[2, ["intercept", "error"]] = np.nan, "why"
    (line,) = summarise(table).to_dict("records")
    assert (line["intercept_bias"], line["slope_bias"]) == (0.0, [2.0, 1.0])


def test_without_a_truth_there_is_no_bias():
    table = rows(coef=[np.array([1.0])] * 3, true_coef=[np.array([np.nan])] * 3, gap=[0.0] * 3)
    (line,) = summarise(table).to_dict("records")
    assert np.isnan([*line["slope_bias"], line["slope_squared_bias"], line["slope_variance"]]).all()
    table["true_coef"] = None
    (line,) = summarise(table).to_dict("records")
    assert np.isnan([*line["slope_bias"], line["slope_squared_bias"], line["slope_variance"]]).all()


def test_without_slopes_there_is_no_bias():
    table = rows(coef=[np.array([])] * 3, true_coef=[np.array([])] * 3, gap=[0.0] * 3)
    (line,) = summarise(table).to_dict("records")
    assert line["slope_bias"] == []
    assert np.isnan(line["slope_squared_bias"])


def test_the_locations_are_those_of_montecarlo():
    values = np.random.default_rng(1).exponential(size=200)
    (line,) = summarise(rows(**dict.fromkeys(LOCATED, values))).to_dict("records")
    for name in LOCATED:
        assert line[f"{name}_median"] == montecarlo.median(values).value
        assert line[f"{name}_median_mcse"] == montecarlo.median(values).mcse
        assert (line[f"{name}_median_low"], line[f"{name}_median_high"]) == montecarlo.median_interval(values)
        assert line[f"{name}_trimmed"] == montecarlo.trimmed_mean(values).value
    for name in ERRORS:
        assert line[f"{name}_rmse"] == montecarlo.rmse(values).value
        assert line[f"{name}_tail"] == montecarlo.tail_index(values).value


def cells_of_errors(settings=(), **errors):
    """Rows of cells, named after their losses, that meet the same samples and have these surface errors."""
    tables = [rows(loss, surface_error=values, **dict(settings)).assign(loss=loss) for loss, values in errors.items()]
    return pd.concat(tables, ignore_index=True)


def test_one_heavy_tail_shows_medians_to_all_that_meet_the_same_samples():
    rng = np.random.default_rng(0)
    light, heavy = rng.exponential(size=(2, 300)), np.abs(rng.standard_cauchy(300))
    contaminated = cells_of_errors(mse=heavy, mae=light[0]).assign(outliers=0.1)
    clean = cells_of_errors(huber=light[1]).assign(outliers=0.0)
    summary = summarise(pd.concat([contaminated, clean], ignore_index=True))
    assert summary["surface_error_shown"].tolist() == ["median", "median", "mean"]
    assert shown(summary)["value"].tolist() == pytest.approx([np.median(heavy), np.median(light[0]), light[1].mean()])
    assert shown(summary)["mcse"].tolist()[2] == pytest.approx(light[1].std(ddof=1) / np.sqrt(300))


def test_ranks_share_ties_and_start_anew_with_other_samples():
    near = [0.9, 1.1, 0.9, 1.1]  # mean 1, MCSE 0.058
    errors = {"a": [3.0, 3.1, 2.9, 3.0], "b": near, "c": [x + 0.1 for x in near], "d": [x + 0.2 for x in near]}
    table = pd.concat([cells_of_errors(**errors).assign(outliers=0.1), cells_of_errors(e=near).assign(outliers=0.2)])
    summary = ranked(summarise(table.reset_index(drop=True)))
    assert set(summary) - set(summarise(table)) == set(RANK)
    assert summary["rank"].tolist() == [4, 1, 1, 3, 1]  # c ties with b, within 2 x 0.082; d with c, but not with b


@pytest.mark.parametrize("main", ["clean_error", "iou_error"])
def test_ranks_of_labels_and_boxes_are_by_their_main_measure(main):
    tables = [rows("a", surface_error=[3.0, 3.1, 2.9]), rows("b", surface_error=[1.0, 1.1, 0.9])]
    ours, theirs = (
        ranked(summarise(pd.concat([table.rename(columns={"surface_error": name}) for table in tables])))
        for name in ("surface_error", main)
    )
    assert theirs["rank"].tolist() == ours["rank"].tolist() == [2, 1]
    assert shown(theirs).equals(shown(ours)) and theirs[f"{main}_shown"].tolist() == ["mean", "mean"]


def test_several_tasks_in_one_table_are_each_gone_by_their_own_measure():
    tables = [rows("a", surface_error=[3.0, 5.0]), rows("b", clean_error=[0.1, 0.3]), rows("c", iou_error=[0.5, 0.7])]
    tables = [table.assign(scenario=name) for table, name in zip(tables, "xyz", strict=True)]
    summary = ranked(summarise(pd.concat(tables, ignore_index=True)))
    assert shown(summary)["value"].tolist() == pytest.approx([4.0, 0.2, 0.6])
    assert summary["rank"].tolist() == [1, 1, 1]
    assert not medians(summary).any()


def test_failures_rank_last_and_the_undefined_not_at_all():
    table = cells_of_errors(a=[1.0, np.nan], b=[2.0, 2.1], c=[np.nan, np.nan], d=[np.nan, np.nan], e=[1.0, np.nan])
    table["error"] = ["", "why", "", "", "why", "why", "", "", "", ""]
    summary = ranked(summarise(table))
    assert summary["failures"].tolist() == [1, 0, 2, 0, 0]
    assert summary["rank"].astype("string").fillna("").tolist() == ["3", "2", "4", "", "1"]


def test_missing_reasons_are_no_failures():
    assert failed(pd.DataFrame({"error": ["", None, np.nan, "why"]})).tolist() == [False, False, False, True]


def test_data_settings_say_which_samples():
    table = pd.DataFrame(
        columns=["loss", "scenario.noise", "seed", "solver.tol", "outliers", "contamination.shift", "cell"]
    )
    assert data_names(table) == ["seed", "outliers", "scenario.noise", "contamination.shift"]


def test_every_column_is_documented_and_every_documented_column_is_there():
    columns = dict.fromkeys((*SUMMARISED, *SHARES), [0.0, 1.0, 1.0])
    summary = summarise(with_coefficients(np.eye(3), **columns))
    assert set(summary) - set(setting_names(summary)) == set(column_docs())
    assert all(text and text == text.strip() for text in column_docs().values())

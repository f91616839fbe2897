"""The command line from end to end: what it prints, what it writes, what it refuses; nothing is left half-done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd
import pytest
import yaml
from command import ROOT, call, process

import robustfit
from robustfit import RobustRegressor, catalogue, cell
from robustfit.catalogue import GROUPS, names
from robustfit.task import fitting

QUICK = ("figure=false", "stability=none")
FILES = ["config.yaml", "data.csv", "fit.png", "provenance.json", "rows.csv", "rows.parquet", "summary.csv"]
STACKLOSS = ROOT / "tests" / "reference" / "data" / "stackloss.csv"


@pytest.fixture(scope="module")
def main_job(tmp_path_factory):
    """`robustfit loss=huber outliers=0.1`."""
    return call(tmp_path_factory.mktemp("main"), "loss=huber", "outliers=0.1")


def without_time(rows):
    return rows.drop(columns="seconds")


def features(data):
    """The columns of a sample before its target."""
    return data.loc[:, : data.columns[list(data.columns).index("y") - 1]]


# The main job


def test_the_main_job_prints_all_that_it_found(main_job):
    assert (main_job.code, main_job.err) == (0, "")
    parts = ["loss=huber", "outliers=0.1", "seed=0", "linear: 100 rows, 3 features", "vertical, 10 of 100 rows"]
    parts += ["huber(delta=1.345)", "scale=mad", "initial=lad", "lbfgs: converged"]
    parts += ["coefficient  true", "least squares", "intercept", "x1", "x2", "x3"]
    parts += ["surface_error", "clean_rmse", "scale", "instability", "outlier_ap", "objective", "gap", "certified"]
    assert [part for part in parts if part not in main_job.out] == []
    assert sum(line.startswith("Meaning: ") for line in main_job.out.splitlines()) == 1


def test_the_main_job_prints_the_numbers_that_it_wrote(main_job):
    (row,) = main_job.rows.to_dict("records")
    printed = dict(line.split()[:2] for line in main_job.out.splitlines() if len(line.split()) > 1)
    assert float(printed["surface_error"]) == pytest.approx(row["surface_error"], rel=1e-3)
    assert float(printed["instability"]) == pytest.approx(row["instability"], rel=1e-3)
    assert float(printed["objective"]) == pytest.approx(row["objective"], rel=1e-9)
    (line,) = [line.split() for line in main_job.out.splitlines() if line.startswith("x2 ")]
    assert [float(cell) for cell in line[1:3]] == pytest.approx([row["true_coef"][1], row["coef"][1]], rel=1e-4)


def test_the_main_job_writes_its_files(main_job):
    assert sorted(path.name for path in main_job.folder.iterdir()) == FILES
    assert main_job.folder.parent == main_job.home / "results" / "runs"
    assert [path.name for path in main_job.home.iterdir()] == ["results"], "nothing else in the user's directory"
    assert (main_job.folder / "fit.png").read_bytes().startswith(b"\x89PNG")


def test_the_csv_of_the_rows_is_the_parquet(main_job):
    wide, (row,) = pd.read_csv(main_job.folder / "rows.csv"), main_job.rows.to_dict("records")
    np.testing.assert_allclose(wide[["coef.1", "coef.2", "coef.3"]].iloc[0], row["coef"], rtol=1e-15)
    assert wide["surface_error"].item() == pytest.approx(row["surface_error"], rel=1e-15)
    assert set(main_job.rows) - {"coef", "true_coef"} < set(wide)


def test_the_summary_is_one_line_of_the_same_numbers(main_job):
    (line,), (row,) = main_job.summary.to_dict("records"), main_job.rows.to_dict("records")
    assert (line["loss"], line["loss.delta"], line["replicates"], line["failures"]) == ("huber", 1.345, 1, 0)
    assert line["surface_error"] == pytest.approx(row["surface_error"], rel=1e-15)
    assert np.isnan(line["surface_error_mcse"])


def test_the_configuration_that_was_written_is_the_cell(main_job):
    config = yaml.safe_load((main_job.folder / "config.yaml").read_text(encoding="utf-8"))
    assert cell.Cell.from_config(config).key == main_job.rows["cell"].item()


def test_the_provenance_says_what_made_it(main_job):
    record = json.loads((main_job.folder / "provenance.json").read_text(encoding="utf-8"))
    assert record["robustfit"] == robustfit.__version__
    assert record["command"] == ["robustfit", "loss=huber", "outliers=0.1"]
    assert record["libraries"]["numpy"] == np.__version__
    assert record["config"]["loss"] == {"name": "huber", "_target_": "robustfit.losses.huber.Huber", "delta": 1.345}


@pytest.mark.parametrize("loss", fitting("loss", "regression"))
def test_the_rows_are_the_regressors_fit_of_the_saved_data(tmp_path, loss):
    run = call(tmp_path, f"loss={loss}", "outliers=0.2", "contamination=bad_leverage", *QUICK)
    assert (run.code, run.err) == (0, "")
    (row,) = run.rows.to_dict("records")
    model = RobustRegressor(loss=loss).fit(features(run.data), run.data["y"])
    np.testing.assert_allclose(row["coef"], model.coef_, rtol=1e-7)
    assert row["intercept"] == pytest.approx(model.intercept_, rel=1e-7)
    assert row["scale_value"] == pytest.approx(model.scale_, rel=1e-7)
    np.testing.assert_allclose(run.data["fitted"], model.predict(features(run.data)), atol=1e-6)
    np.testing.assert_allclose(run.data["residual"], run.data["y"] - run.data["fitted"], atol=1e-12)
    np.testing.assert_allclose(run.data["u"], run.data["residual"] / row["scale_value"], rtol=1e-12)


@pytest.mark.parametrize(("n", "fraction"), [(100, 0.1), (25, 0.1), (33, 0.3), (40, 0.5)])
def test_exactly_the_rounded_fraction_is_marked_and_spoilt(tmp_path, n, fraction):
    run = call(tmp_path, f"scenario.n_samples={n}", f"outliers={fraction}", *QUICK)
    marked = run.data["outlier"]
    assert marked.sum() == round(fraction * n) == run.rows["n_outliers"].item()
    assert (run.data["y"] != run.data["y_clean"]).equals(marked)


def test_with_no_options_the_default_runs(tmp_path):
    run = call(tmp_path)
    assert (run.code, run.err) == (0, "")
    assert sorted(path.name for path in run.folder.iterdir()) == FILES
    assert run.rows[["loss", "outliers", "n_outliers", "seed"]].iloc[0].tolist() == ["huber", 0.0, 0, 0]


# Seeds


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(tmp_path):
    first, again, other = (call(tmp_path, f"seed={seed}", "outliers=0.1", *QUICK) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(without_time(first.rows), without_time(again.rows), check_exact=True)
    pd.testing.assert_frame_equal(first.data, again.data, check_exact=True)
    assert first.folder != again.folder
    assert not first.data["x1"].isin(other.data["x1"]).any()


def test_the_outliers_at_10_per_cent_are_among_those_at_30(tmp_path):
    few, many = (call(tmp_path, f"outliers={fraction}", *QUICK).data for fraction in (0.1, 0.3))
    assert (few["outlier"].sum(), many["outlier"].sum()) == (10, 30)
    assert many["outlier"][few["outlier"]].all()
    assert few["y"][few["outlier"]].equals(many["y"][few["outlier"]]), "with the same values"
    assert few["y_clean"].equals(many["y_clean"])


# Options


def test_no_figure(tmp_path):
    run = call(tmp_path, "figure=false", "stability=none")
    assert sorted(path.name for path in run.folder.iterdir()) == [name for name in FILES if name != "fit.png"]


def test_the_trace_is_written_and_drawn(tmp_path):
    run = call(tmp_path, "trace=true", "loss=huber", "initial=ols", "outliers=0.2", "stability=none")
    assert sorted(path.name for path in run.folder.iterdir()) == sorted([*FILES, "trace.csv", "trace.png"])
    trace = pd.read_csv(run.folder / "trace.csv")
    assert list(trace) == [
        "iteration",
        "evaluations",
        "objective",
        *(f"coef.{x}" for x in ["intercept", "x1", "x2", "x3"]),
    ]
    assert trace["objective"].iloc[0] > trace["objective"].iloc[-1]
    assert trace["objective"].iloc[-1] == pytest.approx(run.rows["objective"].item(), rel=1e-9)
    assert trace["iteration"].is_monotonic_increasing
    assert trace["evaluations"].is_monotonic_increasing


@pytest.mark.parametrize("solver", sorted(set(names("solver")) - {"mixed_integer", "best_of_surrogates"}))
def test_every_solver_leaves_a_trace(tmp_path, solver):
    loss = "mae" if solver == "linear_program" else "huber"
    arguments = ["scenario=line", "scenario.n_samples=20", f"solver={solver}", f"loss={loss}", "trace=true"]
    run = call(tmp_path, *arguments, *QUICK)
    assert (run.code, run.err) == (0, "")
    trace = pd.read_csv(run.folder / "trace.csv")
    assert list(trace)[:3] == ["iteration", "evaluations", "objective"]
    silent = solver in ("linear_program", "least_squares")  # SciPy tells nothing of their way
    assert trace.empty == silent


def test_replicates_show_means_with_their_monte_carlo_errors(tmp_path):
    run = call(tmp_path, "replicates=20", "scenario.n_samples=30", *QUICK)
    assert (run.code, run.err) == (0, "")
    assert run.rows["replicate"].tolist() == list(range(20))
    values, (line,) = run.rows["surface_error"], run.summary.to_dict("records")
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(20)
    assert (line["surface_error"], line["surface_error_mcse"]) == pytest.approx((mean, error), rel=1e-12)
    assert f"{mean:.3f} ({error:.3f})" in run.out
    assert "1 cell, 20 replicates each; means (Monte Carlo standard errors)" in run.out
    assert len(run.data) == 30, "of the first sample"


@pytest.mark.parametrize("loss", ["huber", "bisquare"])
def test_outliers_as_far_out_as_numbers_go(tmp_path, loss):
    run = call(tmp_path, f"loss={loss}", "outliers=0.1", "contamination.shift=1e300", "stability=none")
    assert (run.code, run.err) == (0, "")
    assert run.rows["surface_error"].item() < 0.5


def test_other_folder_for_the_results(tmp_path):
    run = call(tmp_path, "out=elsewhere/deep", *QUICK)
    assert run.folder.parent == tmp_path / "elsewhere" / "deep" / "runs"
    assert run.results == []


def test_other_parts_by_name(tmp_path):
    run = call(
        tmp_path, "scenario/noise=t", "scenario.noise.df=4", "scale=fixed", "penalty=l2", "solver=newton", *QUICK
    )
    row = run.rows.iloc[0]
    assert (row["scenario.noise"], row["scenario.noise.df"], row["scale"], row["scale.value"]) == ("t", 4, "fixed", 1)
    assert (row["penalty"], row["solver"], row["solver_used"]) == ("l2", "newton", "newton")


# Sweeps


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """The issue's grid in small."""
    losses = "mse,mae,huber,smooth_l1,log_cosh,quantile"
    home = tmp_path_factory.mktemp("grid")
    return call(home, "--multirun", f"loss={losses}", "outliers=0,0.2", "scenario.n_samples=30", *QUICK)


def test_a_sweep_ends_with_one_table_over_all_jobs(grid):
    assert grid.code == 0
    header, *lines = grid.out.split("\n\n")[0].splitlines()
    assert header.split()[:3] == ["outliers", "loss", "surface_error"]
    expected = [[fraction, loss] for loss in grid.rows["loss"].unique() for fraction in ("0", "0.2")]
    assert [line.split()[:2] for line in lines] == expected
    assert "12 cells, 1 replicate each" in grid.out


def test_a_sweep_gathers_the_rows_of_all_jobs(grid):
    assert len(grid.rows) == len(grid.summary) == 12
    assert {path.name for path in grid.folder.iterdir() if path.is_dir()} == {str(job) for job in range(12)}
    for job in range(12):
        own = pd.read_parquet(grid.folder / str(job) / "rows.parquet").iloc[0]
        assert own["surface_error"] == grid.rows["surface_error"][job]
    assert grid.rows["cell"].is_unique
    assert (grid.rows["error"] == "").all()
    assert set(grid.rows["study"]) == {"sweep"}
    assert grid.summary["loss.delta"].notna().sum() == 2, "the parameters of a loss that is not the first"


def test_every_loss_meets_the_same_data(grid):
    samples = [pd.read_csv(grid.folder / str(job) / "data.csv") for job in range(12)]
    shared = ["x1", "x2", "x3", "y_clean"]
    for sample, fraction in zip(samples, grid.rows["outliers"], strict=True):
        pd.testing.assert_frame_equal(sample[shared], samples[0][shared], check_exact=True)
        twin = samples[0 if fraction == 0 else 1]
        pd.testing.assert_frame_equal(sample[["y", "outlier"]], twin[["y", "outlier"]], check_exact=True)


def test_a_sweeps_row_is_the_row_of_the_single_run(grid, tmp_path):
    run = call(tmp_path, "loss=log_cosh", "outliers=0.2", "scenario.n_samples=30", *QUICK)
    same = (grid.rows["loss"] == "log_cosh") & (grid.rows["outliers"] == 0.2)
    shared = [name for name in run.rows if name not in ("study", "seconds")]
    expected = grid.rows.loc[same, shared].reset_index(drop=True)
    pd.testing.assert_frame_equal(run.rows[shared], expected, check_exact=True, check_dtype=False)


def test_a_job_that_fails_is_a_row_and_the_others_go_on(tmp_path):
    jobs = ["loss=mae,huber", "solver=linear_program,newton", "scenario.n_samples=30"]
    run = call(tmp_path, "--multirun", *jobs, *QUICK)
    assert run.code == 1
    reason = "linear_program needs a PolyhedralLoss; Huber(delta=1.345) is not one"
    failed = run.rows["error"].str.startswith(reason)
    assert failed.tolist() == [False, False, True, False]
    assert run.rows.loc[failed, ["loss", "solver"]].to_numpy().tolist() == [["huber", "linear_program"]]
    assert run.rows["surface_error"].isna().tolist() == failed.tolist()
    assert run.summary["failures"].tolist() == [0, 0, 1, 0]
    assert reason in run.out
    assert "3 of 4 jobs succeeded" in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize(
    ("sweep", "reasons"),
    [
        ("outliers=1.7,0.1", ["outliers=1.7: must be a number, at least 0 and at most 0.5", ""]),
        ("outliers=abc,0.1", ["outliers='abc': must be a number, at least 0 and at most 0.5", ""]),
        ("loss.delta=2,abc,-1", ["", "loss.delta='abc': must be a number", "loss.delta=-1: must be a number, greater"]),
        ("scenario.n_samples=0,30", ["scenario.n_samples=0: must be a whole number, at least 1", ""]),
        ("seed=-1,5", ["seed=-1: must be a whole number, at least 0", ""]),
    ],
)
def test_a_value_out_of_range_in_a_sweep_is_a_row_too(tmp_path, sweep, reasons):
    run = call(tmp_path, "--multirun", sweep, *QUICK)
    assert run.code == 1
    for error, reason in zip(run.rows["error"], reasons, strict=True):
        assert error.startswith(reason) and bool(error) == bool(reason)
    assert run.rows["surface_error"].notna().tolist() == [not reason for reason in reasons]


def test_a_sweep_of_which_every_job_fails_still_ends_with_its_table(tmp_path):
    run = call(tmp_path, "--multirun", "loss.delta=-1,-2", *QUICK)
    assert run.code == 1
    assert run.summary["loss.delta"].tolist() == [-1, -2]
    assert "0 of 2 jobs succeeded" in run.err


def test_a_sweep_over_what_is_no_part_of_the_cell_counts_no_sample_twice(tmp_path):
    run = call(
        tmp_path, "--multirun", "replicates=2,3", "stability=none,moves", "scenario.n_samples=12", "figure=false"
    )
    assert run.summary["stability"].tolist() == ["none", "moves"]
    assert run.summary["replicates"].tolist() == [3, 3]
    assert run.summary["instability_n"].tolist() == [0, 3]


def test_a_flag_may_stand_between_overrides(tmp_path):
    run = call(tmp_path, "loss=mse,mae", "--multirun", "scenario.n_samples=20", *QUICK)
    assert (run.code, run.rows["loss"].tolist()) == (0, ["mse", "mae"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("loss=hubber,mae", "no loss 'hubber' (did you mean 'huber'?); there are: bisquare, cauchy"),
        ("loss.dleta=1,2", "no setting 'loss.dleta' (did you mean 'loss.delta'?)"),
    ],
)
def test_a_sweep_that_is_refused_leaves_nothing(tmp_path, override, message):
    run = call(tmp_path, "--multirun", override)
    assert run.code == 2
    assert message in run.err
    assert run.results == []


def test_two_sweeps_at_the_same_time_keep_to_themselves(tmp_path):
    first, second = (call(tmp_path, "-m", f"loss={loss}", "scenario.n_samples=20", *QUICK) for loss in ("mse", "mae"))
    assert first.folder != second.folder
    assert (first.rows["loss"].tolist(), second.rows["loss"].tolist()) == (["mse"], ["mae"])


# Bad input

SETTINGS = "there are: consent, contamination, engine, figure, initial, loss, out, outliers"
REFUSED = [
    (["loss=hubber"], "no loss 'hubber' (did you mean 'huber'?); there are: bisquare, cauchy, ciou, cross_entropy"),
    (["loss="], "no loss ''; there are: bisquare"),
    (["loss=null"], "Config group override must be a string or a list"),
    (["~loss"], "no loss 'None'; there are: bisquare"),
    (["loss=mse,mae"], "To sweep over it, add --multirun to your command line"),
    (["solver=newtons"], "no solver 'newtons' (did you mean 'newton'?); there are: auto, best_of_surrogates, bfgs"),
    (["scenario/noise=gaussian"], "no scenario/noise 'gaussian'; there are: contaminated_normal, laplace, normal"),
    (["outliers=abc"], "outliers='abc': must be a number, at least 0 and at most 0.5"),
    (["outliers=1.7"], "outliers=1.7: must be a number, at least 0 and at most 0.5"),
    (["outliers=-0.1"], "outliers=-0.1: must be a number, at least 0 and at most 0.5"),
    (["outliers=nan"], "outliers=nan: must be a number, at least 0 and at most 0.5"),
    (["outliers="], "outliers='': must be a number"),
    (["~outliers"], "outliers: must be given"),
    (["outlier=0.1"], f"no setting 'outlier' (did you mean 'outliers'?); {SETTINGS}"),
    (["+outlier=0.1"], f"no setting 'outlier' (did you mean 'outliers'?); {SETTINGS}"),
    (["outliers"], "missing EQUAL"),
    (["loss.delta=-1"], "loss.delta=-1: must be a number, greater than 0"),
    (["loss.delta=abc"], "loss.delta='abc': must be a number, greater than 0"),
    (["loss.dleta=2"], "no setting 'loss.dleta' (did you mean 'loss.delta'?); there are: loss.delta"),
    (["+loss.dleta=2"], "loss: no parameter of Huber 'dleta' (did you mean 'delta'?); there are: delta"),
    (["loss=mae", "loss.delta=2"], "no setting 'loss.delta'; there are: none"),
    (["scenario.n_samples=0"], "scenario.n_samples=0: must be a whole number, at least 1"),
    (["scenario.n_samples=2.5"], "scenario.n_samples=2.5: must be a whole number, at least 1"),
    (["scenario.n_samples=4"], "n_samples=4: must be more than the 4 coefficients (intercept, x1, x2, x3)"),
    (["scenario.n_features=100"], "n_samples=100: must be more than the 101 coefficients"),
    (["scenario.n_samples=1000000000000"], "not enough memory"),
    (["scenario.coef=[1,2]"], "coef=[1.0, 2.0]: must have as many slopes as n_features=3"),
    (["scenario.noise=gaussian"], "scenario.noise='gaussian': must be a Noise"),
    (["scenario=csv"], "scenario.path: needs a value, such as scenario.path=..."),
    (["replicates=0"], "replicates=0: must be a whole number, at least 1"),
    (["seed=-1"], "seed=-1: must be a whole number, at least 0"),
    (["seed=1.5"], "seed=1.5: must be a whole number, at least 0"),
    (["seed=10000000000000000000"], "seed=10000000000000000000: must be a whole number, at least 0 and at most 1e+18"),
    (["figure=maybe"], "figure='maybe': must be true or false"),
    (["out=null"], "out=None: must be text"),
    (["loss=huber", "solver=linear_program"], "linear_program needs a PolyhedralLoss; Huber(delta=1.345) is not one; "),
    (["loss.delta=${nosuch}"], "Interpolation key 'nosuch' not found"),
    (["loss._target_=robustfit.losses.huber.Hubber"], "loss: cannot import 'robustfit.losses.huber.Hubber'"),
    (["--config-dir", "nosuch"], "nosuch' not found"),
    (["--config-name", "nosuch"], "Cannot find primary config 'nosuch'"),
    (["--nosuch"], "unrecognized arguments: --nosuch"),
    (["scenario.n_samples=1e30"], "n_samples=1e+30: with 4 coefficients no memory holds such a sample"),
    (["study=breakdwon"], "no study 'breakdwon' (did you mean 'breakdown'?); there are: "),
    (["study=breakdown", "replicates=0"], "replicates=0: must be a whole number, at least 1"),
    (["study=breakdown", "precision=0"], "precision.target=0: must be a number, greater than 0"),
    (["study=breakdown", "precision=0.1", "precision.of=losss"], "no column of numbers 'losss'"),
    (["study=breakdown", "precision=0.1", "replicates=5"], "replicates and precision: give one of them"),
    (
        ["study=breakdown", "+precision.foo=1", "precision=1"],
        "no setting 'precision.foo' (did you mean 'precision.of'?); there are: precision.at_",
    ),
    (["study=efficiency", "scenario/noise=uniform"], "scenario.noise=uniform: goes together with"),
    (["precision=0.1"], "precision is for studies: say which, as in study=breakdown"),
    (["plan=true"], "plan is for studies: say which, as in study=breakdown"),
    (["replay=nosuch:0a:1"], "replay=nosuch:0a:1: nosuch is no folder of a study or a run"),
    (["replay=nosuch"], "replay=nosuch: must be FOLDER:CELL:REPLICATE"),
    (
        ["task=classificaton"],
        "no task 'classificaton' (did you mean 'classification'?); there are: boxes, classification",
    ),
    (["task=[boxes,regression]"], "task: must be one name"),
    (["~task"], "task: must be one name"),
    (["task=classification", "study=breakdown"], "task: a study says itself what its data are"),
    (["task=regression", "study=breakdown", "plan=true"], "task: a study says itself what its data are"),
    (["task=boxes", "replay=nosuch:0a:1"], "task: a replay takes nothing but replay, out, figure, trace"),
    (["task=boxes", "loss=hinge"], "loss=hinge is for classification, the scenario's data are for boxes"),
    (["task=classification", "loss=giou"], "loss=giou is for boxes, the scenario's data are for classification"),
    (["loss=hinge"], "loss=hinge is for classification, the scenario's data are for regression"),
    (["task=classification", "contamination=vertical"], "contamination=vertical is for regression"),
    (["task=boxes", "stability=moves"], "stability=moves is for regression"),
    (["task=classification", "scenario.n_classes=3", "loss=hinge"], "is a loss of two classes; there are 3"),
    (["task=classification", "scenario.n_classes=3", "loss=huber"], "labels of more than two classes are no numbers"),
    (["task=classification", "scenario.n_classes=9"], "9 classes at equal distances need at least 8 features"),
    (["task=classification", "loss.weights=[1,2,3]"], "2 classes need 2 weights; 3 were given"),
    (["task=classification", "scale=concomitant"], "is a scale of residuals; CrossEntropy(weights=()) has none"),
    (["task=classification", "scenario=csv_labels"], "needs a value, such as scenario."),
    (["replay=nosuch:0a:1", "loss=mae"], "loss: a replay takes nothing but replay, out, figure, trace"),
    (["study=breakdown", "+study.axes.los=[mae]"], "no setting 'los' (did you mean 'loss'?)"),
    (["--cfg", "job", "loss=hubber"], "no loss 'hubber' (did you mean 'huber'?)"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=lambda part: " ".join(part)[:40])
def test_bad_input_is_refused_in_one_line(tmp_path, arguments, message):
    refused(call(tmp_path, *arguments), message)


def refused(run, message):
    """The exit code is 2; one line says why; there is no traceback, no result and no file."""
    assert run.code == 2
    assert message in run.err
    assert run.err.startswith("robustfit: ") and run.err.count("\n") == 1
    assert "Traceback" not in run.err
    assert run.out == ""
    assert list(run.home.rglob("results*")) == []


def test_a_wrong_pair_names_the_solvers_that_would_do(tmp_path):
    run = call(tmp_path, "loss=huber", "solver=linear_program")
    would_do = run.err.strip().rpartition("solvers that would do: ")[2].split(", ")
    assert {"auto", "lbfgs", "newton"} <= set(would_do) <= set(names("solver")) - {"linear_program"}


def test_the_traceback_is_there_for_who_asks(tmp_path):
    with pytest.raises(robustfit.errors.BadParameter, match=r"loss\.delta=-1"):
        call(tmp_path, "loss.delta=-1", full_errors=True)
    sweep = call(tmp_path, "--multirun", "loss.delta=-1,1", *QUICK, full_errors=True)
    assert "Traceback" in sweep.err
    assert sweep.rows["error"].str.len().gt(0).tolist() == [True, False]


# Interrupts and disks


def interrupting(monkeypatch, after=0):
    """Control-C while a block is fitted, the first or a later one."""
    fit, calls = cell.Fitted.of, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) > after:
            raise KeyboardInterrupt
        return fit(*arguments)

    monkeypatch.setattr(cell.Fitted, "of", interrupted)


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    interrupting(monkeypatch)
    run = call(tmp_path, "loss=huber")
    assert (run.code, run.results, run.out) == (130, [], "")
    assert "interrupted" in run.err


def test_an_interrupt_while_files_are_written_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(cell.Fitted, "per_datum", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    run = call(tmp_path, *QUICK)
    assert (run.code, run.results) == (130, [])


def test_an_interrupted_sweep_keeps_the_jobs_that_are_done(tmp_path, monkeypatch):
    interrupting(monkeypatch, after=1)
    run = call(tmp_path, "--multirun", "loss=mse,mae,huber", *QUICK)
    assert run.code == 130
    folders = [path for path in tmp_path.glob("results/sweeps/*/*") if path.is_dir()]
    assert [path.name for path in folders] == ["0"]
    assert (folders[0] / "rows.parquet").exists()


def test_a_sweep_that_is_interrupted_at_once_leaves_nothing(tmp_path, monkeypatch):
    interrupting(monkeypatch)
    run = call(tmp_path, "--multirun", "loss=mse,mae", *QUICK)
    assert (run.code, run.results) == (130, [])


@pytest.mark.parametrize("flags", [[], ["--multirun"]], ids=["run", "sweep"])
def test_a_file_where_the_results_should_go(tmp_path, flags):
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    run = call(tmp_path, *flags, "out=taken", *QUICK)
    assert run.code == 2
    assert "taken" in run.err and "Not a directory" in run.err
    assert run.err.count("\n") == 1
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_place_that_may_not_be_written_to(tmp_path, monkeypatch):
    def refuse(*arguments, dir, **options):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    run = call(tmp_path, *QUICK)
    assert run.code == 2
    assert run.err == f"robustfit: cannot write to {os.path.join('results', 'runs')}: Permission denied\n"


# Help


def test_help_names_all_groups_with_their_choices(tmp_path):
    run = call(tmp_path, "--help")
    assert (run.code, run.err, run.results) == (0, "", [])
    lines = run.out.splitlines()
    for group in (*GROUPS, "scenario/noise"):
        assert f"{group}: {', '.join(names(group))}" in lines
    for setting in ("outliers=", "replicates=", "seed=", "figure=", "trace=", "out="):
        assert any(line.startswith(setting) for line in lines)
    assert "hydra" not in run.out.replace("HYDRA_FULL_ERROR", "").lower()


def test_the_examples_in_the_help_are_the_projects_words(tmp_path):
    examples = [line.split() for line in call(tmp_path, "--help").out.splitlines() if "python -m robustfit" in line]
    assert len(examples) >= 4
    words = {word for example in examples for word in example if "=" in word}
    for group, _, choices in (word.partition("=") for word in words):
        if group in GROUPS:
            assert set(choices.split(",")) <= set(names(group))


def test_the_configuration_can_be_looked_at(tmp_path):
    run = call(tmp_path, "--cfg", "job", "loss=mae")
    content = yaml.safe_load(run.out)
    assert (run.code, content["loss"]) == (0, catalogue.spec("loss", "mae"))
    assert set(content) == {
        *GROUPS,
        "study",
        "engine",
        "outliers",
        "replicates",
        "seed",
        "figure",
        "trace",
        "out",
        "consent",
        "precision",
        "plan",
        "replay",
    }
    part = call(tmp_path, "--cfg", "job", "--package", "loss")
    assert yaml.safe_load(part.out.partition("\n")[2]) == {"_target_": "robustfit.losses.huber.Huber", "delta": 1.345}
    assert run.results == []


# A user's own data

TRUTH = [
    "true_intercept",
    "true_coef",
    "target_intercept",
    "intercept_error",
    "slope_error",
    "coef_error",
    "surface_error",
]


def table(home, text, name="data.csv"):
    """A file of the user's, and the arguments that fit its column y."""
    (home / name).write_text(text, encoding="utf-8")
    return "scenario=csv", f"scenario.path={name}", "scenario.target=y"


def test_a_real_file_is_fitted(tmp_path):
    (tmp_path / "stackloss.csv").write_bytes(STACKLOSS.read_bytes())
    run = call(tmp_path, "scenario=csv", "scenario.path=stackloss.csv", "scenario.target=stack.loss")
    assert (run.code, run.err) == (0, "")
    frame = pd.read_csv(STACKLOSS)
    model = RobustRegressor(loss="huber").fit(frame.drop(columns="stack.loss"), frame["stack.loss"])
    np.testing.assert_allclose(run.rows["coef"].item(), model.coef_, rtol=1e-7)
    assert {"Air.Flow", "Water.Temp", "Acid.Conc."} <= {line.split()[0] for line in run.out.splitlines() if line}
    assert "true" not in run.out.split("\n\n")[2].splitlines()[0]
    assert sorted(path.name for path in run.folder.iterdir()) == FILES


def test_a_real_file_line_by_line(tmp_path):
    (tmp_path / "stackloss.csv").write_bytes(STACKLOSS.read_bytes())
    run = call(tmp_path, "scenario=csv", "scenario.path=stackloss.csv", "scenario.target=stack.loss", *QUICK)
    frame, data = pd.read_csv(STACKLOSS), run.data
    own = ["y", "y_clean", "outlier", "fitted", "residual", "u", "weight", "leverage", "flag"]
    assert list(data) == ["Air.Flow", "Water.Temp", "Acid.Conc.", *own]
    assert data["y"].equals(frame["stack.loss"].astype(float)) and not data["outlier"].any()
    np.testing.assert_allclose(data["weight"], np.minimum(1, 1.345 / data["u"].abs()), rtol=1e-12)
    X = np.column_stack([np.ones(len(frame)), frame.drop(columns="stack.loss")])
    np.testing.assert_allclose(data["leverage"], np.diag(X @ np.linalg.pinv(X)), rtol=1e-9)
    size = data["residual"].abs()
    assert data["flag"].equals(size > 2.5 * 1.482602218505602 * size.median())


def test_the_grossest_outliers_of_stackloss_weigh_least(tmp_path):
    arguments = ["scenario=csv", f"scenario.path={STACKLOSS}", "scenario.target=stack.loss", "loss=bisquare", *QUICK]
    weight = call(tmp_path, *arguments).data["weight"]
    assert set(weight.nsmallest(2).index + 1) == {4, 21}


def test_without_a_truth_its_columns_are_empty_and_nothing_is_contaminated(tmp_path):
    (tmp_path / "stackloss.csv").write_bytes(STACKLOSS.read_bytes())
    arguments = ["scenario=csv", "scenario.path=stackloss.csv", "scenario.target=stack.loss", *QUICK]
    row = call(tmp_path, *arguments).rows.iloc[0]
    assert all(np.isnan(row[name]).all() for name in TRUTH)
    assert (row["n_outliers"], row["n_samples"], row["n_features"]) == (0, 21, 3)
    asked = call(tmp_path, *arguments, "outliers=0.1")
    assert asked.data["outlier"].sum() == 2
    assert (asked.data["y"] != asked.data["y_clean"]).equals(asked.data["outlier"])


def test_some_features(tmp_path):
    arguments = table(tmp_path, "a,b,name,y\n" + "".join(f"{k},{k * k},n{k},{3 * k + k % 3}\n" for k in range(9)))
    assert call(tmp_path, *arguments, *QUICK).rows["n_features"].item() == 2, "text is left out"
    run = call(tmp_path, *arguments, "scenario.features=[b]", *QUICK)
    assert list(features(run.data)) == ["b"]


def test_features_that_are_called_like_a_column_of_ours_are_kept(tmp_path):
    rows = "".join(f"{k},{k * k % 7},{3 * k + k % 3}\n" for k in range(9))
    run = call(tmp_path, *table(tmp_path, "weight,fitted,y\n" + rows), *QUICK)
    assert run.data["x.weight"].tolist() == list(range(9))
    assert run.data["x.fitted"].tolist() == [k * k % 7 for k in range(9)]
    np.testing.assert_allclose(run.data["fitted"] + run.data["residual"], run.data["y"], atol=1e-12)


ROWS = "1,2,3\n2,5,4\n3,1,5\n4,5,7\n5,3,6\n"


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("", [], "data.csv: the file is empty"),
        ("a,b,y\n", [], "data.csv: the file has a header but no rows"),
        ("a,b,y\n" + ROWS.replace("5,4", "x,4"), [], "column 'b' has text ('x') in row 2 below the header"),
        ("a,b,y\n" + ROWS.replace("5,4", "5,x"), [], "column 'y' has text ('x') in row 2 below the header"),
        ("a,b,y\nu,2,3\nv,4,4\nw,1,5\nz,5,7\n", ["scenario.features=[a]"], "column 'a' has text ('u') in row 1"),
        (
            "a,b,y\n" + ROWS.replace("2,5,4", "2,,4"),
            [],
            "column 'b' has no value in row 2 below the header: fill it in",
        ),
        ("a,b,y\n" + ROWS.replace("5,4", "5,inf"), [], "column 'y' has no finite number ('inf') in row 2"),
        ("a,b,y\n1,2,3\n2,4,3\n3,1,3\n4,5,3\n", [], "column 'y' is constant (3)"),
        ("a,b,y\n1,2,3\n1,4,4\n1,1,5\n1,5,6\n", [], "column 'a' is constant (1)"),
        ("a,b,y\n1,2,3\n2,4,3\n", [], "2 rows: must be more than the 3 coefficients (intercept, a, b)"),
        ("a,b,z\n" + ROWS, [], "no column 'y'; there are: a, b, z"),
        ("a,b,y\n" + ROWS, ["scenario.features=[c]"], "no column 'c'; there are: a, b, y"),
        ("a,b,y\n" + ROWS, ["scenario.features=[y]"], "column 'y' is the target"),
        ("a;b;y\n1;2;3\n", [], "columns must be separated by commas"),
        ("a,b,y\n" + ROWS, ["scenario.path=nosuch.csv"], "nosuch.csv: there is no such file"),
        ("a,b,y\n" + ROWS, ["scenario.path=."], ".: is a folder"),
    ],
)
def test_a_file_that_cannot_be_fitted(tmp_path, text, more, message):
    refused(call(tmp_path, *table(tmp_path, text), *more), message)


@pytest.mark.parametrize("loss", fitting("loss", "regression"))
def test_points_on_a_line_are_fitted_by_it(tmp_path, loss):
    arguments = table(tmp_path, "a,y\n" + "".join(f"{k},{2 * k + 1}\n" for k in range(8)))
    run = call(tmp_path, *arguments, f"loss={loss}", "figure=false")
    assert (run.code, run.err) == (0, "")
    row = run.rows.iloc[0]
    assert [row["intercept"], *row["coef"]] == pytest.approx([1, 2], abs=1e-12)
    assert (row["status"], row["scale_value"]) == ("perfect_fit", 0)
    assert (row["objective"], row["certified"], row["error"]) == (pytest.approx(0, abs=1e-12), True, "")
    assert "Meaning: all rows lie on the fitted surface." in run.out


@pytest.mark.parametrize("loss", fitting("loss", "regression"))
def test_a_scale_of_zero_with_residuals_left_gives_the_limit(tmp_path, loss):
    run = call(tmp_path, "scenario=ninety_at_150", f"loss={loss}", "figure=false")
    assert (run.code, run.err) == (0, "")
    row = run.rows.iloc[0]
    assert row["scale_value"] == 0
    if loss == "mse":
        X = np.column_stack([np.ones(len(run.data)), features(run.data)])
        assert [row["intercept"], *row["coef"]] == pytest.approx(list(np.linalg.lstsq(X, run.data["y"])[0]), rel=1e-9)
    else:
        assert [row["intercept"], *row["coef"]] == pytest.approx([150, 0], abs=1e-9)
    if loss not in ("mse", "mae", "quantile"):
        assert row["status"] == "zero_scale"
        assert "the scale of the residuals is 0" in run.out


# Processes of their own


def test_the_main_job_as_a_process(tmp_path, main_job):
    run = process(tmp_path, "loss=huber", "outliers=0.1")
    assert (run.code, run.err) == (0, "")
    assert run.out.partition("Written to")[0] == main_job.out.partition("Written to")[0]
    pd.testing.assert_frame_equal(without_time(run.rows), without_time(main_job.rows), check_exact=True)


def test_a_refusal_as_a_process(tmp_path):
    refused(process(tmp_path, "loss=hubber"), "no loss 'hubber' (did you mean 'huber'?)")
    full = process(tmp_path, "loss=hubber", HYDRA_FULL_ERROR="1")
    assert full.code == 1
    assert full.err.startswith("Traceback")


WAITING = """
import sys, time
from robustfit import cli, cell

def wait(*arguments):
    print("fitting", flush=True)
    time.sleep(60)

cell.Fitted.of = wait
sys.argv = ["robustfit", "loss=huber"]
cli.main()
"""


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_control_c_as_a_process(tmp_path):
    command, variables = [sys.executable, "-c", WAITING], os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env=variables, text=True, **pipes) as running:
        assert running.stdout.readline() == "fitting\n"
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said.strip() == "interrupted: nothing half-written was left"
    assert list(tmp_path.iterdir()) == []

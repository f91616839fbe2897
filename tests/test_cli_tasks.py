"""Labels and boxes from the command line to the files: runs, sweeps, replays, a user's own data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from command import call
from scipy.optimize import minimize
from scipy.special import log_expit

FILES = {"config.yaml", "data.csv", "fit.png", "provenance.json", "rows.csv", "rows.parquet", "summary.csv"}


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    """The main job of classification."""
    return call(tmp_path_factory.mktemp("labels"), "task=classification", "loss=cross_entropy", "outliers=0.1")


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    """The main job of boxes."""
    return call(tmp_path_factory.mktemp("boxes"), "task=boxes", "loss=ciou", "outliers=0.1")


@pytest.mark.parametrize("task", ["labels", "boxes"])
def test_a_main_job_prints_and_writes_what_it_found(request, task):
    run = request.getfixturevalue(task)
    assert (run.code, run.err) == (0, "")
    assert {path.name for path in run.folder.iterdir()} == FILES
    assert sum(line.startswith("Meaning: ") for line in run.out.splitlines()) == 1
    assert (run.folder / "fit.png").read_bytes().startswith(b"\x89PNG")
    assert run.data["outlier"].sum() == run.rows["n_outliers"].item() == 10


def test_the_fit_of_the_labels_that_were_written_is_that_of_maximum_likelihood(labels):
    X = np.column_stack([np.ones(100), labels.data[["x1", "x2"]]])
    y = labels.data["y"].to_numpy()
    best = minimize(lambda b: -log_expit(y * (X @ b)).mean(), np.zeros(3), tol=1e-12)
    (row,) = labels.rows.to_dict("records")
    np.testing.assert_allclose([*row["intercepts"], *row["coef"]], best.x, atol=1e-5)
    np.testing.assert_allclose(labels.data["score"], X @ best.x, atol=1e-4)
    assert row["objective"] == pytest.approx(best.fun, rel=1e-9) and row["certified"]


def test_the_printed_measures_are_those_of_the_rows(labels, boxes):
    for run, names in ((labels, ["clean_error", "outlier_ap"]), (boxes, ["clean_iou", "corner_error", "target_iou"])):
        printed = dict(line.split()[:2] for line in run.out.splitlines() if len(line.split()) > 1)
        for name in names:
            assert float(printed[name]) == pytest.approx(run.rows[name].item(), rel=1e-3), name


def test_the_boxes_that_were_written_have_the_overlap_of_the_row(boxes):
    assert boxes.data["iou_clean"].mean() == pytest.approx(boxes.rows["clean_iou"].item(), rel=1e-9)
    assert (boxes.data["iou_clean"] >= 0.75).mean() == boxes.rows["clean_iou_75"].item()


@pytest.mark.parametrize(
    "arguments",
    [
        ["task=classification", "loss=savage"],
        ["task=classification", "scenario.n_classes=3"],
        ["task=boxes", "loss=mae"],
        ["task=boxes", "loss=huber", "scale=mad"],
    ],
    ids=" ".join,
)
def test_a_row_is_replayed_bit_for_bit(tmp_path, arguments):
    first = call(tmp_path, *arguments, "outliers=0.2", "replicates=5", "figure=false", "scenario.n_samples=30")
    assert (first.code, first.err) == (0, "")
    cell = first.rows["cell"].iloc[0]
    run = call(tmp_path, f"replay={first.folder}:{cell[:8]}:3")
    assert run.code == 0 and "the same as the stored row, bit for bit" in run.out, run.err
    assert run.out.count("Meaning: ") == 1 and {"fit.png", "trace.csv"} <= {path.name for path in run.folder.iterdir()}


@pytest.mark.parametrize(
    "arguments",
    [["task=classification"], ["task=classification", "scenario.n_classes=3"], ["task=boxes"]]
    + [["task=boxes", "loss=huber"]],
    ids=" ".join,
)
def test_a_way_is_written_and_drawn(tmp_path, arguments):
    run = call(tmp_path, *arguments, "trace=true", "figure=true", "scenario.n_samples=30")
    assert (run.code, run.err) == (0, "")
    trace = pd.read_csv(run.folder / "trace.csv")
    assert trace["objective"].iloc[-1] < trace["objective"].iloc[0]
    assert (run.folder / "trace.png").exists()


def test_a_sweep_over_losses_ends_with_a_table_of_the_tasks_measures(tmp_path):
    small = ["scenario.n_samples=30", "replicates=3", "outliers=0.1"]
    run = call(tmp_path, "--multirun", "task=classification", "loss=cross_entropy,hinge,giou", *small)
    assert run.code == 1 and "2 of 3 jobs succeeded" in run.err
    header = run.out.splitlines()[0].split()
    assert header[:3] == ["loss", "clean_error", "bayes_error"] and header[-1] == "error"
    assert "0.1587 (0)" in run.out, "the best rule is the same in every sample"
    assert "loss=giou is for boxes" in run.out


# A user's own data


@pytest.fixture
def own(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "score"])
    kinds = np.array(["ham", "eggs", "spam"])
    three = kinds[(X + rng.gumbel(size=X.shape)).to_numpy().argmax(-1)]
    X.assign(kind=three).to_csv(tmp_path / "three.csv", index=False)
    X.assign(kind=np.where(three == "ham", "ham", "spam"), note="text").to_csv(tmp_path / "two.csv", index=False)
    box = {"l": X["a"], "t": X["b"], "r": X["a"] + rng.uniform(1, 2, 40), "d": X["b"] + rng.uniform(1, 2, 40)}
    X.assign(**box).to_csv(tmp_path / "boxes.csv", index=False)
    return tmp_path


def test_ones_own_labels(own):
    file = ["scenario=csv_labels", "scenario.path=two.csv", "scenario.target=kind"]
    run = call(own, "task=classification", *file, "outliers=0.1")
    assert (run.code, run.err) == (0, "")
    assert "left out     note: columns of text" in run.out and " of class ham (" in run.out
    assert "of the clean rows; " in run.out and "best rule" not in run.out and "true" not in run.out
    assert set(run.data["y"]) == {"ham", "spam"} and (run.data["y"] != run.data["y_clean"]).sum() == 4
    assert list(run.data)[:3] == ["a", "b", "x.score"], "a feature that is called like a column of ours"


def test_ones_own_labels_of_three_kinds(own):
    file = ["scenario=csv_labels", "scenario.path=three.csv", "scenario.target=kind"]
    run = call(own, "task=classification", *file)
    assert (run.code, run.err) == (0, "")
    assert run.out.partition("coefficient ")[2].split()[:4] == ["of", "eggs", "ham", "spam"]
    assert {"score.eggs", "score.ham", "score.spam"} < set(run.data)
    refused = call(own, "task=classification", *file, "loss=hinge")
    assert refused.code == 2 and refused.err.count("\n") == 1 and "there are 3" in refused.err


def test_ones_own_boxes(own):
    file = ["scenario=csv_boxes", "scenario.path=boxes.csv", "scenario.target=[l,t,r,d]"]
    run = call(own, "task=boxes", "loss=mae", *file, "outliers=0.1")
    assert (run.code, run.err) == (0, "")
    np.testing.assert_allclose(run.data["y_clean.x2"], pd.read_csv(own / "boxes.csv")["r"])
    assert "corner_error" not in run.out and "clean_iou" in run.out

"""Studies as they are run: from Python and from the command line, planned, replayed, interrupted, refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import hydra  # noqa: TID251 (another application of Hydra, inside which a study is run)
import pandas as pd
import pytest
from command import ROOT, call
from hydra.core.global_hydra import GlobalHydra  # noqa: TID251

import robustfit
from robustfit.catalogue import config_dir
from robustfit.errors import BadParameter, RobustfitError, Unknown

SMALL = ["loss=huber", "contamination=cluster", "replicates=8", "scenario.n_samples=30"]
"""One loss at ten fractions: an axis that is given on the command line has that one value."""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return robustfit.run_study("breakdown", [*SMALL, f"out={tmp_path_factory.mktemp('out')}"], progress=False)


def test_a_study_from_python_returns_its_tables(results):
    assert len(results.summary) == 10 and set(results.summary["loss"]) == {"huber"}
    assert (results.summary["replicates"] == 8).all() and (results.summary["scenario.n_samples"] == 30).all()
    rows = results.rows()
    assert len(rows) == 80 and rows["seconds"].notna().all()
    assert sum(len(table) for table in results.tables()) == 80
    means = rows.groupby("cell")["surface_error"].mean()
    assert results.summary.set_index("cell")["surface_error"].to_dict() == pytest.approx(means.to_dict())
    assert len(results.failed) == 0 and results.failures == ()


def test_its_files_are_plain_tables(results):
    block = len(pd.read_parquet(next((results.path / "rows").iterdir())))
    assert len(pd.read_parquet(results.path / "rows")) == 10 * block
    assert len(robustfit.read_rows(results.path)) == 10 * block
    summary = pd.read_csv(results.path / "summary.csv")
    assert summary["surface_error"].tolist() == pytest.approx(results.summary["surface_error"].tolist())
    assert (results.path / "comparisons.csv").exists() and (results.path / "provenance.json").exists()


def test_it_can_be_called_again_and_inside_another_application_of_hydra(results):
    out = f"out={results.path.parents[1]}"
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(config_dir())):
        again = robustfit.run_study("breakdown", [*SMALL, out], progress=False)
        assert GlobalHydra.instance().is_initialized(), "the other one goes on"
        assert hydra.compose("main", ["loss=mae"])["loss"]["_target_"].endswith("MAE")
    pd.testing.assert_frame_equal(again.summary, results.summary)


def test_it_says_what_it_does_on_the_standard_error_only(results, capsys):
    out = f"out={results.path.parents[1]}"
    robustfit.run_study("breakdown", [*SMALL, out])
    said = capsys.readouterr()
    assert (
        said.out == ""
        and said.err == "study breakdown: 10 cells (1 skipped: see skipped.csv), 8 replicates; 0 blocks to compute\n"
    )
    robustfit.run_study("breakdown", [*SMALL, out], progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_study_of_ones_own(tmp_path):
    (tmp_path / "study").mkdir()
    text = "question: Does it run?\nreplicates: 4\naxes: {loss: [mse, mae]}\nsettings: {stability: none}\n"
    (tmp_path / "study" / "mine.yaml").write_text(text, encoding="utf-8")
    mine = robustfit.run_study("mine", [f"out={tmp_path}"], config_dir=tmp_path, progress=False)
    assert mine.summary["loss"].tolist() == ["mse", "mae"]


@pytest.mark.parametrize(
    ("name", "overrides", "error", "words"),
    [
        ("breakdwon", [], Unknown, "did you mean 'breakdown'"),
        ("none", [], Unknown, "no study 'none'"),
        ("breakdown", ["loss=hubber"], Unknown, "did you mean 'huber'"),
        ("breakdown", ["los=huber"], RobustfitError, "did you mean 'loss'"),
        ("breakdown", ["replicates=0"], BadParameter, "at least 1"),
        ("breakdown", ["outliers=0.7"], RobustfitError, "outliers=0.7"),
        ("breakdown", ["loss=[mae,mse]"], BadParameter, "loss: must be one name"),
        ("breakdown", ["plan=true"], BadParameter, "plan: is for the command line"),
        ("breakdown", ["replay=results/studies/breakdown:0a:1"], BadParameter, "replay: is for the command line"),
    ],
)
def test_mistakes_are_errors_in_one_line(tmp_path, name, overrides, error, words):
    with pytest.raises(error, match=words) as raised:
        robustfit.run_study(name, [*overrides, f"out={tmp_path}"], progress=False)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("axes: {loss: [mae", "while parsing a flow sequence"),
        ("replicates: 4", "the grid is empty"),
        ("axis: {loss: [mae]}", "did you mean 'axes'"),
        ("axes: {loss: [mae, hubber]}", "did you mean 'huber'"),
        ("axes: {scenario.n_sample: [9]}", "did you mean 'scenario.n_samples'"),
    ],
)
def test_mistakes_in_a_study_of_ones_own_are_said_in_one_line(tmp_path, content, words):
    (tmp_path / "study").mkdir()
    (tmp_path / "study/mine.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(RobustfitError, match=words) as raised:
        robustfit.run_study("mine", [f"out={tmp_path / 'out'}"], config_dir=tmp_path, progress=False)
    assert "\n" not in str(raised.value) and not (tmp_path / "out").exists()


def test_results_are_shown_in_a_line(results):
    assert (
        repr(results) == f"Results of breakdown (cells: 10, rows without a fit: 0, failed blocks: 0) in {results.path}"
    )


# The command line


@pytest.mark.parametrize("asked", ["study=breakdown", "plan=true", "precision=0.1", "engine=dask", "replay=a:b:1"])
def test_what_is_of_studies_is_not_passed_over_in_a_sweep(tmp_path, asked):
    run = call(tmp_path, "--multirun", asked, "loss=mae,mse")
    assert run.code == 2 and f"{asked.partition('=')[0]} and --multirun: a study runs all of its cells" in run.err
    assert not (tmp_path / "results").exists() or not list((tmp_path / "results").rglob("*.*"))


def test_another_engine_is_not_passed_over_in_a_single_run(tmp_path):
    run = call(tmp_path, "engine=dask")
    assert run.code == 2 and "engine is for studies: say which" in run.err


def test_a_study_whose_reader_has_had_enough_ends_quietly(tmp_path):
    command = [sys.executable, "-m", "robustfit", "study=breakdown", *SMALL, "figure=false"]
    variables, pipes = os.environ | {"PYTHONPATH": str(ROOT)}, {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env=variables, text=True, **pipes) as running:
        running.stdout.close()
        said = running.stderr.read()
    assert running.returncode == 1 and said.count("\n") == 1 and "blocks to compute" in said


def test_what_a_lost_file_said_of_the_cells_is_written_down_again(tmp_path):
    call(tmp_path, "study=breakdown", *SMALL, "figure=false")
    path = tmp_path / "results/studies/breakdown"
    kept = {file.name: file.read_bytes() for file in (path / "cells").iterdir()}
    for name in kept:
        (path / "cells" / name).unlink()
    assert "; 0 blocks to compute" in call(tmp_path, "study=breakdown", *SMALL, "figure=false").err
    assert {file.name: file.read_bytes() for file in (path / "cells").iterdir()} == kept


def test_a_study_ends_with_its_table_and_its_files(tmp_path):
    run = call(tmp_path, "study=breakdown", *SMALL)
    assert run.code == 0 and "8 replicates" in run.out
    files = (
        "comparisons.csv, provenance.json, skipped.csv, summary.csv, tolerated.csv, cells/, figures/, rows/, timings/"
    )
    assert run.out.endswith(f"Written to results/studies/breakdown: {files}\n")
    assert "study breakdown: 10 cells (1 skipped: see skipped.csv), 8 replicates; 10 blocks to compute" in run.err
    skipped = pd.read_csv(tmp_path / "results/studies/breakdown/skipped.csv")
    assert len(skipped) == 1 and (skipped["outliers"] == 0).all()


def test_a_precision_says_what_it_took(tmp_path):
    arguments = ["study=breakdown", "loss=mse", "contamination=vertical", "outliers=0.1", "scenario.n_samples=30"]
    run = call(tmp_path, *arguments, "precision=0.05", "precision.relative=true", "precision.cap=1500")
    assert run.code == 0, run.err
    assert "standard error 0.05 of the mean (surface_error): 1,024 to 1,024 replicates, at most 1,500" in run.out
    again = call(tmp_path, *arguments, "precision=0.05", "precision.relative=true", "precision.cap=1500")
    assert "; 0 blocks to compute" in again.err


def test_a_plan_runs_a_pilot_and_stops(tmp_path):
    run = call(tmp_path, "study=breakdown", "loss=mse", "scenario.n_samples=30", "contamination=vertical", "plan=true")
    assert run.code == 0
    first = [line.split()[0] for line in run.out.splitlines()[:7]]
    expected = ["choice", "replicates=1000", *(f"precision={target:g}" for target in (0.1, 0.05, 0.02, 0.01, 0.005))]
    assert first == expected
    assert "11 cells on 11 sets of data; the pilot (128 replicates of each" in run.out
    study = tmp_path / "results/studies/breakdown"
    assert len(pd.read_parquet(study / "rows")) >= 11 * 128 and not (study / "summary.csv").exists()


def test_a_row_is_replayed_with_trace_and_figure(results, tmp_path):
    row = results.rows().iloc[5]
    address = f"{results.path}:{row['cell']}:{row['replicate']}"
    run = call(tmp_path, f"replay={address}")
    assert run.code == 0, run.err
    assert run.out.startswith(f"replay of {address}: the same as the stored row, bit for bit (")
    assert "loss         huber(delta=1.345)" in run.out
    assert {"trace.csv", "fit.png", "trace.png", "data.csv"} <= {file.name for file in run.folder.iterdir()}
    assert run.rows["surface_error"].item() == row["surface_error"]
    again = call(tmp_path, f"replay={run.folder}:{row['cell']}:{row['replicate']}", "figure=false")
    assert again.code == 0 and "bit for bit" in again.out, "a replay is a run, and can be replayed"


def test_a_row_of_a_single_run_is_replayed(tmp_path):
    first = call(tmp_path, "loss=mae", "replicates=5", "stability=none", "figure=false")
    row = first.rows.iloc[3]
    run = call(tmp_path, f"replay={first.folder}:{row['cell'][:6]}:3", "figure=false")
    assert run.code == 0 and "bit for bit" in run.out


def test_a_full_disk_is_said_in_one_line_and_the_study_goes_on_later(tmp_path, monkeypatch):
    replace, count = os.replace, iter(range(10_000))

    def full(*paths):
        if next(count) >= 9:
            raise OSError(28, "No space left on device")
        replace(*paths)

    monkeypatch.setattr(os, "replace", full)
    run = call(tmp_path, "study=breakdown", *SMALL)
    monkeypatch.undo()
    assert run.code == 2 and "No space left on device; what was written before is whole" in run.err
    assert "stopped: 4 blocks were written in this run; run it again to go on" in run.err
    assert "Traceback" not in run.err and not list(tmp_path.rglob("*.draft"))
    assert "6 blocks to compute" in call(tmp_path, "study=breakdown", *SMALL).err


def test_a_place_that_cannot_be_written_is_said_before_anything_is_computed(tmp_path, monkeypatch):
    (tmp_path / "results").write_text("in the way", encoding="utf-8")
    run = call(tmp_path, "study=breakdown", *SMALL)
    assert run.code == 2 and "cannot write" in run.err and "Traceback" not in run.err


def test_too_many_cells_need_consent(tmp_path):
    seeds = ",".join(str(seed) for seed in range(500))
    run = call(tmp_path, "study=breakdown", f"+study.axes.seed=[{seeds}]")
    assert run.code == 2 and "has 115500 cells, more than 100000: say consent=true" in run.err
    assert not (tmp_path / "results").exists()


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["serial", "dask"])
def test_control_c_says_what_is_done_and_how_to_go_on(tmp_path, engine):
    command = [sys.executable, "-m", "robustfit", "study=breakdown", f"engine={engine}", "replicates=20000"]
    variables, pipes = os.environ | {"PYTHONPATH": str(ROOT)}, {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env=variables, text=True, start_new_session=True, **pipes) as running:
        rows = Path(tmp_path / "results/studies/breakdown/rows")
        deadline = time.monotonic() + 90
        while not list(rows.glob("*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.1)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        out, said = running.communicate(timeout=60)
    assert running.returncode == 130 and "Traceback" not in said and out == ""
    assert "run it again to go on" in said
    assert all(len(pd.read_parquet(file)) for file in rows.glob("*.parquet"))

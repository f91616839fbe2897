"""Studies: the same rows whatever the engine and the order, killed and resumed, extended; nothing half-written."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from robustfit.catalogue import GROUPS, spec
from robustfit.engines import Dask, Serial, attempt
from robustfit.errors import BadParameter, Failure, RobustfitError
from robustfit.grid import Grid
from robustfit.store import Store
from robustfit.study import Study

CHOICES = {"scenario": "linear", "contamination": "vertical", "loss": "huber", "solver": "newton"}
CHOICES |= {"scale": "mad", "initial": "lad", "penalty": "none", "stability": "none"}
GRID = {"settings": {"scenario.n_samples": 40}, "axes": {"loss": ["mse", "mae", "huber"], "outliers": [0.0, 0.2]}}


def base():
    groups = {group: {"name": CHOICES[group], **spec(group, CHOICES[group])} for group in GROUPS}
    return groups | {"outliers": 0.1, "seed": 0}


def study(path, replicates=300, grid=GRID):
    return Study.of("trial", Grid.of(grid), base(), replicates, Store(path), consent=False)


def files(path):
    """Every file of rows and a digest of its bytes."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (path / "rows").glob("*.parquet")}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    path = tmp_path_factory.mktemp("reference")
    assert study(path).run(Serial()) == []
    return path


def test_extending_adds_blocks_and_changes_no_byte(reference, tmp_path):
    for replicates in (10, 300):
        study(tmp_path, replicates).run(Serial())
    assert files(tmp_path) == files(reference)


def test_nothing_is_computed_twice(reference):
    assert study(reference).missing() == []
    assert len(study(reference, 600).missing()) > 0


def test_another_order_gives_the_same_bytes(reference, tmp_path):
    class Backwards:
        def run(self, function, units):
            for index in reversed(range(len(units))):
                yield index, attempt(function, units[index])

    study(tmp_path).run(Backwards())
    assert files(tmp_path) == files(reference)


def test_more_losses_leave_the_rows_of_the_others_alone(reference, tmp_path):
    more = GRID | {"axes": GRID["axes"] | {"loss": ["mse", "mae", "huber", "bisquare"]}}
    study(tmp_path).run(Serial())
    study(tmp_path, grid=more).run(Serial())
    assert files(reference).items() <= files(tmp_path).items()


@pytest.mark.slow
def test_dask_gives_the_same_bytes(reference, tmp_path):
    assert study(tmp_path).run(Dask(workers=2)) == []
    assert files(tmp_path) == files(reference)


def test_replicates_are_asked_for_and_no_more_are_counted(reference):
    for table in study(reference, 100).tables():
        assert (table.groupby("cell")["replicate"].nunique() == 100).all()
        assert not table.duplicated(["cell", "replicate"]).any()


def test_all_losses_meet_the_same_samples(reference):
    for table in study(reference).tables():
        assert (table.groupby("replicate")["n_outliers"].nunique() == 1).all()
        assert (table.groupby("replicate")["scale_value"].nunique() == 1).all(), "the same initial fit"


def test_a_torn_file_is_set_aside_and_computed_again(reference, tmp_path):
    study(tmp_path).run(Serial())
    torn = sorted((tmp_path / "rows").glob("*.parquet"))[0]
    torn.write_bytes(torn.read_bytes()[:100])
    assert len(study(tmp_path).missing()) == 1
    study(tmp_path).run(Serial())
    assert files(tmp_path) == files(reference)


def test_a_failing_block_is_a_failure_and_the_others_go_on(tmp_path):
    class Unlucky:
        def run(self, function, units):
            for index, unit in enumerate(units):
                yield index, Failure("a dead worker") if index == 0 else attempt(function, unit)

    wanted = len(study(tmp_path).missing())
    assert [failure.reason for failure in study(tmp_path).run(Unlucky())] == ["a dead worker"]
    assert len(files(tmp_path)) == wanted - 1
    assert study(tmp_path).run(Serial()) == [] and len(files(tmp_path)) == wanted


def test_a_full_disk_loses_nothing_that_was_written(tmp_path, monkeypatch):
    replace, count = os.replace, iter(range(100))

    def full(*paths):
        if next(count) >= 2:
            raise OSError(28, "No space left on device")
        replace(*paths)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RobustfitError, match="No space left"):
        study(tmp_path).run(Serial())
    monkeypatch.undo()
    assert len(files(tmp_path)) == 1, "one file of timings, one of rows"
    assert all(len(pd.read_parquet(file)) for file in (tmp_path / "rows").glob("*.parquet"))


def test_an_empty_grid_and_too_large_a_grid_are_refused(tmp_path):
    with pytest.raises(BadParameter, match="empty"):
        study(tmp_path, grid={"axes": {"loss": ["mse"]}, "skip": [{"loss": "mse"}]})
    with pytest.raises(BadParameter, match="consent=true"):
        study(tmp_path, grid={"axes": {"seed": list(range(1000)), "scenario.n_samples": list(range(10, 1010))}})


def test_rows_of_another_version_are_noticed(reference, monkeypatch):
    assert Store(reference).other_versions() == 0
    monkeypatch.setattr("robustfit.store.numerics", lambda: "another")
    assert Store(reference).other_versions() == len(files(reference))


@pytest.mark.slow
def test_killed_at_any_moment_and_resumed_the_rows_are_the_same(tmp_path):
    command = [sys.executable, "-m", "robustfit", "study=breakdown", "replicates=128", "scenario.n_samples=100"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run([*command, f"out={whole}"], check=True, capture_output=True)
    for wait in (1.0, 1.7, 2.3, 3.1):
        process = subprocess.Popen([*command, f"out={killed}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        rows = killed / "studies/breakdown/rows"
        assert all(len(pd.read_parquet(file)) for file in rows.glob("*.parquet")), "no file is half-written"
    subprocess.run([*command, f"out={killed}"], check=True, capture_output=True)
    assert files(killed / "studies/breakdown") == files(whole / "studies/breakdown")

"""Studies: the same rows whatever the engine and the order, killed and resumed, extended; nothing half-written."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.dataset
import pyarrow.parquet
import pytest

from robustfit import plan
from robustfit.catalogue import GROUPS, spec
from robustfit.cell import Fitted
from robustfit.engines import Dask, Serial, attempt
from robustfit.errors import BadParameter, Failure, RobustfitError, Unknown
from robustfit.grid import Grid
from robustfit.precision import Precision
from robustfit.replay import Address, again, find
from robustfit.results import gathered
from robustfit.store import Store, read_rows
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
        if next(count) >= 3:
            raise OSError(28, "No space left on device")
        replace(*paths)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RobustfitError, match="No space left"):
        study(tmp_path).run(Serial())
    monkeypatch.undo()
    assert len(files(tmp_path)) == 1, "one file of cells, one of timings, one of rows"
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


def test_a_folder_of_rows_is_one_table(tmp_path):
    """Null in one file and text or a number in another: noises with and without df, losses with and without delta."""
    noises = {"scenario.noise": ["normal", "t"], "scenario.noise.df": [None, 3.0]}
    mixed = {"axes": {"loss": ["mse", "huber"], "stability": ["none", "moves"]}, "zipped": [noises]}
    study(tmp_path, 4, grid=mixed).run(Serial())
    study(tmp_path, 4, grid={"axes": {"loss": ["quantile"], "penalty": ["l2"]}}).run(Serial())
    paths = sorted((tmp_path / "rows").glob("*.parquet"))
    assert len({str(pyarrow.parquet.read_schema(file).remove_metadata()) for file in paths}) == 1
    rows = pd.read_parquet(tmp_path / "rows")
    assert len(rows) == sum(len(pd.read_parquet(file)) for file in paths)
    per_loss = {name: set(group.dropna()) for name, group in rows.groupby("loss")["loss.delta"]}
    assert per_loss == {"mse": set(), "huber": {1.345}, "quantile": set()}
    assert set(rows["scenario.noise.df"].dropna()) == {3.0}
    assert set(rows["stability.rows"].dropna()) == {10}
    assert pyarrow.dataset.dataset(tmp_path / "rows").count_rows() == len(rows)
    pd.testing.assert_frame_equal(read_rows(tmp_path).drop(columns="seconds"), rows)
    assert read_rows(tmp_path)["seconds"].notna().all()


def test_a_failing_cell_has_the_same_columns(tmp_path, monkeypatch):
    def fails(*arguments):
        raise ValueError("no fit")

    study(tmp_path / "whole", 4).run(Serial())
    monkeypatch.setattr(Fitted, "on", fails)
    study(tmp_path / "failed", 4).run(Serial())
    whole, failed = (pd.read_parquet(tmp_path / name / "rows") for name in ("whole", "failed"))
    assert list(whole) == list(failed) and (failed["error"] == "no fit").all() and (failed["status"] == "failed").all()
    results = gathered(study(tmp_path / "failed", 4))
    assert len(results.failed) == 6 * 4 and (results.summary["failures"] == 4).all()
    ((reason, address),) = results.replays()
    assert reason == "no fit"
    found = again(find(Address.parse(str(address))))
    assert found.differences == () and found.fitted is None and "ValueError: no fit" in found.failure


def test_another_trial_of_stability_is_computed_beside_the_first(tmp_path):
    moves = GRID | {"settings": GRID["settings"] | {"stability": "moves"}, "axes": {"loss": ["mse", "huber"]}}
    none = moves | {"settings": GRID["settings"]}
    study(tmp_path, 4, grid=none).run(Serial())
    before = files(tmp_path)
    study(tmp_path, 4, grid=moves).run(Serial())
    assert before.items() <= files(tmp_path).items()
    ((with_moves,), (without,)) = (list(study(tmp_path, 4, grid=grid).tables()) for grid in (moves, none))
    assert with_moves["instability"].notna().all() and without["instability"].isna().all()
    assert len(with_moves) == len(without) == 8
    assert with_moves["surface_error"].tolist() == without["surface_error"].tolist()


# Precision


def precise(path, target=0.02, cap=2000, of="surface_error"):
    return study(path, Precision(target, of=of, at_least=256, cap=cap))


def test_all_cells_of_the_same_samples_go_on_until_the_precision_is_met(tmp_path):
    asked = precise(tmp_path)
    asked.run(Serial())
    assert asked.missing() == [], "a second run computes nothing"
    goals = asked.goals(asked.store.parts())
    assert all(goal.settled and goal.met for goal in goals.values())
    assert len({goal.replicates for goal in goals.values()}) > 1, "the data with outliers need more"
    for rows, goal in zip(asked.tables(), goals.values(), strict=True):
        counts = rows.groupby("cell")["replicate"].nunique()
        assert set(counts) == {goal.replicates}
        assert (rows.groupby("cell")["surface_error"].sem() <= 0.02).all()
        looks = list(asked.replicates.looks(asked.cells[0].block_size))
        earlier = [look for look in looks if look < goal.replicates]
        for look in earlier:
            assert rows[rows["replicate"] < look].groupby("cell")["surface_error"].sem().max() > 0.02
    summary = gathered(asked).summary
    assert summary["precision_met"].all()
    assert set(summary["replicates"]) == {goal.replicates for goal in goals.values()}


def test_a_precision_does_not_depend_on_what_else_is_there(tmp_path):
    precise(tmp_path / "fresh").run(Serial())
    study(tmp_path / "more", 1000).run(Serial())
    precise(tmp_path / "more").run(Serial())
    fresh, more = (precise(tmp_path / name) for name in ("fresh", "more"))
    assert fresh.goals(fresh.store.parts()) == more.goals(more.store.parts())
    for one, other in zip(fresh.tables(), more.tables(), strict=True):
        pd.testing.assert_frame_equal(one.drop(columns="seconds"), other.drop(columns="seconds"))


def test_a_precision_out_of_reach_ends_at_the_cap(tmp_path):
    asked = precise(tmp_path, target=1e-9, cap=400)
    asked.run(Serial())
    assert asked.missing() == []
    summary = gathered(asked).summary
    assert (summary["replicates"] == 400).all() and not summary["precision_met"].any()


def test_a_column_that_is_empty_is_not_waited_for(tmp_path):
    asked = precise(tmp_path, of="instability")
    asked.run(Serial())
    assert {goal.replicates for goal in asked.goals(asked.store.parts()).values()} == {256}


def test_failing_blocks_do_not_hold_up_the_others(tmp_path):
    class Unlucky:
        def run(self, function, units):
            for index, unit in enumerate(units):
                yield index, Failure("a dead worker") if unit.block == 0 else attempt(function, unit)

    assert {failure.reason for failure in precise(tmp_path).run(Unlucky())} == {"a dead worker"}
    assert len(precise(tmp_path).missing()) == 2, "one block of each set of data"


# Plan


def test_a_plan_foretells_what_is_then_needed(tmp_path):
    asked = precise(tmp_path)
    pilot = asked.pilot()
    pilot.run(Serial())
    found = list(plan.groups(pilot, "surface_error"))
    assert [group.cells for group in found] == [3, 3]
    foretold = plan.forecast(found, asked.replicates, processes=1)
    asked.run(Serial())
    counts = [goal.replicates for goal in asked.goals(asked.store.parts()).values()]
    assert foretold.most == pytest.approx(max(counts), rel=0.5)
    assert foretold.seconds == pytest.approx(2 * plan.forecast(found, asked.replicates, processes=2).seconds)
    sizes = sum(file.stat().st_size for kind in ("rows", "timings") for file in (tmp_path / kind).iterdir())
    assert plan.forecast(found, max(counts), 1).bytes == pytest.approx(sizes, rel=0.5)
    fixed = plan.forecast(found, 300, processes=1)
    assert (fixed.fewest, fixed.most, fixed.beyond) == (300, 300, 0)
    block = asked.cells[0].block_size
    assert fixed.fits == 6 * block * -(-300 // block)


# Faults


def test_a_damaged_page_is_noticed_and_computed_again(reference, tmp_path):
    study(tmp_path).run(Serial())
    damaged = sorted((tmp_path / "rows").glob("*.parquet"))[0]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 3] ^= 0xFF
    damaged.write_bytes(content)
    with pytest.raises(RobustfitError, match="cannot be read; run the study again"):
        list(study(tmp_path).tables())
    assert len(study(tmp_path).missing()) == 1
    study(tmp_path).run(Serial())
    assert files(tmp_path) == files(reference)


def test_a_damaged_footer_is_noticed_where_nothing_else_says_which_cells_they_are(reference, tmp_path):
    shutil.copytree(reference, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "cells")
    damaged = sorted((tmp_path / "rows").glob("*.parquet"))[0]
    content = bytearray(damaged.read_bytes())
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    content[start : start + 64] = bytes(64)
    damaged.write_bytes(content)
    found = Store(tmp_path).parts()
    assert damaged not in [part.file for part in found] and damaged.with_suffix(".broken").exists()
    assert len(found) == len(list((tmp_path / "rows").glob("*.parquet")))


def test_abandoned_drafts_are_removed_and_fresh_ones_are_not(tmp_path):
    store = Store(tmp_path / "trial")
    old, fresh = tmp_path / ".trial.old", tmp_path / ".trial.fresh"
    for draft in (old, fresh, store.path):
        draft.mkdir()
    (old / "summary.csv").touch()
    os.utime(old, (0, 0))
    store.remember([])
    assert fresh.exists() and not old.exists() and store.path.exists()


def test_lost_or_damaged_descriptions_of_cells_lose_no_rows(reference, tmp_path):
    study(tmp_path).run(Serial())
    for file in (tmp_path / "cells").iterdir():
        file.write_bytes(b"")
    assert study(tmp_path).missing() == [], "the footers say it too"
    study(tmp_path, 600).run(Serial())
    assert len(study(tmp_path).store.configs()) == 6, "written anew"


def test_drafts_of_the_dead_are_removed_and_those_of_the_living_are_not(tmp_path):
    (tmp_path / "rows").mkdir()
    old, new = (tmp_path / "rows" / name for name in (".old.draft", ".new.draft"))
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (0, 0))
    study(tmp_path, 4).run(Serial())
    assert not old.exists() and new.exists()


def test_two_processes_on_one_study_do_not_harm_each_other(reference, tmp_path):
    code = (
        "import sys; sys.path.insert(0, 'tests'); import test_study as t; from pathlib import Path; "
        "from robustfit.engines import Serial; assert t.study(Path(sys.argv[1])).run(Serial()) == []"
    )
    command, home = [sys.executable, "-c", code, str(tmp_path)], Path(__file__).parents[1]
    writers = [subprocess.Popen(command, cwd=home, env=os.environ | {"PYTHONPATH": str(home)}) for _ in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert files(tmp_path) == files(reference)


# Replay


@pytest.mark.parametrize("replicate", [0, 3, 299])
def test_a_row_is_replayed_bit_for_bit(reference, replicate):
    rows = read_rows(reference)
    row = rows[(rows["loss"] == "huber") & (rows["outliers"] == 0.2) & (rows["replicate"] == replicate)].iloc[0]
    found = again(find(Address(reference, row["cell"][:8], replicate)))
    assert found.differences == ()
    assert found.fitted is not None and len(found.fitted.data.y) == 1
    assert found.fitted.fit.coef[0].tolist() == [row["intercept"], *row["coef"]]
    assert found.fitted.measured["surface_error"].item() == row["surface_error"]
    way = found.fitted.trace()
    assert len(way) > 1 and way["objective"].iloc[-1] == pytest.approx(row["objective"], rel=1e-12)


def test_a_row_that_is_another_is_told_apart(reference):
    cell = read_rows(reference)["cell"].iloc[0]
    stored = find(Address(reference, cell, 5))
    other = replace(stored, row=stored.row.assign(surface_error=stored.row["surface_error"] * (1 + 1e-15)))
    assert again(other).differences == ("surface_error",)


def test_addresses_of_nothing_say_what_there_is(reference):
    cell = read_rows(reference)["cell"].iloc[0]
    with pytest.raises(RobustfitError, match="the last one is 511"):
        find(Address(reference, cell, 10_000))
    with pytest.raises(Unknown, match=f"no cell 'zzz'; there are: .*{cell}"):
        find(Address(reference, "zzz", 0))
    with pytest.raises(RobustfitError, match="no folder of a study or a run"):
        find(Address(reference / "rows", cell, 0))


def test_blocks_of_another_size_are_other_samples(tmp_path, monkeypatch):
    study(tmp_path).run(Serial())
    monkeypatch.setattr("robustfit.cell.BLOCK_ENTRIES", 2**10)
    asked = study(tmp_path, 20)
    assert asked.cells[0].block_size < 20 and len(asked.missing()) == 2 * -(-20 // asked.cells[0].block_size)
    asked.run(Serial())
    for rows in asked.tables():
        assert (rows.groupby("cell")["replicate"].nunique() == 20).all()
        assert (rows["block"] == rows["replicate"] // asked.cells[0].block_size).all()

"""Files appear whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command import process

import robustfit
from robustfit import store
from robustfit.errors import RobustfitError


def test_a_folder_appears_with_all_its_files(tmp_path):
    path = tmp_path / "runs" / "first"
    with store.folder(path) as draft:
        (draft / "a").write_text("1", encoding="utf-8")
        (draft / "b").write_text("2", encoding="utf-8")
        assert not path.exists()
    assert {file.name: file.read_text() for file in path.iterdir()} == {"a": "1", "b": "2"}
    assert [other.name for other in path.parent.iterdir()] == ["first"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_a_folder_can_be_read_by_others(tmp_path):
    with store.folder(tmp_path / "first") as draft:
        (draft / "a").write_text("1", encoding="utf-8")
    assert (tmp_path / "first").stat().st_mode & 0o777 == 0o755


def test_files_are_added_to_a_folder_that_exists(tmp_path):
    (tmp_path / "old").write_text("kept", encoding="utf-8")
    (tmp_path / "a").write_text("before", encoding="utf-8")
    with store.folder(tmp_path) as draft:
        (draft / "a").write_text("after", encoding="utf-8")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"old": "kept", "a": "after"}


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, MemoryError])
def test_nothing_is_left_where_writing_fails(tmp_path, failure):
    with pytest.raises(failure), store.folder(tmp_path / "runs" / "first") as draft:
        (draft / "a").write_text("half", encoding="utf-8")
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_the_neighbours_stay_where_writing_fails(tmp_path):
    with store.folder(tmp_path / "runs" / "first") as draft:
        (draft / "a").write_text("1", encoding="utf-8")
    with pytest.raises(ValueError), store.folder(tmp_path / "runs" / "second"):
        raise ValueError
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["first"]


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, monkeypatch, call):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(RobustfitError, match="cannot write to .*first: No space left on device"):
        with store.folder(tmp_path / "runs" / "first") as draft:
            store.write_table(pd.DataFrame({"a": [1]}), draft / "rows")
    assert list(tmp_path.iterdir()) == []


LIMITED = """
import resource, sys
from robustfit.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
sys.argv = ["robustfit", "figure=false", "stability=none"]
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no file's size")
def test_a_disk_that_takes_no_more_than_a_part_of_a_file(tmp_path):
    """As a full disk does: the first bytes are written, then writing fails."""
    run = process(tmp_path, command=(sys.executable, "-c", LIMITED))
    assert run.code == 2
    assert run.err.startswith("robustfit: cannot write to ") and run.err.count("\n") == 1
    assert run.results == []


KILLED = """
import sys, time
from pathlib import Path
from robustfit.store import folder
with folder(Path(sys.argv[1])) as draft:
    (draft / "a").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_a_kill_leaves_no_folder_under_its_name(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "runs" / "first")]
    variables = os.environ | {"PYTHONPATH": str(Path(robustfit.__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == "writing\n"
        writer.send_signal(signal.SIGKILL)
    assert not (tmp_path / "runs" / "first").exists()
    assert all(path.name.startswith(".first.") for path in (tmp_path / "runs").iterdir())
    with store.folder(tmp_path / "runs" / "first") as draft:
        (draft / "a").write_text("whole", encoding="utf-8")
    assert (tmp_path / "runs" / "first" / "a").read_text(encoding="utf-8") == "whole"


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "runs").write_text("mine", encoding="utf-8")
    with pytest.raises(RobustfitError, match="cannot write to .*runs"), store.folder(tmp_path / "runs" / "first"):
        pytest.fail("there is nowhere to write")
    assert (tmp_path / "runs").read_text(encoding="utf-8") == "mine"


def test_a_table_is_written_twice_and_read_back(tmp_path):
    table = pd.DataFrame({"loss": ["mae", "mse"], "coef": [[1.0, 2.0], [3.0, np.nan]], "gap": [0.1, np.nan]})
    store.write_table(table, tmp_path / "rows")
    back = store.read_rows(tmp_path)
    np.testing.assert_array_equal(np.stack(back["coef"]), np.stack(table["coef"]))
    pd.testing.assert_frame_equal(back.drop(columns="coef"), table.drop(columns="coef"))
    assert list(pd.read_csv(tmp_path / "rows.csv")) == ["loss", "coef.1", "coef.2", "gap"]


def test_lists_of_different_lengths_are_spread_over_columns():
    table = pd.DataFrame(
        {"cell": ["a", "b", "c"], "coef": [[1.0], [2.0, 3.0], None], "error": ["", "", "why"]}, [5, 6, 7]
    )
    wide = store.wide(table)
    assert list(wide) == ["cell", "coef.1", "coef.2", "error"]
    assert list(wide.index) == [5, 6, 7]
    np.testing.assert_array_equal(wide["coef.1"], [1, 2, np.nan])
    np.testing.assert_array_equal(wide["coef.2"], [np.nan, 3, np.nan])


def test_a_table_without_lists_stays_as_it_is():
    table = pd.DataFrame({"name": ["long"], "value": [1.0]})
    pd.testing.assert_frame_equal(store.wide(table), table)


def test_provenance_says_what_produced_a_result(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["robustfit", "loss=mae"])
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    record = store.provenance({"seed": 1})
    assert set(record) == {
        *("robustfit", "commit", "python", "libraries", "platform", "host"),
        *("processors", "threads", "time", "command", "config"),
    }
    assert (record["robustfit"], record["config"]) == (robustfit.__version__, {"seed": 1})
    assert (record["command"], record["threads"]["OMP_NUM_THREADS"]) == (["robustfit", "loss=mae"], "3")
    assert (record["libraries"]["numpy"], record["libraries"]["pandas"]) == (np.__version__, pd.__version__)
    assert all(record["libraries"][name] for name in store.LIBRARIES)
    store.write_json(record, tmp_path / "provenance.json")
    assert json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8")) == record


def git(home, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=home, check=True, capture_output=True)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A place that `store` takes for its own."""
    (tmp_path / "robustfit").mkdir()
    (tmp_path / "robustfit" / "store.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(store, "__file__", str(tmp_path / "robustfit" / "store.py"))
    return tmp_path


def test_there_is_no_commit_outside_a_checkout(package):
    assert store.commit() is None


def test_the_commit_is_marked_where_files_were_changed(package):
    git(package, "init")
    git(package, "add", ".")
    git(package, "commit", "-m", "first")
    clean = store.commit()
    assert clean is not None and len(clean) == 40
    (package / "robustfit" / "store.py").write_text("changed", encoding="utf-8")
    assert store.commit() == f"{clean}-dirty"


def test_there_is_no_commit_without_git(package, monkeypatch):
    (package / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    assert store.commit() is None

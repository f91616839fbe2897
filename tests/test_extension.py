"""A user's own loss: one file and one YAML of theirs, beside robustfit and not in it."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from command import call, process

LOSS = '''
from dataclasses import dataclass

import numpy as np

from robustfit.losses.base import SmoothLoss
from robustfit.parameters import parameter


@dataclass(frozen=True)
class Fair(SmoothLoss):
    """rho(u) = c^2 (|u| / c - log(1 + |u| / c))."""

    convex = True

    c: float = parameter(1.4, above=0)
    note: str = "a parameter need not be a number"

    def rho(self, u):
        size = np.abs(u) / self.c
        return self.c**2 * (size - np.log1p(size))

    def weight(self, u):
        return 1 / (1 + np.abs(u) / self.c)

    def curvature(self, u):
        return 1 / (1 + np.abs(u) / self.c) ** 2
'''
QUICK = ("figure=false", "scenario.n_samples=40")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A directory with nothing in it but the user's two files."""
    (tmp_path / "my_fair.py").write_text(LOSS, encoding="utf-8")
    (tmp_path / "mine" / "loss").mkdir(parents=True)
    text = "_target_: my_fair.Fair\nc: 1.4\nnote: mine\n"
    (tmp_path / "mine" / "loss" / "fair.yaml").write_text(text, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("my_fair", None)


def test_a_users_loss_is_fitted(home):
    run = call(home, "--config-dir", "mine", "loss=fair", "outliers=0.1", *QUICK)
    assert (run.code, run.err) == (0, "")
    row = run.rows.iloc[0]
    assert (row["loss"], row["loss.c"], row["loss.note"], row["n_outliers"]) == ("fair", 1.4, "mine", 4)
    assert "fair(c=1.4, note=mine)" in run.out

    X = np.column_stack([np.ones(40), run.data[["x1", "x2", "x3"]]])
    u = (run.data["y"] - X @ [row["intercept"], *row["coef"]]) / row["scale_value"]
    np.testing.assert_allclose(X.T @ (u / (1 + u.abs() / 1.4)), 0, atol=1e-5)  # the estimating equations, by hand
    np.testing.assert_allclose(run.data["weight"], 1 / (1 + u.abs() / 1.4), rtol=1e-9)


def test_a_users_parameters_are_set_and_checked(home):
    assert call(home, "--config-dir", "mine", "loss=fair", "loss.c=3", *QUICK).rows["loss.c"].item() == 3
    refused = call(home, "--config-dir", "mine", "loss=fair", "loss.c=-3")
    assert (refused.code, refused.err) == (2, "robustfit: loss.c=-3: must be a number, greater than 0\n")


def test_a_users_loss_in_a_sweep_with_ours(home):
    run = call(home, "--config-dir", "mine", "--multirun", "loss=mse,fair,mae", "outliers=0,0.2", *QUICK)
    assert run.code == 0
    assert run.rows["loss"].tolist() == ["mse", "mse", "fair", "fair", "mae", "mae"]
    assert run.summary["surface_error"].notna().all()
    samples = [pd.read_csv(run.folder / str(job) / "data.csv")["y_clean"] for job in range(6)]
    assert all(sample.equals(samples[0]) for sample in samples)


def test_a_users_loss_in_a_study(home):
    run = call(home, "--config-dir", "mine", "study=breakdown", "loss=fair", "loss.c=2", "replicates=2", *QUICK)
    summary = pd.read_csv(home / "results/studies/breakdown/summary.csv")
    assert run.code == 0 and len(summary) == 31
    assert set(summary["loss"]) == {"fair"} and set(summary["loss.c"]) == {2.0}


def test_a_users_name_is_among_those_that_exist(home):
    run = call(home, "--config-dir", "mine", "loss=fiar")
    assert run.code == 2
    assert "no loss 'fiar' (did you mean 'fair'?)" in run.err and "huber" in run.err


def test_a_users_yaml_whose_file_is_not_there(home):
    (home / "my_fair.py").unlink()
    run = call(home, "--config-dir", "mine", "loss=fair")
    assert (run.code, run.results) == (2, [])
    assert run.err == "robustfit: loss: cannot import 'my_fair.Fair' (No module named 'my_fair')\n"


def test_a_users_class_that_is_no_loss(home):
    text = "_target_: robustfit.penalties.none.NoPenalty\n"
    (home / "mine" / "loss" / "nothing.yaml").write_text(text, encoding="utf-8")
    run = call(home, "--config-dir", "mine", "loss=nothing")
    assert (run.code, run.results) == (2, [])
    assert "must be a Loss" in run.err and run.err.count("\n") == 1


CONSOLE = (sys.executable, "-P", "-c", "from robustfit.cli import main; main()")
"""What the script `robustfit` does (test_wheel.py runs the script itself): Python adds no directory to its path."""


@pytest.mark.parametrize("command", [(), CONSOLE], ids=["python -m robustfit", "robustfit"])
def test_a_users_loss_as_a_process(home, command):
    run = process(home, "--config-dir", "mine", "loss=fair", *QUICK, command=command)
    assert (run.code, run.err) == (0, "")
    assert run.rows["loss"].item() == "fair"

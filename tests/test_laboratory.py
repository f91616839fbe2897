"""Rows and tables of claims: computed once, kept, and never used by another version of the code."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from robustfit import laboratory
from robustfit.claims import MissingRows
from robustfit.engines import Serial
from robustfit.errors import BadParameter, RobustfitError
from robustfit.grid import Grid
from robustfit.laboratory import Experiment, Laboratory, sample

SMALL = {"scenario.n_samples": 20, "scenario.n_features": 1}
TINY = Experiment("tiny", Grid(SMALL, {"loss": ["mse", "mae"], "outliers": [0.0, 0.1]}), replicates=300, quick=20)


class Forbidden:
    """An engine that must not be asked."""

    def run(self, function, units):
        raise AssertionError(f"{len(units)} units were to be computed")


def lab(path, **settings):
    return Laboratory(path, settings.pop("engine", Serial()), silent=True, **settings)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    path = tmp_path_factory.mktemp("lab")
    return path, lab(path).rows(TINY)


def test_rows_are_computed_once_and_kept(filled):
    path, rows = filled
    assert len(rows) == 4 * 300
    again = lab(path, engine=Forbidden()).rows(TINY)
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), rows.drop(columns="seconds"))


def test_a_quick_look_takes_the_first_replicates(filled):
    path, rows = filled
    quick = lab(path, engine=Forbidden(), quick=True).rows(TINY)
    assert len(quick) == 4 * 20
    few, cell = rows[rows["replicate"] < 20], {"loss": "mae", "outliers": 0.1}
    assert np.array_equal(sample(quick, "surface_error", cell), sample(few, "surface_error", cell))


def test_samples_are_pairs(filled):
    _, rows = filled
    clean, bad = (sample(rows, "clean_rmse", {"loss": "mse", "outliers": part}) for part in (0.0, 0.1))
    truth = [sample(rows, "replicate", {"loss": loss, "outliers": 0.0}) for loss in ("mse", "mae")]
    assert np.array_equal(*truth) and len(clean) == len(bad) == 300


def test_a_sample_is_of_one_cell(filled):
    with pytest.raises(RobustfitError, match="2 cells have"):
        sample(filled[1], "intercept", {"loss": "mae"})
    with pytest.raises(RobustfitError, match="0 cells have"):
        sample(filled[1], "intercept", {"loss": "huber"})


def test_without_rows_nothing_is_computed_if_it_must_not_be(tmp_path):
    with pytest.raises(MissingRows, match="tiny: the rows of .* are missing, and nothing was to be computed"):
        lab(tmp_path, compute=False).rows(TINY)
    with pytest.raises(MissingRows, match="squares: the table is missing"):
        lab(tmp_path, compute=False).table("squares", squares, n=3)


def test_rows_of_another_version_are_left_alone(filled, monkeypatch, capsys):
    path, _ = filled
    monkeypatch.setattr(laboratory, "numerics", lambda: "another")
    with pytest.raises(MissingRows):
        lab(path, compute=False).rows(TINY)
    Laboratory(path, Serial(), quick=True).rows(TINY)
    assert "tiny: rows of another version of the code are left alone" in capsys.readouterr().err


def test_a_fit_that_failed_decides_nothing(tmp_path):
    broken = Experiment("broken", Grid({**SMALL, "scenario.noise.sigma": 1e308}, {"loss": ["mse"]}), 10, 10)
    with pytest.raises(MissingRows, match="10 of 10 rows have no fit"):
        lab(tmp_path).rows(broken)


def test_a_wrong_experiment_is_refused(tmp_path):
    with pytest.raises(BadParameter):
        lab(tmp_path).rows(Experiment("wrong", Grid({"outliers": 0.7}, {"loss": ["mse"]}), 10, 10))


CALLS = []


def squares(n):
    CALLS.append(n)
    return pd.DataFrame({"k": np.arange(n), "square": np.arange(n) ** 2 / 3})


def test_a_table_is_computed_once_for_its_parameters(tmp_path):
    CALLS.clear()
    tables = [lab(tmp_path).table("squares", squares, n=n) for n in (3, 3, 4)]
    assert CALLS == [3, 4]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert list(tables[2]["square"]) == [0, 1 / 3, 4 / 3, 3]  # to the last bit


def test_a_table_of_another_version_is_computed_again(tmp_path, monkeypatch):
    CALLS.clear()
    lab(tmp_path).table("squares", squares, n=3)
    monkeypatch.setattr(laboratory, "numerics", lambda: "another")
    lab(tmp_path).table("squares", squares, n=3)
    assert CALLS == [3, 3]


def test_the_version_knows_the_modules_that_take_part():
    alone, with_part = laboratory.version(), laboratory.version("experiments.placed")
    assert alone == laboratory.version("robustfit.cell", "builtins") != with_part
    names = {file.name for file in laboratory._sources("experiments.descent")}
    assert {"descent.py", "samples.py"} <= names

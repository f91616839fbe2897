"""The studies that come with the package say what they ask, run without a failure, and skip only what they must."""

import numpy as np
import pytest

from robustfit.catalogue import GROUPS, make, names, spec
from robustfit.cell import Cell, Fitted
from robustfit.data import Streams
from robustfit.errors import Incompatible
from robustfit.grid import Grid, applied
from robustfit.task import TASKS

NAMES = [name for name in names("study") if name != "none"]
CHOICES = {"scenario": "linear", "contamination": "vertical", "loss": "huber", "solver": "auto"}
CHOICES |= {"scale": "mad", "initial": "lad", "penalty": "none", "stability": "none"}
EXACT = {"newton", "linear_program"}
"""Solvers that must prove every fit of a convex loss; the others are in the study to show how far they come."""


def base():
    groups = {group: {"name": CHOICES[group], **spec(group, CHOICES[group])} for group in GROUPS}
    return groups | {"outliers": 0.0, "seed": 0}


def grid(name):
    return Grid.of(spec("study", name))


def cells(name):
    return [Cell.from_config(config) for config in grid(name).configs(base())]


def fitted(name, replicates):
    """Every cell's fits to the first samples, which cells of the same data share."""
    drawn = {}
    for cell in cells(name):
        if cell.data_key not in drawn:
            drawn[cell.data_key] = cell.draw(0)[0].take(slice(0, replicates)), {}
        data, starts = drawn[cell.data_key]
        yield cell, Fitted.on(cell, 0, data, Streams.spawn(cell.seed, 0).moves, starts).rows(name)


def test_the_promised_studies_are_there():
    assert set(NAMES) >= {"breakdown", "efficiency", "convergence", "instability", "tuning", "sample_size"}
    assert set(NAMES) >= {"label_noise", "imbalance", "box_outliers"}


@pytest.mark.parametrize("name", NAMES)
def test_a_study_asks_a_question(name):
    content = spec("study", name)
    assert content["question"].endswith("?")
    assert content["replicates"] >= 32


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_is_there_twice(name):
    keys = [cell.rows_key for cell in cells(name)]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", NAMES)
def test_no_fit_fails_and_convex_ones_are_proved(name):
    for cell, rows in fitted(name, 2):
        assert set(rows["error"]) == {""} and "failed" not in set(rows["status"]), dict(cell.settings)
        assert np.isfinite(rows[TASKS[cell.scenario.task].squared]).all()
        if make("loss", cell.settings["loss"]).convex and cell.settings["solver"] in EXACT:
            assert rows["certified"].all(), dict(cell.settings)


def test_convergence_skips_what_solvers_refuse_and_nothing_else():
    study = grid("convergence")
    assert len(study.skipped()) == 24 and len(cells("convergence")) == 186
    for point in study.skipped():
        with pytest.raises(Incompatible):
            Cell.from_config(applied(applied(base(), study.settings), point))


@pytest.mark.parametrize("name", ["breakdown", "instability", "tuning"])
def test_elsewhere_only_clean_data_are_skipped_that_other_cells_have(name):
    study = grid(name)
    shared = applied(base(), study.settings)
    kept = {cell.rows_key: cell for cell in cells(name)}
    for point in study.skipped():
        assert point["outliers"] == 0
        twins = [cell for cell in kept.values() if _same_but_for_the_contamination(cell, point)]
        assert len(twins) == 1
        skipped = Cell.from_config(applied(shared, point))
        assert skipped.estimator == twins[0].estimator and skipped.scenario == twins[0].scenario


def _same_but_for_the_contamination(cell, point):
    wanted = {key: value for key, value in point.items() if not key.startswith("contamination") and value is not None}
    return all(cell.settings[key] == value for key, value in wanted.items())


def test_efficiency_goes_as_far_as_cauchy_errors():
    noises = {(cell.settings["scenario.noise"], cell.settings.get("scenario.noise.df")) for cell in cells("efficiency")}
    assert noises == {("normal", None), ("t", 3.0), ("t", 1.0), ("laplace", None)}


def test_tuning_has_six_constants_of_each_loss_the_default_among_them():
    constants = {}
    for cell in cells("tuning"):
        loss = cell.settings["loss"]
        own = {key: value for key, value in cell.settings.items() if key.startswith("loss.")}
        constants.setdefault(loss, set()).update(own.values())
    assert constants.pop("mse") == constants.pop("mae") == set()
    assert {len(values) for values in constants.values()} == {6}
    for loss, values in constants.items():
        assert next(value for key, value in spec("loss", loss).items() if key != "_target_") in values

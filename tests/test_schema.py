"""The columns of rows: the same in every file of a folder, whatever was fitted and even where nothing could be."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pytest

from robustfit.catalogue import GROUPS, make, spec
from robustfit.cell import Cell, Fitted
from robustfit.losses.mse import MSE
from robustfit.parameters import Parametrised
from robustfit.schema import table, types
from robustfit.task import TASKS, fitting

CHOICES = {"scenario": "linear", "contamination": "vertical", "loss": "huber", "solver": "auto"}
CHOICES |= {"scale": "mad", "initial": "lad", "penalty": "none", "stability": "none"}
OF_TASK = {
    "regression": {},
    "classification": {"scenario": "gaussian_classes", "contamination": "flips"},
    "boxes": {"scenario": "random_boxes", "contamination": "displaced"},
}
"""What goes with each task."""


def config(**choices):
    chosen = CHOICES | choices
    groups = {group: {"name": chosen[group], **spec(group, chosen[group])} for group in GROUPS}
    return groups | {"outliers": 0.1, "seed": 0}


def of_scenario(task):
    """The columns of a task's rows."""
    return types([("scenario", make("scenario", OF_TASK[task].get("scenario", "linear")))])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("group", ["scenario", "contamination", "loss", "solver", "scale", "penalty", "stability"])
def test_every_shipped_choice_has_its_columns_from_the_start(group, task):
    for name in fitting(group, task):
        if "path" not in spec(group, name):
            part = make(group, name)
            made = types([("scenario", make("scenario", OF_TASK[task].get("scenario", "linear"))), (group, part)])
            assert made == of_scenario(task), name
            assert {f"{group}.{entry.name}" for entry in fields(part)} <= set(made), name


def test_the_settings_of_a_cell_are_columns():
    for name in fitting("loss", "regression"):
        cell = Cell.from_config(config(loss=name))
        assert set(cell.settings) <= set(types([])) == set(types(cell.parts.items()))


def test_columns_of_another_task_do_not_appear():
    regression, labels, boxes = (set(of_scenario(task)) for task in TASKS)
    assert "surface_error" in regression and not {"clean_error", "iou_error"} & regression
    assert "clean_error" in labels and not {"surface_error", "iou_error", "intercept"} & labels
    assert "iou_error" in boxes and not {"surface_error", "clean_error", "intercept"} & boxes
    assert "scenario.share" in labels and "contamination.about" in boxes and "contamination.shift" in regression
    assert not {"scenario.n_classes", "contamination.of", "contamination.about", "scenario.variation"} & regression
    assert not {"contamination.shift", "contamination.about", "scenario.variation"} & labels
    assert not {"contamination.shift", "contamination.of", "scenario.share"} & boxes


def test_several_tasks_have_the_columns_of_all():
    """No column has a type in one task and another in the next."""
    scenarios = [make("scenario", name) for name in ("linear", "random_boxes", "gaussian_classes")]
    together = types(("scenario", scenario) for scenario in scenarios)
    for task in TASKS:
        alone = of_scenario(task)
        assert {name: together[name] for name in alone} == alone
    assert set(together) == set().union(*map(of_scenario, TASKS))


def test_the_types_are_those_of_the_values():
    rows = Fitted.of(Cell.from_config(config(stability="moves")), 0, 3).rows("trial")
    columns = types([])
    assert set(rows) - {"seconds"} <= set(columns)
    written = table(rows, columns)
    back = written.to_pandas()
    for name in set(rows) - {"seconds", "coef", "true_coef"}:
        expected = pd.Series([None] * 3) if rows[name].isna().all() else rows[name]
        assert all(a == b or (pd.isna(a) and pd.isna(b)) for a, b in zip(back[name], expected, strict=True)), name
        if columns[name] in ("int64", "bool"):
            assert rows[name].map(lambda value: float(value).is_integer()).all(), name
    np.testing.assert_array_equal(np.stack(back["coef"]), np.stack(rows["coef"]))


def test_what_is_missing_is_null_and_keeps_its_type():
    written = table(pd.DataFrame({"cell": ["a", "b"], "loss.delta": [np.nan, 1.0]}), types([]))
    assert written.schema.field("certified").type == pa.bool_()
    assert written.schema.field("coef").type == pa.list_(pa.float64())
    assert [written[name].null_count for name in ("cell", "loss.delta", "status", "coef")] == [0, 1, 2, 2]


@dataclass(frozen=True)
class Own(Parametrised):
    width: int | None = None
    loss: MSE = MSE()
    labels: tuple[str, ...] = ()


def test_a_part_of_ones_own_adds_its_columns_beside_its_group():
    columns = list(types([("loss", Own())]))
    assert {"loss.width", "loss.loss", "loss.labels"} <= set(columns)
    assert columns.index("loss") < columns.index("loss.width") < columns.index("solver")
    assert types([("loss", Own())])["loss.width"] == "int64"
    assert types([("loss", Own())])["loss.labels"] == "string", "lists are recorded as JSON"


def test_two_types_of_one_column_become_the_wider():
    @dataclass(frozen=True)
    class Whole(Parametrised):
        delta: int = 1

    @dataclass(frozen=True)
    class Words(Parametrised):
        delta: str = ""

    assert types([("loss", Whole())])["loss.delta"] == "double"
    assert types([("loss", Words())])["loss.delta"] == "string"

"""What is asked of data, and which choices are for it."""

import pytest

from robustfit.catalogue import GROUPS, make, names
from robustfit.errors import Incompatible
from robustfit.metrics import columns
from robustfit.scenarios.linear import Linear
from robustfit.task import BOXES, CLASSIFICATION, REGRESSION, TASKS, fitting, require, task_of, tasks_of


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_the_measures_of_a_task_are_its_columns(task):
    known = columns(task.name)
    assert task.errors[0] == task.error
    assert {*task.errors, task.squared, task.tolerated[0]} <= set(known)


def test_the_task_of_columns_is_that_of_the_main_measure_among_them():
    assert task_of(["loss", "clean_error"]) is CLASSIFICATION
    assert task_of(columns("boxes")) is BOXES
    assert task_of(["loss"]) is REGRESSION, "rows without a fit"


@pytest.mark.parametrize("group", ["scenario", "contamination"])
def test_every_scenario_and_contamination_is_for_one_task(group):
    assert sorted(name for task in TASKS for name in fitting(group, task)) == sorted(names(group))


def test_what_says_nothing_of_tasks_is_for_all():
    assert tasks_of(make("penalty", "l2")) == tuple(TASKS)
    assert tasks_of(Linear) == tasks_of(Linear()) == ("regression",)
    assert all(fitting(group, task) for group in GROUPS for task in TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_contaminations_of_the_task_pass_and_others_are_refused_with_those_that_would_do(task):
    good = fitting("contamination", task)
    for name in names("contamination"):
        if name in good:
            require(task, contamination=make("contamination", name))
            continue
        with pytest.raises(Incompatible) as caught:
            require(task, contamination=make("contamination", name))
        said = str(caught.value)
        assert said.startswith(f"contamination={name} is for ") and f"are for {task}: take {good[0]}, " in said
        assert len(said.splitlines()) == 1 and f"task={task}" in said

"""A study's grid: which cells it has, which it skips, and what is refused."""

import pytest

from robustfit.catalogue import GROUPS, names, spec
from robustfit.errors import BadParameter, Unknown
from robustfit.grid import Grid, applied

CHOICES = {"scenario": "linear", "contamination": "vertical", "loss": "huber", "solver": "newton"}
CHOICES |= {"scale": "mad", "initial": "lad", "penalty": "none", "stability": "none"}


@pytest.fixture
def base():
    groups = {group: {"name": CHOICES[group], **spec(group, CHOICES[group])} for group in GROUPS}
    return groups | {"outliers": 0.1, "seed": 0}


def test_axes_are_crossed_and_zipped_axes_go_together():
    grid = Grid({}, {"loss": ["mae", "mse"]}, [{"scenario.n_samples": [20, 40], "outliers": [0.0, 0.2]}])
    points = list(grid.points())
    assert grid.size == len(points) == 4
    assert {(point["scenario.n_samples"], point["outliers"]) for point in points} == {(20, 0.0), (40, 0.2)}


def test_what_is_skipped_is_counted():
    grid = Grid({}, {"loss": ["mae", "mse"], "outliers": [0.0, 0.1]}, skip=[{"loss": ["mae"], "outliers": 0.0}])
    assert grid.skipped() == [{"loss": "mae", "outliers": 0.0}]
    assert len(list(grid.points())) + len(grid.skipped()) == grid.size


def test_choices_bring_their_defaults_and_parameters_stay(base):
    config = applied(base, {"loss.c": 2.0, "loss": "bisquare", "scenario.noise": "t", "scenario.noise.df": 5})
    assert config["loss"] == {"name": "bisquare", **spec("loss", "bisquare"), "c": 2.0}
    assert config["scenario"]["noise"]["df"] == 5
    assert config["scenario"]["n_samples"] == base["scenario"]["n_samples"]
    assert base["loss"]["name"] == "huber", "the base is not changed"


def test_null_leaves_a_parameter_as_it_is(base):
    assert applied(base, {"loss.delta": None}) == base


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"los": "mae"}, "did you mean 'loss'"), ({"loss": "hubber"}, "huber"), ({"loss.detla": 1}, "loss.delta")],
)
def test_unknown_keys_and_names_say_what_exists(base, settings, words):
    with pytest.raises(Unknown, match=words):
        applied(base, settings)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"axes": {"loss": "mae"}}, "must be a list"),
        ({"axes": {"loss": []}}, "at least one"),
        ({"zipped": [{"loss": ["mae"], "outliers": [0, 1]}]}, "equally long"),
        ({}, "the grid is empty"),
        (
            {"axes": {"outliers": [0, 1]}, "zipped": [{"loss": ["mae"], "outliers": [0]}]},
            "outliers: is there more",
        ),
        ({"axes": ["loss"]}, "axes=.*must be a mapping"),
        ({"settings": ["loss"], "axes": {"loss": ["mae"]}}, "settings=.*must be a mapping"),
        ({"zipped": {"loss": ["mae"]}}, "zipped=.*must be a list of mappings"),
        ({"axes": {"loss": ["mae"]}, "skip": {"loss": "mae"}}, "skip=.*must be a list of mappings"),
        ({"axes": {"loss": ["mae"]}, "skip": ["loss"]}, "skip=.*must be a list of mappings"),
    ],
)
def test_axes_that_are_none_are_refused(content, words):
    with pytest.raises(BadParameter, match=words):
        Grid.of(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"axis": {"loss": ["mae"]}}, "did you mean 'axes'"),
        ({"axes": {"loss": ["mae"]}, "skip": [{"los": "mae"}]}, "did you mean 'loss'"),
    ],
)
def test_a_key_that_nobody_knows_is_not_passed_over(content, words):
    with pytest.raises(Unknown, match=words):
        Grid.of(content)


@pytest.mark.parametrize("name", [name for name in names("study") if name != "none"])
def test_every_shipped_study_can_be_built(name, base):
    from robustfit.cell import Cell

    content = spec("study", name)
    configs = Grid.of(content).configs(base)
    assert content["question"].endswith("?") and content["replicates"] >= 64
    assert len({Cell.from_config(config).key for config in configs}) == len(configs), "every cell is another"

"""What a study's figures are drawn along, and what belongs into one panel and one line."""

import numpy as np
import pandas as pd
import pytest

from robustfit.axes import Layout, named, varying


def table(**columns):
    """Every combination of some columns."""
    return pd.MultiIndex.from_product(columns.values(), names=columns.keys()).to_frame(index=False)


BREAKDOWN = table(loss=["mse", "mae"], contamination=["vertical", "cluster"], outliers=[0.0, 0.1, 0.2])
BREAKDOWN = BREAKDOWN[(BREAKDOWN["outliers"] > 0) | (BREAKDOWN["contamination"] == "vertical")]


def test_outliers_come_first():
    more = table(loss=["mse"], outliers=[0.0, 0.1, 0.2], **{"scenario.n_samples": [10, 20, 30, 40]})
    assert Layout.of(more) == Layout("outliers", (), ("scenario.n_samples",))


def test_without_them_the_number_with_the_most_values():
    more = table(loss=["mse", "mae"], outliers=[0.0, 0.1], **{"scenario.n_samples": [10, 20, 30]})
    assert Layout.of(more) == Layout("scenario.n_samples", ("loss",), ("outliers",))


def test_two_values_make_no_axis():
    assert Layout.of(table(loss=["mse", "mae"], outliers=[0.0, 0.1])).x is None


def test_a_parameter_varies_only_within_one_choice():
    rows = pd.DataFrame(
        {"loss": ["huber", "huber", "bisquare"], "loss.delta": [1.0, 1.0, None], "loss.c": [None, None, 4]}
    )
    assert varying(rows) == ["loss"]
    assert varying(rows.assign(**{"loss.delta": [1.0, 2.0, None]})) == ["loss", "loss.delta"]


def test_a_parameter_of_a_part_varies_within_that_part():
    noise = pd.DataFrame({"scenario": "linear", "scenario.noise": ["normal", "t"], "scenario.noise.df": [None, 3.0]})
    assert varying(noise) == ["scenario.noise"]
    noise.loc[2] = ["linear", "t", 1.0]
    assert varying(noise) == ["scenario.noise", "scenario.noise.df"]


def test_clean_samples_belong_to_every_panel():
    layout = Layout.of(BREAKDOWN)
    panels = dict(layout.panels(BREAKDOWN))
    assert list(panels) == ["vertical", "cluster"]
    for part in panels.values():
        assert {label: list(line["outliers"]) for label, line in layout.lines(part)} == {
            "mse": [0.0, 0.1, 0.2],
            "mae": [0.0, 0.1, 0.2],
        }


def test_clean_samples_of_another_scenario_do_not():
    rows = pd.concat([BREAKDOWN.assign(scenario="line"), BREAKDOWN.assign(scenario="linear")], ignore_index=True)
    for title, part in Layout.of(rows).panels(rows):
        assert set(part["scenario"]) == {title.split(", ")[0]}
        assert len(part) == 6


def test_one_panel_and_one_line_where_nothing_else_varies():
    rows = table(loss=["mae"], outliers=[0.0, 0.1, 0.2])
    layout = Layout.of(rows)
    assert [title for title, _ in layout.panels(rows)] == [""]
    assert [label for label, _ in layout.lines(rows)] == ["mae"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"outliers": 0.0}, "no outliers"),
        ({"outliers": 0.125}, "12.5 % outliers"),
        ({"contamination": "bad_leverage", "contamination.shift": -4.0}, "bad leverage, shift = -4"),
        ({"scenario.noise": "t", "scenario.noise.df": 3.0}, "t noise, df = 3"),
        ({"solver": "lbfgs", "solver.whiten": False, "solver.max_iter": np.nan}, "lbfgs, whiten off"),
        ({"solver": "lbfgs", "solver.whiten": True}, "lbfgs, whiten on"),
        ({"scenario.n_samples": 20}, "n = 20"),
    ],
)
def test_settings_in_words(values, words):
    assert named(values) == words

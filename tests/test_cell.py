"""Cells are known by what they are, and rows are a function of (cell, replicate) alone, bit for bit."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import pytest

from robustfit import cell as study
from robustfit.catalogue import GROUPS, names, spec
from robustfit.errors import BadParameter, Incompatible
from robustfit.task import fitting

TASKS = {
    "regression": {},
    "classification": {"scenario": "gaussian_classes", "contamination": "flips", "loss": "cross_entropy"},
    "boxes": {"scenario": "random_boxes", "contamination": "displaced"},
}
"""What other tasks need in the place of PARTS."""

PARTS = {
    "scenario": "line",
    "contamination": "vertical",
    "loss": "huber",
    "solver": "newton",
    "scale": "mad",
    "initial": "lad",
    "penalty": "none",
    "stability": "none",
}


def config(outliers=0.1, seed=0, more: Mapping[str, object] | None = None, **chosen):
    """A plain configuration as `cli` hands it over: names of parts, `more` for parameters by their path."""
    content = {group: {"name": name} | spec(group, name) for group, name in (PARTS | chosen).items()}
    for path, value in (more or {}).items():
        *place, key = path.split(".")
        part = content
        for step in place:
            part = part[step]
        part[key] = value
    return content | {"outliers": outliers, "seed": seed}


def cell(*arguments, **options):
    return study.Cell.from_config(config(*arguments, **options))


def rows(one, replicates):
    return pd.concat([block.rows("run") for block in study.run(one, replicates)], ignore_index=True)


def assert_same(left, right, but=("seconds",)):
    """Equal to the last bit."""
    left, right = (table.drop(columns=[*but]).reset_index(drop=True) for table in (left, right))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


# The key


def test_the_key_is_that_of_the_values_not_of_how_they_are_written():
    assert cell(more={"loss.delta": 1}).key == cell(more={"loss.delta": 1.0}).key
    assert cell(more={"scenario.n_samples": 50.0}).key == cell(more={"scenario.n_samples": 50}).key
    assert cell(outliers=0).key == cell(outliers=0.0).key
    linear = {"scenario": "linear", "more": {"scenario.coef": [1, 2, 3]}}
    assert cell(**linear).key == cell(scenario="linear", more={"scenario.coef": (1.0, 2.0, 3.0)}).key


OTHER = [
    {"seed": 1},
    {"outliers": 0.2},
    *(
        {group: name}
        for group in ("loss", "contamination", "initial")
        for name in fitting(group, "regression")
        if name != PARTS[group]
    ),
    {"scale": "fixed"},
    {"penalty": "l2"},
    {"solver": "lbfgs"},
    {"scenario": "linear"},
    {"more": {"scenario.n_samples": 51}},
    {"more": {"scenario.noise.sigma": 2.0}},
    {"more": {"scenario.noise": spec("scenario/noise", "t")}},
    {"more": {"contamination.shift": 11.0}},
    {"more": {"contamination.symmetric": True}},
    {"more": {"loss.delta": 1.346}},
    {"more": {"solver.max_iter": 499}},
]


each_part = pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group in GROUPS for name in names(group) if not name.startswith("csv")]
)


def test_the_key_changes_with_every_part_and_parameter():
    keys = [cell().key, *(cell(**other).key for other in OTHER)]
    assert len(set(keys)) == len(keys)


@each_part
def test_no_parameter_of_a_part_is_forgotten(group, name):
    """Whatever is a field of the part is in its identity, so that a new parameter cannot be left out."""
    thing = study.build(spec(group, name), group)
    told = study.identity(thing)
    assert set(told) == {"is", *(entry.name for entry in fields(thing))}


def suited(group, name):
    """A cell with some part, and others that go with it."""
    losses = {"linear_program": "mae", "mixed_integer": "zero_one", "best_of_surrogates": "zero_one"}
    task = next(task for task in TASKS if name in fitting(group, task))
    options = TASKS["classification"] if losses.get(name) == "zero_one" else TASKS[task]
    options = options | ({"loss": losses[name]} if name in losses else {})
    solver = {"solver": "auto"} if task != "regression" and group == "loss" else {}
    return cell(**options | solver | {group: name})


@each_part
def test_every_parameter_of_a_part_is_a_column(group, name):
    if group == "initial":
        return  # an estimator in itself: its name says all
    settings = suited(group, name).settings
    for entry in fields(study.build(spec(group, name), group)):
        assert f"{group}.{entry.name}" in settings
    assert not any(is_dataclass(value) or isinstance(value, Mapping | tuple) for value in settings.values())


def test_the_key_does_not_know_what_is_no_part_of_the_cell():
    plain = cell().key
    more = {"out": "elsewhere", "figure": False, "replicates": 9, "trace": True}
    assert study.Cell.from_config(config() | more).key == plain
    assert cell(stability="moves").key == plain


def csv(path, target="y"):
    return cell(scenario="csv", more={"scenario.path": str(path), "scenario.target": target})


def test_a_csv_is_known_by_its_content_not_by_its_path(tmp_path):
    text = "x,y\n" + "".join(f"{k},{k % 3}\n" for k in range(9))
    (tmp_path / "other").mkdir()
    paths = [tmp_path / "a.csv", tmp_path / "other" / "b.csv", tmp_path / "c.csv"]
    for path, content in zip(paths, (text, text, text.replace("8,2", "8,1")), strict=True):
        path.write_text(content, encoding="utf-8")
    first, same, changed = (csv(path).key for path in paths)
    assert first == same != changed
    assert csv(paths[0], target="x").key != first


# Blocks


@pytest.mark.parametrize("n", [5, 20, 100, 1000, 10_000, 200_000])
@pytest.mark.parametrize("p", [1, 3, 50])
def test_a_block_is_a_power_of_two_that_fits_the_cache(n, p):
    if n <= p + 1:
        return
    size = cell(scenario="linear", more={"scenario.n_samples": n, "scenario.n_features": p}).block_size
    assert size == 1 or (size & (size - 1) == 0 and size * n * (p + 1) <= study.BLOCK_ENTRIES)
    assert size == 256 or 2 * size * n * (p + 1) > study.BLOCK_ENTRIES


def test_the_block_size_is_a_function_of_n_and_p_alone():
    others = [other for other in OTHER if not {"more", "scenario"} & set(other)]
    sizes = {cell(more={"scenario.n_samples": 300}, **other).block_size for other in others}
    assert len(sizes) == 1
    assert cell(scenario="linear", more={"scenario.n_features": 1, "scenario.n_samples": 300}).block_size in sizes


SMALL_BLOCKS = {"scenario.n_samples": 8000}
"""Eight replicates a block."""


@pytest.mark.parametrize("loss", fitting("loss", "regression"))
@pytest.mark.parametrize("solver", ["newton", "auto"])
def test_fewer_replicates_are_a_prefix_of_more(loss, solver):
    one = cell(loss=loss, solver=solver, outliers=0.2)
    assert_same(rows(one, 10), rows(one, 30).iloc[:10])


@pytest.mark.parametrize("scale", names("scale"))
@pytest.mark.parametrize("scenario", [name for name in fitting("scenario", "regression") if name != "csv"])
def test_fewer_replicates_are_a_prefix_of_more_for_every_scale_and_scenario(scale, scenario):
    one = cell(scale=scale, scenario=scenario, outliers=0.3, contamination="bad_leverage")
    assert_same(rows(one, 3), rows(one, 9).iloc[:3])


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "bisquare"])
def test_fewer_replicates_are_a_prefix_of_more_across_blocks(loss):
    one = cell(loss=loss, more=SMALL_BLOCKS)
    assert one.block_size == 8
    few, many = rows(one, 10), rows(one, 20)
    assert_same(few, many.iloc[:10])
    assert many["block"].tolist() == [0] * 8 + [1] * 8 + [2] * 4
    assert many["replicate"].tolist() == list(range(20))
    assert many["surface_error"].is_unique, "every block has random numbers of its own"


def test_stability_is_a_prefix_too_and_changes_no_other_column():
    one, plain = cell(loss="mae", stability="moves"), cell(loss="mae")
    few = rows(one, 3)
    assert_same(few, rows(one, 6).iloc[:3])
    tried = [name for name in few if name.startswith("stability") or name in ("instability", "solution_width")]
    shared = [name for name in few if name not in tried]
    assert_same(few[shared], rows(plain, 3)[shared])


def test_a_row_depends_neither_on_the_order_nor_on_other_cells():
    alone = rows(cell(loss="huber"), 4)
    for loss in ("bisquare", "mse"):
        rows(cell(loss=loss), 9)
    assert_same(rows(cell(loss="huber"), 4), alone)


def test_every_loss_solver_and_fraction_meets_the_same_clean_data():
    draws = [cell(loss=loss, outliers=part).draw(0)[0] for loss in ("mse", "huber") for part in (0.0, 0.1, 0.3)]
    for data in draws:
        np.testing.assert_array_equal(data.y_clean, draws[0].y_clean)
        np.testing.assert_array_equal(data.X_clean, draws[0].X_clean)
    np.testing.assert_array_equal(draws[1].y, draws[4].y)
    np.testing.assert_array_equal(draws[1].outliers, draws[4].outliers)
    assert (draws[1].outliers <= draws[2].outliers).all()
    assert draws[2].outliers.sum(-1).tolist() == [15] * len(draws[2].y)


def test_clean_data_do_not_depend_on_the_contamination():
    draws = [cell(contamination=name).draw(3)[0] for name in fitting("contamination", "regression")]
    for data in draws:
        np.testing.assert_array_equal(data.y_clean, draws[0].y_clean)
        np.testing.assert_array_equal(data.outliers, draws[0].outliers)


# Rows


def test_every_column_is_documented_and_every_document_has_its_column():
    table = rows(cell(scenario="linear", stability="moves", outliers=0.2), 2)
    assert {name for name in table if "." not in name} == set(study.column_docs())
    assert list(study.column_docs())[-1] == list(table)[-1] == "error"


def test_documents_are_sentences():
    for name, text in study.column_docs().items():
        assert text[0].isupper(), name
        assert text.strip().endswith("."), name


def test_settings_stand_under_their_path():
    row = rows(cell(scenario="linear", more={"scenario.noise": spec("scenario/noise", "t")}), 1).iloc[0]
    assert (row["scenario"], row["scenario.noise"], row["scenario.noise.df"]) == ("linear", "t", 3.0)
    assert (row["loss"], row["loss.delta"], row["outliers"]) == ("huber", 1.345, 0.1)
    assert (row["n_samples"], row["n_features"], row["n_outliers"]) == (100, 3, 10)
    assert (row["seed"], row["error"], row["status"]) == (0, "", "converged")


def test_the_truth_and_the_errors_from_it():
    for row in rows(cell(scenario="linear", loss="mse", outliers=0.0), 3).to_dict("records"):
        assert (row["true_intercept"], list(row["true_coef"])) == (1.0, [2.0, -1.0, 2.0])
        slopes = np.subtract(row["coef"], row["true_coef"])
        assert row["slope_error"] == pytest.approx(np.linalg.norm(slopes))
        assert row["intercept_error"] == pytest.approx(abs(row["intercept"] - 1.0))
        assert row["coef_error"] == pytest.approx(np.hypot(row["slope_error"], row["intercept_error"]))
        assert row["surface_error"] == pytest.approx(row["coef_error"]), "features are uncorrelated, of unit variance"


@pytest.mark.parametrize("scenario", [name for name in fitting("scenario", "regression") if name != "csv"])
@pytest.mark.parametrize("loss", ["mae", "huber", "bisquare"])
def test_rows_survive_parquet(scenario, loss):
    table = rows(cell(scenario=scenario, loss=loss), 3)
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    back = pd.read_parquet(file)
    lists = ["coef", "true_coef"]
    pd.testing.assert_frame_equal(back.drop(columns=lists), table.drop(columns=lists), check_dtype=False)
    for name in lists:
        np.testing.assert_array_equal(np.stack(back[name]), np.stack(table[name]))


def test_types_are_those_of_the_columns():
    table = rows(cell(stability="moves"), 2)
    kinds = {name: table[name].dtype.kind for name in table}
    assert {name for name, kind in kinds.items() if kind == "b"} >= {"certified", "solver_success", "false_success"}
    whole = {"block", "replicate", "seed", "n_samples", "n_features", "n_outliers", "n_iter", "n_eval"}
    assert {kinds[name] for name in whole} == {"i"}
    measures = {"outliers", "intercept", "surface_error", "objective", "gap", "seconds", "instability", "loss.delta"}
    assert {kinds[name] for name in measures} == {"f"}


def test_rows_of_all_parts_go_into_one_table():
    cells = [cell(loss=loss, solver="auto") for loss in fitting("loss", "regression")]
    cells += [cell(scenario=name) for name in fitting("scenario", "regression") if name != "csv"]
    cells += [suited("solver", name) for name in names("solver")]
    cells += [cell(contamination=name) for name in fitting("contamination", "regression")]
    cells += [cell(penalty="l2"), cell(scale="fixed"), cell(initial="ols")]
    failed = study.failed_rows("run", config(outliers="abc", more={"loss.delta": "wide"}), "why")
    table = pd.concat([failed, *(rows(one, 1) for one in cells)], ignore_index=True)
    file = io.BytesIO()
    table.to_parquet(file)
    assert len(pd.read_parquet(file)) == len(cells) + 1


def test_per_datum_is_the_first_sample_line_by_line():
    (fitted,) = study.run(cell(scenario="linear", outliers=0.2), 3)
    table, data = fitted.per_datum(), fitted.data.member(0)
    own = ["y", "y_clean", "outlier", "fitted", "residual", "u", "weight", "leverage", "flag"]
    assert list(table) == ["x1", "x2", "x3", *own]
    np.testing.assert_array_equal(table[["x1", "x2", "x3"]], data.X[:, 1:])
    np.testing.assert_array_equal(table["y"], data.y)
    assert table["leverage"].sum() == pytest.approx(4), "the trace of the hat matrix"
    assert table["outlier"].sum() == 20


def test_a_scale_of_zero_leaves_u_and_weight_empty():
    (fitted,) = study.run(cell(scenario="ninety_at_150"), 1)
    table = fitted.per_datum()
    assert table["u"].isna().all() and table["weight"].isna().all()
    assert table["flag"].sum() == (table["residual"].abs() > 0).sum() > 0


# What cannot be run


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"outliers": 0.6}, BadParameter, "outliers=0.6: must be a fraction"),
        ({"outliers": True}, BadParameter, "outliers=True: must be a fraction"),
        ({"seed": -1}, BadParameter, "seed=-1: must be a whole number"),
        ({"seed": 1.5}, BadParameter, "seed=1.5: must be a whole number"),
        ({"more": {"loss.delta": 0}}, BadParameter, "loss.delta=0: must be a number, greater than 0"),
        ({"solver": "linear_program"}, Incompatible, "linear_program needs a PolyhedralLoss"),
    ],
)
def test_a_cell_that_cannot_be_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        cell(**change)


def test_the_row_of_a_job_that_failed():
    failed = config(0.2, 3, {"loss.delta": -1, "scenario.path": "x"})
    (row,) = study.failed_rows("sweep", failed, "why").to_dict("records")
    assert (row["study"], row["seed"], row["outliers"], row["error"]) == ("sweep", 3, 0.2, "why")
    assert {group: row[group] for group in GROUPS} == PARTS
    assert (row["loss.delta"], row["scenario.n_samples"]) == (-1, 50)
    assert "scenario.path" not in row and "loss._target_" not in row, "numbers only: they fit whatever was given"
    known = set(study.column_docs())
    assert {name for name in row if "." not in name} <= known


def test_the_row_of_a_job_with_values_of_the_wrong_type_has_gaps():
    wrong = config(more={"loss.delta": "wide"}) | {"outliers": "abc", "seed": None}
    (row,) = study.failed_rows("sweep", wrong, "why").to_dict("records")
    assert not {"outliers", "seed", "loss.delta"} & set(row)


def test_names_of_parts_that_were_given_without_one():
    content = config()
    for group in GROUPS:
        del content[group]["name"]
    one = study.Cell.from_config(content)
    assert {group: one.settings[group] for group in GROUPS} == PARTS
    assert one.key == cell().key

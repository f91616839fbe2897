"""The figures of a study show what its summary and rows say, whatever varies in it."""

import numpy as np
import pandas as pd
import pytest

from robustfit import figures, study_figures
from robustfit.axes import Layout
from robustfit.catalogue import GROUPS, spec
from robustfit.cell import Fitted
from robustfit.comparisons import compare, with_efficiencies
from robustfit.engines import Serial
from robustfit.grid import Grid
from robustfit.panels import STYLES
from robustfit.store import Store
from robustfit.study import Study
from robustfit.summary import shown, summarise

CHOICES = {"scenario": "linear", "contamination": "vertical", "loss": "huber", "solver": "newton"}
CHOICES |= {"scale": "mad", "initial": "lad", "penalty": "none", "stability": "none"}
SMALL = {"scenario.n_samples": 40, "scenario.n_features": 1}

GRIDS = {
    "breakdown": {
        "settings": SMALL,
        "axes": {"loss": ["mse", "bisquare"], "contamination": ["vertical", "cluster"], "outliers": [0.0, 0.1, 0.3]},
        "skip": [{"outliers": 0.0, "contamination": "cluster"}],
    },
    "sizes": {"settings": SMALL, "axes": {"loss": ["mse", "mae"], "scenario.n_samples": [20, 40, 80]}},
    "tuning": {
        "settings": SMALL,
        "axes": {"outliers": [0.0, 0.1, 0.2]},
        "zipped": [{"loss": ["mse", "huber", "huber"], "loss.delta": [None, 1.0, 2.0]}],
    },
    "solvers": {
        "settings": SMALL | {"outliers": 0.1},
        "axes": {"loss": ["mae", "huber"]},
        "zipped": [{"solver": ["newton", "lbfgs", "lbfgs"], "solver.whiten": [None, True, False]}],
    },
    "lonely": {"settings": SMALL, "axes": {"loss": ["mae"]}},
}


OF_TASK = {
    "classification": {"scenario": "gaussian_classes", "contamination": "flips", "loss": "mse", "scale": "fixed"},
    "boxes": {"scenario": "random_boxes", "contamination": "displaced", "loss": "mse", "scale": "fixed"},
}
GRIDS |= {
    "labels": {
        "task": "classification",
        "settings": {"scenario.n_samples": 40},
        "axes": {
            "loss": ["mse", "cross_entropy"],
            "contamination": ["flips", "leverage_flips"],
            "outliers": [0, 0.1, 0.3],
        },
        "skip": [{"outliers": 0, "contamination": "leverage_flips"}],
    },
    "rare": {
        "task": "classification",
        "settings": {"scenario.n_samples": 100},
        "axes": {"loss": ["mse", "cross_entropy"], "scenario.share": [0.1, 0.2, 0.4]},
    },
    "boxes": {
        "task": "boxes",
        "settings": {"scenario.n_samples": 40},
        "axes": {"loss": ["mse", "mae"], "contamination": ["displaced", "rescaled"], "outliers": [0, 0.1, 0.3]},
        "skip": [{"outliers": 0, "contamination": "rescaled"}],
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Each study with its summary, made once."""
    found = {}

    def make(name):
        if name not in found:
            content = dict(GRIDS[name])
            chosen = CHOICES | OF_TASK.get(content.pop("task", ""), {})
            groups = {group: {"name": chosen[group], **spec(group, chosen[group])} for group in GROUPS}
            base = groups | {"outliers": 0.0, "seed": 0}
            path = tmp_path_factory.mktemp(name)
            study = Study.of(name, Grid.of(content), base, 64, Store(path), consent=False)
            assert study.run(Serial()) == []
            tables = list(study.tables())
            summary = pd.concat([summarise(rows) for rows in tables], ignore_index=True)
            found[name] = study, with_efficiencies(summary, pd.concat([compare(rows) for rows in tables]))
        return found[name]

    return make


def curves(axes):
    return {
        line.get_color(): (line.get_xdata(), line.get_ydata()) for line in axes.get_lines() if len(line.get_xdata())
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("breakdown", {"error", "estimates", "frontier"}),
        ("sizes", {"error", "efficiency", "estimates"}),
        ("tuning", {"error", "estimates", "tuning"}),
        ("solvers", {"convergence"}),
        ("lonely", {"estimates"}),
        ("labels", {"error"}),
        ("rare", {"error", "minority"}),
        ("boxes", {"error"}),
    ],
)
def test_what_varies_decides_what_is_drawn(made, tmp_path, name, expected):
    drawn = study_figures.study_figures(*made(name))
    assert set(drawn) == expected
    for stem, figure in drawn.items():
        figures.save(figure, tmp_path / f"{stem}.png")
        assert (tmp_path / f"{stem}.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_lines_are_those_of_the_summary(made):
    _, summary = made("breakdown")
    figure = study_figures.along(summary, Layout.of(summary), "error")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["vertical", "cluster"]
    for axes, kind in zip(figure.axes, ("vertical", "cluster"), strict=True):
        for loss in ("mse", "bisquare"):
            of_kind = (summary["contamination"] == kind) | (summary["outliers"] == 0)
            cells = summary[of_kind & (summary["loss"] == loss)].sort_values("outliers")
            x, y = curves(axes)[STYLES[loss].color]
            np.testing.assert_array_equal(x, [0.0, 0.1, 0.3])
            np.testing.assert_array_equal(y, shown(cells)["value"])


@pytest.mark.parametrize(
    ("name", "measure", "x", "y"),
    [
        ("labels", "clean_error", "fraction of outliers", "mean share of clean rows mislabelled"),
        ("rare", "clean_error", "share of the last class", "mean share of clean rows mislabelled"),
        ("boxes", "iou_error", "fraction of outliers", "mean 1 - IoU with clean boxes"),
    ],
)
def test_the_error_is_that_of_the_task_and_the_axes_say_so(made, name, measure, x, y):
    _, summary = made(name)
    layout = Layout.of(summary)
    figure = study_figures.along(summary, layout, "error")
    assert {axes.get_xlabel() for axes in figure.axes} == {x}
    assert figure.axes[0].get_ylabel() == f"{y}\n(± 2 MCSE)"
    drawn = np.concatenate([heights for axes in figure.axes for _, heights in curves(axes).values()])
    assert set(drawn) == set(summary[measure])


def test_bands_are_two_standard_errors_wide(made):
    _, summary = made("sizes")
    axes = study_figures.along(summary, Layout.of(summary), "error").axes[0]
    cells = summary[summary["loss"] == "mse"].sort_values("scenario.n_samples")
    (band,) = axes.collections[0].get_paths()
    widest = np.ptp(band.vertices[band.vertices[:, 0] == 20.0][:, 1])
    assert widest == pytest.approx(4 * cells["surface_error_mcse"].iloc[0])


def test_medians_are_called_medians(made):
    _, summary = made("sizes")
    assert study_figures.words(summary, "error") == "mean surface error, units of y"
    mixed = summary.assign(surface_error_shown=["median", *summary["surface_error_shown"][1:]])
    assert study_figures.words(mixed, "error") == "mean or median surface error, units of y"


def test_a_trade_off_is_efficiency_when_clean_and_error_at_the_fraction(made):
    _, summary = made("breakdown")
    layout = Layout.of(summary)
    assert study_figures._fraction(summary) == 0.1  # the largest up to 0.2
    points = study_figures.trade_offs(dict(layout.panels(summary))["cluster"], layout, 0.1).set_index("label")
    cells = summary.set_index(["loss", "outliers", "contamination"])
    for loss in ("mse", "bisquare"):
        assert points.loc[loss, "efficiency"] == cells.loc[(loss, 0.0, "vertical"), "efficiency_vs_best"]
        assert points.loc[loss, "error"] == cells.loc[(loss, 0.1, "cluster"), "surface_error"]


def test_constants_are_joined_and_named(made):
    figure = study_figures.tuning(made("tuning")[1], Layout.of(made("tuning")[1]))
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "huber"
    assert len(axes.get_lines()[0].get_xdata()) == 2
    assert {text.get_text() for text in axes.texts} <= {"1", "2"}


def test_estimates_are_those_of_the_rows(made):
    study, summary = made("sizes")
    rows = next(table for table in study.tables() if table["scenario.n_samples"].iloc[0] == 40)
    figure = study_figures.estimates(study, summary, Layout.of(summary))
    intercepts = figure.axes[0]
    dots = intercepts.collections[0].get_offsets()[:, 0]
    wanted = np.sort(rows[rows["loss"] == "mse"]["intercept"])
    np.testing.assert_allclose(np.sort(dots), wanted[(wanted >= dots.min()) & (wanted <= dots.max())])
    triangles = sum(len(some.get_offsets()) for some in intercepts.collections[2:])
    assert triangles + sum(len(some.get_offsets()) for some in intercepts.collections[:2]) == 2 * len(wanted)
    assert [label.get_text() for label in intercepts.get_yticklabels()] == ["mse", "mae"]
    low, high = intercepts.get_xlim()
    assert low < 1.0 < high  # the true intercept


def test_estimates_beyond_the_range_are_shown_at_its_ends():
    values = np.append(np.linspace(0.0, 1.0, 999), 1e6)
    assert study_figures._range(values, np.array([3.0]))[1] == 3.0
    assert study_figures._range(np.array([np.nan]), np.array([])) == (0.0, 1.0)


def test_ways_end_where_the_fits_do(made):
    study, _ = made("solvers")
    figure = study_figures.convergence(study.cells)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["newton", "lbfgs", "lbfgs, whiten off"]
    huber = {cell.settings["solver"]: Fitted.of(cell, 0, 1) for cell in study.cells if cell.settings["loss"] == "huber"}
    last = [line for line in figure.axes[0].get_lines() if line.get_color() == STYLES["huber"].color][-1]
    assert last.get_xdata()[0] == huber["newton"].fit.solution.n_eval[0]
    assert 1e-16 <= last.get_ydata()[0] < 1e-12


def test_a_summary_without_comparisons_is_drawn_without_efficiencies(made):
    study, summary = made("breakdown")
    bare = summary.drop(columns=[name for name in summary if name.startswith("efficiency")])
    assert set(study_figures.study_figures(study, bare)) == {"error", "estimates"}


def test_nothing_is_drawn_of_nothing(made):
    study, summary = made("sizes")
    assert study_figures.study_figures(study, summary[["cell", "loss", "outliers", "replicates", "failures"]]) == {}


def test_more_panels_than_can_be_read_are_not_drawn(made):
    study, summary = made("sizes")
    many = pd.concat([summary.assign(**{"scenario.noise.sigma": float(k)}) for k in range(2, 40)], ignore_index=True)
    many["scenario.n_samples"] = many["scenario.noise.sigma"] // 2 + many["scenario.n_samples"]
    assert study_figures.study_figures(study, many) == {}


def test_cells_without_fits_have_no_way(made):
    study, summary = made("solvers")
    failed = summary["solver"] == "newton"
    broken = summary.assign(failures=summary["replicates"].where(failed, 0))
    (figure,) = study_figures.study_figures(study, broken).values()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["whiten on", "whiten off"]


def test_data_without_a_truth_are_drawn(tmp_path):
    """A file of one's own: no errors, but estimates."""
    pd.DataFrame({"x": np.arange(20.0), "y": np.arange(20.0) % 7}).to_csv(tmp_path / "data.csv", index=False)
    groups = {group: {"name": CHOICES[group], **spec(group, CHOICES[group])} for group in GROUPS}
    groups["scenario"] = {"name": "csv", **spec("scenario", "csv")} | {
        "path": str(tmp_path / "data.csv"),
        "target": "y",
    }
    grid = Grid.of({"axes": {"loss": ["mse", "mae"], "outliers": [0.0, 0.1, 0.2]}})
    study = Study.of("own", grid, groups | {"outliers": 0.0, "seed": 0}, 4, Store(tmp_path / "own"), consent=False)
    assert study.run(Serial()) == []
    summary = pd.concat([summarise(rows) for rows in study.tables()], ignore_index=True)
    (figure,) = study_figures.study_figures(study, summary).values()
    figures.save(figure, tmp_path / "estimates.png")

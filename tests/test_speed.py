from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from command import ROOT

from experiments import comparators, speed
from experiments.comparators import Answer
from experiments.speed import SECTIONS, Sizes
from experiments.timing import Row, Side, Target, clocked, in_turn, page, ratio
from robustfit.losses.huber import Huber

TINY = Sizes(
    fits=8, subset=4, n_small=40, n_large=3_000, p_large=4, growth_n=(500, 1_000, 2_000), growth_fits=(2, 4, 8),
    single_fits=2, turns=1, long_turns=1,
)  # fmt: skip

ROWS = {
    "huber_small": [
        "faster than scikit-learn HuberRegressor",
        "faster than statsmodels RLM",
        "faster than SciPy L-BFGS-B",
    ],
    "mae_small": ["faster than scikit-learn QuantileRegressor", "faster than R quantreg rq.fit.br"],
    "study": 2 * ["time over that of drawing with NumPy"],
    "huber_large": [
        "time over that of normal equations",
        "faster than scikit-learn HuberRegressor",
        "faster than statsmodels RLM",
    ],
    "mae_large": [
        "time over that of normal equations",
        "faster than statsmodels QuantReg",
        "faster than R quantreg rq.fit.pfn",
    ],
    "growth": 4 * ["exponent"],
    "overhead": ["beyond Newton alone", "beyond its starts and solver"],
    "memory": 4 * ["over the memory of X, X included"],
}
"""What is counted, section by section: the table of the issue, and points 5 and 6."""

SLOW = {"memory", "mae_small", "mae_large"} if shutil.which("Rscript") else {"memory"}
"""R takes a second to start, and a process of its own does too."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in SECTIONS])
def test_a_section_has_its_rows(name):
    section = SECTIONS[name](TINY)
    counted = [row for row in section.rows if not row.aside]
    assert [row.comparator for row in counted] == ROWS[name]
    assert all(row.target is not None for row in counted)
    absent = set() if comparators.quantreg() else {row for row in counted if "R quantreg" in row.comparator}
    for row in set(counted) - absent:
        assert np.isfinite(row.values).all() and row.verdict.startswith(("yes", "no, by"))
    text = page([section], ["facts"])
    assert all(f"| {row.work} | {row.comparator} |" in text for row in section.rows)


def test_rows_of_a_missing_library_say_so(monkeypatch):
    monkeypatch.setattr(comparators, "quantreg", lambda: "")
    monkeypatch.setattr(comparators, "installed", lambda package: "")
    rows = SECTIONS["mae_large"](replace(TINY, n_large=500, long_turns=1)).rows
    missing = [row for row in rows if "R quantreg" in row.comparator or "statsmodels" in row.comparator]
    assert len(missing) == 6 and all(row.verdict == "not measured" for row in missing)


def test_all_sides_solve_the_same_problem():
    X, y = speed.draw(0, (3, 60), 3)
    loss = Huber(comparators.DELTA)
    bound = speed.bounded(X, y, loss)
    names = (comparators.SCIKIT_HUBER, comparators.STATSMODELS_HUBER, comparators.SCIPY_HUBER)
    for side in comparators.sides(names, X, y, 2):
        above = speed.excess(X, y, loss, side.measure()[1], bound)
        assert len(above) == 2 and (above < 1e-6).all()
    off = Answer(np.zeros((3, 3)))
    assert (speed.excess(X, y, loss, off, bound) > 0.1).all()


def test_numpy_draws_the_samples_of_the_study():
    cell = speed._cell(TINY)
    X, y = speed.drawn(cell.scenario, cell.seed, 1, cell.block_size)
    data = cell.draw(1)[0]
    np.testing.assert_array_equal(X, data.X_clean)
    np.testing.assert_allclose(y, data.y_clean, rtol=1e-13)


def test_sides_take_turns_and_parts_are_scaled_up():
    calls = []
    first = Side("first", lambda: (calls.append("first") or 2.0, "answer"))
    second = Side("second", lambda: (calls.append("second") or 1.0, None), share=0.1)
    taken = in_turn([first, second], 2)
    assert calls == ["first", "second", "first", "second"]
    assert taken["second"].seconds == (10.0, 10.0) and taken["first"].answer == "answer"
    assert ratio(taken["second"], taken["first"]) == (5.0, 5.0) and ratio(None, taken["first"]) == ()


def test_a_measure_returns_the_middle_run():
    seconds, result = clocked(lambda: 7, repeat=3)()
    assert result == 7 and 0 <= seconds < 1


@pytest.mark.parametrize(
    ("target", "values", "verdict"),
    [
        (Target(10.0), (1.0, 10.0, 99.0), "yes"),
        (Target(10.0), (1.0, 20.0, 99.0), "no, by a factor of 2"),
        (Target(10.0, at_least=True), (1.0, 5.0, 99.0), "no, by a factor of 2"),
        (None, (1.0,), "-"),
        (Target(10.0), (), "not measured"),
    ],
)
def test_the_median_is_held_against_the_target(target, values, verdict):
    assert Row("work", "other", target, values).verdict == verdict


GROWTH = """
import numpy as np
from experiments import speed
before = speed.memory_now()
array = np.ones(4_000_000)
print((speed.memory_peak() - before) / array.nbytes)
"""


def test_memory_is_measured_from_where_it_stands():
    # in a process of its own, as in the bench: one that has freed much has memory to give without growing
    run = subprocess.run([sys.executable, "-c", GROWTH], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 0.9 < float(run.stdout) < 1.5


def test_a_part_is_printed_and_written_where_asked(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(speed, "QUICK", TINY)
    monkeypatch.setattr(speed, "REPORT", tmp_path / "SPEED.md")
    speed.main(["--quick", "--only", "study"])
    assert "a study's fits: MAE" in capsys.readouterr().out and not list(tmp_path.iterdir())
    speed.main(["--quick", "--only", "study", "--out", str(tmp_path / "part" / "some.md")])
    assert (tmp_path / "part" / "some.md").read_text() == capsys.readouterr().out[:-1]


def test_a_full_run_writes_the_report(tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "FULL", TINY)
    monkeypatch.setattr(speed, "REPORT", tmp_path / "SPEED.md")
    monkeypatch.setattr(speed, "SECTIONS", {"study": speed.study})
    speed.main([])
    text = (tmp_path / "SPEED.md").read_text()
    assert text.startswith("# Speed") and "of 2 measured targets are met" in text

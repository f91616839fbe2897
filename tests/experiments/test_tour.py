"""The lesson runs from top to bottom, without sliders, and says what is so."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from pathlib import Path

NOTEBOOK = json.loads((Path(__file__).parents[2] / "experiments" / "tour.ipynb").read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def run(cells):
    """What each cell prints and how many pictures it draws, as Jupyter would run them one after the other."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = {"__name__": "tour"}
    for cell in cells:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
        yield out.getvalue(), len(plt.get_fignums())
        plt.close("all")


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text)]


def test_it_is_committed_without_what_a_run_leaves():
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in CODE)
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])


def test_it_runs_without_sliders_and_says_what_is_so(monkeypatch):
    """One test, since the run is what takes time."""
    monkeypatch.setitem(sys.modules, "ipywidgets", None)  # as if it were not there
    texts, pictures = zip(*run(CODE), strict=True)
    assert sum(pictures) >= 8

    # the mean goes with the wrong number, the median stays
    (said,) = [text for text in texts if "median" in text]
    (mean, median), (spoilt_mean, spoilt_median) = (numbers(one) for one in said.strip().splitlines())
    assert spoilt_mean - mean > 9 and abs(spoilt_median - median) < 0.1

    # fits are proved, and the line of another loss is not
    (said,) = [text for text in texts if "certified" in text]
    assert said.count("certified: True") == 3 and numbers(said)[-1] > 0.1

    # the jumps are the published ones
    words = "".join(texts)
    assert "slope before 1.000, after -1.000; jump of a fitted value 2.000" in words
    assert "slope before 1.1571, after 1.6222" in words
    assert int(re.search(r"jumps of the green line on the way: (\d+)", words).group(1)) > 0
